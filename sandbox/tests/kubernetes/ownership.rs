//! Server-side apply: ownership, conflicts, removal, and applies that change nothing.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{World, config_map, deployment, refusal, widget};

fn managers(object: &Value) -> Vec<(&str, &str)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries.iter().map(|e| (e["manager"].as_str().unwrap(), e["operation"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn an_apply_that_changes_nothing_keeps_the_resource_version() {
    let world = World::new();
    for object in [deployment("web", 2, "registry/web:1"), config_map("settings", json!({"a": "1"}))] {
        let first = world.apply(&object).await;
        world.pass(0);
        let live = world.live(&object).await.unwrap();
        let second = world.apply(&object).await;
        assert_eq!(live["metadata"], second["metadata"]);
        assert_eq!(first["metadata"]["uid"], second["metadata"]["uid"]);
    }
}

#[tokio::test]
async fn a_dry_run_answers_what_would_be_stored_and_stores_nothing() {
    let world = World::new();
    let object = deployment("web", 2, "registry/web:1");
    let dry = PatchParams::apply("bootstrap").dry_run();
    let planned = world.apply_with(&object, &dry).await.unwrap();
    assert_eq!(planned["spec"]["strategy"]["type"], "RollingUpdate");
    assert!(world.live(&object).await.is_none());

    world.apply(&object).await;
    let live = world.live(&object).await.unwrap();
    assert_eq!(world.apply_with(&object, &dry).await.unwrap(), live);
    let changed = deployment("web", 3, "registry/web:1");
    assert_eq!(world.apply_with(&changed, &dry).await.unwrap()["spec"]["replicas"], 3);
    assert_eq!(world.live(&object).await.unwrap(), live);
}

#[tokio::test]
async fn a_field_of_another_manager_is_a_conflict_that_names_it() {
    let world = World::new();
    world.apply_as("first", &deployment("web", 2, "registry/web:1")).await.unwrap();
    let second = deployment("web", 5, "registry/web:2");
    let status = refusal(world.apply_as("second", &second).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        "Apply failed with 2 conflicts: conflicts with \"first\" using apps/v1:\n- .spec.replicas\n\
         - .spec.template.spec.containers[name=\"main\"].image"
    );
    let causes = status.details.unwrap().causes;
    assert_eq!(causes[0].reason, "FieldManagerConflict");
    assert_eq!(causes[0].field, ".spec.replicas");

    let forced = world.apply_with(&second, &PatchParams::apply("second").force()).await.unwrap();
    assert_eq!(forced["spec"]["replicas"], 5);
    let status = refusal(world.apply_as("first", &deployment("web", 2, "registry/web:1")).await);
    assert!(status.message.contains("\"second\""), "{}", status.message);
}

#[tokio::test]
async fn the_same_value_is_shared_and_stays_until_nobody_sends_it() {
    let world = World::new();
    let both = config_map("settings", json!({"a": "1", "b": "2"}));
    world.apply_as("first", &both).await.unwrap();
    let shared = world.apply_as("second", &both).await.unwrap();
    assert_eq!(managers(&shared), [("first", "Apply"), ("second", "Apply")]);

    let fewer = config_map("settings", json!({"a": "1"}));
    let after = world.apply_as("first", &fewer).await.unwrap();
    assert_eq!(after["data"], json!({"a": "1", "b": "2"}));
    let after = world.apply_as("second", &fewer).await.unwrap();
    assert_eq!(after["data"], json!({"a": "1"}));
}

#[tokio::test]
async fn what_its_manager_no_longer_sends_disappears() {
    let world = World::new();
    let mut object = deployment("web", 1, "registry/web:1");
    let container = &mut object["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    container["resources"] = json!({"requests": {"cpu": "1"}});
    object["metadata"]["labels"] = json!({"team": "base"});
    world.apply(&object).await;

    let after = world.apply(&deployment("web", 1, "registry/web:1")).await;
    let container = &after["spec"]["template"]["spec"]["containers"][0];
    assert!(container.get("env").is_none(), "{container}");
    assert_eq!(container["resources"], json!({}));
    assert!(after["metadata"].get("labels").is_none());
    assert_eq!(container["imagePullPolicy"], "IfNotPresent", "defaults stay");
}

#[tokio::test]
async fn items_of_keyed_lists_are_merged_and_others_replaced() {
    let world = World::new();
    let mut first = deployment("web", 1, "registry/web:1");
    first["spec"]["template"]["spec"]["tolerations"] = json!([{"key": "a", "operator": "Exists"}]);
    world.apply_as("first", &first).await.unwrap();
    let sidecar = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "sidecar", "image": "registry/sidecar:1"}]},
            },
        },
    });
    let both = world.apply_as("injector", &sidecar).await.unwrap();
    let names = |object: &Value| {
        let containers = object["spec"]["template"]["spec"]["containers"].as_array().unwrap().clone();
        let mut names: Vec<String> =
            containers.iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&both), ["main", "sidecar"]);
    first["spec"]["template"]["spec"]["tolerations"] = json!([{"key": "b", "operator": "Exists"}]);
    let after = world.apply_as("first", &first).await.unwrap();
    assert_eq!(names(&after), ["main", "sidecar"]);
    assert_eq!(after["spec"]["template"]["spec"]["tolerations"], json!([{"key": "b", "operator": "Exists"}]));
    let live = world.live(&first).await.unwrap();
    assert_eq!(world.apply_as("first", &first).await.unwrap(), live, "applies nothing twice");
}

#[tokio::test]
async fn other_writes_take_the_fields_that_they_change() {
    let world = World::new();
    let object = config_map("settings", json!({"a": "1", "b": "2", "c": "3"}));
    world.apply(&object).await;
    let api = world.api("v1", "ConfigMap", "default");
    let by_hand = PatchParams { field_manager: Some("kubectl".to_owned()), ..PatchParams::default() };
    let patch = json!({"data": {"a": "9", "b": null}});
    api.patch("settings", &by_hand, &Patch::Merge(&patch)).await.unwrap();
    let live = world.live(&object).await.unwrap();
    assert_eq!(live["data"], json!({"a": "9", "c": "3"}));
    assert_eq!(managers(&live), [("bootstrap", "Apply"), ("kubectl", "Update")]);

    let status = refusal(world.apply_as("bootstrap", &object).await);
    assert!(
        status.message.starts_with("Apply failed with 1 conflict: conflict with \"kubectl\" using v1 at "),
        "{}",
        status.message
    );
    let mended = world.apply_with(&object, &PatchParams::apply("bootstrap").force()).await.unwrap();
    assert_eq!(mended["data"], json!({"a": "1", "b": "2", "c": "3"}));
    assert_eq!(managers(&mended), [("bootstrap", "Apply")]);
}

#[tokio::test]
async fn generations_count_changes_of_what_is_desired() {
    let world = World::new();
    let first = world.apply(&deployment("web", 1, "registry/web:1")).await;
    assert_eq!(first["metadata"]["generation"], 1);
    let mut labelled = deployment("web", 1, "registry/web:1");
    labelled["metadata"]["labels"] = json!({"team": "base"});
    assert_eq!(world.apply(&labelled).await["metadata"]["generation"], 1);
    labelled["spec"]["replicas"] = json!(2);
    assert_eq!(world.apply(&labelled).await["metadata"]["generation"], 2);
}

#[tokio::test]
async fn the_status_is_written_through_its_subresource_alone() {
    let world = World::new();
    world.apply(&crate::world::definition()).await;
    world.pass(3);
    let mut object = widget("a", json!({"size": 1}));
    object["status"] = json!({"phase": "Sent"});
    let created = world.apply(&object).await;
    assert!(created.get("status").is_none());
    let api = world.api("example.com/v1", "Widget", "default");
    let patch = json!({"status": {"phase": "Done"}, "spec": {"size": 7}});
    api.patch_status("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    let live = world.live(&object).await.unwrap();
    assert_eq!((&live["status"]["phase"], &live["spec"]["size"]), (&json!("Done"), &json!(1)));
    let entry = live["metadata"]["managedFields"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&entry["subresource"], &entry["operation"]), (&json!("status"), &json!("Update")));
}

#[tokio::test]
async fn plain_text_of_secrets_is_stored_encoded() {
    let world = World::new();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"},
        "stringData": {"user": "admin"},
    });
    world.apply(&secret).await;
    let live = world.live(&secret).await.unwrap();
    assert_eq!(live["data"], json!({"user": "YWRtaW4="}));
    assert!(live.get("stringData").is_none());
    assert_eq!(world.apply(&secret).await, live);
}
