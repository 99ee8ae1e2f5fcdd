//! Private S3 buckets (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>).
//!
//! Names of buckets are taken worldwide, so ours carry the environment and the account. A new bucket has only its name and its
//! tags; everything else is set by requests of their own as soon as it is there. A bucket goes with all that is in it, old
//! versions included.

mod emptying;
mod settings;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, Tag, Tagging};
use futures::future::try_join_all;
use holodeck_engine::{Durations, Error, FieldChange, Input, Observed, Output, Resource, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::answer::Answer;
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::owner::{self, Tags};

/// The region whose buckets have no location constraint.
const FIRST_REGION: &str = "us-east-1";

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// Whether replaced and deleted objects are kept as old versions.
    pub versioned: bool,
    /// ARN of the key that objects are encrypted with unless they say otherwise.
    pub key_arn: Input<String>,
    /// Whether public access is blocked in all of its forms.
    pub private: bool,
    /// Whether every object belongs to the bucket's owner, and access lists are of no effect.
    pub owner_enforced: bool,
    /// Whether its policy refuses requests without TLS. It has no other policy.
    pub tls_only: bool,
    /// Days that old versions are kept.
    pub noncurrent_days: u32,
    /// Days after which an unfinished upload in parts is removed.
    pub abort_upload_days: u32,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a bucket puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    name: String,
    arn: String,
}

impl Outputs {
    fn of(aws: &Aws, name: &str) -> Self {
        let name = format!("{}{name}", prefix(aws));
        Self { arn: arn(aws, &name), name }
    }
}

impl Bucket {
    /// Its name, worldwide.
    pub const NAME: Output<Self, String> = Output::new("name");
    /// Its ARN.
    pub const ARN: Output<Self, String> = Output::new("arn");
}

fn prefix(aws: &Aws) -> String {
    format!("{}-{}-", aws.owner.environment, aws.account)
}

fn arn(aws: &Aws, bucket: &str) -> String {
    format!("arn:{}:s3:::{bucket}", aws.partition)
}

impl Resource for Bucket {
    const KIND: &'static str = "aws.bucket";
    const PRECIOUS: bool = true;
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(3, 1, 10, 3600)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    fn foresee(&self, aws: &Aws, name: &str) -> Value {
        let Outputs { name, arn } = Outputs::of(aws, name);
        json!({ "name": name, "arn": arn })
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let request = aws.s3.list_buckets().prefix(prefix(aws)).bucket_region(&aws.region);
        let pages = request.into_paginator().items().send();
        let found = pages.collect::<Result<Vec<_>, _>>().await.answer("ListBuckets")?;
        let observed = found.into_iter().filter_map(|bucket| bucket.name).map(|name| observe(aws, name));
        Ok(try_join_all(observed).await?.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let location = (aws.region != FIRST_REGION).then(|| BucketLocationConstraint::from(&*aws.region));
        let configuration = CreateBucketConfiguration::builder()
            .set_location_constraint(location)
            .set_tags(Some(tag_set(&aws.owner.tags(name, &self.tags))?))
            .build();
        let request = aws.s3.create_bucket().bucket(Outputs::of(aws, name).name);
        // The name of a bucket that was just deleted is not free at once.
        request
            .create_bucket_configuration(configuration)
            .send()
            .await
            .answer_or_wait("CreateBucket", &["OperationAborted"])?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        self.change_settings(aws, &seen.outputs, changes).await?;
        if touches(changes, "tags") {
            let mut tags = seen.attributes.tags.clone();
            tags.extend(self.tags.clone());
            // Tags are only replaced as a whole.
            let tags = tag_set(&aws.owner.tags(&seen.name, &tags))?;
            let tagging = Tagging::builder().set_tag_set(Some(tags)).build().map_err(incomplete)?;
            let request = aws.s3.put_bucket_tagging().bucket(&seen.outputs.name).tagging(tagging);
            request.send().await.answer("PutBucketTagging")?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        emptying::empty(aws, &seen.outputs.name).await?;
        let request = aws.s3.delete_bucket().bucket(&seen.outputs.name).send().await;
        request.removed("DeleteBucket", &["NoSuchBucket"], &["BucketNotEmpty", "OperationAborted"])
    }
}

fn tag_set(tags: &Tags) -> Result<Vec<Tag>, Error> {
    let tag = |(key, value)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect::<Result<_, _>>().map_err(incomplete)
}

/// A request that was put together without a field that it must have.
fn incomplete(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::bug("a setting of a bucket is incomplete").with_source(error)
}

async fn observe(aws: &Aws, bucket: String) -> Result<Option<Observed<Bucket>>, Error> {
    let request = aws.s3.get_bucket_tagging().bucket(&bucket).send().await;
    let tags = request.answer_unless("GetBucketTagging", &["NoSuchTagSet", "NoSuchBucket"])?;
    let Some((name, tags)) = tags.and_then(|tags| aws.owner.recognise(tags.tag_set())) else {
        return Ok(None);
    };
    let outputs = Outputs { arn: arn(aws, &bucket), name: bucket };
    let attributes = settings::read(aws, &outputs, tags).await?;
    let id = outputs.arn.clone();
    Ok(Some(Observed { name, id, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}
