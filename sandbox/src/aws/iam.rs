//! The simulated IAM: roles, their policies, instance profiles and OpenID Connect providers of one account.
//!
//! Invariants: names are unique without regard to case; a role or profile that something hangs on cannot be deleted;
//! a new role exists at once but other services can assume it only [`PROPAGATION`] later, as IAM is eventually
//! consistent (IAM User Guide, "Troubleshoot IAM": "Changes that I make are not always immediately visible").
//! Errors and limits follow the IAM API Reference; quotas are the defaults of "IAM and AWS STS quotas".

mod document;
mod instance_profile;
mod managed_policy;
mod open_id_connect;
mod policy;
mod role;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Services, World};

/// How long a new role is unknown to the services that should assume it.
const PROPAGATION: SignedDuration = SignedDuration::from_secs(10);

/// The role by which the account's operators work: the simulated STS names it as the caller's.
const OPERATOR: &str = "infra";

/// Everything of IAM in the account.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// By lower-case name.
    roles: BTreeMap<String, role::Role>,
    /// By lower-case name.
    instance_profiles: BTreeMap<String, instance_profile::InstanceProfile>,
    /// By ARN.
    open_id_connect_providers: BTreeMap<String, open_id_connect::Provider>,
}

impl State {
    /// A fresh account: its owner made the operators' role by hand, long before `now`.
    pub(crate) fn new(account: &str, now: Timestamp) -> Self {
        Self {
            roles: BTreeMap::from([(OPERATOR.to_owned(), role::operator(account, now))]),
            instance_profiles: BTreeMap::new(),
            open_id_connect_providers: BTreeMap::new(),
        }
    }
}

/// What another service finds when it is given a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleState {
    /// No such role in the account.
    Missing,
    /// Created a moment ago: not assumable yet.
    Propagating,
    /// Assumable by whom its trust policy names.
    Ready,
}

/// Whether a service can assume the role `arn` at `now`, its trust policy aside.
pub(crate) fn role_ready(world: &World, arn: &str, now: Timestamp) -> RoleState {
    match role::by_arn(world, arn) {
        None => RoleState::Missing,
        Some(role) if now.duration_since(role.created) < PROPAGATION => RoleState::Propagating,
        Some(_) => RoleState::Ready,
    }
}

/// Whether the trust policy of the role `arn` lets `service` (such as `eks.amazonaws.com`) assume it.
pub(crate) fn role_trusts(world: &World, arn: &str, service: &str) -> bool {
    role::by_arn(world, arn).is_some_and(|role| document::trusts(&role.trust_policy, service))
}

/// The first principal that `policy` names and that is no role of the account which policies can name yet. Principals of
/// other accounts are taken on trust.
pub(crate) fn unknown_principal(world: &World, policy: &str) -> Option<String> {
    let ours = arn(world, "role", "/", "");
    let mut roles =
        document::aws_principals(policy).into_iter().filter(|principal| principal.starts_with(&ours));
    roles.find(|role| role_ready(world, role, world.now) != RoleState::Ready)
}

/// Whether the managed policy `policy_arn` is attached to the role `arn`.
pub(crate) fn role_has_policy(world: &World, arn: &str, policy_arn: &str) -> bool {
    role::by_arn(world, arn).is_some_and(|role| role.attached.iter().any(|attached| attached == policy_arn))
}

/// Adds the operations of IAM.
pub(crate) fn register(services: &mut Services) {
    role::register(services);
    policy::register(services);
    instance_profile::register(services);
    open_id_connect::register(services);
}

/// The ARN of an IAM resource: IAM is global, so there is no region in it.
fn arn(world: &World, kind: &str, path: &str, name: &str) -> String {
    world.global_arn("iam", &format!("{kind}{path}{name}"))
}

/// A path as IAM keeps it: `/` where none is given; it begins and ends with a slash.
fn path(given: Option<&str>) -> Answer<String> {
    let path = given.unwrap_or("/");
    if path.starts_with('/') && path.ends_with('/') && path.len() <= 512 {
        Ok(path.to_owned())
    } else {
        Err(invalid(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        ))
    }
}

/// A name of at most `longest` characters out of the set that IAM allows.
fn name<'a>(field: &str, given: Option<&'a str>, longest: usize) -> Answer<&'a str> {
    let name = given.unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > longest || !name.chars().all(allowed) {
        return Err(invalid(format!(
            "1 validation error detected: Value at '{field}' failed to satisfy constraint: \
             1 to {longest} characters out of letters, digits and _+=,.@-"
        )));
    }
    Ok(name)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}

fn no_such_entity(message: impl Into<String>) -> ApiError {
    ApiError::new("NoSuchEntity", message)
}

/// One page of a list of IAM: `MaxItems` is 100 unless told, at most 1000.
fn page<T>(items: Vec<T>, marker: Option<&str>, max_items: Option<i32>) -> Answer<(Vec<T>, Option<String>)> {
    super::paging::page(items, marker, max_items, 100, 1000)
        .map_err(|error| error.with_code("ValidationError"))
}
