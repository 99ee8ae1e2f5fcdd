//! The stand-in for cert-manager, with cert-manager's own definitions.

use holodeck_control_plane::stand_in;

use crate::{control_plane, file, kubectl};

#[tokio::test]
async fn certificates_get_ready_and_have_their_secrets() {
    let control_plane = control_plane().await;
    let _stand_in = stand_in::certificates(control_plane.config());
    let definitions = file("../../../bootstrap-manifests/cert-manager/crds");
    kubectl(control_plane, &["apply", "--server-side", "-f", &definitions]);
    kubectl(control_plane, &["wait", "--for=condition=Established", "crds", "--all", "--timeout=60s"]);
    kubectl(control_plane, &["apply", "-f", &file("certificate.yaml")]);
    let wait = ["-n", "certified", "wait", "--for=condition=Ready", "--timeout=60s"];
    kubectl(control_plane, &[&wait[..], &["clusterissuer/anybody", "certificate/served"]].concat());
    let secret = ["-n", "certified", "get", "secret", "served-tls", "-o", "jsonpath={.type}"];
    assert_eq!(kubectl(control_plane, &secret), "kubernetes.io/tls");
}
