//! Disruption budgets: how many of their pods are healthy, and how many may go.
//!
//! Rounding: <https://kubernetes.io/docs/tasks/run-application/configure-pdb/>.

use serde_json::Value;

use super::cluster::Cluster;
use super::object::{is_condition_true, map, namespace, number, set};
use super::rollout;
use super::selector::LabelSelector;

/// Keeps the counts of disruption budgets.
pub(super) fn count(cluster: &mut Cluster) {
    for key in cluster.keys("policy", "poddisruptionbudgets") {
        let Some(budget) = cluster.at(&key) else { continue };
        let selector = LabelSelector::from_object(&budget["spec"]["selector"]);
        let selected: Vec<&Value> = cluster
            .list("", "pods", Some(namespace(budget)))
            .filter(|pod| selector.matches(map(pod, "/metadata/labels")))
            .collect();
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let expected = whole(selected.len());
        let healthy = whole(selected.iter().filter(|pod| is_condition_true(pod, "Ready")).count());
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
