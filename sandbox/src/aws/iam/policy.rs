//! What a role may do: its inline policies and the managed policies attached to it.

use aws_sdk_iam::operation::attach_role_policy::{AttachRolePolicyInput, AttachRolePolicyOutput};
use aws_sdk_iam::operation::delete_role_policy::{DeleteRolePolicyInput, DeleteRolePolicyOutput};
use aws_sdk_iam::operation::detach_role_policy::{DetachRolePolicyInput, DetachRolePolicyOutput};
use aws_sdk_iam::operation::get_role_policy::{GetRolePolicyInput, GetRolePolicyOutput};
use aws_sdk_iam::operation::list_attached_role_policies::{
    ListAttachedRolePoliciesInput, ListAttachedRolePoliciesOutput,
};
use aws_sdk_iam::operation::list_role_policies::{ListRolePoliciesInput, ListRolePoliciesOutput};
use aws_sdk_iam::operation::put_role_policy::{PutRolePolicyInput, PutRolePolicyOutput};
use aws_sdk_iam::types::AttachedPolicy;

use super::{document, managed_policy, name, no_such_entity, page, role};
use crate::aws::{Answer, ApiError, Services, World};

/// Managed policies that one role may have.
const MOST_ATTACHED: usize = 10;
/// Characters of all inline policies of one role together, white space aside.
const LONGEST_INLINE: usize = 10_240;
const LONGEST_NAME: usize = 128;

pub(super) fn register(services: &mut Services) {
    services.on(put).on(get).on(list).on(delete).on(attach).on(detach).on(list_attached);
}

fn put(world: &mut World, input: &PutRolePolicyInput) -> Answer<PutRolePolicyOutput> {
    let name = name("policyName", input.policy_name(), LONGEST_NAME)?;
    let policy = input.policy_document().unwrap_or_default();
    let role = role::find_mut(world, input.role_name())?;
    document::check_permissions(policy)?;
    let others = role.inline.iter().filter(|(other, _)| *other != name);
    let length: usize = others.map(|(_, other)| document::counted_length(other)).sum();
    if length + document::counted_length(policy) > LONGEST_INLINE {
        return Err(ApiError::new(
            "LimitExceeded",
            format!("Maximum policy size of {LONGEST_INLINE} bytes exceeded for role {}", role.name),
        ));
    }
    role.inline.insert(name.to_owned(), policy.to_owned());
    Ok(PutRolePolicyOutput::builder().build())
}

fn get(world: &mut World, input: &GetRolePolicyInput) -> Answer<GetRolePolicyOutput> {
    let role = role::find(world, input.role_name())?;
    let name = input.policy_name().unwrap_or_default();
    let policy = role.inline.get(name).ok_or_else(|| missing(name))?;
    Ok(GetRolePolicyOutput::builder()
        .role_name(&role.name)
        .policy_name(name)
        .policy_document(document::encoded(policy))
        .build()?)
}

fn list(world: &mut World, input: &ListRolePoliciesInput) -> Answer<ListRolePoliciesOutput> {
    let names = role::find(world, input.role_name())?.inline.keys().cloned().collect();
    let (names, marker) = page(names, input.marker(), input.max_items())?;
    Ok(ListRolePoliciesOutput::builder()
        .set_policy_names(Some(names))
        .is_truncated(marker.is_some())
        .set_marker(marker)
        .build()?)
}

fn delete(world: &mut World, input: &DeleteRolePolicyInput) -> Answer<DeleteRolePolicyOutput> {
    let name = input.policy_name().unwrap_or_default();
    let role = role::find_mut(world, input.role_name())?;
    role.inline.remove(name).ok_or_else(|| missing(name))?;
    Ok(DeleteRolePolicyOutput::builder().build())
}

fn missing(name: &str) -> ApiError {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}

fn attach(world: &mut World, input: &AttachRolePolicyInput) -> Answer<AttachRolePolicyOutput> {
    let arn = input.policy_arn().unwrap_or_default();
    let role = role::find_mut(world, input.role_name())?;
    if managed_policy::name(arn).is_none() {
        return Err(no_such_entity(format!("Policy {arn} does not exist or is not attachable.")));
    }
    if role.attached.iter().any(|attached| attached == arn) {
        return Ok(AttachRolePolicyOutput::builder().build());
    }
    if role.attached.len() >= MOST_ATTACHED {
        return Err(ApiError::new(
            "LimitExceeded",
            format!("Cannot exceed quota for PoliciesPerRole: {MOST_ATTACHED}"),
        ));
    }
    role.attached.push(arn.to_owned());
    Ok(AttachRolePolicyOutput::builder().build())
}

fn detach(world: &mut World, input: &DetachRolePolicyInput) -> Answer<DetachRolePolicyOutput> {
    let arn = input.policy_arn().unwrap_or_default();
    let role = role::find_mut(world, input.role_name())?;
    let Some(position) = role.attached.iter().position(|attached| attached == arn) else {
        return Err(no_such_entity(format!("Policy {arn} was not found.")));
    };
    role.attached.remove(position);
    Ok(DetachRolePolicyOutput::builder().build())
}

fn list_attached(
    world: &mut World,
    input: &ListAttachedRolePoliciesInput,
) -> Answer<ListAttachedRolePoliciesOutput> {
    let prefix = input.path_prefix().unwrap_or("/");
    let role = role::find(world, input.role_name())?;
    let attached = role.attached.iter().filter(|arn| managed_policy::path(arn).starts_with(prefix));
    let policies = attached
        .map(|arn| {
            AttachedPolicy::builder()
                .set_policy_name(managed_policy::name(arn).map(str::to_owned))
                .policy_arn(arn)
                .build()
        })
        .collect();
    let (policies, marker) = page(policies, input.marker(), input.max_items())?;
    Ok(ListAttachedRolePoliciesOutput::builder()
        .set_attached_policies(Some(policies))
        .is_truncated(marker.is_some())
        .set_marker(marker)
        .build())
}
