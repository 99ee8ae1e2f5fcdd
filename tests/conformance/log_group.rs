//! Log groups.

use holodeck_bootstrap::aws::kms_key::KmsKey;
use holodeck_bootstrap::aws::log_group::LogGroup;

use crate::kms::add_key;
use crate::laws::{Expect, Laws, own_tags};

#[tokio::test(start_paused = true)]
async fn log_groups() {
    Laws::of("cluster", |graph, host| LogGroup {
        retention_days: 90,
        key_arn: Some(add_key(graph, host, "main").output(KmsKey::ARN)),
        tags: own_tags(),
    })
    .edit("retention_days", |group| group.retention_days = 30, Expect::Update)
    .edit("retention_days", |group| group.retention_days = 0, Expect::Update)
    .edit_in(
        "key_arn",
        |graph, host, group| group.key_arn = Some(add_key(graph, host, "other").output(KmsKey::ARN)),
        Expect::Update,
    )
    .edit("tags", |group| _ = group.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}
