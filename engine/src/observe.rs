//! What exists: all resources that we own, found by one list a kind, hosts after the resources that give access to them.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use serde_json::Value;

use crate::address::Address;
use crate::error::Error;
use crate::graph::{Graph, Way};
use crate::input::{self, Reference};
use crate::kind::{AnyClient, Seen};
use crate::resource::Status;

/// What exists of an environment, at one moment.
#[derive(Default)]
pub struct Snapshot {
    pub(crate) seen: BTreeMap<Address, Vec<Seen>>,
    pub(crate) clients: BTreeMap<usize, AnyClient>,
}

/// An error while observing: the kind that could not be listed, with the cause.
#[derive(Debug, thiserror::Error)]
#[error("listing resources of kind `{kind}`")]
pub struct ObserveError {
    /// The kind whose list failed.
    pub kind: String,
    /// What went wrong.
    #[source]
    pub source: Error,
}

impl Snapshot {
    /// Whether nothing of ours exists.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// All that exists: address, physical id, status.
    pub fn resources(&self) -> impl Iterator<Item = (&Address, &str, &Status)> {
        self.seen.iter().flat_map(|(address, seen)| {
            seen.iter().map(move |seen| (address, seen.id.as_str(), &seen.status))
        })
    }

    /// The status of a resource, if it exists.
    pub fn status(&self, address: &Address) -> Option<&Status> {
        self.seen.get(address)?.first().map(|seen| &seen.status)
    }

    /// The actual attributes of a resource, if it exists.
    pub fn attributes(&self, address: &Address) -> Option<&Value> {
        self.seen.get(address)?.first().map(|seen| &seen.attributes)
    }

    /// The value that a reference has now, if it has one.
    pub fn output(&self, reference: &Reference) -> Option<Value> {
        output(self.seen.get(&reference.address)?.first()?, &reference.field)
    }

    /// The value of a reference to a resource that is not about to vanish.
    fn lasting_output(&self, reference: &Reference) -> Option<Value> {
        let leaving = matches!(self.status(&reference.address)?, Status::Deleting(_));
        if leaving { None } else { self.output(reference) }
    }
}

/// The output `field` of an observed resource; `null` means that it is not known yet.
pub(crate) fn output(seen: &Seen, field: &str) -> Option<Value> {
    seen.outputs.get(field).filter(|value| !value.is_null()).cloned()
}

/// Lists all registered kinds. Hosts whose access is known are asked at once and together; a host whose access comes
/// from outputs is asked once these have been seen, and not at all while they do not exist, or while what gives access
/// to it is being removed. All failures are reported.
pub async fn observe(graph: &Graph) -> Result<Snapshot, Vec<ObserveError>> {
    let (snapshot, failures) = look(graph).await?;
    if failures.is_empty() { Ok(snapshot) } else { Err(failures) }
}

/// The same before everything is removed: what cannot be reached, and goes with the resource that gives access to it,
/// need not be seen. Gives the failures that do not matter beside the snapshot.
pub async fn observe_for_removal(graph: &Graph) -> Result<(Snapshot, Vec<ObserveError>), Vec<ObserveError>> {
    look(graph).await
}

/// Looks at all hosts, those that are reached through another one after it, and not at all where it does not answer. The failures of those whose access comes from outputs are given beside the snapshot, others are
/// an error.
async fn look(graph: &Graph) -> Result<(Snapshot, Vec<ObserveError>), Vec<ObserveError>> {
    let mut tolerable = Vec::new();
    let mut snapshot = Snapshot::default();
    let mut waiting: BTreeSet<usize> = (0..graph.hosts.len()).collect();
    loop {
        let reachable: Vec<(usize, Value)> = waiting
            .iter()
            .filter(|&&host| match &graph.hosts[host].way {
                Way::Connect(_) => true,
                Way::Through(other, _) => snapshot.clients.contains_key(other),
            })
            .map(|&host| (host, input::resolve(&graph.hosts[host].access, &|r| snapshot.lasting_output(r))))
            .filter(|(_, access)| !input::is_unresolved(access))
            .collect();
        if reachable.is_empty() {
            return Ok((snapshot, tolerable));
        }
        let asked =
            join_all(reachable.into_iter().map(async |(host, access)| {
                (host, observe_host(graph, host, access, &snapshot.clients).await)
            }));
        let mut failures = Vec::new();
        for (host, answer) in asked.await {
            waiting.remove(&host);
            match answer {
                Ok((client, list)) => {
                    snapshot.clients.insert(host, client);
                    for (kind, seen) in list {
                        snapshot.seen.entry(Address::new(kind, &*seen.name)).or_default().push(seen);
                    }
                }
                Err(errors) if input::is_unresolved(&graph.hosts[host].access) => tolerable.extend(errors),
                Err(errors) => failures.extend(errors),
            }
        }
        if !failures.is_empty() {
            return Err(failures);
        }
    }
}

/// Connects to one host and lists its kinds, all at once.
async fn observe_host(
    graph: &Graph,
    host: usize,
    access: Value,
    clients: &BTreeMap<usize, AnyClient>,
) -> Result<(AnyClient, Vec<(&'static str, Seen)>), Vec<ObserveError>> {
    let kinds: Vec<_> = graph.kinds.values().filter(|entry| entry.host == host).map(|e| &e.kind).collect();
    let client = match &graph.hosts[host].way {
        Way::Connect(connect) => connect(access).await,
        Way::Through(other, derive) => derive(clients[other].clone()),
    };
    let client = client.map_err(|source| {
        let kind = kinds.first().map_or("?", |kind| kind.name()).to_owned();
        vec![ObserveError { kind, source }]
    })?;
    let lists = join_all(kinds.iter().map(async |kind| (kind.name(), kind.list(&client).await))).await;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for (kind, list) in lists {
        match list {
            Ok(list) => found.extend(list.into_iter().map(|seen| (kind, seen))),
            Err(source) => failures.push(ObserveError { kind: kind.to_owned(), source }),
        }
    }
    if failures.is_empty() { Ok((client, found)) } else { Err(failures) }
}
