//! The policies that AWS manages, as far as a Kubernetes platform attaches them.
//!
//! They exist in every account, below the account id `aws`. Names and paths: AWS Managed Policy Reference Guide.

/// Path and name of every policy that is known here.
const POLICIES: &[&str] = &[
    "/AdministratorAccess",
    "/AmazonEBSCSIDriverEKSClusterScopedPolicy",
    "/AmazonEBSCSIDriverPolicyV2",
    "/AmazonEC2ContainerRegistryPowerUser",
    "/AmazonEC2ContainerRegistryPullOnly",
    "/AmazonEC2ContainerRegistryReadOnly",
    "/AmazonEKSBlockStoragePolicy",
    "/AmazonEKSClusterPolicy",
    "/AmazonEKSComputePolicy",
    "/AmazonEKSFargatePodExecutionRolePolicy",
    "/AmazonEKSLoadBalancingPolicy",
    "/AmazonEKSNetworkingPolicy",
    "/AmazonEKSServicePolicy",
    "/AmazonEKSVPCResourceController",
    "/AmazonEKSWorkerNodeMinimalPolicy",
    "/AmazonEKSWorkerNodePolicy",
    "/AmazonEKS_CNI_Policy",
    "/AmazonRoute53FullAccess",
    "/AmazonS3FullAccess",
    "/AmazonS3ReadOnlyAccess",
    "/AmazonSSMManagedEC2InstanceDefaultPolicy",
    "/AmazonSSMManagedInstanceCore",
    "/CloudWatchAgentServerPolicy",
    "/ReadOnlyAccess",
    "/service-role/AmazonEBSCSIDriverPolicy",
    "/service-role/AmazonEFSCSIDriverPolicy",
    "/service-role/AmazonRDSEnhancedMonitoringRole",
];

/// The name of the policy `arn`, where AWS manages such a one.
pub(super) fn name(arn: &str) -> Option<&'static str> {
    let path = arn.strip_prefix("arn:aws:iam::aws:policy")?;
    let policy = POLICIES.iter().find(|policy| **policy == path)?;
    policy.rsplit('/').next()
}

/// The path of the policy `arn`, which is known to exist.
pub(super) fn path(arn: &str) -> &str {
    let policy = arn.split_once(":policy").map_or("/", |(_, policy)| policy);
    policy.rfind('/').map_or("/", |end| &policy[..=end])
}
