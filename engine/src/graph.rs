//! The graph of desired resources: nodes, the hosts they live on, and the edges between them.
//!
//! Edges follow from the references in a node's attributes and in its host's access; [`Graph::after`] adds those that
//! come from behaviour alone. Nothing is listed twice.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::Arc;

use futures::future::BoxFuture;
use petgraph::algo::{astar, tarjan_scc, toposort};
use petgraph::graphmap::{DiGraphMap, NodeTrait};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::address::Address;
use crate::error::Error;
use crate::input::{self, Input, Output, Reference};
use crate::kind::{AnyClient, Erased, Kind};
use crate::resource::Resource;

/// How far a resource must be before another that depends on it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Milestone {
    /// Its creation or change has been requested and accepted.
    Applied,
    /// It is ready.
    Ready,
}

/// A resource in the graph, from which others take outputs.
pub struct Handle<R> {
    address: Address,
    kind: PhantomData<fn() -> R>,
}

impl<R> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self { address: self.address.clone(), kind: PhantomData }
    }
}

impl<R> Handle<R> {
    /// The resource's address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A reference to one of its outputs.
    pub fn output<T>(&self, output: Output<R, T>) -> Input<T> {
        Input::Output(Reference { address: self.address.clone(), field: output.field().to_owned() })
    }
}

/// A place that resources live on and are reached through, such as a cloud account or a cluster, with its client `C`.
pub struct Host<C> {
    index: usize,
    client: PhantomData<fn() -> C>,
}

impl<C> Clone for Host<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Host<C> {}

type Connect = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<AnyClient, Error>> + Send + Sync>;
type Derive = Arc<dyn Fn(AnyClient) -> Result<AnyClient, Error> + Send + Sync>;

pub(crate) struct HostEntry {
    /// What the client is made from; may contain references.
    pub access: Value,
    pub way: Way,
}

/// How the client of a host comes about.
#[derive(Clone)]
pub(crate) enum Way {
    /// By connecting to it with its access.
    Connect(Connect),
    /// From the client of another host, which has the same access.
    Through(usize, Derive),
}

pub(crate) struct KindEntry {
    pub kind: Arc<dyn Kind>,
    pub host: usize,
}

/// A desired resource.
pub(crate) struct Node {
    pub kind: Arc<dyn Kind>,
    pub host: usize,
    pub group: String,
    pub desired: Value,
}

/// A dependency of one resource on another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Dependency {
    /// The resource that has to come first.
    pub on: Address,
    /// How far it must be.
    pub milestone: Milestone,
    /// Why: the output that is referred to, or the behaviour that asks for it.
    pub because: String,
}

/// The desired resources of one environment.
#[derive(Default)]
pub struct Graph {
    pub(crate) hosts: Vec<HostEntry>,
    pub(crate) kinds: BTreeMap<&'static str, KindEntry>,
    pub(crate) nodes: BTreeMap<Address, Node>,
    after: BTreeMap<Address, BTreeSet<Dependency>>,
    group: String,
    mistakes: Vec<GraphError>,
}

/// A contradiction in a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Two resources have one address.
    #[error("`{0}` is declared twice")]
    Duplicate(Address),
    /// A resource's kind was not registered.
    #[error("the kind of `{0}` is not registered with a host")]
    Unregistered(Address),
    /// A resource depends on one that is not there.
    #[error("`{0}` depends on `{1}`, which is not declared")]
    Dangling(Address, Address),
    /// A resource that is not there was made to wait for another.
    #[error("`{0}` depends on `{1}`, but is itself not declared")]
    Undeclared(Address, Address),
    /// Resources depend on each other in a circle; the first one is repeated at the end.
    #[error("resources depend on each other in a circle: {}", .0.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(" → "))]
    Cycle(Vec<Address>),
    /// The attributes of a resource could not be serialised.
    #[error("the attributes of `{0}` do not serialise: {1}")]
    Attributes(Address, String),
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host. Its client is made by `connect` from `access`, which may contain references: as long as one is
    /// unresolved, the host does not exist yet, and everything on it plans as a creation without a request.
    pub fn host<A, C, F>(&mut self, access: &A, connect: F) -> Host<C>
    where
        A: Serialize + DeserializeOwned + Send + 'static,
        C: Send + Sync + 'static,
        F: Fn(A) -> BoxFuture<'static, Result<Arc<C>, Error>> + Send + Sync + 'static,
    {
        let access = serde_json::to_value(access).unwrap_or_else(|error| {
            self.mistakes.push(GraphError::Attributes(Address::new("host", "access"), error.to_string()));
            Value::Null
        });
        let connect: Connect = Arc::new(move |access| {
            let client = A::deserialize(access)
                .map_err(|error| Error::bug("the access of a host does not fit").with_source(error))
                .map(&connect);
            Box::pin(async move { Ok(client?.await? as AnyClient) })
        });
        self.add_host(access, Way::Connect(connect))
    }

    /// Adds a host that is reached through another one, and is there whenever that one is: its client is made by `derive`
    /// from the other's. Each is made once, so what it keeps to itself lasts as long as a run.
    pub fn host_through<P, C, F>(&mut self, other: Host<P>, derive: F) -> Host<C>
    where
        P: Send + Sync + 'static,
        C: Send + Sync + 'static,
        F: Fn(Arc<P>) -> C + Send + Sync + 'static,
    {
        let access = self.hosts[other.index].access.clone();
        let derive: Derive = Arc::new(move |client| {
            let client = client.downcast().map_err(|_| Error::bug("a host has the client of another one"))?;
            Ok(Arc::new(derive(client)) as AnyClient)
        });
        self.add_host(access, Way::Through(other.index, derive))
    }

    fn add_host<C>(&mut self, access: Value, way: Way) -> Host<C> {
        self.hosts.push(HostEntry { access, way });
        Host { index: self.hosts.len() - 1, client: PhantomData }
    }

    /// Registers a kind with the host that its resources live on. Resources of a registered kind that we own and that
    /// are not desired are found and removed, so every kind that was ever made must be registered.
    pub fn register<R: Resource>(&mut self, host: Host<R::Client>) {
        let kind: Arc<dyn Kind> = Arc::new(Erased::<R>::default());
        self.kinds.insert(R::KIND, KindEntry { kind, host: host.index });
    }

    /// Names the group to which resources added from now on belong, for display.
    pub fn group(&mut self, group: impl Into<String>) {
        self.group = group.into();
    }

    /// Adds a desired resource. Mistakes are reported by [`Graph::topology`].
    pub fn add<R: Resource>(&mut self, name: impl Into<String>, resource: R) -> Handle<R> {
        let address = Address::new(R::KIND, name);
        let handle = Handle { address: address.clone(), kind: PhantomData };
        let Some(entry) = self.kinds.get(R::KIND) else {
            self.mistakes.push(GraphError::Unregistered(address));
            return handle;
        };
        let desired = match serde_json::to_value(resource) {
            Ok(desired) => desired,
            Err(error) => {
                self.mistakes.push(GraphError::Attributes(address, error.to_string()));
                return handle;
            }
        };
        let node = Node { kind: entry.kind.clone(), host: entry.host, group: self.group.clone(), desired };
        if self.nodes.insert(address.clone(), node).is_some() {
            self.mistakes.push(GraphError::Duplicate(address));
        }
        handle
    }

    /// Makes `address` wait until `on` has reached `milestone`, for a reason that no reference shows.
    pub fn after(
        &mut self,
        address: &Address,
        on: &Address,
        milestone: Milestone,
        because: impl Into<String>,
    ) {
        let dependency = Dependency { on: on.clone(), milestone, because: because.into() };
        self.after.entry(address.clone()).or_default().insert(dependency);
    }

    /// The addresses of all resources, in order.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.nodes.keys()
    }

    /// The group of a resource.
    pub fn group_of(&self, address: &Address) -> Option<&str> {
        self.nodes.get(address).map(|node| node.group.as_str())
    }

    /// The desired attributes of a resource, references as markers.
    pub fn desired(&self, address: &Address) -> Option<&Value> {
        self.nodes.get(address).map(|node| &node.desired)
    }

    /// What a resource depends on directly, in order.
    pub fn dependencies(&self, address: &Address) -> Vec<Dependency> {
        let mut found = self.after.get(address).cloned().unwrap_or_default();
        if let Some(node) = self.nodes.get(address) {
            let mut add = |reference: Reference| {
                found.insert(Dependency {
                    because: format!("takes its {}", reference.field),
                    on: reference.address,
                    milestone: Milestone::Ready,
                });
            };
            input::visit_references(&node.desired, &mut add);
            input::visit_references(&self.hosts[node.host].access, &mut add);
        }
        found.into_iter().collect()
    }

    /// The dependencies of all resources and an order that respects them, or all mistakes in the graph: duplicates,
    /// kinds without a host, dependencies on nothing, and circles.
    pub fn topology(&self) -> Result<Topology, Vec<GraphError>> {
        let mut mistakes = self.mistakes.clone();
        let dependencies: BTreeMap<Address, Vec<Dependency>> =
            self.nodes.keys().map(|address| (address.clone(), self.dependencies(address))).collect();
        let mut edges = DiGraphMap::<&Address, ()>::new();
        for (address, found) in &dependencies {
            edges.add_node(address);
            for dependency in found {
                match dependencies.get_key_value(&dependency.on) {
                    Some((on, _)) => _ = edges.add_edge(on, address, ()),
                    None => mistakes.push(GraphError::Dangling(address.clone(), dependency.on.clone())),
                }
            }
        }
        for (address, found) in self.after.iter().filter(|(address, _)| !self.nodes.contains_key(*address)) {
            for dependency in found {
                mistakes.push(GraphError::Undeclared(address.clone(), dependency.on.clone()));
            }
        }
        let order = match toposort(&edges, None) {
            Ok(order) => order.into_iter().cloned().collect(),
            Err(_) => {
                // Edges lead from a resource to its dependents; read backwards, each one needs the next.
                let circle = shortest_cycle(&edges).into_iter().rev().cloned().collect();
                mistakes.push(GraphError::Cycle(circle));
                Vec::new()
            }
        };
        if mistakes.is_empty() { Ok(Topology { dependencies, order }) } else { Err(mistakes) }
    }
}

/// The dependencies between the resources of a graph without contradictions.
#[derive(Clone, Debug)]
pub struct Topology {
    /// What each resource depends on directly.
    pub dependencies: BTreeMap<Address, Vec<Dependency>>,
    /// All resources, each after what it depends on.
    pub order: Vec<Address>,
}

/// The shortest circle in the edges, in their direction, its first node repeated at the end; empty where there is none.
fn shortest_cycle<N: NodeTrait>(edges: &DiGraphMap<N, ()>) -> Vec<N> {
    let groups = tarjan_scc(edges).into_iter();
    let groups = groups.filter(|group| group.len() > 1 || edges.contains_edge(group[0], group[0]));
    let circles = groups.flatten().filter_map(|start| {
        let ways_back =
            edges.neighbors(start).filter_map(|next| astar(edges, next, |at| at == start, |_| 1, |_| 0));
        let (_, way) = ways_back.min_by_key(|(length, _)| *length)?;
        Some(std::iter::once(start).chain(way).collect::<Vec<N>>())
    });
    circles.min_by(|a, b| (a.len(), a).cmp(&(b.len(), b))).unwrap_or_default()
}

#[cfg(test)]
mod tests;
