//! What others lose with an object: with a namespace all that lies in it, with a definition all objects of its kind.
//!
//! Left out is what is ours, and what comes and goes with ours: objects that have an owner, what Kubernetes puts into
//! every namespace, and what controllers keep for the objects of ours.

use futures::future::try_join_all;
use holodeck_engine::Error;
use kube::api::{ApiResource, ListParams};
use serde_json::Value;

use super::CONTENTS_ANNOTATION;
use super::client::Kubernetes;
use super::field::{items, text};

/// Kinds whose objects controllers keep about others, by group and name.
const KEPT_ABOUT_OTHERS: &[(&str, &str)] = &[
    ("", "Endpoints"),
    ("", "Event"),
    ("apps", "ControllerRevision"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("events.k8s.io", "Event"),
    ("metrics.k8s.io", "PodMetrics"),
];

/// Objects that Kubernetes puts into every namespace.
const IN_EVERY_NAMESPACE: &[(&str, &str)] =
    &[("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")];

/// The bystanders of an object, as texts such as `Deployment web`.
pub(super) async fn of(client: &Kubernetes, object: &Value) -> Result<Vec<String>, Error> {
    match text(object, "/kind") {
        "Namespace" => in_namespace(client, object).await,
        "CustomResourceDefinition" => of_kind(client, object).await,
        _ => Ok(Vec::new()),
    }
}

async fn in_namespace(client: &Kubernetes, namespace: &Value) -> Result<Vec<String>, Error> {
    let annotations = namespace.pointer("/metadata/annotations");
    let contents = annotations.and_then(|all| all.get(CONTENTS_ANNOTATION)).and_then(Value::as_str);
    let contents: Vec<&str> = contents.unwrap_or_default().split_whitespace().collect();
    let namespace = text(namespace, "/metadata/name");
    let resources = client.namespaced_resources().await?;
    let wanted = resources
        .iter()
        .filter(|resource| !KEPT_ABOUT_OTHERS.contains(&(resource.group.as_str(), resource.kind.as_str())));
    let lists = wanted.map(async |resource| {
        let objects = client.list(resource, Some(namespace), ListParams::default()).await?;
        Ok::<_, Error>((resource, objects))
    });
    let lists = try_join_all(lists).await?;
    let ours: Vec<&Value> = lists
        .iter()
        .flat_map(|(_, objects)| objects)
        .filter(|object| client.owns(object) && object["kind"] == "StatefulSet")
        .collect();
    let bystanders = lists.iter().flat_map(|(resource, objects)| {
        let theirs = objects.iter().filter(|object| is_bystander(client, &resource.kind, object, &ours));
        let names = theirs.map(|object| text(object, "/metadata/name"));
        names
            .filter(|name| !contents.contains(&format!("{}/{name}", resource.kind).as_str()))
            .map(|name| format!("{} {name}", resource.kind))
            .collect::<Vec<_>>()
    });
    Ok(bystanders.collect())
}

async fn of_kind(client: &Kubernetes, definition: &Value) -> Result<Vec<String>, Error> {
    let names = |field: &str| text(definition, &format!("/spec/names/{field}")).to_owned();
    let group = text(definition, "/spec/group").to_owned();
    let versions = items(definition, "/spec/versions");
    let Some(version) = versions.iter().find(|version| version["served"] == true) else {
        return Ok(Vec::new());
    };
    let version = text(version, "/name").to_owned();
    let resource = ApiResource {
        api_version: format!("{group}/{version}"),
        kind: names("kind"),
        plural: names("plural"),
        group,
        version,
    };
    let objects = client.list(&resource, None, ListParams::default()).await?;
    let theirs = objects.iter().filter(|object| is_bystander(client, &resource.kind, object, &[]));
    let named = theirs.map(|object| match text(object, "/metadata/namespace") {
        "" => format!("{} {}", resource.kind, text(object, "/metadata/name")),
        namespace => format!("{} {namespace}/{}", resource.kind, text(object, "/metadata/name")),
    });
    Ok(named.collect())
}

/// Whether an object of `kind` is neither ours nor comes with ours, `stateful_sets` being those of ours.
fn is_bystander(client: &Kubernetes, kind: &str, object: &Value, stateful_sets: &[&Value]) -> bool {
    let name = text(object, "/metadata/name");
    let is_ours =
        client.owns(object) || (kind == "PersistentVolumeClaim" && is_claim_of(object, stateful_sets));
    let has_owner = !items(object, "/metadata/ownerReferences").is_empty() || is_of_certificate(kind, object);
    let is_everywhere = IN_EVERY_NAMESPACE.contains(&(kind, name));
    let is_going = !text(object, "/metadata/deletionTimestamp").is_empty();
    let is_nobodys_loss = is_ours || has_owner || is_everywhere || is_going;
    !is_nobodys_loss
}

/// Secrets that cert-manager keeps for a Certificate, which is judged itself.
fn is_of_certificate(kind: &str, object: &Value) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    kind == "Secret" && annotations.is_some_and(|all| all.get("cert-manager.io/certificate-name").is_some())
}

/// Whether a claim was made for a pod of one of the stateful sets: it has the labels that these select by.
/// <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage>
fn is_claim_of(claim: &Value, stateful_sets: &[&Value]) -> bool {
    let labels = claim.pointer("/metadata/labels");
    stateful_sets.iter().any(|workload| {
        let selector = workload.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        let is_selected = |(key, value)| labels.is_some_and(|labels| labels.get(key) == Some(value));
        !items(workload, "/spec/volumeClaimTemplates").is_empty()
            && selector.is_some_and(|selector| selector.iter().all(is_selected))
    })
}
