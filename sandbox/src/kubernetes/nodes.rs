//! Node objects, which follow the machines that the cloud gives.
//!
//! Labels are the well-known ones of <https://kubernetes.io/docs/reference/labels-annotations-taints/>.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::{Cluster, NodeSpec};
use super::controllers::Agenda;
use super::object::{Condition, entry, items, name, remove, set, set_condition, text};

const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Adds node objects for machines that are new, and the labels of those that changed.
pub(super) fn register(cluster: &mut Cluster, specs: &[NodeSpec], at: Timestamp) {
    for spec in specs {
        let known = super::cluster::key("", "nodes", "", &spec.name);
        if cluster.at(&known).is_none() {
            let node = node(spec, cluster.version());
            cluster.insert("", "nodes", node, at);
        } else {
            cluster.update(&known, |node| {
                for (label, value) in &spec.labels {
                    set(node, &["metadata", "labels", label], value.clone());
                }
            });
        }
    }
}

fn node(spec: &NodeSpec, version: &str) -> Value {
    let mut labels = json!({
        "kubernetes.io/hostname": spec.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": spec.instance_type,
        "topology.kubernetes.io/zone": spec.zone,
        "topology.kubernetes.io/region": spec.zone.trim_end_matches(|c: char| c.is_ascii_lowercase()),
    });
    for (label, value) in &spec.labels {
        labels[label] = json!(value);
    }
    let mut taints: Vec<Value> = spec
        .taints
        .iter()
        .map(|taint| json!({"key": taint.key, "value": taint.value, "effect": taint.effect}))
        .collect();
    taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
    let not_ready = Condition {
        kind: "Ready",
        status: "False",
        reason: "KubeletNotReady",
        message: "container runtime network not ready",
    };
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": spec.name, "labels": labels},
        "spec": {"taints": taints},
        "status": {
            "nodeInfo": {"kubeletVersion": format!("v{version}.0-eks-sandbox"), "operatingSystem": "linux"},
        },
    });
    set_condition(&mut node, &not_ready, spec.ready_at);
    node
}

/// Lets kubelets report ready when their time has come.
pub(super) fn report(cluster: &mut Cluster, agenda: &mut Agenda) {
    for (name, ready_at) in cluster.machines() {
        if !agenda.is_due(ready_at) {
            continue;
        }
        cluster.update(&super::cluster::key("", "nodes", "", &name), |node| {
            if super::object::is_condition_true(node, "Ready") {
                return;
            }
            let ready = Condition {
                kind: "Ready",
                status: "True",
                reason: "KubeletReady",
                message: "kubelet is posting ready status",
            };
            set_condition(node, &ready, agenda.now);
            if let Some(taints) = entry(entry(node, "spec"), "taints").as_array_mut() {
                taints.retain(|taint| taint["key"] != NOT_READY);
            }
            if items(node, "/spec/taints").is_empty() {
                remove(node, "/spec", "taints");
            }
        });
    }
}

/// Removes the nodes whose machines are gone, with their pods.
pub(super) fn retire(cluster: &mut Cluster, specs: &[NodeSpec]) {
    let gone: Vec<(String, String)> = cluster
        .entries("", "nodes", None)
        .filter(|(_, node)| specs.iter().all(|spec| spec.name != name(node)))
        .map(|(key, node)| (key.to_owned(), name(node).to_owned()))
        .collect();
    for (node_key, node) in gone {
        let pods: Vec<String> = cluster
            .entries("", "pods", None)
            .filter(|(_, pod)| text(pod, "/spec/nodeName") == node)
            .map(|(key, _)| key.to_owned())
            .collect();
        for pod in pods {
            cluster.remove(&pod);
        }
        cluster.remove(&node_key);
    }
}
