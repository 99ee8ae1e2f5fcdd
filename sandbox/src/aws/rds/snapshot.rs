//! Snapshots of database instances; they outlive the instance.

use std::collections::BTreeMap;

use aws_sdk_rds::operation::delete_db_snapshot::{DeleteDbSnapshotInput, DeleteDbSnapshotOutput};
use aws_sdk_rds::operation::describe_db_snapshots::{DescribeDbSnapshotsInput, DescribeDbSnapshotsOutput};
use aws_sdk_rds::types;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, date_time};
use super::instance::Instance;
use super::{error, identifier, invalid_value, tag};

/// How long it takes to make one.
const CREATION: SignedDuration = SignedDuration::from_secs(3 * 60);

/// One snapshot, made by hand or as an instance's last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Snapshot {
    identifier: String,
    pub(super) arn: String,
    created: Timestamp,
    instance: String,
    resource_id: String,
    engine: String,
    engine_version: String,
    /// GiB.
    storage: i32,
    port: i32,
    zone: String,
    username: String,
    encryption_key: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
}

pub(super) fn register(services: &mut Services) {
    services.on(describe);
    services.on(delete);
}

/// Makes a snapshot of the instance.
pub(super) fn make(world: &mut World, instance: &Instance, name: &str) -> Answer<()> {
    let identifier = identifier(Some(name), "FinalDBSnapshotIdentifier")?;
    if world.rds.snapshots.contains_key(&identifier) {
        return Err(error(
            "DBSnapshotAlreadyExists",
            format!(
                "Cannot create the snapshot because a snapshot with the identifier {identifier} already exists."
            ),
        ));
    }
    let snapshot = Snapshot {
        arn: world.arn("rds", &format!("snapshot:{identifier}")),
        created: world.now,
        instance: instance.identifier.clone(),
        resource_id: instance.resource_id.clone(),
        engine: instance.engine.clone(),
        engine_version: instance.settings.engine_version.clone(),
        storage: instance.settings.storage,
        port: instance.port,
        zone: instance.zone.clone(),
        username: instance.username.clone(),
        encryption_key: instance.encryption_key.clone(),
        tags: if instance.settings.copy_tags_to_snapshot { instance.tags.clone() } else { BTreeMap::new() },
        identifier: identifier.clone(),
    };
    world.rds.snapshots.insert(identifier, snapshot);
    Ok(())
}

fn describe(world: &mut World, input: &DescribeDbSnapshotsInput) -> Answer<DescribeDbSnapshotsOutput> {
    if let Some(filter) = input.filters().first() {
        return Err(invalid_value(format!(
            "Unrecognized filter name: {}",
            filter.name().unwrap_or_default()
        )));
    }
    let named = input.db_snapshot_identifier().map(str::to_ascii_lowercase);
    if let Some(name) = &named
        && !world.rds.snapshots.contains_key(name)
    {
        return Err(not_found(name));
    }
    let wanted = |snapshot: &&Snapshot| {
        named.as_ref().is_none_or(|name| snapshot.identifier == *name)
            && input.db_instance_identifier().is_none_or(|of| snapshot.instance.eq_ignore_ascii_case(of))
            && input.snapshot_type().is_none_or(|kind| kind == "manual")
    };
    let now = world.now;
    let all = world.rds.snapshots.values().filter(wanted).map(|snapshot| view(snapshot, now)).collect();
    let (snapshots, marker) = super::page(all, input.marker(), input.max_records())?;
    Ok(DescribeDbSnapshotsOutput::builder().set_db_snapshots(Some(snapshots)).set_marker(marker).build())
}

fn delete(world: &mut World, input: &DeleteDbSnapshotInput) -> Answer<DeleteDbSnapshotOutput> {
    let name = input.db_snapshot_identifier().unwrap_or_default().to_ascii_lowercase();
    let now = world.now;
    let snapshot = world.rds.snapshots.get(&name).ok_or_else(|| not_found(&name))?;
    if snapshot.created + CREATION > now {
        return Err(error("InvalidDBSnapshotState", format!("Snapshot {name} is being created")));
    }
    let shown = view(snapshot, now);
    world.rds.snapshots.remove(&name);
    Ok(DeleteDbSnapshotOutput::builder().db_snapshot(shown).build())
}

fn not_found(name: &str) -> super::ApiError {
    error("DBSnapshotNotFound", format!("DBSnapshot {name} not found."))
}

fn view(snapshot: &Snapshot, now: Timestamp) -> types::DbSnapshot {
    let made = snapshot.created + CREATION <= now;
    types::DbSnapshot::builder()
        .db_snapshot_identifier(&snapshot.identifier)
        .db_snapshot_arn(&snapshot.arn)
        .db_instance_identifier(&snapshot.instance)
        .dbi_resource_id(&snapshot.resource_id)
        .snapshot_create_time(date_time(snapshot.created))
        .engine(&snapshot.engine)
        .engine_version(&snapshot.engine_version)
        .allocated_storage(snapshot.storage)
        .status(if made { "available" } else { "creating" })
        .percent_progress(if made { 100 } else { 0 })
        .port(snapshot.port)
        .availability_zone(&snapshot.zone)
        .master_username(&snapshot.username)
        .snapshot_type("manual")
        .encrypted(snapshot.encryption_key.is_some())
        .set_kms_key_id(snapshot.encryption_key.clone())
        .set_tag_list(Some(tag::view(&snapshot.tags)))
        .build()
}
