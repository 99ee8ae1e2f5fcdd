//! A cluster on which pods meet the fate that their annotation names, and runs of the engine that wait on it in vain.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use holodeck_bootstrap::kubernetes::{
    ComponentObjects, Kubernetes, KubernetesObject, ObjectName, add_objects, manifest,
};
use holodeck_bootstrap::simulation::StandIns;
use holodeck_control_plane::{ControlPlane, Options};
use holodeck_engine::apply::{Outcome, apply};
use holodeck_engine::clock::RealTime;
use holodeck_engine::observe::observe;
use holodeck_engine::{Clock, Event, Graph, Plan, Policy, Settings};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{OnceCell, mpsc};
use tokio_util::sync::CancellationToken;

/// The fates that pods may meet.
const STAGES: &str = include_str!("../stages/pods.yaml");
/// How long a reason may take to show.
const PATIENCE: Duration = Duration::from_secs(90);

/// A client of the cluster that these tests share: each keeps to a namespace and an environment of its own.
pub async fn client() -> kube::Client {
    static CLUSTER: OnceCell<ControlPlane> = OnceCell::const_new();
    let mut config = CLUSTER.get_or_init(start).await.config().clone();
    // A kind that has just been defined may not be listed at once; then the client asks again, as it does elsewhere.
    config.default_retry = true;
    kube::Client::try_from(config).expect("access that was tried at the start")
}

/// Starts the cluster, on which nobody gives addresses to Services.
async fn start() -> ControlPlane {
    let cluster = ControlPlane::start(Options::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let client = cluster.client();
    for stage in serde_norway::Deserializer::from_str(STAGES) {
        put(&client, &Value::deserialize(stage).expect("YAML")).await;
    }
    let kind = GroupVersionKind::gvk("kwok.x-k8s.io", "v1alpha1", "Stage");
    let stages: Api<DynamicObject> = Api::all_with(client, &ApiResource::from_gvk(&kind));
    stages.delete("service-load-balancer", &Default::default()).await.expect("a stage to remove");
    cluster
}

/// Somebody else makes an object, or changes it.
pub async fn put(client: &kube::Client, object: &Value) -> DynamicObject {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = text("/apiVersion").split_once('/').unwrap_or(("", text("/apiVersion")));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("/kind")));
    let api: Api<DynamicObject> = match text("/metadata/namespace") {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let (name, parameters) = (text("/metadata/name"), PatchParams::apply("somebody").force());
    let applied = api.patch(name, &parameters, &Patch::Apply(object)).await;
    let mut applied = applied.unwrap_or_else(|error| panic!("{name}: {error}"));
    if object.get("status").is_some() {
        applied = api.patch_status(name, &parameters, &Patch::Apply(object)).await.expect("a status");
    }
    applied
}

/// The object with this name, which exists.
pub async fn read(client: &kube::Client, name: &str) -> DynamicObject {
    let ObjectName { kind, namespace, name } = ObjectName::parse(name).expect("the name of an object");
    let namespace = namespace.expect("a namespace");
    let api = Api::namespaced_with(client.clone(), &namespace, &kind.api_resource());
    api.get(&name).await.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Time that passes as it does, with short pauses, until a test has seen enough: then all is overdue.
#[derive(Default)]
struct Patience {
    real: RealTime,
    over: CancellationToken,
}

impl Clock for Patience {
    fn now(&self) -> Duration {
        let overdue = Duration::from_secs(24 * 60 * 60);
        self.real.now() + if self.over.is_cancelled() { overdue } else { Duration::ZERO }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (pause, over) = (self.real.sleep(duration.min(Duration::from_millis(250))), self.over.clone());
        async move {
            tokio::select! {
                () = pause => {}
                () = over.cancelled() => {}
            }
        }
        .boxed()
    }
}

/// What an environment wants on the cluster.
pub struct Environment {
    pub name: &'static str,
    manifests: Vec<Value>,
}

impl Environment {
    /// The objects in `yaml`.
    pub fn new(name: &'static str, yaml: &str) -> Self {
        Self { name, manifests: manifest::parse("test.yaml", yaml).expect("manifests") }
    }

    /// The same without an object.
    pub fn without(mut self, name: &str) -> Self {
        self.manifests.retain(|object| ObjectName::of(object).expect("a name").to_string() != name);
        self
    }

    async fn plan(&self) -> (Graph, holodeck_engine::Snapshot, Plan) {
        let (client, name) = (client().await, self.name);
        let mut graph = Graph::new();
        let host = graph.host(&"cluster".to_owned(), move |_| {
            let kubernetes = Kubernetes::new(client.clone(), name, Arc::new(StandIns));
            async move { Ok(Arc::new(kubernetes)) }.boxed()
        });
        graph.register::<KubernetesObject>(host);
        let component = ComponentObjects { component: "app".to_owned(), manifests: self.manifests.clone() };
        add_objects(&mut graph, self.name, &[component]).expect("a graph");
        let snapshot = observe(&graph).await.expect("an observation");
        let plan = Plan::up(&graph, &snapshot, &Policy::default()).expect("a plan");
        (graph, snapshot, plan)
    }

    /// Makes what is wanted, without more ado.
    pub async fn up(&self) {
        let (outcome, told) = self.run(|_| false).await;
        assert!(outcome.is_complete(), "{outcome:#?} {told:#?}");
    }

    /// Makes what is wanted, until a step that waits tells `reason`, and then until it gives up. Gives its error and what
    /// to do next.
    pub async fn up_in_vain(&self, reason: &str) -> (String, String) {
        only_failure(self.run(|why| why.contains(reason)).await)
    }

    /// Makes what is wanted, of which one thing fails by itself. Gives its error and what to do next.
    pub async fn fails(&self) -> (String, String) {
        only_failure(self.run(|_| false).await)
    }

    /// Runs until all is done or given up, which it is as soon as it tells a reason that is `enough`, or after a while. Gives
    /// the outcome and all reasons told.
    async fn run(&self, enough: impl Fn(&str) -> bool) -> (Outcome, Vec<String>) {
        let (graph, snapshot, plan) = self.plan().await;
        let clock = Arc::new(Patience::default());
        let settings = Settings { parallelism: 8, clock: clock.clone(), interrupt: CancellationToken::new() };
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let listen = async {
            let mut told = Vec::new();
            while let Some(event) = receiver.recv().await {
                if let Event::Waiting { why, .. } = event {
                    if enough(&why) {
                        clock.over.cancel();
                    }
                    told.push(why);
                    told.dedup();
                }
            }
            told
        };
        let patience = async {
            clock.real.sleep(PATIENCE).await;
            clock.over.cancel();
        };
        let run = async { tokio::join!(apply(&graph, &snapshot, &plan, &settings, sender), listen) };
        tokio::pin!(patience, run);
        tokio::select! {
            done = &mut run => done,
            () = &mut patience => run.await,
        }
    }
}

fn only_failure((outcome, told): (Outcome, Vec<String>)) -> (String, String) {
    match outcome.failed.as_slice() {
        [(_, _, error)] => (error.chain(), error.hint().unwrap_or_default().to_owned()),
        _ => panic!("not one failure, but {outcome:#?}, having told {told:#?}"),
    }
}
