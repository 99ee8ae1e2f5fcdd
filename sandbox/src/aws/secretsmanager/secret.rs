//! Secrets: their life and tags.

use jiff::SignedDuration;

use aws_sdk_secretsmanager::operation::create_secret::{CreateSecretInput, CreateSecretOutput};
use aws_sdk_secretsmanager::operation::delete_secret::{DeleteSecretInput, DeleteSecretOutput};
use aws_sdk_secretsmanager::operation::restore_secret::{RestoreSecretInput, RestoreSecretOutput};
use aws_sdk_secretsmanager::operation::tag_resource::{TagResourceInput, TagResourceOutput};
use aws_sdk_secretsmanager::operation::untag_resource::{UntagResourceInput, UntagResourceOutput};
use aws_sdk_secretsmanager::operation::update_secret::{UpdateSecretInput, UpdateSecretOutput};
use aws_sdk_secretsmanager::types::Tag;

use super::{
    CURRENT, Deletion, Secret, Value, Version, arn_suffix, find_mut, invalid_parameter, invalid_request,
    value,
};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time, kms};

pub(super) fn register(services: &mut Services) {
    services.on(create).on(update).on(delete).on(restore).on(tag).on(untag);
}

/// A secret without a value.
pub(super) fn new(world: &mut World, name: &str) -> Secret {
    let suffix = arn_suffix(name, &world.uuid());
    let now = world.now;
    Secret {
        name: name.to_owned(),
        arn: world.arn("secretsmanager", &format!("secret:{name}-{suffix}")),
        description: None,
        kms_key: None,
        created: now,
        changed: now,
        deletion: None,
        tags: Tags::new(),
        versions: Default::default(),
        owner: None,
    }
}

fn check_key(world: &World, key: Option<&str>) -> Answer<()> {
    let unknown = key.filter(|key| !kms::usable(world, key));
    match unknown {
        None => Ok(()),
        Some(key) => Err(ApiError::new(
            "EncryptionFailure",
            format!(
                "Secrets Manager can't encrypt the protected secret text using the provided KMS key {key}."
            ),
        )),
    }
}

fn tags_in(tags: &[Tag]) -> Answer<Tags> {
    let mut kept = Tags::new();
    for tag in tags {
        let key = tag.key().unwrap_or_default();
        if key.is_empty() || key.starts_with("aws:") {
            return Err(invalid_parameter("Tag keys must not be empty or begin with aws:"));
        }
        if kept.insert(key.to_owned(), tag.value().unwrap_or_default().to_owned()).is_some() {
            return Err(invalid_parameter("Tag keys must be unique"));
        }
    }
    Ok(kept)
}

fn create(world: &mut World, input: &CreateSecretInput) -> Answer<CreateSecretOutput> {
    let name = input.name().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
        return Err(ApiError::new(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    let given = Value::given(input.secret_string(), input.secret_binary())?;
    if let Some(existing) = world.secretsmanager.secrets.get(name) {
        if existing.deletion.is_some() {
            return Err(invalid_request(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        let made_by =
            input.client_request_token().and_then(|token| Some((token, existing.versions.get(token)?)));
        return match made_by {
            Some((token, version)) if Some(&version.value) == given.as_ref() => {
                Ok(CreateSecretOutput::builder().arn(&existing.arn).name(name).version_id(token).build())
            }
            _ => Err(ApiError::new(
                "ResourceExistsException",
                format!("The operation failed because the secret {name} already exists."),
            )),
        };
    }
    check_key(world, input.kms_key_id())?;
    let mut secret = new(world, name);
    secret.description = input.description.clone();
    secret.kms_key = input.kms_key_id.clone();
    secret.tags = tags_in(input.tags())?;
    let version = match given {
        None => None,
        Some(value) => {
            let id = value::version_id(world, input.client_request_token())?;
            let version = Version { value, stages: [CURRENT.to_owned()].into(), created: secret.created };
            secret.versions.insert(id.clone(), version);
            Some(id)
        }
    };
    let output = CreateSecretOutput::builder().arn(&secret.arn).name(name).set_version_id(version).build();
    world.secretsmanager.secrets.insert(name.to_owned(), secret);
    Ok(output)
}

fn update(world: &mut World, input: &UpdateSecretInput) -> Answer<UpdateSecretOutput> {
    let given = Value::given(input.secret_string(), input.secret_binary())?;
    find_mut(world, input.secret_id())?.not_deleted()?;
    check_key(world, input.kms_key_id())?;
    let version = match given {
        None => None,
        Some(value) => {
            let id = value::version_id(world, input.client_request_token())?;
            value::put(world, input.secret_id(), &id, value, &[CURRENT.to_owned()])?;
            Some(id)
        }
    };
    let now = world.now;
    let secret = find_mut(world, input.secret_id())?;
    if let Some(description) = input.description() {
        secret.description = Some(description.to_owned());
    }
    if let Some(key) = input.kms_key_id() {
        secret.kms_key = Some(key.to_owned());
    }
    secret.changed = now;
    Ok(UpdateSecretOutput::builder().arn(&secret.arn).name(&secret.name).set_version_id(version).build())
}

fn delete(world: &mut World, input: &DeleteSecretInput) -> Answer<DeleteSecretOutput> {
    let force = input.force_delete_without_recovery().unwrap_or(false);
    if force && input.recovery_window_in_days().is_some() {
        return Err(invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let days = input.recovery_window_in_days().unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(invalid_parameter(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        ));
    }
    let now = world.now;
    let secret = match find_mut(world, input.secret_id()) {
        // A forced deletion of what is not there succeeds (API Reference, DeleteSecret).
        Err(_) if force => {
            let name = input.secret_id().unwrap_or_default();
            return Ok(DeleteSecretOutput::builder().name(name).deletion_date(date_time(now)).build());
        }
        other => other?,
    };
    if secret.owner.is_some() {
        return Err(invalid_request("You can't delete a secret that is managed by another service."));
    }
    let at = if force { now } else { now + SignedDuration::from_hours(24 * days) };
    let output = DeleteSecretOutput::builder()
        .arn(&secret.arn)
        .name(&secret.name)
        .deletion_date(date_time(at))
        .build();
    if force {
        let name = secret.name.clone();
        world.secretsmanager.secrets.remove(&name);
    } else {
        secret.not_deleted()?;
        secret.deletion = Some(Deletion { asked: now, at });
    }
    Ok(output)
}

fn restore(world: &mut World, input: &RestoreSecretInput) -> Answer<RestoreSecretOutput> {
    let secret = find_mut(world, input.secret_id())?;
    secret.deletion = None;
    Ok(RestoreSecretOutput::builder().arn(&secret.arn).name(&secret.name).build())
}

fn tag(world: &mut World, input: &TagResourceInput) -> Answer<TagResourceOutput> {
    let tags = tags_in(input.tags())?;
    let secret = find_mut(world, input.secret_id())?;
    secret.not_deleted()?;
    secret.tags.extend(tags);
    Ok(TagResourceOutput::builder().build())
}

fn untag(world: &mut World, input: &UntagResourceInput) -> Answer<UntagResourceOutput> {
    let secret = find_mut(world, input.secret_id())?;
    secret.not_deleted()?;
    secret.tags.retain(|key, _| !input.tag_keys().contains(key));
    Ok(UntagResourceOutput::builder().build())
}
