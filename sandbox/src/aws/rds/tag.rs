//! Tags of everything in RDS, by ARN.

use std::collections::BTreeMap;

use aws_sdk_rds::operation::add_tags_to_resource::{AddTagsToResourceInput, AddTagsToResourceOutput};
use aws_sdk_rds::operation::list_tags_for_resource::{ListTagsForResourceInput, ListTagsForResourceOutput};
use aws_sdk_rds::operation::remove_tags_from_resource::{
    RemoveTagsFromResourceInput, RemoveTagsFromResourceOutput,
};
use aws_sdk_rds::types;

use super::super::{Answer, Services, World};
use super::{error, invalid_value};

pub(super) fn register(services: &mut Services) {
    services.on(add);
    services.on(remove);
    services.on(list);
}

/// Tags as the world keeps them; keys of AWS's own are refused.
pub(super) fn tags_of(given: &[types::Tag]) -> Answer<BTreeMap<String, String>> {
    let pair = |tag: &types::Tag| {
        let key = tag.key().unwrap_or_default();
        if key.is_empty() || key.starts_with("aws:") || key.starts_with("rds:") {
            return Err(invalid_value(format!("The tag key '{key}' is not valid")));
        }
        Ok((key.to_owned(), tag.value().unwrap_or_default().to_owned()))
    };
    given.iter().map(pair).collect()
}

/// Tags as the API shows them.
pub(super) fn view(tags: &BTreeMap<String, String>) -> Vec<types::Tag> {
    tags.iter().map(|(key, value)| types::Tag::builder().key(key).value(value).build()).collect()
}

fn find<'a>(world: &'a mut World, arn: Option<&str>) -> Answer<&'a mut BTreeMap<String, String>> {
    let arn = arn.unwrap_or_default();
    let name = arn.rsplit(':').next().unwrap_or_default();
    let state = &mut world.rds;
    let (found, code) = if arn.contains(":subgrp:") {
        let groups = state.subnet_groups.values_mut().find(|group| group.arn == arn);
        (groups.map(|group| &mut group.tags), "DBSubnetGroupNotFoundFault")
    } else if arn.contains(":snapshot:") {
        let snapshots = state.snapshots.values_mut().find(|snapshot| snapshot.arn == arn);
        (snapshots.map(|snapshot| &mut snapshot.tags), "DBSnapshotNotFound")
    } else {
        let instances = state.instances.values_mut().find(|instance| instance.arn == arn);
        (instances.map(|instance| &mut instance.tags), "DBInstanceNotFound")
    };
    found.ok_or_else(|| error(code, format!("{name} not found")))
}

fn add(world: &mut World, input: &AddTagsToResourceInput) -> Answer<AddTagsToResourceOutput> {
    let new = tags_of(input.tags())?;
    find(world, input.resource_name())?.extend(new);
    Ok(AddTagsToResourceOutput::builder().build())
}

fn remove(world: &mut World, input: &RemoveTagsFromResourceInput) -> Answer<RemoveTagsFromResourceOutput> {
    find(world, input.resource_name())?.retain(|key, _| !input.tag_keys().contains(key));
    Ok(RemoveTagsFromResourceOutput::builder().build())
}

fn list(world: &mut World, input: &ListTagsForResourceInput) -> Answer<ListTagsForResourceOutput> {
    let tags = view(find(world, input.resource_name())?);
    Ok(ListTagsForResourceOutput::builder().set_tag_list(Some(tags)).build())
}
