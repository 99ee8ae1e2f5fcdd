//! Credentials from Secrets Manager, beside those of this machine.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::aws::client::Aws;
use crate::secret::{self, LocalSecrets, SecretError, SecretReference, SecretSource};

/// Credentials that `aws_secret` names by name or ARN; others are read from this machine.
pub struct AwsSecrets(pub Arc<Aws>);

#[async_trait]
impl SecretSource for AwsSecrets {
    async fn resolve(&self, reference: &SecretReference) -> Result<SecretString, SecretError> {
        let SecretReference::AwsSecret(id) = reference else { return LocalSecrets.resolve(reference).await };
        let answer = self.0.secrets.get_secret_value().secret_id(id).send().await;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| SecretError::Service {
            reference: secret::text_of(reference),
            source,
        };
        let value = answer.map_err(|error| failed(error.into_service_error().into()))?;
        value.secret_string.map(SecretString::from).ok_or_else(|| failed("the secret holds no text".into()))
    }
}
