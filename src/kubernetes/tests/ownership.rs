//! What is ours, what is not, and who else has a say.

use holodeck_engine::{Class, Policy};
use holodeck_sandbox::kubernetes::Verdict;
use http::Method;
use serde_json::json;

use super::cluster::{Desired, Rig, address};

const APP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: a}
data: {one: "1"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web, namespace: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: one}
subjects: [{kind: ServiceAccount, name: web, namespace: a}]
"#;

#[tokio::test(start_paused = true)]
async fn an_object_of_somebody_else_is_not_touched() {
    let rig = Rig::new();
    rig.apply_as(
        "someone",
        "namespace.a",
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"theirs": "1"}}}),
    )
    .await;
    let (outcome, _) = rig.run(&Desired::yaml(APP), &Policy::default()).await;
    let (failed, _, error) = &outcome.failed[0];
    assert_eq!((failed, error.class), (&address("namespace.a"), Class::Conflict));
    assert_eq!(
        error.chain(),
        "`namespace.a` exists already and does not belong to this environment (managed by someone)"
    );
    assert_eq!(
        error.hint(),
        Some(
            "delete or rename it, or hand it over with `kubectl label namespace a holodeck.dev/environment=test`"
        )
    );
    assert_eq!(
        rig.live("namespace.a").await.unwrap()["metadata"]["labels"].get("holodeck.dev/environment"),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_handed_over_is_taken_over() {
    let rig = Rig::new();
    rig.apply_as(
        "someone",
        "namespace.a",
        &json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "a", "labels": {"holodeck.dev/environment": "test", "theirs": "1"}},
        }),
    )
    .await;
    rig.up(&Desired::yaml(APP)).await;
    assert_eq!(rig.live("namespace.a").await.unwrap()["metadata"]["labels"]["theirs"], "1");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_a_controller_made_with_our_labels_is_the_controllers() {
    let rig = Rig::new();
    rig.up(&Desired::yaml(APP)).await;
    let owner = rig.live("a.configmap.settings").await.unwrap()["metadata"]["uid"].clone();
    rig.apply_as(
        "controller",
        "a.configmap.copy",
        &json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "copy", "namespace": "a", "labels": {"holodeck.dev/environment": "test"},
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": owner, "controller": true},
                ],
            },
        }),
    )
    .await;
    assert_eq!(rig.changes(&Desired::yaml(APP)).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_others_put_into_an_empty_object_is_theirs() {
    let rig = Rig::new();
    let desired = Desired::yaml(
        r#"
{apiVersion: v1, kind: Namespace, metadata: {name: a, annotations: {}}}
---
{apiVersion: v1, kind: Secret, metadata: {name: filled, namespace: a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: empty, namespace: a}, data: {}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: empty, namespace: a}, data: {}}
"#,
    );
    rig.up(&desired).await;
    for secret in ["a.secret.filled", "a.secret.empty"] {
        rig.edit(secret, json!({"data": {"key": "eA=="}})).await;
    }
    rig.edit("a.configmap.empty", json!({"data": {"key": "x"}})).await;
    rig.edit("namespace.a", json!({"metadata": {"annotations": {"note": "x"}}})).await;
    assert_eq!(rig.changes(&desired).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_immutable_field_forces_a_replacement_that_must_be_allowed() {
    let rig = Rig::new();
    rig.up(&Desired::yaml(APP)).await;
    let desired = Desired::yaml(APP).with("a.rolebinding.web", "/roleRef/name", Some("two".into()));
    let (_, _, plan) = rig.plan(&desired).await;
    assert_eq!(super::cluster::described(&plan), ["replace a.rolebinding.web: roleRef.name"]);
    assert_eq!(plan.blocked.len(), 1);

    let allowed = ["kubernetes.a.rolebinding.web".to_owned()].into();
    let (outcome, _) = rig.run(&desired, &Policy { allow_replace: allowed, ..Policy::default() }).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(rig.changes(&desired).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_not_a_second_object() {
    let rig = Rig::new();
    for path in ["/namespaces/a", "/configmaps/settings"] {
        rig.fault(Method::PATCH, path, Verdict::LoseAnswer);
    }
    rig.up(&Desired::yaml(APP)).await;
    rig.fault(Method::DELETE, "/configmaps/settings", Verdict::LoseAnswer);
    rig.up(&Desired::yaml(APP).without("a.configmap.settings")).await;
    assert_eq!(rig.live("a.configmap.settings").await, None);
}

const DOOR: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: Service
metadata: {name: door, namespace: a}
spec: {type: NodePort, ports: [{port: 80, nodePort: 32080}]}
"#;

fn taken() -> Verdict {
    let message = "Service \"door\" is invalid: spec.ports[0].nodePort: Invalid value: 32080: \
                   provided port is already allocated";
    Verdict::Refuse(Box::new(kube::core::Status::failure(message, "Invalid").with_code(422)))
}

#[tokio::test(start_paused = true)]
async fn a_node_port_that_nobody_has_any_more_is_waited_for() {
    let rig = Rig::new();
    rig.fault(Method::PATCH, "/services/door", taken());
    rig.up(&Desired::yaml(DOOR)).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_port_of_another_service_is_told_with_its_name() {
    let rig = Rig::new();
    let other = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "other", "namespace": "default"},
        "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 32080}]},
    });
    rig.apply_as("someone", "default.service.other", &other).await;
    rig.fault(Method::PATCH, "/services/door", taken());
    let (outcome, _) = rig.run(&Desired::yaml(DOOR), &Policy::default()).await;
    let (_, _, error) = &outcome.failed[0];
    assert_eq!(error.class, Class::Conflict);
    assert!(
        error.chain().starts_with("node port 32080 belongs to `default.service.other`: "),
        "{}",
        error.chain()
    );
}
