//! A simulated Vault: the part of its HTTP API by which it is initialised and unsealed.
//!
//! Follows Vault 1.21 (<https://developer.hashicorp.com/vault/api-docs/system/init>, `/seal-status` and `/unseal`) with
//! Raft storage and servers that join by `retry_join`. Keys are stand-ins: they have the shape of real ones and open what
//! they should, but nothing is encrypted with them.
//!
//! Invariant: nothing here reads a clock or does I/O; the same requests give the same answers.

mod initialization;
#[cfg(test)]
mod tests;
mod unsealing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use http::{Request, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The version that the servers report.
pub const VERSION: &str = "1.21.4";
const BUILD_DATE: &str = "2026-03-04T17:40:05Z";

/// The kind of seal that key shares open.
pub const SHAMIR: &str = "shamir";

/// One Vault: what its servers have in common, and how far each of them is unsealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vault {
    seed: String,
    initialization: Option<Initialization>,
    /// By name. One that is not here is sealed and was given no key.
    servers: BTreeMap<String, Server>,
    leader: Option<String>,
}

/// What initialising decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Initialization {
    /// The kind of the seal.
    seal: String,
    /// The server that was initialised.
    first: String,
    /// Whether the others could join the first: it had to be unsealed for that.
    joined: bool,
    /// The shares of the unseal key, or of the recovery key with a seal that opens by itself.
    shares: Vec<Secret>,
    threshold: usize,
    root_token: Secret,
}

/// The process of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Server {
    unsealed: bool,
    /// The shares given so far.
    progress: Vec<Secret>,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a request is refused.
#[derive(Debug)]
struct Refusal {
    code: StatusCode,
    errors: Vec<String>,
}

impl Refusal {
    fn new(code: StatusCode, error: impl Into<String>) -> Self {
        Self { code, errors: vec![error.into()] }
    }

    fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }
}

type Answer = Result<Value, Refusal>;

impl Vault {
    /// A Vault whose keys come of this seed; those of different seeds differ.
    pub fn seeded(seed: &str) -> Self {
        Self { seed: seed.to_owned(), ..Self::default() }
    }

    /// What the server named `server` answers. `seal` is the kind of its seal: `shamir`, `transit`, `awskms`.
    pub fn answer(&mut self, server: &str, seal: &str, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let body = request.body();
        let answer = match (request.method().as_str(), path(request)) {
            ("GET", "sys/seal-status") => Ok(self.seal_status(server, seal)),
            ("GET", "sys/init") => Ok(json!({"initialized": self.has_joined(server)})),
            ("PUT" | "POST", "sys/init") => self.initialize(server, seal, body),
            ("PUT" | "POST", "sys/unseal") => self.unseal(server, seal, body),
            (_, "sys/seal-status" | "sys/init" | "sys/unseal") => {
                Err(Refusal { code: StatusCode::METHOD_NOT_ALLOWED, errors: Vec::new() })
            }
            (method, path) => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!("the simulated Vault does not serve {method} {path}"),
            )),
        };
        match answer {
            Ok(body) => respond(StatusCode::OK, &body),
            Err(Refusal { code, errors }) => respond(code, &json!({"errors": errors})),
        }
    }

    /// Whether it has been initialised, by whichever server.
    pub fn is_initialized(&self) -> bool {
        self.initialization.is_some()
    }

    /// Whether this server knows that Vault is initialised: the others learn it once the first is unsealed.
    pub fn has_joined(&self, server: &str) -> bool {
        self.initialization.as_ref().is_some_and(|made| made.joined || made.first == server)
    }

    /// Whether the server is sealed, as it is before Vault is initialised.
    pub fn is_sealed(&self, server: &str) -> bool {
        match &self.initialization {
            None => true,
            Some(made) => !made.opens_by_itself() && !self.is_unsealed(server),
        }
    }

    /// The active server.
    pub fn leader(&self) -> Option<&str> {
        self.leader.as_deref()
    }

    /// These are the servers that run now, and those that ran before: identifiers of their processes, by their names.
    pub fn follow(&mut self, running: &BTreeMap<String, String>, before: &BTreeMap<String, String>) {
        for (server, process) in running {
            if before.get(server) != Some(process) {
                self.restart(server);
            }
        }
        self.keep_running(&running.keys().map(String::as_str).collect());
    }

    /// The labels by which the pod of a server tells its state.
    /// <https://developer.hashicorp.com/vault/docs/configuration/service-registration/kubernetes>
    pub fn labels(&self, server: &str) -> [(&'static str, &'static str); 5] {
        let told = |is_so| if is_so { "true" } else { "false" };
        [
            ("vault-active", told(self.leader.as_deref() == Some(server))),
            ("vault-initialized", told(self.has_joined(server))),
            ("vault-perf-standby", "false"),
            ("vault-sealed", told(self.is_sealed(server))),
            ("vault-version", VERSION),
        ]
    }

    /// A server's process starts anew: with a Shamir seal it is sealed again. Another takes the lead, if one can.
    fn restart(&mut self, server: &str) {
        self.servers.remove(server);
        self.elect();
        if self.opens_by_itself() {
            self.servers.insert(server.to_owned(), Server { unsealed: true, progress: Vec::new() });
            self.elect();
        }
    }

    /// Only these servers run: what the processes of others held is gone, and one of these leads.
    fn keep_running(&mut self, running: &BTreeSet<&str>) {
        self.servers.retain(|server, _| running.contains(server.as_str()));
        if self.opens_by_itself() {
            for server in running {
                self.servers.entry((*server).to_owned()).or_default().unsealed = true;
            }
        }
        self.elect();
    }

    fn opens_by_itself(&self) -> bool {
        self.initialization.as_ref().is_some_and(Initialization::opens_by_itself)
    }

    fn is_unsealed(&self, server: &str) -> bool {
        self.servers.get(server).is_some_and(|server| server.unsealed)
    }

    fn elect(&mut self) {
        if !self.leader.as_deref().is_some_and(|leader| self.is_unsealed(leader)) {
            let mut unsealed = self.servers.iter().filter(|(_, server)| server.unsealed);
            self.leader = unsealed.next().map(|(name, _)| name.clone());
        }
    }

    fn derive(&self, what: &str) -> [u8; 32] {
        Sha256::digest(format!("{}/{what}", self.seed)).into()
    }

    fn seal_status(&self, server: &str, seal: &str) -> Value {
        let mut status = json!({
            "type": seal, "initialized": false, "sealed": true, "t": 0, "n": 0, "progress": 0, "nonce": "",
            "version": VERSION, "build_date": BUILD_DATE, "migration": false, "recovery_seal": seal != SHAMIR,
            "storage_type": "raft",
        });
        let Some(made) = self.initialization.as_ref().filter(|_| self.has_joined(server)) else {
            return status;
        };
        status["initialized"] = json!(true);
        status["removed_from_cluster"] = json!(false);
        status["t"] = json!(made.threshold);
        status["n"] = json!(made.shares.len());
        if made.opens_by_itself() {
            status["recovery_seal_type"] = json!(SHAMIR);
        }
        if !self.is_sealed(server) {
            let id = uuid(&self.derive("cluster"));
            status["sealed"] = json!(false);
            status["cluster_name"] = json!(format!("vault-cluster-{}", &id[..8]));
            status["cluster_id"] = json!(id);
        } else if let Some(Server { progress, .. }) = self.servers.get(server)
            && let Some(first) = progress.first()
        {
            status["progress"] = json!(progress.len());
            status["nonce"] = json!(uuid(&self.derive(&format!("nonce of {server} from {}", first.0))));
        }
        status
    }
}

impl Initialization {
    fn opens_by_itself(&self) -> bool {
        self.seal != SHAMIR
    }
}

/// The kind of seal that a file of a server's configuration names, if it names one.
/// <https://developer.hashicorp.com/vault/docs/configuration/seal>
pub fn configured_seal(file: &str) -> Option<&str> {
    file.lines().find_map(|line| {
        let (kind, rest) =
            line.trim().strip_prefix("seal")?.trim_start().strip_prefix('"')?.split_once('"')?;
        rest.trim_start().starts_with('{').then_some(kind)
    })
}

/// What a request asks of Vault, such as `PUT sys/init`.
pub fn operation<T>(request: &Request<T>) -> String {
    format!("{} {}", request.method(), path(request))
}

fn path<T>(request: &Request<T>) -> &str {
    let path = request.uri().path();
    path.strip_prefix("/v1/").unwrap_or(path)
}

/// A refusal as Vault writes it.
pub fn refuse(code: StatusCode, error: &str) -> Response<Vec<u8>> {
    respond(code, &json!({"errors": [error]}))
}

fn respond(code: StatusCode, body: &Value) -> Response<Vec<u8>> {
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// Reads a body; an empty one asks for nothing.
fn parse<T: Default + DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("failed to parse JSON input: {error}")))
}

fn uuid(digest: &[u8; 32]) -> String {
    let hex = hex(&digest[..16]);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
