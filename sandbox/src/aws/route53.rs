//! The simulated Route 53: hosted zones, their records and the changes on their way to the name servers.
//!
//! Invariants: a zone always has its SOA and NS records; a batch of changes applies as a whole or not at all; a change is
//! `PENDING` for [`PROPAGATION`] and `INSYNC` from then on; the account owns the parent zone [`PARENT_ZONE`], made by hand,
//! so that delegation can be rehearsed. Names and limits: Route 53 API Reference and Developer Guide, "DNS domain name format".

mod change;
mod name;
mod record;
mod tag;
#[cfg(test)]
mod tests;
mod zone;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use aws_sdk_route53::operation::get_change::{GetChangeInput, GetChangeOutput};
use aws_sdk_route53::types::{ChangeInfo, ChangeStatus};

use super::{Answer, ApiError, Services, World, date_time};

/// How long a change takes to reach all name servers; Route 53 promises 60 seconds under normal conditions.
const PROPAGATION: SignedDuration = SignedDuration::from_secs(35);

/// The zone that a fresh account has already.
const PARENT_ZONE: &str = "holodeck.example.";
const PARENT_ZONE_ID: &str = "Z0123456789HOLODECK0";

/// Everything of Route 53 in the account.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// By id, without `/hostedzone/`.
    zones: BTreeMap<String, zone::Zone>,
    /// By id, without `/change/`.
    changes: BTreeMap<String, Change>,
}

impl Default for State {
    fn default() -> Self {
        let parent = zone::Zone::new(PARENT_ZONE_ID, PARENT_ZONE, "made-by-hand");
        Self { zones: BTreeMap::from([(PARENT_ZONE_ID.to_owned(), parent)]), changes: BTreeMap::new() }
    }
}

/// One accepted change.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Change {
    submitted: Timestamp,
    comment: Option<String>,
}

/// Adds the operations of Route 53.
pub(crate) fn register(services: &mut Services) {
    zone::register(services);
    change::register(services);
    record::register(services);
    tag::register(services);
    services.on(get_change);
}

/// Notes that a change was accepted, and describes it.
fn submit(world: &mut World, comment: Option<&str>) -> Answer<ChangeInfo> {
    let id = world.unique_id("C");
    let change = Change { submitted: world.now, comment: comment.map(str::to_owned) };
    let info = info(&id, &change, world.now)?;
    world.route53.changes.insert(id, change);
    Ok(info)
}

fn info(id: &str, change: &Change, now: Timestamp) -> Answer<ChangeInfo> {
    let pending = now.duration_since(change.submitted) < PROPAGATION;
    Ok(ChangeInfo::builder()
        .id(format!("/change/{id}"))
        .status(if pending { ChangeStatus::Pending } else { ChangeStatus::Insync })
        .submitted_at(date_time(change.submitted))
        .set_comment(change.comment.clone())
        .build()?)
}

fn get_change(world: &mut World, input: &GetChangeInput) -> Answer<GetChangeOutput> {
    let given = input.id().unwrap_or_default();
    let id = bare(given);
    let Some(change) = world.route53.changes.get(id) else {
        return Err(ApiError::new("NoSuchChange", format!("Could not find resource with ID: {given}")));
    };
    Ok(GetChangeOutput::builder().change_info(info(id, change, world.now)?).build())
}

/// An id without the prefix that tells its kind.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn zone<'a>(world: &'a World, id: Option<&str>) -> Answer<&'a zone::Zone> {
    let id = bare(id.unwrap_or_default());
    world.route53.zones.get(id).ok_or_else(|| no_such_zone(id))
}

fn zone_mut<'a>(world: &'a mut World, id: Option<&str>) -> Answer<&'a mut zone::Zone> {
    let id = bare(id.unwrap_or_default());
    world.route53.zones.get_mut(id).ok_or_else(|| no_such_zone(id))
}

fn no_such_zone(id: &str) -> ApiError {
    ApiError::new("NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
}

fn invalid_input(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidInput", message)
}

/// How many items a page may have: `given`, or `most` where nothing is given.
fn page_size(given: Option<i32>, most: i32) -> Answer<usize> {
    match given.unwrap_or(most) {
        size @ 1.. => Ok(usize::try_from(size.min(most)).unwrap_or(1)),
        size => Err(invalid_input(format!("maxItems must be positive, not {size}"))),
    }
}
