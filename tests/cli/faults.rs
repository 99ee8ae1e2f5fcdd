//! Requests that fail: what is told of them, and what does not stand in the way.

use crate::support::Workplace;

/// An environment with every kind of cloud resource and no components, so that a run is quick.
fn cloud_only() -> Workplace {
    let place = Workplace::new();
    place.turn_off("sandbox", &["ingress-nginx", "cert-manager", "vault", "argo-cd"]);
    place
}

#[test]
fn a_failed_branch_lets_others_finish_and_names_what_was_not_attempted() {
    let place = cloud_only();
    let ran =
        place.run(&["up", "sandbox", "--yes", "--sandbox-fault", "CreateCluster:fail=AccessDeniedException"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("aws.eks_cluster"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Not attempted") && ran.stderr.contains("aws.node_group.general"),
        "{}",
        ran.stderr
    );
    let left = place.changes("sandbox", &[]);
    assert!(!left.iter().any(|change| change.contains("aws.load_balancer.")), "{left:?}");
}

#[test]
fn a_cluster_that_cannot_be_reached_does_not_stand_in_the_way_of_its_removal() {
    let place = Workplace::new();
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    let fault = ["--sandbox-fault", "GET deployments:fail=Forbidden"];
    let blind = place.run(&[&["plan", "sandbox"][..], &fault].concat());
    assert_eq!(blind.status, 1, "nothing is planned blindly: {}", blind.stdout);
    let gone = place.succeed(&[&["destroy", "sandbox", "--yes"][..], &fault].concat());
    assert!(gone.stderr.contains("goes with the cluster"), "{}", gone.stderr);
    assert_eq!(place.changes("sandbox", &["--destroy"]), Vec::<String>::new());
}
