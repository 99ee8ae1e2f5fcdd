//! The provider `kubeconfig` in the sandbox.

use holodeck_sandbox::Sandbox;
use holodeck_sandbox::kubernetes::GivenCluster;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::laws::{self, Deed, Occupant, Place};
use crate::sandbox::{InSandbox, Simulated};
use crate::support::Workplace;

/// `environments/onprem.toml`, with the load balancer's table as it is there or another one.
struct Kubeconfig(Simulated);

/// MetalLB instead of the node ports.
const METALLB: &str = "kind = \"metallb\"\naddresses = [\"192.0.2.16/28\"]";

impl Kubeconfig {
    fn whole() -> Self {
        Self(Simulated { workplace: Workplace::new(), environment: "onprem" })
    }

    fn with_metallb() -> Self {
        let place = Self::whole();
        let node_ports = "kind = \"node-ports\"\naddresses = [\"192.0.2.10\"]";
        place.0.workplace.edit("onprem.toml", node_ports, METALLB);
        place
    }

    /// So much that a sweep over all requests takes bearable time.
    fn small() -> Self {
        let place = Self::with_metallb();
        place.0.workplace.turn_off("onprem", &["argo-cd", "vault"]);
        place
    }

    /// Does something by hand on the cluster.
    fn on_cluster(&self, act: impl AsyncFnOnce(kube::Client)) {
        self.0.by_hand(async |world: Sandbox| {
            let given = GivenCluster {
                version: "1.36".into(),
                nodes: 5,
                storage_class: "standard".into(),
                metallb: Some("metallb-system".into()),
            };
            act(world.given_kubernetes(given)).await;
        });
    }

    fn deed<'a>(&'a self, act: impl AsyncFn(kube::Client) + 'a, mended_by: &[&'static str]) -> Deed<'a> {
        let act = Box::new(move || self.on_cluster(async |client| act(client).await));
        Deed { act, mended_by: mended_by.to_vec() }
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

impl InSandbox for Kubeconfig {
    fn simulated(&self) -> &Simulated {
        &self.0
    }

    fn deeds(&self) -> Vec<Deed<'_>> {
        vec![
            self.deed(
                async |client| {
                    let deployments: Api<Deployment> = Api::namespaced(client, "cert-manager");
                    let scaled = Patch::Merge(json!({ "spec": { "replicas": 7 } }));
                    let somebody =
                        PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
                    deployments.patch("cert-manager", &somebody, &scaled).await.expect("an answer");
                },
                &["update kubernetes.cert-manager.deployment.cert-manager"],
            ),
            self.deed(
                async |client| {
                    let configs: Api<ConfigMap> = Api::namespaced(client, "ingress-nginx");
                    configs
                        .delete("ingress-nginx-controller", &DeleteParams::default())
                        .await
                        .expect("an answer");
                },
                &["create kubernetes.ingress-nginx.configmap.ingress-nginx-controller"],
            ),
        ]
    }

    fn occupy(&self) -> Occupant {
        self.run(&["plan", "--quiet"]);
        self.on_cluster(async |client| {
            let theirs = ClusterRole { metadata: named("cert-manager-edit"), ..ClusterRole::default() };
            let roles: Api<ClusterRole> = Api::all(client);
            roles.create(&PostParams::default(), &theirs).await.expect("an answer");
        });
        Occupant {
            address: "clusterrole.cert-manager-edit",
            name: "rbac.authorization.k8s.io/clusterroles//cert-manager-edit",
        }
    }

    fn vacate(&self) {
        self.on_cluster(async |client| {
            let roles: Api<ClusterRole> = Api::all(client);
            roles.delete("cert-manager-edit", &DeleteParams::default()).await.expect("an answer");
        });
    }
}

#[test]
fn it_comes_up_and_goes_without_a_trace() {
    laws::comes_up_and_goes_without_a_trace(&Kubeconfig::whole());
}

#[test]
fn it_comes_up_and_goes_without_a_trace_behind_metallb() {
    laws::comes_up_and_goes_without_a_trace(&Kubeconfig::with_metallb());
}

#[test]
fn drift_is_planned_and_mended() {
    laws::drift_is_planned_and_mended(&Kubeconfig::small());
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    laws::what_is_not_ours_is_refused_and_left_alone(&Kubeconfig::small());
}

#[test]
fn requests_that_go_wrong_are_survived() {
    laws::requests_that_go_wrong_are_survived(&Kubeconfig::small());
}

#[test]
fn a_killed_process_is_continued() {
    laws::a_killed_process_is_continued(&Kubeconfig::small());
}

#[test]
fn metallb_gives_the_ingress_the_first_address_of_the_pool() {
    let place = Kubeconfig::with_metallb();
    let up = place.run(&["up", "--yes"]);
    assert_eq!(up.status, 0, "{}", up.stderr);
    assert!(up.stdout.contains("*.onprem.holodeck.example  A  192.0.2.17"), "{}", up.stdout);
    place.on_cluster(async |client| {
        let services: Api<k8s_openapi::api::core::v1::Service> = Api::namespaced(client, "ingress-nginx");
        let service = services.get("ingress-nginx-controller").await.expect("the Service");
        let status = json!(service.status);
        assert_eq!(status["loadBalancer"]["ingress"][0]["ip"], "192.0.2.17", "{status}");
    });
}
