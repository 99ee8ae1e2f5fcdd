//! The simulated Secrets Manager: secrets, the versions of their values and the staging labels on these.
//!
//! Invariants: one version carries `AWSCURRENT`, the one before it `AWSPREVIOUS`; a request token is the id of the version that it
//! made, so the same token with the same value changes nothing, even once that version has lost its labels; a secret scheduled for deletion keeps its name and gives away
//! no value until it is restored or its window ends. Rules: Secrets Manager API Reference.
//! Values are stored in the clear with the rest of the world, whose file only its owner can read.

mod lookup;
mod secret;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use aws_sdk_secretsmanager::primitives::Blob;

use super::{Answer, ApiError, Services, Tags, World};

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Everything of Secrets Manager in one region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By name.
    secrets: BTreeMap<String, Secret>,
}

/// One secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Secret {
    name: String,
    arn: String,
    description: Option<String>,
    kms_key: Option<String>,
    created: Timestamp,
    changed: Timestamp,
    /// When the deletion was asked for and when it takes place.
    deletion: Option<Deletion>,
    tags: Tags,
    /// By version id.
    versions: BTreeMap<String, Version>,
    /// The service that made the secret and manages it, such as `rds`.
    owner: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Deletion {
    asked: Timestamp,
    at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Version {
    value: Value,
    stages: BTreeSet<String>,
    created: Timestamp,
}

/// A value as it was given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Value {
    Text(String),
    /// In base64.
    Binary(String),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(…)")
    }
}

impl Value {
    /// The value of a request, if it has one; not two.
    fn given(text: Option<&str>, binary: Option<&Blob>) -> Answer<Option<Self>> {
        match (text, binary) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some(Self::Text(text.to_owned()))),
            (None, Some(binary)) => Ok(Some(Self::Binary(STANDARD.encode(binary)))),
            (Some(_), Some(_)) => {
                Err(invalid_parameter("You can't specify both SecretString and SecretBinary."))
            }
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Binary(_) => None,
        }
    }

    fn binary(&self) -> Option<Blob> {
        match self {
            Self::Text(_) => None,
            Self::Binary(encoded) => STANDARD.decode(encoded).ok().map(Blob::new),
        }
    }
}

impl Secret {
    /// Refuses while the secret is scheduled for deletion.
    fn not_deleted(&self) -> Answer<()> {
        match self.deletion {
            None => Ok(()),
            Some(_) => Err(invalid_request(
                "You can't perform this operation on the secret because it was marked for deletion.",
            )),
        }
    }
}

/// Adds the operations of Secrets Manager.
pub(crate) fn register(services: &mut Services) {
    secret::register(services);
    value::register(services);
    lookup::register(services);
}

/// Removes the secrets whose deletion is due.
pub(crate) fn settle(world: &mut World) {
    let now = world.now;
    world
        .secretsmanager
        .secrets
        .retain(|_, secret| secret.deletion.as_ref().is_none_or(|deletion| deletion.at > now));
}

/// Makes a secret on behalf of another service, which owns it; returns its ARN.
pub(crate) fn create_owned(
    world: &mut World,
    owner: &str,
    name: &str,
    value: String,
    kms_key: Option<String>,
) -> String {
    let mut secret = secret::new(world, name);
    secret.owner = Some(owner.to_owned());
    secret.kms_key = kms_key;
    secret.tags.insert("aws:secretsmanager:owningService".to_owned(), owner.to_owned());
    let version =
        Version { value: Value::Text(value), stages: [CURRENT.to_owned()].into(), created: world.now };
    secret.versions.insert(world.uuid(), version);
    let arn = secret.arn.clone();
    world.secretsmanager.secrets.insert(name.to_owned(), secret);
    arn
}

/// Removes a secret of another service at once.
pub(crate) fn delete_owned(world: &mut World, arn: &str) {
    world.secretsmanager.secrets.retain(|_, secret| secret.arn != arn);
}

/// Secrets are named by their name, their ARN or their ARN without the six characters at its end.
fn find_mut<'a>(world: &'a mut World, id: Option<&str>) -> Answer<&'a mut Secret> {
    let id = id.unwrap_or_default();
    let named =
        |secret: &Secret| secret.name == id || secret.arn == id || partial_arn(&secret.arn) == Some(id);
    let found = world.secretsmanager.secrets.values_mut().find(|secret| named(secret));
    found.ok_or_else(|| {
        ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    })
}

fn partial_arn(arn: &str) -> Option<&str> {
    arn.rsplit_once('-').map(|(start, _)| start)
}

/// The six characters that an ARN ends in, so that a secret made again under its old name has another ARN.
fn arn_suffix(name: &str, unique: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let digest = Sha256::digest(format!("{name}/{unique}").as_bytes());
    digest.iter().take(6).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

fn invalid_request(message: &str) -> ApiError {
    ApiError::new("InvalidRequestException", message)
}

fn invalid_parameter(message: &str) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}
