//! When to ask for a change again: a ready resource may lag behind what was requested, may have taken only a part of it,
//! or may never take it.

use std::time::Duration;

use crate::diff::FieldChange;

/// How long a ready resource may go on to differ, in the same fields, from what was requested.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);
/// After how long a request that seems to have had no effect is sent again.
const REQUEST_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What to do about a resource that is ready, but differs from what is desired.
pub(super) enum Converge {
    Request,
    Wait,
    GiveUp,
}

/// Remembers in which fields the resource differed, since when, and when that was last requested to change.
#[derive(Default)]
pub(super) struct Convergence {
    fields: Vec<String>,
    since: Duration,
    requested: Duration,
}

impl Convergence {
    /// A change of `requested` was requested just now.
    pub fn after_request(requested: &[FieldChange], now: Duration) -> Self {
        let mut convergence = Self::default();
        convergence.next(requested, now);
        convergence
    }

    /// What to do now that the resource is ready and differs in `differing`.
    pub fn next(&mut self, differing: &[FieldChange], now: Duration) -> Converge {
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
