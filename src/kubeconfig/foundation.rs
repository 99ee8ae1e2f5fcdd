//! What a cluster that exists already gives to the components: the surroundings that the environment file tells, in the
//! contract's terms.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use holodeck_engine::Host;
use http::Uri;
use serde_json::json;

use super::facts::Facts;
use super::safe_place::AgeFiles;
use super::settings::{Backups, Dns, KubeconfigSettings, LoadBalancer, Seal};
use super::{dns, metallb};
use crate::environment::Environment;
use crate::kubernetes::Kubernetes;
use crate::provider::{
    self, Foundation, INGRESS_CLASS, Identity, IngressService, RecoveryKeys, VaultFoundation,
};
use crate::secret::placeholder;

/// The foundation of `environment` on the cluster that `kubernetes` leads to.
pub fn foundation(
    settings: &KubeconfigSettings,
    environment: &Environment,
    facts: &Facts,
    kubernetes: Host<Kubernetes>,
    place: AgeFiles,
) -> Foundation {
    let objects = match &settings.load_balancer {
        LoadBalancer::Metallb(metallb) => vec![metallb::objects(metallb, &environment.name)],
        LoadBalancer::NodePorts(_) => Vec::new(),
    };
    Foundation {
        kubernetes,
        kubernetes_version: facts.version.clone(),
        cluster: None,
        objects,
        ingress: load_balancer(settings, environment),
        dns: solver(settings, environment),
        vault: vault(&settings.seal),
        storage_class: facts.storage_class.clone(),
        identity: Identity::without_annotations(),
        network: provider::ClusterNetwork { api_server_cidrs: facts.api_servers.clone() },
        backups: provider::BackupStore { url: backups(settings, environment) },
        recovery_keys: RecoveryKeys { location: place.to_string(), resource: None, place: Arc::new(place) },
        records: match &settings.dns {
            Dns::Manual(_) => records(settings, environment),
            Dns::Rfc2136(_) => Vec::new(),
        },
    }
}

/// The addresses that the domain stands for.
pub fn addresses(settings: &KubeconfigSettings) -> Vec<Ipv4Addr> {
    match &settings.load_balancer {
        LoadBalancer::NodePorts(ports) => ports.addresses.clone(),
        LoadBalancer::Metallb(metallb) => metallb::ingress_address(metallb).into_iter().collect(),
    }
}

/// The names that lead to the load balancer: the domain and all below it.
pub fn names(environment: &Environment) -> [String; 2] {
    [environment.domain.clone(), format!("*.{}", environment.domain)]
}

fn load_balancer(settings: &KubeconfigSettings, environment: &Environment) -> provider::LoadBalancer {
    let ingress = &environment.ingress;
    let (service, proxy_protocol) = match &settings.load_balancer {
        LoadBalancer::NodePorts(_) => (IngressService::default(), ingress.proxy_protocol),
        // MetalLB forwards packets, which keep the client's address; it does not speak the PROXY protocol.
        LoadBalancer::Metallb(metallb) => (metallb::service(metallb, &environment.name), false),
    };
    provider::LoadBalancer::new(ingress, proxy_protocol, service)
}

/// By HTTP-01, through the ingress, where nobody can write the zone.
fn solver(settings: &KubeconfigSettings, environment: &Environment) -> provider::Dns {
    match &settings.dns {
        Dns::Manual(_) => provider::Dns {
            solver: json!({ "http01": { "ingress": { "ingressClassName": INGRESS_CLASS } } }),
            credential: None,
            zones: vec![environment.domain.clone()],
            ports: Vec::new(),
        },
        Dns::Rfc2136(updates) => dns::solver(updates, environment),
    }
}

fn vault(seal: &Seal) -> VaultFoundation {
    match seal {
        Seal::Shamir(_) => VaultFoundation {
            seal: provider::Seal { kind: "shamir".to_owned(), parameters: BTreeMap::new() },
            seal_authority: None,
            seal_ports: Vec::new(),
            seal_credentials: BTreeMap::new(),
        },
        Seal::Transit(transit) => {
            let parameters = [
                ("address", transit.address.clone()),
                ("key_name", transit.key.clone()),
                ("mount_path", format!("{}/", transit.mount.trim_matches('/'))),
            ];
            VaultFoundation {
                seal: provider::Seal {
                    kind: "transit".to_owned(),
                    parameters: parameters.map(|(name, value)| (name.to_owned(), value)).into(),
                },
                seal_authority: transit.authority.clone(),
                seal_ports: vec![port(&transit.address)],
                seal_credentials: BTreeMap::from([("VAULT_TOKEN".to_owned(), placeholder(&transit.token))]),
            }
        }
    }
}

/// The TCP port of a web address.
fn port(address: &str) -> u16 {
    let address: Uri = address.parse().unwrap_or_default();
    address.port_u16().unwrap_or(if address.scheme_str() == Some("http") { 80 } else { 443 })
}

fn backups(settings: &KubeconfigSettings, environment: &Environment) -> String {
    match &settings.backups {
        Backups::Directory(directory) => format!("file://{}/{}", directory.path.display(), environment.name),
        Backups::S3(store) => {
            format!("s3://{}/{}?endpoint={}", store.bucket, environment.name, store.endpoint)
        }
    }
}

fn records(settings: &KubeconfigSettings, environment: &Environment) -> Vec<provider::DnsRecord> {
    let values = json!(addresses(settings));
    let record = |name| provider::DnsRecord { name, kind: "A", values: values.clone() };
    names(environment).map(record).into()
}
