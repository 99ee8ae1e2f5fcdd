//! The Vaults in a cluster's pods: which pods are servers of which, how they are sealed, and how long a Vault lasts.
//!
//! Invariants: a Vault lasts as long as one of the data volumes that were there when it was initialised; a server is known
//! by its pod's name, as a Raft node is, and its process by the pod's uid.

use std::collections::{BTreeMap, BTreeSet};

use http::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cluster::Cluster;
use super::object::{is_terminating, items, name, namespace, text, uid};
use crate::vault::{SHAMIR, Vault, configured_seal};

/// Where a server listens.
pub(super) const PORT: u16 = 8200;
/// Where a server keeps its data, in our manifests as in the chart.
const DATA: &str = "/vault/data";

/// One Vault with what it is bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct InstalledVault {
    vault: Vault,
    /// The uids of the data claims, or of the pods where there are no claims.
    volumes: BTreeSet<String>,
    /// The uids of the pods that run, by their names.
    processes: BTreeMap<String, String>,
}

/// Whether a pod is a server of a Vault: by the labels of our manifests, or of
/// <https://github.com/hashicorp/vault-helm>.
pub(super) fn is_server(pod: &Value) -> bool {
    let labels = &pod["metadata"]["labels"];
    let is_server =
        ["app.kubernetes.io/component", "component"].iter().any(|label| labels[*label] == "server");
    is_server && labels["app.kubernetes.io/name"] == "vault"
}

/// Whether a pod is a server whose process runs.
pub(super) fn runs(pod: &Value) -> bool {
    text(pod, "/status/phase") == "Running" && !is_terminating(pod) && is_server(pod)
}

/// Where the Vault of a server is installed.
fn place(pod: &Value) -> String {
    let instance = text(pod, "/metadata/labels/app.kubernetes.io~1instance");
    format!("{}/{instance}", namespace(pod))
}

/// The Vault that a server belongs to, once it is initialised.
pub(super) fn vault_of<'a>(cluster: &'a Cluster, pod: &Value) -> Option<&'a Vault> {
    cluster.vaults().get(&place(pod)).map(|installed| &installed.vault)
}

/// What a server answers.
pub(super) fn answer(cluster: &mut Cluster, pod: &Value, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let place = place(pod);
    let seal = seal(cluster, pod);
    let mut vaults = cluster.vaults().clone();
    let installed = vaults.entry(place.clone()).or_insert_with(|| install(cluster, &place));
    let response = installed.vault.answer(name(pod), &seal, request);
    if !installed.vault.is_initialized() {
        vaults.remove(&place);
    }
    cluster.set_vaults(vaults);
    response
}

/// A Vault that is not initialised, on the volumes that are there.
fn install(cluster: &Cluster, place: &str) -> InstalledVault {
    let servers = || cluster.list("", "pods", None).filter(|pod| is_server(pod) && self::place(pod) == place);
    let mut volumes: BTreeSet<String> = servers().flat_map(|pod| data_claims(cluster, pod)).collect();
    if volumes.is_empty() {
        volumes = servers().map(|pod| uid(pod).to_owned()).collect();
    }
    let seed: Vec<&str> = volumes.iter().map(String::as_str).collect();
    let vault = Vault::seeded(&seed.join(" "));
    InstalledVault { vault, volumes, processes: processes(cluster, place) }
}

/// The servers of a Vault that run: the uids of their pods by their names.
fn processes(cluster: &Cluster, place: &str) -> BTreeMap<String, String> {
    let servers = cluster.list("", "pods", None).filter(|pod| runs(pod) && self::place(pod) == place);
    servers.map(|pod| (name(pod).to_owned(), uid(pod).to_owned())).collect()
}

/// The uids of the claims that hold a server's data.
fn data_claims(cluster: &Cluster, pod: &Value) -> Vec<String> {
    let mounts =
        items(pod, "/spec/containers").iter().flat_map(|container| items(container, "/volumeMounts"));
    let data: BTreeSet<&str> =
        mounts.filter(|mount| mount["mountPath"] == DATA).map(|mount| text(mount, "/name")).collect();
    let volumes = items(pod, "/spec/volumes").iter().filter(|volume| data.contains(text(volume, "/name")));
    let claims = volumes.filter_map(|volume| {
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        cluster.get("", "persistentvolumeclaims", namespace(pod), claim)
    });
    claims.map(|claim| uid(claim).to_owned()).collect()
}

/// The kind of a server's seal: that of its configuration, in a ConfigMap which the pod mounts.
fn seal(cluster: &Cluster, pod: &Value) -> String {
    let sources = items(pod, "/spec/volumes").iter().flat_map(|volume| {
        let projected =
            items(volume, "/projected/sources").iter().map(|source| text(source, "/configMap/name"));
        projected.chain([text(volume, "/configMap/name")])
    });
    let maps = sources.filter_map(|map| cluster.get("", "configmaps", namespace(pod), map));
    let files = maps.filter_map(|map| map["data"].as_object()).flat_map(|data| data.values());
    files.filter_map(Value::as_str).find_map(configured_seal).unwrap_or(SHAMIR).to_owned()
}

/// Lets the Vaults learn which of their servers run and which volumes are left.
pub(super) fn attend(cluster: &mut Cluster) {
    if cluster.vaults().is_empty() {
        return;
    }
    let mut vaults = cluster.vaults().clone();
    let claims = cluster.list("", "persistentvolumeclaims", None);
    let left: BTreeSet<&str> = claims.chain(cluster.list("", "pods", None)).map(uid).collect();
    vaults.retain(|_, installed| installed.volumes.iter().any(|volume| left.contains(volume.as_str())));
    for (place, installed) in &mut vaults {
        let running = processes(cluster, place);
        installed.vault.follow(&running, &installed.processes);
        installed.processes = running;
    }
    cluster.set_vaults(vaults);
}
