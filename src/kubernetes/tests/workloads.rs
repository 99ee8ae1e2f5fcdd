//! What a wait for a workload tells.

use holodeck_engine::Event;
use holodeck_sandbox::kubernetes::Verdict;
use http::Method;
use kube::core::Status;

use super::cluster::{Desired, Rig};

const APP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {disk: fast}
      containers: [{name: web, image: "web:1"}]
"#;

#[tokio::test(start_paused = true)]
async fn a_pod_that_fits_no_machine_is_told() {
    let rig = Rig::new();
    let (outcome, events) = rig.run(&Desired::yaml(APP), &Default::default()).await;
    let (.., error) = &outcome.failed[0];
    let why = error.chain();
    assert!(why.starts_with("gave up after 15 minutes: 0 of 1 replicas are"), "{why}");
    assert!(why.contains("unschedulable: 0/3 nodes are available"), "{why}");
    let told = events
        .iter()
        .any(|event| matches!(event, Event::Waiting { why, .. } if why.contains("unschedulable")));
    assert!(told, "{events:?}");
    let hint = error.hint().unwrap();
    let command = hint.strip_prefix("look further with `kubectl -n a describe pod web-").expect(hint);
    assert!(command.ends_with("`; run the command again to go on waiting from here"), "{hint}");

    // The cause removed, the next run goes on from there, in place.
    let mended = Desired::yaml(APP).with("a.deployment.web", "/spec/template/spec/nodeSelector", None);
    assert_eq!(rig.changes(&mended).await, ["update a.deployment.web: spec.template.spec.nodeSelector"]);
    rig.up(&mended).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_webhook_cannot_be_asked_is_applied_as_soon_as_it_can() {
    let desired = Desired::yaml(
        r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {a: b}
"#,
    );
    let rig = Rig::new();
    let message = "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \
                   \"https://hook.a.svc:443/validate?timeout=10s\": no endpoints available for service \"hook\"";
    let refused = Status::failure(message, "InternalError").with_code(500).boxed();
    rig.fault(Method::PATCH, "/configmaps/settings", Verdict::Refuse(refused));
    let (outcome, events) = rig.run(&desired, &Default::default()).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    let told: Vec<&String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Waiting { why, .. } => Some(why),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            "applying `default.configmap.settings`: webhook w.example.com cannot be asked: no pod is ready behind its \
             service a/hook; service a/hook does not exist"
        ]
    );
}
