//! The controllers, run over virtual time.
//!
//! Each controller looks at the stored objects at one instant, does what is due, and notes when something will be due
//! next. Invariant: they are run again until none changes anything, so their order does not matter for the result.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::cluster::{Cluster, key};
use super::kinds::defined_by;
use super::object::{Condition, is_terminating, name, number, set, set_condition, time};
use super::{deletion, jobs, nodes, platform, pods, rollout, stateful_sets, storage};

/// How often the controllers may react to each other within one instant.
const ROUNDS: usize = 200;
/// From the creation of a definition to its resources being served.
const ESTABLISHING: SignedDuration = SignedDuration::from_secs(2);

/// What is due now, and when something will be due next.
pub(super) struct Agenda {
    /// The instant that is played.
    pub now: Timestamp,
    next: Option<Timestamp>,
}

impl Agenda {
    /// Whether an instant has come; one that has not is kept in mind.
    pub fn is_due(&mut self, at: Timestamp) -> bool {
        if at <= self.now {
            return true;
        }
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
        false
    }
}

/// Does everything that is due at an instant; returns when something will be due next.
pub(super) fn run(cluster: &mut Cluster, now: Timestamp) -> Option<Timestamp> {
    let mut next = None;
    for _ in 0..ROUNDS {
        let before = cluster.revision();
        let mut agenda = Agenda { now, next: None };
        furnish_namespaces(cluster, now);
        establish_definitions(cluster, &mut agenda);
        nodes::report(cluster, &mut agenda);
        rollout::run_deployments(cluster, &mut agenda);
        rollout::run_daemon_sets(cluster, now);
        stateful_sets::run(cluster, now);
        jobs::run(cluster, &mut agenda);
        pods::run(cluster, &mut agenda);
        storage::run(cluster, now);
        count_disruptions(cluster);
        platform::run(cluster, &mut agenda);
        deletion::collect(cluster, &mut agenda);
        next = agenda.next;
        if cluster.revision() == before {
            break;
        }
    }
    next
}

/// Every namespace has a default service account and the cluster's certificate authority.
fn furnish_namespaces(cluster: &mut Cluster, now: Timestamp) {
    let namespaces: Vec<String> = cluster
        .list("", "namespaces", None)
        .filter(|namespace| !is_terminating(namespace))
        .map(|namespace| name(namespace).to_owned())
        .collect();
    for namespace in namespaces {
        let metadata = |name: &str| json!({"name": name, "namespace": namespace});
        if cluster.get("", "serviceaccounts", &namespace, "default").is_none() {
            let account =
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("default")});
            cluster.insert("", "serviceaccounts", account, now);
        }
        if cluster.get("", "configmaps", &namespace, "kube-root-ca.crt").is_none() {
            let authority = json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("kube-root-ca.crt"),
                "data": {"ca.crt": "certificate authority of the simulated cluster\n"},
            });
            cluster.insert("", "configmaps", authority, now);
        }
    }
}

fn establish_definitions(cluster: &mut Cluster, agenda: &mut Agenda) {
    const GROUP: &str = "apiextensions.k8s.io";
    for key in cluster.keys(GROUP, "customresourcedefinitions") {
        let Some(definition) = cluster.at(&key) else { continue };
        let created = time(definition, "/metadata/creationTimestamp");
        let established = created.is_none_or(|created| agenda.is_due(created + ESTABLISHING));
        let names = definition["spec"]["names"].clone();
        let stored: Vec<Value> = super::object::items(definition, "/spec/versions")
            .iter()
            .filter(|version| version["storage"] == true)
            .map(|version| version["name"].clone())
            .collect();
        if defined_by(definition).is_empty() {
            continue;
        }
        let now = agenda.now;
        cluster.update(&key, |definition| {
            set(definition, &["status", "acceptedNames"], names);
            set(definition, &["status", "storedVersions"], stored);
            let accepted = Condition {
                kind: "NamesAccepted",
                status: "True",
                reason: "NoConflicts",
                message: "no conflicts found",
            };
            set_condition(definition, &accepted, now);
            let condition = if established {
                Condition {
                    kind: "Established",
                    status: "True",
                    reason: "InitialNamesAccepted",
                    message: "the initial names have been accepted",
                }
            } else {
                Condition { kind: "Established", status: "False", reason: "Installing", message: "" }
            };
            set_condition(definition, &condition, now);
        });
    }
}

/// Keeps the counts of disruption budgets.
fn count_disruptions(cluster: &mut Cluster) {
    use super::object::{is_condition_true, map, namespace};
    use super::selector::LabelSelector;
    for key in cluster.keys("policy", "poddisruptionbudgets") {
        let Some(budget) = cluster.at(&key) else { continue };
        let selector = LabelSelector::from_object(&budget["spec"]["selector"]);
        let selected: Vec<&Value> = cluster
            .list("", "pods", Some(namespace(budget)))
            .filter(|pod| selector.matches(map(pod, "/metadata/labels")))
            .collect();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let expected = count(selected.len());
        let healthy = count(selected.iter().filter(|pod| is_condition_true(pod, "Ready")).count());
        let desired = match (budget.pointer("/spec/minAvailable"), budget.pointer("/spec/maxUnavailable")) {
            (Some(minimum), _) => rollout::scaled(minimum, expected, true),
            (None, Some(maximum)) => (expected - rollout::scaled(maximum, expected, true)).max(0),
            (None, None) => 1,
        };
        let generation = number(budget, "/metadata/generation").unwrap_or(1);
        cluster.update(&key, |budget| {
            for (field, value) in [
                ("currentHealthy", healthy),
                ("desiredHealthy", desired),
                ("disruptionsAllowed", (healthy - desired).max(0)),
                ("expectedPods", expected),
                ("observedGeneration", generation),
            ] {
                set(budget, &["status", field], value);
            }
        });
    }
}

/// Records that something happened to an object, once for each reason and message.
pub(super) fn record_event(
    cluster: &mut Cluster,
    about: &Value,
    reason: &str,
    message: &str,
    source: &str,
    now: Timestamp,
) {
    use super::object::{namespace, rfc3339, uid};
    let known = cluster.list("", "events", Some(namespace(about))).any(|event| {
        event["involvedObject"]["uid"] == uid(about)
            && event["reason"] == reason
            && event["message"] == message
    });
    if known {
        return;
    }
    let event_name = format!("{}.{:016x}", name(about), cluster.serial());
    if cluster.at(&key("", "namespaces", "", namespace(about))).is_none_or(is_terminating) {
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
