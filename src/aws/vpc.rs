//! The virtual network of an environment
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>).
//!
//! DNS support and DNS host names are attributes of their own: each is read and set by a separate request.

use aws_sdk_ec2::types::{
    AttributeBooleanValue, ResourceType, Vpc as Description, VpcAttributeName, VpcState,
};
use futures::future::{try_join, try_join_all};
use holodeck_engine::{Error, FieldChange, Observed, Order, Output, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::cluster_leftovers;
use crate::aws::ec2_tags;
use crate::aws::owner::{self, Tags};

/// A VPC.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vpc {
    /// Its IPv4 network.
    pub cidr: String,
    /// Whether the Amazon DNS server answers in it.
    pub dns_support: bool,
    /// Whether instances get DNS host names; private endpoints of EKS need it.
    pub dns_hostnames: bool,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a VPC puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
}

impl Vpc {
    /// The VPC's id.
    pub const ID: Output<Self, String> = Output::new("id");
}

impl Resource for Vpc {
    const KIND: &'static str = "aws.vpc";
    type Outputs = Outputs;
    type Client = Aws;

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["cidr"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages = aws.ec2.describe_vpcs().filters(ec2_tags::owned(aws)).into_paginator().items().send();
        let found: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("DescribeVpcs")?;
        let observed = try_join_all(found.into_iter().map(|found| observe(aws, found))).await?;
        Ok(observed.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::Vpc, name, &self.tags);
        let request = aws.ec2_once.create_vpc().cidr_block(&self.cidr).tag_specifications(tags);
        request.send().await.answer("CreateVpc")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let modify = || aws.ec2.modify_vpc_attribute().vpc_id(&seen.id);
        let changed = |field| touches(changes, field);
        let flag = |value| AttributeBooleanValue::builder().value(value).build();
        if changed("dns_support") {
            modify().enable_dns_support(flag(self.dns_support)).send().await.answer("ModifyVpcAttribute")?;
        }
        if changed("dns_hostnames") {
            modify()
                .enable_dns_hostnames(flag(self.dns_hostnames))
                .send()
                .await
                .answer("ModifyVpcAttribute")?;
        }
        if changed("tags") {
            ec2_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.ec2.delete_vpc().vpc_id(&seen.id).send().await;
        let removed = request.removed("DeleteVpc", &["InvalidVpcID.NotFound"], &["DependencyViolation"]);
        cluster_leftovers::clear_vpc(aws, removed, &seen.id).await
    }
}

async fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<Vpc>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let id = found.vpc_id.given("the id of a VPC")?;
    let attribute = |name| aws.ec2.describe_vpc_attribute().vpc_id(&id).attribute(name).send();
    let (support, hostnames) = try_join(
        async { attribute(VpcAttributeName::EnableDnsSupport).await.answer("DescribeVpcAttribute") },
        async { attribute(VpcAttributeName::EnableDnsHostnames).await.answer("DescribeVpcAttribute") },
    )
    .await?;
    let is_set = |flag: Option<AttributeBooleanValue>| flag.and_then(|flag| flag.value).unwrap_or_default();
    let attributes = Vpc {
        cidr: found.cidr_block.given("the CIDR of a VPC")?,
        dns_support: is_set(support.enable_dns_support),
        dns_hostnames: is_set(hostnames.enable_dns_hostnames),
        tags,
    };
    let status = match found.state {
        Some(VpcState::Available) => Status::Ready,
        state => {
            Status::InProgress(format!("the VPC is {}", state.map_or("pending".into(), |s| s.to_string())))
        }
    };
    let outputs = Outputs { id: id.clone() };
    Ok(Some(Observed { name, id, attributes, outputs, status, uses: Vec::new() }))
}
