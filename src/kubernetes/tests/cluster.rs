//! A simulated cluster with machines, and runs of the engine against it, on paused time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use holodeck_engine::apply::{Outcome, apply};
use holodeck_engine::clock::RealTime;
use holodeck_engine::observe::observe;
use holodeck_engine::{Action, Address, Event, Graph, Plan, Policy, Settings, Snapshot};
use holodeck_sandbox::kubernetes::{Cluster, ClusterStore, NodeSpec, Serve, Verdict, client};
use http::{Method, Response};
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::kubernetes::{ComponentObjects, Kubernetes, KubernetesObject, ObjectName, add_objects, manifest};
use crate::secret::{SecretError, SecretReference, SecretSource, text_of};

/// The environment of all tests here.
pub const ENVIRONMENT: &str = "test";

/// Credentials of the tests, by the text of their references.
#[derive(Default)]
pub struct Vault(pub Mutex<BTreeMap<String, String>>);

#[async_trait]
impl SecretSource for Vault {
    async fn resolve(&self, reference: &SecretReference) -> Result<SecretString, SecretError> {
        let text = text_of(reference);
        let known = self.0.lock().unwrap().get(&text).cloned();
        known.map(SecretString::from).ok_or(SecretError::NoAccess(text))
    }
}

struct World {
    cluster: Mutex<Cluster>,
    start: Instant,
    verdicts: Mutex<Vec<(Method, String, Verdict)>>,
    requests: Mutex<Vec<String>>,
}

fn epoch() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

#[async_trait]
impl ClusterStore for World {
    async fn admit(&self, method: &Method, path: &str) -> Verdict {
        self.requests.lock().unwrap().push(format!("{method} {path}"));
        let mut verdicts = self.verdicts.lock().unwrap();
        match verdicts.iter().position(|(wanted, end, _)| wanted == method && path.ends_with(end.as_str())) {
            Some(at) => verdicts.remove(at).2,
            None => Verdict::Serve,
        }
    }

    fn with(&self, serve: &mut Serve<'_>) -> Option<Response<Bytes>> {
        let now = epoch() + SignedDuration::try_from(self.start.elapsed()).unwrap();
        Some(serve(&mut self.cluster.lock().unwrap(), now, &machines()))
    }
}

fn machines() -> Vec<NodeSpec> {
    let machine = |index: u8| NodeSpec {
        name: format!("node-{index}"),
        instance_type: "m7i.xlarge".into(),
        zone: format!("eu-west-1{}", char::from(b'a' + index)),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        ready_at: epoch(),
    };
    (0..3).map(machine).collect()
}

/// What a run is made with: the manifests of each component.
#[derive(Clone, Default)]
pub struct Desired(pub Vec<ComponentObjects>);

impl Desired {
    /// One component, `app`, from YAML.
    pub fn yaml(text: &str) -> Self {
        let manifests = manifest::parse("test.yaml", text).unwrap();
        Self(vec![ComponentObjects { component: "app".into(), manifests }])
    }

    /// The same with a field changed in the object `name`; `None` removes it.
    pub fn with(mut self, name: &str, pointer: &str, value: Option<Value>) -> Self {
        let manifests = self.0.iter_mut().flat_map(|component| &mut component.manifests);
        let object = manifests
            .into_iter()
            .find(|object| ObjectName::of(object).unwrap().to_string() == name)
            .unwrap_or_else(|| panic!("no {name}"));
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap();
        match (value, parent) {
            (Some(value), Value::Array(items)) => items[field.parse::<usize>().unwrap()] = value,
            (Some(value), parent) => parent[field] = value,
            (None, Value::Array(items)) => _ = items.remove(field.parse().unwrap()),
            (None, parent) => _ = parent.as_object_mut().unwrap().remove(field).unwrap(),
        }
        self
    }

    /// The same without the object `name`.
    pub fn without(mut self, name: &str) -> Self {
        for component in &mut self.0 {
            component.manifests.retain(|object| ObjectName::of(object).unwrap().to_string() != name);
        }
        self
    }
}

/// A cluster and those who work with it.
pub struct Rig {
    world: Arc<World>,
    pub vault: Arc<Vault>,
    pub client: kube::Client,
}

impl Rig {
    pub fn new() -> Self {
        let world = Arc::new(World {
            cluster: Mutex::new(Cluster::new("1.35", epoch())),
            start: Instant::now(),
            verdicts: Mutex::default(),
            requests: Mutex::default(),
        });
        let client = client(world.clone());
        Self { world, vault: Arc::default(), client }
    }

    /// The next request of this method whose path ends so meets this fate.
    pub fn fault(&self, method: Method, path_end: &str, verdict: Verdict) {
        self.world.verdicts.lock().unwrap().push((method, path_end.to_owned(), verdict));
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.world.requests.lock().unwrap())
    }

    /// The whole state, as text.
    pub fn state(&self) -> String {
        serde_json::to_string(&*self.world.cluster.lock().unwrap()).unwrap()
    }

    pub fn graph(&self, desired: &Desired) -> Graph {
        let mut graph = Graph::new();
        let (client, vault) = (self.client.clone(), self.vault.clone());
        let host = graph.host(&"cluster".to_owned(), move |_| {
            let kubernetes = Kubernetes::new(client.clone(), ENVIRONMENT, vault.clone());
            async move { Ok(Arc::new(kubernetes)) }.boxed()
        });
        graph.register::<KubernetesObject>(host);
        add_objects(&mut graph, ENVIRONMENT, &desired.0).unwrap();
        graph
    }

    pub async fn plan(&self, desired: &Desired) -> (Graph, Snapshot, Plan) {
        self.plan_with(desired, &Policy::default()).await
    }

    pub async fn plan_with(&self, desired: &Desired, policy: &Policy) -> (Graph, Snapshot, Plan) {
        let graph = self.graph(desired);
        let snapshot = observe(&graph).await.unwrap();
        let plan = Plan::up(&graph, &snapshot, policy).unwrap();
        (graph, snapshot, plan)
    }

    /// What a plan would change: action, name and paths of the fields of updates.
    pub async fn changes(&self, desired: &Desired) -> Vec<String> {
        described(&self.plan(desired).await.2)
    }

    /// Plans and carries out; the outcome and the events.
    pub async fn run(&self, desired: &Desired, policy: &Policy) -> (Outcome, Vec<Event>) {
        let (graph, snapshot, plan) = self.plan_with(desired, policy).await;
        assert_eq!(plan.blocked, [], "blocked");
        let settings = Settings {
            parallelism: 8,
            clock: Arc::new(RealTime::default()),
            interrupt: CancellationToken::new(),
        };
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let outcome = apply(&graph, &snapshot, &plan, &settings, sender).await;
        let mut events = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            events.push(event);
        }
        (outcome, events)
    }

    /// Makes what is desired, and checks that nothing is left to do.
    pub async fn up(&self, desired: &Desired) {
        let (outcome, _) = self.run(desired, &Policy::default()).await;
        assert!(outcome.is_complete(), "{outcome:#?}");
        assert_eq!(self.changes(desired).await, [""; 0]);
    }

    fn api(&self, name: &str) -> (Api<DynamicObject>, String) {
        let ObjectName { kind, namespace, name } = ObjectName::parse(name).unwrap();
        let api = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), &namespace, &kind.api_resource()),
            None => Api::all_with(self.client.clone(), &kind.api_resource()),
        };
        (api, name)
    }

    /// The live object, if there is one.
    pub async fn live(&self, name: &str) -> Option<Value> {
        let (api, name) = self.api(name);
        api.get_opt(&name).await.unwrap().map(|object| serde_json::to_value(object).unwrap())
    }

    /// Somebody changes an object with `kubectl edit`.
    pub async fn edit(&self, name: &str, patch: Value) {
        let (api, name) = self.api(name);
        let parameters = PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
        api.patch(&name, &parameters, &Patch::Merge(patch)).await.unwrap();
    }

    /// Somebody applies an object with a field manager of their own.
    pub async fn apply_as(&self, manager: &str, name: &str, manifest: &Value) {
        let (api, name) = self.api(name);
        api.patch(&name, &PatchParams::apply(manager).force(), &Patch::Apply(manifest)).await.unwrap();
    }

    /// Somebody posts an object, of any kind, to a collection.
    pub async fn create(&self, collection: &str, object: &Value) {
        let body = object.to_string().into_bytes();
        let request = http::Request::post(collection).header("Content-Type", "application/json").body(body);
        self.client.request::<Value>(request.unwrap()).await.unwrap();
    }

    /// Somebody deletes an object.
    pub async fn delete(&self, name: &str) {
        let (api, name) = self.api(name);
        api.delete(&name, &Default::default()).await.unwrap();
    }
}

/// A plan in a few words.
pub fn described(plan: &Plan) -> Vec<String> {
    let changed = plan.changes.iter().filter(|change| change.action != Action::Unchanged);
    changed
        .map(|change| {
            let name = &change.address.name;
            let paths: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
            match change.action {
                Action::Create => format!("create {name}"),
                Action::Update => format!("update {name}: {}", paths.join(", ")),
                Action::Replace => {
                    format!("replace {name}: {}", change.reason.as_deref().unwrap_or_default())
                }
                Action::Delete => format!("delete {name}"),
                Action::Unchanged => String::new(),
            }
        })
        .collect()
}

pub fn address(name: &str) -> Address {
    Address::new("kubernetes", name)
}
