//! Tags of load balancers, target groups and listeners, by ARN.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::operation::add_tags::{AddTagsInput, AddTagsOutput};
use aws_sdk_elasticloadbalancingv2::operation::describe_tags::{DescribeTagsInput, DescribeTagsOutput};
use aws_sdk_elasticloadbalancingv2::operation::remove_tags::{RemoveTagsInput, RemoveTagsOutput};
use aws_sdk_elasticloadbalancingv2::types;

use super::super::{Answer, Services, World};
use super::{State, error, listener, load_balancer, target_group, validation};

/// The most resources that one call may name.
const MOST_A_CALL: usize = 20;
/// The most tags that a resource may have.
const MOST: usize = 50;

pub(super) fn register(services: &mut Services) {
    services.on(add);
    services.on(remove);
    services.on(describe);
}

/// Tags as the world keeps them; a key twice, or one that is AWS's own, is refused.
pub(super) fn tags_of(given: &[types::Tag]) -> Answer<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for tag in given {
        let key = tag.key().unwrap_or_default();
        if key.is_empty() || key.starts_with("aws:") {
            return Err(validation(format!("The tag key '{key}' is not valid")));
        }
        if tags.insert(key.to_owned(), tag.value().unwrap_or_default().to_owned()).is_some() {
            return Err(error(
                "DuplicateTagKeys",
                format!("The tag key '{key}' was specified more than once"),
            ));
        }
    }
    Ok(tags)
}

fn tags_mut<'a>(state: &'a mut State, arn: &str) -> Answer<&'a mut BTreeMap<String, String>> {
    if arn.contains(":listener/") {
        let found = state.listeners.get_mut(arn);
        found.map(|listener| &mut listener.tags).ok_or_else(|| listener::not_found(arn))
    } else if arn.contains(":targetgroup/") {
        let found = state.target_groups.get_mut(arn);
        found.map(|group| &mut group.tags).ok_or_else(|| target_group::not_found(arn))
    } else {
        let found = state.load_balancers.get_mut(arn);
        found.map(|balancer| &mut balancer.tags).ok_or_else(|| load_balancer::not_found(arn))
    }
}

fn check(state: &mut State, arns: &[String]) -> Answer<()> {
    if arns.len() > MOST_A_CALL {
        return Err(validation(format!("At most {MOST_A_CALL} resources can be named at a time")));
    }
    arns.iter().try_for_each(|arn| tags_mut(state, arn).map(|_| ()))
}

fn add(world: &mut World, input: &AddTagsInput) -> Answer<AddTagsOutput> {
    let state = &mut world.elasticloadbalancingv2;
    let new = tags_of(input.tags())?;
    check(state, input.resource_arns())?;
    for arn in input.resource_arns() {
        let mut tags = tags_mut(state, arn)?.clone();
        tags.extend(new.clone());
        if tags.len() > MOST {
            return Err(error("TooManyTags", format!("'{arn}' has reached the limit of {MOST} tags")));
        }
        *tags_mut(state, arn)? = tags;
    }
    Ok(AddTagsOutput::builder().build())
}

fn remove(world: &mut World, input: &RemoveTagsInput) -> Answer<RemoveTagsOutput> {
    let state = &mut world.elasticloadbalancingv2;
    check(state, input.resource_arns())?;
    for arn in input.resource_arns() {
        tags_mut(state, arn)?.retain(|key, _| !input.tag_keys().contains(key));
    }
    Ok(RemoveTagsOutput::builder().build())
}

fn describe(world: &mut World, input: &DescribeTagsInput) -> Answer<DescribeTagsOutput> {
    let state = &mut world.elasticloadbalancingv2;
    check(state, input.resource_arns())?;
    let mut descriptions = Vec::new();
    for arn in input.resource_arns() {
        let tags = tags_mut(state, arn)?
            .iter()
            .map(|(key, value)| types::Tag::builder().key(key).value(value).build());
        descriptions
            .push(types::TagDescription::builder().resource_arn(arn).set_tags(Some(tags.collect())).build());
    }
    Ok(DescribeTagsOutput::builder().set_tag_descriptions(Some(descriptions)).build())
}
