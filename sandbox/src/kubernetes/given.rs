//! A cluster that was there before anybody asked for one, as on premises: its machines, its storage class, its API
//! servers, and MetalLB to give Services an address.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::{Cluster, NodeSpec};

/// What a given cluster consists of.
#[derive(Debug, Clone)]
pub struct GivenCluster {
    /// The minor version, such as `1.35`.
    pub version: String,
    /// How many nodes it has, all without taints.
    pub nodes: usize,
    /// The name of its default storage class.
    pub storage_class: String,
    /// The namespace of MetalLB, if that is installed.
    pub metallb: Option<String>,
}

/// The first addresses that RFC 5737 sets apart for documentation.
fn address(number: usize) -> String {
    format!("192.0.2.{}", number + 1)
}

impl GivenCluster {
    /// Its machines, which have been ready ever since.
    pub(crate) fn machines(&self) -> Vec<NodeSpec> {
        let machine = |number: usize| NodeSpec {
            name: format!("node-{number}"),
            instance_type: "metal".to_owned(),
            zone: "rack-1".to_owned(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            ready_at: Timestamp::UNIX_EPOCH,
        };
        (0..self.nodes).map(machine).collect()
    }

    /// Its state at the beginning.
    pub(crate) fn cluster(&self, now: Timestamp) -> Cluster {
        let mut cluster = Cluster::bare(&self.version, now);
        cluster.insert("storage.k8s.io", "storageclasses", self.storage_class(), now);
        cluster.insert("discovery.k8s.io", "endpointslices", api_servers(), now);
        if let Some(namespace) = &self.metallb {
            let object = json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            });
            cluster.insert("", "namespaces", object, now);
            for (plural, kind) in
                [("ipaddresspools", "IPAddressPool"), ("l2advertisements", "L2Advertisement")]
            {
                let definition = definition(plural, kind);
                cluster.insert("apiextensions.k8s.io", "customresourcedefinitions", definition, now);
            }
        }
        cluster.settle(now);
        cluster
    }

    fn storage_class(&self) -> Value {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {
                "name": self.storage_class,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "rancher.io/local-path", "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
        })
    }
}

/// Three API servers, as the Service `kubernetes` tells them.
fn api_servers() -> Value {
    let endpoints: Vec<Value> =
        (0..3).map(|number| json!({"addresses": [address(number)], "conditions": {"ready": true}})).collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "endpoints": endpoints,
        "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
    })
}

fn definition(plural: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        // Long ago, so that it is established.
        "metadata": {"name": format!("{plural}.metallb.io"), "creationTimestamp": "1970-01-01T00:00:00Z"},
        "spec": {
            "group": "metallb.io", "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List")},
            "versions": [{
                "name": "v1beta1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}
