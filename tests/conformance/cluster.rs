//! The cluster.

use std::collections::BTreeSet;

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::eks_cluster::{EksCluster, Endpoint};
use holodeck_bootstrap::aws::iam_role::IamRole;
use holodeck_bootstrap::aws::kms_key::KmsKey;
use holodeck_bootstrap::aws::subnet::Subnet;
use holodeck_bootstrap::aws::vpc::Vpc;
use holodeck_engine::plan::Action;
use holodeck_engine::{Address, Graph, Handle, Host, Input, Reference, Resource};

use crate::account::Account;
use crate::iam_role::add_role;
use crate::kms::add_key;
use crate::laws::{Expect, Laws, own_tags};
use crate::network::{add_subnet_in, add_vpc};

/// The Kubernetes version of the cluster.
pub const VERSION: &str = "1.34";

/// A cluster in two zones, whose secrets no key of ours encrypts.
fn cluster(graph: &mut Graph, host: Host<Aws>) -> EksCluster {
    let vpc = add_vpc(graph, host);
    cluster_in(graph, host, &vpc)
}

fn cluster_in(graph: &mut Graph, host: Host<Aws>, vpc: &Handle<Vpc>) -> EksCluster {
    let subnets = [('a', 1), ('b', 2)];
    EksCluster {
        version: VERSION.into(),
        role: add_role(graph, host, "cluster", "eks.amazonaws.com", &["AmazonEKSClusterPolicy"])
            .output(IamRole::ARN),
        vpc: vpc.output(Vpc::ID),
        subnets: subnets
            .map(|(zone, position)| add_subnet_in(graph, host, vpc, zone, position).output(Subnet::ID))
            .into(),
        endpoint: Endpoint { public: BTreeSet::from(["203.0.113.0/24".into()]), private: true },
        authentication_mode: "API".into(),
        encryption_key: None,
        logs: BTreeSet::from(["api".into(), "audit".into()]),
        support: "STANDARD".into(),
        tags: own_tags(),
    }
}

fn encrypted(graph: &mut Graph, host: Host<Aws>) -> EksCluster {
    let key = add_key(graph, host, "main").output(KmsKey::ARN);
    EksCluster { encryption_key: Some(key), ..cluster(graph, host) }
}

/// Adds the cluster.
pub fn add_cluster(graph: &mut Graph, host: Host<Aws>) -> Handle<EksCluster> {
    graph.register::<EksCluster>(host);
    let cluster = cluster(graph, host);
    graph.add("main", cluster)
}

/// The id of the subnet at this position of the cluster's network.
pub fn subnet_id(position: u8) -> Input<String> {
    let address = Address::new(Subnet::KIND, format!("subnet-{position}"));
    Input::Output(Reference { address, field: Subnet::ID.field().to_owned() })
}

/// The id of the cluster's network.
pub fn vpc_id() -> Input<String> {
    let address = Address::new(Vpc::KIND, "main");
    Input::Output(Reference { address, field: Vpc::ID.field().to_owned() })
}

#[tokio::test(start_paused = true)]
async fn clusters() {
    Laws::of("main", encrypted)
        .edit("version", |cluster| cluster.version = "1.35".into(), Expect::Update)
        .edit("version", |cluster| cluster.version = "1.36".into(), Expect::Refuse)
        .edit("version", |cluster| cluster.version = "1.33".into(), Expect::Refuse)
        .edit_in(
            "encryption_key",
            |graph, host, cluster| {
                cluster.encryption_key = Some(add_key(graph, host, "other").output(KmsKey::ARN));
            },
            Expect::Refuse,
        )
        .edit("endpoint", |cluster| cluster.endpoint.public.clear(), Expect::Update)
        .edit("endpoint", |cluster| cluster.endpoint.private = false, Expect::Update)
        .edit("logs", |cluster| cluster.logs = BTreeSet::from(["authenticator".into()]), Expect::Update)
        .edit("support", |cluster| cluster.support = "EXTENDED".into(), Expect::Update)
        .edit("tags", |cluster| _ = cluster.tags.insert("team".into(), "platform".into()), Expect::Update)
        .edit_in(
            "role",
            |graph, host, cluster| {
                let role = add_role(graph, host, "other", "eks.amazonaws.com", &["AmazonEKSClusterPolicy"]);
                cluster.role = role.output(IamRole::ARN);
            },
            Expect::Replace,
        )
        .hold()
        .await;
}

/// Several fields at once, which EKS takes one after the other.
#[tokio::test(start_paused = true)]
async fn clusters_that_change_in_many_ways() {
    Laws::of("main", cluster)
        .edit(
            "version",
            |cluster| {
                let EksCluster { version, endpoint, logs, support, tags, .. } = cluster;
                *version = "1.35".into();
                endpoint.public = BTreeSet::from(["198.51.100.0/24".into()]);
                logs.insert("scheduler".into());
                *support = "EXTENDED".into();
                tags.insert("team".into(), "platform".into());
            },
            Expect::Update,
        )
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn encryption_is_added_to_a_cluster_and_left_where_it_is() {
    let account = Account::fresh();
    for (wanted, change) in [
        (cluster as fn(&mut Graph, Host<Aws>) -> EksCluster, Action::Create),
        (encrypted, Action::Update),
        (cluster, Action::Unchanged),
    ] {
        let mut graph = Graph::new();
        let host = account.host(&mut graph);
        graph.register::<EksCluster>(host);
        let wanted = wanted(&mut graph, host);
        let address = graph.add("main", wanted).address().clone();
        let (_, plan) = account.plan(&graph, None).await;
        let planned = plan.changes.iter().find(|change| change.address == address);
        assert_eq!(planned.map(|planned| planned.action), Some(change), "{planned:#?}");
        let outcome = account.up(&graph, None).await;
        assert!(outcome.is_complete(), "{outcome:#?}");
    }
}

/// Its subnets may change within the zones that it was made in.
#[tokio::test(start_paused = true)]
async fn clusters_that_move_to_other_subnets() {
    Laws::of("main", |graph, host| {
        let vpc = add_vpc(graph, host);
        add_subnet_in(graph, host, &vpc, 'b', 3);
        cluster_in(graph, host, &vpc)
    })
    .edit("subnets", |cluster| cluster.subnets = [1, 3].map(subnet_id).into(), Expect::Update)
    .hold()
    .await;
}

/// EKS keeps a control plane in the zones that it was made in: a subnet in another one is refused.
#[tokio::test(start_paused = true)]
async fn clusters_do_not_move_to_other_zones() {
    for (zone, moves) in [('b', true), ('c', false)] {
        let account = Account::fresh();
        let graph = |positions: [u8; 2]| {
            let mut graph = Graph::new();
            let host = account.host(&mut graph);
            graph.register::<EksCluster>(host);
            let vpc = add_vpc(&mut graph, host);
            add_subnet_in(&mut graph, host, &vpc, zone, 3);
            let wanted = cluster_in(&mut graph, host, &vpc);
            graph.add("main", EksCluster { subnets: positions.map(subnet_id).into(), ..wanted });
            graph
        };
        assert!(account.up(&graph([1, 2]), None).await.is_complete());
        let outcome = account.up(&graph([1, 3]), None).await;
        assert_eq!(outcome.is_complete(), moves, "{zone}: {outcome:#?}");
        let told = format!("{outcome:?}");
        assert!(moves || told.contains("must be in those that the cluster was created in"), "{told}");
    }
}
