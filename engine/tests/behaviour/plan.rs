//! What plans say, for each way in which what exists may differ from what is desired.

use std::sync::Arc;

use holodeck_engine::{Graph, Plan, Policy};

use crate::support::cloud::Cloud;
use crate::support::kinds::{
    Cache, Cluster, Database, Fleet, IsCluster, IsTemplate, Kind, Network, Object, Subnet, Template,
};
use crate::support::text;
use crate::support::world::{allow_all, graph, look, plan, plan_with, up};

fn network(graph: &mut Graph) -> holodeck_engine::Handle<Network> {
    graph.add("main", Network::plain())
}

/// A network, a subnet in it, a cluster in the subnet, an object on the cluster, and a database beside them.
fn platform(cloud: &Arc<Cloud>, flavour: &str) -> Graph {
    let mut graph = graph(cloud);
    let network = graph.add("main", Network::plain().flavour(flavour));
    let subnet = graph.add("a", Subnet::plain().uses("network", network.output(Network::ID)));
    graph.add("main", Cluster::plain().uses("subnet", subnet.output(Subnet::ID)));
    graph.add("app", Object::plain().size(1));
    graph.add("orders", Database::plain().secret("hunter2").label("prod"));
    graph
}

#[tokio::test(start_paused = true)]
async fn on_nothing_all_is_created_and_what_is_not_known_yet_says_so() {
    let cloud = Arc::default();
    let graph = platform(&cloud, "plain");
    assert_eq!(
        text::plan(&plan(&graph).await),
        r#"+ cloud.network.main
    flavour: "plain"
    size: 0
+ cloud.database.orders
    flavour: "plain"
    label: "prod"
    secret: ***
    size: 0
+ cloud.subnet.a
    flavour: "plain"
    size: 0
    uses.network: (known after apply)
+ cloud.cluster.main
    flavour: "plain"
    size: 0
    uses.subnet: (known after apply)
+ cluster.object.app
    flavour: "plain"
    size: 1"#
    );
    assert!(cloud.asked().is_empty(), "planning asked for a change");
}

#[tokio::test(start_paused = true)]
async fn when_all_is_as_desired_nothing_is_done() {
    let cloud = Arc::default();
    let graph = platform(&cloud, "plain");
    up(&cloud, &graph).await;
    let plan = plan(&graph).await;
    assert!(!plan.has_changes());
    assert_eq!(plan.steps(), 0);
    assert_eq!(plan.summary().unchanged, 5);
}

#[tokio::test(start_paused = true)]
async fn an_update_names_the_field_and_hides_what_is_secret() {
    let cloud = Arc::default();
    up(&cloud, &platform(&cloud, "plain")).await;
    let mut graph = graph(&cloud);
    graph.add("orders", Database::plain().secret("*******").size(5));
    let plan = plan(&graph).await;
    let text = text::plan(&plan);
    assert!(text.contains("~ cloud.database.orders\n    secret: *** → ***\n    size: 0 → 5"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_cascades_and_is_blocked_once() {
    let cloud = Arc::default();
    up(&cloud, &platform(&cloud, "plain")).await;
    let graph = platform(&cloud, "fancy");
    let blocked = plan(&graph).await;
    assert_eq!(
        text::plan(&blocked),
        r#"± cloud.network.main (flavour)
    flavour: "plain" → "fancy"
= cloud.database.orders
± cloud.subnet.a (uses.network)
    uses.network: "cloud.network-1" → (known after apply)
± cloud.cluster.main (uses.subnet)
    uses.subnet: "cloud.subnet-3" → (known after apply)
+ cluster.object.app
    flavour: "plain"
    size: 1
! cloud.network.main: it would be replaced, since flavour cannot change in place; allow it with `--allow-replace cloud.network.main`, or take the change back"#
    );
    let allow_replace = ["cloud.network.main".to_owned()].into();
    let allowed = plan_with(&graph, &Policy { allow_replace, ..Policy::default() }).await;
    assert!(allowed.blocked.is_empty());
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn in_a_protected_environment_nothing_is_replaced_even_if_allowed() {
    let cloud = Arc::default();
    up(&cloud, &platform(&cloud, "plain")).await;
    let graph = platform(&cloud, "fancy");
    let plan = plan_with(&graph, &Policy { protected: true, ..allow_all(&graph) }).await;
    assert_eq!(plan.blocked.len(), 1);
    assert!(plan.blocked[0].remedy.contains("protected = false"), "{:?}", plan.blocked);
}

#[tokio::test(start_paused = true)]
async fn a_disposable_resource_is_replaced_freely_but_takes_nothing_of_value_with_it() {
    let cloud = Arc::default();
    let desired = |flavour: &str| {
        let mut graph = graph(&cloud);
        let cache = graph.add("c", Cache::plain().flavour(flavour));
        graph.add("orders", Database::plain().uses("cache", cache.output(Cache::ID)));
        graph
    };
    up(&cloud, &desired("plain")).await;
    let graph = desired("fancy");
    let refused = plan(&graph).await;
    let blocked: Vec<String> = refused.blocked.iter().map(|blocked| blocked.address.to_string()).collect();
    assert_eq!(blocked, ["cloud.database.orders"]);
    for named in ["cloud.database.orders", "cloud.cache.c"] {
        let policy = Policy { allow_replace: [named.to_owned()].into(), ..Policy::default() };
        assert!(plan_with(&graph, &policy).await.blocked.is_empty(), "{named} was allowed");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_kind_refuses_is_blocked_with_its_reason() {
    let cloud = Arc::default();
    let desired = |size| {
        let mut graph = graph(&cloud);
        graph.add("orders", Database::plain().size(size));
        graph
    };
    up(&cloud, &desired(5)).await;
    let text = text::plan(&plan(&desired(4)).await);
    assert!(text.contains("! cloud.database.orders: a database cannot shrink"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_resource_is_replaced_once_allowed_and_the_text_reads_well() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    network(&mut graph);
    up(&cloud, &graph).await;
    cloud.meddle("cloud.network.main", |thing| thing.failed = Some("no capacity".into()));
    assert_eq!(
        text::plan(&plan(&graph).await),
        "± cloud.network.main (it failed: no capacity)\n! cloud.network.main: it would be replaced, since it failed: \
         no capacity; allow it with `--allow-replace cloud.network.main`, or repair it by hand"
    );
    up(&cloud, &graph).await;
    assert_eq!(cloud.things().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_being_removed_is_created_anew_when_it_is_gone() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    network(&mut graph);
    up(&cloud, &graph).await;
    let (id, _) = cloud.things().pop_first().unwrap();
    cloud.delete(&id).await.unwrap();
    let plan = plan(&graph).await;
    assert!(text::plan(&plan).starts_with("+ cloud.network.main (the old one is still being removed)"));
    assert_eq!(plan.steps(), 2);
    up(&cloud, &graph).await;
    assert!(!cloud.things().contains_key(&id));
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_awaited_without_counting_as_a_change() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    graph.add("main", Cluster::plain());
    cloud.put(IsCluster::BEHAVIOUR, "main", None, Cluster::plain().attributes);
    let plan = plan(&graph).await;
    assert_eq!(text::plan(&plan), "= cloud.cluster.main (not ready: being made)");
    assert!(!plan.has_changes());
    assert_eq!(plan.steps(), 1);
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn what_lives_on_a_host_that_is_under_way_is_created_without_a_look() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    graph.add("main", Cluster::plain());
    graph.add("app", Object::plain());
    cloud.put(IsCluster::BEHAVIOUR, "main", None, Cluster::plain().attributes);
    let text = text::plan(&plan(&graph).await);
    assert!(text.contains("+ cluster.object.app"), "{text}");
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_create_first_replacement_left_over_goes_and_the_new_one_stays() {
    let cloud = Arc::default();
    let desired = |flavour: &str| {
        let mut graph = graph(&cloud);
        let template = graph.add("t", Template::plain().flavour(flavour));
        graph.add("f", Fleet::plain().uses("template", template.output(Template::ID)).size(1));
        graph
    };
    up(&cloud, &desired("plain")).await;
    // A run that was killed has made the new one.
    let new = Template::plain().flavour("fancy").attributes;
    let new = cloud.put(IsTemplate::BEHAVIOUR, "t", None, new);
    let graph = desired("fancy");
    let plan = plan(&graph).await;
    assert_eq!(
        text::plan(&plan),
        format!(
            r#"= cloud.template.t (not ready: being made)
~ cloud.fleet.f
    uses.template: "cloud.template-1" → "{new}"
- cloud.template.t (left over from a replacement)"#
        )
    );
    up(&cloud, &graph).await;
    let templates: Vec<String> = cloud.list("cloud.template", None).into_iter().map(|(id, _)| id).collect();
    assert_eq!(templates, [new]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_desired_goes_users_first() {
    let cloud = Arc::default();
    up(&cloud, &platform(&cloud, "plain")).await;
    let mut graph = graph(&cloud);
    network(&mut graph);
    let plan = plan(&graph).await;
    let text = text::plan(&plan);
    // The object goes with its cluster, which the graph does not even name.
    assert_eq!(
        text,
        "= cloud.network.main\n\
         - cloud.cluster.main (no longer desired)\n\
         - cloud.database.orders (no longer desired)\n\
         - cloud.subnet.a (no longer desired)\n\
         - cluster.object.app (goes with cloud.cluster.main)"
    );
    up(&cloud, &graph).await;
    let deletes: Vec<_> = cloud.asked().into_iter().filter(|what| what.starts_with("delete")).collect();
    let place = |what: &str| deletes.iter().position(|delete| delete == what).unwrap();
    assert!(place("delete cloud.cluster.main") < place("delete cloud.subnet.a"));
    assert_eq!(deletes.len(), 3, "each was asked for once: {deletes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_lives_on_a_host_that_is_replaced_is_created_even_where_its_access_is_foreseen() {
    let cloud: Arc<Cloud> = Arc::default();
    let desired = |flavour: &str, size| {
        let mut graph = graph(&cloud);
        graph.add("main", Cluster::plain().flavour(flavour));
        graph.add("app", Object::plain().size(size));
        graph
    };
    up(&cloud, &desired("plain", 1)).await;
    let graph = desired("fancy", 1);
    assert!(text::plan(&plan(&graph).await).contains("+ cluster.object.app"));
    up(&cloud, &graph).await;
    let things = cloud.things();
    let (cluster, _) = things.iter().find(|(_, thing)| thing.address() == "cloud.cluster.main").unwrap();
    let app = things.values().find(|thing| thing.address() == "cluster.object.app").unwrap();
    assert_eq!(app.on.as_ref(), Some(cluster), "it lives on the new cluster");
}

#[tokio::test(start_paused = true)]
async fn destroying_removes_all_and_says_what_goes_with_what() {
    let cloud = Arc::default();
    let graph = platform(&cloud, "plain");
    up(&cloud, &graph).await;
    let plan = Plan::destroy(&graph, &look(&graph).await).unwrap();
    assert_eq!(
        text::plan(&plan),
        "- cloud.cluster.main (everything is removed)\n\
         - cloud.database.orders (everything is removed)\n\
         - cloud.network.main (everything is removed)\n\
         - cloud.subnet.a (everything is removed)\n\
         - cluster.object.app (goes with cloud.cluster.main)"
    );
    assert_eq!(plan.steps(), 4);
}

#[tokio::test(start_paused = true)]
async fn volatile_outputs_are_unknown_after_an_update_and_others_are_not() {
    let cloud = Arc::default();
    let desired = |size| {
        let mut graph = graph(&cloud);
        let network = graph.add("main", Network::plain().size(size));
        let revision = network.output(Network::REVISION);
        graph.add("follows", Fleet::plain().label(format!("v{revision}")));
        graph.add("stays", Subnet::plain().uses("network", network.output(Network::ID)));
        graph
    };
    up(&cloud, &desired(1)).await;
    let graph = desired(2);
    assert_eq!(
        text::plan(&plan(&graph).await),
        "~ cloud.network.main\n    size: 1 → 2\n= cloud.subnet.stays\n~ cloud.fleet.follows\n    \
         label: \"v1\" → (known after apply)"
    );
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn foreseen_outputs_are_known_before_the_resource_exists() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    let network = network(&mut graph);
    graph.add("f", Fleet::plain().label(network.output(Network::PATH)));
    let text = text::plan(&plan(&graph).await);
    assert!(text.contains(r#"label: "/plain/main""#), "{text}");
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_version_may_turn_a_use_round() {
    let cloud = Arc::default();
    let desired = |first: &str, second: &str| {
        let mut graph = graph(&cloud);
        let used = graph.add(first, Network::plain());
        graph.add(second, Network::plain().uses("other", used.output(Network::ID)));
        graph
    };
    up(&cloud, &desired("a", "b")).await;
    let turned = desired("b", "a");
    assert!(Plan::destroy(&turned, &look(&turned).await).is_ok(), "destroying does not contradict itself");
    up(&cloud, &turned).await;
}

#[tokio::test(start_paused = true)]
async fn a_create_first_replacement_on_something_that_is_removed_first_is_possible() {
    let cloud = Arc::default();
    let desired = |flavour: &str| {
        let mut graph = graph(&cloud);
        let network = graph.add("main", Network::plain().flavour(flavour));
        graph.add("t", Template::plain().uses("network", network.output(Network::ID)));
        graph
    };
    up(&cloud, &desired("plain")).await;
    up(&cloud, &desired("fancy")).await;
    assert_eq!(cloud.things().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_replaced_resource_used_may_go_in_the_same_run() {
    let cloud = Arc::default();
    let desired = |flavour: &str, with_cache: bool| {
        let mut graph = graph(&cloud);
        let network = graph.add("main", Network::plain().flavour(flavour));
        let mut database = Database::plain().uses("network", network.output(Network::ID));
        if with_cache {
            let cache = graph.add("c", Cache::plain().uses("network", network.output(Network::ID)));
            database = database.uses("cache", cache.output(Cache::ID));
        }
        graph.add("orders", database);
        graph
    };
    up(&cloud, &desired("plain", true)).await;
    up(&cloud, &desired("fancy", false)).await;
    assert_eq!(cloud.things().len(), 2);
}

#[test]
fn a_secret_within_a_field_that_goes_is_not_shown() {
    let before = serde_json::json!({"login": {"name": "x", "password": "hunter2"}});
    let changes = holodeck_engine::diff::diff(&serde_json::json!({"login": 1}), &before, &["login.password"]);
    assert!(changes.iter().all(|change| change.sensitive), "{changes:?}");
    let changes = holodeck_engine::diff::diff(&serde_json::json!({}), &before, &["login.password"]);
    assert!(changes.iter().all(|change| change.sensitive), "{changes:?}");
}
