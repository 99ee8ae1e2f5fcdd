//! A named set of firewall rules
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>).
//!
//! Rules are resources of their own ([`super::security_group_rule`]), except for the one that AWS adds to every new
//! group, which lets everything out and cannot be tagged at birth: whether the group keeps it is an attribute.

use aws_sdk_ec2::types::{IpPermission, IpRange, ResourceType, SecurityGroup as Description};
use holodeck_engine::{
    Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Status, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::ec2_tags;
use crate::aws::network_interfaces;
use crate::aws::owner::{self, Tags};

/// A security group. Its name on AWS is the environment's, a hyphen and its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// The VPC that it is in.
    pub vpc: Input<String>,
    /// What it is for; AWS keeps the first text for ever.
    pub description: String,
    /// Whether everything may go out: the rule that AWS adds by itself.
    pub open_egress: bool,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a security group puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
}

impl SecurityGroup {
    /// The group's id.
    pub const ID: Output<Self, String> = Output::new("id");
}

impl Resource for SecurityGroup {
    const KIND: &'static str = "aws.security_group";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        // The interfaces of a load balancer vanish some minutes after it.
        Durations::seconds(2, 1, 2, 1200)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["vpc", "description"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let request = aws.ec2.describe_security_groups().filters(ec2_tags::owned(aws));
        let pages = request.into_paginator().items().send();
        let found: Vec<Description> =
            pages.collect::<Result<_, _>>().await.answer("DescribeSecurityGroups")?;
        found.into_iter().filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::SecurityGroup, name, &self.tags);
        let request = aws.ec2_once.create_security_group().vpc_id(self.vpc.get()?);
        let request = request.group_name(aws.owner.prefixed(name)).description(&self.description);
        request.tag_specifications(tags).send().await.answer("CreateSecurityGroup")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "open_egress") {
            set_open_egress(aws, &seen.id, self.open_egress).await?;
        }
        if touches(changes, "tags") {
            ec2_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.ec2.delete_security_group().group_id(&seen.id).send().await;
        let in_use = ["DependencyViolation", "InvalidGroup.InUse"];
        let removed = request.removed("DeleteSecurityGroup", &["InvalidGroup.NotFound"], &in_use);
        network_interfaces::explain(aws, removed, ec2_tags::filter("group-id", &seen.id)).await
    }
}

/// All protocols, as rules write it.
pub const ALL_PROTOCOLS: &str = "-1";
const EVERYWHERE: &str = "0.0.0.0/0";

async fn set_open_egress(aws: &Aws, group: &str, open: bool) -> Result<(), Error> {
    let everywhere = IpRange::builder().cidr_ip(EVERYWHERE).build();
    let everything = IpPermission::builder().ip_protocol(ALL_PROTOCOLS).ip_ranges(everywhere).build();
    if open {
        let request = aws.ec2.authorize_security_group_egress().group_id(group).ip_permissions(everything);
        let answer = request.send().await;
        answer.answer_unless("AuthorizeSecurityGroupEgress", &["InvalidPermission.Duplicate"])?;
    } else {
        let request = aws.ec2.revoke_security_group_egress().group_id(group).ip_permissions(everything);
        let answer = request.send().await;
        answer.answer_unless("RevokeSecurityGroupEgress", &["InvalidPermission.NotFound"])?;
    }
    Ok(())
}

fn is_open_egress(permission: &IpPermission) -> bool {
    permission.ip_protocol() == Some(ALL_PROTOCOLS)
        && permission.ip_ranges().iter().any(|range| range.cidr_ip() == Some(EVERYWHERE))
}

fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<SecurityGroup>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let open_egress = found.ip_permissions_egress().iter().any(is_open_egress);
    let id = found.group_id.given("the id of a security group")?;
    let attributes = SecurityGroup {
        vpc: found.vpc_id.given("the VPC of a security group")?.into(),
        description: found.description.unwrap_or_default(),
        open_egress,
        tags,
    };
    let outputs = Outputs { id: id.clone() };
    Ok(Some(Observed { name, id, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}
