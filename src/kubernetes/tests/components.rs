//! All components of a shipped environment, from nothing and back.

use std::path::Path;

use holodeck_engine::apply::apply;
use holodeck_engine::clock::RealTime;
use holodeck_engine::{Error, Graph, Plan, Policy, Settings};

use super::cluster::{Desired, Rig, described};
use crate::components::{self, sample};
use crate::environment::load;

fn desired() -> Desired {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("environments");
    let environment = load(&folder, "sandbox").unwrap();
    let host = Graph::new().host(&(), |()| Box::pin(async { Err(Error::bug("another host is used")) }));
    let foundation = sample::foundation(host, "key-1", "Z1");
    Desired(components::objects(&environment, &foundation, &Default::default()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_base_layer_comes_up_in_one_run_and_stays() {
    let rig = Rig::new();
    rig.vault.0.lock().unwrap().insert("env:HOLODECK_GIT_TOKEN".into(), "t0ken".into());
    rig.up(&desired()).await;

    rig.requests();
    assert_eq!(rig.changes(&desired()).await, [""; 0]);
    let requests = rig.requests();
    assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:?}");
    assert_eq!(requests.len(), crate::kubernetes::kinds::KINDS.len(), "one list a kind: {requests:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_turned_off_is_removed_and_all_can_go() {
    let rig = Rig::new();
    rig.vault.0.lock().unwrap().insert("env:HOLODECK_GIT_TOKEN".into(), "t0ken".into());
    rig.up(&desired()).await;

    let mut fewer = desired();
    fewer.0.retain(|component| component.component != "argo-cd");
    let gone = rig.changes(&fewer).await;
    assert!(gone.contains(&"delete namespace.argocd".to_owned()), "{gone:?}");
    assert!(gone.iter().all(|change| change.starts_with("delete ")), "{gone:?}");
    rig.up(&fewer).await;
    assert_eq!(rig.live("namespace.argocd").await, None);

    let graph = rig.graph(&fewer);
    let snapshot = holodeck_engine::observe::observe(&graph).await.unwrap();
    let plan = Plan::destroy(&graph, &snapshot).unwrap();
    let settings = Settings {
        parallelism: 8,
        clock: std::sync::Arc::new(RealTime::default()),
        interrupt: tokio_util::sync::CancellationToken::new(),
    };
    let outcome = apply(&graph, &snapshot, &plan, &settings, tokio::sync::mpsc::unbounded_channel().0).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    let left = holodeck_engine::observe::observe(&graph).await.unwrap();
    assert!(left.is_empty(), "{:?}", left.resources().collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_changed_version_changes_what_mentions_it() {
    let rig = Rig::new();
    rig.vault.0.lock().unwrap().insert("env:HOLODECK_GIT_TOKEN".into(), "t0ken".into());
    rig.up(&desired()).await;
    let (_, _, plan) = rig
        .plan_with(
            &desired().with(
                "vault.statefulset.vault",
                "/spec/template/spec/containers/0/image",
                Some("vault:9".into()),
            ),
            &Policy::default(),
        )
        .await;
    assert_eq!(described(&plan), ["update vault.statefulset.vault: spec.template.spec.containers[0].image"]);
}
