//! ModifyDBInstance: some changes take effect within seconds, others at once only if asked for, else in the instance's
//! maintenance window ("Modifying an Amazon RDS DB instance", RDS User Guide).

use aws_sdk_rds::operation::modify_db_instance::{ModifyDbInstanceInput, ModifyDbInstanceOutput};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World};
use super::instance::{self, Instance, Settings};
use super::{engine, error, instance_view, invalid_combination, subnet_group};

/// How long a change of something that runs beside the database takes.
const QUICK: SignedDuration = SignedDuration::from_secs(30);
/// How long a change of the class, the storage, the standby or the version takes.
const SLOW: SignedDuration = SignedDuration::from_secs(7 * 60);

/// Settings that take effect at an instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Modification {
    pub(super) settings: Settings,
    ends: Timestamp,
}

pub(super) fn register(services: &mut Services) {
    services.on(modify);
}

/// Ends the changes whose time is over, and begins those whose window has come.
pub(super) fn settle(world: &mut World) {
    let now = world.now;
    for instance in world.rds.instances.values_mut() {
        let ended = [
            instance.modification.take_if(|change| change.ends <= now),
            instance.pending.take_if(|change| change.ends <= now),
        ];
        for change in ended.into_iter().flatten() {
            instance.settings = change.settings;
        }
    }
}

fn modify(world: &mut World, input: &ModifyDbInstanceInput) -> Answer<ModifyDbInstanceOutput> {
    let now = world.now;
    let instance = instance::find_mut(world, input.db_instance_identifier())?.clone();
    refuse_what_is_not_simulated(input)?;
    if instance.status(now) != "available" {
        return Err(error(
            "InvalidDBInstanceState",
            format!(
                "Database instance is not in available state: {} is {}.",
                instance.identifier,
                instance.status(now)
            ),
        ));
    }
    let quick = quick(world, &instance, input)?;
    let all = slow(&instance, quick.clone(), input)?;
    instance::check(&all)?;
    let instance = instance::find_mut(world, input.db_instance_identifier())?;
    if all == quick {
        if quick != instance.settings {
            instance.modification = Some(Modification { settings: quick, ends: now + QUICK });
        }
    } else if input.apply_immediately().unwrap_or_default() {
        instance.pending = None;
        instance.modification = Some(Modification { settings: all, ends: now + SLOW });
    } else {
        if quick != instance.settings {
            instance.modification = Some(Modification { settings: quick.clone(), ends: now + QUICK });
        }
        instance.pending =
            Some(Modification { settings: all, ends: next_window(&quick.maintenance_window, now) });
    }
    let instance = instance.clone();
    Ok(ModifyDbInstanceOutput::builder().db_instance(instance_view::view(world, &instance)).build())
}

fn refuse_what_is_not_simulated(input: &ModifyDbInstanceInput) -> Answer<()> {
    let others = [
        input.new_db_instance_identifier().is_some(),
        input.db_subnet_group_name().is_some(),
        input.manage_master_user_password().is_some(),
        input.db_port_number().is_some(),
    ];
    if others.contains(&true) {
        return Err(error("NotSimulated", "this change of a DB instance is not part of the simulation"));
    }
    Ok(())
}

/// The settings with those changes that never wait for the maintenance window.
fn quick(world: &World, instance: &Instance, input: &ModifyDbInstanceInput) -> Answer<Settings> {
    let mut settings = instance.settings.clone();
    if input.vpc_security_group_ids.is_some() {
        let vpc = subnet_group::find(world, Some(&instance.subnet_group))?.vpc_id.clone();
        instance::check_security_groups(world, input.vpc_security_group_ids(), &vpc)?;
        settings.security_groups = input.vpc_security_group_ids().to_vec();
    }
    if let Some(exports) = input.cloudwatch_logs_export_configuration() {
        settings.logs.extend(exports.enable_log_types().iter().cloned());
        settings.logs.retain(|kind| !exports.disable_log_types().contains(kind));
    }
    settings.deletion_protection = input.deletion_protection().unwrap_or(settings.deletion_protection);
    settings.max_storage = input.max_allocated_storage().or(settings.max_storage);
    settings.backup_retention = input.backup_retention_period().unwrap_or(settings.backup_retention);
    settings.backup_window = input.preferred_backup_window().map_or(settings.backup_window, str::to_owned);
    settings.maintenance_window =
        input.preferred_maintenance_window().map_or(settings.maintenance_window, str::to_owned);
    settings.auto_minor_upgrade = input.auto_minor_version_upgrade().unwrap_or(settings.auto_minor_upgrade);
    settings.copy_tags_to_snapshot = input.copy_tags_to_snapshot().unwrap_or(settings.copy_tags_to_snapshot);
    settings.performance_insights =
        input.enable_performance_insights().unwrap_or(settings.performance_insights);
    settings.iam_authentication =
        input.enable_iam_database_authentication().unwrap_or(settings.iam_authentication);
    settings.certificate_authority =
        input.ca_certificate_identifier().map_or(settings.certificate_authority, str::to_owned);
    Ok(settings)
}

/// The settings with those changes too that take the database down, or slow it.
fn slow(instance: &Instance, mut settings: Settings, input: &ModifyDbInstanceInput) -> Answer<Settings> {
    if let Some(storage) = input.allocated_storage() {
        if storage < settings.storage {
            return Err(invalid_combination(
                "Requested storage size must not be less than the current storage size",
            ));
        }
        settings.storage = storage;
    }
    if let Some(wanted) = input.engine_version() {
        let engine = engine::find(&instance.engine)?;
        let version = engine.resolve(Some(wanted))?;
        let current = settings.engine_version.clone();
        if wanted != engine.major(&current) && version != current {
            let major = engine.major(version) != engine.major(&current);
            if !engine.can_upgrade(&current, version) {
                return Err(invalid_combination(format!(
                    "Cannot upgrade {} from {current} to {version}",
                    engine.name
                )));
            }
            if major && !input.allow_major_version_upgrade().unwrap_or_default() {
                return Err(invalid_combination(
                    "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
                ));
            }
            settings.engine_version = version.to_owned();
            settings.parameter_group = engine.parameter_group(version);
        }
    }
    if input.db_instance_class().is_some() {
        settings.class = instance::class(input.db_instance_class())?;
    }
    settings.parameter_group =
        input.db_parameter_group_name().map_or(settings.parameter_group, str::to_owned);
    settings.storage_type = input.storage_type().map_or(settings.storage_type, str::to_owned);
    settings.multi_az = input.multi_az().unwrap_or(settings.multi_az);
    Ok(settings)
}

/// When a window such as `sun:04:00-sun:04:30` (UTC) opens next; in a week where it cannot be read.
fn next_window(window: &str, now: Timestamp) -> Timestamp {
    let parse = || {
        let mut parts = window.split('-').next()?.split(':');
        let name = parts.next()?;
        let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|day| *day == name)?;
        let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let weekday = Weekday::from_monday_zero_offset(i8::try_from(day).ok()?).ok()?;
        let today = TimeZone::UTC.to_datetime(now).date();
        let date = if today.weekday() == weekday { today } else { today.nth_weekday(1, weekday).ok()? };
        let opens = TimeZone::UTC.to_timestamp(date.at(hour, minute, 0, 0)).ok()?;
        Some(if opens > now { opens } else { opens + SignedDuration::from_hours(7 * 24) })
    };
    parse().unwrap_or(now + SignedDuration::from_hours(7 * 24))
}
