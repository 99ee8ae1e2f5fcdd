//! Add-ons of the cluster.

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::eks_addon::EksAddon;
use holodeck_bootstrap::aws::eks_cluster::EksCluster;
use holodeck_engine::{Graph, Handle, Host};
use serde_json::json;

use crate::cluster::{VERSION, add_cluster};
use crate::laws::{Expect, Laws, own_tags};

fn addon(cluster: &Handle<EksCluster>) -> EksAddon {
    EksAddon {
        cluster: cluster.output(EksCluster::NAME),
        version: None,
        kubernetes_version: VERSION.into(),
        configuration: json!({ "enableNetworkPolicy": "true" }),
        tags: own_tags(),
    }
}

/// Adds the network of the pods, without which no node is ready.
pub fn add_pod_network(graph: &mut Graph, host: Host<Aws>, cluster: &Handle<EksCluster>) -> Handle<EksAddon> {
    graph.register::<EksAddon>(host);
    graph.add("vpc-cni", addon(cluster))
}

#[tokio::test(start_paused = true)]
async fn addons() {
    Laws::of("vpc-cni", |graph, host| addon(&add_cluster(graph, host)))
        .edit(
            "configuration",
            |addon| addon.configuration = json!({ "env": { "WARM_IP_TARGET": "2" } }),
            Expect::Update,
        )
        .edit("configuration", |addon| addon.configuration = json!({}), Expect::Update)
        .edit("tags", |addon| _ = addon.tags.insert("team".into(), "platform".into()), Expect::Update)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn addons_of_one_version() {
    Laws::of("vpc-cni", |graph, host| EksAddon {
        version: Some("v1.21.1-eksbuild.1".into()),
        ..addon(&add_cluster(graph, host))
    })
    .edit("version", |addon| addon.version = Some("v1.20.5-eksbuild.1".into()), Expect::Update)
    .edit("kubernetes_version", |addon| addon.kubernetes_version = "1.33".into(), Expect::Update)
    .hold()
    .await;
}
