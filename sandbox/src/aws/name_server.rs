//! The name server of the simulated world, which a client reaches by exchanging messages with it.
//!
//! Its zones are kept in a file of their own. Faults know its requests as `QUERY` and `UPDATE`.

use std::io;
use std::sync::{Arc, PoisonError};

use domain::base::iana::Rcode;

use super::SimulatedAws;
use super::admission::{Admission, Ending, Refusal};
use super::connection::Shared;
use super::dispatch::Call;
use crate::name_server::{self, GivenNameServer};

/// The file in the sandbox's folder that holds the zones.
pub(super) const FILE: &str = "name-server.json";

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
        let call = Call { service: "DNS".to_owned(), operation: operation.to_owned(), at, changes };
        let (fault, ending) = match shared.admit(&call).await {
            Admission::Unreachable => return Err(io::ErrorKind::ConnectionRefused.into()),
            Admission::Refused(Refusal::Throttled) => (Some(Rcode::SERVFAIL), Ending::Answered),
            Admission::Refused(Refusal::Error(code)) => {
                (Some(code.parse().unwrap_or(Rcode::SERVFAIL)), Ending::Answered)
            }
            Admission::Served(ending) => (None, ending),
        };
        shared.record(call);
        let answer = self.answer(message, changes, fault)?;
        if ending == Ending::ProcessStops {
            shared.stop();
        }
        if ending == Ending::Answered { Ok(answer) } else { Err(io::ErrorKind::ConnectionReset.into()) }
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
