//! What tests of clusters, load balancers and databases begin with: a network and roles, a cluster, a node group.

use std::time::Duration;

use aws_sdk_eks::types::{
    AccessEntry, AuthenticationMode, Cluster, CreateAccessConfigRequest, LogSetup, LogType, Logging,
    Nodegroup, NodegroupScalingConfig, VpcConfigRequest,
};

use super::testing::{Account, account};

/// An account with a VPC of two public subnets, and roles for a cluster and its nodes that are ready for use.
pub(crate) struct Landscape {
    pub(crate) account: Account,
    pub(crate) vpc: String,
    pub(crate) subnets: Vec<String>,
    pub(crate) security_group: String,
    pub(crate) cluster_role: String,
    pub(crate) node_role: String,
}

/// Lets virtual time pass.
pub(crate) async fn minutes(number: u64) {
    tokio::time::sleep(Duration::from_secs(60 * number)).await;
}

/// A role that `service` may assume, with the AWS-managed policies of these names; it is not ready at once.
pub(crate) async fn role(account: &Account, name: &str, service: &str, policies: &[&str]) -> String {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":["sts:AssumeRole","sts:TagSession"]}}]}}"#
    );
    let iam = account.iam();
    let created = iam.create_role().role_name(name).assume_role_policy_document(trust).send().await.unwrap();
    for policy in policies {
        let arn = format!("arn:aws:iam::aws:policy/{policy}");
        iam.attach_role_policy().role_name(name).policy_arn(arn).send().await.unwrap();
    }
    created.role().unwrap().arn().to_owned()
}

impl Landscape {
    /// A fresh one.
    pub(crate) async fn new() -> Self {
        let account = account();
        let (vpc, subnets, security_group) = network(&account).await;
        let cluster_role = role(&account, "cluster", "eks.amazonaws.com", &["AmazonEKSClusterPolicy"]).await;
        let policies = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"];
        let node_role = role(&account, "node", "ec2.amazonaws.com", &policies).await;
        minutes(1).await;
        Self { account, vpc, subnets, security_group, cluster_role, node_role }
    }

    /// A fresh one with an active cluster `main`, which has access entries and the VPC CNI.
    pub(crate) async fn with_cluster() -> Self {
        let landscape = Self::new().await;
        landscape.create_cluster("main").send().await.unwrap();
        minutes(10).await;
        landscape
    }

    /// A fresh one with an active cluster `main` and its active node group `general` of two nodes.
    pub(crate) async fn with_nodes() -> Self {
        let landscape = Self::with_cluster().await;
        landscape.create_node_group("general", 2).send().await.unwrap();
        minutes(4).await;
        landscape
    }

    /// The request for a cluster as most tests want it.
    pub(crate) fn create_cluster(
        &self,
        name: &str,
    ) -> aws_sdk_eks::operation::create_cluster::builders::CreateClusterFluentBuilder {
        let network = VpcConfigRequest::builder()
            .set_subnet_ids(Some(self.subnets.clone()))
            .security_group_ids(&self.security_group)
            .endpoint_private_access(true);
        let logs = LogSetup::builder().enabled(true).types(LogType::Api).types(LogType::Audit).build();
        let access = CreateAccessConfigRequest::builder()
            .authentication_mode(AuthenticationMode::Api)
            .bootstrap_cluster_creator_admin_permissions(false);
        self.account
            .eks()
            .create_cluster()
            .name(name)
            .version("1.34")
            .role_arn(&self.cluster_role)
            .resources_vpc_config(network.build())
            .logging(Logging::builder().cluster_logging(logs).build())
            .access_config(access.build())
            .tags("team", "infra")
    }

    /// The request for a node group of the cluster `main`.
    pub(crate) fn create_node_group(
        &self,
        name: &str,
        size: i32,
    ) -> aws_sdk_eks::operation::create_nodegroup::builders::CreateNodegroupFluentBuilder {
        let scaling = NodegroupScalingConfig::builder().min_size(1).max_size(5).desired_size(size).build();
        self.account
            .eks()
            .create_nodegroup()
            .cluster_name("main")
            .nodegroup_name(name)
            .node_role(&self.node_role)
            .set_subnets(Some(self.subnets.clone()))
            .instance_types("m7i.large")
            .scaling_config(scaling)
            .labels("tier", "general")
            .tags("team", "infra")
    }

    /// The cluster `main`.
    pub(crate) async fn cluster(&self) -> Cluster {
        let answer = self.account.eks().describe_cluster().name("main").send().await.unwrap();
        answer.cluster().unwrap().clone()
    }

    /// A node group of the cluster `main`.
    pub(crate) async fn node_group(&self, name: &str) -> Nodegroup {
        let request = self.account.eks().describe_nodegroup().cluster_name("main").nodegroup_name(name);
        request.send().await.unwrap().nodegroup().unwrap().clone()
    }

    /// The name of a node group's Auto Scaling group.
    pub(crate) async fn scaling_group(&self, node_group: &str) -> String {
        let group = self.node_group(node_group).await;
        group.resources().unwrap().auto_scaling_groups()[0].name().unwrap().to_owned()
    }

    /// The access entry of a principal of the cluster `main`.
    pub(crate) async fn access_entry(&self, principal: &str) -> AccessEntry {
        let request =
            self.account.eks().describe_access_entry().cluster_name("main").principal_arn(principal);
        request.send().await.unwrap().access_entry().unwrap().clone()
    }
}

async fn network(account: &Account) -> (String, Vec<String>, String) {
    let ec2 = account.ec2();
    let vpc = ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.unwrap();
    let vpc = vpc.vpc().unwrap().vpc_id().unwrap().to_owned();
    let gateway = ec2.create_internet_gateway().send().await.unwrap();
    let gateway = gateway.internet_gateway().unwrap().internet_gateway_id().unwrap().to_owned();
    ec2.attach_internet_gateway().internet_gateway_id(gateway).vpc_id(&vpc).send().await.unwrap();
    let mut subnets = Vec::new();
    for (zone, cidr) in [("eu-west-1a", "10.0.0.0/20"), ("eu-west-1b", "10.0.16.0/20")] {
        let subnet =
            ec2.create_subnet().vpc_id(&vpc).cidr_block(cidr).availability_zone(zone).send().await.unwrap();
        subnets.push(subnet.subnet().unwrap().subnet_id().unwrap().to_owned());
    }
    let group =
        ec2.create_security_group().vpc_id(&vpc).group_name("control-plane").description("Control plane");
    let group = group.send().await.unwrap().group_id().unwrap().to_owned();
    (vpc, subnets, group)
}
