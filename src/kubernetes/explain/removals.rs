//! What the removal of an object waits for, beyond what its status says, and how to see it.

use serde_json::Value;

use super::{Finding, workloads};
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::{items, text};
use crate::kubernetes::wording::kubectl;

/// What else keeps an object from being gone.
pub(super) async fn explain(client: &Kubernetes, live: &Value) -> Option<Finding> {
    match text(live, "/kind") {
        "DaemonSet" | "Deployment" | "Job" | "StatefulSet" => workloads::last_pod(client, live).await,
        _ => None,
    }
}

/// The command that shows what remains: the contents of a namespace, the instances of a definition, or the object with
/// its finalizers.
pub(super) fn command(live: &Value) -> String {
    let (kind, name) = (text(live, "/kind"), text(live, "/metadata/name"));
    let namespace = text(live, "/metadata/namespace");
    let contents = contents(live).join(",");
    match kind {
        "Namespace" if !contents.is_empty() => kubectl(name, format_args!("get {contents}")),
        "CustomResourceDefinition" => kubectl("", format_args!("get {name} --all-namespaces")),
        kind => kubectl(namespace, format_args!("get {} {name} -o yaml", kind.to_lowercase())),
    }
}

/// The resources that a namespace still has, from a message such as `Some resources are remaining: pods. has 1 resource
/// instances, orders.acme.cert-manager.io has 2 resource instances`.
fn contents(namespace: &Value) -> Vec<&str> {
    let conditions = items(namespace, "/status/conditions").iter();
    let messages = conditions
        .filter(|condition| condition["type"] == "NamespaceContentRemaining" && condition["status"] == "True")
        .map(|condition| text(condition, "/message"));
    let lists = messages.filter_map(|message| message.split_once(": "));
    let resources = lists.flat_map(|(_, list)| list.split(", ").filter_map(|item| item.split_once(" has ")));
    resources.map(|(resource, _)| resource.trim_end_matches('.')).collect()
}
