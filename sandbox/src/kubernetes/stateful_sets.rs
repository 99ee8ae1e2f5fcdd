//! Stateful sets: numbered pods with claims of their own, made and replaced in order.
//!
//! Guarantees: <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees>.

use serde_json::Value;

use super::cluster::{Cluster, key};
use super::controllers::Agenda;
use super::object::{is_condition_true, is_terminating, name, namespace, number, set, text};
use super::pods::{Planned, is_available, owned, spawn, template_hash};
use super::rollout::set_counts;
use super::{deletion, storage};

const REVISION: &str = "controller-revision-hash";

/// Runs every stateful set.
pub(super) fn run(cluster: &mut Cluster, agenda: &mut Agenda) {
    for key in cluster.keys("apps", "statefulsets") {
        let Some(workload) = cluster.at(&key).filter(|object| !is_terminating(object)).cloned() else {
            continue;
        };
        let revision = format!("{}-{}", name(&workload), template_hash(&workload));
        scale(cluster, &workload, &revision, agenda);
        replace_outdated(cluster, &workload, &revision, agenda);
        report(cluster, &key, &workload, &revision, agenda);
    }
}

fn pod_name(workload: &Value, ordinal: i64) -> String {
    format!("{}-{ordinal}", name(workload))
}

fn pod<'a>(cluster: &'a Cluster, workload: &Value, ordinal: i64) -> Option<&'a Value> {
    cluster.get("", "pods", namespace(workload), &pod_name(workload, ordinal))
}

fn is_ready(pod: &Value) -> bool {
    is_condition_true(pod, "Ready") && !is_terminating(pod)
}

fn is_usable(pod: &Value, workload: &Value, agenda: &mut Agenda) -> bool {
    !is_terminating(pod) && is_available(pod, workload, agenda)
}

fn scale(cluster: &mut Cluster, workload: &Value, revision: &str, agenda: &mut Agenda) {
    let now = agenda.now;
    let wanted = number(workload, "/spec/replicas").unwrap_or(1);
    let in_order = text(workload, "/spec/podManagementPolicy") != "Parallel";
    let surplus: Vec<String> = owned(cluster, workload)
        .into_iter()
        .filter(|(_, pod)| {
            let ordinal = name(pod).rsplit('-').next().and_then(|text| text.parse::<i64>().ok());
            ordinal.is_none_or(|ordinal| ordinal >= wanted)
        })
        .map(|(key, _)| key.to_owned())
        .collect();
    for pod in surplus {
        deletion::begin(cluster, &pod, now);
    }
    for ordinal in 0..wanted {
        let ready = match pod(cluster, workload, ordinal) {
            Some(pod) => is_usable(pod, workload, agenda),
            None => {
                let pod = pod_name(workload, ordinal);
                storage::make_claims(cluster, workload, &pod, now);
                let index = ordinal.to_string();
                let labels = [
                    (REVISION, revision),
                    ("statefulset.kubernetes.io/pod-name", pod.as_str()),
                    ("apps.kubernetes.io/pod-index", index.as_str()),
                ];
                let planned = Planned { name: pod.clone(), labels: &labels, node: None };
                if spawn(cluster, workload, &planned, now).is_err() {
                    return;
                }
                false
            }
        };
        if in_order && !ready {
            return;
        }
    }
}

/// Replaces one pod of an older revision, the highest number first, while all others are ready.
fn replace_outdated(cluster: &mut Cluster, workload: &Value, revision: &str, agenda: &mut Agenda) {
    if text(workload, "/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let wanted = number(workload, "/spec/replicas").unwrap_or(1);
    let partition = number(workload, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    for ordinal in (partition..wanted).rev() {
        let Some(pod) = pod(cluster, workload, ordinal) else { return };
        if pod["metadata"]["labels"][REVISION] == revision {
            if !is_usable(pod, workload, agenda) {
                return;
            }
            continue;
        }
        let key = key("", "pods", namespace(workload), &pod_name(workload, ordinal));
        deletion::begin(cluster, &key, agenda.now);
        return;
    }
}

/// A pod as the status counts it.
struct Counted {
    ready: bool,
    available: bool,
    updated: bool,
    revision: String,
}

fn report(cluster: &mut Cluster, key: &str, workload: &Value, revision: &str, agenda: &mut Agenda) {
    let pods: Vec<Counted> = owned(cluster, workload)
        .into_iter()
        .map(|(_, pod)| {
            let label = text(&pod["metadata"]["labels"], &format!("/{REVISION}")).to_owned();
            Counted {
                ready: is_ready(pod),
                available: is_usable(pod, workload, agenda),
                updated: label == revision,
                revision: label,
            }
        })
        .collect();
    let wanted = number(workload, "/spec/replicas").unwrap_or(1);
    let count = |wanted: &dyn Fn(&Counted) -> bool| {
        i64::try_from(pods.iter().filter(|pod| wanted(pod)).count()).unwrap_or(i64::MAX)
    };
    let (total, ready) = (count(&|_| true), count(&|pod| pod.ready));
    let (updated, available) = (count(&|pod| pod.updated), count(&|pod| pod.available));
    let before = text(workload, "/status/currentRevision").to_owned();
    let complete = updated == wanted && total == wanted && ready == wanted;
    let current = if before.is_empty() || complete { revision.to_owned() } else { before };
    let on_current = count(&|pod| pod.revision == current);
    cluster.update(key, |object| {
        let generation = number(object, "/metadata/generation").unwrap_or(1);
        for (field, value) in [
            ("observedGeneration", generation),
            ("replicas", total),
            ("availableReplicas", available),
            ("collisionCount", 0),
        ] {
            set(object, &["status", field], value);
        }
        set_counts(
            object,
            &[("readyReplicas", ready), ("updatedReplicas", updated), ("currentReplicas", on_current)],
        );
        set(object, &["status", "currentRevision"], current);
        set(object, &["status", "updateRevision"], revision);
    });
}
