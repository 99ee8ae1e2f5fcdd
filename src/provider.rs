//! The contract between what lies below the cluster and what runs on it.
//!
//! A [`Provider`] adds its infrastructure to the graph and gives a [`Foundation`]: all that components need from below,
//! in terms that name no cloud. Components see nothing else of a provider, and providers see no component.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use holodeck_engine::{Address, Error, Graph, Host, Snapshot};
use serde::Serialize;
use serde_json::Value;

use holodeck_sandbox::Sandbox;

use crate::environment::{Environment, Findings, Ingress, KeyPath};
use crate::kubernetes::{ComponentObjects, Kubernetes};
use crate::safe_place::SafePlace;
use crate::secret::SecretSource;

/// The ingress class that the load balancer belongs to.
pub const INGRESS_CLASS: &str = "nginx";
/// Workloads whose service accounts may have an identity towards the provider.
const WORKLOADS: [&str; 2] = ["cert-manager", "vault"];

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

/// What an environment file says about a provider, below `[provider]`.
#[async_trait]
pub(crate) trait ProviderSettings: Sync {
    /// Reports what cannot be in the provider's table, which stands at `path`.
    fn check(&self, environment: &Environment, path: &KeyPath, findings: &mut Findings);

    /// The number of nodes that are always there for any pod; `None` where the file does not tell.
    fn least_nodes(&self) -> Option<LeastNodes>;

    /// The account that takes the place of the real one in a simulation; `None` for a provider that has none.
    fn simulated(&self) -> Option<SimulatedPlace>;

    /// Connects to the provider: the real one, or what the sandbox simulates. Reads what plans need to know of it, and
    /// refuses a place other than the one that the file means.
    async fn connect(
        &self,
        environment: &Environment,
        sandbox: Option<&Sandbox>,
    ) -> Result<Box<dyn Provider>, Error>;
}

/// The number of nodes that are always there for any pod.
pub(crate) struct LeastNodes {
    /// How many.
    pub nodes: u32,
    /// The key below `[provider]` that says so.
    pub key: &'static str,
    /// How there come to be more.
    pub remedy: &'static str,
}

/// The account that a sandbox simulates.
#[derive(Default)]
pub(crate) struct SimulatedPlace {
    /// The number of the account.
    pub account: String,
    /// The region that its resources live in.
    pub region: String,
}

/// What components need from below. Strings may contain references that are only resolved when they are applied.
#[derive(Clone, Serialize)]
pub struct Foundation {
    /// The cluster that objects are applied to.
    #[serde(skip)]
    pub kubernetes: Host<Kubernetes>,
    /// The version of the cluster's API, such as `1.36`, for what is written for some versions only.
    #[serde(skip)]
    pub kubernetes_version: String,
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
    pub recovery_keys: RecoveryKeys,
    /// Records that make the domain found, and that only others can make.
    #[serde(skip)]
    pub records: Vec<DnsRecord>,
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
    /// The Service that it sends to.
    pub service: IngressService,
}

impl LoadBalancer {
    /// The load balancer that `[ingress]` asks for, which sends to `service`.
    pub fn new(ingress: &Ingress, proxy_protocol: bool, service: IngressService) -> Self {
        Self {
            http_port: ingress.node_ports.http,
            https_port: ingress.node_ports.https,
            proxy_protocol,
            allowed: ingress.allowed.iter().map(ToString::to_string).collect(),
            class: INGRESS_CLASS.to_owned(),
            service,
        }
    }
}

/// The Service that requests enter the cluster through
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types>).
#[derive(Clone, Debug, Default, Serialize)]
pub struct IngressService {
    /// Who balances the load.
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// What the load balancer of the cluster is told by annotations.
    pub annotations: BTreeMap<String, String>,
    /// The class of the cluster's load balancer, where it has several.
    pub load_balancer_class: Option<String>,
}

/// Who balances the load in front of a Service.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub enum ServiceType {
    /// A load balancer outside the cluster, which sends to ports of the nodes.
    #[default]
    NodePort,
    /// A load balancer that the cluster brings with it and that gives the Service an address.
    LoadBalancer,
}

/// How certificates prove that the domain is ours.
#[derive(Clone, Debug, Serialize)]
pub struct Dns {
    /// The kind of challenge with its solver, as a solver of a cert-manager issuer
    /// (<https://cert-manager.io/docs/configuration/acme/#adding-multiple-solver-types>).
    pub solver: Value,
    /// The Secret that the solver takes its credential from, where it needs one.
    pub credential: Option<SolverCredential>,
    /// Zones that the solver answers for.
    pub zones: Vec<String>,
    /// Ports, beside those of HTTPS and DNS, at which what the solver writes to answers.
    pub ports: Vec<u16>,
}

/// A Secret in cert-manager's namespace that a solver refers to.
#[derive(Clone, Debug, Serialize)]
pub struct SolverCredential {
    /// Its name.
    pub secret: String,
    /// The key of its only value.
    pub key: String,
    /// The placeholder of the credential.
    pub value: String,
}

/// A DNS record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// Its full name.
    pub name: String,
    /// Its type, such as `NS`.
    pub kind: &'static str,
    /// Its values: a list of texts, or a reference to one.
    pub values: Value,
}

/// How Vault unseals itself.
#[derive(Clone, Debug, Serialize)]
pub struct VaultFoundation {
    /// The seal stanza of its configuration.
    pub seal: Seal,
    /// Certificates of the authorities that the key service's certificate may be signed by, as PEM. Without them those
    /// that the servers' image trusts.
    pub seal_authority: Option<String>,
    /// TCP ports that the key service answers at.
    pub seal_ports: Vec<u16>,
    /// Placeholders of the credentials for the key service, by the environment variable that Vault reads them from.
    pub seal_credentials: BTreeMap<String, String>,
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

impl Identity {
    /// The workloads' identities where no service account needs an annotation: the provider knows them by name, or gives
    /// none.
    pub fn without_annotations() -> BTreeMap<String, Self> {
        WORKLOADS.map(|workload| (workload.to_owned(), Self::default())).into()
    }
}

/// The cluster's networks.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterNetwork {
    /// IPv4 networks that the API server answers from.
    pub api_server_cidrs: Vec<String>,
}

/// Where backups go.
#[derive(Clone, Debug, Serialize)]
pub struct BackupStore {
    /// Its URL, with the scheme of the kind of store.
    pub url: String,
}

/// Where the keys of Vault are kept, which must outlive the cluster.
#[derive(Clone, Serialize)]
pub struct RecoveryKeys {
    /// Where to find them, for people.
    pub location: String,
    /// The resource that they are kept in, where it is one of ours.
    #[serde(skip)]
    pub resource: Option<Address>,
    /// What keeps them.
    #[serde(skip)]
    pub place: Arc<dyn SafePlace>,
}
