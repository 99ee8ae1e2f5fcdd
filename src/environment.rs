//! The environment file: what a user writes, as types.
//!
//! Invariant: an [`Environment`] that exists is valid. [`load`] is the one way to get it from files; it
//! reports every mistake at once, each with the file and place where the offending value stands. Sections
//! here belong to no provider; what belongs to one lives below `[provider]`, in a type of that provider's
//! folder.

mod certificates;
mod components;
mod cron;
mod document;
mod finding;
mod format;
mod gitops;
mod ingress;
mod invalid;
mod key_path;
mod load;
mod rules;
mod schema;
mod source;
mod structure;
mod vault;
mod wording;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::providers::Provider;
pub use certificates::{Certificates, Issuer};
pub use components::{ChartSource, ComponentSettings, Components, Source};
pub(crate) use finding::{Finding, Findings};
pub use format::Ipv4Cidr;
pub use gitops::{Argocd, Credentials, GitSource, Gitops, Repository};
pub use ingress::{Ingress, NodePorts};
pub use invalid::{Invalid, Place, Problem};
pub(crate) use key_path::KeyPath;
pub use load::{known, load, load_all};
pub use schema::schema;
pub use vault::{Vault, VaultBackup};
pub(crate) use wording::list;

/// One environment of the platform: its cloud, its cluster and what runs on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Name of the environment, equal to the name of its file without `.toml`. Names of resources begin with
    /// it and it marks what belongs to the environment, so it must never change. A DNS label of at most 40
    /// characters.
    #[schemars(length(min = 1, max = 40), extend("format" = "dns-label"), example = &"staging")]
    pub name: String,

    /// DNS domain of the environment. Services get names below it, Argo CD for one `argocd.<domain>`.
    #[schemars(extend("format" = "dns-name"), example = "staging.holodeck.example")]
    pub domain: String,

    /// Guards the environment: `destroy` and `rebuild` ask for its name, and replacing a resource is refused.
    #[serde(default)]
    pub protected: bool,

    /// Always simulated, as if `--sandbox` were given: nothing outside this machine is contacted.
    #[serde(default)]
    pub sandbox: bool,

    /// Where the environment runs, and everything that only this provider knows.
    pub provider: Provider,

    /// How the domain is found from outside.
    #[serde(default)]
    pub dns: Dns,

    /// How requests come in.
    #[serde(default)]
    pub ingress: Ingress,

    /// Who signs the TLS certificates.
    #[serde(default)]
    pub certificates: Certificates,

    /// The secret store.
    #[serde(default)]
    pub vault: Vault,

    /// The GitOps controller.
    #[serde(default)]
    pub argocd: Argocd,

    /// What Argo CD takes over once the base layer stands. Without it Argo CD starts empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitops: Option<Gitops>,

    /// Settings common to the components of the base layer.
    #[serde(default)]
    pub components: Components,
}

/// How the domain is found from outside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Zone that the domain is delegated from. Where the provider can write it the delegation is made
    /// automatically, else the records to create are shown and awaited. Without it no delegation is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "dns-name"), example = "holodeck.example")]
    pub parent_zone: Option<String>,
}
