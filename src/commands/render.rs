//! `render`: the Kubernetes objects as YAML, with outputs of what exists filled in.

use holodeck_engine::{Resource, input};
use serde_json::Value;

use super::platform::Platform;
use super::{Ending, Failure};
use crate::cli::Global;
use crate::kubernetes::{KubernetesObject, manifest};

/// Runs the command.
pub async fn run(global: &Global, name: &str, component: Option<&str>) -> Result<Ending, Failure> {
    let platform = Platform::open(global, name).await?;
    let snapshot = platform.observe().await?;
    let graph = &platform.desired.graph;
    let objects: Vec<&Value> = graph
        .addresses()
        .filter(|address| address.kind == KubernetesObject::KIND)
        .filter(|address| component.is_none_or(|component| graph.group_of(address) == Some(component)))
        .filter_map(|address| graph.desired(address))
        .collect();
    if objects.is_empty() {
        let message = format!(
            "`{name}` has no objects{}",
            component.map(|c| format!(" of component `{c}`")).unwrap_or_default()
        );
        return Err(Failure::Message(message, None));
    }
    for object in objects {
        let resolved = input::resolve(object, &|reference| snapshot.output(reference));
        let yaml = manifest::to_yaml(&resolved).map_err(|error| {
            Failure::Message(format!("an object cannot be written as YAML: {error}"), None)
        })?;
        anstream::print!("---\n{yaml}");
    }
    Ok(Ending::Fine)
}
