//! The components of the shipped environments, rendered over a foundation with unknown outputs.

use std::path::Path;

use super::*;
use crate::charts::Manifests;
use crate::environment::{ChartSource, Source, load};
use crate::kubernetes::ObjectName;

fn foundation() -> Foundation {
    foundation_in(&mut Graph::new())
}

/// A foundation on a cluster that is never connected to, with unknown outputs.
fn foundation_in(graph: &mut Graph) -> Foundation {
    let host = graph.host(&(), |()| Box::pin(async { Err(Error::bug("rendering connects to nothing")) }));
    sample::foundation(host, &sample::unknown("aws.key"), &sample::unknown("aws.zone"))
}

fn environment(name: &str) -> Environment {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("environments"), name).unwrap()
}

fn names(component: &ComponentObjects) -> Vec<String> {
    component.manifests.iter().map(|manifest| ObjectName::of(manifest).unwrap().to_string()).collect()
}

fn made<'a>(components: &'a [ComponentObjects], component: &str, name: &str) -> &'a Value {
    let component = components.iter().find(|made| made.component == component).unwrap();
    let at = names(component).iter().position(|found| found == name);
    &component.manifests[at.unwrap_or_else(|| panic!("no {name} among {:?}", names(component)))]
}

#[test]
fn every_shipped_environment_renders() {
    for name in ["sandbox", "staging", "production", "production-us"] {
        let components = objects(&environment(name), &foundation(), &Manifests::new()).unwrap();
        assert_eq!(
            components.iter().map(|made| made.component.as_str()).collect::<Vec<_>>(),
            ["ingress-nginx", "cert-manager", "vault", "argo-cd"]
        );
        let server = made(&components, "argo-cd", "argocd.deployment.argocd-server");
        assert_eq!(server["spec"]["replicas"], 2);
    }
}

#[test]
fn credentials_stay_placeholders() {
    let components = objects(&environment("staging"), &foundation(), &Manifests::new()).unwrap();
    let repository = made(&components, "argo-cd", "argocd.secret.repository-platform");
    let token = crate::secret::placeholder(&crate::secret::SecretReference::Env("HOLODECK_GIT_TOKEN".into()));
    assert_eq!(repository["stringData"]["password"], token);
    assert_eq!(repository["stringData"]["url"], "https://gitlab.example/holodeck/platform.git");
}

#[test]
fn an_ssh_repository_gets_a_key() {
    let mut environment = environment("staging");
    environment.argocd.repositories.get_mut("platform").unwrap().url =
        "ssh://git@gitlab.example/a.git".into();
    let components = objects(&environment, &foundation(), &Manifests::new()).unwrap();
    let repository = made(&components, "argo-cd", "argocd.secret.repository-platform");
    assert!(repository["stringData"].get("sshPrivateKey").is_some());
    assert!(repository["stringData"].get("password").is_none());
}

#[test]
fn settings_of_a_component_reach_its_manifests() {
    let mut environment = environment("staging");
    environment.components.ingress_nginx.replicas = Some(7);
    environment.components.cert_manager.enabled = false;
    let components = objects(&environment, &foundation(), &Manifests::new()).unwrap();
    let controller = made(&components, "ingress-nginx", "ingress-nginx.deployment.ingress-nginx-controller");
    assert_eq!(controller["spec"]["replicas"], 7);
    assert!(components.iter().all(|made| made.component != "cert-manager"));
}

/// `environment`, with `component` from a chart.
fn with_chart(mut environment: Environment) -> Environment {
    environment.components.vault.source = Source::Chart(ChartSource {
        chart: "vault".into(),
        repository: "https://charts.example".into(),
        version: "1".into(),
        digest: "sha256:00".into(),
        values: Map::new(),
    });
    environment
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "vault", "name": name}})
}

#[test]
fn a_chart_takes_the_place_of_all_but_what_ties_the_component_to_the_platform() {
    let environment = with_chart(environment("staging"));
    let charts = Manifests::from([("vault", vec![config_map("of-the-chart")])]);
    let components = objects(&environment, &foundation(), &charts).unwrap();
    let vault = names(components.iter().find(|made| made.component == "vault").unwrap());
    assert!(vault.contains(&"vault.configmap.of-the-chart".to_owned()), "{vault:?}");
    assert!(vault.contains(&"namespace.vault".to_owned()), "{vault:?}");
    assert!(vault.contains(&"vault.certificate.vault-server-tls".to_owned()), "{vault:?}");
    assert!(!vault.contains(&"vault.statefulset.vault".to_owned()), "{vault:?}");
    // Other components are as they were.
    made(&components, "argo-cd", "argocd.deployment.argocd-server");
}

#[test]
fn what_stands_beside_a_chart_is_there() {
    for component in COMPONENTS {
        for name in component.beside_chart {
            let path = format!("{}/{name}", component.name);
            assert!(template::file(&path).is_some(), "{path}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_for_all_components() {
    let mut environment = with_chart(environment("staging"));
    environment.components.argo_cd.values.insert("nonsense".into(), 1.into());
    let mut namespace = config_map("vault");
    namespace["kind"] = "Namespace".into();
    namespace["metadata"] = json!({"name": "vault"});
    let charts = Manifests::from([("vault", vec![config_map("a"), namespace])]);
    let errors = objects(&environment, &foundation(), &charts).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "the chart of component `vault` has `namespace.vault`, which is made in any case; \
             turn it off in `components.vault.source.values`",
            "the values of component `argo-cd` do not fit",
        ]
    );
}

#[test]
fn mistakes_stand_in_one_error_with_their_causes() {
    let mut environment = environment("staging");
    environment.components.argo_cd.values.insert("log_levle".into(), 1.into());
    let mut graph = Graph::new();
    let error = declare(&environment, &foundation_in(&mut graph), &Manifests::new(), &mut graph).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the values of component `argo-cd` do not fit: there is no value `log_levle`; did you mean `log_level`?"
    );
}

#[test]
fn all_is_declared_with_what_the_outputs_belong_to() {
    let mut graph = Graph::new();
    let foundation = foundation_in(&mut graph);
    declare(&environment("staging"), &foundation, &Manifests::new(), &mut graph).unwrap();
    let issuer = holodeck_engine::Address::new("kubernetes", "clusterissuer.default");
    let dependencies = graph.dependencies(&issuer);
    assert!(
        dependencies.iter().any(|dependency| dependency.on.to_string() == "aws.zone.main"),
        "{dependencies:?}"
    );
    assert_eq!(graph.group_of(&issuer), Some("cert-manager"));
}

#[test]
fn components_know_no_provider() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/components");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name != "tests.rs" && name != "sample.rs") {
            let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
            assert!(!text.contains("aws"), "{} names a provider", path.display());
        }
    }
}
