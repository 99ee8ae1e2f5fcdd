//! What keeps a pod from being ready, case by case, told by the workload that waits for it.

use serde_json::{Value, json};

use super::world::{World, container_event, containers, event, object, pod, stateful_set};

const BEFORE: &str = "0 of 1 replicas are ready; pod web-0: ";
const DESCRIBE: &str = "look further with `kubectl -n a describe pod web-0`";

/// What is told about a stateful set with this pod, after its own status, and the next command.
async fn told(world: &World) -> (String, String) {
    let told = world.told(&stateful_set()).await;
    let (why, hint) = told.split_once('\n').unwrap();
    (why.strip_prefix(BEFORE).unwrap_or_else(|| panic!("{why}")).to_owned(), hint.to_owned())
}

fn unscheduled(message: &str) -> Value {
    let unscheduled =
        json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message});
    json!({"phase": "Pending", "conditions": [unscheduled]})
}

#[tokio::test]
async fn a_pod_that_no_node_takes() {
    let message = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). no new claims to \
                   deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
    let (why, hint) = told(&World::of([pod("web-0", unscheduled(message))])).await;
    assert_eq!(
        why,
        "unschedulable: 0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s)"
    );
    assert_eq!(hint, DESCRIBE);
}

#[tokio::test]
async fn a_claim_without_a_volume() {
    let message =
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3";
    let claim = object("v1", "PersistentVolumeClaim", "data", json!({"phase": "Pending"}));
    let missing =
        event(&claim, 1, ("Warning", "ProvisioningFailed", "storageclass.storage.k8s.io \"fast\" not found"));
    let later = event(&claim, 2, ("Normal", "ExternalProvisioning", "waiting"));
    let (why, hint) = told(&World::of([pod("web-0", unscheduled(message)), claim, missing, later])).await;
    assert_eq!(
        why,
        "unschedulable: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims; claim data: \
         ProvisioningFailed: storageclass.storage.k8s.io \"fast\" not found"
    );
    assert_eq!(hint, "look further with `kubectl -n a describe persistentvolumeclaim data`");
}

#[tokio::test]
async fn an_image_that_cannot_be_had() {
    let back_off = containers(
        json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"web:1\""}}),
        json!({}),
    );
    let pod = pod("web-0", back_off);
    let (why, hint) = told(&World::of([pod.clone()])).await;
    assert_eq!(
        why,
        "image web:1 of container web cannot be had: ImagePullBackOff: Back-off pulling image \"web:1\""
    );
    assert_eq!(hint, DESCRIBE);

    // The registry's answer stands in an event.
    let answer = "Failed to pull image \"web:1\": rpc error: code = NotFound desc = docker.io/library/web:1: not found";
    let failed = container_event(&pod, "web", ("Warning", "Failed", answer));
    let later = event(&pod, 9, ("Warning", "Failed", "Error: ImagePullBackOff"));
    let (why, _) = told(&World::of([pod, failed, later])).await;
    assert_eq!(
        why,
        "image web:1 of container web cannot be had: rpc error: code = NotFound desc = docker.io/library/web:1: not found"
    );
}

#[tokio::test]
async fn a_failing_probe() {
    let running = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
    let pod = pod("web-0", containers(running, json!({})));
    let logs = "look further with `kubectl -n a logs web-0 -c web`";
    let quiet = told(&World::of([pod.clone()])).await;
    assert_eq!(quiet, ("container web runs, but is not ready yet".to_owned(), logs.to_owned()));

    let unhealthy = |container, message| container_event(&pod, container, ("Warning", "Unhealthy", message));
    let probe = "Readiness probe failed: HTTP probe failed with statuscode: 503";
    let of_another = unhealthy("proxy", "Liveness probe failed: no");
    let failing = told(&World::of([pod.clone(), unhealthy("web", probe), of_another])).await;
    assert_eq!(
        failing,
        (
            "the readiness probe of container web fails: HTTP probe failed with statuscode: 503".to_owned(),
            logs.to_owned()
        )
    );
}

/// The status of a container that ended with `terminated`, and waits for its next start.
fn crashed(terminated: Value, restarts: u8) -> Value {
    containers(
        json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}),
        json!({"lastState": {"terminated": terminated}, "restartCount": restarts}),
    )
}

const PREVIOUS: &str = "&container=web&limitBytes=8192&previous=true&tailLines=3";

#[tokio::test]
async fn a_container_that_ends_again_and_again() {
    let crashed = pod("web-0", crashed(json!({"exitCode": 1, "reason": "Error"}), 4));
    let log = "\u{1b}[31mpanic\u{1b}[0m: no configuration\n\n\tat main.go:7\n";
    let world = World::of([crashed.clone()]).with_log("web-0", PREVIOUS, log);
    let (why, hint) = told(&world).await;
    assert_eq!(
        why,
        "container web ended with exit code 1, restarted 4 times; its last lines: panic: no configuration ⏎ at main.go:7"
    );
    assert_eq!(hint, "look further with `kubectl -n a logs web-0 -c web --previous`");

    // A log that cannot be read is no reason to fail.
    assert_eq!(
        told(&World::of([crashed.clone()])).await.0,
        "container web ended with exit code 1, restarted 4 times"
    );

    let silent = World::of([crashed.clone()]).with_log("web-0", PREVIOUS, "");
    assert!(told(&silent).await.0.ends_with("4 times; it wrote nothing"));
    let long = World::of([crashed]).with_log("web-0", PREVIOUS, &"x".repeat(500));
    assert!(told(&long).await.0.ends_with(&format!("its last lines: {}…", "x".repeat(160))));
}

#[tokio::test]
async fn what_ended_a_container() {
    let out_of_memory = pod("web-0", crashed(json!({"exitCode": 137, "reason": "OOMKilled"}), 1));
    assert_eq!(
        told(&World::of([out_of_memory])).await.0,
        "container web ended with exit code 137, out of memory (OOMKilled; its limit is 64Mi), restarted once"
    );

    let killed = pod("web-0", crashed(json!({"exitCode": 143, "reason": "Error"}), 2));
    let probe =
        ("Warning", "Unhealthy", "Liveness probe failed: Get \"http://10.0.0.7/\": connection refused");
    let probe = container_event(&killed, "web", probe);
    assert_eq!(
        told(&World::of([killed, probe])).await.0,
        "container web ended with exit code 143, restarted 2 times, for its liveness probe failed: Get \
         \"http://10.0.0.7/\": connection refused"
    );
}

#[tokio::test]
async fn a_container_that_runs_again() {
    let again = containers(
        json!({"running": {}}),
        json!({"lastState": {"terminated": {"exitCode": 2}}, "restartCount": 3}),
    );
    let again = pod("web-0", again);
    let world = World::of([again.clone()]).with_log("web-0", PREVIOUS, "fatal: no key");
    let before = "it ended with exit code 2, restarted 3 times";
    assert_eq!(
        told(&world).await.0,
        format!("container web is not ready; before, {before}; its last lines: fatal: no key")
    );
    let probe = container_event(&again, "web", ("Warning", "Unhealthy", "Startup probe failed: sealed"));
    assert_eq!(
        told(&World::of([again, probe])).await.0,
        format!("the startup probe of container web fails: sealed; before, {before}")
    );
}

#[tokio::test]
async fn a_container_that_ended_just_now() {
    let ended = pod("web-0", containers(json!({"terminated": {"exitCode": 1}}), json!({"restartCount": 0})));
    let now = "&container=web&limitBytes=8192&tailLines=3";
    let (why, hint) = told(&World::of([ended]).with_log("web-0", now, "no such file")).await;
    assert_eq!(why, "container web ended with exit code 1; its last lines: no such file");
    assert_eq!(hint, "look further with `kubectl -n a logs web-0 -c web`");
}

#[tokio::test]
async fn what_cannot_be_started_or_mounted() {
    let waiting =
        json!({"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"key\" not found"}});
    let refused = pod("web-0", containers(waiting, json!({})));
    assert_eq!(
        told(&World::of([refused])).await,
        (
            "container web cannot be started: CreateContainerConfigError: secret \"key\" not found"
                .to_owned(),
            DESCRIBE.to_owned()
        )
    );

    let creating = pod("web-0", containers(json!({"waiting": {"reason": "ContainerCreating"}}), json!({})));
    let mount = "MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found";
    let mount = event(&creating, 5, ("Warning", "FailedMount", mount));
    let scheduled = event(&creating, 1, ("Normal", "Scheduled", "assigned"));
    let stuck = World::of([creating.clone(), mount.clone(), scheduled]);
    assert_eq!(
        told(&stuck).await,
        (
            "FailedMount: MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found"
                .to_owned(),
            DESCRIBE.to_owned()
        )
    );

    // What has been overcome is not told.
    let pulling = event(&creating, 6, ("Normal", "Pulling", "Pulling image \"web:1\""));
    assert_eq!(told(&World::of([creating.clone(), mount, pulling])).await.0, "Pulling image \"web:1\"");
    assert_eq!(told(&World::of([creating])).await.0, "pending");
}

#[tokio::test]
async fn init_containers() {
    let init = |name: &str, state: Value, ready: bool| {
        let init = json!({"name": name, "ready": ready, "state": state});
        pod(
            "web-0",
            json!({"phase": "Pending", "initContainerStatuses": [init], "containerStatuses": [
                {"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}}
            ]}),
        )
    };
    let running = || json!({"running": {}});
    for (pod, expected) in [
        (init("init", running(), false), "init container init is still at work"),
        (init("proxy", running(), false), "container proxy runs, but is not ready yet"),
        (init("proxy", running(), true), "pending"),
        (init("init", json!({"terminated": {"exitCode": 0}}), true), "pending"),
        (
            init("init", json!({"terminated": {"exitCode": 3}}), false),
            "container init ended with exit code 3",
        ),
    ] {
        assert_eq!(told(&World::of([pod])).await.0, expected);
    }
}

#[tokio::test]
async fn pods_as_a_whole() {
    let evicted =
        json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory. "});
    let gate = "corresponding condition of pod readiness gate \"x\" does not exist.";
    let gated =
        json!({"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": gate});
    for (status, expected) in [
        (evicted, "Evicted: The node was low on resource: memory."),
        (json!({"phase": "Running", "conditions": [gated]}), gate),
        (json!({"phase": "Running"}), "running"),
    ] {
        assert_eq!(
            told(&World::of([pod("web-0", status)])).await,
            (expected.to_owned(), DESCRIBE.to_owned())
        );
    }
}
