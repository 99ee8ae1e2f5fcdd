//! Why a pod is not ready, in words: what it tells itself, its events, and the last lines of what ended.

use serde_json::Value;

use super::trouble::{Trouble, condition, specification};
use super::{Finding, describe, events, volumes};
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::{number, text};
use crate::kubernetes::wording::{kubectl, plain, reason_and_message, shortened};

/// How many lines of a log are shown.
const LINES: i64 = 3;
/// The most characters of each.
const LONGEST_LINE: usize = 160;

/// Whether a pod is ready, or has done its work.
pub(super) fn is_ready(pod: &Value) -> bool {
    text(pod, "/status/phase") == "Succeeded"
        || condition(pod, "Ready").is_some_and(|ready| ready["status"] == "True")
}

/// Whether a pod is on its way out.
pub(super) fn is_leaving(pod: &Value) -> bool {
    !text(pod, "/metadata/deletionTimestamp").is_empty()
}

/// The pod that tells most about why not all of them are ready, of equals the newest.
pub(super) fn most_telling(pods: &[Value]) -> Option<&Value> {
    let mut unready: Vec<&Value> = pods.iter().filter(|pod| !is_ready(pod) && !is_leaving(pod)).collect();
    unready.sort_by_key(|pod| std::cmp::Reverse(text(pod, "/metadata/creationTimestamp")));
    unready.into_iter().min_by_key(|pod| Trouble::of(pod).rank())
}

/// Why a pod is not ready.
pub(super) async fn explain(client: &Kubernetes, pod: &Value) -> Finding {
    let mut found = match Trouble::of(pod) {
        Trouble::Ended(container) => ended(client, pod, container).await,
        Trouble::Image(container) => {
            let events = events::about(client, pod).await.unwrap_or_default();
            Finding::new(image(container, &events), describe(pod))
        }
        Trouble::NotStarted(container) => Finding::new(not_started(container), describe(pod)),
        Trouble::Unschedulable(condition) => unschedulable(client, pod, condition).await,
        Trouble::GivenUp => {
            let why = reason_and_message(text(pod, "/status/reason"), text(pod, "/status/message"));
            let why = if why.is_empty() { "failed".to_owned() } else { why };
            Finding::new(why, describe(pod))
        }
        Trouble::Unready(container) => {
            let events = events::about(client, pod).await.unwrap_or_default();
            Finding::new(unready(container, &events), logs(pod, container, ""))
        }
        Trouble::Preparing(container) => {
            let what = format!("init container {} is still at work", text(container, "/name"));
            Finding::new(what, logs(pod, container, ""))
        }
        Trouble::Gated(ready) => Finding::new(plain(text(ready, "/message")), describe(pod)),
        Trouble::Beginning => {
            let events = events::about(client, pod).await.unwrap_or_default();
            Finding::new(beginning(pod, &events), describe(pod))
        }
    };
    found.what = format!("pod {}: {}", text(pod, "/metadata/name"), found.what);
    found
}

fn logs(pod: &Value, container: &Value, option: &str) -> String {
    let (name, container) = (text(pod, "/metadata/name"), text(container, "/name"));
    kubectl(text(pod, "/metadata/namespace"), format_args!("logs {name} -c {container}{option}"))
}

/// How a container ended, how often, what killed it, and what it wrote last.
async fn ended(client: &Kubernetes, pod: &Value, container: &Value) -> Finding {
    let is_over = container.pointer("/state/terminated").is_some();
    let events = events::about(client, pod).await.unwrap_or_default();
    let mut what = end(pod, container, &events);
    let place = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"), text(container, "/name"));
    match client.log(place, !is_over, LINES).await {
        Ok(log) => what.push_str(&last_lines(&log)),
        Err(error) => tracing::debug!(error = error.chain(), "no explanation"),
    }
    Finding::new(what, logs(pod, container, if is_over { "" } else { " --previous" }))
}

/// How a container ended that has done so, be it that it runs again by now.
fn end(pod: &Value, container: &Value, events: &[Value]) -> String {
    let (name, how) = (text(container, "/name"), ending(pod, container));
    let runs = container.pointer("/state/running").is_some();
    match probe(container, events) {
        Some(Probe { kind, answer }) if runs => {
            format!("the {kind} probe of container {name} fails: {answer}; before, it ended with {how}")
        }
        None if runs => format!("container {name} is not ready; before, it ended with {how}"),
        // A failing readiness probe ends nothing.
        Some(Probe { kind, answer }) if kind != "readiness" => {
            format!("container {name} ended with {how}, for its {kind} probe failed: {answer}")
        }
        _ => format!("container {name} ended with {how}"),
    }
}

/// The exit code of a container's last run, its reason if it tells something, and how often it was restarted.
fn ending(pod: &Value, container: &Value) -> String {
    let terminated = ["/state/terminated", "/lastState/terminated"];
    let terminated = terminated.iter().find_map(|state| container.pointer(state)).unwrap_or(&Value::Null);
    let mut how = match number(terminated, "/exitCode") {
        Some(code) => format!("exit code {code}"),
        None => "an unknown exit code".to_owned(),
    };
    match (text(terminated, "/reason"), memory_limit(pod, container)) {
        ("" | "Completed" | "Error", _) => {}
        ("OOMKilled", limit) if !limit.is_empty() => {
            how.push_str(&format!(", out of memory (OOMKilled; its limit is {limit})"));
        }
        (reason, _) => how.push_str(&format!(", {reason}")),
    }
    match number(container, "/restartCount").unwrap_or(0) {
        0 => {}
        1 => how.push_str(", restarted once"),
        count => how.push_str(&format!(", restarted {count} times")),
    }
    how
}

fn memory_limit<'a>(pod: &'a Value, container: &Value) -> &'a str {
    specification(pod, container).map_or("", |specified| text(specified, "/resources/limits/memory"))
}

/// The last lines of a log, to be read after how its container ended.
pub(super) fn last_lines(log: &str) -> String {
    let lines: Vec<String> = log
        .lines()
        .map(|line| shortened(&plain(line), LONGEST_LINE))
        .filter(|line| !line.is_empty())
        .collect();
    match lines.as_slice() {
        [] => "; it wrote nothing".to_owned(),
        lines => format!("; its last lines: {}", lines.join(" ⏎ ")),
    }
}

/// What the registry, or the node, answered about a container's image.
fn image(container: &Value, events: &[Value]) -> String {
    let (name, image) = (text(container, "/name"), text(container, "/image"));
    let (reason, waiting) =
        (text(container, "/state/waiting/reason"), text(container, "/state/waiting/message"));
    // While the node waits for its next attempt, only the event has the answer to the last one.
    let failure = format!("Failed to pull image \"{image}\": ");
    let mut answers = events.iter().rev().filter_map(|event| text(event, "/message").strip_prefix(&failure));
    let answer = answers.next().map_or_else(|| reason_and_message(reason, waiting), plain);
    format!("image {image} of container {name} cannot be had: {answer}")
}

fn not_started(container: &Value) -> String {
    let (reason, message) =
        (text(container, "/state/waiting/reason"), text(container, "/state/waiting/message"));
    format!(
        "container {} cannot be started: {}",
        text(container, "/name"),
        reason_and_message(reason, message)
    )
}

/// A failing probe.
struct Probe {
    /// `liveness`, `readiness` or `startup`.
    kind: String,
    /// What the container answered.
    answer: String,
}

/// The last failure of a container's probe, from an event such as `Readiness probe failed: …`.
fn probe(container: &Value, events: &[Value]) -> Option<Probe> {
    let is_about = |event: &&Value| {
        let about = events::container(event);
        text(event, "/reason") == "Unhealthy" && about.is_none_or(|name| name == text(container, "/name"))
    };
    let message = text(events.iter().rev().find(is_about)?, "/message");
    let (kind, rest) = message.split_once(" probe ")?;
    let (_, answer) = rest.split_once(": ")?;
    Some(Probe { kind: kind.to_lowercase(), answer: plain(answer) })
}

fn unready(container: &Value, events: &[Value]) -> String {
    let name = text(container, "/name");
    match probe(container, events) {
        Some(Probe { kind, answer }) => format!("the {kind} probe of container {name} fails: {answer}"),
        None => format!("container {name} runs, but is not ready yet"),
    }
}

/// Why no node takes a pod, and why its claims are without a volume if that is the reason.
async fn unschedulable(client: &Kubernetes, pod: &Value, condition: &Value) -> Finding {
    let message = text(condition, "/message");
    let mut what = format!("unschedulable: {}", verdict(message));
    let mut command = describe(pod);
    if message.to_lowercase().contains("persistentvolumeclaim")
        && let Some(claim) = volumes::of_pod(client, pod).await
    {
        what.push_str(&format!("; {}", claim.what));
        command = claim.command;
    }
    Finding::new(what, command)
}

/// What the scheduler says about the nodes, without what it says about making room on them.
fn verdict(message: &str) -> String {
    let beside = ["preemption:", "no new claims to deallocate"];
    let end = beside.iter().filter_map(|text| message.find(text)).min().unwrap_or(message.len());
    plain(message[..end].trim_end_matches([' ', ',', '.']))
}

/// What a pod waits for whose containers have not been started.
fn beginning(pod: &Value, events: &[Value]) -> String {
    if let Some(warning) = events::present_warning(events) {
        return events::told(warning);
    }
    match events.last().filter(|event| text(event, "/reason") == "Pulling") {
        Some(pulling) => plain(text(pulling, "/message")),
        None => text(pod, "/status/phase").to_lowercase(),
    }
}
