//! The life of a node group: its Auto Scaling group, its nodes joining, what goes wrong, and its end.
//!
//! A group is active once all desired nodes joined the cluster. It fails when they do not in time: because no instance
//! could be launched, or because the node role lacks what a kubelet needs.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::autoscaling::{self, Launch, NewGroup};
use super::super::{Answer, World, ec2};
use super::node_group::{Issue, NodeGroup, Phase, Settings};
use super::{node_image, nodes};

/// From creation until the Auto Scaling group is there.
const PREPARATION: SignedDuration = SignedDuration::from_secs(20);
/// From the moment the last node is ready until the group is active.
const CONFIRMATION: SignedDuration = SignedDuration::from_secs(20);
/// How long EKS waits for nodes before it gives up.
const PATIENCE: SignedDuration = SignedDuration::from_secs(12 * 60);
/// How long it takes to drain the nodes before the instances are ended.
const DRAIN: SignedDuration = SignedDuration::from_secs(60);

/// Plays the lives of the cluster's node groups up to now.
pub(super) fn settle(world: &mut World, cluster: &str) {
    let Some(found) = world.eks.clusters.get(cluster) else { return };
    let names: Vec<String> = found.node_groups.keys().cloned().collect();
    let now = world.now;
    for name in names {
        let Ok(group) = super::node_group::find(world, Some(cluster), Some(&name)) else { continue };
        let group = group.clone();
        match group.phase {
            Phase::Creating => settle_creation(world, &group, now),
            Phase::Deleting => settle_deletion(world, &group, now),
            Phase::Active | Phase::CreateFailed => (),
        }
    }
}

fn settle_creation(world: &mut World, group: &NodeGroup, now: Timestamp) {
    let start = group.created + PREPARATION;
    if start > now {
        return;
    }
    if group.scaling_group.is_none() {
        let name = format!("eks-{}-{}", group.name, group.id);
        let created = create_scaling_group(world, group, &name, start);
        let failure = created.err().map(|error| Issue {
            code: "Ec2LaunchTemplateInvalidConfiguration".into(),
            message: error.message,
            resources: Vec::new(),
        });
        if let Ok(group) = super::node_group::find_mut(world, Some(&group.cluster), Some(&group.name)) {
            group.scaling_group = Some(name);
            if let Some(issue) = failure {
                (group.phase, group.since) = (Phase::CreateFailed, start);
                group.issues.push(issue);
            }
        }
        autoscaling::settle(world);
    }
    let Ok(group) = super::node_group::find(world, Some(&group.cluster), Some(&group.name)).cloned() else {
        return;
    };
    let joined = nodes::ready_times(world, &group.cluster, &group.name);
    let ready: Vec<Timestamp> = joined.into_iter().filter(|ready| *ready <= now).collect();
    let desired = usize::try_from(group.settings.scaling.desired).unwrap_or_default();
    let last = ready.iter().max().copied().unwrap_or(start) + CONFIRMATION;
    let phase = if ready.len() >= desired && last <= now {
        Some((Phase::Active, last, None))
    } else if group.created + PATIENCE <= now {
        Some((Phase::CreateFailed, group.created + PATIENCE, Some(diagnose(world, &group))))
    } else {
        None
    };
    if let (Some((phase, since, issue)), Ok(group)) =
        (phase, super::node_group::find_mut(world, Some(&group.cluster), Some(&group.name)))
        && group.phase == Phase::Creating
    {
        (group.phase, group.since) = (phase, since);
        group.issues.extend(issue);
    }
}

/// Why the nodes are not there.
fn diagnose(world: &World, group: &NodeGroup) -> Issue {
    let name = group.scaling_group.clone().unwrap_or_default();
    let instances: Vec<String> =
        autoscaling::members(world, &name).into_iter().map(|member| member.id).collect();
    let launches = usize::try_from(group.settings.scaling.desired).unwrap_or_default();
    if instances.len() < launches {
        let cause = autoscaling::last_failure(world, &name).unwrap_or_default();
        return Issue {
            code: "AsgInstanceLaunchFailures".into(),
            message: format!("Could not launch the desired number of instances. {cause}")
                .trim_end()
                .to_owned(),
            resources: vec![name],
        };
    }
    Issue {
        code: "NodeCreationFailure".into(),
        message: "Instances failed to join the kubernetes cluster".into(),
        resources: instances,
    }
}

fn create_scaling_group(world: &mut World, group: &NodeGroup, name: &str, when: Timestamp) -> Answer<()> {
    let launch = launch(world, group, &group.settings)?;
    let scaling = group.settings.scaling;
    let mut tags = owner_tags(group);
    tags.insert("k8s.io/cluster-autoscaler/enabled".into(), "true".into());
    tags.insert(format!("k8s.io/cluster-autoscaler/{}", group.cluster), "owned".into());
    autoscaling::create(
        world,
        NewGroup {
            name: name.to_owned(),
            min: scaling.min,
            max: scaling.max,
            desired: scaling.desired,
            subnets: group.settings.subnets.clone(),
            launch,
            tags,
            created: when,
        },
    )
}

fn owner_tags(group: &NodeGroup) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("eks:cluster-name".to_owned(), group.cluster.clone()),
        ("eks:nodegroup-name".to_owned(), group.name.clone()),
        (format!("kubernetes.io/cluster/{}", group.cluster), "owned".to_owned()),
    ])
}

/// What the group's instances are made of: EKS's own launch template, made from the caller's.
pub(super) fn launch(world: &World, group: &NodeGroup, settings: &Settings) -> Answer<Launch> {
    let own = settings.launch_template.as_ref();
    let template =
        own.map(|own| ec2::launch_template(world, Some(&own.id), None, Some(&own.version))).transpose()?;
    let cluster = super::find(world, Some(&group.cluster))?;
    let from_template =
        template.as_ref().map(|template| template.security_groups.clone()).unwrap_or_default();
    let own_image = template.as_ref().and_then(|template| template.image_id.clone());
    let image_id =
        own_image.map_or_else(|| node_image::image_id(world, &settings.ami_type, &settings.version), Ok)?;
    let security_groups = if from_template.is_empty() {
        cluster.security_group.clone().into_iter().collect()
    } else {
        from_template
    };
    let of_template = template.as_ref().and_then(|template| template.instance_type.clone());
    let instance_types = of_template.map_or_else(|| settings.instance_types.clone(), |kind| vec![kind]);
    Ok(Launch {
        template_id: format!("lt-0{}", &group.id.replace('-', "")[..16]),
        template_name: format!("eks-{}", group.id),
        template_version: generation(group).to_string(),
        instance_types,
        image_id,
        security_groups,
        spot: settings.capacity_type == "SPOT",
        instance_tags: template.map(|template| template.instance_tags).unwrap_or_default(),
        instance_profile: None,
    })
}

/// Every replacement of the nodes makes a new version of EKS's launch template.
fn generation(group: &NodeGroup) -> usize {
    1 + group.updates.iter().filter(|update| update.change.replaces_nodes()).count()
}

fn settle_deletion(world: &mut World, group: &NodeGroup, now: Timestamp) {
    let drained = group.since + DRAIN;
    if drained > now {
        return;
    }
    let name = group.scaling_group.clone().unwrap_or_default();
    if autoscaling::is_kept(world, &name) {
        autoscaling::delete(world, &name, drained);
    }
    autoscaling::settle(world);
    if !autoscaling::exists(world, &name)
        && let Ok(cluster) = super::find_mut(world, Some(&group.cluster))
    {
        cluster.node_groups.remove(&group.name);
    }
}
