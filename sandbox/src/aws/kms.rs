//! The simulated KMS: keys with their policy, rotation and life, and the aliases that point to them.
//!
//! Invariants: a key never vanishes at once, it waits for its deletion date (`PendingDeletion`) and can be saved until then,
//! coming back disabled; what a key can do depends on its state (KMS Developer Guide, "Key states of AWS KMS keys"); an alias
//! points to one key. Keys of AWS itself exist behind the aliases `alias/aws/…` and cannot be changed.

mod alias;
mod cipher;
mod key;
mod rotation;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Services, Tags, World};

/// Everything of KMS in one region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By key id.
    keys: BTreeMap<String, Key>,
    /// By alias name.
    aliases: BTreeMap<String, alias::Alias>,
}

/// One key.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Key {
    id: String,
    arn: String,
    created: Timestamp,
    description: String,
    enabled: bool,
    /// Set while the key waits for its end.
    deletion: Option<Deletion>,
    /// Of the API's type KeySpec.
    spec: String,
    /// Of the API's type KeyUsageType.
    usage: String,
    multi_region: bool,
    policy: String,
    rotation: Option<rotation::Rotation>,
    tags: Tags,
    /// A key that AWS made for one of its services.
    aws_managed: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Deletion {
    at: Timestamp,
    window_days: i32,
}

impl Key {
    fn state(&self) -> aws_sdk_kms::types::KeyState {
        use aws_sdk_kms::types::KeyState;
        match (&self.deletion, self.enabled) {
            (Some(_), _) => KeyState::PendingDeletion,
            (None, true) => KeyState::Enabled,
            (None, false) => KeyState::Disabled,
        }
    }

    /// Refuses while the key waits for its deletion.
    fn not_pending_deletion(&self) -> Answer<()> {
        match self.deletion {
            None => Ok(()),
            Some(_) => Err(invalid_state(format!("{} is pending deletion.", self.arn))),
        }
    }

    /// Refuses unless the key is enabled, with the error that cryptographic operations give.
    fn usable(&self) -> Answer<()> {
        self.not_pending_deletion()?;
        if self.enabled {
            Ok(())
        } else {
            Err(ApiError::new("DisabledException", format!("{} is disabled.", self.arn)))
        }
    }

    /// Refuses for a key that AWS manages.
    fn ours(&self) -> Answer<()> {
        if self.aws_managed {
            return Err(ApiError::new(
                "AccessDeniedException",
                format!("{} is managed by AWS and cannot be changed", self.arn),
            ));
        }
        Ok(())
    }
}

/// Whether `reference` (key id, key ARN, alias name or alias ARN) names a key that can encrypt now.
pub(crate) fn usable(world: &World, reference: &str) -> bool {
    alias::aws_service(world, reference).is_some()
        || find(world, Some(reference)).is_ok_and(|key| key.usable().is_ok())
}

/// The ARN of the key that `reference` names, whatever the key's state.
pub(crate) fn key_arn(world: &World, reference: &str) -> Option<String> {
    find(world, Some(reference)).ok().map(|key| key.arn.clone())
}

/// Adds the operations of KMS.
pub(crate) fn register(services: &mut Services) {
    key::register(services);
    rotation::register(services);
    alias::register(services);
    cipher::register(services);
}

/// Removes the keys whose date has come, with their aliases.
pub(crate) fn settle(world: &mut World) {
    let now = world.now;
    let state = &mut world.kms;
    state.keys.retain(|_, key| key.deletion.as_ref().is_none_or(|deletion| deletion.at > now));
    let keys = &state.keys;
    state.aliases.retain(|_, alias| alias.key_id.as_ref().is_none_or(|id| keys.contains_key(id)));
}

/// The id of the key that a reference names.
fn resolve(world: &World, reference: Option<&str>) -> Answer<String> {
    let reference = reference.unwrap_or_default();
    let prefix = arn(world, "");
    let name = reference.strip_prefix(&prefix).unwrap_or(reference);
    let id = if name.starts_with("alias/") {
        let alias = world.kms.aliases.get(name).ok_or_else(|| alias::missing(world, name))?;
        alias.key_id.clone().unwrap_or_default()
    } else {
        name.strip_prefix("key/").unwrap_or(name).to_owned()
    };
    if world.kms.keys.contains_key(&id) {
        Ok(id)
    } else if looks_like_a_key(&id) || id.starts_with("arn:") {
        Err(not_found(format!("Key '{}' does not exist", arn(world, &format!("key/{id}")))))
    } else {
        Err(not_found(format!("Invalid keyId '{reference}'")))
    }
}

fn looks_like_a_key(id: &str) -> bool {
    id.trim_start_matches("mrk-").chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

fn find<'a>(world: &'a World, reference: Option<&str>) -> Answer<&'a Key> {
    let id = resolve(world, reference)?;
    world.kms.keys.get(&id).ok_or_else(|| not_found(format!("Key '{id}' does not exist")))
}

fn find_mut<'a>(world: &'a mut World, reference: Option<&str>) -> Answer<&'a mut Key> {
    let id = resolve(world, reference)?;
    world.kms.keys.get_mut(&id).ok_or_else(|| not_found(format!("Key '{id}' does not exist")))
}

fn arn(world: &World, resource: &str) -> String {
    world.arn("kms", resource)
}

fn not_found(message: String) -> ApiError {
    ApiError::new("NotFoundException", message)
}

fn invalid_state(message: String) -> ApiError {
    ApiError::new("KMSInvalidStateException", message)
}

fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}
