//! Carrying out the updates of node groups: a new configuration at once, new nodes batch by batch.
//!
//! A replacement grows the Auto Scaling group by a batch, waits until the new nodes are ready, drains as many old ones and
//! lets the group shrink again ("Node update phases", EKS User Guide), until no node of the old launch remains.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::World;
use super::super::autoscaling::{self, Member};
use super::node_group::{NodeGroup, UpdateConfig};
use super::node_group_change::Change;
use super::update::Update;
use super::{node_group, node_group_lifecycle, nodes};

/// How long it takes to evict the pods of a batch.
const DRAIN: SignedDuration = SignedDuration::from_secs(60);
/// How long a batch may take until its nodes are ready.
const PATIENCE: SignedDuration = SignedDuration::from_secs(12 * 60);

/// Where a replacement of nodes stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rolling {
    /// Version of EKS's launch template that the new nodes have.
    launch: String,
    step: Step,
    /// Since when.
    since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Step {
    /// The group grew by this many; their nodes are awaited.
    Grown(i32),
    /// As many old nodes are drained.
    Draining,
}

/// Carries the updates of the cluster's node groups on up to now.
pub(super) fn settle(world: &mut World, cluster: &str) {
    let Some(found) = world.eks.clusters.get(cluster) else { return };
    let names: Vec<String> = found.node_groups.keys().cloned().collect();
    for name in names {
        configure(world, cluster, &name);
        // Each round moves on by one step; what is over in between is caught up with.
        while roll(world, cluster, &name) {}
    }
}

fn configure(world: &mut World, cluster: &str, name: &str) {
    let now = world.now;
    let Ok(group) = node_group::find_mut(world, Some(cluster), Some(name)) else { return };
    let Some(update) = group.updates.iter_mut().find(|update| update.due(now)) else { return };
    update.succeed();
    let ended = update.ends.unwrap_or(now);
    if let Change::Config { labels, taints, scaling, update_config, node_repair } = update.change.clone() {
        let settings = &mut group.settings;
        (settings.labels, settings.taints, settings.scaling) = (labels, taints, scaling);
        (settings.update_config, settings.node_repair) = (update_config, node_repair);
        group.modified = ended;
        let scaling_group = group.scaling_group.clone().unwrap_or_default();
        autoscaling::resize(world, &scaling_group, scaling.min, scaling.max, Some(scaling.desired), ended);
    }
}

/// One step of the replacement under way; whether there was one.
fn roll(world: &mut World, cluster: &str, name: &str) -> bool {
    let now = world.now;
    let Ok(group) = node_group::find(world, Some(cluster), Some(name)) else { return false };
    let group = group.clone();
    let Some(update) =
        group.updates.iter().find(|update| update.in_progress() && update.change.replaces_nodes())
    else {
        return false;
    };
    let Some(rolling) = &group.rolling else {
        start(world, &group, &update.change, update.created);
        return true;
    };
    let scaling_group = group.scaling_group.clone().unwrap_or_default();
    match rolling.step {
        Step::Grown(count) => {
            autoscaling::settle(world);
            let ready = ready_since(world, &group, &rolling.launch, now);
            let members = autoscaling::members(world, &scaling_group);
            let (_, new) = split(&members, &rolling.launch);
            if ready.len() == usize::try_from(new).unwrap_or_default() && new >= count {
                let since = ready.into_iter().max().map_or(rolling.since, |ready| ready.max(rolling.since));
                set(
                    world,
                    &group,
                    Some(Rolling { launch: rolling.launch.clone(), step: Step::Draining, since }),
                );
                return true;
            }
            if rolling.since + PATIENCE <= now {
                fail(world, &group, rolling.since + PATIENCE);
            }
            false
        }
        Step::Draining => {
            let drained = rolling.since + DRAIN;
            if drained > now {
                return false;
            }
            let scaling = group.settings.scaling;
            autoscaling::resize(
                world,
                &scaling_group,
                scaling.min,
                scaling.max,
                Some(scaling.desired),
                drained,
            );
            autoscaling::balance_now(world, &scaling_group, drained);
            grow_or_end(world, &group, rolling.launch.clone(), drained);
            true
        }
    }
}

/// Makes the new settings the group's own, so that what is launched from now on follows them.
fn start(world: &mut World, group: &NodeGroup, change: &Change, when: Timestamp) {
    let Change::Version { version, release, launch_template } = change.clone() else { return };
    let mut settings = group.settings.clone();
    (settings.version, settings.release_version, settings.launch_template) =
        (version, release, launch_template);
    let launch = node_group_lifecycle::launch(world, group, &settings);
    let Ok(kept) = node_group::find_mut(world, Some(&group.cluster), Some(&group.name)) else { return };
    kept.settings = settings;
    let Ok(launch) = launch else {
        let kept = kept.clone();
        fail(world, &kept, when);
        return;
    };
    let number = launch.template_version.clone();
    autoscaling::set_launch(world, &group.scaling_group.clone().unwrap_or_default(), launch);
    grow_or_end(world, group, number, when);
}

/// Grows the group by the next batch, or ends the update where no old node is left.
fn grow_or_end(world: &mut World, group: &NodeGroup, launch: String, when: Timestamp) {
    let scaling_group = group.scaling_group.clone().unwrap_or_default();
    let members = autoscaling::members(world, &scaling_group);
    let (old, new) = split(&members, &launch);
    if old == 0 {
        set(world, group, None);
        finish(world, group, when, Update::succeed);
        return;
    }
    let scaling = group.settings.scaling;
    let batch = batch(&group.settings.update_config, scaling.desired).min(old);
    let larger = scaling.desired + batch;
    autoscaling::resize(world, &scaling_group, scaling.min, scaling.max.max(larger), Some(larger), when);
    set(world, group, Some(Rolling { launch, step: Step::Grown(new + batch), since: when }));
}

/// How many nodes are replaced at once.
fn batch(config: &UpdateConfig, desired: i32) -> i32 {
    match (config.max_unavailable, config.max_unavailable_percentage) {
        (Some(number), _) => number,
        (None, Some(percentage)) => desired * percentage / 100,
        (None, None) => 1,
    }
    .max(1)
}

/// Living members of an older launch, and of this one.
fn split(members: &[Member], launch: &str) -> (i32, i32) {
    let alive = members.iter().filter(|member| member.ended.is_none());
    let (new, old): (Vec<_>, Vec<_>) = alive.partition(|member| member.template_version == launch);
    (i32::try_from(old.len()).unwrap_or(i32::MAX), i32::try_from(new.len()).unwrap_or(i32::MAX))
}

/// When the nodes of this launch became ready, of those that are.
fn ready_since(world: &World, group: &NodeGroup, launch: &str, now: Timestamp) -> Vec<Timestamp> {
    let members = autoscaling::members(world, &group.scaling_group.clone().unwrap_or_default());
    let new = members.iter().filter(|member| member.ended.is_none() && member.template_version == launch);
    new.filter_map(|member| nodes::ready_at(world, group, member)).filter(|ready| *ready <= now).collect()
}

fn set(world: &mut World, group: &NodeGroup, rolling: Option<Rolling>) {
    if let Ok(group) = node_group::find_mut(world, Some(&group.cluster), Some(&group.name)) {
        group.rolling = rolling;
    }
}

fn fail(world: &mut World, group: &NodeGroup, when: Timestamp) {
    let name = group.scaling_group.clone().unwrap_or_default();
    let scaling = group.settings.scaling;
    autoscaling::resize(world, &name, scaling.min, scaling.max, Some(scaling.desired), when);
    let cause = autoscaling::last_failure(world, &name).unwrap_or_else(|| {
        "Couldn't proceed with upgrade process as new nodes are not joining node group".into()
    });
    set(world, group, None);
    finish(world, group, when, |update| {
        update.fail(aws_sdk_eks::types::ErrorCode::NodeCreationFailure, cause, vec![name])
    });
}

fn finish(world: &mut World, group: &NodeGroup, when: Timestamp, how: impl FnOnce(&mut Update<Change>)) {
    let Ok(group) = node_group::find_mut(world, Some(&group.cluster), Some(&group.name)) else { return };
    group.modified = when;
    if let Some(update) = group.updates.iter_mut().find(|update| update.in_progress()) {
        how(update);
    }
}
