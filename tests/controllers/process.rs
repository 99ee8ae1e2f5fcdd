//! A container of ours as a local process: what its pod says, and what stands in for the pod.
//!
//! Invariant: every argument and variable comes from the pod's own specification. What differs here is derived from
//! that: volumes are folders, and whatever names a place in the container or a Service leads to where that is here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holodeck_control_plane::{Keeper, until};
use http::Request;
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvVar, HTTPGetAction, KeyToPath, PodSpec, Secret, Volume,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Client;
use kube::api::Api;

/// Where a process finds other programs, git among them.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a container's process is started with.
pub struct Process {
    /// The program's name, and its arguments.
    pub command: Vec<String>,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// What is asked to find out whether it is ready, and whether it lives.
    pub probes: Vec<HTTPGetAction>,
}

impl Process {
    /// The process of a pod's container in a namespace. Its volumes are laid out below `root`; `services` leads from the addresses of
    /// Services to what is here.
    pub async fn of(
        client: &Client,
        namespace: &str,
        pod: &PodSpec,
        container: &Container,
        root: &Path,
        services: &BTreeMap<String, String>,
    ) -> Self {
        let mounts = container.volume_mounts.iter().flatten();
        let places: Vec<&str> = mounts.clone().map(|mount| mount.mount_path.as_str()).collect();
        for mount in mounts {
            let volume = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name);
            lay_out(client, namespace, volume.expect("the mount's volume"), &below(root, &mount.mount_path))
                .await;
        }
        let mut environment = BTreeMap::new();
        for source in container.env_from.iter().flatten() {
            let source = source.secret_ref.as_ref().expect("a source that is known here");
            for (name, value) in secret(client, namespace, &source.name).await {
                environment.insert(name, String::from_utf8(value).expect("a text"));
            }
        }
        for variable in container.env.iter().flatten() {
            let value = value(client, namespace, variable).await;
            let value = match places.iter().any(|place| Path::new(&value).starts_with(place)) {
                true => text(&below(root, &value)),
                false => services.get(&value).cloned().unwrap_or(value),
            };
            environment.insert(variable.name.clone(), value);
        }
        let words = container.command.iter().chain(&container.args).flatten();
        let words = words.map(|word| expanded(word.trim_start_matches("/usr/local/bin/"), &environment));
        let command = words.collect();
        let probes = [&container.readiness_probe, &container.liveness_probe].into_iter().flatten();
        Self { command, environment, probes: probes.filter_map(|probe| probe.http_get.clone()).collect() }
    }
}

/// A word with the variables that it refers to, as the kubelet expands them.
/// <https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/>
fn expanded(word: &str, environment: &BTreeMap<String, String>) -> String {
    let expand = |word: String, (name, value): (&String, &String)| word.replace(&format!("$({name})"), value);
    environment.iter().fold(word.to_owned(), expand)
}

/// A program of the folder that the servers are in.
pub fn program(name: &str) -> PathBuf {
    let program = holodeck_control_plane::program(name);
    program.unwrap_or_else(|error| panic!("{error}; `hack/servers/install.sh controllers` makes it"))
}

/// Where a place of the container is here.
pub fn below(root: &Path, place: &str) -> PathBuf {
    root.join(place.trim_start_matches('/'))
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A variable's value, wherever the pod takes it from.
async fn value(client: &Client, namespace: &str, variable: &EnvVar) -> String {
    if let Some(value) = &variable.value {
        return value.clone();
    }
    let source = variable.value_from.as_ref().expect("a value");
    if let Some(key) = &source.config_map_key_ref {
        return config_map(client, namespace, &key.name).await[&key.key].clone();
    }
    if let Some(key) = &source.secret_key_ref {
        let value = secret(client, namespace, &key.name).await[&key.key].clone();
        return String::from_utf8(value).expect("a text");
    }
    let field = source.field_ref.as_ref().expect("a source that is known here");
    assert_eq!(field.field_path, "metadata.namespace");
    namespace.to_owned()
}

/// Makes the folder of a volume, with what the pod would find in it.
async fn lay_out(client: &Client, namespace: &str, volume: &Volume, folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let (files, items) = if let Some(source) = &volume.config_map {
        let texts = config_map(client, namespace, &source.name).await.into_iter();
        (texts.map(|(name, text)| (name, text.into_bytes())).collect(), source.items.as_ref())
    } else if let Some(source) = &volume.secret {
        (secret(client, namespace, source.secret_name.as_ref().expect("a name")).await, source.items.as_ref())
    } else {
        let begins_empty = volume.empty_dir.is_some() || volume.persistent_volume_claim.is_some();
        assert!(begins_empty, "{}: a volume that is not known here", volume.name);
        (BTreeMap::new(), None)
    };
    for (name, content) in files {
        let path =
            |items: &Vec<KeyToPath>| items.iter().find(|item| item.key == name).map(|item| item.path.clone());
        if let Some(path) = items.map_or_else(|| Some(name.clone()), path) {
            std::fs::write(folder.join(path), content).expect("a file");
        }
    }
}

async fn config_map(client: &Client, namespace: &str, name: &str) -> BTreeMap<String, String> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    api.get(name).await.expect("a ConfigMap").data.unwrap_or_default()
}

async fn secret(client: &Client, namespace: &str, name: &str) -> BTreeMap<String, Vec<u8>> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let data = api.get(name).await.expect("a Secret").data.unwrap_or_default();
    data.into_iter().map(|(key, value)| (key, value.0)).collect()
}

/// Waits until a program says in its log on what address it listens.
pub async fn address(keeper: &mut Keeper, name: &'static str) -> String {
    let log = keeper.log_file(name);
    let what = format!("the start of {name}");
    let address = until(keeper, &what, name, async || {
        let log = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
        let line = log.lines().find_map(|line| line.strip_prefix("listening on "));
        line.map(str::to_owned).ok_or_else(|| "it does not listen yet".to_owned())
    });
    address.await.unwrap_or_else(|error| panic!("{error}"))
}

/// Waits until a process answers a probe as the kubelet wants it: with success, whoever vouches for its certificate.
/// `port` leads from a port's name to its number here.
pub async fn answers(
    keeper: &mut Keeper,
    name: &'static str,
    probe: &HTTPGetAction,
    port: impl Fn(&str) -> u16,
) {
    let IntOrString::String(port_name) = &probe.port else { panic!("{name}: a port without a name") };
    let (scheme, path) = (probe.scheme.as_deref().unwrap_or("HTTP"), probe.path.as_deref().unwrap_or("/"));
    let address = format!("{}://127.0.0.1:{}", scheme.to_lowercase(), port(port_name));
    let mut config = kube::Config::new(address.parse().expect("an address"));
    config.accept_invalid_certs = true;
    config.default_retry = false;
    let client = Client::try_from(config).expect("a client");
    let what = format!("{name}'s answer to {path}");
    let answered = until(keeper, &what, name, async || {
        let request = Request::get(path).body(Vec::new()).expect("a request");
        client.request_text(request).await.map(drop).map_err(|error| error.to_string())
    });
    answered.await.unwrap_or_else(|error| panic!("{error}"));
}
