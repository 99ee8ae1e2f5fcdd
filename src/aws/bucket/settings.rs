//! A bucket's settings: each has a pair of requests of its own, and an error code for not being set.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration, ObjectOwnership,
    OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    VersioningConfiguration,
};
use futures::future::{try_join, try_join3};
use holodeck_engine::{Error, FieldChange};
use serde_json::{Value, json};

use super::{Bucket, Outputs, incomplete};
use crate::aws::answer::Answer;
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::owner::Tags;

/// The id of the one life cycle rule.
const RULE: &str = "old-versions-and-unfinished-uploads";

/// Days after which old versions and unfinished uploads go.
#[derive(Default)]
struct Lifecycle {
    noncurrent_days: u32,
    abort_upload_days: u32,
}

/// The bucket as it is set.
pub(super) async fn read(aws: &Aws, bucket: &Outputs, tags: Tags) -> Result<Bucket, Error> {
    let name = bucket.name.as_str();
    let first = try_join3(versioned(aws, name), key_arn(aws, name), is_private(aws, name));
    let second = try_join3(owner_enforced(aws, name), tls_only(aws, bucket), lifecycle(aws, name));
    let ((versioned, key_arn, private), (owner_enforced, tls_only, lifecycle)) =
        try_join(first, second).await?;
    let Lifecycle { noncurrent_days, abort_upload_days } = lifecycle;
    let key_arn = key_arn.into();
    Ok(Bucket {
        versioned,
        key_arn,
        private,
        owner_enforced,
        tls_only,
        noncurrent_days,
        abort_upload_days,
        tags,
    })
}

async fn versioned(aws: &Aws, bucket: &str) -> Result<bool, Error> {
    let answer = aws.s3.get_bucket_versioning().bucket(bucket).send().await.answer("GetBucketVersioning")?;
    Ok(answer.status == Some(BucketVersioningStatus::Enabled))
}

/// The key that new objects are encrypted with; empty for S3's own.
async fn key_arn(aws: &Aws, bucket: &str) -> Result<String, Error> {
    let answer = aws.s3.get_bucket_encryption().bucket(bucket).send().await;
    let unset = ["ServerSideEncryptionConfigurationNotFoundError"];
    let configuration = answer
        .answer_unless("GetBucketEncryption", &unset)?
        .and_then(|answer| answer.server_side_encryption_configuration);
    let by_default = configuration
        .as_ref()
        .and_then(|configuration| configuration.rules().first())
        .and_then(|rule| rule.apply_server_side_encryption_by_default());
    Ok(by_default.and_then(|by_default| by_default.kms_master_key_id()).unwrap_or_default().to_owned())
}

async fn is_private(aws: &Aws, bucket: &str) -> Result<bool, Error> {
    let answer = aws.s3.get_public_access_block().bucket(bucket).send().await;
    let block = answer
        .answer_unless("GetPublicAccessBlock", &["NoSuchPublicAccessBlockConfiguration"])?
        .and_then(|answer| answer.public_access_block_configuration);
    Ok(block.is_some_and(|block| block == all_blocked()))
}

fn all_blocked() -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build()
}

async fn owner_enforced(aws: &Aws, bucket: &str) -> Result<bool, Error> {
    let answer = aws.s3.get_bucket_ownership_controls().bucket(bucket).send().await;
    let controls = answer
        .answer_unless("GetBucketOwnershipControls", &["OwnershipControlsNotFoundError"])?
        .and_then(|answer| answer.ownership_controls);
    let enforced =
        |rule: &OwnershipControlsRule| rule.object_ownership == ObjectOwnership::BucketOwnerEnforced;
    Ok(controls.is_some_and(|controls| controls.rules().iter().any(enforced)))
}

async fn tls_only(aws: &Aws, bucket: &Outputs) -> Result<bool, Error> {
    let answer = aws.s3.get_bucket_policy().bucket(&bucket.name).send().await;
    let policy = answer
        .answer_unless("GetBucketPolicy", &["NoSuchBucketPolicy"])?
        .and_then(|answer| answer.policy)
        .and_then(|policy| serde_json::from_str::<Value>(&policy).ok());
    Ok(policy == Some(tls_policy(&bucket.arn)))
}

/// Refuses requests without TLS
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html>).
fn tls_policy(arn: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "OnlyTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, format!("{arn}/*")],
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }],
    })
}

async fn lifecycle(aws: &Aws, bucket: &str) -> Result<Lifecycle, Error> {
    let answer = aws.s3.get_bucket_lifecycle_configuration().bucket(bucket).send().await;
    let rules = answer
        .answer_unless("GetBucketLifecycleConfiguration", &["NoSuchLifecycleConfiguration"])?
        .and_then(|answer| answer.rules)
        .unwrap_or_default();
    let [rule] = rules.as_slice() else { return Ok(Lifecycle::default()) };
    if rule.id() != Some(RULE) || rule.status != ExpirationStatus::Enabled {
        return Ok(Lifecycle::default());
    }
    let days = |days: Option<i32>| days.unwrap_or_default().unsigned_abs();
    let noncurrent = rule.noncurrent_version_expiration().and_then(|rule| rule.noncurrent_days());
    let abort = rule.abort_incomplete_multipart_upload().and_then(|rule| rule.days_after_initiation());
    Ok(Lifecycle { noncurrent_days: days(noncurrent), abort_upload_days: days(abort) })
}

impl Bucket {
    /// Sets what differs.
    pub(super) async fn change_settings(
        &self,
        aws: &Aws,
        bucket: &Outputs,
        changes: &[FieldChange],
    ) -> Result<(), Error> {
        let name = bucket.name.as_str();
        if touches(changes, "private") {
            self.set_private(aws, name).await?;
        }
        if touches(changes, "owner_enforced") {
            self.set_ownership(aws, name).await?;
        }
        if touches(changes, "tls_only") {
            self.set_policy(aws, bucket).await?;
        }
        if touches(changes, "versioned") {
            self.set_versioning(aws, name).await?;
        }
        if touches(changes, "key_arn") {
            self.set_encryption(aws, name).await?;
        }
        if touches(changes, "noncurrent_days") || touches(changes, "abort_upload_days") {
            self.set_lifecycle(aws, name).await?;
        }
        Ok(())
    }

    async fn set_private(&self, aws: &Aws, bucket: &str) -> Result<(), Error> {
        if self.private {
            let request = aws.s3.put_public_access_block().bucket(bucket);
            let request = request.public_access_block_configuration(all_blocked());
            request.send().await.answer("PutPublicAccessBlock")?;
        } else {
            let request = aws.s3.delete_public_access_block().bucket(bucket);
            request.send().await.answer("DeletePublicAccessBlock")?;
        }
        Ok(())
    }

    async fn set_ownership(&self, aws: &Aws, bucket: &str) -> Result<(), Error> {
        let ownership = match self.owner_enforced {
            true => ObjectOwnership::BucketOwnerEnforced,
            false => ObjectOwnership::BucketOwnerPreferred,
        };
        let rule =
            OwnershipControlsRule::builder().object_ownership(ownership).build().map_err(incomplete)?;
        let controls = OwnershipControls::builder().rules(rule).build().map_err(incomplete)?;
        let request = aws.s3.put_bucket_ownership_controls().bucket(bucket).ownership_controls(controls);
        request.send().await.answer("PutBucketOwnershipControls")?;
        Ok(())
    }

    async fn set_policy(&self, aws: &Aws, bucket: &Outputs) -> Result<(), Error> {
        if self.tls_only {
            let request = aws.s3.put_bucket_policy().bucket(&bucket.name);
            let request = request.policy(tls_policy(&bucket.arn).to_string());
            request.send().await.answer("PutBucketPolicy")?;
        } else {
            aws.s3.delete_bucket_policy().bucket(&bucket.name).send().await.answer("DeleteBucketPolicy")?;
        }
        Ok(())
    }

    async fn set_versioning(&self, aws: &Aws, bucket: &str) -> Result<(), Error> {
        let status = match self.versioned {
            true => BucketVersioningStatus::Enabled,
            false => BucketVersioningStatus::Suspended,
        };
        let configuration = VersioningConfiguration::builder().status(status).build();
        let request = aws.s3.put_bucket_versioning().bucket(bucket).versioning_configuration(configuration);
        request.send().await.answer("PutBucketVersioning")?;
        Ok(())
    }

    async fn set_encryption(&self, aws: &Aws, bucket: &str) -> Result<(), Error> {
        let by_default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::AwsKms)
            .kms_master_key_id(self.key_arn.get()?)
            .build()
            .map_err(incomplete)?;
        // A key for the bucket spares a request to KMS for every object.
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(by_default)
            .bucket_key_enabled(true)
            .build();
        let configuration =
            ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(incomplete)?;
        let request = aws.s3.put_bucket_encryption().bucket(bucket);
        let request = request.server_side_encryption_configuration(configuration);
        request.send().await.answer("PutBucketEncryption")?;
        Ok(())
    }

    async fn set_lifecycle(&self, aws: &Aws, bucket: &str) -> Result<(), Error> {
        let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        let noncurrent =
            NoncurrentVersionExpiration::builder().noncurrent_days(days(self.noncurrent_days)).build();
        let abort = AbortIncompleteMultipartUpload::builder()
            .days_after_initiation(days(self.abort_upload_days))
            .build();
        let rule = LifecycleRule::builder()
            .id(RULE)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .noncurrent_version_expiration(noncurrent)
            .abort_incomplete_multipart_upload(abort)
            .expiration(LifecycleExpiration::builder().expired_object_delete_marker(true).build())
            .build()
            .map_err(incomplete)?;
        let configuration =
            BucketLifecycleConfiguration::builder().rules(rule).build().map_err(incomplete)?;
        let request = aws.s3.put_bucket_lifecycle_configuration().bucket(bucket);
        let request = request.lifecycle_configuration(configuration);
        request.send().await.answer("PutBucketLifecycleConfiguration")?;
        Ok(())
    }
}
