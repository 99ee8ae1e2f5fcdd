//! The simulated Route 53 as a caller of the SDK sees it.

use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
    Tag, TagResourceType,
};

use crate::aws::testing::{account, code};

async fn zone(route53: &Client, name: &str) -> String {
    let created = route53.create_hosted_zone().name(name).caller_reference(name).send().await.unwrap();
    created.hosted_zone().unwrap().id().to_owned()
}

fn records(name: &str, kind: RrType, values: &[&str]) -> ResourceRecordSet {
    let values =
        values.iter().map(|value| ResourceRecord::builder().value(*value).build().unwrap()).collect();
    ResourceRecordSet::builder()
        .name(name)
        .r#type(kind)
        .ttl(300)
        .set_resource_records(Some(values))
        .build()
        .unwrap()
}

fn batch(changes: &[(ChangeAction, ResourceRecordSet)]) -> ChangeBatch {
    let changes = changes.iter().map(|(action, set)| {
        Change::builder().action(action.clone()).resource_record_set(set.clone()).build().unwrap()
    });
    ChangeBatch::builder().set_changes(Some(changes.collect())).build().unwrap()
}

async fn apply(route53: &Client, zone: &str, changes: &[(ChangeAction, ResourceRecordSet)]) -> String {
    code(route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch(changes)).send().await)
}

async fn change(route53: &Client, zone: &str, action: ChangeAction, set: ResourceRecordSet) -> String {
    let change =
        route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch(&[(action, set)]));
    let changed = change.send().await.unwrap();
    changed.change_info().unwrap().id().to_owned()
}

async fn names(route53: &Client, zone: &str) -> Vec<(String, String)> {
    let listed = route53.list_resource_record_sets().hosted_zone_id(zone).send().await.unwrap();
    listed
        .resource_record_sets()
        .iter()
        .map(|set| (set.name().to_owned(), set.r#type().to_string()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_zone_begins_with_four_name_servers_and_its_own_records() {
    let route53 = account().route53();
    let creation = route53.create_hosted_zone().name("staging.holodeck.example").caller_reference("1");
    let created = creation.send().await.unwrap();
    let servers = created.delegation_set().unwrap().name_servers();
    assert_eq!(servers.len(), 4);
    for (server, domain) in servers.iter().zip([".com", ".net", ".org", ".co.uk"]) {
        assert!(server.starts_with("ns-") && server.ends_with(domain), "{server}");
    }
    let shown = created.hosted_zone().unwrap();
    assert!(shown.id().starts_with("/hostedzone/Z"));
    assert_eq!(shown.name(), "staging.holodeck.example.");
    assert_eq!(created.change_info().unwrap().status(), &ChangeStatus::Pending);
    let apex = "staging.holodeck.example.".to_owned();
    assert_eq!(
        names(&route53, shown.id()).await,
        [(apex.clone(), "NS".to_owned()), (apex, "SOA".to_owned())]
    );
    let read = route53.get_hosted_zone().id(shown.id()).send().await.unwrap();
    assert_eq!(read.delegation_set().unwrap().name_servers(), servers);
    assert_eq!(read.hosted_zone().unwrap().resource_record_set_count(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_caller_reference_makes_one_zone() {
    let route53 = account().route53();
    zone(&route53, "a.example").await;
    let again = route53.create_hosted_zone().name("b.example").caller_reference("a.example").send().await;
    assert!(again.unwrap_err().into_service_error().is_hosted_zone_already_exists());
    assert_eq!(
        code(route53.create_hosted_zone().name("a..b").caller_reference("2").send().await),
        "InvalidDomainName"
    );
    // Another zone of the same name is another zone.
    route53.create_hosted_zone().name("a.example").caller_reference("3").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn changes_are_pending_and_then_in_sync() {
    let route53 = account().route53();
    let zone = zone(&route53, "a.example").await;
    let id =
        change(&route53, &zone, ChangeAction::Create, records("www.a.example", RrType::A, &["192.0.2.1"]))
            .await;
    assert!(id.starts_with("/change/C"));
    let status = || async {
        route53.get_change().id(&id).send().await.unwrap().change_info().unwrap().status().clone()
    };
    assert_eq!(status().await, ChangeStatus::Pending);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(status().await, ChangeStatus::Insync);
    assert!(route53.get_change().id("C0").send().await.unwrap_err().into_service_error().is_no_such_change());
}

#[tokio::test(start_paused = true)]
async fn a_wildcard_reads_back_escaped() {
    let route53 = account().route53();
    let zone = zone(&route53, "a.example").await;
    change(&route53, &zone, ChangeAction::Create, records("*.A.example", RrType::A, &["192.0.2.1"])).await;
    assert_eq!(names(&route53, &zone).await[2].0, "\\052.a.example.");
    let escaped = records("\\052.a.example.", RrType::A, &["192.0.2.1"]);
    change(&route53, &zone, ChangeAction::Delete, escaped).await;
    assert_eq!(names(&route53, &zone).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn create_delete_and_upsert_have_their_rules() {
    use ChangeAction::{Create, Delete, Upsert};
    let route53 = account().route53();
    let zone = zone(&route53, "a.example").await;
    let (old, new) = (
        records("w.a.example", RrType::A, &["192.0.2.1"]),
        records("w.a.example", RrType::A, &["192.0.2.2"]),
    );
    change(&route53, &zone, Create, old.clone()).await;
    let cname = |name| records(name, RrType::Cname, &["target.example"]);
    for (action, set) in [
        (Create, new.clone()),
        (Delete, new.clone()),
        (Delete, records("x.a.example", RrType::A, &["192.0.2.1"])),
        (Create, records("w.b.example", RrType::A, &["192.0.2.1"])),
        (Create, records("v.a.example", RrType::A, &["192.0.2.300"])),
        (Create, records("v.a.example", RrType::Txt, &["no quotes"])),
        (Create, records("v.a.example", RrType::A, &["192.0.2.1", "192.0.2.1"])),
        (Create, cname("a.example")),
        (Create, cname("w.a.example")),
        (Delete, records("a.example", RrType::Ns, &["x.example"])),
    ] {
        let what = format!("{action} {set:?}");
        assert_eq!(apply(&route53, &zone, &[(action, set)]).await, "InvalidChangeBatch", "{what}");
    }
    change(&route53, &zone, Upsert, new.clone()).await;
    change(&route53, &zone, Delete, new).await;
    assert_eq!(apply(&route53, "Z404", &[(Create, old)]).await, "NoSuchHostedZone");
}

#[tokio::test(start_paused = true)]
async fn a_batch_applies_as_a_whole_or_not_at_all() {
    let route53 = account().route53();
    let zone = zone(&route53, "a.example").await;
    let right = (ChangeAction::Create, records("b.a.example", RrType::A, &["192.0.2.1"]));
    let wrong = (ChangeAction::Delete, records("c.a.example", RrType::A, &["192.0.2.1"]));
    assert_eq!(apply(&route53, &zone, &[right, wrong]).await, "InvalidChangeBatch");
    assert_eq!(names(&route53, &zone).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_zone_with_records_is_not_deleted() {
    let route53 = account().route53();
    let zone = zone(&route53, "a.example").await;
    let set = records("w.a.example", RrType::A, &["192.0.2.1"]);
    change(&route53, &zone, ChangeAction::Create, set.clone()).await;
    let refused = route53.delete_hosted_zone().id(&zone).send().await;
    assert!(refused.unwrap_err().into_service_error().is_hosted_zone_not_empty());
    change(&route53, &zone, ChangeAction::Delete, set).await;
    route53.delete_hosted_zone().id(&zone).send().await.unwrap();
    assert_eq!(code(route53.delete_hosted_zone().id(&zone).send().await), "NoSuchHostedZone");
    assert_eq!(code(route53.get_hosted_zone().id(&zone).send().await), "NoSuchHostedZone");
}

#[tokio::test(start_paused = true)]
async fn records_are_listed_from_the_right_and_page_by_name_and_type() {
    let route53 = account().route53();
    let zone = zone(&route53, "a.example").await;
    for (name, kind, value) in [
        ("z.a.example", RrType::A, "192.0.2.1"),
        ("b.z.a.example", RrType::A, "192.0.2.1"),
        ("c.a.example", RrType::A, "192.0.2.1"),
        ("c.a.example", RrType::Txt, "\"owner\""),
    ] {
        change(&route53, &zone, ChangeAction::Create, records(name, kind, &[value])).await;
    }
    let (mut all, mut start): (Vec<String>, _) = (Vec::new(), None::<(String, RrType)>);
    loop {
        let mut list = route53.list_resource_record_sets().hosted_zone_id(&zone).max_items(2);
        if let Some((name, kind)) = start {
            list = list.start_record_name(name).start_record_type(kind);
        }
        let listed = list.send().await.unwrap();
        all.extend(
            listed.resource_record_sets().iter().map(|set| format!("{} {}", set.name(), set.r#type())),
        );
        if !listed.is_truncated() {
            break;
        }
        start =
            Some((listed.next_record_name().unwrap().to_owned(), listed.next_record_type().unwrap().clone()));
    }
    assert_eq!(
        all,
        [
            "a.example. NS",
            "a.example. SOA",
            "c.a.example. A",
            "c.a.example. TXT",
            "z.a.example. A",
            "b.z.a.example. A",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_alias_keeps_its_target_and_has_no_values() {
    let route53 = account().route53();
    let zone = zone(&route53, "a.example").await;
    let target = AliasTarget::builder()
        .hosted_zone_id("Z2IFOLAFXWLO4F")
        .dns_name("ingress-1.elb.eu-west-1.amazonaws.com.")
        .evaluate_target_health(true)
        .build()
        .unwrap();
    let alias = ResourceRecordSet::builder().name("a.example").r#type(RrType::A).alias_target(target.clone());
    let both = alias.clone().ttl(60).build().unwrap();
    assert_eq!(apply(&route53, &zone, &[(ChangeAction::Create, both)]).await, "InvalidChangeBatch");
    change(&route53, &zone, ChangeAction::Upsert, alias.build().unwrap()).await;
    let listed = route53.list_resource_record_sets().hosted_zone_id(&zone).send().await.unwrap();
    let kept = &listed.resource_record_sets()[0];
    assert_eq!((kept.alias_target(), kept.ttl(), kept.resource_records().len()), (Some(&target), None, 0));
}

#[tokio::test(start_paused = true)]
async fn tags_of_zones_come_by_calls_of_their_own() {
    let route53 = account().route53();
    let zone = zone(&route53, "a.example").await;
    let id = zone.trim_start_matches("/hostedzone/");
    let tag = |key: &str| Tag::builder().key(key).value("v").build();
    let kind = TagResourceType::Hostedzone;
    let change = || route53.change_tags_for_resource().resource_type(kind.clone()).resource_id(id);
    change().add_tags(tag("one")).add_tags(tag("two")).send().await.unwrap();
    change().remove_tag_keys("one").send().await.unwrap();
    assert_eq!(code(change().send().await), "InvalidInput");
    let parent = "Z0123456789HOLODECK0";
    let list =
        route53.list_tags_for_resources().resource_type(kind.clone()).resource_ids(id).resource_ids(parent);
    let sets = list.send().await.unwrap();
    let tags: Vec<_> = sets.resource_tag_sets().iter().map(|set| set.tags()).collect();
    assert_eq!(tags, [&[tag("two")][..], &[]]);
    route53.delete_hosted_zone().id(id).send().await.unwrap();
    let gone = route53.list_tags_for_resource().resource_type(kind).resource_id(id).send().await;
    assert_eq!(code(gone), "NoSuchHostedZone");
}

#[tokio::test(start_paused = true)]
async fn the_parent_zone_is_there_and_is_found_by_name() {
    let route53 = account().route53();
    zone(&route53, "staging.holodeck.example").await;
    zone(&route53, "b.example").await;
    let by_name = || route53.list_hosted_zones_by_name();
    let first = by_name().dns_name("holodeck.example").max_items(1).send().await.unwrap();
    assert_eq!(first.hosted_zones()[0].name(), "holodeck.example.");
    assert_eq!(first.next_dns_name(), Some("staging.holodeck.example."));
    let all = by_name().send().await.unwrap();
    let names: Vec<_> = all.hosted_zones().iter().map(|zone| zone.name()).collect();
    assert_eq!(names, ["b.example.", "holodeck.example.", "staging.holodeck.example."]);

    let page = route53.list_hosted_zones().max_items(2).send().await.unwrap();
    let rest = route53.list_hosted_zones().marker(page.next_marker().unwrap()).send().await.unwrap();
    assert_eq!(page.hosted_zones().len() + rest.hosted_zones().len(), 3);
}
