//! Versions of one secret in Secrets Manager
//! (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version>).
//!
//! What is kept has a version with its identifier, and a staging label of its own, since AWS drops versions without any.

use std::collections::HashMap;
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
/// The version that proves that one can be written, and its label. Written again it stays what it is.
const PROOF: &str = "proof-that-a-version-can-be-written";
/// How many labels the versions of a secret may have together
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).
const LABELS: usize = 20;
/// How many labels come with what is kept: its own, and that of the version which was current before.
const LABELS_OF_ONE: usize = 2;

/// The versions of a secret, which exists.
pub struct SecretVersions {
    /// The account.
    pub aws: Arc<Aws>,
    /// The secret's full name.
    pub secret: String,
}

impl SecretVersions {
    /// The labels of all versions that have any, by the versions' identifiers.
    async fn versions(&self) -> Result<HashMap<String, Vec<String>>, Error> {
        let described = self.aws.secrets.describe_secret().secret_id(&self.secret).send().await;
        Ok(described.answer("DescribeSecret")?.version_ids_to_stages.unwrap_or_default())
    }

    async fn put(&self, id: &str, text: &str, labels: &[String]) -> Result<(), Error> {
        let request = self.aws.secrets.put_secret_value().secret_id(&self.secret);
        let request = request.client_request_token(id).secret_string(text);
        let put = request.set_version_stages(Some(labels.to_vec())).send().await;
        put.answer("PutSecretValue").map(drop)
    }
}

#[async_trait]
impl SafePlace for SecretVersions {
    fn identity(&self) -> String {
        format!("secret `{}` of account {}", self.secret, self.aws.account)
    }

    async fn prepare(&self) -> Result<(), Error> {
        self.put(PROOF, "no secret", &[PROOF.to_owned()]).await?;
        let labels: usize = self.versions().await?.values().map(Vec::len).sum();
        if labels + LABELS_OF_ONE <= LABELS {
            return Ok(());
        }
        let full =
            format!("secret `{}` has {labels} staging labels, of {LABELS} that it may have", self.secret);
        Err(Error::new(Class::Refused, full).with_hint(format!(
            "take the label `{KEPT}…` from versions with keys of Vaults that are gone: \
             `aws secretsmanager update-secret-version-stage --secret-id {} --version-stage {KEPT}ID \
             --remove-from-version-id ID`",
            self.secret
        )))
    }

    async fn keep(&self, id: &str, secret: &SecretString) -> Result<(), Error> {
        self.put(id, secret.expose_secret(), &[CURRENT.to_owned(), format!("{KEPT}{id}")]).await
    }

    async fn holds(&self, id: &str) -> Result<bool, Error> {
        Ok(self.versions().await?.contains_key(id))
    }

    async fn read(&self, id: &str) -> Result<SecretString, Error> {
        let request = self.aws.secrets.get_secret_value().secret_id(&self.secret).version_id(id);
        let answer = request.send().await.answer("GetSecretValue")?;
        answer.secret_string.map(SecretString::from).given("the text of a secret").map_err(|error| {
            Error::new(Class::Failed, format!("reading secret `{}`", self.secret)).with_source(error)
        })
    }
}
