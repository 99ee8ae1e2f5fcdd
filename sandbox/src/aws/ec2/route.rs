//! Routes of a route table (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html>).
//!
//! A route whose target is gone stays, as a `blackhole`.

use aws_sdk_ec2::operation::create_route::{CreateRouteInput, CreateRouteOutput};
use aws_sdk_ec2::operation::delete_route::{DeleteRouteInput, DeleteRouteOutput};
use aws_sdk_ec2::operation::replace_route::{ReplaceRouteInput, ReplaceRouteOutput};
use aws_sdk_ec2::types::{self, RouteOrigin, RouteState};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::request::{self, invalid, not_found, required};
use super::{internet_gateway, nat_gateway, route_table, vpc};
use crate::aws::{Answer, ApiError, Services, World};

/// A route.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Route {
    destination: Destination,
    target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Destination {
    Network(Ipv4Net),
    PrefixList(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Target {
    Local,
    InternetGateway(String),
    NatGateway(String),
    Endpoint(String),
}

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        create_route: CreateRouteInput,
        delete_route: DeleteRouteInput,
        replace_route: ReplaceRouteInput,
    );
}

impl Route {
    /// The route that every table has, to the VPC itself.
    pub(super) fn local(network: Ipv4Net) -> Self {
        Self { destination: Destination::Network(network), target: Target::Local }
    }

    /// The route that a gateway endpoint puts into its tables.
    pub(super) fn to_endpoint(prefix_list: &str, endpoint: &str) -> Self {
        let destination = Destination::PrefixList(prefix_list.to_owned());
        Self { destination, target: Target::Endpoint(endpoint.to_owned()) }
    }

    /// Whether the route leads to this endpoint.
    pub(super) fn leads_to_endpoint(&self, id: &str) -> bool {
        matches!(&self.target, Target::Endpoint(endpoint) if endpoint == id)
    }

    fn is_active(&self, world: &World) -> bool {
        match &self.target {
            Target::Local => true,
            Target::InternetGateway(id) => {
                world.ec2.internet_gateways.get(id).is_some_and(|gateway| gateway.vpc.is_some())
            }
            Target::NatGateway(id) => nat_gateway::find_routable(world, id).is_ok(),
            Target::Endpoint(id) => world.ec2.endpoints.contains_key(id),
        }
    }

    pub(super) fn show(&self, world: &World) -> types::Route {
        let state = if self.is_active(world) { RouteState::Active } else { RouteState::Blackhole };
        let origin = match self.target {
            Target::Local => RouteOrigin::CreateRouteTable,
            _ => RouteOrigin::CreateRoute,
        };
        let route = types::Route::builder().state(state).origin(origin);
        let route = match &self.destination {
            Destination::Network(network) => route.destination_cidr_block(network.to_string()),
            Destination::PrefixList(id) => route.destination_prefix_list_id(id),
        };
        let route = match &self.target {
            Target::Local => route.gateway_id("local"),
            Target::InternetGateway(id) | Target::Endpoint(id) => route.gateway_id(id),
            Target::NatGateway(id) => route.nat_gateway_id(id),
        };
        route.build()
    }
}

/// The way to the internet in the main table of the default VPC.
pub(super) fn add_default(world: &mut World, vpc: &str, gateway: &str) {
    if let Some(table) = route_table::main_of(world, vpc) {
        let destination = Destination::Network(Ipv4Net::default());
        table.routes.push(Route { destination, target: Target::InternetGateway(gateway.to_owned()) });
    }
}

/// The target of a request, of which there must be one, in the same VPC as the table.
fn target(world: &World, table: &str, gateway: Option<&str>, nat: Option<&str>) -> Answer<Target> {
    let vpc = &route_table::find(world, table)?.vpc;
    match (gateway, nat) {
        (Some(gateway), None) => {
            let unknown = |_| not_found("InvalidGatewayID.NotFound", "gateway ID", gateway);
            if internet_gateway::find(world, gateway).map_err(unknown)?.vpc.as_ref() != Some(vpc) {
                let message =
                    format!("route table {table} and network gateway {gateway} belong to different networks");
                return Err(invalid(message));
            }
            Ok(Target::InternetGateway(gateway.to_owned()))
        }
        (None, Some(nat)) => {
            if nat_gateway::find_routable(world, nat)?.vpc != *vpc {
                let message =
                    format!("route table {table} and nat gateway {nat} belong to different networks");
                return Err(invalid(message));
            }
            Ok(Target::NatGateway(nat.to_owned()))
        }
        (None, None) => Err(request::missing("gatewayId or natGatewayId")),
        _ => Err(ApiError::new("InvalidParameterCombination", "A route has one target.")),
    }
}

fn destination(cidr: Option<&str>) -> Answer<Destination> {
    let cidr = required(cidr, "destinationCidrBlock")?;
    Ok(Destination::Network(request::network(cidr, "destinationCidrBlock")?))
}

fn create_route(world: &mut World, input: &CreateRouteInput) -> Answer<CreateRouteOutput> {
    let id = required(input.route_table_id(), "routeTableId")?;
    let table = route_table::find(world, id)?;
    let destination = destination(input.destination_cidr_block())?;
    let target = target(world, id, input.gateway_id(), input.nat_gateway_id())?;
    if let Destination::Network(network) = &destination {
        let own = vpc::find(world, &table.vpc)?.cidr;
        if own.contains(network) {
            let message = format!(
                "The destination CIDR block {network} is equal to or more specific than one of this VPC's CIDR \
                 blocks. This route can target only an interface or an instance."
            );
            return Err(invalid(message));
        }
    }
    if table.routes.iter().any(|route| route.destination == destination) {
        let given = input.destination_cidr_block().unwrap_or_default();
        let message = format!("The route identified by {given} already exists.");
        return Err(ApiError::new("RouteAlreadyExists", message));
    }
    route_table::find_mut(world, id)?.routes.push(Route { destination, target });
    Ok(CreateRouteOutput::builder().r#return(true).build())
}

fn no_route(table: &str, cidr: Option<&str>) -> ApiError {
    let cidr = cidr.unwrap_or_default();
    let message = format!("no route with destination-cidr-block {cidr} in route table {table}");
    ApiError::new("InvalidRoute.NotFound", message)
}

fn replace_route(world: &mut World, input: &ReplaceRouteInput) -> Answer<ReplaceRouteOutput> {
    let id = required(input.route_table_id(), "routeTableId")?;
    let destination = destination(input.destination_cidr_block())?;
    let target = target(world, id, input.gateway_id(), input.nat_gateway_id())?;
    let mut routes = route_table::find_mut(world, id)?.routes.iter_mut();
    let route = routes.find(|route| route.destination == destination);
    route.ok_or_else(|| no_route(id, input.destination_cidr_block()))?.target = target;
    Ok(ReplaceRouteOutput::builder().build())
}

fn delete_route(world: &mut World, input: &DeleteRouteInput) -> Answer<DeleteRouteOutput> {
    let id = required(input.route_table_id(), "routeTableId")?;
    let destination = destination(input.destination_cidr_block())?;
    let table = route_table::find_mut(world, id)?;
    let position = table.routes.iter().position(|route| route.destination == destination);
    table.routes.remove(position.ok_or_else(|| no_route(id, input.destination_cidr_block()))?);
    Ok(DeleteRouteOutput::builder().build())
}
