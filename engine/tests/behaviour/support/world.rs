//! Runs the engine over the cloud in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use holodeck_engine::apply::apply;
use holodeck_engine::clock::RealTime;
use holodeck_engine::observe::observe;
use holodeck_engine::{
    Action, Address, Event, Graph, Input, Outcome, Plan, Policy, Reference, Resource, Settings, Snapshot,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::cloud::{Cloud, Place};
use super::kinds::{Cache, Cluster, Database, Fleet, Network, Object, Session, Subnet, Template};

/// A graph with all kinds registered: the objects live on the cluster `main`.
pub fn graph(cloud: &Arc<Cloud>) -> Graph {
    let mut graph = Graph::new();
    let on_account = cloud.clone();
    let account = graph.host(&(), move |()| {
        let cloud = on_account.clone();
        Box::pin(async move { Ok(Arc::new(Place { cloud, on: None })) })
    });
    graph.register::<Network>(account);
    graph.register::<Subnet>(account);
    graph.register::<Cluster>(account);
    graph.register::<Database>(account);
    graph.register::<Template>(account);
    graph.register::<Fleet>(account);
    graph.register::<Cache>(account);
    let address = Address::new(Cluster::KIND, "main");
    let endpoint: Input<String> = Input::Output(Reference { address, field: "endpoint".into() });
    let on_cluster = cloud.clone();
    let cluster = graph.host(&endpoint, move |endpoint: Input<String>| {
        let cloud = on_cluster.clone();
        Box::pin(async move {
            let id = endpoint.get()?.trim_start_matches("https://").to_owned();
            if !cloud.things().contains_key(&id) {
                return Err(holodeck_engine::Error::new(holodeck_engine::Class::Failed, "nobody answers"));
            }
            Ok(Arc::new(Place { cloud, on: Some(id) }))
        })
    });
    graph.register::<Object>(cluster);
    let inside = graph.host_through(cluster, |cluster: Arc<Place>| Place {
        cloud: cluster.cloud.clone(),
        on: cluster.on.clone(),
    });
    graph.register::<Session>(inside);
    graph
}

/// What exists, or the test fails.
pub async fn look(graph: &Graph) -> Snapshot {
    observe(graph).await.unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The plan that makes what is desired.
pub async fn plan(graph: &Graph) -> Plan {
    plan_with(graph, &Policy::default()).await
}

/// The plan that makes what is desired under a policy.
pub async fn plan_with(graph: &Graph, policy: &Policy) -> Plan {
    Plan::up(graph, &look(graph).await, policy).unwrap_or_else(|error| panic!("{error}"))
}

/// A policy that allows all replacements.
pub fn allow_all(graph: &Graph) -> Policy {
    let allow_replace: BTreeSet<String> = graph.addresses().map(Address::to_string).collect();
    Policy { allow_replace, ..Policy::default() }
}

/// How a run is made.
pub struct Run {
    pub parallelism: usize,
    pub interrupt: CancellationToken,
}

impl Default for Run {
    fn default() -> Self {
        Self { parallelism: 10, interrupt: CancellationToken::new() }
    }
}

impl Run {
    /// Carries a plan out; `None` if it was killed.
    pub async fn carry_out(
        &self,
        cloud: &Cloud,
        graph: &Graph,
        snapshot: &Snapshot,
        plan: &Plan,
    ) -> (Option<Outcome>, Vec<Event>) {
        let settings = Settings {
            parallelism: self.parallelism,
            clock: Arc::new(RealTime::default()),
            interrupt: self.interrupt.clone(),
        };
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let outcome = tokio::select! {
            outcome = apply(graph, snapshot, plan, &settings, sender) => Some(outcome),
            () = cloud.killed.notified() => None,
        };
        let mut events = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            events.push(event);
        }
        (outcome, events)
    }

    /// Makes what is desired, replacing what has to be.
    pub async fn up(&self, cloud: &Cloud, graph: &Graph) -> (Option<Outcome>, Vec<Event>) {
        let snapshot = look(graph).await;
        let plan = Plan::up(graph, &snapshot, &allow_all(graph)).unwrap_or_else(|error| panic!("{error}"));
        assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
        self.carry_out(cloud, graph, &snapshot, &plan).await
    }

    /// Removes everything.
    pub async fn destroy(&self, cloud: &Cloud, graph: &Graph) -> (Option<Outcome>, Vec<Event>) {
        let snapshot = look(graph).await;
        let plan = Plan::destroy(graph, &snapshot).unwrap_or_else(|error| panic!("{error}"));
        self.carry_out(cloud, graph, &snapshot, &plan).await
    }
}

/// Makes what is desired and expects it to go well.
pub async fn up(cloud: &Cloud, graph: &Graph) -> Vec<Event> {
    let (outcome, events) = Run::default().up(cloud, graph).await;
    let outcome = outcome.expect("the run was killed");
    assert!(outcome.is_complete(), "{outcome:?}");
    let left = plan(graph).await;
    let open: Vec<_> = left.changes.iter().filter(|change| change.action != Action::Unchanged).collect();
    assert!(open.is_empty() && left.steps() == 0, "not done: {open:?}");
    events
}
