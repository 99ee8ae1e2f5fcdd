//! Why a workload is not ready: the state of its pods, and their last warning.

use std::fmt::Write as _;

use holodeck_engine::Status;
use serde_json::Value;

use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::{entries, items, number, text};

/// `status` with the reason that the workload's pods give, if it is a workload that is under way.
pub(in crate::kubernetes) async fn explained(client: &Kubernetes, live: &Value, status: Status) -> Status {
    let Status::InProgress(why) = status else { return status };
    let workload = ["DaemonSet", "Deployment", "Job", "StatefulSet"].contains(&text(live, "/kind"));
    let reason = match workload {
        true => reason(client, live).await,
        false => None,
    };
    Status::InProgress(match reason {
        Some(reason) => format!("{why}; {reason}"),
        None => why,
    })
}

/// What keeps the first pod that is not ready from being so. That pods cannot be read is no reason to fail a wait.
async fn reason(client: &Kubernetes, live: &Value) -> Option<String> {
    let namespace = text(live, "/metadata/namespace");
    let pods = client.pods(namespace, &selector(live)).await;
    let pods = pods.inspect_err(|error| tracing::debug!(%error, "pods cannot be read")).ok()?;
    let mut unready: Vec<(&Value, Option<String>)> =
        pods.iter().filter(|pod| !is_ready(pod)).map(|pod| (pod, state(pod))).collect();
    // A pod that tells what is wrong says more than one that has just begun.
    unready.sort_by_key(|(_, state)| state.is_none());
    let (pod, state) = unready.into_iter().next()?;
    let name = text(pod, "/metadata/name");
    let state = match state {
        Some(state) => Some(state),
        None => last_warning(client, namespace, name).await,
    };
    let mut reason = format!("pod {name}: {}", text(pod, "/status/phase").to_lowercase());
    if let Some(state) = state {
        reason = format!("pod {name}: {state}");
    }
    Some(reason)
}

/// The label selector of a workload as the API takes it.
fn selector(live: &Value) -> String {
    let mut terms: Vec<String> = entries(live, "/spec/selector/matchLabels")
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
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

fn is_ready(pod: &Value) -> bool {
    let mut conditions = items(pod, "/status/conditions").iter();
    text(pod, "/status/phase") == "Succeeded"
        || conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// What a pod itself tells about why it is not ready.
fn state(pod: &Value) -> Option<String> {
    let unscheduled = items(pod, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == "PodScheduled" && condition["status"] == "False");
    if let Some(condition) = unscheduled {
        return Some(format!("unschedulable: {}", text(condition, "/message")));
    }
    let containers =
        items(pod, "/status/initContainerStatuses").iter().chain(items(pod, "/status/containerStatuses"));
    containers.filter_map(container_state).next()
}

/// Reasons that a container has while all goes well.
const EXPECTED: &[&str] = &["", "ContainerCreating", "PodInitializing", "Completed"];

fn container_state(container: &Value) -> Option<String> {
    let name = text(container, "/name");
    let waiting = text(container, "/state/waiting/reason");
    if !EXPECTED.contains(&waiting) {
        let mut state = format!("container {name}: {waiting}");
        let message = text(container, "/state/waiting/message");
        if !message.is_empty() {
            _ = write!(state, ": {message}");
        }
        if let Some(last) = termination(container, "/lastState/terminated") {
            _ = write!(state, " (it ended with {last})");
        }
        return Some(state);
    }
    let ended = termination(container, "/state/terminated")?;
    Some(format!("container {name} ended with {ended}"))
}

/// How a container ended, unless well.
fn termination(container: &Value, pointer: &str) -> Option<String> {
    let terminated = container.pointer(pointer)?;
    let code = number(terminated, "/exitCode").filter(|code| *code != 0)?;
    Some(match text(terminated, "/reason") {
        "" | "Error" => format!("exit code {code}"),
        reason => format!("exit code {code}, {reason}"),
    })
}

/// The last warning about a pod, such as a failing probe or a volume that is not there.
async fn last_warning(client: &Kubernetes, namespace: &str, pod: &str) -> Option<String> {
    let events = client.events(namespace, pod).await;
    let events = events.inspect_err(|error| tracing::debug!(%error, "events cannot be read")).ok()?;
    let when = |event: &Value| {
        let times = ["/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
        times.iter().map(|at| text(event, at)).find(|at| !at.is_empty()).unwrap_or_default().to_owned()
    };
    let last = events.iter().filter(|event| event["type"] == "Warning").max_by_key(|event| when(event))?;
    Some(format!("{}: {}", text(last, "/reason"), text(last, "/message").trim()))
}
