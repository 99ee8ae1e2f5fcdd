//! IAM roles.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::iam_role::IamRole;
use holodeck_engine::{Graph, Handle, Host};
use serde_json::{Value, json};

use crate::laws::{Expect, Laws, own_tags};

fn document(action: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": [action], "Resource": "*" }],
    })
}

fn trust(service: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": service },
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }],
    })
}

/// Adds a role that `service` may assume, with AWS's managed policies of these names.
pub fn add_role(
    graph: &mut Graph,
    host: Host<Aws>,
    name: &str,
    service: &str,
    policies: &[&str],
) -> Handle<IamRole> {
    graph.register::<IamRole>(host);
    let role = IamRole {
        description: "of the tests".to_owned(),
        trust: trust(service),
        managed_policies: policies.iter().map(|name| format!("arn:aws:iam::aws:policy/{name}")).collect(),
        inline_policies: BTreeMap::new(),
        max_session_seconds: 3600,
        tags: own_tags(),
    };
    graph.add(name, role)
}

#[tokio::test(start_paused = true)]
async fn roles() {
    Laws::of("nodes", |_, _| IamRole {
        description: "Nodes".to_owned(),
        trust: trust("ec2.amazonaws.com"),
        managed_policies: BTreeSet::from(["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy".to_owned()]),
        inline_policies: BTreeMap::from([("key".to_owned(), document("kms:Decrypt"))]),
        max_session_seconds: 3600,
        tags: own_tags(),
    })
    .edit("description", |role| role.description = "All nodes".to_owned(), Expect::Update)
    .edit("trust", |role| role.trust = trust("pods.eks.amazonaws.com"), Expect::Update)
    .edit(
        "managed_policies",
        |role| {
            role.managed_policies =
                BTreeSet::from(["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy".to_owned()]);
        },
        Expect::Update,
    )
    .edit(
        "inline_policies",
        |role| _ = role.inline_policies.insert("key".to_owned(), document("kms:Encrypt")),
        Expect::Update,
    )
    .edit("max_session_seconds", |role| role.max_session_seconds = 7200, Expect::Update)
    .edit("tags", |role| _ = role.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}
