//! The nodes: a launch template and a managed node group for each group of the settings.

use std::collections::BTreeSet;

use holodeck_engine::{Address, Graph, Handle, Host, Input, Milestone};

use crate::aws::client::Aws;
use crate::aws::iam_role::IamRole;
use crate::aws::kms_key::KmsKey;
use crate::aws::launch_template::{LaunchTemplate, Volume};
use crate::aws::model::Model;
use crate::aws::model::cluster::Cluster;
use crate::aws::model::identity::Roles;
use crate::aws::model::keys::Keys;
use crate::aws::model::network::{Network, SubnetInPlan};
use crate::aws::node_group::{Bounds, NodeGroup, Taint};
use crate::aws::settings::{self, AmiType, Capacity, SubnetTier, TaintEffect};

/// What node groups are made with.
pub struct NodesNeeds<'a> {
    /// Where they stand.
    pub network: &'a Network,
    /// What encrypts their volumes.
    pub keys: &'a Keys,
    /// Whom they act as.
    pub roles: &'a Roles,
    /// The cluster that they join.
    pub cluster: &'a Cluster,
    /// Identities of pods that nodes need to become ready.
    pub identities: &'a [Address],
}

/// Registers the kinds of this layer.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<LaunchTemplate>(host);
    graph.register::<NodeGroup>(host);
}

/// Adds the node groups, and gives the name and the auto scaling group of each.
pub fn declare(model: &Model<'_>, graph: &mut Graph, needs: &NodesNeeds<'_>) -> Vec<(String, Input<String>)> {
    graph.group("Nodes");
    let groups = model.settings.node_groups.iter().map(|(name, group)| {
        let template = graph.add(name, template(model, needs, group));
        let nodes = graph.add(name, node_group(model, needs, group, &template));
        for on in needs.cluster.before_nodes.iter().chain(needs.identities) {
            let because = "nodes are not ready without the network of their pods";
            graph.after(nodes.address(), on, Milestone::Applied, because);
        }
        for way_out in &needs.network.ways_out {
            let because = "nodes reach the cluster and the images over it";
            graph.after(nodes.address(), way_out.address(), Milestone::Ready, because);
        }
        (name.clone(), nodes.output(NodeGroup::AUTO_SCALING_GROUP))
    });
    groups.collect()
}

/// The device whose size and encryption count: Bottlerocket keeps its data on a second one
/// (<https://bottlerocket.dev/en/os/latest/#/concepts/images/>).
fn device(image: AmiType) -> &'static str {
    match image {
        AmiType::BottlerocketX86 | AmiType::BottlerocketArm | AmiType::BottlerocketX86Nvidia => "/dev/xvdb",
        AmiType::Al2023X86 | AmiType::Al2023Arm | AmiType::Al2023X86Nvidia => "/dev/xvda",
    }
}

fn template(model: &Model<'_>, needs: &NodesNeeds<'_>, group: &settings::NodeGroup) -> LaunchTemplate {
    let volume = Volume::encrypted(
        i32::try_from(group.disk_gib).unwrap_or(i32::MAX),
        needs.keys.key.output(KmsKey::ARN),
    );
    let instance_type = match group.instance_types.as_slice() {
        [only] => only.as_str(),
        _ => "",
    };
    LaunchTemplate::of_nodes(
        &model.environment.name,
        instance_type,
        device(group.ami_type),
        volume,
        model.tags(),
    )
}

fn node_group(
    model: &Model<'_>,
    needs: &NodesNeeds<'_>,
    group: &settings::NodeGroup,
    template: &Handle<LaunchTemplate>,
) -> NodeGroup {
    let several = group.instance_types.len() > 1;
    let nodes = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let capacity_type = match group.capacity {
        Capacity::OnDemand => "ON_DEMAND",
        Capacity::Spot => "SPOT",
    };
    NodeGroup {
        cluster: needs.cluster.name(),
        role: needs.roles.nodes.output(IamRole::ARN),
        subnets: subnets(needs.network, group),
        launch_template: template.output(LaunchTemplate::ID),
        launch_template_version: template.output(LaunchTemplate::VERSION),
        instance_types: if several { group.instance_types.clone() } else { Vec::new() },
        capacity_type: capacity_type.to_owned(),
        ami_type: group.ami_type.as_str().to_owned(),
        version: model.settings.cluster.version.clone(),
        size: Bounds { min: nodes(group.size.min), max: nodes(group.size.max) },
        initial_size: nodes(group.size.initial()),
        labels: group.labels.clone(),
        taints: group.taints.iter().map(taint).collect(),
        max_unavailable: nodes(group.max_unavailable),
        tags: model.tags(),
    }
}

/// The group's subnets: those of its tier, in its zones.
fn subnets(network: &Network, group: &settings::NodeGroup) -> BTreeSet<Input<String>> {
    let tier = match group.subnets {
        SubnetTier::Private => &network.private,
        SubnetTier::Public => &network.public,
    };
    let is_wanted = |subnet: &&SubnetInPlan| {
        group.zones.as_ref().is_none_or(|zones| zones.iter().any(|zone| zone == subnet.zone_letter()))
    };
    tier.iter().filter(is_wanted).map(SubnetInPlan::id).collect()
}

fn taint(taint: &settings::Taint) -> Taint {
    let effect = match taint.effect {
        TaintEffect::NoSchedule => "NO_SCHEDULE",
        TaintEffect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
        TaintEffect::NoExecute => "NO_EXECUTE",
    };
    Taint { key: taint.key.clone(), value: taint.value.clone(), effect: effect.to_owned() }
}
