//! Vault in the pods of a cluster: who answers, how it is sealed, what outlives a pod, and what the pods' labels say.

use std::io;

use holodeck_sandbox::kubernetes::Verdict;
use http::Request;
use serde_json::{Value, json};

use crate::world::{World, config_map};

const OURS: &str = "app.kubernetes.io/component";
const OF_THE_CHART: &str = "component";
const TWO_OF_THREE: &str = r#"{"secret_shares": 3, "secret_threshold": 2}"#;
const RECOVERY: &str = r#"{"recovery_shares": 1, "recovery_threshold": 1}"#;

fn stateful_set(component: &str) -> Value {
    let labels = json!({"app.kubernetes.io/name": "vault", "app.kubernetes.io/instance": "vault", component: "server"});
    let claim = |name: &str| {
        json!({
            "metadata": {"name": name},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "gp2",
                "resources": {"requests": {"storage": "10Gi"}},
            },
        })
    };
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "vault", "namespace": "default"},
        "spec": {
            "replicas": 3, "serviceName": "vault", "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [{
                        "name": "vault", "image": "registry/vault:1",
                        "volumeMounts": [
                            {"name": "data", "mountPath": "/vault/data"},
                            {"name": "audit", "mountPath": "/vault/audit"},
                            {"name": "config", "mountPath": "/vault/config"},
                        ],
                    }],
                    "volumes": [{"name": "config", "configMap": {"name": "vault-config"}}],
                },
            },
            "volumeClaimTemplates": [claim("data"), claim("audit")],
        },
    })
}

/// A cluster in which three servers with this configuration run.
async fn running(component: &str, configuration: &str) -> World {
    let world = World::new();
    world.join(3, 0);
    world.apply(&config_map("vault-config", json!({"vault.hcl": configuration}))).await;
    world.apply(&stateful_set(component)).await;
    world.pass(30);
    world
}

async fn ask(world: &World, pod: &str, operation: &str, body: &str) -> io::Result<(u16, Value)> {
    let (method, path) = operation.split_once(' ').unwrap();
    let uri = format!("https://vault/v1/{path}");
    let request = Request::builder().method(method).uri(uri).body(body.as_bytes().to_vec()).unwrap();
    let response = world.pods().send("default", pod, 8200, request).await?;
    Ok((response.status().as_u16(), serde_json::from_slice(response.body()).unwrap()))
}

async fn init(world: &World, pod: &str, body: &str) -> Value {
    let (code, made) = ask(world, pod, "PUT sys/init", body).await.unwrap();
    assert_eq!(code, 200, "{made}");
    made
}

async fn unseal(world: &World, pod: &str, made: &Value) {
    for key in &made["keys_base64"].as_array().unwrap()[..2] {
        let body = json!({"key": key}).to_string();
        assert_eq!(ask(world, pod, "PUT sys/unseal", &body).await.unwrap().0, 200);
    }
}

/// What `GET seal-status` says: initialized and sealed.
async fn status(world: &World, pod: &str) -> (bool, bool) {
    let (_, status) = ask(world, pod, "GET sys/seal-status", "").await.unwrap();
    (status["initialized"].as_bool().unwrap(), status["sealed"].as_bool().unwrap())
}

async fn pod(world: &World, name: &str) -> Value {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}});
    world.live(&pod).await.unwrap()
}

/// The labels that Vault writes: active, initialized and sealed.
async fn labels(world: &World, name: &str) -> [String; 3] {
    let pod = pod(world, name).await;
    ["vault-active", "vault-initialized", "vault-sealed"]
        .map(|label| pod["metadata"]["labels"][label].as_str().unwrap_or("-").to_owned())
}

#[tokio::test]
async fn servers_of_our_manifests_and_of_the_chart_answer_by_their_seal() {
    for component in [OURS, OF_THE_CHART] {
        let world = running(component, "storage \"raft\" {}\n").await;
        init(&world, "vault-0", TWO_OF_THREE).await;
        assert_eq!(status(&world, "vault-0").await, (true, true));
        assert_eq!(status(&world, "vault-1").await, (false, true));
        let world = running(component, "ui = true\n\nseal \"awskms\" {\n  kms_key_id = \"key\"\n}\n").await;
        init(&world, "vault-0", RECOVERY).await;
        assert_eq!(status(&world, "vault-1").await, (true, false));
    }
}

#[tokio::test]
async fn a_connection_is_refused_unless_a_server_runs_there() {
    let world = World::new();
    let refused = async |pod: &str| {
        let error = ask(&world, pod, "GET sys/seal-status", "").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        error.to_string()
    };
    assert_eq!(refused("vault-0").await, "there is no pod `vault-0` in namespace `default`");
    world.apply(&config_map("vault-config", json!({}))).await;
    world.apply(&stateful_set(OURS)).await;
    assert_eq!(refused("vault-0").await, "pod `vault-0` is not running: it is pending");
    world.join(1, 0);
    world.pass(30);
    assert_eq!(status(&world, "vault-0").await, (false, true));
    let request = Request::new(Vec::new());
    let error = world.pods().send("default", "vault-0", 8201, request).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing listens on port 8201 of pod `vault-0`");
    world.state(|state| state.cluster = None);
    assert_eq!(refused("vault-0").await, "there is no such cluster");
}

#[tokio::test]
async fn labels_tell_the_state_of_each_server() {
    let world = running(OURS, "").await;
    assert_eq!(labels(&world, "vault-0").await, ["false", "false", "true"]);
    let made = init(&world, "vault-0", TWO_OF_THREE).await;
    assert_eq!(labels(&world, "vault-0").await, ["false", "true", "true"]);
    assert_eq!(labels(&world, "vault-1").await, ["false", "false", "true"]);
    unseal(&world, "vault-0", &made).await;
    assert_eq!(labels(&world, "vault-0").await, ["true", "true", "false"]);
    assert_eq!(labels(&world, "vault-1").await, ["false", "true", "true"]);
    unseal(&world, "vault-1", &made).await;
    assert_eq!(labels(&world, "vault-1").await, ["false", "true", "false"]);
    let labelled = pod(&world, "vault-1").await;
    assert_eq!(labelled["metadata"]["labels"]["vault-perf-standby"], "false");
    assert_eq!(labelled["metadata"]["labels"]["vault-version"], "1.21.4");

    let before = world.state(|state| state.cluster.as_ref().unwrap().revision());
    status(&world, "vault-0").await;
    world.pass(60);
    status(&world, "vault-0").await;
    assert_eq!(world.state(|state| state.cluster.as_ref().unwrap().revision()), before, "nothing is written");
}

#[tokio::test]
async fn a_pod_made_anew_is_a_restarted_server() {
    let world = running(OURS, "").await;
    let made = init(&world, "vault-0", TWO_OF_THREE).await;
    for server in ["vault-0", "vault-1"] {
        unseal(&world, server, &made).await;
    }
    world.delete(&pod(&world, "vault-0").await).await;
    assert_eq!(labels(&world, "vault-1").await, ["true", "true", "false"]);
    world.pass(30);
    assert_eq!(status(&world, "vault-0").await, (true, true));
    assert_eq!(status(&world, "vault-1").await, (true, false));
    assert_eq!(labels(&world, "vault-0").await, ["false", "true", "true"]);

    let world = running(OURS, "seal \"transit\" {\n}\n").await;
    init(&world, "vault-0", RECOVERY).await;
    world.delete(&pod(&world, "vault-0").await).await;
    world.pass(30);
    assert_eq!(labels(&world, "vault-0").await, ["false", "true", "false"]);
    assert_eq!(labels(&world, "vault-1").await, ["true", "true", "false"]);
}

#[tokio::test]
async fn the_first_server_restarted_while_sealed_is_still_the_one_to_open() {
    let world = running(OURS, "").await;
    let made = init(&world, "vault-0", TWO_OF_THREE).await;
    world.delete(&pod(&world, "vault-0").await).await;
    world.pass(30);
    assert_eq!(status(&world, "vault-0").await, (true, true));
    unseal(&world, "vault-0", &made).await;
    assert_eq!(status(&world, "vault-1").await, (true, true));
}

#[tokio::test]
async fn a_vault_lasts_as_long_as_one_of_its_data_volumes() {
    let world = running(OURS, "").await;
    let made = init(&world, "vault-0", TWO_OF_THREE).await;
    world.delete(&stateful_set(OURS)).await;
    let claim = |name: &str| json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default"}});
    world.delete(&claim("data-vault-0")).await;
    world.delete(&claim("data-vault-1")).await;
    world.apply(&stateful_set(OURS)).await;
    world.pass(30);
    assert_eq!(status(&world, "vault-0").await, (true, true));

    world.delete(&stateful_set(OURS)).await;
    for ordinal in 0..3 {
        world.delete(&claim(&format!("data-vault-{ordinal}"))).await;
    }
    world.apply(&stateful_set(OURS)).await;
    world.pass(30);
    assert_eq!(status(&world, "vault-0").await, (false, true));
    let again = init(&world, "vault-0", TWO_OF_THREE).await;
    assert_ne!(again["keys"], made["keys"]);
    assert_ne!(again["root_token"], made["root_token"]);
}

#[tokio::test]
async fn a_cluster_kept_before_there_were_vaults_is_read() {
    let world = running(OURS, "").await;
    status(&world, "vault-0").await;
    let mut kept = world.state(|state| serde_json::to_value(state.cluster.as_ref().unwrap()).unwrap());
    kept.as_object_mut().unwrap().remove("vaults").unwrap();
    let read = serde_json::from_value(kept).unwrap();
    assert_eq!(world.state(|state| state.cluster.clone()), Some(read));
}

#[tokio::test]
async fn a_store_may_refuse_a_request_to_a_pod_or_lose_its_answer() {
    let world = running(OURS, "").await;
    let sealed = kube::core::Status::failure("Vault is sealed", "").with_code(503);
    let verdicts = [Verdict::Refuse(Box::new(sealed)), Verdict::Unreachable, Verdict::LoseAnswer];
    let mut outcomes = Vec::new();
    for verdict in verdicts {
        world.state(|state| state.verdict = Some(("Vault PUT sys/init".to_owned(), verdict)));
        outcomes
            .push(ask(&world, "vault-0", "PUT sys/init", TWO_OF_THREE).await.map_err(|error| error.kind()));
        outcomes.push(Ok((0, json!(status(&world, "vault-0").await.0))));
    }
    assert_eq!(
        outcomes,
        [
            Ok((503, json!({"errors": ["Vault is sealed"]}))),
            Ok((0, json!(false))),
            Err(io::ErrorKind::ConnectionRefused),
            Ok((0, json!(false))),
            Err(io::ErrorKind::ConnectionReset),
            Ok((0, json!(true))),
        ]
    );
}
