//! A gate in front of a real API server.

use std::process::Child;
use std::sync::{Arc, Mutex};

use futures::TryStreamExt;
use holodeck_control_plane::{Fault, Gate, What};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::{control_plane, kubectl, refused};

/// Runs kubectl through a gate.
fn through<'a>(gate: &'a Gate, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--kubeconfig", gate.kubeconfig().to_str().expect("a path")], arguments].concat()
}

#[tokio::test]
async fn it_tells_who_changed_what() {
    let control_plane = control_plane().await;
    let gate = control_plane.gate().unwrap();
    kubectl(control_plane, &through(&gate, &["create", "configmap", "told", "--dry-run=server"]));
    assert_eq!(gate.changes(), 0);
    kubectl(control_plane, &through(&gate, &["create", "configmap", "told"]));
    let changes: Vec<_> = gate.requests().into_iter().filter(|request| request.changes).collect();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].path, "/api/v1/namespaces/default/configmaps");
    assert!(changes[0].user_agent.starts_with("kubectl"), "{}", changes[0].user_agent);
}

#[tokio::test]
async fn a_change_that_fails_is_not_made() {
    let control_plane = control_plane().await;
    let gate = control_plane.gate().unwrap();
    gate.arm(Fault { at: 1, what: What::Fail });
    let complaint = refused(control_plane, &through(&gate, &["create", "configmap", "failed"]));
    assert!(complaint.contains("currently unable to handle the request"), "{complaint}");
    refused(control_plane, &["get", "configmap", "failed"]);
    kubectl(control_plane, &through(&gate, &["create", "configmap", "failed"]));
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_made() {
    let control_plane = control_plane().await;
    let gate = control_plane.gate().unwrap();
    gate.arm(Fault { at: 1, what: What::LoseAnswer });
    let complaint = refused(control_plane, &through(&gate, &["create", "configmap", "lost"]));
    assert!(complaint.contains("EOF"), "{complaint}");
    kubectl(control_plane, &["get", "configmap", "lost"]);
}

#[tokio::test]
async fn a_process_can_be_killed_at_a_change() {
    let control_plane = control_plane().await;
    let gate = control_plane.gate().unwrap();
    let process: Arc<Mutex<Option<Child>>> = Arc::default();
    let victim = Arc::clone(&process);
    let kill = move || victim.lock().unwrap().as_mut().unwrap().kill().unwrap();
    gate.arm(Fault { at: 1, what: What::StopAfter(Box::new(kill)) });
    let mut command = control_plane.kubectl_command();
    command.args(through(&gate, &["create", "configmap", "killed"]));
    // The gate finds the process only when it is there.
    let mut started = process.lock().unwrap();
    *started = Some(command.spawn().unwrap());
    drop(started);
    kubectl(control_plane, &["wait", "--for=create", "configmap/killed", "--timeout=60s"]);
    let status = process.lock().unwrap().as_mut().unwrap().wait().unwrap();
    assert_eq!(status.code(), None, "{status}");
}

#[tokio::test]
async fn a_watch_through_it_tells_at_once() {
    let control_plane = control_plane().await;
    let gate = control_plane.gate().unwrap();
    let kubeconfig = Kubeconfig::read_from(gate.kubeconfig()).unwrap();
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let configmaps: Api<ConfigMap> = Api::default_namespaced(client);
    let only = WatchParams::default().fields("metadata.name=watched").disable_bookmarks();
    let mut events = std::pin::pin!(configmaps.watch(&only, "0").await.unwrap());
    kubectl(control_plane, &["create", "configmap", "watched"]);
    let event = events.try_next().await.unwrap();
    assert!(matches!(event, Some(WatchEvent::Added(_))), "{event:?}");
}
