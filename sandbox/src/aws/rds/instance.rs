//! Database instances: creating, reading and deleting them.

use std::collections::BTreeMap;

use aws_sdk_rds::operation::create_db_instance::{CreateDbInstanceInput, CreateDbInstanceOutput};
use aws_sdk_rds::operation::delete_db_instance::{DeleteDbInstanceInput, DeleteDbInstanceOutput};
use aws_sdk_rds::operation::describe_db_instances::{DescribeDbInstancesInput, DescribeDbInstancesOutput};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, ApiError, Services, World, ec2, kms, secretsmanager};
use super::instance_change::Modification;
use super::{
    engine, error, identifier, instance_view, invalid_combination, invalid_value, snapshot, subnet_group, tag,
};

/// From creation until the instance runs; it gets its endpoint then.
const CREATION: SignedDuration = SignedDuration::from_secs(4 * 60 + 30);
/// How long the first backup takes, where backups are kept.
const FIRST_BACKUP: SignedDuration = SignedDuration::from_secs(100);
/// From the start of the deletion until the instance is gone.
const DELETION: SignedDuration = SignedDuration::from_secs(5 * 60);

/// All of an instance that can be changed later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) class: String,
    /// GiB.
    pub(super) storage: i32,
    /// GiB, up to which storage grows by itself.
    pub(super) max_storage: Option<i32>,
    pub(super) storage_type: String,
    pub(super) engine_version: String,
    pub(super) multi_az: bool,
    pub(super) security_groups: Vec<String>,
    /// Days.
    pub(super) backup_retention: i32,
    pub(super) backup_window: String,
    pub(super) maintenance_window: String,
    pub(super) deletion_protection: bool,
    pub(super) auto_minor_upgrade: bool,
    pub(super) copy_tags_to_snapshot: bool,
    pub(super) performance_insights: bool,
    pub(super) iam_authentication: bool,
    pub(super) logs: Vec<String>,
    pub(super) parameter_group: String,
    pub(super) certificate_authority: String,
}

/// One database instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) identifier: String,
    pub(super) arn: String,
    pub(super) resource_id: String,
    pub(super) created: Timestamp,
    pub(super) engine: String,
    pub(super) database: Option<String>,
    pub(super) username: String,
    pub(super) port: i32,
    pub(super) subnet_group: String,
    /// The subnet in which it lies.
    pub(super) subnet: String,
    pub(super) zone: String,
    pub(super) publicly_accessible: bool,
    pub(super) encryption_key: Option<String>,
    /// ARN and key of the secret with the password, where RDS manages it.
    pub(super) secret: Option<(String, Option<String>)>,
    interface: String,
    pub(super) settings: Settings,
    pub(super) tags: BTreeMap<String, String>,
    /// Changes under way.
    pub(super) modification: Option<Modification>,
    /// Changes that wait for the maintenance window.
    pub(super) pending: Option<Modification>,
    /// When its deletion began.
    pub(super) deleted: Option<Timestamp>,
}

impl Instance {
    /// Its state, as the API names it.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        let backup = if self.settings.backup_retention > 0 { FIRST_BACKUP } else { SignedDuration::ZERO };
        if self.deleted.is_some() {
            "deleting"
        } else if self.created + CREATION > now {
            "creating"
        } else if self.created + CREATION + backup > now {
            "backing-up"
        } else if self.modification.is_some() {
            "modifying"
        } else {
            "available"
        }
    }

    /// Whether it has come so far that it has an endpoint.
    pub(super) fn runs(&self, now: Timestamp) -> bool {
        self.created + CREATION <= now
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(delete);
}

/// Removes the instances whose deletion is over.
pub(super) fn settle(world: &mut World) {
    let now = world.now;
    let gone = |instance: &&Instance| instance.deleted.is_some_and(|deleted| deleted + DELETION <= now);
    let gone: Vec<Instance> = world.rds.instances.values().filter(gone).cloned().collect();
    for instance in gone {
        ec2::remove_interface(world, &instance.interface);
        if let Some((secret, _)) = &instance.secret {
            secretsmanager::delete_owned(world, secret);
        }
        world.rds.instances.remove(&instance.identifier);
    }
}

/// The instance of that identifier, in any case of letters.
pub(super) fn find_mut<'a>(world: &'a mut World, identifier: Option<&str>) -> Answer<&'a mut Instance> {
    let identifier = identifier.unwrap_or_default().to_ascii_lowercase();
    world.rds.instances.get_mut(&identifier).ok_or_else(|| not_found(&identifier))
}

fn not_found(identifier: &str) -> ApiError {
    error("DBInstanceNotFound", format!("DBInstance {identifier} not found."))
}

fn create(world: &mut World, input: &CreateDbInstanceInput) -> Answer<CreateDbInstanceOutput> {
    let identifier = identifier(input.db_instance_identifier(), "DBInstanceIdentifier")?;
    if world.rds.instances.contains_key(&identifier) {
        return Err(error("DBInstanceAlreadyExists", "DB instance already exists"));
    }
    if input.db_cluster_identifier().is_some() {
        return Err(error("NotSimulated", "instances of a DB cluster are not part of the simulation"));
    }
    let engine = engine::find(input.engine().unwrap_or_default())?;
    let group = subnet_group::find(world, input.db_subnet_group_name())?.clone();
    let settings = settings(world, input, engine, &group.vpc_id)?;
    let managed = input.manage_master_user_password().unwrap_or_default();
    check_password(input, managed)?;
    let encryption_key = encryption_key(world, input)?;
    let tags = tag::tags_of(input.tags())?;
    let (subnet, zone) = placement(world, input, &group)?;
    let interface = ec2::make_interface(
        world,
        ec2::NewInterface {
            subnet_id: subnet.clone(),
            description: "RDSNetworkInterface".into(),
            security_groups: settings.security_groups.clone(),
            requester_managed: true,
            instance_id: None,
            tags: BTreeMap::new(),
            created: world.now,
        },
    )?;
    let username = input.master_username().unwrap_or_default().to_owned();
    let secret = managed.then(|| make_secret(world, input, &username));
    let instance = Instance {
        arn: world.arn("rds", &format!("db:{identifier}")),
        resource_id: format!("db-{}", world.hex(26).to_uppercase()),
        created: world.now,
        engine: engine.name.to_owned(),
        database: input.db_name().map(str::to_owned),
        username,
        port: input.port().unwrap_or(engine.port),
        subnet_group: group_name(input),
        subnet,
        zone,
        publicly_accessible: input.publicly_accessible().unwrap_or_default(),
        encryption_key,
        secret,
        interface,
        settings,
        tags,
        modification: None,
        pending: None,
        deleted: None,
        identifier: identifier.clone(),
    };
    let shown = instance_view::view(world, &instance);
    world.rds.instances.insert(identifier, instance);
    Ok(CreateDbInstanceOutput::builder().db_instance(shown).build())
}

fn group_name(input: &CreateDbInstanceInput) -> String {
    input.db_subnet_group_name().unwrap_or_default().to_ascii_lowercase()
}

fn settings(
    world: &World,
    input: &CreateDbInstanceInput,
    engine: &engine::Engine,
    vpc: &str,
) -> Answer<Settings> {
    let engine_version = engine.resolve(input.engine_version())?.to_owned();
    let security_groups = match input.vpc_security_group_ids() {
        [] => ec2::default_security_group(world, vpc).into_iter().collect(),
        given => given.to_vec(),
    };
    check_security_groups(world, &security_groups, vpc)?;
    let settings = Settings {
        class: class(input.db_instance_class())?,
        storage: input.allocated_storage().unwrap_or(20),
        max_storage: input.max_allocated_storage(),
        storage_type: input.storage_type().unwrap_or("gp2").to_owned(),
        parameter_group: input
            .db_parameter_group_name()
            .map_or_else(|| engine.parameter_group(&engine_version), str::to_owned),
        engine_version,
        multi_az: input.multi_az().unwrap_or_default(),
        security_groups,
        backup_retention: input.backup_retention_period().unwrap_or(1),
        backup_window: input.preferred_backup_window().unwrap_or("02:00-02:30").to_owned(),
        maintenance_window: input.preferred_maintenance_window().unwrap_or("sun:04:00-sun:04:30").to_owned(),
        deletion_protection: input.deletion_protection().unwrap_or_default(),
        auto_minor_upgrade: input.auto_minor_version_upgrade().unwrap_or(true),
        copy_tags_to_snapshot: input.copy_tags_to_snapshot().unwrap_or_default(),
        performance_insights: input.enable_performance_insights().unwrap_or_default(),
        iam_authentication: input.enable_iam_database_authentication().unwrap_or_default(),
        logs: input.enable_cloudwatch_logs_exports().to_vec(),
        certificate_authority: input.ca_certificate_identifier().unwrap_or("rds-ca-rsa2048-g1").to_owned(),
    };
    check(&settings)?;
    Ok(settings)
}

/// A class such as `db.t4g.medium`.
pub(super) fn class(given: Option<&str>) -> Answer<String> {
    let class = given.unwrap_or_default();
    if class.starts_with("db.") && class.split('.').count() == 3 {
        Ok(class.to_owned())
    } else {
        Err(invalid_value(format!("Invalid DB Instance class: {class}")))
    }
}

/// Bounds of what can be set.
pub(super) fn check(settings: &Settings) -> Answer<()> {
    if !(20..=65536).contains(&settings.storage) {
        return Err(invalid_combination(format!(
            "Invalid storage size for engine and storage type: {}",
            settings.storage
        )));
    }
    if settings.max_storage.is_some_and(|most| most <= settings.storage) {
        return Err(invalid_combination("Max storage must be greater than storage size"));
    }
    if !(0..=35).contains(&settings.backup_retention) {
        return Err(invalid_value(format!("Invalid backup retention period: {}", settings.backup_retention)));
    }
    Ok(())
}

/// Refuses security groups that the VPC does not have.
pub(super) fn check_security_groups(world: &World, groups: &[String], vpc: &str) -> Answer<()> {
    match groups.iter().find(|group| ec2::security_group_vpc(world, group).as_deref() != Some(vpc)) {
        Some(group) => Err(invalid_value(format!("Invalid security group , groupId= {group}, groupName=."))),
        None => Ok(()),
    }
}

fn check_password(input: &CreateDbInstanceInput, managed: bool) -> Answer<()> {
    if input.master_username().is_none_or(str::is_empty) {
        return Err(invalid_value("The parameter MasterUsername must be provided and must not be blank."));
    }
    match (managed, input.master_user_password()) {
        (true, Some(_)) => Err(invalid_combination(
            "You can't specify MasterUserPassword while ManageMasterUserPassword is true.",
        )),
        (false, None) => {
            Err(invalid_value("The parameter MasterUserPassword must be provided and must not be blank."))
        }
        (false, Some(password)) if password.len() < 8 => Err(invalid_value(
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.",
        )),
        _ => Ok(()),
    }
}

fn encryption_key(world: &World, input: &CreateDbInstanceInput) -> Answer<Option<String>> {
    let encrypted = input.storage_encrypted().unwrap_or_default();
    match (encrypted, input.kms_key_id()) {
        (false, None) => Ok(None),
        (false, Some(_)) => {
            Err(invalid_combination("A KMS key can be given only when storage encryption is on"))
        }
        (true, None) => Ok(Some(world.arn("kms", "alias/aws/rds"))),
        (true, Some(key)) if kms::usable(world, key) => Ok(kms::key_arn(world, key)),
        (true, Some(key)) => Err(error(
            "KMSKeyNotAccessibleFault",
            format!(
                "The specified KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it."
            ),
        )),
    }
}

fn placement(
    world: &World,
    input: &CreateDbInstanceInput,
    group: &subnet_group::SubnetGroup,
) -> Answer<(String, String)> {
    let with_zone =
        group.subnets.iter().filter_map(|subnet| Some((subnet.clone(), ec2::subnet_zone(world, subnet)?)));
    let mut fitting =
        with_zone.filter(|(_, zone)| input.availability_zone().is_none_or(|wanted| zone == wanted));
    fitting.next().ok_or_else(|| {
        error("InvalidVPCNetworkStateFault", "The DB subnet group has no subnet in the Availability Zone")
    })
}

/// The secret that RDS makes for a password that it manages.
fn make_secret(world: &mut World, input: &CreateDbInstanceInput, username: &str) -> (String, Option<String>) {
    let name = format!("rds!db-{}", world.uuid());
    let password = world.hex(28);
    let value = serde_json::json!({"username": username, "password": password}).to_string();
    let key = input.master_user_secret_kms_key_id().and_then(|key| kms::key_arn(world, key));
    (secretsmanager::create_owned(world, "rds", &name, value, key.clone()), key)
}

fn describe(world: &mut World, input: &DescribeDbInstancesInput) -> Answer<DescribeDbInstancesOutput> {
    for filter in input.filters() {
        let name = filter.name().unwrap_or_default();
        if !["db-instance-id", "dbi-resource-id", "engine"].contains(&name) {
            return Err(invalid_value(format!("Unrecognized filter name: {name}")));
        }
    }
    if let Some(identifier) = input.db_instance_identifier() {
        find_mut(world, Some(identifier))?;
    }
    let wanted = |instance: &&Instance| {
        let named = input.db_instance_identifier();
        named.is_none_or(|name| instance.identifier.eq_ignore_ascii_case(name) || instance.arn == name)
            && input.filters().iter().all(|filter| {
                let values = filter.values();
                match filter.name() {
                    Some("engine") => values.contains(&instance.engine),
                    Some("dbi-resource-id") => values.contains(&instance.resource_id),
                    _ => values.contains(&instance.identifier) || values.contains(&instance.arn),
                }
            })
    };
    let all = world
        .rds
        .instances
        .values()
        .filter(wanted)
        .map(|instance| instance_view::view(world, instance))
        .collect();
    let (instances, marker) = super::page(all, input.marker(), input.max_records())?;
    Ok(DescribeDbInstancesOutput::builder().set_db_instances(Some(instances)).set_marker(marker).build())
}

fn delete(world: &mut World, input: &DeleteDbInstanceInput) -> Answer<DeleteDbInstanceOutput> {
    let now = world.now;
    let instance = find_mut(world, input.db_instance_identifier())?.clone();
    if instance.settings.deletion_protection {
        return Err(invalid_combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ));
    }
    if instance.deleted.is_some() {
        return Err(error(
            "InvalidDBInstanceState",
            format!("Instance {} is already being deleted.", instance.identifier),
        ));
    }
    match (input.skip_final_snapshot().unwrap_or_default(), input.final_db_snapshot_identifier()) {
        (true, Some(_)) => {
            return Err(invalid_combination(
                "FinalDBSnapshotIdentifier can not be specified when deleting an instance with SkipFinalSnapshot",
            ));
        }
        (false, None) => {
            return Err(invalid_combination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            ));
        }
        (false, Some(name)) => snapshot::make(world, &instance, name)?,
        (true, None) => (),
    }
    find_mut(world, input.db_instance_identifier())?.deleted = Some(now);
    let instance = find_mut(world, input.db_instance_identifier())?.clone();
    Ok(DeleteDbInstanceOutput::builder().db_instance(instance_view::view(world, &instance)).build())
}
