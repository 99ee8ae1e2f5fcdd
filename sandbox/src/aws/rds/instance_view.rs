//! A database instance as the API shows it.

use aws_sdk_rds::types;

use super::super::{World, date_time};
use super::instance::{Instance, Settings};
use super::{engine, subnet_group, tag};

/// The instance at the world's present.
pub(super) fn view(world: &World, instance: &Instance) -> types::DbInstance {
    let settings = &instance.settings;
    let license = engine::find(&instance.engine).map(|engine| engine.license.to_owned()).ok();
    let group = subnet_group::find(world, Some(&instance.subnet_group))
        .map(|group| subnet_group::view(world, group))
        .ok();
    let security_groups = settings.security_groups.iter();
    let security_groups = security_groups.map(|id| {
        types::VpcSecurityGroupMembership::builder().vpc_security_group_id(id).status("active").build()
    });
    let parameter_group = types::DbParameterGroupStatus::builder()
        .db_parameter_group_name(&settings.parameter_group)
        .parameter_apply_status("in-sync")
        .build();
    let pending = instance.pending.as_ref().map(|pending| difference(settings, &pending.settings));
    types::DbInstance::builder()
        .db_instance_identifier(&instance.identifier)
        .db_instance_arn(&instance.arn)
        .dbi_resource_id(&instance.resource_id)
        .db_instance_class(&settings.class)
        .engine(&instance.engine)
        .engine_version(&settings.engine_version)
        .db_instance_status(instance.status(world.now))
        .master_username(&instance.username)
        .set_db_name(instance.database.clone())
        .set_endpoint(instance.runs(world.now).then(|| endpoint(world, instance)))
        .allocated_storage(settings.storage)
        .set_max_allocated_storage(settings.max_storage)
        .storage_type(&settings.storage_type)
        .set_instance_create_time(instance.runs(world.now).then(|| date_time(instance.created)))
        .preferred_backup_window(&settings.backup_window)
        .preferred_maintenance_window(&settings.maintenance_window)
        .backup_retention_period(settings.backup_retention)
        .set_vpc_security_groups(Some(security_groups.collect()))
        .db_parameter_groups(parameter_group)
        .availability_zone(&instance.zone)
        .set_db_subnet_group(group)
        .set_pending_modified_values(pending)
        .multi_az(settings.multi_az)
        .auto_minor_version_upgrade(settings.auto_minor_upgrade)
        .set_license_model(license)
        .publicly_accessible(instance.publicly_accessible)
        .storage_encrypted(instance.encryption_key.is_some())
        .set_kms_key_id(instance.encryption_key.clone())
        .ca_certificate_identifier(&settings.certificate_authority)
        .copy_tags_to_snapshot(settings.copy_tags_to_snapshot)
        .iam_database_authentication_enabled(settings.iam_authentication)
        .performance_insights_enabled(settings.performance_insights)
        .set_enabled_cloudwatch_logs_exports((!settings.logs.is_empty()).then(|| settings.logs.clone()))
        .deletion_protection(settings.deletion_protection)
        .set_master_user_secret(instance.secret.as_ref().map(|secret| master_secret(world, instance, secret)))
        .set_tag_list(Some(tag::view(&instance.tags)))
        .network_type("IPV4")
        .build()
}

/// The endpoint has a part that is the account's own in the region.
fn endpoint(world: &World, instance: &Instance) -> types::Endpoint {
    let account: u64 = world.account.parse().unwrap_or_default();
    types::Endpoint::builder()
        .address(format!("{}.c{account:011x}.{}.rds.amazonaws.com", instance.identifier, world.region))
        .port(instance.port)
        .build()
}

fn master_secret(
    world: &World,
    instance: &Instance,
    secret: &(String, Option<String>),
) -> types::MasterUserSecret {
    types::MasterUserSecret::builder()
        .secret_arn(&secret.0)
        .secret_status(if instance.runs(world.now) { "active" } else { "creating" })
        .set_kms_key_id(secret.1.clone())
        .build()
}

fn difference(now: &Settings, then: &Settings) -> types::PendingModifiedValues {
    types::PendingModifiedValues::builder()
        .set_db_instance_class((now.class != then.class).then(|| then.class.clone()))
        .set_allocated_storage((now.storage != then.storage).then_some(then.storage))
        .set_engine_version((now.engine_version != then.engine_version).then(|| then.engine_version.clone()))
        .set_multi_az((now.multi_az != then.multi_az).then_some(then.multi_az))
        .set_storage_type((now.storage_type != then.storage_type).then(|| then.storage_type.clone()))
        .build()
}
