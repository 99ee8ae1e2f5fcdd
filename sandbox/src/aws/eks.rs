//! The simulated EKS: clusters, node groups, add-ons, access entries and pod identity associations.
//!
//! Invariants: everything of a cluster lives inside it and goes with it, and a cluster is deleted only when it has no node
//! group; a change of a cluster or node group is an [`update::Update`], one at a time, that takes effect when it ends;
//! nothing happens but by [`settle`], which plays every life up to the world's clock. Errors and states follow the
//! Amazon EKS API Reference.

mod access_entry;
mod access_policy;
mod addon;
mod addon_catalog;
mod addon_version;
mod cluster;
mod cluster_change;
mod cluster_lifecycle;
mod cluster_view;
mod encryption;
mod node_group;
mod node_group_change;
mod node_group_lifecycle;
mod node_group_update;
mod node_group_view;
mod node_image;
mod nodes;
mod pod_identity;
mod roles;
mod tag;
#[cfg(test)]
mod tests;
mod update;
mod version;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Services, World};

pub(crate) use nodes::{Node, nodes};

/// Everything of EKS in one region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By name.
    clusters: BTreeMap<String, cluster::Cluster>,
}

/// Adds the operations of EKS.
pub(crate) fn register(services: &mut Services) {
    cluster::register(services);
    cluster_change::register(services);
    encryption::register(services);
    version::register(services);
    update::register(services);
    node_group::register(services);
    node_group_change::register(services);
    addon::register(services);
    addon_version::register(services);
    access_entry::register(services);
    access_policy::register(services);
    pod_identity::register(services);
    tag::register(services);
}

/// Brings every cluster and all in it to its state of now.
pub(crate) fn settle(world: &mut World) {
    let names: Vec<String> = world.eks.clusters.keys().cloned().collect();
    for name in names {
        cluster_lifecycle::settle(world, &name);
        node_group_lifecycle::settle(world, &name);
        node_group_update::settle(world, &name);
        addon::settle(world, &name);
        nodes::settle(world, &name);
    }
}

/// A cluster's API server as its clients find it.
pub(crate) struct Endpoint {
    /// Name of the cluster.
    pub name: String,
    /// Different for every cluster, also of one name.
    pub id: String,
    /// Kubernetes version, such as `1.35`.
    pub version: String,
    /// When it began to answer.
    pub since: Timestamp,
}

/// What answers at `endpoint` at the world's present; nothing while the cluster is being made or once it goes.
pub(crate) fn endpoint(world: &World, endpoint: &str) -> Option<Endpoint> {
    let answers =
        |cluster: &&cluster::Cluster| cluster.endpoint.as_deref() == Some(endpoint) && cluster.is_ready();
    world.eks.clusters.values().find(answers).map(|cluster| Endpoint {
        name: cluster.name.clone(),
        id: cluster.id.clone(),
        version: cluster.settings.version.clone(),
        since: cluster.created + cluster::CREATION,
    })
}

fn find<'a>(world: &'a World, name: Option<&str>) -> Answer<&'a cluster::Cluster> {
    let name = name.unwrap_or_default();
    world.eks.clusters.get(name).ok_or_else(|| no_cluster(name))
}

fn find_mut<'a>(world: &'a mut World, name: Option<&str>) -> Answer<&'a mut cluster::Cluster> {
    let name = name.unwrap_or_default();
    world.eks.clusters.get_mut(name).ok_or_else(|| no_cluster(name))
}

/// A cluster that can be given node groups, add-ons and entries: neither being made nor being deleted.
fn find_usable<'a>(world: &'a World, name: Option<&str>) -> Answer<&'a cluster::Cluster> {
    let cluster = find(world, name)?;
    if cluster.is_ready() {
        Ok(cluster)
    } else {
        Err(invalid_request(format!("Cluster '{}' is not in ACTIVE status", cluster.name)))
    }
}

fn no_cluster(name: &str) -> ApiError {
    not_found(format!("No cluster found for name: {name}."))
}

fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new("ResourceNotFoundException", message)
}

fn in_use(message: impl Into<String>) -> ApiError {
    ApiError::new("ResourceInUseException", message)
}

fn invalid_parameter(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

fn invalid_request(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidRequestException", message)
}

/// What is not simulated is refused rather than ignored: a rehearsal must not pass where AWS would do something else.
fn not_simulated(what: &str) -> ApiError {
    ApiError::new("NotSimulated", format!("{what} is not part of the simulated EKS"))
}

fn arn(world: &World, resource: &str) -> String {
    world.arn("eks", resource)
}

/// One page of a list of EKS: `maxResults` is 100 unless told, which is also the most.
fn page<T>(items: Vec<T>, token: Option<&str>, size: Option<i32>) -> Answer<(Vec<T>, Option<String>)> {
    super::paging::page(items, token, size, 100, 100)
}

/// Tags as the world keeps them.
fn tags_of(given: Option<&std::collections::HashMap<String, String>>) -> BTreeMap<String, String> {
    given.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A map as the SDK wants it; none where it is empty is for the caller to decide.
fn hash_map(map: &BTreeMap<String, String>) -> std::collections::HashMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
