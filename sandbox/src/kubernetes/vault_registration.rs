//! Vault's service registration: the labels by which a server's pod tells its state, and by which Services find it.
//! <https://developer.hashicorp.com/vault/docs/configuration/service-registration/kubernetes>

use super::cluster::Cluster;
use super::object::{name, set};
use super::vault_servers::{runs, vault_of};
use crate::vault::VERSION;

/// Labels the pods of the servers that run.
pub(super) fn run(cluster: &mut Cluster) {
    for key in cluster.keys("", "pods") {
        let Some(pod) = cluster.at(&key).filter(|pod| runs(pod)) else { continue };
        let (vault, server) = (vault_of(cluster, pod), name(pod));
        let told = |flag: bool| if flag { "true" } else { "false" };
        let labels = [
            ("vault-active", told(vault.and_then(|vault| vault.leader()) == Some(server))),
            ("vault-initialized", told(vault.is_some_and(|vault| vault.has_joined(server)))),
            ("vault-perf-standby", "false"),
            ("vault-sealed", told(vault.is_none_or(|vault| vault.is_sealed(server)))),
            ("vault-version", VERSION),
        ];
        cluster.update(&key, |pod| {
            for (label, value) in labels {
                set(pod, &["metadata", "labels", label], value);
            }
        });
    }
}
