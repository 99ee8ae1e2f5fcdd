//! The load balancer, its listeners and where they send traffic.

use std::collections::BTreeSet;

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::listener::Listener;
use holodeck_bootstrap::aws::load_balancer::LoadBalancer;
use holodeck_bootstrap::aws::security_group::SecurityGroup;
use holodeck_bootstrap::aws::subnet::Subnet;
use holodeck_bootstrap::aws::target_group::{HealthCheck, TargetGroup};
use holodeck_bootstrap::aws::vpc::Vpc;
use holodeck_engine::{Graph, Handle, Host, Input, Milestone};

use crate::laws::{Expect, Laws, own_tags};
use crate::network::{add_gateway, add_group, add_subnet, add_vpc};

fn load_balancer(graph: &mut Graph, host: Host<Aws>, vpc: &Handle<Vpc>) -> LoadBalancer {
    let gateway = add_gateway(graph, host, vpc);
    let subnet = add_subnet(graph, host, vpc, 1);
    graph.after(subnet.address(), gateway.address(), Milestone::Ready, "it is the way out");
    let group = add_group(graph, host, vpc, "ingress");
    LoadBalancer {
        subnets: BTreeSet::from([subnet.output(Subnet::ID)]),
        security_groups: BTreeSet::from([group.output(SecurityGroup::ID)]),
        cross_zone: true,
        deletion_protection: false,
        tags: own_tags(),
    }
}

fn target_group(vpc: Input<String>, port: i32) -> TargetGroup {
    TargetGroup {
        vpc,
        port,
        proxy_protocol: true,
        preserve_client_address: false,
        deregistration_delay_secs: 60,
        health_check: HealthCheck { interval_secs: 10, healthy_after: 2, unhealthy_after: 2 },
        tags: own_tags(),
    }
}

/// Adds a target group for a node port.
pub fn add_target_group(
    graph: &mut Graph,
    host: Host<Aws>,
    vpc: Input<String>,
    port: i32,
) -> Handle<TargetGroup> {
    graph.register::<TargetGroup>(host);
    graph.add(format!("http-{port}"), target_group(vpc, port))
}

#[tokio::test(start_paused = true)]
async fn load_balancers() {
    Laws::of("ingress", |graph, host| {
        let vpc = add_vpc(graph, host);
        load_balancer(graph, host, &vpc)
    })
    .edit("cross_zone", |balancer| balancer.cross_zone = false, Expect::Update)
    .edit("security_groups", |balancer| balancer.security_groups.clear(), Expect::Replace)
    .edit("tags", |balancer| _ = balancer.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn target_groups() {
    Laws::of("http-32080", |graph, host| target_group(add_vpc(graph, host).output(Vpc::ID), 32080))
        .edit("port", |group| group.port = 32081, Expect::Replace)
        .edit("proxy_protocol", |group| group.proxy_protocol = false, Expect::Update)
        .edit("preserve_client_address", |group| group.preserve_client_address = true, Expect::Update)
        .edit("deregistration_delay_secs", |group| group.deregistration_delay_secs = 120, Expect::Update)
        .edit("health_check", |group| group.health_check.unhealthy_after = 3, Expect::Update)
        .edit("tags", |group| _ = group.tags.insert("team".into(), "platform".into()), Expect::Update)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn listeners() {
    Laws::of("http", |graph, host| {
        let vpc = add_vpc(graph, host);
        let balancer = load_balancer(graph, host, &vpc);
        graph.register::<LoadBalancer>(host);
        let balancer = graph.add("ingress", balancer);
        let target_group = add_target_group(graph, host, vpc.output(Vpc::ID), 32080);
        Listener {
            load_balancer: balancer.output(LoadBalancer::ARN),
            port: 80,
            target_group: target_group.output(TargetGroup::ARN),
            tags: own_tags(),
        }
    })
    .edit("port", |listener| listener.port = 8080, Expect::Update)
    .edit("tags", |listener| _ = listener.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}
