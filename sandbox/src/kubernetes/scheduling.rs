//! Which node a pod may run on.
//!
//! Honoured: readiness, node selectors, required node affinity, taints, required pod anti-affinity
//! (<https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/>). Resources are not counted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cluster::Cluster;
use super::object::{is_condition_true, items, map, name, namespace, text, uid};
use super::selector::LabelSelector;

/// The least loaded node that fits, or why none does.
pub(super) fn choose(cluster: &Cluster, pod: &Value) -> Result<String, String> {
    let mut refusals: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut fitting: Vec<(usize, &str)> = Vec::new();
    let mut nodes = 0;
    for node in cluster.list("", "nodes", None) {
        nodes += 1;
        match refusal(cluster, node, pod) {
            Some(reason) => *refusals.entry(reason).or_default() += 1,
            None => {
                let load = cluster.list("", "pods", None).filter(|p| text(p, "/spec/nodeName") == name(node));
                fitting.push((load.count(), name(node)));
            }
        }
    }
    if nodes == 0 {
        return Err("no nodes available to schedule pods".to_owned());
    }
    fitting.into_iter().min().map(|(_, node)| node.to_owned()).ok_or_else(|| {
        let listed: Vec<String> =
            refusals.iter().map(|(reason, count)| format!("{count} node(s) {reason}")).collect();
        format!("0/{nodes} nodes are available: {}.", listed.join(", "))
    })
}

fn refusal(cluster: &Cluster, node: &Value, pod: &Value) -> Option<&'static str> {
    if !is_condition_true(node, "Ready") || !tolerates(node, pod) {
        return Some("had untolerated taint(s)");
    }
    if node["spec"]["unschedulable"] == true {
        return Some("were unschedulable");
    }
    if !is_selected(node, pod) {
        return Some("didn't match Pod's node affinity/selector");
    }
    (!keeps_apart(cluster, node, pod)).then_some("didn't match pod anti-affinity rules")
}

/// Whether a daemon set's pod belongs on a node.
pub(super) fn admits_daemon(node: &Value, pod: &Value) -> bool {
    is_condition_true(node, "Ready") && tolerates(node, pod) && is_selected(node, pod)
}

fn tolerates(node: &Value, pod: &Value) -> bool {
    items(node, "/spec/taints").iter().filter(|taint| taint["effect"] != "PreferNoSchedule").all(|taint| {
        items(pod, "/spec/tolerations").iter().any(|toleration| {
            let exists = text(toleration, "/operator") == "Exists";
            let key = text(toleration, "/key");
            let effect = text(toleration, "/effect");
            ((key.is_empty() && exists) || key == text(taint, "/key"))
                && (effect.is_empty() || effect == text(taint, "/effect"))
                && (exists || text(toleration, "/value") == text(taint, "/value"))
        })
    })
}

fn is_selected(node: &Value, pod: &Value) -> bool {
    let labels = map(node, "/metadata/labels");
    let selected = map(pod, "/spec/nodeSelector").is_none_or(|selector| {
        selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    });
    let terms = items(
        pod,
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    );
    let affine = terms.is_empty()
        || terms
            .iter()
            .any(|term| LabelSelector::from_expressions(items(term, "/matchExpressions")).matches(labels));
    selected && affine
}

fn keeps_apart(cluster: &Cluster, node: &Value, pod: &Value) -> bool {
    let terms = items(pod, "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    terms.iter().all(|term| {
        let domain = |node: &Value| node["metadata"]["labels"].get(text(term, "/topologyKey")).cloned();
        let here = domain(node);
        let selector = LabelSelector::from_object(&term["labelSelector"]);
        !cluster.list("", "pods", Some(namespace(pod))).any(|other| {
            uid(other) != uid(pod)
                && selector.matches(map(other, "/metadata/labels"))
                && cluster
                    .get("", "nodes", "", text(other, "/spec/nodeName"))
                    .is_some_and(|node| here.is_some() && domain(node) == here)
        })
    })
}
