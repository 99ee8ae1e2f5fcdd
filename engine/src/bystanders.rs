//! What others would lose by a plan: what they keep within a resource that is removed, looked for before anything is.
//!
//! Invariant: a plan whose removals would take along what is not ours names it, and is blocked until each such removal is
//! allowed.

use futures::future::join_all;

use crate::graph::Graph;
use crate::observe::{ObserveError, Snapshot};
use crate::plan::{Action, Blocked, Change, Plan, Policy};

/// More bystanders than these are only counted.
const MOST_NAMED: usize = 5;

/// Looks for bystanders of every removal and replacement in `plan`, but for what goes with its host anyway. Those of the
/// addresses whose loss `policy` allows are only told as a reason of the change; others block the plan.
///
/// # Errors
/// Every resource of which it cannot be told.
pub async fn find(
    graph: &Graph,
    snapshot: &Snapshot,
    plan: &mut Plan,
    policy: &Policy,
) -> Result<(), Vec<ObserveError>> {
    let asked = plan.changes.iter().map(async |change| look(graph, snapshot, change).await);
    let answers = join_all(asked).await;
    let (mut blocked, mut failures) = (Vec::new(), Vec::new());
    for (change, answer) in plan.changes.iter_mut().zip(answers) {
        match answer {
            Ok(bystanders) if bystanders.is_empty() => {}
            Ok(bystanders) => {
                let losses = format!("takes along what is not ours: {}", listed(&bystanders));
                let address = change.address.to_string();
                if !policy.allow_loss.contains(&address) {
                    let remedy =
                        format!("move it elsewhere, or allow its loss with `--allow-loss {address}`");
                    let why = format!("its removal {losses}");
                    blocked.push(Blocked { address: change.address.clone(), why, remedy });
                }
                change.reason = Some(match change.reason.take() {
                    Some(reason) => format!("{reason}; {losses}"),
                    None => losses,
                });
            }
            Err(error) => failures.push(error),
        }
    }
    plan.blocked.extend(blocked);
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

async fn look(graph: &Graph, snapshot: &Snapshot, change: &Change) -> Result<Vec<String>, ObserveError> {
    let goes = matches!(change.action, Action::Delete | Action::Replace) && change.with.is_none();
    let entry = &graph.kinds[&*change.address.kind];
    let (true, Some(client)) = (goes, snapshot.clients.get(&entry.host)) else { return Ok(Vec::new()) };
    let mut bystanders = Vec::new();
    for seen in snapshot.seen.get(&change.address).into_iter().flatten() {
        let found = entry.kind.bystanders(client, seen).await;
        bystanders.extend(found.map_err(|source| ObserveError { kind: change.address.to_string(), source })?);
    }
    Ok(bystanders)
}

fn listed(bystanders: &[String]) -> String {
    let mut text = bystanders.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(more) = bystanders.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
