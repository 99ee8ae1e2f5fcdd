//! A network load balancer
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>).
//!
//! Its name on AWS is the environment's, a hyphen and its own, of 32 characters at most. A load balancer that is made
//! without security groups can never get any. It is gone from the list at once when it is removed, while its network
//! interfaces stay for some minutes.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer as Description, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerStateEnum,
    LoadBalancerTypeEnum,
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
use crate::aws::inputs::{known, known_if_any};
use crate::aws::owner::{self, Tags};

/// A network load balancer that the internet can reach.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// The public subnets that it stands in.
    pub subnets: BTreeSet<Input<String>>,
    /// The security groups that its traffic passes.
    pub security_groups: BTreeSet<Input<String>>,
    /// Whether each of its zones sends to targets in all zones.
    pub cross_zone: bool,
    /// Whether AWS refuses to remove it.
    pub deletion_protection: bool,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a load balancer puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    arn: String,
    dns_name: String,
    zone_id: String,
}

const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
const DELETION_PROTECTION: &str = "deletion_protection.enabled";

impl LoadBalancer {
    /// The load balancer's ARN.
    pub const ARN: Output<Self, String> = Output::new("arn");
    /// The DNS name that AWS gave it.
    pub const DNS_NAME: Output<Self, String> = Output::new("dns_name");
    /// The hosted zone of that name, for alias records.
    pub const ZONE_ID: Output<Self, String> = Output::new("zone_id");
}

impl Resource for LoadBalancer {
    const KIND: &'static str = "aws.load_balancer";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(150, 5, 5, 900)
    }

    /// A load balancer without security groups never gets any, and it stays in the network that it was made in: where
    /// none of its subnets stays, it is made anew.
    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        let mut immutable = Vec::new();
        if actual.security_groups.is_empty() || self.security_groups.is_empty() {
            immutable.push("security_groups");
        }
        if self.subnets.is_disjoint(&actual.subnets) {
            immutable.push("subnets");
        }
        Verdict::replace_if_changed(changes, &immutable, Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        observe(aws, named_like_ours(aws).await?).await
    }

    async fn read(aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws.elb.describe_load_balancers().names(aws.owner.prefixed(name));
        let answer =
            request.send().await.answer_unless("DescribeLoadBalancers", &["LoadBalancerNotFound"])?;
        let found = answer.and_then(|answer| answer.load_balancers).unwrap_or_default();
        Ok(observe(aws, found).await?.into_iter().find(|observed| observed.name == name))
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .elb
            .create_load_balancer()
            .name(aws.owner.prefixed(name))
            .r#type(LoadBalancerTypeEnum::Network)
            .scheme(LoadBalancerSchemeEnum::InternetFacing)
            .set_subnets(Some(known(&self.subnets)?))
            .set_security_groups(known_if_any(&self.security_groups)?)
            .set_tags(Some(elb_tags::all(aws, name, &self.tags)));
        request.send().await.answer("CreateLoadBalancer")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "subnets") {
            let request = aws.elb.set_subnets().load_balancer_arn(&seen.id);
            request.set_subnets(Some(known(&self.subnets)?)).send().await.answer("SetSubnets")?;
        }
        if touches(changes, "security_groups") {
            let request = aws.elb.set_security_groups().load_balancer_arn(&seen.id);
            let request = request.set_security_groups(Some(known(&self.security_groups)?));
            request.send().await.answer("SetSecurityGroups")?;
        }
        if touches(changes, "cross_zone") || touches(changes, "deletion_protection") {
            let attribute = |key: &str, value: bool| {
                LoadBalancerAttribute::builder().key(key).value(value.to_string()).build()
            };
            let request = aws.elb.modify_load_balancer_attributes().load_balancer_arn(&seen.id);
            let request = request.attributes(attribute(CROSS_ZONE, self.cross_zone));
            let request = request.attributes(attribute(DELETION_PROTECTION, self.deletion_protection));
            request.send().await.answer("ModifyLoadBalancerAttributes")?;
        }
        if touches(changes, "tags") {
            elb_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.elb.delete_load_balancer().load_balancer_arn(&seen.id).send().await;
        request.removed("DeleteLoadBalancer", &["LoadBalancerNotFound"], &["ResourceInUse"])
    }
}

/// All load balancers whose names begin like ours; whether they are ours is told by their tags.
pub async fn named_like_ours(aws: &Aws) -> Result<Vec<Description>, Error> {
    let pages = aws.elb.describe_load_balancers().into_paginator().items().send();
    let all: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("DescribeLoadBalancers")?;
    let prefix = aws.owner.prefixed("");
    let is_like_ours =
        |found: &Description| found.load_balancer_name().is_some_and(|n| n.starts_with(&prefix));
    Ok(all.into_iter().filter(is_like_ours).collect())
}

async fn observe(aws: &Aws, found: Vec<Description>) -> Result<Vec<Observed<LoadBalancer>>, Error> {
    let owned = elb_tags::owned(aws, found, Description::load_balancer_arn).await?;
    let observed = try_join_all(owned.into_iter().map(|owned| observe_one(aws, owned))).await?;
    Ok(observed.into_iter().flatten().collect())
}

async fn observe_one(aws: &Aws, owned: Owned<Description>) -> Result<Option<Observed<LoadBalancer>>, Error> {
    let Owned { found, arn, name, tags } = owned;
    let request = aws.elb.describe_load_balancer_attributes().load_balancer_arn(&arn).send().await;
    let answer = request.answer_unless("DescribeLoadBalancerAttributes", &["LoadBalancerNotFound"])?;
    let Some(answer) = answer else { return Ok(None) };
    let pairs = answer.attributes.unwrap_or_default();
    let settings = Attributes::new(pairs.into_iter().map(|pair| (pair.key, pair.value)));
    let zones = found.availability_zones.unwrap_or_default().into_iter();
    let attributes = LoadBalancer {
        subnets: zones.filter_map(|zone| zone.subnet_id).map(Input::Known).collect(),
        security_groups: found.security_groups.unwrap_or_default().into_iter().map(Input::Known).collect(),
        cross_zone: settings.is_set(CROSS_ZONE),
        deletion_protection: settings.is_set(DELETION_PROTECTION),
        tags,
    };
    let state = found.state;
    let reason = state.as_ref().and_then(|state| state.reason.clone());
    let status = match state.and_then(|state| state.code) {
        Some(LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired) => Status::Ready,
        Some(LoadBalancerStateEnum::Failed) => {
            Status::Failed(reason.unwrap_or_else(|| "the load balancer failed".to_owned()))
        }
        _ => Status::InProgress("the load balancer is provisioning".to_owned()),
    };
    let outputs = Outputs {
        arn: arn.clone(),
        dns_name: found.dns_name.given("the DNS name of a load balancer")?,
        zone_id: found.canonical_hosted_zone_id.given("the hosted zone of a load balancer")?,
    };
    Ok(Some(Observed { name, id: arn, attributes, outputs, status, uses: Vec::new() }))
}
