//! A place for commands that work on a real API server.

use crate::support::Workplace;

/// The shipped environments, of which `onprem.toml` tells from where the API server answers: that of tests stands on
/// loopback, which the Service `kubernetes` cannot have as an endpoint.
pub fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.edit("onprem.toml", "context =", "api_servers = [\"192.0.2.0/24\"]\ncontext =");
    workplace
}
