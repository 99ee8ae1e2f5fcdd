//! Capacity: launches and ends instances until a group has as many as it should.

use jiff::{SignedDuration, Timestamp};

use super::super::{Answer, World, ec2};
use super::activity::{self, Report};
use super::group::{self, Group, Member};
use super::{LAUNCH, RETRY, TERMINATION};

/// How long a group takes to notice that its members differ from what is desired.
const NOTICE: SignedDuration = SignedDuration::from_secs(5);

/// Plays the group's life up to now.
pub(super) fn settle(world: &mut World, name: &str) {
    let now = world.now;
    into_service(world, name, now);
    replace_lost(world, name, now);
    balance(world, name, now);
    into_service(world, name, now);
    leave(world, name, now);
    if let Some(group) = world.autoscaling.groups.get_mut(name) {
        group.attachments.retain(|attachment| !attachment.gone(now));
        if group.deleting && group.members.is_empty() {
            world.autoscaling.groups.remove(name);
        }
    }
}

/// Members whose launch is over serve, from the moment it was over.
fn into_service(world: &mut World, name: &str, now: Timestamp) {
    let Some(group) = world.autoscaling.groups.get_mut(name) else { return };
    let due = |member: &&mut Member| {
        !member.in_service && member.ended.is_none() && member.launched + LAUNCH <= now
    };
    let mut started = Vec::new();
    for member in group.members.iter_mut().filter(due) {
        member.in_service = true;
        started.push((member.id.clone(), member.launched + LAUNCH));
    }
    for (id, since) in started {
        group::route(world, name, &id, true, since);
    }
}

/// Members that someone else ended are given up, so that others take their place.
fn replace_lost(world: &mut World, name: &str, now: Timestamp) {
    let Some(group) = world.autoscaling.groups.get(name) else { return };
    let lost: Vec<String> = alive(group)
        .filter(|member| !ec2::instance_alive(world, &member.id))
        .map(|member| member.id.clone())
        .collect();
    if lost.is_empty() {
        return;
    }
    end(world, name, &lost, "an instance was taken out of service in response to an EC2 health check", now);
    if let Some(group) = world.autoscaling.groups.get_mut(name) {
        group.unsettled = now;
    }
}

/// Launches what is missing and ends what is too much.
fn balance(world: &mut World, name: &str, now: Timestamp) {
    let Some(group) = world.autoscaling.groups.get(name) else { return };
    let when = group.unsettled + NOTICE;
    if when > now {
        return;
    }
    let count = i32::try_from(alive(group).count()).unwrap_or(i32::MAX);
    let desired = group.desired;
    if count < desired {
        let reason =
            "an instance was started in response to a difference between desired and actual capacity";
        let launched = launch(world, name, desired - count, reason, when);
        if launched < desired - count
            && let Some(group) = world.autoscaling.groups.get_mut(name)
        {
            group.unsettled = now + RETRY;
        }
    } else if count > desired {
        let surplus = usize::try_from(count - desired).unwrap_or_default();
        let oldest: Vec<String> = alive(group).take(surplus).map(|member| member.id.clone()).collect();
        end(
            world,
            name,
            &oldest,
            "an instance was taken out of service in response to a difference between desired and actual capacity",
            when,
        );
    }
}

/// Members whose end is over leave the group.
fn leave(world: &mut World, name: &str, now: Timestamp) {
    if let Some(group) = world.autoscaling.groups.get_mut(name) {
        group.members.retain(|member| member.ended.is_none_or(|ended| ended + TERMINATION > now));
    }
}

/// Launches and ends at `when` without the usual pause, as for a service that waits for the group.
pub(crate) fn balance_now(world: &mut World, name: &str, when: Timestamp) {
    if let Some(group) = world.autoscaling.groups.get_mut(name) {
        group.unsettled = when - NOTICE;
    }
    balance(world, name, when);
}

fn alive(group: &Group) -> impl Iterator<Item = &Member> {
    group.members.iter().filter(|member| member.ended.is_none())
}

fn launch(world: &mut World, name: &str, count: i32, cause: &str, when: Timestamp) -> i32 {
    let mut launched = 0;
    for _ in 0..count {
        match launch_one(world, name, when) {
            Ok(id) => {
                launched += 1;
                record(
                    world,
                    name,
                    format!("Launching a new EC2 instance: {id}"),
                    cause,
                    (when, LAUNCH),
                    None,
                );
            }
            Err(error) => {
                let failure = format!("{} Launching EC2 instance failed.", error.message);
                record(
                    world,
                    name,
                    "Launching a new EC2 instance".into(),
                    cause,
                    (when, NOTICE),
                    Some(failure),
                );
                break;
            }
        }
    }
    launched
}

fn launch_one(world: &mut World, name: &str, when: Timestamp) -> Answer<String> {
    let group = super::find(world, Some(name))?.clone();
    let emptiest = |subnet: &&String| {
        let zone = ec2::subnet_zone(world, subnet);
        alive(&group).filter(|member| Some(&member.zone) == zone.as_ref()).count()
    };
    let subnet = group.subnets.iter().min_by_key(emptiest).cloned().unwrap_or_default();
    let zone = ec2::subnet_zone(world, &subnet).unwrap_or_default();
    let offered =
        group.launch.instance_types.iter().find(|kind| ec2::instance_type_offered(world, kind, &zone));
    let Some(instance_type) = offered.cloned() else {
        return Err(super::validation(format!(
            "Your requested instance type ({}) is not supported in your requested Availability Zone ({zone}).",
            group.launch.instance_types.join(", ")
        )));
    };
    let mut tags = group.launch.instance_tags.clone();
    tags.extend(
        group.tags.iter().filter(|(_, tag)| tag.propagate).map(|(key, tag)| (key.clone(), tag.value.clone())),
    );
    tags.insert("aws:autoscaling:groupName".into(), name.to_owned());
    let id = ec2::launch_instance(
        world,
        ec2::NewInstance {
            instance_type: instance_type.clone(),
            image_id: group.launch.image_id.clone(),
            subnet_id: subnet,
            security_groups: group.launch.security_groups.clone(),
            instance_profile: group.launch.instance_profile.clone(),
            spot: group.launch.spot,
            tags,
            launched: when,
        },
    )?;
    let member = Member {
        id: id.clone(),
        instance_type,
        zone,
        launched: when,
        ended: None,
        template_version: group.launch.template_version.clone(),
        image_id: group.launch.image_id,
        in_service: false,
    };
    super::find_mut(world, Some(name))?.members.push(member);
    Ok(id)
}

fn end(world: &mut World, name: &str, ids: &[String], cause: &str, when: Timestamp) {
    for id in ids {
        group::route(world, name, id, false, when);
        let Some(group) = world.autoscaling.groups.get_mut(name) else { return };
        for member in group.members.iter_mut().filter(|member| member.id == *id) {
            member.ended = Some(when);
            member.in_service = false;
        }
        ec2::end_instance(world, id, when);
        record(world, name, format!("Terminating EC2 instance: {id}"), cause, (when, TERMINATION), None);
    }
}

fn record(
    world: &mut World,
    group: &str,
    description: String,
    cause: &str,
    (start, takes): (Timestamp, SignedDuration),
    failure: Option<String>,
) {
    let cause = format!("At {start} {cause}.");
    activity::record(world, Report { group, description, cause, start, takes, failure });
}
