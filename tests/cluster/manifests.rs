//! Every object of every environment is accepted as it is, and every pod under the restricted standard.
//!
//! The objects are those that `render` prints before anything exists: outputs of the provider's resources, which are not
//! known yet, only stand in texts that the server does not look into. A warning counts as much as a refusal: the server warns of what it is
//! about to stop serving, of fields that it ignores, and of pod templates that a namespace's level does not admit.
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::support::{self, Answer, Mode, environments, name, text};

#[tokio::test]
async fn every_object_of_every_environment_is_accepted() {
    let client = support::client().await;
    let mut complaints = Vec::new();
    for environment in environments() {
        let objects = support::rendered(environment);
        assert!(objects.len() > 100, "{environment} has {} objects only", objects.len());
        let answers = stream::iter(objects)
            .map(|object| async { (name(object), support::apply(&client, object, Mode::Try).await) })
            .buffer_unordered(8);
        let answers: Vec<(String, Answer)> = answers.collect().await;
        for (name, answer) in answers {
            let texts = answer.complaints().into_iter();
            complaints.extend(texts.map(|text| format!("{environment}: {name}: {text}")));
        }
    }
    support::none("complaints", complaints);
}

/// No component needs more than the restricted standard allows, so every namespace enforces it.
#[tokio::test]
async fn pods_of_every_workload_are_admitted_where_the_restricted_standard_is_enforced() {
    let client = support::client().await;
    let mut complaints = Vec::new();
    for environment in environments() {
        let objects = support::rendered(environment);
        let restricted = restricted(objects);
        let pods: Vec<Value> = objects.iter().filter_map(pod).collect();
        assert!(pods.len() >= 9, "{environment} has {} workloads only", pods.len());
        for pod in pods {
            let namespace = text(&pod["metadata"]["namespace"]);
            assert!(
                restricted.contains(namespace),
                "{environment}: {namespace} does not enforce the standard"
            );
            let answer = support::try_pod(&client, &pod).await;
            let texts = answer.complaints().into_iter();
            complaints.extend(texts.map(|text| format!("{environment}: {}: {text}", name(&pod))));
        }
    }
    support::none("complaints", complaints);
}

/// The server judges by the namespaces' labels, each container by itself.
#[tokio::test]
async fn pods_that_ask_for_more_are_refused() {
    let client = support::client().await;
    let more = [
        ("/securityContext/runAsNonRoot", json!(false), "runAsNonRoot != true"),
        ("/securityContext/seccompProfile/type", json!("Unconfined"), "seccompProfile"),
        ("/hostNetwork", json!(true), "host namespaces"),
        (
            "/containers/0/securityContext/allowPrivilegeEscalation",
            json!(true),
            "allowPrivilegeEscalation != false",
        ),
        ("/containers/0/securityContext/capabilities", json!({}), "unrestricted capabilities"),
        ("/hostIPC", json!(true), "host namespaces"),
    ];
    let mut admitted = Vec::new();
    for pod in support::rendered("sandbox").iter().filter_map(pod) {
        for (at, value, because) in &more {
            let mut pod = pod.clone();
            support::put(&mut pod["spec"], at, Some(value.clone()));
            let answer = support::try_pod(&client, &pod).await;
            let refusal = answer.refusal().unwrap_or("admitted");
            if !(refusal.contains("violates PodSecurity \"restricted:latest\"") && refusal.contains(because))
            {
                admitted.push(format!("{} with {at}: {refusal}", name(&pod)));
            }
        }
    }
    support::none("pods", admitted);
}

fn restricted(objects: &[Value]) -> BTreeSet<&str> {
    let namespaces = objects.iter().filter(|object| object["kind"] == "Namespace");
    namespaces
        .filter(|namespace| {
            namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        })
        .map(|namespace| text(&namespace["metadata"]["name"]))
        .collect()
}

/// A pod as the workload's controller would make it.
fn pod(workload: &Value) -> Option<Value> {
    let mut pod = support::template(workload)?.clone();
    let metadata = &workload["metadata"];
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["namespace"] = metadata["namespace"].clone();
    pod["metadata"]["name"] = format!("{}-0", text(&metadata["name"])).into();
    for claim in workload["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let claim = text(&claim["metadata"]["name"]);
        let volumes = pod["spec"]["volumes"].as_array_mut().expect("a pod with claims has volumes");
        volumes
            .push(json!({ "name": claim, "persistentVolumeClaim": { "claimName": format!("{claim}-0") } }));
    }
    Some(pod)
}
