//! Components from charts, in the sandbox.

use std::path::Path;

use crate::chart_repository::{self, ChartRepository, programs};
use crate::support::{Ran, Workplace};

/// A small environment of the sandbox with one component from a chart.
struct Place {
    workplace: Workplace,
    repository: ChartRepository,
}

impl Place {
    /// cert-manager and Vault, the latter from the sample chart with these values.
    fn sample(values: &str) -> Self {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provider/sample-chart");
        let repository = ChartRepository::of(&chart);
        let table = repository.source_of("vault") + values;
        Self::with(repository, &table)
    }

    fn with(repository: ChartRepository, table: &str) -> Self {
        let workplace = Workplace::new();
        workplace.turn_off("sandbox", &["argo-cd"]);
        workplace.append("sandbox.toml", table);
        Self { workplace, repository }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.workplace.run_with_path(&programs(), arguments)
    }

    fn refused(&self) -> String {
        let ran = self.run(&["plan", "sandbox"]);
        assert_eq!(ran.status, 1, "{}", ran.stdout);
        ran.stderr
    }

    fn archives(&self) -> Vec<String> {
        let folder = self.workplace.path().join(".holodeck/charts");
        let entries = std::fs::read_dir(folder).expect("the folder");
        entries.map(|entry| entry.expect("a file").file_name().into_string().expect("a text")).collect()
    }
}

/// How Vault unseals itself in the sandbox: by the environment's key, known by its alias.
const SEAL: &str = r#"
seal "awskms" {
  region     = "eu-west-1"
  kms_key_id = "alias/holodeck/sandbox/main"
}
"#;
const PASSWORD: &str = "password = \"fixed\"\n";

#[test]
fn upstreams_chart_of_vault_comes_up_and_stays() {
    let (repository, table) = chart_repository::vault(SEAL);
    let place = Place::with(repository, &table);
    place.run(&["up", "sandbox", "--yes"]).succeeded(&["up"]);
    place.run(&["plan", "sandbox", "--detailed-exitcode"]).succeeded(&["plan"]);
    place.run(&["status", "sandbox"]).succeeded(&["status"]);

    // Another value is an ordinary change; the embedded manifests are others in every respect.
    place.workplace.edit("sandbox.toml", "replicas = 3\n", "replicas = 5\n");
    let plan = place.run(&["plan", "sandbox", "--output", "json"]).succeeded(&["plan"]);
    let changes = plan.changes();
    assert!(changes.contains(&"update kubernetes.vault.statefulset.vault".to_owned()), "{changes:?}");

    // To remove it, neither helm nor the repository is needed.
    let gone = place.workplace.run(&["destroy", "sandbox", "--yes"]).succeeded(&["destroy"]);
    assert!(gone.stdout.contains("sandbox is gone"), "{}", gone.stdout);
}

/// Initialised by people's shares, it would be sealed again at every restart, and nobody would know.
#[test]
fn another_seal_than_the_platforms_is_refused_before_there_are_keys() {
    let (repository, table) = chart_repository::vault("");
    let place = Place::with(repository, &table);
    let up = || place.run(&["up", "sandbox", "--yes"]);
    let ran = up();
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    let told = "Vault's server vault-0 has a seal of the kind `shamir`, not `awskms`";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let remedy =
        "give its configuration a stanza `seal \"awskms\"`, by the values of its chart, and restart it";
    assert!(ran.stderr.contains(remedy), "{}", ran.stderr);

    let end = "service_registration";
    place.workplace.edit("sandbox.toml", end, &format!("{SEAL}{end}"));
    up().succeeded(&["up"]);
    place.run(&["plan", "sandbox", "--detailed-exitcode"]).succeeded(&["plan"]);
}

#[test]
fn what_helm_would_install_is_what_is_planned() {
    let place = Place::sample(PASSWORD);
    let rendered = place.run(&["render", "sandbox", "--component", "vault"]).succeeded(&["render"]).stdout;
    for expected in ["name: vault-greeting", "greeting: hello", "name: vault-prepare", "kubernetes: v1."] {
        assert!(rendered.contains(expected), "{expected}: {rendered}");
    }
    assert!(rendered.contains("name: vault-server-tls"), "what ties it to the platform is there: {rendered}");
    assert!(!rendered.contains("vault-test"), "tests are no part of it: {rendered}");
    let greeting = rendered.split("---\n").find(|object| object.contains("name: vault-greeting"));
    let greeting = greeting.expect("it was found before");
    assert!(greeting.contains("namespace: vault\n"), "{greeting}");
}

#[test]
fn an_archive_is_fetched_once() {
    let Place { workplace, repository } = Place::sample(PASSWORD);
    let run = || workplace.run_with_path(&programs(), &["plan", "sandbox"]).succeeded(&["plan"]);
    let first = run().stdout;
    let kept = format!(".holodeck/charts/{}.tgz", &repository.digest()["sha256:".len()..]);
    drop(repository);
    assert_eq!(run().stdout, first, "it is not asked for again");
    // What is not what it should be is not used.
    std::fs::write(workplace.path().join(kept), "something else").expect("a file");
    let ran = workplace.run_with_path(&programs(), &["plan", "sandbox"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.contains("cannot fetch chart `sample` 1.2.3 from `http://127.0.0.1:"),
        "{}",
        ran.stderr
    );
}

#[test]
fn another_archive_than_the_environment_names_is_refused() {
    let place = Place::sample(PASSWORD);
    let (right, wrong) = (place.repository.digest(), format!("sha256:{}", "0".repeat(64)));
    place.workplace.edit("sandbox.toml", &right, &wrong);
    let told = place.refused();
    assert!(told.contains(&format!("its digest is {right}, not {wrong}")), "{told}");
    assert_eq!(place.archives(), [""; 0], "it is not kept");
}

#[test]
fn what_cannot_be_planned_is_refused_with_the_remedy() {
    let place = Place::sample(PASSWORD);
    for (from, to, expected) in [
        (PASSWORD, "password = \"\"\n", "makes another `vault.secret.vault-password` each time"),
        (
            "password = \"\"\n",
            "greeting = 7\n",
            "helm says: values don't meet the specifications of the schema",
        ),
        (
            "greeting = 7\n",
            "unmanaged = true\n",
            "kind `ServiceMonitor` of `monitoring.example/v1` is not among",
        ),
        (
            "unmanaged = true\n",
            "password = \"a\"\nnamespace = true\n",
            "has `namespace.vault`, which is made in any case",
        ),
    ] {
        place.workplace.edit("sandbox.toml", from, to);
        let told = place.refused();
        assert!(told.contains(expected), "{told}");
        assert!(told.contains("components.vault.source") || told.contains("helm says"), "no remedy: {told}");
    }
}
