//! The simulated S3: buckets with their settings, and objects with their versions.
//!
//! Invariants: bucket names are global, so some are taken by other accounts ([`TAKEN`]); a bucket belongs to one region and is
//! reached only there; it can be deleted only without objects, versions and delete markers; a new bucket is encrypted,
//! blocks public access and has no access lists (S3 User Guide, "Default settings for new S3 buckets FAQ").

mod bucket;
mod lifecycle;
mod listing;
mod object;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Services, Tags, World};

/// Names that belong to other accounts, as common words do.
const TAKEN: &[&str] =
    &["backup", "backups", "example", "holodeck", "my-bucket", "production", "staging", "test", "vault"];

/// Everything of S3 in the account.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By name.
    buckets: BTreeMap<String, Bucket>,
}

/// One bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bucket {
    name: String,
    region: String,
    created: Timestamp,
    /// Of the API's type BucketVersioningStatus; none until it was set once.
    versioning: Option<String>,
    encryption: settings::Encryption,
    public_access_block: Option<settings::PublicAccessBlock>,
    /// Of the API's type ObjectOwnership.
    ownership: Option<String>,
    policy: Option<String>,
    lifecycle: Vec<lifecycle::Rule>,
    tags: Tags,
    /// The versions of each key, the newest last.
    objects: BTreeMap<String, Vec<object::Version>>,
}

/// Adds the operations of S3.
pub(crate) fn register(services: &mut Services) {
    bucket::register(services);
    settings::register(services);
    lifecycle::register(services);
    object::register(services);
    listing::register(services);
}

fn find<'a>(world: &'a World, name: Option<&str>) -> Answer<&'a Bucket> {
    let name = name.unwrap_or_default();
    let bucket = world.s3.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    check_region(world, bucket)?;
    Ok(bucket)
}

fn find_mut<'a>(world: &'a mut World, name: Option<&str>) -> Answer<&'a mut Bucket> {
    find(world, name)?;
    let name = name.unwrap_or_default();
    world.s3.buckets.get_mut(name).ok_or_else(|| no_such_bucket(name))
}

fn check_region(world: &World, bucket: &Bucket) -> Answer<()> {
    if bucket.region == world.region {
        return Ok(());
    }
    Err(ApiError::new(
        "PermanentRedirect",
        format!("The bucket {} is in {} and must be addressed there.", bucket.name, bucket.region),
    ))
}

fn no_such_bucket(name: &str) -> ApiError {
    ApiError::new("NoSuchBucket", format!("The specified bucket does not exist: {name}"))
}

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new("MalformedXML", message)
}
