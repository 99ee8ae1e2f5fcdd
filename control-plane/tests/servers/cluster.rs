//! What runs on a control plane does so as on any other.

use holodeck_control_plane::{ControlPlane, Extent, Options};

use crate::{control_plane, file, kubectl, refused, said};

#[tokio::test]
async fn pods_run_with_volumes_and_services_get_addresses() {
    let control_plane = control_plane().await;
    kubectl(control_plane, &["apply", "-f", &file("workload.yaml")]);
    let wait = ["-n", "workload", "wait", "--timeout=60s"];
    for (object, condition) in [
        ("statefulset/store", "jsonpath={.status.availableReplicas}=1"),
        ("pod/store-0", "jsonpath={.status.phase}=Running"),
        ("pvc/data-store-0", "jsonpath={.status.phase}=Bound"),
        ("service/store", "jsonpath={.status.loadBalancer.ingress[0].ip}=192.0.2.1"),
    ] {
        kubectl(control_plane, &[&wait[..], &[object, "--for", condition]].concat());
    }
    let node =
        kubectl(control_plane, &["-n", "workload", "get", "pod/store-0", "-o", "jsonpath={.spec.nodeName}"]);
    assert!(node.starts_with("node-"), "{node}");
}

#[tokio::test]
async fn nodes_have_the_size_and_place_that_they_were_given() {
    let control_plane = control_plane().await;
    let columns =
        "custom-columns=CPU:.status.allocatable.cpu,ZONE:.metadata.labels.topology\\.kubernetes\\.io/zone";
    let nodes = kubectl(control_plane, &["get", "nodes", "--no-headers", "-o", columns]);
    let nodes: Vec<Vec<&str>> = nodes.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(nodes, [["8", "onprem-1"], ["8", "onprem-2"], ["8", "onprem-3"]]);
}

#[tokio::test]
async fn nobody_may_do_what_no_rule_allows() {
    let control_plane = control_plane().await;
    let nobody = ["auth", "can-i", "create", "configmaps", "--as", "somebody"];
    assert_eq!(refused(control_plane, &nobody), "");
    assert_eq!(kubectl(control_plane, &["auth", "can-i", "create", "configmaps"]), "yes\n");
    let complaint = refused(control_plane, &["get", "configmaps", "--as", "somebody"]);
    assert!(complaint.contains(r#"User "somebody" cannot list resource "configmaps""#), "{complaint}");
}

#[tokio::test]
async fn a_service_account_gets_in_as_its_pods_do() {
    let control_plane = control_plane().await;
    let file = control_plane.folder().join("account.kubeconfig");
    std::fs::write(&file, control_plane.account_kubeconfig("default", "default").await.unwrap()).unwrap();
    let mut kubectl = control_plane.kubectl_command();
    kubectl.env("KUBECONFIG", file).args(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]);
    let output = kubectl.output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "system:serviceaccount:default:default");
}

#[tokio::test]
async fn pods_are_held_to_the_security_standard_of_their_namespace() {
    let control_plane = control_plane().await;
    kubectl(control_plane, &["create", "namespace", "guarded"]);
    let label = "pod-security.kubernetes.io/enforce=restricted";
    kubectl(control_plane, &["label", "namespace", "guarded", label]);
    // The service account is made a moment after the namespace.
    kubectl(control_plane, &["-n", "guarded", "wait", "--for=create", "serviceaccount/default"]);
    let complaint =
        refused(control_plane, &["-n", "guarded", "run", "intruder", "--image=registry.invalid/a:1"]);
    assert!(complaint.contains("violates PodSecurity"), "{complaint}");
}

#[tokio::test]
async fn webhooks_are_called_unless_that_is_turned_off() {
    let calling = control_plane().await;
    let options = Options { extent: Extent::Api, calls_webhooks: false };
    let silent = ControlPlane::start(options).await.expect("a start");
    for control_plane in [calling, &silent] {
        kubectl(control_plane, &["apply", "-f", &file("webhook.yaml")]);
    }
    let hooked = ["create", "--dry-run=server", "-f", &file("hooked.yaml")];
    // The API server takes a moment until it heeds a webhook.
    let mut answers = (0..100).map(|_| calling.kubectl(&hooked).expect("kubectl"));
    let refusal = answers.find(|answer| !answer.status.success()).expect("a refusal");
    let complaint = said(&refusal.stderr);
    assert!(complaint.contains("failed calling webhook"), "{complaint}");
    kubectl(&silent, &hooked);
}
