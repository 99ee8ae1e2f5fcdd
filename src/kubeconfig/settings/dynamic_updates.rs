//! `[provider.dns]` with `kind = "rfc2136"`: a name server that takes dynamic updates, and the key that signs them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::{Credentials, Environment};

/// A name server that takes dynamic updates (<https://www.rfc-editor.org/rfc/rfc2136>), signed by a key (TSIG).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DynamicUpdates {
    /// Primary server of the zone: a host name or an IP address, with a port where it is not 53.
    #[schemars(length(min = 1), example = &"ns1.holodeck.example:53")]
    pub server: String,

    /// Zone that the domain is in, as the server keeps it. Without it `dns.parent_zone`, or the domain itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "dns-name"), example = &"holodeck.example")]
    pub zone: Option<String>,

    /// Key that signs the updates, as it is on the server.
    pub key: Key,

    /// Seconds that the records may be cached.
    #[serde(default = "DynamicUpdates::default_ttl_seconds")]
    #[schemars(range(min = 1, max = 86_400))]
    pub ttl_seconds: u32,
}

impl DynamicUpdates {
    fn default_ttl_seconds() -> u32 {
        300
    }

    /// The zone that the domain of `environment` is in.
    pub fn zone<'a>(&'a self, environment: &'a Environment) -> &'a str {
        let parent = environment.dns.parent_zone.as_deref();
        self.zone.as_deref().or(parent).unwrap_or(&environment.domain)
    }
}

/// A key that both the server and this program hold (<https://www.rfc-editor.org/rfc/rfc8945>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name.
    #[schemars(length(min = 1), example = &"onprem")]
    pub name: String,

    /// Its algorithm.
    #[serde(default)]
    pub algorithm: Algorithm,

    /// Where its secret is kept, in Base64 as `tsig-keygen` prints it.
    pub secret: Credentials,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    #[default]
    #[serde(rename = "hmac-sha256")]
    Sha256,
    /// HMAC with SHA-384. cert-manager does not know it, so not with an issuer of Let's Encrypt.
    #[serde(rename = "hmac-sha384")]
    Sha384,
    /// HMAC with SHA-512.
    #[serde(rename = "hmac-sha512")]
    Sha512,
}

impl Algorithm {
    /// Its name in an issuer of cert-manager (<https://cert-manager.io/docs/configuration/acme/dns01/rfc2136/>); `None` for
    /// one that cert-manager does not know.
    pub fn of_issuers(self) -> Option<&'static str> {
        match self {
            Self::Sha256 => Some("HMACSHA256"),
            Self::Sha384 => None,
            Self::Sha512 => Some("HMACSHA512"),
        }
    }
}
