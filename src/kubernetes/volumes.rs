//! Volumes that are removed after their claims are gone, by whoever made them: a namespace is only gone without a trace
//! once they are.
//! <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming>

use holodeck_engine::Explanation;
use kube::api::ListParams;
use serde_json::Value;

use super::client::Kubernetes;
use super::field::text;
use super::kinds::PERSISTENT_VOLUME;

/// What still has to be removed of the volumes that claims of `namespace` had. Volumes that are to be kept do not count,
/// nor those that may not be looked at.
pub(super) async fn remaining(client: &Kubernetes, namespace: &str) -> Option<Explanation> {
    let volumes = client.list(&PERSISTENT_VOLUME.api_resource(), None, ListParams::default()).await;
    let volumes = volumes.inspect_err(|error| tracing::debug!(%error, "volumes cannot be listed")).ok()?;
    let volume = volumes.iter().find(|volume| is_remaining(volume, namespace))?;
    let name = text(volume, "/metadata/name");
    let why = match (text(volume, "/status/phase"), text(volume, "/status/message")) {
        ("Failed", message) => format!("volume {name} cannot be removed: {message}"),
        _ => format!("volume {name} of claim {} is being removed", text(volume, "/spec/claimRef/name")),
    };
    let hint = format!("look further with `kubectl describe persistentvolume {name}`");
    Some(Explanation { why, hint: Some(hint) })
}

fn is_remaining(volume: &Value, namespace: &str) -> bool {
    text(volume, "/spec/claimRef/namespace") == namespace
        && text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn volumes_that_are_kept_or_belong_elsewhere_do_not_count() {
        let volume = |namespace: &str, policy: &str| json!({"spec": {"claimRef": {"namespace": namespace}, "persistentVolumeReclaimPolicy": policy}});
        assert!(is_remaining(&volume("vault", "Delete"), "vault"));
        assert!(!is_remaining(&volume("vault", "Retain"), "vault"));
        assert!(!is_remaining(&volume("other", "Delete"), "vault"));
    }
}
