//! What a kind of resource brings: its attributes, its outputs, and how to look at, make, change and remove it.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::diff::FieldChange;
use crate::error::Error;

/// A kind of resource. The implementing type holds the attributes, desired or actual: both have the same type, so one
/// generic comparison serves every kind.
///
/// Rules for implementers:
/// - A desired field that serialises as `null` is unmanaged: whatever is there is fine. Never skip a field on
///   serialisation.
/// - Fields whose order has no meaning are `BTreeSet`s or `BTreeMap`s.
/// - No method sleeps or polls. `create`, `update` and `delete` send the request and return; the engine observes until
///   the resource is ready or gone. An error of class [`NotYet`](crate::Class::NotYet) makes the engine try again.
/// - `create` sends the one request that makes the resource, with all that it takes. What needs further requests, the
///   engine asks of `update` as soon as the resource is ready and differs: an interruption in between loses nothing.
///   Likewise an `update` may change one thing at a time.
/// - Observing changes nothing.
pub trait Resource: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The kind's name and the first part of its addresses, such as `aws.subnet`.
    const KIND: &'static str;
    /// Facts that are born with the resource and that others refer to. A field that is `null` is not known yet.
    type Outputs: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;
    /// The connection that the kind talks through, brought by its [`Host`](crate::Host).
    type Client: Send + Sync + 'static;

    /// Outputs that an update may change; they are unknown in a plan that updates the resource.
    const VOLATILE: &'static [&'static str] = &[];
    /// Paths of fields whose values are never shown.
    const SENSITIVE: &'static [&'static str] = &[];
    /// Whether replacing it loses nothing of value, so that it needs no permission.
    const DISPOSABLE: bool = false;
    /// Whether it holds what cannot be made again: replacing it always needs a permission of its own, also as the
    /// consequence of another replacement.
    const PRECIOUS: bool = false;
    /// Whether such resources are never desired, but left behind by others. Only a removal of everything takes them
    /// away: they may hold what somebody misses.
    const LEFTOVER: bool = false;
    /// Whether it comes to an end with what it depends on, as the state of a server does. Then it is not removed for its
    /// own sake, neither when it is no longer desired nor when everything is removed; only a replacement removes it.
    const INSEPARABLE: bool = false;

    /// How long the kind's operations usually take, and when to give up.
    fn durations(&self) -> Durations {
        Durations::QUICK
    }

    /// Whether the change from `actual` to `self` is an update in place, a replacement, or impossible. `changes` is never
    /// empty.
    fn judge(&self, _actual: &Self, _changes: &[FieldChange]) -> Verdict {
        Verdict::Update
    }

    /// `actual` as it should be compared with `self`: without what the service adds by itself.
    fn project(&self, actual: Self) -> Self {
        actual
    }

    /// The outputs that are certain before the resource exists, such as an ARN that follows from a name: an object with
    /// some of the fields of [`Self::Outputs`]. They read as known in a plan, and the engine stops if they turn out
    /// otherwise.
    fn foresee(&self, _client: &Self::Client, _name: &str) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Whether replacing this one loses nothing of value, where its kind alone does not tell.
    fn is_disposable(&self) -> bool {
        Self::DISPOSABLE
    }

    /// Why this one is not removed just because it is no longer desired, as what to do first; `None` where nothing
    /// stands in the way. A removal of everything does not ask.
    fn kept(&self) -> Option<String> {
        None
    }

    /// Why its removal would lose data, if it would: then a removal needs a permission just because it is no longer
    /// desired. A removal of everything does not ask.
    fn holds_data(&self) -> Option<String> {
        None
    }

    /// What others keep within `seen`, and would lose with it, as texts for people. Looked for only before it is removed
    /// or made anew.
    fn bystanders(
        _client: &Self::Client,
        _seen: &Observed<Self>,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send {
        async { Ok(Vec::new()) }
    }

    /// All resources of this kind that we own, in as few requests as possible.
    fn list(client: &Self::Client) -> impl Future<Output = Result<Vec<Observed<Self>>, Error>> + Send;

    /// The resource `name`, if it exists and is ours. Override it where one can be read for less than the list.
    fn read(
        client: &Self::Client,
        name: &str,
    ) -> impl Future<Output = Result<Option<Observed<Self>>, Error>> + Send {
        async move { Ok(Self::list(client).await?.into_iter().find(|observed| observed.name == name)) }
    }

    /// Why `seen` is not ready, or not gone: what its status says, with whatever further requests find out about it. The
    /// engine asks while it waits for the resource, and only then.
    fn explain(_client: &Self::Client, seen: &Observed<Self>) -> impl Future<Output = Explanation> + Send {
        let explanation = Explanation::from(seen.status.why());
        async move { explanation }
    }

    /// What is still there of `seen` once it is gone itself, and that others remove later, as they do a volume. The removal
    /// waits for that too.
    fn remains(
        _client: &Self::Client,
        _seen: &Observed<Self>,
    ) -> impl Future<Output = Option<Explanation>> + Send {
        async { None }
    }

    /// Requests the creation, with exactly one request that makes something. All inputs are known. May return what the answer already told, to save a read.
    fn create(
        &self,
        client: &Self::Client,
        name: &str,
    ) -> impl Future<Output = Result<Option<Observed<Self>>, Error>> + Send;

    /// Requests the change of `seen` to `self`; `changes` are the fields that differ.
    fn update(
        &self,
        client: &Self::Client,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> impl Future<Output = Result<Option<Observed<Self>>, Error>> + Send;

    /// Requests the removal of `seen`; what is gone already is no error.
    fn delete(client: &Self::Client, seen: &Observed<Self>)
    -> impl Future<Output = Result<(), Error>> + Send;
}

/// A resource as it exists.
#[derive(Clone, Debug)]
pub struct Observed<R: Resource> {
    /// The name that it has in addresses, from a tag, a label or its own name.
    pub name: String,
    /// What identifies it to the service, globally: an ARN, a UID. Where the attributes of another observed resource
    /// contain this text as a whole value, that resource uses this one.
    pub id: String,
    /// Its attributes.
    pub attributes: R,
    /// Its outputs.
    pub outputs: R::Outputs,
    /// Whether it is ready.
    pub status: Status,
    /// The `id`s of resources that it uses, beyond those in its attributes: they are removed after it.
    pub uses: Vec<String>,
}

/// How an existing resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It works and is as requested.
    Ready,
    /// Something is under way; the text tells what is awaited and why it is not there yet.
    InProgress(String),
    /// It failed, and will not recover by itself; the text tells why.
    Failed(String),
    /// It is being removed.
    Deleting(String),
}

impl Status {
    /// The explanation that goes with it.
    pub fn why(&self) -> &str {
        match self {
            Self::Ready => "ready",
            Self::InProgress(why) | Self::Failed(why) | Self::Deleting(why) => why,
        }
    }
}

/// Why something is not there yet, for those who wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is awaited, and what keeps it from being there.
    pub why: String,
    /// What to do to learn more, such as a command to run. It is shown if the wait ends in vain.
    pub hint: Option<String>,
}

impl<T: Into<String>> From<T> for Explanation {
    fn from(why: T) -> Self {
        Self { why: why.into(), hint: None }
    }
}

/// What a change amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Changed in place.
    Update,
    /// Made anew, since the fields named cannot change in place.
    Replace {
        /// Paths of the fields that force it.
        because: Vec<String>,
        /// Which of the two comes first.
        order: Order,
    },
    /// Not possible at all; the text tells why, and what to do.
    Refuse(String),
}

impl Verdict {
    /// A replacement if one of `immutable` (a path or the beginning of one, up to a dot or bracket) is among `changes`, else an update.
    pub fn replace_if_changed(changes: &[FieldChange], immutable: &[&str], order: Order) -> Self {
        let because: Vec<String> = changes
            .iter()
            .filter(|change| immutable.iter().any(|field| change.is_within(field)))
            .map(|change| change.path.clone())
            .collect();
        if because.is_empty() { Self::Update } else { Self::Replace { because, order } }
    }
}

/// The order of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The old one goes first: its name or address cannot be held twice.
    DeleteFirst,
    /// The new one comes first. The kind gives both distinct physical names, and lists both under the same name.
    CreateFirst,
}

/// How long operations usually take, and when the engine gives up waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durations {
    /// Usual time from the request to readiness.
    pub create: Duration,
    /// Usual time of an update.
    pub update: Duration,
    /// Usual time until it is gone.
    pub delete: Duration,
    /// The most that is waited for one operation.
    pub timeout: Duration,
}

impl Durations {
    /// Done within about a second; given up after five minutes.
    pub const QUICK: Self = Self::seconds(1, 1, 1, 300);

    /// Durations in seconds.
    pub const fn seconds(create: u64, update: u64, delete: u64, timeout: u64) -> Self {
        Self {
            create: Duration::from_secs(create),
            update: Duration::from_secs(update),
            delete: Duration::from_secs(delete),
            timeout: Duration::from_secs(timeout),
        }
    }
}
