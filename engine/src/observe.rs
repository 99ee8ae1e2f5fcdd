//! What exists: all resources that we own, found by one list a kind, hosts after the resources that give access to them.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join_all, try_join_all};
use serde_json::Value;

use crate::address::Address;
use crate::error::Error;
use crate::graph::Graph;
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
}

/// The output `field` of an observed resource; `null` means that it is not known yet.
pub(crate) fn output(seen: &Seen, field: &str) -> Option<Value> {
    seen.outputs.get(field).filter(|value| !value.is_null()).cloned()
}

/// Lists all registered kinds. Hosts whose access is known are asked at once and together; a host whose access comes
/// from outputs is asked once these have been seen, and not at all while they do not exist. All failures are reported.
pub async fn observe(graph: &Graph) -> Result<Snapshot, Vec<ObserveError>> {
    let mut snapshot = Snapshot::default();
    let mut waiting: BTreeSet<usize> = (0..graph.hosts.len()).collect();
    loop {
        let reachable: Vec<(usize, Value)> = waiting
            .iter()
            .map(|&host| (host, input::resolve(&graph.hosts[host].access, &|r| snapshot.output(r))))
            .filter(|(_, access)| !input::is_unresolved(access))
            .collect();
        if reachable.is_empty() {
            return Ok(snapshot);
        }
        let connected = try_join_all(reachable.into_iter().map(async |(host, access)| {
            (graph.hosts[host].connect)(access).await.map(|client| (host, client)).map_err(|source| {
                let kind = graph.kinds.values().find(|entry| entry.host == host);
                vec![ObserveError { kind: kind.map_or("?", |entry| entry.kind.name()).to_owned(), source }]
            })
        }))
        .await?;
        for (host, client) in connected {
            waiting.remove(&host);
            list_host(graph, host, &client, &mut snapshot).await?;
            snapshot.clients.insert(host, client);
        }
    }
}

async fn list_host(
    graph: &Graph,
    host: usize,
    client: &AnyClient,
    snapshot: &mut Snapshot,
) -> Result<(), Vec<ObserveError>> {
    let kinds = graph.kinds.values().filter(|entry| entry.host == host).map(|entry| &entry.kind);
    let lists = join_all(kinds.map(async |kind| (kind.name(), kind.list(client).await))).await;
    let mut failures = Vec::new();
    for (kind, list) in lists {
        match list {
            Ok(list) => {
                for seen in list {
                    snapshot.seen.entry(Address::new(kind, &*seen.name)).or_default().push(seen);
                }
            }
            Err(source) => failures.push(ObserveError { kind: kind.to_owned(), source }),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}
