//! Buckets: made, found, listed and deleted.

use aws_sdk_s3::operation::create_bucket::{CreateBucketInput, CreateBucketOutput};
use aws_sdk_s3::operation::delete_bucket::{DeleteBucketInput, DeleteBucketOutput};
use aws_sdk_s3::operation::get_bucket_location::{GetBucketLocationInput, GetBucketLocationOutput};
use aws_sdk_s3::operation::head_bucket::{HeadBucketInput, HeadBucketOutput};
use aws_sdk_s3::operation::list_buckets::{ListBucketsInput, ListBucketsOutput};
use aws_sdk_s3::types::{Bucket as Shown, BucketLocationConstraint, ObjectOwnership};

use super::{Bucket, TAKEN, check_region, find, no_such_bucket, settings};
use crate::aws::paging::page;
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

/// The region whose buckets have no location constraint.
const FIRST_REGION: &str = "us-east-1";

pub(super) fn register(services: &mut Services) {
    services.on(create).on(head).on(list).on(location).on(delete);
}

/// S3 User Guide, "General purpose bucket naming rules".
fn is_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c))
        && edge(name.chars().next())
        && edge(name.chars().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
}

/// The constraint must name the region that is asked, and must be left out in the first region.
fn check_location(region: &str, constraint: Option<&str>) -> Answer<()> {
    match constraint {
        None if region == FIRST_REGION => Ok(()),
        Some(FIRST_REGION) => {
            Err(ApiError::new("InvalidLocationConstraint", "The specified location-constraint is not valid"))
        }
        Some(constraint) if constraint == region => Ok(()),
        Some(constraint) => Err(ApiError::new(
            "IllegalLocationConstraintException",
            format!(
                "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
            ),
        )),
        None => Err(ApiError::new(
            "IllegalLocationConstraintException",
            "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
        )),
    }
}

fn create(world: &mut World, input: &CreateBucketInput) -> Answer<CreateBucketOutput> {
    let name = input.bucket().unwrap_or_default();
    if !is_name(name) {
        return Err(ApiError::new("InvalidBucketName", format!("The specified bucket is not valid: {name}")));
    }
    let configuration = input.create_bucket_configuration();
    let constraint = configuration.and_then(|configuration| configuration.location_constraint());
    check_location(&world.region, constraint.map(BucketLocationConstraint::as_str))?;
    if TAKEN.contains(&name) {
        return Err(ApiError::new(
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system.",
        ));
    }
    let output = CreateBucketOutput::builder().location(format!("/{name}")).bucket_arn(arn(name)).build();
    if let Some(bucket) = world.s3.buckets.get(name) {
        // The first region answers a repeated creation by the owner as if it had succeeded.
        if bucket.region == FIRST_REGION && world.region == FIRST_REGION {
            return Ok(output);
        }
        return Err(ApiError::new(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        ));
    }
    let ownership = input.object_ownership().cloned().unwrap_or(ObjectOwnership::BucketOwnerEnforced);
    let tags = configuration.map(|configuration| configuration.tags()).unwrap_or_default();
    let bucket = Bucket {
        name: name.to_owned(),
        region: world.region.clone(),
        created: world.now,
        versioning: None,
        encryption: settings::Encryption::default(),
        public_access_block: Some(settings::PublicAccessBlock::default()),
        ownership: Some(ownership.as_str().to_owned()),
        policy: None,
        lifecycle: Vec::new(),
        tags: tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect::<Tags>(),
        objects: Default::default(),
    };
    world.s3.buckets.insert(name.to_owned(), bucket);
    Ok(output)
}

fn arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

fn head(world: &mut World, input: &HeadBucketInput) -> Answer<HeadBucketOutput> {
    let name = input.bucket().unwrap_or_default();
    if TAKEN.contains(&name) {
        return Err(ApiError::new("Forbidden", "Forbidden"));
    }
    // An answer to HEAD has no body, so its code is that of the status.
    let Some(bucket) = world.s3.buckets.get(name) else {
        return Err(ApiError::new("NotFound", "Not Found"));
    };
    check_region(world, bucket)?;
    Ok(HeadBucketOutput::builder()
        .bucket_region(&bucket.region)
        .bucket_arn(arn(name))
        .access_point_alias(false)
        .build())
}

fn list(world: &mut World, input: &ListBucketsInput) -> Answer<ListBucketsOutput> {
    let buckets = world.s3.buckets.values().filter(|bucket| {
        input.prefix().is_none_or(|prefix| bucket.name.starts_with(prefix))
            && input.bucket_region().is_none_or(|region| bucket.region == region)
    });
    let shown = buckets.map(|bucket| {
        Shown::builder()
            .name(&bucket.name)
            .creation_date(date_time(bucket.created))
            .bucket_region(&bucket.region)
            .bucket_arn(arn(&bucket.name))
            .build()
    });
    let (shown, token) =
        page(shown.collect(), input.continuation_token(), input.max_buckets(), 10_000, 10_000)
            .map_err(|error| error.with_code("InvalidArgument"))?;
    Ok(ListBucketsOutput::builder()
        .set_buckets(Some(shown))
        .set_prefix(input.prefix.clone())
        .set_continuation_token(token)
        .build())
}

fn location(world: &mut World, input: &GetBucketLocationInput) -> Answer<GetBucketLocationOutput> {
    let name = input.bucket().unwrap_or_default();
    let bucket = world.s3.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    let constraint = if bucket.region == FIRST_REGION { "" } else { &bucket.region };
    Ok(GetBucketLocationOutput::builder()
        .location_constraint(BucketLocationConstraint::from(constraint))
        .build())
}

fn delete(world: &mut World, input: &DeleteBucketInput) -> Answer<DeleteBucketOutput> {
    let bucket = find(world, input.bucket())?;
    if !bucket.objects.is_empty() {
        let message = if bucket.versioning.is_some() {
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        } else {
            "The bucket you tried to delete is not empty"
        };
        return Err(ApiError::new("BucketNotEmpty", message));
    }
    let name = bucket.name.clone();
    world.s3.buckets.remove(&name);
    Ok(DeleteBucketOutput::builder().build())
}
