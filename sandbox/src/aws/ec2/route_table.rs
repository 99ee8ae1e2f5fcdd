//! Route tables and what they are associated with
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html>).
//!
//! Invariants: a VPC has one main table; a subnet is associated with one table at the most, and else follows the main one.

use aws_sdk_ec2::operation::associate_route_table::{AssociateRouteTableInput, AssociateRouteTableOutput};
use aws_sdk_ec2::operation::create_route_table::{CreateRouteTableInput, CreateRouteTableOutput};
use aws_sdk_ec2::operation::delete_route_table::{DeleteRouteTableInput, DeleteRouteTableOutput};
use aws_sdk_ec2::operation::describe_route_tables::{DescribeRouteTablesInput, DescribeRouteTablesOutput};
use aws_sdk_ec2::operation::disassociate_route_table::{
    DisassociateRouteTableInput, DisassociateRouteTableOutput,
};
use aws_sdk_ec2::operation::replace_route_table_association::{
    ReplaceRouteTableAssociationInput, ReplaceRouteTableAssociationOutput,
};
use aws_sdk_ec2::types::{
    self, ResourceType, RouteTableAssociation, RouteTableAssociationState, RouteTableAssociationStateCode,
};
use serde::{Deserialize, Serialize};

use super::request::{self, dependency, invalid, not_found, required};
use super::route::Route;
use super::{subnet, vpc};
use crate::aws::filters::{Fields, each, one};
use crate::aws::{Answer, ApiError, Services, Tags, World};

/// A route table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RouteTable {
    pub(super) vpc: String,
    /// The routes besides the one within the VPC.
    pub(super) routes: Vec<Route>,
    associations: Vec<Association>,
}

/// What a table is associated with: a subnet, or the VPC as its main table.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Association {
    id: String,
    subnet: Option<String>,
}

const FIELDS: &Fields<types::RouteTable> = &[
    ("association.main", |table| each(table.associations(), RouteTableAssociation::main)),
    ("association.route-table-association-id", |table| {
        each(table.associations(), RouteTableAssociation::route_table_association_id)
    }),
    ("association.route-table-id", |table| each(table.associations(), RouteTableAssociation::route_table_id)),
    ("association.subnet-id", |table| each(table.associations(), RouteTableAssociation::subnet_id)),
    ("owner-id", |table| one(table.owner_id())),
    ("route-table-id", |table| one(table.route_table_id())),
    ("route.destination-cidr-block", |table| each(table.routes(), types::Route::destination_cidr_block)),
    ("route.destination-prefix-list-id", |table| {
        each(table.routes(), types::Route::destination_prefix_list_id)
    }),
    ("route.gateway-id", |table| each(table.routes(), types::Route::gateway_id)),
    ("route.nat-gateway-id", |table| each(table.routes(), types::Route::nat_gateway_id)),
    ("route.origin", |table| each(table.routes(), types::Route::origin)),
    ("route.state", |table| each(table.routes(), types::Route::state)),
    ("vpc-id", |table| one(table.vpc_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        associate_route_table: AssociateRouteTableInput,
        create_route_table: CreateRouteTableInput,
        delete_route_table: DeleteRouteTableInput,
        describe_route_tables: DescribeRouteTablesInput,
        disassociate_route_table: DisassociateRouteTableInput,
        replace_route_table_association: ReplaceRouteTableAssociationInput,
    );
}

pub(super) fn find<'a>(world: &'a World, id: &str) -> Answer<&'a RouteTable> {
    world.ec2.route_tables.get(id).ok_or_else(|| unknown(id))
}

pub(super) fn find_mut<'a>(world: &'a mut World, id: &str) -> Answer<&'a mut RouteTable> {
    world.ec2.route_tables.get_mut(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    not_found("InvalidRouteTableID.NotFound", "routeTable ID", id)
}

/// Makes the main table of a VPC.
pub(super) fn create_main(world: &mut World, vpc: &str) {
    let association = Association { id: world.id("rtbassoc"), subnet: None };
    insert(world, vpc, vec![association], Tags::new());
}

/// The main table of a VPC.
pub(super) fn main_of<'a>(world: &'a mut World, vpc: &str) -> Option<&'a mut RouteTable> {
    world.ec2.route_tables.values_mut().find(|table| table.vpc == vpc && table.is_main())
}

/// Removes the tables of a VPC, with the VPC.
pub(super) fn remove_of_vpc(world: &mut World, vpc: &str) {
    let gone: Vec<String> = world
        .ec2
        .route_tables
        .iter()
        .filter(|(_, table)| table.vpc == vpc)
        .map(|(id, _)| id.clone())
        .collect();
    for id in gone {
        world.ec2.route_tables.remove(&id);
        world.ec2.tags.remove(&id);
    }
}

/// Drops the association of a subnet, with the subnet.
pub(super) fn forget_subnet(world: &mut World, subnet: &str) {
    for table in world.ec2.route_tables.values_mut() {
        table.associations.retain(|association| association.subnet.as_deref() != Some(subnet));
    }
}

fn insert(world: &mut World, vpc: &str, associations: Vec<Association>, tags: Tags) -> String {
    let id = world.id("rtb");
    let table = RouteTable { vpc: vpc.to_owned(), routes: Vec::new(), associations };
    world.ec2.route_tables.insert(id.clone(), table);
    world.ec2.tags.insert(id.clone(), tags);
    id
}

fn create_route_table(world: &mut World, input: &CreateRouteTableInput) -> Answer<CreateRouteTableOutput> {
    let token = input.client_token();
    let made = world.tokens.recall("CreateRouteTable", token, input)?;
    let id = match made.filter(|id| world.ec2.route_tables.contains_key(id)) {
        Some(id) => id,
        None => {
            let tags = request::tags_for(input.tag_specifications(), &ResourceType::RouteTable)?;
            let vpc = required(input.vpc_id(), "vpcId")?;
            vpc::find(world, vpc)?;
            let id = insert(world, vpc, Vec::new(), tags);
            world.tokens.remember("CreateRouteTable", token, input, &id);
            id
        }
    };
    let table = find(world, &id)?.show(world, &id);
    Ok(CreateRouteTableOutput::builder()
        .route_table(table)
        .set_client_token(token.map(str::to_owned))
        .build())
}

impl RouteTable {
    pub(super) fn is_main(&self) -> bool {
        self.associations.iter().any(|association| association.subnet.is_none())
    }

    fn show(&self, world: &World, id: &str) -> types::RouteTable {
        let local = world.ec2.vpcs.get(&self.vpc).map(|vpc| Route::local(vpc.cidr));
        let routes = local.iter().chain(&self.routes).map(|route| route.show(world));
        let associations = self.associations.iter().map(|association| {
            RouteTableAssociation::builder()
                .route_table_association_id(&association.id)
                .route_table_id(id)
                .set_subnet_id(association.subnet.clone())
                .main(association.subnet.is_none())
                .association_state(associated())
                .build()
        });
        types::RouteTable::builder()
            .route_table_id(id)
            .vpc_id(&self.vpc)
            .owner_id(&world.account)
            .set_routes(Some(routes.collect()))
            .set_associations(Some(associations.collect()))
            .set_propagating_vgws(Some(Vec::new()))
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

fn associated() -> RouteTableAssociationState {
    RouteTableAssociationState::builder().state(RouteTableAssociationStateCode::Associated).build()
}

fn describe_route_tables(
    world: &mut World,
    input: &DescribeRouteTablesInput,
) -> Answer<DescribeRouteTablesOutput> {
    let ids = input.route_table_ids();
    let tables =
        request::by_ids(&world.ec2.route_tables, ids, "InvalidRouteTableID.NotFound", "routeTable ID")?;
    let tables = tables.into_iter().map(|(id, table)| table.show(world, id));
    let tables = request::filtered(tables, input.filters(), FIELDS, types::RouteTable::tags)?;
    let (tables, next) = request::page(tables, input.next_token(), input.max_results())?;
    Ok(DescribeRouteTablesOutput::builder().set_route_tables(Some(tables)).set_next_token(next).build())
}

fn delete_route_table(world: &mut World, input: &DeleteRouteTableInput) -> Answer<DeleteRouteTableOutput> {
    let id = required(input.route_table_id(), "routeTableId")?;
    if !find(world, id)?.associations.is_empty() {
        return Err(dependency(format!("The routeTable '{id}' has dependencies and cannot be deleted.")));
    }
    if world.ec2.endpoints.values().any(|endpoint| endpoint.uses_route_table(id)) {
        return Err(dependency(format!("The routeTable '{id}' has dependencies and cannot be deleted.")));
    }
    world.ec2.route_tables.remove(id);
    world.ec2.tags.remove(id);
    Ok(DeleteRouteTableOutput::builder().build())
}

fn associate_route_table(
    world: &mut World,
    input: &AssociateRouteTableInput,
) -> Answer<AssociateRouteTableOutput> {
    let id = required(input.route_table_id(), "routeTableId")?;
    let table = find(world, id)?;
    let subnet_id = required(input.subnet_id(), "subnetId")?;
    if subnet::find(world, subnet_id)?.vpc != table.vpc {
        return Err(invalid(format!("route table {id} and subnet {subnet_id} belong to different networks")));
    }
    let associations = world
        .ec2
        .route_tables
        .iter()
        .flat_map(|(table, kept)| kept.associations.iter().map(move |association| (table, association)));
    let present = associations.into_iter().find(|(_, kept)| kept.subnet.as_deref() == Some(subnet_id));
    let association = match present {
        Some((table, association)) if table == id => association.id.clone(),
        Some((_, association)) => {
            let message = format!(
                "the specified association for route table {id} conflicts with an existing association {}",
                association.id
            );
            return Err(ApiError::new("Resource.AlreadyAssociated", message));
        }
        None => {
            let association = world.id("rtbassoc");
            let kept = Association { id: association.clone(), subnet: Some(subnet_id.to_owned()) };
            find_mut(world, id)?.associations.push(kept);
            association
        }
    };
    let output = AssociateRouteTableOutput::builder().association_id(association);
    Ok(output.association_state(associated()).build())
}

/// The table that holds an association, and the association's place in it.
fn find_association(world: &World, id: &str) -> Answer<(String, usize)> {
    let place = world.ec2.route_tables.iter().find_map(|(table, kept)| {
        let position = kept.associations.iter().position(|association| association.id == id)?;
        Some((table.clone(), position))
    });
    place.ok_or_else(|| {
        let message = format!("The association ID '{id}' does not exist");
        ApiError::new("InvalidAssociationID.NotFound", message)
    })
}

fn disassociate_route_table(
    world: &mut World,
    input: &DisassociateRouteTableInput,
) -> Answer<DisassociateRouteTableOutput> {
    let id = required(input.association_id(), "associationId")?;
    let (table, position) = find_association(world, id)?;
    let table = find_mut(world, &table)?;
    if table.associations.get(position).is_some_and(|association| association.subnet.is_none()) {
        return Err(invalid("cannot disassociate the main route table association"));
    }
    table.associations.remove(position);
    Ok(DisassociateRouteTableOutput::builder().build())
}

fn replace_route_table_association(
    world: &mut World,
    input: &ReplaceRouteTableAssociationInput,
) -> Answer<ReplaceRouteTableAssociationOutput> {
    let id = required(input.association_id(), "associationId")?;
    let new = required(input.route_table_id(), "routeTableId")?;
    let (old, position) = find_association(world, id)?;
    if find(world, new)?.vpc != find(world, &old)?.vpc {
        return Err(invalid(format!("route tables {old} and {new} belong to different networks")));
    }
    let association = world.id("rtbassoc");
    let mut moved = find_mut(world, &old)?.associations.remove(position);
    association.clone_into(&mut moved.id);
    find_mut(world, new)?.associations.push(moved);
    let output = ReplaceRouteTableAssociationOutput::builder().new_association_id(association);
    Ok(output.association_state(associated()).build())
}
