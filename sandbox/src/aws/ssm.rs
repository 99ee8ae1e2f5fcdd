//! The simulated Systems Manager Parameter Store: parameters of the account and the public ones that AWS publishes.
//!
//! Invariants: without `Overwrite` a name is created by one request only, which makes it fit for a lock; each overwrite counts the
//! version up; the value of a SecureString is readable only with decryption and a usable key. Public parameters (names below
//! `/aws/service/`) can be read, not written. Rules: Systems Manager API Reference.

mod public;
mod query;
mod tag;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use aws_sdk_ssm::operation::delete_parameter::{DeleteParameterInput, DeleteParameterOutput};
use aws_sdk_ssm::operation::put_parameter::{PutParameterInput, PutParameterOutput};
use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::{Answer, ApiError, Services, Tags, World, kms};

pub(crate) use public::value as public_value;

/// The key that encrypts a SecureString unless another one is named.
const DEFAULT_KEY: &str = "alias/aws/ssm";
/// Versions of a parameter that are kept.
const MOST_VERSIONS: usize = 100;

/// Everything of the Parameter Store in one region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By name.
    parameters: BTreeMap<String, Parameter>,
}

/// One parameter.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Parameter {
    name: String,
    /// Of the API's type ParameterType.
    kind: String,
    description: Option<String>,
    /// Of a SecureString.
    key: Option<String>,
    /// Of the API's type ParameterTier.
    tier: String,
    data_type: String,
    tags: Tags,
    /// The versions that are kept, by number.
    versions: BTreeMap<i64, Version>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Version {
    value: String,
    modified: Timestamp,
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version").field("modified", &self.modified).finish_non_exhaustive()
    }
}

/// Adds the operations of the Parameter Store.
pub(crate) fn register(services: &mut Services) {
    services.on(put).on(delete);
    query::register(services);
    tag::register(services);
}

fn arn(world: &World, name: &str) -> String {
    let slash = if name.starts_with('/') { "" } else { "/" };
    world.arn("ssm", &format!("parameter{slash}{name}"))
}

fn not_found(name: &str) -> ApiError {
    ApiError::new("ParameterNotFound", format!("Parameter {name} not found."))
}

fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

/// Systems Manager User Guide, "About requirements and constraints for parameter names".
fn check_name(name: &str) -> Answer<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let first = name.trim_start_matches('/').to_lowercase();
    if ["aws", "ssm"].iter().any(|reserved| first.starts_with(reserved)) {
        return Err(validation(format!(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive): {name}"
        )));
    }
    let levels = name.trim_start_matches('/').split('/').count();
    if name.contains('/') && !name.starts_with('/') {
        return Err(validation(format!("Parameter name must be a fully qualified name: {name}")));
    }
    if first.is_empty() || name.len() > 1011 || levels > 15 || !name.chars().all(allowed) {
        return Err(validation(format!("Parameter name is not valid: {name}")));
    }
    Ok(())
}

/// The key for a SecureString, which must be able to encrypt.
fn check_key(world: &World, given: Option<&str>) -> Answer<String> {
    let key = given.unwrap_or(DEFAULT_KEY);
    if kms::usable(world, key) {
        Ok(key.to_owned())
    } else {
        Err(ApiError::new("InvalidKeyId", format!("The key {key} does not exist or cannot be used")))
    }
}

fn put(world: &mut World, input: &PutParameterInput) -> Answer<PutParameterOutput> {
    let name = input.name().unwrap_or_default();
    check_name(name)?;
    let overwrite = input.overwrite().unwrap_or(false);
    let tags = tag::tags_in(input.tags())?;
    if overwrite && !tags.is_empty() {
        return Err(validation("Invalid request: tags and overwrite can't be used together."));
    }
    if input.allowed_pattern().is_some() || input.policies().is_some() {
        return Err(validation("allowed patterns and parameter policies are not simulated"));
    }
    let existing = world.ssm.parameters.get(name);
    if existing.is_some() && !overwrite {
        return Err(ApiError::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let kind =
        input.r#type().map(ParameterType::as_str).or(existing.map(|parameter| parameter.kind.as_str()));
    let Some(kind) = kind.map(str::to_owned) else {
        return Err(validation("A parameter type is required when you create a parameter."));
    };
    let tier = input.tier().cloned().unwrap_or(ParameterTier::Standard);
    let value = input.value().unwrap_or_default();
    let longest = if tier == ParameterTier::Standard { 4096 } else { 8192 };
    if value.is_empty() || value.len() > longest {
        return Err(validation(format!("A value of tier {tier} has 1 to {longest} characters.")));
    }
    let secure = kind == ParameterType::SecureString.as_str();
    let kept_key = existing.and_then(|parameter| parameter.key.as_deref());
    let key = if secure { Some(check_key(world, input.key_id().or(kept_key))?) } else { None };
    let version = Version { value: value.to_owned(), modified: world.now };
    let parameter = world.ssm.parameters.entry(name.to_owned()).or_insert_with(|| Parameter {
        name: name.to_owned(),
        kind: kind.clone(),
        description: None,
        key: None,
        tier: String::new(),
        data_type: "text".to_owned(),
        tags,
        versions: BTreeMap::new(),
    });
    parameter.kind = kind;
    parameter.key = key;
    parameter.tier = tier.as_str().to_owned();
    if let Some(description) = input.description() {
        parameter.description = Some(description.to_owned());
    }
    if let Some(data_type) = input.data_type() {
        parameter.data_type = data_type.to_owned();
    }
    let number = parameter.versions.last_key_value().map_or(1, |(number, _)| number + 1);
    parameter.versions.insert(number, version);
    if parameter.versions.len() > MOST_VERSIONS {
        parameter.versions.pop_first();
    }
    Ok(PutParameterOutput::builder().version(number).tier(tier).build())
}

fn delete(world: &mut World, input: &DeleteParameterInput) -> Answer<DeleteParameterOutput> {
    let name = input.name().unwrap_or_default();
    world.ssm.parameters.remove(name).ok_or_else(|| not_found(name))?;
    Ok(DeleteParameterOutput::builder().build())
}

/// What a reader of a SecureString sees without decryption: opaque, other for each value.
fn sealed(value: &str) -> String {
    use sha2::Digest;
    STANDARD.encode(sha2::Sha256::digest(value.as_bytes()))
}
