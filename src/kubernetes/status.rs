//! Whether a live object is ready, by the conventions of kstatus: what its own status says, once its controller has
//! seen the present generation.
//! <https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>
//!
//! A workload that does not come up counts as under way, not as failed: it recovers as soon as the cause is removed, and
//! is then changed in place. Only a failed Job stays so.

use holodeck_engine::Status;
use serde_json::Value;

use super::field::{items, number, text};
use super::wording::{plain, reason_and_message};

/// The status that an object itself tells.
pub(super) fn status(live: &Value) -> Status {
    if live.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null()) {
        return Status::Deleting(deletion(live));
    }
    let (generation, observed) =
        (number(live, "/metadata/generation"), number(live, "/status/observedGeneration"));
    if let (Some(generation), Some(observed)) = (generation, observed)
        && observed < generation
    {
        return waits("its controller has not seen the change yet");
    }
    match text(live, "/kind") {
        "Deployment" => deployment(live),
        "StatefulSet" => stateful_set(live),
        "DaemonSet" => daemon_set(live),
        "Job" => job(live),
        "PersistentVolumeClaim" => phase(live, "Bound"),
        "Namespace" => phase(live, "Active"),
        "Service" => service(live),
        "CustomResourceDefinition" => definition(live),
        "APIService" => needs_condition(live, "Available"),
        "Certificate" | "Issuer" | "ClusterIssuer" => needs_condition(live, "Ready"),
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => webhooks(live),
        // Whether an Application is in sync is the affair of Argo CD.
        "Application" | "ApplicationSet" => Status::Ready,
        _ => generic(live),
    }
}

fn waits(why: impl Into<String>) -> Status {
    Status::InProgress(why.into())
}

/// What the removal of an object waits for. Namespaces and definitions tell it in conditions:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/>.
fn deletion(live: &Value) -> String {
    let tells = |condition: &&Value| {
        let kind = text(condition, "/type");
        condition["status"] == "True" && (kind.starts_with("Namespace") || kind == "Terminating")
    };
    let conditions = items(live, "/status/conditions").iter().filter(tells);
    let remaining: Vec<String> = conditions.map(|condition| plain(text(condition, "/message"))).collect();
    if !remaining.is_empty() {
        return remaining.join("; ");
    }
    let finalizers: Vec<&str> =
        items(live, "/metadata/finalizers").iter().filter_map(Value::as_str).collect();
    match finalizers.as_slice() {
        [] => "it is being removed".to_owned(),
        finalizers => format!("waits for its finalizers: {}", finalizers.join(", ")),
    }
}

fn condition<'a>(live: &'a Value, kind: &str) -> Option<&'a Value> {
    items(live, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

/// The reason and message of a condition.
fn told_by(condition: &Value) -> String {
    match reason_and_message(text(condition, "/reason"), text(condition, "/message")) {
        told if told.is_empty() => "no reason is given".to_owned(),
        told => told,
    }
}

fn needs_condition(live: &Value, kind: &str) -> Status {
    match condition(live, kind) {
        Some(condition) if condition["status"] == "True" => {
            // cert-manager keeps the generation with the condition.
            match (number(condition, "/observedGeneration"), number(live, "/metadata/generation")) {
                (Some(observed), Some(generation)) if observed < generation => {
                    waits("its controller has not seen the change yet")
                }
                _ => Status::Ready,
            }
        }
        Some(condition) => waits(told_by(condition)),
        None => waits(format!("its controller has not reported `{kind}` yet")),
    }
}

/// Where the annotations say from what cert-manager takes the authority that signs for the webhooks.
/// <https://cert-manager.io/docs/concepts/ca-injector/>
const AUTHORITY: [(&str, &str); 2] = [
    ("certificate", "/metadata/annotations/cert-manager.io~1inject-ca-from"),
    ("secret", "/metadata/annotations/cert-manager.io~1inject-ca-from-secret"),
];

/// Without its authority no webhook can be called.
fn webhooks(live: &Value) -> Status {
    let mut sources = AUTHORITY.iter().map(|(kind, at)| (kind, text(live, at)));
    let Some((kind, name)) = sources.find(|(_, name)| !name.is_empty()) else {
        return Status::Ready;
    };
    let lacks_it = |webhook: &&Value| text(webhook, "/clientConfig/caBundle").is_empty();
    match items(live, "/webhooks").iter().find(lacks_it) {
        Some(_) => waits(format!("cert-manager has not written the authority of {kind} {name} into it yet")),
        None => Status::Ready,
    }
}

/// Objects of other kinds: ready unless a condition says otherwise.
fn generic(live: &Value) -> Status {
    if let Some(stalled) = condition(live, "Stalled").filter(|c| c["status"] == "True") {
        return waits(told_by(stalled));
    }
    if let Some(reconciling) = condition(live, "Reconciling").filter(|c| c["status"] == "True") {
        return waits(told_by(reconciling));
    }
    match condition(live, "Ready") {
        Some(ready) if ready["status"] != "True" => waits(told_by(ready)),
        _ => Status::Ready,
    }
}

fn phase(live: &Value, wanted: &str) -> Status {
    match text(live, "/status/phase") {
        phase if phase == wanted => Status::Ready,
        "" => waits("its controller has not seen it yet"),
        phase => waits(format!("it is {phase}")),
    }
}

fn count(live: &Value, field: &str) -> i64 {
    number(live, &format!("/status/{field}")).unwrap_or(0)
}

fn replicas(live: &Value) -> i64 {
    number(live, "/spec/replicas").unwrap_or(1)
}

/// What a workload's own conditions say about why pods are missing.
fn with_pod_failure(live: &Value, why: String) -> Status {
    match condition(live, "ReplicaFailure").filter(|condition| condition["status"] == "True") {
        Some(failure) => waits(format!("{why}; {}", told_by(failure))),
        None => waits(why),
    }
}

fn deployment(live: &Value) -> Status {
    let wanted = replicas(live);
    if number(live, "/status/observedGeneration").is_none() {
        return waits("its controller has not seen it yet");
    }
    let (updated, ready) = (count(live, "updatedReplicas"), count(live, "readyReplicas"));
    let (all, available) = (count(live, "replicas"), count(live, "availableReplicas"));
    if updated < wanted {
        return with_pod_failure(live, format!("{updated} of {wanted} replicas are up to date"));
    }
    if all > updated {
        return waits(format!("{} old replicas are still there", all - updated));
    }
    if ready < wanted {
        return with_pod_failure(live, format!("{ready} of {wanted} replicas are ready"));
    }
    if available < wanted {
        return waits(format!("{available} of {wanted} replicas have been ready for long enough"));
    }
    Status::Ready
}

fn stateful_set(live: &Value) -> Status {
    let wanted = replicas(live);
    if number(live, "/status/observedGeneration").is_none() {
        return waits("its controller has not seen it yet");
    }
    let ready = count(live, "readyReplicas");
    if ready < wanted {
        return waits(format!("{ready} of {wanted} replicas are ready"));
    }
    if count(live, "replicas") > wanted {
        return waits(format!("{} replicas are too many", count(live, "replicas") - wanted));
    }
    // With OnDelete, whoever deletes a pod decides when it is updated.
    if text(live, "/spec/updateStrategy/type") == "OnDelete" {
        return Status::Ready;
    }
    let partition = number(live, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let to_update = (wanted - partition).max(0);
    let is_at_update = text(live, "/status/currentRevision") == text(live, "/status/updateRevision");
    let updated = count(live, "updatedReplicas");
    if updated < to_update && !is_at_update {
        return waits(format!("{updated} of {to_update} replicas are up to date"));
    }
    if partition == 0 && !is_at_update {
        return waits("the last replica is being updated");
    }
    let available = number(live, "/status/availableReplicas").unwrap_or(wanted);
    if available < wanted {
        return waits(format!("{available} of {wanted} replicas have been ready for long enough"));
    }
    Status::Ready
}

fn daemon_set(live: &Value) -> Status {
    if number(live, "/status/observedGeneration").is_none() {
        return waits("its controller has not seen it yet");
    }
    let wanted = count(live, "desiredNumberScheduled");
    for (field, what) in [
        ("currentNumberScheduled", "scheduled"),
        ("updatedNumberScheduled", "up to date"),
        ("numberReady", "ready"),
        ("numberAvailable", "available"),
    ] {
        // With OnDelete, whoever deletes a pod decides when it is updated.
        if field == "updatedNumberScheduled" && text(live, "/spec/updateStrategy/type") == "OnDelete" {
            continue;
        }
        let found = count(live, field);
        if found < wanted {
            return waits(format!("{found} of {wanted} pods are {what}"));
        }
    }
    Status::Ready
}

fn job(live: &Value) -> Status {
    let is_true = |kind: &str| condition(live, kind).filter(|condition| condition["status"] == "True");
    if let Some(failed) = is_true("Failed") {
        return Status::Failed(told_by(failed));
    }
    if is_true("Complete").is_some() || is_true("Suspended").is_some() {
        return Status::Ready;
    }
    let wanted = number(live, "/spec/completions").unwrap_or(1);
    let succeeded = format!("{} of {wanted} pods have succeeded", count(live, "succeeded"));
    match count(live, "failed") {
        0 => waits(succeeded),
        failed => waits(format!("{succeeded}, {failed} have failed")),
    }
}

fn service(live: &Value) -> Status {
    let has_address = !items(live, "/status/loadBalancer/ingress").is_empty();
    match text(live, "/spec/type") {
        "LoadBalancer" if !has_address => waits("its load balancer has no address yet"),
        _ => Status::Ready,
    }
}

fn definition(live: &Value) -> Status {
    if let Some(accepted) = condition(live, "NamesAccepted").filter(|c| c["status"] == "False") {
        return waits(told_by(accepted));
    }
    needs_condition(live, "Established")
}

#[cfg(test)]
mod tests;
