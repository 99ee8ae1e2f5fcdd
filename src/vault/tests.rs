//! Runs that know of a Vault's keys what others have made of it meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use holodeck_engine::{Class, Error, Observed, Resource, Status};
use holodeck_sandbox::aws::Options;
use holodeck_sandbox::fault::Faults;
use holodeck_sandbox::kubernetes::GivenCluster;
use holodeck_sandbox::{Sandbox, SimulatedPods};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::initialisation::Initialisation;
use super::servers::{Look, Note, VaultServers};
use crate::kubernetes::{Kubernetes, ObjectName};
use crate::safe_place::SafePlace;
use crate::secret::LocalSecrets;

/// A place that remembers what it was given the keys of, and takes none while it is full.
#[derive(Default)]
struct Shelf {
    kept: Mutex<BTreeSet<String>>,
    is_full: AtomicBool,
}

impl Shelf {
    fn put(&self, id: &str) {
        self.kept.lock().unwrap().insert(id.to_owned());
    }

    fn clear(&self) {
        self.kept.lock().unwrap().clear();
    }
}

#[async_trait]
impl SafePlace for Shelf {
    fn identity(&self) -> String {
        "the shelf".to_owned()
    }

    async fn prepare(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn keep(&self, id: &str, _: &SecretString) -> Result<(), Error> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(Error::new(Class::Failed, "it is full"));
        }
        self.put(id);
        Ok(())
    }

    async fn holds(&self, id: &str) -> Result<bool, Error> {
        Ok(self.kept.lock().unwrap().contains(id))
    }

    async fn read(&self, _: &str) -> Result<SecretString, Error> {
        Err(Error::new(Class::Refused, "nobody reads here"))
    }
}

/// A cluster with one server of Vault, which shares of a key unseal.
struct World {
    client: kube::Client,
    pods: SimulatedPods,
    shelf: Arc<Shelf>,
}

impl World {
    async fn new() -> Self {
        let options = Options {
            account: String::new(),
            region: String::new(),
            start: "2026-11-02T08:00:00Z".parse().unwrap(),
            speed: 1000.0,
            faults: Faults::new(Vec::new()),
            on_stop: Arc::new(|| ()),
        };
        let given = GivenCluster {
            version: "1.36".to_owned(),
            nodes: 1,
            storage_class: "standard".to_owned(),
            metallb: None,
        };
        let sandbox = Sandbox::in_memory(options).unwrap();
        let (client, pods) = (sandbox.given_kubernetes(given.clone()), sandbox.given_pods(given));
        let world = Self { client, pods, shelf: Arc::default() };
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "vault" } });
        world.apply("namespace.vault", &namespace).await;
        world.apply("vault.statefulset.vault", &stateful_set()).await;
        world.pass().await;
        world
    }

    async fn apply(&self, name: &str, manifest: &Value) {
        let name = ObjectName::parse(name).unwrap();
        let resource = name.kind.api_resource();
        let api: Api<DynamicObject> = match &name.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let parameters = PatchParams::apply("test");
        api.patch(&name.name, &parameters, &Patch::Apply(manifest)).await.unwrap();
    }

    /// Time in which what was requested comes about.
    async fn pass(&self) {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }

    /// A run, which knows nothing of others.
    fn run(&self) -> VaultServers {
        let kubernetes = Kubernetes::new(self.client.clone(), "test", Arc::new(LocalSecrets));
        let kubernetes = kubernetes.with_tunnel(Arc::new(self.pods.clone()));
        VaultServers::new(Arc::new(kubernetes), "test".to_owned(), "shamir".to_owned(), self.shelf.clone())
    }
}

fn stateful_set() -> Value {
    let labels = json!({ "app.kubernetes.io/name": "vault", "app.kubernetes.io/component": "server" });
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "vault", "namespace": "vault" },
        "spec": {
            "replicas": 1, "serviceName": "vault-internal", "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{
                    "name": "vault", "image": "registry/vault:1",
                    "volumeMounts": [{ "name": "data", "mountPath": "/vault/data" }],
                }] },
            },
            "volumeClaimTemplates": [{
                "metadata": { "name": "data", "labels": labels },
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
                },
            }],
        },
    })
}

async fn seen(run: &VaultServers) -> Observed<Initialisation> {
    let mut all = Initialisation::list(run).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn uid(look: &Look) -> String {
    look.claim().unwrap().uid.clone()
}

#[tokio::test(start_paused = true)]
async fn a_vault_whose_keys_have_turned_up_is_not_taken_away() {
    let world = World::new().await;
    let run = world.run();
    let look = run.look().await.unwrap();
    world.shelf.is_full.store(true, Ordering::Relaxed);
    run.initialise(&look, look.claim().unwrap()).await.unwrap_err();
    assert_eq!(seen(&run).await.status, Status::Ready, "this run still has them");

    let another = world.run();
    let lost = seen(&another).await;
    assert!(matches!(&lost.status, Status::Failed(why) if why.contains("its keys were lost")), "{lost:?}");
    world.shelf.put(&uid(&look));
    let error = Initialisation::delete(&another, &lost).await.unwrap_err();
    assert!(error.to_string().contains("have turned up"), "{error:?}");
    assert_eq!(uid(&another.look().await.unwrap()), uid(&look));

    world.shelf.clear();
    Initialisation::delete(&another, &lost).await.unwrap();
    world.pass().await;
    let anew = another.look().await.unwrap();
    assert!(uid(&anew) != uid(&look) && !anew.is_initialised());
    Initialisation::delete(&another, &lost).await.unwrap();
    world.pass().await;
    assert_eq!(uid(&another.look().await.unwrap()), uid(&anew), "what was seen has gone already");
}

#[tokio::test(start_paused = true)]
async fn a_slower_run_leaves_the_note_of_a_faster_one() {
    let world = World::new().await;
    let (slower, faster) = (world.run(), world.run());
    let look = slower.look().await.unwrap();
    faster.initialise(&look, look.claim().unwrap()).await.unwrap();
    slower.initialise(&look, look.claim().unwrap()).await.unwrap();
    let claims = slower.look().await.unwrap().claims;
    assert_eq!(claims.iter().map(|claim| claim.note).collect::<Vec<_>>(), [Note::Kept]);
}

#[tokio::test(start_paused = true)]
async fn keys_of_somebody_else_are_not_looked_for() {
    let world = World::new().await;
    let look = world.run().look().await.unwrap();
    world.run().initialise(&look, look.claim().unwrap()).await.unwrap();
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": look.claim().unwrap().name, "namespace": "vault" },
    });
    let name =
        ObjectName::parse(&format!("vault.persistentvolumeclaim.{}", look.claim().unwrap().name)).unwrap();
    let api = Api::<DynamicObject>::namespaced_with(world.client.clone(), "vault", &name.kind.api_resource());
    let parameters = PatchParams::apply("holodeck-bootstrap-notes").force();
    api.patch(&name.name, &parameters, &Patch::Apply(claim)).await.unwrap();

    let run = world.run();
    let sealed = run.look().await.unwrap();
    assert_eq!(sealed.claim().unwrap().note, Note::None);
    let error = run.unseal(&sealed).await.unwrap_err();
    assert!(
        error.to_string().contains("vault-0 cannot be unsealed: somebody else has the keys"),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("vault operator unseal -ca-cert"), "{error:?}");
}
