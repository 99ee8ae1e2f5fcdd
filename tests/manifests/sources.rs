//! The texts themselves: no provider, no secret, definitions of the right version, and values that pass untouched.

use holodeck_bootstrap::secret;
use holodeck_engine::input;
use serde_json::Value;

use crate::objects::{map, text, walk};
use crate::render;
use crate::{judge, together};

#[test]
fn components_name_no_provider() {
    for component in render::components() {
        let files =
            render::texts(&component, "", "yaml").into_iter().chain(render::texts(&component, "", "toml"));
        for (file, content) in files {
            for (number, line) in content.lines().enumerate() {
                let lower = line.to_lowercase();
                let mut words = lower.split(|character: char| !character.is_ascii_alphanumeric());
                let provider = words.find(|word| {
                    word.starts_with("aws")
                        || ["eks", "amazon", "amazonaws", "route53", "azure", "gcp"].contains(word)
                });
                assert_eq!(provider, None, "{file}:{}: {line}", number + 1);
            }
        }
    }
}

#[test]
fn no_secret_stands_in_the_text() {
    for component in render::components() {
        for (file, content) in
            render::texts(&component, "", "yaml").into_iter().chain(render::texts(&component, "", "toml"))
        {
            assert!(!content.contains("PRIVATE KEY"), "{file} contains a private key");
        }
    }
    judge(|rendering, found| {
        for object in &rendering.objects {
            if object.kind() == "Secret" {
                // What is read from the text is in clear, whatever its form there.
                for (key, value) in map(&object.value["stringData"]) {
                    let public = ["name", "type", "url", "username", "project"].contains(&key.as_str());
                    if !public && !secret::has_placeholder(text(&value)) {
                        found.push(format!("{}: {key} is not a reference", object.place()));
                    }
                }
                if !object.value["data"].is_null() {
                    found.push(format!("{} has bytes", object.place()));
                }
            }
            for container in object.containers() {
                walk(&container.value["env"], "env", &mut |path, variable| {
                    let name = text(&variable["name"]);
                    let secret = ["PASSWORD", "TOKEN", "SECRET"].iter().any(|word| name.ends_with(word));
                    if secret && !variable["value"].is_null() {
                        found.push(format!("{}: {path} {name} stands in clear", object.place()));
                    }
                });
            }
        }
    });
}

#[test]
fn values_known_later_pass_untouched() {
    judge(|rendering, found| {
        for object in &rendering.objects {
            walk(&object.value, "", &mut |path, value| {
                let Value::String(value) = value else { return };
                let whole = input::readable(&secret::readable(value));
                if whole.contains(|character| ('\u{e000}'..='\u{f8ff}').contains(&character)) {
                    found.push(format!("{}: {path} is torn: {whole:?}", object.place()));
                }
            });
        }
    });
}

#[test]
fn the_issuer_solves_challenges_as_the_foundation_says() {
    let issuer = |sample: &str| {
        let found = together(sample).find(|object| object.kind() == "ClusterIssuer");
        &found.expect("every sample has an issuer").value["spec"]
    };
    let solver = &issuer("complete")["acme"]["solvers"][0];
    assert_eq!(solver["dns01"]["route53"]["hostedZoneID"], render::unknown("dns.zone"));
    assert_eq!(solver["selector"]["dnsZones"][0], "sample.holodeck.example");
    assert_eq!(issuer("least")["ca"]["secretName"], "internal-ca");
}

#[test]
fn definitions_are_those_of_the_components_version() {
    for component in render::components() {
        let version = render::defaults(&component)["version"].clone();
        for (file, content) in render::texts(&component, "crds", "yaml") {
            let header = content.lines().next().unwrap_or_default();
            let expected = format!("@v{} ", text(&version));
            assert!(
                header.contains(&expected),
                "{file} is not of version {version}: run hack/crds/generate.sh"
            );
        }
    }
}

#[test]
fn argo_cd_is_tested_in_the_version_that_is_installed() {
    let version = format!("v{}", text(&render::defaults("argo-cd")["version"]));
    let pinned = include_str!("../../hack/servers/argo-cd/go.mod");
    for module in ["github.com/argoproj/argo-cd/v3", "github.com/argoproj/argo-cd/gitops-engine/v3"] {
        assert!(
            pinned.contains(&format!("\t{module} => ./upstream/{module}@{version}\n")),
            "hack/servers/argo-cd/go.mod has another version of {module} than {version}"
        );
    }
}

#[test]
fn cert_manager_is_tested_in_the_version_that_is_installed() {
    let version = format!("v{}", text(&render::defaults("cert-manager")["version"]));
    let pinned = include_str!("../../hack/servers/cert-manager/go.mod");
    assert!(
        pinned.contains(&format!("\tgithub.com/cert-manager/cert-manager {version}\n")),
        "hack/servers/cert-manager/go.mod has another version than {version}"
    );
}
