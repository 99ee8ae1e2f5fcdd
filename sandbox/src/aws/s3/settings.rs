//! Settings of a bucket: versioning, encryption, public access block, ownership, policy and tags.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use aws_sdk_s3::operation::delete_bucket_encryption::{
    DeleteBucketEncryptionInput, DeleteBucketEncryptionOutput,
};
use aws_sdk_s3::operation::delete_bucket_ownership_controls::{
    DeleteBucketOwnershipControlsInput, DeleteBucketOwnershipControlsOutput,
};
use aws_sdk_s3::operation::delete_bucket_policy::{DeleteBucketPolicyInput, DeleteBucketPolicyOutput};
use aws_sdk_s3::operation::delete_bucket_tagging::{DeleteBucketTaggingInput, DeleteBucketTaggingOutput};
use aws_sdk_s3::operation::delete_public_access_block::{
    DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput,
};
use aws_sdk_s3::operation::get_bucket_encryption::{GetBucketEncryptionInput, GetBucketEncryptionOutput};
use aws_sdk_s3::operation::get_bucket_ownership_controls::{
    GetBucketOwnershipControlsInput, GetBucketOwnershipControlsOutput,
};
use aws_sdk_s3::operation::get_bucket_policy::{GetBucketPolicyInput, GetBucketPolicyOutput};
use aws_sdk_s3::operation::get_bucket_tagging::{GetBucketTaggingInput, GetBucketTaggingOutput};
use aws_sdk_s3::operation::get_bucket_versioning::{GetBucketVersioningInput, GetBucketVersioningOutput};
use aws_sdk_s3::operation::get_public_access_block::{GetPublicAccessBlockInput, GetPublicAccessBlockOutput};
use aws_sdk_s3::operation::put_bucket_encryption::{PutBucketEncryptionInput, PutBucketEncryptionOutput};
use aws_sdk_s3::operation::put_bucket_ownership_controls::{
    PutBucketOwnershipControlsInput, PutBucketOwnershipControlsOutput,
};
use aws_sdk_s3::operation::put_bucket_policy::{PutBucketPolicyInput, PutBucketPolicyOutput};
use aws_sdk_s3::operation::put_bucket_tagging::{PutBucketTaggingInput, PutBucketTaggingOutput};
use aws_sdk_s3::operation::put_bucket_versioning::{PutBucketVersioningInput, PutBucketVersioningOutput};
use aws_sdk_s3::operation::put_public_access_block::{PutPublicAccessBlockInput, PutPublicAccessBlockOutput};
use aws_sdk_s3::types::{
    BucketVersioningStatus, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag,
};

use super::{find, find_mut, malformed};
use crate::aws::{Answer, ApiError, Services, Tags, World, iam};

/// How new objects are encrypted unless they say otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Encryption {
    /// Of the API's type ServerSideEncryption.
    pub(super) algorithm: String,
    pub(super) kms_key: Option<String>,
    bucket_key: bool,
}

impl Default for Encryption {
    fn default() -> Self {
        Self { algorithm: ServerSideEncryption::Aes256.as_str().to_owned(), kms_key: None, bucket_key: false }
    }
}

/// The four switches against public access, all on for a new bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PublicAccessBlock {
    block_acls: bool,
    ignore_acls: bool,
    block_policy: bool,
    restrict: bool,
}

impl Default for PublicAccessBlock {
    fn default() -> Self {
        Self { block_acls: true, ignore_acls: true, block_policy: true, restrict: true }
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(put_versioning).on(get_versioning);
    services.on(put_encryption).on(get_encryption).on(delete_encryption);
    services.on(put_public_access).on(get_public_access).on(delete_public_access);
    services.on(put_ownership).on(get_ownership).on(delete_ownership);
    services.on(put_policy).on(get_policy).on(delete_policy);
    services.on(put_tags).on(get_tags).on(delete_tags);
}

fn put_versioning(world: &mut World, input: &PutBucketVersioningInput) -> Answer<PutBucketVersioningOutput> {
    let status = input.versioning_configuration().and_then(|configuration| configuration.status());
    let status = status.ok_or_else(|| malformed("The versioning configuration has no status"))?;
    find_mut(world, input.bucket())?.versioning = Some(status.as_str().to_owned());
    Ok(PutBucketVersioningOutput::builder().build())
}

fn get_versioning(world: &mut World, input: &GetBucketVersioningInput) -> Answer<GetBucketVersioningOutput> {
    let status = find(world, input.bucket())?.versioning.as_deref().map(BucketVersioningStatus::from);
    Ok(GetBucketVersioningOutput::builder().set_status(status).build())
}

fn put_encryption(world: &mut World, input: &PutBucketEncryptionInput) -> Answer<PutBucketEncryptionOutput> {
    let rules = input.server_side_encryption_configuration().map(|configuration| configuration.rules());
    let [rule] = rules.unwrap_or_default() else {
        return Err(malformed("An encryption configuration has exactly one rule"));
    };
    let by_default = rule.apply_server_side_encryption_by_default();
    let encryption = Encryption {
        bucket_key: rule.bucket_key_enabled().unwrap_or(false),
        ..by_default.map_or_else(Encryption::default, |by_default| Encryption {
            algorithm: by_default.sse_algorithm.as_str().to_owned(),
            kms_key: by_default.kms_master_key_id.clone(),
            bucket_key: false,
        })
    };
    if encryption.kms_key.is_some() && encryption.algorithm == ServerSideEncryption::Aes256.as_str() {
        return Err(ApiError::new(
            "InvalidArgument",
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
        ));
    }
    find_mut(world, input.bucket())?.encryption = encryption;
    Ok(PutBucketEncryptionOutput::builder().build())
}

fn get_encryption(world: &mut World, input: &GetBucketEncryptionInput) -> Answer<GetBucketEncryptionOutput> {
    let encryption = &find(world, input.bucket())?.encryption;
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::from(encryption.algorithm.as_str()))
        .set_kms_master_key_id(encryption.kms_key.clone())
        .build()?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .bucket_key_enabled(encryption.bucket_key)
        .build();
    let configuration = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    Ok(GetBucketEncryptionOutput::builder().server_side_encryption_configuration(configuration).build())
}

fn delete_encryption(
    world: &mut World,
    input: &DeleteBucketEncryptionInput,
) -> Answer<DeleteBucketEncryptionOutput> {
    find_mut(world, input.bucket())?.encryption = Encryption::default();
    Ok(DeleteBucketEncryptionOutput::builder().build())
}

fn put_public_access(
    world: &mut World,
    input: &PutPublicAccessBlockInput,
) -> Answer<PutPublicAccessBlockOutput> {
    let given = input.public_access_block_configuration();
    let given = given.ok_or_else(|| malformed("The public access block configuration is missing"))?;
    find_mut(world, input.bucket())?.public_access_block = Some(PublicAccessBlock {
        block_acls: given.block_public_acls().unwrap_or(false),
        ignore_acls: given.ignore_public_acls().unwrap_or(false),
        block_policy: given.block_public_policy().unwrap_or(false),
        restrict: given.restrict_public_buckets().unwrap_or(false),
    });
    Ok(PutPublicAccessBlockOutput::builder().build())
}

fn get_public_access(
    world: &mut World,
    input: &GetPublicAccessBlockInput,
) -> Answer<GetPublicAccessBlockOutput> {
    let Some(block) = &find(world, input.bucket())?.public_access_block else {
        return Err(ApiError::new(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ));
    };
    let configuration = PublicAccessBlockConfiguration::builder()
        .block_public_acls(block.block_acls)
        .ignore_public_acls(block.ignore_acls)
        .block_public_policy(block.block_policy)
        .restrict_public_buckets(block.restrict)
        .build();
    Ok(GetPublicAccessBlockOutput::builder().public_access_block_configuration(configuration).build())
}

fn delete_public_access(
    world: &mut World,
    input: &DeletePublicAccessBlockInput,
) -> Answer<DeletePublicAccessBlockOutput> {
    find_mut(world, input.bucket())?.public_access_block = None;
    Ok(DeletePublicAccessBlockOutput::builder().build())
}

fn put_ownership(
    world: &mut World,
    input: &PutBucketOwnershipControlsInput,
) -> Answer<PutBucketOwnershipControlsOutput> {
    let rules = input.ownership_controls().map(|controls| controls.rules());
    let [rule] = rules.unwrap_or_default() else {
        return Err(malformed("Ownership controls have exactly one rule"));
    };
    find_mut(world, input.bucket())?.ownership = Some(rule.object_ownership.as_str().to_owned());
    Ok(PutBucketOwnershipControlsOutput::builder().build())
}

fn get_ownership(
    world: &mut World,
    input: &GetBucketOwnershipControlsInput,
) -> Answer<GetBucketOwnershipControlsOutput> {
    let Some(ownership) = &find(world, input.bucket())?.ownership else {
        return Err(ApiError::new(
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
        ));
    };
    let rule = OwnershipControlsRule::builder()
        .object_ownership(ObjectOwnership::from(ownership.as_str()))
        .build()?;
    let controls = OwnershipControls::builder().rules(rule).build()?;
    Ok(GetBucketOwnershipControlsOutput::builder().ownership_controls(controls).build())
}

fn delete_ownership(
    world: &mut World,
    input: &DeleteBucketOwnershipControlsInput,
) -> Answer<DeleteBucketOwnershipControlsOutput> {
    find_mut(world, input.bucket())?.ownership = None;
    Ok(DeleteBucketOwnershipControlsOutput::builder().build())
}

/// Whether a policy lets everybody in: it allows any principal without a condition.
fn is_public(policy: &Value) -> bool {
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        statement => std::slice::from_ref(statement),
    };
    statements.iter().any(|statement| {
        let principal = &statement["Principal"];
        statement["Effect"] == "Allow"
            && (principal == "*" || principal["AWS"] == "*")
            && statement.get("Condition").is_none()
    })
}

fn put_policy(world: &mut World, input: &PutBucketPolicyInput) -> Answer<PutBucketPolicyOutput> {
    let malformed =
        || ApiError::new("MalformedPolicy", "Policies must be valid JSON with at least one statement");
    let text = input.policy().unwrap_or_default();
    let policy: Value = serde_json::from_str(text).map_err(|_| malformed())?;
    if !policy["Statement"].is_array() && !policy["Statement"].is_object() {
        return Err(malformed());
    }
    if let Some(principal) = iam::unknown_principal(world, text) {
        return Err(ApiError::new("MalformedPolicy", format!("Invalid principal in policy: {principal}")));
    }
    let bucket = find_mut(world, input.bucket())?;
    let blocked = bucket.public_access_block.as_ref().is_some_and(|block| block.block_policy);
    if blocked && is_public(&policy) {
        return Err(ApiError::new(
            "AccessDenied",
            "public policies are prevented by the BlockPublicPolicy setting of the bucket",
        ));
    }
    bucket.policy = Some(text.to_owned());
    Ok(PutBucketPolicyOutput::builder().build())
}

fn get_policy(world: &mut World, input: &GetBucketPolicyInput) -> Answer<GetBucketPolicyOutput> {
    match &find(world, input.bucket())?.policy {
        Some(policy) => Ok(GetBucketPolicyOutput::builder().policy(policy).build()),
        None => Err(ApiError::new("NoSuchBucketPolicy", "The bucket policy does not exist")),
    }
}

fn delete_policy(world: &mut World, input: &DeleteBucketPolicyInput) -> Answer<DeleteBucketPolicyOutput> {
    find_mut(world, input.bucket())?.policy = None;
    Ok(DeleteBucketPolicyOutput::builder().build())
}

fn put_tags(world: &mut World, input: &PutBucketTaggingInput) -> Answer<PutBucketTaggingOutput> {
    let given = input.tagging().map(|tagging| tagging.tag_set()).unwrap_or_default();
    let mut tags = Tags::new();
    for tag in given {
        if tag.key.starts_with("aws:") {
            return Err(ApiError::new("InvalidTag", "System tags cannot be added/updated by requester"));
        }
        if tags.insert(tag.key.clone(), tag.value.clone()).is_some() {
            return Err(ApiError::new("InvalidTag", "Cannot provide multiple Tags with the same key"));
        }
    }
    find_mut(world, input.bucket())?.tags = tags;
    Ok(PutBucketTaggingOutput::builder().build())
}

fn get_tags(world: &mut World, input: &GetBucketTaggingInput) -> Answer<GetBucketTaggingOutput> {
    let tags = &find(world, input.bucket())?.tags;
    if tags.is_empty() {
        return Err(ApiError::new("NoSuchTagSet", "The TagSet does not exist"));
    }
    let tags = tags.iter().map(|(key, value)| Ok(Tag::builder().key(key).value(value).build()?));
    Ok(GetBucketTaggingOutput::builder().set_tag_set(Some(tags.collect::<Answer<_>>()?)).build()?)
}

fn delete_tags(world: &mut World, input: &DeleteBucketTaggingInput) -> Answer<DeleteBucketTaggingOutput> {
    find_mut(world, input.bucket())?.tags.clear();
    Ok(DeleteBucketTaggingOutput::builder().build())
}
