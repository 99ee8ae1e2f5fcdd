//! What the API server refuses to store.
//!
//! A part of the checks of Kubernetes 1.35: namespaces, names, the shape of workloads, and fields that may not change
//! (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#label-selector-updates>,
//! <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/>).

use serde_json::Value;

use super::cluster::Cluster;
use super::kinds::Resource;
use super::object::{is_terminating, items, map, name, text};
use super::selector::LabelSelector;
use super::status::{Cause, Refusal};

/// Checks the namespace of a new object, and its name.
pub(super) fn check_place(
    cluster: &Cluster,
    resource: &Resource,
    namespace: &str,
    live: Option<&Value>,
    object: &Value,
) -> Result<(), Refusal> {
    let name = name(object);
    if name.is_empty() {
        return Err(Refusal::invalid(resource, "", &[Cause::required("metadata.name")]));
    }
    let anything_goes = resource.group == "rbac.authorization.k8s.io";
    if !anything_goes && !is_dns_subdomain(name) {
        let message = format!(
            "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
             characters, '-' or '.', and must start and end with an alphanumeric character"
        );
        return Err(Refusal::invalid(resource, name, &[Cause::invalid("metadata.name", message)]));
    }
    if live.is_some() || !resource.namespaced {
        return Ok(());
    }
    match cluster.get("", "namespaces", "", namespace) {
        None => Err(Refusal::missing_namespace(namespace)),
        Some(found) if is_terminating(found) => {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            Err(Refusal::forbidden(resource, name, &why))
        }
        Some(_) => Ok(()),
    }
}

fn is_dns_subdomain(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.chars().all(|c| alphanumeric(c) || c == '-' || c == '.')
        && name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric)
}

/// Checks what the sender must give.
pub(super) fn check_required(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let mut causes = Vec::new();
    match resource.kind.as_str() {
        _ if !resource.built_in => {}
        "Deployment" | "StatefulSet" | "DaemonSet" => {
            if map(object, "/spec/selector").is_none() {
                causes.push(Cause::required("spec.selector"));
            } else if !LabelSelector::from_object(&object["spec"]["selector"])
                .matches(map(object, "/spec/template/metadata/labels"))
            {
                let message = "Invalid value: `selector` does not match template `labels`";
                causes.push(Cause::invalid("spec.template.metadata.labels", message));
            }
            check_containers(object, "/spec/template/spec", "spec.template.spec", &mut causes);
        }
        "Job" => check_containers(object, "/spec/template/spec", "spec.template.spec", &mut causes),
        "CronJob" => {
            let field = "spec.jobTemplate.spec.template.spec";
            check_containers(object, "/spec/jobTemplate/spec/template/spec", field, &mut causes);
        }
        "Pod" => check_containers(object, "/spec", "spec", &mut causes),
        "CustomResourceDefinition" => {
            let expected = format!("{}.{}", text(object, "/spec/names/plural"), text(object, "/spec/group"));
            if name(object) != expected {
                let message = format!(
                    "Invalid value: \"{}\": must be spec.names.plural+\".\"+spec.group",
                    name(object)
                );
                causes.push(Cause::invalid("metadata.name", message));
            }
        }
        "RoleBinding" | "ClusterRoleBinding" if text(object, "/roleRef/name").is_empty() => {
            causes.push(Cause::required("roleRef.name"));
        }
        _ => {}
    }
    refuse(resource, object, &causes)
}

fn check_containers(object: &Value, pointer: &str, field: &str, causes: &mut Vec<Cause>) {
    let containers = items(object, &format!("{pointer}/containers"));
    if containers.is_empty() {
        causes.push(Cause::required(&format!("{field}.containers")));
    }
    for (index, container) in containers.iter().enumerate() {
        for required in ["name", "image"] {
            if text(container, &format!("/{required}")).is_empty() {
                causes.push(Cause::required(&format!("{field}.containers[{index}].{required}")));
            }
        }
    }
}

/// Checks that fields which may not change did not, once defaults are set.
pub(super) fn check_defaulted(
    resource: &Resource,
    live: Option<&Value>,
    object: &Value,
) -> Result<(), Refusal> {
    let Some(live) = live else { return Ok(()) };
    let fields: &[&str] = match resource.kind.as_str() {
        _ if !resource.built_in => &[],
        "Deployment" | "DaemonSet" => &["spec.selector"],
        "StatefulSet" => {
            &["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"]
        }
        "Job" => &["spec.selector", "spec.template", "spec.completionMode"],
        "RoleBinding" | "ClusterRoleBinding" => &["roleRef"],
        "Service" => &["spec.clusterIP"],
        "StorageClass" => &["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"],
        "Secret" => &["type"],
        "PersistentVolumeClaim" => &["spec.storageClassName", "spec.accessModes"],
        _ => &[],
    };
    let mut causes: Vec<Cause> = fields
        .iter()
        .filter(|field| {
            let pointer = format!("/{}", field.replace('.', "/"));
            live.pointer(&pointer) != object.pointer(&pointer)
        })
        .map(|field| Cause::invalid(field, "Invalid value: field is immutable"))
        .collect();
    if live["immutable"] == true && (live.get("data") != object.get("data") || object["immutable"] != true) {
        causes.push(Cause::invalid("data", "Forbidden: field is immutable when `immutable` is set"));
    }
    refuse(resource, object, &causes)
}

fn refuse(resource: &Resource, object: &Value, causes: &[Cause]) -> Result<(), Refusal> {
    if causes.is_empty() { Ok(()) } else { Err(Refusal::invalid(resource, name(object), causes)) }
}
