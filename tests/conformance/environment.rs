//! Whole environments on AWS: all layers together, without what runs on the cluster.

use std::path::Path;

use holodeck_bootstrap::aws::provider::AwsProvider;
use holodeck_bootstrap::environment::{Environment, Provider as Settings, load};
use holodeck_bootstrap::provider::Provider;
use holodeck_engine::plan::Action;
use holodeck_engine::{Graph, Plan};

use crate::account::Account;

fn environment(name: &str) -> Environment {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("environments"), name).expect("a valid environment")
}

async fn graph(account: &Account, environment: &Environment) -> Graph {
    let Settings::Aws(settings) = &environment.provider else { panic!("another provider") };
    let connection = AwsProvider::connect(settings, environment, Some(&account.sandbox)).await;
    let provider = connection.expect("a connection");
    let mut graph = Graph::new();
    provider.declare(environment, &mut graph).expect("a foundation");
    graph
}

/// What changes, as address and action.
fn changes(plan: &Plan) -> Vec<(String, Action)> {
    let changed = plan.changes.iter().filter(|change| change.action != Action::Unchanged);
    changed.map(|change| (change.address.to_string(), change.action)).collect()
}

async fn made(account: &Account, environment: &Environment) -> Graph {
    let graph = graph(account, environment).await;
    let outcome = account.up(&graph, None).await;
    assert!(outcome.is_complete(), "making `{}`: {outcome:#?}", environment.name);
    graph
}

#[tokio::test(start_paused = true)]
async fn an_environment_is_made_and_removed_without_a_trace() {
    let account = Account::fresh();
    let environment = environment("staging");
    let graph = made(&account, &environment).await;
    let (_, plan) = account.plan(&graph, None).await;
    assert_eq!(changes(&plan), []);
    let outcome = account.destroy(&graph).await;
    assert!(outcome.is_complete(), "removing: {outcome:#?}");
    let left = account.observe(&graph).await;
    assert!(left.is_empty(), "left: {:?}", left.resources().collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn edits_change_what_they_must_and_nothing_else() {
    let account = Account::fresh();
    let mut environment = environment("staging");
    made(&account, &environment).await;
    let Settings::Aws(settings) = &mut environment.provider else { panic!("another provider") };
    let general = settings.node_groups.get_mut("general").expect("the group");
    general.instance_types = vec!["m7i.xlarge".to_owned()];
    let planned = made_plan(&account, &environment).await;
    assert_eq!(
        planned,
        [
            ("aws.launch_template.general".to_owned(), Action::Update),
            ("aws.node_group.general".to_owned(), Action::Update),
        ]
    );
    made(&account, &environment).await;
    assert_eq!(made_plan(&account, &environment).await, []);
}

async fn made_plan(account: &Account, environment: &Environment) -> Vec<(String, Action)> {
    let graph = graph(account, environment).await;
    let (_, plan) = account.plan(&graph, None).await;
    changes(&plan)
}

/// EKS keeps a control plane in the zones that it was made in.
#[tokio::test(start_paused = true)]
async fn more_zones_leave_the_control_plane_where_it_is() {
    let account = Account::fresh();
    let mut environment = environment("staging");
    let mut zones = |number| {
        let Settings::Aws(settings) = &mut environment.provider else { panic!("another provider") };
        settings.network.zones = number;
        environment.clone()
    };
    let (few, more) = (zones(2), zones(3));
    made(&account, &few).await;
    let graph = graph(&account, &more).await;
    let (_, plan) = account.plan(&graph, None).await;
    let planned = changes(&plan);
    assert!(planned.contains(&("aws.subnet.private-c".to_owned(), Action::Create)), "{planned:#?}");
    assert!(!planned.iter().any(|(address, _)| address.starts_with("aws.eks_cluster.")), "{planned:#?}");
    let outcome = account.up(&graph, Some("aws.node_group.general")).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(made_plan(&account, &more).await, []);
}

/// The control plane goes first, then what runs on it: add-ons take what fits the new version, nodes are rolled.
#[tokio::test(start_paused = true)]
async fn an_upgrade_takes_the_add_ons_and_the_nodes_along() {
    let account = Account::fresh();
    let mut environment = environment("staging");
    made(&account, &environment).await;
    let Settings::Aws(settings) = &mut environment.provider else { panic!("another provider") };
    settings.cluster.version = "1.36".to_owned();
    let planned = made_plan(&account, &environment).await;
    let of = |kind: &str| planned.iter().filter(|(address, _)| address.starts_with(kind)).collect::<Vec<_>>();
    assert!(planned.iter().all(|(_, action)| *action == Action::Update), "{planned:#?}");
    assert_eq!(
        (of("aws.eks_cluster.").len(), of("aws.eks_addon.").len(), of("aws.node_group.").len()),
        (1, 5, 1),
        "{planned:#?}"
    );
    let graph = made(&account, &environment).await;
    let (_, plan) = account.plan(&graph, None).await;
    assert_eq!(changes(&plan), []);
}
