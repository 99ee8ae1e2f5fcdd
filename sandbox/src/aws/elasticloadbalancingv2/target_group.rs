//! Target groups: protocol, port and health check; protocol, port and VPC never change.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::operation::create_target_group::{
    CreateTargetGroupInput, CreateTargetGroupOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::delete_target_group::{
    DeleteTargetGroupInput, DeleteTargetGroupOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_target_groups::{
    DescribeTargetGroupsInput, DescribeTargetGroupsOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::modify_target_group::{
    ModifyTargetGroupInput, ModifyTargetGroupOutput,
};
use aws_sdk_elasticloadbalancingv2::types;
use serde::{Deserialize, Serialize};

use super::super::{Answer, ApiError, Services, World, ec2};
use super::target::Target;
use super::{attribute, error, load_balancer, tag, validation};

/// One target group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TargetGroup {
    pub(super) arn: String,
    name: String,
    pub(super) protocol: String,
    pub(super) port: i32,
    vpc_id: String,
    pub(super) target_type: String,
    pub(super) health_check: HealthCheck,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) targets: Vec<Target>,
}

/// How targets are probed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct HealthCheck {
    protocol: String,
    /// `traffic-port` or a number.
    port: String,
    path: Option<String>,
    codes: Option<String>,
    /// Seconds.
    pub(super) interval: i32,
    /// Seconds.
    timeout: i32,
    pub(super) healthy: i32,
    unhealthy: i32,
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(modify);
    services.on(delete);
}

/// Whether there is a target group of that ARN.
pub(crate) fn exists(world: &World, arn: &str) -> bool {
    world.elasticloadbalancingv2.target_groups.contains_key(arn)
}

/// The target group of that ARN.
pub(super) fn find_mut<'a>(world: &'a mut World, arn: Option<&str>) -> Answer<&'a mut TargetGroup> {
    let arn = arn.unwrap_or_default();
    world.elasticloadbalancingv2.target_groups.get_mut(arn).ok_or_else(|| not_found(arn))
}

/// The refusal of an unknown target group.
pub(super) fn not_found(arn: &str) -> ApiError {
    error("TargetGroupNotFound", format!("One or more target groups not found: '{arn}'"))
}

/// ARNs of the load balancers that forward to the group.
pub(super) fn load_balancers(world: &World, arn: &str) -> Vec<String> {
    let forwarding =
        world.elasticloadbalancingv2.listeners.values().filter(|listener| listener.target_group == arn);
    forwarding.map(|listener| listener.load_balancer.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

fn create(world: &mut World, input: &CreateTargetGroupInput) -> Answer<CreateTargetGroupOutput> {
    let name = super::name(input.name(), "Target group")?;
    let wanted = requested(world, input, name)?;
    let existing =
        world.elasticloadbalancingv2.target_groups.values().find(|group| group.name == wanted.name);
    if let Some(existing) = existing {
        let same = existing.protocol == wanted.protocol
            && existing.port == wanted.port
            && existing.vpc_id == wanted.vpc_id
            && existing.target_type == wanted.target_type
            && existing.health_check == wanted.health_check;
        if !same {
            return Err(error(
                "DuplicateTargetGroupName",
                format!(
                    "A target group with the same name '{}' exists, but with different settings",
                    wanted.name
                ),
            ));
        }
        return Ok(CreateTargetGroupOutput::builder().target_groups(view(world, existing)).build());
    }
    let id = super::new_id(world);
    let group =
        TargetGroup { arn: super::arn(world, &format!("targetgroup/{}/{id}", wanted.name)), ..wanted };
    let shown = view(world, &group);
    world.elasticloadbalancingv2.target_groups.insert(group.arn.clone(), group);
    Ok(CreateTargetGroupOutput::builder().target_groups(shown).build())
}

fn requested(world: &World, input: &CreateTargetGroupInput, name: String) -> Answer<TargetGroup> {
    let vpc_id = input.vpc_id().unwrap_or_default();
    if !ec2::has_vpc(world, vpc_id) {
        return Err(validation(format!("The VPC ID '{vpc_id}' is not found")));
    }
    let port = input.port().ok_or_else(|| validation("A port must be specified"))?;
    if !(1..=65535).contains(&port) {
        return Err(validation(format!("Port '{port}' is not within 1 and 65535")));
    }
    let protocol = input.protocol().ok_or_else(|| validation("A protocol must be specified"))?;
    let check_protocol = input.health_check_protocol().map_or("TCP", |protocol| protocol.as_str()).to_owned();
    let over_http = check_protocol.starts_with("HTTP");
    let health_check = HealthCheck {
        port: input.health_check_port().unwrap_or("traffic-port").to_owned(),
        path: over_http.then(|| input.health_check_path().unwrap_or("/").to_owned()),
        codes: over_http.then(|| codes(input.matcher()).unwrap_or_else(|| "200-399".to_owned())),
        interval: input.health_check_interval_seconds().unwrap_or(30),
        timeout: input.health_check_timeout_seconds().unwrap_or(if over_http { 6 } else { 10 }),
        healthy: input.healthy_threshold_count().unwrap_or(5),
        unhealthy: input.unhealthy_threshold_count().unwrap_or(2),
        protocol: check_protocol,
    };
    check(&health_check)?;
    Ok(TargetGroup {
        arn: String::new(),
        name,
        protocol: protocol.as_str().to_owned(),
        port,
        vpc_id: vpc_id.to_owned(),
        target_type: input.target_type().map_or("instance", |kind| kind.as_str()).to_owned(),
        health_check,
        attributes: attribute::target_group_defaults(),
        tags: tag::tags_of(input.tags())?,
        targets: Vec::new(),
    })
}

fn codes(matcher: Option<&types::Matcher>) -> Option<String> {
    matcher.and_then(|matcher| matcher.http_code()).map(str::to_owned)
}

fn check(health: &HealthCheck) -> Answer<()> {
    let bounds = [
        ("interval", health.interval, 5..=300),
        ("timeout", health.timeout, 2..=120),
        ("healthy threshold", health.healthy, 2..=10),
        ("unhealthy threshold", health.unhealthy, 2..=10),
    ];
    for (what, value, range) in bounds {
        if !range.contains(&value) {
            return Err(validation(format!(
                "Health check {what} '{value}' must be from {} to {}",
                range.start(),
                range.end()
            )));
        }
    }
    if health.timeout >= health.interval && health.interval > 10 {
        return Err(validation("Health check timeout must be less than the interval"));
    }
    Ok(())
}

fn describe(world: &mut World, input: &DescribeTargetGroupsInput) -> Answer<DescribeTargetGroupsOutput> {
    let state = &world.elasticloadbalancingv2;
    if let Some(arn) = input.load_balancer_arn()
        && !state.load_balancers.contains_key(arn)
    {
        return Err(load_balancer::not_found(arn));
    }
    if let Some(arn) = input.target_group_arns().iter().find(|arn| !state.target_groups.contains_key(*arn)) {
        return Err(not_found(arn));
    }
    let missing = |name: &&String| !state.target_groups.values().any(|group| group.name == **name);
    if let Some(name) = input.names().iter().find(missing) {
        return Err(not_found(name));
    }
    let wanted = |group: &&TargetGroup| {
        let served = input
            .load_balancer_arn()
            .is_none_or(|arn| load_balancers(world, &group.arn).iter().any(|of| of == arn));
        let by_arn = input.target_group_arns().is_empty() || input.target_group_arns().contains(&group.arn);
        served && by_arn && (input.names().is_empty() || input.names().contains(&group.name))
    };
    let all = state.target_groups.values().filter(wanted).map(|group| view(world, group)).collect();
    let (groups, marker) = super::page(all, input.marker(), input.page_size())?;
    Ok(DescribeTargetGroupsOutput::builder().set_target_groups(Some(groups)).set_next_marker(marker).build())
}

fn modify(world: &mut World, input: &ModifyTargetGroupInput) -> Answer<ModifyTargetGroupOutput> {
    let group = find_mut(world, input.target_group_arn())?;
    let mut health = group.health_check.clone();
    if let Some(protocol) = input.health_check_protocol() {
        health.protocol = protocol.as_str().to_owned();
        if !health.protocol.starts_with("HTTP") {
            (health.path, health.codes) = (None, None);
        }
    }
    health.port = input.health_check_port().map_or(health.port, str::to_owned);
    health.path = input.health_check_path().map(str::to_owned).or(health.path);
    health.codes = codes(input.matcher()).or(health.codes);
    health.interval = input.health_check_interval_seconds().unwrap_or(health.interval);
    health.timeout = input.health_check_timeout_seconds().unwrap_or(health.timeout);
    health.healthy = input.healthy_threshold_count().unwrap_or(health.healthy);
    health.unhealthy = input.unhealthy_threshold_count().unwrap_or(health.unhealthy);
    check(&health)?;
    group.health_check = health;
    let group = group.clone();
    Ok(ModifyTargetGroupOutput::builder().target_groups(view(world, &group)).build())
}

/// Deleting what is not there is no error, as the API Reference says.
fn delete(world: &mut World, input: &DeleteTargetGroupInput) -> Answer<DeleteTargetGroupOutput> {
    let arn = input.target_group_arn().unwrap_or_default();
    if !load_balancers(world, arn).is_empty() {
        return Err(error(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    world.elasticloadbalancingv2.target_groups.remove(arn);
    Ok(DeleteTargetGroupOutput::builder().build())
}

fn view(world: &World, group: &TargetGroup) -> types::TargetGroup {
    let health = &group.health_check;
    let matcher = health.codes.as_ref().map(|codes| types::Matcher::builder().http_code(codes).build());
    types::TargetGroup::builder()
        .target_group_arn(&group.arn)
        .target_group_name(&group.name)
        .protocol(types::ProtocolEnum::from(group.protocol.as_str()))
        .port(group.port)
        .vpc_id(&group.vpc_id)
        .health_check_protocol(types::ProtocolEnum::from(health.protocol.as_str()))
        .health_check_port(&health.port)
        .health_check_enabled(true)
        .health_check_interval_seconds(health.interval)
        .health_check_timeout_seconds(health.timeout)
        .healthy_threshold_count(health.healthy)
        .unhealthy_threshold_count(health.unhealthy)
        .set_health_check_path(health.path.clone())
        .set_matcher(matcher)
        .set_load_balancer_arns(Some(load_balancers(world, &group.arn)))
        .target_type(types::TargetTypeEnum::from(group.target_type.as_str()))
        .ip_address_type(types::TargetGroupIpAddressTypeEnum::Ipv4)
        .build()
}
