//! Symmetric KMS keys (<https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>).
//!
//! A key has no name and KMS has no filter by tag, so that finding ours takes a look at tags key by key. Only keys that can be
//! ours are looked at: those behind an alias of ours, and those behind no alias at all, since a run may have ended between
//! the key and its alias. All others, among them the keys of AWS itself, are left out by two lists. Whose a key is tell its
//! tags alone. A key that waits for its deletion counts as absent.

use aws_sdk_kms::types::{KeyMetadata, KeyState, Tag};
use futures::future::{try_join, try_join_all};
use holodeck_engine::{Error, FieldChange, Observed, Output, Resource, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::kept_in_tags::{self, RECOVERY_DAYS};
use crate::aws::kms_alias;
use crate::aws::owner::{self, Tags};

/// The only name that a key policy can have.
const POLICY: &str = "default";

/// A symmetric key that KMS makes and keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KmsKey {
    /// What it is for.
    pub description: String,
    /// Who may use and manage it: a key policy
    /// (<https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html>).
    pub policy: Value,
    /// Whether it can be used.
    pub enabled: bool,
    /// Days between two rotations of its material, from 90 to 2560; 0 for no rotation.
    pub rotation_days: u32,
    /// Days between its removal and the end of everything that it encrypts, from 7 to 30.
    pub deletion_window_days: u32,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a key puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    arn: String,
}

impl KmsKey {
    /// The key's ARN.
    pub const ARN: Output<Self, String> = Output::new("arn");

    fn kept_tags(&self) -> Tags {
        kept_in_tags::put(&self.tags, RECOVERY_DAYS, self.deletion_window_days)
    }
}

impl Resource for KmsKey {
    const KIND: &'static str = "aws.kms_key";
    const PRECIOUS: bool = true;
    type Outputs = Outputs;
    type Client = Aws;

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let candidates = candidates(aws).await?;
        let observed = candidates.into_iter().map(|candidate| observe(aws, candidate));
        Ok(try_join_all(observed).await?.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .kms_once
            .create_key()
            .description(&self.description)
            .policy(self.policy.to_string())
            .set_tags(Some(tags(&aws.owner.tags(name, &self.kept_tags()))?));
        request.send().await.answer("CreateKey")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let id = &seen.id;
        // A key that is disabled takes no other change of its use.
        if touches(changes, "enabled") && self.enabled {
            aws.kms.enable_key().key_id(id).send().await.answer("EnableKey")?;
        }
        if touches(changes, "policy") {
            let request = aws.kms.put_key_policy().key_id(id).policy_name(POLICY);
            request.policy(self.policy.to_string()).send().await.answer("PutKeyPolicy")?;
        }
        if touches(changes, "description") {
            let request = aws.kms.update_key_description().key_id(id).description(&self.description);
            request.send().await.answer("UpdateKeyDescription")?;
        }
        if touches(changes, "rotation_days") {
            self.set_rotation(aws, id).await?;
        }
        if touches(changes, "tags") || touches(changes, "deletion_window_days") {
            let request = aws.kms.tag_resource().key_id(id).set_tags(Some(tags(&self.kept_tags())?));
            request.send().await.answer("TagResource")?;
        }
        if touches(changes, "enabled") && !self.enabled {
            aws.kms.disable_key().key_id(id).send().await.answer("DisableKey")?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let days = number(seen.attributes.deletion_window_days);
        let request = aws.kms.schedule_key_deletion().key_id(&seen.id).pending_window_in_days(days);
        // A key that waits for its deletion already is in a state in which it takes no such request.
        let gone = ["NotFoundException", "KMSInvalidStateException"];
        request.send().await.removed("ScheduleKeyDeletion", &gone, &[])
    }
}

impl KmsKey {
    async fn set_rotation(&self, aws: &Aws, id: &str) -> Result<(), Error> {
        if self.rotation_days == 0 {
            aws.kms.disable_key_rotation().key_id(id).send().await.answer("DisableKeyRotation")?;
        } else {
            let request = aws.kms.enable_key_rotation().key_id(id);
            let request = request.rotation_period_in_days(number(self.rotation_days));
            request.send().await.answer("EnableKeyRotation")?;
        }
        Ok(())
    }
}

/// Days as KMS takes them; what is too large for it is refused there.
fn number(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

fn tags(tags: &Tags) -> Result<Vec<Tag>, Error> {
    let tag = |(key, value)| Tag::builder().tag_key(key).tag_value(value).build();
    tags.iter()
        .map(tag)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::bug("a tag of a key is incomplete").with_source(error))
}

/// A key that may be ours.
struct Candidate {
    id: String,
    /// Whether an alias of ours points to it.
    named: bool,
}

async fn candidates(aws: &Aws) -> Result<Vec<Candidate>, Error> {
    let keys = async {
        let pages = aws.kms.list_keys().into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.answer("ListKeys")
    };
    let (keys, aliases) = try_join(keys, kms_alias::all(aws)).await?;
    let prefix = kms_alias::prefix(aws);
    let mut named = BTreeSet::new();
    let mut others = BTreeSet::new();
    for alias in &aliases {
        let is_ours = alias.alias_name().is_some_and(|name| name.starts_with(&prefix));
        if let Some(key) = alias.target_key_id() {
            if is_ours {
                named.insert(key)
            } else {
                others.insert(key)
            };
        }
    }
    Ok(keys
        .iter()
        .filter_map(|key| key.key_id())
        .filter(|id| named.contains(id) || !others.contains(id))
        .map(|id| Candidate { id: id.to_owned(), named: named.contains(id) })
        .collect())
}

async fn observe(aws: &Aws, candidate: Candidate) -> Result<Option<Observed<KmsKey>>, Error> {
    let Candidate { id, named } = candidate;
    // Somebody else's key may forbid to look at it.
    let not_ours: &[&str] =
        if named { &["NotFoundException"] } else { &["NotFoundException", "AccessDeniedException"] };
    let pages = aws.kms.list_resource_tags().key_id(&id).into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await.answer_unless("ListResourceTags", not_ours)?;
    let Some((name, mut tags)) = found.and_then(|tags| aws.owner.recognise(&tags)) else { return Ok(None) };
    let described = aws.kms.describe_key().key_id(&id).send().await;
    let Some(described) = described.answer_unless("DescribeKey", &["NotFoundException"])? else {
        return Ok(None);
    };
    let key = described.key_metadata.given("the description of a key")?;
    let Some((status, enabled)) = state(&key) else { return Ok(None) };
    let (policy, rotation) = try_join(
        async {
            let request = aws.kms.get_key_policy().key_id(&id).policy_name(POLICY);
            request.send().await.answer("GetKeyPolicy")
        },
        async { aws.kms.get_key_rotation_status().key_id(&id).send().await.answer("GetKeyRotationStatus") },
    )
    .await?;
    let policy = policy.policy.given("the policy of a key")?;
    let rotation_days = match rotation.key_rotation_enabled {
        true => rotation.rotation_period_in_days.unwrap_or_default().unsigned_abs(),
        false => 0,
    };
    let arn = key.arn.given("the ARN of a key")?;
    let attributes = KmsKey {
        description: key.description.unwrap_or_default(),
        // What is no JSON is shown as it is, and differs.
        policy: serde_json::from_str(&policy).unwrap_or(Value::String(policy)),
        enabled,
        rotation_days,
        deletion_window_days: kept_in_tags::take(&mut tags, RECOVERY_DAYS, 30),
        tags,
    };
    let outputs = Outputs { arn: arn.clone() };
    Ok(Some(Observed { name, id: arn, attributes, outputs, status, uses: Vec::new() }))
}

/// The status of a key and whether it is enabled; nothing for one on its way out.
fn state(key: &KeyMetadata) -> Option<(Status, bool)> {
    match key.key_state.as_ref() {
        Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => None,
        Some(KeyState::Disabled) => Some((Status::Ready, false)),
        Some(KeyState::Enabled) | None => Some((Status::Ready, true)),
        Some(state) => Some((Status::InProgress(format!("the key is {}", state.as_str())), true)),
    }
}
