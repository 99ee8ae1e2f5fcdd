//! Every object says what it is, once, and as the API server would store it.

use std::collections::BTreeSet;

use crate::definitions::Definitions;
use crate::objects::{Object, text, walk};
use crate::{RENDERINGS, judge, together, typed};

const CLUSTER_SCOPED: &[&str] = &[
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "ValidatingWebhookConfiguration",
];

fn definitions() -> Definitions {
    Definitions::new(together(RENDERINGS[0].sample))
}

#[test]
fn objects_have_an_identity_of_their_own() {
    judge(|rendering, found| {
        let mut seen = BTreeSet::new();
        for object in &rendering.objects {
            if object.api_version().is_empty() || object.kind().is_empty() || object.name().is_empty() {
                found.push(format!("{} lacks an identity", object.place()));
            }
            if !seen.insert((object.group(), object.kind(), object.namespace(), object.name())) {
                found.push(format!("{} is there twice", object.place()));
            }
        }
    });
}

#[test]
fn objects_are_in_a_namespace_of_the_component_where_their_kind_has_one() {
    let definitions = definitions();
    judge(|rendering, found| {
        for object in &rendering.objects {
            let namespaced =
                definitions.namespaced(object).unwrap_or(!CLUSTER_SCOPED.contains(&object.kind()));
            let declared = |namespace: &str| {
                rendering.objects.iter().any(|other| other.answers("Namespace", namespace, None))
            };
            match object.namespace() {
                None if namespaced => found.push(format!("{} lacks a namespace", object.place())),
                Some(_) if !namespaced => found.push(format!("{} has a namespace", object.place())),
                Some(namespace) if !declared(namespace) => {
                    found.push(format!("{}: namespace {namespace} does not exist", object.place()));
                }
                _ => {}
            }
        }
    });
}

#[test]
fn objects_carry_the_recommended_labels() {
    judge(|rendering, found| {
        let version = crate::render::defaults(&rendering.component)["version"].clone();
        for object in &rendering.objects {
            let labels = object.labels();
            for label in ["name", "instance", "component", "version", "part-of"] {
                let value = labels.get(&format!("app.kubernetes.io/{label}"));
                let fits = match (label, value) {
                    (_, None) => false,
                    ("version", Some(value)) => *value == version,
                    // Argo CD finds its own settings by this label.
                    ("part-of", Some(value)) => {
                        let own_settings = rendering.component == "argo-cd" && value == "argocd";
                        value == "holodeck"
                            || own_settings && ["ConfigMap", "Secret"].contains(&object.kind())
                    }
                    _ => true,
                };
                if !fits {
                    found.push(format!("{}: label {label} is {value:?}", object.place()));
                }
            }
        }
    });
}

#[test]
fn objects_are_spelled_as_the_api_server_stores_them() {
    let definitions = definitions();
    judge(|rendering, found| {
        for object in &rendering.objects {
            let Some(problems) = typed::differences(object).or_else(|| definitions.violations(object)) else {
                found.push(format!("{} is of no known type", object.place()));
                continue;
            };
            found.extend(problems.into_iter().map(|problem| format!("{}: {problem}", object.place())));
        }
    });
}

#[test]
fn quantities_and_durations_are_canonical() {
    judge(|rendering, found| {
        for object in rendering.objects.iter().filter(|object| object.kind() != "CustomResourceDefinition") {
            for (path, value) in amounts(object) {
                if !is_canonical(&path, &value) {
                    found.push(format!("{}: {path} is {value:?}", object.place()));
                }
            }
        }
    });
}

/// Quantities and durations of an object, by path.
fn amounts(object: &Object) -> Vec<(String, String)> {
    let mut amounts = Vec::new();
    walk(&object.value["spec"], "spec", &mut |path, value| {
        let field = path.rsplit('.').next().unwrap_or_default();
        let quantity = path.contains("resources.requests.") || path.contains("resources.limits.");
        let duration = object.kind() == "Certificate" && ["duration", "renewBefore"].contains(&field);
        if quantity || duration || field == "sizeLimit" {
            // A quantity written as a number would show as empty, which is not canonical.
            amounts.push((path.to_owned(), text(value).to_owned()));
        }
    });
    amounts
}

fn is_canonical(path: &str, value: &str) -> bool {
    let digits = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    if path.ends_with("duration") || path.ends_with("renewBefore") {
        return !number.is_empty() && unit.strip_prefix('h').is_some_and(|rest| rest == "0m0s");
    }
    let Ok(number) = number.parse::<u64>() else { return false };
    match unit {
        "" => true,
        "m" => !number.is_multiple_of(1000),
        "Ki" | "Mi" | "Gi" | "Ti" => !number.is_multiple_of(1024),
        _ => false,
    }
}

#[test]
fn canonical_forms_are_told_from_others() {
    for (path, value, canonical) in [
        ("resources.requests.cpu", "500m", true),
        ("resources.requests.cpu", "1000m", false),
        ("resources.requests.memory", "256Mi", true),
        ("resources.requests.memory", "1024Mi", false),
        ("resources.requests.memory", "0.5Gi", false),
        ("spec.duration", "2160h0m0s", true),
        ("spec.duration", "2160h", false),
        ("resources.requests.cpu", "", false),
    ] {
        assert_eq!(is_canonical(path, value), canonical, "{path} {value}");
    }
}
