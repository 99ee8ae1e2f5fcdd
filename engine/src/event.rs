//! What is told while a plan is carried out. Progress bars, lines and the final time line are views on these events.

use std::time::Duration;

use serde::Serialize;

use crate::address::Address;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Makes the resource.
    Create,
    /// Changes it in place.
    Update,
    /// Removes it.
    Delete,
    /// Waits until it is ready.
    Await,
}

/// Something that happened. Times are those of the engine's clock.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The plan is being carried out.
    Begun {
        /// How many steps there are.
        steps: usize,
    },
    /// A step has begun.
    Started {
        /// Which resource.
        address: Address,
        /// What is done.
        operation: Operation,
        /// How long it usually takes.
        #[serde(serialize_with = "seconds")]
        usually: Duration,
    },
    /// A step's request was accepted; the resource is awaited.
    Waiting {
        /// Which resource.
        address: Address,
        /// What is done.
        operation: Operation,
        /// What is awaited, and why it is not there yet.
        why: String,
        /// Since the step began.
        #[serde(serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// A step is done.
    Finished {
        /// Which resource.
        address: Address,
        /// What was done.
        operation: Operation,
        /// How long it took.
        #[serde(serialize_with = "seconds")]
        took: Duration,
    },
    /// A step failed.
    Failed {
        /// Which resource.
        address: Address,
        /// What was tried.
        operation: Operation,
        /// The error and its causes.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A step was not attempted.
    Skipped {
        /// Which resource.
        address: Address,
        /// What was not attempted.
        operation: Operation,
        /// Why: the step it needs, or the interruption.
        because: String,
    },
    /// An interruption was asked for: running requests finish, nothing new starts.
    Interrupted,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
}
