//! Why a workload is not ready: the pod that tells most, or why there is none.

use kube::api::ListParams;
use serde_json::Value;

use super::{Finding, describe, events, is_owned, label_terms, listed, pods};
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::{items, text};
use crate::kubernetes::kinds::{POD, REPLICA_SET};

/// Where a Deployment and its ReplicaSets keep which change of the template they are of.
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// Why a workload is not ready.
pub(super) async fn explain(client: &Kubernetes, live: &Value) -> Option<Finding> {
    let own = own_pods(client, live).await?;
    if let Some(pod) = pods::most_telling(&own) {
        return Some(pods::explain(client, pod).await);
    }
    // Its successor may have to wait for it.
    if let Some(found) = leaving(&own) {
        return Some(found);
    }
    // What keeps pods from being made stands in a Deployment's own conditions.
    if text(live, "/kind") == "Deployment" {
        return None;
    }
    let events = events::about(client, live).await?;
    events::present_warning(&events).map(|warning| Finding::new(events::told(warning), describe(live)))
}

/// The pods of a workload; of a Deployment only those of its present template.
async fn own_pods(client: &Kubernetes, live: &Value) -> Option<Vec<Value>> {
    let selected = || ListParams::default().labels(&selector(live));
    let namespace = text(live, "/metadata/namespace");
    let mut sets = Vec::new();
    if text(live, "/kind") == "Deployment" {
        sets = listed(client, &REPLICA_SET, namespace, selected()).await?;
        sets.retain(|set| is_owned(set, live) && text(set, REVISION) == text(live, REVISION));
    }
    let owner = sets.first().unwrap_or(live);
    let mut pods = listed(client, &POD, namespace, selected()).await?;
    pods.retain(|pod| is_owned(pod, owner));
    Some(pods)
}

/// The pod that a workload's removal waits for.
pub(super) async fn last_pod(client: &Kubernetes, live: &Value) -> Option<Finding> {
    let selected = ListParams::default().labels(&selector(live));
    let pods = listed(client, &POD, text(live, "/metadata/namespace"), selected).await?;
    leaving(&pods)
}

/// A pod that is not gone yet, and what it waits for.
fn leaving(pods: &[Value]) -> Option<Finding> {
    let pod = pods.iter().find(|pod| pods::is_leaving(pod))?;
    let mut what = format!("pod {} is still being removed", text(pod, "/metadata/name"));
    let finalizers: Vec<&str> = items(pod, "/metadata/finalizers").iter().filter_map(Value::as_str).collect();
    if !finalizers.is_empty() {
        what.push_str(&format!(" and waits for its finalizers: {}", finalizers.join(", ")));
    }
    Some(Finding::new(what, describe(pod)))
}

/// The label selector of a workload as the API takes it.
fn selector(live: &Value) -> String {
    let mut terms = label_terms(live, "/spec/selector/matchLabels");
    for expression in items(live, "/spec/selector/matchExpressions") {
        let key = text(expression, "/key");
        let values: Vec<&str> = items(expression, "/values").iter().filter_map(Value::as_str).collect();
        let values = values.join(",");
        terms.push(match text(expression, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    terms.join(",")
}
