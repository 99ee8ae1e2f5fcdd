//! The virtual network and what belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::elastic_ip::ElasticIp;
use holodeck_bootstrap::aws::internet_gateway::InternetGateway;
use holodeck_bootstrap::aws::kms_key::KmsKey;
use holodeck_bootstrap::aws::launch_template::{LaunchTemplate, Volume};
use holodeck_bootstrap::aws::nat_gateway::NatGateway;
use holodeck_bootstrap::aws::route_table::RouteTable;
use holodeck_bootstrap::aws::security_group::SecurityGroup;
use holodeck_bootstrap::aws::security_group_rule::{Direction, Peer, SecurityGroupRule};
use holodeck_bootstrap::aws::subnet::Subnet;
use holodeck_bootstrap::aws::vpc::Vpc;
use holodeck_bootstrap::aws::vpc_endpoint::VpcEndpoint;
use holodeck_engine::{Graph, Handle, Host, Input, Milestone};

use crate::account::{ENVIRONMENT, REGION};
use crate::kms::add_key;
use crate::laws::{Expect, Laws, own_tags};

fn vpc() -> Vpc {
    Vpc { cidr: "10.20.0.0/16".into(), dns_support: true, dns_hostnames: true, tags: own_tags() }
}

/// Adds the VPC of the network.
pub fn add_vpc(graph: &mut Graph, host: Host<Aws>) -> Handle<Vpc> {
    graph.register::<Vpc>(host);
    graph.add("main", vpc())
}

fn subnet(vpc: &Handle<Vpc>, position: u8) -> Subnet {
    Subnet {
        vpc: vpc.output(Vpc::ID),
        cidr: format!("10.20.{position}.0/24"),
        zone: format!("{REGION}a"),
        public_addresses: false,
        tags: own_tags(),
    }
}

/// Adds a subnet, `10.20.position.0/24`.
pub fn add_subnet(graph: &mut Graph, host: Host<Aws>, vpc: &Handle<Vpc>, position: u8) -> Handle<Subnet> {
    add_subnet_in(graph, host, vpc, 'a', position)
}

/// The same in a zone, by its letter.
pub fn add_subnet_in(
    graph: &mut Graph,
    host: Host<Aws>,
    vpc: &Handle<Vpc>,
    zone: char,
    position: u8,
) -> Handle<Subnet> {
    graph.register::<Subnet>(host);
    let subnet = Subnet { zone: format!("{REGION}{zone}"), ..subnet(vpc, position) };
    graph.add(format!("subnet-{position}"), subnet)
}

/// Adds the attached internet gateway of the VPC.
pub fn add_gateway(graph: &mut Graph, host: Host<Aws>, vpc: &Handle<Vpc>) -> Handle<InternetGateway> {
    graph.register::<InternetGateway>(host);
    graph.add("main", InternetGateway { vpc: Some(vpc.output(Vpc::ID)), tags: own_tags() })
}

fn add_address(graph: &mut Graph, host: Host<Aws>, name: &str) -> Handle<ElasticIp> {
    graph.register::<ElasticIp>(host);
    graph.add(name, ElasticIp { tags: own_tags() })
}

fn group(vpc: &Handle<Vpc>) -> SecurityGroup {
    SecurityGroup {
        vpc: vpc.output(Vpc::ID),
        description: "of the tests".into(),
        open_egress: false,
        tags: own_tags(),
    }
}

/// Adds a security group.
pub fn add_group(graph: &mut Graph, host: Host<Aws>, vpc: &Handle<Vpc>, name: &str) -> Handle<SecurityGroup> {
    graph.register::<SecurityGroup>(host);
    graph.add(name, group(vpc))
}

#[tokio::test(start_paused = true)]
async fn vpcs() {
    Laws::of("main", |_, _| vpc())
        .edit("cidr", |vpc| vpc.cidr = "10.21.0.0/16".into(), Expect::Replace)
        .edit("dns_hostnames", |vpc| vpc.dns_hostnames = false, Expect::Update)
        .edit("tags", |vpc| _ = vpc.tags.insert("team".into(), "platform".into()), Expect::Update)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn subnets() {
    Laws::of("private-a", |graph, host| subnet(&add_vpc(graph, host), 1))
        .edit("cidr", |subnet| subnet.cidr = "10.20.9.0/24".into(), Expect::Replace)
        .edit("zone", |subnet| subnet.zone = format!("{REGION}b"), Expect::Replace)
        .edit("public_addresses", |subnet| subnet.public_addresses = true, Expect::Update)
        .edit("tags", |subnet| _ = subnet.tags.insert("team".into(), "platform".into()), Expect::Update)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn internet_gateways() {
    Laws::of("main", |graph, host| InternetGateway {
        vpc: Some(add_vpc(graph, host).output(Vpc::ID)),
        tags: own_tags(),
    })
    .edit("tags", |gateway| _ = gateway.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn elastic_ips() {
    Laws::of("nat-a", |_, _| ElasticIp { tags: own_tags() })
        .edit("tags", |address| _ = address.tags.insert("team".into(), "platform".into()), Expect::Update)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn nat_gateways() {
    Laws::of("nat-a", |graph, host| {
        let vpc = add_vpc(graph, host);
        let internet = add_gateway(graph, host, &vpc);
        let subnet = add_subnet(graph, host, &vpc, 1);
        graph.after(subnet.address(), internet.address(), Milestone::Ready, "it is the way out");
        let address = add_address(graph, host, "nat-a").output(ElasticIp::ID);
        NatGateway { subnet: subnet.output(Subnet::ID), address, tags: own_tags() }
    })
    .edit_in(
        "address",
        |graph, host, gateway| gateway.address = add_address(graph, host, "other").output(ElasticIp::ID),
        Expect::Replace,
    )
    .edit("tags", |gateway| _ = gateway.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn route_tables() {
    Laws::of("public", |graph, host| {
        let vpc = add_vpc(graph, host);
        let internet = add_gateway(graph, host, &vpc).output(InternetGateway::ID);
        RouteTable {
            vpc: vpc.output(Vpc::ID),
            routes: BTreeMap::from([("0.0.0.0/0".to_owned(), internet)]),
            subnets: BTreeSet::from([add_subnet(graph, host, &vpc, 1).output(Subnet::ID)]),
            tags: own_tags(),
        }
    })
    .edit("routes", |table| table.routes.clear(), Expect::Update)
    .edit("subnets", |table| table.subnets.clear(), Expect::Update)
    .edit("tags", |table| _ = table.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn endpoints() {
    Laws::of("s3", |graph, host| {
        let vpc = add_vpc(graph, host);
        graph.register::<RouteTable>(host);
        let table = graph.add(
            "private-a",
            RouteTable {
                vpc: vpc.output(Vpc::ID),
                routes: BTreeMap::new(),
                subnets: BTreeSet::new(),
                tags: own_tags(),
            },
        );
        VpcEndpoint {
            vpc: vpc.output(Vpc::ID),
            service: format!("com.amazonaws.{REGION}.s3"),
            route_tables: BTreeSet::from([table.output(RouteTable::ID)]),
            tags: own_tags(),
        }
    })
    .edit(
        "service",
        |endpoint| endpoint.service = format!("com.amazonaws.{REGION}.dynamodb"),
        Expect::Replace,
    )
    .edit("route_tables", |endpoint| endpoint.route_tables.clear(), Expect::Update)
    .edit("tags", |endpoint| _ = endpoint.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn security_groups() {
    Laws::of("ingress", |graph, host| group(&add_vpc(graph, host)))
        .edit("description", |group| group.description = "another".into(), Expect::Replace)
        .edit("open_egress", |group| group.open_egress = true, Expect::Update)
        .edit("tags", |group| _ = group.tags.insert("team".into(), "platform".into()), Expect::Update)
        .hold()
        .await;
}

fn rule(group: Input<String>, direction: Direction, peer: Peer) -> SecurityGroupRule {
    SecurityGroupRule {
        group,
        direction,
        protocol: "tcp".into(),
        from_port: 443,
        to_port: 443,
        peer,
        description: "of the tests".into(),
        tags: own_tags(),
    }
}

#[tokio::test(start_paused = true)]
async fn security_group_rules_for_networks() {
    Laws::of("https", |graph, host| {
        let vpc = add_vpc(graph, host);
        let group = add_group(graph, host, &vpc, "ingress");
        rule(group.output(SecurityGroup::ID), Direction::Ingress, Peer::Network("203.0.113.0/24".into()))
    })
    .edit("peer", |rule| rule.peer = Peer::Network("198.51.100.0/24".into()), Expect::Update)
    .edit("from_port", |rule| rule.from_port = 80, Expect::Update)
    .edit("description", |rule| rule.description = "another".into(), Expect::Update)
    .edit("direction", |rule| rule.direction = Direction::Egress, Expect::Replace)
    .edit("tags", |rule| _ = rule.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn security_group_rules_for_groups() {
    Laws::of("to-nodes", |graph, host| {
        let vpc = add_vpc(graph, host);
        let nodes = add_group(graph, host, &vpc, "nodes").output(SecurityGroup::ID);
        let group = add_group(graph, host, &vpc, "ingress").output(SecurityGroup::ID);
        rule(group, Direction::Egress, Peer::Group(nodes))
    })
    .edit("peer", |rule| rule.peer = Peer::Network("198.51.100.0/24".into()), Expect::Replace)
    .edit("to_port", |rule| rule.to_port = 444, Expect::Update)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn launch_templates() {
    Laws::of("general", |graph, host| {
        let key = add_key(graph, host, "main").output(KmsKey::ARN);
        LaunchTemplate::of_nodes(
            ENVIRONMENT,
            "m7i.large",
            "/dev/xvda",
            Volume::encrypted(50, key),
            own_tags(),
        )
    })
    .edit("instance_type", |template| template.instance_type = "m7i.xlarge".into(), Expect::Update)
    .edit("instance_type", |template| template.instance_type.clear(), Expect::Update)
    .edit("metadata", |template| template.metadata.hop_limit = 1, Expect::Update)
    .edit("volumes", |template| template.volumes.values_mut().for_each(|v| v.size_gib = 80), Expect::Update)
    .edit("tags", |template| _ = template.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}
