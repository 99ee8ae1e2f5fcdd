//! The network layer: a VPC with a public and a private subnet in each zone, and their ways to the internet.
//!
//! Every zone has a private route table of its own, whichever gateway it leads to: changing how NAT is done changes
//! routes, and moves no subnet from one table to another.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_engine::{Class, Error, Graph, Handle, Host, Input, Milestone};

use crate::aws::address_plan::{self, SubnetPlan, ZONE_LETTERS};
use crate::aws::client::Aws;
use crate::aws::cluster_leftovers::{
    ClusterLoadBalancer, ClusterNetworkInterface, ClusterSecurityGroup, ClusterVolume,
};
use crate::aws::elastic_ip::ElasticIp;
use crate::aws::internet_gateway::InternetGateway;
use crate::aws::model::Model;
use crate::aws::nat_gateway::NatGateway;
use crate::aws::owner::Tags;
use crate::aws::route_table::RouteTable;
use crate::aws::settings::{Nat, SubnetTier};
use crate::aws::subnet::Subnet;
use crate::aws::vpc::Vpc;
use crate::aws::vpc_endpoint::VpcEndpoint;

/// The network of an environment.
pub struct Network {
    /// The VPC.
    pub vpc: Handle<Vpc>,
    /// Its public subnets, one a zone.
    pub public: Vec<SubnetInPlan>,
    /// Its private subnets, one a zone.
    pub private: Vec<SubnetInPlan>,
    /// What connects it with the internet: nothing with a public address works before it is there.
    pub internet: Handle<InternetGateway>,
    /// What gives private subnets their way to the internet: nothing that needs it works before these are there.
    pub ways_out: Vec<Handle<RouteTable>>,
}

/// A subnet, and its place in the address plan.
#[derive(Clone)]
pub struct SubnetInPlan {
    /// The subnet.
    pub subnet: Handle<Subnet>,
    /// Its name, addresses and zone.
    pub plan: SubnetPlan,
}

impl SubnetInPlan {
    /// The subnet's id.
    pub fn id(&self) -> Input<String> {
        self.subnet.output(Subnet::ID)
    }

    /// The letter of its zone.
    pub fn zone_letter(&self) -> &'static str {
        ZONE_LETTERS[self.plan.zone_index]
    }
}

const EVERYWHERE: &str = "0.0.0.0/0";

/// Registers the kinds of this layer.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<Vpc>(host);
    graph.register::<Subnet>(host);
    graph.register::<InternetGateway>(host);
    graph.register::<ElasticIp>(host);
    graph.register::<NatGateway>(host);
    graph.register::<RouteTable>(host);
    graph.register::<VpcEndpoint>(host);
    graph.register::<ClusterNetworkInterface>(host);
    graph.register::<ClusterSecurityGroup>(host);
    graph.register::<ClusterVolume>(host);
    graph.register::<ClusterLoadBalancer>(host);
}

/// Adds the network.
pub fn declare(model: &Model<'_>, graph: &mut Graph) -> Result<Network, Error> {
    graph.group("Network");
    let settings = &model.settings.network;
    let vpc = graph.add(
        "main",
        Vpc { cidr: settings.cidr.to_string(), dns_support: true, dns_hostnames: true, tags: model.tags() },
    );
    let gateway = graph.add("main", InternetGateway { vpc: Some(vpc.output(Vpc::ID)), tags: model.tags() });
    let (public, private) = subnets(model, graph, &vpc)?;
    let out = gateway.output(InternetGateway::ID);
    let routed = |subnets: &[SubnetInPlan]| subnets.iter().map(SubnetInPlan::id).collect();
    let public_table = route_table(model, graph, &vpc, "public", Some(out), routed(&public));
    let nat = nat_gateways(model, graph, &public, &gateway, &public_table);
    let ways_out: Vec<Handle<RouteTable>> = private
        .iter()
        .enumerate()
        .map(|(zone, subnet)| {
            let gateway = nat.get(zone).or(nat.first()).map(|gateway| gateway.output(NatGateway::ID));
            let subnets = BTreeSet::from([subnet.id()]);
            route_table(model, graph, &vpc, &subnet.plan.name, gateway, subnets)
        })
        .collect();
    let tables = ways_out.iter().chain([&public_table]).map(|table| table.output(RouteTable::ID));
    graph.add(
        "s3",
        VpcEndpoint {
            vpc: vpc.output(Vpc::ID),
            service: format!("com.amazonaws.{}.s3", model.settings.region),
            route_tables: tables.collect(),
            tags: model.tags(),
        },
    );
    Ok(Network { vpc, public, private, internet: gateway, ways_out })
}

fn subnets(
    model: &Model<'_>,
    graph: &mut Graph,
    vpc: &Handle<Vpc>,
) -> Result<(Vec<SubnetInPlan>, Vec<SubnetInPlan>), Error> {
    let settings = &model.settings.network;
    let plans = address_plan::subnets(settings.cidr, settings.zones)
        .map_err(|error| Error::new(Class::Refused, "sharing out the network").with_source(error))?;
    let (mut public, mut private) = (Vec::new(), Vec::new());
    for plan in plans {
        let zone = model
            .facts
            .zones
            .get(plan.zone_index)
            .cloned()
            .ok_or_else(|| Error::bug(format!("no zone is known for the subnet `{}`", plan.name)))?;
        let (role, subnets) = match plan.tier {
            SubnetTier::Public => ("kubernetes.io/role/elb", &mut public),
            SubnetTier::Private => ("kubernetes.io/role/internal-elb", &mut private),
        };
        let mut tags: Tags = model.tags();
        tags.insert(role.to_owned(), "1".to_owned());
        let subnet = Subnet {
            vpc: vpc.output(Vpc::ID),
            cidr: plan.cidr.to_string(),
            zone,
            public_addresses: plan.tier == SubnetTier::Public,
            tags,
        };
        subnets.push(SubnetInPlan { subnet: graph.add(&plan.name, subnet), plan });
    }
    Ok((public, private))
}

/// A table that sends `subnets` out through `gateway`, if there is one.
fn route_table(
    model: &Model<'_>,
    graph: &mut Graph,
    vpc: &Handle<Vpc>,
    name: &str,
    gateway: Option<Input<String>>,
    subnets: BTreeSet<Input<String>>,
) -> Handle<RouteTable> {
    let routes: BTreeMap<_, _> =
        gateway.into_iter().map(|gateway| (EVERYWHERE.to_owned(), gateway)).collect();
    graph.add(name, RouteTable { vpc: vpc.output(Vpc::ID), routes, subnets, tags: model.tags() })
}

/// The NAT gateways, by zone: one in each, one in the first, or none.
fn nat_gateways(
    model: &Model<'_>,
    graph: &mut Graph,
    public: &[SubnetInPlan],
    internet: &Handle<InternetGateway>,
    public_table: &Handle<RouteTable>,
) -> Vec<Handle<NatGateway>> {
    let count = match model.settings.network.nat {
        Nat::PerZone => public.len(),
        Nat::Single => 1,
        Nat::None => 0,
    };
    let gateways = public.iter().take(count).map(|subnet| {
        let name = format!("nat-{}", subnet.zone_letter());
        let address = graph.add(&name, ElasticIp { tags: model.tags() });
        let gateway =
            NatGateway { subnet: subnet.id(), address: address.output(ElasticIp::ID), tags: model.tags() };
        let gateway = graph.add(&name, gateway);
        let because = "a NAT gateway sends through the internet gateway";
        graph.after(gateway.address(), internet.address(), Milestone::Ready, because);
        graph.after(gateway.address(), public_table.address(), Milestone::Applied, because);
        gateway
    });
    gateways.collect()
}
