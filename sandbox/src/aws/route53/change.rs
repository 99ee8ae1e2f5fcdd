//! Changing records: a batch is checked and applied in order on a copy, which replaces the zone's records only if
//! every change of the batch is right. All mistakes are reported at once, as Route 53 does.

use std::collections::BTreeMap;

use aws_sdk_route53::operation::change_resource_record_sets::{
    ChangeResourceRecordSetsInput, ChangeResourceRecordSetsOutput,
};
use aws_sdk_route53::types::{Change, ChangeAction};

use super::record::{Key, Record};
use super::{invalid_input, name, submit, zone, zone_mut};
use crate::aws::{Answer, ApiError, Services, World};

/// Changes that one request may carry.
const MOST_CHANGES: usize = 1000;

type Records = BTreeMap<Key, Record>;

pub(super) fn register(services: &mut Services) {
    services.on(change);
}

fn change(
    world: &mut World,
    input: &ChangeResourceRecordSetsInput,
) -> Answer<ChangeResourceRecordSetsOutput> {
    let zone = zone(world, input.hosted_zone_id())?;
    let Some(batch) = input.change_batch() else {
        return Err(invalid_input("The request has no change batch"));
    };
    if batch.changes.is_empty() || batch.changes.len() > MOST_CHANGES {
        return Err(invalid_batch(&[format!("A batch has 1 to {MOST_CHANGES} changes")]));
    }
    let mut records = zone.records.clone();
    let mut mistakes: Vec<String> =
        batch.changes.iter().filter_map(|change| apply(&zone.name, &mut records, change).err()).collect();
    if mistakes.is_empty() {
        mistakes.extend(missing_at_apex(&zone.name, &records));
    }
    if !mistakes.is_empty() {
        return Err(invalid_batch(&mistakes));
    }
    zone_mut(world, input.hosted_zone_id())?.records = records;
    let info = submit(world, batch.comment())?;
    Ok(ChangeResourceRecordSetsOutput::builder().change_info(info).build())
}

fn invalid_batch(mistakes: &[String]) -> ApiError {
    ApiError::new("InvalidChangeBatch", format!("[{}]", mistakes.join(", ")))
}

fn apply(zone: &str, records: &mut Records, change: &Change) -> Result<(), String> {
    let set = change.resource_record_set().ok_or("a change has no record set")?;
    let record = Record::given(set)?;
    if !name::is_within(&record.name, zone) {
        return Err(format!("RRSet with DNS name {} is not permitted in zone {zone}", record.name));
    }
    let key = record.key();
    match change.action {
        ChangeAction::Create if records.contains_key(&key) => {
            return Err(format!(
                "Tried to create resource record set {} but it already exists",
                record.label()
            ));
        }
        ChangeAction::Create | ChangeAction::Upsert => {
            check_neighbours(zone, records, &record)?;
            records.insert(key, record);
        }
        ChangeAction::Delete => match records.get(&key) {
            None => {
                return Err(format!(
                    "Tried to delete resource record set {} but it was not found",
                    record.label()
                ));
            }
            Some(current) if *current != record => {
                return Err(format!(
                    "Tried to delete resource record set {} but the values provided do not match the current values",
                    record.label()
                ));
            }
            Some(_) => {
                records.remove(&key);
            }
        },
        ref other => return Err(format!("unknown action {other}")),
    }
    Ok(())
}

/// A CNAME stands alone at its name and never at the apex; simple and routed record sets do not mix.
fn check_neighbours(zone: &str, records: &Records, record: &Record) -> Result<(), String> {
    if record.kind == "CNAME" && record.name == zone {
        return Err(format!(
            "RRSet of type CNAME with DNS name {} is not permitted at apex in zone {zone}",
            record.name
        ));
    }
    let here = records.values().filter(|other| other.name == record.name);
    for other in here {
        if other.kind != record.kind && (other.kind == "CNAME" || record.kind == "CNAME") {
            return Err(format!(
                "RRSet of type {} with DNS name {} is not permitted as it conflicts with other records with the same DNS name in zone {zone}",
                record.kind, record.name
            ));
        }
        if other.kind == record.kind && other.set_identifier.is_some() != record.set_identifier.is_some() {
            return Err(format!(
                "RRSet with DNS name {}, type {} cannot be created as it conflicts with a record set with another routing policy",
                record.name, record.kind
            ));
        }
    }
    Ok(())
}

/// What a zone must keep: one SOA and the NS records of its own name.
fn missing_at_apex(zone: &str, records: &Records) -> Option<String> {
    let has = |kind: &str| records.values().any(|record| record.name == zone && record.kind == kind);
    if !has("SOA") {
        return Some("A HostedZone must contain exactly one SOA record.".to_owned());
    }
    (!has("NS")).then(|| "A HostedZone must contain at least one NS record for the zone itself.".to_owned())
}
