//! What becomes of a request on its way to whoever answers it: faults, read in one place for every protocol.

use std::sync::PoisonError;
use std::time::Duration;

use super::connection::Shared;
use super::dispatch::Call;
use crate::fault::Action;

/// How long a request takes to one of the simulated servers, in virtual time.
const LATENCY: Duration = Duration::from_millis(20);

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It never arrives: the process has stopped, or stops now.
    Unreachable,
    /// Nothing is done.
    Refused(Refusal),
    /// It is carried out.
    Served(Ending),
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// With this error code.
    Error(String),
    /// For coming too fast.
    Throttled,
}

/// What follows once a request is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its answer arrives.
    Answered,
    /// Its answer is lost.
    AnswerLost,
    /// The process stops before the answer arrives.
    ProcessStops,
}

impl Shared {
    /// Takes a request to a simulated server, which lasts as long as it does and as faults delay it.
    pub async fn admit(&self, call: &Call) -> Admission {
        let struck = self.faults.strike(&call.operation, call.changes);
        let delay = if let Some(Action::Delay(delay)) = struck { delay } else { Duration::ZERO };
        self.clock.sleep(LATENCY + delay).await;
        self.arrive(struck.as_ref())
    }

    /// What becomes of a request that a fault may have struck, at the moment when it would arrive.
    pub fn arrive(&self, struck: Option<&Action>) -> Admission {
        if self.is_stopped() {
            return Admission::Unreachable;
        }
        match struck {
            None | Some(Action::Delay(_)) => Admission::Served(Ending::Answered),
            Some(Action::Fail(code)) => Admission::Refused(Refusal::Error(code.clone())),
            Some(Action::Throttle) => Admission::Refused(Refusal::Throttled),
            Some(Action::LoseAnswer) => Admission::Served(Ending::AnswerLost),
            Some(Action::StopAfter) => Admission::Served(Ending::ProcessStops),
            Some(Action::StopBefore) => {
                self.stop();
                Admission::Unreachable
            }
        }
    }

    /// Remembers a request that arrived.
    pub fn record(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}
