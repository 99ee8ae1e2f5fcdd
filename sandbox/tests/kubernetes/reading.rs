//! Reading: selectors, paging, metadata, discovery, custom resources, and the state in JSON.

use holodeck_sandbox::kubernetes::Cluster;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, LogParams};
use kube::discovery::Discovery;
use serde_json::json;

use crate::world::{World, config_map, definition, deployment, refusal, widget};

#[tokio::test]
async fn lists_are_selected_by_label_and_field() {
    let world = World::new();
    for (name, owner) in [("a", "one"), ("b", "two"), ("c", "one")] {
        let mut object = config_map(name, json!({}));
        object["metadata"]["labels"] = json!({"owner": owner});
        world.apply(&object).await;
    }
    let api = world.api("v1", "ConfigMap", "default");
    for (parameters, expected) in [
        (ListParams::default().labels("owner=one"), vec!["a", "c"]),
        (ListParams::default().labels("owner in (two)"), vec!["b"]),
        (ListParams::default().labels("!owner"), vec!["kube-root-ca.crt"]),
        (ListParams::default().fields("metadata.name=b"), vec!["b"]),
        (ListParams::default().labels("owner=one").fields("metadata.name!=a"), vec!["c"]),
    ] {
        let names: Vec<String> =
            api.list(&parameters).await.unwrap().items.into_iter().filter_map(|o| o.metadata.name).collect();
        assert_eq!(names, expected, "{parameters:?}");
    }
    let status = refusal(api.list(&ListParams::default().labels("a within (b)")).await);
    assert_eq!(status.code, 400);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new();
    for index in 0..5 {
        let mut object = config_map(&format!("page-{index}"), json!({}));
        object["metadata"]["labels"] = json!({"paged": "yes"});
        world.apply(&object).await;
    }
    let api = world.api("v1", "ConfigMap", "");
    let mut parameters = ListParams::default().labels("paged=yes").limit(2);
    let mut pages = Vec::new();
    loop {
        let page = api.list(&parameters).await.unwrap();
        pages.push(page.items.len());
        match page.metadata.continue_ {
            Some(token) => parameters = parameters.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    let status = refusal(api.list(&ListParams::default().continue_token("%%")).await);
    assert_eq!(status.code, 410);
}

#[tokio::test]
async fn metadata_and_typed_objects_can_be_read() {
    let world = World::new();
    world.apply(&deployment("web", 1, "registry/web:1")).await;
    let typed: Api<Deployment> = Api::namespaced(world.client.clone(), "default");
    let found = typed.get("web").await.unwrap();
    assert_eq!(found.spec.unwrap().revision_history_limit, Some(10));
    let metadata = typed.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(metadata.items[0].metadata.name.as_deref(), Some("web"));
}

#[tokio::test]
async fn discovery_tells_what_is_served() {
    let world = World::new();
    let info = world.client.apiserver_version().await.unwrap();
    assert_eq!((info.major.as_str(), info.minor.as_str()), ("1", "35"));
    assert!(info.git_version.starts_with("v1.35."));
    world.apply(&definition()).await;
    world.pass(3);
    let plain = Discovery::new(world.client.clone()).run().await.unwrap();
    let aggregated = Discovery::new(world.client.clone()).run_aggregated().await.unwrap();
    for discovery in [plain, aggregated] {
        for (group, kind) in [("apps", "Deployment"), ("", "Namespace"), ("example.com", "Widget")] {
            let found = discovery.get(group).and_then(|group| group.recommended_kind(kind));
            assert!(found.is_some(), "{group}/{kind}");
        }
    }
}

#[tokio::test]
async fn custom_resources_are_served_once_their_definition_is_established() {
    let world = World::new();
    let object = widget("a", json!({"list": [1, 2]}));
    assert_eq!(refusal(world.apply_as("bootstrap", &object).await).code, 404);
    world.apply(&definition()).await;
    assert_eq!(refusal(world.apply_as("bootstrap", &object).await).code, 404);
    let status = |object: &serde_json::Value| object["status"]["conditions"].clone();
    let conditions = status(&world.live(&definition()).await.unwrap());
    assert!(
        conditions.as_array().unwrap().iter().any(|c| c["type"] == "Established" && c["status"] == "False")
    );

    world.pass(3);
    assert_eq!(world.apply(&object).await["spec"]["list"], json!([1, 2]));
    let conditions = status(&world.live(&definition()).await.unwrap());
    assert!(
        conditions.as_array().unwrap().iter().any(|c| c["type"] == "Established" && c["status"] == "True")
    );

    world.delete(&definition()).await;
    assert_eq!(refusal(world.apply_as("bootstrap", &object).await).code, 404);
    assert!(world.live(&definition()).await.is_none());
}

#[tokio::test]
async fn what_is_not_offered_is_said() {
    let world = World::new();
    let request = http::Request::get("/api/v1/pods?watch=true").body(Vec::new()).unwrap();
    let status = refusal(world.client.request::<serde_json::Value>(request).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (501, "the simulated API server does not offer watches")
    );
    let request = http::Request::get("/readyz").body(Vec::new()).unwrap();
    assert_eq!(world.client.request_text(request).await.unwrap(), "ok");
}

#[tokio::test]
async fn a_cluster_survives_being_stored() {
    let world = World::new();
    world.join(1, 30);
    world.apply(&definition()).await;
    world.apply(&deployment("web", 2, "registry/web:1")).await;
    world.pass(10);
    world.names("v1", "Pod", "default").await;
    let text = world.state(|state| serde_json::to_string(&state.cluster).unwrap());
    let restored: Cluster = serde_json::from_str(&text).unwrap();
    let now = world.state(|state| state.now);
    let other = World::of(restored, now);
    other.state(|state| state.nodes = world.state(|state| state.nodes.clone()));
    for world in [&world, &other] {
        world.pass(60);
    }
    let web = deployment("web", 2, "registry/web:1");
    let (one, two) = (world.live(&web).await.unwrap(), other.live(&web).await.unwrap());
    assert_eq!(one["status"]["readyReplicas"], 2);
    assert_eq!(one, two);
}

#[tokio::test]
async fn a_containers_log_is_read_from_its_end() {
    let world = World::new();
    world.join(1, 0);
    world.apply(&deployment("web", 1, "registry/web:1")).await;
    world.pass(60);
    let api: Api<Pod> = Api::namespaced(world.client.clone(), "default");
    let pod = api.list(&ListParams::default().labels("app=web")).await.unwrap().items.remove(0);
    let pod = pod.metadata.name.unwrap();
    let of = |container: &str| LogParams { container: Some(container.to_owned()), ..LogParams::default() };
    let whole = api.logs(&pod, &of("main")).await.unwrap();
    assert!(whole.ends_with("main started\n"), "{whole}");
    for (parameters, told) in [
        (LogParams { previous: true, ..of("main") }, "previous terminated container \"main\""),
        (of("sidecar"), "container sidecar is not valid for pod"),
    ] {
        let status = refusal(api.logs(&pod, &parameters).await);
        assert!(status.code == 400 && status.message.starts_with(told), "{status:?}");
    }
    assert_eq!(api.logs(&pod, &LogParams { tail_lines: Some(0), ..of("main") }).await.unwrap(), "");
}
