//! Secrets without values.

use holodeck_bootstrap::aws::kms_key::KmsKey;
use holodeck_bootstrap::aws::secret::Secret;

use crate::kms::add_key;
use crate::laws::{Expect, Laws, own_tags};

#[tokio::test(start_paused = true)]
async fn secrets() {
    Laws::of("vault-recovery", |graph, host| Secret {
        description: "recovery keys of Vault".into(),
        key_arn: add_key(graph, host, "main").output(KmsKey::ARN),
        recovery_days: 7,
        tags: own_tags(),
    })
    .edit("description", |secret| secret.description = "other keys".into(), Expect::Update)
    .edit_in(
        "key_arn",
        |graph, host, secret| secret.key_arn = add_key(graph, host, "other").output(KmsKey::ARN),
        Expect::Update,
    )
    .edit("recovery_days", |secret| secret.recovery_days = 30, Expect::Update)
    .edit("tags", |secret| _ = secret.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}
