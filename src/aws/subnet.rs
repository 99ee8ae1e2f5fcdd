//! A part of a virtual network in one availability zone
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html>).
//!
//! Whether instances get public addresses is an attribute of its own, set by a separate request. A subnet cannot go
//! while network interfaces are in it; the wait for them names them.

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Subnet as Description, SubnetState};
use holodeck_engine::{
    Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Status, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::cluster_leftovers;
use crate::aws::ec2_tags;
use crate::aws::network_interfaces;
use crate::aws::owner::{self, Tags};

/// A subnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subnet {
    /// The VPC that it is a part of.
    pub vpc: Input<String>,
    /// Its IPv4 network.
    pub cidr: String,
    /// Its availability zone, such as `eu-west-1a`.
    pub zone: String,
    /// Whether instances in it get public addresses.
    pub public_addresses: bool,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a subnet puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
}

impl Subnet {
    /// The subnet's id.
    pub const ID: Output<Self, String> = Output::new("id");
}

impl Resource for Subnet {
    const KIND: &'static str = "aws.subnet";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        // Interfaces of load balancers and nodes vanish some minutes after their owners.
        Durations::seconds(2, 1, 2, 1200)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["vpc", "cidr", "zone"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages = aws.ec2.describe_subnets().filters(ec2_tags::owned(aws)).into_paginator().items().send();
        let found: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("DescribeSubnets")?;
        found.into_iter().filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::Subnet, name, &self.tags);
        let request = aws.ec2_once.create_subnet().vpc_id(self.vpc.get()?).cidr_block(&self.cidr);
        let request = request.availability_zone(&self.zone).tag_specifications(tags);
        request.send().await.answer("CreateSubnet")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "public_addresses") {
            let flag = AttributeBooleanValue::builder().value(self.public_addresses).build();
            let request = aws.ec2.modify_subnet_attribute().subnet_id(&seen.id);
            request.map_public_ip_on_launch(flag).send().await.answer("ModifySubnetAttribute")?;
        }
        if touches(changes, "tags") {
            ec2_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.ec2.delete_subnet().subnet_id(&seen.id).send().await;
        let removed =
            request.removed("DeleteSubnet", &["InvalidSubnetID.NotFound"], &["DependencyViolation"]);
        let removed = cluster_leftovers::clear_subnet(aws, removed, &seen.id).await;
        network_interfaces::explain(aws, removed, ec2_tags::filter("subnet-id", &seen.id)).await
    }
}

fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<Subnet>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let id = found.subnet_id.given("the id of a subnet")?;
    let attributes = Subnet {
        vpc: found.vpc_id.given("the VPC of a subnet")?.into(),
        cidr: found.cidr_block.given("the CIDR of a subnet")?,
        zone: found.availability_zone.given("the zone of a subnet")?,
        public_addresses: found.map_public_ip_on_launch.unwrap_or_default(),
        tags,
    };
    let status = match found.state {
        Some(SubnetState::Available) => Status::Ready,
        state => {
            Status::InProgress(format!("the subnet is {}", state.map_or("pending".into(), |s| s.to_string())))
        }
    };
    let outputs = Outputs { id: id.clone() };
    Ok(Some(Observed { name, id, attributes, outputs, status, uses: Vec::new() }))
}
