//! Requests that fail, lose their answers, or end with the process: running again always ends in the same place.

use std::collections::BTreeSet;

use crate::support::Workplace;

/// An environment with every kind of cloud resource and no components, so that a run is quick.
fn cloud_only() -> Workplace {
    let place = Workplace::new();
    place.turn_off(&["ingress-nginx", "cert-manager", "vault", "argo-cd"]);
    place
}

/// Each fault with `up`, then `up` without one: it must end complete, with nothing left to change, nothing twice, and a
/// destruction that leaves nothing.
fn survives(fault: &str) {
    let place = cloud_only();
    place.run(&["up", "sandbox", "--yes", "--quiet", "--sandbox-fault", fault]);
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    assert_eq!(place.changes("sandbox", &[]), Vec::<String>::new(), "{fault}");
    place.run(&["destroy", "sandbox", "--yes", "--quiet", "--sandbox-fault", fault]);
    place.succeed(&["destroy", "sandbox", "--yes", "--quiet"]);
    assert_eq!(place.changes("sandbox", &["--destroy"]), Vec::<String>::new(), "{fault}");
}

/// The number of changing requests of an undisturbed `up`, found by stopping at ever later ones.
const SAMPLED: [usize; 8] = [1, 5, 12, 20, 33, 48, 64, 80];

#[test]
fn a_killed_process_is_continued() {
    for n in SAMPLED {
        survives(&format!("*:stop-after@{n}"));
        survives(&format!("*:stop-before@{n}"));
    }
}

#[test]
fn a_lost_answer_makes_nothing_twice() {
    for n in SAMPLED {
        survives(&format!("*:lose-answer@{n}"));
    }
    // These creations have neither a client token nor a unique name.
    for operation in
        ["CreateVpc", "AllocateAddress", "CreateInternetGateway", "CreateRouteTable", "CreateKey"]
    {
        survives(&format!("{operation}:lose-answer@1"));
    }
}

#[test]
fn throttling_and_refusals_are_survived() {
    let faults: BTreeSet<String> = SAMPLED
        .iter()
        .flat_map(|n| {
            [
                format!("*:throttle@{n}"),
                format!("*:fail=InternalFailure@{n}"),
                format!("*:fail=AccessDenied@{n}"),
            ]
        })
        .collect();
    for fault in faults {
        survives(&fault);
    }
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
