//! Resource kinds with their types erased: the engine sees attributes and outputs as JSON values.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diff::FieldChange;
use crate::error::Error;
use crate::resource::{Durations, Explanation, Observed, Resource, Status, Verdict};

/// A client with its type erased; the host that a kind is registered with guarantees that it is the kind's.
pub(crate) type AnyClient = Arc<dyn Any + Send + Sync>;

/// An observed resource with its types erased.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub name: String,
    pub id: String,
    pub attributes: Value,
    pub outputs: Value,
    pub status: Status,
    pub uses: Vec<String>,
}

/// A [`Resource`] kind with its types erased.
#[async_trait]
pub(crate) trait Kind: Send + Sync {
    fn name(&self) -> &'static str;
    fn volatile(&self) -> &'static [&'static str];
    fn sensitive(&self) -> &'static [&'static str];
    fn precious(&self) -> bool;
    fn leftover(&self) -> bool;
    fn inseparable(&self) -> bool;
    fn canonical(&self, attributes: &Value) -> Result<Value, Error>;
    fn durations(&self, attributes: &Value) -> Result<Durations, Error>;
    fn judge(&self, desired: &Value, actual: &Value, changes: &[FieldChange]) -> Result<Verdict, Error>;
    fn project(&self, desired: &Value, actual: &Value) -> Result<Value, Error>;
    fn disposable(&self, actual: &Value) -> Result<bool, Error>;
    fn kept(&self, actual: &Value) -> Result<Option<String>, Error>;
    fn holds_data(&self, actual: &Value) -> Result<Option<String>, Error>;
    fn foresee(&self, client: &AnyClient, name: &str, desired: &Value) -> Result<Value, Error>;
    async fn bystanders(&self, client: &AnyClient, seen: &Seen) -> Result<Vec<String>, Error>;
    async fn list(&self, client: &AnyClient) -> Result<Vec<Seen>, Error>;
    async fn read(&self, client: &AnyClient, name: &str) -> Result<Option<Seen>, Error>;
    async fn explain(&self, client: &AnyClient, seen: &Seen) -> Result<Explanation, Error>;
    async fn remains(&self, client: &AnyClient, seen: &Seen) -> Result<Option<Explanation>, Error>;
    async fn create(&self, client: &AnyClient, name: &str, desired: &Value) -> Result<Option<Seen>, Error>;
    async fn update(
        &self,
        client: &AnyClient,
        desired: &Value,
        seen: &Seen,
        changes: &[FieldChange],
    ) -> Result<Option<Seen>, Error>;
    async fn delete(&self, client: &AnyClient, seen: &Seen) -> Result<(), Error>;
}

/// The erased form of `R`.
pub(crate) struct Erased<R>(PhantomData<fn() -> R>);

impl<R> Default for Erased<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

fn typed<T: DeserializeOwned>(what: &str, kind: &str, value: &Value) -> Result<T, Error> {
    T::deserialize(value)
        .map_err(|error| Error::bug(format!("{what} of kind `{kind}` do not fit")).with_source(error))
}

fn erased<T: Serialize>(what: &str, kind: &str, value: &T) -> Result<Value, Error> {
    serde_json::to_value(value)
        .map_err(|error| Error::bug(format!("{what} of kind `{kind}` do not serialise")).with_source(error))
}

impl<R: Resource> Erased<R> {
    fn client<'a>(&self, client: &'a AnyClient) -> Result<&'a R::Client, Error> {
        client
            .downcast_ref()
            .ok_or_else(|| Error::bug(format!("kind `{}` is registered with another host's client", R::KIND)))
    }

    fn attributes(&self, value: &Value) -> Result<R, Error> {
        typed("attributes", R::KIND, value)
    }

    fn erase(&self, observed: Observed<R>) -> Result<Seen, Error> {
        let Observed { name, id, attributes, outputs, status, uses } = observed;
        let attributes = erased("attributes", R::KIND, &attributes)?;
        let outputs = erased("outputs", R::KIND, &outputs)?;
        Ok(Seen { name, id, attributes, outputs, status, uses })
    }

    fn restore(&self, seen: &Seen) -> Result<Observed<R>, Error> {
        Ok(Observed {
            name: seen.name.clone(),
            id: seen.id.clone(),
            attributes: self.attributes(&seen.attributes)?,
            outputs: typed("outputs", R::KIND, &seen.outputs)?,
            status: seen.status.clone(),
            uses: seen.uses.clone(),
        })
    }
}

#[async_trait]
impl<R: Resource> Kind for Erased<R> {
    fn name(&self) -> &'static str {
        R::KIND
    }

    fn volatile(&self) -> &'static [&'static str] {
        R::VOLATILE
    }

    fn sensitive(&self) -> &'static [&'static str] {
        R::SENSITIVE
    }

    fn precious(&self) -> bool {
        R::PRECIOUS
    }

    fn leftover(&self) -> bool {
        R::LEFTOVER
    }

    fn inseparable(&self) -> bool {
        R::INSEPARABLE
    }

    fn canonical(&self, attributes: &Value) -> Result<Value, Error> {
        erased("attributes", R::KIND, &self.attributes(attributes)?)
    }

    fn durations(&self, attributes: &Value) -> Result<Durations, Error> {
        Ok(self.attributes(attributes)?.durations())
    }

    fn judge(&self, desired: &Value, actual: &Value, changes: &[FieldChange]) -> Result<Verdict, Error> {
        Ok(self.attributes(desired)?.judge(&self.attributes(actual)?, changes))
    }

    fn project(&self, desired: &Value, actual: &Value) -> Result<Value, Error> {
        let actual = self.attributes(desired)?.project(self.attributes(actual)?);
        erased("attributes", R::KIND, &actual)
    }

    fn disposable(&self, actual: &Value) -> Result<bool, Error> {
        Ok(self.attributes(actual)?.is_disposable())
    }

    fn kept(&self, actual: &Value) -> Result<Option<String>, Error> {
        Ok(self.attributes(actual)?.kept())
    }

    fn holds_data(&self, actual: &Value) -> Result<Option<String>, Error> {
        Ok(self.attributes(actual)?.holds_data())
    }

    fn foresee(&self, client: &AnyClient, name: &str, desired: &Value) -> Result<Value, Error> {
        Ok(self.attributes(desired)?.foresee(self.client(client)?, name))
    }

    async fn bystanders(&self, client: &AnyClient, seen: &Seen) -> Result<Vec<String>, Error> {
        R::bystanders(self.client(client)?, &self.restore(seen)?).await
    }

    async fn list(&self, client: &AnyClient) -> Result<Vec<Seen>, Error> {
        let observed = R::list(self.client(client)?).await?;
        observed.into_iter().map(|observed| self.erase(observed)).collect()
    }

    async fn read(&self, client: &AnyClient, name: &str) -> Result<Option<Seen>, Error> {
        let observed = R::read(self.client(client)?, name).await?;
        observed.map(|observed| self.erase(observed)).transpose()
    }

    async fn explain(&self, client: &AnyClient, seen: &Seen) -> Result<Explanation, Error> {
        Ok(R::explain(self.client(client)?, &self.restore(seen)?).await)
    }

    async fn remains(&self, client: &AnyClient, seen: &Seen) -> Result<Option<Explanation>, Error> {
        Ok(R::remains(self.client(client)?, &self.restore(seen)?).await)
    }

    async fn create(&self, client: &AnyClient, name: &str, desired: &Value) -> Result<Option<Seen>, Error> {
        let observed = self.attributes(desired)?.create(self.client(client)?, name).await?;
        observed.map(|observed| self.erase(observed)).transpose()
    }

    async fn update(
        &self,
        client: &AnyClient,
        desired: &Value,
        seen: &Seen,
        changes: &[FieldChange],
    ) -> Result<Option<Seen>, Error> {
        let seen = self.restore(seen)?;
        let observed = self.attributes(desired)?.update(self.client(client)?, &seen, changes).await?;
        observed.map(|observed| self.erase(observed)).transpose()
    }

    async fn delete(&self, client: &AnyClient, seen: &Seen) -> Result<(), Error> {
        R::delete(self.client(client)?, &self.restore(seen)?).await
    }
}
