//! What only the initialisation of Vault ever tells: the keys that open it, and its first token.
//!
//! Invariant: it is text only on its way to and from the safe place.

use holodeck_engine::Error;
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// The keys of one Vault. As text it is JSON.
#[derive(Clone, Serialize, Deserialize)]
pub struct Keys {
    /// The environment that the Vault belongs to.
    pub environment: String,
    /// How the Vault is unsealed, as Vault calls it: `shamir`, `transit`, `awskms`.
    pub seal: String,
    /// How many of the keys are needed.
    pub threshold: u32,
    /// Shares of the key that unseals the servers, in Base64. Empty where the servers unseal themselves.
    pub unseal_keys: Vec<String>,
    /// Shares of the key that stands for them where the servers unseal themselves, in Base64: it authorises what concerns
    /// Vault as a whole (<https://developer.hashicorp.com/vault/docs/concepts/seal#recovery-key>).
    pub recovery_keys: Vec<String>,
    /// The token that may do everything.
    pub root_token: String,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.unseal_keys.zeroize();
        self.recovery_keys.zeroize();
        self.root_token.zeroize();
    }
}

impl Keys {
    /// The keys as they are kept.
    pub fn to_text(&self) -> Result<SecretString, Error> {
        let text = serde_json::to_string_pretty(self);
        text.map(SecretString::from)
            .map_err(|error| Error::bug("keys of Vault do not serialise").with_source(error))
    }

    /// The keys that were kept as `text`.
    pub fn from_text(text: &SecretString) -> Result<Self, Error> {
        serde_json::from_str(text.expose_secret()).map_err(|error| {
            // What was not understood stands in the message of the parser only for its kind, never its value.
            let at = format!("line {}, column {}", error.line(), error.column());
            Error::new(holodeck_engine::Class::Failed, "what is kept are not the keys of a Vault")
                .with_source(at)
        })
    }
}
