//! Tags of Auto Scaling groups.

use aws_sdk_autoscaling::operation::create_or_update_tags::{
    CreateOrUpdateTagsInput, CreateOrUpdateTagsOutput,
};
use aws_sdk_autoscaling::operation::delete_tags::{DeleteTagsInput, DeleteTagsOutput};
use aws_sdk_autoscaling::operation::describe_tags::{DescribeTagsInput, DescribeTagsOutput};
use aws_sdk_autoscaling::types;
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World};

/// The value of a tag of a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tag {
    pub(crate) value: String,
    /// Whether instances get it when they are launched.
    pub(crate) propagate: bool,
}

pub(super) fn register(services: &mut Services) {
    services.on(create_or_update);
    services.on(delete);
    services.on(describe);
}

fn create_or_update(world: &mut World, input: &CreateOrUpdateTagsInput) -> Answer<CreateOrUpdateTagsOutput> {
    for tag in input.tags() {
        super::find(world, tag.resource_id())?;
    }
    for tag in input.tags() {
        let value = Tag {
            value: tag.value().unwrap_or_default().to_owned(),
            propagate: tag.propagate_at_launch().unwrap_or_default(),
        };
        super::find_mut(world, tag.resource_id())?
            .tags
            .insert(tag.key().unwrap_or_default().to_owned(), value);
    }
    Ok(CreateOrUpdateTagsOutput::builder().build())
}

fn delete(world: &mut World, input: &DeleteTagsInput) -> Answer<DeleteTagsOutput> {
    for tag in input.tags() {
        super::find_mut(world, tag.resource_id())?.tags.remove(tag.key().unwrap_or_default());
    }
    Ok(DeleteTagsOutput::builder().build())
}

fn describe(world: &mut World, input: &DescribeTagsInput) -> Answer<DescribeTagsOutput> {
    for filter in input.filters() {
        let name = filter.name().unwrap_or_default();
        if !["auto-scaling-group", "key", "value", "propagate-at-launch"].contains(&name) {
            return Err(super::validation(format!("The filter '{name}' is invalid")));
        }
    }
    let all = world.autoscaling.groups.values().flat_map(|group| group.tag_descriptions());
    let wanted = |tag: &types::TagDescription| {
        input.filters().iter().all(|filter| {
            let value = match filter.name() {
                Some("auto-scaling-group") => tag.resource_id().unwrap_or_default(),
                Some("key") => tag.key().unwrap_or_default(),
                Some("value") => tag.value().unwrap_or_default(),
                _ if tag.propagate_at_launch().unwrap_or_default() => "true",
                _ => "false",
            };
            filter.values().iter().any(|wanted| wanted == value)
        })
    };
    let (tags, next) = super::page(all.filter(wanted).collect(), input.next_token(), input.max_records())?;
    Ok(DescribeTagsOutput::builder().set_tags(Some(tags)).set_next_token(next).build())
}
