//! Tags and filters as EC2 takes them.

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use holodeck_engine::Error;

use crate::aws::answer::Answer;
use crate::aws::client::Aws;
use crate::aws::owner::{ENVIRONMENT, Tags};

/// Matches what belongs to our environment.
pub fn owned(aws: &Aws) -> Filter {
    filter(format!("tag:{ENVIRONMENT}"), &aws.owner.environment)
}

/// Matches one value of one field.
pub fn filter(name: impl Into<String>, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// The tags to create the resource `name` with.
pub fn specification(aws: &Aws, kind: ResourceType, name: &str, own: &Tags) -> TagSpecification {
    let tags = aws
        .owner
        .tags(name, own)
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
}

/// Sets tags on an existing resource.
pub async fn set(aws: &Aws, id: &str, tags: &Tags) -> Result<(), Error> {
    if tags.is_empty() {
        return Ok(());
    }
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    aws.ec2.create_tags().resources(id).set_tags(Some(tags)).send().await.answer("CreateTags")?;
    Ok(())
}
