//! Hosted zones and their records.

use std::collections::BTreeSet;

use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::dns_record::{DnsRecord, Target};
use holodeck_bootstrap::aws::hosted_zone::HostedZone;
use holodeck_engine::{Graph, Handle, Host};

use crate::account::Account;
use crate::laws::{Expect, Laws, own_tags};

const DOMAIN: &str = "staging.holodeck.example";
const PARENT: &str = "holodeck.example";

fn zone() -> HostedZone {
    HostedZone { domain: DOMAIN.into(), comment: "names".into(), marked: true, tags: own_tags() }
}

fn add_zone(graph: &mut Graph, host: Host<Aws>) -> Handle<HostedZone> {
    graph.register::<HostedZone>(host);
    graph.add("main", zone())
}

fn wildcard(graph: &mut Graph, host: Host<Aws>) -> DnsRecord {
    DnsRecord {
        zone_id: add_zone(graph, host).output(HostedZone::ID),
        zone: DOMAIN.into(),
        record: format!("*.{DOMAIN}"),
        kind: "A".into(),
        target: Target::Alias {
            dns_name: "Staging-ingress-1.elb.eu-west-1.amazonaws.com".into(),
            zone_id: "Z2IFOLAFXWLO4F".into(),
            evaluate_health: false,
        },
    }
}

fn text(values: &[&str]) -> Target {
    let values: BTreeSet<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
    Target::Values { ttl_seconds: 60, values: values.into() }
}

/// The zone that the simulated account has from the beginning.
async fn parent_id(account: &Account) -> String {
    let zones = account.aws.route53.list_hosted_zones_by_name().dns_name(PARENT).send().await.unwrap();
    zones.hosted_zones[0].id.trim_start_matches("/hostedzone/").to_owned()
}

async fn write_by_hand(account: &Account, zone_id: &str, record: &str, value: &str) {
    let value = ResourceRecord::builder().value(format!("\"{value}\"")).build().unwrap();
    let set = ResourceRecordSet::builder().name(record).r#type(RrType::Txt).ttl(60).resource_records(value);
    let set = set.build().unwrap();
    let change = Change::builder().action(ChangeAction::Create).resource_record_set(set).build().unwrap();
    let batch = ChangeBatch::builder().changes(change).build().unwrap();
    let request = account.aws.route53.change_resource_record_sets().hosted_zone_id(zone_id);
    request.change_batch(batch).send().await.unwrap();
}

async fn own_zone_id(account: &Account) -> String {
    let zones = account.aws.route53.list_hosted_zones_by_name().dns_name(DOMAIN).send().await.unwrap();
    zones.hosted_zones[0].id.trim_start_matches("/hostedzone/").to_owned()
}

#[tokio::test(start_paused = true)]
async fn zones() {
    Laws::of("main", |_, _| zone())
        .edit("comment", |zone| zone.comment = "other names".into(), Expect::Update)
        .edit("tags", |zone| _ = zone.tags.insert("team".into(), "platform".into()), Expect::Update)
        .edit("domain", |zone| zone.domain = format!("other.{PARENT}"), Expect::Replace)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn aliases() {
    Laws::of("wildcard", wildcard)
        .edit(
            "target",
            |record| {
                record.target = Target::Alias {
                    dns_name: "other-2.elb.eu-west-1.amazonaws.com".into(),
                    zone_id: "Z2IFOLAFXWLO4F".into(),
                    evaluate_health: true,
                }
            },
            Expect::Update,
        )
        .edit("record", |record| record.record = DOMAIN.into(), Expect::Replace)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn texts() {
    Laws::of("note", |graph, host| DnsRecord {
        record: format!("note.{DOMAIN}"),
        kind: "TXT".into(),
        target: text(&["one", "two"]),
        ..wildcard(graph, host)
    })
    .edit("target", |record| record.target = text(&["one"]), Expect::Update)
    .edit(
        "kind",
        |record| {
            let values = BTreeSet::from(["192.0.2.1".to_owned()]);
            record.kind = "A".into();
            record.target = Target::Values { ttl_seconds: 60, values: values.into() };
        },
        Expect::Replace,
    )
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn delegations_in_the_parent_zone() {
    let parent = parent_id(&Account::fresh()).await;
    Laws::of("delegation", move |graph, host| {
        let zone = add_zone(graph, host);
        DnsRecord {
            zone_id: parent.as_str().into(),
            zone: PARENT.into(),
            record: DOMAIN.into(),
            kind: "NS".into(),
            target: Target::Values { ttl_seconds: 300, values: zone.output(HostedZone::NAME_SERVERS) },
        }
    })
    .edit(
        "target",
        |record| {
            let values = BTreeSet::from(["ns1.elsewhere.example".to_owned()]);
            record.target = Target::Values { ttl_seconds: 300, values: values.into() };
        },
        Expect::Update,
    )
    .hold()
    .await;
}

/// An account with the zone and its wildcard in it, and their graph.
async fn made() -> (Account, Graph) {
    let account = Account::fresh();
    let mut graph = Graph::new();
    let host = account.host(&mut graph);
    graph.register::<DnsRecord>(host);
    let record = wildcard(&mut graph, host);
    graph.add("wildcard", record);
    assert!(account.up(&graph, None).await.is_complete());
    (account, graph)
}

#[tokio::test(start_paused = true)]
async fn records_of_others_in_our_zone_are_left_alone_and_keep_it_from_going() {
    let (account, graph) = made().await;
    let zone = own_zone_id(&account).await;
    write_by_hand(&account, &zone, &format!("shop.{DOMAIN}"), "hello").await;
    let (_, plan) = account.plan(&graph, None).await;
    assert!(!plan.has_changes());
    let outcome = account.destroy(&graph).await;
    let [(_, _, error)] = outcome.failed.as_slice() else { panic!("{outcome:#?}") };
    assert!(error.chain().contains(&format!("shop.{DOMAIN} (TXT)")), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn unanswered_challenges_go_with_the_zone() {
    let (account, graph) = made().await;
    let zone = own_zone_id(&account).await;
    write_by_hand(&account, &zone, &format!("_acme-challenge.argocd.{DOMAIN}"), "token").await;
    let outcome = account.destroy(&graph).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert!(account.observe(&graph).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_there_already_and_not_ours_is_a_conflict() {
    let account = Account::fresh();
    let parent = parent_id(&account).await;
    write_by_hand(&account, &parent, &format!("note.{PARENT}"), "by hand").await;
    let mut graph = Graph::new();
    let host = account.host(&mut graph);
    graph.register::<DnsRecord>(host);
    let record = DnsRecord {
        zone_id: parent.as_str().into(),
        zone: PARENT.into(),
        record: format!("note.{PARENT}"),
        kind: "TXT".into(),
        target: text(&["ours"]),
    };
    graph.add("note", record);
    let outcome = account.up(&graph, None).await;
    let [(_, _, error)] = outcome.failed.as_slice() else { panic!("{outcome:#?}") };
    assert!(error.hint().is_some_and(|hint| hint.contains("does not own it")), "{error:?}");
}
