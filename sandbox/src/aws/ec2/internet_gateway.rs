//! Internet gateways (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html>).
//!
//! Invariant: a gateway is attached to one VPC at the most, and a VPC has one gateway at the most.

use aws_sdk_ec2::operation::attach_internet_gateway::{
    AttachInternetGatewayInput, AttachInternetGatewayOutput,
};
use aws_sdk_ec2::operation::create_internet_gateway::{
    CreateInternetGatewayInput, CreateInternetGatewayOutput,
};
use aws_sdk_ec2::operation::delete_internet_gateway::{
    DeleteInternetGatewayInput, DeleteInternetGatewayOutput,
};
use aws_sdk_ec2::operation::describe_internet_gateways::{
    DescribeInternetGatewaysInput, DescribeInternetGatewaysOutput,
};
use aws_sdk_ec2::operation::detach_internet_gateway::{
    DetachInternetGatewayInput, DetachInternetGatewayOutput,
};
use aws_sdk_ec2::types::{self, AttachmentStatus, InternetGatewayAttachment, ResourceType};
use serde::{Deserialize, Serialize};

use super::request::{self, dependency, invalid, not_found, required};
use super::{interface, vpc};
use crate::aws::filters::{Fields, each, one};
use crate::aws::{Answer, ApiError, Services, Tags, World};

/// An internet gateway and the VPC that it is attached to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct InternetGateway {
    pub(super) vpc: Option<String>,
}

const FIELDS: &Fields<types::InternetGateway> = &[
    ("attachment.state", |gateway| {
        // An attached gateway reads `available`, a word that the API keeps for this kind alone.
        each(gateway.attachments(), InternetGatewayAttachment::state)
    }),
    ("attachment.vpc-id", |gateway| each(gateway.attachments(), InternetGatewayAttachment::vpc_id)),
    ("internet-gateway-id", |gateway| one(gateway.internet_gateway_id())),
    ("owner-id", |gateway| one(gateway.owner_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        attach_internet_gateway: AttachInternetGatewayInput,
        create_internet_gateway: CreateInternetGatewayInput,
        delete_internet_gateway: DeleteInternetGatewayInput,
        describe_internet_gateways: DescribeInternetGatewaysInput,
        detach_internet_gateway: DetachInternetGatewayInput,
    );
}

/// Whether an internet gateway is attached to the VPC.
pub(crate) fn has_internet_gateway(world: &World, vpc: &str) -> bool {
    world.ec2.internet_gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(vpc))
}

pub(super) fn find<'a>(world: &'a World, id: &str) -> Answer<&'a InternetGateway> {
    world.ec2.internet_gateways.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    not_found("InvalidInternetGatewayID.NotFound", "internetGateway ID", id)
}

/// The gateway of the default VPC, with the route to it.
pub(super) fn create_default(world: &mut World, vpc: &str) {
    let id = insert(world, InternetGateway { vpc: Some(vpc.to_owned()) }, Tags::new());
    super::route::add_default(world, vpc, &id);
}

fn insert(world: &mut World, gateway: InternetGateway, tags: Tags) -> String {
    let id = world.id("igw");
    world.ec2.internet_gateways.insert(id.clone(), gateway);
    world.ec2.tags.insert(id.clone(), tags);
    id
}

fn create_internet_gateway(
    world: &mut World,
    input: &CreateInternetGatewayInput,
) -> Answer<CreateInternetGatewayOutput> {
    let tags = request::tags_for(input.tag_specifications(), &ResourceType::InternetGateway)?;
    let id = insert(world, InternetGateway::default(), tags);
    let gateway = find(world, &id)?.show(world, &id);
    Ok(CreateInternetGatewayOutput::builder().internet_gateway(gateway).build())
}

impl InternetGateway {
    fn show(&self, world: &World, id: &str) -> types::InternetGateway {
        let attachment = self.vpc.as_ref().map(|vpc| {
            InternetGatewayAttachment::builder()
                .vpc_id(vpc)
                .state(AttachmentStatus::from("available"))
                .build()
        });
        types::InternetGateway::builder()
            .internet_gateway_id(id)
            .owner_id(&world.account)
            .set_attachments(Some(attachment.into_iter().collect()))
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

fn describe_internet_gateways(
    world: &mut World,
    input: &DescribeInternetGatewaysInput,
) -> Answer<DescribeInternetGatewaysOutput> {
    let gateways = request::by_ids(
        &world.ec2.internet_gateways,
        input.internet_gateway_ids(),
        "InvalidInternetGatewayID.NotFound",
        "internetGateway ID",
    )?;
    let gateways = gateways.into_iter().map(|(id, gateway)| gateway.show(world, id));
    let gateways = request::filtered(gateways, input.filters(), FIELDS, types::InternetGateway::tags)?;
    let (gateways, next) = request::page(gateways, input.next_token(), input.max_results())?;
    let output = DescribeInternetGatewaysOutput::builder().set_internet_gateways(Some(gateways));
    Ok(output.set_next_token(next).build())
}

fn attach_internet_gateway(
    world: &mut World,
    input: &AttachInternetGatewayInput,
) -> Answer<AttachInternetGatewayOutput> {
    let id = required(input.internet_gateway_id(), "internetGatewayId")?;
    let vpc = required(input.vpc_id(), "vpcId")?;
    let gateway = find(world, id)?;
    vpc::find(world, vpc)?;
    if let Some(attached) = &gateway.vpc {
        let message = format!("resource {id} is already attached to network {attached}");
        return Err(ApiError::new("Resource.AlreadyAssociated", message));
    }
    if has_internet_gateway(world, vpc) {
        return Err(invalid(format!("Network {vpc} already has an internet gateway attached")));
    }
    if let Some(gateway) = world.ec2.internet_gateways.get_mut(id) {
        gateway.vpc = Some(vpc.to_owned());
    }
    Ok(AttachInternetGatewayOutput::builder().build())
}

fn detach_internet_gateway(
    world: &mut World,
    input: &DetachInternetGatewayInput,
) -> Answer<DetachInternetGatewayOutput> {
    let id = required(input.internet_gateway_id(), "internetGatewayId")?;
    let vpc = required(input.vpc_id(), "vpcId")?;
    let gateway = find(world, id)?;
    vpc::find(world, vpc)?;
    if gateway.vpc.as_deref() != Some(vpc) {
        let message = format!("resource {id} is not attached to network {vpc}");
        return Err(ApiError::new("Gateway.NotAttached", message));
    }
    if interface::has_public_address(world, vpc) {
        let message = format!(
            "Network {vpc} has some mapped public address(es). \
             Please unmap those public address(es) before detaching the gateway."
        );
        return Err(dependency(message));
    }
    if let Some(gateway) = world.ec2.internet_gateways.get_mut(id) {
        gateway.vpc = None;
    }
    Ok(DetachInternetGatewayOutput::builder().build())
}

fn delete_internet_gateway(
    world: &mut World,
    input: &DeleteInternetGatewayInput,
) -> Answer<DeleteInternetGatewayOutput> {
    let id = required(input.internet_gateway_id(), "internetGatewayId")?;
    if find(world, id)?.vpc.is_some() {
        let message = format!("The internetGateway '{id}' has dependencies and cannot be deleted.");
        return Err(dependency(message));
    }
    world.ec2.internet_gateways.remove(id);
    world.ec2.tags.remove(id);
    Ok(DeleteInternetGatewayOutput::builder().build())
}
