//! Jobs: as many pods as are to complete, then completion, then removal where a time to live is set.
//!
//! Conditions: <https://kubernetes.io/docs/concepts/workloads/controllers/job/>. Schedules of cron jobs are not played.

use jiff::SignedDuration;
use serde_json::Value;

use super::cluster::Cluster;
use super::controllers::Agenda;
use super::deletion;
use super::object::{
    Condition, is_condition_true, is_terminating, name, number, rfc3339, set, set_condition, set_default,
    text, time,
};
use super::pods::{Planned, owned, spawn};
use super::rollout::set_counts;

/// Runs every job.
pub(super) fn run(cluster: &mut Cluster, agenda: &mut Agenda) {
    for key in cluster.keys("batch", "jobs") {
        let Some(job) = cluster.at(&key).filter(|object| !is_terminating(object)).cloned() else { continue };
        if is_condition_true(&job, "Complete") {
            expire(cluster, &key, &job, agenda);
            continue;
        }
        if job["spec"]["suspend"] == true {
            continue;
        }
        let completions = number(&job, "/spec/completions").unwrap_or(1);
        let (mut succeeded, mut active) = (0, 0);
        for (_, pod) in owned(cluster, &job) {
            if text(pod, "/status/phase") == "Succeeded" {
                succeeded += 1;
            } else {
                active += 1;
            }
        }
        let room = number(&job, "/spec/parallelism").unwrap_or(1).min(completions - succeeded) - active;
        for _ in 0..room {
            let pod = format!("{}-{}", name(&job), cluster.next_suffix());
            let labels = [("batch.kubernetes.io/job-name", name(&job)), ("job-name", name(&job))];
            if spawn(cluster, &job, &Planned { name: pod, labels: &labels, node: None }, agenda.now).is_err()
            {
                break;
            }
            active += 1;
        }
        report(cluster, &key, succeeded, active, succeeded >= completions, agenda);
    }
}

fn report(cluster: &mut Cluster, key: &str, succeeded: i64, active: i64, complete: bool, agenda: &Agenda) {
    let now = agenda.now;
    cluster.update(key, |job: &mut Value| {
        set_default(job, &["status", "startTime"], rfc3339(now));
        set_counts(job, &[("active", active), ("ready", 0), ("succeeded", succeeded)]);
        if complete {
            set(job, &["status", "completionTime"], rfc3339(now));
            for kind in ["SuccessCriteriaMet", "Complete"] {
                let message = "Reached expected number of succeeded pods";
                let condition = Condition { kind, status: "True", reason: "CompletionsReached", message };
                set_condition(job, &condition, now);
            }
        }
    });
}

fn expire(cluster: &mut Cluster, key: &str, job: &Value, agenda: &mut Agenda) {
    let (Some(seconds), Some(done)) =
        (number(job, "/spec/ttlSecondsAfterFinished"), time(job, "/status/completionTime"))
    else {
        return;
    };
    if agenda.is_due(done + SignedDuration::from_secs(seconds)) {
        deletion::begin(cluster, key, agenda.now);
    }
}
