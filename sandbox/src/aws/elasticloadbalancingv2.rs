//! The simulated Elastic Load Balancing v2: network load balancers, their listeners and target groups.
//!
//! Invariants: a load balancer has one network interface in each of its subnets, which outlives it for some minutes; a
//! target group cannot go while a listener forwards to it; ports of one load balancer's listeners differ for one transport.
//! Errors follow the Elastic Load Balancing API Reference, version 2015-12-01. Only load balancers of the type network are
//! simulated.

mod attribute;
mod listener;
mod load_balancer;
mod load_balancer_change;
mod region;
mod tag;
mod target;
mod target_group;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Services, World};

pub(crate) use target::{deregister_instance, register_instance};
pub(crate) use target_group::exists as has_target_group;

/// Everything of Elastic Load Balancing in one region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By ARN.
    load_balancers: BTreeMap<String, load_balancer::LoadBalancer>,
    /// By ARN.
    target_groups: BTreeMap<String, target_group::TargetGroup>,
    /// By ARN.
    listeners: BTreeMap<String, listener::Listener>,
    /// Interfaces of deleted load balancers, with the moment at which they vanish.
    leaving: Vec<(String, Timestamp)>,
}

/// Adds the operations of Elastic Load Balancing.
pub(crate) fn register(services: &mut Services) {
    load_balancer::register(services);
    load_balancer_change::register(services);
    attribute::register(services);
    listener::register(services);
    target_group::register(services);
    target::register(services);
    tag::register(services);
}

/// Brings everything to its state of now.
pub(crate) fn settle(world: &mut World) {
    let now = world.now;
    let (gone, leaving) = std::mem::take(&mut world.elasticloadbalancingv2.leaving)
        .into_iter()
        .partition(|(_, end)| *end <= now);
    world.elasticloadbalancingv2.leaving = leaving;
    for (interface, _) in Vec::from_iter::<Vec<(String, Timestamp)>>(gone) {
        super::ec2::remove_interface(world, &interface);
    }
    target::settle(world);
}

fn arn(world: &World, resource: &str) -> String {
    world.arn("elasticloadbalancing", resource)
}

/// Sixteen hexadecimal digits, the end of every ARN.
fn new_id(world: &mut World) -> String {
    world.hex(16)
}

fn error(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(code, message)
}

fn validation(message: impl Into<String>) -> ApiError {
    error("ValidationError", message)
}

/// A name: letters, digits and hyphens, none of these at either end, at most 32 characters.
fn name(given: Option<&str>, kind: &str) -> Answer<String> {
    let name = given.unwrap_or_default();
    let allowed = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if name.len() > 32 {
        Err(validation(format!("{kind} name '{name}' cannot be longer than '32' characters")))
    } else if name.is_empty()
        || !allowed
        || name.starts_with('-')
        || name.ends_with('-')
        || name.starts_with("internal-")
    {
        Err(validation(format!("{kind} name '{name}' is not valid")))
    } else {
        Ok(name.to_owned())
    }
}

/// One page of a list of Elastic Load Balancing: `PageSize` is at most 400, which is also the default.
fn page<T>(items: Vec<T>, marker: Option<&str>, size: Option<i32>) -> Answer<(Vec<T>, Option<String>)> {
    super::paging::page(items, marker, size, 400, 400)
}
