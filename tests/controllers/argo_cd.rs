//! Argo CD itself: what is in Git comes, changes and goes. Git is served over HTTPS with a password, as by a hosting
//! service.
//!
//! Its processes are started as their workloads on the API server say.

mod applications;
mod platform;
mod repositories;
mod rights;
mod services;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use holodeck_control_plane::{Keeper, ReservedPort, until};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Container, PodSpec, Service};
use kube::Client;
use kube::api::Api;

use self::platform::{NAMESPACE, Platform};
use crate::process::{self, Process, below};

/// The names of workloads, which are those of their containers, programs and accounts too.
pub const APPLICATION_CONTROLLER: &str = "argocd-application-controller";
pub const APPLICATION_SET_CONTROLLER: &str = "argocd-applicationset-controller";
const REPO_SERVER: &str = "argocd-repo-server";
const SERVER: &str = "argocd-server";
const REDIS: &str = "argocd-redis";
/// All that are Argo CD's own.
const OWN: [&str; 4] = [REPO_SERVER, SERVER, APPLICATION_CONTROLLER, APPLICATION_SET_CONTROLLER];
/// What stands in for Redis.
const REDIS_SERVER: &str = "redis-server";

/// Where Argo CD's programs look unless a variable says otherwise. A pod needs no such variable, as these places are its
/// volumes.
const PLACES: [(&str, &str); 7] = [
    ("ARGOCD_APP_CONF_PATH", "/app/config"),
    ("ARGOCD_ASK_PASS_SOCK", "/tmp/reposerver-ask-pass.sock"),
    ("ARGOCD_PLUGINSOCKFILEPATH", "/home/argocd/cmp-server/plugins"),
    ("ARGOCD_SSH_DATA_PATH", "/app/config/ssh"),
    ("ARGOCD_TLS_DATA_PATH", "/app/config/tls"),
    ("HOME", "/home/argocd"),
    ("TMPDIR", "/tmp"),
];

/// Argo CD, as far as it is processes.
pub struct ArgoCd<'a> {
    platform: &'a Platform,
    client: Client,
    keeper: Keeper,
    /// Where the addresses of Services lead.
    services: BTreeMap<String, String>,
    // Held for as long as the processes use them.
    ports: Vec<ReservedPort>,
}

impl<'a> ArgoCd<'a> {
    /// Starts it: the cache, the servers, the controllers. They are ready when this returns.
    pub async fn start(platform: &'a Platform) -> Self {
        let keeper = Keeper::new().expect("a folder");
        link_programs(keeper.folder());
        let client = platform.client();
        let mut argo_cd = Self { platform, client, keeper, services: BTreeMap::new(), ports: Vec::new() };
        argo_cd.start_redis().await;
        let deployments: Api<Deployment> = Api::namespaced(argo_cd.client.clone(), NAMESPACE);
        let template = |deployment: Deployment| deployment.spec.and_then(|spec| spec.template.spec);
        // The server first: it makes the key without which the ApplicationSet controller serves no web hooks.
        for name in [REPO_SERVER, SERVER, APPLICATION_SET_CONTROLLER] {
            let pod = deployments.get(name).await.ok().and_then(template).expect("a deployment");
            argo_cd.start_own(name, &pod).await;
        }
        let sets: Api<StatefulSet> = Api::namespaced(argo_cd.client.clone(), NAMESPACE);
        let set = sets.get(APPLICATION_CONTROLLER).await.expect("a set");
        let pod = set.spec.and_then(|spec| spec.template.spec).expect("a pod");
        argo_cd.start_own(APPLICATION_CONTROLLER, &pod).await;
        argo_cd
    }

    /// Makes the password as the init container does, and starts a stand-in that asks for it.
    async fn start_redis(&mut self) {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), NAMESPACE);
        let deployment = deployments.get(REDIS).await.expect("a deployment");
        let pod = deployment.spec.and_then(|spec| spec.template.spec).expect("a pod");
        let init = self.process(&pod, &pod.init_containers.as_ref().expect("an init container")[0]).await;
        let mut command = Command::new(self.program(&init.command[0]));
        let output = command.args(&init.command[1..]).env_clear().envs(&init.environment).output();
        let output = output.expect("the init container's program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        let server = self.process(&pod, &pod.containers[0]).await;
        let program = process::program(REDIS_SERVER);
        let started = self.keeper.start_with(REDIS_SERVER, &program, &[], &server.environment);
        started.expect("a process");
        let address = process::address(&mut self.keeper, REDIS_SERVER).await;
        self.lead(REDIS, "redis", address).await;
    }

    async fn start_own(&mut self, name: &'static str, pod: &PodSpec) {
        let container = &pod.containers[0];
        let Process { command, environment, probes } = self.process(pod, container).await;
        let mut ports = BTreeMap::new();
        for port in container.ports.iter().flatten().filter_map(|port| port.name.clone()) {
            let reserved = ReservedPort::by_address().expect("a port");
            ports.insert(port, reserved.number());
            self.ports.push(reserved);
        }
        let port = |name: &str| ports[name];
        let arguments = [&command[1..], &listening(name, port)].concat();
        let started = self.keeper.start_with(name, &self.program(&command[0]), &arguments, &environment);
        started.expect("a process");
        for probe in &probes {
            process::answers(&mut self.keeper, name, probe, port).await;
        }
        if name == REPO_SERVER {
            // Its certificate is for this name, not for the address.
            self.lead(REPO_SERVER, "grpc", format!("localhost:{}", port("grpc"))).await;
        }
    }

    /// A container's process, with what a pod has from its node: access with the account's token, and programs.
    async fn process(&self, pod: &PodSpec, container: &Container) -> Process {
        let root = self.keeper.folder().join(&container.name);
        let mut process = Process::of(&self.client, NAMESPACE, pod, container, &root, &self.services).await;
        for (variable, place) in PLACES {
            let place = below(&root, place).display().to_string();
            process.environment.entry(variable.to_owned()).or_insert(place);
        }
        let mut set = |name: &str, value: String| process.environment.insert(name.to_owned(), value);
        set("PATH", format!("{}:{}", self.keeper.folder().join("bin").display(), process::PATH));
        // GnuPG would leave an agent behind, and no project of ours asks for signatures.
        set("ARGOCD_GPG_ENABLED", "false".to_owned());
        // The namespace of its lease it reads from a file that only pods have.
        if container.name == APPLICATION_SET_CONTROLLER {
            set("ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_LEADER_ELECTION", "false".to_owned());
        }
        if pod.automount_service_account_token != Some(false) {
            let account = pod.service_account_name.as_ref().expect("an account");
            let kubeconfig = self.platform.control_plane.account_kubeconfig(NAMESPACE, account).await;
            let kubeconfig = kubeconfig.unwrap_or_else(|error| panic!("{error}"));
            let file = root.join("kubeconfig");
            std::fs::write(&file, kubeconfig).expect("a file");
            set("KUBECONFIG", file.display().to_string());
            // So that the address of the API server within the cluster leads to where the kubeconfig does.
            set("ARGOCD_FAKE_IN_CLUSTER", "true".to_owned());
        }
        process
    }

    /// Remembers where the port of a Service leads.
    async fn lead(&mut self, service: &str, port: &str, address: String) {
        let api: Api<Service> = Api::namespaced(self.client.clone(), NAMESPACE);
        let ports = api.get(service).await.expect("a Service").spec.and_then(|spec| spec.ports);
        let port = ports.iter().flatten().find(|known| known.name.as_deref() == Some(port));
        self.services.insert(format!("{service}:{}", port.expect("a port").port), address);
    }

    fn program(&self, name: &str) -> PathBuf {
        self.keeper.folder().join("bin").join(name)
    }

    /// Waits until `ask` has an answer; what is still in the way it says instead.
    pub async fn until<T>(&mut self, what: &str, ask: impl AsyncFnMut() -> Result<T, String>) -> T {
        let answer = until(&mut self.keeper, what, APPLICATION_CONTROLLER, ask).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until a process has logged a complaint. Logs are JSON, in which quotes are escaped.
    pub async fn until_complaint(&mut self, of: &'static str, complaint: &str) {
        let log = self.keeper.log_file(of);
        let what = format!("the complaint of {of}: {complaint}");
        let complained = until(&mut self.keeper, &what, of, async || {
            let log = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
            if log.contains(complaint) { Ok(()) } else { Err("it has not complained".to_owned()) }
        });
        complained.await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// What any process has logged of requests that it may not make.
    pub fn refusals(&self) -> Vec<String> {
        let logs = OWN.iter().map(|name| self.keeper.log(name)).collect::<String>();
        logs.lines().filter(|line| line.contains("forbidden")).map(str::to_owned).collect()
    }
}

/// What a program listens on here. In a pod it has all ports for itself.
fn listening(name: &str, port: impl Fn(&str) -> u16) -> Vec<String> {
    let at = |name: &str| format!("127.0.0.1:{}", port(name));
    let served = |name: &str| {
        vec![
            "--address=127.0.0.1".to_owned(),
            format!("--port={}", port(name)),
            "--metrics-address=127.0.0.1".to_owned(),
            format!("--metrics-port={}", port("metrics")),
        ]
    };
    match name {
        REPO_SERVER => served("grpc"),
        SERVER => served("https"),
        APPLICATION_CONTROLLER => vec![format!("--metrics-port={}", port("metrics"))],
        APPLICATION_SET_CONTROLLER => vec![
            format!("--webhook-addr={}", at("webhook")),
            format!("--metrics-addr={}", at("metrics")),
            // Nobody asks there.
            "--probe-addr=0".to_owned(),
        ],
        _ => panic!("{name} is not known here"),
    }
}

/// Makes a folder of programs as the image has one: Argo CD under all its names, and what it calls.
fn link_programs(folder: &Path) {
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    let called = ["argocd", "git-verify-wrapper.sh", "helm"].map(|name| (name, name));
    for (name, program) in OWN.map(|name| (name, "argocd")).into_iter().chain(called) {
        std::os::unix::fs::symlink(process::program(program), bin.join(name)).expect("a link");
    }
}
