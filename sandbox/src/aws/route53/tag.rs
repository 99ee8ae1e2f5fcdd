//! Tags of hosted zones: they are not given at creation but by a call of their own.

use aws_sdk_route53::operation::change_tags_for_resource::{
    ChangeTagsForResourceInput, ChangeTagsForResourceOutput,
};
use aws_sdk_route53::operation::list_tags_for_resource::{
    ListTagsForResourceInput, ListTagsForResourceOutput,
};
use aws_sdk_route53::operation::list_tags_for_resources::{
    ListTagsForResourcesInput, ListTagsForResourcesOutput,
};
use aws_sdk_route53::types::{ResourceTagSet, Tag, TagResourceType};

use super::zone::Zone;
use super::{bare, invalid_input, zone, zone_mut};
use crate::aws::{Answer, Services, World};

/// Zones whose tags one request can ask for.
const MOST_RESOURCES: usize = 10;

pub(super) fn register(services: &mut Services) {
    services.on(change).on(list).on(list_many);
}

fn only_zones(kind: Option<&TagResourceType>) -> Answer<()> {
    match kind {
        Some(TagResourceType::Hostedzone) => Ok(()),
        other => Err(invalid_input(format!(
            "tags of '{}' are not simulated",
            other.map(TagResourceType::as_str).unwrap_or_default()
        ))),
    }
}

fn change(world: &mut World, input: &ChangeTagsForResourceInput) -> Answer<ChangeTagsForResourceOutput> {
    only_zones(input.resource_type())?;
    if input.add_tags().is_empty() && input.remove_tag_keys().is_empty() {
        return Err(invalid_input("Neither tags to add nor tags to remove were given"));
    }
    let zone = zone_mut(world, input.resource_id())?;
    zone.tags.retain(|key, _| !input.remove_tag_keys().contains(key));
    for tag in input.add_tags() {
        let key = tag.key().unwrap_or_default().to_owned();
        zone.tags.insert(key, tag.value().unwrap_or_default().to_owned());
    }
    Ok(ChangeTagsForResourceOutput::builder().build())
}

fn tag_set(id: &str, zone: &Zone) -> ResourceTagSet {
    let tags = zone.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    ResourceTagSet::builder()
        .resource_type(TagResourceType::Hostedzone)
        .resource_id(id)
        .set_tags(Some(tags.collect()))
        .build()
}

fn list(world: &mut World, input: &ListTagsForResourceInput) -> Answer<ListTagsForResourceOutput> {
    only_zones(input.resource_type())?;
    let id = bare(input.resource_id().unwrap_or_default());
    let set = tag_set(id, zone(world, Some(id))?);
    Ok(ListTagsForResourceOutput::builder().resource_tag_set(set).build())
}

fn list_many(world: &mut World, input: &ListTagsForResourcesInput) -> Answer<ListTagsForResourcesOutput> {
    only_zones(input.resource_type())?;
    let ids = input.resource_ids();
    if ids.is_empty() || ids.len() > MOST_RESOURCES {
        return Err(invalid_input(format!("1 to {MOST_RESOURCES} resource ids can be given")));
    }
    let sets = ids.iter().map(|id| Ok(tag_set(bare(id), zone(world, Some(id))?)));
    Ok(ListTagsForResourcesOutput::builder()
        .set_resource_tag_sets(Some(sets.collect::<Answer<_>>()?))
        .build()?)
}
