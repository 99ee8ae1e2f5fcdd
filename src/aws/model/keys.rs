//! The environment's key: it encrypts the cluster's secrets, volumes, logs, backups and databases, and unseals Vault.

use holodeck_engine::{Graph, Handle, Host};
use serde_json::{Value, json};

use crate::aws::client::{Aws, partition};
use crate::aws::kms_alias::KmsAlias;
use crate::aws::kms_key::KmsKey;
use crate::aws::model::Model;

/// Days between two rotations of the key's material.
const ROTATION_DAYS: u32 = 365;

/// What others encrypt with.
pub struct Keys {
    /// The environment's key.
    pub key: Handle<KmsKey>,
    /// Its name, which stays when the key is made anew.
    pub alias: Handle<KmsAlias>,
}

/// Registers the kinds of this layer.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<KmsKey>(host);
    graph.register::<KmsAlias>(host);
}

/// Adds the key and its alias.
pub fn declare(model: &Model<'_>, graph: &mut Graph) -> Keys {
    graph.group("Keys");
    let key = graph.add(
        "main",
        KmsKey {
            description: format!("Encrypts what belongs to the environment {}", model.environment.name),
            policy: policy(model),
            enabled: true,
            rotation_days: ROTATION_DAYS,
            deletion_window_days: model.settings.kms.deletion_window_days,
            tags: model.tags(),
        },
    );
    let alias = graph.add("main", KmsAlias { key_arn: key.output(KmsKey::ARN) });
    Keys { key, alias }
}

/// Who may use the key. IAM policies decide for the account's own roles. CloudWatch Logs has no role, and the role of Auto
/// Scaling, which starts nodes with encrypted volumes, no policy that could be changed
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>).
///
/// That role is named in a condition: AWS makes it with the first auto scaling group, and a policy may name no principal
/// that is not there.
fn policy(model: &Model<'_>) -> Value {
    let (account, region) = (&model.settings.account, &model.settings.region);
    let partition = partition(region);
    let log_groups =
        format!("arn:{partition}:logs:{region}:{account}:log-group:/aws/eks/{}/*", model.environment.name);
    let scaling_role = format!(
        "arn:{partition}:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/\
         AWSServiceRoleForAutoScaling"
    );
    let is_scaling = json!({ "aws:PrincipalArn": scaling_role });
    let use_of_data_keys =
        ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Account",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:{partition}:iam::{account}:root") },
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "Logs",
                "Effect": "Allow",
                "Principal": { "Service": format!("logs.{region}.amazonaws.com") },
                "Action": use_of_data_keys,
                "Resource": "*",
                "Condition": { "ArnLike": { "kms:EncryptionContext:aws:logs:arn": log_groups } },
            },
            {
                "Sid": "NodeVolumes",
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": use_of_data_keys,
                "Resource": "*",
                "Condition": { "StringEquals": is_scaling },
            },
            {
                "Sid": "NodeVolumeGrants",
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": "kms:CreateGrant",
                "Resource": "*",
                "Condition": {
                    "StringEquals": is_scaling,
                    "Bool": { "kms:GrantIsForAWSResource": "true" },
                },
            },
        ],
    })
}
