//! Which pods of a workload are looked at, and what is told when there are none.

use serde_json::{Value, json};

use super::world::{World, containers, event, object, owned, pod, stateful_set};

fn waiting(reason: &str) -> Value {
    containers(json!({"waiting": {"reason": reason}}), json!({}))
}

#[tokio::test]
async fn the_pod_that_tells_most_speaks_for_all() {
    let mut ready =
        pod("web-0", json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}));
    ready["status"]["containerStatuses"] = waiting("CrashLoopBackOff")["containerStatuses"].clone();
    let mut leaving = pod("web-1", waiting("CrashLoopBackOff"));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let beginning = pod("web-2", json!({"phase": "Pending"}));
    let older = pod("web-3", waiting("ErrImagePull"));
    let mut newer = pod("web-4", waiting("InvalidImageName"));
    newer["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut foreign = pod("other-0", waiting("CrashLoopBackOff"));
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("somebody");
    let told = World::of([ready, leaving, beginning, older, newer, foreign]).told(&stateful_set()).await;
    assert!(
        told.contains("pod web-4: image web:1 of container web cannot be had: InvalidImageName"),
        "{told}"
    );
}

#[tokio::test]
async fn events_of_an_earlier_pod_of_the_name_do_not_count() {
    let now = pod("web-0", json!({"phase": "Pending"}));
    let mut earlier = now.clone();
    earlier["metadata"]["uid"] = json!("earlier");
    let failed = event(&earlier, 1, ("Warning", "FailedMount", "of the pod before"));
    let told = World::of([now, failed]).told(&stateful_set()).await;
    assert!(told.starts_with("0 of 1 replicas are ready; pod web-0: pending\n"), "{told}");
}

#[tokio::test]
async fn of_a_deployment_only_the_present_pods_count() {
    let revision = |mut object: Value, revision: &str| {
        object["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": revision});
        object
    };
    let mut deployment = revision(
        object("apps/v1", "Deployment", "web", json!({"observedGeneration": 1, "updatedReplicas": 1})),
        "2",
    );
    deployment["spec"] = json!({"replicas": 1, "selector": {"matchLabels": {"app": "web"}}});
    let set = |name: &str, of: &str| {
        owned(revision(object("apps/v1", "ReplicaSet", name, json!({})), of), &deployment)
    };
    let (old, new) = (set("web-old", "1"), set("web-new", "2"));
    let failing = owned(pod("web-old-1", waiting("ErrImagePull")), &old);
    let starting = owned(pod("web-new-1", json!({"phase": "Pending"})), &new);
    let told = World::of([old, new, failing, starting]).told(&deployment).await;
    assert_eq!(
        told,
        "0 of 1 replicas are ready; pod web-new-1: pending\nlook further with `kubectl -n a describe pod web-new-1`"
    );

    // What keeps pods from being made is told once, by the condition.
    let refused = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"});
    deployment["status"]["conditions"] = json!([refused]);
    let again = event(&deployment, 1, ("Warning", "FailedCreate", "exceeded quota"));
    assert_eq!(
        World::of([again]).told(&deployment).await,
        "0 of 1 replicas are ready; FailedCreate: exceeded quota\nlook further with `kubectl -n a describe deployment web`"
    );
}

#[tokio::test]
async fn a_workload_without_pods_tells_why_none_could_be_made() {
    let set = stateful_set();
    let refused =
        "create Pod web-0 in StatefulSet web failed error: pods \"web-0\" is forbidden: violates PodSecurity";
    let refused = event(&set, 1, ("Warning", "FailedCreate", refused));
    assert_eq!(
        World::of([refused.clone()]).told(&set).await,
        "0 of 1 replicas are ready; FailedCreate: create Pod web-0 in StatefulSet web failed error: pods \"web-0\" is \
         forbidden: violates PodSecurity\nlook further with `kubectl -n a describe statefulset web`"
    );
    let made =
        event(&set, 2, ("Normal", "SuccessfulCreate", "create Pod web-0 in StatefulSet web successful"));
    let told = World::of([refused, made]).told(&set).await;
    assert!(told.starts_with("0 of 1 replicas are ready\n"), "{told}");
}

#[tokio::test]
async fn a_job_tells_how_its_pods_failed() {
    let failed =
        json!({"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"});
    let mut job = object("batch/v1", "Job", "web", json!({"failed": 1, "conditions": [failed]}));
    job["spec"] = json!({"selector": {"matchLabels": {"app": "web"}}});
    let ended = containers(json!({"terminated": {"exitCode": 7}}), json!({}));
    let mut pod = owned(pod("web-x", ended), &job);
    pod["status"]["phase"] = json!("Failed");
    let world = World::of([pod]);
    assert_eq!(
        world.told(&job).await,
        "BackoffLimitExceeded: too often; pod web-x: container web ended with exit code 7\nlook further with `kubectl -n \
         a logs web-x -c web`"
    );
    job["status"] = json!({"failed": 1});
    let told = world.told(&job).await;
    assert!(
        told.starts_with("0 of 1 pods have succeeded, 1 have failed; pod web-x: container web"),
        "{told}"
    );
}

#[tokio::test]
async fn a_removal_tells_which_pod_remains() {
    let mut set = stateful_set();
    set["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    set["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
    let mut pod = pod("web-0", json!({}));
    pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    pod["metadata"]["finalizers"] = json!(["example.com/guard"]);
    let world = World::of([pod]);
    assert!(
        world.told(&stateful_set()).await.starts_with("0 of 1 replicas are ready; pod web-0 is still being")
    );
    assert_eq!(
        world.told(&set).await,
        "waits for its finalizers: foregroundDeletion; pod web-0 is still being removed and waits for its finalizers: \
         example.com/guard\nlook further with `kubectl -n a describe pod web-0`"
    );
    assert_eq!(
        World::default().told(&set).await,
        "waits for its finalizers: foregroundDeletion\nlook further with `kubectl -n a get statefulset web -o yaml`"
    );
}
