//! The one waiting loop: asks until a resource is ready or gone, quickly near the expected end and slowly before.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::{Class, Error};
use crate::resource::{Durations, Explanation};

/// What one look, or one attempt, tells.
pub(crate) enum Look<T> {
    /// What was waited for.
    Done(T),
    /// Not there yet.
    NotYet(Explanation),
}

impl<T> Look<T> {
    /// Not there yet, because of `why`.
    pub fn not_yet(why: impl Into<Explanation>) -> Self {
        Self::NotYet(why.into())
    }
}

/// How a wait ended without what was waited for.
pub(crate) enum Ended {
    /// With an error, also when it took too long.
    Failed(Error),
    /// By an interruption.
    Interrupted,
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// How long one operation on one resource is waited for.
pub(crate) struct Wait {
    pub clock: Arc<dyn Clock>,
    pub interrupt: CancellationToken,
    /// When the operation began, by the clock.
    pub since: Duration,
    /// How long it usually takes.
    pub usually: Duration,
    /// The most that is waited.
    pub timeout: Duration,
}

const QUICKEST: Duration = Duration::from_secs(1);
const SLOWEST: Duration = Duration::from_secs(30);
const SLOWEST_WHEN_DUE: Duration = Duration::from_secs(15);

impl Wait {
    pub fn new(
        clock: Arc<dyn Clock>,
        interrupt: CancellationToken,
        durations: Durations,
        usually: Duration,
    ) -> Self {
        Self { since: clock.now(), clock, interrupt, usually, timeout: durations.timeout }
    }

    /// Time since the operation began.
    pub fn elapsed(&self) -> Duration {
        self.clock.now().saturating_sub(self.since)
    }

    /// Repeats `look` until it is done. An error of class [`Class::NotYet`] counts as not yet. `tell` is called with
    /// the reason after each look that was in vain.
    pub async fn until<T>(
        &self,
        mut look: impl AsyncFnMut() -> Result<Look<T>, Ended>,
        mut tell: impl FnMut(&str, Duration),
    ) -> Result<T, Ended> {
        loop {
            let explanation = match look().await {
                Ok(Look::Done(done)) => return Ok(done),
                Ok(Look::NotYet(explanation)) => explanation,
                Err(Ended::Failed(error)) if error.class == Class::NotYet => error.explanation(),
                Err(ended) => return Err(ended),
            };
            tell(&explanation.why, self.elapsed());
            if self.elapsed() >= self.timeout {
                return Err(self.given_up(&explanation).into());
            }
            self.pause().await?;
        }
    }

    /// The error of a wait that took too long: why, where to look further, and how to go on.
    fn given_up(&self, Explanation { why, hint }: &Explanation) -> Error {
        let limit = match self.timeout.as_secs() {
            seconds @ 0..120 => format!("{seconds} seconds"),
            seconds => format!("{} minutes", seconds / 60),
        };
        let go_on = "run the command again to go on waiting from here";
        let hint = match hint {
            Some(hint) => format!("{hint}; {go_on}"),
            None => go_on.to_owned(),
        };
        Error::new(Class::Failed, format!("gave up after {limit}: {why}")).with_hint(hint)
    }

    /// Sleeps until the next look is due; fails at once when interrupted.
    pub async fn pause(&self) -> Result<(), Ended> {
        tokio::select! {
            biased;
            () = self.interrupt.cancelled() => Err(Ended::Interrupted),
            () = self.clock.sleep(self.interval()) => Ok(()),
        }
    }

    fn interval(&self) -> Duration {
        match self.usually.checked_sub(self.elapsed()) {
            Some(remaining) => (remaining / 4).clamp(QUICKEST, SLOWEST),
            None => (self.elapsed() / 20).clamp(QUICKEST, SLOWEST_WHEN_DUE),
        }
    }
}
