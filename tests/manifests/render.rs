//! Renders every folder of `bootstrap-manifests/` in a few sample environments.
//!
//! Each sample environment differs where templates branch, so that both sides of every branch are judged by every rule.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use holodeck_bootstrap::components::template;
use holodeck_bootstrap::secret::{self, SecretReference};
use holodeck_engine::{Address, Reference};
use serde_json::{Value, json};

use crate::objects::Object;

/// Where every image comes from in the samples: one that does not was named past `images`.
pub const MIRROR: &str = "registry.holodeck.example/mirror/";

/// One component rendered in one sample environment.
pub struct Rendering {
    pub component: String,
    pub sample: &'static str,
    pub objects: Vec<Object>,
}

/// What a sample environment varies.
#[derive(Clone)]
struct Sample {
    name: &'static str,
    replicas: u32,
    proxy_protocol: bool,
    issuer: &'static str,
    vault: Value,
    service: Value,
    solver_credential: Value,
    identity: Value,
    settings: Value,
}

/// Every component in every sample environment.
pub fn all() -> Vec<Rendering> {
    let mut renderings = Vec::new();
    for component in components() {
        for sample in samples() {
            renderings.push(Rendering {
                objects: render(&component, &sample),
                component: component.clone(),
                sample: sample.name,
            });
        }
    }
    renderings
}

/// The names of the components: their folders.
pub fn components() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("bootstrap-manifests is there")
        .map(|entry| entry.expect("a readable entry").file_name().into_string().expect("a UTF-8 name"))
        .collect();
    names.sort();
    names
}

/// The text of each file of a component that ends with `extension`, by its path below the component's folder.
pub fn texts(component: &str, subfolder: &str, extension: &str) -> BTreeMap<String, String> {
    let directory = folder().join(component).join(subfolder);
    let Ok(entries) = fs::read_dir(&directory) else { return BTreeMap::new() };
    entries
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            (format!("{component}/{name}"), fs::read_to_string(&path).expect("a UTF-8 file"))
        })
        .collect()
}

/// The component's own defaults.
pub fn defaults(component: &str) -> Value {
    let path = folder().join(component).join("values.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bootstrap-manifests")
}

fn render(component: &str, sample: &Sample) -> Vec<Object> {
    let context = context(component, sample);
    let files = template::render(component, &context)
        .unwrap_or_else(|error| panic!("{component} in {}: {error}: {:?}", sample.name, error.source()));
    let mut objects = Vec::new();
    for file in files {
        let manifests = file.manifests().unwrap_or_else(|error| {
            panic!("{} in {}: {error}: {:?}", file.file, sample.name, error.source())
        });
        objects.extend(manifests.into_iter().map(|value| Object::new(component, &file.file, value)));
    }
    objects
}

/// A value that is known only when it is applied: templates must hand it on untouched.
pub fn unknown(of: &str) -> String {
    Reference { address: Address::new(of, "main"), field: "id".to_owned() }.to_string()
}

fn context(component: &str, sample: &Sample) -> Value {
    let values = defaults(component);
    let version = values["version"].as_str().expect("values.toml has a version").to_owned();
    let images: serde_json::Map<String, Value> = values["images"]
        .as_object()
        .expect("values.toml has images")
        .iter()
        .map(|(name, image)| {
            let tag = image["tag"].as_str().expect("an image has a tag");
            let tag = tag.replace("{{ version }}", &version);
            let repository = image["repository"].as_str().expect("an image has a repository");
            (name.clone(), format!("{MIRROR}{repository}:{tag}").into())
        })
        .collect();
    json!({
        "namespace": component,
        "version": version,
        "environment": "sample",
        "domain": "sample.holodeck.example",
        "replicas": sample.replicas,
        "images": images,
        "values": values,
        "settings": sample.settings,
        "foundation": {
            "ingress": {
                "http_port": 30080,
                "https_port": 30443,
                "proxy_protocol": sample.proxy_protocol,
                "allowed": ["203.0.113.0/24", "198.51.100.0/24"],
                "class": "nginx",
                "service": sample.service,
            },
            "dns": {
                "solver": { "dns01": { "route53": { "region": "eu-west-1", "hostedZoneID": unknown("dns.zone") } } },
                "credential": sample.solver_credential,
                "zones": ["sample.holodeck.example"],
                "ports": if sample.solver_credential.is_null() { json!([]) } else { json!([53, 5353]) },
            },
            "certificates": {
                "issuer": sample.issuer,
                "cluster_issuer": "default",
                "server": "https://acme-v02.api.letsencrypt.org/directory",
                "email": "infra@holodeck.example",
            },
            "storage_class": "fast",
            "identity": {
                "cert-manager": { "annotations": sample.identity },
                "vault": { "annotations": sample.identity },
            },
            "vault": sample.vault,
            "network": { "api_server_cidrs": ["10.0.0.0/16", unknown("network.range")] },
        },
    })
}

fn secret_placeholder(variable: &str) -> String {
    secret::placeholder(&SecretReference::Env(variable.to_owned()))
}

fn samples() -> Vec<Sample> {
    let repository = |credentials: Value| {
        json!({
            "name": if credentials == "ssh" { "services" } else { "platform" },
            "url": "https://gitlab.example/holodeck/platform.git",
            "credentials": credentials,
            "username": "bootstrap",
            "password": secret_placeholder("HOLODECK_GIT_TOKEN"),
        })
    };
    let source = |path: &str| json!({ "repository_url": "https://gitlab.example/holodeck/platform.git", "path": path, "revision": "main" });
    let settings = |repositories: Value, deploys: bool| {
        json!({
            "host": "service.sample.holodeck.example",
            "storage_gib": 10,
            "admins": if deploys { json!(["infra", "it's \"us\""]) } else { json!([]) },
            "repositories": repositories,
            "platform": if deploys { source("platform") } else { Value::Null },
            "services_root": if deploys { source("staging") } else { Value::Null },
        })
    };
    let complete = Sample {
        name: "complete",
        replicas: 3,
        proxy_protocol: true,
        issuer: "letsencrypt",
        vault: json!({
            "seal": { "type": "awskms", "parameters": { "region": "eu-west-1", "kms_key_id": unknown("seal.key") } },
            "seal_authority": null,
            "seal_ports": [443],
            "seal_credentials": {},
        }),
        service: json!({ "type": "NodePort", "annotations": {}, "load_balancer_class": null }),
        solver_credential: Value::Null,
        identity: json!({ "identity.example/role": unknown("identity.role") }),
        settings: settings(json!([repository("password".into())]), true),
    };
    let least = Sample {
        name: "least",
        replicas: 1,
        proxy_protocol: false,
        issuer: "internal-ca",
        vault: json!({
            "seal": { "type": "shamir", "parameters": {} },
            "seal_authority": null,
            "seal_ports": [],
            "seal_credentials": {},
        }),
        service: json!({
            "type": "LoadBalancer",
            "annotations": { "pool.example/name": "sample" },
            "load_balancer_class": "balancer.example/class",
        }),
        solver_credential: Value::Null,
        identity: json!({}),
        settings: settings(json!([]), false),
    };
    // Repositories that anyone may read need no entry.
    let public = Sample {
        name: "public",
        replicas: 2,
        proxy_protocol: true,
        issuer: "letsencrypt-staging",
        vault: json!({
            "seal": { "type": "transit", "parameters": { "address": "https://vault.holodeck.example:8200" } },
            "seal_authority": "-----BEGIN CERTIFICATE-----\n",
            "seal_ports": [8200],
            "seal_credentials": { "VAULT_TOKEN": secret_placeholder("HOLODECK_SEAL_TOKEN") },
        }),
        service: json!({ "type": "LoadBalancer", "annotations": {}, "load_balancer_class": null }),
        solver_credential: json!({
            "secret": "solver", "key": "key", "value": secret_placeholder("HOLODECK_SOLVER_KEY"),
        }),
        identity: json!({}),
        settings: settings(json!([repository(Value::Null), repository("ssh".into())]), true),
    };
    let nothing_listed =
        Sample { name: "nothing listed", settings: settings(json!([]), true), ..public.clone() };
    vec![complete, least, public, nothing_listed]
}
