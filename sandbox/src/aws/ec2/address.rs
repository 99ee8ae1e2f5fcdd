//! Elastic IP addresses (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html>).
//!
//! Invariant: an address is mapped to one interface at the most, and cannot be released meanwhile.

use std::net::Ipv4Addr;

use aws_sdk_ec2::operation::allocate_address::{AllocateAddressInput, AllocateAddressOutput};
use aws_sdk_ec2::operation::describe_addresses::{DescribeAddressesInput, DescribeAddressesOutput};
use aws_sdk_ec2::operation::release_address::{ReleaseAddressInput, ReleaseAddressOutput};
use aws_sdk_ec2::types::{self, DomainType, ResourceType};
use serde::{Deserialize, Serialize};

use super::interface::Interface;
use super::request::{self, not_found, required};
use crate::aws::filters::{Fields, one};
use crate::aws::{Answer, ApiError, Services, World};

/// An elastic IP address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) public: Ipv4Addr,
    /// The association's id and the interface.
    mapped: Option<(String, String)>,
}

/// An elastic IP address as the interface sees it that has it.
pub(super) struct Mapping<'a> {
    pub(super) allocation: &'a str,
    pub(super) association: &'a str,
    pub(super) public: Ipv4Addr,
}

/// How many addresses a region gives
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>).
const MOST: usize = 5;

const FIELDS: &Fields<types::Address> = &[
    ("allocation-id", |address| one(address.allocation_id())),
    ("association-id", |address| one(address.association_id())),
    ("instance-id", |address| one(address.instance_id())),
    ("network-border-group", |address| one(address.network_border_group())),
    ("network-interface-id", |address| one(address.network_interface_id())),
    ("network-interface-owner-id", |address| one(address.network_interface_owner_id())),
    ("private-ip-address", |address| one(address.private_ip_address())),
    ("public-ip", |address| one(address.public_ip())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        allocate_address: AllocateAddressInput,
        describe_addresses: DescribeAddressesInput,
        release_address: ReleaseAddressInput,
    );
}

pub(super) fn find<'a>(world: &'a World, id: &str) -> Answer<&'a Address> {
    world.ec2.addresses.get(id).ok_or_else(|| not_found("InvalidAllocationID.NotFound", "allocation ID", id))
}

/// A public address that was not given out before, of the range for benchmarks (RFC 2544), which nobody has.
fn public_address(world: &mut World) -> Ipv4Addr {
    loop {
        let host = u16::from_str_radix(&world.hex(4), 16).unwrap_or_default().to_be_bytes();
        let address = Ipv4Addr::new(198, 18, host[0], host[1]);
        let taken = world.ec2.addresses.values().any(|taken| taken.public == address)
            || world.ec2.interfaces.values().any(|interface| interface.lent_address == Some(address));
        if !taken {
            return address;
        }
    }
}

/// An error unless the address exists, and another one when it is mapped to an interface already.
pub(super) fn check_free(world: &World, allocation: &str) -> Answer<()> {
    if find(world, allocation)?.mapped.is_some() {
        let message = format!("Elastic IP address [{allocation}] is already associated");
        return Err(ApiError::new("Resource.AlreadyAssociated", message));
    }
    Ok(())
}

/// Gives an interface a public address: the allocated one, or one that AWS lends for as long as the interface lives.
pub(crate) fn give_public_address(
    world: &mut World,
    interface: &str,
    allocation: Option<&str>,
) -> Answer<()> {
    match allocation {
        Some(allocation) => {
            check_free(world, allocation)?;
            let association = world.id("eipassoc");
            if let Some(address) = world.ec2.addresses.get_mut(allocation) {
                address.mapped = Some((association, interface.to_owned()));
            }
        }
        None => {
            let lent = public_address(world);
            if let Some(interface) = world.ec2.interfaces.get_mut(interface) {
                interface.lent_address = Some(lent);
            }
        }
    }
    Ok(())
}

/// The elastic IP address of an interface.
pub(super) fn mapping<'a>(world: &'a World, interface: &str) -> Option<Mapping<'a>> {
    world.ec2.addresses.iter().find_map(|(allocation, address)| {
        let (association, mapped) = address.mapped.as_ref()?;
        (mapped == interface).then_some(Mapping { allocation, association, public: address.public })
    })
}

/// Frees the elastic IP address of an interface.
pub(super) fn unmap(world: &mut World, interface: &str) {
    for address in world.ec2.addresses.values_mut() {
        address.mapped.take_if(|(_, mapped)| mapped == interface);
    }
}

fn allocate_address(world: &mut World, input: &AllocateAddressInput) -> Answer<AllocateAddressOutput> {
    let tags = request::tags_for(input.tag_specifications(), &ResourceType::ElasticIp)?;
    if world.ec2.addresses.len() >= MOST {
        let message = "The maximum number of addresses has been reached.";
        return Err(ApiError::new("AddressLimitExceeded", message));
    }
    let id = world.id("eipalloc");
    let public = public_address(world);
    world.ec2.addresses.insert(id.clone(), Address { public, mapped: None });
    world.ec2.tags.insert(id.clone(), tags);
    let output = AllocateAddressOutput::builder()
        .allocation_id(id)
        .domain(DomainType::Vpc)
        .network_border_group(&world.region)
        .public_ip(public.to_string())
        .public_ipv4_pool("amazon");
    Ok(output.build())
}

impl Address {
    fn interface<'a>(&self, world: &'a World) -> Option<&'a Interface> {
        world.ec2.interfaces.get(&self.mapped.as_ref()?.1)
    }

    fn show(&self, world: &World, id: &str) -> types::Address {
        let (association, interface_id) = self.mapped.clone().unzip();
        let interface = self.interface(world);
        let instance = interface.and_then(|i| i.attachment.as_ref()).and_then(|a| a.instance.clone());
        types::Address::builder()
            .allocation_id(id)
            .set_association_id(association)
            .domain(DomainType::Vpc)
            .set_instance_id(instance)
            .network_border_group(&world.region)
            .set_network_interface_owner_id(interface_id.as_ref().map(|_| world.account.clone()))
            .set_network_interface_id(interface_id)
            .set_private_ip_address(interface.map(|interface| interface.address.to_string()))
            .public_ip(self.public.to_string())
            .public_ipv4_pool("amazon")
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

fn describe_addresses(world: &mut World, input: &DescribeAddressesInput) -> Answer<DescribeAddressesOutput> {
    let addresses = request::by_ids(
        &world.ec2.addresses,
        input.allocation_ids(),
        "InvalidAllocationID.NotFound",
        "allocation ID",
    )?;
    for wanted in input.public_ips() {
        if !addresses.iter().any(|(_, address)| address.public.to_string() == *wanted) {
            let message = format!("Address '{wanted}' not found.");
            return Err(ApiError::new("InvalidAddress.NotFound", message));
        }
    }
    let wanted = |(_, address): &(&String, &Address)| {
        input.public_ips().is_empty() || input.public_ips().contains(&address.public.to_string())
    };
    let addresses = addresses.into_iter().filter(wanted).map(|(id, address)| address.show(world, id));
    let addresses = request::filtered(addresses, input.filters(), FIELDS, types::Address::tags)?;
    Ok(DescribeAddressesOutput::builder().set_addresses(Some(addresses)).build())
}

fn release_address(world: &mut World, input: &ReleaseAddressInput) -> Answer<ReleaseAddressOutput> {
    let id = required(input.allocation_id(), "allocationId")?;
    let address = find(world, id)?;
    if address.interface(world).is_some_and(|interface| interface.requester_managed) {
        let message = "You do not have permission to access the specified resource.";
        return Err(ApiError::new("AuthFailure", message));
    }
    if address.mapped.is_some() {
        let message = format!("Address {} is in use.", address.public);
        return Err(ApiError::new("InvalidIPAddress.InUse", message));
    }
    world.ec2.addresses.remove(id);
    world.ec2.tags.remove(id);
    Ok(ReleaseAddressOutput::builder().build())
}
