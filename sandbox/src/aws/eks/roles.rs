//! Whether EKS may use the roles that it is given.
//!
//! IAM is eventually consistent: a role that was made a moment ago is refused as if its trust policy were wrong.

use super::super::iam::{self, RoleState};
use super::super::{Answer, World};
use super::invalid_parameter;

/// Refuses a role that does not exist, is too new, or does not trust `service`.
pub(super) fn check(world: &World, arn: Option<&str>, service: &str, what: &str) -> Answer<String> {
    let arn = arn.unwrap_or_default();
    if !arn.starts_with("arn:aws") || !arn.contains(":role/") {
        return Err(invalid_parameter(format!("The ARN '{arn}' of the {what} is not that of a role")));
    }
    match iam::role_ready(world, arn, world.now) {
        RoleState::Missing => {
            Err(invalid_parameter(format!("The {what} {arn} does not exist. Cannot assume role {arn}")))
        }
        RoleState::Propagating => Err(refused(arn, what)),
        RoleState::Ready if !iam::role_trusts(world, arn, service) => Err(refused(arn, what)),
        RoleState::Ready => Ok(arn.to_owned()),
    }
}

fn refused(arn: &str, what: &str) -> super::ApiError {
    invalid_parameter(format!(
        "Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct ({what})"
    ))
}
