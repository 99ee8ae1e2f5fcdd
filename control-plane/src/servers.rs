//! The servers of a control plane, and how each is started.
//!
//! The API server has a port, and so has kwok, for the kubelets that it plays; etcd listens on a socket in the folder, and
//! the others serve nothing. What is not said here is as on a control plane that kubeadm makes.

use std::path::{Path, PathBuf};

/// A server of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The store.
    Etcd,
    /// The API server.
    Api,
    /// The controllers of Kubernetes itself.
    ControllerManager,
    /// The scheduler.
    Scheduler,
    /// Plays the nodes, and the kubelets on them.
    Kwok,
}

impl Server {
    /// The name of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Api => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }
}

/// The addresses of Services.
const SERVICES: &str = "10.96.0.0/16";
/// The first of them, by which Pods know the API server.
pub(crate) const API_SERVER_SERVICE: &str = "10.96.0.1";
/// Where the kubelets of all nodes answer.
pub(crate) const KUBELET_ADDRESS: &str = "localhost";
/// The kind of address that this is to a node: its IP addresses are nobody's.
pub(crate) const KUBELET_ADDRESS_TYPE: &str = "InternalDNS";
/// The addresses of Pods.
const PODS: &str = "10.244.0.0/16";

/// The ports that servers listen on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// The API server's.
    pub api: u16,
    /// That of all kubelets, which are one server.
    pub kubelets: u16,
}

/// Where the files are that servers are started with.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    folder: &'a Path,
}

impl<'a> Files<'a> {
    /// Those in a control plane's folder.
    pub fn of(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// The socket that etcd listens on.
    pub fn etcd_socket(&self) -> PathBuf {
        self.folder.join("etcd.sock")
    }

    /// The certificate of `name`.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.crt"))
    }

    /// The private key of `name`.
    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    /// The public half of a key that signs by itself.
    pub fn public_key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pub"))
    }

    /// The access of the client `name`.
    pub fn kubeconfig(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.kubeconfig"))
    }
}

impl Files<'_> {
    /// What `server` is started with. The API server calls webhooks, or does not.
    pub fn arguments(&self, server: Server, ports: Ports, calls_webhooks: bool) -> Vec<String> {
        match server {
            Server::Etcd => self.etcd(),
            Server::Api => self.api_server(ports.api, calls_webhooks),
            Server::ControllerManager => self.controller_manager(),
            Server::Scheduler => self.scheduler(),
            Server::Kwok => self.kwok(ports.kubelets),
        }
    }

    fn etcd(&self) -> Vec<String> {
        let data = self.folder.join("etcd");
        vec![
            format!("--data-dir={}", data.display()),
            format!("--listen-client-urls=unix://{}", self.etcd_socket().display()),
            // It has no peers: nobody uses this socket, nor the address, which may not be a socket's.
            "--listen-peer-urls=unix://etcd-peers.sock".into(),
            "--advertise-client-urls=http://localhost:2379".into(),
            "--log-level=warn".into(),
            // What is written needs to outlive the process, but not the machine.
            "--unsafe-no-fsync".into(),
        ]
    }

    fn api_server(&self, port: u16, calls_webhooks: bool) -> Vec<String> {
        let mut arguments = vec![
            format!("--etcd-servers=unix://{}", self.etcd_socket().display()),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={port}"),
            "--permit-port-sharing=true".into(),
            // The Service `kubernetes` cannot have a loopback address behind it.
            "--endpoint-reconciler-type=none".into(),
            format!("--service-cluster-ip-range={SERVICES}"),
            format!("--tls-cert-file={}", self.certificate("apiserver").display()),
            format!("--tls-private-key-file={}", self.key("apiserver").display()),
            format!("--client-ca-file={}", self.certificate("ca").display()),
            "--anonymous-auth=false".into(),
            "--authorization-mode=Node,RBAC".into(),
            "--enable-admission-plugins=NodeRestriction".into(),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
            format!("--service-account-key-file={}", self.public_key("service-accounts").display()),
            format!("--service-account-signing-key-file={}", self.key("service-accounts").display()),
            format!("--requestheader-client-ca-file={}", self.certificate("front-proxy-ca").display()),
            "--requestheader-allowed-names=front-proxy-client".into(),
            "--requestheader-username-headers=X-Remote-User".into(),
            "--requestheader-group-headers=X-Remote-Group".into(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".into(),
            format!("--proxy-client-cert-file={}", self.certificate("front-proxy-client").display()),
            format!("--proxy-client-key-file={}", self.key("front-proxy-client").display()),
            format!("--kubelet-certificate-authority={}", self.certificate("ca").display()),
            format!("--kubelet-client-certificate={}", self.certificate("kubelet-client").display()),
            format!("--kubelet-client-key={}", self.key("kubelet-client").display()),
            // The one kind of a node's addresses at which something answers here.
            format!("--kubelet-preferred-address-types={KUBELET_ADDRESS_TYPE}"),
            "--enable-aggregator-routing=true".into(),
            "--allow-privileged=true".into(),
            "--profiling=false".into(),
        ];
        if !calls_webhooks {
            let plugins = "MutatingAdmissionWebhook,ValidatingAdmissionWebhook";
            arguments.push(format!("--disable-admission-plugins={plugins}"));
        }
        arguments
    }

    fn controller_manager(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.kubeconfig("controller-manager").display()),
            "--secure-port=0".into(),
            "--leader-elect=false".into(),
            "--use-service-account-credentials=true".into(),
            format!("--root-ca-file={}", self.certificate("ca").display()),
            format!("--service-account-private-key-file={}", self.key("service-accounts").display()),
            "--allocate-node-cidrs=true".into(),
            format!("--cluster-cidr={PODS}"),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--enable-hostpath-provisioner=true".into(),
            // By default it keeps to 20 requests a second, and takes five seconds for what it does first.
            "--kube-api-qps=1000".into(),
            "--kube-api-burst=1000".into(),
            "--profiling=false".into(),
        ]
    }

    fn scheduler(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.kubeconfig("scheduler").display()),
            "--secure-port=0".into(),
            "--leader-elect=false".into(),
            "--profiling=false".into(),
        ]
    }

    fn kwok(&self, port: u16) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.kubeconfig("kwok").display()),
            "--manage-all-nodes=true".into(),
            "--enable-crds=Stage,ClusterPortForward".into(),
            // Without an address it would listen on all there are.
            format!("--server-address=127.0.0.1:{port}"),
            format!("--node-port={port}"),
            format!("--tls-cert-file={}", self.certificate("kubelets").display()),
            format!("--tls-private-key-file={}", self.key("kubelets").display()),
            format!("--cidr={PODS}"),
            "--node-lease-duration-seconds=40".into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Server; 5] =
        [Server::Etcd, Server::Api, Server::ControllerManager, Server::Scheduler, Server::Kwok];

    fn arguments(server: Server, calls_webhooks: bool) -> Vec<String> {
        let ports = Ports { api: 6443, kubelets: 10250 };
        Files::of(Path::new("/folder")).arguments(server, ports, calls_webhooks)
    }

    #[test]
    fn nobody_but_the_api_server_and_the_kubelets_listens_on_a_port() {
        for server in ALL {
            let arguments = arguments(server, true).join(" ");
            for (port, whose) in [("6443", Server::Api), ("10250", Server::Kwok)] {
                assert_eq!(arguments.contains(port), server == whose, "{arguments}");
            }
            let listened: Vec<_> = arguments.split(" --listen-").skip(1).collect();
            assert!(listened.iter().all(|url| url.contains("=unix://")), "{arguments}");
        }
    }

    #[test]
    fn requests_are_authenticated_and_authorized() {
        let arguments = arguments(Server::Api, true);
        for expected in ["--authorization-mode=Node,RBAC", "--anonymous-auth=false"] {
            assert!(arguments.iter().any(|argument| argument == expected), "{arguments:?}");
        }
    }

    #[test]
    fn webhooks_are_called_unless_a_test_turns_them_off() {
        let disabled = |calls_webhooks| {
            let arguments = arguments(Server::Api, calls_webhooks);
            arguments.iter().filter(|argument| argument.starts_with("--disable-admission-plugins")).count()
        };
        assert_eq!((disabled(true), disabled(false)), (0, 1));
    }
}
