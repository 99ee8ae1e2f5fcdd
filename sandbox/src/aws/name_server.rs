//! The name server of the simulated world, which a client reaches by exchanging messages with it.
//!
//! Its zones are kept in a file of their own. Faults know its requests as `QUERY` and `UPDATE`.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use domain::base::iana::Rcode;

use super::SimulatedAws;
use super::connection::Shared;
use super::dispatch::Call;
use crate::fault::Action;
use crate::name_server::{self, GivenNameServer};

/// The file in the sandbox's folder that holds the zones.
pub(super) const FILE: &str = "name-server.json";

/// How long a request takes, in virtual time.
const LATENCY: Duration = Duration::from_millis(20);

/// The wire to the name server.
#[derive(Clone)]
pub struct SimulatedNameServer {
    shared: Arc<Shared>,
    given: GivenNameServer,
}

impl SimulatedAws {
    /// The wire to a name server that is there from the beginning.
    pub fn name_server(&self, given: GivenNameServer) -> SimulatedNameServer {
        SimulatedNameServer { shared: Arc::clone(&self.0), given }
    }
}

impl SimulatedNameServer {
    /// What the server answers to `message`.
    pub async fn exchange(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let shared = &self.shared;
        let changes = name_server::is_update(message);
        let operation = if changes { "UPDATE" } else { "QUERY" };
        let at = shared.clock.now();
        let struck = shared.faults.strike(operation, changes);
        let delay = if let Some(Action::Delay(delay)) = struck { delay } else { Duration::ZERO };
        shared.clock.sleep(LATENCY + delay).await;
        if struck == Some(Action::StopBefore) {
            shared.stop();
        }
        if shared.is_stopped() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let call = Call { service: "DNS".to_owned(), operation: operation.to_owned(), at, changes };
        shared.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        let fault = match &struck {
            Some(Action::Fail(code)) => Some(code.parse().unwrap_or(Rcode::SERVFAIL)),
            Some(Action::Throttle) => Some(Rcode::SERVFAIL),
            _ => None,
        };
        let answer = self.answer(message, changes, fault)?;
        if struck == Some(Action::StopAfter) {
            shared.stop();
        }
        match struck {
            Some(Action::LoseAnswer | Action::StopAfter) => Err(io::ErrorKind::ConnectionReset.into()),
            _ => Ok(answer),
        }
    }

    fn answer(&self, message: &[u8], changes: bool, fault: Option<Rcode>) -> io::Result<Vec<u8>> {
        let shared = &self.shared;
        let mut zones = shared.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = name_server::serve(&self.given, &mut zones, shared.clock.now(), message, fault);
        if changes {
            shared.store.save(FILE, &*zones).map_err(io::Error::other)?;
        }
        answer.ok_or_else(|| io::ErrorKind::ConnectionReset.into())
    }
}
