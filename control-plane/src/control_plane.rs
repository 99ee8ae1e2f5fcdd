//! A control plane: its start, the access to it, and its end.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use k8s_openapi::api::core::v1::{Namespace, Node, ServiceAccount};
use kube::Client;
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::assets::Assets;
use crate::keeper::Keeper;
use crate::port::ReservedPort;
use crate::servers::{Files, Ports};
use crate::wait::until;
use crate::{Forward, Gate, Server, StartError, cluster, credentials, kubeconfig};

/// How much of a control plane is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// etcd and the API server: objects are checked and kept, and nothing comes of them.
    Api,
    /// Controllers, the scheduler and this many nodes too: pods run, as far as their status tells.
    Cluster {
        /// How many nodes.
        nodes: usize,
    },
}

/// How a control plane is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much of it is started.
    pub extent: Extent,
    /// Whether admission webhooks are called. What they call has to run, which pods on played nodes do not.
    pub calls_webhooks: bool,
}

impl Default for Options {
    /// Three nodes, and webhooks as on any server.
    fn default() -> Self {
        Self { extent: Extent::Cluster { nodes: 3 }, calls_webhooks: true }
    }
}

/// A control plane that runs. Dropping it ends it, and waits until nothing is left.
///
/// It belongs to no runtime. So one can be kept in a `static` for all tests of a program; then it ends with the process.
#[derive(Debug)]
pub struct ControlPlane {
    keeper: Keeper,
    assets: Assets,
    config: kube::Config,
    kubeconfig: PathBuf,
    // Held for as long as the servers use them.
    port: ReservedPort,
    kubelets: ReservedPort,
}

impl ControlPlane {
    /// Starts a control plane; it is ready when this returns. Real time passes, so the runtime's clock must not be paused.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let assets = Assets::find()?;
        let keeper = Keeper::new().map_err(StartError::system("make a folder"))?;
        let port = ReservedPort::any().map_err(StartError::system("reserve a port"))?;
        let kubelets = ReservedPort::by_address().map_err(StartError::system("reserve a port"))?;
        let files = Files::of(keeper.folder());
        credentials::write(&files, port.number())?;
        let kubeconfig = files.kubeconfig(credentials::ADMINISTRATOR);
        let config = config(&kubeconfig).await.map_err(StartError::unusable("the kubeconfig"))?;
        let mut control_plane = Self { keeper, assets, config, kubeconfig, port, kubelets };

        control_plane.run(Server::Etcd, &options)?;
        control_plane.etcd_listens().await?;
        control_plane.run(Server::Api, &options)?;
        control_plane.api_is_ready().await?;
        if let Extent::Cluster { nodes } = options.extent {
            control_plane.run(Server::ControllerManager, &options)?;
            control_plane.run(Server::Scheduler, &options)?;
            control_plane.furnish(nodes).await?;
            control_plane.run(Server::Kwok, &options)?;
            control_plane.cluster_is_ready().await?;
        }
        Ok(control_plane)
    }

    /// The kubeconfig of the administrator, who may do everything. Its context is `onprem`.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The same access as a client's configuration.
    pub fn config(&self) -> &kube::Config {
        &self.config
    }

    /// A client of the administrator. Must be called within a tokio runtime, to which it belongs.
    pub fn client(&self) -> Client {
        Client::try_from(self.config.clone()).expect("access that was tried at the start")
    }

    /// Runs kubectl as the administrator.
    pub fn kubectl(&self, arguments: &[&str]) -> io::Result<Output> {
        self.kubectl_command().args(arguments).output()
    }

    /// kubectl as the administrator, with nothing of this process's environment.
    pub fn kubectl_command(&self) -> Command {
        let mut command = Command::new(self.assets.program("kubectl"));
        command.env_clear().env("HOME", self.keeper.folder()).env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// A kubeconfig for a service account, with a token such as its pods have. The context's namespace is the account's.
    pub async fn account_kubeconfig(&self, namespace: &str, account: &str) -> Result<String, StartError> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let request = accounts.create_token_request(account, &Default::default(), &Default::default()).await;
        let request = request.map_err(StartError::unusable("the service account"))?;
        let token = request.status.map(|status| status.token).unwrap_or_default();
        let authority = Files::of(self.keeper.folder()).certificate("ca");
        let reading = StartError::system(format!("read `{}`", authority.display()));
        let authority = std::fs::read_to_string(&authority).map_err(reading)?;
        let server = credentials::server(self.port.number());
        Ok(kubeconfig::with_token(&server, &authority, namespace, &token).to_string())
    }

    /// Leads port-forwards of a pod's port to one of loopback, as soon as kwok heeds it.
    pub async fn forward(&self, forward: Forward<'_>) -> Result<(), StartError> {
        let established = forward.establish(&self.client()).await;
        established.map_err(StartError::unusable("kwok's kind ClusterPortForward"))
    }

    /// A new gate in front of the API server.
    pub fn gate(&self) -> io::Result<Gate> {
        Gate::in_front_of(&self.config, self.keeper.folder())
    }

    /// All that a server has logged.
    pub fn log(&self, server: Server) -> String {
        self.keeper.log(server.name())
    }

    /// The names of the servers' programs, with the ids of their processes.
    pub fn processes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.keeper.servers()
    }

    /// The folder of everything that belongs to it: logs, certificates, data.
    pub fn folder(&self) -> &Path {
        self.keeper.folder()
    }

    fn run(&mut self, server: Server, options: &Options) -> Result<(), StartError> {
        let files = Files::of(self.keeper.folder());
        let ports = Ports { api: self.port.number(), kubelets: self.kubelets.number() };
        let arguments = files.arguments(server, ports, options.calls_webhooks);
        let program = self.assets.program(server.name());
        let started = self.keeper.start(server.name(), &program, &arguments);
        started.map_err(StartError::system(format!("start {}", server.name())))
    }

    async fn etcd_listens(&mut self) -> Result<(), StartError> {
        let socket = Files::of(self.keeper.folder()).etcd_socket();
        until(&mut self.keeper, "the start of etcd", Server::Etcd.name(), async || {
            tokio::net::UnixStream::connect(&socket).await.map(drop).map_err(|error| error.to_string())
        })
        .await
    }

    /// The API server is ready, and has made the namespace that everybody counts on.
    async fn api_is_ready(&mut self) -> Result<(), StartError> {
        let client = self.client();
        until(&mut self.keeper, "the start of the API server", Server::Api.name(), async || {
            let request = http::Request::get("/readyz").body(Vec::new()).expect("a request");
            client.request_text(request).await.map_err(|error| error.to_string())?;
            let namespaces: Api<Namespace> = Api::all(client.clone());
            namespaces.get("default").await.map(drop).map_err(|error| error.to_string())
        })
        .await
    }

    /// Makes the nodes, what a cluster offers, and the stages by which all that is played.
    async fn furnish(&mut self, nodes: usize) -> Result<(), StartError> {
        let client = self.client();
        let nodes_api: Api<Node> = Api::all(client.clone());
        for number in 0..nodes {
            let created = nodes_api.create(&Default::default(), &cluster::node(number)).await;
            created.map_err(StartError::unusable("the API server"))?;
        }
        let mut objects = self.assets.kwok_manifests()?;
        let offers = cluster::objects(cluster::OFFERS);
        objects.extend(offers.map_err(StartError::unusable("the cluster's own manifest"))?);
        // The API server takes a moment until it serves a kind that has just been defined.
        until(&mut self.keeper, "the definition of kwok's kinds", Server::Api.name(), async || {
            for object in &objects {
                cluster::apply(&client, object).await?;
            }
            Ok(())
        })
        .await
    }

    /// Pods can be made and find nodes.
    async fn cluster_is_ready(&mut self) -> Result<(), StartError> {
        let client = self.client();
        let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
        let controllers = Server::ControllerManager.name();
        until(&mut self.keeper, "the default service account", controllers, async || {
            accounts.get("default").await.map(drop).map_err(|error| error.to_string())
        })
        .await?;
        let nodes_api: Api<Node> = Api::all(client);
        until(&mut self.keeper, "the readiness of the nodes", Server::Kwok.name(), async || {
            let listed = nodes_api.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
            listed.items.iter().find_map(cluster::in_the_way_of).map_or(Ok(()), Err)
        })
        .await
    }
}

/// The access that a kubeconfig gives. Requests that fail are not repeated: what a server answers is what a test sees.
async fn config(kubeconfig: &Path) -> Result<kube::Config, KubeconfigError> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(config)
}
