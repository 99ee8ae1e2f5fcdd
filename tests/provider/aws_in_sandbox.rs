//! The provider `aws` in the sandbox.

use holodeck_sandbox::Sandbox;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::laws::{self, Deed, Occupant};
use crate::sandbox::{InSandbox, Simulated};
use crate::support::Workplace;

/// The sandbox's environment.
struct Aws(Simulated);

impl Aws {
    fn whole() -> Self {
        Self(Simulated { workplace: Workplace::new(), environment: "sandbox" })
    }

    /// Every kind of cloud resource and no components, so that a run is quick.
    fn small() -> Self {
        let place = Self::whole();
        place.0.workplace.turn_off("sandbox", &["ingress-nginx", "cert-manager", "vault", "argo-cd"]);
        place
    }

    fn deed<'a>(&'a self, act: impl AsyncFn(Sandbox) + 'a, mended_by: &[&'static str]) -> Deed<'a> {
        let act = Box::new(move || self.0.by_hand(async |world| act(world).await));
        Deed { act, mended_by: mended_by.to_vec() }
    }
}

fn ec2(world: &Sandbox) -> aws_sdk_ec2::Client {
    let aws = world.aws();
    let config = aws_sdk_ec2::config::Builder::from(&aws.sdk_config()).interceptor(aws.interceptor()).build();
    aws_sdk_ec2::Client::from_conf(config)
}

fn iam(world: &Sandbox) -> aws_sdk_iam::Client {
    let aws = world.aws();
    let config = aws_sdk_iam::config::Builder::from(&aws.sdk_config()).interceptor(aws.interceptor()).build();
    aws_sdk_iam::Client::from_conf(config)
}

/// The role of the cluster.
const ROLE: &str = "sandbox-cluster";

/// The cluster's API, as somebody with access to it uses it.
async fn kubernetes(world: &Sandbox) -> kube::Client {
    let aws = world.aws();
    let config = aws_sdk_eks::config::Builder::from(&aws.sdk_config()).interceptor(aws.interceptor()).build();
    let eks = aws_sdk_eks::Client::from_conf(config);
    let described = eks.describe_cluster().name("sandbox").send().await.expect("the cluster");
    world.kubernetes(described.cluster.expect("the cluster").endpoint().expect("its endpoint"))
}

/// The VPC of the environment.
async fn our_vpc(ec2: &aws_sdk_ec2::Client) -> String {
    let vpcs = ec2.describe_vpcs().send().await.expect("an answer").vpcs.expect("VPCs");
    let ours = vpcs.into_iter().find(|vpc| vpc.cidr_block() == Some("10.10.0.0/16"));
    ours.and_then(|vpc| vpc.vpc_id).expect("our VPC")
}

impl InSandbox for Aws {
    fn simulated(&self) -> &Simulated {
        &self.0
    }

    fn deeds(&self) -> Vec<Deed<'_>> {
        vec![
            self.deed(
                async |world| {
                    let ec2 = ec2(&world);
                    let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
                    let request = ec2.modify_vpc_attribute().vpc_id(our_vpc(&ec2).await);
                    request.enable_dns_hostnames(off).send().await.expect("an answer");
                },
                &["update aws.vpc.main"],
            ),
            // A tag of somebody else stays.
            self.deed(
                async |world| {
                    let ec2 = ec2(&world);
                    let tag = aws_sdk_ec2::types::Tag::builder().key("cost-centre").value("7").build();
                    ec2.create_tags()
                        .resources(our_vpc(&ec2).await)
                        .tags(tag)
                        .send()
                        .await
                        .expect("an answer");
                },
                &[],
            ),
            self.deed(
                async |world| {
                    let client = kubernetes(&world).await;
                    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "ingress-nginx");
                    let scaled = Patch::Merge(json!({ "spec": { "replicas": 7 } }));
                    let somebody =
                        PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
                    deployments
                        .patch("ingress-nginx-controller", &somebody, &scaled)
                        .await
                        .expect("an answer");
                    let configs: Api<ConfigMap> = Api::namespaced(client, "argocd");
                    configs.delete("argocd-rbac-cm", &DeleteParams::default()).await.expect("an answer");
                },
                &[
                    "create kubernetes.argocd.configmap.argocd-rbac-cm",
                    "update kubernetes.ingress-nginx.deployment.ingress-nginx-controller",
                ],
            ),
            // So does an object of somebody else.
            self.deed(
                async |world| {
                    let mut theirs = ConfigMap::default();
                    theirs.metadata.name = Some("theirs".into());
                    let configs: Api<ConfigMap> = Api::namespaced(kubernetes(&world).await, "argocd");
                    configs.create(&PostParams::default(), &theirs).await.expect("an answer");
                },
                &[],
            ),
        ]
    }

    fn occupy(&self) -> Occupant {
        self.0.by_hand(async |world| {
            let ec2 = json!({"Service": "ec2.amazonaws.com"});
            let somebody = json!({"Effect": "Allow", "Principal": ec2, "Action": "sts:AssumeRole"});
            let trust = json!({"Version": "2012-10-17", "Statement": [somebody]}).to_string();
            let role = iam(&world).create_role().role_name(ROLE).assume_role_policy_document(trust);
            role.send().await.expect("an answer");
        });
        Occupant { address: "aws.iam_role.cluster", name: "iam/roles/sandbox-cluster" }
    }

    fn vacate(&self) {
        self.0.by_hand(async |world| {
            iam(&world).delete_role().role_name(ROLE).send().await.expect("an answer");
        });
    }
}

#[test]
fn it_comes_up_and_goes_without_a_trace() {
    laws::comes_up_and_goes_without_a_trace(&Aws::whole());
}

#[test]
fn drift_is_planned_and_mended() {
    laws::drift_is_planned_and_mended(&Aws::whole());
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    laws::what_is_not_ours_is_refused_and_left_alone(&Aws::small());
}

#[test]
fn requests_that_go_wrong_are_survived() {
    laws::requests_that_go_wrong_are_survived(&Aws::small());
}

#[test]
fn a_killed_process_is_continued() {
    laws::a_killed_process_is_continued(&Aws::small());
}
