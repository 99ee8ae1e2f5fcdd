//! The requests to one server of Vault (<https://developer.hashicorp.com/vault/api-docs/system>).

use holodeck_engine::{Class, Error};
use http::{Method, Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::keys::Keys;
use crate::kubernetes::tunnel::{NoAnswer, PodPort, Tunnel};

/// Shares that a key is divided into, and how many of them are needed: what Vault takes by itself.
const SHARES: u32 = 5;
const THRESHOLD: u32 = 3;

/// How a server is sealed. <https://developer.hashicorp.com/vault/api-docs/system/seal-status>
#[derive(Clone, Debug, Deserialize)]
pub struct SealStatus {
    /// Whether it belongs to a Vault that has been initialised.
    pub initialized: bool,
    /// Whether it cannot read what it stores.
    pub sealed: bool,
    /// The kind of its seal, as its configuration says.
    #[serde(rename = "type")]
    pub seal: String,
}

/// The answer to an initialisation. <https://developer.hashicorp.com/vault/api-docs/system/init>
#[derive(Deserialize)]
struct Initialised {
    #[serde(default)]
    keys_base64: Vec<String>,
    #[serde(default)]
    recovery_keys_base64: Vec<String>,
    root_token: String,
}

/// One server, and the way to it.
pub struct Server<'a> {
    /// What carries requests.
    pub tunnel: &'a dyn Tunnel,
    /// Where it listens.
    pub port: PodPort,
}

impl Server<'_> {
    /// Whether it is initialised and sealed.
    pub async fn seal_status(&self) -> Result<SealStatus, Error> {
        self.ask(Method::GET, "sys/seal-status", None).await
    }

    /// Initialises the Vault that the server belongs to, which is unsealed as `seal` says. The answer is the only place
    /// that its keys ever stand in.
    pub async fn initialise(&self, environment: &str, seal: &str) -> Result<Keys, Error> {
        let of = if is_unsealed_by_shares(seal) { "secret" } else { "recovery" };
        let body = json!({ format!("{of}_shares"): SHARES, format!("{of}_threshold"): THRESHOLD });
        let answer: Initialised = self.ask(Method::PUT, "sys/init", Some(body)).await?;
        Ok(Keys {
            environment: environment.to_owned(),
            seal: seal.to_owned(),
            threshold: THRESHOLD,
            unseal_keys: answer.keys_base64,
            recovery_keys: answer.recovery_keys_base64,
            root_token: answer.root_token,
        })
    }

    /// Gives the server one share of its key.
    pub async fn unseal(&self, share: &str) -> Result<SealStatus, Error> {
        self.ask(Method::PUT, "sys/unseal", Some(json!({ "key": share }))).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Error> {
        let tried = format!("asking Vault's server {} for `{method} {path}`", self.port.pod);
        let changes = method != Method::GET;
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/{path}"))
            .header(http::header::HOST, &self.port.server_name)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
            .map_err(|error| Error::bug("a request to Vault that cannot be").with_source(error))?;
        let answer = self.tunnel.send(&self.port, request).await.map_err(|none| match none {
            NoAnswer::NotSent(error) => error,
            NoAnswer::Lost(source) => {
                let class = if changes { Class::Ambiguous } else { Class::NotYet };
                Error::new(class, format!("{tried}: no answer")).with_source(source)
            }
        })?;
        if !answer.status().is_success() {
            return Err(refusal(tried, &answer, changes));
        }
        serde_json::from_slice(answer.body()).map_err(|error| {
            let at = format!("line {}, column {}", error.line(), error.column());
            Error::new(Class::Failed, format!("{tried}: the answer does not fit")).with_source(at)
        })
    }
}

/// Whether servers are unsealed by shares of a key that somebody gives them.
pub fn is_unsealed_by_shares(seal: &str) -> bool {
    seal == "shamir"
}

/// What Vault answers instead. <https://developer.hashicorp.com/vault/api-docs#error-response>
fn refusal(tried: String, answer: &Response<Vec<u8>>, changes: bool) -> Error {
    #[derive(Default, Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<String>,
    }
    let class = match answer.status().as_u16() {
        429 | 503 => Class::NotYet,
        500.. if changes => Class::Ambiguous,
        500.. => Class::NotYet,
        _ => Class::Refused,
    };
    let errors: Errors = serde_json::from_slice(answer.body()).unwrap_or_default();
    let why = match errors.errors.as_slice() {
        [] => answer.status().to_string(),
        errors => errors.join("; "),
    };
    Error::new(class, tried).with_source(why)
}
