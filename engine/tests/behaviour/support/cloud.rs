//! A cloud in memory, on tokio's paused clock, that refuses what a real one refuses and fails on demand.
//!
//! What it never does: remove what is in use, make two things of one physical name, or change what cannot change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use holodeck_engine::{Class, Error, Status};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::kinds::Attributes;

/// What goes wrong with one changing request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not carried out.
    Fail,
    /// It is carried out and its answer lost.
    LoseAnswer,
    /// It is not carried out, and its answer is lost.
    LoseRequest,
    /// The service is not ready for it.
    NotYet,
    /// The program is killed before it is carried out.
    KillBefore,
    /// The program is killed when it has been carried out.
    KillAfter,
}

/// How the things of a kind behave.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    pub kind: &'static str,
    /// Seconds until a new one is ready.
    pub create: u64,
    /// Seconds until a change is made.
    pub update: u64,
    /// Seconds until a removed one is gone.
    pub delete: u64,
    /// Whether two of one name may exist at a time.
    pub twins: bool,
    /// Whether a creation takes the label, or only a later update.
    pub label_at_creation: bool,
    /// Whether an update changes only one field.
    pub one_at_a_time: bool,
    /// Whether what it uses can change.
    pub rewires: bool,
}

/// A thing that exists.
#[derive(Clone, Debug)]
pub struct Thing {
    pub behaviour: Behaviour,
    pub name: String,
    /// The id of the cluster that it lives on.
    pub on: Option<String>,
    pub attributes: Attributes,
    pub revision: u64,
    pub visible: Instant,
    pub ready: Instant,
    pub gone: Option<Instant>,
    pub failed: Option<String>,
}

impl Thing {
    pub fn status(&self) -> Status {
        match &self.failed {
            _ if self.gone.is_some() => Status::Deleting("being removed".into()),
            Some(why) => Status::Failed(why.clone()),
            None if self.ready > Instant::now() => Status::InProgress("being made".into()),
            None => Status::Ready,
        }
    }
}

/// A changing request that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub what: String,
    pub began: Instant,
    pub ended: Option<Instant>,
}

#[derive(Default)]
struct State {
    things: BTreeMap<String, Thing>,
    numbers: u64,
    requests: Vec<Request>,
    /// By the number of the request, counted from 0.
    faults: BTreeMap<usize, Fault>,
    /// Faults of the next requests of a text such as `create cloud.network.main`.
    next: BTreeMap<String, Vec<Fault>>,
    invisible: Duration,
    /// Until when something of what had an id is left.
    remains: BTreeMap<String, Instant>,
}

/// The cloud.
#[derive(Default)]
pub struct Cloud {
    state: Mutex<State>,
    /// Notified when a fault kills the program.
    pub killed: Notify,
}

/// How long a changing request takes.
pub const LATENCY: Duration = Duration::from_millis(200);

impl Cloud {
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        state.things.retain(|_, thing| thing.gone.is_none_or(|gone| gone > now));
        let ids: Vec<String> = state.things.keys().cloned().collect();
        state.things.retain(|_, thing| thing.on.as_ref().is_none_or(|on| ids.contains(on)));
        state
    }

    /// Lets the request number `number`, counted from 0 over all runs, go wrong.
    pub fn fault(&self, number: usize, fault: Fault) {
        self.state().faults.insert(number, fault);
    }

    /// Lets the next requests that read `what`, such as `create cloud.network.main`, go wrong one after the other.
    pub fn fault_next(&self, what: &str, faults: &[Fault]) {
        self.state().next.insert(what.to_owned(), faults.to_vec());
    }

    /// New things stay invisible to reads for `duration`.
    pub fn hide_new_things(&self, duration: Duration) {
        self.state().invisible = duration;
    }

    /// Something of what has an id is left after it, until `when`.
    pub fn leave_behind(&self, id: &str, when: Instant) {
        self.state().remains.insert(id.to_owned(), when);
    }

    /// Whether something of what had an id is left.
    pub fn is_left(&self, id: &str) -> bool {
        self.state().remains.get(id).is_some_and(|until| *until > Instant::now())
    }

    /// All that exists, by id.
    pub fn things(&self) -> BTreeMap<String, Thing> {
        self.state().things.clone()
    }

    /// Changes a thing by hand.
    pub fn meddle(&self, address: &str, change: impl Fn(&mut Thing)) {
        let mut state = self.state();
        let mut found = false;
        for thing in state.things.values_mut().filter(|thing| thing.address() == address) {
            change(thing);
            found = true;
        }
        assert!(found, "no {address} to meddle with");
    }

    /// Puts a thing there by hand, and gives its id.
    pub fn put(
        &self,
        behaviour: Behaviour,
        name: &str,
        on: Option<String>,
        attributes: Attributes,
    ) -> String {
        self.state().make(behaviour, name, on, attributes)
    }

    /// Makes what exists vanish at once.
    pub fn vanish(&self, address: &str) {
        self.state().things.retain(|_, thing| thing.address() != address);
    }

    /// The changing requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// What the changing requests so far read.
    pub fn asked(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.what).collect()
    }

    /// The visible things of a kind on a host.
    pub fn list(&self, kind: &str, on: Option<&str>) -> Vec<(String, Thing)> {
        let now = Instant::now();
        let state = self.state();
        let shown = state.things.iter().filter(|(_, thing)| {
            thing.behaviour.kind == kind && thing.on.as_deref() == on && thing.visible <= now
        });
        shown.map(|(id, thing)| (id.clone(), thing.clone())).collect()
    }

    async fn request<T>(
        &self,
        what: String,
        carry_out: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (number, fault) = {
            let mut state = self.state();
            let number = state.requests.len();
            state.requests.push(Request { what: what.clone(), began: Instant::now(), ended: None });
            let named = state.next.get_mut(&what).filter(|next| !next.is_empty()).map(|next| next.remove(0));
            (number, named.or_else(|| state.faults.remove(&number)))
        };
        sleep(LATENCY / 2).await;
        let lost = || Err(Error::new(Class::Ambiguous, "the answer was lost"));
        let answer = match fault {
            Some(Fault::Fail) => Err(Error::new(Class::Failed, format!("{what} failed"))),
            Some(Fault::NotYet) => Err(Error::not_yet("the service is busy")),
            Some(Fault::LoseRequest) => lost(),
            Some(Fault::KillBefore) => self.kill().await,
            Some(Fault::LoseAnswer) => carry_out(&mut self.state()).and_then(|_| lost()),
            Some(Fault::KillAfter) => {
                _ = carry_out(&mut self.state());
                self.kill().await
            }
            None => carry_out(&mut self.state()),
        };
        sleep(LATENCY / 2).await;
        self.state().requests[number].ended = Some(Instant::now());
        answer
    }

    async fn kill<T>(&self) -> T {
        self.killed.notify_one();
        std::future::pending().await
    }

    pub async fn create(
        &self,
        behaviour: Behaviour,
        name: &str,
        on: Option<String>,
        mut attributes: Attributes,
    ) -> Result<(), Error> {
        let carry_out = |state: &mut State| {
            let same = state.things.values().any(|thing| thing.address() == address(behaviour.kind, name));
            if same && !behaviour.twins {
                return Err(Error::new(Class::Conflict, "something of that name exists"));
            }
            if on.as_ref().is_some_and(|on| !state.things.contains_key(on)) {
                return Err(Error::new(Class::Failed, "nobody answers"));
            }
            state.check_uses(&attributes)?;
            if !behaviour.label_at_creation {
                attributes.label = None;
            }
            state.make(behaviour, name, on, attributes);
            Ok(())
        };
        self.request(format!("create {}", address(behaviour.kind, name)), carry_out).await
    }

    pub async fn update(&self, id: &str, wanted: &Attributes) -> Result<(), Error> {
        let name = self.things().get(id).map_or("nothing".to_owned(), Thing::address);
        let carry_out = |state: &mut State| {
            state.check_uses(wanted)?;
            let thing = state.things.get_mut(id).filter(|thing| thing.gone.is_none());
            let thing = thing.ok_or_else(|| Error::new(Class::Refused, "it does not exist"))?;
            if thing.ready > Instant::now() {
                return Err(Error::not_yet("a change is under way"));
            }
            if thing.attributes.flavour != wanted.flavour
                || (thing.attributes.uses != wanted.uses && !thing.behaviour.rewires)
            {
                return Err(Error::new(Class::Refused, "that cannot change"));
            }
            let present = &mut thing.attributes;
            let changed =
                [replace(&mut present.uses, &wanted.uses), replace(&mut present.size, &wanted.size)];
            if !thing.behaviour.one_at_a_time || changed == [false, false] {
                present.label.clone_from(&wanted.label);
                present.secret.clone_from(&wanted.secret);
            }
            thing.revision += 1;
            thing.ready = Instant::now() + Duration::from_secs(thing.behaviour.update);
            Ok(())
        };
        self.request(format!("update {name}"), carry_out).await
    }

    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        let name = self.things().get(id).map_or("nothing".to_owned(), Thing::address);
        let carry_out = |state: &mut State| {
            let user = state.things.values().find(|thing| thing.attributes.ids().any(|used| used == id));
            if let Some(user) = user {
                return Err(Error::not_yet(format!("it is still used by {}", user.address())));
            }
            if let Some(thing) = state.things.get_mut(id)
                && thing.gone.is_none()
            {
                thing.gone = Some(Instant::now() + Duration::from_secs(thing.behaviour.delete));
            }
            Ok(())
        };
        self.request(format!("delete {name}"), carry_out).await
    }
}

fn replace<T: Clone + PartialEq>(present: &mut T, wanted: &T) -> bool {
    let differs = present != wanted;
    present.clone_from(wanted);
    differs
}

fn address(kind: &str, name: &str) -> String {
    format!("{kind}.{name}")
}

impl Thing {
    pub fn address(&self) -> String {
        address(self.behaviour.kind, &self.name)
    }
}

impl State {
    fn check_uses(&self, attributes: &Attributes) -> Result<(), Error> {
        for id in attributes.ids() {
            if self.things.get(id).is_none_or(|thing| thing.gone.is_some()) {
                return Err(Error::new(Class::Refused, format!("it uses {id}, which does not exist")));
            }
        }
        Ok(())
    }

    fn make(
        &mut self,
        behaviour: Behaviour,
        name: &str,
        on: Option<String>,
        attributes: Attributes,
    ) -> String {
        self.numbers += 1;
        let id = format!("{}-{}", behaviour.kind, self.numbers);
        let now = Instant::now();
        let thing = Thing {
            behaviour,
            name: name.to_owned(),
            on,
            attributes,
            revision: 1,
            visible: now + self.invisible,
            ready: now + Duration::from_secs(behaviour.create),
            gone: None,
            failed: None,
        };
        self.things.insert(id.clone(), thing);
        id
    }
}

/// The cloud, or a cluster in it, as a client sees it.
pub struct Place {
    pub cloud: Arc<Cloud>,
    /// The id of the cluster.
    pub on: Option<String>,
}
