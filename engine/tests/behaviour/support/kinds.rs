//! The kinds of resources that the cloud in memory has. They share their attributes and differ in behaviour.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use holodeck_engine::{
    Durations, Error, Explanation, FieldChange, Input, Observed, Order, Output, Reference, Resource, Verdict,
};
use serde::{Deserialize, Serialize};

use super::cloud::{Behaviour, Place, Thing};

/// The attributes of every kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    /// The ids of the things that it uses, by role.
    pub uses: BTreeMap<String, Input<String>>,
    /// Cannot change.
    pub flavour: Input<String>,
    /// Can change.
    pub size: u32,
    /// Can change; `None` is not managed.
    pub label: Option<Input<String>>,
    /// Is not shown.
    pub secret: Option<String>,
}

impl Attributes {
    /// The ids that it uses.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.uses.values().filter_map(Input::known)
    }
}

/// What every kind puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    pub id: String,
    /// Foreseen: follows from the name and the flavour.
    pub path: String,
    /// Known once it has been ready.
    pub endpoint: Option<String>,
    /// Volatile: counts the updates.
    pub revision: u64,
}

/// One kind.
pub trait Kind: Clone + Send + Sync + 'static {
    const BEHAVIOUR: Behaviour;
    const DISPOSABLE: bool = false;
    const INSEPARABLE: bool = false;
    const TIMEOUT: u64 = 3600;
}

/// A resource of the kind `K`.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Item<K> {
    pub attributes: Attributes,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Item<K> {
    fn clone(&self) -> Self {
        Self::new(self.attributes.clone())
    }
}

impl<K> Item<K> {
    pub const ID: Output<Self, String> = Output::new("id");
    pub const PATH: Output<Self, String> = Output::new("path");
    pub const REVISION: Output<Self, String> = Output::new("revision");

    pub fn new(attributes: Attributes) -> Self {
        Self { attributes, kind: PhantomData }
    }

    pub fn plain() -> Self {
        let (uses, flavour) = (BTreeMap::new(), "plain".into());
        Self::new(Attributes { uses, flavour, size: 0, label: None, secret: None })
    }

    pub fn uses(mut self, role: &str, id: Input<String>) -> Self {
        self.attributes.uses.insert(role.to_owned(), id);
        self
    }

    pub fn size(mut self, size: u32) -> Self {
        self.attributes.size = size;
        self
    }

    pub fn flavour(mut self, flavour: impl Into<Input<String>>) -> Self {
        self.attributes.flavour = flavour.into();
        self
    }

    pub fn label(mut self, label: impl Into<Input<String>>) -> Self {
        self.attributes.label = Some(label.into());
        self
    }

    pub fn secret(mut self, secret: &str) -> Self {
        self.attributes.secret = Some(secret.to_owned());
        self
    }
}

/// The id of a resource by its address, without its handle.
pub fn id_of(kind: &str, name: &str) -> Input<String> {
    let address = holodeck_engine::Address::new(kind, name);
    Input::Output(Reference { address, field: "id".into() })
}

fn observed<K: Kind>(id: String, thing: Thing) -> Observed<Item<K>> {
    let status = thing.status();
    let was_ready = status == holodeck_engine::Status::Ready || thing.revision > 1;
    let flavour = thing.attributes.flavour.to_string();
    Observed {
        outputs: Outputs {
            // A name for which what is foreseen does not come true.
            path: if thing.name == "crooked" { "/elsewhere".to_owned() } else { path(&thing.name, &flavour) },
            endpoint: was_ready.then(|| format!("https://{id}")),
            revision: thing.revision,
            id: id.clone(),
        },
        name: thing.name,
        id,
        attributes: Item::new(thing.attributes),
        status,
        uses: Vec::new(),
    }
}

fn path(name: &str, flavour: &str) -> String {
    format!("/{flavour}/{name}")
}

impl<K: Kind> Resource for Item<K> {
    const KIND: &'static str = K::BEHAVIOUR.kind;
    type Outputs = Outputs;
    type Client = Place;

    const VOLATILE: &'static [&'static str] = &["revision"];
    const SENSITIVE: &'static [&'static str] = &["secret"];
    const DISPOSABLE: bool = K::DISPOSABLE;
    const INSEPARABLE: bool = K::INSEPARABLE;

    fn durations(&self) -> Durations {
        let Behaviour { create, update, delete, .. } = K::BEHAVIOUR;
        Durations::seconds(create, update, delete, K::TIMEOUT)
    }

    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        if self.attributes.size < actual.attributes.size && K::BEHAVIOUR.kind == Database::KIND {
            return Verdict::Refuse("a database cannot shrink".into());
        }
        let immutable: &[&str] = if K::BEHAVIOUR.rewires { &["flavour"] } else { &["flavour", "uses"] };
        let order = if K::BEHAVIOUR.twins { Order::CreateFirst } else { Order::DeleteFirst };
        Verdict::replace_if_changed(changes, immutable, order)
    }

    fn foresee(&self, _client: &Place, name: &str) -> serde_json::Value {
        match self.attributes.flavour.known() {
            Some(flavour) => serde_json::json!({ "path": path(name, flavour) }),
            None => serde_json::Value::Null,
        }
    }

    async fn list(client: &Place) -> Result<Vec<Observed<Self>>, Error> {
        let things = client.cloud.list(Self::KIND, client.on.as_deref());
        Ok(things.into_iter().map(|(id, thing)| observed(id, thing)).collect())
    }

    async fn explain(_client: &Place, seen: &Observed<Self>) -> Explanation {
        let hint = Some(format!("look at {}", seen.id));
        Explanation { why: format!("{} out of steel", seen.status.why()), hint }
    }

    async fn remains(client: &Place, seen: &Observed<Self>) -> Option<Explanation> {
        client.cloud.is_left(&seen.id).then(|| "its dust settles".into())
    }

    async fn create(&self, client: &Place, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let attributes = self.attributes.clone();
        client.cloud.create(K::BEHAVIOUR, name, client.on.clone(), attributes).await?;
        Ok(None)
    }

    async fn update(
        &self,
        client: &Place,
        seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        client.cloud.update(&seen.id, &self.attributes).await?;
        Ok(None)
    }

    async fn delete(client: &Place, seen: &Observed<Self>) -> Result<(), Error> {
        client.cloud.delete(&seen.id).await
    }
}

const USUAL: Behaviour = Behaviour {
    kind: "",
    create: 2,
    update: 1,
    delete: 2,
    twins: false,
    label_at_creation: true,
    one_at_a_time: false,
    rewires: false,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $item:ident $marker:ident { $($field:ident: $value:expr),* } $({ $($constant:ident = $set:expr),* })?)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $marker;
        impl Kind for $marker {
            const BEHAVIOUR: Behaviour = Behaviour { $($field: $value,)* ..USUAL };
            $($(const $constant: bool = $set;)*)?
        }
        #[doc = stringify!($item)]
        pub type $item = Item<$marker>;
    )*};
}

kinds! {
    /// Quick, and used by most.
    Network IsNetwork { kind: "cloud.network" }
    /// Uses a network.
    Subnet IsSubnet { kind: "cloud.subnet" }
    /// Takes ten minutes, and gives access to what lives on it.
    Cluster IsCluster { kind: "cloud.cluster", create: 600, update: 300, delete: 200 }
    /// Is reached through a cluster, and comes to an end with it.
    Session IsSession { kind: "cluster.session", create: 5, update: 1 } { INSEPARABLE = true }
    /// Lives on a cluster.
    Object IsObject { kind: "cluster.object", create: 5, update: 1, delete: 1, rewires: true }
    /// Takes its label only by an update, which changes one thing at a time; cannot shrink.
    Database IsDatabase { kind: "cloud.database", create: 300, update: 60, delete: 100,
        label_at_creation: false, one_at_a_time: true }
    /// Is replaced by making the new one first.
    Template IsTemplate { kind: "cloud.template", twins: true }
    /// Uses templates and can change to use others.
    Fleet IsFleet { kind: "cloud.fleet", create: 60, update: 30, delete: 60, rewires: true }
    /// May be replaced without asking.
    Cache IsCache { kind: "cloud.cache" } { DISPOSABLE = true }
}
