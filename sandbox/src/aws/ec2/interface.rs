//! Network interfaces (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>).
//!
//! They are made by other services and resources: instances, NAT gateways, endpoints, load balancers, EKS and the VPC
//! CNI. Invariant: an interface holds a private address of its subnet until it is removed.

use std::net::Ipv4Addr;

use aws_sdk_ec2::operation::delete_network_interface::{
    DeleteNetworkInterfaceInput, DeleteNetworkInterfaceOutput,
};
use aws_sdk_ec2::operation::describe_network_interfaces::{
    DescribeNetworkInterfacesInput, DescribeNetworkInterfacesOutput,
};
use aws_sdk_ec2::types::{
    self, AttachmentStatus, GroupIdentifier, NetworkInterfaceAssociation, NetworkInterfaceAttachment,
    NetworkInterfacePrivateIpAddress, NetworkInterfaceStatus, NetworkInterfaceType,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::address::{self, Mapping};
use super::request::{self, not_found, required};
use super::{security_group, subnet};
use crate::aws::filters::{Fields, each, one};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

/// A network interface.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Interface {
    pub(super) subnet: String,
    pub(super) vpc: String,
    zone: String,
    pub(super) groups: Vec<String>,
    description: String,
    pub(super) address: Ipv4Addr,
    hardware_address: String,
    pub(super) requester_managed: bool,
    pub(super) attachment: Option<Attachment>,
    /// A public address that AWS lent for as long as the interface lives.
    pub(super) lent_address: Option<Ipv4Addr>,
}

/// What an interface is attached to: an instance, or something that AWS runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attachment {
    id: String,
    pub(super) instance: Option<String>,
    pub(super) device: i32,
    delete_on_termination: bool,
    since: Timestamp,
}

/// What a new interface is like.
pub(crate) struct NewInterface {
    /// Where it gets its address from.
    pub subnet_id: String,
    /// For people; AWS's own services put their names here, such as `ELB net/…`.
    pub description: String,
    /// The VPC's default group when empty.
    pub security_groups: Vec<String>,
    /// Whether a service made it for itself, so that its user cannot change it.
    pub requester_managed: bool,
    /// The instance that it is attached to; what AWS runs when absent.
    pub instance_id: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Since when it is attached.
    pub created: Timestamp,
}

const FIELDS: &Fields<types::NetworkInterface> = &[
    ("addresses.private-ip-address", |interface| one(interface.private_ip_address())),
    ("association.allocation-id", |interface| one(interface.association().and_then(|a| a.allocation_id()))),
    ("association.public-ip", |interface| one(interface.association().and_then(|a| a.public_ip()))),
    ("attachment.attachment-id", |interface| one(interface.attachment().and_then(|a| a.attachment_id()))),
    ("attachment.instance-id", |interface| one(interface.attachment().and_then(|a| a.instance_id()))),
    ("attachment.instance-owner-id", |interface| {
        one(interface.attachment().and_then(|a| a.instance_owner_id()))
    }),
    ("attachment.status", |interface| one(interface.attachment().and_then(|a| a.status()))),
    ("availability-zone", |interface| one(interface.availability_zone())),
    ("description", |interface| one(interface.description())),
    ("group-id", |interface| each(interface.groups(), GroupIdentifier::group_id)),
    ("group-name", |interface| each(interface.groups(), GroupIdentifier::group_name)),
    ("interface-type", |interface| one(interface.interface_type())),
    ("network-interface-id", |interface| one(interface.network_interface_id())),
    ("owner-id", |interface| one(interface.owner_id())),
    ("private-ip-address", |interface| one(interface.private_ip_address())),
    ("requester-id", |interface| one(interface.requester_id())),
    ("requester-managed", |interface| one(interface.requester_managed())),
    ("status", |interface| one(interface.status())),
    ("subnet-id", |interface| one(interface.subnet_id())),
    ("vpc-id", |interface| one(interface.vpc_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        delete_network_interface: DeleteNetworkInterfaceInput,
        describe_network_interfaces: DescribeNetworkInterfacesInput,
    );
}

/// Makes an interface that is attached from the beginning.
pub(crate) fn make_interface(world: &mut World, new: NewInterface) -> Answer<String> {
    let place = subnet::find(world, &new.subnet_id)?;
    let (vpc, zone) = (place.vpc.clone(), place.zone.clone());
    let address = subnet::free_address(world, &new.subnet_id)?;
    let mut groups = new.security_groups;
    for group in &groups {
        let group = security_group::find(world, group)?;
        if group.vpc != vpc {
            let message = "You have specified two resources that belong to different networks.";
            return Err(ApiError::new("InvalidParameterCombination", message));
        }
    }
    if groups.is_empty() {
        groups.extend(security_group::default_of(world, &vpc));
    }
    let id = world.id("eni");
    let has_siblings = |instance: &str| attached_to(world, instance).count();
    let device = new
        .instance_id
        .as_deref()
        .map_or(1, |instance| i32::try_from(has_siblings(instance)).unwrap_or(i32::MAX));
    let attachment = Attachment {
        id: world.id(if new.requester_managed { "ela-attach" } else { "eni-attach" }),
        delete_on_termination: new.instance_id.is_some() && device == 0,
        instance: new.instance_id,
        device,
        since: new.created,
    };
    let hex = world.hex(8);
    let pairs: Vec<&str> = (0..4).filter_map(|pair| hex.get(2 * pair..2 * pair + 2)).collect();
    let interface = Interface {
        subnet: new.subnet_id,
        vpc,
        zone,
        groups,
        description: new.description,
        address,
        hardware_address: format!("06:1a:{}", pairs.join(":")),
        requester_managed: new.requester_managed,
        attachment: Some(attachment),
        lent_address: None,
    };
    world.ec2.interfaces.insert(id.clone(), interface);
    world.ec2.tags.insert(id.clone(), new.tags);
    Ok(id)
}

/// Removes an interface, whatever it is attached to, with the mapping of its public address.
pub(crate) fn remove_interface(world: &mut World, id: &str) {
    address::unmap(world, id);
    world.ec2.interfaces.remove(id);
    world.ec2.tags.remove(id);
}

/// Detaches an interface: it stays, and its user may delete it.
pub(crate) fn detach_interface(world: &mut World, id: &str) {
    if let Some(interface) = world.ec2.interfaces.get_mut(id) {
        interface.attachment = None;
    }
}

/// Puts an interface into other security groups.
pub(crate) fn set_interface_security_groups(world: &mut World, id: &str, groups: &[String]) {
    if let Some(interface) = world.ec2.interfaces.get_mut(id) {
        interface.groups = groups.to_vec();
    }
}

/// The interfaces of an instance.
pub(super) fn attached_to<'a>(
    world: &'a World,
    instance: &str,
) -> impl Iterator<Item = (&'a String, &'a Interface)> {
    world.ec2.interfaces.iter().filter(move |(_, interface)| {
        interface.attachment.as_ref().and_then(|attachment| attachment.instance.as_deref()) == Some(instance)
    })
}

/// Lets the interfaces of an ended instance go: those made with it are removed, others detached.
pub(super) fn release_of_instance(world: &mut World, instance: &str) {
    let ends = |interface: &Interface| interface.attachment.as_ref().is_some_and(|a| a.delete_on_termination);
    let held: Vec<_> =
        attached_to(world, instance).map(|(id, interface)| (id.clone(), ends(interface))).collect();
    for (id, ends) in held {
        if ends { remove_interface(world, &id) } else { detach_interface(world, &id) }
    }
}

/// Whether something in the VPC is reached from the internet.
pub(super) fn has_public_address(world: &World, vpc: &str) -> bool {
    world.ec2.interfaces.iter().any(|(id, interface)| {
        interface.vpc == vpc && (interface.lent_address.is_some() || address::mapping(world, id).is_some())
    })
}

impl Interface {
    fn kind(&self) -> NetworkInterfaceType {
        match &*self.description {
            text if text.starts_with("ELB net/") => NetworkInterfaceType::NetworkLoadBalancer,
            text if text.starts_with("Interface for NAT Gateway ") => NetworkInterfaceType::NatGateway,
            text if text.starts_with("VPC Endpoint Interface ") => NetworkInterfaceType::VpcEndpoint,
            _ => NetworkInterfaceType::Interface,
        }
    }

    /// The name of an address in the VPC's own DNS
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html>).
    pub(super) fn private_name(&self, region: &str) -> String {
        let address = self.address.to_string().replace('.', "-");
        let domain = if region == "us-east-1" { "ec2".to_owned() } else { format!("{region}.compute") };
        format!("ip-{address}.{domain}.internal")
    }

    fn association(&self, world: &World, id: &str) -> Option<NetworkInterfaceAssociation> {
        if let Some(Mapping { allocation, association, public }) = address::mapping(world, id) {
            let built = NetworkInterfaceAssociation::builder()
                .allocation_id(allocation)
                .association_id(association)
                .ip_owner_id(&world.account)
                .public_ip(public.to_string());
            return Some(built.build());
        }
        let lent = self.lent_address?.to_string();
        Some(NetworkInterfaceAssociation::builder().ip_owner_id("amazon").public_ip(lent).build())
    }

    fn show(&self, world: &World, id: &str) -> types::NetworkInterface {
        let attachment = self.attachment.as_ref().map(|attachment| {
            let owner = if self.requester_managed { "amazon-aws" } else { &world.account };
            NetworkInterfaceAttachment::builder()
                .attachment_id(&attachment.id)
                .attach_time(date_time(attachment.since))
                .delete_on_termination(attachment.delete_on_termination)
                .device_index(attachment.device)
                .set_instance_id(attachment.instance.clone())
                .instance_owner_id(owner)
                .status(AttachmentStatus::Attached)
                .build()
        });
        let association = self.association(world, id);
        let address = NetworkInterfacePrivateIpAddress::builder()
            .primary(true)
            .private_dns_name(self.private_name(&world.region))
            .private_ip_address(self.address.to_string())
            .set_association(association.clone());
        let in_use = attachment.is_some();
        types::NetworkInterface::builder()
            .network_interface_id(id)
            .subnet_id(&self.subnet)
            .vpc_id(&self.vpc)
            .availability_zone(&self.zone)
            .description(&self.description)
            .set_groups(Some(security_group::identifiers(world, &self.groups)))
            .interface_type(self.kind())
            .mac_address(&self.hardware_address)
            .owner_id(&world.account)
            .private_dns_name(self.private_name(&world.region))
            .private_ip_address(self.address.to_string())
            .private_ip_addresses(address.build())
            .requester_managed(self.requester_managed)
            .set_requester_id(self.requester_managed.then(|| "amazon-aws".to_owned()))
            .source_dest_check(self.kind() != NetworkInterfaceType::NatGateway)
            .status(if in_use { NetworkInterfaceStatus::InUse } else { NetworkInterfaceStatus::Available })
            .set_attachment(attachment)
            .set_association(association)
            .set_tag_set(request::shown_tags(world, id))
            .build()
    }
}

fn describe_network_interfaces(
    world: &mut World,
    input: &DescribeNetworkInterfacesInput,
) -> Answer<DescribeNetworkInterfacesOutput> {
    let interfaces = request::by_ids(
        &world.ec2.interfaces,
        input.network_interface_ids(),
        "InvalidNetworkInterfaceID.NotFound",
        "networkInterface ID",
    )?;
    let interfaces = interfaces.into_iter().map(|(id, interface)| interface.show(world, id));
    let interfaces =
        request::filtered(interfaces, input.filters(), FIELDS, types::NetworkInterface::tag_set)?;
    let (interfaces, next) = request::page(interfaces, input.next_token(), input.max_results())?;
    let output = DescribeNetworkInterfacesOutput::builder().set_network_interfaces(Some(interfaces));
    Ok(output.set_next_token(next).build())
}

fn delete_network_interface(
    world: &mut World,
    input: &DeleteNetworkInterfaceInput,
) -> Answer<DeleteNetworkInterfaceOutput> {
    let id = required(input.network_interface_id(), "networkInterfaceId")?;
    let interface = world
        .ec2
        .interfaces
        .get(id)
        .ok_or_else(|| not_found("InvalidNetworkInterfaceID.NotFound", "networkInterface ID", id))?;
    if interface.requester_managed {
        let message = "You do not have permission to access the specified resource.";
        return Err(ApiError::new("AuthFailure", message));
    }
    if interface.attachment.is_some() {
        let message = format!("Network interface '{id}' is currently in use.");
        return Err(ApiError::new("InvalidNetworkInterface.InUse", message));
    }
    remove_interface(world, id);
    Ok(DeleteNetworkInterfaceOutput::builder().build())
}
