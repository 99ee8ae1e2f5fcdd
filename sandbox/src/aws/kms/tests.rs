//! The simulated KMS as a caller of the SDK sees it.

use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyManagerType, KeyState, Tag};

use crate::aws::testing::{account, code};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn key(kms: &Client) -> String {
    kms.create_key().send().await.unwrap().key_metadata().unwrap().key_id().to_owned()
}

async fn state(kms: &Client, key: &str) -> Option<KeyState> {
    kms.describe_key().key_id(key).send().await.unwrap().key_metadata().unwrap().key_state().cloned()
}

#[tokio::test(start_paused = true)]
async fn a_key_keeps_its_description_policy_and_tags() {
    let kms = account().kms();
    let tag = Tag::builder().tag_key("owner").tag_value("holodeck").build().unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}"#;
    let creation = kms.create_key().description("of the cluster").policy(policy).tags(tag.clone());
    let created = creation.send().await.unwrap();
    let metadata = created.key_metadata().unwrap();
    let arn = metadata.arn().unwrap();
    assert_eq!(arn, format!("arn:aws:kms:eu-west-1:123456789012:key/{}", metadata.key_id()));
    assert_eq!(metadata.description(), Some("of the cluster"));
    assert_eq!(kms.get_key_policy().key_id(arn).send().await.unwrap().policy(), Some(policy));
    assert_eq!(kms.list_resource_tags().key_id(arn).send().await.unwrap().tags(), [tag]);
    kms.update_key_description().key_id(arn).description("of the node groups").send().await.unwrap();
    let described = kms.describe_key().key_id(arn).send().await.unwrap();
    assert_eq!(described.key_metadata().unwrap().description(), Some("of the node groups"));
    let locked_out = policy.replace("kms:*", "kms:Encrypt");
    let put = kms.put_key_policy().key_id(arn).policy(locked_out).send().await;
    assert_eq!(code(put), "MalformedPolicyDocumentException");
    assert_eq!(
        code(kms.put_key_policy().key_id(arn).policy("{").send().await),
        "MalformedPolicyDocumentException"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_policy_can_name_a_new_role_only_after_some_seconds() {
    let aws = account();
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    aws.iam().create_role().role_name("vault").assume_role_policy_document(trust).send().await.unwrap();
    let policy = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/vault"},"Action":"kms:*","Resource":"*"}}"#;
    let kms = aws.kms();
    let create = || kms.create_key().policy(policy).send();
    assert_eq!(code(create().await), "MalformedPolicyDocumentException");
    tokio::time::sleep(Duration::from_secs(11)).await;
    create().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lists_of_keys_page() {
    let kms = account().kms();
    let mut made = vec![key(&kms).await, key(&kms).await, key(&kms).await];
    let first = kms.list_keys().limit(2).send().await.unwrap();
    assert!(first.truncated());
    let second = kms.list_keys().limit(2).marker(first.next_marker().unwrap()).send().await.unwrap();
    let mut listed: Vec<_> =
        first.keys().iter().chain(second.keys()).filter_map(|key| key.key_id.clone()).collect();
    made.sort();
    listed.sort();
    assert_eq!(listed, made);
    assert_eq!(code(kms.list_keys().marker("nonsense").send().await), "InvalidMarkerException");
}

#[tokio::test(start_paused = true)]
async fn an_alias_names_one_key_and_can_be_moved() {
    let kms = account().kms();
    let (one, other) = (key(&kms).await, key(&kms).await);
    let create = |name: &str, key: &str| kms.create_alias().alias_name(name).target_key_id(key).send();
    create("alias/holodeck/staging", &one).await.unwrap();
    let again = create("alias/holodeck/staging", &other).await;
    assert!(again.unwrap_err().into_service_error().is_already_exists_exception());
    assert_eq!(code(create("alias/aws/mine", &one).await), "NotAuthorizedException");
    assert_eq!(code(create("holodeck", &one).await), "ValidationException");
    assert_eq!(code(create("alias/new", "00000000-0000-0000-0000-000000000000").await), "NotFoundException");

    let target = || async {
        let described = kms.describe_key().key_id("alias/holodeck/staging").send().await.unwrap();
        described.key_metadata().unwrap().key_id().to_owned()
    };
    assert_eq!(target().await, one);
    kms.update_alias().alias_name("alias/holodeck/staging").target_key_id(&other).send().await.unwrap();
    assert_eq!(target().await, other);
    assert!(kms.list_aliases().key_id(&one).send().await.unwrap().aliases().is_empty());
    assert_eq!(kms.list_aliases().key_id(&other).send().await.unwrap().aliases().len(), 1);
    kms.delete_alias().alias_name("alias/holodeck/staging").send().await.unwrap();
    assert_eq!(
        code(kms.delete_alias().alias_name("alias/holodeck/staging").send().await),
        "NotFoundException"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_pending_deletion_does_nothing_until_it_is_saved_and_then_is_disabled() {
    let kms = account().kms();
    let key = key(&kms).await;
    let schedule = |days| kms.schedule_key_deletion().key_id(&key).pending_window_in_days(days).send();
    assert_eq!(code(schedule(5).await), "ValidationException");
    assert_eq!(code(kms.cancel_key_deletion().key_id(&key).send().await), "KMSInvalidStateException");
    assert!(schedule(7).await.unwrap().deletion_date().is_some());
    assert_eq!(state(&kms, &key).await, Some(KeyState::PendingDeletion));
    let described = kms.describe_key().key_id(&key).send().await.unwrap();
    assert!(described.key_metadata().unwrap().deletion_date().is_some());
    let refused = "KMSInvalidStateException";
    assert!(schedule(7).await.unwrap_err().into_service_error().is_kms_invalid_state_exception());
    assert_eq!(code(kms.enable_key().key_id(&key).send().await), refused);
    assert_eq!(code(kms.enable_key_rotation().key_id(&key).send().await), refused);
    assert_eq!(code(kms.get_key_rotation_status().key_id(&key).send().await), refused);
    assert_eq!(code(kms.create_alias().alias_name("alias/a").target_key_id(&key).send().await), refused);
    assert_eq!(code(kms.encrypt().key_id(&key).plaintext(Blob::new("x")).send().await), refused);
    kms.cancel_key_deletion().key_id(&key).send().await.unwrap();
    assert_eq!(state(&kms, &key).await, Some(KeyState::Disabled));
    assert_eq!(code(kms.encrypt().key_id(&key).plaintext(Blob::new("x")).send().await), "DisabledException");
    kms.enable_key().key_id(&key).send().await.unwrap();
    assert_eq!(state(&kms, &key).await, Some(KeyState::Enabled));
}

#[tokio::test(start_paused = true)]
async fn a_key_and_its_aliases_are_gone_after_the_window() {
    let kms = account().kms();
    let key = key(&kms).await;
    kms.create_alias().alias_name("alias/a").target_key_id(&key).send().await.unwrap();
    kms.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.unwrap();
    tokio::time::sleep(6 * DAY).await;
    assert_eq!(state(&kms, &key).await, Some(KeyState::PendingDeletion));
    tokio::time::sleep(DAY).await;
    assert_eq!(code(kms.describe_key().key_id(&key).send().await), "NotFoundException");
    assert!(kms.list_aliases().send().await.unwrap().aliases().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rotation_has_a_period() {
    let kms = account().kms();
    let key = key(&kms).await;
    let period = || async {
        let status = kms.get_key_rotation_status().key_id(&key).send().await.unwrap();
        (status.key_rotation_enabled(), status.rotation_period_in_days())
    };
    assert_eq!(period().await, (false, None));
    kms.enable_key_rotation().key_id(&key).send().await.unwrap();
    assert_eq!(period().await, (true, Some(365)));
    kms.enable_key_rotation().key_id(&key).rotation_period_in_days(90).send().await.unwrap();
    assert_eq!(period().await, (true, Some(90)));
    let short = kms.enable_key_rotation().key_id(&key).rotation_period_in_days(30).send().await;
    assert_eq!(code(short), "ValidationException");
    kms.disable_key_rotation().key_id(&key).send().await.unwrap();
    assert_eq!(period().await, (false, None));
}

#[tokio::test(start_paused = true)]
async fn keys_of_aws_exist_behind_their_aliases_and_cannot_be_changed() {
    let kms = account().kms();
    let described = kms.describe_key().key_id("alias/aws/ebs").send().await.unwrap();
    let metadata = described.key_metadata().unwrap();
    let same = account().kms().describe_key().key_id("alias/aws/ebs").send().await.unwrap();
    assert_eq!(same.key_metadata().unwrap().key_id(), metadata.key_id());
    assert_eq!(metadata.key_manager(), Some(&KeyManagerType::Aws));
    assert_eq!(
        code(kms.schedule_key_deletion().key_id(metadata.key_id()).send().await),
        "AccessDeniedException"
    );
    assert_eq!(code(kms.describe_key().key_id("alias/aws/unknown").send().await), "NotFoundException");
}

#[tokio::test(start_paused = true)]
async fn only_the_same_key_and_context_get_the_text_back() {
    let kms = account().kms();
    let (one, other) = (key(&kms).await, key(&kms).await);
    let encryption =
        kms.encrypt().key_id(&one).plaintext(Blob::new("seal")).encryption_context("use", "vault");
    let ciphertext = encryption.send().await.unwrap().ciphertext_blob().unwrap().clone();
    let decrypt = || kms.decrypt().ciphertext_blob(ciphertext.clone());
    let right = decrypt().encryption_context("use", "vault").send().await.unwrap();
    assert_eq!(right.plaintext().unwrap().as_ref(), b"seal");
    assert_eq!(code(decrypt().send().await), "InvalidCiphertextException");
    let with_other = decrypt().encryption_context("use", "vault").key_id(&other).send().await;
    assert_eq!(code(with_other), "IncorrectKeyException");
}
