//! What a wait for a workload tells.

use holodeck_engine::Event;

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
    let why = outcome.failed[0].2.chain();
    assert!(why.starts_with("gave up after 15 minutes: 0 of 1 replicas are"), "{why}");
    assert!(why.contains("unschedulable: 0/3 nodes are available"), "{why}");
    let told = events
        .iter()
        .any(|event| matches!(event, Event::Waiting { why, .. } if why.contains("unschedulable")));
    assert!(told, "{events:?}");

    // The cause removed, the next run goes on from there, in place.
    let mended = Desired::yaml(APP).with("a.deployment.web", "/spec/template/spec/nodeSelector", None);
    assert_eq!(rig.changes(&mended).await, ["update a.deployment.web: spec.template.spec.nodeSelector"]);
    rig.up(&mended).await;
}
