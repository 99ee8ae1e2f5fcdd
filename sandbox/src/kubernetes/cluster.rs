//! The state of one simulated cluster: its objects and how far its time has been played.
//!
//! Invariants: every change of an object raises the revision, which becomes the object's `resourceVersion`; time never
//! goes back; playing from one instant to another gives the same state in one step as in many.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::object::{name, namespace, rfc3339, set, set_default};
use super::vault_servers::InstalledVault;
use super::{controllers, nodes};

/// A machine that joins the cluster, given by who simulates the cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Name of the node object.
    pub name: String,
    /// Cloud machine type, shown as a label.
    pub instance_type: String,
    /// Availability zone, shown as a label.
    pub zone: String,
    /// Labels besides the well-known ones.
    pub labels: BTreeMap<String, String>,
    /// Taints it registers with.
    pub taints: Vec<Taint>,
    /// When its kubelet reports ready.
    pub ready_at: Timestamp,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value, may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// The stored state of one cluster; serialise it to persist it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    version: String,
    created: Timestamp,
    revision: u64,
    serial: u64,
    advanced_to: Timestamp,
    next_due: Option<Timestamp>,
    nodes: Vec<NodeSpec>,
    objects: BTreeMap<String, Value>,
    /// What the Vaults in the pods hold, by where they are installed.
    #[serde(default)]
    vaults: BTreeMap<String, InstalledVault>,
}

impl Cluster {
    /// A cluster as EKS hands it over: a bare one with the `gp2` StorageClass.
    ///
    /// `version` is the minor version, such as `1.35`.
    pub fn new(version: &str, now: Timestamp) -> Self {
        let mut cluster = Self::bare(version, now);
        let class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "gp2"},
            "provisioner": "kubernetes.io/aws-ebs", "parameters": {"type": "gp2", "fsType": "ext4"},
            "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        });
        cluster.insert("storage.k8s.io", "storageclasses", class, now);
        cluster.settle(now);
        cluster
    }

    /// A cluster with the system namespaces and the `kubernetes` Service.
    pub(super) fn bare(version: &str, now: Timestamp) -> Self {
        let mut cluster = Self {
            version: version.to_owned(),
            created: now,
            revision: 0,
            serial: 0,
            advanced_to: now,
            next_due: None,
            nodes: Vec::new(),
            objects: BTreeMap::new(),
            vaults: BTreeMap::new(),
        };
        for namespace in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let object = json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            });
            cluster.insert("", "namespaces", object, now);
        }
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "kubernetes", "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {
                "clusterIP": "172.20.0.1", "clusterIPs": ["172.20.0.1"], "type": "ClusterIP",
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}],
            },
        });
        cluster.insert("", "services", service, now);
        cluster
    }

    /// Raised by every change; persist the cluster when it moved.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The minor version that `/version` reports.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Moves the control plane to another minor version, as an upgrade does.
    pub fn set_version(&mut self, version: &str) {
        if self.version != version {
            version.clone_into(&mut self.version);
            self.revision += 1;
        }
    }

    /// Plays time up to `now` with these machines: registers new ones, lets everything happen that is due, then drops
    /// those that are gone.
    pub fn advance(&mut self, now: Timestamp, specs: &[NodeSpec]) {
        let now = now.max(self.advanced_to);
        let changed = self.nodes != specs;
        if !changed && self.next_due.is_none_or(|due| due > now) {
            self.advanced_to = now;
            return;
        }
        let start = self.advanced_to;
        if changed {
            specs.clone_into(&mut self.nodes);
            nodes::register(self, specs, start);
        }
        self.play(start, now);
        if changed {
            nodes::retire(self, specs);
            self.play(now, now);
        }
    }

    /// Plays time up to `now`, lets `act` act at that instant, and the controllers react if it changed anything.
    pub(super) fn act<T>(
        &mut self,
        now: Timestamp,
        specs: &[NodeSpec],
        act: impl FnOnce(&mut Self, Timestamp) -> T,
    ) -> T {
        self.advance(now, specs);
        let (now, before) = (self.advanced_to, self.revision);
        let outcome = act(self, now);
        if self.revision != before {
            self.settle(now);
        }
        outcome
    }

    /// Lets the controllers react to a change made at `now`.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.play(now, now);
    }

    fn play(&mut self, start: Timestamp, end: Timestamp) {
        let mut at = start;
        loop {
            self.next_due = controllers::run(self, at);
            match self.next_due {
                Some(due) if due <= end && due > at => at = due,
                _ => break,
            }
        }
        self.advanced_to = self.advanced_to.max(end);
    }

    /// Names of the machines and when each reports ready.
    pub(super) fn machines(&self) -> Vec<(String, Timestamp)> {
        self.nodes.iter().map(|spec| (spec.name.clone(), spec.ready_at)).collect()
    }

    /// One object.
    pub(super) fn get(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&key(group, plural, namespace, name))
    }

    /// The object behind a key.
    pub(super) fn at(&self, key: &str) -> Option<&Value> {
        self.objects.get(key)
    }

    /// Objects of a resource in the order of their keys, in one namespace or everywhere.
    pub(super) fn list<'a>(
        &'a self,
        group: &str,
        plural: &str,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.entries(group, plural, namespace).map(|(_, object)| object)
    }

    /// Keys and objects of a resource in the order of the keys, in one namespace or everywhere.
    pub(super) fn entries<'a>(
        &'a self,
        group: &str,
        plural: &str,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        let prefix = match namespace {
            Some(namespace) => format!("{group}/{plural}/{namespace}/"),
            None => format!("{group}/{plural}/"),
        };
        self.objects
            .range(prefix.clone()..)
            .take_while(move |(key, _)| key.starts_with(&prefix))
            .map(|(key, object)| (key.as_str(), object))
    }

    /// Keys of a resource, for callers that change what they visit.
    pub(super) fn keys(&self, group: &str, plural: &str) -> Vec<String> {
        self.entries(group, plural, None).map(|(key, _)| key.to_owned()).collect()
    }

    /// Every key with its object.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.objects.iter().map(|(key, object)| (key.as_str(), object))
    }

    /// A fresh unique id, the next that `insert` gives.
    pub(super) fn next_uid(&self) -> String {
        let digest = Sha256::digest(format!("{}/{}", self.created, self.serial + 1));
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
    }

    /// A short suffix for generated names, another one after each insertion.
    pub(super) fn next_suffix(&self) -> String {
        self.next_uid()[..5].to_owned()
    }

    /// How many objects were ever inserted.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// Stores a new object, giving it the metadata that the server decides, and returns its key.
    pub(super) fn insert(&mut self, group: &str, plural: &str, mut object: Value, at: Timestamp) -> String {
        set_default(&mut object, &["metadata", "uid"], self.next_uid());
        set_default(&mut object, &["metadata", "creationTimestamp"], rfc3339(at));
        self.serial += 1;
        let key = key(group, plural, namespace(&object), name(&object));
        self.store(&key, object);
        key
    }

    /// Stores the object behind a key under a new revision.
    pub(super) fn store(&mut self, key: &str, mut object: Value) {
        self.revision += 1;
        set(&mut object, &["metadata", "resourceVersion"], self.revision.to_string());
        self.objects.insert(key.to_owned(), object);
    }

    /// Changes an object in place; nothing is stored when nothing differs.
    pub(super) fn update(&mut self, key: &str, change: impl FnOnce(&mut Value)) {
        let Some(live) = self.objects.get(key) else { return };
        let mut object = live.clone();
        change(&mut object);
        if object != *live {
            self.store(key, object);
        }
    }

    /// The Vaults in the pods, by where they are installed.
    pub(super) fn vaults(&self) -> &BTreeMap<String, InstalledVault> {
        &self.vaults
    }

    /// Puts the Vaults into another state; nothing is stored when nothing differs.
    pub(super) fn set_vaults(&mut self, vaults: BTreeMap<String, InstalledVault>) {
        if self.vaults != vaults {
            self.vaults = vaults;
            self.revision += 1;
        }
    }

    /// Removes the object behind a key.
    pub(super) fn remove(&mut self, key: &str) -> Option<Value> {
        let removed = self.objects.remove(key);
        if removed.is_some() {
            self.revision += 1;
        }
        removed
    }
}

/// Where an object is stored; the order of keys is that of lists.
pub(super) fn key(group: &str, plural: &str, namespace: &str, name: &str) -> String {
    format!("{group}/{plural}/{namespace}/{name}")
}
