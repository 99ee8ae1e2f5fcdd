//! Groups of nodes.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::eks_cluster::EksCluster;
use holodeck_bootstrap::aws::iam_role::IamRole;
use holodeck_bootstrap::aws::kms_key::KmsKey;
use holodeck_bootstrap::aws::launch_template::{LaunchTemplate, Volume};
use holodeck_bootstrap::aws::node_group::{Bounds, NodeGroup, Taint};
use holodeck_engine::{Graph, Handle, Host, Input, Milestone};

use crate::account::ENVIRONMENT;
use crate::cluster::{VERSION, add_cluster, subnet_id};
use crate::eks_addon::add_pod_network;
use crate::iam_role::add_role;
use crate::kms::add_key;
use crate::laws::{Expect, Laws, own_tags};

/// The group's name.
pub const NAME: &str = "general";

fn add_template(
    graph: &mut Graph,
    host: Host<Aws>,
    name: &str,
    key: &Handle<KmsKey>,
) -> Handle<LaunchTemplate> {
    graph.register::<LaunchTemplate>(host);
    let volume = Volume::encrypted(50, key.output(KmsKey::ARN));
    graph.add(name, LaunchTemplate::of_nodes(ENVIRONMENT, "", "/dev/xvda", volume, own_tags()))
}

fn add_role_of_nodes(graph: &mut Graph, host: Host<Aws>, name: &str) -> Input<String> {
    let policies = ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"];
    add_role(graph, host, name, "ec2.amazonaws.com", &policies).output(IamRole::ARN)
}

fn taint(key: &str, value: &str) -> Taint {
    Taint { key: key.into(), value: value.into(), effect: "NO_SCHEDULE".into() }
}

fn node_group(graph: &mut Graph, host: Host<Aws>) -> NodeGroup {
    let cluster = add_cluster(graph, host);
    let network = add_pod_network(graph, host, &cluster);
    let key = add_key(graph, host, "main");
    let template = add_template(graph, host, NAME, &key);
    // With its template, the group waits for the network, too.
    graph.after(template.address(), network.address(), Milestone::Applied, "nodes are not ready without it");
    NodeGroup {
        cluster: cluster.output(EksCluster::NAME),
        role: add_role_of_nodes(graph, host, "nodes"),
        subnets: [1, 2].map(subnet_id).into(),
        launch_template: template.output(LaunchTemplate::ID),
        launch_template_version: template.output(LaunchTemplate::VERSION),
        instance_types: vec!["m7i.large".into(), "m6i.large".into()],
        capacity_type: "ON_DEMAND".into(),
        ami_type: "AL2023_x86_64_STANDARD".into(),
        version: VERSION.into(),
        size: Bounds { min: 1, max: 3 },
        initial_size: 2,
        labels: BTreeMap::from([("tier".into(), "general".into()), ("disk".into(), "fast".into())]),
        taints: BTreeSet::from([taint("dedicated", "general"), taint("kept", "yes")]),
        max_unavailable: 1,
        tags: own_tags(),
    }
}

/// Adds the group.
pub fn add_nodes(graph: &mut Graph, host: Host<Aws>) -> Handle<NodeGroup> {
    graph.register::<NodeGroup>(host);
    let group = node_group(graph, host);
    graph.add(NAME, group)
}

#[tokio::test(start_paused = true)]
async fn node_groups() {
    Laws::of(NAME, node_group)
        .edit("size", |group| group.size = Bounds { min: 2, max: 5 }, Expect::Update)
        .edit(
            "labels",
            |group| group.labels = BTreeMap::from([("tier".into(), "special".into())]),
            Expect::Update,
        )
        .edit("taints", |group| group.taints = BTreeSet::from([taint("kept", "no")]), Expect::Update)
        .edit("taints", |group| group.taints.clear(), Expect::Update)
        .edit("max_unavailable", |group| group.max_unavailable = 2, Expect::Update)
        .edit("tags", |group| _ = group.tags.insert("team".into(), "platform".into()), Expect::Update)
        .edit("version", |group| group.version = "1.33".into(), Expect::Refuse)
        .edit("instance_types", |group| _ = group.instance_types.pop(), Expect::Replace)
        .edit("capacity_type", |group| group.capacity_type = "SPOT".into(), Expect::Replace)
        .edit("ami_type", |group| group.ami_type = "BOTTLEROCKET_x86_64".into(), Expect::Replace)
        .edit("subnets", |group| group.subnets = [subnet_id(1)].into(), Expect::Replace)
        .edit_in(
            "role",
            |graph, host, group| group.role = add_role_of_nodes(graph, host, "other"),
            Expect::Replace,
        )
        .edit_in(
            "launch_template",
            |graph, host, group| {
                let key = add_key(graph, host, "other");
                let template = add_template(graph, host, "other", &key);
                group.launch_template = template.output(LaunchTemplate::ID);
                group.launch_template_version = template.output(LaunchTemplate::VERSION);
            },
            Expect::Replace,
        )
        .hold()
        .await;
}

/// Nodes may lag behind the cluster; they catch up, also along with other changes.
#[tokio::test(start_paused = true)]
async fn node_groups_that_are_older_than_the_cluster() {
    Laws::of(NAME, |graph, host| NodeGroup { version: "1.33".into(), ..node_group(graph, host) })
        .edit("version", |group| group.version = VERSION.into(), Expect::Update)
        .edit(
            "version",
            |group| {
                group.version = VERSION.into();
                group.size.max = 5;
                group.taints.clear();
            },
            Expect::Update,
        )
        .hold()
        .await;
}
