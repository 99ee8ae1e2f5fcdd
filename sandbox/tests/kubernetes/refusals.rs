//! What the API server refuses: wrong places, wrong fields, changes of what may not change, faults from outside.

use holodeck_sandbox::kubernetes::Verdict;
use kube::api::{DynamicObject, PatchParams, PostParams};
use kube::core::Status;
use serde_json::{Value, json};

use crate::world::{World, config_map, deployment, refusal};

async fn create(world: &World, object: &Value) -> kube::Result<DynamicObject> {
    let api = world.api(
        object["apiVersion"].as_str().unwrap(),
        object["kind"].as_str().unwrap(),
        object["metadata"]["namespace"].as_str().unwrap_or_default(),
    );
    api.create(&PostParams::default(), &serde_json::from_value(object.clone()).unwrap()).await
}

#[tokio::test]
async fn objects_need_their_namespace_and_a_free_name() {
    let world = World::new();
    let mut object = config_map("settings", json!({}));
    object["metadata"]["namespace"] = json!("nowhere");
    let status = refusal(world.apply_as("bootstrap", &object).await);
    assert_eq!((status.code, status.message.as_str()), (404, "namespaces \"nowhere\" not found"));

    let object = config_map("settings", json!({}));
    create(&world, &object).await.unwrap();
    let status = refusal(create(&world, &object).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(status.message, "configmaps \"settings\" already exists");

    let status = refusal(create(&world, &config_map("Not_A_Name", json!({}))).await);
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
}

#[tokio::test]
async fn wrong_workloads_are_named_field_by_field() {
    let world = World::new();
    let mut object = deployment("web", 1, "registry/web:1");
    object["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("");
    let status = refusal(world.apply_as("bootstrap", &object).await);
    assert_eq!(status.code, 422);
    let fields: Vec<String> = status.details.unwrap().causes.into_iter().map(|cause| cause.field).collect();
    assert_eq!(fields, ["spec.template.metadata.labels", "spec.template.spec.containers[0].image"]);
}

#[tokio::test]
async fn fields_that_may_not_change_do_not() {
    let world = World::new();
    let claims = |size: &str| {
        json!([{
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "gp2",
                "resources": {"requests": {"storage": size}},
            },
        }])
    };
    let mut set = deployment("vault", 1, "registry/vault:2");
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("vault");
    set["spec"]["volumeClaimTemplates"] = claims("10Gi");
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:1"}], "restartPolicy": "Never"}}},
    });
    let web = deployment("web", 1, "registry/web:1");
    let changed = |object: &Value, change: &dyn Fn(&mut Value)| {
        let mut object = object.clone();
        change(&mut object);
        object
    };
    let cases = [
        (
            "spec.selector",
            changed(&web, &|object| {
                object["spec"]["selector"]["matchLabels"] = json!({"app": "new"});
                object["spec"]["template"]["metadata"]["labels"] = json!({"app": "new"});
            }),
            &web,
        ),
        (
            "spec.volumeClaimTemplates",
            changed(&set, &|object| {
                object["spec"]["volumeClaimTemplates"] = claims("20Gi");
            }),
            &set,
        ),
        (
            "spec.template",
            changed(&job, &|object| {
                object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a:2");
            }),
            &job,
        ),
    ];
    for (field, changed, original) in cases {
        world.apply(original).await;
        let live = world.live(original).await.unwrap();
        assert_eq!(world.apply(original).await["metadata"], live["metadata"], "{field}: same again");
        let status = refusal(world.apply_as("bootstrap", &changed).await);
        assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"), "{field}");
        assert_eq!(status.details.unwrap().causes[0].field, field);
    }
}

#[tokio::test]
async fn an_update_of_an_old_version_is_a_conflict() {
    let world = World::new();
    let object = config_map("settings", json!({"a": "1"}));
    let old = world.apply(&object).await;
    world.apply(&config_map("settings", json!({"a": "2"}))).await;
    let api = world.api("v1", "ConfigMap", "default");
    let replaced =
        api.replace("settings", &PostParams::default(), &serde_json::from_value(old).unwrap()).await;
    let status = refusal(replaced);
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
}

#[tokio::test]
async fn faults_refuse_lose_or_break_a_request() {
    let world = World::new();
    let object = config_map("settings", json!({}));
    let throttled = Status::failure("slow down", "TooManyRequests").with_code(429);
    world.state(|state| {
        state.verdict = Some(("PATCH".to_owned(), Verdict::Refuse(Box::new(throttled))));
    });
    assert_eq!(refusal(world.apply_as("bootstrap", &object).await).code, 429);
    assert!(world.live(&object).await.is_none());

    world.state(|state| state.verdict = Some(("PATCH".to_owned(), Verdict::LoseAnswer)));
    assert!(world.apply_as("bootstrap", &object).await.is_err());
    assert!(world.live(&object).await.is_some());

    world.state(|state| state.cluster = None);
    let error = world.apply_with(&object, &PatchParams::apply("bootstrap")).await.unwrap_err();
    assert!(matches!(error, kube::Error::Service(_)), "{error}");
    let calls = world.state(|state| state.calls.clone());
    assert_eq!(calls.first().unwrap(), "PATCH /api/v1/namespaces/default/configmaps/settings");
}
