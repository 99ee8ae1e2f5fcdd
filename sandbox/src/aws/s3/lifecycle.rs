//! The life cycle rules of a bucket: kept and handed back as given; nothing expires by them here.
//!
//! Rules that depend on dates, tags or sizes of objects are refused as not simulated.

use serde::{Deserialize, Serialize};

use aws_sdk_s3::operation::delete_bucket_lifecycle::{
    DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput,
};
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::{
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput,
};
use aws_sdk_s3::operation::put_bucket_lifecycle_configuration::{
    PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput,
};
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, NoncurrentVersionTransition, Transition,
    TransitionDefaultMinimumObjectSize, TransitionStorageClass,
};

use super::{find, find_mut, malformed};
use crate::aws::{Answer, ApiError, Services, World};

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rule {
    id: String,
    enabled: bool,
    /// The prefix, and whether it stood in a filter.
    prefix: Option<String>,
    filtered: bool,
    expiration_days: Option<i32>,
    expired_markers: Option<bool>,
    /// Days and storage class.
    transitions: Vec<(Option<i32>, Option<String>)>,
    /// Days, newer versions to keep, and storage class.
    noncurrent_transitions: Vec<(Option<i32>, Option<i32>, Option<String>)>,
    /// Days and newer versions to keep.
    noncurrent_expiration: Option<(Option<i32>, Option<i32>)>,
    abort_uploads_days: Option<i32>,
}

pub(super) fn register(services: &mut Services) {
    services.on(put).on(get).on(delete);
}

impl Rule {
    fn given(rule: &LifecycleRule, new_id: String) -> Answer<Self> {
        let unsupported =
            |what| ApiError::new("NotImplemented", format!("life cycle rules by {what} are not simulated"));
        let filter = rule.filter();
        if filter.is_some_and(|filter| filter.tag.is_some() || filter.and.is_some()) {
            return Err(unsupported("tag"));
        }
        if filter
            .is_some_and(|filter| filter.object_size_greater_than.or(filter.object_size_less_than).is_some())
        {
            return Err(unsupported("size"));
        }
        let dated = rule.expiration().is_some_and(|expiration| expiration.date.is_some())
            || rule.transitions().iter().any(|transition| transition.date.is_some());
        if dated {
            return Err(unsupported("date"));
        }
        let class = |class: Option<&TransitionStorageClass>| class.map(|class| class.as_str().to_owned());
        let transitions = rule.transitions().iter();
        let noncurrent = rule.noncurrent_version_transitions().iter();
        let rule = Self {
            id: rule.id().map_or(new_id, str::to_owned),
            enabled: rule.status == ExpirationStatus::Enabled,
            prefix: prefix(rule),
            filtered: filter.is_some(),
            expiration_days: rule.expiration().and_then(LifecycleExpiration::days),
            expired_markers: rule.expiration().and_then(LifecycleExpiration::expired_object_delete_marker),
            transitions: transitions.map(|one| (one.days(), class(one.storage_class()))).collect(),
            noncurrent_transitions: noncurrent
                .map(|one| {
                    (one.noncurrent_days(), one.newer_noncurrent_versions(), class(one.storage_class()))
                })
                .collect(),
            noncurrent_expiration: rule
                .noncurrent_version_expiration()
                .map(|one| (one.noncurrent_days(), one.newer_noncurrent_versions())),
            abort_uploads_days: rule
                .abort_incomplete_multipart_upload()
                .and_then(AbortIncompleteMultipartUpload::days_after_initiation),
        };
        if !rule.filtered && rule.prefix.is_none() {
            return Err(malformed("A life cycle rule has a filter or a prefix"));
        }
        let days = [rule.expiration_days, rule.abort_uploads_days];
        if days.iter().flatten().any(|days| *days < 1) {
            return Err(ApiError::new(
                "InvalidArgument",
                "Days of a life cycle action must be a positive integer",
            ));
        }
        if rule.does_nothing() {
            return Err(ApiError::new(
                "InvalidRequest",
                "At least one action needs to be specified in a rule.",
            ));
        }
        Ok(rule)
    }

    fn does_nothing(&self) -> bool {
        self.expiration_days.is_none()
            && self.expired_markers.is_none()
            && self.transitions.is_empty()
            && self.noncurrent_transitions.is_empty()
            && self.noncurrent_expiration.is_none()
            && self.abort_uploads_days.is_none()
    }

    fn shown(&self) -> Answer<LifecycleRule> {
        let status = if self.enabled { ExpirationStatus::Enabled } else { ExpirationStatus::Disabled };
        let class = |class: &Option<String>| class.as_deref().map(TransitionStorageClass::from);
        let expires = self.expiration_days.is_some() || self.expired_markers.is_some();
        let expiration = LifecycleExpiration::builder()
            .set_days(self.expiration_days)
            .set_expired_object_delete_marker(self.expired_markers)
            .build();
        let transitions = self
            .transitions
            .iter()
            .map(|(days, to)| Transition::builder().set_days(*days).set_storage_class(class(to)).build());
        let noncurrent = self.noncurrent_transitions.iter().map(|(days, newer, to)| {
            NoncurrentVersionTransition::builder()
                .set_noncurrent_days(*days)
                .set_newer_noncurrent_versions(*newer)
                .set_storage_class(class(to))
                .build()
        });
        let noncurrent_expiration = self.noncurrent_expiration.as_ref().map(|(days, newer)| {
            NoncurrentVersionExpiration::builder()
                .set_noncurrent_days(*days)
                .set_newer_noncurrent_versions(*newer)
                .build()
        });
        let abort = self
            .abort_uploads_days
            .map(|days| AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build());
        let rule = LifecycleRule::builder()
            .id(&self.id)
            .status(status)
            .set_expiration(expires.then_some(expiration))
            .set_transitions((!self.transitions.is_empty()).then(|| transitions.collect()))
            .set_noncurrent_version_transitions(
                (!self.noncurrent_transitions.is_empty()).then(|| noncurrent.collect()),
            )
            .set_noncurrent_version_expiration(noncurrent_expiration)
            .set_abort_incomplete_multipart_upload(abort);
        let rule = if self.filtered {
            rule.filter(LifecycleRuleFilter::builder().set_prefix(self.prefix.clone()).build())
        } else {
            with_bare_prefix(rule, self.prefix.clone())
        };
        Ok(rule.build()?)
    }
}

/// The older way to write a rule has its prefix outside a filter.
#[expect(deprecated, reason = "the service still takes rules of the older form and hands them back in it")]
fn with_bare_prefix(
    rule: aws_sdk_s3::types::builders::LifecycleRuleBuilder,
    prefix: Option<String>,
) -> aws_sdk_s3::types::builders::LifecycleRuleBuilder {
    rule.set_prefix(prefix)
}

#[expect(deprecated, reason = "the service still takes rules of the older form and hands them back in it")]
fn prefix(rule: &LifecycleRule) -> Option<String> {
    match rule.filter() {
        Some(filter) => filter.prefix.clone(),
        None => rule.prefix.clone(),
    }
}

fn put(
    world: &mut World,
    input: &PutBucketLifecycleConfigurationInput,
) -> Answer<PutBucketLifecycleConfigurationOutput> {
    let given =
        input.lifecycle_configuration().map(|configuration| configuration.rules()).unwrap_or_default();
    if given.is_empty() || given.len() > 1000 {
        return Err(malformed("A life cycle configuration has 1 to 1000 rules"));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for rule in given {
        let rule = Rule::given(rule, world.uuid())?;
        if rules.iter().any(|other| other.id == rule.id) {
            return Err(ApiError::new(
                "InvalidArgument",
                "Rule ID must be unique. Found same ID for more than one rule",
            ));
        }
        rules.push(rule);
    }
    find_mut(world, input.bucket())?.lifecycle = rules;
    Ok(PutBucketLifecycleConfigurationOutput::builder()
        .transition_default_minimum_object_size(TransitionDefaultMinimumObjectSize::AllStorageClasses128K)
        .build())
}

fn get(
    world: &mut World,
    input: &GetBucketLifecycleConfigurationInput,
) -> Answer<GetBucketLifecycleConfigurationOutput> {
    let rules = &find(world, input.bucket())?.lifecycle;
    if rules.is_empty() {
        return Err(ApiError::new(
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        ));
    }
    let rules = rules.iter().map(Rule::shown).collect::<Answer<_>>()?;
    Ok(GetBucketLifecycleConfigurationOutput::builder()
        .set_rules(Some(rules))
        .transition_default_minimum_object_size(TransitionDefaultMinimumObjectSize::AllStorageClasses128K)
        .build())
}

fn delete(world: &mut World, input: &DeleteBucketLifecycleInput) -> Answer<DeleteBucketLifecycleOutput> {
    find_mut(world, input.bucket())?.lifecycle.clear();
    Ok(DeleteBucketLifecycleOutput::builder().build())
}
