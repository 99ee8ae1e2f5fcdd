//! The way of private subnets to the internet
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html>).
//!
//! A NAT gateway stays visible as deleted for about an hour. It is made without a token of ours: a token would make
//! AWS answer a replacement with the gateway that went.

use aws_sdk_ec2::types::{ConnectivityType, NatGateway as Description, NatGatewayState, ResourceType};
use holodeck_engine::{
    Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Status, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::client::Aws;
use crate::aws::ec2_tags;
use crate::aws::owner::{self, Tags};

/// A public NAT gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NatGateway {
    /// The public subnet that it stands in.
    pub subnet: Input<String>,
    /// The allocation of the elastic IP address that it sends from.
    pub address: Input<String>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a NAT gateway puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
}

impl NatGateway {
    /// The gateway's id.
    pub const ID: Output<Self, String> = Output::new("id");
}

impl Resource for NatGateway {
    const KIND: &'static str = "aws.nat_gateway";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(100, 1, 60, 900)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["subnet", "address"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages =
            aws.ec2.describe_nat_gateways().filter(ec2_tags::owned(aws)).into_paginator().items().send();
        let found: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("DescribeNatGateways")?;
        found.into_iter().filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::Natgateway, name, &self.tags);
        let request = aws.ec2_once.create_nat_gateway().connectivity_type(ConnectivityType::Public);
        let request = request.subnet_id(self.subnet.get()?).allocation_id(self.address.get()?);
        request.tag_specifications(tags).send().await.answer("CreateNatGateway")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        ec2_tags::set(aws, &seen.id, &self.tags).await?;
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.ec2.delete_nat_gateway().nat_gateway_id(&seen.id).send().await;
        request.removed("DeleteNatGateway", &["NatGatewayNotFound"], &[])
    }
}

fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<NatGateway>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let status = match found.state {
        Some(NatGatewayState::Deleted) => return Ok(None),
        Some(NatGatewayState::Available) => Status::Ready,
        Some(NatGatewayState::Deleting) => Status::Deleting("the NAT gateway is deleting".to_owned()),
        Some(NatGatewayState::Failed) => {
            Status::Failed(found.failure_message.unwrap_or_else(|| "the NAT gateway failed".to_owned()))
        }
        _ => Status::InProgress("the NAT gateway is pending".to_owned()),
    };
    let id = found.nat_gateway_id.given("the id of a NAT gateway")?;
    let addresses = found.nat_gateway_addresses.unwrap_or_default();
    // One that is going, or failed, may have let go of its address.
    let address = addresses.into_iter().find_map(|address| address.allocation_id).unwrap_or_default();
    let attributes = NatGateway {
        subnet: found.subnet_id.given("the subnet of a NAT gateway")?.into(),
        address: address.into(),
        tags,
    };
    let outputs = Outputs { id: id.clone() };
    Ok(Some(Observed { name, id, attributes, outputs, status, uses: Vec::new() }))
}
