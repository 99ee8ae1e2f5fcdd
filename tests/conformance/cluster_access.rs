//! Who may do what: access of IAM principals to the cluster, and of its pods to AWS.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_bootstrap::aws::access_entry::{AccessEntry, Scope};
use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::eks_cluster::EksCluster;
use holodeck_bootstrap::aws::iam_role::IamRole;
use holodeck_bootstrap::aws::pod_identity_association::PodIdentityAssociation;
use holodeck_engine::{Graph, Host, Input};

use crate::cluster::add_cluster;
use crate::iam_role::add_role;
use crate::laws::{Expect, Laws, own_tags};

fn policy(name: &str) -> String {
    format!("arn:aws:eks::aws:cluster-access-policy/{name}")
}

fn person(graph: &mut Graph, host: Host<Aws>, name: &str) -> Input<String> {
    add_role(graph, host, name, "ec2.amazonaws.com", &[]).output(IamRole::ARN)
}

fn namespaces(names: &[&str]) -> Scope {
    Scope { kind: "namespace".into(), namespaces: names.iter().map(|name| (*name).to_owned()).collect() }
}

#[tokio::test(start_paused = true)]
async fn access_entries() {
    Laws::of("role/infra", |graph, host| AccessEntry {
        cluster: add_cluster(graph, host).output(EksCluster::NAME),
        principal: person(graph, host, "infra"),
        kind: "STANDARD".into(),
        username: Some("infra".into()),
        groups: BTreeSet::from(["viewers".into()]),
        policies: BTreeMap::from([
            (policy("AmazonEKSAdminPolicy"), namespaces(&["default"])),
            (policy("AmazonEKSClusterAdminPolicy"), Scope::cluster()),
        ]),
        tags: own_tags(),
    })
    .edit("username", |entry| entry.username = Some("platform".into()), Expect::Update)
    .edit("groups", |entry| entry.groups = BTreeSet::from(["editors".into()]), Expect::Update)
    .edit("groups", |entry| entry.groups.clear(), Expect::Update)
    .edit("policies", |entry| entry.policies.clear(), Expect::Update)
    .edit(
        "policies",
        |entry| _ = entry.policies.insert(policy("AmazonEKSAdminPolicy"), namespaces(&["other"])),
        Expect::Update,
    )
    .edit("tags", |entry| _ = entry.tags.insert("team".into(), "platform".into()), Expect::Update)
    .edit_in(
        "principal",
        |graph, host, entry| entry.principal = person(graph, host, "other"),
        Expect::Replace,
    )
    .hold()
    .await;
}

fn workload(graph: &mut Graph, host: Host<Aws>, name: &str) -> Input<String> {
    add_role(graph, host, name, "pods.eks.amazonaws.com", &[]).output(IamRole::ARN)
}

#[tokio::test(start_paused = true)]
async fn pod_identity_associations() {
    Laws::of("vault", |graph, host| PodIdentityAssociation {
        cluster: add_cluster(graph, host).output(EksCluster::NAME),
        namespace: "vault".into(),
        service_account: "vault".into(),
        role: workload(graph, host, "vault"),
        tags: own_tags(),
    })
    .edit("namespace", |association| association.namespace = "secrets".into(), Expect::Replace)
    .edit("service_account", |association| association.service_account = "other".into(), Expect::Replace)
    .edit_in(
        "role",
        |graph, host, association| association.role = workload(graph, host, "other"),
        Expect::Update,
    )
    .edit("tags", |association| _ = association.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}
