//! The secret store, Vault.

use serde_json::json;

use super::Component;

/// The secret store.
pub static VAULT: Component = Component {
    name: "vault",
    title: "Vault",
    namespace: "vault",
    replicas: |environment| environment.vault.replicas,
    settings: |environment| json!({ "host": format!("vault.{}", environment.domain) }),
    beside_chart: &["namespace.yaml", "certificates.yaml", "seal.yaml", "ingress.yaml"],
};
