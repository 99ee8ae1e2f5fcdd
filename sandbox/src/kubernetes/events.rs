//! Events, by which controllers tell why something waits.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::object::{is_terminating, name, namespace, rfc3339, uid};

/// Records that something happened to an object, once for each reason and message.
pub(super) fn record(
    cluster: &mut Cluster,
    about: &Value,
    reason: &str,
    message: &str,
    source: &str,
    now: Timestamp,
) {
    let known = cluster.list("", "events", Some(namespace(about))).any(|event| {
        event["involvedObject"]["uid"] == uid(about)
            && event["reason"] == reason
            && event["message"] == message
    });
    if known {
        return;
    }
    let event_name = format!("{}.{:016x}", name(about), cluster.serial());
    if cluster.get("", "namespaces", "", namespace(about)).is_none_or(is_terminating) {
        return;
    }
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": event_name, "namespace": namespace(about)},
        "involvedObject": {
            "apiVersion": about["apiVersion"], "kind": about["kind"], "name": name(about),
            "namespace": namespace(about), "uid": uid(about),
        },
        "reason": reason, "message": message, "type": "Warning", "count": 1,
        "source": {"component": source}, "reportingComponent": source, "reportingInstance": "",
        "firstTimestamp": rfc3339(now), "lastTimestamp": rfc3339(now),
    });
    cluster.insert("", "events", event, now);
}
