//! Deployments and daemon sets: pods made, replaced on a change of the template, and counted.
//!
//! Surge and unavailability follow
//! <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment>. The pods belong to
//! the deployment itself, without replica sets between.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::controllers::Agenda;
use super::object::{
    Condition, condition, is_condition_true, is_terminating, name, number, rfc3339, set, set_condition, text,
    time,
};
use super::pods::{Planned, is_available, owned, spawn, template_hash};
use super::{deletion, scheduling};

const TEMPLATE_HASH: &str = "pod-template-hash";

/// A share of a total, given as a number or a percentage.
pub(super) fn scaled(share: &Value, total: i64, up: bool) -> i64 {
    let percent =
        share.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse::<i64>().ok());
    match percent {
        Some(percent) if up => (total * percent + 99) / 100,
        Some(percent) => total * percent / 100,
        None => share.as_i64().unwrap_or(0),
    }
}

/// A pod as its workload sees it.
struct Replica {
    key: String,
    current: bool,
    ready: bool,
    available: bool,
}

fn replicas(
    cluster: &Cluster,
    workload: &Value,
    label: &str,
    hash: &str,
    agenda: &mut Agenda,
) -> Vec<Replica> {
    owned(cluster, workload)
        .into_iter()
        .filter(|(_, pod)| !is_terminating(pod))
        .map(|(key, pod)| Replica {
            key: key.to_owned(),
            current: pod["metadata"]["labels"][label] == hash,
            ready: is_condition_true(pod, "Ready"),
            available: is_available(pod, workload, agenda),
        })
        .collect()
}

fn count(replicas: &[Replica], wanted: impl Fn(&Replica) -> bool) -> i64 {
    i64::try_from(replicas.iter().filter(|replica| wanted(replica)).count()).unwrap_or(i64::MAX)
}

/// Writes counts into a status; those of zero are left out, as the API does.
pub(super) fn set_counts(object: &mut Value, counts: &[(&str, i64)]) {
    for (field, count) in counts {
        if *count == 0 {
            super::object::remove(object, "/status", field);
        } else {
            set(object, &["status", field], *count);
        }
    }
}

/// Runs every deployment.
pub(super) fn run_deployments(cluster: &mut Cluster, agenda: &mut Agenda) {
    for key in cluster.keys("apps", "deployments") {
        let Some(deployment) = cluster.at(&key).filter(|object| !is_terminating(object)).cloned() else {
            continue;
        };
        let hash = template_hash(&deployment);
        let failure = roll(cluster, &deployment, &hash, agenda).err();
        report_deployment(cluster, &key, &hash, failure.as_deref(), agenda);
    }
}

fn roll(cluster: &mut Cluster, deployment: &Value, hash: &str, agenda: &mut Agenda) -> Result<(), String> {
    let wanted = number(deployment, "/spec/replicas").unwrap_or(1);
    let recreate = text(deployment, "/spec/strategy/type") == "Recreate";
    let limits = &deployment["spec"]["strategy"]["rollingUpdate"];
    let surge = if recreate { 0 } else { scaled(&limits["maxSurge"], wanted, true) };
    let mut slack = if recreate { wanted } else { scaled(&limits["maxUnavailable"], wanted, false) };
    if surge == 0 && slack == 0 {
        slack = 1;
    }
    loop {
        let mut pods = replicas(cluster, deployment, TEMPLATE_HASH, hash, agenda);
        let current = count(&pods, |pod| pod.current);
        let old = count(&pods, |pod| !pod.current);
        let available = count(&pods, |pod| pod.available);
        pods.sort_by_key(|pod| (pod.current, pod.available));
        let surplus = current > wanted;
        let replaceable = pods.iter().find(|pod| {
            if surplus { pod.current } else { !pod.current && (!pod.available || available > wanted - slack) }
        });
        if let Some(pod) = replaceable.filter(|_| surplus || old > 0) {
            deletion::begin(cluster, &pod.key, agenda.now);
        } else if current < wanted && current + old < wanted + surge && (!recreate || old == 0) {
            let name = format!("{}-{hash}-{}", name(deployment), cluster.next_suffix());
            let planned = Planned { name, labels: &[(TEMPLATE_HASH, hash)], node: None };
            spawn(cluster, deployment, &planned, agenda.now)?;
        } else {
            return Ok(());
        }
    }
}

fn report_deployment(
    cluster: &mut Cluster,
    key: &str,
    hash: &str,
    failure: Option<&str>,
    agenda: &mut Agenda,
) {
    let Some(live) = cluster.at(key).cloned() else { return };
    let pods = replicas(cluster, &live, TEMPLATE_HASH, hash, agenda);
    let wanted = number(&live, "/spec/replicas").unwrap_or(1);
    let (total, updated) = (count(&pods, |_| true), count(&pods, |pod| pod.current));
    let (ready, usable) = (count(&pods, |pod| pod.ready), count(&pods, |pod| pod.available));
    let generation = number(&live, "/metadata/generation").unwrap_or(1);
    let slack = scaled(&live["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], wanted, false);
    let available = usable >= wanted - slack;
    let complete = updated == wanted && total == wanted && usable == wanted;
    let counted = |object: &Value| {
        ["updatedReplicas", "readyReplicas", "availableReplicas", "replicas", "observedGeneration"]
            .map(|field| number(object, &format!("/status/{field}")).unwrap_or(0))
    };
    let moved = counted(&live) != [updated, ready, usable, total, generation];
    let since = condition(&live, "Progressing").and_then(|progress| time(progress, "/lastUpdateTime"));
    let since = since.filter(|_| !moved).unwrap_or(agenda.now);
    let patience = SignedDuration::from_secs(number(&live, "/spec/progressDeadlineSeconds").unwrap_or(600));
    let stuck = !complete && agenda.is_due(since + patience);
    let now = agenda.now;
    cluster.update(key, |object| {
        set(object, &["status", "observedGeneration"], generation);
        let unavailable = (wanted.max(total) - usable).max(0);
        set_counts(
            object,
            &[
                ("replicas", total),
                ("updatedReplicas", updated),
                ("readyReplicas", ready),
                ("availableReplicas", usable),
                ("unavailableReplicas", unavailable),
            ],
        );
        let (status, reason, message) = if available {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        set_condition(object, &Condition { kind: "Available", status, reason, message }, now);
        let (status, reason) = match (complete, stuck) {
            (true, _) => ("True", "NewReplicaSetAvailable"),
            (false, true) => ("False", "ProgressDeadlineExceeded"),
            (false, false) => ("True", "ReplicaSetUpdated"),
        };
        set_condition(object, &Condition { kind: "Progressing", status, reason, message: "" }, now);
        stamp_progress(object, since);
        set_failure(object, failure, now);
    });
}

fn stamp_progress(object: &mut Value, since: Timestamp) {
    let conditions = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter(|condition| condition["type"] == "Progressing") {
        condition["lastUpdateTime"] = json!(rfc3339(since));
    }
}

fn set_failure(object: &mut Value, failure: Option<&str>, now: Timestamp) {
    if let Some(message) = failure {
        let condition = Condition { kind: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
        set_condition(object, &condition, now);
    } else if let Some(list) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
        list.retain(|condition| condition["type"] != "ReplicaFailure");
    }
}

/// Runs every daemon set.
pub(super) fn run_daemon_sets(cluster: &mut Cluster, agenda: &mut Agenda) {
    let now = agenda.now;
    const REVISION: &str = "controller-revision-hash";
    for key in cluster.keys("apps", "daemonsets") {
        let Some(set) = cluster.at(&key).filter(|object| !is_terminating(object)).cloned() else { continue };
        let hash = template_hash(&set);
        let template = json!({"spec": set["spec"]["template"]["spec"]});
        let nodes: Vec<String> = cluster
            .list("", "nodes", None)
            .filter(|node| scheduling::admits_daemon(node, &template))
            .map(|node| name(node).to_owned())
            .collect();
        let placed: Vec<(String, String)> = owned(cluster, &set)
            .into_iter()
            .map(|(key, pod)| (key.to_owned(), text(pod, "/spec/nodeName").to_owned()))
            .collect();
        for (pod, _) in placed.iter().filter(|(_, node)| !nodes.contains(node)) {
            deletion::begin(cluster, pod, now);
        }
        for node in nodes.iter().filter(|node| placed.iter().all(|(_, placed)| placed != *node)) {
            let name = format!("{}-{}", name(&set), cluster.next_suffix());
            let planned = Planned { name, labels: &[(REVISION, &hash)], node: Some(node) };
            if spawn(cluster, &set, &planned, now).is_err() {
                break;
            }
        }
        let pods = replicas(cluster, &set, REVISION, &hash, agenda);
        let on_delete = text(&set, "/spec/updateStrategy/type") == "OnDelete";
        if !on_delete
            && let Some(old) = pods.iter().find(|pod| !pod.current)
            && pods.iter().all(|pod| pod.available || pod.key == old.key)
        {
            deletion::begin(cluster, &old.key, now);
        }
        report_daemon_set(cluster, &key, &pods, i64::try_from(nodes.len()).unwrap_or(i64::MAX));
    }
}

fn report_daemon_set(cluster: &mut Cluster, key: &str, pods: &[Replica], desired: i64) {
    let (ready, available) = (count(pods, |pod| pod.ready), count(pods, |pod| pod.available));
    let (total, updated) = (count(pods, |_| true), count(pods, |pod| pod.current));
    cluster.update(key, |object| {
        let generation = number(object, "/metadata/generation").unwrap_or(1);
        for (field, value) in [
            ("observedGeneration", generation),
            ("desiredNumberScheduled", desired),
            ("currentNumberScheduled", total),
            ("numberReady", ready),
            ("numberMisscheduled", 0),
        ] {
            set(object, &["status", field], value);
        }
        set_counts(
            object,
            &[
                ("updatedNumberScheduled", updated),
                ("numberAvailable", available),
                ("numberUnavailable", (desired - available).max(0)),
            ],
        );
    });
}
