//! The stand-in for Vault, on a control plane of its own: there is one namespace that Vault is in.

use holodeck_control_plane::stand_in::{self, VaultServers};
use holodeck_control_plane::{ControlPlane, Fault, Gate, Options, What, certificates};
use http::{Method, Request};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, ResourceExt};
use serde_json::{Value, json};

use crate::pod_client::ask_vault;
use crate::{file, kubectl};

struct Setting {
    servers: VaultServers,
    /// Through the gate.
    client: Client,
    _gate: Gate,
    control_plane: ControlPlane,
}

impl Setting {
    /// Two servers that run. The seal is that of a file.
    async fn new(configuration: &str) -> Self {
        let control_plane = ControlPlane::start(Options::default()).await.expect("a start");
        let servers = stand_in::vault(control_plane.config()).expect("a stand-in");
        let gate = control_plane.gate().expect("a gate");
        let kubeconfig = Kubeconfig::read_from(gate.kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let client = Client::try_from(config).unwrap();
        let setting = Self { servers, client, _gate: gate, control_plane };
        setting.install(configuration).await;
        setting
    }

    /// Installs them, and waits until they answer.
    async fn install(&self, configuration: &str) {
        self.kubectl(&["create", "namespace", "vault"]);
        let authority = certificates::Authority::new("authority").unwrap();
        let pair = authority.server("vault", &["*.vault-internal.vault.svc"]).unwrap();
        let literals =
            [("ca.crt", authority.certificate), ("tls.crt", pair.certificate), ("tls.key", pair.key)];
        let literals = literals.map(|(key, text)| format!("--from-literal={key}={text}"));
        let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
        let create = ["-n", "vault", "create"];
        self.kubectl(&[&create[..], &["secret", "generic", "vault-server-tls"], &literals].concat());
        let configuration = format!("--from-literal=vault.hcl={configuration}");
        self.kubectl(&[&create[..], &["configmap", "vault-config", &configuration]].concat());
        self.kubectl(&["apply", "-f", &file("vault.yaml")]);
        self.labelled("vault-0", "vault-initialized=false");
        self.labelled("vault-1", "vault-initialized=false");
        // kwok takes a moment until it heeds where port-forwards lead.
        while self.ask("vault-1", Method::GET, "seal-status", Value::Null).await.is_err() {}
        self.servers.reset();
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        kubectl(&self.control_plane, arguments)
    }

    fn wait(&self, arguments: &[&str]) {
        self.kubectl(&[&["-n", "vault", "wait", "--timeout=60s"], arguments].concat());
    }

    /// Waits for a label.
    fn labelled(&self, pod: &str, label: &str) {
        let (key, value) = label.split_once('=').unwrap();
        self.wait(&["--for=create", &format!("pod/{pod}")]);
        self.wait(&[&format!("--for=jsonpath={{.metadata.labels.{key}}}={value}"), &format!("pod/{pod}")]);
    }

    /// The labels as they are.
    async fn labels(&self, pod: &str) -> Value {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "vault");
        json!(pods.get(pod).await.unwrap().labels())
    }

    async fn ask(&self, pod: &str, method: Method, path: &str, body: Value) -> std::io::Result<Value> {
        let request = Request::builder().method(method).uri(format!("/v1/sys/{path}"));
        let answer = ask_vault(&self.client, pod, request.body(body.to_string()).unwrap()).await?;
        Ok(serde_json::from_slice(answer.body()).expect("JSON"))
    }

    async fn status(&self, pod: &str) -> Value {
        self.ask(pod, Method::GET, "seal-status", Value::Null).await.expect("an answer")
    }
}

#[tokio::test]
async fn vault_is_initialised_and_unsealed_by_port_forwards_and_lasts_as_long_as_its_volumes() {
    let setting = Setting::new("storage \"raft\" {}").await;
    let before = setting.status("vault-1").await;
    assert_eq!((&before["initialized"], &before["type"]), (&json!(false), &json!("shamir")));

    let shares = json!({ "secret_shares": 2, "secret_threshold": 2 });
    let keys = setting.ask("vault-0", Method::PUT, "init", shares).await.unwrap();
    assert!(setting.servers.is_initialized() && setting.servers.is_sealed("vault-0"));
    assert_eq!(setting.labels("vault-0").await["vault-initialized"], "true");
    for server in ["vault-0", "vault-1"] {
        for share in keys["keys"].as_array().unwrap() {
            setting.ask(server, Method::PUT, "unseal", json!({ "key": share })).await.unwrap();
        }
        assert!(!setting.servers.is_sealed(server));
        assert_eq!(setting.labels(server).await["vault-sealed"], "false");
    }
    assert_eq!(setting.labels("vault-0").await["vault-active"], "true");
    let asked: Vec<_> = setting.servers.requests().into_iter().filter(|request| request.changes).collect();
    assert_eq!(asked.len(), 5);
    assert_eq!((asked[0].server, asked[0].path.as_str()), ("vault-0", "/v1/sys/init"));

    // A pod made anew is sealed, and the other leads.
    setting.kubectl(&["-n", "vault", "delete", "pod", "vault-0"]);
    setting.labelled("vault-0", "vault-sealed=true");
    setting.labelled("vault-1", "vault-active=true");
    assert_eq!(setting.status("vault-0").await["initialized"], true);

    // Without its volumes it is another Vault.
    setting.kubectl(&["delete", "namespace", "vault"]);
    setting.install("storage \"raft\" {}").await;
    assert!(!setting.servers.is_initialized());
    assert_eq!(setting.status("vault-0").await["initialized"], false);
}

#[tokio::test]
async fn a_seal_that_opens_by_itself_and_requests_that_go_wrong() {
    let setting = Setting::new("seal \"transit\" {\n}").await;
    let shares = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    setting.servers.arm(Fault { at: 1, what: What::Fail });
    let refused = setting.ask("vault-0", Method::PUT, "init", shares.clone()).await.unwrap();
    assert!(refused["errors"].is_array() && !setting.servers.is_initialized(), "{refused}");
    setting.servers.arm(Fault { at: 2, what: What::LoseAnswer });
    setting.ask("vault-0", Method::PUT, "init", shares).await.unwrap_err();
    assert!(setting.servers.is_initialized());
    assert_eq!(setting.status("vault-1").await["sealed"], false);
    assert_eq!(setting.labels("vault-1").await["vault-sealed"], "false");
}
