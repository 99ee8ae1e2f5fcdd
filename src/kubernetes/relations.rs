//! What objects need of each other, derived from what they say: none of it is listed anywhere.
//!
//! The same relations order the making of desired objects, and, backwards, the removal of existing ones.
//! Invariant: the relations form no circle; one that would close a circle is left out, the weakest first.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_engine::Milestone;
use serde_json::Value;

use super::COMPONENT_LABEL;
use super::field::{entries, items, label, text};
use super::name::ObjectName;

/// One object needs another one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Position of the object that depends.
    pub from: usize,
    /// Position of the one it depends on.
    pub on: usize,
    /// How far that one must be.
    pub milestone: Milestone,
    /// Why.
    pub because: String,
}

/// The relations between objects, by their positions.
pub fn between(objects: &[Value]) -> Vec<Relation> {
    let mut finder = Finder::new(objects);
    for from in 0..objects.len() {
        finder.containers(from);
        finder.mentions(from);
    }
    for from in 0..objects.len() {
        finder.controllers(from);
    }
    // Webhooks last: those whose own parts they would intercept could not start.
    finder.webhooks();
    finder.relations
}

struct Finder<'a> {
    objects: &'a [Value],
    by_name: BTreeMap<String, usize>,
    /// Certificates by the namespace and name of the Secret that they make.
    certificates: BTreeMap<(&'a str, &'a str), usize>,
    /// Definitions by the group and kind that they define.
    definitions: BTreeMap<(&'a str, &'a str), usize>,
    relations: Vec<Relation>,
    needs: BTreeMap<usize, BTreeSet<usize>>,
}

impl<'a> Finder<'a> {
    fn new(objects: &'a [Value]) -> Self {
        let mut by_name = BTreeMap::new();
        let mut certificates = BTreeMap::new();
        let mut definitions = BTreeMap::new();
        for (index, object) in objects.iter().enumerate() {
            if let Ok(name) = ObjectName::of(object) {
                by_name.insert(name.to_string(), index);
            }
            match text(object, "/kind") {
                "Certificate" => {
                    let key = (text(object, "/metadata/namespace"), text(object, "/spec/secretName"));
                    certificates.insert(key, index);
                }
                "CustomResourceDefinition" => {
                    let key = (text(object, "/spec/group"), text(object, "/spec/names/kind"));
                    definitions.insert(key, index);
                }
                _ => {}
            }
        }
        let (relations, needs) = (Vec::new(), BTreeMap::new());
        Self { objects, by_name, certificates, definitions, relations, needs }
    }

    /// Adds a relation, unless it is there or would close a circle.
    fn add(&mut self, from: usize, on: usize, milestone: Milestone, because: impl Into<String>) {
        let is_known = self.needs.get(&from).is_some_and(|needs| needs.contains(&on));
        let is_stronger = || {
            let known = self.relations.iter().find(|known| known.from == from && known.on == on);
            known.is_some_and(|known| known.milestone < milestone)
        };
        if (is_known && !is_stronger()) || self.reaches(on, from) {
            return;
        }
        self.relations.retain(|known| (known.from, known.on) != (from, on));
        self.needs.entry(from).or_default().insert(on);
        self.relations.push(Relation { from, on, milestone, because: because.into() });
    }

    fn reaches(&self, start: usize, end: usize) -> bool {
        let mut stack = vec![start];
        let mut visited = BTreeSet::new();
        while let Some(at) = stack.pop() {
            if at == end {
                return true;
            }
            if visited.insert(at) {
                stack.extend(self.needs.get(&at).into_iter().flatten());
            }
        }
        false
    }

    /// The namespace that an object lies in, and the definition of its kind.
    fn containers(&mut self, from: usize) {
        let object = &self.objects[from];
        if let Some(&namespace) =
            self.by_name.get(&format!("namespace.{}", text(object, "/metadata/namespace")))
        {
            self.add(from, namespace, Milestone::Applied, "lies in this namespace");
        }
        if let Some(definition) = self.definition_of(object) {
            self.add(from, definition, Milestone::Ready, "is of a kind that it defines");
        }
    }

    fn definition_of(&self, object: &Value) -> Option<usize> {
        let (group, _) = text(object, "/apiVersion").split_once('/')?;
        self.definitions.get(&(group, text(object, "/kind"))).copied()
    }

    /// The objects that an object names.
    fn mentions(&mut self, from: usize) {
        let object = &self.objects[from];
        let namespace = text(object, "/metadata/namespace");
        for Mention { kind, namespace, name } in mentioned(object, namespace) {
            let key = match namespace {
                "" => format!("{}.{name}", kind.to_lowercase()),
                namespace => format!("{namespace}.{}.{name}", kind.to_lowercase()),
            };
            if let Some(&on) = self.by_name.get(&key) {
                self.add(from, on, Milestone::Applied, format!("refers to this {kind}"));
            } else if kind == "Secret"
                && let Some(&on) = self.certificates.get(&(namespace, name))
            {
                self.add(from, on, Milestone::Applied, format!("uses its Secret `{name}`"));
            }
        }
        if let Some(pods) = pod_spec(object) {
            self.permissions(from, namespace, text(pods, "/serviceAccountName"));
        }
    }

    /// The bindings that give a workload's service account its permissions: without them it would start in vain.
    fn permissions(&mut self, from: usize, namespace: &str, account: &str) {
        let is_subject = |subject: &Value| {
            subject["kind"] == "ServiceAccount"
                && text(subject, "/name") == account
                && text(subject, "/namespace") == namespace
        };
        for (on, object) in self.objects.iter().enumerate() {
            if ["ClusterRoleBinding", "RoleBinding"].contains(&text(object, "/kind"))
                && items(object, "/subjects").iter().any(is_subject)
            {
                self.add(from, on, Milestone::Applied, "needs the permissions that it gives");
            }
        }
    }

    /// The workloads of the component that defines an object's kind: they act on it, and finish its removal.
    fn controllers(&mut self, from: usize) {
        let Some(definition) = self.definition_of(&self.objects[from]) else { return };
        let component = label(&self.objects[definition], COMPONENT_LABEL);
        for (on, object) in self.objects.iter().enumerate() {
            let is_workload = ["Deployment", "StatefulSet"].contains(&text(object, "/kind"));
            if is_workload && component.is_some() && label(object, COMPONENT_LABEL) == component {
                self.add(from, on, Milestone::Applied, "is acted on by this controller");
            }
        }
    }

    /// The workloads behind the admission webhooks that intercept an object.
    fn webhooks(&mut self) {
        for configuration in self.objects {
            if !["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]
                .contains(&text(configuration, "/kind"))
            {
                continue;
            }
            for webhook in items(configuration, "/webhooks") {
                let behind = self.behind(webhook);
                for from in 0..self.objects.len() {
                    if intercepts(webhook, &self.objects[from]) {
                        for &on in &behind {
                            self.add(from, on, Milestone::Ready, "its admission webhook must answer");
                        }
                    }
                }
            }
        }
    }

    /// The workloads that the Service of a webhook selects.
    fn behind(&self, webhook: &Value) -> Vec<usize> {
        let namespace = text(webhook, "/clientConfig/service/namespace");
        let name = text(webhook, "/clientConfig/service/name");
        let Some(&service) = self.by_name.get(&format!("{namespace}.service.{name}")) else {
            return Vec::new();
        };
        let selector: Vec<(&str, &Value)> = entries(&self.objects[service], "/spec/selector").collect();
        let is_selected = |workload: &Value| {
            let labels = workload.pointer("/spec/template/metadata/labels");
            !selector.is_empty()
                && text(workload, "/metadata/namespace") == namespace
                && labels
                    .is_some_and(|labels| selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
        };
        (0..self.objects.len()).filter(|&index| is_selected(&self.objects[index])).collect()
    }
}

/// Whether the rules of a webhook match the creation of an object.
/// <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules>
fn intercepts(webhook: &Value, object: &Value) -> bool {
    let Ok(name) = ObjectName::of(object) else { return false };
    let has = |rule: &Value, field: &str, wanted: &str| {
        items(rule, field).iter().filter_map(Value::as_str).any(|value| value == "*" || value == wanted)
    };
    items(webhook, "/rules").iter().any(|rule| {
        has(rule, "/apiGroups", name.kind.group)
            && has(rule, "/apiVersions", name.kind.version)
            && has(rule, "/operations", "CREATE")
            && (has(rule, "/resources", name.kind.plural) || has(rule, "/resources", "*/*"))
    })
}

/// An object that another one names.
struct Mention<'a> {
    kind: &'static str,
    /// Empty for objects of the whole cluster.
    namespace: &'a str,
    name: &'a str,
}

/// The specification of a workload's pods.
fn pod_spec(object: &Value) -> Option<&Value> {
    match text(object, "/kind") {
        "DaemonSet" | "Deployment" | "Job" | "StatefulSet" => object.pointer("/spec/template/spec"),
        "CronJob" => object.pointer("/spec/jobTemplate/spec/template/spec"),
        _ => None,
    }
}

fn mentioned<'a>(object: &'a Value, namespace: &'a str) -> Vec<Mention<'a>> {
    let mut found = Vec::new();
    let mut add = |kind: &'static str, namespace: &'a str, name: &'a str| {
        if !name.is_empty() {
            found.push(Mention { kind, namespace, name });
        }
    };
    if let Some(pods) = pod_spec(object) {
        mentioned_by_pods(pods, &mut |kind, name| {
            add(kind, if kind == "PriorityClass" { "" } else { namespace }, name);
        });
    }
    match text(object, "/kind") {
        "StatefulSet" => {
            for claim in items(object, "/spec/volumeClaimTemplates") {
                add("StorageClass", "", text(claim, "/spec/storageClassName"));
            }
        }
        "PersistentVolumeClaim" => add("StorageClass", "", text(object, "/spec/storageClassName")),
        "RoleBinding" | "ClusterRoleBinding" => match text(object, "/roleRef/kind") {
            "Role" => add("Role", namespace, text(object, "/roleRef/name")),
            _ => add("ClusterRole", "", text(object, "/roleRef/name")),
        },
        "Ingress" => {
            add("IngressClass", "", text(object, "/spec/ingressClassName"));
            for backend in items(object, "/spec/rules").iter().flat_map(|rule| items(rule, "/http/paths")) {
                add("Service", namespace, text(backend, "/backend/service/name"));
            }
            for tls in items(object, "/spec/tls") {
                add("Secret", namespace, text(tls, "/secretName"));
            }
        }
        "Certificate" => match text(object, "/spec/issuerRef/kind") {
            "ClusterIssuer" => add("ClusterIssuer", "", text(object, "/spec/issuerRef/name")),
            _ => add("Issuer", namespace, text(object, "/spec/issuerRef/name")),
        },
        "Issuer" => add("Secret", namespace, text(object, "/spec/ca/secretName")),
        "Application" => add("AppProject", namespace, text(object, "/spec/project")),
        "ValidatingAdmissionPolicyBinding" => {
            add("ValidatingAdmissionPolicy", "", text(object, "/spec/policyName"));
        }
        _ => {}
    }
    found
}

fn mentioned_by_pods<'a>(pods: &'a Value, add: &mut impl FnMut(&'static str, &'a str)) {
    add("ServiceAccount", text(pods, "/serviceAccountName"));
    add("PriorityClass", text(pods, "/priorityClassName"));
    for secret in items(pods, "/imagePullSecrets") {
        add("Secret", text(secret, "/name"));
    }
    for volume in items(pods, "/volumes") {
        add("ConfigMap", text(volume, "/configMap/name"));
        add("Secret", text(volume, "/secret/secretName"));
        add("PersistentVolumeClaim", text(volume, "/persistentVolumeClaim/claimName"));
        for source in items(volume, "/projected/sources") {
            add("ConfigMap", text(source, "/configMap/name"));
            add("Secret", text(source, "/secret/name"));
        }
    }
    for container in items(pods, "/initContainers").iter().chain(items(pods, "/containers")) {
        for variable in items(container, "/env") {
            add("ConfigMap", text(variable, "/valueFrom/configMapKeyRef/name"));
            add("Secret", text(variable, "/valueFrom/secretKeyRef/name"));
        }
        for source in items(container, "/envFrom") {
            add("ConfigMap", text(source, "/configMapRef/name"));
            add("Secret", text(source, "/secretRef/name"));
        }
    }
}

#[cfg(test)]
mod tests;
