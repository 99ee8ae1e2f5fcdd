//! The Vault of a cluster: what it remembers, for as long as its volumes last, and which of its servers run.
//!
//! Invariant: it is told by the uids of claims and pods, so what is made anew under an old name is not taken for the old.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_sandbox::vault::Vault;
use http::{Request, Response};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;

use super::SERVERS;

/// How the names of the claims begin that hold the servers' data.
const DATA: &str = "data-vault-";

/// Vault, with what it is bound to.
#[derive(Debug, Default)]
pub(super) struct Installed {
    vault: Vault,
    /// The data claims that there were when it was initialised, or, until then, that there are.
    volumes: BTreeSet<String>,
    /// The pods that run, by their names.
    processes: BTreeMap<String, String>,
}

impl Installed {
    /// Learns what there is in the namespace.
    pub fn see(&mut self, pods: &[Pod], claims: &[PersistentVolumeClaim]) {
        let data = claims.iter().filter(|claim| claim.name_any().starts_with(DATA));
        let volumes: BTreeSet<String> = data.filter_map(ResourceExt::uid).collect();
        if self.is_initialized() && self.volumes.is_disjoint(&volumes) {
            *self = Self::default();
        }
        if !self.is_initialized() && self.volumes != volumes {
            let seed: Vec<&str> = volumes.iter().map(String::as_str).collect();
            self.vault = Vault::seeded(&seed.join(" "));
            self.volumes = volumes;
        }
        let running = pods.iter().filter(|pod| runs(pod));
        let running: BTreeMap<String, String> =
            running.filter_map(|pod| Some((pod.name_any(), pod.uid()?))).collect();
        self.vault.follow(&running, &self.processes);
        self.processes = running;
    }

    /// What a server answers, if it runs.
    pub fn answer(
        &mut self,
        server: &str,
        seal: &str,
        request: &Request<Vec<u8>>,
    ) -> Option<Response<Vec<u8>>> {
        let runs = self.processes.contains_key(server);
        runs.then(|| self.vault.answer(server, seal, request))
    }

    /// The labels by which a server's pod tells its state.
    pub fn labels(&self, server: &str) -> [(&'static str, &'static str); 5] {
        self.vault.labels(server)
    }

    pub fn is_initialized(&self) -> bool {
        self.vault.is_initialized()
    }

    pub fn is_sealed(&self, server: &str) -> bool {
        !self.processes.contains_key(server) || self.vault.is_sealed(server)
    }
}

/// Whether a pod is a server that runs.
pub(super) fn runs(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    SERVERS.contains(&pod.name_any().as_str())
        && phase == Some("Running")
        && pod.metadata.deletion_timestamp.is_none()
}
