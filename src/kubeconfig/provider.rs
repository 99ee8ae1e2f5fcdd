//! An environment on a cluster that exists already: the connection to it, and the foundation that it gives to what runs on
//! it. Nothing is made below the cluster but DNS records.
//!
//! Invariant: a sandbox swaps what lies behind the clients, and nothing else.

use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use holodeck_engine::{Error, Graph, Snapshot};
use holodeck_sandbox::Sandbox;
use holodeck_sandbox::kubernetes::GivenCluster;

use super::access::{self, Access};
use super::dns;
use super::facts::Facts;
use super::foundation::foundation;
use super::safe_place::AgeFiles;
use super::settings::{Dns, KubeconfigSettings, LoadBalancer};
use crate::environment::Environment;
use crate::kubernetes::Kubernetes;
use crate::name_server::NameServer;
use crate::provider::{Foundation, Provider};
use crate::secret::{LocalSecrets, SecretSource};
use crate::simulation::StandIns;

/// The version and size of the cluster that a sandbox gives.
const SIMULATED_VERSION: &str = "1.36";
const SIMULATED_NODES: usize = 5;
/// The default storage class of the cluster that a sandbox gives.
const SIMULATED_STORAGE_CLASS: &str = "standard";

/// The connection to the cluster of one environment.
pub struct KubeconfigProvider {
    settings: KubeconfigSettings,
    access: Access,
    facts: Facts,
    /// Who keeps the domain, where the records are made by us.
    name_server: Option<Arc<NameServer>>,
    secrets: Arc<dyn SecretSource>,
    /// The folder of the simulated world, which files are written to instead of their real place.
    simulated_in: Option<PathBuf>,
}

impl KubeconfigProvider {
    /// Connects to the cluster that `settings` name, in the sandbox where there is one, and reads what plans need to
    /// know of it. Refuses any other cluster.
    pub async fn connect(
        settings: &KubeconfigSettings,
        environment: &Environment,
        sandbox: Option<&Sandbox>,
    ) -> Result<Self, Error> {
        let (access, secrets): (_, Arc<dyn SecretSource>) = match sandbox {
            Some(sandbox) => (simulated(settings, sandbox), Arc::new(StandIns)),
            None => (Access::open(settings).await?, Arc::new(LocalSecrets)),
        };
        // The simulated cluster is another one, by whatever name.
        let cluster_id = settings.cluster_id.as_deref().filter(|_| sandbox.is_none());
        let facts = Facts::read(&access.client, settings, cluster_id).await?;
        let name_server = match &settings.dns {
            Dns::Manual(_) => None,
            Dns::Rfc2136(updates) => {
                Some(Arc::new(dns::connect(updates, environment, &*secrets, sandbox).await?))
            }
        };
        tracing::debug!(environment = environment.name, version = facts.version, "connected");
        let simulated_in = match sandbox.map(Sandbox::folder) {
            Some(None) => {
                return Err(Error::bug("a simulated world without a folder takes no keys of Vault"));
            }
            Some(Some(folder)) => Some(folder.to_owned()),
            None => None,
        };
        Ok(Self { settings: settings.clone(), access, facts, name_server, secrets, simulated_in })
    }
}

fn simulated(settings: &KubeconfigSettings, sandbox: &Sandbox) -> Access {
    let metallb = match &settings.load_balancer {
        LoadBalancer::Metallb(metallb) => Some(metallb.namespace.clone()),
        LoadBalancer::NodePorts(_) => None,
    };
    let given = GivenCluster {
        version: SIMULATED_VERSION.to_owned(),
        nodes: SIMULATED_NODES,
        storage_class: settings.storage_class.clone().unwrap_or_else(|| SIMULATED_STORAGE_CLASS.to_owned()),
        metallb,
    };
    Access {
        server: "https://192.0.2.1:6443".to_owned(),
        client: sandbox.given_kubernetes(given.clone()),
        tunnel: Arc::new(sandbox.given_pods(given)),
    }
}

impl Provider for KubeconfigProvider {
    fn describe(&self) -> Vec<(&'static str, String)> {
        let mut described = vec![
            ("context", self.settings.context.clone()),
            ("server", self.access.server.clone()),
            ("version", self.facts.version.clone()),
        ];
        described.extend(self.name_server.as_ref().map(|server| ("name server", server.address.to_string())));
        described
    }

    fn declare(&self, environment: &Environment, graph: &mut Graph) -> Result<Foundation, Error> {
        if let (Some(server), Dns::Rfc2136(updates)) = (&self.name_server, &self.settings.dns) {
            dns::declare(server, updates, &self.settings, environment, graph);
        }
        let (client, secrets) = (self.access.client.clone(), self.secrets.clone());
        let (name, tunnel) = (environment.name.clone(), self.access.tunnel.clone());
        let kubernetes = graph.host(&(), move |()| {
            let kubernetes = Kubernetes::new(client.clone(), name.clone(), secrets.clone());
            let kubernetes = kubernetes.with_tunnel(tunnel.clone());
            async move { Ok(Arc::new(kubernetes)) }.boxed()
        });
        let place = AgeFiles::new(&self.settings.recovery_keys, &environment.name, self.secrets.clone());
        let place = match &self.simulated_in {
            Some(folder) => place.within(folder.join("recovery")),
            None => place,
        };
        Ok(foundation(&self.settings, environment, &self.facts, kubernetes, place))
    }

    fn kubeconfig(&self, _: &Environment, _: &Snapshot) -> Result<String, Error> {
        access::kubeconfig(&self.settings)
    }

    fn secrets(&self) -> Arc<dyn SecretSource> {
        self.secrets.clone()
    }
}
