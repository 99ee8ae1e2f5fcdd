//! The certificate controller, cert-manager, with the issuer that all namespaces may use.

use serde_json::json;

use super::Component;

/// The certificate controller.
pub static CERT_MANAGER: Component = Component {
    name: "cert-manager",
    title: "cert-manager",
    namespace: "cert-manager",
    // One leads; the other takes over when a node is lost.
    replicas: |_| 2,
    settings: |_| json!({}),
    beside_chart: &["namespace.yaml", "cluster-issuer.yaml"],
};
