//! The cluster: its log group, its control plane, who administers it, and its add-ons.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_engine::{Address, Graph, Handle, Host, Input, Milestone};
use serde_json::{Value, json};

use crate::aws::access_entry::{AccessEntry, Scope};
use crate::aws::client::{Aws, partition};
use crate::aws::eks_access::ClusterAccess;
use crate::aws::eks_addon::EksAddon;
use crate::aws::eks_cluster::{EksCluster, Endpoint};
use crate::aws::iam_role::IamRole;
use crate::aws::kms_key::KmsKey;
use crate::aws::log_group::LogGroup;
use crate::aws::model::Model;
use crate::aws::model::identity::Roles;
use crate::aws::model::keys::Keys;
use crate::aws::model::network::{Network, SubnetInPlan};
use crate::aws::owner::ENVIRONMENT;
use crate::aws::settings::Support;
use crate::aws::vpc::Vpc;

/// Add-ons that nodes need to become ready, and to give pods their identities.
const BEFORE_NODES: [&str; 3] = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];
/// The control plane has its interfaces in this many zones, the first ones: as many as EKS asks for. It stays in the zones
/// that it is made in (<https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>), so that those which come and
/// go with the settings cannot be among them.
const CONTROL_PLANE_ZONES: usize = 2;
/// Add-ons that run on nodes.
const ON_NODES: [&str; 2] = ["coredns", "aws-ebs-csi-driver"];

/// The cluster of an environment.
pub struct Cluster {
    /// The control plane.
    pub control_plane: Handle<EksCluster>,
    /// The way to its API.
    pub access: ClusterAccess,
    /// The add-ons that must have been applied before nodes are made.
    pub before_nodes: Vec<Address>,
}

impl Cluster {
    /// The cluster's name.
    pub fn name(&self) -> Input<String> {
        self.control_plane.output(EksCluster::NAME)
    }
}

/// Registers the kinds of this layer.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<LogGroup>(host);
    graph.register::<EksCluster>(host);
    graph.register::<AccessEntry>(host);
    graph.register::<EksAddon>(host);
}

/// Adds the cluster.
pub fn declare(
    model: &Model<'_>,
    graph: &mut Graph,
    network: &Network,
    keys: &Keys,
    roles: &Roles,
) -> Cluster {
    graph.group("Cluster");
    let logs = graph.add(
        "cluster",
        LogGroup {
            retention_days: model.settings.cluster.log_retention_days,
            key_arn: Some(keys.key.output(KmsKey::ARN)),
            tags: model.tags(),
        },
    );
    let control_plane = graph.add("main", control_plane(model, network, keys, roles));
    let because = "EKS would make the log group itself, without retention and encryption";
    graph.after(control_plane.address(), logs.address(), Milestone::Ready, because);
    let name = control_plane.output(EksCluster::NAME);
    let admins = admins(model, graph, &name);
    let access = ClusterAccess {
        admins,
        cluster: name.clone(),
        certificate_authority: control_plane.output(EksCluster::CERTIFICATE_AUTHORITY),
        endpoint: control_plane.output(EksCluster::ENDPOINT),
    };
    let mut addon = |addon: &str| graph.add(addon, self::addon(model, &name, addon)).address().clone();
    let before_nodes = BEFORE_NODES.map(&mut addon).into();
    for name in ON_NODES {
        addon(name);
    }
    Cluster { control_plane, access, before_nodes }
}

fn control_plane(model: &Model<'_>, network: &Network, keys: &Keys, roles: &Roles) -> EksCluster {
    let settings = &model.settings.cluster;
    let support = match settings.support {
        Support::Standard => "STANDARD",
        Support::Extended => "EXTENDED",
    };
    EksCluster {
        version: settings.version.clone(),
        role: roles.cluster.output(IamRole::ARN),
        vpc: network.vpc.output(Vpc::ID),
        subnets: network.private.iter().take(CONTROL_PLANE_ZONES).map(SubnetInPlan::id).collect(),
        endpoint: Endpoint {
            public: settings.endpoint.public.iter().map(ToString::to_string).collect(),
            private: settings.endpoint.private,
        },
        authentication_mode: "API".to_owned(),
        encryption_key: Some(keys.key.output(KmsKey::ARN)),
        logs: settings.logs.iter().map(|log| log.as_str().to_owned()).collect(),
        support: support.to_owned(),
        tags: model.tags(),
    }
}

/// Adds an access entry for each administrator, and gives their ARNs.
fn admins(model: &Model<'_>, graph: &mut Graph, cluster: &Input<String>) -> BTreeSet<Input<String>> {
    let partition = partition(&model.settings.region);
    let policy = format!("arn:{partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy");
    let principals: BTreeSet<&String> = model.settings.cluster.admins.iter().collect();
    let entries = principals.into_iter().map(|principal| {
        let entry = AccessEntry {
            cluster: cluster.clone(),
            principal: principal.clone().into(),
            kind: "STANDARD".to_owned(),
            username: None,
            groups: BTreeSet::new(),
            policies: BTreeMap::from([(policy.clone(), Scope::cluster())]),
            tags: model.tags(),
        };
        graph.add(entry_name(model, principal), entry).output(AccessEntry::PRINCIPAL)
    });
    entries.collect()
}

/// The name of an administrator's entry: `role/NAME` or `user/NAME`, after the account where that is another one.
fn entry_name(model: &Model<'_>, principal: &str) -> String {
    let mut parts = principal.splitn(6, ':').skip(4);
    match (parts.next(), parts.next()) {
        (Some(account), Some(resource)) if account == model.settings.account => resource.to_owned(),
        (Some(account), Some(resource)) => format!("{account}/{resource}"),
        _ => principal.to_owned(),
    }
}

fn addon(model: &Model<'_>, cluster: &Input<String>, addon: &str) -> EksAddon {
    EksAddon {
        cluster: cluster.clone(),
        version: None,
        kubernetes_version: model.settings.cluster.version.clone(),
        configuration: configuration(model, addon),
        tags: model.tags(),
    }
}

/// The pods' network enforces network policies; volumes carry the environment's mark.
fn configuration(model: &Model<'_>, addon: &str) -> Value {
    match addon {
        "vpc-cni" => json!({ "enableNetworkPolicy": "true" }),
        "aws-ebs-csi-driver" => {
            let mut tags = model.tags();
            tags.insert(ENVIRONMENT.to_owned(), model.environment.name.clone());
            json!({ "controller": { "extraVolumeTags": tags } })
        }
        _ => json!({}),
    }
}
