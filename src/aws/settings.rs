//! `[provider]` with `kind = "aws"`: what an environment says about AWS, as types.
//!
//! Invariant: shape, defaults and single-value ranges stand in the types (and so in the JSON Schema); what
//! depends on more than one value, or on what AWS offers, stands in the rules. Limits are AWS's own, from the
//! service quotas and API references of VPC, EKS, EC2, RDS, CloudWatch Logs and KMS.

mod database;
mod image;
mod node_group;
mod rules;

use std::collections::BTreeMap;

use async_trait::async_trait;
use holodeck_engine::Error;
use holodeck_sandbox::Sandbox;
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::provider::AwsProvider;
use crate::environment::{Environment, Findings, Ipv4Cidr, KeyPath};
use crate::provider::{LeastNodes, Provider, ProviderSettings, SimulatedPlace};

pub use database::{Database, Engine};
pub use image::{AmiType, Architecture};
pub use node_group::{Capacity, NodeGroup, Size, SubnetTier, Taint, TaintEffect};

/// Kubernetes versions that EKS offers for new clusters, oldest first
/// (<https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html>).
pub const KUBERNETES_VERSIONS: [&str; 4] = ["1.33", "1.34", "1.35", "1.36"];

/// Retention periods that CloudWatch Logs accepts, in days
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>).
pub const LOG_RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// An environment on Amazon Web Services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsSettings {
    /// AWS region, for example `eu-west-1`.
    #[schemars(length(min = 1), example = "eu-west-1")]
    pub region: String,

    /// Number of the AWS account (12 digits, in quotes). Nothing is done in any other account.
    #[schemars(length(min = 1), extend("pattern" = "^[0-9]{12}$"), example = "123456789012")]
    pub account: String,

    /// The virtual network.
    pub network: Network,

    /// The Kubernetes cluster.
    pub cluster: Cluster,

    /// Groups of nodes, by name. At least one.
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "format": "dns-label" }))]
    pub node_groups: BTreeMap<String, NodeGroup>,

    /// Databases outside Kubernetes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = { "format": "dns-label" }))]
    pub databases: BTreeMap<String, Database>,

    /// The bucket that holds the environment's backups.
    #[serde(default)]
    pub backups: Backups,

    /// The key that encrypts the environment's secrets, volumes and backups.
    #[serde(default)]
    pub kms: Kms,

    /// Tags put on every AWS resource, beside those that mark ownership.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

#[async_trait]
impl ProviderSettings for AwsSettings {
    fn check(&self, environment: &Environment, path: &KeyPath, findings: &mut Findings) {
        rules::check(self, &environment.name, path, findings);
    }

    /// The nodes of groups without taints.
    fn least_nodes(&self) -> Option<LeastNodes> {
        let open = self.node_groups.values().filter(|group| group.taints.is_empty());
        (!self.node_groups.is_empty()).then(|| LeastNodes {
            nodes: open.map(|group| group.size.min).sum(),
            key: "node_groups",
            remedy: "raise the `size.min` of a node group without taints",
        })
    }

    fn simulated(&self) -> Option<SimulatedPlace> {
        Some(SimulatedPlace { account: self.account.clone(), region: self.region.clone() })
    }

    async fn connect(
        &self,
        environment: &Environment,
        sandbox: Option<&Sandbox>,
    ) -> Result<Box<dyn Provider>, Error> {
        Ok(Box::new(AwsProvider::connect(self, environment, sandbox).await?))
    }
}

/// The virtual network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// IPv4 network of the VPC, from /16 to /24. It must not overlap networks that are to be connected to it.
    #[schemars(with = "Ipv4Cidr", example = "10.20.0.0/16")]
    pub cidr: Ipv4Net,

    /// Number of availability zones that subnets are made in, from 2 (what EKS asks for) to 6.
    #[serde(default = "Network::default_zones")]
    #[schemars(range(min = 2, max = 6))]
    pub zones: u8,

    /// How private subnets reach the internet.
    #[serde(default)]
    pub nat: Nat,
}

impl Network {
    fn default_zones() -> u8 {
        3
    }
}

/// How private subnets reach the internet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// A NAT gateway in each zone: survives the loss of a zone.
    #[default]
    PerZone,
    /// One NAT gateway for all zones: cheaper, and a single point of failure.
    Single,
    /// No NAT gateway: private subnets do not reach the internet.
    None,
}

/// The Kubernetes cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Kubernetes version as `major.minor`, in quotes, one that EKS offers. Upgrades go one minor version at
    /// a time.
    #[schemars(length(min = 1), example = "1.35")]
    pub version: String,

    /// From where the Kubernetes API can be reached.
    #[serde(default)]
    pub endpoint: Endpoint,

    /// ARNs of the IAM roles and users that administer the cluster.
    #[serde(default)]
    #[schemars(extend("uniqueItems" = true), inner(length(min = 1)))]
    pub admins: Vec<String>,

    /// Control-plane logs that are sent to CloudWatch Logs.
    #[serde(default = "Cluster::default_logs")]
    #[schemars(extend("uniqueItems" = true))]
    pub logs: Vec<LogType>,

    /// Days that control-plane logs are kept, one of the periods that CloudWatch Logs knows.
    #[serde(default = "Cluster::default_log_retention_days")]
    #[schemars(range(min = 1, max = 3653))]
    pub log_retention_days: u32,

    /// What happens when the version's standard support ends.
    #[serde(default)]
    pub support: Support,
}

impl Cluster {
    fn default_logs() -> Vec<LogType> {
        vec![LogType::Api, LogType::Audit, LogType::Authenticator]
    }

    fn default_log_retention_days() -> u32 {
        90
    }
}

/// From where the Kubernetes API can be reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// IPv4 networks on the internet that may reach the API. Empty: no public endpoint.
    #[schemars(with = "Vec<Ipv4Cidr>", extend("uniqueItems" = true))]
    pub public: Vec<Ipv4Net>,

    /// Whether the API is reachable from inside the network.
    pub private: bool,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { public: Vec::new(), private: true }
    }
}

/// A control-plane log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogType {
    /// Requests to the API server.
    Api,
    /// Who did what.
    Audit,
    /// How IAM identities became Kubernetes users.
    Authenticator,
    /// The controllers' log.
    ControllerManager,
    /// The scheduler's log.
    Scheduler,
}

impl LogType {
    /// The name that the EKS API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Audit => "audit",
            Self::Authenticator => "authenticator",
            Self::ControllerManager => "controllerManager",
            Self::Scheduler => "scheduler",
        }
    }
}

/// What happens when standard support of the cluster's version ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// AWS upgrades the control plane by itself.
    #[default]
    Standard,
    /// The version stays for twelve more months at a higher price.
    Extended,
}

/// The bucket that holds the environment's backups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backups {
    /// Days that replaced and deleted backups can still be recovered.
    #[schemars(range(min = 1, max = 3650))]
    pub retention_days: u32,
}

impl Default for Backups {
    fn default() -> Self {
        Self { retention_days: 30 }
    }
}

/// The key that encrypts the environment's secrets, volumes and backups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Kms {
    /// Days between the destruction of the environment and that of its key, from 7 to 30. Until then backups
    /// can be read.
    #[schemars(range(min = 7, max = 30))]
    pub deletion_window_days: u32,
}

impl Default for Kms {
    fn default() -> Self {
        Self { deletion_window_days: 30 }
    }
}
