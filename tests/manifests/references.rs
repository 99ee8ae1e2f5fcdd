//! Whatever is mentioned exists, or is known to be made while the cluster runs.

use serde_json::Value;

use crate::exceptions::excepted;
use crate::objects::{Object, items, text, walk};
use crate::render::Rendering;
use crate::{judge, together};

/// Kind and name of each ConfigMap, Secret and claim that a pod must find.
fn needed(object: &Object) -> Vec<(&'static str, String)> {
    let mut needed = Vec::new();
    let Some(template) = object.template() else { return needed };
    walk(template, "", &mut |path, value| {
        let field = path.rsplit('.').next().unwrap_or_default();
        let (kind, name) = match field {
            "configMap" | "configMapKeyRef" | "configMapRef" => ("ConfigMap", &value["name"]),
            "secret" if !value["secretName"].is_null() => ("Secret", &value["secretName"]),
            "secret" | "secretKeyRef" | "secretRef" => ("Secret", &value["name"]),
            "persistentVolumeClaim" => ("PersistentVolumeClaim", &value["claimName"]),
            _ => return,
        };
        if value["optional"] != true {
            needed.push((kind, text(name).to_owned()));
        }
    });
    needed
}

/// Whether the manifests contain the object, or have cert-manager make it.
fn exists(rendering: &Rendering, kind: &str, name: &str, namespace: Option<&str>) -> bool {
    rendering.objects.iter().any(|object| {
        let issued = kind == "Secret"
            && object.kind() == "Certificate"
            && object.namespace() == namespace
            && object.value["spec"]["secretName"] == name;
        issued || object.answers(kind, name, namespace)
    })
}

#[test]
fn pods_find_what_they_mount_and_read() {
    judge(|rendering, found| {
        for object in &rendering.objects {
            for (kind, name) in needed(object) {
                let made = excepted("made while running", &format!("{}/{kind}/{name}", object.component));
                if !made && !exists(rendering, kind, &name, object.namespace()) {
                    found.push(format!("{}: no {kind} {name}", object.place()));
                }
            }
        }
    });
}

#[test]
fn mounts_name_volumes_and_volumes_are_mounted() {
    judge(|rendering, found| {
        for object in &rendering.objects {
            let Some(template) = object.template() else { continue };
            let claimed =
                items(&object.value["spec"]["volumeClaimTemplates"]).iter().map(|claim| &claim["metadata"]);
            let volumes: Vec<&str> = items(&template["spec"]["volumes"])
                .iter()
                .chain(claimed)
                .map(|volume| text(&volume["name"]))
                .collect();
            let mounts: Vec<&str> = object
                .containers()
                .flat_map(|container| items(&container.value["volumeMounts"]))
                .map(|mount| text(&mount["name"]))
                .collect();
            for mount in mounts.iter().filter(|mount| !volumes.contains(mount)) {
                found.push(format!("{}: no volume {mount}", object.place()));
            }
            for volume in volumes.iter().filter(|volume| !mounts.contains(volume)) {
                found.push(format!("{}: volume {volume} is not mounted", object.place()));
            }
        }
    });
}

#[test]
fn certificates_have_an_issuer_and_webhooks_an_authority() {
    judge(|rendering, found| {
        for object in &rendering.objects {
            if object.kind() == "Certificate" {
                let issuer = &object.value["spec"]["issuerRef"];
                let namespace = if issuer["kind"] == "Issuer" { object.namespace() } else { None };
                let known = together(rendering.sample)
                    .any(|other| other.answers(text(&issuer["kind"]), text(&issuer["name"]), namespace));
                if !known {
                    found.push(format!("{}: no issuer {issuer}", object.place()));
                }
            }
            let annotations = &object.value["metadata"]["annotations"];
            for (annotation, kind) in [("inject-ca-from", "Certificate"), ("inject-ca-from-secret", "Secret")]
            {
                let Value::String(source) = &annotations[format!("cert-manager.io/{annotation}")] else {
                    continue;
                };
                let (namespace, name) = source.split_once('/').unwrap_or_default();
                let made = excepted("made while running", &format!("{}/{kind}/{name}", object.component));
                if !made && !exists(rendering, kind, name, Some(namespace)) {
                    found.push(format!("{}: no {kind} {source}", object.place()));
                }
            }
            for tls in items(&object.value["spec"]["tls"]).iter().filter(|_| object.kind() == "Ingress") {
                let secret = text(&tls["secretName"]);
                if !exists(rendering, "Secret", secret, object.namespace()) {
                    found.push(format!("{}: no Secret {secret}", object.place()));
                }
            }
        }
    });
}

#[test]
fn exceptions_name_what_exists() {
    for exception in crate::exceptions::ALL {
        assert!(!exception.reason.is_empty(), "{} has no reason", exception.subject);
        let component = exception.subject.split('/').next().unwrap_or_default();
        let parts: Vec<&str> = exception.subject.split('/').skip(1).collect();
        let used =
            crate::RENDERINGS.iter().filter(|rendering| rendering.component == component).any(|rendering| {
                rendering.objects.iter().any(|object| match parts.as_slice() {
                    [kind, name] if exception.rule == "made while running" => mentions(object, kind, name),
                    [name] => object.name() == *name,
                    [name, container, ..] => {
                        object.name() == *name && object.containers().any(|other| other.name() == *container)
                    }
                    [] => false,
                })
            });
        assert!(used, "exception {:?} for {}, which is gone", exception.rule, exception.subject);
    }
}

fn mentions(object: &Object, kind: &str, name: &str) -> bool {
    let annotations = &object.value["metadata"]["annotations"];
    needed(object).iter().any(|(needed, other)| *needed == kind && other == name)
        || text(&annotations["cert-manager.io/inject-ca-from-secret"]).ends_with(&format!("/{name}"))
}
