//! The simulated CloudWatch Logs: log groups with their retention, key and tags; no log events.
//!
//! Invariants: names are unique in a region; the retention is one of the periods that the service offers; a group that was
//! deleted leaves no tag behind, and a service that writes to it makes it again without tags or retention.
//! Rules: CloudWatch Logs API Reference.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use aws_sdk_cloudwatchlogs::operation::associate_kms_key::{AssociateKmsKeyInput, AssociateKmsKeyOutput};
use aws_sdk_cloudwatchlogs::operation::create_log_group::{CreateLogGroupInput, CreateLogGroupOutput};
use aws_sdk_cloudwatchlogs::operation::delete_log_group::{DeleteLogGroupInput, DeleteLogGroupOutput};
use aws_sdk_cloudwatchlogs::operation::delete_retention_policy::{
    DeleteRetentionPolicyInput, DeleteRetentionPolicyOutput,
};
use aws_sdk_cloudwatchlogs::operation::describe_log_groups::{
    DescribeLogGroupsInput, DescribeLogGroupsOutput,
};
use aws_sdk_cloudwatchlogs::operation::disassociate_kms_key::{
    DisassociateKmsKeyInput, DisassociateKmsKeyOutput,
};
use aws_sdk_cloudwatchlogs::operation::list_tags_for_resource::{
    ListTagsForResourceInput, ListTagsForResourceOutput,
};
use aws_sdk_cloudwatchlogs::operation::put_retention_policy::{
    PutRetentionPolicyInput, PutRetentionPolicyOutput,
};
use aws_sdk_cloudwatchlogs::operation::tag_resource::{TagResourceInput, TagResourceOutput};
use aws_sdk_cloudwatchlogs::operation::untag_resource::{UntagResourceInput, UntagResourceOutput};
use aws_sdk_cloudwatchlogs::types::{LogGroup as Shown, LogGroupClass};

use super::paging::page;
use super::{Answer, ApiError, Services, Tags, World, kms};

/// Days for which events can be kept.
const RETENTION_DAYS: &[i32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/// Everything of CloudWatch Logs in one region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By name.
    groups: BTreeMap<String, LogGroup>,
}

/// One log group.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LogGroup {
    created: Timestamp,
    /// None: kept for ever.
    retention_days: Option<i32>,
    /// ARN of the key.
    kms_key: Option<String>,
    /// Of the API's type LogGroupClass.
    class: String,
    protected: bool,
    tags: Tags,
}

impl LogGroup {
    fn new(created: Timestamp) -> Self {
        Self {
            created,
            retention_days: None,
            kms_key: None,
            class: LogGroupClass::Standard.as_str().to_owned(),
            protected: false,
            tags: Tags::new(),
        }
    }
}

/// Adds the operations of CloudWatch Logs.
pub(crate) fn register(services: &mut Services) {
    services.on(create).on(describe).on(delete);
    services.on(put_retention).on(delete_retention).on(associate_key).on(disassociate_key);
    services.on(tag).on(untag).on(list_tags);
}

/// Makes the group `name` if it is not there, as a service does that writes to it.
pub(crate) fn ensure_log_group(world: &mut World, name: &str, now: Timestamp) {
    world.cloudwatchlogs.groups.entry(name.to_owned()).or_insert_with(|| LogGroup::new(now));
}

fn arn(world: &World, name: &str) -> String {
    world.arn("logs", &format!("log-group:{name}"))
}

fn find_mut<'a>(world: &'a mut World, name: Option<&str>) -> Answer<&'a mut LogGroup> {
    let name = name.unwrap_or_default();
    world
        .cloudwatchlogs
        .groups
        .get_mut(name)
        .ok_or_else(|| not_found("The specified log group does not exist."))
}

/// The group that an ARN names; operations on tags take the ARN without its `:*`.
fn by_arn<'a>(world: &'a mut World, arn: Option<&str>) -> Answer<&'a mut LogGroup> {
    let arn = arn.unwrap_or_default();
    let prefix = self::arn(world, "");
    let Some(name) = arn.strip_prefix(&prefix).filter(|name| !name.ends_with(":*")) else {
        return Err(invalid(format!("'{arn}' is not the ARN of a log group of this account and region")));
    };
    world
        .cloudwatchlogs
        .groups
        .get_mut(name)
        .ok_or_else(|| not_found("The specified resource does not exist."))
}

fn not_found(message: &str) -> ApiError {
    ApiError::new("ResourceNotFoundException", message)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

fn check_key(world: &World, arn: &str) -> Answer<()> {
    if !arn.starts_with("arn:") {
        return Err(invalid(format!("Specified KMS key '{arn}' is not an ARN")));
    }
    if kms::usable(world, arn) {
        Ok(())
    } else {
        Err(invalid(format!("The specified KMS key does not exist or is not allowed to be used with {arn}")))
    }
}

fn tags_in(given: Option<&HashMap<String, String>>) -> Answer<Tags> {
    let tags: Tags = given.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    match tags.keys().find(|key| key.is_empty() || key.starts_with("aws:")) {
        None => Ok(tags),
        Some(key) => Err(invalid(format!("Tag key '{key}' is not allowed"))),
    }
}

fn create(world: &mut World, input: &CreateLogGroupInput) -> Answer<CreateLogGroupOutput> {
    let name = input.log_group_name().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-/.#".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
        return Err(invalid(format!(
            "Value '{name}' at 'logGroupName' must have 1 to 512 letters, digits or characters of _-/.#"
        )));
    }
    if let Some(key) = input.kms_key_id() {
        check_key(world, key)?;
    }
    let group = LogGroup {
        kms_key: input.kms_key_id.clone(),
        class: input.log_group_class().unwrap_or(&LogGroupClass::Standard).as_str().to_owned(),
        protected: input.deletion_protection_enabled().unwrap_or(false),
        tags: tags_in(input.tags())?,
        ..LogGroup::new(world.now)
    };
    if world.cloudwatchlogs.groups.contains_key(name) {
        return Err(ApiError::new(
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        ));
    }
    world.cloudwatchlogs.groups.insert(name.to_owned(), group);
    Ok(CreateLogGroupOutput::builder().build())
}

fn describe(world: &mut World, input: &DescribeLogGroupsInput) -> Answer<DescribeLogGroupsOutput> {
    if input.log_group_name_prefix().is_some() && input.log_group_name_pattern().is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let wanted = |name: &str, group: &LogGroup| {
        input.log_group_name_prefix().is_none_or(|prefix| name.starts_with(prefix))
            && input.log_group_name_pattern().is_none_or(|part| name.contains(part))
            && input.log_group_class().is_none_or(|class| group.class == class.as_str())
    };
    let groups = world.cloudwatchlogs.groups.iter().filter(|(name, group)| wanted(name, group));
    let shown = groups.map(|(name, group)| {
        let arn = arn(world, name);
        Shown::builder()
            .log_group_name(name)
            .creation_time(group.created.as_millisecond())
            .set_retention_in_days(group.retention_days)
            .metric_filter_count(0)
            .arn(format!("{arn}:*"))
            .log_group_arn(arn)
            .stored_bytes(0)
            .set_kms_key_id(group.kms_key.clone())
            .log_group_class(LogGroupClass::from(group.class.as_str()))
            .deletion_protection_enabled(group.protected)
            .build()
    });
    let (shown, token) = page(shown.collect(), input.next_token(), input.limit(), 50, 50)
        .map_err(|error| error.with_code("InvalidParameterException"))?;
    Ok(DescribeLogGroupsOutput::builder().set_log_groups(Some(shown)).set_next_token(token).build())
}

fn delete(world: &mut World, input: &DeleteLogGroupInput) -> Answer<DeleteLogGroupOutput> {
    let name = input.log_group_name().unwrap_or_default();
    if find_mut(world, Some(name))?.protected {
        return Err(ApiError::new("ValidationException", "The log group is protected against deletion"));
    }
    world.cloudwatchlogs.groups.remove(name);
    Ok(DeleteLogGroupOutput::builder().build())
}

fn put_retention(world: &mut World, input: &PutRetentionPolicyInput) -> Answer<PutRetentionPolicyOutput> {
    let days = input.retention_in_days().unwrap_or_default();
    if !RETENTION_DAYS.contains(&days) {
        return Err(invalid(format!("retentionInDays {days} is not one of {RETENTION_DAYS:?}")));
    }
    find_mut(world, input.log_group_name())?.retention_days = Some(days);
    Ok(PutRetentionPolicyOutput::builder().build())
}

fn delete_retention(
    world: &mut World,
    input: &DeleteRetentionPolicyInput,
) -> Answer<DeleteRetentionPolicyOutput> {
    find_mut(world, input.log_group_name())?.retention_days = None;
    Ok(DeleteRetentionPolicyOutput::builder().build())
}

fn associate_key(world: &mut World, input: &AssociateKmsKeyInput) -> Answer<AssociateKmsKeyOutput> {
    let key = input.kms_key_id().unwrap_or_default();
    find_mut(world, input.log_group_name())?;
    check_key(world, key)?;
    find_mut(world, input.log_group_name())?.kms_key = Some(key.to_owned());
    Ok(AssociateKmsKeyOutput::builder().build())
}

fn disassociate_key(world: &mut World, input: &DisassociateKmsKeyInput) -> Answer<DisassociateKmsKeyOutput> {
    find_mut(world, input.log_group_name())?.kms_key = None;
    Ok(DisassociateKmsKeyOutput::builder().build())
}

fn tag(world: &mut World, input: &TagResourceInput) -> Answer<TagResourceOutput> {
    let tags = tags_in(input.tags())?;
    let group = by_arn(world, input.resource_arn())?;
    let added = tags.keys().filter(|key| !group.tags.contains_key(*key)).count();
    if group.tags.len() + added > 50 {
        return Err(ApiError::new("TooManyTagsException", "A log group can have at most 50 tags"));
    }
    group.tags.extend(tags);
    Ok(TagResourceOutput::builder().build())
}

fn untag(world: &mut World, input: &UntagResourceInput) -> Answer<UntagResourceOutput> {
    by_arn(world, input.resource_arn())?.tags.retain(|key, _| !input.tag_keys().contains(key));
    Ok(UntagResourceOutput::builder().build())
}

fn list_tags(world: &mut World, input: &ListTagsForResourceInput) -> Answer<ListTagsForResourceOutput> {
    let tags = &by_arn(world, input.resource_arn())?.tags;
    let tags = tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(ListTagsForResourceOutput::builder().set_tags(Some(tags)).build())
}
