//! A foundation for tests, on a host of the caller's.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use holodeck_engine::{Address, Error, Host, Reference};
use secrecy::SecretString;
use serde_json::json;

use crate::kubernetes::Kubernetes;
use crate::provider::{
    BackupStore, ClusterNetwork, Dns, Foundation, Identity, IngressService, LoadBalancer, RecoveryKeys, Seal,
    VaultFoundation,
};
use crate::safe_place::SafePlace;

/// A place that nothing is brought to.
struct Nowhere;

#[async_trait]
impl SafePlace for Nowhere {
    fn identity(&self) -> String {
        "nowhere".to_owned()
    }

    async fn prepare(&self) -> Result<(), Error> {
        Err(Error::bug("nothing is to be kept"))
    }

    async fn keep(&self, _: &str, _: &SecretString) -> Result<(), Error> {
        Err(Error::bug("nothing is to be kept"))
    }

    async fn holds(&self, _: &str) -> Result<bool, Error> {
        Ok(false)
    }

    async fn read(&self, _: &str) -> Result<SecretString, Error> {
        Err(Error::bug("nothing is kept"))
    }
}

/// A reference to an output, for what is only known later.
pub fn unknown(kind: &str) -> String {
    Reference { address: Address::new(kind, "main"), field: "id".to_owned() }.to_string()
}

/// All that components need, with `key` and `zone` as the provider's seal key and DNS zone.
pub fn foundation(kubernetes: Host<Kubernetes>, key: &str, zone: &str) -> Foundation {
    Foundation {
        kubernetes,
        kubernetes_version: "1.36".to_owned(),
        cluster: None,
        objects: Vec::new(),
        ingress: LoadBalancer {
            http_port: 32080,
            https_port: 32443,
            proxy_protocol: true,
            allowed: vec!["0.0.0.0/0".to_owned()],
            class: "nginx".to_owned(),
            service: IngressService::default(),
        },
        dns: Dns {
            solver: json!({ "dns01": { "route53": { "region": "eu-west-1", "hostedZoneID": zone } } }),
            credential: None,
            zones: vec!["sandbox.holodeck.example".to_owned()],
            ports: Vec::new(),
        },
        vault: VaultFoundation {
            seal: Seal {
                kind: "awskms".to_owned(),
                parameters: BTreeMap::from([("kms_key_id".to_owned(), key.to_owned())]),
            },
            seal_authority: None,
            seal_ports: vec![443],
            seal_credentials: BTreeMap::new(),
        },
        storage_class: "gp2".to_owned(),
        identity: Identity::without_annotations(),
        network: ClusterNetwork { api_server_cidrs: vec!["10.0.0.0/16".to_owned()] },
        backups: BackupStore { url: "s3://backups".to_owned() },
        recovery_keys: RecoveryKeys {
            location: "a safe place".to_owned(),
            resource: None,
            place: Arc::new(Nowhere),
        },
        records: Vec::new(),
    }
}
