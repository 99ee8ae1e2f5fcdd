//! Tags of everything in EKS, by ARN.

use std::collections::BTreeMap;

use aws_sdk_eks::operation::list_tags_for_resource::{ListTagsForResourceInput, ListTagsForResourceOutput};
use aws_sdk_eks::operation::tag_resource::{TagResourceInput, TagResourceOutput};
use aws_sdk_eks::operation::untag_resource::{UntagResourceInput, UntagResourceOutput};

use super::super::{Answer, ApiError, Services, World};
use super::cluster::Cluster;
use super::{hash_map, tags_of};

/// The most tags that a resource may have.
const MOST: usize = 50;

pub(super) fn register(services: &mut Services) {
    services.on(tag);
    services.on(untag);
    services.on(list);
}

fn find<'a>(world: &'a mut World, arn: &str) -> Answer<&'a mut BTreeMap<String, String>> {
    let found = world.eks.clusters.values_mut().find_map(|cluster| in_cluster(cluster, arn));
    found.ok_or_else(|| ApiError::new("NotFoundException", format!("The resource {arn} does not exist")))
}

fn in_cluster<'a>(cluster: &'a mut Cluster, arn: &str) -> Option<&'a mut BTreeMap<String, String>> {
    if cluster.arn == arn {
        return Some(&mut cluster.settings.tags);
    }
    let groups =
        cluster.node_groups.values_mut().find(|group| group.arn == arn).map(|group| &mut group.settings.tags);
    let addons = cluster.addons.values_mut().find(|addon| addon.arn() == arn).map(|addon| &mut addon.tags);
    let entries =
        cluster.access_entries.values_mut().find(|entry| entry.arn == arn).map(|entry| &mut entry.tags);
    let pods = cluster
        .pod_identities
        .values_mut()
        .find(|association| association.arn == arn)
        .map(|pod| &mut pod.tags);
    groups.or(addons).or(entries).or(pods)
}

fn tag(world: &mut World, input: &TagResourceInput) -> Answer<TagResourceOutput> {
    let new = tags_of(input.tags());
    if new.keys().any(|key| key.starts_with("aws:")) {
        return Err(ApiError::new("BadRequestException", "Tag keys must not begin with aws:"));
    }
    let mut tags = find(world, input.resource_arn().unwrap_or_default())?.clone();
    tags.extend(new);
    if tags.len() > MOST {
        return Err(ApiError::new("BadRequestException", format!("A resource has at most {MOST} tags")));
    }
    *find(world, input.resource_arn().unwrap_or_default())? = tags;
    Ok(TagResourceOutput::builder().build())
}

fn untag(world: &mut World, input: &UntagResourceInput) -> Answer<UntagResourceOutput> {
    find(world, input.resource_arn().unwrap_or_default())?.retain(|key, _| !input.tag_keys().contains(key));
    Ok(UntagResourceOutput::builder().build())
}

fn list(world: &mut World, input: &ListTagsForResourceInput) -> Answer<ListTagsForResourceOutput> {
    let tags = find(world, input.resource_arn().unwrap_or_default())?;
    Ok(ListTagsForResourceOutput::builder().set_tags(Some(hash_map(tags))).build())
}
