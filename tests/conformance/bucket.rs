//! Buckets.

use aws_sdk_s3::primitives::ByteStream;
use holodeck_bootstrap::aws::bucket::Bucket;
use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::kms_key::KmsKey;
use holodeck_engine::{Graph, Host};

use crate::account::{ACCOUNT, Account, ENVIRONMENT};
use crate::kms::add_key;
use crate::laws::{Expect, Laws, own_tags};

fn bucket(graph: &mut Graph, host: Host<Aws>) -> Bucket {
    Bucket {
        versioned: true,
        key_arn: add_key(graph, host, "main").output(KmsKey::ARN),
        private: true,
        owner_enforced: true,
        tls_only: true,
        noncurrent_days: 30,
        abort_upload_days: 7,
        tags: own_tags(),
    }
}

#[tokio::test(start_paused = true)]
async fn buckets() {
    Laws::of("backups", bucket)
        .edit("versioned", |bucket| bucket.versioned = false, Expect::Update)
        .edit_in(
            "key_arn",
            |graph, host, bucket| bucket.key_arn = add_key(graph, host, "other").output(KmsKey::ARN),
            Expect::Update,
        )
        .edit("private", |bucket| bucket.private = false, Expect::Update)
        .edit("owner_enforced", |bucket| bucket.owner_enforced = false, Expect::Update)
        .edit("tls_only", |bucket| bucket.tls_only = false, Expect::Update)
        .edit("noncurrent_days", |bucket| bucket.noncurrent_days = 90, Expect::Update)
        .edit("abort_upload_days", |bucket| bucket.abort_upload_days = 1, Expect::Update)
        .edit("tags", |bucket| _ = bucket.tags.insert("team".into(), "platform".into()), Expect::Update)
        .hold()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_bucket_goes_with_its_versions_and_delete_markers() {
    let account = Account::fresh();
    let mut graph = Graph::new();
    let host = account.host(&mut graph);
    graph.register::<Bucket>(host);
    let bucket = bucket(&mut graph, host);
    graph.add("backups", bucket);
    assert!(account.up(&graph, None).await.is_complete());
    let name = format!("{ENVIRONMENT}-{ACCOUNT}-backups");
    let s3 = &account.aws.s3;
    for text in ["one", "two"] {
        let body = ByteStream::from_static(text.as_bytes());
        s3.put_object().bucket(&name).key("snapshot").body(body).send().await.unwrap();
    }
    s3.delete_object().bucket(&name).key("snapshot").send().await.unwrap();
    let outcome = account.destroy(&graph).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert!(account.observe(&graph).await.is_empty());
}
