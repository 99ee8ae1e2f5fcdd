//! Carries a plan out: one coordinator owns all state and starts each step when what it needs is there, the most urgent
//! first; the steps themselves request, then wait.
//!
//! Nothing is undone. A step that fails blocks only what depends on it, and the next run finds what was made and goes
//! on from there. An interruption lets running requests finish and starts nothing new.

mod execution;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::clock::Clock;
use crate::error::Error;
use crate::event::{Event, Operation};
use crate::graph::{Graph, Milestone};
use crate::input::{self, Reference};
use crate::kind::AnyClient;
use crate::observe::Snapshot;
use crate::plan::Plan;
use crate::schedule::Step;
use crate::wait::{Ended, Wait};

use execution::Execution;

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
    /// Whether an interruption ended the run.
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
        requests: Semaphore::new(settings.parallelism.max(1)),
        clients: Mutex::new(snapshot.clients.clone()),
        connecting: tokio::sync::Mutex::new(()),
    };
    Coordinator::new(&run, snapshot, plan).run().await
}

/// What all steps of one run share.
struct Run<'a> {
    graph: &'a Graph,
    settings: &'a Settings,
    events: mpsc::UnboundedSender<Event>,
    requests: Semaphore,
    clients: Mutex<BTreeMap<usize, AnyClient>>,
    connecting: tokio::sync::Mutex<()>,
}

impl Run<'_> {
    fn tell(&self, event: Event) {
        // The receiver may have gone; the work goes on.
        _ = self.events.send(event);
    }

    fn connected(&self, host: usize) -> Option<AnyClient> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&host).cloned()
    }

    /// The client of a host, connected at first use; hosts are connected to one at a time.
    async fn client(&self, host: usize, access: &Value) -> Result<AnyClient, Error> {
        let _turn = self.connecting.lock().await;
        if let Some(client) = self.connected(host) {
            return Ok(client);
        }
        let client = (self.graph.hosts[host].connect)(access.clone()).await?;
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(host, client.clone());
        Ok(client)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Running,
    Applied,
    Ready,
    Ended,
}

impl State {
    fn has_reached(self, milestone: Milestone) -> bool {
        match milestone {
            Milestone::Applied => matches!(self, Self::Applied | Self::Ready),
            Milestone::Ready => self == Self::Ready,
        }
    }
}

struct Coordinator<'a> {
    run: &'a Run<'a>,
    steps: &'a [Step],
    states: Vec<State>,
    /// Which steps wait for each step.
    dependents: Vec<BTreeSet<usize>>,
    released_by: Vec<Option<usize>>,
    outputs: BTreeMap<Address, Value>,
    outcome: Outcome,
}

enum StepEnd {
    Done { outputs: Option<Value>, began: Duration },
    Failed(Error),
    Interrupted,
}

impl<'a> Coordinator<'a> {
    fn new(run: &'a Run<'a>, snapshot: &Snapshot, plan: &'a Plan) -> Self {
        let mut dependents = vec![BTreeSet::new(); plan.steps.len()];
        for (index, step) in plan.steps.iter().enumerate() {
            for need in &step.needs {
                dependents[need.step].insert(index);
            }
        }
        let outputs = snapshot
            .seen
            .iter()
            .filter_map(|(address, seen)| Some((address.clone(), seen.first()?.outputs.clone())))
            .collect();
        Self {
            run,
            steps: &plan.steps,
            states: vec![State::Pending; plan.steps.len()],
            dependents,
            released_by: vec![None; plan.steps.len()],
            outputs,
            outcome: Outcome::default(),
        }
    }

    async fn run(mut self) -> Outcome {
        let run = self.run;
        run.tell(Event::Begun { steps: self.steps.len() });
        // What is made anew puts out nothing until it is there.
        for step in self.steps.iter().filter(|step| step.operation != Operation::Await) {
            self.forget_outputs(step);
        }
        let (applied, mut has_applied) = mpsc::unbounded_channel();
        let mut running = FuturesUnordered::new();
        let mut startable: BTreeSet<usize> =
            (0..self.steps.len()).filter(|&i| self.is_startable(i)).collect();
        let interrupt = &run.settings.interrupt;
        loop {
            if interrupt.is_cancelled() && !self.outcome.interrupted {
                self.outcome.interrupted = true;
                run.tell(Event::Interrupted);
            }
            for index in self.most_urgent_first(std::mem::take(&mut startable)) {
                if self.outcome.interrupted {
                    break;
                }
                self.states[index] = State::Running;
                running.push(self.start(index, applied.clone()));
            }
            if running.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Some(index) = has_applied.recv() => {
                    if self.states[index] == State::Running {
                        self.states[index] = State::Applied;
                        self.release(index, &mut startable);
                    }
                }
                Some((index, end)) = running.next() => self.end(index, end, &mut startable),
                () = interrupt.cancelled(), if !self.outcome.interrupted => {}
            }
        }
        self.skip_the_rest();
        self.outcome
    }

    fn forget_outputs(&mut self, step: &Step) {
        let Some(outputs) = self.outputs.get_mut(&step.address).and_then(Value::as_object_mut) else {
            return;
        };
        match step.operation {
            Operation::Update => {
                let volatile = self.run.graph.kinds[&*step.address.kind].kind.volatile();
                outputs.retain(|field, _| !volatile.contains(&field.as_str()));
            }
            _ => outputs.clear(),
        }
    }

    fn is_startable(&self, index: usize) -> bool {
        self.states[index] == State::Pending
            && self.steps[index].needs.iter().all(|need| self.states[need.step].has_reached(need.milestone))
    }

    fn most_urgent_first(&self, startable: BTreeSet<usize>) -> Vec<usize> {
        let mut order: Vec<usize> = startable.into_iter().collect();
        order.sort_by_key(|&index| std::cmp::Reverse(self.steps[index].priority));
        order
    }

    fn release(&mut self, index: usize, startable: &mut BTreeSet<usize>) {
        for &dependent in &self.dependents[index] {
            if self.is_startable(dependent) {
                self.released_by[dependent] = Some(index);
                startable.insert(dependent);
            }
        }
    }

    fn end(&mut self, index: usize, end: StepEnd, startable: &mut BTreeSet<usize>) {
        let Step { address, operation, .. } = &self.steps[index];
        match end {
            StepEnd::Done { outputs, began } => {
                self.states[index] = State::Ready;
                if let Some(outputs) = outputs {
                    self.outputs.insert(address.clone(), outputs);
                }
                let ended = self.run.settings.clock.now();
                self.run.tell(Event::Finished {
                    address: address.clone(),
                    operation: *operation,
                    took: ended.saturating_sub(began),
                });
                let released_by = self.released_by[index]
                    .and_then(|by| self.outcome.done.iter().position(|done| self.steps[by].is_the_one(done)));
                let (address, operation) = (address.clone(), *operation);
                self.outcome.done.push(Done { address, operation, began, ended, released_by });
                self.release(index, startable);
            }
            StepEnd::Failed(error) => {
                self.states[index] = State::Ended;
                self.run.tell(Event::Failed {
                    address: address.clone(),
                    operation: *operation,
                    error: error.chain(),
                    hint: error.hint().map(str::to_owned),
                });
                self.outcome.failed.push((address.clone(), *operation, error));
            }
            StepEnd::Interrupted => self.states[index] = State::Ended,
        }
    }

    /// Tells of each step that was not attempted, and because of what.
    fn skip_the_rest(&mut self) {
        for (index, step) in self.steps.iter().enumerate() {
            if self.states[index] != State::Pending {
                continue;
            }
            let because = match self.blocker(index) {
                Some(blocker) if !self.outcome.interrupted => {
                    format!("`{}` failed", self.steps[blocker].address)
                }
                _ => "the run was interrupted".to_owned(),
            };
            let (address, operation) = (step.address.clone(), step.operation);
            self.run.tell(Event::Skipped { address: address.clone(), operation, because });
            self.outcome.skipped.push((address, operation));
        }
    }

    /// The step that ended without success and that `index` needs, directly or not.
    fn blocker(&self, index: usize) -> Option<usize> {
        let mut stack = vec![index];
        let mut visited = BTreeSet::new();
        while let Some(at) = stack.pop() {
            if self.states[at] == State::Ended {
                return Some(at);
            }
            if visited.insert(at) {
                stack.extend(self.steps[at].needs.iter().map(|need| need.step));
            }
        }
        None
    }

    fn lookup(&self, reference: &Reference) -> Option<Value> {
        self.outputs.get(&reference.address)?.get(&reference.field).filter(|value| !value.is_null()).cloned()
    }

    fn start(
        &self,
        index: usize,
        applied: mpsc::UnboundedSender<usize>,
    ) -> impl Future<Output = (usize, StepEnd)> + use<'a> {
        let run = self.run;
        let step = &self.steps[index];
        let node = run.graph.nodes.get(&step.address);
        let entry = &run.graph.kinds[&*step.address.kind];
        let access = input::resolve(&run.graph.hosts[entry.host].access, &|r| self.lookup(r));
        let desired = node.map(|node| input::resolve(&node.desired, &|r| self.lookup(r)));
        let kind = entry.kind.clone();
        let usually = step.usually();
        let wait =
            Wait::new(run.settings.clock.clone(), run.settings.interrupt.clone(), step.durations, usually);
        run.tell(Event::Started { address: step.address.clone(), operation: step.operation, usually });
        async move {
            let began = wait.since;
            let mut execution = Execution { run, step, kind, desired, wait, applied: Some((index, applied)) };
            let end = match execution.carry_out(entry.host, &access).await {
                Ok(outputs) => StepEnd::Done { outputs, began },
                Err(Ended::Failed(error)) => StepEnd::Failed(error),
                Err(Ended::Interrupted) => StepEnd::Interrupted,
            };
            (index, end)
        }
    }
}

impl Step {
    fn is_the_one(&self, done: &Done) -> bool {
        self.address == done.address && self.operation == done.operation
    }
}
