//! Vault itself, as the pods of our manifests would run it, behind port-forwards to these.
//!
//! It runs with the command, the variables and the configuration of its pods. What differs is where it listens and finds
//! the other servers, and that it registers itself at no API server: for that it has to be in a pod.

#[path = "../provider/api_server.rs"]
mod api_server;
#[path = "../../control-plane/tests/servers/pod_client.rs"]
mod pod_client;
#[path = "../controllers/process.rs"]
#[allow(dead_code, reason = "the controllers use more of it")]
mod process;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use holodeck_control_plane::stand_in::{self, StandIn};
use holodeck_control_plane::{ControlPlane, Extent, Forward, Keeper, Options, ReservedPort, until};
use http::{Method, Request, StatusCode};
use k8s_openapi::api::core::v1::{Container, EnvVar, Pod, Secret};
use kube::Client;
use kube::api::Api;
use serde_json::{Value, json};

use crate::pod_client::ask_vault;
use crate::process::{Process, below};
use crate::support::{Ran, Workplace, ran};

const NAMESPACE: &str = "vault";
const SERVERS: [&str; 3] = ["vault-0", "vault-1", "vault-2"];
/// What every credential is.
const TOKEN: &str = "a-token";
const UP: [&str; 3] = ["up", "onprem", "--yes"];
/// Where the key service keeps the key.
const KEY: &str = "transit/keys/onprem-unseal";
/// The variable with the identity that reads the keys.
const IDENTITY: &str = "HOLODECK_RECOVERY_IDENTITY";

/// The ports of a server, in place of those in its pod.
struct Ports {
    api: ReservedPort,
    cluster: ReservedPort,
}

/// Another Vault, which has the key that unseals ours.
struct KeyService {
    keeper: Keeper,
    port: ReservedPort,
}

impl KeyService {
    async fn start() -> Self {
        let mut keeper = Keeper::new().expect("a folder");
        let port = ReservedPort::by_address().expect("a port");
        let options = [
            format!("-dev-listen-address=127.0.0.1:{}", port.number()),
            format!("-dev-root-token-id={TOKEN}"),
            format!("-dev-tls-cert-dir={}", keeper.folder().display()),
        ];
        let arguments = ["server", "-dev", "-dev-no-store-token", "-dev-tls"].map(str::to_owned);
        let arguments = [arguments.as_slice(), &options].concat();
        keeper.start("key-service", &process::program("vault"), &arguments).expect("a process");
        let mut service = Self { keeper, port };
        for command in [&["status"][..], &["secrets", "enable", "transit"], &["write", "-f", KEY]] {
            service.does(command).await;
        }
        service
    }

    fn address(&self) -> String {
        format!("https://localhost:{}", self.port.number())
    }

    fn authority(&self) -> PathBuf {
        self.keeper.folder().join("vault-ca.pem")
    }

    /// Runs Vault's command line until it succeeds.
    async fn does(&mut self, arguments: &[&str]) {
        let mut command = Command::new(process::program("vault"));
        command.args(arguments).env_clear().env("HOME", self.keeper.folder());
        command.env("VAULT_ADDR", self.address()).env("VAULT_TOKEN", TOKEN);
        command.env("VAULT_CACERT", self.authority());
        let done = until(&mut self.keeper, "the key", "key-service", async || {
            let output = command.output().map_err(|error| error.to_string())?;
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() { Ok(()) } else { Err(told) }
        });
        done.await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// The settings of a seal with its key.
    fn seal(&self) -> String {
        let authority = std::fs::read_to_string(self.authority()).expect("a certificate");
        format!(
            "kind = \"transit\"\naddress = \"{}\"\nauthority = \"\"\"\n{authority}\"\"\"\nkey = \"onprem-unseal\"\n\
             token = {{ env = \"HOLODECK_SEAL_TOKEN\" }}\n",
            self.address()
        )
    }
}

/// The servers of Vault, as processes.
struct Servers {
    seal: &'static str,
    keeper: Keeper,
    ports: BTreeMap<&'static str, Ports>,
}

impl Servers {
    /// Starts each of them as soon as its pod and its certificate are there.
    async fn start(control_plane: &ControlPlane, seal: &'static str) -> Self {
        let port = || ReservedPort::by_address().expect("a port");
        let ports = SERVERS.map(|server| (server, Ports { api: port(), cluster: port() }));
        let mut servers = Self { seal, keeper: Keeper::new().expect("a folder"), ports: ports.into() };
        let client = control_plane.client();
        for server in SERVERS {
            let to = servers.ports[server].api.number();
            let forward = Forward { namespace: NAMESPACE, pod: server, port: 8200, to };
            control_plane.forward(forward).await.unwrap_or_else(|error| panic!("{error}"));
            servers.start_one(&client, server).await;
        }
        servers
    }

    async fn start_one(&mut self, client: &Client, server: &'static str) {
        let pod = self.pod(client, server).await;
        let spec = pod.spec.expect("a specification");
        let mut container = spec.containers[0].clone();
        detach(&mut container, server);
        let root = self.keeper.folder().join(server);
        let mut process = Process::of(client, NAMESPACE, &spec, &container, &root, &Default::default()).await;
        self.configure(server, &root);
        let Ports { api, cluster } = &self.ports[server];
        for (variable, port) in [("VAULT_API_ADDR", api), ("VAULT_CLUSTER_ADDR", cluster)] {
            process.environment.insert(variable.to_owned(), format!("https://localhost:{}", port.number()));
        }
        let words = process.command[1..].iter();
        let words: Vec<String> = words.map(|word| placed(word, &root)).collect();
        let program = process::program("vault");
        let started = self.keeper.start_with(server, &program, &words, &process.environment);
        started.expect("a process");
    }

    /// A server's pod that runs, with what it mounts.
    async fn pod(&mut self, client: &Client, server: &'static str) -> Pod {
        let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
        let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
        let what = format!("the pod {server}");
        let found = until(&mut self.keeper, &what, server, async || {
            secrets.get("vault-server-tls").await.map_err(|error| error.to_string())?;
            let pod = pods.get(server).await.map_err(|error| error.to_string())?;
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            if phase == Some("Running") { Ok(pod) } else { Err("it does not run".to_owned()) }
        });
        found.await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Changes the configuration to where things are here.
    fn configure(&self, server: &str, root: &Path) {
        let file = below(root, "/vault/config/vault.hcl");
        let mut text = std::fs::read_to_string(&file).expect("the configuration");
        let Ports { api, cluster } = &self.ports[server];
        replace(&mut text, "[::]:8200", &format!("127.0.0.1:{}", api.number()));
        replace(&mut text, "[::]:8201", &format!("127.0.0.1:{}", cluster.number()));
        for (peer, ports) in &self.ports {
            let address = format!("https://{peer}.vault-internal.{NAMESPACE}.svc:8200");
            replace(&mut text, &address, &format!("https://localhost:{}", ports.api.number()));
        }
        replace(&mut text, "service_registration \"kubernetes\" {}", "");
        std::fs::write(&file, placed(&text, root)).expect("a file");
    }

    /// What a server answers, once it does, with the token if there is one.
    async fn ask(
        &mut self,
        client: &Client,
        server: &'static str,
        (method, path, body): (Method, &str, Value),
        token: Option<&str>,
    ) -> Value {
        let what = format!("the answer of {server}");
        let answered = until(&mut self.keeper, &what, server, async || {
            let mut request = Request::builder().method(method.clone()).uri(format!("/v1/sys/{path}"));
            if let Some(token) = token {
                request = request.header("X-Vault-Token", token);
            }
            let request = request.body(body.to_string()).expect("a request");
            let answer = ask_vault(client, server, request).await.map_err(|error| error.to_string())?;
            match answer.status() {
                StatusCode::NO_CONTENT => Ok(Value::Null),
                StatusCode::OK => serde_json::from_slice(answer.body()).map_err(|error| error.to_string()),
                status => Err(format!("{status}: {}", String::from_utf8_lossy(answer.body()))),
            }
        });
        answered.await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn read(&mut self, client: &Client, server: &'static str, path: &str) -> Value {
        self.ask(client, server, (Method::GET, path, Value::Null), None).await
    }

    /// The one that leads, once they have agreed on it.
    async fn leader(&mut self, client: &Client) -> &'static str {
        let found = until(&mut self.keeper, "a leader", SERVERS[0], async || {
            for server in SERVERS {
                let request = Request::get("/v1/sys/leader").body(String::new()).expect("a request");
                let answer = ask_vault(client, server, request).await.map_err(|error| error.to_string())?;
                let told: Value = serde_json::from_slice(answer.body()).map_err(|error| error.to_string())?;
                if told["is_self"] == true {
                    return Ok(server);
                }
            }
            Err("nobody leads".to_owned())
        });
        found.await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Those that are sealed or belong to no Vault yet.
    async fn closed(&mut self, client: &Client) -> Vec<&'static str> {
        let mut closed = Vec::new();
        for server in SERVERS {
            let status = self.read(client, server, "seal-status").await;
            assert_eq!((&status["type"], &status["storage_type"]), (&self.seal.into(), &"raft".into()));
            if status["sealed"] == true || status["initialized"] == false {
                closed.push(server);
            }
        }
        closed
    }
}

/// Sets the variables that are the pod's name, of which a container by itself knows nothing, and leaves out the token that
/// the API server has added.
fn detach(container: &mut Container, pod: &str) {
    let mounts = container.volume_mounts.iter_mut();
    mounts.for_each(|mounts| mounts.retain(|mount| !mount.mount_path.starts_with("/var/run/secrets/")));
    for EnvVar { value, value_from, .. } in container.env.iter_mut().flatten() {
        let field = value_from.as_ref().and_then(|source| source.field_ref.as_ref());
        if field.is_some_and(|field| field.field_path == "metadata.name") {
            (*value, *value_from) = (Some(pod.to_owned()), None);
        }
    }
}

/// A text with places of the container as what they are here.
fn placed(text: &str, root: &Path) -> String {
    text.replace("/vault/", &format!("{}/", below(root, "/vault").display()))
}

/// Replaces a text that must be there.
fn replace(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{from} is not in\n{text}");
    *text = text.replace(from, to);
}

/// `environments/onprem.toml` with a seal of its own, and with nothing but Vault and what it needs.
struct Platform {
    control_plane: ControlPlane,
    workplace: Workplace,
    /// Whoever can read the keys.
    identity: Identity,
    _cert_manager: StandIn,
}

impl Platform {
    async fn new(seal: &str) -> Self {
        // What the webhooks of the components would answer runs nowhere.
        let options = Options { extent: Extent::Cluster { nodes: 3 }, calls_webhooks: false };
        let control_plane = ControlPlane::start(options).await.unwrap_or_else(|error| panic!("{error}"));
        let _cert_manager = stand_in::certificates(control_plane.config());
        let workplace = api_server::workplace();
        workplace.turn_off("onprem", &["argo-cd"]);
        workplace.seal(seal);
        let identity = Identity::generate();
        let keys = "[provider.recovery_keys]\n";
        workplace.edit("onprem.toml", keys, &format!("{keys}identity = {{ env = \"{IDENTITY}\" }}\n"));
        workplace.encrypt_keys_to(&identity.to_public().to_string());
        Self { control_plane, workplace, identity, _cert_manager }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.workplace.command();
        command.args(arguments).env("KUBECONFIG", self.control_plane.kubeconfig());
        command.envs(["HOLODECK_GIT_TOKEN", "HOLODECK_SEAL_TOKEN"].map(|name| (name, TOKEN)));
        command.env(IDENTITY, self.identity.to_string().expose_secret());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command")
    }

    fn end(child: Child, arguments: &[&str]) -> Ran {
        ran(child.wait_with_output().expect("its end")).succeeded(arguments)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Self::end(self.start(arguments), arguments)
    }

    /// Comes up, for good, with servers that run meanwhile.
    async fn come_up(&self, seal: &'static str) -> (Servers, Client) {
        let coming_up = self.start(&UP);
        let mut servers = Servers::start(&self.control_plane, seal).await;
        Self::end(coming_up, &UP);
        let client = self.control_plane.client();
        assert_eq!(servers.closed(&client).await, [""; 0]);
        let again = self.run(&UP);
        assert!(again.stdout.contains("No changes"), "{}", again.stdout);
        (servers, client)
    }

    /// What is kept of Vault's keys.
    fn keys(&self) -> Value {
        let files = std::fs::read_dir(self.workplace.path().join("recovery")).expect("the folder of keys");
        let files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let kept = std::fs::read(file).expect("a file");
        let keys = age::decrypt(&self.identity, &kept).expect("keys for this identity");
        serde_json::from_slice(&keys).expect("JSON")
    }
}

#[tokio::test]
async fn vault_is_initialised_and_unsealed_with_keys_that_are_kept() {
    let platform = Platform::new("kind = \"shamir\"\n").await;
    let (mut servers, client) = platform.come_up("shamir").await;

    // The token is the one that Vault knows, and the shares are those that open it.
    let keys = platform.keys();
    let token = keys["root_token"].as_str().expect("a token");
    let first = servers.leader(&client).await;
    servers.ask(&client, first, (Method::PUT, "seal", Value::Null), Some(token)).await;
    assert_eq!(servers.closed(&client).await, [first]);
    for share in keys["unseal_keys"].as_array().expect("shares").iter().take(threshold(&keys)) {
        servers.ask(&client, first, (Method::PUT, "unseal", json!({ "key": share })), None).await;
    }
    assert_eq!(servers.closed(&client).await, [""; 0]);

    // Another run reads them too.
    let second = servers.leader(&client).await;
    servers.ask(&client, second, (Method::PUT, "seal", Value::Null), Some(token)).await;
    let plan = platform.run(&["plan", "onprem", "--output", "json"]);
    assert_eq!(plan.changes(), ["update vault.initialisation.vault"]);
    platform.run(&UP);
    assert_eq!(servers.closed(&client).await, [""; 0]);
    assert_eq!(platform.keys(), keys);
}

#[tokio::test]
async fn vault_unseals_itself_with_a_key_in_another_one() {
    let service = KeyService::start().await;
    let platform = Platform::new(&service.seal()).await;
    let (mut servers, client) = platform.come_up("transit").await;

    // No share is needed to open it; those that are kept stand for what concerns it as a whole.
    let keys = platform.keys();
    assert_eq!((&keys["seal"], &keys["unseal_keys"]), (&"transit".into(), &json!([])));
    let shares = keys["recovery_keys"].as_array().expect("shares");
    let token = keys["root_token"].as_str().expect("a token");
    let leader = servers.leader(&client).await;
    let begin = (Method::PUT, "generate-root/attempt", Value::Null);
    let mut told = servers.ask(&client, leader, begin, Some(token)).await;
    for share in shares.iter().take(threshold(&keys)) {
        let given = json!({ "key": share, "nonce": told["nonce"] });
        told = servers.ask(&client, leader, (Method::PUT, "generate-root/update", given), None).await;
    }
    assert_eq!(told["complete"], true, "{told}");
}

fn threshold(keys: &Value) -> usize {
    keys["threshold"].as_u64().and_then(|threshold| usize::try_from(threshold).ok()).expect("a number")
}
