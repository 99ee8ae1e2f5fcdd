//! The way between a virtual network and the internet
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInternetGateway.html>).
//!
//! A gateway is made on its own and attached by a second request, so the attachment is an attribute.

use aws_sdk_ec2::types::{AttachmentStatus, InternetGateway as Description, ResourceType};
use holodeck_engine::{
    Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Status, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::ec2_tags;
use crate::aws::owner::{self, Tags};

/// An internet gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InternetGateway {
    /// The VPC that it is attached to; `None` where it is attached to none.
    pub vpc: Option<Input<String>>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What an internet gateway puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
}

impl InternetGateway {
    /// The gateway's id.
    pub const ID: Output<Self, String> = Output::new("id");
}

impl Resource for InternetGateway {
    const KIND: &'static str = "aws.internet_gateway";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        // It cannot be detached while public addresses are in use, which load balancers let go of late.
        Durations::seconds(2, 1, 2, 1200)
    }

    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        match actual.vpc {
            None => Verdict::Update,
            // A VPC cannot go before its gateway is detached, so the gateway goes, too.
            Some(_) => Verdict::replace_if_changed(changes, &["vpc"], Order::DeleteFirst),
        }
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let request = aws.ec2.describe_internet_gateways().filters(ec2_tags::owned(aws));
        let pages = request.into_paginator().items().send();
        let found: Vec<Description> =
            pages.collect::<Result<_, _>>().await.answer("DescribeInternetGateways")?;
        found.into_iter().filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::InternetGateway, name, &self.tags);
        let request = aws.ec2_once.create_internet_gateway().tag_specifications(tags);
        request.send().await.answer("CreateInternetGateway")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if let Some(vpc) = self.vpc.as_ref().filter(|_| touches(changes, "vpc")) {
            let request = aws.ec2.attach_internet_gateway().internet_gateway_id(&seen.id).vpc_id(vpc.get()?);
            // A repeated request whose first answer was lost has been carried out.
            request.send().await.answer_unless("AttachInternetGateway", &["Resource.AlreadyAssociated"])?;
        }
        if touches(changes, "tags") {
            ec2_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        const GONE: &str = "InvalidInternetGatewayID.NotFound";
        if let Some(vpc) = &seen.attributes.vpc {
            let request = aws.ec2.detach_internet_gateway().internet_gateway_id(&seen.id).vpc_id(vpc.get()?);
            let gone = [GONE, "Gateway.NotAttached"];
            request.send().await.removed("DetachInternetGateway", &gone, &["DependencyViolation"])?;
        }
        let request = aws.ec2.delete_internet_gateway().internet_gateway_id(&seen.id);
        request.send().await.removed("DeleteInternetGateway", &[GONE], &["DependencyViolation"])
    }
}

fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<InternetGateway>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let id = found.internet_gateway_id.given("the id of an internet gateway")?;
    let attachment = found.attachments.unwrap_or_default().into_iter().next();
    let status = match attachment.as_ref().and_then(|attachment| attachment.state.as_ref()) {
        Some(state @ (AttachmentStatus::Attaching | AttachmentStatus::Detaching)) => {
            Status::InProgress(format!("the internet gateway is {state}"))
        }
        _ => Status::Ready,
    };
    let vpc = attachment.and_then(|attachment| attachment.vpc_id).map(Input::Known);
    let outputs = Outputs { id: id.clone() };
    let attributes = InternetGateway { vpc, tags };
    Ok(Some(Observed { name, id, attributes, outputs, status, uses: Vec::new() }))
}
