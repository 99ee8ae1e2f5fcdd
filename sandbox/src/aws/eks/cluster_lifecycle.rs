//! The life of a cluster: what EKS makes in the caller's account, and takes away again.
//!
//! A minute into the creation its security group, the control plane's network interfaces and the log group appear. Deleting
//! takes the interfaces and the security group with it; a group that something still uses is left behind, and so is the log
//! group, which the control plane writes to until the end (it comes back if it was deleted before).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::{World, cloudwatchlogs, ec2};
use super::access_entry;
use super::cluster::{CREATION, DELETION};
use super::cluster_change;

/// From creation until the parts in the VPC are there.
const ATTACHMENT: SignedDuration = SignedDuration::from_secs(60);
/// The control plane runs in so many subnets at most.
const INTERFACES: usize = 2;

/// Plays the cluster's life up to now.
pub(super) fn settle(world: &mut World, name: &str) {
    let now = world.now;
    let Some(cluster) = world.eks.clusters.get(name) else { return };
    let (created, deleted) = (cluster.created, cluster.deleted);
    if !cluster.attached && created + ATTACHMENT <= now {
        attach(world, name, created + ATTACHMENT);
    }
    if created + CREATION <= now {
        become_active(world, name, created + CREATION);
    }
    cluster_change::settle(world, name, now);
    if deleted.is_some_and(|deleted| deleted + DELETION <= now) {
        remove(world, name);
    }
}

fn attach(world: &mut World, name: &str, when: Timestamp) {
    let Some(cluster) = world.eks.clusters.get(name).cloned() else { return };
    let number = u32::from_str_radix(&cluster.id[..8], 16).unwrap_or_default();
    let group_name = format!("eks-cluster-sg-{name}-{number}");
    let tags = BTreeMap::from([
        ("Name".to_owned(), group_name.clone()),
        ("aws:eks:cluster-name".to_owned(), name.to_owned()),
        (format!("kubernetes.io/cluster/{name}"), "owned".to_owned()),
    ]);
    let security_group = ec2::make_security_group(world, ec2::NewSecurityGroup {
        name: group_name,
        description: "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.".into(),
        vpc_id: cluster.vpc_id.clone(),
        tags,
        allow_itself: true,
    });
    let security_group = security_group.ok();
    let mut groups = cluster.settings.security_groups.clone();
    groups.extend(security_group.clone());
    let mut interfaces = Vec::new();
    for subnet in cluster.settings.subnets.iter().take(INTERFACES) {
        let interface = ec2::make_interface(
            world,
            ec2::NewInterface {
                subnet_id: subnet.clone(),
                description: format!("Amazon EKS {name}"),
                security_groups: groups.clone(),
                requester_managed: true,
                instance_id: None,
                tags: BTreeMap::from([("cluster.k8s.amazonaws.com/name".to_owned(), name.to_owned())]),
                created: when,
            },
        );
        interfaces.extend(interface.ok());
    }
    if !cluster.settings.logs.is_empty() {
        cloudwatchlogs::ensure_log_group(world, &log_group(name), world.now);
    }
    if let Some(cluster) = world.eks.clusters.get_mut(name) {
        cluster.attached = true;
        cluster.security_group = security_group;
        cluster.interfaces = interfaces;
    }
}

fn become_active(world: &mut World, name: &str, when: Timestamp) {
    let region = world.region.clone();
    let Some(cluster) = world.eks.clusters.get_mut(name) else { return };
    if cluster.endpoint.is_some() {
        return;
    }
    cluster.endpoint = Some(format!("https://{}.gr7.{region}.eks.amazonaws.com", cluster.id));
    if cluster.settings.creator_is_admin && cluster.settings.authentication_mode != "CONFIG_MAP" {
        access_entry::add_creator(world, name, when);
    }
}

fn remove(world: &mut World, name: &str) {
    let Some(cluster) = world.eks.clusters.remove(name) else { return };
    let kept_by_cni =
        cluster.cni_interfaces.iter().filter(|interface| !interface.leaked).map(|interface| &interface.id);
    for interface in cluster.interfaces.iter().chain(kept_by_cni) {
        ec2::remove_interface(world, interface);
    }
    if let Some(group) =
        cluster.security_group.as_ref().filter(|group| !ec2::security_group_in_use(world, group))
    {
        ec2::remove_security_group(world, group);
    }
    if !cluster.settings.logs.is_empty() {
        cloudwatchlogs::ensure_log_group(world, &log_group(name), world.now);
    }
}

/// The log group of a cluster's control plane.
pub(super) fn log_group(cluster: &str) -> String {
    format!("/aws/eks/{cluster}/cluster")
}
