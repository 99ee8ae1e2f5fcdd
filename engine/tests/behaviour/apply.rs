//! How plans are carried out: the order, the bounds, the faults that are borne, and those that are told.

use std::sync::Arc;
use std::time::Duration;

use holodeck_engine::{
    Event, Explanation, Graph, Milestone, Operation, Outcome, Plan, Policy, Resource, explanations,
};
use tokio::time::{Instant, sleep};

use crate::support::cloud::{Cloud, Fault, LATENCY};
use crate::support::kinds::{Cache, Cluster, Database, Fleet, IsCluster, IsTemplate, Kind};
use crate::support::kinds::{Network, Object, Subnet, Template};
use crate::support::text;
use crate::support::world::{Run, allow_all, graph, look, plan, up};

fn began(cloud: &Cloud, what: &str) -> Duration {
    let requests = cloud.requests();
    let found = requests.iter().find(|request| request.what == what);
    let found = found.unwrap_or_else(|| panic!("no `{what}` among {requests:?}"));
    found.began - requests[0].began
}

fn failures(outcome: &Outcome) -> Vec<String> {
    outcome.failed.iter().map(|(address, _, error)| format!("{address}: {}", error.chain())).collect()
}

async fn run(cloud: &Cloud, graph: &Graph) -> (Outcome, Vec<Event>) {
    let (outcome, events) = Run::default().up(cloud, graph).await;
    (outcome.expect("the run was killed"), events)
}

#[tokio::test(start_paused = true)]
async fn an_edge_waits_until_ready_or_only_until_applied() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    let database = graph.add("orders", Database::plain());
    let early = graph.add("early", Network::plain());
    let late = graph.add("late", Network::plain());
    graph.after(early.address(), database.address(), Milestone::Applied, "it is announced");
    graph.after(late.address(), database.address(), Milestone::Ready, "it is called");
    up(&cloud, &graph).await;
    let early = began(&cloud, "create cloud.network.early");
    assert!(early >= LATENCY && early < Duration::from_secs(5), "{early:?}");
    assert!(began(&cloud, "create cloud.network.late") >= Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_allowed() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    for index in 0..60 {
        graph.add(format!("n{index}"), Network::plain());
    }
    let (outcome, events) = Run { parallelism: 3, ..Run::default() }.up(&cloud, &graph).await;
    assert!(outcome.unwrap().is_complete());
    let requests = cloud.requests();
    let at = |when: Instant| requests.iter().filter(|r| r.began <= when && r.ended.unwrap() > when).count();
    assert_eq!(requests.iter().map(|request| at(request.began)).max(), Some(3));
    // While it waits for its turn, a step has not started.
    let first_end = events.iter().position(|event| matches!(event, Event::Finished { .. })).unwrap();
    let started = |event: &&Event| matches!(event, Event::Started { .. });
    assert!(events[..first_end].iter().filter(started).count() < 60);
}

#[tokio::test(start_paused = true)]
async fn the_critical_path_goes_first_even_when_it_comes_last_to_the_queue() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    for index in 0..50 {
        graph.add(format!("n{index}"), Network::plain());
    }
    let subnet = graph.add("s", Subnet::plain());
    graph.add("main", Cluster::plain().uses("subnet", subnet.output(Subnet::ID)));
    let (outcome, _) = Run { parallelism: 1, ..Run::default() }.up(&cloud, &graph).await;
    assert!(outcome.unwrap().is_complete());
    assert_eq!(cloud.asked()[0], "create cloud.subnet.s");
    let place = cloud.asked().iter().position(|what| what == "create cloud.cluster.main").unwrap();
    assert!(place < 20, "the cluster is asked for as soon as its subnet is there, not as number {place}");
}

#[tokio::test(start_paused = true)]
async fn the_steps_that_released_each_other_form_the_chain_that_took_the_time() {
    let cloud = Arc::default();
    let mut graph = graph(&cloud);
    let network = graph.add("main", Network::plain());
    let cluster = graph.add("main", Cluster::plain().uses("network", network.output(Network::ID)));
    graph.add("app", Object::plain());
    graph.add("orders", Database::plain());
    let fleet = graph.add("early", Fleet::plain());
    graph.after(fleet.address(), cluster.address(), Milestone::Applied, "of habit");
    let (outcome, _) = run(&cloud, &graph).await;
    let chain = |name: &str| {
        let mut at = outcome.done.iter().position(|done| done.address.to_string() == name);
        let mut chain = Vec::new();
        while let Some(index) = at {
            chain.push(outcome.done[index].address.to_string());
            at = outcome.done[index].released_by;
        }
        chain
    };
    assert_eq!(
        chain("cluster.object.app"),
        ["cluster.object.app", "cloud.cluster.main", "cloud.network.main"]
    );
    // The cluster was done after the fleet, which only needed it to be applied.
    assert_eq!(chain("cloud.fleet.early"), ["cloud.fleet.early", "cloud.cluster.main", "cloud.network.main"]);
}

#[tokio::test(start_paused = true)]
async fn one_failure_blocks_only_what_depends_on_it_and_is_named() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    let network = graph.add("main", Network::plain());
    let subnet = graph.add("a", Subnet::plain().uses("network", network.output(Network::ID)));
    graph.add("f", Fleet::plain().label(subnet.output(Subnet::ID)));
    graph.add("orders", Database::plain());
    cloud.fault_next("create cloud.network.main", &[Fault::Fail]);
    let (outcome, events) = run(&cloud, &graph).await;
    assert_eq!(
        text::events(&events),
        [
            "start create cloud.database.orders",
            "start create cloud.network.main",
            "fail create cloud.network.main: create cloud.network.main failed",
            "finish create cloud.database.orders",
            "skip create cloud.subnet.a: `cloud.network.main` failed",
            "skip create cloud.fleet.f: `cloud.network.main` failed"
        ]
    );
    assert!(!outcome.interrupted && !outcome.is_complete());
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn an_interruption_lets_requests_finish_and_starts_nothing_new() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    let database = graph.add("orders", Database::plain());
    graph.add("f", Fleet::plain().label(database.output(Database::ID)));
    for index in 0..5 {
        graph.add(format!("n{index}"), Network::plain());
    }
    let run = Run { parallelism: 2, ..Run::default() };
    let interrupt = async {
        // Two requests are under way, the others wait for their turn.
        sleep(LATENCY / 2).await;
        run.interrupt.cancel();
    };
    let start = Instant::now();
    let ((outcome, events), ()) = tokio::join!(run.up(&cloud, &graph), interrupt);
    let outcome = outcome.unwrap();
    assert!(outcome.interrupted);
    assert_eq!(cloud.asked().len(), 2, "{:?}", cloud.asked());
    assert_eq!(cloud.asked()[0], "create cloud.database.orders");
    assert!(cloud.requests().iter().all(|request| request.ended.is_some()), "a request was cut off");
    assert!(start.elapsed() < Duration::from_secs(5), "waits went on for {:?}", start.elapsed());
    let events = text::events(&events);
    assert_eq!(events.iter().filter(|line| *line == "interrupted").count(), 1);
    assert_eq!(
        events.iter().filter(|line| line.ends_with("the run was interrupted")).count(),
        5,
        "{events:?}"
    );
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn after_an_interruption_a_failure_is_still_named_as_the_cause() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    let network = graph.add("main", Network::plain());
    graph.add("a", Subnet::plain().uses("network", network.output(Network::ID)));
    graph.add("orders", Database::plain());
    cloud.fault_next("create cloud.network.main", &[Fault::Fail]);
    let run = Run::default();
    let interrupt = async {
        sleep(Duration::from_secs(5)).await;
        run.interrupt.cancel();
    };
    let ((_, events), ()) = tokio::join!(run.up(&cloud, &graph), interrupt);
    let line = "skip create cloud.subnet.a: `cloud.network.main` failed".to_owned();
    assert!(text::events(&events).contains(&line), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn an_interruption_that_comes_too_late_ends_nothing() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    graph.add("main", Network::plain());
    let run = Run::default();
    let interrupt = async {
        while !cloud.requests().iter().any(|request| request.ended.is_some()) {
            sleep(Duration::from_millis(1)).await;
        }
        // The network is ready at the next look, which no interruption stops.
        cloud.meddle("cloud.network.main", |thing| thing.ready = Instant::now());
    };
    let ((outcome, _), ()) = tokio::join!(run.up(&cloud, &graph), interrupt);
    run.interrupt.cancel();
    assert!(outcome.unwrap().is_complete());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_time_out_and_says_what_was_awaited() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    graph.add("main", Cluster::plain());
    cloud.put(IsCluster::BEHAVIOUR, "main", None, Cluster::plain().attributes);
    cloud.meddle("cloud.cluster.main", |thing| thing.ready += Duration::from_secs(100_000));
    let start = Instant::now();
    let (outcome, events) = run(&cloud, &graph).await;
    assert_eq!(failures(&outcome), ["cloud.cluster.main: gave up after 60 minutes: being made out of steel"]);
    let hint = outcome.failed[0].2.hint();
    assert_eq!(hint, Some("look at cloud.cluster-1; run the command again to go on waiting from here"));
    // Whoever only looks is told the same.
    let snapshot = look(&graph).await;
    let explanations = explanations::find(&graph, &snapshot, graph.addresses()).await;
    let told: Vec<_> =
        explanations.values().map(|Explanation { why, hint }| (&**why, hint.as_deref())).collect();
    assert_eq!(told, [("being made out of steel", Some("look at cloud.cluster-1"))]);
    let told =
        |event: &Event| matches!(event, Event::Waiting { why, .. } if why == "being made out of steel");
    assert!(events.iter().any(told), "{events:?}");
    let over = start.elapsed().saturating_sub(Duration::from_secs(IsCluster::TIMEOUT));
    assert!(over < Duration::from_secs(60), "{over:?} over the limit");
}

#[tokio::test(start_paused = true)]
async fn what_a_creation_does_not_take_is_set_by_updates_one_at_a_time() {
    let cloud: Arc<Cloud> = Arc::default();
    let desired = |size, label: &str, secret: &str| {
        let mut graph = graph(&cloud);
        graph.add("orders", Database::plain().size(size).label(label).secret(secret));
        graph
    };
    up(&cloud, &desired(1, "a", "x")).await;
    assert_eq!(cloud.asked(), ["create cloud.database.orders", "update cloud.database.orders"]);
    up(&cloud, &desired(2, "b", "x")).await;
    assert_eq!(cloud.asked()[2..], ["update cloud.database.orders", "update cloud.database.orders"]);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_make_nothing_twice() {
    for (fault, slow) in [(Fault::LoseAnswer, 0), (Fault::LoseAnswer, 8), (Fault::LoseRequest, 0)] {
        let cloud: Arc<Cloud> = Arc::default();
        cloud.hide_new_things(Duration::from_secs(slow));
        let mut graph = graph(&cloud);
        graph.add("t", Template::plain());
        cloud.fault_next("create cloud.template.t", &[fault]);
        up(&cloud, &graph).await;
        sleep(Duration::from_secs(20)).await;
        assert_eq!(cloud.things().len(), 1, "{fault:?}, visible after {slow} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_create_first_creation_does_not_take_the_old_one_for_the_new() {
    let cloud: Arc<Cloud> = Arc::default();
    let desired = |flavour: &str| {
        let mut graph = graph(&cloud);
        let template = graph.add("t", Template::plain().flavour(flavour));
        graph.add("f", Fleet::plain().uses("template", template.output(Template::ID)));
        graph
    };
    up(&cloud, &desired("plain")).await;
    for (flavour, fault) in [("fancy", Fault::LoseAnswer), ("plain", Fault::LoseRequest)] {
        cloud.fault_next("create cloud.template.t", &[fault]);
        up(&cloud, &desired(flavour)).await;
        assert_eq!(cloud.list("cloud.template", None).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_of_updates_and_removals_are_borne() {
    let cloud: Arc<Cloud> = Arc::default();
    let desired = |size| {
        let mut graph = graph(&cloud);
        graph.add("main", Network::plain().size(size));
        graph
    };
    up(&cloud, &desired(1)).await;
    for (size, fault) in [(2, Fault::LoseAnswer), (3, Fault::LoseRequest)] {
        cloud.fault_next("update cloud.network.main", &[fault]);
        up(&cloud, &desired(size)).await;
    }
    for fault in [Fault::LoseAnswer, Fault::LoseRequest] {
        up(&cloud, &desired(1)).await;
        cloud.fault_next("delete cloud.network.main", &[fault]);
        up(&cloud, &graph(&cloud)).await;
        assert!(cloud.things().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_is_asked_again_also_for_longer_than_a_change_may_take_to_show() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    graph.add("orders", Database::plain().label("x"));
    cloud.fault_next("create cloud.database.orders", &[Fault::NotYet; 3]);
    cloud.fault_next("update cloud.database.orders", &[Fault::NotYet; 30]);
    let events = up(&cloud, &graph).await;
    let told = |event: &Event| matches!(event, Event::Waiting { why, .. } if why == "the service is busy");
    assert!(events.iter().any(told));
}

#[tokio::test(start_paused = true)]
async fn what_was_long_in_being_accepted_may_still_take_a_while_to_show() {
    let cloud: Arc<Cloud> = Arc::default();
    cloud.hide_new_things(Duration::from_secs(20));
    let mut graph = graph(&cloud);
    graph.add("main", Network::plain());
    cloud.fault_next("create cloud.network.main", &[Fault::NotYet; 100]);
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn what_never_shows_is_an_error() {
    let cloud: Arc<Cloud> = Arc::default();
    cloud.hide_new_things(Duration::from_secs(10_000));
    let mut graph = graph(&cloud);
    graph.add("main", Network::plain());
    let (outcome, _) = run(&cloud, &graph).await;
    assert_eq!(failures(&outcome), ["cloud.network.main: it was there or was requested, but does not exist"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_counts_as_removed_when_it_is_gone_and_its_users_go_first() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    let network = graph.add("main", Network::plain());
    graph.add("main", Cluster::plain().uses("network", network.output(Network::ID)));
    up(&cloud, &graph).await;
    let (outcome, events) = Run::default().destroy(&cloud, &graph).await;
    assert!(outcome.unwrap().is_complete());
    assert_eq!(
        text::events(&events),
        [
            "start delete cloud.cluster.main",
            "finish delete cloud.cluster.main",
            "start delete cloud.network.main",
            "finish delete cloud.network.main"
        ]
    );
    assert!(cloud.things().is_empty());
    assert!(!cloud.asked().iter().any(|what| what == "nothing"));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_being_removed_is_not_called_any_more() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    graph.add("main", Cluster::plain());
    graph.add("app", Object::plain());
    up(&cloud, &graph).await;
    let run = Run::default();
    let interrupt = async {
        sleep(Duration::from_secs(30)).await;
        run.interrupt.cancel();
    };
    _ = tokio::join!(run.destroy(&cloud, &graph), interrupt);
    assert_eq!(look(&graph).await.resources().count(), 1, "what lives on it is not listed");
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn what_changes_behind_the_plan_stops_the_step() {
    let cloud: Arc<Cloud> = Arc::default();
    let desired = |size| {
        let mut graph = graph(&cloud);
        graph.add("main", Network::plain().size(size));
        graph
    };
    up(&cloud, &desired(1)).await;
    let graph = desired(2);
    let snapshot = look(&graph).await;
    let plan = Plan::up(&graph, &snapshot, &Policy::default()).unwrap();
    cloud.meddle("cloud.network.main", |thing| thing.attributes.flavour = "other".into());
    let (outcome, _) = Run::default().carry_out(&cloud, &graph, &snapshot, &plan).await;
    let failures = failures(&outcome.unwrap());
    assert_eq!(failures.len(), 1);
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = crate::support::world::graph(&cloud);
    graph.add("main", Network::plain());
    let snapshot = look(&graph).await;
    let plan = Plan::up(&graph, &snapshot, &Policy::default()).unwrap();
    let rename = async {
        sleep(LATENCY * 2).await;
        cloud.meddle("cloud.network.main", |thing| thing.attributes.flavour = "other".into());
    };
    let run = Run::default();
    let ((outcome, _), ()) = tokio::join!(run.carry_out(&cloud, &graph, &snapshot, &plan), rename);
    let failures = self::failures(&outcome.unwrap());
    assert!(failures[0].contains("things turned out otherwise than planned"), "{failures:?}");
}

#[tokio::test(start_paused = true)]
async fn a_left_over_twin_that_goes_does_not_hide_the_outputs_of_the_one_that_stays() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut before = graph(&cloud);
    before.add("t", Template::plain());
    up(&cloud, &before).await;
    let (stays, _) = cloud.things().pop_first().unwrap();
    cloud.put(IsTemplate::BEHAVIOUR, "t", None, Template::plain().flavour("other").attributes);
    sleep(Duration::from_secs(10)).await;
    let mut after = graph(&cloud);
    let template = after.add("t", Template::plain());
    after.add("f", Fleet::plain().uses("template", template.output(Template::ID)));
    up(&cloud, &after).await;
    assert_eq!(cloud.list("cloud.template", None).len(), 1);
    assert_eq!(cloud.list("cloud.template", None)[0].0, stays);
}

#[tokio::test(start_paused = true)]
async fn what_vanished_is_made_anew_with_what_hung_on_it() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    graph.add("main", Cluster::plain());
    graph.add("app", Object::plain());
    up(&cloud, &graph).await;
    cloud.vanish("cloud.cluster.main");
    let plan = plan(&graph).await;
    assert_eq!(plan.summary().create, 2);
    up(&cloud, &graph).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_replacement_can_be_removed_although_it_shows_its_failure_until_it_goes() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    graph.add("c", Cache::plain());
    up(&cloud, &graph).await;
    cloud.meddle("cloud.cache.c", |thing| thing.failed = Some("worn out".into()));
    up(&cloud, &graph).await;
    assert!(cloud.things().values().all(|thing| thing.failed.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_no_reason_to_stop_and_a_blocked_plan_is_not_touched() {
    let cloud: Arc<Cloud> = Arc::default();
    let desired = |flavour: &str| {
        let mut graph = graph(&cloud);
        graph.add("main", Network::plain().flavour(flavour));
        graph
    };
    let settings = holodeck_engine::Settings {
        parallelism: 0,
        clock: Arc::new(holodeck_engine::clock::RealTime::default()),
        interrupt: tokio_util::sync::CancellationToken::new(),
    };
    let deaf = || tokio::sync::mpsc::unbounded_channel().0;
    let graph = desired("plain");
    let snapshot = look(&graph).await;
    let plan = Plan::up(&graph, &snapshot, &Policy::default()).unwrap();
    let outcome = holodeck_engine::apply::apply(&graph, &snapshot, &plan, &settings, deaf()).await;
    assert!(outcome.is_complete());
    assert_eq!(outcome.done[0].operation, Operation::Create);
    let graph = desired("fancy");
    let snapshot = look(&graph).await;
    let plan = Plan::up(&graph, &snapshot, &Policy::default()).unwrap();
    let outcome = holodeck_engine::apply::apply(&graph, &snapshot, &plan, &settings, deaf()).await;
    assert_eq!(failures(&outcome), ["cloud.network.main: a plan with blocked changes cannot be applied"]);
    assert_eq!(cloud.asked().len(), 1);
    assert!(Plan::up(&graph, &snapshot, &allow_all(&graph)).unwrap().blocked.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_foreseen_output_that_turns_out_otherwise_stops_what_relies_on_it() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    let network = graph.add("crooked", Network::plain());
    graph.add("f", Fleet::plain().label(network.output(Network::PATH)));
    let (outcome, _) = run(&cloud, &graph).await;
    assert!(failures(&outcome)[0].contains("its path was foreseen otherwise"), "{outcome:?}");
    assert_eq!(outcome.skipped.len(), 1);
    assert_eq!(Fleet::KIND, outcome.skipped[0].0.kind);
}

#[tokio::test(start_paused = true)]
async fn a_removal_waits_for_what_is_left_and_for_others_to_remove() {
    let cloud: Arc<Cloud> = Arc::default();
    let mut graph = graph(&cloud);
    let network = graph.add("main", Network::plain());
    let subnet = graph.add("a", Subnet::plain());
    graph.after(subnet.address(), network.address(), Milestone::Ready, "it lies in it");
    up(&cloud, &graph).await;
    let until = Instant::now() + Duration::from_secs(600);
    cloud.leave_behind("cloud.subnet-2", until);
    let (outcome, events) = Run::default().destroy(&cloud, &graph).await;
    assert!(outcome.unwrap().is_complete());
    let told = |event: &Event| matches!(event, Event::Waiting { why, .. } if why == "its dust settles");
    assert!(events.iter().any(told), "{events:?}");
    let requests = cloud.requests();
    let network = requests.iter().find(|request| request.what == "delete cloud.network.main").unwrap();
    assert!(network.began >= until, "what it lay in goes after all of it");
}
