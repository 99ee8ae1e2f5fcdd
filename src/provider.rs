//! The contract between what lies below the cluster and what runs on it.
//!
//! A [`Provider`] adds its infrastructure to the graph and gives a [`Foundation`]: all that components need from below,
//! in terms that name no cloud. Components see nothing else of a provider, and providers see no component.

use std::collections::BTreeMap;
use std::sync::Arc;

use holodeck_engine::{Address, Error, Graph, Host, Snapshot};
use serde::Serialize;
use serde_json::Value;

use holodeck_sandbox::Sandbox;

use crate::aws::provider::AwsProvider;
use crate::environment::{Environment, Provider as Settings};
use crate::kubernetes::{ComponentObjects, Kubernetes};
use crate::secret::SecretSource;

/// A place that environments run on.
pub trait Provider: Send + Sync {
    /// What it is connected to, as label and value, such as the account and the region.
    fn describe(&self) -> Vec<(&'static str, String)>;

    /// Adds the infrastructure of `environment` to the graph. Makes no request.
    fn declare(&self, environment: &Environment, graph: &mut Graph) -> Result<Foundation, Error>;

    /// A kubeconfig for the environment's cluster as YAML, with a way to authenticate that contains no secret.
    /// Fails where the cluster does not exist yet.
    fn kubeconfig(&self, environment: &Environment, snapshot: &Snapshot) -> Result<String, Error>;

    /// Where credentials that the environment names are read from.
    fn secrets(&self) -> Arc<dyn SecretSource>;
}

/// Connects to the provider that the environment names: the real one, or what the sandbox simulates.
pub async fn connect(
    environment: &Environment,
    sandbox: Option<&Sandbox>,
) -> Result<Box<dyn Provider>, Error> {
    match &environment.provider {
        Settings::Aws(_) => Ok(Box::new(AwsProvider::connect(environment, sandbox).await?)),
    }
}

/// What components need from below. Strings may contain references that are only resolved when they are applied.
#[derive(Clone, Serialize)]
pub struct Foundation {
    /// The cluster that objects are applied to.
    #[serde(skip)]
    pub kubernetes: Host<Kubernetes>,
    /// The resource that gives access to the cluster, for `kubeconfig`; `None` where the cluster is given.
    #[serde(skip)]
    pub cluster: Option<Address>,
    /// The provider's own objects on the cluster, such as its storage classes.
    #[serde(skip)]
    pub objects: Vec<ComponentObjects>,
    /// How requests come in.
    pub ingress: LoadBalancer,
    /// How certificates prove that the domain is ours.
    pub dns: Dns,
    /// How Vault unseals itself.
    pub vault: VaultFoundation,
    /// The storage class of volumes that must survive their pods.
    pub storage_class: String,
    /// Identities towards the provider, by workload.
    pub identity: BTreeMap<String, Identity>,
    /// The cluster's networks.
    pub network: ClusterNetwork,
    /// Where backups go.
    pub backups: BackupStore,
    /// Where recovery keys are kept.
    pub recovery_keys: SafePlace,
}

/// Where the load balancer sends traffic.
#[derive(Clone, Debug, Serialize)]
pub struct LoadBalancer {
    /// Node port for HTTP.
    pub http_port: u16,
    /// Node port for HTTPS.
    pub https_port: u16,
    /// Whether connections begin with a PROXY protocol header that tells the client's address.
    pub proxy_protocol: bool,
    /// IPv4 networks that may reach it.
    pub allowed: Vec<String>,
    /// The ingress class that it belongs to.
    pub class: String,
}

/// How certificates prove that the domain is ours.
#[derive(Clone, Debug, Serialize)]
pub struct Dns {
    /// The DNS-01 solver in the form of a cert-manager issuer.
    pub solver: Value,
    /// Zones that the solver may write.
    pub zones: Vec<String>,
}

/// How Vault unseals itself.
#[derive(Clone, Debug, Serialize)]
pub struct VaultFoundation {
    /// The seal stanza of its configuration.
    pub seal: Seal,
}

/// A seal stanza of Vault's configuration (<https://developer.hashicorp.com/vault/docs/configuration/seal>).
#[derive(Clone, Debug, Serialize)]
pub struct Seal {
    /// The kind of seal.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its parameters; none of them is a secret.
    pub parameters: BTreeMap<String, String>,
}

/// What gives a workload its identity towards the provider.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Identity {
    /// Annotations of its ServiceAccount.
    pub annotations: BTreeMap<String, String>,
}

/// The cluster's networks.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterNetwork {
    /// IPv4 networks that the API server answers from.
    pub api_server_cidrs: Vec<String>,
    /// IPv4 network of the pods.
    pub pods_cidr: String,
}

/// Where backups go.
#[derive(Clone, Debug, Serialize)]
pub struct BackupStore {
    /// Its URL, with the scheme of the kind of store.
    pub url: String,
}

/// Where secrets are kept that must outlive the cluster.
#[derive(Clone, Debug, Serialize)]
pub struct SafePlace {
    /// Where to find it, for people.
    pub location: String,
}
