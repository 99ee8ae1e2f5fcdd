//! The simulated RDS: database instances, their subnet groups and snapshots.
//!
//! Invariants: names are kept in lower case; a subnet group cannot go while an instance lies in it; an instance is changed
//! only while it is available, and never goes without a final snapshot unless told so. Errors follow the Amazon RDS API
//! Reference. There are no clusters, replicas or parameter groups of one's own here.

mod engine;
mod instance;
mod instance_change;
mod instance_view;
mod snapshot;
mod subnet_group;
mod tag;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Services, World};

/// Everything of RDS in one region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By name.
    subnet_groups: BTreeMap<String, subnet_group::SubnetGroup>,
    /// By identifier.
    instances: BTreeMap<String, instance::Instance>,
    /// By identifier.
    snapshots: BTreeMap<String, snapshot::Snapshot>,
}

/// Adds the operations of RDS.
pub(crate) fn register(services: &mut Services) {
    engine::register(services);
    subnet_group::register(services);
    instance::register(services);
    instance_change::register(services);
    snapshot::register(services);
    tag::register(services);
}

/// Brings every instance to its state of now.
pub(crate) fn settle(world: &mut World) {
    instance_change::settle(world);
    instance::settle(world);
}

fn error(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(code, message)
}

fn invalid_value(message: impl Into<String>) -> ApiError {
    error("InvalidParameterValue", message)
}

fn invalid_combination(message: impl Into<String>) -> ApiError {
    error("InvalidParameterCombination", message)
}

/// An identifier: letters, digits and hyphens, beginning with a letter, at most 63 characters; kept in lower case.
fn identifier(given: Option<&str>, what: &str) -> Answer<String> {
    let name = given.unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(allowed)
        && !name.contains("--")
        && !name.ends_with('-');
    if well_formed && name.len() <= 63 {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(invalid_value(format!("The parameter {what} is not a valid identifier: '{name}'")))
    }
}

/// One page of a list of RDS: `MaxRecords` is 100 unless told, at most 100.
fn page<T>(items: Vec<T>, marker: Option<&str>, size: Option<i32>) -> Answer<(Vec<T>, Option<String>)> {
    super::paging::page(items, marker, size, 100, 100)
}
