//! `[argocd]` and `[gitops]`: the GitOps controller, the repositories it may read and what it takes over.
//!
//! Invariant: credentials stand here as references to where they are kept, never as values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The GitOps controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Argocd {
    /// Host name of its web interface, below the environment's domain.
    #[schemars(extend("format" = "dns-label"))]
    pub host: String,

    /// Groups, as the identity provider names them, whose members administer Argo CD.
    #[schemars(extend("uniqueItems" = true), inner(length(min = 1)))]
    pub admins: Vec<String>,

    /// Git repositories that Argo CD may read, by a name of your choice (a DNS label).
    #[schemars(extend("propertyNames" = { "format": "dns-label" }))]
    pub repositories: BTreeMap<String, Repository>,
}

impl Default for Argocd {
    fn default() -> Self {
        Self { host: "argocd".to_owned(), admins: Vec::new(), repositories: BTreeMap::new() }
    }
}

/// A Git repository that Argo CD may read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Address of the repository, `https://…` or `ssh://…`, without user name or password.
    #[schemars(length(min = 1), example = "https://gitlab.example/holodeck/platform.git")]
    pub url: String,

    /// Where the token (https) or private key (ssh) is kept. Without it the repository is read anonymously.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
}

/// Where a credential is kept: exactly one of the places, never the value itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("writeOnly" = true))]
pub enum Credentials {
    /// Name of an environment variable of the process that runs `up`.
    Env(#[schemars(length(min = 1))] String),
    /// Path of a file on the machine that runs `up`.
    File(#[schemars(length(min = 1))] PathBuf),
    /// Name or ARN of a secret in AWS Secrets Manager.
    AwsSecret(#[schemars(length(min = 1))] String),
    /// Path in the environment's Vault (KV version 2), as `mount/path#field`.
    Vault(#[schemars(length(min = 1))] String),
}

/// What Argo CD takes over once the base layer stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gitops {
    /// The platform's own services.
    pub platform: GitSource,

    /// The developers' services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services_root: Option<GitSource>,
}

/// A folder of a repository at a revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitSource {
    /// Name of a repository in `[argocd.repositories]`.
    #[schemars(length(min = 1), example = &"platform")]
    pub repository: String,

    /// Folder within the repository, without a leading slash.
    #[serde(default = "GitSource::root")]
    #[schemars(length(min = 1))]
    pub path: String,

    /// Branch, tag or commit.
    #[serde(default = "GitSource::main")]
    #[schemars(length(min = 1))]
    pub revision: String,
}

impl GitSource {
    fn root() -> String {
        ".".to_owned()
    }

    fn main() -> String {
        "main".to_owned()
    }
}
