//! What is in a bucket: its current objects, or all versions and delete markers, in the order of their keys.

use std::collections::BTreeSet;

use aws_sdk_s3::operation::list_object_versions::{ListObjectVersionsInput, ListObjectVersionsOutput};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Input, ListObjectsV2Output};
use aws_sdk_s3::types::{
    CommonPrefix, DeleteMarkerEntry, Object, ObjectStorageClass, ObjectVersion, ObjectVersionStorageClass,
};

use super::find;
use super::object::{Content, Version};
use crate::aws::paging::page;
use crate::aws::{Answer, ApiError, Services, World, date_time};

const MOST_KEYS: i32 = 1000;

pub(super) fn register(services: &mut Services) {
    services.on(list).on(list_versions);
}

/// One line of a listing of current objects.
enum Line<'a> {
    Object(&'a str, &'a Version, &'a Content),
    Prefix(String),
}

fn list(world: &mut World, input: &ListObjectsV2Input) -> Answer<ListObjectsV2Output> {
    let bucket = find(world, input.bucket())?;
    let prefix = input.prefix().unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut lines = Vec::new();
    for (key, versions) in &bucket.objects {
        let Some((version, content)) = versions.last().and_then(|last| Some((last, last.content.as_ref()?)))
        else {
            continue;
        };
        let wanted = key.starts_with(prefix) && input.start_after().is_none_or(|start| key.as_str() > start);
        if !wanted {
            continue;
        }
        match common_prefix(key, prefix, input.delimiter()) {
            None => lines.push(Line::Object(key, version, content)),
            Some(common) => {
                if seen.insert(common.clone()) {
                    lines.push(Line::Prefix(common));
                }
            }
        }
    }
    let size = input.max_keys().unwrap_or(MOST_KEYS).min(MOST_KEYS);
    let (lines, token) = page(lines, input.continuation_token(), Some(size), MOST_KEYS, MOST_KEYS)
        .map_err(|error| error.with_code("InvalidArgument"))?;
    let count = i32::try_from(lines.len()).unwrap_or(MOST_KEYS);
    let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            Line::Object(key, version, content) => contents.push(
                Object::builder()
                    .key(key)
                    .last_modified(date_time(version.modified))
                    .e_tag(&content.etag)
                    .size(content.size)
                    .storage_class(ObjectStorageClass::Standard)
                    .build(),
            ),
            Line::Prefix(prefix) => prefixes.push(CommonPrefix::builder().prefix(prefix).build()),
        }
    }
    Ok(ListObjectsV2Output::builder()
        .is_truncated(token.is_some())
        .set_contents((!contents.is_empty()).then_some(contents))
        .set_common_prefixes((!prefixes.is_empty()).then_some(prefixes))
        .name(&bucket.name)
        .set_prefix(input.prefix.clone())
        .set_delimiter(input.delimiter.clone())
        .max_keys(size)
        .key_count(count)
        .set_continuation_token(input.continuation_token.clone())
        .set_next_continuation_token(token)
        .set_start_after(input.start_after.clone())
        .build())
}

/// The part of a key up to the first delimiter after the prefix.
fn common_prefix(key: &str, prefix: &str, delimiter: Option<&str>) -> Option<String> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let end = key.get(prefix.len()..)?.find(delimiter)? + prefix.len() + delimiter.len();
    Some(key[..end].to_owned())
}

fn list_versions(world: &mut World, input: &ListObjectVersionsInput) -> Answer<ListObjectVersionsOutput> {
    if input.delimiter().is_some() {
        return Err(ApiError::new("NotImplemented", "listing versions with a delimiter is not simulated"));
    }
    let bucket = find(world, input.bucket())?;
    let prefix = input.prefix().unwrap_or_default();
    let newest_first =
        bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix)).flat_map(|(key, versions)| {
            versions.iter().rev().enumerate().map(move |(position, version)| (key, version, position == 0))
        });
    let all: Vec<_> = newest_first.collect();
    let start = first_after(&all, input.key_marker(), input.version_id_marker());
    let size = input.max_keys().unwrap_or(MOST_KEYS).clamp(0, MOST_KEYS);
    let count = usize::try_from(size).unwrap_or_default();
    let mut shown = all.iter().skip(start).take(count);
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for (key, version, latest) in shown.clone() {
        match &version.content {
            Some(content) => versions.push(
                ObjectVersion::builder()
                    .key(*key)
                    .version_id(&version.id)
                    .is_latest(*latest)
                    .last_modified(date_time(version.modified))
                    .e_tag(&content.etag)
                    .size(content.size)
                    .storage_class(ObjectVersionStorageClass::Standard)
                    .build(),
            ),
            None => markers.push(
                DeleteMarkerEntry::builder()
                    .key(*key)
                    .version_id(&version.id)
                    .is_latest(*latest)
                    .last_modified(date_time(version.modified))
                    .build(),
            ),
        }
    }
    let truncated = start + count < all.len();
    let last = shown.next_back().filter(|_| truncated);
    Ok(ListObjectVersionsOutput::builder()
        .is_truncated(truncated)
        .set_key_marker(input.key_marker.clone())
        .set_version_id_marker(input.version_id_marker.clone())
        .set_next_key_marker(last.map(|(key, _, _)| (*key).clone()))
        .set_next_version_id_marker(last.map(|(_, version, _)| version.id.clone()))
        .set_versions((!versions.is_empty()).then_some(versions))
        .set_delete_markers((!markers.is_empty()).then_some(markers))
        .name(&bucket.name)
        .set_prefix(input.prefix.clone())
        .max_keys(size)
        .build())
}

/// The position after the markers. If the marked version is gone meanwhile, its key is listed again from its newest version:
/// a version is rather shown twice than missed.
fn first_after(all: &[(&String, &Version, bool)], key: Option<&str>, version: Option<&str>) -> usize {
    let Some(marker) = key else { return 0 };
    let after_key = all.iter().position(|(key, _, _)| key.as_str() > marker).unwrap_or(all.len());
    let Some(id) = version else { return after_key };
    match all.iter().position(|(key, version, _)| key.as_str() == marker && version.id == id) {
        Some(position) => position + 1,
        None => all.iter().position(|(key, _, _)| key.as_str() >= marker).unwrap_or(all.len()),
    }
}
