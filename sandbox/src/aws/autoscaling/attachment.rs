//! Target groups attached to a group: its instances are registered there while they are in service.
//!
//! AttachLoadBalancerTargetGroups and AttachTrafficSources are two ways to the same list ("Attach traffic sources",
//! Auto Scaling User Guide); both take at most ten a call and may be repeated.

use aws_sdk_autoscaling::operation::attach_load_balancer_target_groups::{
    AttachLoadBalancerTargetGroupsInput, AttachLoadBalancerTargetGroupsOutput,
};
use aws_sdk_autoscaling::operation::attach_traffic_sources::{
    AttachTrafficSourcesInput, AttachTrafficSourcesOutput,
};
use aws_sdk_autoscaling::operation::describe_load_balancer_target_groups::{
    DescribeLoadBalancerTargetGroupsInput, DescribeLoadBalancerTargetGroupsOutput,
};
use aws_sdk_autoscaling::operation::describe_traffic_sources::{
    DescribeTrafficSourcesInput, DescribeTrafficSourcesOutput,
};
use aws_sdk_autoscaling::operation::detach_load_balancer_target_groups::{
    DetachLoadBalancerTargetGroupsInput, DetachLoadBalancerTargetGroupsOutput,
};
use aws_sdk_autoscaling::operation::detach_traffic_sources::{
    DetachTrafficSourcesInput, DetachTrafficSourcesOutput,
};
use aws_sdk_autoscaling::types;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, elasticloadbalancingv2};

/// The most target groups one call may name.
const MOST_A_CALL: usize = 10;
/// How long an attachment is `Adding` and a detachment `Removing`.
const CHANGE: SignedDuration = SignedDuration::from_secs(10);

/// One attached target group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attachment {
    pub(super) target_group: String,
    since: Timestamp,
    /// When it began to be detached.
    removed: Option<Timestamp>,
}

impl Attachment {
    fn state(&self, now: Timestamp) -> &'static str {
        if self.removed.is_some() {
            "Removing"
        } else if self.since + CHANGE > now {
            "Adding"
        } else {
            "InService"
        }
    }

    /// Whether instances are registered in it.
    pub(super) fn serves(&self) -> bool {
        self.removed.is_none()
    }

    /// Whether nothing of it is left to be seen.
    pub(super) fn gone(&self, now: Timestamp) -> bool {
        self.removed.is_some_and(|removed| removed + CHANGE <= now)
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(attach_traffic_sources);
    services.on(detach_traffic_sources);
    services.on(describe_traffic_sources);
    services.on(attach_target_groups);
    services.on(detach_target_groups);
    services.on(describe_target_groups);
}

fn attach_traffic_sources(
    world: &mut World,
    input: &AttachTrafficSourcesInput,
) -> Answer<AttachTrafficSourcesOutput> {
    attach(world, input.auto_scaling_group_name(), &identifiers(input.traffic_sources())?)?;
    Ok(AttachTrafficSourcesOutput::builder().build())
}

fn detach_traffic_sources(
    world: &mut World,
    input: &DetachTrafficSourcesInput,
) -> Answer<DetachTrafficSourcesOutput> {
    detach(world, input.auto_scaling_group_name(), &identifiers(input.traffic_sources())?)?;
    Ok(DetachTrafficSourcesOutput::builder().build())
}

fn attach_target_groups(
    world: &mut World,
    input: &AttachLoadBalancerTargetGroupsInput,
) -> Answer<AttachLoadBalancerTargetGroupsOutput> {
    attach(world, input.auto_scaling_group_name(), input.target_group_arns())?;
    Ok(AttachLoadBalancerTargetGroupsOutput::builder().build())
}

fn detach_target_groups(
    world: &mut World,
    input: &DetachLoadBalancerTargetGroupsInput,
) -> Answer<DetachLoadBalancerTargetGroupsOutput> {
    detach(world, input.auto_scaling_group_name(), input.target_group_arns())?;
    Ok(DetachLoadBalancerTargetGroupsOutput::builder().build())
}

fn identifiers(sources: &[types::TrafficSourceIdentifier]) -> Answer<Vec<String>> {
    let target_group = |source: &types::TrafficSourceIdentifier| {
        let identifier = source.identifier().unwrap_or_default();
        let named = source.r#type().is_none_or(|kind| kind == "elbv2");
        if named && identifier.contains(":targetgroup/") {
            Ok(identifier.to_owned())
        } else {
            Err(super::validation(format!("'{identifier}' is not a traffic source of the type elbv2")))
        }
    };
    sources.iter().map(target_group).collect()
}

fn attach(world: &mut World, group: Option<&str>, target_groups: &[String]) -> Answer<()> {
    let now = world.now;
    super::find(world, group)?;
    at_most_ten(target_groups)?;
    if let Some(missing) =
        target_groups.iter().find(|arn| !elasticloadbalancingv2::has_target_group(world, arn))
    {
        return Err(super::validation(format!(
            "Provided Target Groups may not be valid. Target Group(s) not found: {missing}"
        )));
    }
    for arn in target_groups {
        let group = super::find_mut(world, group)?;
        if group.attachments.iter().any(|attachment| attachment.target_group == *arn && attachment.serves()) {
            continue;
        }
        group.attachments.retain(|attachment| attachment.target_group != *arn);
        group.attachments.push(Attachment { target_group: arn.clone(), since: now, removed: None });
        let serving = group.in_service();
        for instance in serving {
            elasticloadbalancingv2::register_instance(world, arn, &instance, now);
        }
    }
    Ok(())
}

fn detach(world: &mut World, group: Option<&str>, target_groups: &[String]) -> Answer<()> {
    let now = world.now;
    at_most_ten(target_groups)?;
    for arn in target_groups {
        let group = super::find_mut(world, group)?;
        let attached = |attachment: &&mut Attachment| attachment.target_group == *arn && attachment.serves();
        let Some(attachment) = group.attachments.iter_mut().find(attached) else {
            return Err(super::validation(format!(
                "Target Group {arn} is not attached to the group {}",
                group.name
            )));
        };
        attachment.removed = Some(now);
        let members = group.in_service();
        for instance in members {
            elasticloadbalancingv2::deregister_instance(world, arn, &instance, now);
        }
    }
    super::find(world, group).map(|_| ())
}

fn at_most_ten(target_groups: &[String]) -> Answer<()> {
    if target_groups.len() > MOST_A_CALL {
        return Err(super::validation(format!(
            "1 validation error detected: Member must have length less than or equal to {MOST_A_CALL}"
        )));
    }
    Ok(())
}

fn describe_traffic_sources(
    world: &mut World,
    input: &DescribeTrafficSourcesInput,
) -> Answer<DescribeTrafficSourcesOutput> {
    let now = world.now;
    let group = super::find(world, input.auto_scaling_group_name())?;
    let wanted = input.traffic_source_type().is_none_or(|kind| kind == "elbv2");
    let view = |attachment: &Attachment| {
        types::TrafficSourceState::builder()
            .identifier(&attachment.target_group)
            .r#type("elbv2")
            .state(attachment.state(now))
            .build()
    };
    let all = group.attachments.iter().filter(|_| wanted).map(view).collect();
    let (sources, next) = super::page(all, input.next_token(), input.max_records())?;
    Ok(DescribeTrafficSourcesOutput::builder()
        .set_traffic_sources(Some(sources))
        .set_next_token(next)
        .build())
}

fn describe_target_groups(
    world: &mut World,
    input: &DescribeLoadBalancerTargetGroupsInput,
) -> Answer<DescribeLoadBalancerTargetGroupsOutput> {
    let now = world.now;
    let group = super::find(world, input.auto_scaling_group_name())?;
    let view = |attachment: &Attachment| {
        types::LoadBalancerTargetGroupState::builder()
            .load_balancer_target_group_arn(&attachment.target_group)
            .state(attachment.state(now))
            .build()
    };
    let all = group.attachments.iter().map(view).collect();
    let (groups, next) = super::page(all, input.next_token(), input.max_records())?;
    Ok(DescribeLoadBalancerTargetGroupsOutput::builder()
        .set_load_balancer_target_groups(Some(groups))
        .set_next_token(next)
        .build())
}
