//! What is reached through another host, and what comes to an end with what it depends on.

use std::sync::Arc;

use holodeck_engine::{Graph, Plan};

use crate::support::cloud::Cloud;
use crate::support::kinds::{Cluster, Session};
use crate::support::text;
use crate::support::world::{Run, graph, look, plan, up};

fn cluster(cloud: &Arc<Cloud>) -> Graph {
    let mut graph = graph(cloud);
    graph.add("main", Cluster::plain());
    graph
}

fn cluster_with_session(cloud: &Arc<Cloud>, size: u32) -> Graph {
    let mut graph = cluster(cloud);
    graph.add("main", Session::plain().size(size));
    graph
}

#[tokio::test(start_paused = true)]
async fn it_is_made_once_the_other_host_is_there_and_changed_like_any_other() {
    let cloud = Arc::default();
    assert_eq!(
        text::plan(&plan(&cluster_with_session(&cloud, 1)).await),
        "+ cloud.cluster.main\n    flavour: \"plain\"\n    size: 0\n+ cluster.session.main\n    flavour: \"plain\"\n    size: 1"
    );
    for size in [1, 2] {
        up(&cloud, &cluster_with_session(&cloud, size)).await;
        assert!(!plan(&cluster_with_session(&cloud, size)).await.has_changes());
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_not_removed_when_it_is_no_longer_desired() {
    let cloud = Arc::default();
    up(&cloud, &cluster_with_session(&cloud, 1)).await;
    assert!(!plan(&cluster(&cloud)).await.has_changes());
}

#[tokio::test(start_paused = true)]
async fn it_goes_with_what_it_depends_on_and_by_no_request_of_its_own() {
    let cloud = Arc::default();
    let graph = cluster_with_session(&cloud, 1);
    up(&cloud, &graph).await;
    let everything = Plan::destroy(&graph, &look(&graph).await).unwrap();
    assert_eq!(text::plan(&everything), "- cloud.cluster.main (everything is removed)");
    let (outcome, _) = Run::default().destroy(&cloud, &graph).await;
    assert!(outcome.unwrap().is_complete());
}
