//! Keys and their aliases.

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::kms_alias::KmsAlias;
use holodeck_bootstrap::aws::kms_key::KmsKey;
use holodeck_engine::{Graph, Handle, Host};
use serde_json::json;

use crate::account::ACCOUNT;
use crate::laws::{Expect, Laws, own_tags};

pub fn key() -> KmsKey {
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    KmsKey {
        description: "of everything".into(),
        policy: json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}],
        }),
        enabled: true,
        rotation_days: 365,
        deletion_window_days: 7,
        tags: own_tags(),
    }
}

/// Adds a key for others to use.
pub fn add_key(graph: &mut Graph, host: Host<Aws>, name: &str) -> Handle<KmsKey> {
    graph.register::<KmsKey>(host);
    graph.add(name, key())
}

#[tokio::test(start_paused = true)]
async fn keys() {
    Laws::of("main", |_, _| key())
        .edit("description", |key| key.description = "of the nodes".into(), Expect::Update)
        .edit("policy", |key| key.policy["Statement"][0]["Sid"] = "Root".into(), Expect::Update)
        .edit("enabled", |key| key.enabled = false, Expect::Update)
        .edit("rotation_days", |key| key.rotation_days = 90, Expect::Update)
        .edit("rotation_days", |key| key.rotation_days = 0, Expect::Update)
        .edit("deletion_window_days", |key| key.deletion_window_days = 30, Expect::Update)
        .edit("tags", |key| _ = key.tags.insert("team".into(), "platform".into()), Expect::Update)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn aliases() {
    Laws::of("main", |graph, host| {
        add_key(graph, host, "other");
        KmsAlias { key_arn: add_key(graph, host, "main").output(KmsKey::ARN) }
    })
    .edit_in(
        "key_arn",
        |graph, host, alias| alias.key_arn = add_key(graph, host, "third").output(KmsKey::ARN),
        Expect::Update,
    )
    .hold()
    .await;
}
