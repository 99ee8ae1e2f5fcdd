//! VPCs (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>).
//!
//! Invariant: each VPC has one main route table and one default security group, which are made and deleted with it.

use std::net::Ipv4Addr;

use aws_sdk_ec2::operation::create_vpc::{CreateVpcInput, CreateVpcOutput};
use aws_sdk_ec2::operation::delete_vpc::{DeleteVpcInput, DeleteVpcOutput};
use aws_sdk_ec2::operation::describe_vpc_attribute::{DescribeVpcAttributeInput, DescribeVpcAttributeOutput};
use aws_sdk_ec2::operation::describe_vpcs::{DescribeVpcsInput, DescribeVpcsOutput};
use aws_sdk_ec2::operation::modify_vpc_attribute::{ModifyVpcAttributeInput, ModifyVpcAttributeOutput};
use aws_sdk_ec2::types::{
    self, AttributeBooleanValue, ResourceType, Tenancy, VpcAttributeName, VpcCidrBlockAssociation,
    VpcCidrBlockState, VpcCidrBlockStateCode, VpcState,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::request::{self, dependency, invalid, not_found, required};
use super::{internet_gateway, route_table, security_group, subnet, zone};
use crate::aws::filters::{Fields, one};
use crate::aws::{Answer, ApiError, Services, Tags, World};

/// A VPC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Vpc {
    pub(super) cidr: Ipv4Net,
    association: String,
    dhcp_options: String,
    is_default: bool,
    pub(super) dns_support: bool,
    pub(super) dns_hostnames: bool,
    network_address_usage_metrics: bool,
}

/// How many VPCs a region takes
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>).
const MOST: usize = 5;

const FIELDS: &Fields<types::Vpc> = &[
    ("cidr", |vpc| one(vpc.cidr_block())),
    ("cidr-block-association.cidr-block", |vpc| one(vpc.cidr_block())),
    ("dhcp-options-id", |vpc| one(vpc.dhcp_options_id())),
    ("is-default", |vpc| one(vpc.is_default())),
    ("isDefault", |vpc| one(vpc.is_default())),
    ("owner-id", |vpc| one(vpc.owner_id())),
    ("state", |vpc| one(vpc.state())),
    ("vpc-id", |vpc| one(vpc.vpc_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        create_vpc: CreateVpcInput,
        delete_vpc: DeleteVpcInput,
        describe_vpc_attribute: DescribeVpcAttributeInput,
        describe_vpcs: DescribeVpcsInput,
    );
    services.on(modify_vpc_attribute);
}

/// Whether there is a VPC with this id.
pub(crate) fn has_vpc(world: &World, id: &str) -> bool {
    world.ec2.vpcs.contains_key(id)
}

pub(super) fn find<'a>(world: &'a World, id: &str) -> Answer<&'a Vpc> {
    world.ec2.vpcs.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    not_found("InvalidVpcID.NotFound", "vpc ID", id)
}

/// The default VPC with its internet gateway and a public subnet in each zone, as a region has it from the beginning
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html>).
pub(super) fn create_default(world: &mut World) {
    let id = insert(world, Ipv4Net::new_assert(Ipv4Addr::new(172, 31, 0, 0), 16), Tags::new());
    if let Some(vpc) = world.ec2.vpcs.get_mut(&id) {
        (vpc.is_default, vpc.dns_hostnames) = (true, true);
    }
    internet_gateway::create_default(world, &id);
    for (zone, third) in zone::zones(&world.region).into_iter().zip((0..=240).step_by(16)) {
        subnet::create_default(world, &id, zone, Ipv4Net::new_assert(Ipv4Addr::new(172, 31, third, 0), 20));
    }
}

fn insert(world: &mut World, cidr: Ipv4Net, tags: Tags) -> String {
    let id = world.id("vpc");
    let vpc = Vpc {
        cidr,
        association: world.id("vpc-cidr-assoc"),
        dhcp_options: world.id("dopt"),
        is_default: false,
        dns_support: true,
        dns_hostnames: false,
        network_address_usage_metrics: false,
    };
    world.ec2.vpcs.insert(id.clone(), vpc);
    world.ec2.tags.insert(id.clone(), tags);
    route_table::create_main(world, &id);
    security_group::create_default(world, &id);
    id
}

fn create_vpc(world: &mut World, input: &CreateVpcInput) -> Answer<CreateVpcOutput> {
    let tags = request::tags_for(input.tag_specifications(), &ResourceType::Vpc)?;
    let cidr = request::network(required(input.cidr_block(), "cidrBlock")?, "cidrBlock")?;
    if !(16..=28).contains(&cidr.prefix_len()) {
        return Err(ApiError::new("InvalidVpc.Range", format!("The CIDR '{cidr}' is invalid.")));
    }
    if world.ec2.vpcs.len() >= MOST {
        return Err(ApiError::new("VpcLimitExceeded", "The maximum number of VPCs has been reached."));
    }
    let id = insert(world, cidr, tags);
    let vpc = find(world, &id)?.show(world, &id, VpcState::Pending);
    Ok(CreateVpcOutput::builder().vpc(vpc).build())
}

impl Vpc {
    fn show(&self, world: &World, id: &str, state: VpcState) -> types::Vpc {
        let associated = VpcCidrBlockState::builder().state(VpcCidrBlockStateCode::Associated).build();
        let block = VpcCidrBlockAssociation::builder()
            .association_id(&self.association)
            .cidr_block(self.cidr.to_string())
            .cidr_block_state(associated);
        types::Vpc::builder()
            .vpc_id(id)
            .cidr_block(self.cidr.to_string())
            .cidr_block_association_set(block.build())
            .dhcp_options_id(&self.dhcp_options)
            .instance_tenancy(Tenancy::Default)
            .is_default(self.is_default)
            .owner_id(&world.account)
            .state(state)
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

fn describe_vpcs(world: &mut World, input: &DescribeVpcsInput) -> Answer<DescribeVpcsOutput> {
    let vpcs = request::by_ids(&world.ec2.vpcs, input.vpc_ids(), "InvalidVpcID.NotFound", "vpc ID")?;
    let vpcs = vpcs.into_iter().map(|(id, vpc)| vpc.show(world, id, VpcState::Available));
    let vpcs = request::filtered(vpcs, input.filters(), FIELDS, types::Vpc::tags)?;
    let (vpcs, next) = request::page(vpcs, input.next_token(), input.max_results())?;
    Ok(DescribeVpcsOutput::builder().set_vpcs(Some(vpcs)).set_next_token(next).build())
}

fn modify_vpc_attribute(
    world: &mut World,
    input: &ModifyVpcAttributeInput,
) -> Answer<ModifyVpcAttributeOutput> {
    let id = required(input.vpc_id(), "vpcId")?;
    let vpc = world.ec2.vpcs.get_mut(id).ok_or_else(|| unknown(id))?;
    let mut changes = [
        (input.enable_dns_support(), &mut vpc.dns_support),
        (input.enable_dns_hostnames(), &mut vpc.dns_hostnames),
        (input.enable_network_address_usage_metrics(), &mut vpc.network_address_usage_metrics),
    ];
    let given = changes.iter().filter(|(value, _)| value.is_some()).count();
    if given != 1 {
        let message = "Exactly one attribute must be modified by a request.";
        return Err(ApiError::new("InvalidParameterCombination", message));
    }
    for (value, flag) in &mut changes {
        if let Some(value) = value.and_then(AttributeBooleanValue::value) {
            **flag = value;
        }
    }
    Ok(ModifyVpcAttributeOutput::builder().build())
}

fn describe_vpc_attribute(
    world: &mut World,
    input: &DescribeVpcAttributeInput,
) -> Answer<DescribeVpcAttributeOutput> {
    let id = required(input.vpc_id(), "vpcId")?;
    let vpc = find(world, id)?;
    let flag = |value| AttributeBooleanValue::builder().value(value).build();
    let output = DescribeVpcAttributeOutput::builder().vpc_id(id);
    let output = match input.attribute() {
        Some(VpcAttributeName::EnableDnsSupport) => output.enable_dns_support(flag(vpc.dns_support)),
        Some(VpcAttributeName::EnableDnsHostnames) => output.enable_dns_hostnames(flag(vpc.dns_hostnames)),
        Some(VpcAttributeName::EnableNetworkAddressUsageMetrics) => {
            output.enable_network_address_usage_metrics(flag(vpc.network_address_usage_metrics))
        }
        other => return Err(invalid(format!("The attribute {other:?} is invalid."))),
    };
    Ok(output.build())
}

fn delete_vpc(world: &mut World, input: &DeleteVpcInput) -> Answer<DeleteVpcOutput> {
    let id = required(input.vpc_id(), "vpcId")?;
    find(world, id)?;
    let ec2 = &world.ec2;
    let is_used = ec2.subnets.values().any(|subnet| subnet.vpc == id)
        || ec2.internet_gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(id))
        || ec2.interfaces.values().any(|interface| interface.vpc == id)
        || ec2.endpoints.values().any(|endpoint| endpoint.vpc == id)
        || ec2.route_tables.values().any(|table| table.vpc == id && !table.is_main())
        || ec2.security_groups.values().any(|group| group.vpc == id && !group.is_default());
    if is_used {
        return Err(dependency(format!("The vpc '{id}' has dependencies and cannot be deleted.")));
    }
    security_group::remove_of_vpc(world, id)?;
    route_table::remove_of_vpc(world, id);
    world.ec2.vpcs.remove(id);
    world.ec2.tags.remove(id);
    Ok(DeleteVpcOutput::builder().build())
}
