//! The roles of the cluster, its nodes and its workloads, each with the least that it needs.
//!
//! Workloads get theirs by pod identity: a role trusts the one service account that it is for, in this cluster alone
//! (<https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html>).

use std::collections::{BTreeMap, BTreeSet};

use holodeck_engine::{Graph, Handle, Host, Input};
use serde_json::{Value, json};

use crate::aws::bucket::Bucket;
use crate::aws::client::{Aws, partition};
use crate::aws::iam_role::IamRole;
use crate::aws::kms_key::KmsKey;
use crate::aws::model::Model;
use crate::aws::model::backups::Backups;
use crate::aws::model::keys::Keys;
use crate::aws::pod_identity_association::PodIdentityAssociation;

/// Longest session of every role, in seconds.
const SESSION_SECONDS: i32 = 3600;

/// The folder of the backup bucket that Vault's snapshots lie in.
pub const VAULT_BACKUPS: &str = "vault";

/// The roles that the cluster is made with.
pub struct Roles {
    /// That of the control plane.
    pub cluster: Handle<IamRole>,
    /// That of the nodes.
    pub nodes: Handle<IamRole>,
}

/// What the roles of workloads on the platform may use.
pub struct WorkloadNeeds<'a> {
    /// The environment's key.
    pub keys: &'a Keys,
    /// Id of the environment's DNS zone.
    pub zone_id: &'a Input<String>,
    /// Where backups go.
    pub backups: &'a Backups,
}

/// A service account and what it may do.
struct Workload {
    name: &'static str,
    namespace: &'static str,
    service_account: &'static str,
    description: &'static str,
    managed: Vec<&'static str>,
    inline: BTreeMap<String, Value>,
}

/// Registers the kinds of this layer.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<IamRole>(host);
    graph.register::<PodIdentityAssociation>(host);
}

/// Adds the roles of the control plane and the nodes.
pub fn declare(model: &Model<'_>, graph: &mut Graph, keys: &Keys) -> Roles {
    graph.group("Identity");
    let use_of_key = statement(
        &["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"],
        json!(keys.key.output(KmsKey::ARN)),
    );
    let cluster = IamRole {
        trust: service_trust("eks.amazonaws.com"),
        managed_policies: managed(model, &["AmazonEKSClusterPolicy"]),
        inline_policies: inline("secrets-encryption", [use_of_key]),
        ..role(model, "The control plane of the cluster")
    };
    let nodes = IamRole {
        trust: service_trust("ec2.amazonaws.com"),
        managed_policies: managed(
            model,
            &["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"],
        ),
        ..role(model, "The nodes of the cluster")
    };
    Roles { cluster: graph.add("cluster", cluster), nodes: graph.add("nodes", nodes) }
}

/// Adds the roles of the add-ons, which nodes and volumes need, and gives them to their service accounts.
pub fn declare_addons(
    model: &Model<'_>,
    graph: &mut Graph,
    cluster: &Input<String>,
    keys: &Keys,
) -> Vec<Handle<PodIdentityAssociation>> {
    graph.group("Identity");
    let key = json!(keys.key.output(KmsKey::ARN));
    let mut grants = statement(&["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"], key.clone());
    grants["Condition"] = json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } });
    let data_keys = statement(
        &["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        key,
    );
    let workloads = [
        Workload {
            name: "vpc-cni",
            namespace: "kube-system",
            service_account: "aws-node",
            description: "The network of the pods",
            managed: vec!["AmazonEKS_CNI_Policy"],
            inline: BTreeMap::new(),
        },
        Workload {
            name: "ebs-csi",
            namespace: "kube-system",
            service_account: "ebs-csi-controller-sa",
            description: "The volumes of the pods",
            managed: vec!["service-role/AmazonEBSCSIDriverPolicy"],
            inline: inline("volume-encryption", [grants, data_keys]),
        },
    ];
    workloads.map(|workload| associate(model, graph, cluster, workload)).into()
}

/// Adds the roles of the platform's workloads, and gives them to their service accounts.
pub fn declare_workloads(
    model: &Model<'_>,
    graph: &mut Graph,
    cluster: &Input<String>,
    needs: &WorkloadNeeds<'_>,
) {
    graph.group("Identity");
    for workload in [certificates(model, needs), unsealing(needs), snapshots(needs)] {
        associate(model, graph, cluster, workload);
    }
}

/// cert-manager answers DNS-01 challenges with TXT records in our zone
/// (<https://cert-manager.io/docs/configuration/acme/dns01/route53/>).
fn certificates(model: &Model<'_>, needs: &WorkloadNeeds<'_>) -> Workload {
    let partition = partition(&model.settings.region);
    let zone = json!(format!("arn:{partition}:route53:::hostedzone/{}", needs.zone_id));
    let mut changes = statement(&["route53:ChangeResourceRecordSets"], zone.clone());
    changes["Condition"] = json!({
        "ForAllValues:StringEquals": { "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"] },
    });
    let statements = [
        changes,
        statement(&["route53:ListResourceRecordSets"], zone),
        statement(&["route53:GetChange"], json!(format!("arn:{partition}:route53:::change/*"))),
        statement(&["route53:ListHostedZonesByName"], json!("*")),
    ];
    Workload {
        name: "cert-manager",
        namespace: "cert-manager",
        service_account: "cert-manager",
        description: "Proves by DNS that the domain is ours",
        managed: Vec::new(),
        inline: inline("challenges", statements),
    }
}

/// Vault unseals itself with the key
/// (<https://developer.hashicorp.com/vault/docs/configuration/seal/awskms#authentication>).
fn unsealing(needs: &WorkloadNeeds<'_>) -> Workload {
    let key = json!(needs.keys.key.output(KmsKey::ARN));
    Workload {
        name: "vault",
        namespace: "vault",
        service_account: "vault",
        description: "Unseals Vault",
        managed: Vec::new(),
        inline: inline("unseal", [statement(&["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"], key)]),
    }
}

/// Snapshots of Vault are written into its folder of the backup bucket, and read from there.
fn snapshots(needs: &WorkloadNeeds<'_>) -> Workload {
    let bucket = needs.backups.bucket.output(Bucket::ARN);
    let mut listing = statement(&["s3:ListBucket"], json!(bucket));
    listing["Condition"] = json!({ "StringLike": { "s3:prefix": [format!("{VAULT_BACKUPS}/*")] } });
    let statements = [
        listing,
        statement(
            &["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            json!(format!("{bucket}/{VAULT_BACKUPS}/*")),
        ),
        statement(&["kms:Decrypt", "kms:GenerateDataKey"], json!(needs.keys.key.output(KmsKey::ARN))),
    ];
    Workload {
        name: "vault-backup",
        namespace: "vault",
        service_account: "vault-backup",
        description: "Keeps snapshots of Vault",
        managed: Vec::new(),
        inline: inline("snapshots", statements),
    }
}

fn associate(
    model: &Model<'_>,
    graph: &mut Graph,
    cluster: &Input<String>,
    workload: Workload,
) -> Handle<PodIdentityAssociation> {
    let Workload { name, namespace, service_account, description, managed: policies, inline } = workload;
    let role = IamRole {
        trust: pod_trust(model, namespace, service_account),
        managed_policies: managed(model, &policies),
        inline_policies: inline,
        ..role(model, description)
    };
    let role = graph.add(name, role);
    let association = PodIdentityAssociation {
        cluster: cluster.clone(),
        namespace: namespace.to_owned(),
        service_account: service_account.to_owned(),
        role: role.output(IamRole::ARN),
        tags: model.tags(),
    };
    graph.add(name, association)
}

/// A role that nobody may assume and that may do nothing.
fn role(model: &Model<'_>, description: &str) -> IamRole {
    IamRole {
        description: format!("{description} of environment {}", model.environment.name),
        trust: Value::Null,
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::new(),
        max_session_seconds: SESSION_SECONDS,
        tags: model.tags(),
    }
}

fn managed(model: &Model<'_>, policies: &[&str]) -> BTreeSet<String> {
    let partition = partition(&model.settings.region);
    policies.iter().map(|policy| format!("arn:{partition}:iam::aws:policy/{policy}")).collect()
}

fn inline(name: &str, statements: impl Into<Vec<Value>>) -> BTreeMap<String, Value> {
    BTreeMap::from([(name.to_owned(), document(statements.into()))])
}

fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn statement(actions: &[&str], resource: Value) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

fn service_trust(service: &str) -> Value {
    document(vec![json!({
        "Effect": "Allow",
        "Principal": { "Service": service },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    })])
}

fn pod_trust(model: &Model<'_>, namespace: &str, service_account: &str) -> Value {
    let (account, region) = (&model.settings.account, &model.settings.region);
    let cluster =
        format!("arn:{}:eks:{region}:{account}:cluster/{}", partition(region), model.environment.name);
    let mut trust = service_trust("pods.eks.amazonaws.com");
    trust["Statement"][0]["Condition"] = json!({
        "StringEquals": {
            "aws:SourceAccount": account,
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": service_account,
        },
        "ArnEquals": { "aws:SourceArn": cluster },
    });
    trust
}
