//! Targets: registered by hand or by an Auto Scaling group, healthy after some successful probes, drained when they go.

use aws_sdk_elasticloadbalancingv2::operation::deregister_targets::{
    DeregisterTargetsInput, DeregisterTargetsOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::{
    DescribeTargetHealthInput, DescribeTargetHealthOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::register_targets::{
    RegisterTargetsInput, RegisterTargetsOutput,
};
use aws_sdk_elasticloadbalancingv2::types;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, ec2};
use super::error;
use super::target_group::{self, TargetGroup};

/// One target of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Target {
    /// Instance id or address.
    id: String,
    port: i32,
    registered: Timestamp,
    /// When it was told to go.
    deregistered: Option<Timestamp>,
}

pub(super) fn register(services: &mut Services) {
    services.on(register_targets);
    services.on(deregister_targets);
    services.on(describe_health);
}

/// Registers an instance on the group's own port; one that is there already stays as it is.
pub(crate) fn register_instance(world: &mut World, group: &str, instance: &str, when: Timestamp) {
    if let Ok(group) = target_group::find_mut(world, Some(group)) {
        let port = group.port;
        add(group, instance, port, when);
    }
}

/// Begins to drain an instance.
pub(crate) fn deregister_instance(world: &mut World, group: &str, instance: &str, when: Timestamp) {
    if let Ok(group) = target_group::find_mut(world, Some(group)) {
        let leaving = group.targets.iter_mut().filter(|target| target.id == instance);
        leaving.for_each(|target| target.deregistered = target.deregistered.or(Some(when)));
    }
}

fn add(group: &mut TargetGroup, id: &str, port: i32, when: Timestamp) {
    let same = |target: &&mut Target| target.id == id && target.port == port;
    match group.targets.iter_mut().find(same) {
        Some(target) if target.deregistered.is_none() => (),
        Some(target) => (target.registered, target.deregistered) = (when, None),
        None => group.targets.push(Target { id: id.to_owned(), port, registered: when, deregistered: None }),
    }
}

/// Forgets the targets that are drained.
pub(super) fn settle(world: &mut World) {
    let now = world.now;
    for group in world.elasticloadbalancingv2.target_groups.values_mut() {
        let delay =
            group.attributes.get("deregistration_delay.timeout_seconds").and_then(|delay| delay.parse().ok());
        let delay = SignedDuration::from_secs(delay.unwrap_or(300));
        group.targets.retain(|target| target.deregistered.is_none_or(|since| since + delay > now));
    }
}

fn register_targets(world: &mut World, input: &RegisterTargetsInput) -> Answer<RegisterTargetsOutput> {
    let now = world.now;
    let by_instance = target_group::find_mut(world, input.target_group_arn())?.target_type == "instance";
    for target in input.targets() {
        let id = target.id().unwrap_or_default();
        if by_instance && !ec2::instance_alive(world, id) {
            return Err(error(
                "InvalidTarget",
                format!("The following targets are not in a running state and cannot be registered: '{id}'"),
            ));
        }
    }
    let group = target_group::find_mut(world, input.target_group_arn())?;
    for target in input.targets() {
        let port = target.port().unwrap_or(group.port);
        add(group, target.id().unwrap_or_default(), port, now);
    }
    Ok(RegisterTargetsOutput::builder().build())
}

fn deregister_targets(world: &mut World, input: &DeregisterTargetsInput) -> Answer<DeregisterTargetsOutput> {
    let now = world.now;
    let group = target_group::find_mut(world, input.target_group_arn())?;
    for given in input.targets() {
        let named = |target: &&mut Target| {
            Some(target.id.as_str()) == given.id() && given.port().is_none_or(|port| target.port == port)
        };
        for target in group.targets.iter_mut().filter(named) {
            target.deregistered = target.deregistered.or(Some(now));
        }
    }
    Ok(DeregisterTargetsOutput::builder().build())
}

fn describe_health(
    world: &mut World,
    input: &DescribeTargetHealthInput,
) -> Answer<DescribeTargetHealthOutput> {
    let group = target_group::find_mut(world, input.target_group_arn())?.clone();
    let used = !target_group::load_balancers(world, &group.arn).is_empty();
    let now = world.now;
    let wanted = |target: &&Target| {
        input.targets().is_empty()
            || input.targets().iter().any(|given| {
                given.id() == Some(target.id.as_str()) && given.port().is_none_or(|port| target.port == port)
            })
    };
    let view = |target: &Target| {
        types::TargetHealthDescription::builder()
            .target(types::TargetDescription::builder().id(&target.id).port(target.port).build())
            .health_check_port(target.port.to_string())
            .target_health(health(&group, target, used, now))
            .build()
    };
    let mut descriptions: Vec<_> = group.targets.iter().filter(wanted).map(view).collect();
    for given in input.targets() {
        if !group.targets.iter().any(|target| given.id() == Some(target.id.as_str())) {
            descriptions.push(unknown(given));
        }
    }
    Ok(DescribeTargetHealthOutput::builder().set_target_health_descriptions(Some(descriptions)).build())
}

fn unknown(target: &types::TargetDescription) -> types::TargetHealthDescription {
    let health = types::TargetHealth::builder()
        .state(types::TargetHealthStateEnum::Unused)
        .reason(types::TargetHealthReasonEnum::NotRegistered)
        .description("Target is not registered to the target group")
        .build();
    types::TargetHealthDescription::builder().target(target.clone()).target_health(health).build()
}

fn health(group: &TargetGroup, target: &Target, used: bool, now: Timestamp) -> types::TargetHealth {
    use types::{TargetHealthReasonEnum as Reason, TargetHealthStateEnum as State};
    let probes = i64::from(group.health_check.interval) * i64::from(group.health_check.healthy);
    let probed = target.registered + SignedDuration::from_secs(probes) <= now;
    let health = types::TargetHealth::builder();
    if target.deregistered.is_some() {
        health
            .state(State::Draining)
            .reason(Reason::DeregistrationInProgress)
            .description("Target deregistration is in progress")
    } else if !used {
        health
            .state(State::Unused)
            .reason(Reason::NotInUse)
            .description("Target group is not configured to receive traffic from the load balancer")
    } else if probed {
        health.state(State::Healthy)
    } else {
        health
            .state(State::Initial)
            .reason(Reason::RegistrationInProgress)
            .description("Target registration is in progress")
    }
    .build()
}
