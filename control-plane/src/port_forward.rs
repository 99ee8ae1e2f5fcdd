//! Where port-forwards of played pods lead: nothing runs in these, so what they reach is a port of loopback.
//!
//! kwok heeds its kind ClusterPortForward, a moment after such an object is there.
//! See <https://kwok.sigs.k8s.io/docs/user/port-forward-configuration/>.

use kube::Client;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::json;

use crate::cluster;

/// A port of a pod, and the port of loopback that is behind it.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The pod's name. The pod itself may come later, or be another one of that name.
    pub pod: &'a str,
    /// The pod's port.
    pub port: u16,
    /// Where port-forwards of it lead.
    pub to: u16,
}

impl Forward<'_> {
    /// Makes it so, in place of where the pod's port led before. Otherwise tells what is in the way.
    pub(crate) async fn establish(&self, client: &Client) -> Result<(), String> {
        cluster::apply(client, &self.object()).await
    }

    fn object(&self) -> DynamicObject {
        let Self { namespace, pod, port, to } = self;
        let kind = GroupVersionKind::gvk("kwok.x-k8s.io", "v1alpha1", "ClusterPortForward");
        // Namespaces have no dots in their names.
        let name = format!("{namespace}.{pod}.{port}");
        DynamicObject::new(&name, &ApiResource::from_gvk(&kind)).data(json!({ "spec": {
            "selector": { "matchNamespaces": [namespace], "matchNames": [pod] },
            "forwards": [{ "ports": [port], "target": { "address": "127.0.0.1", "port": to } }],
        } }))
    }
}
