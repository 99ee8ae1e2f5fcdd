//! What every namespace is furnished with: a default service account and the cluster's certificate authority.
//!
//! <https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts>

use jiff::Timestamp;
use serde_json::json;

use super::cluster::Cluster;
use super::object::{is_terminating, name};

/// Adds what is missing in namespaces that are not going away.
pub(super) fn furnish(cluster: &mut Cluster, now: Timestamp) {
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
