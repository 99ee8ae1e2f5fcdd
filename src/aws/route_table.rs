//! Where the traffic of subnets goes
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html>).
//!
//! Routes and associations with subnets are attributes of the table: each difference is one request. Routes to anything
//! but internet and NAT gateways belong to others (a peering connection, the S3 endpoint, AWS itself) and are left alone.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    ResourceType, Route, RouteOrigin, RouteTable as Description, RouteTableAssociation,
};
use holodeck_engine::{Error, FieldChange, Input, Observed, Order, Output, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::ec2_tags;
use crate::aws::owner::{self, Tags};

/// A route table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteTable {
    /// The VPC that it is in.
    pub vpc: Input<String>,
    /// The internet or NAT gateway by destination, an IPv4 network.
    pub routes: BTreeMap<String, Input<String>>,
    /// The subnets whose traffic follows it.
    pub subnets: BTreeSet<Input<String>>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a route table puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
    /// The ids of its associations, by subnet.
    associations: BTreeMap<String, String>,
}

impl RouteTable {
    /// The table's id.
    pub const ID: Output<Self, String> = Output::new("id");
}

impl Resource for RouteTable {
    const KIND: &'static str = "aws.route_table";
    type Outputs = Outputs;
    type Client = Aws;
    const VOLATILE: &'static [&'static str] = &["associations"];

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["vpc"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        let mut routes = actual.routes;
        routes.retain(|destination, target| {
            self.routes.contains_key(destination) || Target::of(target).is_some()
        });
        Self { routes, tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages =
            aws.ec2.describe_route_tables().filters(ec2_tags::owned(aws)).into_paginator().items().send();
        let found: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("DescribeRouteTables")?;
        found.into_iter().filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::RouteTable, name, &self.tags);
        let request = aws.ec2_once.create_route_table().vpc_id(self.vpc.get()?).tag_specifications(tags);
        request.send().await.answer("CreateRouteTable")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "routes") {
            self.set_routes(aws, seen).await?;
        }
        if touches(changes, "subnets") {
            self.set_subnets(aws, seen).await?;
        }
        if touches(changes, "tags") {
            ec2_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        for association in seen.outputs.associations.values() {
            disassociate(aws, association).await?;
        }
        let request = aws.ec2.delete_route_table().route_table_id(&seen.id).send().await;
        request.removed("DeleteRouteTable", &["InvalidRouteTableID.NotFound"], &["DependencyViolation"])
    }
}

impl RouteTable {
    async fn set_routes(&self, aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let present = self.project(seen.attributes.clone()).routes;
        for (destination, target) in &self.routes {
            match present.get(destination) {
                None => create_route(aws, &seen.id, destination, target).await?,
                Some(present) if present != target => {
                    replace_route(aws, &seen.id, destination, target).await?
                }
                Some(_) => {}
            }
        }
        for destination in present.keys().filter(|destination| !self.routes.contains_key(*destination)) {
            let request = aws.ec2.delete_route().route_table_id(&seen.id).destination_cidr_block(destination);
            request.send().await.answer_unless("DeleteRoute", &["InvalidRoute.NotFound"])?;
        }
        Ok(())
    }

    async fn set_subnets(&self, aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        for subnet in self.subnets.difference(&seen.attributes.subnets) {
            let request = aws.ec2.associate_route_table().route_table_id(&seen.id).subnet_id(subnet.get()?);
            // A subnet follows one table at a time: the other one has to let it go first.
            request.send().await.answer_or_wait("AssociateRouteTable", &["Resource.AlreadyAssociated"])?;
        }
        for subnet in seen.attributes.subnets.difference(&self.subnets) {
            if let Some(association) = seen.outputs.associations.get(subnet.get()?) {
                disassociate(aws, association).await?;
            }
        }
        Ok(())
    }
}

/// What a route of ours leads to, told by the prefix of its id.
enum Target<'a> {
    InternetGateway(&'a str),
    NatGateway(&'a str),
}

impl<'a> Target<'a> {
    fn of(target: &'a Input<String>) -> Option<Self> {
        let id = target.known()?;
        if id.starts_with("igw-") {
            Some(Self::InternetGateway(id))
        } else if id.starts_with("nat-") {
            Some(Self::NatGateway(id))
        } else {
            None
        }
    }

    fn required(target: &'a Input<String>) -> Result<Self, Error> {
        Self::of(target).ok_or_else(|| Error::bug(format!("`{target}` is no target of a route")))
    }
}

async fn create_route(
    aws: &Aws,
    table: &str,
    destination: &str,
    target: &Input<String>,
) -> Result<(), Error> {
    let request = aws.ec2.create_route().route_table_id(table).destination_cidr_block(destination);
    let request = match Target::required(target)? {
        Target::InternetGateway(id) => request.gateway_id(id),
        Target::NatGateway(id) => request.nat_gateway_id(id),
    };
    // A repeated request whose first answer was lost has been carried out.
    request.send().await.answer_unless("CreateRoute", &["RouteAlreadyExists"])?;
    Ok(())
}

async fn replace_route(
    aws: &Aws,
    table: &str,
    destination: &str,
    target: &Input<String>,
) -> Result<(), Error> {
    let request = aws.ec2.replace_route().route_table_id(table).destination_cidr_block(destination);
    let request = match Target::required(target)? {
        Target::InternetGateway(id) => request.gateway_id(id),
        Target::NatGateway(id) => request.nat_gateway_id(id),
    };
    request.send().await.answer("ReplaceRoute")?;
    Ok(())
}

async fn disassociate(aws: &Aws, association: &str) -> Result<(), Error> {
    let request = aws.ec2.disassociate_route_table().association_id(association).send().await;
    request.removed("DisassociateRouteTable", &["InvalidAssociationID.NotFound"], &[])
}

fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<RouteTable>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let id = found.route_table_id.given("the id of a route table")?;
    let associations: BTreeMap<String, String> =
        found.associations.unwrap_or_default().into_iter().filter_map(of_subnet).collect();
    let attributes = RouteTable {
        vpc: found.vpc_id.given("the VPC of a route table")?.into(),
        routes: found.routes.unwrap_or_default().into_iter().filter_map(of_network).collect(),
        subnets: associations.keys().cloned().map(Input::Known).collect(),
        tags,
    };
    let outputs = Outputs { id: id.clone(), associations };
    Ok(Some(Observed { name, id, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}

/// The subnet and the id of an association; that of a main table has no subnet.
fn of_subnet(association: RouteTableAssociation) -> Option<(String, String)> {
    Some((association.subnet_id?, association.route_table_association_id?))
}

/// Destination and target of a route that somebody made.
fn of_network(route: Route) -> Option<(String, Input<String>)> {
    if route.origin != Some(RouteOrigin::CreateRoute) {
        return None;
    }
    let target = route
        .nat_gateway_id
        .or(route.gateway_id)
        .or(route.transit_gateway_id)
        .or(route.vpc_peering_connection_id)
        .or(route.network_interface_id)
        .unwrap_or_default();
    Some((route.destination_cidr_block?, target.into()))
}
