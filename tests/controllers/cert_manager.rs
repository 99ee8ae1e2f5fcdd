//! cert-manager itself issues the certificates that `up` waits for.
//!
//! Its commands are put together from upstream's library (`hack/servers/cert-manager`), and started with the arguments of
//! our workloads under their accounts. What the API server would ask of the webhook is not asked: it cannot reach a
//! process here by a Service.

use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holodeck_control_plane::stand_in::{self, VaultServers};
use holodeck_control_plane::{ControlPlane, Extent, Keeper, Options, ReservedPort, until};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PodSpec, Secret};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::api_server;
use crate::process::{self, Process};
use crate::support::{Ran, Workplace, ran};

const NAMESPACE: &str = "cert-manager";
const CONTROLLER: &str = "cert-manager";
const INJECTOR: &str = "cert-manager-cainjector";
const WEBHOOK: &str = "cert-manager-webhook";
/// The Deployments, with what their containers are in the program that has them all.
const OWN: [(&str, &str); 3] = [(CONTROLLER, "controller"), (INJECTOR, "cainjector"), (WEBHOOK, "webhook")];
/// What every credential is.
const TOKEN: &str = "a-token";
/// The role by which the controller asks for certificates.
const REQUESTS: &str = "cert-manager-controller-ingress-shim";

/// cert-manager, as far as it is processes.
struct CertManager {
    client: Client,
    keeper: Keeper,
    // Held for as long as the processes use them.
    _ports: Vec<ReservedPort>,
}

impl CertManager {
    /// Starts each process as soon as its workload is there.
    async fn start(control_plane: &ControlPlane) -> Self {
        let (client, mut keeper) = (control_plane.client(), Keeper::new().expect("a folder"));
        let mut ports = Vec::new();
        for (workload, role) in OWN {
            let pod = workload_of(&client, &mut keeper, workload).await;
            let container = &pod.containers[0];
            let root = keeper.folder().join(workload);
            let process = Process::of(&client, NAMESPACE, &pod, container, &root, &Default::default()).await;
            let account = pod.service_account_name.as_ref().expect("an account");
            let kubeconfig = control_plane.account_kubeconfig(NAMESPACE, account).await;
            let kubeconfig = kubeconfig.unwrap_or_else(|error| panic!("{error}"));
            std::fs::create_dir_all(&root).expect("a folder");
            let file = root.join("kubeconfig");
            std::fs::write(&file, kubeconfig).expect("a file");
            let mut arguments = [&[role.to_owned()], &process.command[..]].concat();
            arguments.push(format!("--kubeconfig={}", file.display()));
            if workload == WEBHOOK {
                // In a pod it has all ports for itself.
                let [secure, health] = [(); 2].map(|()| ReservedPort::by_address().expect("a port"));
                arguments.push(format!("--secure-port={}", secure.number()));
                arguments.push(format!("--healthz-port={}", health.number()));
                arguments.push("--metrics-listen-address=0".to_owned());
                ports.extend([secure, health]);
            }
            let program = process::program("cert-manager");
            let started = keeper.start_with(workload, &program, &arguments, &process.environment);
            started.expect("a process");
        }
        Self { client, keeper, _ports: ports }
    }

    async fn until<T>(&mut self, what: &str, ask: impl AsyncFnMut() -> Result<T, String>) -> T {
        let answer = until(&mut self.keeper, what, CONTROLLER, ask).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    /// What any process has logged of requests that it may not make.
    fn refusals(&self) -> Vec<String> {
        let logs = OWN.iter().map(|(name, _)| self.keeper.log(name)).collect::<String>();
        logs.lines().filter(|line| line.contains("forbidden")).map(str::to_owned).collect()
    }

    async fn secret(&self, namespace: &str, name: &str, key: &str) -> Vec<u8> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = secrets.get(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        secret.data.expect("data")[key].0.clone()
    }
}

/// The pods of a Deployment that is about to be made.
async fn workload_of(client: &Client, keeper: &mut Keeper, name: &str) -> PodSpec {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let what = format!("deployment {name}");
    let found = until(keeper, &what, CONTROLLER, async || {
        let deployment = deployments.get(name).await.map_err(|error| error.to_string())?;
        let pod = deployment.spec.and_then(|spec| spec.template.spec);
        pod.ok_or_else(|| "it has no pods".to_owned())
    });
    found.await.unwrap_or_else(|error| panic!("{error}"))
}

/// `environments/onprem.toml` with an authority of its own and without Argo CD.
struct Platform {
    control_plane: ControlPlane,
    workplace: Workplace,
    _vault: VaultServers,
}

impl Platform {
    async fn new() -> Self {
        let options = Options { extent: Extent::Cluster { nodes: 3 }, calls_webhooks: false };
        let control_plane = ControlPlane::start(options).await.unwrap_or_else(|error| panic!("{error}"));
        let _vault = stand_in::vault(control_plane.config()).unwrap_or_else(|error| panic!("{error}"));
        let workplace = api_server::workplace();
        workplace.turn_off("onprem", &["argo-cd"]);
        workplace.append("onprem.toml", "\n[certificates]\nissuer = \"internal-ca\"\n");
        Self { control_plane, workplace, _vault }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command: Command = self.workplace.command();
        command.args(arguments).env("KUBECONFIG", self.control_plane.kubeconfig());
        command.env("HOLODECK_SEAL_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the command")
    }

    fn end(child: Child, arguments: &[&str]) -> Ran {
        ran(child.wait_with_output().expect("its end")).succeeded(arguments)
    }
}

fn certificate(name: &str) -> DynamicObject {
    let certificate = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "secretName": name, "dnsNames": [format!("{name}.example")],
            "issuerRef": {"name": "default", "kind": "ClusterIssuer", "group": "cert-manager.io"},
        },
    });
    serde_json::from_value(certificate).expect("an object")
}

fn is_ready(object: &DynamicObject) -> bool {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

#[tokio::test]
async fn certificates_are_issued_with_our_rights_and_not_without_one_of_them() {
    let platform = Platform::new().await;
    let up = ["up", "onprem", "--yes", "--quiet"];
    let coming_up = platform.start(&up);
    let mut cert_manager = CertManager::start(&platform.control_plane).await;
    Platform::end(coming_up, &up);
    let client = platform.control_plane.client();

    // The authorities are those that signed.
    let internal = cert_manager.secret(NAMESPACE, "internal-ca", "tls.crt").await;
    assert_eq!(cert_manager.secret("vault", "vault-ingress-tls", "ca.crt").await, internal);
    let own = cert_manager.secret("vault", "vault-ca", "tls.crt").await;
    assert_eq!(cert_manager.secret("vault", "vault-server-tls", "ca.crt").await, own);
    // The webhook has made its authority, and the injector has written it down, as it has that of a Certificate.
    let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    for (configuration, namespace, secret) in [
        ("cert-manager-webhook", NAMESPACE, "cert-manager-webhook-ca"),
        ("ingress-nginx-admission", "ingress-nginx", "ingress-nginx-admission"),
    ] {
        let authority = cert_manager.secret(namespace, secret, "ca.crt").await;
        let found = webhooks.get(configuration).await.expect("a configuration").webhooks.expect("webhooks");
        let bundle = found[0].client_config.ca_bundle.as_ref().expect("an authority");
        assert_eq!(STANDARD.encode(&bundle.0), STANDARD.encode(authority), "{configuration}");
    }
    assert_eq!(cert_manager.refusals(), [""; 0]);
    // What the controllers write is no drift.
    let plan = ["plan", "onprem", "--detailed-exitcode"];
    Platform::end(platform.start(&plan), &plan);

    let roles: Api<ClusterRole> = Api::all(client.clone());
    let role = roles.get(REQUESTS).await.expect("the role");
    let mut less = role.rules.clone().expect("rules");
    let creates = |verb: &String| verb == "create";
    let asks = |rule: &&mut k8s_openapi::api::rbac::v1::PolicyRule| {
        rule.resources.iter().flatten().any(|resource| resource == "certificaterequests")
            && rule.verbs.iter().any(creates)
    };
    less.iter_mut().find(asks).expect("the right").verbs.retain(|verb| !creates(verb));
    let patch = |rules: &[_]| Patch::Merge(json!({ "rules": rules }));
    roles.patch(REQUESTS, &PatchParams::default(), &patch(&less)).await.expect("a change");
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"));
    let certificates: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
    certificates.create(&PostParams::default(), &certificate("shop")).await.expect("a certificate");
    let log = cert_manager.keeper.log_file(CONTROLLER);
    cert_manager
        .until("the complaint about the missing right", async || {
            let log = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
            let complains = |line: &str| line.contains("forbidden") && line.contains("certificaterequests");
            if log.lines().any(complains) { Ok(()) } else { Err("there is none".to_owned()) }
        })
        .await;
    assert!(!is_ready(&certificates.get("shop").await.expect("the certificate")));

    let rules = role.rules.expect("rules");
    roles.patch(REQUESTS, &PatchParams::default(), &patch(&rules)).await.expect("a change");
    cert_manager
        .until("the certificate", async || {
            let found = certificates.get("shop").await.map_err(|error| error.to_string())?;
            if is_ready(&found) { Ok(()) } else { Err(found.data["status"].to_string()) }
        })
        .await;
}
