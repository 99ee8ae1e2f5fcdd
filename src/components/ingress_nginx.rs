//! The ingress controller, ingress-nginx: takes what the load balancer sends to the node ports.

use serde_json::json;

use super::Component;

/// The ingress controller.
pub static INGRESS_NGINX: Component = Component {
    name: "ingress-nginx",
    title: "ingress-nginx",
    namespace: "ingress-nginx",
    replicas: |environment| environment.ingress.replicas,
    settings: |_| json!({}),
    beside_chart: &["namespace.yaml"],
};
