//! Objects: written whole, read whole, deleted with or without a trace.
//!
//! In a versioned bucket every write adds a version and a delete without a version id adds a delete marker; where versioning
//! is off or suspended, the version `null` is replaced (S3 User Guide, "How S3 Versioning works"). An ETag is opaque here: it is
//! made of the body but is not its MD5. Ranges and conditional reads are refused as not simulated.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use aws_sdk_s3::operation::delete_object::{DeleteObjectInput, DeleteObjectOutput};
use aws_sdk_s3::operation::delete_objects::{DeleteObjectsInput, DeleteObjectsOutput};
use aws_sdk_s3::operation::get_object::{GetObjectInput, GetObjectOutput};
use aws_sdk_s3::operation::head_object::{HeadObjectInput, HeadObjectOutput};
use aws_sdk_s3::operation::put_object::{PutObjectInput, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, DeletedObject, ServerSideEncryption};

use super::{Bucket, find, find_mut, malformed};
use crate::aws::{Answer, ApiError, Services, World, date_time, kms};

/// The id of the version that unversioned buckets have.
const NULL_VERSION: &str = "null";

/// One version of an object, or a delete marker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) modified: Timestamp,
    /// None for a delete marker.
    pub(super) content: Option<Content>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Content {
    /// In base64.
    body: String,
    pub(super) size: i64,
    pub(super) etag: String,
    content_type: String,
    metadata: HashMap<String, String>,
    encryption: String,
    kms_key: Option<String>,
}

/// What is kept of a request to write: its body is a stream, which cannot be cloned for a second attempt.
#[derive(Debug)]
struct Write {
    bucket: Option<String>,
    key: String,
    /// None if the body is not in memory.
    body: Option<Vec<u8>>,
    if_match: Option<String>,
    if_none_match: Option<String>,
    content_type: Option<String>,
    metadata: HashMap<String, String>,
    encryption: Option<String>,
    kms_key: Option<String>,
}

pub(super) fn register(services: &mut Services) {
    services.on_captured(capture, put).on(get).on(head).on(delete).on(delete_many);
}

fn capture(input: &PutObjectInput) -> Write {
    Write {
        bucket: input.bucket.clone(),
        key: input.key.clone().unwrap_or_default(),
        body: input.body.bytes().map(<[u8]>::to_vec),
        if_match: input.if_match.clone(),
        if_none_match: input.if_none_match.clone(),
        content_type: input.content_type.clone(),
        metadata: input.metadata.clone().unwrap_or_default(),
        encryption: input.server_side_encryption.as_ref().map(|encryption| encryption.as_str().to_owned()),
        kms_key: input.ssekms_key_id.clone(),
    }
}

fn versions_are_kept(bucket: &Bucket) -> bool {
    bucket.versioning.as_deref() == Some(BucketVersioningStatus::Enabled.as_str())
}

/// The newest version of a key, unless it is a delete marker.
fn current<'a>(bucket: &'a Bucket, key: &str) -> Option<(&'a Version, &'a Content)> {
    let newest = bucket.objects.get(key)?.last()?;
    Some((newest, newest.content.as_ref()?))
}

fn check_conditions(bucket: &Bucket, write: &Write) -> Answer<()> {
    let failed = || {
        Err(ApiError::new(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        ))
    };
    let current = current(bucket, &write.key).map(|(_, content)| content.etag.as_str());
    match (write.if_none_match.as_deref(), current) {
        (Some("*"), Some(_)) => return failed(),
        (Some("*") | None, _) => {}
        (Some(_), _) => {
            return Err(ApiError::new("NotImplemented", "If-None-Match takes only * when writing"));
        }
    }
    match (write.if_match.as_deref(), current) {
        (Some(_), None) => Err(no_such_key(&write.key)),
        (Some(wanted), Some(etag)) if wanted != etag => failed(),
        _ => Ok(()),
    }
}

/// How the object is encrypted: as asked, else as the bucket says; its KMS key must work.
fn encryption(world: &World, bucket: &Bucket, write: &Write) -> Answer<(String, Option<String>)> {
    let algorithm = write.encryption.clone().unwrap_or_else(|| bucket.encryption.algorithm.clone());
    if algorithm == ServerSideEncryption::Aes256.as_str() {
        return Ok((algorithm, None));
    }
    let Some(key) = write.kms_key.clone().or_else(|| bucket.encryption.kms_key.clone()) else {
        return Ok((algorithm, None));
    };
    match kms::key_arn(world, &key) {
        arn if kms::usable(world, &key) => Ok((algorithm, arn)),
        None => Err(ApiError::new("KMS.NotFoundException", format!("Key '{key}' does not exist"))),
        Some(arn) => Err(ApiError::new("KMS.KMSInvalidStateException", format!("{arn} cannot be used"))),
    }
}

fn put(world: &mut World, write: &Write) -> Answer<PutObjectOutput> {
    let now = world.now;
    let bucket = find(world, write.bucket.as_deref())?;
    let Some(body) = &write.body else {
        return Err(ApiError::new("NotImplemented", "the simulated S3 takes bodies that are in memory only"));
    };
    if write.key.is_empty() || write.key.len() > 1024 {
        return Err(ApiError::new("KeyTooLongError", "Your key must have 1 to 1024 bytes"));
    }
    check_conditions(bucket, write)?;
    let (encryption, kms_key) = encryption(world, bucket, write)?;
    let kept = versions_are_kept(bucket);
    let id = if kept { world.unique_id("V") } else { NULL_VERSION.to_owned() };
    let content = Content {
        body: STANDARD.encode(body),
        size: i64::try_from(body.len()).unwrap_or(i64::MAX),
        etag: etag(body),
        content_type: write.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned()),
        metadata: write.metadata.clone(),
        encryption,
        kms_key,
    };
    let output = PutObjectOutput::builder()
        .e_tag(&content.etag)
        .set_version_id(kept.then(|| id.clone()))
        .server_side_encryption(ServerSideEncryption::from(content.encryption.as_str()))
        .set_ssekms_key_id(content.kms_key.clone())
        .size(content.size)
        .build();
    let bucket = find_mut(world, write.bucket.as_deref())?;
    add(bucket, &write.key, Version { id, modified: now, content: Some(content) });
    Ok(output)
}

/// Sixteen bytes of the body's digest, quoted as an ETag is.
fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// Adds a version as the newest; `null` replaces an earlier `null`.
fn add(bucket: &mut Bucket, key: &str, version: Version) {
    let versions = bucket.objects.entry(key.to_owned()).or_default();
    if version.id == NULL_VERSION {
        versions.retain(|other| other.id != NULL_VERSION);
    }
    versions.push(version);
}

fn no_such_key(key: &str) -> ApiError {
    ApiError::new("NoSuchKey", format!("The specified key does not exist: {key}"))
}

/// The version that a read asks for.
fn read<'a>(bucket: &'a Bucket, key: &str, version: Option<&str>) -> Answer<(&'a Version, &'a Content)> {
    let Some(id) = version else {
        return current(bucket, key).ok_or_else(|| no_such_key(key));
    };
    let versions = bucket.objects.get(key).map(Vec::as_slice).unwrap_or_default();
    let Some(version) = versions.iter().find(|version| version.id == id) else {
        return Err(ApiError::new("NoSuchVersion", "The specified version does not exist."));
    };
    match &version.content {
        Some(content) => Ok((version, content)),
        None => Err(ApiError::new(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )),
    }
}

fn whole_and_unconditional(range: Option<&str>, conditions: [Option<&str>; 2]) -> Answer<()> {
    if range.is_none() && conditions == [None, None] {
        return Ok(());
    }
    Err(ApiError::new("NotImplemented", "reads of ranges or on conditions are not simulated"))
}

fn get(world: &mut World, input: &GetObjectInput) -> Answer<GetObjectOutput> {
    whole_and_unconditional(input.range(), [input.if_match(), input.if_none_match()])?;
    let bucket = find(world, input.bucket())?;
    let (version, content) = read(bucket, input.key().unwrap_or_default(), input.version_id())?;
    let body = STANDARD
        .decode(&content.body)
        .map_err(|error| ApiError::new("InternalError", format!("the stored body is damaged: {error}")))?;
    Ok(GetObjectOutput::builder()
        .body(ByteStream::from(body))
        .accept_ranges("bytes")
        .last_modified(date_time(version.modified))
        .content_length(content.size)
        .e_tag(&content.etag)
        .set_version_id(bucket.versioning.is_some().then(|| version.id.clone()))
        .content_type(&content.content_type)
        .set_metadata(Some(content.metadata.clone()))
        .server_side_encryption(ServerSideEncryption::from(content.encryption.as_str()))
        .set_ssekms_key_id(content.kms_key.clone())
        .build())
}

fn head(world: &mut World, input: &HeadObjectInput) -> Answer<HeadObjectOutput> {
    whole_and_unconditional(input.range(), [input.if_match(), input.if_none_match()])?;
    // An answer to HEAD has no body, so its code is that of the status.
    let not_found = |error: ApiError| match error.code.as_str() {
        "NoSuchBucket" | "NoSuchKey" | "NoSuchVersion" => ApiError::new("NotFound", "Not Found"),
        _ => error,
    };
    let bucket = find(world, input.bucket()).map_err(not_found)?;
    let (version, content) =
        read(bucket, input.key().unwrap_or_default(), input.version_id()).map_err(not_found)?;
    Ok(HeadObjectOutput::builder()
        .accept_ranges("bytes")
        .last_modified(date_time(version.modified))
        .content_length(content.size)
        .e_tag(&content.etag)
        .set_version_id(bucket.versioning.is_some().then(|| version.id.clone()))
        .content_type(&content.content_type)
        .set_metadata(Some(content.metadata.clone()))
        .server_side_encryption(ServerSideEncryption::from(content.encryption.as_str()))
        .set_ssekms_key_id(content.kms_key.clone())
        .build())
}

/// What a deletion did.
struct Deletion {
    /// A delete marker was added or removed.
    marker: bool,
    /// The version that was added or removed.
    version: Option<String>,
}

fn remove(world: &mut World, bucket: Option<&str>, key: &str, version: Option<&str>) -> Answer<Deletion> {
    let now = world.now;
    let versioning = find(world, bucket)?.versioning.clone();
    if let Some(id) = version {
        let bucket = find_mut(world, bucket)?;
        let mut marker = false;
        if let Some(versions) = bucket.objects.get_mut(key) {
            marker = versions.iter().any(|version| version.id == id && version.content.is_none());
            versions.retain(|version| version.id != id);
            if versions.is_empty() {
                bucket.objects.remove(key);
            }
        }
        return Ok(Deletion { marker, version: Some(id.to_owned()) });
    }
    if versioning.is_none() {
        find_mut(world, bucket)?.objects.remove(key);
        return Ok(Deletion { marker: false, version: None });
    }
    let kept = versions_are_kept(find(world, bucket)?);
    let id = if kept { world.unique_id("V") } else { NULL_VERSION.to_owned() };
    add(find_mut(world, bucket)?, key, Version { id: id.clone(), modified: now, content: None });
    Ok(Deletion { marker: true, version: Some(id) })
}

fn delete(world: &mut World, input: &DeleteObjectInput) -> Answer<DeleteObjectOutput> {
    let done = remove(world, input.bucket(), input.key().unwrap_or_default(), input.version_id())?;
    Ok(DeleteObjectOutput::builder()
        .set_delete_marker(done.marker.then_some(true))
        .set_version_id(done.version)
        .build())
}

fn delete_many(world: &mut World, input: &DeleteObjectsInput) -> Answer<DeleteObjectsOutput> {
    find(world, input.bucket())?;
    let objects = input.delete().map(|delete| delete.objects()).unwrap_or_default();
    if objects.is_empty() || objects.len() > 1000 {
        return Err(malformed("A request deletes 1 to 1000 objects"));
    }
    let mut deleted = Vec::with_capacity(objects.len());
    for object in objects {
        let done = remove(world, input.bucket(), &object.key, object.version_id())?;
        let shown = DeletedObject::builder()
            .key(&object.key)
            .set_version_id(object.version_id.clone())
            .set_delete_marker(done.marker.then_some(true))
            .set_delete_marker_version_id(done.version.filter(|_| done.marker));
        deleted.push(shown.build());
    }
    let quiet = input.delete().is_some_and(|delete| delete.quiet == Some(true));
    Ok(DeleteObjectsOutput::builder().set_deleted((!quiet).then_some(deleted)).build())
}
