//! What the operations of EC2 have in common: dry runs, tags at creation, lists by id, filter and page.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use ipnet::Ipv4Net;

use crate::aws::filters::{self, Fields};
use crate::aws::{Answer, ApiError, Tags, World, paging};

/// Ends a dry run: the caller may, and nothing is done.
pub(super) fn refuse_dry_run(dry_run: Option<bool>) -> Answer<()> {
    match dry_run {
        Some(true) => {
            let message = "Request would have succeeded, but DryRun flag is set.";
            Err(ApiError::new("DryRunOperation", message))
        }
        _ => Ok(()),
    }
}

/// A parameter that the operation cannot do without.
pub(super) fn required<'a>(value: Option<&'a str>, name: &str) -> Answer<&'a str> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| missing(name))
}

pub(super) fn missing(name: &str) -> ApiError {
    ApiError::new("MissingParameter", format!("The request must contain the parameter {name}"))
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

pub(super) fn dependency(message: impl Into<String>) -> ApiError {
    ApiError::new("DependencyViolation", message)
}

/// An id that nothing has. `code` is the kind's own, `what` is what AWS calls such an id.
pub(super) fn not_found(code: &str, what: &str, id: &str) -> ApiError {
    ApiError::new(code, format!("The {what} '{id}' does not exist"))
}

/// An IPv4 network, without its host bits.
pub(super) fn network(text: &str, name: &str) -> Answer<Ipv4Net> {
    let network: Result<Ipv4Net, _> = text.parse();
    network.map(|network| network.trunc()).map_err(|_| {
        invalid(format!("Value ({text}) for parameter {name} is invalid. This is not a valid CIDR block."))
    })
}

/// The tags that a creation gives to a resource of this kind; other kinds in it are refused.
pub(super) fn tags_for(specifications: &[TagSpecification], kind: &ResourceType) -> Answer<Tags> {
    let mut tags = Tags::new();
    for specification in specifications {
        if specification.resource_type.as_ref() != Some(kind) {
            let given = specification.resource_type.as_ref().map_or("", ResourceType::as_str);
            return Err(invalid(format!(
                "'{given}' is not a valid taggable resource type for this operation."
            )));
        }
        tags.extend(tags_of(specification.tags()));
    }
    check_tags(&tags)?;
    Ok(tags)
}

/// Tags of the SDK as a map.
pub(super) fn tags_of(tags: &[Tag]) -> Tags {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    tags.iter().map(|tag| (text(&tag.key), text(&tag.value))).collect()
}

/// Checks tags that a user gives
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>).
pub(super) fn check_tags(tags: &Tags) -> Answer<()> {
    for (key, value) in tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!(
                "Tag keys starting with 'aws:' are reserved for internal use: {key}"
            )));
        }
        if key.is_empty() || key.chars().count() > 127 {
            return Err(invalid(format!("Tag key must have 1 to 127 characters: '{key}'")));
        }
        if value.chars().count() > 255 {
            return Err(invalid(format!("Tag value exceeds the maximum length of 255 characters: {key}")));
        }
    }
    if tags.len() > 50 {
        return Err(ApiError::new("TagLimitExceeded", "A resource takes 50 tags at the most."));
    }
    Ok(())
}

/// A resource's tags as the SDK shows them.
pub(super) fn shown_tags(world: &World, id: &str) -> Option<Vec<Tag>> {
    let tags = world.ec2.tags.get(id).into_iter().flatten();
    Some(tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect())
}

/// The entries with these ids, or all when none are given; an unknown id is an error.
pub(super) fn by_ids<'a, T>(
    map: &'a BTreeMap<String, T>,
    ids: &[String],
    code: &str,
    what: &str,
) -> Answer<Vec<(&'a String, &'a T)>> {
    if ids.is_empty() {
        return Ok(map.iter().collect());
    }
    ids.iter().map(|id| map.get_key_value(id).ok_or_else(|| not_found(code, what, id))).collect()
}

/// Keeps what all filters let pass.
pub(super) fn filtered<T>(
    items: impl IntoIterator<Item = T>,
    filters: &[Filter],
    fields: &Fields<T>,
    tags: fn(&T) -> &[Tag],
) -> Answer<Vec<T>> {
    let plain = |filter: &Filter| filters::Filter {
        name: filter.name.clone().unwrap_or_default(),
        values: filter.values().to_vec(),
    };
    let filters: Vec<_> = filters.iter().map(plain).collect();
    filters::keep(items, &filters, fields, |item| tags_of(tags(item)))
}

/// One page of a list of EC2: everything up to a thousand entries unless told.
pub(super) fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    size: Option<i32>,
) -> Answer<(Vec<T>, Option<String>)> {
    paging::page(items, token, size, 1000, 1000)
}
