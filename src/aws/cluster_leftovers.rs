//! The four kinds of things that a cluster makes by itself, and may leave behind. None of them carries our tags; each is
//! told by the tag with the cluster's name that its maker puts on it.
//!
//! - Network interfaces of the VPC CNI whose node went before they were removed
//!   (<https://github.com/aws/amazon-vpc-cni-k8s/issues/1447>): they hold subnets and security groups.
//! - The security group that EKS makes for the cluster, which stays when something was in it as the cluster went.
//! - Volumes of persistent volume claims: they hold data, and are removed as part of removing an environment.
//! - Load balancers of Services and Ingresses: they hold subnets and public addresses.
//!
//! Subnets and VPCs also have interfaces and security groups removed that stand in their way as they go, since those
//! may only be left after a plan was made.

use aws_sdk_ec2::types::{NetworkInterface, SecurityGroup};
use holodeck_engine::{Class, Error};

use crate::aws::answer::Answer;
use crate::aws::client::Aws;
use crate::aws::eks_api::cluster_name;
use crate::aws::leftover::{self, Found, Leftover, Sweep};
use crate::aws::owner::Tag as _;
use crate::aws::{ec2_tags::filter, elb_tags, network_interfaces};

/// A network interface of the VPC CNI that is attached to nothing.
pub struct NetworkInterfaces;
/// The security group that EKS made.
pub struct SecurityGroups;
/// A volume of a persistent volume claim that is attached to nothing.
pub struct Volumes;
/// A load balancer of a Service or an Ingress.
pub struct LoadBalancers;

/// `aws.cluster_network_interface`
pub type ClusterNetworkInterface = Leftover<NetworkInterfaces>;
/// `aws.cluster_security_group`
pub type ClusterSecurityGroup = Leftover<SecurityGroups>;
/// `aws.cluster_volume`
pub type ClusterVolume = Leftover<Volumes>;
/// `aws.cluster_load_balancer`
pub type ClusterLoadBalancer = Leftover<LoadBalancers>;

/// The VPC CNI tags its interfaces with the cluster's name.
const CNI_CLUSTER: &str = "cluster.k8s.amazonaws.com/name";
/// How descriptions of its interfaces begin.
const CNI_DESCRIPTION: &str = "aws-K8S-";
/// EKS tags its security group with the cluster's name.
const EKS_CLUSTER: &str = "aws:eks:cluster-name";
/// The AWS Load Balancer Controller tags its load balancers with the cluster's name.
const CONTROLLER_CLUSTER: &str = "elbv2.k8s.aws/cluster";

/// The tag of Kubernetes' cloud provider and its storage driver, with the cluster's name in the key.
fn kubernetes_cluster(aws: &Aws) -> String {
    format!("kubernetes.io/cluster/{}", cluster_name(aws))
}

impl Sweep for NetworkInterfaces {
    const KIND: &'static str = "aws.cluster_network_interface";

    async fn find(aws: &Aws) -> Result<Vec<Found>, Error> {
        let ours = filter(format!("tag:{CNI_CLUSTER}"), cluster_name(aws));
        let found = network_interfaces::matching(aws, ours).await?;
        let found = found.into_iter().filter(is_left).filter_map(|interface| {
            let groups = interface.groups.unwrap_or_default().into_iter().filter_map(|group| group.group_id);
            let uses = groups.chain(interface.subnet_id).collect();
            Some(Found { id: interface.network_interface_id?, uses })
        });
        Ok(found.collect())
    }

    async fn remove(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.ec2.delete_network_interface().network_interface_id(id).send().await;
        let gone = ["InvalidNetworkInterfaceID.NotFound"];
        request.removed("DeleteNetworkInterface", &gone, &["InvalidNetworkInterface.InUse"])
    }
}

/// Whether an interface of the VPC CNI is attached to nothing.
fn is_left(interface: &NetworkInterface) -> bool {
    let is_free = interface.status().is_some_and(|status| status.as_str() == "available");
    let by_description = interface.description().is_some_and(|text| text.starts_with(CNI_DESCRIPTION));
    let by_tag = interface.tag_set().iter().any(|tag| tag.key_of() == Some(CNI_CLUSTER));
    is_free && (by_description || by_tag)
}

/// `removed` as it is, unless a subnet of ours cannot go: then what the VPC CNI has left in it is removed.
pub async fn clear_subnet(aws: &Aws, removed: Result<(), Error>, subnet: &str) -> Result<(), Error> {
    if removed.as_ref().is_err_and(|error| error.class == Class::NotYet) {
        let found = network_interfaces::matching(aws, filter("subnet-id", subnet)).await?;
        for id in found.iter().filter(|found| is_left(found)).filter_map(|found| found.network_interface_id())
        {
            NetworkInterfaces::remove(aws, id).await?;
        }
    }
    removed
}

impl Sweep for SecurityGroups {
    const KIND: &'static str = "aws.cluster_security_group";

    async fn find(aws: &Aws) -> Result<Vec<Found>, Error> {
        let ours = filter(format!("tag:{EKS_CLUSTER}"), cluster_name(aws));
        let pages = aws.ec2.describe_security_groups().filters(ours).into_paginator().items().send();
        let found: Vec<SecurityGroup> =
            pages.collect::<Result<_, _>>().await.answer("DescribeSecurityGroups")?;
        let found = found.into_iter().filter_map(|group| {
            Some(Found { id: group.group_id?, uses: group.vpc_id.into_iter().collect() })
        });
        Ok(found.collect())
    }

    async fn remove(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.ec2.delete_security_group().group_id(id).send().await;
        let in_use = ["DependencyViolation", "InvalidGroup.InUse"];
        request.removed("DeleteSecurityGroup", &["InvalidGroup.NotFound"], &in_use)
    }
}

/// `removed` as it is, unless a VPC of ours cannot go: then the security group is removed that EKS has left in it.
pub async fn clear_vpc(aws: &Aws, removed: Result<(), Error>, vpc: &str) -> Result<(), Error> {
    let is_blocked = removed.as_ref().is_err_and(|error| error.class == Class::NotYet);
    if is_blocked && !leftover::cluster_exists(aws).await? {
        for group in SecurityGroups::find(aws).await? {
            if group.uses.iter().any(|used| used == vpc) {
                SecurityGroups::remove(aws, &group.id).await?;
            }
        }
    }
    removed
}

impl Sweep for Volumes {
    const KIND: &'static str = "aws.cluster_volume";

    async fn find(aws: &Aws) -> Result<Vec<Found>, Error> {
        let ours = filter(format!("tag:{}", kubernetes_cluster(aws)), "owned");
        let request = aws.ec2.describe_volumes().filters(ours).filters(filter("status", "available"));
        let pages = request.into_paginator().items().send();
        let found: Vec<_> = pages.collect::<Result<_, _>>().await.answer("DescribeVolumes")?;
        let ids = found.into_iter().filter_map(|volume: aws_sdk_ec2::types::Volume| volume.volume_id);
        Ok(ids.map(|id| Found { id, uses: Vec::new() }).collect())
    }

    async fn remove(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.ec2.delete_volume().volume_id(id).send().await;
        request.removed("DeleteVolume", &["InvalidVolume.NotFound"], &["VolumeInUse"])
    }
}

impl Sweep for LoadBalancers {
    const KIND: &'static str = "aws.cluster_load_balancer";

    async fn find(aws: &Aws) -> Result<Vec<Found>, Error> {
        let pages = aws.elb.describe_load_balancers().into_paginator().items().send();
        let all: Vec<aws_sdk_elasticloadbalancingv2::types::LoadBalancer> =
            pages.collect::<Result<_, _>>().await.answer("DescribeLoadBalancers")?;
        let arns: Vec<String> = all.iter().filter_map(|found| found.load_balancer_arn.clone()).collect();
        let tags = elb_tags::of(aws, &arns).await?;
        let (cluster, by_key) = (cluster_name(aws), kubernetes_cluster(aws));
        let is_its = |arn: &str| {
            tags.get(arn).into_iter().flatten().any(|tag| match tag.key_of() {
                Some(CONTROLLER_CLUSTER) => tag.value_of() == Some(cluster),
                key => key == Some(&*by_key) && tag.value_of() == Some("owned"),
            })
        };
        let found = all.into_iter().filter_map(|found| {
            let zones = found.availability_zones.unwrap_or_default().into_iter();
            let uses = zones.filter_map(|zone| zone.subnet_id);
            let uses = uses.chain(found.security_groups.unwrap_or_default()).collect();
            Some(Found { id: found.load_balancer_arn?, uses })
        });
        Ok(found.filter(|found| is_its(&found.id)).collect())
    }

    async fn remove(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.elb.delete_load_balancer().load_balancer_arn(id).send().await;
        request.removed("DeleteLoadBalancer", &["LoadBalancerNotFound"], &["ResourceInUse"])
    }
}
