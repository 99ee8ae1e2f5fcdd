//! Carries a plan out: one coordinator owns all state and starts each step when what it needs is there, the most urgent
//! first; the steps themselves request, then wait.
//!
//! Nothing is undone. A step that fails blocks only what depends on it, and the next run finds what was made and goes
//! on from there. An interruption lets running requests finish and starts nothing new.

mod convergence;
mod coordinator;
mod execution;
mod turns;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::clock::Clock;
use crate::error::Error;
use crate::event::{Event, Operation};
use crate::graph::{Graph, Way};
use crate::input;
use crate::kind::AnyClient;
use crate::observe::Snapshot;
use crate::plan::Plan;
use crate::wait::Ended;
use coordinator::Coordinator;
use turns::{Turn, Turns};

/// How a plan is carried out.
pub struct Settings {
    /// The most changing requests at a time.
    pub parallelism: usize,
    /// The time by which waits, time-outs and reports go.
    pub clock: Arc<dyn Clock>,
    /// Cancelled to ask for an orderly end: running requests finish, nothing new starts.
    pub interrupt: CancellationToken,
}

/// A step that was carried out.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Done {
    /// Which resource.
    pub address: Address,
    /// What was done.
    pub operation: Operation,
    /// When it began, by the clock.
    pub began: Duration,
    /// When it was finished.
    pub ended: Duration,
    /// The step that it waited for last, if any: following these backwards from the last step gives the chain that
    /// determined how long the run took.
    pub released_by: Option<usize>,
}

/// How carrying out a plan ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Steps that were carried out, in the order in which they finished.
    pub done: Vec<Done>,
    /// Steps that failed.
    pub failed: Vec<(Address, Operation, Error)>,
    /// Steps that were not attempted.
    pub skipped: Vec<(Address, Operation)>,
    /// Whether an interruption ended the run before all was done that could be.
    pub interrupted: bool,
}

impl Outcome {
    /// Whether all steps were carried out.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && !self.interrupted
    }
}

/// Carries out `plan`. Events go to `events`; a receiver that is gone is no reason to stop.
///
/// Errors of single steps stand in the outcome. A plan with blocked changes is a caller's mistake and does nothing.
pub async fn apply(
    graph: &Graph,
    snapshot: &Snapshot,
    plan: &Plan,
    settings: &Settings,
    events: mpsc::UnboundedSender<Event>,
) -> Outcome {
    if let Some(blocked) = plan.blocked.first() {
        let error = Error::bug("a plan with blocked changes cannot be applied");
        let failed = vec![(blocked.address.clone(), Operation::Await, error)];
        return Outcome { failed, ..Outcome::default() };
    }
    let run = Run {
        graph,
        settings,
        events,
        turns: Turns::new(settings.parallelism),
        clients: Mutex::new(lasting_clients(graph, snapshot, plan)),
        connecting: tokio::sync::Mutex::new(()),
    };
    Coordinator::new(&run, plan).run().await
}

/// The clients of the observed hosts that the plan leaves as they are; the others are connected to anew.
fn lasting_clients(graph: &Graph, snapshot: &Snapshot, plan: &Plan) -> BTreeMap<usize, AnyClient> {
    let lasts = |host: usize| {
        let mut known = true;
        input::visit_references(&graph.hosts[host].access, &mut |reference| {
            let outputs = plan.outputs.get(&reference.address);
            known &= outputs.is_some_and(|o| o.get(&reference.field).is_some_and(|value| !value.is_null()));
        });
        known
    };
    snapshot
        .clients
        .iter()
        .filter(|(host, _)| lasts(**host))
        .map(|(h, client)| (*h, client.clone()))
        .collect()
}

/// What all steps of one run share.
struct Run<'a> {
    graph: &'a Graph,
    settings: &'a Settings,
    events: mpsc::UnboundedSender<Event>,
    /// Bounds the changing requests at a time.
    turns: Turns,
    clients: Mutex<BTreeMap<usize, AnyClient>>,
    connecting: tokio::sync::Mutex<()>,
}

impl Run<'_> {
    fn tell(&self, event: Event) {
        // The receiver may have gone; the work goes on.
        _ = self.events.send(event);
    }

    /// Waits for a turn at a changing request; none is given after an interruption.
    async fn turn(&self, priority: Duration) -> Result<Turn, Ended> {
        tokio::select! {
            biased;
            () = self.settings.interrupt.cancelled() => Err(Ended::Interrupted),
            turn = self.turns.take(priority) => Ok(turn),
        }
    }

    fn connected(&self, host: usize) -> Option<AnyClient> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&host).cloned()
    }

    /// The client of a host, connected at first use; hosts are connected to one at a time.
    async fn client(&self, host: usize, access: &Value) -> Result<AnyClient, Error> {
        let _turn = self.connecting.lock().await;
        self.connect(host, access).await
    }

    fn connect<'b>(&'b self, host: usize, access: &'b Value) -> BoxFuture<'b, Result<AnyClient, Error>> {
        async move {
            if let Some(client) = self.connected(host) {
                return Ok(client);
            }
            let client = match &self.graph.hosts[host].way {
                Way::Connect(connect) => connect(access.clone()).await?,
                Way::Through(other, derive) => derive(self.connect(*other, access).await?)?,
            };
            self.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(host, client.clone());
            Ok(client)
        }
        .boxed()
    }
}
