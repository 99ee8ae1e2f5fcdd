//! What others keep in ours: it is named before it would be lost, and nothing is removed until that is allowed.

use holodeck_engine::{Plan, Policy, bystanders};
use serde_json::{Value, json};

use super::cluster::{Desired, Rig};

const APP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: a, annotations: {holodeck.dev/contents: Secret/one ConfigMap/made}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: a}
data: {one: "1"}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"#;

fn settings_of_somebody(metadata: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
}

/// The plan that removes everything from the cluster.
async fn removal(rig: &Rig, policy: &Policy) -> Plan {
    let (graph, snapshot, _) = rig.plan(&Desired::yaml(APP)).await;
    let mut plan = Plan::destroy(&graph, &snapshot).unwrap();
    bystanders::find(&graph, &snapshot, &mut plan, policy).await.unwrap();
    plan
}

fn blocked(plan: &Plan) -> Vec<String> {
    plan.blocked.iter().map(|blocked| format!("{}: {}", blocked.address, blocked.why)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_ours_goes_without_a_word() {
    let rig = Rig::new();
    rig.up(&Desired::yaml(APP)).await;
    assert_eq!(blocked(&removal(&rig, &Policy::default()).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_with_objects_of_others_stays_until_their_loss_is_allowed() {
    let rig = Rig::new();
    rig.up(&Desired::yaml(APP)).await;
    let theirs = json!({"name": "theirs", "namespace": "a"});
    rig.apply_as("someone", "a.configmap.theirs", &settings_of_somebody(theirs)).await;
    let plan = removal(&rig, &Policy::default()).await;
    assert_eq!(
        blocked(&plan),
        ["kubernetes.namespace.a: its removal takes along what is not ours: ConfigMap theirs"]
    );
    assert!(plan.blocked[0].remedy.contains("`--allow-loss kubernetes.namespace.a`"));

    let allowed = Policy { allow_loss: ["kubernetes.namespace.a".to_owned()].into(), ..Policy::default() };
    let plan = removal(&rig, &allowed).await;
    assert_eq!(blocked(&plan), [""; 0]);
    let change = plan.changes.iter().find(|change| &*change.address.name == "namespace.a").unwrap();
    assert!(change.reason.as_ref().unwrap().contains("ConfigMap theirs"), "{change:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_an_owner_or_comes_with_every_namespace_is_nobodys_loss() {
    let rig = Rig::new();
    rig.up(&Desired::yaml(APP)).await;
    let uid = rig.live("a.configmap.settings").await.unwrap()["metadata"]["uid"].clone();
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": uid});
    let derived = json!({"name": "derived", "namespace": "a", "ownerReferences": [owner]});
    rig.apply_as("controller", "a.configmap.derived", &settings_of_somebody(derived)).await;
    let made = json!({"name": "made", "namespace": "a"});
    rig.apply_as("workload", "a.configmap.made", &settings_of_somebody(made)).await;
    let root = json!({"name": "kube-root-ca.crt", "namespace": "a"});
    rig.apply_as("controller", "a.configmap.kube-root-ca.crt", &settings_of_somebody(root)).await;
    assert_eq!(blocked(&removal(&rig, &Policy::default()).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_definition_with_objects_of_others_stays_until_their_loss_is_allowed() {
    let rig = Rig::new();
    rig.up(&Desired::yaml(APP)).await;
    let widget = json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "theirs", "namespace": "default"},
    });
    rig.create("/apis/example.com/v1/namespaces/default/widgets", &widget).await;
    assert_eq!(
        blocked(&removal(&rig, &Policy::default()).await),
        [
            "kubernetes.customresourcedefinition.widgets.example.com: its removal takes along what is not ours: \
             Widget default/theirs"
        ]
    );
}

const STORE: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store, namespace: a}
spec:
  serviceName: store
  replicas: 1
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      containers:
        - {name: store, image: "store:1", volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], storageClassName: gp2, resources: {requests: {storage: 1Gi}}}
"#;

#[tokio::test(start_paused = true)]
async fn a_workload_with_volumes_is_not_removed_by_the_way() {
    let rig = Rig::new();
    rig.up(&Desired::yaml(STORE)).await;
    let without = Desired::yaml(STORE).without("a.statefulset.store");
    let (_, _, plan) = rig.plan(&without).await;
    assert_eq!(
        blocked(&plan),
        [
            "kubernetes.a.statefulset.store: it would be removed, but its volumes would lose their last user, and go \
          with the namespace"
        ]
    );
    let allowed =
        Policy { allow_loss: ["kubernetes.a.statefulset.store".to_owned()].into(), ..Policy::default() };
    let (_, _, plan) = rig.plan_with(&without, &allowed).await;
    assert_eq!(blocked(&plan), [""; 0]);
    let guarded = Policy { protected: true, ..allowed };
    let (_, _, plan) = rig.plan_with(&without, &guarded).await;
    assert!(plan.blocked[0].why.contains("the environment is protected"), "{:?}", plan.blocked);
    assert_eq!(blocked(&removal(&rig, &Policy::default()).await), [""; 0], "its claims are not somebody's");
}
