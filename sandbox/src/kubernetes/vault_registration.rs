//! Vault's service registration: the labels by which a server's pod tells its state, and by which Services find it.
//! <https://developer.hashicorp.com/vault/docs/configuration/service-registration/kubernetes>

use super::cluster::Cluster;
use super::object::{name, set};
use super::vault_servers::{runs, vault_of};
use crate::vault::Vault;

/// Labels the pods of the servers that run.
pub(super) fn run(cluster: &mut Cluster) {
    for key in cluster.keys("", "pods") {
        let Some(pod) = cluster.at(&key).filter(|pod| runs(pod)) else { continue };
        let server = name(pod);
        let labels = vault_of(cluster, pod)
            .map_or_else(|| Vault::default().labels(server), |vault| vault.labels(server));
        cluster.update(&key, |pod| {
            for (label, value) in labels {
                set(pod, &["metadata", "labels", label], value);
            }
        });
    }
}
