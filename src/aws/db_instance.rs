//! Databases of RDS (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>).
//!
//! The master password is made, kept and rotated by AWS in Secrets Manager and never passes through here. What cannot change
//! in place is a replacement, which needs permission, since its data stay behind in a snapshot
//! (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html>).

mod observation;
mod version;

use std::collections::BTreeSet;

use holodeck_engine::{Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::answer::Answer;
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::db_subnet_group::tag_list;
use crate::aws::inputs;
use crate::aws::kept_in_tags::{self, FINAL_SNAPSHOT};
use crate::aws::owner::{self, Tags};

/// The kind of storage: solid-state, with a speed that does not depend on its size.
const STORAGE_TYPE: &str = "gp3";
/// Codes that mean that the database is gone.
const GONE: [&str; 2] = ["DBInstanceNotFound", "DBInstanceNotFoundFault"];
/// What cannot change in place.
const IMMUTABLE: [&str; 4] = ["engine", "key_arn", "subnet_group", "master_username"];

/// A database, encrypted and with a password that AWS manages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DbInstance {
    /// The engine's name, such as `postgres`.
    pub engine: String,
    /// The engine's version: in full, or a major one, which any of its minor ones fulfils.
    pub version: String,
    /// The instance class.
    pub class: String,
    /// Storage in GiB to begin with.
    pub storage_gib: u32,
    /// Storage in GiB up to which it grows by itself; 0 if it does not.
    pub max_storage_gib: u32,
    /// Whether a standby in another zone takes over on failure.
    pub multi_az: bool,
    /// TCP port.
    pub port: u16,
    /// Name of the user who may do everything.
    pub master_username: String,
    /// ARN of the key that storage, backups and the password are encrypted with.
    pub key_arn: Input<String>,
    /// Days that automatic backups are kept; 0 for none.
    pub backup_days: u32,
    /// Whether AWS refuses to delete it.
    pub deletion_protection: bool,
    /// Whether a last snapshot is taken when it is removed.
    pub final_snapshot: bool,
    /// Name of the subnet group that it lies in.
    pub subnet_group: Input<String>,
    /// Ids of its security groups.
    pub security_groups: BTreeSet<Input<String>>,
    /// Whether AWS installs new minor versions by itself.
    pub auto_minor_upgrade: bool,
    /// Whether its load is recorded.
    pub performance_insights: bool,
    /// Whether it has a public address.
    pub public: bool,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a database puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    identifier: String,
    endpoint: Option<String>,
    port: Option<u16>,
    secret_arn: Option<String>,
}

impl DbInstance {
    /// Its host name.
    pub const ENDPOINT: Output<Self, String> = Output::new("endpoint");
    /// Its TCP port.
    pub const PORT: Output<Self, u16> = Output::new("port");
    /// ARN of the secret with the name and password of the master user.
    pub const SECRET_ARN: Output<Self, String> = Output::new("secret_arn");

    fn kept_tags(&self) -> Tags {
        kept_in_tags::put(&self.tags, FINAL_SNAPSHOT, self.final_snapshot)
    }

    /// The limit of growth as RDS takes it: the size itself for none.
    fn storage_limit(&self) -> i32 {
        number(self.max_storage_gib.max(self.storage_gib))
    }
}

/// A number as RDS takes it; what is too large for it is refused there.
fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl Resource for DbInstance {
    const KIND: &'static str = "aws.db_instance";
    const PRECIOUS: bool = true;
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(400, 300, 300, 3600)
    }

    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        let replacement = Verdict::replace_if_changed(changes, &IMMUTABLE, Order::DeleteFirst);
        if replacement != Verdict::Update {
            return replacement;
        }
        if self.storage_gib < actual.storage_gib && touches(changes, "storage_gib") {
            let (from, to) = (actual.storage_gib, self.storage_gib);
            return Verdict::Refuse(format!("storage cannot shrink from {from} to {to} GiB"));
        }
        if touches(changes, "version") && version::is_older(&self.version, &actual.version) {
            let (from, to) = (&actual.version, &self.version);
            return Verdict::Refuse(format!("{} cannot go back from version {from} to {to}", self.engine));
        }
        Verdict::Update
    }

    fn kept(&self) -> Option<String> {
        let remedy = "set its `deletion_protection = false` and run `up`, then take it out of the file";
        self.deletion_protection.then(|| remedy.to_owned())
    }

    fn project(&self, actual: Self) -> Self {
        let version = match version::fulfils(&actual.version, &self.version) {
            true => self.version.clone(),
            false => actual.version,
        };
        let has_grown = (self.storage_gib..=self.max_storage_gib).contains(&actual.storage_gib);
        let storage_gib = if has_grown { self.storage_gib } else { actual.storage_gib };
        // Until it is created it does not tell.
        let port = if actual.port == 0 { self.port } else { actual.port };
        Self { version, storage_gib, port, tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages = aws.rds.describe_db_instances().into_paginator().items().send();
        let found = pages.collect::<Result<Vec<_>, _>>().await.answer("DescribeDBInstances")?;
        found.into_iter().filter_map(|found| observation::observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let key = self.key_arn.get()?;
        let limit = (self.max_storage_gib > self.storage_gib).then(|| self.storage_limit());
        let request = aws
            .rds
            .create_db_instance()
            .db_instance_identifier(aws.owner.prefixed(name))
            .engine(&self.engine)
            .engine_version(&self.version)
            .db_instance_class(&self.class)
            .storage_type(STORAGE_TYPE)
            .allocated_storage(number(self.storage_gib))
            .set_max_allocated_storage(limit)
            .multi_az(self.multi_az)
            .port(i32::from(self.port))
            .master_username(&self.master_username)
            .manage_master_user_password(true)
            .master_user_secret_kms_key_id(key)
            .storage_encrypted(true)
            .kms_key_id(key)
            .backup_retention_period(number(self.backup_days))
            .deletion_protection(self.deletion_protection)
            .db_subnet_group_name(self.subnet_group.get()?)
            .set_vpc_security_group_ids(Some(inputs::known(&self.security_groups)?))
            .auto_minor_version_upgrade(self.auto_minor_upgrade)
            .enable_performance_insights(self.performance_insights)
            .publicly_accessible(self.public)
            .copy_tags_to_snapshot(true)
            .set_tags(Some(tag_list(aws.owner.tags(name, &self.kept_tags()))));
        request.send().await.answer("CreateDBInstance")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let is_kept = |path: &str| path.starts_with("tags") || path == "final_snapshot";
        if changes.iter().any(|change| is_kept(&change.path)) {
            let request = aws.rds.add_tags_to_resource().resource_name(&seen.id);
            let request = request.set_tags(Some(tag_list(self.kept_tags())));
            request.send().await.answer("AddTagsToResource")?;
        }
        if changes.iter().any(|change| !is_kept(&change.path)) {
            self.modify(aws, &seen.outputs.identifier, changes).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let identifier = &seen.outputs.identifier;
        if seen.attributes.deletion_protection {
            // Whoever asked for the removal has seen it in the plan.
            let request = aws.rds.modify_db_instance().db_instance_identifier(identifier);
            let request = request.deletion_protection(false).apply_immediately(true).send().await;
            request.removed("ModifyDBInstance", &GONE, &["InvalidDBInstanceState"])?;
        }
        let snapshot = seen
            .attributes
            .final_snapshot
            .then(|| format!("{identifier}-final-{}", Timestamp::now().strftime("%Y%m%d-%H%M%S")));
        let request = aws
            .rds
            .delete_db_instance()
            .db_instance_identifier(identifier)
            .skip_final_snapshot(snapshot.is_none())
            .set_final_db_snapshot_identifier(snapshot);
        // Protection takes a moment to go, and so does any state in which no snapshot can be taken.
        let busy = ["InvalidDBInstanceState", "InvalidParameterCombination"];
        request.send().await.removed("DeleteDBInstance", &GONE, &busy)
    }
}

impl DbInstance {
    async fn modify(&self, aws: &Aws, identifier: &str, changes: &[FieldChange]) -> Result<(), Error> {
        let mut request =
            aws.rds.modify_db_instance().db_instance_identifier(identifier).apply_immediately(true);
        if touches(changes, "version") {
            request = request.engine_version(&self.version).allow_major_version_upgrade(true);
        }
        if touches(changes, "class") {
            request = request.db_instance_class(&self.class);
        }
        if touches(changes, "storage_gib") {
            request = request.allocated_storage(number(self.storage_gib));
        }
        if touches(changes, "max_storage_gib") {
            request = request.max_allocated_storage(self.storage_limit());
        }
        if touches(changes, "multi_az") {
            request = request.multi_az(self.multi_az);
        }
        if touches(changes, "port") {
            request = request.db_port_number(i32::from(self.port));
        }
        if touches(changes, "backup_days") {
            request = request.backup_retention_period(number(self.backup_days));
        }
        if touches(changes, "deletion_protection") {
            request = request.deletion_protection(self.deletion_protection);
        }
        if touches(changes, "security_groups") {
            request = request.set_vpc_security_group_ids(Some(inputs::known(&self.security_groups)?));
        }
        if touches(changes, "auto_minor_upgrade") {
            request = request.auto_minor_version_upgrade(self.auto_minor_upgrade);
        }
        if touches(changes, "performance_insights") {
            request = request.enable_performance_insights(self.performance_insights);
        }
        if touches(changes, "public") {
            request = request.publicly_accessible(self.public);
        }
        request.send().await.answer_or_wait("ModifyDBInstance", &["InvalidDBInstanceState"])?;
        Ok(())
    }
}
