//! Versions of one secret in Secrets Manager
//! (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version>).
//!
//! What is kept has a version with its identifier, and a staging label of its own, since AWS drops versions without any.

use std::sync::Arc;

use async_trait::async_trait;
use holodeck_engine::{Class, Error};
use secrecy::{ExposeSecret, SecretString};

use crate::aws::answer::{Answer, Given};
use crate::aws::client::Aws;
use crate::safe_place::SafePlace;

/// The label of the version that is read unless another one is asked for.
const CURRENT: &str = "AWSCURRENT";
/// What the label of a version begins with that is kept here.
const KEPT: &str = "kept-";

/// The versions of a secret, which exists.
pub struct SecretVersions {
    /// The account.
    pub aws: Arc<Aws>,
    /// The secret's full name.
    pub secret: String,
}

impl SecretVersions {
    /// The identifiers of all versions that have a label.
    async fn versions(&self) -> Result<Vec<String>, Error> {
        let described = self.aws.secrets.describe_secret().secret_id(&self.secret).send().await;
        let versions = described.answer("DescribeSecret")?.version_ids_to_stages.unwrap_or_default();
        Ok(versions.into_keys().collect())
    }
}

#[async_trait]
impl SafePlace for SecretVersions {
    async fn prepare(&self) -> Result<(), Error> {
        self.versions().await.map(drop)
    }

    async fn keep(&self, id: &str, secret: &SecretString) -> Result<(), Error> {
        let request = self.aws.secrets.put_secret_value().secret_id(&self.secret);
        let request = request.client_request_token(id).secret_string(secret.expose_secret());
        let put = request.version_stages(CURRENT).version_stages(format!("{KEPT}{id}")).send().await;
        put.answer("PutSecretValue").map(drop)
    }

    async fn holds(&self, id: &str) -> Result<bool, Error> {
        Ok(self.versions().await?.iter().any(|version| version == id))
    }

    async fn read(&self, id: &str) -> Result<SecretString, Error> {
        let request = self.aws.secrets.get_secret_value().secret_id(&self.secret).version_id(id);
        let answer = request.send().await.answer("GetSecretValue")?;
        answer.secret_string.map(SecretString::from).given("the text of a secret").map_err(|error| {
            Error::new(Class::Failed, format!("reading secret `{}`", self.secret)).with_source(error)
        })
    }
}
