//! What has changed since the last run, by hand or in the manifests, and what the plan makes of it.

use serde_json::json;

use super::cluster::{Desired, Rig};

const APP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: a, labels: {x: "1"}}
data: {one: "1", two: "2"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      nodeSelector: {kubernetes.io/os: linux}
      tolerations: [{key: spot, operator: Exists}]
      containers:
        - name: web
          image: web:1
          args: ["--a", "--b"]
          ports: [{name: http, containerPort: 80}, {name: metrics, containerPort: 9090}]
          env: [{name: A, value: "1"}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
          resources: {requests: {cpu: 1000m, memory: 1024Mi}, limits: {memory: 1Gi}}
        - name: sidecar
          image: sidecar:1
      volumes: [{name: settings, configMap: {name: settings}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: a}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: a}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{ports: [{port: 80}]}]
"#;

const WEB: &str = "a.deployment.web";

/// What is done to the cluster by hand.
enum Hand {
    Edits(&'static str, serde_json::Value),
    Deletes(&'static str),
}

#[tokio::test(start_paused = true)]
async fn each_change_by_hand_is_planned_and_taken_back() {
    use Hand::{Deletes, Edits};
    let web = |spec: serde_json::Value| Edits(WEB, json!({"spec": spec}));
    let pods = |spec: serde_json::Value| web(json!({"template": {"spec": spec}}));
    for (hand, expected) in [
        (
            Edits("a.configmap.settings", json!({"data": {"one": "9"}})),
            vec!["update a.configmap.settings: data.one"],
        ),
        (
            Edits("a.configmap.settings", json!({"data": {"one": null}})),
            vec!["update a.configmap.settings: data.one"],
        ),
        (
            Edits("a.configmap.settings", json!({"metadata": {"labels": {"x": null}}})),
            vec!["update a.configmap.settings: metadata.labels.x"],
        ),
        (web(json!({"replicas": 5})), vec!["update a.deployment.web: spec.replicas"]),
        (
            pods(json!({"nodeSelector": {"kubernetes.io/os": "windows"}})),
            vec![r#"update a.deployment.web: spec.template.spec.nodeSelector["kubernetes.io/os"]"#],
        ),
        (Deletes("a.service.web"), vec!["create a.service.web"]),
        (Deletes(WEB), vec!["create a.deployment.web"]),
        // What others add beside ours is theirs.
        (Edits("a.configmap.settings", json!({"data": {"three": "3"}})), vec![]),
        (Edits(WEB, json!({"metadata": {"annotations": {"note": "x"}}})), vec![]),
        (web(json!({"template": {"metadata": {"annotations": {"restarted": "now"}}}})), vec![]),
    ] {
        let rig = Rig::new();
        rig.up(&Desired::yaml(APP)).await;
        match hand {
            Edits(name, patch) => rig.edit(name, patch).await,
            Deletes(name) => rig.delete(name).await,
        }
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert_eq!(rig.changes(&Desired::yaml(APP)).await, expected);
        rig.up(&Desired::yaml(APP)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_of_a_list_is_taken_back_by_its_key() {
    let rig = Rig::new();
    let desired = Desired::yaml(APP);
    rig.up(&desired).await;
    let live = rig.live(WEB).await.unwrap();
    let mut containers = live["spec"]["template"]["spec"]["containers"].as_array().unwrap().clone();
    containers[0]["image"] = "web:evil".into();
    containers.reverse();
    rig.edit(WEB, json!({"spec": {"template": {"spec": {"containers": containers}}}})).await;
    assert_eq!(
        rig.changes(&desired).await,
        ["update a.deployment.web: spec.template.spec.containers[0].image"]
    );
    rig.up(&desired).await;
}

#[tokio::test(start_paused = true)]
async fn each_change_of_the_manifests_is_planned_and_made() {
    let pods = "/spec/template/spec";
    let at = |path: &str| format!("{pods}{path}");
    for (name, pointer, value, expected) in [
        ("a.configmap.settings", "/data/two".to_owned(), None, "data.two"),
        ("a.configmap.settings", "/metadata/labels/x".into(), None, "metadata.labels.x"),
        (WEB, "/spec/replicas".into(), Some(json!(3)), "spec.replicas"),
        (WEB, at("/containers/0/args"), Some(json!(["--a"])), "spec.template.spec.containers[0].args"),
        (WEB, at("/containers/0/env/0"), None, "spec.template.spec.containers[0].env[1]"),
        (WEB, at("/containers/0/ports/1"), None, "spec.template.spec.containers[0].ports[1]"),
        (
            WEB,
            at("/containers/0/resources/limits"),
            None,
            "spec.template.spec.containers[0].resources.limits",
        ),
        (WEB, at("/containers/1"), None, "spec.template.spec.containers[1]"),
        (WEB, at("/tolerations"), None, "spec.template.spec.tolerations"),
        ("a.networkpolicy.web", "/spec/podSelector".into(), Some(json!({})), "spec.podSelector.matchLabels"),
        (
            "a.networkpolicy.web",
            "/spec/ingress/0/ports/0/port".into(),
            Some(json!(81)),
            "spec.ingress[0].ports[0].port",
        ),
        (
            "a.service.web",
            "/spec/ports/0/port".into(),
            Some(json!(81)),
            "spec.ports[0].name, spec.ports[0].port, spec.ports[0].targetPort, spec.ports[1]",
        ),
    ] {
        let rig = Rig::new();
        rig.up(&Desired::yaml(APP)).await;
        let desired = Desired::yaml(APP).with(name, &pointer, value);
        assert_eq!(rig.changes(&desired).await, [format!("update {name}: {expected}")]);
        rig.up(&desired).await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_spelling_of_a_quantity_changes_nothing() {
    let rig = Rig::new();
    let desired = Desired::yaml(APP);
    rig.up(&desired).await;
    let other = desired
        .with(WEB, "/spec/template/spec/containers/0/resources/requests/cpu", Some(json!(1)))
        .with(WEB, "/spec/template/spec/containers/0/resources/requests/memory", Some(json!("1Gi")));
    assert_eq!(rig.changes(&other).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_desired_is_removed_and_nothing_else() {
    let rig = Rig::new();
    let desired = Desired::yaml(APP);
    rig.up(&desired).await;
    rig.apply_as(
        "someone",
        "a.configmap.theirs",
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "a"}}),
    )
    .await;
    let fewer = desired.without("a.networkpolicy.web");
    assert_eq!(rig.changes(&fewer).await, ["delete a.networkpolicy.web"]);
    rig.up(&fewer).await;
    assert!(rig.live("a.configmap.theirs").await.is_some());
}
