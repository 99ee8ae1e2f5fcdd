//! Roles: their life, trust policy and tags.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use aws_sdk_iam::operation::create_role::{CreateRoleInput, CreateRoleOutput};
use aws_sdk_iam::operation::delete_role::{DeleteRoleInput, DeleteRoleOutput};
use aws_sdk_iam::operation::get_role::{GetRoleInput, GetRoleOutput};
use aws_sdk_iam::operation::list_role_tags::{ListRoleTagsInput, ListRoleTagsOutput};
use aws_sdk_iam::operation::list_roles::{ListRolesInput, ListRolesOutput};
use aws_sdk_iam::operation::tag_role::{TagRoleInput, TagRoleOutput};
use aws_sdk_iam::operation::untag_role::{UntagRoleInput, UntagRoleOutput};
use aws_sdk_iam::operation::update_assume_role_policy::{
    UpdateAssumeRolePolicyInput, UpdateAssumeRolePolicyOutput,
};
use aws_sdk_iam::operation::update_role::{UpdateRoleInput, UpdateRoleOutput};
use aws_sdk_iam::types::{self, AttachedPermissionsBoundary, PermissionsBoundaryAttachmentType};

use super::{
    OPERATOR, arn, document, invalid, managed_policy, name, no_such_entity, page, path, unknown_principal,
};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

const LONGEST_NAME: usize = 64;
/// Seconds; also what a role has unless told.
const SHORTEST_SESSION: i32 = 3600;

/// One role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) path: String,
    id: String,
    pub(super) arn: String,
    pub(super) created: Timestamp,
    pub(super) trust_policy: String,
    description: Option<String>,
    /// Longest session in seconds.
    max_session: i32,
    permissions_boundary: Option<String>,
    tags: Tags,
    /// Inline policies: document by name.
    pub(super) inline: BTreeMap<String, String>,
    /// ARNs of the managed policies attached, in the order of attachment.
    pub(super) attached: Vec<String>,
}

/// The operators' role, ninety days old.
pub(super) fn operator(account: &str, now: Timestamp) -> Role {
    let age = SignedDuration::from_hours(24 * 90);
    let trust_policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": "sts:AssumeRole",
        }],
    });
    Role {
        name: OPERATOR.to_owned(),
        path: "/".to_owned(),
        id: "AROAOPERATOR000000000".to_owned(),
        arn: format!("arn:aws:iam::{account}:role/{OPERATOR}"),
        created: now.saturating_sub(age).unwrap_or(Timestamp::MIN),
        trust_policy: trust_policy.to_string(),
        description: None,
        max_session: SHORTEST_SESSION,
        permissions_boundary: None,
        tags: Tags::new(),
        inline: BTreeMap::new(),
        attached: vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()],
    }
}

pub(super) fn register(services: &mut Services) {
    services
        .on(create)
        .on(get)
        .on(list)
        .on(update)
        .on(update_trust_policy)
        .on(delete)
        .on(tag)
        .on(untag)
        .on(list_tags);
}

pub(super) fn by_arn<'a>(world: &'a World, arn: &str) -> Option<&'a Role> {
    world.iam.roles.values().find(|role| role.arn == arn)
}

pub(super) fn find<'a>(world: &'a World, name: Option<&str>) -> Answer<&'a Role> {
    let name = name.unwrap_or_default();
    world.iam.roles.get(&name.to_lowercase()).ok_or_else(|| missing(name))
}

pub(super) fn find_mut<'a>(world: &'a mut World, name: Option<&str>) -> Answer<&'a mut Role> {
    let name = name.unwrap_or_default();
    world.iam.roles.get_mut(&name.to_lowercase()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ApiError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

/// A role as lists show it: without tags, boundary and description of its last use.
pub(super) fn brief(role: &Role) -> Answer<types::builders::RoleBuilder> {
    Ok(types::Role::builder()
        .path(&role.path)
        .role_name(&role.name)
        .role_id(&role.id)
        .arn(&role.arn)
        .create_date(date_time(role.created))
        .assume_role_policy_document(document::encoded(&role.trust_policy))
        .set_description(role.description.clone())
        .max_session_duration(role.max_session))
}

fn full(role: &Role) -> Answer<types::Role> {
    let boundary = role.permissions_boundary.as_ref().map(|arn| {
        AttachedPermissionsBoundary::builder()
            .permissions_boundary_type(PermissionsBoundaryAttachmentType::Policy)
            .permissions_boundary_arn(arn)
            .build()
    });
    let tags = (!role.tags.is_empty()).then(|| tags_out(&role.tags)).transpose()?;
    Ok(brief(role)?.set_permissions_boundary(boundary).set_tags(tags).build()?)
}

pub(super) fn tags_out(tags: &Tags) -> Answer<Vec<types::Tag>> {
    tags.iter().map(|(key, value)| Ok(types::Tag::builder().key(key).value(value).build()?)).collect()
}

/// The tags of a request; a key given twice is an error.
pub(super) fn tags_in(tags: &[types::Tag]) -> Answer<Tags> {
    let mut kept = Tags::new();
    for tag in tags {
        if kept.insert(tag.key.clone(), tag.value.clone()).is_some() {
            return Err(ApiError::new(
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    if kept.len() > 50 {
        return Err(ApiError::new("LimitExceeded", "The number of tags has reached the maximum limit."));
    }
    Ok(kept)
}

fn check_max_session(seconds: i32) -> Answer<i32> {
    if (SHORTEST_SESSION..=43200).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(invalid(format!("Value '{seconds}' at 'maxSessionDuration' must be between 3600 and 43200")))
    }
}

/// Checks form and principals.
fn check_trust_policy(world: &World, policy: &str) -> Answer<()> {
    document::check_trust(policy)?;
    match unknown_principal(world, policy) {
        None => Ok(()),
        Some(principal) => Err(ApiError::new(
            "MalformedPolicyDocument",
            format!("Invalid principal in policy: \"AWS\":\"{principal}\""),
        )),
    }
}

fn create(world: &mut World, input: &CreateRoleInput) -> Answer<CreateRoleOutput> {
    let name = name("roleName", input.role_name(), LONGEST_NAME)?;
    let path = path(input.path())?;
    let trust_policy = input.assume_role_policy_document().unwrap_or_default();
    check_trust_policy(world, trust_policy)?;
    if input.description().is_some_and(|description| description.chars().count() > 1000) {
        return Err(invalid("Value at 'description' failed to satisfy constraint: at most 1000 characters"));
    }
    if let Some(boundary) = input.permissions_boundary()
        && managed_policy::name(boundary).is_none()
    {
        return Err(no_such_entity(format!("Scope ARN: {boundary} does not exist or is not attachable.")));
    }
    let max_session = check_max_session(input.max_session_duration().unwrap_or(SHORTEST_SESSION))?;
    let tags = tags_in(input.tags())?;
    if world.iam.roles.contains_key(&name.to_lowercase()) {
        return Err(ApiError::new("EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    let role = Role {
        arn: arn(world, "role", &path, name),
        id: world.unique_id("AROA"),
        name: name.to_owned(),
        path,
        created: world.now,
        trust_policy: trust_policy.to_owned(),
        description: input.description.clone(),
        max_session,
        permissions_boundary: input.permissions_boundary.clone(),
        tags,
        inline: BTreeMap::new(),
        attached: Vec::new(),
    };
    let output = CreateRoleOutput::builder().role(full(&role)?).build();
    world.iam.roles.insert(name.to_lowercase(), role);
    Ok(output)
}

fn get(world: &mut World, input: &GetRoleInput) -> Answer<GetRoleOutput> {
    let role = find(world, input.role_name())?;
    Ok(GetRoleOutput::builder().role(full(role)?).build())
}

fn list(world: &mut World, input: &ListRolesInput) -> Answer<ListRolesOutput> {
    let prefix = input.path_prefix().unwrap_or("/");
    let roles = world.iam.roles.values().filter(|role| role.path.starts_with(prefix));
    let roles = roles.map(|role| Ok(brief(role)?.build()?)).collect::<Answer<Vec<_>>>()?;
    let (roles, marker) = page(roles, input.marker(), input.max_items())?;
    Ok(ListRolesOutput::builder()
        .set_roles(Some(roles))
        .is_truncated(marker.is_some())
        .set_marker(marker)
        .build()?)
}

fn update(world: &mut World, input: &UpdateRoleInput) -> Answer<UpdateRoleOutput> {
    let max_session = input.max_session_duration().map(check_max_session).transpose()?;
    let role = find_mut(world, input.role_name())?;
    if let Some(description) = input.description() {
        role.description = Some(description.to_owned());
    }
    if let Some(max_session) = max_session {
        role.max_session = max_session;
    }
    Ok(UpdateRoleOutput::builder().build())
}

fn update_trust_policy(
    world: &mut World,
    input: &UpdateAssumeRolePolicyInput,
) -> Answer<UpdateAssumeRolePolicyOutput> {
    find(world, input.role_name())?;
    let policy = input.policy_document().unwrap_or_default();
    check_trust_policy(world, policy)?;
    find_mut(world, input.role_name())?.trust_policy = policy.to_owned();
    Ok(UpdateAssumeRolePolicyOutput::builder().build())
}

fn delete(world: &mut World, input: &DeleteRoleInput) -> Answer<DeleteRoleOutput> {
    let role = find(world, input.role_name())?;
    let conflict = |message| Err(ApiError::new("DeleteConflict", message));
    if world.iam.instance_profiles.values().any(|profile| profile.roles.contains(&role.name)) {
        return conflict("Cannot delete entity, must remove roles from instance profile first.");
    }
    if !role.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !role.inline.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    let key = role.name.to_lowercase();
    world.iam.roles.remove(&key);
    Ok(DeleteRoleOutput::builder().build())
}

fn tag(world: &mut World, input: &TagRoleInput) -> Answer<TagRoleOutput> {
    let tags = tags_in(input.tags())?;
    find_mut(world, input.role_name())?.tags.extend(tags);
    Ok(TagRoleOutput::builder().build())
}

fn untag(world: &mut World, input: &UntagRoleInput) -> Answer<UntagRoleOutput> {
    find_mut(world, input.role_name())?.tags.retain(|key, _| !input.tag_keys().contains(key));
    Ok(UntagRoleOutput::builder().build())
}

fn list_tags(world: &mut World, input: &ListRoleTagsInput) -> Answer<ListRoleTagsOutput> {
    let tags = tags_out(&find(world, input.role_name())?.tags)?;
    let (tags, marker) = page(tags, input.marker(), input.max_items())?;
    Ok(ListRoleTagsOutput::builder()
        .set_tags(Some(tags))
        .is_truncated(marker.is_some())
        .set_marker(marker)
        .build()?)
}
