//! Automatic rotation of key material: off on a new key, otherwise with a period of 90 to 2560 days.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use aws_sdk_kms::operation::disable_key_rotation::{DisableKeyRotationInput, DisableKeyRotationOutput};
use aws_sdk_kms::operation::enable_key_rotation::{EnableKeyRotationInput, EnableKeyRotationOutput};
use aws_sdk_kms::operation::get_key_rotation_status::{
    GetKeyRotationStatusInput, GetKeyRotationStatusOutput,
};
use aws_sdk_kms::types::KeySpec;

use super::{Key, find, find_mut, validation};
use crate::aws::{Answer, ApiError, Services, World, date_time};

const DEFAULT_PERIOD_DAYS: i32 = 365;

/// When and how often the material of a key changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rotation {
    period_days: i32,
    since: Timestamp,
}

pub(super) fn register(services: &mut Services) {
    services.on(enable).on(disable).on(status);
}

fn rotatable(key: &Key) -> Answer<()> {
    key.ours()?;
    key.usable()?;
    if key.spec == KeySpec::SymmetricDefault.as_str() {
        return Ok(());
    }
    Err(ApiError::new("UnsupportedOperationException", format!("{} does not rotate automatically.", key.arn)))
}

fn enable(world: &mut World, input: &EnableKeyRotationInput) -> Answer<EnableKeyRotationOutput> {
    if let Some(days) = input.rotation_period_in_days()
        && !(90..=2560).contains(&days)
    {
        return Err(validation(format!(
            "Value '{days}' at 'rotationPeriodInDays' must be between 90 and 2560"
        )));
    }
    let since = world.now;
    let key = find_mut(world, input.key_id())?;
    rotatable(key)?;
    let kept = key.rotation.as_ref().map(|rotation| rotation.period_days);
    let period_days = input.rotation_period_in_days().or(kept).unwrap_or(DEFAULT_PERIOD_DAYS);
    key.rotation = Some(Rotation { period_days, since });
    Ok(EnableKeyRotationOutput::builder().build())
}

fn disable(world: &mut World, input: &DisableKeyRotationInput) -> Answer<DisableKeyRotationOutput> {
    let key = find_mut(world, input.key_id())?;
    rotatable(key)?;
    key.rotation = None;
    Ok(DisableKeyRotationOutput::builder().build())
}

fn status(world: &mut World, input: &GetKeyRotationStatusInput) -> Answer<GetKeyRotationStatusOutput> {
    let key = find(world, input.key_id())?;
    key.not_pending_deletion()?;
    let next = key.rotation.as_ref().map(|rotation| {
        date_time(rotation.since + SignedDuration::from_hours(24 * i64::from(rotation.period_days)))
    });
    Ok(GetKeyRotationStatusOutput::builder()
        .key_rotation_enabled(key.rotation.is_some())
        .key_id(&key.arn)
        .set_rotation_period_in_days(key.rotation.as_ref().map(|rotation| rotation.period_days))
        .set_next_rotation_date(next)
        .build())
}
