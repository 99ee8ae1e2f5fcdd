//! One step: connect, request, and wait until the resource is as requested, or gone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::Run;
use super::convergence::{Converge, Convergence};
use super::turns::Turn;
use crate::diff::{After, FieldChange};
use crate::error::{Class, Error};
use crate::event::{Event, Operation};
use crate::input;
use crate::kind::{AnyClient, Kind, Seen};
use crate::plan;
use crate::resource::{Explanation, Status, Verdict};
use crate::schedule::Step;
use crate::wait::{Ended, Look, Wait};

/// How often a request is repeated whose answer was lost and whose effect cannot be seen.
const ATTEMPTS_AFTER_LOST_ANSWERS: usize = 3;
/// How long the effect of a request whose answer was lost is looked for before it is sent again.
const EFFECT_SHOWS_WITHIN: Duration = Duration::from_secs(15);
/// How long a new resource may stay invisible to reads.
const VISIBLE_WITHIN: Duration = Duration::from_secs(120);

/// One step being carried out.
pub(super) struct Execution<'a> {
    run: &'a Run<'a>,
    step: &'a Step,
    kind: Arc<dyn Kind>,
    desired: Option<Value>,
    wait: Wait,
    /// The turn with which the step began, for its first request.
    turn: Mutex<Option<Turn>>,
    /// Whom to tell that the request was accepted, and the step's number.
    applied: (usize, mpsc::UnboundedSender<usize>),
}

impl<'a> Execution<'a> {
    pub fn new(
        run: &'a Run<'a>,
        step: &'a Step,
        kind: Arc<dyn Kind>,
        desired: Option<Value>,
        wait: Wait,
        turn: Option<Turn>,
        applied: (usize, mpsc::UnboundedSender<usize>),
    ) -> Self {
        Self { run, step, kind, desired, wait, turn: Mutex::new(turn), applied }
    }

    /// Gives the outputs of what was made, changed or awaited.
    pub async fn carry_out(&self, host: usize, access: &Value) -> Result<Option<Value>, Ended> {
        let client = self.client(host, access).await?;
        match self.step.operation {
            Operation::Delete => self.delete(&client).await.map(|()| None),
            Operation::Create => {
                let desired = self.canonical()?;
                let seen = self.create(&client, &desired).await?;
                self.mark_applied();
                self.until_ready(&client, &desired, seen, Convergence::default()).await.map(Some)
            }
            Operation::Update => {
                let desired = self.canonical()?;
                let (seen, convergence) = self.update(&client, &desired).await?;
                self.mark_applied();
                self.until_ready(&client, &desired, seen, convergence).await.map(Some)
            }
            Operation::Await => {
                let desired = self.canonical()?;
                self.mark_applied();
                self.until_ready(&client, &desired, None, Convergence::default()).await.map(Some)
            }
        }
    }

    async fn client(&self, host: usize, access: &Value) -> Result<AnyClient, Ended> {
        if let Some(client) = self.run.connected(host) {
            return Ok(client);
        }
        // Connecting may take long, and changes nothing.
        drop(self.take_turn());
        let connect = async || Ok(Look::Done(self.run.client(host, access).await?));
        self.wait.until(connect, |why, elapsed| self.tell_waiting(why, elapsed)).await
    }

    fn take_turn(&self) -> Option<Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn turn(&self) -> Result<Turn, Ended> {
        match self.take_turn() {
            Some(turn) => Ok(turn),
            None => self.run.turn(self.step.priority).await,
        }
    }

    fn mark_applied(&self) {
        let (index, applied) = &self.applied;
        // The coordinator outlives its steps.
        _ = applied.send(*index);
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

    /// Sends a changing request, again while the service is not ready for it, and after a lost answer only once looks
    /// have shown for a while that it had no effect. `landed` looks. It looks after a conflict, too: where the client repeated a
    /// request whose answer was lost, what conflicts is its own effect.
    async fn request<T>(
        &self,
        mut send: impl AsyncFnMut() -> Result<T, Error>,
        mut landed: impl AsyncFnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Ended> {
        let mut attempts = 0;
        let mut lost: Option<(Duration, String)> = None;
        let attempt = async || {
            if let Some((since, why)) = &lost {
                if let Some(effect) = landed().await? {
                    return Ok(Look::Done(effect));
                }
                if self.wait.elapsed().saturating_sub(*since) < EFFECT_SHOWS_WITHIN {
                    return Ok(Look::not_yet(why.clone()));
                }
                if attempts > ATTEMPTS_AFTER_LOST_ANSWERS {
                    return Err(Error::new(Class::Ambiguous, why.clone()).into());
                }
                lost = None;
            }
            let turn = self.turn().await?;
            let answer = send().await;
            drop(turn);
            match answer {
                Err(error) if error.class == Class::Ambiguous => {
                    attempts += 1;
                    let why = error.chain();
                    lost = Some((self.wait.elapsed(), why.clone()));
                    Ok(landed().await?.map_or(Look::not_yet(why), Look::Done))
                }
                Err(error) if error.class == Class::Conflict => Ok(Look::Done(landed().await?.ok_or(error)?)),
                answer => Ok(Look::Done(answer?)),
            }
        };
        self.wait.until(attempt, |why, elapsed| self.tell_waiting(why, elapsed)).await
    }

    async fn create(&self, client: &AnyClient, desired: &Value) -> Result<Option<Seen>, Ended> {
        let name = &self.step.address.name;
        self.request(
            async || self.kind.create(client, name, desired).await,
            async || Ok(self.read(client).await?.map(Some)),
        )
        .await
    }

    /// Compares again, now that all is known, and requests what is left to change. A lost answer is no matter: what the
    /// request has not changed is requested again while the resource is awaited.
    async fn update(
        &self,
        client: &AnyClient,
        desired: &Value,
    ) -> Result<(Option<Seen>, Convergence), Ended> {
        let seen = self.step.seen.as_ref().ok_or_else(|| Error::bug("an update of nothing"))?;
        let changes = self.differences(desired, seen)?;
        if changes.is_empty() {
            return Ok((Some(seen.clone()), Convergence::default()));
        }
        let send = async || match self.change(client, desired, seen, &changes).await {
            Err(Ended::Failed(error)) if error.class == Class::Ambiguous => {
                Ok(Look::Done((None, Convergence::default())))
            }
            answer => {
                let requested = Convergence::after_request(&changes, self.wait.elapsed());
                answer.map(|seen| Look::Done((seen, requested)))
            }
        };
        self.wait.until(send, |why, elapsed| self.tell_waiting(why, elapsed)).await
    }

    async fn delete(&self, client: &AnyClient) -> Result<(), Ended> {
        let seen = self.step.seen.as_ref().ok_or_else(|| Error::bug("a removal of nothing"))?;
        if !matches!(seen.status, Status::Deleting(_)) {
            let landed = async || {
                let still = self.read_same(client, seen).await?;
                Ok(still.is_none_or(|seen| matches!(seen.status, Status::Deleting(_))).then_some(()))
            };
            self.request(async || self.kind.delete(client, seen).await, landed).await?;
        }
        drop(self.take_turn());
        let look = async || {
            Ok(match self.read_same(client, seen).await? {
                None => match self.kind.remains(client, seen).await? {
                    None => Look::Done(()),
                    Some(explanation) => Look::NotYet(explanation),
                },
                // What had failed before shows so until its removal begins.
                Some(Seen { status: status @ Status::Failed(_), .. }) if status != seen.status => {
                    let why = format!("the removal failed: {}", status.why());
                    return Err(Error::new(Class::Failed, why).into());
                }
                Some(seen) if matches!(seen.status, Status::Deleting(_)) => {
                    Look::NotYet(self.kind.explain(client, &seen).await?)
                }
                Some(_) => Look::not_yet("it is still there"),
            })
        };
        self.wait.until(look, |why, elapsed| self.tell_waiting(why, elapsed)).await
    }

    /// The resource of this step's address, not taking one for it that is to be replaced or was left over.
    async fn read(&self, client: &AnyClient) -> Result<Option<Seen>, Error> {
        let Step { address, others, .. } = self.step;
        match self.kind.read(client, &address.name).await? {
            Some(found) if others.contains(&found.id) => {
                let mut list = self.kind.list(client).await?.into_iter();
                Ok(list.find(|found| found.name == address.name && !others.contains(&found.id)))
            }
            found => Ok(found),
        }
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
        mut convergence: Convergence,
    ) -> Result<Value, Ended> {
        drop(self.take_turn());
        let since = self.wait.elapsed();
        let is_requested = self.step.operation != Operation::Await;
        if is_requested && known.is_none() && self.wait.usually > Duration::from_secs(5) {
            self.tell_waiting("requested", since);
            self.wait.pause().await?;
        }
        let look = async || {
            let seen = match known.take() {
                Some(seen) => Some(seen),
                None => self.read(client).await?,
            };
            let Some(seen) = seen else {
                if self.wait.elapsed().saturating_sub(since) > VISIBLE_WITHIN {
                    let why = "it was there or was requested, but does not exist";
                    return Err(Error::new(Class::Failed, why).into());
                }
                return Ok(Look::not_yet("not visible yet"));
            };
            match &seen.status {
                Status::Ready => {}
                Status::Failed(_) => return Err(failed(self.kind.explain(client, &seen).await?).into()),
                Status::InProgress(_) | Status::Deleting(_) => {
                    return Ok(Look::NotYet(self.kind.explain(client, &seen).await?));
                }
            }
            let differing = self.differences(desired, &seen)?;
            let Some(first) = differing.first() else { return Ok(Look::Done(seen.outputs)) };
            let why = format!("`{}` is not as requested yet{}", first.path, and_is(first));
            match convergence.next(&differing, self.wait.elapsed()) {
                Converge::Request => match self.change(client, desired, &seen, &differing).await {
                    Err(Ended::Failed(error)) if matches!(error.class, Class::NotYet | Class::Ambiguous) => {
                        // It has not been requested, as far as one can tell.
                        convergence = Convergence::default();
                        return Ok(Look::NotYet(error.explanation()));
                    }
                    answer => known = answer?,
                },
                Converge::Wait => {}
                Converge::GiveUp => {
                    return Err(Error::new(Class::Failed, format!("it is ready, but {why}")).into());
                }
            }
            Ok(Look::not_yet(why))
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
    ) -> Result<Option<Seen>, Ended> {
        match self.kind.judge(desired, &seen.attributes, changes)? {
            Verdict::Update => {}
            Verdict::Replace { because, .. } => {
                let why = format!("it would have to be replaced, since {} differs", because.join(", "));
                return Err(surprise(why).into());
            }
            Verdict::Refuse(why) => return Err(surprise(why).into()),
        }
        let _turn = self.turn().await?;
        Ok(self.kind.update(client, desired, seen, changes).await?)
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

/// The error of a resource that will not recover by itself.
fn failed(Explanation { why, hint }: Explanation) -> Error {
    let error = Error::new(Class::Failed, why);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn surprise(what: String) -> Error {
    Error::new(Class::Failed, format!("things turned out otherwise than planned: {what}"))
        .with_hint("plan again and look at what changed")
}
