//! Credentials: resolved into requests, compared without being shown.

use serde_json::json;

use super::cluster::{Desired, ENVIRONMENT, Rig};
use crate::kubernetes::missing_credentials;
use crate::secret::{SecretReference, placeholder};

fn desired(variable: &str) -> Desired {
    let token = placeholder(&SecretReference::Env(variable.into()));
    Desired::yaml(&format!(
        r#"
apiVersion: v1
kind: Namespace
metadata: {{name: a}}
---
apiVersion: v1
kind: Secret
metadata: {{name: git, namespace: a}}
stringData: {{user: bootstrap, token: "{token}", url: "https://u:{token}@git.example"}}
"#
    ))
}

fn rig() -> Rig {
    let rig = Rig::new();
    let mut known = rig.vault.0.lock().unwrap();
    known.insert("env:TOKEN".into(), "hunter2".into());
    known.insert("env:OTHER".into(), "hunter2".into());
    drop(known);
    rig
}

const TOKEN: &str = "aHVudGVyMg==";

#[tokio::test(start_paused = true)]
async fn a_credential_reaches_the_cluster_and_nothing_else() {
    let rig = rig();
    let (outcome, events) = rig.run(&desired("TOKEN"), &Default::default()).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(rig.live("a.secret.git").await.unwrap()["data"]["token"], TOKEN);

    let (graph, snapshot, plan) = rig.plan(&desired("TOKEN")).await;
    assert!(!plan.has_changes());
    rig.edit("a.secret.git", json!({"data": {"token": "Y2hhbmdlZC1ieS1oYW5k", "user": "cm9vdA=="}})).await;
    let by_kubectl = json!({"kubectl.kubernetes.io/last-applied-configuration": r#"{"token":"hunter2"}"#});
    rig.edit("a.secret.git", json!({"metadata": {"annotations": by_kubectl}})).await;
    let (_, changed, drifted) = rig.plan(&desired("TOKEN")).await;
    let address = super::cluster::address("a.secret.git");
    let shown = format!(
        "{events:?}{outcome:?}{:?}{:?}{:?}{:?}{:?}",
        plan.changes,
        drifted.changes,
        graph.desired(&address),
        snapshot.attributes(&address),
        changed.attributes(&address),
    );
    for secret in ["hunter2", TOKEN, "changed-by-hand", "Y2hhbmdlZC1ieS1oYW5k"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_value_is_a_change_wherever_it_came_from() {
    let rig = rig();
    rig.up(&desired("TOKEN")).await;
    let update = |fields: &str| vec![format!("update a.secret.git: {fields}")];

    rig.edit("a.secret.git", json!({"data": {"token": "eA=="}})).await;
    assert_eq!(rig.changes(&desired("TOKEN")).await, update("stringData.token"));
    rig.up(&desired("TOKEN")).await;
    assert_eq!(rig.live("a.secret.git").await.unwrap()["data"]["token"], TOKEN);

    rig.vault.0.lock().unwrap().insert("env:TOKEN".into(), "rotated".into());
    assert_eq!(rig.changes(&desired("TOKEN")).await, update("stringData.token, stringData.url"));
    rig.up(&desired("TOKEN")).await;
    assert_eq!(rig.live("a.secret.git").await.unwrap()["data"]["token"], "cm90YXRlZA==");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_no_longer_desired_goes() {
    let rig = rig();
    rig.up(&desired("TOKEN")).await;
    let fewer = desired("TOKEN").with("a.secret.git", "/stringData/user", None);
    let (_, _, plan) = rig.plan(&fewer).await;
    assert_eq!(super::cluster::described(&plan), ["update a.secret.git: stringData.user"]);
    assert_eq!(
        plan.changes.iter().find_map(|change| change.fields.first()).unwrap().before,
        Some("(another value)".into())
    );
    rig.up(&fewer).await;
    assert_eq!(rig.live("a.secret.git").await.unwrap()["data"].get("user"), None);
}

#[tokio::test(start_paused = true)]
async fn a_missing_credential_is_told_before_anything_is_changed() {
    let rig = rig();
    let (graph, _, plan) = rig.plan(&desired("UNKNOWN")).await;
    let missing = missing_credentials(&graph, &plan, &*rig.vault).await;
    let told: Vec<String> = missing.iter().map(|missing| format!("{missing}: {}", missing.source)).collect();
    let expected = "`kubernetes.a.secret.git` needs a credential: no access to `env:UNKNOWN`, which a credential is to come from";
    assert_eq!(told, [expected; 2]);

    let (graph, _, plan) = rig.plan(&desired("TOKEN")).await;
    assert!(missing_credentials(&graph, &plan, &*rig.vault).await.is_empty());
    rig.up(&desired("TOKEN")).await;
    rig.vault.0.lock().unwrap().clear();
    let (graph, _, plan) = rig.plan(&desired("TOKEN")).await;
    assert!(missing_credentials(&graph, &plan, &*rig.vault).await.is_empty(), "nothing is made");
}

#[tokio::test(start_paused = true)]
async fn without_the_credential_a_stored_one_counts_and_a_new_one_fails() {
    let rig = rig();
    rig.up(&desired("TOKEN")).await;
    rig.vault.0.lock().unwrap().clear();
    assert_eq!(rig.changes(&desired("TOKEN")).await, [""; 0]);

    let rig = Rig::new();
    let (outcome, _) = rig.run(&desired("TOKEN"), &Default::default()).await;
    assert_eq!(
        outcome.failed[0].2.chain(),
        "making `token` of Secret `a/git`: no access to `env:TOKEN`, which a credential is to come from"
    );
    assert!(!rig.state().contains("secrets/a/git"), "nothing was made in {ENVIRONMENT}");
}
