//! The kinds that the server knows: a table of built-in ones, and those that established CustomResourceDefinitions add.
//!
//! Groups, versions, scopes and short names are those of Kubernetes 1.35
//! (<https://kubernetes.io/docs/reference/kubernetes-api/>), cut to what a platform's base layer uses.

use serde_json::Value;

use super::cluster::Cluster;
use super::object::{is_condition_true, items, text};

/// A kind of object as the server serves it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resource {
    /// API group, empty for the core group.
    pub group: String,
    /// Version within the group.
    pub version: String,
    /// Kind in CamelCase.
    pub kind: String,
    /// Name in paths.
    pub plural: String,
    /// Name for one.
    pub singular: String,
    /// Abbreviations.
    pub short: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether `status` is written through its own subresource only.
    pub status: bool,
    /// Whether `metadata.generation` counts changes of the desired state.
    pub generation: bool,
    /// Whether its schema is built in; others come from definitions.
    pub built_in: bool,
}

impl Resource {
    /// `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, or `pods`.
    pub fn qualified(&self) -> String {
        qualify(&self.plural, &self.group)
    }

    /// `Deployment.apps`, or `Pod`.
    pub fn qualified_kind(&self) -> String {
        qualify(&self.kind, &self.group)
    }
}

fn qualify(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

const NAMESPACED: u8 = 1;
const STATUS: u8 = 2;
const GENERATION: u8 = 4;
const WORKLOAD: u8 = NAMESPACED | STATUS | GENERATION;

type Row = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], u8);

const BUILT_IN: &[Row] = &[
    ("", "v1", "ConfigMap", "configmaps", &["cm"], NAMESPACED),
    ("", "v1", "Endpoints", "endpoints", &["ep"], NAMESPACED),
    ("", "v1", "Event", "events", &["ev"], NAMESPACED),
    ("", "v1", "LimitRange", "limitranges", &["limits"], NAMESPACED),
    ("", "v1", "Namespace", "namespaces", &["ns"], STATUS),
    ("", "v1", "Node", "nodes", &["no"], STATUS),
    ("", "v1", "PersistentVolume", "persistentvolumes", &["pv"], STATUS),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", &["pvc"], NAMESPACED | STATUS),
    ("", "v1", "Pod", "pods", &["po"], WORKLOAD),
    ("", "v1", "ResourceQuota", "resourcequotas", &["quota"], NAMESPACED | STATUS),
    ("", "v1", "Secret", "secrets", &[], NAMESPACED),
    ("", "v1", "Service", "services", &["svc"], NAMESPACED | STATUS),
    ("", "v1", "ServiceAccount", "serviceaccounts", &["sa"], NAMESPACED),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        &[],
        GENERATION,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        &[],
        STATUS | GENERATION,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        &[],
        GENERATION,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        &[],
        GENERATION,
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        &["crd", "crds"],
        STATUS | GENERATION,
    ),
    ("apiregistration.k8s.io", "v1", "APIService", "apiservices", &[], STATUS),
    ("apps", "v1", "ControllerRevision", "controllerrevisions", &[], NAMESPACED),
    ("apps", "v1", "DaemonSet", "daemonsets", &["ds"], WORKLOAD),
    ("apps", "v1", "Deployment", "deployments", &["deploy"], WORKLOAD),
    ("apps", "v1", "ReplicaSet", "replicasets", &["rs"], WORKLOAD),
    ("apps", "v1", "StatefulSet", "statefulsets", &["sts"], WORKLOAD),
    (
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        &["hpa"],
        NAMESPACED | STATUS,
    ),
    ("batch", "v1", "CronJob", "cronjobs", &["cj"], WORKLOAD),
    ("batch", "v1", "Job", "jobs", &[], WORKLOAD),
    ("coordination.k8s.io", "v1", "Lease", "leases", &[], NAMESPACED),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", &[], NAMESPACED | GENERATION),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", &["ing"], WORKLOAD),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses", &[], GENERATION),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", &["netpol"], NAMESPACED | GENERATION),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", &["pdb"], WORKLOAD),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", &[], 0),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", &[], 0),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", &[], NAMESPACED),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", &[], NAMESPACED),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", &["pc"], GENERATION),
    ("storage.k8s.io", "v1", "CSIDriver", "csidrivers", &[], GENERATION),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", &["sc"], 0),
];

fn built_in(row: &Row) -> Resource {
    let (group, version, kind, plural, short, flags) = *row;
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        short: short.iter().map(|&name| name.to_owned()).collect(),
        namespaced: flags & NAMESPACED != 0,
        status: flags & STATUS != 0,
        generation: flags & GENERATION != 0,
        built_in: true,
    }
}

/// The resources that a definition serves once it is established, one for each served version.
pub(super) fn defined_by(definition: &Value) -> Vec<Resource> {
    items(definition, "/spec/versions")
        .iter()
        .filter(|version| version["served"] == true)
        .map(|version| Resource {
            group: text(definition, "/spec/group").to_owned(),
            version: text(version, "/name").to_owned(),
            kind: text(definition, "/spec/names/kind").to_owned(),
            plural: text(definition, "/spec/names/plural").to_owned(),
            singular: text(definition, "/spec/names/singular").to_owned(),
            short: items(definition, "/spec/names/shortNames")
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            namespaced: text(definition, "/spec/scope") == "Namespaced",
            status: version.pointer("/subresources/status").is_some(),
            generation: true,
            built_in: false,
        })
        .collect()
}

/// Everything served now, in the order of group and plural.
pub(super) fn served(cluster: &Cluster) -> Vec<Resource> {
    let mut resources: Vec<Resource> = BUILT_IN.iter().map(built_in).collect();
    for definition in cluster.list("apiextensions.k8s.io", "customresourcedefinitions", None) {
        if is_condition_true(definition, "Established") {
            resources.extend(defined_by(definition));
        }
    }
    resources
}

/// The resource behind a path, if it is served.
pub(super) fn find(cluster: &Cluster, group: &str, version: &str, plural: &str) -> Option<Resource> {
    if let Some(row) = BUILT_IN.iter().find(|row| row.0 == group && row.1 == version && row.3 == plural) {
        return Some(built_in(row));
    }
    let definition =
        cluster.get("apiextensions.k8s.io", "customresourcedefinitions", "", &format!("{plural}.{group}"))?;
    if !is_condition_true(definition, "Established") {
        return None;
    }
    defined_by(definition).into_iter().find(|resource| resource.version == version)
}
