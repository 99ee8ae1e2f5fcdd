//! Clears a zone of ours for its removal: a zone can only go when it is empty
//! (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html>).
//!
//! Removed is what belongs to the environment: marks and marked records, and challenges of certificates that were never
//! answered since their cluster is gone. Anything else somebody may still need: it is named, and the zone stays.

use std::collections::BTreeSet;

use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecordSet, RrType};
use holodeck_engine::{Class, Error};

use crate::aws::answer::Answer;
use crate::aws::client::Aws;
use crate::aws::dns_mark::Mark;
use crate::aws::dns_name;

/// Where ACME looks for its challenges (RFC 8555, section 8.4).
const CHALLENGE: &str = "_acme-challenge.";
/// Most records that are named in an error.
const NAMED: usize = 10;
/// Most changes that one request may carry.
const BATCH: usize = 1000;

/// Removes what is left in the zone and is ours; refuses if something else is there. A zone that is gone is clear.
pub(super) async fn clear(aws: &Aws, zone_id: &str, domain: &str) -> Result<(), Error> {
    let records = records(aws, zone_id).await?;
    let marks: BTreeSet<(String, String)> = records
        .iter()
        .filter_map(|set| Mark::read(aws, domain, set))
        .map(|mark| (mark.record, mark.kind))
        .collect();
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for set in records {
        let name = dns_name::readable(&set.name);
        let is_part_of_zone = name == domain && matches!(set.r#type, RrType::Ns | RrType::Soa);
        let is_challenge = set.r#type == RrType::Txt && name.starts_with(CHALLENGE);
        let is_marked = marks.contains(&(name.clone(), set.r#type.to_string()));
        if is_part_of_zone {
            continue;
        }
        if is_marked || is_challenge || Mark::read(aws, domain, &set).is_some() {
            ours.push(set);
        } else {
            others.push(format!("{name} ({})", set.r#type));
        }
    }
    if !others.is_empty() {
        return Err(foreign(domain, &others));
    }
    for sets in ours.chunks(BATCH) {
        let request = aws.route53.change_resource_record_sets().hosted_zone_id(zone_id);
        let request = request.change_batch(batch(ChangeAction::Delete, sets)?).send().await;
        // What another removed meanwhile is looked at again.
        request.answer_or_wait("ChangeResourceRecordSets", &["InvalidChangeBatch"])?;
    }
    Ok(())
}

fn foreign(domain: &str, others: &[String]) -> Error {
    let more = match others.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = others.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    Error::new(
        Class::Refused,
        format!("zone `{domain}` holds records that this program did not make: {named}{more}"),
    )
    .with_hint("remove them, or move them to another zone, then run the command again")
}

async fn records(aws: &Aws, zone_id: &str) -> Result<Vec<ResourceRecordSet>, Error> {
    let mut records = Vec::new();
    let (mut name, mut kind, mut identifier) = (None, None, None);
    loop {
        let request = aws
            .route53
            .list_resource_record_sets()
            .hosted_zone_id(zone_id)
            .set_start_record_name(name)
            .set_start_record_type(kind)
            .set_start_record_identifier(identifier);
        let page = request.send().await.answer_unless("ListResourceRecordSets", &["NoSuchHostedZone"])?;
        let Some(page) = page else { return Ok(Vec::new()) };
        records.extend(page.resource_record_sets);
        if !page.is_truncated {
            return Ok(records);
        }
        (name, kind, identifier) =
            (page.next_record_name, page.next_record_type, page.next_record_identifier);
    }
}

/// One change for each of the records.
pub(super) fn batch(action: ChangeAction, sets: &[ResourceRecordSet]) -> Result<ChangeBatch, Error> {
    let change = |set: &ResourceRecordSet| {
        Change::builder().action(action.clone()).resource_record_set(set.clone()).build()
    };
    let build = || {
        let changes = sets.iter().map(change).collect::<Result<_, _>>()?;
        ChangeBatch::builder().set_changes(Some(changes)).build()
    };
    build().map_err(|error| Error::bug("a change of records is incomplete").with_source(error))
}
