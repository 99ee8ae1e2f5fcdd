//! Volume claims: made for stateful sets, bound once a pod needs them, their volumes gone with them.
//!
//! Rules: <https://kubernetes.io/docs/concepts/storage/persistent-volumes/>.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::{Cluster, key};
use super::object::{entry, items, name, namespace, set, text, uid};

const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

fn claim_name(template: &Value, pod: &str) -> String {
    format!("{}-{pod}", name(template))
}

/// Makes the claims of one pod of a stateful set.
pub(super) fn make_claims(cluster: &mut Cluster, workload: &Value, pod: &str, now: Timestamp) {
    for template in items(workload, "/spec/volumeClaimTemplates") {
        let claim_name = claim_name(template, pod);
        if cluster.get("", "persistentvolumeclaims", namespace(workload), &claim_name).is_some() {
            continue;
        }
        let mut claim = template.clone();
        set(&mut claim, &["metadata", "name"], claim_name);
        set(&mut claim, &["metadata", "namespace"], namespace(workload));
        if let Some(labels) = workload.pointer("/spec/selector/matchLabels") {
            super::object::set_default(&mut claim, &["metadata", "labels"], labels.clone());
        }
        set(&mut claim, &["status"], json!({"phase": "Pending"}));
        cluster.insert("", "persistentvolumeclaims", claim, now);
    }
}

/// Mounts a stateful set's claims into one of its pods.
pub(super) fn mount_claims(workload: &Value, pod: &mut Value) {
    let pod_name = name(pod).to_owned();
    let volumes = entry(entry(pod, "spec"), "volumes");
    if !volumes.is_array() {
        *volumes = json!([]);
    }
    let Some(volumes) = volumes.as_array_mut() else { return };
    for template in items(workload, "/spec/volumeClaimTemplates") {
        volumes.retain(|volume| volume["name"] != name(template));
        let claim = claim_name(template, &pod_name);
        volumes.push(json!({"name": name(template), "persistentVolumeClaim": {"claimName": claim}}));
    }
}

fn claims_of(pod: &Value) -> impl Iterator<Item = &str> {
    items(pod, "/spec/volumes")
        .iter()
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|claim| !claim.is_empty())
}

/// Whether the pod's claims exist and can be bound; the error says what is missing.
pub(super) fn check_claims(cluster: &Cluster, pod: &Value) -> Result<(), String> {
    for claim_name in claims_of(pod) {
        let claim = cluster
            .get("", "persistentvolumeclaims", namespace(pod), claim_name)
            .ok_or_else(|| format!("persistentvolumeclaim \"{claim_name}\" not found"))?;
        if text(claim, "/status/phase") != "Bound" && class_of(cluster, claim).is_none() {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
    }
    Ok(())
}

fn class_of<'a>(cluster: &'a Cluster, claim: &Value) -> Option<&'a Value> {
    match text(claim, "/spec/storageClassName") {
        "" => cluster
            .list("storage.k8s.io", "storageclasses", None)
            .find(|class| class["metadata"]["annotations"][DEFAULT_CLASS] == "true"),
        name => cluster.get("storage.k8s.io", "storageclasses", "", name),
    }
}

/// Binds claims that are wanted, and drops volumes whose claims are gone.
pub(super) fn run(cluster: &mut Cluster, now: Timestamp) {
    for claim_key in cluster.keys("", "persistentvolumeclaims") {
        let Some(claim) = cluster.at(&claim_key).cloned() else { continue };
        if text(&claim, "/status/phase") == "Bound" {
            continue;
        }
        let Some(class) = class_of(cluster, &claim).cloned() else {
            cluster.update(&claim_key, |claim| set(claim, &["status", "phase"], "Pending"));
            continue;
        };
        let used = cluster.list("", "pods", Some(namespace(&claim))).any(|pod| {
            !text(pod, "/spec/nodeName").is_empty() && claims_of(pod).any(|used| used == name(&claim))
        });
        if used || class["volumeBindingMode"] == "Immediate" {
            bind(cluster, &claim_key, &claim, &class, now);
        } else {
            cluster.update(&claim_key, |claim| set(claim, &["status", "phase"], "Pending"));
        }
    }
    let alive: Vec<String> =
        cluster.list("", "persistentvolumeclaims", None).map(|claim| uid(claim).to_owned()).collect();
    for volume_key in cluster.keys("", "persistentvolumes") {
        let Some(volume) = cluster.at(&volume_key) else { continue };
        let owner = text(volume, "/spec/claimRef/uid");
        if owner.is_empty() || alive.iter().any(|uid| uid == owner) {
            continue;
        }
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
            super::deletion::begin(cluster, &volume_key, now);
        } else {
            cluster.update(&volume_key, |volume| set(volume, &["status", "phase"], "Released"));
        }
    }
}

fn bind(cluster: &mut Cluster, claim_key: &str, claim: &Value, class: &Value, now: Timestamp) {
    let volume_name = format!("pvc-{}", uid(claim));
    let capacity = claim["spec"]["resources"]["requests"].clone();
    if cluster.at(&key("", "persistentvolumes", "", &volume_name)).is_none() {
        let volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume_name},
            "spec": {
                "capacity": capacity, "accessModes": claim["spec"]["accessModes"],
                "claimRef": {
                    "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name(claim),
                    "namespace": namespace(claim), "uid": uid(claim),
                },
                "persistentVolumeReclaimPolicy": class["reclaimPolicy"], "storageClassName": name(class),
                "csi": {"driver": class["provisioner"], "volumeHandle": volume_name},
            },
            "status": {"phase": "Bound"},
        });
        cluster.insert("", "persistentvolumes", volume, now);
    }
    cluster.update(claim_key, |claim| {
        set(claim, &["spec", "volumeName"], volume_name);
        set(claim, &["spec", "storageClassName"], name(class));
        set(claim, &["status", "phase"], "Bound");
        set(claim, &["status", "accessModes"], claim["spec"]["accessModes"].clone());
        set(claim, &["status", "capacity"], capacity);
    });
}
