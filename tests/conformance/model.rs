//! The layers that an environment's keys, DNS and backups are declared by: the graph can be made, settles,
//! and leaves nothing behind.

use std::path::Path;

use holodeck_bootstrap::aws::facts::Facts;
use holodeck_bootstrap::aws::model::dns::Delegation;
use holodeck_bootstrap::aws::model::ingress::LoadBalancing;
use holodeck_bootstrap::aws::model::{Model, backups, dns, keys};
use holodeck_bootstrap::environment::{self, Environment, Provider};
use holodeck_engine::Graph;

use crate::account::{Account, ENVIRONMENT};

fn environment() -> Environment {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("environments");
    environment::load(&folder, ENVIRONMENT).expect("a valid environment")
}

/// Declares the layers; gives how the domain is delegated.
fn declare(account: &Account, environment: &Environment, facts: &Facts) -> (Graph, Delegation) {
    let Provider::Aws(settings) = &environment.provider else { panic!("another provider") };
    let mut graph = Graph::new();
    let host = account.host(&mut graph);
    keys::register(&mut graph, host);
    dns::register(&mut graph, host);
    backups::register(&mut graph, host);
    let model = Model { environment, settings, facts, host };
    let keys = keys::declare(&model, &mut graph);
    backups::declare(&model, &mut graph, &keys);
    let load_balancing = LoadBalancing {
        dns_name: "ingress-1.elb.eu-west-1.amazonaws.com".into(),
        zone_id: "Z2IFOLAFXWLO4F".into(),
    };
    let zone = dns::declare(&model, &mut graph, &load_balancing);
    (graph, zone.delegation)
}

#[tokio::test(start_paused = true)]
async fn the_layers_settle_and_leave_nothing_behind() {
    let account = Account::fresh();
    let environment = environment();
    let facts = Facts::read(&account.aws, 3, environment.dns.parent_zone.as_deref()).await.unwrap();
    let (graph, delegation) = declare(&account, &environment, &facts);
    assert!(matches!(delegation, Delegation::Made(_)), "the simulated account has the parent zone");
    let outcome = account.up(&graph, None).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    let (_, plan) = account.plan(&graph, None).await;
    assert!(!plan.has_changes(), "{:#?}", plan.changes);
    let outcome = account.destroy(&graph).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert!(account.observe(&graph).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_the_parent_zone_is_not_ours_others_are_told_what_to_write() {
    let account = Account::fresh();
    let environment = environment();
    let facts = Facts::read(&account.aws, 3, Some("elsewhere.example")).await.unwrap();
    let (_, delegation) = declare(&account, &environment, &facts);
    let [record] = delegation.records().try_into().expect("one record");
    assert_eq!((record.name, record.kind), (environment.domain, "NS"));
}
