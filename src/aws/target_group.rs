//! Where a network load balancer sends traffic: a port of instances, and how their health is told
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>).
//!
//! Its name on AWS is the environment's, a hyphen and its own. Port and VPC never change; a group for another port takes
//! another name, so that the listener can move over before the old one goes.

use aws_sdk_elasticloadbalancingv2::types::{
    ProtocolEnum, TargetGroup as Description, TargetGroupAttribute, TargetTypeEnum,
};
use futures::future::try_join_all;
use holodeck_engine::{
    Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Status, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::elb_attributes::Attributes;
use crate::aws::elb_tags::{self, Owned};
use crate::aws::owner::{self, Tags};

/// A group of instances that take TCP connections on a port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetGroup {
    /// The VPC of the instances.
    pub vpc: Input<String>,
    /// Their port.
    pub port: i32,
    /// Whether connections begin with a PROXY protocol header, version 2.
    pub proxy_protocol: bool,
    /// Whether packets carry the client's address as their source.
    pub preserve_client_address: bool,
    /// Seconds for which connections to a target that goes are kept.
    pub deregistration_delay_secs: u32,
    /// How health is told: by a TCP connection to the same port.
    pub health_check: HealthCheck,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// How often and how many times health is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Seconds between two checks.
    pub interval_secs: i32,
    /// Successes that make a target healthy.
    pub healthy_after: i32,
    /// Failures that make it unhealthy.
    pub unhealthy_after: i32,
}

/// What a target group puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    arn: String,
}

const PROXY_PROTOCOL: &str = "proxy_protocol_v2.enabled";
const PRESERVE_CLIENT_ADDRESS: &str = "preserve_client_ip.enabled";
const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
const ATTRIBUTES: [&str; 3] = ["proxy_protocol", "preserve_client_address", "deregistration_delay_secs"];

impl TargetGroup {
    /// The group's ARN.
    pub const ARN: Output<Self, String> = Output::new("arn");
}

impl Resource for TargetGroup {
    const KIND: &'static str = "aws.target_group";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(1, 1, 2, 900)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["vpc", "port"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages = aws.elb.describe_target_groups().into_paginator().items().send();
        let all: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("DescribeTargetGroups")?;
        let prefix = aws.owner.prefixed("");
        let is_like_ours =
            |found: &Description| found.target_group_name().is_some_and(|name| name.starts_with(&prefix));
        observe(aws, all.into_iter().filter(is_like_ours).collect()).await
    }

    async fn read(aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws.elb.describe_target_groups().names(aws.owner.prefixed(name));
        let answer = request.send().await.answer_unless("DescribeTargetGroups", &["TargetGroupNotFound"])?;
        let found = answer.and_then(|answer| answer.target_groups).unwrap_or_default();
        Ok(observe(aws, found).await?.into_iter().find(|observed| observed.name == name))
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .elb
            .create_target_group()
            .name(aws.owner.prefixed(name))
            .vpc_id(self.vpc.get()?)
            .protocol(ProtocolEnum::Tcp)
            .port(self.port)
            .target_type(TargetTypeEnum::Instance)
            .health_check_protocol(ProtocolEnum::Tcp)
            .health_check_interval_seconds(self.health_check.interval_secs)
            .healthy_threshold_count(self.health_check.healthy_after)
            .unhealthy_threshold_count(self.health_check.unhealthy_after)
            .set_tags(Some(elb_tags::all(aws, name, &self.tags)));
        request.send().await.answer("CreateTargetGroup")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "health_check") {
            let request = aws.elb.modify_target_group().target_group_arn(&seen.id);
            let request = request
                .health_check_interval_seconds(self.health_check.interval_secs)
                .healthy_threshold_count(self.health_check.healthy_after)
                .unhealthy_threshold_count(self.health_check.unhealthy_after);
            request.send().await.answer("ModifyTargetGroup")?;
        }
        if ATTRIBUTES.iter().any(|field| touches(changes, field)) {
            let attribute =
                |key: &str, value: String| TargetGroupAttribute::builder().key(key).value(value).build();
            let request = aws.elb.modify_target_group_attributes().target_group_arn(&seen.id);
            let request = request
                .attributes(attribute(PROXY_PROTOCOL, self.proxy_protocol.to_string()))
                .attributes(attribute(PRESERVE_CLIENT_ADDRESS, self.preserve_client_address.to_string()))
                .attributes(attribute(DEREGISTRATION_DELAY, self.deregistration_delay_secs.to_string()));
            request.send().await.answer("ModifyTargetGroupAttributes")?;
        }
        if touches(changes, "tags") {
            elb_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.elb.delete_target_group().target_group_arn(&seen.id).send().await;
        request.removed("DeleteTargetGroup", &["TargetGroupNotFound"], &["ResourceInUse"])
    }
}

async fn observe(aws: &Aws, found: Vec<Description>) -> Result<Vec<Observed<TargetGroup>>, Error> {
    let owned = elb_tags::owned(aws, found, Description::target_group_arn).await?;
    let observed = try_join_all(owned.into_iter().map(|owned| observe_one(aws, owned))).await?;
    Ok(observed.into_iter().flatten().collect())
}

async fn observe_one(aws: &Aws, owned: Owned<Description>) -> Result<Option<Observed<TargetGroup>>, Error> {
    let Owned { found, arn, name, tags } = owned;
    let request = aws.elb.describe_target_group_attributes().target_group_arn(&arn).send().await;
    let answer = request.answer_unless("DescribeTargetGroupAttributes", &["TargetGroupNotFound"])?;
    let Some(answer) = answer else { return Ok(None) };
    let pairs = answer.attributes.unwrap_or_default();
    let settings = Attributes::new(pairs.into_iter().map(|pair| (pair.key, pair.value)));
    let attributes = TargetGroup {
        vpc: found.vpc_id.given("the VPC of a target group")?.into(),
        port: found.port.given("the port of a target group")?,
        proxy_protocol: settings.is_set(PROXY_PROTOCOL),
        preserve_client_address: settings.is_set(PRESERVE_CLIENT_ADDRESS),
        deregistration_delay_secs: settings.number(DEREGISTRATION_DELAY),
        health_check: HealthCheck {
            interval_secs: found.health_check_interval_seconds.unwrap_or_default(),
            healthy_after: found.healthy_threshold_count.unwrap_or_default(),
            unhealthy_after: found.unhealthy_threshold_count.unwrap_or_default(),
        },
        tags,
    };
    let outputs = Outputs { arn: arn.clone() };
    Ok(Some(Observed { name, id: arn, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}
