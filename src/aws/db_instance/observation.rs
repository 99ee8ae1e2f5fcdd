//! A database as RDS describes it, read as ours
//! (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>).

use aws_sdk_rds::types::{DbInstance as Description, PendingModifiedValues};
use holodeck_engine::{Error, Input, Observed, Status};

use super::{DbInstance, Outputs};
use crate::aws::answer::Given;
use crate::aws::client::Aws;
use crate::aws::kept_in_tags::{self, FINAL_SNAPSHOT};

/// The database, if it is ours.
pub(super) fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<DbInstance>>, Error> {
    let Some((name, mut tags)) = aws.owner.recognise(found.tag_list()) else { return Ok(None) };
    let status = status(&found);
    let identifier = found.db_instance_identifier.given("the identifier of a database")?;
    let arn = found.db_instance_arn.given("the ARN of a database")?;
    let unsigned = |number: Option<i32>| number.unwrap_or_default().unsigned_abs();
    let (group_name, group_arn) = found
        .db_subnet_group
        .map(|group| (group.db_subnet_group_name, group.db_subnet_group_arn))
        .unwrap_or_default();
    let endpoint = found.endpoint.as_ref();
    let port = endpoint.and_then(|endpoint| endpoint.port).or(found.db_instance_port).unwrap_or_default();
    let port = u16::try_from(port).ok().filter(|port| *port != 0);
    let storage_gib = unsigned(found.allocated_storage);
    let attributes = DbInstance {
        engine: found.engine.unwrap_or_default(),
        version: found.engine_version.unwrap_or_default(),
        class: found.db_instance_class.unwrap_or_default(),
        storage_gib,
        // A limit that is reached already is none.
        max_storage_gib: Some(unsigned(found.max_allocated_storage))
            .filter(|limit| *limit > storage_gib)
            .unwrap_or_default(),
        multi_az: found.multi_az.unwrap_or_default(),
        port: port.unwrap_or_default(),
        master_username: found.master_username.unwrap_or_default(),
        key_arn: found.kms_key_id.unwrap_or_default().into(),
        backup_days: unsigned(found.backup_retention_period),
        deletion_protection: found.deletion_protection.unwrap_or_default(),
        final_snapshot: kept_in_tags::take(&mut tags, FINAL_SNAPSHOT, true),
        subnet_group: group_name.unwrap_or_default().into(),
        security_groups: found
            .vpc_security_groups
            .unwrap_or_default()
            .into_iter()
            .filter_map(|group| group.vpc_security_group_id)
            .map(Input::Known)
            .collect(),
        auto_minor_upgrade: found.auto_minor_version_upgrade.unwrap_or_default(),
        performance_insights: found.performance_insights_enabled.unwrap_or_default(),
        public: found.publicly_accessible.unwrap_or_default(),
        tags,
    };
    let outputs = Outputs {
        identifier,
        endpoint: found.endpoint.and_then(|endpoint| endpoint.address),
        port,
        secret_arn: found.master_user_secret.and_then(|secret| secret.secret_arn),
    };
    let uses = group_arn.into_iter().collect();
    Ok(Some(Observed { name, id: arn, attributes, outputs, status, uses }))
}

fn status(found: &Description) -> Status {
    let state = found.db_instance_status().unwrap_or("unknown");
    let is_pending = |pending: &PendingModifiedValues| *pending != PendingModifiedValues::builder().build();
    match state {
        "available" if found.pending_modified_values().is_some_and(is_pending) => {
            Status::InProgress("RDS is about to apply the change".to_owned())
        }
        // While storage is moved around the database works.
        "available" | "storage-optimization" => Status::Ready,
        "creating" => Status::InProgress("RDS is creating the database".to_owned()),
        "backing-up" => Status::InProgress("RDS is taking a backup".to_owned()),
        "deleting" => {
            Status::Deleting("RDS is deleting the database and taking its last snapshot".to_owned())
        }
        "failed" => Status::Failed("RDS could not create the database".to_owned()),
        state if state.starts_with("incompatible-") => {
            Status::Failed(format!("the state of the database is `{state}`"))
        }
        "stopped" => Status::InProgress("the database is stopped: start it to go on".to_owned()),
        "storage-full" => Status::InProgress("the database's storage is full: give it more".to_owned()),
        state => Status::InProgress(format!("the state of the database is `{state}`")),
    }
}
