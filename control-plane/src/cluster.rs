//! What is put on an API server to make a cluster of it: nodes that kwok plays, storage, and how playing goes.

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde::Deserialize;
use serde_json::json;

use crate::servers::{KUBELET_ADDRESS, KUBELET_ADDRESS_TYPE};

/// Zones that the nodes are in, in turn.
const ZONES: usize = 3;

/// Who owns the fields of what is made here.
const MANAGER: &str = "control-plane";

/// Storage and load balancers.
pub(crate) const OFFERS: &str = include_str!("cluster.yaml");

/// The objects in a text of YAML documents.
pub(crate) fn objects(documents: &str) -> Result<Vec<DynamicObject>, serde_norway::Error> {
    let documents = serde_norway::Deserializer::from_str(documents).map(Option::deserialize);
    // A document without content, as after a last `---`, is none.
    documents.filter_map(Result::transpose).collect()
}

/// Makes an object that belongs to no namespace, or what is there like it. Otherwise tells what is in the way.
pub(crate) async fn apply(client: &kube::Client, object: &DynamicObject) -> Result<(), String> {
    let types = object.types.as_ref().ok_or("an object has no kind")?;
    let kind = GroupVersionKind::try_from(types).map_err(|error| error.to_string())?;
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&kind));
    let applied =
        api.patch(&object.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(object)).await;
    applied.map(drop).map_err(|error| error.to_string())
}

/// A node of a usual size; kwok makes it ready. Numbered from 0.
pub(crate) fn node(number: usize) -> Node {
    let name = format!("node-{}", number + 1);
    let resources = json!({ "cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110" });
    let node = json!({
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/region": "onprem",
                "topology.kubernetes.io/zone": format!("onprem-{}", number % ZONES + 1),
            },
        },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": format!("192.0.2.{}", 10 + number) },
                { "type": "Hostname", "address": name },
                { "type": KUBELET_ADDRESS_TYPE, "address": KUBELET_ADDRESS },
            ],
            "allocatable": resources,
            "capacity": resources,
        },
    });
    serde_json::from_value(node).expect("a node")
}

/// What keeps a node from taking pods, if anything does.
pub(crate) fn in_the_way_of(node: &Node) -> Option<String> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let is_ready =
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let taint = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten()).next();
    match taint {
        _ if !is_ready => Some(format!("{name} is not ready")),
        Some(taint) => Some(format!("{name} has the taint {}", taint.key)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offers_are_objects() {
        let objects = objects(OFFERS).unwrap();
        let kinds: Vec<_> =
            objects.iter().filter_map(|object| Some(object.types.as_ref()?.kind.as_str())).collect();
        assert_eq!(kinds, ["StorageClass", "Stage"]);
    }

    #[test]
    fn documents_without_content_are_no_objects() {
        let text = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n# nothing\n---\n";
        assert_eq!(objects(text).unwrap().len(), 1);
    }

    #[test]
    fn nodes_are_spread_over_zones() {
        let zone = |number| node(number).metadata.labels.unwrap()["topology.kubernetes.io/zone"].clone();
        let zones: Vec<_> = (0..4).map(zone).collect();
        assert_eq!(zones, ["onprem-1", "onprem-2", "onprem-3", "onprem-1"]);
    }

    #[test]
    fn a_node_takes_pods_once_it_is_ready_and_has_no_taint() {
        let mut node = node(0);
        assert_eq!(in_the_way_of(&node).unwrap(), "node-1 is not ready");
        let ready = json!([{ "type": "Ready", "status": "True" }]);
        node.status.as_mut().unwrap().conditions = serde_json::from_value(ready).unwrap();
        let taints = json!([{ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" }]);
        node.spec.get_or_insert_default().taints = serde_json::from_value(taints).unwrap();
        assert_eq!(in_the_way_of(&node).unwrap(), "node-1 has the taint node.kubernetes.io/not-ready");
        node.spec = None;
        assert_eq!(in_the_way_of(&node), None);
    }
}
