//! One simulated world: the cloud and the clusters in it, kept in one folder.

use std::path::Path;
use std::sync::Arc;

use crate::aws::{Options, SimulatedAws, SimulatedNameServer};
use crate::clock::Clock;
use crate::kubernetes::{GivenCluster, SimulatedPods};
use crate::name_server::GivenNameServer;
use crate::store::{Store, StoreError};

/// A simulated world. Cloning gives the same one.
#[derive(Clone)]
pub struct Sandbox {
    aws: SimulatedAws,
}

impl Sandbox {
    /// The world in `folder`, or a fresh one that will be kept there. No other process can use it meanwhile.
    pub fn open(folder: &Path, options: Options) -> Result<Self, StoreError> {
        Self::new(Arc::new(Store::open(folder)?), options)
    }

    /// A fresh world that ends with the process.
    pub fn in_memory(options: Options) -> Result<Self, StoreError> {
        Self::new(Arc::new(Store::nowhere()), options)
    }

    fn new(store: Arc<Store>, options: Options) -> Result<Self, StoreError> {
        Ok(Self { aws: SimulatedAws::open(store, options)? })
    }

    /// The simulated AWS account.
    pub fn aws(&self) -> &SimulatedAws {
        &self.aws
    }

    /// A client of the cluster at `endpoint`; its requests fail while there is none. Must be called within a tokio runtime.
    pub fn kubernetes(&self, endpoint: &str) -> kube::Client {
        self.aws.kubernetes(endpoint)
    }

    /// A client of a cluster that is there from the beginning, as on premises. Must be called within a tokio runtime.
    pub fn given_kubernetes(&self, given: GivenCluster) -> kube::Client {
        self.aws.given_kubernetes(given)
    }

    /// The way to the pods of the cluster at `endpoint`; it is closed while there is no such cluster.
    pub fn pods(&self, endpoint: &str) -> SimulatedPods {
        self.aws.pods(endpoint)
    }

    /// The way to the pods of a cluster that is there from the beginning, as on premises.
    pub fn given_pods(&self, given: GivenCluster) -> SimulatedPods {
        self.aws.given_pods(given)
    }

    /// The wire to a name server that is there from the beginning, as on premises.
    pub fn name_server(&self, given: GivenNameServer) -> SimulatedNameServer {
        self.aws.name_server(given)
    }

    /// Keeps the world as it is at this moment, with what time has brought about since the last request.
    pub fn save(&self) -> Result<(), StoreError> {
        self.aws.save()
    }

    /// The folder that the world is kept in, for files that a program writes; a world in memory has none.
    pub fn folder(&self) -> Option<&Path> {
        self.aws.folder()
    }

    /// The virtual clock.
    pub fn clock(&self) -> Clock {
        self.aws.clock()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use http::Request;
    use k8s_openapi::api::core::v1::Pod;
    use kube::Api;
    use kube::api::PostParams;
    use serde_json::{Value, json};

    use super::*;
    use crate::fault::Faults;

    const INIT: &str = r#"{"secret_shares": 1, "secret_threshold": 1}"#;

    fn options(rules: &[&str]) -> Options {
        Options {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            start: "2026-11-02T08:00:00Z".parse().unwrap(),
            speed: 1.0,
            faults: Faults::new(rules.iter().map(|rule| rule.parse().unwrap()).collect()),
            on_stop: Arc::new(|| ()),
        }
    }

    fn given() -> GivenCluster {
        GivenCluster {
            version: "1.35".to_owned(),
            nodes: 1,
            storage_class: "local-path".to_owned(),
            metallb: None,
        }
    }

    /// Lets a Vault server run in the given cluster.
    async fn start_vault(sandbox: &Sandbox) {
        let pods: Api<Pod> = Api::default_namespaced(sandbox.given_kubernetes(given()));
        let labels = json!({"app.kubernetes.io/name": "vault", "app.kubernetes.io/component": "server"});
        let pod = json!({
            "metadata": {"name": "vault-0", "labels": labels},
            "spec": {"containers": [{"name": "vault", "image": "registry/vault:1"}]},
        });
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
    }

    async fn ask(sandbox: &Sandbox, operation: &str, body: &str) -> Result<(u16, Value), io::ErrorKind> {
        let (method, path) = operation.split_once(' ').unwrap();
        let uri = format!("https://vault/v1/{path}");
        let request = Request::builder().method(method).uri(uri).body(body.as_bytes().to_vec()).unwrap();
        let answer = sandbox.given_pods(given()).send("default", "vault-0", 8200, request).await;
        let response = answer.map_err(|error| error.kind())?;
        Ok((response.status().as_u16(), serde_json::from_slice(response.body()).unwrap()))
    }

    async fn is_initialized(sandbox: &Sandbox) -> bool {
        ask(sandbox, "GET sys/init", "").await.unwrap().1["initialized"].as_bool().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn requests_to_pods_are_struck_by_faults() {
        let rules = [
            "PUT sys/init:fail=500@1",
            "PUT sys/init:fail=barrier is busy@2",
            "PUT sys/init:throttle@3",
            "PUT sys/init:delay=60@4",
            "PUT sys/init:lose-answer@4",
            "PUT sys/init:lose-answer@5",
        ];
        let sandbox = Sandbox::in_memory(options(&rules)).unwrap();
        start_vault(&sandbox).await;
        let init = || ask(&sandbox, "PUT sys/init", INIT);
        let errors = |message: &str| json!({"errors": [message]});
        assert_eq!(init().await, Ok((500, errors("This request was made to fail."))));
        assert_eq!(init().await, Ok((503, errors("barrier is busy"))));
        assert_eq!(init().await, Ok((429, errors("rate limit quota exceeded"))));
        assert!(!is_initialized(&sandbox).await);
        let before = sandbox.clock().now();
        assert_eq!(ask(&sandbox, "PUT sys/init", "").await.unwrap().0, 400);
        assert!(sandbox.clock().now() - before > jiff::SignedDuration::from_secs(59));
        assert_eq!(init().await, Err(io::ErrorKind::ConnectionReset));
        assert!(is_initialized(&sandbox).await, "the answer is lost, not the request");
        assert_eq!(init().await, Ok((400, errors("Vault is already initialized"))));
        let calls = sandbox.aws().calls().into_iter().filter(|call| call.service == "Vault" && call.changes);
        let operations: Vec<String> = calls.map(|call| call.operation).collect();
        assert_eq!(operations, ["PUT sys/init"; 3], "those that were carried out");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_stops_reaches_no_pod_any_more() {
        for (rule, initialized) in [("PUT sys/init:stop-before", false), ("*:stop-after@2", true)] {
            let folder = tempfile::tempdir().unwrap();
            let sandbox = Sandbox::open(folder.path(), options(&[rule])).unwrap();
            start_vault(&sandbox).await;
            assert!(ask(&sandbox, "PUT sys/init", INIT).await.is_err());
            assert!(sandbox.aws().is_stopped());
            let refused = ask(&sandbox, "GET sys/seal-status", "").await;
            assert_eq!(refused, Err(io::ErrorKind::ConnectionRefused));
            drop(sandbox);
            let again = Sandbox::open(folder.path(), options(&[])).unwrap();
            tokio::time::sleep(Duration::from_secs(30)).await;
            assert_eq!(is_initialized(&again).await, initialized, "{rule}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_vault_is_kept_with_its_world() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::open(folder.path(), options(&[])).unwrap();
        start_vault(&sandbox).await;
        let (_, made) = ask(&sandbox, "PUT sys/init", INIT).await.unwrap();
        drop(sandbox);
        let sandbox = Sandbox::open(folder.path(), options(&[])).unwrap();
        assert!(is_initialized(&sandbox).await);
        let key = json!({"key": made["keys_base64"][0]}).to_string();
        let (_, status) = ask(&sandbox, "PUT sys/unseal", &key).await.unwrap();
        assert_eq!(status["sealed"], false);
        drop(sandbox);
        let sandbox = Sandbox::open(folder.path(), options(&[])).unwrap();
        assert_eq!(ask(&sandbox, "GET sys/seal-status", "").await.unwrap().1["sealed"], false);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pods_of_no_cluster_refuse_the_connection() {
        let sandbox = Sandbox::in_memory(options(&[])).unwrap();
        let pods = sandbox.pods("https://none.gr7.eu-west-1.eks.amazonaws.com");
        let error = pods.send("vault", "vault-0", 8200, Request::new(Vec::new())).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
