//! `[provider]` with `kind = "kubeconfig"`: what an environment says about a cluster that exists already.
//!
//! Invariant: shape, defaults and single-value ranges stand in the types (and so in the JSON Schema); what depends on
//! more than one value, or has a form of its own, stands in the rules.

mod address_range;
mod dynamic_updates;
mod rules;
mod surroundings;

use std::path::PathBuf;

use async_trait::async_trait;
use holodeck_engine::Error;
use holodeck_sandbox::Sandbox;
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::KubeconfigProvider;
use crate::environment::{Environment, Findings, Ipv4Cidr, KeyPath};
use crate::provider::{LeastNodes, Provider, ProviderSettings, SimulatedPlace};

pub use address_range::AddressRange;
pub use dynamic_updates::{Algorithm, DynamicUpdates, Key};
pub use surroundings::{
    Backups, Directory, Dns, LoadBalancer, Manual, Metallb, NodePorts, ObjectStore, RecoveryKeys, Seal,
    Shamir, Transit,
};

/// An environment on a cluster that exists already, such as one on premises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigSettings {
    /// Context in the kubeconfig that leads to the cluster.
    #[schemars(length(min = 1), example = &"onprem")]
    pub context: String,

    /// Kubeconfig that holds the context. Without it the usual ones: those that `KUBECONFIG` names, or
    /// `~/.kube/config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub file: Option<PathBuf>,

    /// UID of the cluster's namespace `kube-system`, which no two clusters share. Nothing is done on any other
    /// cluster, wherever the context leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub cluster_id: Option<String>,

    /// IPv4 networks that the API server answers from, which network policies let pods reach. Without them the
    /// addresses that the Service `kubernetes` has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Ipv4Cidr>", extend("uniqueItems" = true))]
    pub api_servers: Vec<Ipv4Net>,

    /// Storage class of volumes that must survive their pods. Without it the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = &"standard")]
    pub storage_class: Option<String>,

    /// What brings requests to the cluster.
    pub load_balancer: LoadBalancer,

    /// Who writes the DNS records.
    #[serde(default)]
    pub dns: Dns,

    /// How Vault is unsealed.
    #[serde(default)]
    pub seal: Seal,

    /// Where Vault's snapshots go.
    pub backups: Backups,

    /// How the keys that recover Vault are kept.
    pub recovery_keys: RecoveryKeys,
}

#[async_trait]
impl ProviderSettings for KubeconfigSettings {
    fn check(&self, environment: &Environment, path: &KeyPath, findings: &mut Findings) {
        rules::check(self, environment, path, findings);
    }

    /// The file does not tell how many nodes the cluster has.
    fn least_nodes(&self) -> Option<LeastNodes> {
        None
    }

    fn simulated(&self) -> Option<SimulatedPlace> {
        None
    }

    async fn connect(
        &self,
        environment: &Environment,
        sandbox: Option<&Sandbox>,
    ) -> Result<Box<dyn Provider>, Error> {
        Ok(Box::new(KubeconfigProvider::connect(self, environment, sandbox).await?))
    }
}
