//! The ingress layer: a network load balancer that sends the web's two ports to node ports of the cluster.
//!
//! Target groups are named by their node port: for another port a new one is made, the listener moves over, and the old
//! one goes. Targets see the load balancer's addresses, so the nodes let in its security group only; who may reach the
//! load balancer is said by its own group, and the PROXY protocol tells the client's address.

use std::collections::BTreeSet;

use holodeck_engine::{Graph, Handle, Host, Input, Milestone};

use crate::aws::client::Aws;
use crate::aws::listener::Listener;
use crate::aws::load_balancer::LoadBalancer;
use crate::aws::model::Model;
use crate::aws::model::network::{Network, SubnetInPlan};
use crate::aws::security_group::SecurityGroup;
use crate::aws::security_group_rule::{Direction, Peer, SecurityGroupRule};
use crate::aws::target_group::{HealthCheck, TargetGroup};
use crate::aws::target_group_attachment::TargetGroupAttachment;
use crate::aws::vpc::Vpc;

/// Under which name the load balancer is found.
pub struct LoadBalancing {
    /// Its DNS name.
    pub dns_name: Input<String>,
    /// The hosted zone of that name.
    pub zone_id: Input<String>,
}

/// Seconds for which connections to a node that goes are kept.
const DEREGISTRATION_DELAY_SECS: u32 = 60;
const HEALTH_CHECK: HealthCheck = HealthCheck { interval_secs: 10, healthy_after: 2, unhealthy_after: 2 };

/// A port of the web, and the node port behind it.
struct Port {
    name: &'static str,
    port: i32,
    node_port: i32,
}

/// Registers the kinds of this layer.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<SecurityGroup>(host);
    graph.register::<SecurityGroupRule>(host);
    graph.register::<LoadBalancer>(host);
    graph.register::<TargetGroup>(host);
    graph.register::<Listener>(host);
    graph.register::<TargetGroupAttachment>(host);
}

/// Adds the load balancer and all that leads through it. `auto_scaling_groups` are those of the nodes, each with the
/// name of its node group.
pub fn declare(
    model: &Model<'_>,
    graph: &mut Graph,
    network: &Network,
    cluster_security_group: Input<String>,
    auto_scaling_groups: &[(String, Input<String>)],
) -> LoadBalancing {
    graph.group("Load balancing");
    let node_ports = &model.environment.ingress.node_ports;
    let ports = [
        Port { name: "http", port: 80, node_port: i32::from(node_ports.http) },
        Port { name: "https", port: 443, node_port: i32::from(node_ports.https) },
    ];
    let group = graph.add(
        "ingress",
        SecurityGroup {
            vpc: network.vpc.output(Vpc::ID),
            description: format!("Load balancer of the environment {}", model.environment.name),
            open_egress: false,
            tags: model.tags(),
        },
    );
    let balancer = graph.add(
        "ingress",
        LoadBalancer {
            subnets: network.public.iter().map(SubnetInPlan::id).collect(),
            security_groups: BTreeSet::from([group.output(SecurityGroup::ID)]),
            cross_zone: true,
            deletion_protection: false,
            tags: model.tags(),
        },
    );
    let because = "its public addresses need the internet gateway";
    graph.after(balancer.address(), network.internet.address(), Milestone::Ready, because);
    let mut target_groups = BTreeSet::new();
    for port in &ports {
        rules(model, graph, port, &group.output(SecurityGroup::ID), &cluster_security_group);
        let target_group = target_group(model, graph, network, port);
        let target_group = target_group.output(TargetGroup::ARN);
        let listener = Listener {
            load_balancer: balancer.output(LoadBalancer::ARN),
            port: port.port,
            target_group: target_group.clone(),
            tags: model.tags(),
        };
        graph.add(port.name, listener);
        target_groups.insert(target_group);
    }
    for (node_group, auto_scaling_group) in auto_scaling_groups {
        let attachment = TargetGroupAttachment {
            auto_scaling_group: auto_scaling_group.clone(),
            target_groups: target_groups.clone(),
        };
        graph.add(node_group, attachment);
    }
    LoadBalancing {
        dns_name: balancer.output(LoadBalancer::DNS_NAME),
        zone_id: balancer.output(LoadBalancer::ZONE_ID),
    }
}

fn target_group(model: &Model<'_>, graph: &mut Graph, network: &Network, port: &Port) -> Handle<TargetGroup> {
    let target_group = TargetGroup {
        vpc: network.vpc.output(Vpc::ID),
        port: port.node_port,
        proxy_protocol: model.environment.ingress.proxy_protocol,
        preserve_client_address: false,
        deregistration_delay_secs: DEREGISTRATION_DELAY_SECS,
        health_check: HEALTH_CHECK,
        tags: model.tags(),
    };
    graph.add(format!("{}-{}", port.name, port.node_port), target_group)
}

/// The way of the traffic of one port: from the allowed networks to the load balancer, out of it, and into the nodes.
fn rules(
    model: &Model<'_>,
    graph: &mut Graph,
    port: &Port,
    balancer: &Input<String>,
    cluster: &Input<String>,
) {
    let rule = |group: &Input<String>, direction, number, peer, description: String| SecurityGroupRule {
        group: group.clone(),
        direction,
        protocol: "tcp".to_owned(),
        from_port: number,
        to_port: number,
        peer,
        description,
        tags: model.tags(),
    };
    let name = port.name;
    for network in &model.environment.ingress.allowed {
        let peer = Peer::Network(network.to_string());
        let in_words = format!("{name} from {network}");
        let rule = rule(balancer, Direction::Ingress, port.port, peer, in_words);
        graph.add(format!("ingress-{name}-from-{network}"), rule);
    }
    let out = rule(
        balancer,
        Direction::Egress,
        port.node_port,
        Peer::Group(cluster.clone()),
        format!("{name} to the nodes"),
    );
    graph.add(format!("ingress-{name}-to-nodes"), out);
    let into = rule(
        cluster,
        Direction::Ingress,
        port.node_port,
        Peer::Group(balancer.clone()),
        format!("{name} from the load balancer"),
    );
    graph.add(format!("nodes-{name}-from-ingress"), into);
}
