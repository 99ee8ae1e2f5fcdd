//! Instance profiles: the way in which an EC2 instance gets a role. One holds one role at most.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use aws_sdk_iam::operation::add_role_to_instance_profile::{
    AddRoleToInstanceProfileInput, AddRoleToInstanceProfileOutput,
};
use aws_sdk_iam::operation::create_instance_profile::{
    CreateInstanceProfileInput, CreateInstanceProfileOutput,
};
use aws_sdk_iam::operation::delete_instance_profile::{
    DeleteInstanceProfileInput, DeleteInstanceProfileOutput,
};
use aws_sdk_iam::operation::get_instance_profile::{GetInstanceProfileInput, GetInstanceProfileOutput};
use aws_sdk_iam::operation::list_instance_profiles_for_role::{
    ListInstanceProfilesForRoleInput, ListInstanceProfilesForRoleOutput,
};
use aws_sdk_iam::operation::remove_role_from_instance_profile::{
    RemoveRoleFromInstanceProfileInput, RemoveRoleFromInstanceProfileOutput,
};
use aws_sdk_iam::types;

use super::{arn, name, no_such_entity, page, path, role};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

const LONGEST_NAME: usize = 128;

/// One instance profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct InstanceProfile {
    name: String,
    path: String,
    id: String,
    arn: String,
    created: Timestamp,
    tags: Tags,
    /// Names of roles.
    pub(super) roles: Vec<String>,
}

pub(super) fn register(services: &mut Services) {
    services.on(create).on(get).on(delete).on(add_role).on(remove_role).on(list_for_role);
}

fn find<'a>(world: &'a World, name: Option<&str>) -> Answer<&'a InstanceProfile> {
    let name = name.unwrap_or_default();
    world.iam.instance_profiles.get(&name.to_lowercase()).ok_or_else(|| missing(name))
}

fn find_mut<'a>(world: &'a mut World, name: Option<&str>) -> Answer<&'a mut InstanceProfile> {
    let name = name.unwrap_or_default();
    world.iam.instance_profiles.get_mut(&name.to_lowercase()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ApiError {
    no_such_entity(format!("Instance Profile {name} cannot be found."))
}

fn shown(world: &World, profile: &InstanceProfile) -> Answer<types::InstanceProfile> {
    let roles = profile.roles.iter().map(|name| Ok(role::brief(role::find(world, Some(name))?)?.build()?));
    let tags = (!profile.tags.is_empty()).then(|| role::tags_out(&profile.tags)).transpose()?;
    Ok(types::InstanceProfile::builder()
        .path(&profile.path)
        .instance_profile_name(&profile.name)
        .instance_profile_id(&profile.id)
        .arn(&profile.arn)
        .create_date(date_time(profile.created))
        .set_roles(Some(roles.collect::<Answer<_>>()?))
        .set_tags(tags)
        .build()?)
}

fn create(world: &mut World, input: &CreateInstanceProfileInput) -> Answer<CreateInstanceProfileOutput> {
    let name = name("instanceProfileName", input.instance_profile_name(), LONGEST_NAME)?;
    let path = path(input.path())?;
    let tags = role::tags_in(input.tags())?;
    if world.iam.instance_profiles.contains_key(&name.to_lowercase()) {
        return Err(ApiError::new("EntityAlreadyExists", format!("Instance Profile {name} already exists.")));
    }
    let profile = InstanceProfile {
        arn: arn(world, "instance-profile", &path, name),
        id: world.unique_id("AIPA"),
        name: name.to_owned(),
        path,
        created: world.now,
        tags,
        roles: Vec::new(),
    };
    let output = CreateInstanceProfileOutput::builder().instance_profile(shown(world, &profile)?).build();
    world.iam.instance_profiles.insert(name.to_lowercase(), profile);
    Ok(output)
}

fn get(world: &mut World, input: &GetInstanceProfileInput) -> Answer<GetInstanceProfileOutput> {
    let profile = find(world, input.instance_profile_name())?;
    Ok(GetInstanceProfileOutput::builder().instance_profile(shown(world, profile)?).build())
}

fn delete(world: &mut World, input: &DeleteInstanceProfileInput) -> Answer<DeleteInstanceProfileOutput> {
    let profile = find(world, input.instance_profile_name())?;
    if !profile.roles.is_empty() {
        return Err(ApiError::new(
            "DeleteConflict",
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    let key = profile.name.to_lowercase();
    world.iam.instance_profiles.remove(&key);
    Ok(DeleteInstanceProfileOutput::builder().build())
}

fn add_role(
    world: &mut World,
    input: &AddRoleToInstanceProfileInput,
) -> Answer<AddRoleToInstanceProfileOutput> {
    let role = role::find(world, input.role_name())?.name.clone();
    let profile = find_mut(world, input.instance_profile_name())?;
    if !profile.roles.is_empty() {
        return Err(ApiError::new(
            "LimitExceeded",
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        ));
    }
    profile.roles.push(role);
    Ok(AddRoleToInstanceProfileOutput::builder().build())
}

fn remove_role(
    world: &mut World,
    input: &RemoveRoleFromInstanceProfileInput,
) -> Answer<RemoveRoleFromInstanceProfileOutput> {
    let role = role::find(world, input.role_name())?.name.clone();
    let profile = find_mut(world, input.instance_profile_name())?;
    let Some(position) = profile.roles.iter().position(|name| *name == role) else {
        return Err(no_such_entity(format!("Role {role} is not in instance profile {}.", profile.name)));
    };
    profile.roles.remove(position);
    Ok(RemoveRoleFromInstanceProfileOutput::builder().build())
}

fn list_for_role(
    world: &mut World,
    input: &ListInstanceProfilesForRoleInput,
) -> Answer<ListInstanceProfilesForRoleOutput> {
    let role = &role::find(world, input.role_name())?.name;
    let profiles = world.iam.instance_profiles.values().filter(|profile| profile.roles.contains(role));
    let profiles = profiles.map(|profile| shown(world, profile)).collect::<Answer<Vec<_>>>()?;
    let (profiles, marker) = page(profiles, input.marker(), input.max_items())?;
    Ok(ListInstanceProfilesForRoleOutput::builder()
        .set_instance_profiles(Some(profiles))
        .is_truncated(marker.is_some())
        .set_marker(marker)
        .build()?)
}
