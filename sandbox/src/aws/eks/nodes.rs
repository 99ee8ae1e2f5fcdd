//! The nodes of a cluster: which instances joined it, when, and with what labels; and the VPC CNI's interfaces.
//!
//! An instance joins a minute after its launch if its role may run a node. The VPC CNI gives each node a network interface
//! more; it outlives its instance for a while, detached, and holds its subnet and security groups until then. Where the CNI
//! does not run any more when the instance ends, nobody removes the interface.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::autoscaling::{self, Member};
use super::super::{World, ec2, iam};
use super::addon;
use super::node_group::{NodeGroup, Taint};

/// From the launch of an instance until its kubelet reports ready.
const JOIN: SignedDuration = SignedDuration::from_secs(60);
/// From the installation of the VPC CNI until it serves the nodes that are there.
const NETWORK: SignedDuration = SignedDuration::from_secs(15);
/// How long the CNI's interface outlives its instance.
const CNI_LINGERS: SignedDuration = SignedDuration::from_secs(90);
/// Without it a kubelet cannot find its cluster.
const NODE_POLICY: &str = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy";

/// An instance that is a node of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Private DNS name of the instance, which is the name of the node.
    pub(crate) name: String,
    pub(crate) instance_id: String,
    pub(crate) instance_type: String,
    pub(crate) zone: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Key, value and effect, the effect as Kubernetes writes it.
    pub(crate) taints: Vec<(String, String, &'static str)>,
    pub(crate) ready_at: Timestamp,
}

/// The second network interface of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CniInterface {
    pub(super) id: String,
    instance: String,
    /// When its instance ended.
    orphaned: Option<Timestamp>,
    /// Whether nothing is there that would remove it.
    pub(super) leaked: bool,
}

/// The nodes of the cluster: those that are ready, and those that will be.
pub(crate) fn nodes(world: &World, cluster: &str) -> Vec<Node> {
    let groups = world.eks.clusters.get(cluster).into_iter().flat_map(|cluster| cluster.node_groups.values());
    groups.flat_map(|group| of_group(world, group)).collect()
}

fn of_group(world: &World, group: &NodeGroup) -> Vec<Node> {
    let node = |member: &Member| {
        let ready_at = ready_at(world, group, member)?;
        Some(Node {
            name: ec2::instance_private_dns(world, &member.id)?,
            instance_id: member.id.clone(),
            instance_type: member.instance_type.clone(),
            zone: member.zone.clone(),
            labels: labels(group, member),
            taints: group.settings.taints.iter().map(taint).collect(),
            ready_at,
        })
    };
    alive(world, group).iter().filter_map(node).collect()
}

fn alive(world: &World, group: &NodeGroup) -> Vec<Member> {
    let Some(name) = &group.scaling_group else { return Vec::new() };
    autoscaling::members(world, name).into_iter().filter(|member| member.ended.is_none()).collect()
}

/// When the instance is ready as a node; never where its role may not run one or the cluster has no VPC CNI.
pub(super) fn ready_at(world: &World, group: &NodeGroup, member: &Member) -> Option<Timestamp> {
    let network = addon::cni_since(world.eks.clusters.get(&group.cluster)?)?;
    let joined = iam::role_has_policy(world, &group.settings.node_role, NODE_POLICY)
        .then(|| member.launched + JOIN)?;
    Some(joined.max(network + NETWORK))
}

/// When each node of the group is ready, later moments included.
pub(super) fn ready_times(world: &World, cluster: &str, group: &str) -> Vec<Timestamp> {
    let Ok(group) = super::node_group::find(world, Some(cluster), Some(group)) else { return Vec::new() };
    alive(world, group).iter().filter_map(|member| ready_at(world, group, member)).collect()
}

/// When the cluster first had a node that is still there, if one is ready now.
pub(super) fn first_ready(world: &World, cluster: &str) -> Option<Timestamp> {
    let found = world.eks.clusters.get(cluster)?;
    let times = found.node_groups.keys().flat_map(|group| ready_times(world, cluster, group));
    times.filter(|ready| *ready <= world.now).min()
}

fn labels(group: &NodeGroup, member: &Member) -> BTreeMap<String, String> {
    let mut labels = group.settings.labels.clone();
    let own = [
        ("eks.amazonaws.com/nodegroup", group.name.as_str()),
        ("eks.amazonaws.com/capacityType", group.settings.capacity_type.as_str()),
        ("eks.amazonaws.com/sourceLaunchTemplateVersion", member.template_version.as_str()),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    labels
}

fn taint(taint: &Taint) -> (String, String, &'static str) {
    let effect = match taint.effect.as_str() {
        "NO_EXECUTE" => "NoExecute",
        "PREFER_NO_SCHEDULE" => "PreferNoSchedule",
        _ => "NoSchedule",
    };
    (taint.key.clone(), taint.value.clone().unwrap_or_default(), effect)
}

/// Gives every ready node its interface, and removes those whose instance ended long enough ago.
pub(super) fn settle(world: &mut World, cluster: &str) {
    let now = world.now;
    let Some(found) = world.eks.clusters.get(cluster) else { return };
    let mut interfaces = found.cni_interfaces.clone();
    let leaks = addon::cni_since(found).is_none();
    let nodes = nodes(world, cluster);
    for interface in interfaces.iter_mut().filter(|interface| interface.orphaned.is_none()) {
        if !nodes.iter().any(|node| node.instance_id == interface.instance) {
            interface.orphaned = Some(ec2::instance_ended(world, &interface.instance).unwrap_or(now));
            interface.leaked = leaks;
            ec2::detach_interface(world, &interface.id);
        }
    }
    for interface in &interfaces {
        if interface.is_gone(now) {
            ec2::remove_interface(world, &interface.id);
        }
    }
    interfaces.retain(|interface| !interface.is_gone(now));
    for node in nodes.iter().filter(|node| node.ready_at <= now) {
        if !interfaces.iter().any(|interface| interface.instance == node.instance_id) {
            interfaces.extend(make_interface(world, cluster, node));
        }
    }
    if let Some(cluster) = world.eks.clusters.get_mut(cluster) {
        cluster.cni_interfaces = interfaces;
    }
}

impl CniInterface {
    fn is_gone(&self, now: Timestamp) -> bool {
        !self.leaked && self.orphaned.is_some_and(|orphaned| orphaned + CNI_LINGERS <= now)
    }
}

fn make_interface(world: &mut World, cluster: &str, node: &Node) -> Option<CniInterface> {
    let tags = BTreeMap::from([
        ("cluster.k8s.amazonaws.com/name".to_owned(), cluster.to_owned()),
        ("node.k8s.amazonaws.com/instance_id".to_owned(), node.instance_id.clone()),
    ]);
    let (subnet_id, security_groups) = ec2::instance_network(world, &node.instance_id)?;
    let id = ec2::make_interface(
        world,
        ec2::NewInterface {
            subnet_id,
            description: format!("aws-K8S-{}", node.instance_id),
            security_groups,
            requester_managed: false,
            instance_id: Some(node.instance_id.clone()),
            tags,
            created: node.ready_at,
        },
    );
    Some(CniInterface { id: id.ok()?, instance: node.instance_id.clone(), orphaned: None, leaked: false })
}
