//! Changes made by hand behind the command's back: each is planned, and mended.

use std::sync::Arc;

use holodeck_sandbox::fault::Faults;
use holodeck_sandbox::{Options, Sandbox};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::support::Workplace;

/// The world that the commands have left behind, opened as somebody else would.
fn world(place: &Workplace) -> Sandbox {
    let options = Options {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        start: "2026-01-01T00:00:00Z".parse().unwrap(),
        speed: 1.0,
        faults: Faults::default(),
        on_stop: Arc::new(|| ()),
    };
    Sandbox::open(&place.path().join(".holodeck/sandbox/sandbox"), options).unwrap()
}

fn ec2(world: &Sandbox) -> aws_sdk_ec2::Client {
    let aws = world.aws();
    let config = aws_sdk_ec2::config::Builder::from(&aws.sdk_config()).interceptor(aws.interceptor()).build();
    aws_sdk_ec2::Client::from_conf(config)
}

/// Does something by hand in the world that the commands have left behind, which is closed again afterwards.
fn by_hand(place: &Workplace, act: impl AsyncFnOnce(Sandbox)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async { act(world(place)).await });
}

/// The cluster's API, as somebody with access to it uses it.
async fn kubernetes(world: &Sandbox) -> kube::Client {
    let aws = world.aws();
    let config = aws_sdk_eks::config::Builder::from(&aws.sdk_config()).interceptor(aws.interceptor()).build();
    let eks = aws_sdk_eks::Client::from_conf(config);
    let cluster = eks.describe_cluster().name("sandbox").send().await.unwrap().cluster.unwrap();
    world.kubernetes(cluster.endpoint().unwrap())
}

/// The VPC of the environment.
async fn our_vpc(ec2: &aws_sdk_ec2::Client) -> String {
    let vpcs = ec2.describe_vpcs().send().await.unwrap().vpcs.unwrap();
    vpcs.into_iter().find(|vpc| vpc.cidr_block() == Some("10.10.0.0/16")).unwrap().vpc_id.unwrap()
}

fn up() -> Workplace {
    let place = Workplace::new();
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    place
}

fn mended(place: &Workplace, changes: &[&str]) {
    let mut found = place.changes("sandbox", &[]);
    found.sort();
    assert_eq!(found, changes);
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    assert_eq!(place.changes("sandbox", &[]), Vec::<String>::new());
}

#[test]
fn a_changed_attribute_is_set_back() {
    let place = up();
    by_hand(&place, async |world| {
        let ec2 = ec2(&world);
        let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
        let request = ec2.modify_vpc_attribute().vpc_id(our_vpc(&ec2).await);
        request.enable_dns_hostnames(off).send().await.unwrap();
    });
    mended(&place, &["update aws.vpc.main"]);
}

#[test]
fn a_tag_of_somebody_else_is_left_alone() {
    let place = up();
    by_hand(&place, async |world| {
        let ec2 = ec2(&world);
        let tag = aws_sdk_ec2::types::Tag::builder().key("cost-centre").value("7").build();
        ec2.create_tags().resources(our_vpc(&ec2).await).tags(tag).send().await.unwrap();
    });
    mended(&place, &[]);
}

#[test]
fn a_scaled_workload_and_a_deleted_object_come_back() {
    let place = up();
    by_hand(&place, async |world| {
        let client = kubernetes(&world).await;
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), "ingress-nginx");
        let scaled = Patch::Merge(json!({ "spec": { "replicas": 7 } }));
        let somebody = PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
        deployments.patch("ingress-nginx-controller", &somebody, &scaled).await.unwrap();
        let configs: Api<ConfigMap> = Api::namespaced(client, "argocd");
        configs.delete("argocd-rbac-cm", &DeleteParams::default()).await.unwrap();
    });
    mended(
        &place,
        &[
            "create kubernetes.argocd.configmap.argocd-rbac-cm",
            "update kubernetes.ingress-nginx.deployment.ingress-nginx-controller",
        ],
    );
}

#[test]
fn objects_of_others_are_left_alone() {
    let place = up();
    by_hand(&place, async |world| {
        let mut theirs = ConfigMap::default();
        theirs.metadata.name = Some("theirs".into());
        let configs: Api<ConfigMap> = Api::namespaced(kubernetes(&world).await, "argocd");
        configs.create(&PostParams::default(), &theirs).await.unwrap();
    });
    mended(&place, &[]);
    by_hand(&place, async |world| {
        let configs: Api<ConfigMap> = Api::namespaced(kubernetes(&world).await, "argocd");
        assert!(configs.get("theirs").await.is_ok());
    });
}
