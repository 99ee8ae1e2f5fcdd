//! The life of a pod: pending, scheduled, starting, running, ready, and for jobs succeeded.
//!
//! Conditions and reasons follow <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/>; how long each
//! step takes is a typical figure.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::cluster::Cluster;
use super::controllers::Agenda;
use super::object::{
    Condition, condition, is_condition_true, is_terminating, items, name, namespace, number, rfc3339, set,
    set_condition, text, time, uid,
};
use super::{events, scheduling, storage};

/// Pulling an image and starting a container.
const START: SignedDuration = SignedDuration::from_secs(4);
/// From the start of a container to its first successful readiness probe, beside the probe's own delay.
const FIRST_PROBE: SignedDuration = SignedDuration::from_secs(2);
/// How long the work of a job takes.
const WORK: SignedDuration = SignedDuration::from_secs(10);

/// A short digest of a pod template, by which a workload tells its pods' revisions apart.
pub(super) fn template_hash(workload: &Value) -> String {
    let digest = Sha256::digest(workload["spec"]["template"].to_string());
    digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// The pods that a workload controls, with their keys.
pub(super) fn owned<'a>(cluster: &'a Cluster, workload: &Value) -> Vec<(&'a str, &'a Value)> {
    let owner = uid(workload).to_owned();
    cluster
        .entries("", "pods", Some(namespace(workload)))
        .filter(|(_, pod)| {
            items(pod, "/metadata/ownerReferences").iter().any(|reference| reference["uid"] == owner)
        })
        .collect()
}

/// Whether a pod has been ready for as long as its workload's `minReadySeconds` asks.
pub(super) fn is_available(pod: &Value, workload: &Value, agenda: &mut Agenda) -> bool {
    let patience = SignedDuration::from_secs(number(workload, "/spec/minReadySeconds").unwrap_or(0));
    condition(pod, "Ready")
        .filter(|ready| ready["status"] == "True")
        .and_then(|ready| time(ready, "/lastTransitionTime"))
        .is_some_and(|since| agenda.is_due(since + patience))
}

/// A pod to be made from a workload's template.
pub(super) struct Planned<'a> {
    /// Its name.
    pub name: String,
    /// Labels beside those of the template.
    pub labels: &'a [(&'a str, &'a str)],
    /// The node it is made for, as daemon sets do.
    pub node: Option<&'a str>,
}

/// Makes a pod for a workload; the error says why the API server refused.
pub(super) fn spawn(
    cluster: &mut Cluster,
    workload: &Value,
    planned: &Planned<'_>,
    now: Timestamp,
) -> Result<(), String> {
    let template = &workload["spec"]["template"];
    let account = match text(template, "/spec/serviceAccountName") {
        "" => "default",
        name => name,
    };
    let namespace = namespace(workload);
    if cluster.get("", "serviceaccounts", namespace, account).is_none() {
        return Err(format!(
            "pods \"{}\" is forbidden: error looking up service account {namespace}/{account}: serviceaccount \
             \"{account}\" not found",
            planned.name
        ));
    }
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": planned.name, "namespace": namespace, "generation": 1,
            "ownerReferences": [{
                "apiVersion": workload["apiVersion"], "kind": workload["kind"], "name": name(workload),
                "uid": uid(workload), "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    });
    for field in ["labels", "annotations"] {
        if let Some(given) = template["metadata"].get(field) {
            set(&mut pod, &["metadata", field], given.clone());
        }
    }
    for (label, value) in planned.labels {
        set(&mut pod, &["metadata", "labels", label], *value);
    }
    set(&mut pod, &["spec", "serviceAccountName"], account);
    if workload["kind"] == "StatefulSet" {
        storage::mount_claims(workload, &mut pod);
    }
    if let Some(node) = planned.node {
        assign(&mut pod, node, now);
    }
    cluster.insert("", "pods", pod, now);
    Ok(())
}

fn assign(pod: &mut Value, node: &str, now: Timestamp) {
    set(pod, &["spec", "nodeName"], node);
    let scheduled = Condition { kind: "PodScheduled", status: "True", reason: "", message: "" };
    set_condition(pod, &scheduled, now);
}

/// Moves every pod on as far as it can get.
pub(super) fn run(cluster: &mut Cluster, agenda: &mut Agenda) {
    for key in cluster.keys("", "pods") {
        let Some(pod) = cluster.at(&key).cloned() else { continue };
        if matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed") || is_terminating(&pod) {
            continue;
        }
        if text(&pod, "/spec/nodeName").is_empty() {
            schedule(cluster, &key, &pod, agenda.now);
        } else if !is_condition_true(&pod, "PodReadyToStartContainers") {
            prepare(cluster, &key, &pod, agenda.now);
        } else {
            progress(cluster, &key, &pod, agenda);
        }
    }
}

fn schedule(cluster: &mut Cluster, key: &str, pod: &Value, now: Timestamp) {
    let choice = storage::check_claims(cluster, pod).and_then(|()| scheduling::choose(cluster, pod));
    match choice {
        Ok(node) => cluster.update(key, |pod| assign(pod, &node, now)),
        Err(message) => {
            cluster.update(key, |pod| {
                let waiting = Condition {
                    kind: "PodScheduled",
                    status: "False",
                    reason: "Unschedulable",
                    message: &message,
                };
                set_condition(pod, &waiting, now);
                set(pod, &["status", "phase"], "Pending");
            });
            events::record(cluster, pod, "FailedScheduling", &message, "default-scheduler", now);
        }
    }
}

fn prepare(cluster: &mut Cluster, key: &str, pod: &Value, now: Timestamp) {
    let missing = missing_reference(cluster, pod);
    cluster.update(key, |pod| {
        set(pod, &["status", "startTime"], pod_time(pod, "PodScheduled", now));
        let waiting = json!({"waiting": {"reason": "ContainerCreating"}});
        set(pod, &["status", "containerStatuses"], container_statuses(pod, &waiting, false));
        let status = if missing.is_none() { "True" } else { "False" };
        let prepared = Condition { kind: "PodReadyToStartContainers", status, reason: "", message: "" };
        set_condition(pod, &prepared, now);
        let ready = Condition {
            kind: "Ready",
            status: "False",
            reason: "ContainersNotReady",
            message: "containers are not ready",
        };
        set_condition(pod, &ready, now);
    });
    if let Some(message) = missing {
        events::record(cluster, pod, "FailedMount", &message, "kubelet", now);
    }
}

fn pod_time(pod: &Value, kind: &str, otherwise: Timestamp) -> String {
    condition(pod, kind)
        .and_then(|condition| condition["lastTransitionTime"].as_str())
        .map_or_else(|| rfc3339(otherwise), str::to_owned)
}

fn container_statuses(pod: &Value, state: &Value, ready: bool) -> Vec<Value> {
    items(pod, "/spec/containers")
        .iter()
        .map(|container| {
            json!({
                "name": container["name"], "image": container["image"], "ready": ready,
                "started": state.get("running").is_some(), "restartCount": 0, "state": state,
            })
        })
        .collect()
}

/// A Secret or ConfigMap that the pod needs and that does not exist.
fn missing_reference<'p>(cluster: &Cluster, pod: &'p Value) -> Option<String> {
    let mut needed: Vec<(&str, &str)> = Vec::new();
    let mut need = |plural, reference: Option<&'p Value>, field: &str| {
        let Some(reference) = reference.filter(|reference| reference["optional"] != true) else { return };
        needed.extend(reference.get(field).and_then(Value::as_str).map(|name| (plural, name)));
    };
    for volume in items(pod, "/spec/volumes") {
        need("secrets", volume.get("secret"), "secretName");
        need("configmaps", volume.get("configMap"), "name");
        for source in items(volume, "/projected/sources") {
            need("secrets", source.get("secret"), "name");
            need("configmaps", source.get("configMap"), "name");
        }
    }
    for container in items(pod, "/spec/initContainers").iter().chain(items(pod, "/spec/containers")) {
        for variable in items(container, "/env") {
            need("secrets", variable.pointer("/valueFrom/secretKeyRef"), "name");
            need("configmaps", variable.pointer("/valueFrom/configMapKeyRef"), "name");
        }
        for source in items(container, "/envFrom") {
            need("secrets", source.get("secretRef"), "name");
            need("configmaps", source.get("configMapRef"), "name");
        }
    }
    let (plural, name) =
        needed.into_iter().find(|(plural, name)| cluster.get("", plural, namespace(pod), name).is_none())?;
    Some(format!("{} \"{name}\" not found", plural.trim_end_matches('s')))
}

fn progress(cluster: &mut Cluster, key: &str, pod: &Value, agenda: &mut Agenda) {
    let prepared = condition(pod, "PodReadyToStartContainers")
        .and_then(|condition| time(condition, "/lastTransitionTime"))
        .unwrap_or(agenda.now);
    let steps = i32::try_from(items(pod, "/spec/initContainers").len()).unwrap_or(i32::MAX).saturating_add(1);
    let started = prepared + START * steps;
    if !agenda.is_due(started) {
        return;
    }
    let works = items(pod, "/metadata/ownerReferences").iter().any(|owner| owner["kind"] == "Job");
    if works && agenda.is_due(started + WORK) {
        finish(cluster, key, started, agenda.now);
        return;
    }
    let ready = agenda.is_due(started + readiness_delay(pod));
    if is_condition_true(pod, "Ready") && ready {
        return;
    }
    cluster.update(key, |pod| {
        set(pod, &["status", "phase"], "Running");
        let running = json!({"running": {"startedAt": rfc3339(started)}});
        set(pod, &["status", "containerStatuses"], container_statuses(pod, &running, ready));
        let (status, reason) = if ready { ("True", "") } else { ("False", "ContainersNotReady") };
        for kind in ["Initialized", "ContainersReady", "Ready"] {
            let (status, reason) = if kind == "Initialized" { ("True", "") } else { (status, reason) };
            let message = if reason.is_empty() { "" } else { "containers are not ready" };
            set_condition(pod, &Condition { kind, status, reason, message }, agenda.now);
        }
    });
}

fn readiness_delay(pod: &Value) -> SignedDuration {
    items(pod, "/spec/containers")
        .iter()
        .filter_map(|container| container.get("readinessProbe"))
        .map(|probe| {
            SignedDuration::from_secs(number(probe, "/initialDelaySeconds").unwrap_or(0)) + FIRST_PROBE
        })
        .max()
        .unwrap_or_default()
}

fn finish(cluster: &mut Cluster, key: &str, started: Timestamp, now: Timestamp) {
    cluster.update(key, |pod| {
        set(pod, &["status", "phase"], "Succeeded");
        let mut terminated: Map<String, Value> = Map::new();
        terminated.insert("exitCode".to_owned(), json!(0));
        terminated.insert("reason".to_owned(), json!("Completed"));
        terminated.insert("startedAt".to_owned(), json!(rfc3339(started)));
        terminated.insert("finishedAt".to_owned(), json!(rfc3339(now)));
        let state = json!({"terminated": terminated});
        set(pod, &["status", "containerStatuses"], container_statuses(pod, &state, false));
        let done = Condition { kind: "Ready", status: "False", reason: "PodCompleted", message: "" };
        set_condition(pod, &done, now);
    });
}
