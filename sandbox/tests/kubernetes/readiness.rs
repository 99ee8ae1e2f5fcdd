//! Workloads over time: waiting for nodes, becoming ready, rolling, and what the platform's controllers do.

use kube::api::ListParams;
use serde_json::{Value, json};

use crate::world::{World, config_map, definition, deployment};

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == kind).unwrap()
}

#[tokio::test]
async fn a_deployment_waits_for_nodes_and_says_so() {
    let world = World::new();
    let web = deployment("web", 2, "registry/web:1");
    world.apply(&web).await;
    world.pass(30);
    let waiting = world.live(&web).await.unwrap();
    assert_eq!(condition(&waiting, "Available")["status"], "False");
    assert_eq!(waiting["status"]["observedGeneration"], 1);
    let pod = world.names("v1", "Pod", "default").await.remove(0);
    let events = world.api("v1", "Event", "default");
    let about = ListParams::default().fields(&format!("involvedObject.name={pod}"));
    let events = events.list(&about).await.unwrap();
    assert_eq!(events.items[0].data["message"], "no nodes available to schedule pods");

    world.join(2, 40);
    world.pass(39);
    assert_eq!(condition(&world.live(&web).await.unwrap(), "Available")["status"], "False");
    world.pass(3);
    let pods = world.api("v1", "Pod", "default").list(&ListParams::default()).await.unwrap();
    assert_eq!(
        pods.items[0].data["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
        "ContainerCreating"
    );
    let nodes: Vec<&Value> = pods.items.iter().map(|pod| &pod.data["spec"]["nodeName"]).collect();
    assert_ne!(nodes[0], nodes[1], "pods are spread");
    world.pass(10);
    let ready = world.live(&web).await.unwrap();
    assert_eq!(condition(&ready, "Available")["status"], "True");
    assert_eq!(condition(&ready, "Progressing")["reason"], "NewReplicaSetAvailable");
    assert_eq!((&ready["status"]["replicas"], &ready["status"]["readyReplicas"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn time_passes_alike_in_one_step_and_in_many() {
    let (once, often) = (World::new(), World::new());
    let web = deployment("web", 3, "registry/web:1");
    for world in [&once, &often] {
        world.join(2, 20);
        world.apply(&web).await;
    }
    once.pass(120);
    for _ in 0..120 {
        often.pass(1);
        often.live(&web).await;
    }
    let status = |object: Value| object["status"].clone();
    assert_eq!(status(once.live(&web).await.unwrap()), status(often.live(&web).await.unwrap()));
}

#[tokio::test]
async fn a_new_template_rolls_out_over_time() {
    let world = World::new();
    world.join(2, 0);
    world.apply(&deployment("web", 4, "registry/web:1")).await;
    world.pass(30);
    let next = deployment("web", 4, "registry/web:2");
    world.apply(&next).await;
    let rolling = world.live(&next).await.unwrap();
    assert_eq!(rolling["status"]["observedGeneration"], 2);
    assert_eq!(condition(&rolling, "Progressing")["reason"], "ReplicaSetUpdated");
    assert!(rolling["status"]["readyReplicas"].as_i64().unwrap() >= 3, "{}", rolling["status"]);
    world.pass(60);
    let done = world.live(&next).await.unwrap();
    assert_eq!(done["status"]["updatedReplicas"], 4);
    assert_eq!(done["status"]["replicas"], 4);
    let pods = world.api("v1", "Pod", "default").list(&ListParams::default()).await.unwrap();
    assert!(pods.items.iter().all(|pod| pod.data["spec"]["containers"][0]["image"] == "registry/web:2"));
}

#[tokio::test]
async fn a_rollout_that_cannot_finish_exceeds_its_deadline() {
    let world = World::new();
    let web = deployment("web", 1, "registry/web:1");
    world.apply(&web).await;
    world.pass(601);
    let stuck = world.live(&web).await.unwrap();
    assert_eq!(condition(&stuck, "Progressing")["reason"], "ProgressDeadlineExceeded");
}

#[tokio::test]
async fn pods_respect_selectors_taints_and_missing_references() {
    let world = World::new();
    world.join(1, 0);
    let mut elsewhere = deployment("elsewhere", 1, "registry/web:1");
    elsewhere["spec"]["template"]["spec"]["nodeSelector"] = json!({"pool": "other"});
    let mut mounting = deployment("mounting", 1, "registry/web:1");
    mounting["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "c", "configMap": {"name": "settings"}}]);
    let mut alone = deployment("alone", 2, "registry/web:1");
    alone["spec"]["template"]["spec"]["affinity"] = json!({"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "alone"}},
        }],
    }});
    let mut accountless = deployment("accountless", 1, "registry/web:1");
    accountless["spec"]["template"]["spec"]["serviceAccountName"] = json!("missing");
    for object in [&elsewhere, &mounting, &alone, &accountless] {
        world.apply(object).await;
    }
    world.pass(60);
    for (object, ready) in [(&elsewhere, 0), (&mounting, 0), (&alone, 1), (&accountless, 0)] {
        let live = world.live(object).await.unwrap();
        assert_eq!(
            live["status"]["readyReplicas"].as_i64().unwrap_or(0),
            ready,
            "{}",
            object["metadata"]["name"]
        );
    }
    let failure = world.live(&accountless).await.unwrap();
    assert!(condition(&failure, "ReplicaFailure")["message"].as_str().unwrap().contains("default/missing"));
    world.apply(&config_map("settings", json!({}))).await;
    world.pass(60);
    assert_eq!(world.live(&mounting).await.unwrap()["status"]["readyReplicas"], 1);
}

#[tokio::test]
async fn a_stateful_set_starts_in_order_and_binds_its_claims() {
    let world = World::new();
    world.join(3, 0);
    let mut set = deployment("vault", 3, "registry/vault:2");
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("vault");
    set["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "gp2",
            "resources": {"requests": {"storage": "10Gi"}},
        },
    }]);
    world.apply(&set).await;
    world.pass(3);
    assert_eq!(world.names("v1", "Pod", "default").await, ["vault-0"]);
    world.pass(60);
    let ready = world.live(&set).await.unwrap();
    assert_eq!(ready["status"]["readyReplicas"], 3);
    assert_eq!(ready["status"]["currentRevision"], ready["status"]["updateRevision"]);
    let claims =
        world.api("v1", "PersistentVolumeClaim", "default").list(&ListParams::default()).await.unwrap();
    assert_eq!(claims.items.len(), 3);
    assert!(claims.items.iter().all(|claim| claim.data["status"]["phase"] == "Bound"));

    set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry/vault:3");
    world.apply(&set).await;
    assert_ne!(
        world.live(&set).await.unwrap()["status"]["updateRevision"],
        ready["status"]["updateRevision"]
    );
    world.pass(60);
    let updated = world.live(&set).await.unwrap();
    assert_eq!(
        (&updated["status"]["updatedReplicas"], &updated["status"]["readyReplicas"]),
        (&json!(3), &json!(3))
    );
}

#[tokio::test]
async fn availability_asks_for_time_in_readiness() {
    let world = World::new();
    world.join(2, 0);
    let mut set = deployment("vault", 2, "registry/vault:2");
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("vault");
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    let mut web = deployment("web", 2, "registry/web:1");
    for object in [&mut set, &mut web] {
        object["spec"]["minReadySeconds"] = json!(30);
        world.apply(object).await;
    }
    for (seconds, available) in [(20, 0), (20, 2)] {
        world.pass(seconds);
        for object in [&set, &web] {
            let status = world.live(object).await.unwrap()["status"].clone();
            assert_eq!(status["readyReplicas"], 2, "{status}");
            assert_eq!(status["availableReplicas"].as_i64().unwrap_or(0), available, "{status}");
        }
    }
}

#[tokio::test]
async fn daemon_sets_follow_the_nodes_and_jobs_complete() {
    let world = World::new();
    world.join(2, 0);
    let mut daemon = deployment("agent", 1, "registry/agent:1");
    daemon["kind"] = json!("DaemonSet");
    daemon["spec"].as_object_mut().unwrap().remove("replicas");
    world.apply(&daemon).await;
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": "default"},
        "spec": {
            "ttlSecondsAfterFinished": 100,
            "template": {"spec": {"containers": [{"name": "a", "image": "a:1"}], "restartPolicy": "Never"}},
        },
    });
    world.apply(&job).await;
    world.pass(30);
    assert_eq!(world.live(&daemon).await.unwrap()["status"]["numberReady"], 2);
    let done = world.live(&job).await.unwrap();
    assert_eq!(condition(&done, "Complete")["status"], "True");
    assert_eq!(done["status"]["succeeded"], 1);
    world.join(1, 0);
    world.pass(100);
    assert_eq!(world.live(&daemon).await.unwrap()["status"]["numberReady"], 3);
    assert!(world.live(&job).await.is_none(), "its time to live is over");
    world.state(|state| state.nodes.truncate(1));
    assert_eq!(world.live(&daemon).await.unwrap()["status"]["desiredNumberScheduled"], 1);
}

fn platform_definition(group: &str, kind: &str, scope: &str) -> Value {
    let mut object = definition();
    let plural = format!("{}s", kind.to_lowercase());
    object["metadata"]["name"] = json!(format!("{plural}.{group}"));
    object["spec"]["group"] = json!(group);
    object["spec"]["scope"] = json!(scope);
    object["spec"]["names"] = json!({"kind": kind, "plural": plural});
    object
}

#[tokio::test]
async fn certificates_are_issued_once_cert_manager_runs() {
    let world = World::new();
    for (kind, scope) in [("ClusterIssuer", "Cluster"), ("Certificate", "Namespaced")] {
        world.apply(&platform_definition("cert-manager.io", kind, scope)).await;
    }
    world.pass(5);
    let issuer = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "acme"},
        "spec": {"acme": {"server": "https://acme.example.com"}},
    });
    let certificate = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "site", "namespace": "default"},
        "spec": {"secretName": "site-tls", "issuerRef": {"kind": "ClusterIssuer", "name": "acme"}},
    });
    world.apply(&issuer).await;
    world.apply(&certificate).await;
    world.pass(300);
    assert!(world.live(&certificate).await.unwrap().get("status").is_none(), "nobody looks at it yet");

    world.join(1, 0);
    world.apply(&deployment("cert-manager", 1, "registry/cert-manager:1")).await;
    world.pass(20);
    assert_eq!(condition(&world.live(&issuer).await.unwrap(), "Ready")["status"], "True");
    assert_eq!(condition(&world.live(&certificate).await.unwrap(), "Ready")["status"], "False");
    world.pass(120);
    assert_eq!(condition(&world.live(&certificate).await.unwrap(), "Ready")["status"], "True");
    assert!(world.names("v1", "Secret", "default").await.contains(&"site-tls".to_owned()));
}

#[tokio::test]
async fn authorities_are_injected_once_there_is_one_and_an_injector() {
    let world = World::new();
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "checks", "annotations": {"cert-manager.io/inject-ca-from-secret": "default/webhook-ca"}},
        "webhooks": [{
            "name": "checks.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"service": {"name": "checks", "namespace": "default"}},
        }],
    });
    let bundle = async || {
        let live = world.live(&configuration).await.unwrap();
        live["webhooks"][0]["clientConfig"].get("caBundle").cloned()
    };
    world.join(1, 0);
    world.apply(&configuration).await;
    world.apply(&deployment("cert-manager-cainjector", 1, "registry/cainjector:1")).await;
    world.pass(60);
    assert_eq!(bundle().await, None, "there is no authority yet");
    let mut webhook = deployment("cert-manager-webhook", 1, "registry/webhook:1");
    let arguments = json!(["--dynamic-serving-ca-secret-name=webhook-ca"]);
    webhook["spec"]["template"]["spec"]["containers"][0]["args"] = arguments;
    world.apply(&webhook).await;
    world.pass(60);
    assert!(bundle().await.is_some());
}

#[tokio::test]
async fn applications_are_synced_once_their_controller_runs() {
    let world = World::new();
    world.join(1, 0);
    world.apply(&platform_definition("argoproj.io", "Application", "Namespaced")).await;
    world.pass(5);
    let application = json!({
        "apiVersion": "argoproj.io/v1", "kind": "Application",
        "metadata": {
            "name": "root", "namespace": "default", "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {"project": "default"},
    });
    world.apply(&application).await;
    assert!(world.live(&application).await.unwrap().get("status").is_none());
    let mut controller = deployment("argocd-application-controller", 1, "registry/argocd:3");
    controller["kind"] = json!("StatefulSet");
    world.apply(&controller).await;
    world.pass(60);
    let status = world.live(&application).await.unwrap()["status"].clone();
    assert_eq!(
        (&status["sync"]["status"], &status["health"]["status"]),
        (&json!("Synced"), &json!("Healthy"))
    );

    world.delete(&application).await;
    assert!(world.live(&application).await.is_some(), "its resources go first");
    world.pass(20);
    assert!(world.live(&application).await.is_none());
}
