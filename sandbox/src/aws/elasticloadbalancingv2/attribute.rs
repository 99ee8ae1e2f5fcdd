//! Attributes of load balancers and target groups: keys with defaults, changed key by key.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancer_attributes::{
    DescribeLoadBalancerAttributesInput, DescribeLoadBalancerAttributesOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_target_group_attributes::{
    DescribeTargetGroupAttributesInput, DescribeTargetGroupAttributesOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::modify_load_balancer_attributes::{
    ModifyLoadBalancerAttributesInput, ModifyLoadBalancerAttributesOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::modify_target_group_attributes::{
    ModifyTargetGroupAttributesInput, ModifyTargetGroupAttributesOutput,
};
use aws_sdk_elasticloadbalancingv2::types;

use super::super::{Answer, Services, World};
use super::{load_balancer, target_group, validation};

/// Of network load balancers.
const LOAD_BALANCER: [(&str, &str); 8] = [
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("ipv6.deny_all_igw_traffic", "false"),
    ("load_balancing.cross_zone.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

/// Of target groups of the protocols TCP, TLS, UDP and TCP_UDP with targets of the type instance.
const TARGET_GROUP: [(&str, &str); 11] = [
    ("deregistration_delay.connection_termination.enabled", "false"),
    ("deregistration_delay.timeout_seconds", "300"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("preserve_client_ip.enabled", "true"),
    ("proxy_protocol_v2.enabled", "false"),
    ("stickiness.enabled", "false"),
    ("stickiness.type", "source_ip"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_health_state.unhealthy.connection_termination.enabled", "true"),
    ("target_health_state.unhealthy.draining_interval_seconds", "0"),
];

/// What a new load balancer has.
pub(super) fn load_balancer_defaults() -> BTreeMap<String, String> {
    defaults(&LOAD_BALANCER)
}

/// What a new target group has.
pub(super) fn target_group_defaults() -> BTreeMap<String, String> {
    defaults(&TARGET_GROUP)
}

fn defaults(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn register(services: &mut Services) {
    services.on(modify_load_balancer);
    services.on(describe_load_balancer);
    services.on(modify_target_group);
    services.on(describe_target_group);
}

/// Sets the given keys; nothing is changed where one of them is unknown.
fn set<'a>(
    attributes: &mut BTreeMap<String, String>,
    given: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
    kind: &str,
) -> Answer<()> {
    let mut changed = attributes.clone();
    for (key, value) in given {
        let key = key.unwrap_or_default();
        let known = changed.get_mut(key);
        let kept =
            known.ok_or_else(|| validation(format!("{kind} attribute key '{key}' is not recognized")))?;
        *kept = value.unwrap_or_default().to_owned();
    }
    *attributes = changed;
    Ok(())
}

fn modify_load_balancer(
    world: &mut World,
    input: &ModifyLoadBalancerAttributesInput,
) -> Answer<ModifyLoadBalancerAttributesOutput> {
    let balancer = load_balancer::find_mut(world, input.load_balancer_arn())?;
    let given = input.attributes().iter().map(|attribute| (attribute.key(), attribute.value()));
    set(&mut balancer.attributes, given, "Load balancer")?;
    let attributes = load_balancer_view(&balancer.attributes);
    Ok(ModifyLoadBalancerAttributesOutput::builder().set_attributes(Some(attributes)).build())
}

fn describe_load_balancer(
    world: &mut World,
    input: &DescribeLoadBalancerAttributesInput,
) -> Answer<DescribeLoadBalancerAttributesOutput> {
    let attributes =
        load_balancer_view(&load_balancer::find_mut(world, input.load_balancer_arn())?.attributes);
    Ok(DescribeLoadBalancerAttributesOutput::builder().set_attributes(Some(attributes)).build())
}

fn modify_target_group(
    world: &mut World,
    input: &ModifyTargetGroupAttributesInput,
) -> Answer<ModifyTargetGroupAttributesOutput> {
    let group = target_group::find_mut(world, input.target_group_arn())?;
    let given = input.attributes().iter().map(|attribute| (attribute.key(), attribute.value()));
    set(&mut group.attributes, given, "Target group")?;
    let attributes = target_group_view(&group.attributes);
    Ok(ModifyTargetGroupAttributesOutput::builder().set_attributes(Some(attributes)).build())
}

fn describe_target_group(
    world: &mut World,
    input: &DescribeTargetGroupAttributesInput,
) -> Answer<DescribeTargetGroupAttributesOutput> {
    let attributes = target_group_view(&target_group::find_mut(world, input.target_group_arn())?.attributes);
    Ok(DescribeTargetGroupAttributesOutput::builder().set_attributes(Some(attributes)).build())
}

fn load_balancer_view(attributes: &BTreeMap<String, String>) -> Vec<types::LoadBalancerAttribute> {
    let view = |(key, value)| types::LoadBalancerAttribute::builder().key(key).value(value).build();
    attributes.iter().map(view).collect()
}

fn target_group_view(attributes: &BTreeMap<String, String>) -> Vec<types::TargetGroupAttribute> {
    let view = |(key, value)| types::TargetGroupAttribute::builder().key(key).value(value).build();
    attributes.iter().map(view).collect()
}
