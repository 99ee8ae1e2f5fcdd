//! Why what exists is not ready: what its status says, with what further requests find out.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;

use crate::address::Address;
use crate::graph::Graph;
use crate::observe::Snapshot;
use crate::resource::{Explanation, Status};

/// The most explanations that are looked for at a time.
const AT_A_TIME: usize = 8;

/// The explanations of those of `addresses` that exist and are not ready. What cannot be looked into is told by its
/// status alone.
pub async fn find<'a>(
    graph: &Graph,
    snapshot: &Snapshot,
    addresses: impl IntoIterator<Item = &'a Address>,
) -> BTreeMap<&'a Address, Explanation> {
    let asked =
        addresses.into_iter().map(async |address| Some((address, look(graph, snapshot, address).await?)));
    stream::iter(asked).buffer_unordered(AT_A_TIME).filter_map(async |found| found).collect().await
}

async fn look(graph: &Graph, snapshot: &Snapshot, address: &Address) -> Option<Explanation> {
    let seen = snapshot.seen.get(address)?.first()?;
    if seen.status == Status::Ready {
        return None;
    }
    let entry = &graph.kinds[&*address.kind];
    let by_itself = Explanation::from(seen.status.why());
    let Some(client) = snapshot.clients.get(&entry.host) else { return Some(by_itself) };
    Some(entry.kind.explain(client, seen).await.unwrap_or(by_itself))
}
