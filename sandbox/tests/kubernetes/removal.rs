//! Deletion: finalizers, owners, namespaces and preconditions.

use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::json;

use crate::world::{World, config_map, deployment, namespace, refusal};

#[tokio::test]
async fn finalizers_hold_an_object_until_they_are_removed() {
    let world = World::new();
    let mut object = config_map("settings", json!({}));
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    world.apply(&object).await;
    world.delete(&object).await;
    let held = world.live(&object).await.unwrap();
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    let api = world.api("v1", "ConfigMap", "default");
    let patch = json!({"metadata": {"finalizers": null}});
    api.patch("settings", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert!(world.live(&object).await.is_none());
}

#[tokio::test]
async fn dependents_go_with_their_owner_unless_orphaned() {
    for (parameters, expected) in
        [(DeleteParams::background(), 0), (DeleteParams::foreground(), 0), (DeleteParams::orphan(), 1)]
    {
        let world = World::new();
        let owner = world.apply(&config_map("owner", json!({}))).await;
        let mut dependent = config_map("dependent", json!({}));
        dependent["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"],
        }]);
        world.apply(&dependent).await;
        let api = world.api("v1", "ConfigMap", "default");
        api.delete("owner", &parameters).await.unwrap();
        assert!(api.get_opt("owner").await.unwrap().is_none(), "{parameters:?}");
        let left = usize::from(api.get_opt("dependent").await.unwrap().is_some());
        assert_eq!(left, expected, "{parameters:?}");
    }
}

#[tokio::test]
async fn a_namespace_takes_its_objects_and_refuses_new_ones() {
    let world = World::new();
    world.apply(&namespace("team")).await;
    let mut object = config_map("settings", json!({}));
    object["metadata"]["namespace"] = json!("team");
    world.apply(&object).await;
    world.delete(&namespace("team")).await;
    let terminating = world.live(&namespace("team")).await.unwrap();
    assert_eq!(terminating["status"]["phase"], "Terminating");
    assert!(world.live(&object).await.is_none());
    let status = refusal(world.apply_as("bootstrap", &object).await);
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    world.pass(10);
    assert!(world.live(&namespace("team")).await.is_none());
    assert!(world.names("v1", "ServiceAccount", "team").await.is_empty());
}

#[tokio::test]
async fn a_namespace_waits_for_finalizers_inside() {
    let world = World::new();
    world.apply(&namespace("team")).await;
    let mut object = config_map("settings", json!({}));
    object["metadata"]["namespace"] = json!("team");
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    world.apply(&object).await;
    world.delete(&namespace("team")).await;
    world.pass(60);
    let held = world.live(&namespace("team")).await.unwrap();
    let condition = &held["status"]["conditions"][0];
    assert_eq!(condition["type"], "NamespaceFinalizersRemaining");
    assert!(condition["message"].as_str().unwrap().contains("settings"));
}

#[tokio::test]
async fn preconditions_and_dry_runs_delete_nothing() {
    let world = World::new();
    let object = config_map("settings", json!({}));
    world.apply(&object).await;
    let api = world.api("v1", "ConfigMap", "default");
    let wrong = DeleteParams {
        preconditions: Some(Preconditions { uid: Some("other".to_owned()), resource_version: None }),
        ..DeleteParams::default()
    };
    assert_eq!(refusal(api.delete("settings", &wrong).await).code, 409);
    api.delete("settings", &DeleteParams { dry_run: true, ..DeleteParams::default() }).await.unwrap();
    assert!(world.live(&object).await.is_some());
    api.delete("settings", &DeleteParams::default()).await.unwrap();
    assert_eq!(refusal(api.delete("settings", &DeleteParams::default()).await).code, 404);
}

#[tokio::test]
async fn a_deleted_deployment_takes_its_pods() {
    let world = World::new();
    world.join(1, 0);
    let web = deployment("web", 2, "registry/web:1");
    world.apply(&web).await;
    world.pass(30);
    assert_eq!(world.names("v1", "Pod", "default").await.len(), 2);
    world.delete(&web).await;
    assert!(world.names("v1", "Pod", "default").await.is_empty());
}
