//! The coordinator: it alone knows how far each step is, starts what may start, and tells how each step ended.
//!
//! Each need of each step is counted off once, so that the work grows with the number of needs and not faster.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value;
use tokio::sync::mpsc;

use super::execution::Execution;
use super::{Done, Outcome, Run, Settings};
use crate::address::Address;
use crate::error::Error;
use crate::event::{Event, Operation};
use crate::graph::Milestone;
use crate::input::{self, Reference};
use crate::plan::Plan;
use crate::schedule::Step;
use crate::wait::{Ended, Wait};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Running,
    Applied,
    Ready,
    Failed,
    Interrupted,
}

pub(super) struct Coordinator<'a> {
    run: &'a Run<'a>,
    steps: &'a [Step],
    states: Vec<State>,
    /// How many needs of each step are not met yet.
    unmet: Vec<usize>,
    /// Which steps wait for each step, and how far it has to be.
    dependents: Vec<Vec<(usize, Milestone)>>,
    /// The step whose progress met the last need of each step.
    released_by: Vec<Option<usize>>,
    /// The steps that are done, in the order of [`Outcome::done`].
    done: Vec<usize>,
    outputs: BTreeMap<Address, Value>,
    outcome: Outcome,
}

enum StepEnd {
    Done { outputs: Option<Value>, began: Duration },
    Failed(Error),
    Interrupted,
    NotStarted,
}

impl<'a> Coordinator<'a> {
    pub fn new(run: &'a Run<'a>, plan: &'a Plan) -> Self {
        let steps = &plan.steps;
        let mut dependents = vec![Vec::new(); steps.len()];
        for (index, step) in steps.iter().enumerate() {
            for need in &step.needs {
                dependents[need.step].push((index, need.milestone));
            }
        }
        Self {
            run,
            steps,
            states: vec![State::Pending; steps.len()],
            unmet: steps.iter().map(|step| step.needs.len()).collect(),
            dependents,
            released_by: vec![None; steps.len()],
            done: Vec::new(),
            outputs: plan.outputs.clone(),
            outcome: Outcome::default(),
        }
    }

    pub async fn run(mut self) -> Outcome {
        let run = self.run;
        run.tell(Event::Begun { steps: self.steps.len() });
        let (applied, mut has_applied) = mpsc::unbounded_channel();
        let mut running = FuturesUnordered::new();
        let mut startable: BTreeSet<usize> =
            (0..self.steps.len()).filter(|&index| self.unmet[index] == 0).collect();
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
                        self.release(index, Milestone::Applied, &mut startable);
                    }
                }
                Some((index, end)) = running.next() => self.end(index, end, &mut startable),
                () = interrupt.cancelled(), if !self.outcome.interrupted => {}
            }
        }
        self.conclude()
    }

    fn most_urgent_first(&self, startable: BTreeSet<usize>) -> Vec<usize> {
        let mut order: Vec<usize> = startable.into_iter().collect();
        order.sort_by_key(|&index| std::cmp::Reverse(self.steps[index].priority));
        order
    }

    /// Counts off the needs that are met now that the step `index` has reached `milestone`.
    fn release(&mut self, index: usize, milestone: Milestone, startable: &mut BTreeSet<usize>) {
        for &(dependent, needed) in &self.dependents[index] {
            if needed == milestone {
                self.unmet[dependent] -= 1;
                if self.unmet[dependent] == 0 {
                    self.released_by[dependent] = Some(index);
                    startable.insert(dependent);
                }
            }
        }
    }

    fn end(&mut self, index: usize, end: StepEnd, startable: &mut BTreeSet<usize>) {
        let Step { address, operation, .. } = &self.steps[index];
        let (address, operation) = (address.clone(), *operation);
        match end {
            StepEnd::Done { outputs, began } => {
                if let Some(outputs) = outputs {
                    self.outputs.insert(address.clone(), outputs);
                }
                let ended = self.run.settings.clock.now();
                let took = ended.saturating_sub(began);
                self.run.tell(Event::Finished { address: address.clone(), operation, took });
                self.done.push(index);
                self.outcome.done.push(Done { address, operation, began, ended, released_by: None });
                if self.states[index] == State::Running {
                    self.release(index, Milestone::Applied, startable);
                }
                self.states[index] = State::Ready;
                self.release(index, Milestone::Ready, startable);
            }
            StepEnd::Failed(error) => {
                self.states[index] = State::Failed;
                let (text, hint) = (error.chain(), error.hint().map(str::to_owned));
                self.run.tell(Event::Failed { address: address.clone(), operation, error: text, hint });
                self.outcome.failed.push((address, operation, error));
            }
            StepEnd::Interrupted => self.states[index] = State::Interrupted,
            StepEnd::NotStarted => self.states[index] = State::Pending,
        }
    }

    /// Tells of each step that was not attempted and because of what, and links the steps that are done.
    fn conclude(mut self) -> Outcome {
        let blame = self.blame();
        let mut cut_off = self.states.contains(&State::Interrupted);
        for (index, step) in self.steps.iter().enumerate() {
            if self.states[index] != State::Pending {
                continue;
            }
            let because = match blame[index] {
                Some(failed) => format!("`{}` failed", self.steps[failed].address),
                None => {
                    cut_off = true;
                    "the run was interrupted".to_owned()
                }
            };
            let (address, operation) = (step.address.clone(), step.operation);
            self.run.tell(Event::Skipped { address: address.clone(), operation, because });
            self.outcome.skipped.push((address, operation));
        }
        self.outcome.interrupted &= cut_off;
        let place: BTreeMap<usize, usize> =
            self.done.iter().enumerate().map(|(place, &index)| (index, place)).collect();
        for (done, index) in self.outcome.done.iter_mut().zip(&self.done) {
            done.released_by = self.released_by[*index].and_then(|by| place.get(&by).copied());
        }
        self.outcome
    }

    /// For each step that was not attempted, the failed step that it needs, directly or not.
    fn blame(&self) -> Vec<Option<usize>> {
        let mut blame = vec![None; self.steps.len()];
        let mut open: VecDeque<(usize, usize)> = (0..self.steps.len())
            .filter(|&index| self.states[index] == State::Failed)
            .map(|index| (index, index))
            .collect();
        while let Some((at, failed)) = open.pop_front() {
            for &(dependent, _) in &self.dependents[at] {
                if self.states[dependent] == State::Pending && blame[dependent].is_none() {
                    blame[dependent] = Some(failed);
                    open.push_back((dependent, failed));
                }
            }
        }
        blame
    }

    fn lookup(&self, reference: &Reference) -> Option<Value> {
        self.outputs.get(&reference.address)?.get(&reference.field).filter(|value| !value.is_null()).cloned()
    }

    /// Carries one step out. It counts as started once it is its turn; an interruption before that leaves it pending.
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
        async move {
            let turn = match step.operation {
                Operation::Await => None,
                _ => match run.turn(step.priority).await {
                    Ok(turn) => Some(turn),
                    Err(_) => return (index, StepEnd::NotStarted),
                },
            };
            let usually = step.usually();
            run.tell(Event::Started { address: step.address.clone(), operation: step.operation, usually });
            let Settings { clock, interrupt, .. } = run.settings;
            let wait = Wait::new(clock.clone(), interrupt.clone(), step.durations, usually);
            let began = wait.since;
            let kind = entry.kind.clone();
            let execution = Execution::new(run, step, kind, desired, wait, turn, (index, applied));
            let end = match execution.carry_out(entry.host, &access).await {
                Ok(outputs) => StepEnd::Done { outputs, began },
                Err(Ended::Failed(error)) => StepEnd::Failed(error),
                Err(Ended::Interrupted) => StepEnd::Interrupted,
            };
            (index, end)
        }
    }
}
