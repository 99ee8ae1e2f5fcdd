//! The API server that all tests of this binary share, and how they talk to it.
//!
//! Invariant: what the sandbox's other objects stand on is stored, namely definitions, namespaces, accounts and roles.
//! Everything else is tried only (`dryRun=All`: judged as a whole, admission included, then dropped), so no test sees
//! what another one did, and no webhook is registered that nobody answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use holodeck_bootstrap::environment;
use holodeck_bootstrap::kubernetes::FIELD_MANAGER;
use holodeck_control_plane::{ControlPlane, Extent, Options};
use http::header::{ACCEPT, CONTENT_TYPE, WARNING};
use http::{Method, Request, StatusCode};
use kube::Client;
use kube::client::Body;
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OnceCell;

/// Where the environments that are shipped stand.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/environments");

/// The kinds whose objects are stored: what other objects, pods and questions need to be there.
const STORED: [&str; 7] = [
    "CustomResourceDefinition",
    "Namespace",
    "ServiceAccount",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
];

/// A client of the shared server's administrator.
pub async fn client() -> Client {
    static SERVER: OnceCell<ControlPlane> = OnceCell::const_new();
    SERVER.get_or_init(start).await.client()
}

/// Starts the server and stores the sandbox's groundwork, the kinds in their order.
async fn start() -> ControlPlane {
    let options = Options { extent: Extent::Api, ..Options::default() };
    let server = ControlPlane::start(options).await.unwrap_or_else(|error| panic!("{error}"));
    let client = server.client();
    let objects = rendered("sandbox");
    for kind in STORED {
        for object in objects.iter().filter(|object| object["kind"] == kind) {
            let answer = apply(&client, object, Mode::Store).await;
            assert_eq!(answer.complaints(), [""; 0], "{}", name(object));
        }
    }
    for definition in objects.iter().filter(|object| object["kind"] == STORED[0]) {
        let (spec, versions) = (&definition["spec"], &definition["spec"]["versions"]);
        let api_version = format!("{}/{}", text(&spec["group"]), text(&versions[0]["name"]));
        served(&client, &path(&api_version, text(&spec["names"]["plural"]), None)).await;
    }
    server
}

/// Waits until the server serves a kind that has just been defined, which takes it a moment.
#[expect(clippy::disallowed_methods, reason = "a real server keeps real time")]
async fn served(client: &Client, path: &str) {
    for _ in 0..600 {
        if send(client, Method::GET, path, "application/json", None).await.code.is_success() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} is not served a minute after its definition");
}

/// What becomes of an object that the server accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Store,
    Try,
}

/// What the server said to a request.
#[derive(Debug)]
pub struct Answer {
    pub code: StatusCode,
    /// What it advises, although it accepted.
    pub warnings: Vec<String>,
    /// The object as it is stored, or the reason why it is not.
    pub body: Value,
}

impl Answer {
    /// Why the server refused, if it did.
    pub fn refusal(&self) -> Option<&str> {
        (!self.code.is_success()).then(|| self.body.as_str().unwrap_or(text(&self.body["message"])))
    }

    /// The refusal, or else the warnings.
    pub fn complaints(&self) -> Vec<String> {
        self.refusal().map_or_else(|| self.warnings.clone(), |refusal| vec![refusal.to_owned()])
    }
}

/// Applies an object as the program does, with strict validation.
pub async fn apply(client: &Client, object: &Value, mode: Mode) -> Answer {
    let mut path = kind_path(object);
    path.push_str(&format!(
        "/{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict",
        text(&object["metadata"]["name"])
    ));
    if mode == Mode::Try {
        path.push_str("&dryRun=All");
    }
    send(client, Method::PATCH, &path, "application/apply-patch+yaml", Some(object)).await
}

/// Tries to create a pod.
pub async fn try_pod(client: &Client, pod: &Value) -> Answer {
    let path = kind_path(pod) + "?dryRun=All&fieldValidation=Strict";
    send(client, Method::POST, &path, "application/json", Some(pod)).await
}

/// Where the objects of an object's kind are, in its namespace if it has one.
fn kind_path(object: &Value) -> String {
    let types = TypeMeta::deserialize(object).expect("an object with a kind");
    let kind = GroupVersionKind::try_from(types).expect("a version of a group");
    let resource = ApiResource::from_gvk(&kind);
    path(&resource.api_version, &resource.plural, object["metadata"]["namespace"].as_str())
}

fn path(api_version: &str, plural: &str, namespace: Option<&str>) -> String {
    let root = if api_version.contains('/') { "apis" } else { "api" };
    let namespace = namespace.map_or(String::new(), |namespace| format!("/namespaces/{namespace}"));
    format!("/{root}/{api_version}{namespace}/{plural}")
}

async fn send(client: &Client, method: Method, path: &str, content: &str, body: Option<&Value>) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, content)
        .body(Body::from(body.map(Value::to_string).unwrap_or_default().into_bytes()))
        .expect("a request");
    let response = client.send(request).await.expect("an answer");
    let warnings = response.headers().get_all(WARNING).iter();
    let warnings = warnings.map(|warning| warning.to_str().expect("a warning in ASCII").to_owned()).collect();
    let code = response.status();
    let bytes = response.into_body().collect_bytes().await.expect("a whole answer");
    // What it does not serve it answers in plain text.
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    Answer { code, warnings, body }
}

/// Creates a review as somebody else.
pub async fn as_user<K>(client: &Client, user: &str, review: &K) -> Result<K, kube::Error>
where
    K: k8s_openapi::Resource + Serialize + DeserializeOwned,
{
    let request = Request::post(path(K::API_VERSION, K::URL_PATH_SEGMENT, None))
        .header(CONTENT_TYPE, "application/json")
        .header("Impersonate-User", user)
        .body(serde_json::to_vec(review).expect("a review in JSON"))
        .expect("a request");
    client.request(request).await
}

static RENDERED: LazyLock<BTreeMap<String, Vec<Value>>> = LazyLock::new(|| {
    let names = environment::known(Path::new(FOLDER)).into_iter();
    names.map(|name| (name.clone(), render(&name))).collect()
});

/// The names of the environments that are shipped.
pub fn environments() -> impl Iterator<Item = &'static str> {
    RENDERED.keys().map(String::as_str)
}

/// All objects of an environment, as `render` prints them.
pub fn rendered(environment: &str) -> &'static [Value] {
    &RENDERED[environment]
}

fn render(environment: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder for the simulated world");
    let output = Command::new(env!("CARGO_BIN_EXE_holodeck-bootstrap"))
        .args(["render", environment, "--sandbox", "--environments", FOLDER])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .expect("the command runs");
    assert!(output.status.success(), "{environment}: {}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).expect("UTF-8"))
}

/// The documents of a YAML text.
pub fn documents(yaml: &str) -> Vec<Value> {
    let documents = serde_norway::Deserializer::from_str(yaml);
    documents
        .map(|document| Value::deserialize(document).expect("YAML"))
        .filter(|document| !document.is_null())
        .collect()
}

/// The pod template, for kinds that have one.
pub fn template(object: &Value) -> Option<&Value> {
    match text(&object["kind"]) {
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => Some(&object["spec"]["template"]),
        "CronJob" => Some(&object["spec"]["jobTemplate"]["spec"]["template"]),
        _ => None,
    }
}

/// What an object is called in messages.
pub fn name(object: &Value) -> String {
    let metadata = &object["metadata"];
    let namespace =
        metadata["namespace"].as_str().map_or(String::new(), |namespace| format!(" in {namespace}"));
    format!("{} {}{namespace}", text(&object["kind"]), text(&metadata["name"]))
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Puts a value where a JSON pointer leads; without one, removes what is there.
pub fn put(object: &mut Value, at: &str, value: Option<Value>) {
    let (parent, last) = at.rsplit_once('/').expect("a pointer");
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is not there"));
    match (parent, value) {
        (Value::Object(fields), Some(value)) => {
            fields.insert(last.to_owned(), value);
        }
        (Value::Object(fields), None) => {
            fields.remove(last).unwrap_or_else(|| panic!("{at} is not there"));
        }
        (parent, Some(value)) => parent[last.parse::<usize>().expect("a position in a list")] = value,
        (_, None) => panic!("{at} is in a list"),
    }
}

/// Fails with all of them, unless there are none.
pub fn none(what: &str, mut found: Vec<String>) {
    found.sort();
    assert!(found.is_empty(), "{} {what}:\n{}", found.len(), found.join("\n"));
}
