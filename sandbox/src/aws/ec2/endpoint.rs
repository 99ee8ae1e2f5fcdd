//! VPC endpoints (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html>).
//!
//! A gateway endpoint is at once available and puts a route into each of its tables; an interface endpoint takes a
//! minute, and lets its interfaces go some time after its deletion.

use aws_sdk_ec2::operation::create_vpc_endpoint::{CreateVpcEndpointInput, CreateVpcEndpointOutput};
use aws_sdk_ec2::operation::delete_vpc_endpoints::{DeleteVpcEndpointsInput, DeleteVpcEndpointsOutput};
use aws_sdk_ec2::operation::describe_vpc_endpoints::{DescribeVpcEndpointsInput, DescribeVpcEndpointsOutput};
use aws_sdk_ec2::operation::modify_vpc_endpoint::{ModifyVpcEndpointInput, ModifyVpcEndpointOutput};
use aws_sdk_ec2::types::{
    self, ResourceType, SecurityGroupIdentifier, State, UnsuccessfulItem, UnsuccessfulItemError,
    VpcEndpointType,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::durations::{ENDPOINT_AVAILABLE, ENDPOINT_DELETED};
use super::interface::{self, NewInterface, make_interface, remove_interface};
use super::request::{self, invalid, not_found, required};
use super::route::Route;
use super::{route_table, security_group, subnet, vpc};
use crate::aws::filters::{Fields, one};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

/// An endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Endpoint {
    pub(super) vpc: String,
    service: String,
    policy: Option<String>,
    created: Timestamp,
    deleted: Option<Timestamp>,
    kind: Kind,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Kind {
    Gateway { route_tables: Vec<String> },
    Interface { subnets: Vec<String>, groups: Vec<String>, interfaces: Vec<String>, private_dns: bool },
}

/// The policy of an endpoint that was given none.
const OPEN_POLICY: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// The services with gateway endpoints.
const GATEWAY_SERVICES: [&str; 2] = ["s3", "dynamodb"];

const FIELDS: &Fields<types::VpcEndpoint> = &[
    ("service-name", |endpoint| one(endpoint.service_name())),
    ("vpc-endpoint-id", |endpoint| one(endpoint.vpc_endpoint_id())),
    ("vpc-endpoint-state", |endpoint| one(endpoint.state())),
    ("vpc-endpoint-type", |endpoint| one(endpoint.vpc_endpoint_type())),
    ("vpc-id", |endpoint| one(endpoint.vpc_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        create_vpc_endpoint: CreateVpcEndpointInput,
        delete_vpc_endpoints: DeleteVpcEndpointsInput,
        describe_vpc_endpoints: DescribeVpcEndpointsInput,
        modify_vpc_endpoint: ModifyVpcEndpointInput,
    );
}

fn find<'a>(world: &'a World, id: &str) -> Answer<&'a Endpoint> {
    world.ec2.endpoints.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    not_found("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id", id)
}

/// The id of the list of a service's addresses, which AWS keeps in each region.
fn prefix_list(service: &str) -> String {
    let digest = Sha256::digest(service);
    let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("pl-{digits}")
}

/// Checks that the service exists in the region and has endpoints of this kind.
fn check_service(world: &World, service: &str, gateway: bool) -> Answer<()> {
    let prefix = format!("com.amazonaws.{}.", world.region);
    let name = service.strip_prefix(&prefix).filter(|name| !name.is_empty());
    let is_offered = name.is_some_and(|name| !gateway || GATEWAY_SERVICES.contains(&name));
    if is_offered {
        return Ok(());
    }
    let message = format!("The Vpc Endpoint Service '{service}' does not exist");
    Err(ApiError::new("InvalidServiceName", message))
}

fn check_tables(world: &World, vpc: &str, service: &str, tables: &[String]) -> Answer<()> {
    for table in tables {
        if route_table::find(world, table)?.vpc != vpc {
            return Err(invalid(format!(
                "route table {table} and the endpoint belong to different networks"
            )));
        }
        let leads_there =
            |endpoint: &Endpoint| endpoint.service == service && endpoint.uses_route_table(table);
        if world.ec2.endpoints.values().any(leads_there) {
            let list = prefix_list(service);
            let message =
                format!("route table {table} already has a route with destination-prefix-list-id {list}");
            return Err(ApiError::new("RouteAlreadyExists", message));
        }
    }
    Ok(())
}

fn create_vpc_endpoint(world: &mut World, input: &CreateVpcEndpointInput) -> Answer<CreateVpcEndpointOutput> {
    let token = input.client_token();
    if let Some(id) = world.tokens.recall("CreateVpcEndpoint", token, input)?
        && let Some(endpoint) = world.ec2.endpoints.get(&id)
    {
        return Ok(CreateVpcEndpointOutput::builder().vpc_endpoint(endpoint.show(world, &id)).build());
    }
    let tags = request::tags_for(input.tag_specifications(), &ResourceType::VpcEndpoint)?;
    let vpc_id = required(input.vpc_id(), "vpcId")?;
    vpc::find(world, vpc_id)?;
    let service = required(input.service_name(), "serviceName")?;
    let is_gateway = match input.vpc_endpoint_type() {
        None | Some(VpcEndpointType::Gateway) => true,
        Some(VpcEndpointType::Interface) => false,
        Some(other) => return Err(ApiError::new("NotSimulated", format!("Endpoints of type {other}"))),
    };
    check_service(world, service, is_gateway)?;
    let id = world.id("vpce");
    let kind = if is_gateway {
        let route_tables = input.route_table_ids().to_vec();
        check_tables(world, vpc_id, service, &route_tables)?;
        add_routes(world, &id, service, &route_tables)?;
        Kind::Gateway { route_tables }
    } else {
        connect(world, &id, vpc_id, input)?
    };
    let policy = input.policy_document().map(str::to_owned);
    let (vpc, service, created) = (vpc_id.to_owned(), service.to_owned(), world.now);
    world.tokens.remember("CreateVpcEndpoint", token, input, &id);
    let endpoint = Endpoint { vpc, service, policy, created, deleted: None, kind };
    world.ec2.endpoints.insert(id.clone(), endpoint);
    world.ec2.tags.insert(id.clone(), tags);
    let shown = find(world, &id)?.show(world, &id);
    Ok(CreateVpcEndpointOutput::builder().vpc_endpoint(shown).build())
}

fn add_routes(world: &mut World, id: &str, service: &str, tables: &[String]) -> Answer<()> {
    for table in tables {
        route_table::find_mut(world, table)?.routes.push(Route::to_endpoint(&prefix_list(service), id));
    }
    Ok(())
}

fn remove_routes(world: &mut World, id: &str, tables: &[String]) {
    for table in tables {
        if let Some(table) = world.ec2.route_tables.get_mut(table) {
            table.routes.retain(|route| !route.leads_to_endpoint(id));
        }
    }
}

/// Puts an interface endpoint into its subnets, which lie in different zones.
fn connect(world: &mut World, id: &str, vpc: &str, input: &CreateVpcEndpointInput) -> Answer<Kind> {
    let private_dns = input.private_dns_enabled().unwrap_or(true);
    let network = vpc::find(world, vpc)?;
    if private_dns && !(network.dns_support && network.dns_hostnames) {
        let message = "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes \
                       set to true";
        return Err(ApiError::new("InvalidParameter", message));
    }
    let mut zones = Vec::new();
    for id in input.subnet_ids() {
        let subnet = subnet::find(world, id)?;
        if subnet.vpc != vpc {
            return Err(invalid("The subnets of an endpoint must lie in its VPC."));
        }
        if zones.contains(&subnet.zone) {
            let message = "Found another subnet in the same availability zone.";
            return Err(ApiError::new("DuplicateSubnetsInSameZone", message));
        }
        zones.push(subnet.zone.clone());
        subnet::free_address(world, id)?;
    }
    let mut groups = input.security_group_ids().to_vec();
    for group in &groups {
        if security_group::find(world, group)?.vpc != vpc {
            return Err(invalid("The security groups of an endpoint must belong to its VPC."));
        }
    }
    if groups.is_empty() {
        groups.extend(security_group::default_of(world, vpc));
    }
    let mut interfaces = Vec::new();
    for subnet in input.subnet_ids() {
        let new = NewInterface {
            subnet_id: subnet.clone(),
            description: format!("VPC Endpoint Interface {id}"),
            security_groups: groups.clone(),
            requester_managed: true,
            instance_id: None,
            tags: Tags::new(),
            created: world.now,
        };
        interfaces.push(make_interface(world, new)?);
    }
    Ok(Kind::Interface { subnets: input.subnet_ids().to_vec(), groups, interfaces, private_dns })
}

impl Endpoint {
    /// Whether the endpoint has put a route into this table.
    pub(super) fn uses_route_table(&self, id: &str) -> bool {
        matches!(&self.kind, Kind::Gateway { route_tables } if route_tables.iter().any(|table| table == id))
    }

    /// The state in lower case, as EC2 really writes it: the SDK's constants are capitalised and never arrive.
    fn state(&self, now: Timestamp) -> State {
        let is_gateway = matches!(self.kind, Kind::Gateway { .. });
        State::from(match self.deleted {
            Some(_) => "deleting",
            None if is_gateway || now >= self.created + ENDPOINT_AVAILABLE => "available",
            None => "pending",
        })
    }

    fn show(&self, world: &World, id: &str) -> types::VpcEndpoint {
        let endpoint = types::VpcEndpoint::builder()
            .vpc_endpoint_id(id)
            .vpc_id(&self.vpc)
            .service_name(&self.service)
            .creation_timestamp(date_time(self.created))
            .owner_id(&world.account)
            .policy_document(self.policy.as_deref().unwrap_or(OPEN_POLICY))
            .requester_managed(false)
            .state(self.state(world.now))
            .set_tags(request::shown_tags(world, id));
        let endpoint = match &self.kind {
            Kind::Gateway { route_tables } => endpoint
                .vpc_endpoint_type(VpcEndpointType::Gateway)
                .private_dns_enabled(false)
                .set_route_table_ids(Some(route_tables.clone())),
            Kind::Interface { subnets, groups, interfaces, private_dns } => endpoint
                .vpc_endpoint_type(VpcEndpointType::Interface)
                .private_dns_enabled(*private_dns)
                .set_subnet_ids(Some(subnets.clone()))
                .set_network_interface_ids(Some(interfaces.clone()))
                .set_groups(Some(identifiers(world, groups))),
        };
        endpoint.build()
    }
}

fn identifiers(world: &World, groups: &[String]) -> Vec<SecurityGroupIdentifier> {
    let identifier = |group: types::GroupIdentifier| {
        let identifier = SecurityGroupIdentifier::builder().set_group_id(group.group_id);
        identifier.set_group_name(group.group_name).build()
    };
    security_group::identifiers(world, groups).into_iter().map(identifier).collect()
}

fn describe_vpc_endpoints(
    world: &mut World,
    input: &DescribeVpcEndpointsInput,
) -> Answer<DescribeVpcEndpointsOutput> {
    let ids = input.vpc_endpoint_ids();
    let endpoints =
        request::by_ids(&world.ec2.endpoints, ids, "InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id")?;
    let endpoints = endpoints.into_iter().map(|(id, endpoint)| endpoint.show(world, id));
    let endpoints = request::filtered(endpoints, input.filters(), FIELDS, types::VpcEndpoint::tags)?;
    let (endpoints, next) = request::page(endpoints, input.next_token(), input.max_results())?;
    Ok(DescribeVpcEndpointsOutput::builder().set_vpc_endpoints(Some(endpoints)).set_next_token(next).build())
}

fn changed(kept: &[String], add: &[String], remove: &[String]) -> Vec<String> {
    let stays = kept.iter().filter(|id| !remove.contains(id));
    stays.chain(add.iter().filter(|id| !kept.contains(id))).cloned().collect()
}

fn modify_vpc_endpoint(world: &mut World, input: &ModifyVpcEndpointInput) -> Answer<ModifyVpcEndpointOutput> {
    let id = required(input.vpc_endpoint_id(), "vpcEndpointId")?;
    let mut endpoint = find(world, id)?.clone();
    match &mut endpoint.kind {
        Kind::Gateway { route_tables } => {
            let (add, remove) = (input.add_route_table_ids(), input.remove_route_table_ids());
            check_tables(world, &endpoint.vpc, &endpoint.service, add)?;
            *route_tables = changed(route_tables, add, remove);
            remove_routes(world, id, remove);
            add_routes(world, id, &endpoint.service, add)?;
        }
        Kind::Interface { groups, interfaces, private_dns, .. } => {
            if !input.add_subnet_ids().is_empty() || !input.remove_subnet_ids().is_empty() {
                let message = "The sandbox does not simulate other subnets for an endpoint.";
                return Err(ApiError::new("NotSimulated", message));
            }
            for group in input.add_security_group_ids() {
                security_group::find(world, group)?;
            }
            *groups = changed(groups, input.add_security_group_ids(), input.remove_security_group_ids());
            for held in interfaces.iter() {
                interface::set_interface_security_groups(world, held, groups);
            }
            *private_dns = input.private_dns_enabled().unwrap_or(*private_dns);
        }
    }
    if input.reset_policy() == Some(true) {
        endpoint.policy = None;
    }
    if let Some(policy) = input.policy_document() {
        endpoint.policy = Some(policy.to_owned());
    }
    world.ec2.endpoints.insert(id.to_owned(), endpoint);
    Ok(ModifyVpcEndpointOutput::builder().r#return(true).build())
}

fn delete_vpc_endpoints(
    world: &mut World,
    input: &DeleteVpcEndpointsInput,
) -> Answer<DeleteVpcEndpointsOutput> {
    let mut failed = Vec::new();
    for id in input.vpc_endpoint_ids() {
        let now = world.now;
        let Some(endpoint) = world.ec2.endpoints.get_mut(id) else {
            let ApiError { code, message } = unknown(id);
            let error = UnsuccessfulItemError::builder().code(code).message(message);
            failed.push(UnsuccessfulItem::builder().resource_id(id).error(error.build()).build());
            continue;
        };
        endpoint.deleted.get_or_insert(now);
        if let Kind::Gateway { route_tables } = &endpoint.kind {
            let route_tables = route_tables.clone();
            remove_routes(world, id, &route_tables);
            world.ec2.endpoints.remove(id);
            world.ec2.tags.remove(id);
        }
    }
    Ok(DeleteVpcEndpointsOutput::builder().set_unsuccessful(Some(failed)).build())
}

/// Lets deleted interface endpoints go with their interfaces.
pub(super) fn settle(world: &mut World) {
    let now = world.now;
    let is_over =
        |endpoint: &Endpoint| endpoint.deleted.is_some_and(|deleted| now >= deleted + ENDPOINT_DELETED);
    let over: Vec<String> = world
        .ec2
        .endpoints
        .iter()
        .filter(|(_, endpoint)| is_over(endpoint))
        .map(|(id, _)| id.clone())
        .collect();
    for id in over {
        let gone = world.ec2.endpoints.remove(&id);
        world.ec2.tags.remove(&id);
        if let Some(Kind::Interface { interfaces, .. }) = gone.map(|endpoint| endpoint.kind) {
            for held in interfaces {
                remove_interface(world, &held);
            }
        }
    }
}
