//! The simulated S3 as a caller of the SDK sees it.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketConfiguration, Delete, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, ObjectIdentifier, ObjectOwnership,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};

use crate::aws::testing::{Account, account, account_in, code, faulty_account};

const BUCKET: &str = "holodeck-staging-backup";

async fn create(s3: &Client, name: &str, location: Option<&str>) -> String {
    let configuration = location.map(|location| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(location))
            .build()
    });
    code(s3.create_bucket().bucket(name).set_create_bucket_configuration(configuration).send().await)
}

async fn bucket() -> (Account, Client) {
    let aws = account();
    let s3 = aws.s3();
    assert!(create(&s3, BUCKET, Some("eu-west-1")).await.starts_with("no error"));
    (aws, s3)
}

async fn set_versioning(s3: &Client, status: BucketVersioningStatus) {
    let configuration = VersioningConfiguration::builder().status(status).build();
    s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(configuration).send().await.unwrap();
}

async fn put(s3: &Client, key: &str, body: &'static str) -> Option<String> {
    let body = ByteStream::from_static(body.as_bytes());
    s3.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap().version_id
}

async fn get(s3: &Client, key: &str, version: Option<&str>) -> String {
    let read =
        s3.get_object().bucket(BUCKET).key(key).set_version_id(version.map(str::to_owned)).send().await;
    match read {
        Ok(read) => String::from_utf8(read.body.collect().await.unwrap().to_vec()).unwrap(),
        error => code(error),
    }
}

#[tokio::test(start_paused = true)]
async fn bucket_names_and_locations_have_their_rules() {
    let s3 = account().s3();
    for (name, location, expected) in [
        ("No_Capitals", Some("eu-west-1"), "InvalidBucketName"),
        ("ab", Some("eu-west-1"), "InvalidBucketName"),
        ("192.0.2.1", Some("eu-west-1"), "InvalidBucketName"),
        (BUCKET, None, "IllegalLocationConstraintException"),
        (BUCKET, Some("eu-west-2"), "IllegalLocationConstraintException"),
        (BUCKET, Some("us-east-1"), "InvalidLocationConstraint"),
        ("backup", Some("eu-west-1"), "BucketAlreadyExists"),
        (BUCKET, Some("eu-west-1"), "no error"),
        (BUCKET, Some("eu-west-1"), "BucketAlreadyOwnedByYou"),
    ] {
        let answer = create(&s3, name, location).await;
        assert!(answer.starts_with(expected), "{name} in {location:?}: {answer}");
    }
    let location = s3.get_bucket_location().bucket(BUCKET).send().await.unwrap();
    assert_eq!(location.location_constraint(), Some(&BucketLocationConstraint::EuWest1));
    assert_eq!(s3.head_bucket().bucket(BUCKET).send().await.unwrap().bucket_region(), Some("eu-west-1"));
    assert_eq!(s3.list_buckets().prefix("holodeck-").send().await.unwrap().buckets().len(), 1);
    let missing = s3.head_bucket().bucket("holodeck-none").send().await;
    assert!(missing.unwrap_err().into_service_error().is_not_found());
    s3.delete_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(code(s3.delete_bucket().bucket(BUCKET).send().await), "NoSuchBucket");
}

#[tokio::test(start_paused = true)]
async fn the_first_region_takes_no_location_and_a_second_creation() {
    let s3 = account_in("us-east-1").s3();
    assert_eq!(create(&s3, BUCKET, Some("us-east-1")).await, "InvalidLocationConstraint");
    for _ in 0..2 {
        assert!(create(&s3, BUCKET, None).await.starts_with("no error"));
    }
    let location = s3.get_bucket_location().bucket(BUCKET).send().await.unwrap();
    assert_eq!(location.location_constraint().map(BucketLocationConstraint::as_str), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_new_bucket_is_encrypted_private_and_without_the_rest() {
    let (_aws, s3) = bucket().await;
    let encryption = s3.get_bucket_encryption().bucket(BUCKET).send().await.unwrap();
    let rule = &encryption.server_side_encryption_configuration().unwrap().rules()[0];
    let algorithm = rule.apply_server_side_encryption_by_default().unwrap().sse_algorithm();
    assert_eq!(algorithm, &ServerSideEncryption::Aes256);
    let access = s3.get_public_access_block().bucket(BUCKET).send().await.unwrap();
    assert_eq!(access.public_access_block_configuration().unwrap().restrict_public_buckets(), Some(true));
    assert_eq!(s3.get_bucket_versioning().bucket(BUCKET).send().await.unwrap().status(), None);
    let ownership = s3.get_bucket_ownership_controls().bucket(BUCKET).send().await.unwrap();
    let rule = &ownership.ownership_controls().unwrap().rules()[0];
    assert_eq!(rule.object_ownership(), &ObjectOwnership::BucketOwnerEnforced);
    assert_eq!(code(s3.get_bucket_tagging().bucket(BUCKET).send().await), "NoSuchTagSet");
    assert_eq!(code(s3.get_bucket_policy().bucket(BUCKET).send().await), "NoSuchBucketPolicy");
    let lifecycle = s3.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await;
    assert_eq!(code(lifecycle), "NoSuchLifecycleConfiguration");
}

#[tokio::test(start_paused = true)]
async fn settings_are_kept() {
    let (_aws, s3) = bucket().await;
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::AwsKms)
        .kms_master_key_id("alias/holodeck")
        .build()
        .unwrap();
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .bucket_key_enabled(true)
        .build();
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    let put =
        s3.put_bucket_encryption().bucket(BUCKET).server_side_encryption_configuration(encryption.clone());
    put.send().await.unwrap();
    let read = s3.get_bucket_encryption().bucket(BUCKET).send().await.unwrap();
    assert_eq!(read.server_side_encryption_configuration(), Some(&encryption));

    let access = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(false)
        .block_public_policy(true)
        .restrict_public_buckets(false)
        .build();
    let put = s3.put_public_access_block().bucket(BUCKET).public_access_block_configuration(access.clone());
    put.send().await.unwrap();
    let read = s3.get_public_access_block().bucket(BUCKET).send().await.unwrap();
    assert_eq!(read.public_access_block_configuration(), Some(&access));

    let tag = Tag::builder().key("owner").value("holodeck").build().unwrap();
    let tagging = Tagging::builder().tag_set(tag.clone()).build().unwrap();
    s3.put_bucket_tagging().bucket(BUCKET).tagging(tagging).send().await.unwrap();
    assert_eq!(s3.get_bucket_tagging().bucket(BUCKET).send().await.unwrap().tag_set(), [tag]);

    set_versioning(&s3, BucketVersioningStatus::Enabled).await;
    let read = s3.get_bucket_versioning().bucket(BUCKET).send().await.unwrap();
    assert_eq!(read.status(), Some(&BucketVersioningStatus::Enabled));
}

#[tokio::test(start_paused = true)]
async fn life_cycle_rules_read_back_as_given() {
    let (_aws, s3) = bucket().await;
    let rule = LifecycleRule::builder()
        .id("expire")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("vault/").build())
        .expiration(LifecycleExpiration::builder().days(90).build())
        .noncurrent_version_expiration(NoncurrentVersionExpiration::builder().noncurrent_days(30).build());
    let nowhere = LifecycleRule::builder().status(ExpirationStatus::Enabled);
    let idle = nowhere.clone().filter(LifecycleRuleFilter::builder().prefix("").build()).build().unwrap();
    let rule = rule.build().unwrap();
    let put = |rules: Vec<LifecycleRule>| {
        let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().unwrap();
        s3.put_bucket_lifecycle_configuration().bucket(BUCKET).lifecycle_configuration(configuration).send()
    };
    assert_eq!(code(put(vec![nowhere.build().unwrap()]).await), "MalformedXML");
    assert_eq!(code(put(vec![idle]).await), "InvalidRequest");
    assert_eq!(code(put(vec![rule.clone(), rule.clone()]).await), "InvalidArgument");
    put(vec![rule.clone()]).await.unwrap();
    let read = s3.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await.unwrap();
    assert_eq!(read.rules(), [rule]);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_policy_is_kept_and_must_not_open_a_blocked_bucket() {
    let (_aws, s3) = bucket().await;
    let policy = |effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":"*","Action":"s3:*","Resource":"*"}}]}}"#
        )
    };
    let put = |policy: &str| s3.put_bucket_policy().bucket(BUCKET).policy(policy).send();
    assert_eq!(code(put("no").await), "MalformedPolicy");
    assert_eq!(code(put(&policy("Allow")).await), "AccessDenied");
    put(&policy("Deny")).await.unwrap();
    let read = s3.get_bucket_policy().bucket(BUCKET).send().await.unwrap();
    assert_eq!(read.policy(), Some(policy("Deny").as_str()));
}

#[tokio::test(start_paused = true)]
async fn an_object_is_written_once_on_condition() {
    let (_aws, s3) = bucket().await;
    let once = || {
        s3.put_object()
            .bucket(BUCKET)
            .key("lock")
            .if_none_match("*")
            .body(ByteStream::from_static(b"1"))
            .send()
    };
    let etag = once().await.unwrap().e_tag.unwrap();
    assert_eq!(code(once().await), "PreconditionFailed");
    assert_eq!(get(&s3, "lock", None).await, "1");
    let swap = |etag: &str| {
        s3.put_object().bucket(BUCKET).key("lock").if_match(etag).body(ByteStream::from_static(b"2")).send()
    };
    swap(&etag).await.unwrap();
    assert_eq!(code(swap(&etag).await), "PreconditionFailed");
    s3.delete_object().bucket(BUCKET).key("lock").send().await.unwrap();
    once().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_attempt_to_write_carries_the_whole_body() {
    let s3 = faulty_account(&["PutObject:throttle@1"]).s3();
    create(&s3, BUCKET, Some("eu-west-1")).await;
    put(&s3, "k", "whole").await;
    assert_eq!(get(&s3, "k", None).await, "whole");
}

#[tokio::test(start_paused = true)]
async fn a_conditional_write_whose_answer_was_lost_fails_on_the_second_attempt() {
    let s3 = faulty_account(&["PutObject:lose-answer@1"]).s3();
    create(&s3, BUCKET, Some("eu-west-1")).await;
    let write =
        s3.put_object().bucket(BUCKET).key("lock").if_none_match("*").body(ByteStream::from_static(b"1"));
    assert_eq!(code(write.send().await), "PreconditionFailed");
    assert_eq!(get(&s3, "lock", None).await, "1");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_has_its_own_codes() {
    let (_aws, s3) = bucket().await;
    let missing = s3.get_object().bucket(BUCKET).key("none").send().await;
    assert!(missing.unwrap_err().into_service_error().is_no_such_key());
    let missing = s3.head_object().bucket(BUCKET).key("none").send().await;
    assert!(missing.unwrap_err().into_service_error().is_not_found());
    assert_eq!(code(s3.get_object().bucket("holodeck-none").key("k").send().await), "NoSuchBucket");
    // Deleting what is not there succeeds.
    s3.delete_object().bucket(BUCKET).key("none").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn versions_and_delete_markers_keep_a_bucket_from_deletion() {
    let (_aws, s3) = bucket().await;
    set_versioning(&s3, BucketVersioningStatus::Enabled).await;
    let first = put(&s3, "snapshot", "one").await.unwrap();
    put(&s3, "snapshot", "two").await.unwrap();
    assert_eq!(get(&s3, "snapshot", None).await, "two");
    assert_eq!(get(&s3, "snapshot", Some(&first)).await, "one");

    let deleted = s3.delete_object().bucket(BUCKET).key("snapshot").send().await.unwrap();
    assert_eq!(deleted.delete_marker(), Some(true));
    assert_eq!(get(&s3, "snapshot", None).await, "NoSuchKey");
    assert_eq!(get(&s3, "snapshot", deleted.version_id()).await, "MethodNotAllowed");
    assert_eq!(s3.list_objects_v2().bucket(BUCKET).send().await.unwrap().key_count(), Some(0));
    assert_eq!(code(s3.delete_bucket().bucket(BUCKET).send().await), "BucketNotEmpty");

    let versions = s3.list_object_versions().bucket(BUCKET).send().await.unwrap();
    assert_eq!((versions.versions().len(), versions.delete_markers().len()), (2, 1));
    assert_eq!(versions.delete_markers()[0].is_latest(), Some(true));
    let ids = versions.versions().iter().map(|version| version.version_id());
    let ids = ids.chain(versions.delete_markers().iter().map(|marker| marker.version_id()));
    let objects = ids.map(|id| {
        ObjectIdentifier::builder().key("snapshot").set_version_id(id.map(str::to_owned)).build().unwrap()
    });
    let delete = Delete::builder().set_objects(Some(objects.collect())).build().unwrap();
    let deleted = s3.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    assert_eq!(deleted.deleted().len(), 3);
    s3.delete_bucket().bucket(BUCKET).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn suspended_versioning_replaces_only_the_null_version() {
    let (_aws, s3) = bucket().await;
    assert_eq!(put(&s3, "k", "before").await, None);
    set_versioning(&s3, BucketVersioningStatus::Enabled).await;
    let kept = put(&s3, "k", "kept").await.unwrap();
    set_versioning(&s3, BucketVersioningStatus::Suspended).await;
    put(&s3, "k", "after").await;
    assert_eq!(get(&s3, "k", Some("null")).await, "after");
    assert_eq!(get(&s3, "k", Some(&kept)).await, "kept");
    assert_eq!(s3.list_object_versions().bucket(BUCKET).send().await.unwrap().versions().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn lists_page_and_fold_at_the_delimiter() {
    let (_aws, s3) = bucket().await;
    for key in ["a", "dir/1", "dir/2", "z"] {
        put(&s3, key, "x").await;
    }
    let folded = s3.list_objects_v2().bucket(BUCKET).delimiter("/").send().await.unwrap();
    let keys: Vec<_> = folded.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys, ["a", "z"]);
    assert_eq!(folded.common_prefixes()[0].prefix(), Some("dir/"));

    let mut pages = s3.list_objects_v2().bucket(BUCKET).max_keys(3).into_paginator().send();
    let mut counts = Vec::new();
    while let Some(page) = pages.next().await {
        counts.push(page.unwrap().contents().len());
    }
    assert_eq!(counts, [3, 1]);

    let first = s3.list_object_versions().bucket(BUCKET).max_keys(3).send().await.unwrap();
    assert_eq!((first.is_truncated(), first.next_key_marker()), (Some(true), Some("dir/2")));
    let rest = s3.list_object_versions().bucket(BUCKET).key_marker("dir/2").version_id_marker("null");
    assert_eq!(rest.send().await.unwrap().versions()[0].key(), Some("z"));
}

#[tokio::test(start_paused = true)]
async fn an_object_needs_the_key_that_encrypts_it() {
    let (aws, s3) = bucket().await;
    let kms = aws.kms();
    let key = kms.create_key().send().await.unwrap().key_metadata().unwrap().arn().unwrap().to_owned();
    let put = || {
        s3.put_object()
            .bucket(BUCKET)
            .key("k")
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(&key)
            .body(ByteStream::from_static(b"x"))
            .send()
    };
    assert_eq!(put().await.unwrap().ssekms_key_id(), Some(key.as_str()));
    kms.disable_key().key_id(&key).send().await.unwrap();
    assert_eq!(code(put().await), "KMS.KMSInvalidStateException");
}
