//! Why a claim has no volume.
//!
//! Who binds and provisions tells it in events: <https://kubernetes.io/docs/concepts/storage/persistent-volumes/>.

use serde_json::Value;

use super::{Finding, describe, events};
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::{items, text};
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::name::ObjectName;

/// Why a claim has no volume. A warning says more than what came after it: provisioning is tried again and again.
pub(super) async fn explain(client: &Kubernetes, claim: &Value) -> Option<Finding> {
    let events = events::about(client, claim).await?;
    let event = events::last_warning(&events).or(events.last())?;
    Some(Finding::new(events::told(event), describe(claim)))
}

/// Why the first claim of a pod that has no volume has none.
pub(super) async fn of_pod(client: &Kubernetes, pod: &Value) -> Option<Finding> {
    let kind = Kind::find("v1", "PersistentVolumeClaim")?;
    let namespace = text(pod, "/metadata/namespace");
    let claims = items(pod, "/spec/volumes").iter();
    let claims = claims.map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    for name in claims.filter(|name| !name.is_empty()) {
        let name = ObjectName { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() };
        let claim = client.get(&name).await;
        let claim = claim.inspect_err(|error| tracing::debug!(error = error.chain(), "no explanation"));
        let Some(claim) = claim.ok()?.filter(|claim| text(claim, "/status/phase") != "Bound") else {
            continue;
        };
        if let Some(found) = explain(client, &claim).await {
            return Some(Finding::new(format!("claim {}: {}", name.name, found.what), found.command));
        }
    }
    None
}
