//! Keys: their life, policy and tags.

use jiff::SignedDuration;
use serde_json::json;

use aws_sdk_kms::operation::cancel_key_deletion::{CancelKeyDeletionInput, CancelKeyDeletionOutput};
use aws_sdk_kms::operation::create_key::{CreateKeyInput, CreateKeyOutput};
use aws_sdk_kms::operation::describe_key::{DescribeKeyInput, DescribeKeyOutput};
use aws_sdk_kms::operation::disable_key::{DisableKeyInput, DisableKeyOutput};
use aws_sdk_kms::operation::enable_key::{EnableKeyInput, EnableKeyOutput};
use aws_sdk_kms::operation::get_key_policy::{GetKeyPolicyInput, GetKeyPolicyOutput};
use aws_sdk_kms::operation::list_keys::{ListKeysInput, ListKeysOutput};
use aws_sdk_kms::operation::list_resource_tags::{ListResourceTagsInput, ListResourceTagsOutput};
use aws_sdk_kms::operation::put_key_policy::{PutKeyPolicyInput, PutKeyPolicyOutput};
use aws_sdk_kms::operation::schedule_key_deletion::{ScheduleKeyDeletionInput, ScheduleKeyDeletionOutput};
use aws_sdk_kms::operation::tag_resource::{TagResourceInput, TagResourceOutput};
use aws_sdk_kms::operation::untag_resource::{UntagResourceInput, UntagResourceOutput};
use aws_sdk_kms::operation::update_key_description::{UpdateKeyDescriptionInput, UpdateKeyDescriptionOutput};
use aws_sdk_kms::types::{
    EncryptionAlgorithmSpec, KeyListEntry, KeyManagerType, KeyMetadata, KeySpec, KeyUsageType, OriginType,
    Tag,
};

use super::{Deletion, Key, arn, find, find_mut, invalid_state, validation};
use crate::aws::paging::page;
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time, iam};

/// The only name that a key policy can have.
const POLICY_NAME: &str = "default";

pub(super) fn register(services: &mut Services) {
    services
        .on(create)
        .on(describe)
        .on(list)
        .on(enable)
        .on(disable)
        .on(schedule_deletion)
        .on(cancel_deletion)
        .on(get_policy)
        .on(put_policy)
        .on(update_description)
        .on(tag)
        .on(untag)
        .on(list_tags);
}

fn metadata(world: &World, key: &Key) -> Answer<KeyMetadata> {
    let spec = KeySpec::from(key.spec.as_str());
    let symmetric = spec == KeySpec::SymmetricDefault;
    let manager = if key.aws_managed { KeyManagerType::Aws } else { KeyManagerType::Customer };
    Ok(KeyMetadata::builder()
        .aws_account_id(&world.account)
        .key_id(&key.id)
        .arn(&key.arn)
        .creation_date(date_time(key.created))
        .enabled(key.enabled && key.deletion.is_none())
        .description(&key.description)
        .key_usage(KeyUsageType::from(key.usage.as_str()))
        .key_state(key.state())
        .set_deletion_date(key.deletion.as_ref().map(|deletion| date_time(deletion.at)))
        .origin(OriginType::AwsKms)
        .key_manager(manager)
        .key_spec(spec)
        .set_encryption_algorithms(symmetric.then(|| vec![EncryptionAlgorithmSpec::SymmetricDefault]))
        .multi_region(key.multi_region)
        .build()?)
}

/// The policy of a key that was created without one: the account's root may do everything.
fn default_policy(world: &World) -> String {
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{}:root", world.account)},
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
    .to_string()
}

/// A key policy must be a policy, name principals that exist, and leave the account able to change it.
fn check_policy(world: &World, policy: &str, lock_out_accepted: bool) -> Answer<()> {
    let malformed =
        || ApiError::new("MalformedPolicyDocumentException", "The new key policy is not a valid policy.");
    let document: serde_json::Value = serde_json::from_str(policy).map_err(|_| malformed())?;
    let statements = match &document["Statement"] {
        serde_json::Value::Array(statements) if !statements.is_empty() => statements.clone(),
        statement @ serde_json::Value::Object(_) => vec![statement.clone()],
        _ => return Err(malformed()),
    };
    if let Some(principal) = iam::unknown_principal(world, policy) {
        return Err(ApiError::new(
            "MalformedPolicyDocumentException",
            format!("Policy contains a statement with one or more invalid principals: {principal}"),
        ));
    }
    let may_change = statements.iter().filter(|statement| statement["Effect"] == "Allow").any(|statement| {
        let actions = statement["Action"].to_string();
        ["\"kms:*\"", "\"kms:Put*\"", "\"kms:PutKeyPolicy\"", "\"*\""]
            .iter()
            .any(|action| actions.contains(action))
    });
    if may_change || lock_out_accepted {
        Ok(())
    } else {
        Err(ApiError::new(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        ))
    }
}

/// Adds the key `id` to the world, changed from what a key is by default.
pub(super) fn add(world: &mut World, id: &str, change: impl FnOnce(&mut Key)) {
    let mut key = Key {
        arn: arn(world, &format!("key/{id}")),
        id: id.to_owned(),
        created: world.now,
        description: String::new(),
        enabled: true,
        deletion: None,
        spec: KeySpec::SymmetricDefault.as_str().to_owned(),
        usage: KeyUsageType::EncryptDecrypt.as_str().to_owned(),
        multi_region: false,
        policy: default_policy(world),
        rotation: None,
        tags: Tags::new(),
        aws_managed: false,
    };
    change(&mut key);
    world.kms.keys.insert(id.to_owned(), key);
}

fn create(world: &mut World, input: &CreateKeyInput) -> Answer<CreateKeyOutput> {
    let tags = tags_in(input.tags())?;
    if let Some(policy) = input.policy() {
        check_policy(world, policy, input.bypass_policy_lockout_safety_check().unwrap_or(false))?;
    }
    let spec = input.key_spec().cloned().unwrap_or(KeySpec::SymmetricDefault);
    let usage = input.key_usage().cloned().unwrap_or(KeyUsageType::EncryptDecrypt);
    if spec == KeySpec::SymmetricDefault && usage != KeyUsageType::EncryptDecrypt {
        return Err(validation(format!("KeyUsage {usage} is not compatible with KeySpec {spec}")));
    }
    let id = world.uuid();
    add(world, &id, |key| {
        key.description = input.description().unwrap_or_default().to_owned();
        key.spec = spec.as_str().to_owned();
        key.usage = usage.as_str().to_owned();
        key.multi_region = input.multi_region().unwrap_or(false);
        if let Some(policy) = input.policy() {
            key.policy = policy.to_owned();
        }
        key.tags = tags;
    });
    let metadata = metadata(world, find(world, Some(&id))?)?;
    Ok(CreateKeyOutput::builder().key_metadata(metadata).build())
}

fn describe(world: &mut World, input: &DescribeKeyInput) -> Answer<DescribeKeyOutput> {
    let reference = input.key_id().unwrap_or_default();
    super::alias::ensure_aws_key(world, reference);
    let key = find(world, Some(reference))?;
    Ok(DescribeKeyOutput::builder().key_metadata(metadata(world, key)?).build())
}

fn list(world: &mut World, input: &ListKeysInput) -> Answer<ListKeysOutput> {
    let keys = world.kms.keys.values();
    let entries = keys.map(|key| KeyListEntry::builder().key_id(&key.id).key_arn(&key.arn).build()).collect();
    let (entries, marker) = page(entries, input.marker(), input.limit(), 100, 1000)
        .map_err(|error| error.with_code("InvalidMarkerException"))?;
    Ok(ListKeysOutput::builder()
        .set_keys(Some(entries))
        .truncated(marker.is_some())
        .set_next_marker(marker)
        .build())
}

fn enable(world: &mut World, input: &EnableKeyInput) -> Answer<EnableKeyOutput> {
    let key = find_mut(world, input.key_id())?;
    key.ours()?;
    key.not_pending_deletion()?;
    key.enabled = true;
    Ok(EnableKeyOutput::builder().build())
}

fn disable(world: &mut World, input: &DisableKeyInput) -> Answer<DisableKeyOutput> {
    let key = find_mut(world, input.key_id())?;
    key.ours()?;
    key.not_pending_deletion()?;
    key.enabled = false;
    Ok(DisableKeyOutput::builder().build())
}

fn schedule_deletion(
    world: &mut World,
    input: &ScheduleKeyDeletionInput,
) -> Answer<ScheduleKeyDeletionOutput> {
    let window_days = input.pending_window_in_days().unwrap_or(30);
    if !(7..=30).contains(&window_days) {
        return Err(validation(format!(
            "Value '{window_days}' at 'pendingWindowInDays' must be between 7 and 30"
        )));
    }
    let now = world.now;
    let key = find_mut(world, input.key_id())?;
    key.ours()?;
    key.not_pending_deletion()?;
    let at = now + SignedDuration::from_hours(24 * i64::from(window_days));
    key.deletion = Some(Deletion { at, window_days });
    key.enabled = false;
    Ok(ScheduleKeyDeletionOutput::builder()
        .key_id(&key.arn)
        .deletion_date(date_time(at))
        .key_state(key.state())
        .pending_window_in_days(window_days)
        .build())
}

fn cancel_deletion(world: &mut World, input: &CancelKeyDeletionInput) -> Answer<CancelKeyDeletionOutput> {
    let key = find_mut(world, input.key_id())?;
    if key.deletion.take().is_none() {
        return Err(invalid_state(format!("{} is not pending deletion.", key.arn)));
    }
    Ok(CancelKeyDeletionOutput::builder().key_id(&key.arn).build())
}

fn check_policy_name(name: Option<&str>) -> Answer<()> {
    match name {
        None | Some(POLICY_NAME) => Ok(()),
        Some(_) => Err(ApiError::new("NotFoundException", "No such policy exists")),
    }
}

fn get_policy(world: &mut World, input: &GetKeyPolicyInput) -> Answer<GetKeyPolicyOutput> {
    check_policy_name(input.policy_name())?;
    let policy = &find(world, input.key_id())?.policy;
    Ok(GetKeyPolicyOutput::builder().policy(policy).policy_name(POLICY_NAME).build())
}

fn put_policy(world: &mut World, input: &PutKeyPolicyInput) -> Answer<PutKeyPolicyOutput> {
    check_policy_name(input.policy_name())?;
    let policy = input.policy().unwrap_or_default();
    let key = find(world, input.key_id())?;
    key.ours()?;
    key.not_pending_deletion()?;
    check_policy(world, policy, input.bypass_policy_lockout_safety_check().unwrap_or(false))?;
    find_mut(world, input.key_id())?.policy = policy.to_owned();
    Ok(PutKeyPolicyOutput::builder().build())
}

fn update_description(
    world: &mut World,
    input: &UpdateKeyDescriptionInput,
) -> Answer<UpdateKeyDescriptionOutput> {
    let key = find_mut(world, input.key_id())?;
    key.ours()?;
    key.not_pending_deletion()?;
    key.description = input.description().unwrap_or_default().to_owned();
    Ok(UpdateKeyDescriptionOutput::builder().build())
}

fn tags_in(tags: &[Tag]) -> Answer<Tags> {
    let mut kept = Tags::new();
    for tag in tags {
        if tag.tag_key.is_empty() || tag.tag_key.starts_with("aws:") {
            return Err(ApiError::new("TagException", format!("Tag key '{}' is not allowed", tag.tag_key)));
        }
        if kept.insert(tag.tag_key.clone(), tag.tag_value.clone()).is_some() {
            return Err(ApiError::new("TagException", "Duplicate tag keys"));
        }
    }
    Ok(kept)
}

fn tag(world: &mut World, input: &TagResourceInput) -> Answer<TagResourceOutput> {
    let tags = tags_in(input.tags())?;
    let key = find_mut(world, input.key_id())?;
    key.ours()?;
    key.not_pending_deletion()?;
    key.tags.extend(tags);
    Ok(TagResourceOutput::builder().build())
}

fn untag(world: &mut World, input: &UntagResourceInput) -> Answer<UntagResourceOutput> {
    let key = find_mut(world, input.key_id())?;
    key.ours()?;
    key.not_pending_deletion()?;
    key.tags.retain(|name, _| !input.tag_keys().contains(name));
    Ok(UntagResourceOutput::builder().build())
}

fn list_tags(world: &mut World, input: &ListResourceTagsInput) -> Answer<ListResourceTagsOutput> {
    let tags = find(world, input.key_id())?.tags.iter();
    let tags = tags.map(|(key, value)| Ok(Tag::builder().tag_key(key).tag_value(value).build()?));
    let (tags, marker) = page(tags.collect::<Answer<Vec<_>>>()?, input.marker(), input.limit(), 50, 50)
        .map_err(|error| error.with_code("InvalidMarkerException"))?;
    Ok(ListResourceTagsOutput::builder()
        .set_tags(Some(tags))
        .truncated(marker.is_some())
        .set_next_marker(marker)
        .build())
}
