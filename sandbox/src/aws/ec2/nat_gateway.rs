//! NAT gateways (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html>).
//!
//! A deleted one keeps its address and interface until it is `deleted`, and is shown for about an hour after that.

use aws_sdk_ec2::operation::create_nat_gateway::{CreateNatGatewayInput, CreateNatGatewayOutput};
use aws_sdk_ec2::operation::delete_nat_gateway::{DeleteNatGatewayInput, DeleteNatGatewayOutput};
use aws_sdk_ec2::operation::describe_nat_gateways::{DescribeNatGatewaysInput, DescribeNatGatewaysOutput};
use aws_sdk_ec2::types::{self, ConnectivityType, NatGatewayAddress, NatGatewayState, ResourceType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::address::{self, Mapping};
use super::durations::{NAT_GATEWAY_AVAILABLE, NAT_GATEWAY_DELETED, NAT_GATEWAY_FAILED, NAT_GATEWAY_SHOWN};
use super::interface::{NewInterface, make_interface, remove_interface};
use super::request::{self, invalid, not_found, required};
use super::{internet_gateway, subnet};
use crate::aws::filters::{Fields, one};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

/// A NAT gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NatGateway {
    pub(super) vpc: String,
    subnet: String,
    allocation: Option<String>,
    created: Timestamp,
    deleted: Option<Timestamp>,
    failure: Option<(String, String)>,
    interface: Option<String>,
}

const FIELDS: &Fields<types::NatGateway> = &[
    ("nat-gateway-id", |gateway| one(gateway.nat_gateway_id())),
    ("state", |gateway| one(gateway.state())),
    ("subnet-id", |gateway| one(gateway.subnet_id())),
    ("vpc-id", |gateway| one(gateway.vpc_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        create_nat_gateway: CreateNatGatewayInput,
        delete_nat_gateway: DeleteNatGatewayInput,
        describe_nat_gateways: DescribeNatGatewaysInput,
    );
}

/// A gateway that routes can lead to: one that is not on its way out.
pub(super) fn find_routable<'a>(world: &'a World, id: &str) -> Answer<&'a NatGateway> {
    let routable = |gateway: &&NatGateway| {
        matches!(gateway.state(world.now), NatGatewayState::Pending | NatGatewayState::Available)
    };
    let gateway = world.ec2.nat_gateways.get(id).filter(routable);
    gateway.ok_or_else(|| not_found("InvalidNatGatewayID.NotFound", "natGateway ID", id))
}

fn create_nat_gateway(world: &mut World, input: &CreateNatGatewayInput) -> Answer<CreateNatGatewayOutput> {
    let token = input.client_token();
    if let Some(id) = world.tokens.recall("CreateNatGateway", token, input)?
        && let Some(gateway) = world.ec2.nat_gateways.get(&id)
    {
        let shown = gateway.show(world, &id);
        return Ok(answer(shown, token));
    }
    let tags = request::tags_for(input.tag_specifications(), &ResourceType::Natgateway)?;
    let subnet_id = required(input.subnet_id(), "subnetId")?;
    let vpc = subnet::find(world, subnet_id)?.vpc.clone();
    let is_public = input.connectivity_type() != Some(&ConnectivityType::Private);
    let allocation = match (is_public, input.allocation_id()) {
        (true, allocation) => Some(required(allocation, "allocationId")?.to_owned()),
        (false, None) => None,
        (false, Some(_)) => return Err(invalid("A private NAT gateway takes no elastic IP address.")),
    };
    let (now, subnet) = (world.now, subnet_id.to_owned());
    let mut gateway =
        NatGateway { vpc, subnet, allocation, created: now, deleted: None, failure: None, interface: None };
    gateway.failure = obstacle(world, &gateway)?;
    let id = world.id("nat");
    if gateway.failure.is_none() {
        gateway.interface = Some(connect(world, &id, &gateway)?);
    }
    let shown_id = id.clone();
    world.tokens.remember("CreateNatGateway", token, input, &id);
    world.ec2.nat_gateways.insert(id.clone(), gateway);
    world.ec2.tags.insert(id, tags);
    let gateway = find(world, &shown_id)?;
    Ok(answer(gateway.show(world, &shown_id), token))
}

fn answer(gateway: types::NatGateway, token: Option<&str>) -> CreateNatGatewayOutput {
    CreateNatGatewayOutput::builder().nat_gateway(gateway).set_client_token(token.map(str::to_owned)).build()
}

fn find<'a>(world: &'a World, id: &str) -> Answer<&'a NatGateway> {
    let gone = |gateway: &&NatGateway| gateway.state(world.now) != NatGatewayState::Deleted;
    let gateway = world.ec2.nat_gateways.get(id).filter(gone);
    gateway.ok_or_else(|| not_found("NatGatewayNotFound", "Nat Gateway", id))
}

/// What lets a gateway fail after its creation was accepted, as code and message
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html>).
fn obstacle(world: &World, gateway: &NatGateway) -> Answer<Option<(String, String)>> {
    let failed = |error: ApiError| Some((error.code, error.message));
    if let Some(allocation) = &gateway.allocation {
        address::find(world, allocation)?;
        if let Err(error) = address::check_free(world, allocation) {
            return Ok(failed(error));
        }
        if !internet_gateway::has_internet_gateway(world, &gateway.vpc) {
            let message = format!("Network {} has no Internet gateway attached", gateway.vpc);
            return Ok(failed(ApiError::new("Gateway.NotAttached", message)));
        }
    }
    Ok(subnet::free_address(world, &gateway.subnet).err().and_then(failed))
}

fn connect(world: &mut World, id: &str, gateway: &NatGateway) -> Answer<String> {
    let new = NewInterface {
        subnet_id: gateway.subnet.clone(),
        description: format!("Interface for NAT Gateway {id}"),
        security_groups: Vec::new(),
        requester_managed: true,
        instance_id: None,
        tags: Tags::new(),
        created: gateway.created,
    };
    let interface = make_interface(world, new)?;
    if let Some(kept) = world.ec2.interfaces.get_mut(&interface) {
        kept.groups.clear();
    }
    if let Some(allocation) = &gateway.allocation {
        address::give_public_address(world, &interface, Some(allocation))?;
    }
    Ok(interface)
}

impl NatGateway {
    fn state(&self, now: Timestamp) -> NatGatewayState {
        match (self.deleted, &self.failure) {
            (Some(deleted), _) if now >= deleted + NAT_GATEWAY_DELETED => NatGatewayState::Deleted,
            (Some(_), _) => NatGatewayState::Deleting,
            (None, Some(_)) if now >= self.created + NAT_GATEWAY_FAILED => NatGatewayState::Failed,
            (None, None) if now >= self.created + NAT_GATEWAY_AVAILABLE => NatGatewayState::Available,
            (None, _) => NatGatewayState::Pending,
        }
    }

    /// When it is shown no longer.
    fn forgotten(&self) -> Option<Timestamp> {
        let ended = self.deleted.map(|deleted| deleted + NAT_GATEWAY_DELETED);
        let failed = self.failure.as_ref().map(|_| self.created + NAT_GATEWAY_FAILED);
        ended.or(failed).map(|ended| ended + NAT_GATEWAY_SHOWN)
    }

    fn show(&self, world: &World, id: &str) -> types::NatGateway {
        let state = self.state(world.now);
        let held = self.interface.as_ref().filter(|_| state != NatGatewayState::Deleted);
        let interface = held.and_then(|id| world.ec2.interfaces.get(id));
        let mapped = held.and_then(|id| address::mapping(world, id));
        let association = mapped.as_ref().map(|Mapping { association, .. }| (*association).to_owned());
        let address = NatGatewayAddress::builder()
            .set_allocation_id(self.allocation.clone())
            .set_association_id(association)
            .is_primary(true)
            .set_network_interface_id(held.cloned())
            .set_private_ip(interface.map(|interface| interface.address.to_string()))
            .set_public_ip(mapped.map(|mapped| mapped.public.to_string()));
        let failure = self.failure.as_ref().filter(|_| state == NatGatewayState::Failed);
        let is_public = self.allocation.is_some();
        types::NatGateway::builder()
            .nat_gateway_id(id)
            .vpc_id(&self.vpc)
            .subnet_id(&self.subnet)
            .connectivity_type(if is_public { ConnectivityType::Public } else { ConnectivityType::Private })
            .create_time(date_time(self.created))
            .set_delete_time(self.deleted.map(date_time))
            .set_failure_code(failure.map(|(code, _)| code.clone()))
            .set_failure_message(failure.map(|(_, message)| message.clone()))
            .nat_gateway_addresses(address.build())
            .state(state)
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

fn describe_nat_gateways(
    world: &mut World,
    input: &DescribeNatGatewaysInput,
) -> Answer<DescribeNatGatewaysOutput> {
    let ids = input.nat_gateway_ids();
    let gateways = request::by_ids(&world.ec2.nat_gateways, ids, "NatGatewayNotFound", "Nat Gateway")?;
    let gateways = gateways.into_iter().map(|(id, gateway)| gateway.show(world, id));
    let gateways = request::filtered(gateways, input.filter(), FIELDS, types::NatGateway::tags)?;
    let (gateways, next) = request::page(gateways, input.next_token(), input.max_results())?;
    Ok(DescribeNatGatewaysOutput::builder().set_nat_gateways(Some(gateways)).set_next_token(next).build())
}

fn delete_nat_gateway(world: &mut World, input: &DeleteNatGatewayInput) -> Answer<DeleteNatGatewayOutput> {
    let id = required(input.nat_gateway_id(), "natGatewayId")?;
    find(world, id)?;
    let now = world.now;
    if let Some(gateway) = world.ec2.nat_gateways.get_mut(id) {
        gateway.deleted.get_or_insert(now);
    }
    Ok(DeleteNatGatewayOutput::builder().nat_gateway_id(id).build())
}

/// Lets deleted gateways give up what they hold, and forgets them after their time.
pub(super) fn settle(world: &mut World) {
    let now = world.now;
    let mut released = Vec::new();
    for gateway in world.ec2.nat_gateways.values_mut() {
        if gateway.state(now) == NatGatewayState::Deleted {
            released.extend(gateway.interface.take());
        }
    }
    for interface in released {
        remove_interface(world, &interface);
    }
    let tags = &mut world.ec2.tags;
    world.ec2.nat_gateways.retain(|id, gateway| {
        let is_shown = gateway.forgotten().is_none_or(|forgotten| now < forgotten);
        if !is_shown {
            tags.remove(id);
        }
        is_shown
    });
}
