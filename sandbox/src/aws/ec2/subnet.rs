//! Subnets (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html>).
//!
//! Invariant: subnets of a VPC do not overlap, and the addresses in use are those of the network interfaces. Four
//! addresses at the beginning and the last one are reserved
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use aws_sdk_ec2::operation::create_subnet::{CreateSubnetInput, CreateSubnetOutput};
use aws_sdk_ec2::operation::delete_subnet::{DeleteSubnetInput, DeleteSubnetOutput};
use aws_sdk_ec2::operation::describe_subnets::{DescribeSubnetsInput, DescribeSubnetsOutput};
use aws_sdk_ec2::operation::modify_subnet_attribute::{
    ModifySubnetAttributeInput, ModifySubnetAttributeOutput,
};
use aws_sdk_ec2::types::{
    self, AttributeBooleanValue, HostnameType, PrivateDnsNameOptionsOnLaunch, ResourceType, SubnetState,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::request::{self, dependency, not_found, required};
use super::{route_table, vpc, zone};
use crate::aws::filters::{Fields, one};
use crate::aws::{Answer, ApiError, Services, Tags, World};

/// A subnet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Subnet {
    pub(super) vpc: String,
    pub(super) cidr: Ipv4Net,
    pub(super) zone: String,
    zone_id: String,
    is_default: bool,
    pub(super) map_public_ip: bool,
}

const RESERVED: u32 = 5;

const FIELDS: &Fields<types::Subnet> = &[
    ("availability-zone", |subnet| one(subnet.availability_zone())),
    ("availability-zone-id", |subnet| one(subnet.availability_zone_id())),
    ("available-ip-address-count", |subnet| one(subnet.available_ip_address_count())),
    ("cidr-block", |subnet| one(subnet.cidr_block())),
    ("default-for-az", |subnet| one(subnet.default_for_az())),
    ("map-public-ip-on-launch", |subnet| one(subnet.map_public_ip_on_launch())),
    ("owner-id", |subnet| one(subnet.owner_id())),
    ("state", |subnet| one(subnet.state())),
    ("subnet-arn", |subnet| one(subnet.subnet_arn())),
    ("subnet-id", |subnet| one(subnet.subnet_id())),
    ("vpc-id", |subnet| one(subnet.vpc_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        create_subnet: CreateSubnetInput,
        delete_subnet: DeleteSubnetInput,
        describe_subnets: DescribeSubnetsInput,
    );
    services.on(modify_subnet_attribute);
}

/// The VPC that a subnet lies in.
pub(crate) fn subnet_vpc(world: &World, id: &str) -> Option<String> {
    world.ec2.subnets.get(id).map(|subnet| subnet.vpc.clone())
}

/// The availability zone that a subnet lies in.
pub(crate) fn subnet_zone(world: &World, id: &str) -> Option<String> {
    world.ec2.subnets.get(id).map(|subnet| subnet.zone.clone())
}

pub(super) fn find<'a>(world: &'a World, id: &str) -> Answer<&'a Subnet> {
    world.ec2.subnets.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    not_found("InvalidSubnetID.NotFound", "subnet ID", id)
}

/// The first address of a subnet that no interface has.
pub(super) fn free_address(world: &World, id: &str) -> Answer<Ipv4Addr> {
    let subnet = find(world, id)?;
    let taken: BTreeSet<Ipv4Addr> = in_use(world, id).collect();
    let last = subnet.cidr.broadcast();
    let first = u32::from(subnet.cidr.network()).saturating_add(4);
    (first..u32::from(last)).map(Ipv4Addr::from).find(|address| !taken.contains(address)).ok_or_else(|| {
        let message = format!("The subnet '{id}' has no free addresses left.");
        ApiError::new("InsufficientFreeAddressesInSubnet", message)
    })
}

fn in_use(world: &World, id: &str) -> impl Iterator<Item = Ipv4Addr> {
    world
        .ec2
        .interfaces
        .values()
        .filter(move |interface| interface.subnet == id)
        .map(|interface| interface.address)
}

/// The default subnet of a zone.
pub(super) fn create_default(world: &mut World, vpc: &str, zone: (String, String), cidr: Ipv4Net) {
    let (zone, zone_id) = zone;
    let vpc = vpc.to_owned();
    let subnet = Subnet { vpc, cidr, zone, zone_id, is_default: true, map_public_ip: true };
    insert(world, subnet, Tags::new());
}

fn insert(world: &mut World, subnet: Subnet, tags: Tags) -> String {
    let id = world.id("subnet");
    world.ec2.subnets.insert(id.clone(), subnet);
    world.ec2.tags.insert(id.clone(), tags);
    id
}

fn create_subnet(world: &mut World, input: &CreateSubnetInput) -> Answer<CreateSubnetOutput> {
    let tags = request::tags_for(input.tag_specifications(), &ResourceType::Subnet)?;
    let vpc_id = required(input.vpc_id(), "vpcId")?;
    let vpc = vpc::find(world, vpc_id)?;
    let cidr = request::network(required(input.cidr_block(), "cidrBlock")?, "cidrBlock")?;
    if !(16..=28).contains(&cidr.prefix_len()) || !vpc.cidr.contains(&cidr) {
        return Err(ApiError::new("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid.")));
    }
    let (zone, zone_id) = zone::find(&world.region, input.availability_zone(), input.availability_zone_id())?;
    let overlaps = |subnet: &Subnet| {
        subnet.vpc == vpc_id && (subnet.cidr.contains(&cidr) || cidr.contains(&subnet.cidr))
    };
    if world.ec2.subnets.values().any(overlaps) {
        let message = format!("The CIDR '{cidr}' conflicts with another subnet");
        return Err(ApiError::new("InvalidSubnet.Conflict", message));
    }
    let vpc = vpc_id.to_owned();
    let subnet = Subnet { vpc, cidr, zone, zone_id, is_default: false, map_public_ip: false };
    let id = insert(world, subnet, tags);
    Ok(CreateSubnetOutput::builder().subnet(find(world, &id)?.show(world, &id)).build())
}

impl Subnet {
    fn show(&self, world: &World, id: &str) -> types::Subnet {
        let size = 1_u32.checked_shl(32 - u32::from(self.cidr.prefix_len())).unwrap_or(u32::MAX);
        let used = u32::try_from(in_use(world, id).count()).unwrap_or(u32::MAX);
        let free = size.saturating_sub(RESERVED).saturating_sub(used);
        let names = PrivateDnsNameOptionsOnLaunch::builder()
            .enable_resource_name_dns_a_record(false)
            .enable_resource_name_dns_aaaa_record(false)
            .hostname_type(HostnameType::IpName);
        types::Subnet::builder()
            .subnet_id(id)
            .subnet_arn(world.arn("ec2", &format!("subnet/{id}")))
            .vpc_id(&self.vpc)
            .cidr_block(self.cidr.to_string())
            .availability_zone(&self.zone)
            .availability_zone_id(&self.zone_id)
            .available_ip_address_count(i32::try_from(free).unwrap_or(i32::MAX))
            .default_for_az(self.is_default)
            .map_public_ip_on_launch(self.map_public_ip)
            .assign_ipv6_address_on_creation(false)
            .enable_dns64(false)
            .ipv6_native(false)
            .owner_id(&world.account)
            .private_dns_name_options_on_launch(names.build())
            .state(SubnetState::Available)
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

fn describe_subnets(world: &mut World, input: &DescribeSubnetsInput) -> Answer<DescribeSubnetsOutput> {
    let subnets =
        request::by_ids(&world.ec2.subnets, input.subnet_ids(), "InvalidSubnetID.NotFound", "subnet ID")?;
    let subnets = subnets.into_iter().map(|(id, subnet)| subnet.show(world, id));
    let subnets = request::filtered(subnets, input.filters(), FIELDS, types::Subnet::tags)?;
    let (subnets, next) = request::page(subnets, input.next_token(), input.max_results())?;
    Ok(DescribeSubnetsOutput::builder().set_subnets(Some(subnets)).set_next_token(next).build())
}

fn modify_subnet_attribute(
    world: &mut World,
    input: &ModifySubnetAttributeInput,
) -> Answer<ModifySubnetAttributeOutput> {
    let id = required(input.subnet_id(), "subnetId")?;
    let subnet = world.ec2.subnets.get_mut(id).ok_or_else(|| unknown(id))?;
    let value = input.map_public_ip_on_launch().and_then(AttributeBooleanValue::value);
    let Some(value) = value else {
        let message = "The sandbox simulates mapPublicIpOnLaunch alone of the attributes of a subnet.";
        return Err(ApiError::new("NotSimulated", message));
    };
    subnet.map_public_ip = value;
    Ok(ModifySubnetAttributeOutput::builder().build())
}

fn delete_subnet(world: &mut World, input: &DeleteSubnetInput) -> Answer<DeleteSubnetOutput> {
    let id = required(input.subnet_id(), "subnetId")?;
    find(world, id)?;
    if in_use(world, id).next().is_some() {
        return Err(dependency(format!("The subnet '{id}' has dependencies and cannot be deleted.")));
    }
    route_table::forget_subnet(world, id);
    world.ec2.subnets.remove(id);
    world.ec2.tags.remove(id);
    Ok(DeleteSubnetOutput::builder().build())
}
