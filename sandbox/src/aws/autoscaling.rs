//! The simulated EC2 Auto Scaling: groups that keep a number of instances running and register them in target groups.
//!
//! Invariants: a group converges to its desired capacity, one activity for each instance launched or ended; an instance
//! that is in service is registered in every attached target group, and in none once it goes. Groups are made by the
//! services that manage them (EKS node groups), hence there is no CreateAutoScalingGroup.

mod activity;
mod attachment;
mod capacity;
mod group;
mod tag;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Services, World};

pub(crate) use activity::last_failure;
pub(crate) use capacity::balance_now;
pub(crate) use group::{
    Launch, Member, NewGroup, create, delete, exists, is_kept, members, resize, set_launch,
};

/// From the launch of an instance until it is in service.
const LAUNCH: SignedDuration = SignedDuration::from_secs(25);
/// From the end of an instance until it has left its group.
const TERMINATION: SignedDuration = SignedDuration::from_secs(40);
/// How long a group waits after a failed launch before it tries again.
const RETRY: SignedDuration = SignedDuration::from_secs(60);

/// Everything of Auto Scaling in one region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By name.
    groups: BTreeMap<String, group::Group>,
    /// Oldest first, those of deleted groups included.
    activities: Vec<activity::Activity>,
}

/// Adds the operations of Auto Scaling.
pub(crate) fn register(services: &mut Services) {
    group::register(services);
    tag::register(services);
    attachment::register(services);
    activity::register(services);
}

/// Brings every group to its state of now.
pub(crate) fn settle(world: &mut World) {
    let names: Vec<String> = world.autoscaling.groups.keys().cloned().collect();
    for name in names {
        capacity::settle(world, &name);
    }
}

fn find<'a>(world: &'a World, name: Option<&str>) -> Answer<&'a group::Group> {
    let name = name.unwrap_or_default();
    world.autoscaling.groups.get(name).ok_or_else(|| not_found(name))
}

fn find_mut<'a>(world: &'a mut World, name: Option<&str>) -> Answer<&'a mut group::Group> {
    let name = name.unwrap_or_default();
    world.autoscaling.groups.get_mut(name).ok_or_else(|| not_found(name))
}

fn not_found(name: &str) -> ApiError {
    validation(format!("AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"))
}

fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}

/// One page of a list of Auto Scaling: `MaxRecords` is 50 unless told, at most 100.
fn page<T>(items: Vec<T>, token: Option<&str>, size: Option<i32>) -> Answer<(Vec<T>, Option<String>)> {
    super::paging::page(items, token, size, 50, 100)
}
