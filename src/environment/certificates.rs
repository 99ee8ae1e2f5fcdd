//! `[certificates]`: who signs the TLS certificates of the environment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who signs the TLS certificates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// Issuer of every certificate.
    pub issuer: Issuer,

    /// Address that Let's Encrypt writes to about expiring certificates. Required with both of its issuers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "email"), example = "infra@holodeck.example")]
    pub email: Option<String>,
}

/// Issuer of the environment's certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// Let's Encrypt, by the DNS-01 challenge: trusted everywhere, rate limited.
    #[default]
    #[serde(rename = "letsencrypt")]
    LetsEncrypt,
    /// Let's Encrypt's test service: generous limits, trusted nowhere.
    #[serde(rename = "letsencrypt-staging")]
    LetsEncryptStaging,
    /// A certificate authority of the cluster's own: needs no network, trusted by whom you give its
    /// certificate.
    InternalCa,
}

impl Issuer {
    /// Whether certificates come from Let's Encrypt, by ACME.
    pub fn is_acme(self) -> bool {
        matches!(self, Self::LetsEncrypt | Self::LetsEncryptStaging)
    }
}
