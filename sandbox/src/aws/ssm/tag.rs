//! Tags of parameters.

use aws_sdk_ssm::operation::add_tags_to_resource::{AddTagsToResourceInput, AddTagsToResourceOutput};
use aws_sdk_ssm::operation::list_tags_for_resource::{ListTagsForResourceInput, ListTagsForResourceOutput};
use aws_sdk_ssm::operation::remove_tags_from_resource::{
    RemoveTagsFromResourceInput, RemoveTagsFromResourceOutput,
};
use aws_sdk_ssm::types::{ResourceTypeForTagging, Tag};

use super::{Parameter, validation};
use crate::aws::{Answer, ApiError, Services, Tags, World};

pub(super) fn register(services: &mut Services) {
    services.on(add).on(remove).on(list);
}

pub(super) fn tags_in(given: &[Tag]) -> Answer<Tags> {
    let mut tags = Tags::new();
    for tag in given {
        if tag.key.is_empty() || tag.key.starts_with("aws:") {
            return Err(validation(format!("Tag key '{}' is not allowed", tag.key)));
        }
        if tags.insert(tag.key.clone(), tag.value.clone()).is_some() {
            return Err(validation(format!("Tag key '{}' is given twice", tag.key)));
        }
    }
    Ok(tags)
}

fn find_mut<'a>(
    world: &'a mut World,
    kind: Option<&ResourceTypeForTagging>,
    id: Option<&str>,
) -> Answer<&'a mut Parameter> {
    if kind != Some(&ResourceTypeForTagging::Parameter) {
        return Err(ApiError::new("InvalidResourceType", "only tags of parameters are simulated"));
    }
    let id = id.unwrap_or_default();
    world
        .ssm
        .parameters
        .get_mut(id)
        .ok_or_else(|| ApiError::new("InvalidResourceId", format!("There is no parameter {id}")))
}

fn add(world: &mut World, input: &AddTagsToResourceInput) -> Answer<AddTagsToResourceOutput> {
    let tags = tags_in(input.tags())?;
    find_mut(world, input.resource_type(), input.resource_id())?.tags.extend(tags);
    Ok(AddTagsToResourceOutput::builder().build())
}

fn remove(world: &mut World, input: &RemoveTagsFromResourceInput) -> Answer<RemoveTagsFromResourceOutput> {
    let parameter = find_mut(world, input.resource_type(), input.resource_id())?;
    parameter.tags.retain(|key, _| !input.tag_keys().contains(key));
    Ok(RemoveTagsFromResourceOutput::builder().build())
}

fn list(world: &mut World, input: &ListTagsForResourceInput) -> Answer<ListTagsForResourceOutput> {
    let tags = &find_mut(world, input.resource_type(), input.resource_id())?.tags;
    let tags = tags.iter().map(|(key, value)| Ok(Tag::builder().key(key).value(value).build()?));
    Ok(ListTagsForResourceOutput::builder().set_tag_list(Some(tags.collect::<Answer<_>>()?)).build())
}
