//! A store for one cluster with a clock that the test moves, and short ways to the objects in it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use holodeck_sandbox::SimulatedPods;
use holodeck_sandbox::kubernetes::{Cluster, ClusterStore, NodeSpec, Serve, Verdict, client};
use http::{Method, Response};
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

/// What the store knows.
pub struct State {
    pub cluster: Option<Cluster>,
    pub now: Timestamp,
    pub nodes: Vec<NodeSpec>,
    pub calls: Vec<String>,
    pub verdict: Option<(String, Verdict)>,
}

struct Store(Mutex<State>);

#[async_trait]
impl ClusterStore for Store {
    async fn admit(&self, method: &Method, path: &str) -> Verdict {
        self.pass(format!("{method} {path}"))
    }

    async fn admit_to_pod(&self, service: &str, operation: &str, _changes: bool) -> Verdict {
        self.pass(format!("{service} {operation}"))
    }

    fn with(&self, serve: &mut Serve<'_>) -> Option<Response<Bytes>> {
        let mut state = self.0.lock().unwrap();
        let State { cluster, now, nodes, .. } = &mut *state;
        cluster.as_mut().map(|cluster| serve(cluster, *now, nodes))
    }
}

impl Store {
    fn pass(&self, call: String) -> Verdict {
        let mut state = self.0.lock().unwrap();
        let verdict = state.verdict.take_if(|(wanted, _)| call.contains(wanted.as_str()));
        state.calls.push(call);
        verdict.map_or(Verdict::Serve, |(_, verdict)| verdict)
    }
}

/// One simulated cluster and a client of it.
pub struct World {
    store: Arc<Store>,
    pub client: kube::Client,
}

impl World {
    /// A cluster without machines.
    pub fn new() -> Self {
        let now: Timestamp = "2026-05-01T10:00:00Z".parse().unwrap();
        Self::of(Cluster::new("1.35", now), now)
    }

    /// A cluster in a given state.
    pub fn of(cluster: Cluster, now: Timestamp) -> Self {
        let state =
            State { cluster: Some(cluster), now, nodes: Vec::new(), calls: Vec::new(), verdict: None };
        let store = Arc::new(Store(Mutex::new(state)));
        Self { client: client(Arc::clone(&store) as Arc<dyn ClusterStore>), store }
    }

    /// The way to the cluster's pods.
    pub fn pods(&self) -> SimulatedPods {
        SimulatedPods::of(Arc::clone(&self.store) as Arc<dyn ClusterStore>)
    }

    /// Reads or changes the store.
    pub fn state<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        read(&mut self.store.0.lock().unwrap())
    }

    /// Lets seconds pass.
    pub fn pass(&self, seconds: i64) {
        self.state(|state| state.now += SignedDuration::from_secs(seconds));
    }

    /// Lets machines join that are ready after some seconds.
    pub fn join(&self, count: usize, seconds: i64) {
        self.state(|state| {
            for _ in 0..count {
                let name = format!("node-{}", state.nodes.len());
                let ready_at = state.now + SignedDuration::from_secs(seconds);
                state.nodes.push(node(&name, ready_at));
            }
        });
    }

    /// The API of a kind, in a namespace unless that is empty.
    pub fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    fn api_of(&self, object: &Value) -> Api<DynamicObject> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        self.api(text("/apiVersion"), text("/kind"), text("/metadata/namespace"))
    }

    /// Server-side apply with parameters.
    pub async fn apply_with(&self, object: &Value, parameters: &PatchParams) -> kube::Result<Value> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let result = self.api_of(object).patch(name, parameters, &Patch::Apply(object)).await?;
        Ok(serde_json::to_value(result).unwrap())
    }

    /// Server-side apply by a manager.
    pub async fn apply_as(&self, manager: &str, object: &Value) -> kube::Result<Value> {
        self.apply_with(object, &PatchParams::apply(manager)).await
    }

    /// Server-side apply that must succeed.
    pub async fn apply(&self, object: &Value) -> Value {
        self.apply_as("bootstrap", object).await.unwrap()
    }

    /// The live state of an object.
    pub async fn live(&self, object: &Value) -> Option<Value> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let found = self.api_of(object).get_opt(name).await.unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    /// Deletes an object.
    pub async fn delete(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        self.api_of(object).delete(name, &Default::default()).await.unwrap();
    }

    /// Names of the objects of a kind in a namespace.
    pub async fn names(&self, api_version: &str, kind: &str, namespace: &str) -> Vec<String> {
        let list = self.api(api_version, kind, namespace).list(&Default::default()).await.unwrap();
        list.items.into_iter().filter_map(|object| object.metadata.name).collect()
    }
}

/// A machine in one zone.
pub fn node(name: &str, ready_at: Timestamp) -> NodeSpec {
    NodeSpec {
        name: name.to_owned(),
        instance_type: "m7i.large".to_owned(),
        zone: "eu-central-1a".to_owned(),
        labels: [("pool".to_owned(), "system".to_owned())].into(),
        taints: Vec::new(),
        ready_at,
    }
}

/// The status within an API error.
pub fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> kube::core::Status {
    match result.unwrap_err() {
        kube::Error::Api(status) => *status,
        other => panic!("not an answer of the API: {other}"),
    }
}

pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

pub fn config_map(name: &str, data: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data,
    })
}

pub fn deployment(name: &str, replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{
                    "name": "main", "image": image,
                    "ports": [{"containerPort": 8080, "name": "http"}],
                    "readinessProbe": {"httpGet": {"port": 8080, "path": "/ready"}},
                }]},
            },
        },
    })
}

pub fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    })
}

pub fn widget(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": name, "namespace": "default"}, "spec": spec,
    })
}
