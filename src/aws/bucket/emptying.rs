//! Removes all that is in a bucket: objects, their old versions, and the marks of deleted ones
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/empty-bucket.html>).

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use holodeck_engine::{Class, Error};

use crate::aws::answer::Answer;
use crate::aws::client::Aws;

/// Pages of a thousand that are removed before the engine hears how far it is.
const PAGES: usize = 20;

/// Empties the bucket; one that is gone is empty. Asks to be called again while a large one is not empty yet.
pub(super) async fn empty(aws: &Aws, bucket: &str) -> Result<(), Error> {
    for _ in 0..PAGES {
        // The first page is always the next one, since what it lists is removed.
        let request = aws.s3.list_object_versions().bucket(bucket).send().await;
        let Some(page) = request.answer_unless("ListObjectVersions", &["NoSuchBucket"])? else {
            return Ok(());
        };
        let objects = identifiers(&page)?;
        if objects.is_empty() {
            return Ok(());
        }
        remove(aws, bucket, objects).await?;
    }
    Err(Error::not_yet("the bucket is being emptied"))
}

fn identifiers(page: &ListObjectVersionsOutput) -> Result<Vec<ObjectIdentifier>, Error> {
    let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
    let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
    let identifier = |(key, version): (Option<&str>, Option<&str>)| {
        ObjectIdentifier::builder()
            .set_key(key.map(str::to_owned))
            .set_version_id(version.map(str::to_owned))
            .build()
    };
    versions.chain(markers).map(identifier).collect::<Result<_, _>>().map_err(super::incomplete)
}

async fn remove(aws: &Aws, bucket: &str, objects: Vec<ObjectIdentifier>) -> Result<(), Error> {
    let delete =
        Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(super::incomplete)?;
    let answer =
        aws.s3.delete_objects().bucket(bucket).delete(delete).send().await.answer("DeleteObjects")?;
    match answer.errors().first() {
        None => Ok(()),
        Some(error) => {
            let key = error.key().unwrap_or_default();
            let why = error.message().or(error.code()).unwrap_or("no reason given");
            Err(Error::new(Class::Failed, format!("removing `{key}` from bucket `{bucket}`: {why}")))
        }
    }
}
