//! Services come from Git, change with it, and go.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::ResourceExt;
use kube::api::Api;

use super::ArgoCd;
use super::applications::{refresh, until_all_are_well};
use super::platform::{NAMESPACE, Platform};

#[tokio::test]
async fn services_come_change_and_go_with_their_files() {
    let platform = Platform::start(&[
        ("orders.json", r#"{ "replicas": 2, "greeting": "We take orders" }"#),
        ("payments.json", r#"{ "replicas": 1, "greeting": "We take money" }"#),
        // No service: it is not in the folder itself.
        ("drafts/returns.json", r#"{ "replicas": 1, "greeting": "We take nothing" }"#),
    ])
    .await;
    let client = platform.client();
    let mut argo_cd = ArgoCd::start(&platform).await;
    until_all_are_well(&mut argo_cd, &client, &["monitoring", "orders", "payments", "platform"]).await;

    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "orders");
    let deployment = deployments.get("orders").await.expect("the service's deployment");
    assert_eq!(deployment.spec.as_ref().and_then(|spec| spec.replicas), Some(2));
    assert_eq!(deployment.labels()["app.kubernetes.io/instance"], "orders");
    let tracked = &deployment.annotations()["argocd.argoproj.io/tracking-id"];
    assert_eq!(tracked, "orders:apps/Deployment:orders/orders");
    let settings: Api<ConfigMap> = Api::namespaced(client.clone(), "orders");
    let greeting = async || settings.get_opt("orders").await.expect("an answer").and_then(|map| map.data);
    assert_eq!(greeting().await.expect("data")["greeting"], "We take orders");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = namespaces.get("payments").await.expect("the service's namespace");
    assert_eq!(namespace.labels()["pod-security.kubernetes.io/enforce"], "restricted");
    let targets: Api<ConfigMap> = Api::namespaced(client.clone(), "monitoring");
    let targets = targets.get("targets").await.expect("what the platform's application declares");
    assert_eq!(targets.data.expect("data")["interval"], "30s");

    platform.change_services(|folder| {
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
        write("orders.json", r#"{ "replicas": 3, "greeting": "We take more orders" }"#);
        write("search.json", r#"{ "replicas": 1, "greeting": "We find" }"#);
        std::fs::remove_file(folder.join("payments.json")).expect("a file");
    });
    refresh(&client, "ApplicationSet", "services").await;
    refresh(&client, "Application", "orders").await;
    argo_cd
        .until("the change of the service", async || {
            let found = greeting().await;
            let changed = found.as_ref().is_some_and(|data| data["greeting"] == "We take more orders");
            if changed { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    until_all_are_well(&mut argo_cd, &client, &["monitoring", "orders", "platform", "search"]).await;
    let replicas =
        deployments.get("orders").await.expect("the deployment").spec.and_then(|spec| spec.replicas);
    assert_eq!(replicas, Some(3));
    let gone: Api<Deployment> = Api::namespaced(client.clone(), "payments");
    assert!(gone.get_opt("payments").await.expect("an answer").is_none());

    // The server has made the administrator's first password.
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let first = secrets.get("argocd-initial-admin-secret").await.expect("the first password");
    assert!(first.data.expect("data").contains_key("password"));

    // What is taken away by hand comes back by itself.
    settings.delete("orders", &Default::default()).await.expect("a deletion");
    argo_cd
        .until("the return of what was deleted", async || {
            greeting().await.map(drop).ok_or_else(|| "it is not there".to_owned())
        })
        .await;
    assert_eq!(argo_cd.refusals(), [""; 0]);
}
