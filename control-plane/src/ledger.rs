//! What is remembered of requests that are watched: those that came, and the faults that are still to come.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;
use http::header::USER_AGENT;
use http::request::Parts;

/// A request that was watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The name of the server that it was made to.
    pub server: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its query, without the question mark.
    pub query: String,
    /// Who says to have made it.
    pub user_agent: String,
    /// Whether it asks for a change of what the server keeps: a dry run does not, nor does a review of rights.
    pub changes: bool,
}

impl Request {
    fn new(server: &'static str, head: &Parts) -> Self {
        let path = head.uri.path().to_owned();
        let query = head.uri.query().unwrap_or_default().to_owned();
        let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&head.method);
        let is_dry_run = query.split('&').any(|parameter| parameter == "dryRun=All");
        // Reviews are written to be answered, and not kept.
        let is_review = ["authentication", "authorization"]
            .iter()
            .any(|group| path.starts_with(&format!("/apis/{group}.k8s.io/")));
        let user_agent =
            head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            server,
            method: head.method.clone(),
            path,
            query,
            user_agent: user_agent.to_owned(),
            changes: !reads && !is_dry_run && !is_review,
        }
    }
}

/// A changing request that is to go wrong.
#[derive(Debug)]
pub struct Fault {
    /// Which one, among those that change something, counted from 1.
    pub at: usize,
    /// How.
    pub what: What,
}

/// What goes wrong with a request.
pub enum What {
    /// It is answered with `503 Service Unavailable`, and the server does not see it.
    Fail,
    /// The server carries it out, and the connection ends without the answer.
    LoseAnswer,
    /// This is done instead of passing it on, and the connection ends: to kill the process that made it.
    StopBefore(Box<dyn FnOnce() + Send>),
    /// This is done when the server has carried it out, and the connection ends without the answer.
    StopAfter(Box<dyn FnOnce() + Send>),
}

impl fmt::Debug for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fail => "Fail",
            Self::LoseAnswer => "LoseAnswer",
            Self::StopBefore(_) => "StopBefore",
            Self::StopAfter(_) => "StopAfter",
        })
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the request was chosen to get no answer")]
    Chosen,
    #[error("what is asked does not run")]
    Silent,
    #[error("the client's request ends early")]
    Request(#[from] hyper::Error),
    #[error("the API server does not answer")]
    Server(#[from] kube::Error),
    #[error("there is no such answer")]
    Answer(#[from] http::Error),
}

/// The memory of whoever watches requests.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: Vec<Request>,
    changes: usize,
    faults: BTreeMap<usize, What>,
}

impl Ledger {
    /// Notes a request to a server, and tells what is to go wrong with it.
    pub fn note(&self, server: &'static str, head: &Parts) -> Option<What> {
        let request = Request::new(server, head);
        let mut state = self.state();
        let changes = request.changes;
        state.requests.push(request);
        if !changes {
            return None;
        }
        state.changes += 1;
        let ordinal = state.changes;
        state.faults.remove(&ordinal)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    pub fn changes(&self) -> usize {
        self.state().changes
    }

    pub fn arm(&self, fault: Fault) {
        self.state().faults.insert(fault.at, fault.what);
    }

    pub fn reset(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "server";

    fn head(method: &str, uri: &str) -> Parts {
        let request = http::Request::builder().method(method).uri(uri).header(USER_AGENT, "test/1");
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_changes_something_unless_it_reads_rehearses_or_asks_for_rights() {
        let cases = [
            ("GET", "/api/v1/namespaces", false),
            ("POST", "/api/v1/namespaces", true),
            ("POST", "/api/v1/namespaces?dryRun=All&fieldManager=a", false),
            ("PATCH", "/api/v1/namespaces/a?fieldManager=dryRun", true),
            ("DELETE", "/api/v1/namespaces/a", true),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", false),
        ];
        for (method, uri, changes) in cases {
            assert_eq!(Request::new(SERVER, &head(method, uri)).changes, changes, "{method} {uri}");
        }
    }

    #[test]
    fn a_request_is_noted_with_who_made_it() {
        let ledger = Ledger::default();
        ledger.note(SERVER, &head("PATCH", "/api/v1/namespaces/a?force=true"));
        let expected = Request {
            server: SERVER,
            method: Method::PATCH,
            path: "/api/v1/namespaces/a".into(),
            query: "force=true".into(),
            user_agent: "test/1".into(),
            changes: true,
        };
        assert_eq!(ledger.requests(), [expected]);
    }

    #[test]
    fn only_the_chosen_change_is_struck_and_only_once() {
        let ledger = Ledger::default();
        ledger.arm(Fault { at: 2, what: What::Fail });
        assert!(ledger.note(SERVER, &head("POST", "/a")).is_none());
        assert!(ledger.note(SERVER, &head("GET", "/a")).is_none());
        assert!(matches!(ledger.note(SERVER, &head("POST", "/b")), Some(What::Fail)));
        assert!(ledger.note(SERVER, &head("POST", "/b")).is_none());
        assert_eq!(ledger.changes(), 3);
        ledger.arm(Fault { at: 1, what: What::Fail });
        ledger.reset();
        assert!(ledger.note(SERVER, &head("POST", "/a")).is_none());
        assert_eq!((ledger.changes(), ledger.requests().len()), (1, 1));
    }
}
