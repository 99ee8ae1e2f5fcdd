//! Record sets on a name server that takes dynamic updates.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use domain::tsig::{Algorithm, Key};
use holodeck_bootstrap::name_server::record_set::RecordSet;
use holodeck_bootstrap::name_server::{Access, NameServer};
use holodeck_engine::plan::Action;
use holodeck_engine::{Graph, Resource};
use holodeck_sandbox::Sandbox;
use holodeck_sandbox::name_server::GivenNameServer;

use crate::account::{Account, Connection};
use crate::laws::{Expect, Laws};

const ZONE: &str = "holodeck.example";
const DOMAIN: &str = "staging.holodeck.example";

impl Connection for NameServer {
    fn to(sandbox: &Sandbox, environment: &str) -> Self {
        let name = "updates".parse().expect("a name");
        let key = Key::new(Algorithm::Sha256, b"a secret of both", name, None, None).expect("a key");
        let given = GivenNameServer { zone: ZONE.parse().expect("a name"), key: key.clone() };
        let clock = sandbox.clock();
        let access = Access {
            address: "ns1.holodeck.example".parse().expect("an address"),
            zone: given.zone.clone(),
            key,
            exchange: Arc::new(sandbox.name_server(given)),
            now: Arc::new(move || clock.now()),
        };
        Self::new(environment, access)
    }
}

fn addresses(last: &[u8]) -> BTreeSet<Ipv4Addr> {
    last.iter().map(|&last| Ipv4Addr::new(192, 0, 2, last)).collect()
}

fn wildcard() -> RecordSet {
    RecordSet { record: format!("*.{DOMAIN}"), ttl_seconds: 300, addresses: addresses(&[10, 11]) }
}

fn graph(account: &Account, record_sets: &[(&str, RecordSet)]) -> Graph {
    let mut graph = Graph::new();
    let host = account.host::<NameServer>(&mut graph);
    graph.register::<RecordSet>(host);
    for (name, record_set) in record_sets {
        graph.add(*name, record_set.clone());
    }
    graph
}

/// What the environment finds to be its own.
async fn ours(account: &Account) -> Vec<(String, String, BTreeSet<Ipv4Addr>)> {
    let found = RecordSet::list(&account.connection()).await.expect("a list");
    let told = |seen: holodeck_engine::Observed<RecordSet>| {
        (seen.name, seen.attributes.record, seen.attributes.addresses)
    };
    found.into_iter().map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn record_sets() {
    Laws::of("wildcard", |_, _| wildcard())
        .edit("addresses", |set| set.addresses = addresses(&[11, 12]), Expect::Update)
        .edit("ttl_seconds", |set| set.ttl_seconds = 60, Expect::Update)
        .edit("record", |set| set.record = DOMAIN.into(), Expect::Replace)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_wanted_is_found_under_whatever_name() {
    let account = Account::fresh();
    let before = [
        ("apex", RecordSet { record: DOMAIN.into(), ..wildcard() }),
        ("wildcard", wildcard()),
        ("old", RecordSet { record: format!("old.{ZONE}"), ..wildcard() }),
    ];
    assert!(account.up(&graph(&account, &before), None).await.is_complete());
    let moved = format!("*.production.{ZONE}");
    let after = graph(&account, &[("wildcard", RecordSet { record: moved.clone(), ..wildcard() })]);
    let (_, plan) = account.plan(&after, None).await;
    let mut actions: Vec<(String, Action)> =
        plan.changes.iter().map(|change| (change.address.to_string(), change.action)).collect();
    actions.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [("apex", Action::Delete), ("old", Action::Delete), ("wildcard", Action::Replace)];
    let expected = expected.map(|(name, action)| (format!("dns.record_set.{name}"), action));
    assert_eq!(actions, expected);
    assert!(account.up(&after, None).await.is_complete());
    assert_eq!(ours(&account).await, [("wildcard".to_owned(), moved, addresses(&[10, 11]))]);
}

#[tokio::test(start_paused = true)]
async fn a_record_set_of_another_environment_is_a_conflict_and_stays() {
    let account = Account::fresh();
    let theirs = account.other_environment::<NameServer>();
    let apex = RecordSet { addresses: addresses(&[99]), ..wildcard() };
    apex.create(&theirs, "wildcard").await.expect("theirs");
    let outcome = account.up(&graph(&account, &[("wildcard", wildcard())]), None).await;
    let [(_, _, error)] = outcome.failed.as_slice() else { panic!("{outcome:#?}") };
    assert!(error.chain().contains("are there already (YXRRSET)"), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("does not own them")), "{error:?}");
    assert_eq!(ours(&account).await, []);
    let kept = RecordSet::list(&theirs).await.expect("a list");
    assert_eq!(kept[0].attributes.addresses, addresses(&[99]));
}

#[tokio::test(start_paused = true)]
async fn record_sets_that_are_made_and_removed_at_once_do_not_disturb_each_other() {
    let account = Account::fresh();
    let many: Vec<(String, RecordSet)> = (0..6)
        .map(|number| (format!("n{number}"), RecordSet { record: format!("n{number}.{ZONE}"), ..wildcard() }))
        .collect();
    let many: Vec<(&str, RecordSet)> = many.iter().map(|(name, set)| (name.as_str(), set.clone())).collect();
    let graph = graph(&account, &many);
    assert!(account.up(&graph, None).await.is_complete());
    assert_eq!(ours(&account).await.len(), 6);
    let outcome = account.destroy(&graph).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(ours(&account).await, []);
}
