//! The provider `kubeconfig` on a real API server, with nodes that are played.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use holodeck_control_plane::stand_in::{self, StandIn, VaultServers};
use holodeck_control_plane::{ControlPlane, Extent, Fault, Gate, Options, What};
use serde_json::{Value, json};

use crate::api_server;
use crate::chart_repository::{self, ChartRepository};
use crate::laws::{self, Deed, Occupant, Place, Trouble};
use crate::support::{Ran, Workplace, ran};

/// What every credential is.
const TOKEN: &str = "a-token";
/// How Vault unseals itself, where its configuration is not of our manifests.
const SEAL: &str = r#"
seal "transit" {
  address    = "https://vault.holodeck.example:8200"
  mount_path = "transit/"
  key_name   = "onprem-unseal"
}
"#;
/// Kinds that change by themselves, or that the cluster keeps about others.
const RESTLESS: [&str; 7] = [
    "bindings",
    "componentstatuses",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
];

/// `environments/onprem.toml` on a control plane of its own, reached through a gate.
struct OnServer {
    workplace: Workplace,
    gate: Gate,
    control_plane: ControlPlane,
    _cert_manager: StandIn,
    vault: VaultServers,
    chart: Option<ChartRepository>,
}

impl OnServer {
    /// All components.
    fn whole() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        // What the webhooks of the components would answer runs nowhere.
        let options = Options { extent: Extent::Cluster { nodes: 3 }, calls_webhooks: false };
        let control_plane = runtime.block_on(ControlPlane::start(options)).expect("a control plane");
        let gate = control_plane.gate().expect("a gate");
        let workplace = api_server::workplace();
        let _cert_manager = stand_in::certificates(control_plane.config());
        let vault = stand_in::vault(control_plane.config()).expect("Vault");
        Self { workplace, gate, control_plane, _cert_manager, vault, chart: None }
    }

    /// Vault from upstream's chart, with what it needs.
    fn with_a_chart() -> Self {
        let (repository, table) = chart_repository::vault(SEAL);
        let place = Self { chart: Some(repository), ..Self::whole() };
        place.workplace.turn_off("onprem", &["argo-cd"]);
        place.workplace.append("onprem.toml", &table);
        place
    }

    /// So much that a sweep over all requests takes bearable time.
    fn small() -> Self {
        let place = Self::whole();
        place.workplace.turn_off("onprem", &["argo-cd", "vault"]);
        place
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let (command, options) = arguments.split_first().expect("a command");
        let mut process = self.workplace.command();
        process.arg(command).arg("onprem").args(options);
        process.env("KUBECONFIG", self.gate.kubeconfig());
        if self.chart.is_some() {
            process.env("PATH", chart_repository::programs());
        }
        process.envs(["HOLODECK_GIT_TOKEN", "HOLODECK_SEAL_TOKEN"].map(|name| (name, TOKEN)));
        process
    }

    /// What kubectl prints, which must succeed.
    fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.control_plane.kubectl(arguments).expect("kubectl");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a text")
    }

    fn by_hand(&self, arguments: &'static [&'static str], mended_by: &[&'static str]) -> Deed<'_> {
        let act = Box::new(move || _ = self.kubectl(arguments));
        Deed { act, mended_by: mended_by.to_vec() }
    }
}

/// Ends a process as a crash of the machine would.
fn kill(process: u32) {
    let killed = Command::new("kill").args(["-KILL", &process.to_string()]).status().expect("kill");
    assert!(killed.success(), "process {process} was gone before");
}

impl Place for OnServer {
    fn environment(&self) -> &'static str {
        "onprem"
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().expect("the command"))
    }

    fn run_with(&self, troubles: &[(usize, Trouble)], arguments: &[&str]) {
        self.gate.reset();
        let process: Arc<OnceLock<u32>> = Arc::default();
        for &(at, trouble) in troubles {
            let process = process.clone();
            let kill = move || kill(*process.wait());
            let what = match trouble {
                Trouble::Fail => What::Fail,
                Trouble::LoseAnswer => What::LoseAnswer,
                Trouble::StopBefore => What::StopBefore(Box::new(kill)),
                Trouble::StopAfter => What::StopAfter(Box::new(kill)),
            };
            self.gate.arm(Fault { at, what });
        }
        let mut command = self.command(arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("the command");
        process.set(child.id()).expect("it was not set before");
        child.wait().expect("its end");
        self.gate.reset();
    }

    fn dump(&self) -> BTreeMap<String, Value> {
        let kinds = self.kubectl(&["api-resources", "--verbs=list", "--output=name"]);
        let kinds: Vec<&str> = kinds.lines().filter(|kind| !RESTLESS.contains(kind)).collect();
        let all = self.kubectl(&["get", &kinds.join(","), "--all-namespaces", "--output=json"]);
        let all: Value = serde_json::from_str(&all).expect("JSON");
        all["items"].as_array().expect("items").iter().map(named).collect()
    }

    fn deeds(&self) -> Vec<Deed<'_>> {
        let deployment = "update kubernetes.cert-manager.deployment.cert-manager";
        vec![
            self.by_hand(
                &["-n", "cert-manager", "scale", "deployment/cert-manager", "--replicas=7"],
                &[deployment],
            ),
            self.by_hand(
                &["-n", "cert-manager", "set", "image", "deployment/cert-manager", "*=other.example/image:1"],
                &[deployment],
            ),
            self.by_hand(
                &["-n", "ingress-nginx", "delete", "configmap/ingress-nginx-controller"],
                &["create kubernetes.ingress-nginx.configmap.ingress-nginx-controller"],
            ),
            // What others add is theirs.
            self.by_hand(&["label", "namespace/cert-manager", "cost-centre=7"], &[]),
            self.by_hand(&["-n", "cert-manager", "create", "configmap", "theirs"], &[]),
            self.by_hand(&["-n", "cert-manager", "delete", "configmap", "theirs"], &[]),
        ]
    }

    fn occupy(&self) -> Occupant {
        self.kubectl(&["create", "clusterrole", "cert-manager-edit", "--verb=get", "--resource=pods"]);
        Occupant {
            address: "clusterrole.cert-manager-edit",
            name: "rbac.authorization.k8s.io/v1/ClusterRole//cert-manager-edit",
        }
    }

    fn vacate(&self) {
        self.kubectl(&["delete", "clusterrole", "cert-manager-edit"]);
    }
}

/// An object's name, and what of it does not change by itself.
fn named(object: &Value) -> (String, Value) {
    let mut object = object.clone();
    let text =
        |object: &Value, at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = format!(
        "{}/{}/{}/{}",
        text(&object, "/apiVersion"),
        text(&object, "/kind"),
        text(&object, "/metadata/namespace"),
        text(&object, "/metadata/name")
    );
    let fields = object.as_object_mut().expect("an object");
    fields.remove("status");
    let metadata = fields.get_mut("metadata").and_then(Value::as_object_mut).expect("metadata");
    metadata
        .retain(|field, _| ["annotations", "labels", "name", "namespace", "uid"].contains(&field.as_str()));
    (name, object)
}

#[test]
fn it_comes_up_and_goes_without_a_trace() {
    laws::comes_up_and_goes_without_a_trace(&OnServer::whole());
}

#[test]
fn upstreams_chart_comes_up_and_goes_without_a_trace() {
    laws::comes_up_and_goes_without_a_trace(&OnServer::with_a_chart());
}

#[test]
fn drift_is_planned_and_mended() {
    laws::drift_is_planned_and_mended(&OnServer::small());
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    laws::what_is_not_ours_is_refused_and_left_alone(&OnServer::small());
}

#[test]
fn requests_that_go_wrong_are_survived() {
    laws::requests_that_go_wrong_are_survived(&OnServer::small());
}

#[test]
fn a_killed_process_is_continued() {
    laws::a_killed_process_is_continued(&OnServer::small());
}

/// Looking costs lists and a few facts, whatever the number of objects; nothing is sent that changes something, not even
/// to be tried.
#[test]
fn a_plan_without_changes_lists_each_kind_once() {
    let place = OnServer::whole();
    assert_eq!(place.run(&["up", "--yes", "--quiet"]).status, 0);
    place.gate.reset();
    assert_eq!(place.run(&["plan", "--detailed-exitcode"]).status, 0);
    let requests = place.gate.requests();
    let lists = holodeck_bootstrap::kubernetes::kinds::KINDS.len();
    // The version, storage classes once more, the pods of Vault's servers and the claims for their data.
    let facts = 4;
    assert_eq!(requests.len(), lists + facts, "{requests:#?}");
    assert!(requests.iter().all(|request| request.method == "GET"), "{requests:#?}");
}

/// The files with keys of Vault.
fn files_with_keys(place: &OnServer) -> Vec<PathBuf> {
    let folder = place.workplace.path().join("recovery");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

#[test]
fn vault_is_initialised_once_and_its_keys_are_kept() {
    let place = OnServer::whole();
    assert_eq!(place.run(&["up", "--yes", "--quiet"]).status, 0);
    assert!(place.vault.is_initialized() && !place.vault.is_sealed("vault-0"));
    let files = files_with_keys(&place);
    let [file] = files.as_slice() else { panic!("{files:?}") };
    let text = std::fs::read_to_string(file).expect("a file");
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"), "{text}");
    let changes = place.vault.changes();
    assert_eq!(place.run(&["up", "--yes", "--quiet"]).status, 0);
    assert_eq!((place.vault.changes(), files_with_keys(&place)), (changes, files));
}

/// Wherever the initialisation breaks off, the next run brings Vault up with keys that are kept.
#[test]
fn an_initialisation_that_breaks_off_is_made_good() {
    for (what, told) in [(What::LoseAnswer, "lost"), (What::Fail, "failed")] {
        let place = OnServer::whole();
        place.vault.arm(Fault { at: 1, what });
        place.run(&["up", "--yes", "--quiet"]);
        assert_eq!(place.run(&["up", "--yes", "--quiet"]).status, 0, "{told}");
        assert!(place.vault.is_initialized(), "{told}");
        assert_eq!(files_with_keys(&place).len(), 1, "{told}");
        assert_eq!(place.run(&["plan", "--detailed-exitcode"]).status, 0, "{told}");
    }
}

/// What `render` prints is what was applied: kubectl, which knows nothing of this program, finds no difference.
#[test]
fn kubectl_finds_no_difference_to_what_is_rendered() {
    let place = OnServer::whole();
    assert_eq!(place.run(&["up", "--yes", "--quiet"]).status, 0);
    let rendered = place.run(&["render"]);
    assert_eq!(rendered.status, 0, "{}", rendered.stderr);
    let file = place.workplace.path().join("rendered.yaml");
    // Credentials are printed by where they are kept, which an annotation tells of the stored ones too.
    let revealed = |line: &str| match line.contains("secret-sources") {
        true => line.to_owned(),
        false => ["HOLODECK_GIT_TOKEN", "HOLODECK_SEAL_TOKEN"]
            .iter()
            .fold(line.to_owned(), |line, name| line.replace(&format!("${{secret:env:{name}}}"), TOKEN)),
    };
    let text = rendered.stdout.lines().map(revealed).collect::<Vec<_>>().join("\n");
    std::fs::write(&file, text).expect("a file");
    let mut kubectl = place.control_plane.kubectl_command();
    // It shows differences by the program `diff`.
    kubectl.env("PATH", "/usr/bin:/bin");
    kubectl.args(["diff", "--server-side", "--force-conflicts", "--field-manager=holodeck-bootstrap", "-f"]);
    let told = ran(kubectl.arg(file).output().expect("kubectl"));
    assert_eq!((told.status, told.stdout.as_str()), (0, ""), "{}", told.stderr);
}

#[test]
fn what_others_keep_in_ours_is_named_before_it_is_lost() {
    let place = OnServer::small();
    assert_eq!(place.run(&["up", "--yes", "--quiet"]).status, 0);
    place.kubectl(&["-n", "cert-manager", "create", "configmap", "theirs"]);
    let certificate = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"secretName": "web", "dnsNames": ["web.example"], "issuerRef": {"name": "default", "kind": "ClusterIssuer"}},
    });
    let file = place.workplace.path().join("certificate.json");
    std::fs::write(&file, certificate.to_string()).expect("a file");
    place.kubectl(&["apply", "-f", file.to_str().expect("a path")]);
    let refused = place.run(&["destroy", "--yes"]);
    assert_eq!(refused.status, 1);
    for named in [
        "kubernetes.namespace.cert-manager",
        "ConfigMap theirs",
        "kubernetes.customresourcedefinition.certificates.cert-manager.io",
        "Certificate default/web",
    ] {
        assert!(refused.stderr.contains(named), "{named}: {}", refused.stderr);
    }
    let allowed = [
        "--allow-loss=kubernetes.namespace.cert-manager",
        "--allow-loss=kubernetes.customresourcedefinition.certificates.cert-manager.io",
    ];
    let gone = place.run(&[&["destroy", "--yes"], &allowed[..]].concat());
    assert_eq!(gone.status, 0, "{}", gone.stderr);
}
