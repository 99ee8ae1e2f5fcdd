//! Custom resource definitions, whose resources are served a moment after they are created.
//!
//! Conditions:
//! <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/>.

use jiff::SignedDuration;
use serde_json::Value;

use super::cluster::Cluster;
use super::controllers::Agenda;
use super::kinds::defined_by;
use super::object::{Condition, is_condition_true, items, set, set_condition, time};

/// From the creation of a definition to its resources being served.
const ESTABLISHING: SignedDuration = SignedDuration::from_secs(2);

/// Accepts the names of definitions, and serves them when it is time.
pub(super) fn establish(cluster: &mut Cluster, agenda: &mut Agenda) {
    const GROUP: &str = "apiextensions.k8s.io";
    for key in cluster.keys(GROUP, "customresourcedefinitions") {
        let Some(definition) = cluster.at(&key) else { continue };
        let created = time(definition, "/metadata/creationTimestamp");
        let established = created.is_none_or(|created| agenda.is_due(created + ESTABLISHING));
        let names = definition["spec"]["names"].clone();
        let stored: Vec<Value> = items(definition, "/spec/versions")
            .iter()
            .filter(|version| version["storage"] == true)
            .map(|version| version["name"].clone())
            .collect();
        let settled = is_condition_true(definition, "Established") == established
            && definition["status"]["acceptedNames"] == names
            && items(definition, "/status/storedVersions") == stored;
        if settled || defined_by(definition).is_empty() {
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
