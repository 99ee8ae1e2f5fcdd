//! Values: the versions of a secret and the staging labels that move from one to the next.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueInput, GetSecretValueOutput};
use aws_sdk_secretsmanager::operation::put_secret_value::{PutSecretValueInput, PutSecretValueOutput};

use super::{CURRENT, PREVIOUS, Value, Version, find_mut, invalid_parameter, invalid_request};
use crate::aws::{Answer, ApiError, Services, World};

// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
/// How many labels the versions of a secret have together.
const LABELS: usize = 20;
/// How many versions a secret keeps, beside those of the last day.
const VERSIONS: usize = 100;
/// How long a version stays in any case.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn register(services: &mut Services) {
    services.on(put_value).on(get_value);
}

/// The id of a new version: the request's token, which must have 32 to 64 characters.
pub(super) fn version_id(world: &mut World, token: Option<&str>) -> Answer<String> {
    match token {
        None => Ok(world.uuid()),
        Some(token) if (32..=64).contains(&token.len()) => Ok(token.to_owned()),
        Some(_) => Err(invalid_parameter("ClientRequestToken must have 32 to 64 characters")),
    }
}

/// Stores a value as the version `id` and moves the labels to it. A version left without a label stays for a while, so that
/// its token is still known.
pub(super) fn put(
    world: &mut World,
    secret: Option<&str>,
    id: &str,
    value: Value,
    stages: &[String],
) -> Answer<()> {
    let now = world.now;
    let secret = find_mut(world, secret)?;
    secret.not_deleted()?;
    if let Some(existing) = secret.versions.get(id) {
        if existing.value == value {
            return Ok(());
        }
        return Err(ApiError::new(
            "ResourceExistsException",
            "You can't use ClientRequestToken for another value: the version exists and versions do not change.",
        ));
    }
    let mut stages: BTreeSet<String> = stages.iter().cloned().collect();
    let current = |(_, version): &(&String, &Version)| version.stages.contains(CURRENT);
    let before = secret.versions.iter().find(current).map(|(id, _)| id.clone());
    if before.is_none() {
        stages.insert(CURRENT.to_owned());
    }
    let replaces_current = stages.contains(CURRENT);
    let mut versions = secret.versions.clone();
    for (other, version) in &mut versions {
        version.stages.retain(|stage| !(stages.contains(stage) || replaces_current && stage == PREVIOUS));
        if replaces_current && Some(other) == before.as_ref() {
            version.stages.insert(PREVIOUS.to_owned());
        }
    }
    versions.insert(id.to_owned(), Version { value, stages, created: now });
    if versions.values().map(|version| version.stages.len()).sum::<usize>() > LABELS {
        let message =
            format!("A secret can't have more than {LABELS} staging labels across all its versions.");
        return Err(ApiError::new("LimitExceededException", message));
    }
    remove_outdated(&mut versions, now);
    secret.versions = versions;
    secret.changed = now;
    Ok(())
}

/// Drops the oldest versions without a label while there are too many, but none of the last day.
fn remove_outdated(versions: &mut BTreeMap<String, Version>, now: Timestamp) {
    let mut outdated: Vec<(Timestamp, String)> = versions
        .iter()
        .filter(|(_, version)| version.stages.is_empty() && version.created + KEPT <= now)
        .map(|(id, version)| (version.created, id.clone()))
        .collect();
    outdated.sort();
    for (_, id) in outdated.into_iter().take(versions.len().saturating_sub(VERSIONS)) {
        versions.remove(&id);
    }
}

/// The labels of a request: 1 to 20 of 1 to 256 characters; without any, the version becomes the current one.
fn stages_in(given: &[String]) -> Answer<Vec<String>> {
    if given.len() > LABELS || given.iter().any(|stage| !(1..=256).contains(&stage.chars().count())) {
        return Err(ApiError::new(
            "ValidationException",
            "VersionStages must have 1 to 20 labels of 1 to 256 characters",
        ));
    }
    Ok(if given.is_empty() { vec![CURRENT.to_owned()] } else { given.to_vec() })
}

fn put_value(world: &mut World, input: &PutSecretValueInput) -> Answer<PutSecretValueOutput> {
    let Some(value) = Value::given(input.secret_string(), input.secret_binary())? else {
        return Err(invalid_parameter("You must provide either SecretString or SecretBinary."));
    };
    let id = version_id(world, input.client_request_token())?;
    let stages = stages_in(input.version_stages())?;
    put(world, input.secret_id(), &id, value, &stages)?;
    let secret = find_mut(world, input.secret_id())?;
    let stages = secret.versions.get(&id).map(|version| version.stages.iter().cloned().collect());
    Ok(PutSecretValueOutput::builder()
        .arn(&secret.arn)
        .name(&secret.name)
        .version_id(id)
        .set_version_stages(stages)
        .build())
}

fn get_value(world: &mut World, input: &GetSecretValueInput) -> Answer<GetSecretValueOutput> {
    let secret = find_mut(world, input.secret_id())?;
    secret.not_deleted()?;
    let stage = match (input.version_stage(), input.version_id()) {
        (None, None) => Some(CURRENT),
        (stage, _) => stage,
    };
    if let (Some(stage), Some(version)) =
        (stage, input.version_id().and_then(|wanted| secret.versions.get(wanted)))
        && !version.stages.contains(stage)
    {
        return Err(invalid_request(
            "You provided a VersionStage that is not associated to the provided VersionId.",
        ));
    }
    let found = secret.versions.iter().find(|(id, version)| {
        input.version_id().is_none_or(|wanted| wanted == id.as_str())
            && stage.is_none_or(|stage| version.stages.contains(stage))
    });
    let Some((id, version)) = found else {
        let wanted = stage.map(|stage| format!("staging label: {stage}"));
        let wanted =
            wanted.unwrap_or_else(|| format!("VersionId: {}", input.version_id().unwrap_or_default()));
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {wanted}"),
        ));
    };
    Ok(GetSecretValueOutput::builder()
        .arn(&secret.arn)
        .name(&secret.name)
        .version_id(id)
        .set_secret_string(version.value.text())
        .set_secret_binary(version.value.binary())
        .set_version_stages(Some(version.stages.iter().cloned().collect()))
        .created_date(crate::aws::date_time(version.created))
        .build())
}
