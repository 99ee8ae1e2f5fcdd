//! Renders every folder of `bootstrap-manifests/` in a few sample environments.
//!
//! Each sample environment differs where templates branch, so that both sides of every branch are judged by every rule.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::objects::Object;

/// A value that is known only when it is applied: templates must hand it on untouched.
pub const UNKNOWN: &str = "\u{e000}dns.zone:id\u{e001}";

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
    seal: Value,
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
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("b64", |text: String| base64::engine::general_purpose::STANDARD.encode(text));
    let context = minijinja::Value::from(Serde(context(component, sample, &environment)));
    let mut objects = Vec::new();
    for (file, template) in texts(component, "", "yaml") {
        let text = environment
            .render_named_str(&file, &template, context.clone())
            .unwrap_or_else(|error| panic!("{file} in {}: {error:#}", sample.name));
        objects.extend(parse(component, &file, &text));
    }
    for (file, text) in texts(component, "crds", "yaml") {
        objects.extend(parse(component, &file, &text));
    }
    objects
}

fn parse(component: &str, file: &str, text: &str) -> Vec<Object> {
    serde_norway::Deserializer::from_str(text)
        .map(|document| {
            Value::deserialize(document).unwrap_or_else(|error| panic!("{file}: {error}\n{text}"))
        })
        .filter(|value| !value.is_null())
        .map(|value| Object::new(component, file, value))
        .collect()
}

fn context(component: &str, sample: &Sample, environment: &Environment<'_>) -> Value {
    let values = defaults(component);
    let version = values["version"].as_str().expect("values.toml has a version").to_owned();
    let images: serde_json::Map<String, Value> = values["images"]
        .as_object()
        .expect("values.toml has images")
        .iter()
        .map(|(name, image)| {
            let tag = image["tag"].as_str().expect("an image has a tag");
            let tag = environment
                .render_str(tag, minijinja::context! { version => version.clone() })
                .expect("a tag renders");
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
            },
            "dns": {
                "solver": { "route53": { "region": "eu-west-1", "hostedZoneID": UNKNOWN } },
                "zones": ["sample.holodeck.example"],
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
            "vault": { "seal": sample.seal },
            "network": { "api_server_cidrs": ["10.0.0.0/16", UNKNOWN_CIDR], "pods_cidr": "10.0.0.0/16" },
        },
    })
}

/// An address range that is known only when it is applied.
const UNKNOWN_CIDR: &str = "\u{e000}network:cidr\u{e001}";

fn samples() -> Vec<Sample> {
    let repository = |credentials: bool| {
        json!({
            "name": "platform",
            "url": "https://gitlab.example/holodeck/platform.git",
            "credentials": credentials,
            "username": "bootstrap",
            "password": UNKNOWN,
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
        seal: json!({ "type": "awskms", "parameters": { "region": "eu-west-1", "kms_key_id": UNKNOWN } }),
        identity: json!({ "identity.example/role": UNKNOWN }),
        settings: settings(json!([repository(true)]), true),
    };
    let least = Sample {
        name: "least",
        replicas: 1,
        proxy_protocol: false,
        issuer: "internal-ca",
        seal: json!({ "type": "shamir", "parameters": {} }),
        identity: json!({}),
        settings: settings(json!([]), false),
    };
    // Repositories that anyone may read need no entry.
    let public = Sample {
        name: "public",
        replicas: 2,
        proxy_protocol: true,
        issuer: "letsencrypt-staging",
        seal: json!({ "type": "transit", "parameters": { "address": "https://vault.holodeck.example" } }),
        identity: json!({}),
        settings: settings(json!([repository(false)]), true),
    };
    let nothing_listed =
        Sample { name: "nothing listed", settings: settings(json!([]), true), ..public.clone() };
    vec![complete, least, public, nothing_listed]
}
