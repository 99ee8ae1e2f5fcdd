//! What surrounds the cluster: load balancer, DNS, the seal of Vault, and where its snapshots and keys are kept. Each is a
//! choice, told apart by its `kind`.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DynamicUpdates;
use crate::environment::Credentials;

/// What brings requests to the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LoadBalancer {
    /// A load balancer of your own, or the nodes themselves: requests arrive on the node ports of `[ingress]`.
    NodePorts(NodePorts),
    /// MetalLB, which is installed on the cluster already: it gets a pool of addresses, the ingress the first of them.
    Metallb(Metallb),
}

/// A load balancer of your own in front of the node ports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodePorts {
    /// IPv4 addresses that clients reach it at: those that the domain stands for.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub addresses: Vec<Ipv4Addr>,
}

/// MetalLB, as it is installed on the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metallb {
    /// Addresses of its pool, as networks such as `192.0.2.16/28` or ranges such as `192.0.2.10-192.0.2.20`. The
    /// ingress has the first one; other Services get one where they ask for the pool by annotation.
    #[schemars(length(min = 1), extend("uniqueItems" = true), inner(length(min = 1)))]
    pub addresses: Vec<String>,

    /// Namespace that MetalLB runs in.
    #[serde(default = "Metallb::default_namespace")]
    #[schemars(extend("format" = "dns-label"))]
    pub namespace: String,

    /// Whether the pool is announced in the local network, by ARP. Turn it off where you announce it by BGP.
    #[serde(default = "Metallb::default_layer2")]
    pub layer2: bool,
}

impl Metallb {
    fn default_namespace() -> String {
        "metallb-system".to_owned()
    }

    fn default_layer2() -> bool {
        true
    }
}

/// Who writes the DNS records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Dns {
    /// You do: `up` and `status` show the records. Certificates of Let's Encrypt are proven by HTTP-01, so the records
    /// must stand before they can be signed.
    Manual(Manual),
    /// `up` does, on a name server that takes dynamic updates. Certificates of Let's Encrypt are proven by DNS-01 there.
    Rfc2136(Box<DynamicUpdates>),
}

impl Default for Dns {
    fn default() -> Self {
        Self::Manual(Manual {})
    }
}

/// Records that you write.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manual {}

/// How Vault is unsealed (<https://developer.hashicorp.com/vault/docs/concepts/seal>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Seal {
    /// By shares of a key, which people or a job give to every server that starts.
    Shamir(Shamir),
    /// By itself, with a key in the transit engine of another Vault.
    Transit(Transit),
}

impl Default for Seal {
    fn default() -> Self {
        Self::Shamir(Shamir {})
    }
}

/// Shares of a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shamir {}

/// The transit engine of another Vault (<https://developer.hashicorp.com/vault/docs/configuration/seal/transit>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transit {
    /// Address of that Vault, `https://…`.
    #[schemars(length(min = 1), example = &"https://vault.holodeck.example:8200")]
    pub address: String,

    /// Certificates of the authorities that its certificate may be signed by, as PEM. Without them the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub authority: Option<String>,

    /// Name of the key.
    #[schemars(length(min = 1), example = &"onprem-unseal")]
    pub key: String,

    /// Path that the engine is mounted at.
    #[serde(default = "Transit::default_mount")]
    #[schemars(length(min = 1))]
    pub mount: String,

    /// Where the token is kept that may encrypt and decrypt with the key.
    pub token: Credentials,
}

impl Transit {
    fn default_mount() -> String {
        "transit".to_owned()
    }
}

/// Where Vault's snapshots go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Backups {
    /// A directory.
    Directory(Directory),
    /// A bucket of an object store that speaks the S3 protocol.
    S3(ObjectStore),
}

/// A directory for backups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Its absolute path.
    #[schemars(length(min = 1), example = &"/srv/backups")]
    pub path: PathBuf,
}

/// A bucket of an object store that speaks the S3 protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectStore {
    /// Address of the store, `https://…`.
    #[schemars(length(min = 1), example = &"https://minio.holodeck.example")]
    pub endpoint: String,

    /// Name of the bucket.
    #[schemars(length(min = 3, max = 63), example = &"onprem-backups")]
    pub bucket: String,
}

/// How the keys of Vault are kept, which `up` initialises: each time in a file of its own that only the holders of age keys can read
/// (<https://age-encryption.org/v1>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryKeys {
    /// Public keys of those who may read it, each `age1…`. Name at least two people.
    #[schemars(length(min = 1), extend("uniqueItems" = true), inner(length(min = 1)))]
    pub recipients: Vec<String>,

    /// Directory that the file is written to, on the machine that runs `up`.
    #[serde(default = "RecoveryKeys::default_directory")]
    #[schemars(length(min = 1))]
    pub directory: PathBuf,

    /// Where the secret key of a recipient is kept, `AGE-SECRET-KEY-1…`, with which `up` reads the file to unseal servers
    /// that have started anew. Without it people unseal them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Credentials>,
}

impl RecoveryKeys {
    fn default_directory() -> PathBuf {
        PathBuf::from("recovery")
    }
}
