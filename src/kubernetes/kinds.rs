//! The kinds of objects that are applied, with their scope and their path in the API.
//!
//! Invariant: every kind that was ever applied stands here, since only these are listed, and what is not listed is not
//! removed when it is no longer desired. Kinds that controllers make by copying the labels of ours (EndpointSlices of
//! Services, for example) must not stand here.
//! Versions and scopes: <https://kubernetes.io/docs/reference/kubernetes-api/>.

use kube::api::ApiResource;

/// Whether objects of a kind live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the cluster as a whole.
    Cluster,
    /// In a namespace.
    Namespaced,
}

/// A kind of object, as it stands in the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Version within the group.
    pub version: &'static str,
    /// Name in manifests.
    pub kind: &'static str,
    /// Name in paths.
    pub plural: &'static str,
    /// Where its objects live.
    pub scope: Scope,
}

impl Kind {
    /// `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The kind as the client library describes it.
    pub fn api_resource(&self) -> ApiResource {
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: self.api_version(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    /// The kind named in a manifest.
    pub fn find(api_version: &str, kind: &str) -> Option<&'static Self> {
        KINDS.iter().find(|known| known.kind == kind && known.api_version() == api_version)
    }

    /// The kind whose name in small letters is `lower`.
    pub fn find_lower(lower: &str) -> Option<&'static Self> {
        KINDS.iter().find(|known| known.kind.to_lowercase() == lower)
    }
}

const fn namespaced(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> Kind {
    Kind { group, version, kind, plural, scope: Scope::Namespaced }
}

const fn cluster(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> Kind {
    Kind { group, version, kind, plural, scope: Scope::Cluster }
}

/// Kinds that are never applied, but looked at to explain why something is not ready, or not gone.
pub(super) static CERTIFICATE_REQUEST: Kind =
    namespaced("cert-manager.io", "v1", "CertificateRequest", "certificaterequests");
pub(super) static CHALLENGE: Kind = namespaced("acme.cert-manager.io", "v1", "Challenge", "challenges");
pub(super) static EVENT: Kind = namespaced("", "v1", "Event", "events");
pub(super) static ORDER: Kind = namespaced("acme.cert-manager.io", "v1", "Order", "orders");
pub(super) static PERSISTENT_VOLUME: Kind = cluster("", "v1", "PersistentVolume", "persistentvolumes");
pub(crate) static POD: Kind = namespaced("", "v1", "Pod", "pods");
pub(super) static REPLICA_SET: Kind = namespaced("apps", "v1", "ReplicaSet", "replicasets");

/// All kinds that are applied.
pub static KINDS: &[Kind] = &[
    namespaced("", "v1", "ConfigMap", "configmaps"),
    namespaced("", "v1", "LimitRange", "limitranges"),
    cluster("", "v1", "Namespace", "namespaces"),
    namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    namespaced("", "v1", "ResourceQuota", "resourcequotas"),
    namespaced("", "v1", "Secret", "secrets"),
    namespaced("", "v1", "Service", "services"),
    namespaced("", "v1", "ServiceAccount", "serviceaccounts"),
    cluster(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
    ),
    cluster("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    cluster(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
    ),
    cluster(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    ),
    cluster("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions"),
    cluster("apiregistration.k8s.io", "v1", "APIService", "apiservices"),
    namespaced("apps", "v1", "DaemonSet", "daemonsets"),
    namespaced("apps", "v1", "Deployment", "deployments"),
    namespaced("apps", "v1", "StatefulSet", "statefulsets"),
    namespaced("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    namespaced("batch", "v1", "CronJob", "cronjobs"),
    namespaced("batch", "v1", "Job", "jobs"),
    namespaced("networking.k8s.io", "v1", "Ingress", "ingresses"),
    cluster("networking.k8s.io", "v1", "IngressClass", "ingressclasses"),
    namespaced("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    cluster("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles"),
    cluster("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings"),
    namespaced("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    namespaced("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    cluster("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses"),
    cluster("storage.k8s.io", "v1", "CSIDriver", "csidrivers"),
    cluster("storage.k8s.io", "v1", "StorageClass", "storageclasses"),
    namespaced("cert-manager.io", "v1", "Certificate", "certificates"),
    cluster("cert-manager.io", "v1", "ClusterIssuer", "clusterissuers"),
    namespaced("cert-manager.io", "v1", "Issuer", "issuers"),
    namespaced("argoproj.io", "v1alpha1", "Application", "applications"),
    namespaced("argoproj.io", "v1alpha1", "ApplicationSet", "applicationsets"),
    namespaced("argoproj.io", "v1alpha1", "AppProject", "appprojects"),
    namespaced("metallb.io", "v1beta1", "IPAddressPool", "ipaddresspools"),
    namespaced("metallb.io", "v1beta1", "L2Advertisement", "l2advertisements"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_kind_is_known_by_its_name_alone() {
        let names: BTreeSet<String> = KINDS.iter().map(|kind| kind.kind.to_lowercase()).collect();
        assert_eq!(names.len(), KINDS.len());
        let plurals: BTreeSet<_> = KINDS.iter().map(|kind| (kind.group, kind.plural)).collect();
        assert_eq!(plurals.len(), KINDS.len());
    }

    #[test]
    fn a_manifests_kind_is_found_with_its_group_and_version() {
        let kind = Kind::find("apps/v1", "Deployment").unwrap();
        assert_eq!((kind.plural, kind.scope), ("deployments", Scope::Namespaced));
        assert_eq!(Kind::find("v1", "Namespace").unwrap().api_version(), "v1");
        assert!(Kind::find("apps/v1beta1", "Deployment").is_none());
        assert!(Kind::find("v1", "Pod").is_none());
    }
}
