//! Why an object is not ready, or not gone: what its own status says, and what others tell about it.
//!
//! Invariants: this only reads, and only while the engine waits for the object; what cannot be read explains nothing, and
//! is no error; what others wrote is shown in one line, of bounded length and without control characters.

mod certificates;
mod events;
mod load_balancers;
mod node_ports;
mod pods;
mod removals;
mod services;
mod trouble;
mod volumes;
mod webhooks;
mod workloads;

use holodeck_engine::{Error, Explanation, Status};
use kube::api::ListParams;
use serde_json::Value;

use super::client::Kubernetes;
use super::field::{entries, items, text};
use super::kinds::Kind;
use super::wording::kubectl;

/// What was found out, and the command that shows more of it.
#[derive(Debug)]
struct Finding {
    what: String,
    command: String,
}

impl Finding {
    fn new(what: impl Into<String>, command: impl Into<String>) -> Self {
        Self { what: what.into(), command: command.into() }
    }

    /// What to do next.
    fn hint(&self) -> String {
        format!("look further with `{}`", self.command)
    }
}

/// Why the object `live` is as its status says.
pub(super) async fn explanation(client: &Kubernetes, live: &Value, status: &Status) -> Explanation {
    let found = match text(live, "/kind") {
        _ if matches!(status, Status::Deleting(_)) => removals::explain(client, live).await,
        "Certificate" => certificates::explain(client, live).await,
        "DaemonSet" | "Deployment" | "Job" | "StatefulSet" => workloads::explain(client, live).await,
        "PersistentVolumeClaim" => volumes::explain(client, live).await,
        "Service" => load_balancers::explain(client, live).await,
        "APIService" => {
            let (namespace, service) = ("/spec/service/namespace", "/spec/service/name");
            services::explain(client, text(live, namespace), text(live, service)).await
        }
        _ => None,
    };
    match found {
        Some(found) => {
            Explanation { why: format!("{}; {}", status.why(), found.what), hint: Some(found.hint()) }
        }
        None => {
            let found = Finding::new(status.why(), command(live, status));
            Explanation { hint: Some(found.hint()), why: found.what }
        }
    }
}

/// `error`, from a change of `object`, with what others tell about it: who has a node port that is taken, or why a webhook
/// could not be asked.
pub(super) async fn refusal(client: &Kubernetes, object: &Value, error: Error) -> Error {
    let error = node_ports::explained(client, object, error).await;
    webhooks::explained(client, error).await
}

/// The command that shows an object by itself.
fn command(live: &Value, status: &Status) -> String {
    match status {
        Status::Deleting(_) => removals::command(live),
        _ => describe(live),
    }
}

fn describe(live: &Value) -> String {
    let (kind, name) = (text(live, "/kind").to_lowercase(), text(live, "/metadata/name"));
    kubectl(text(live, "/metadata/namespace"), format_args!("describe {kind} {name}"))
}

/// The objects of a kind in a namespace, unless they cannot be read.
async fn listed(
    client: &Kubernetes,
    kind: &'static Kind,
    namespace: &str,
    selector: ListParams,
) -> Option<Vec<Value>> {
    let list = client.list(&kind.api_resource(), Some(namespace), selector).await;
    list.inspect_err(|error| tracing::debug!(error = error.chain(), "no explanation")).ok()
}

/// The labels at `pointer` as the terms of a selector.
fn label_terms(object: &Value, pointer: &str) -> Vec<String> {
    entries(object, pointer)
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect()
}

/// Whether `object` belongs to `owner`.
fn is_owned(object: &Value, owner: &Value) -> bool {
    let uid = text(owner, "/metadata/uid");
    items(object, "/metadata/ownerReferences").iter().any(|reference| text(reference, "/uid") == uid)
}

#[cfg(test)]
mod tests;
