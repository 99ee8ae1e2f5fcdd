//! Fields that the API server does not let change, by kind.
//!
//! From the validation of each kind: <https://kubernetes.io/docs/reference/kubernetes-api/>.

use holodeck_engine::{FieldChange, Order, Verdict};

/// The fields of a kind's objects that cannot change in place.
fn fields(kind: &str) -> &'static [&'static str] {
    match kind {
        "Deployment" | "DaemonSet" => &["spec.selector"],
        "StatefulSet" => {
            &["spec.podManagementPolicy", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"]
        }
        "Job" => &["spec.completionMode", "spec.podFailurePolicy", "spec.selector", "spec.template"],
        "Service" => &["spec.clusterIP", "spec.clusterIPs"],
        "RoleBinding" | "ClusterRoleBinding" => &["roleRef"],
        "Secret" => &["type"],
        "IngressClass" => &["spec.controller"],
        "PriorityClass" => &["preemptionPolicy", "value"],
        "StorageClass" => {
            &["mountOptions", "parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]
        }
        _ => &[],
    }
}

/// Whether the changes of an object of `kind` are an update, a replacement or not possible. `frozen` tells that the
/// existing ConfigMap or Secret was declared immutable, which holds its content too.
pub(super) fn judge(kind: &str, frozen: bool, changes: &[FieldChange]) -> Verdict {
    let is_changed = |field: &str| changes.iter().any(|change| change.is_within(field));
    match kind {
        "PersistentVolumeClaim"
            if changes.iter().any(|c| c.is_within("spec") && !c.is_within("spec.resources.requests")) =>
        {
            Verdict::Refuse(
                "a claim keeps its specification, except for its size; make another claim and move the data".into(),
            )
        }
        "CustomResourceDefinition" if ["spec.group", "spec.names.kind", "spec.scope"].into_iter().any(is_changed) => {
            Verdict::Refuse(
                "a definition keeps its group, kind and scope; replacing it would delete all objects of the kind".into(),
            )
        }
        "ConfigMap" | "Secret" if frozen => {
            let content = ["binaryData", "data", "immutable", "stringData", "type"];
            Verdict::replace_if_changed(changes, &content, Order::DeleteFirst)
        }
        _ => Verdict::replace_if_changed(changes, fields(kind), Order::DeleteFirst),
    }
}

#[cfg(test)]
mod tests {
    use holodeck_engine::After;
    use serde_json::json;

    use super::*;

    fn verdict(kind: &str, frozen: bool, paths: &[&str]) -> Verdict {
        let change = |path: &&str| FieldChange {
            path: (*path).to_owned(),
            before: None,
            after: After::Known(json!(1)),
            sensitive: false,
        };
        judge(kind, frozen, &paths.iter().map(change).collect::<Vec<_>>())
    }

    fn replaced(because: &str) -> Verdict {
        Verdict::Replace { because: vec![because.to_owned()], order: Order::DeleteFirst }
    }

    #[test]
    fn immutable_fields_force_a_replacement() {
        for (kind, path) in [
            ("Deployment", "spec.selector.matchLabels.app"),
            ("StatefulSet", "spec.volumeClaimTemplates[0].spec.storageClassName"),
            ("Job", "spec.template.spec.containers[0].image"),
            ("RoleBinding", "roleRef.name"),
            ("StorageClass", "parameters.type"),
            ("Secret", "type"),
        ] {
            assert_eq!(verdict(kind, false, &["metadata.labels.a", path]), replaced(path), "{kind}");
        }
        assert_eq!(verdict("Deployment", false, &["spec.replicas"]), Verdict::Update);
    }

    #[test]
    fn declared_immutable_holds_the_content() {
        assert_eq!(verdict("ConfigMap", false, &["data.a"]), Verdict::Update);
        assert_eq!(verdict("ConfigMap", true, &["data.a"]), replaced("data.a"));
        assert_eq!(verdict("ConfigMap", true, &["metadata.labels.a"]), Verdict::Update);
    }

    #[test]
    fn what_would_lose_data_is_refused() {
        assert!(matches!(
            verdict("PersistentVolumeClaim", false, &["spec.storageClassName"]),
            Verdict::Refuse(_)
        ));
        assert_eq!(
            verdict("PersistentVolumeClaim", false, &["spec.resources.requests.storage"]),
            Verdict::Update
        );
        assert!(matches!(verdict("CustomResourceDefinition", false, &["spec.scope"]), Verdict::Refuse(_)));
    }
}
