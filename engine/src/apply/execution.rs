//! One step: the request, repeated only where that is safe, and the wait until what exists is what was requested.
//!
//! A creation may ask for less than all: whatever then still differs is requested as an update, so that a run which was
//! interrupted in between is completed by the next one in the same way.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::Run;
use crate::diff::{After, FieldChange};
use crate::error::{Class, Error};
use crate::event::{Event, Operation};
use crate::input;
use crate::kind::{AnyClient, Kind, Seen};
use crate::plan;
use crate::resource::{Status, Verdict};
use crate::schedule::Step;
use crate::wait::{Ended, Look, Wait};

/// One step being carried out.
pub(super) struct Execution<'a> {
    pub run: &'a Run<'a>,
    pub step: &'a Step,
    pub kind: Arc<dyn Kind>,
    pub desired: Option<Value>,
    pub wait: Wait,
    /// Where to tell that the request was accepted; taken once that is done.
    pub applied: Option<(usize, mpsc::UnboundedSender<usize>)>,
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
    /// Requests and waits; gives the outputs of what is there afterwards.
    pub async fn carry_out(&mut self, host: usize, access: &Value) -> Result<Option<Value>, Ended> {
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
