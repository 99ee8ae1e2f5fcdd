//! Carries a plan out: one coordinator owns all state and starts each step when what it needs is there, the most urgent
//! first; the steps themselves request, then wait.
//!
//! Nothing is undone. A step that fails blocks only what depends on it, and the next run finds what was made and goes
//! on from there. An interruption lets running requests finish and starts nothing new.

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
use crate::diff::{After, FieldChange};
use crate::error::{Class, Error};
use crate::event::{Event, Operation};
use crate::graph::{Graph, Milestone};
use crate::input::{self, Reference};
use crate::kind::{AnyClient, Kind, Seen};
use crate::observe::Snapshot;
use crate::plan::{self, Plan};
use crate::resource::{Status, Verdict};
use crate::schedule::Step;
use crate::wait::{Ended, Look, Wait};

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

/// One step being carried out.
struct Execution<'a> {
    run: &'a Run<'a>,
    step: &'a Step,
    kind: Arc<dyn Kind>,
    desired: Option<Value>,
    wait: Wait,
    applied: Option<(usize, mpsc::UnboundedSender<usize>)>,
}

/// How often a request is repeated whose answer was lost and whose effect cannot be seen.
const ATTEMPTS_AFTER_LOST_ANSWERS: usize = 3;
/// How long a new resource may stay invisible to reads.
const VISIBLE_WITHIN: Duration = Duration::from_secs(120);
/// How long a ready resource may go on to differ, in the same fields, from what was requested.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);
/// After how long a request that seems to have had no effect is sent again.
const REQUEST_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What to do about a resource that is ready, but differs from what is desired.
enum Converge {
    Request,
    Wait,
    GiveUp,
}

/// Remembers in which fields the resource differed, since when, and when that was last requested to change.
#[derive(Default)]
struct Convergence {
    fields: Vec<String>,
    since: Duration,
    requested: Duration,
}

impl Convergence {
    fn next(&mut self, differing: &[FieldChange], now: Duration) -> Converge {
        let fields: Vec<String> = differing.iter().map(|change| change.path.clone()).collect();
        if fields != self.fields {
            *self = Self { fields, since: now, requested: now };
            return Converge::Request;
        }
        if now.saturating_sub(self.since) > SETTLED_WITHIN {
            Converge::GiveUp
        } else if now.saturating_sub(self.requested) > REQUEST_AGAIN_AFTER {
            self.requested = now;
            Converge::Request
        } else {
            Converge::Wait
        }
    }
}

impl Execution<'_> {
    async fn carry_out(&mut self, host: usize, access: &Value) -> Result<Option<Value>, Ended> {
        let run = self.run;
        let connect = || async { run.client(host, access).await.map(Look::Done) };
        let client = match run.connected(host) {
            Some(client) => client,
            None => self.wait.until(connect, |why, elapsed| self.tell_waiting(why, elapsed)).await?,
        };
        match self.step.operation {
            Operation::Delete => self.delete(&client).await.map(|()| None),
            Operation::Create => {
                let desired = self.canonical()?;
                let seen = self.create(&client, &desired).await?;
                self.mark_applied();
                self.until_ready(&client, &desired, seen).await.map(Some)
            }
            Operation::Update => {
                let desired = self.canonical()?;
                let seen = self.update(&client, &desired).await?;
                self.mark_applied();
                self.until_ready(&client, &desired, seen).await.map(Some)
            }
            Operation::Await => {
                let desired = self.canonical()?;
                self.mark_applied();
                self.until_ready(&client, &desired, None).await.map(Some)
            }
        }
    }

    fn mark_applied(&mut self) {
        if let Some((index, applied)) = self.applied.take() {
            // The coordinator outlives its steps.
            _ = applied.send(index);
        }
    }

    fn tell_waiting(&self, why: &str, elapsed: Duration) {
        let Step { address, operation, .. } = self.step;
        self.run.tell(Event::Waiting {
            address: address.clone(),
            operation: *operation,
            why: why.to_owned(),
            elapsed,
        });
    }

    fn canonical(&self) -> Result<Value, Error> {
        let desired = self.desired.as_ref().ok_or_else(|| Error::bug("a step without a desired resource"))?;
        let mut missing = None;
        input::visit_references(desired, &mut |reference| missing = Some(reference));
        match missing {
            Some(reference) => Err(Error::bug(format!("`{}` has no value", reference.readable()))),
            None => self.kind.canonical(desired),
        }
    }

    /// Sends a changing request, again while the service is not ready for it, and after a lost answer only once a look
    /// has shown that it had no effect. `landed` looks. It looks after a conflict, too: where the client repeated a
    /// request whose answer was lost, what conflicts is its own effect.
    async fn request<T>(
        &self,
        mut send: impl AsyncFnMut() -> Result<T, Error>,
        mut landed: impl AsyncFnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Ended> {
        let mut lost = 0;
        let attempt = async || {
            let permit = self.run.requests.acquire().await;
            let answer = send().await;
            drop(permit);
            match answer {
                Err(error) if error.class == Class::Ambiguous => match landed().await? {
                    Some(effect) => Ok(Look::Done(effect)),
                    None if lost < ATTEMPTS_AFTER_LOST_ANSWERS => {
                        lost += 1;
                        Ok(Look::NotYet(error.chain()))
                    }
                    None => Err(error),
                },
                Err(error) if error.class == Class::Conflict => landed().await?.map(Look::Done).ok_or(error),
                answer => answer.map(Look::Done),
            }
        };
        self.wait.until(attempt, |why, elapsed| self.tell_waiting(why, elapsed)).await
    }

    async fn create(&self, client: &AnyClient, desired: &Value) -> Result<Option<Seen>, Ended> {
        let name = &self.step.address.name;
        self.request(
            async || self.kind.create(client, name, desired).await,
            async || Ok(self.kind.read(client, name).await?.map(Some)),
        )
        .await
    }

    /// Compares again, now that all is known, and requests what is left to change.
    async fn update(&self, client: &AnyClient, desired: &Value) -> Result<Option<Seen>, Ended> {
        let seen = self.step.seen.as_ref().ok_or_else(|| Error::bug("an update of nothing"))?;
        let changes = self.differences(desired, seen)?;
        if changes.is_empty() {
            return Ok(Some(seen.clone()));
        }
        // After a lost answer the same update is sent again: updates name the state that is wanted.
        let send = async || match self.change(client, desired, seen, &changes).await {
            Err(error) if error.class == Class::Ambiguous => Ok(Look::NotYet(error.chain())),
            answer => answer.map(Look::Done),
        };
        self.wait.until(send, |why, elapsed| self.tell_waiting(why, elapsed)).await
    }

    async fn delete(&self, client: &AnyClient) -> Result<(), Ended> {
        let seen = self.step.seen.as_ref().ok_or_else(|| Error::bug("a removal of nothing"))?;
        if !matches!(seen.status, Status::Deleting(_)) {
            let look = async || Ok(self.read_same(client, seen).await?.is_none().then_some(()));
            self.request(async || self.kind.delete(client, seen).await, look).await?;
        }
        let look = async || {
            Ok(match self.read_same(client, seen).await? {
                None => Look::Done(()),
                Some(Seen { status: Status::Failed(why), .. }) => {
                    return Err(Error::new(Class::Failed, format!("the removal failed: {why}")));
                }
                Some(seen) => Look::NotYet(match seen.status {
                    Status::Deleting(why) => why,
                    _ => "it is still there".to_owned(),
                }),
            })
        };
        self.wait.until(look, |why, elapsed| self.tell_waiting(why, elapsed)).await
    }

    /// The very resource `seen`, if it still exists; another one may have its name by now.
    async fn read_same(&self, client: &AnyClient, seen: &Seen) -> Result<Option<Seen>, Error> {
        match self.kind.read(client, &seen.name).await? {
            Some(found) if found.id != seen.id => {
                Ok(self.kind.list(client).await?.into_iter().find(|found| found.id == seen.id))
            }
            found => Ok(found),
        }
    }

    fn differences(&self, desired: &Value, seen: &Seen) -> Result<Vec<FieldChange>, Error> {
        let node = self.run.graph.nodes.get(&self.step.address);
        let node = node.ok_or_else(|| Error::bug("a comparison with nothing desired"))?;
        plan::differences(node, desired, seen)
    }

    /// Waits until the resource is ready and just as requested, and gives its outputs. What a creation could not
    /// set at once, or an update could only change one thing at a time, is requested on the way.
    async fn until_ready(
        &self,
        client: &AnyClient,
        desired: &Value,
        mut known: Option<Seen>,
    ) -> Result<Value, Ended> {
        if known.is_none() && self.wait.usually > Duration::from_secs(5) {
            self.tell_waiting("requested", self.wait.elapsed());
            self.wait.pause().await?;
        }
        let mut convergence = Convergence::default();
        let look = async || {
            let seen = match known.take() {
                Some(seen) => Some(seen),
                None => self.kind.read(client, &self.step.address.name).await?,
            };
            let Some(seen) = seen else {
                if self.wait.elapsed() > VISIBLE_WITHIN {
                    return Err(Error::new(Class::Failed, "it was created, but does not exist"));
                }
                return Ok(Look::NotYet("not visible yet".to_owned()));
            };
            match &seen.status {
                Status::Ready => {}
                Status::Failed(why) => return Err(Error::new(Class::Failed, why.clone())),
                Status::InProgress(why) | Status::Deleting(why) => return Ok(Look::NotYet(why.clone())),
            }
            let differing = self.differences(desired, &seen)?;
            let Some(first) = differing.first() else { return Ok(Look::Done(seen.outputs)) };
            let why = format!("`{}` is not as requested yet{}", first.path, and_is(first));
            match convergence.next(&differing, self.wait.elapsed()) {
                Converge::Request => known = self.change(client, desired, &seen, &differing).await?,
                Converge::Wait => {}
                Converge::GiveUp => return Err(Error::new(Class::Failed, format!("it is ready, but {why}"))),
            }
            Ok(Look::NotYet(why))
        };
        let outputs = self.wait.until(look, |why, elapsed| self.tell_waiting(why, elapsed)).await?;
        self.check_foreseen(client, desired, &outputs)?;
        Ok(outputs)
    }

    /// Sends one update, if the difference can be made up by one.
    async fn change(
        &self,
        client: &AnyClient,
        desired: &Value,
        seen: &Seen,
        changes: &[FieldChange],
    ) -> Result<Option<Seen>, Error> {
        match self.kind.judge(desired, &seen.attributes, changes)? {
            Verdict::Update => {}
            Verdict::Replace { because, .. } => {
                return Err(surprise(format!(
                    "it would have to be replaced, since {} differs",
                    because.join(", ")
                )));
            }
            Verdict::Refuse(why) => return Err(surprise(why)),
        }
        let _permit = self.run.requests.acquire().await;
        self.kind.update(client, desired, seen, changes).await
    }

    /// What a plan showed as known must have come true.
    fn check_foreseen(&self, client: &AnyClient, desired: &Value, outputs: &Value) -> Result<(), Error> {
        let foreseen = self.kind.foresee(client, &self.step.address.name, desired)?;
        for (field, value) in foreseen.as_object().into_iter().flatten() {
            if !value.is_null() && outputs.get(field) != Some(value) {
                return Err(surprise(format!("its {field} was foreseen otherwise")));
            }
        }
        Ok(())
    }
}

fn and_is(change: &FieldChange) -> String {
    match (&change.before, &change.after) {
        _ if change.sensitive => String::new(),
        (Some(before), After::Known(after)) => format!(": it is {before} instead of {after}"),
        (None, After::Known(after)) => format!(": it is absent instead of {after}"),
        (Some(before), _) => format!(": it is still {before}"),
        (None, _) => String::new(),
    }
}

fn surprise(what: String) -> Error {
    Error::new(Class::Failed, format!("things turned out otherwise than planned: {what}"))
        .with_hint("plan again and look at what changed")
}
