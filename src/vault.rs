//! Vault beyond its objects: its servers, which are talked to through the cluster, and what has to be done with them
//! once they run.

mod api;
mod initialisation;
mod keys;
mod servers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use holodeck_engine::{Address, Graph, Milestone, Resource};

use crate::components;
use crate::environment::Environment;
use crate::kubernetes::KubernetesObject;
use crate::provider::Foundation;
use initialisation::Initialisation;
use servers::VaultServers;

/// What runs the servers, by whichever source of the component.
const STATEFUL_SET: &str = "vault.statefulset.vault";

/// Adds what has to be done with Vault's servers, where the environment has any.
pub fn declare(environment: &Environment, foundation: &Foundation, graph: &mut Graph) {
    if !environment.components.vault.enabled {
        return;
    }
    let (name, seal) = (environment.name.clone(), foundation.vault.seal.clone());
    let place = foundation.recovery_keys.place.clone();
    let host = graph.host_through(foundation.kubernetes, move |kubernetes: Arc<_>| {
        VaultServers::new(kubernetes, name.clone(), seal.kind.clone(), place.clone())
    });
    graph.register::<Initialisation>(host);
    let servers = Address::new(KubernetesObject::KIND, STATEFUL_SET);
    if graph.desired(&servers).is_none() {
        return;
    }
    graph.group(components::VAULT.name);
    let initialisation = Initialisation::desired(foundation);
    let handle = graph.add(components::VAULT.name, initialisation);
    graph.after(handle.address(), &servers, Milestone::Ready, "talks to the servers");
    if let Some(resource) = &foundation.recovery_keys.resource {
        graph.after(handle.address(), resource, Milestone::Ready, "keeps its keys there");
    }
}
