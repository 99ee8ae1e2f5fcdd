//! Node ports that are taken: by another Service, or by nobody any more.
//!
//! The API server allocates the ports of a Service before it stores the Service. A request that is cut off in between
//! leaves them allocated, until a repair that runs every few minutes has found them unused several times in a row.
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/service/portallocator/controller/repair.go>

use holodeck_engine::{Class, Error};
use kube::api::ListParams;
use serde_json::Value;

use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::{items, number, text};
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::name::ObjectName;

/// What the API server says of a port that is taken.
const TAKEN: &str = "provided port is already allocated";

/// `error`, from applying `manifest`, with who has the port if it is about one.
pub(super) async fn explained(client: &Kubernetes, manifest: &Value, error: Error) -> Error {
    let Some(services) = Kind::find("v1", "Service").filter(|_| is_about_port(manifest, &error)) else {
        return error;
    };
    let wanted: Vec<i64> = node_ports(manifest).collect();
    let all = client.list(&services.api_resource(), None, ListParams::default()).await;
    let Ok(all) = all.inspect_err(|error| tracing::debug!(%error, "Services cannot be listed")) else {
        return error;
    };
    for service in &all {
        let Some(port) = node_ports(service).find(|port| wanted.contains(port)) else { continue };
        let Ok(holder) = ObjectName::of(service) else { continue };
        return Error::new(Class::Conflict, format!("node port {port} belongs to `{holder}`"))
            .with_source(error)
            .with_hint("choose other ports in `ingress.node_ports`, or remove that Service");
    }
    Error::not_yet(
        "a node port is still allocated to a Service that was never stored; the API server releases it by itself, \
         within about ten minutes",
    )
    .with_source(error)
}

fn is_about_port(manifest: &Value, error: &Error) -> bool {
    text(manifest, "/kind") == "Service" && error.chain().contains(TAKEN)
}

fn node_ports(service: &Value) -> impl Iterator<Item = i64> {
    items(service, "/spec/ports").iter().filter_map(|port| number(port, "/nodePort"))
}
