//! The simulated Secrets Manager as a caller of the SDK sees it.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};

use super::{create_owned, delete_owned};
use crate::aws::testing::{account, code};

const TOKEN: &str = "00000000-0000-0000-0000-00000000000a";
const OTHER_TOKEN: &str = "00000000-0000-0000-0000-00000000000b";

async fn create(secrets: &Client, name: &str, value: &str, token: &str) -> String {
    let creation = secrets.create_secret().name(name).secret_string(value).client_request_token(token);
    match creation.send().await {
        Ok(created) => created.arn().unwrap().to_owned(),
        error => code(error),
    }
}

async fn value(secrets: &Client, stage: &str) -> String {
    match secrets.get_secret_value().secret_id("keys").version_stage(stage).send().await {
        Ok(read) => read.secret_string().unwrap().to_owned(),
        error => code(error),
    }
}

#[tokio::test(start_paused = true)]
async fn labels_move_from_version_to_version() {
    let secrets = account().secretsmanager();
    create(&secrets, "keys", "one", TOKEN).await;
    assert_eq!(value(&secrets, "AWSPREVIOUS").await, "ResourceNotFoundException");
    let second = secrets.put_secret_value().secret_id("keys").secret_string("two").send().await.unwrap();
    assert_eq!(second.version_stages(), ["AWSCURRENT"]);
    assert_eq!(
        (value(&secrets, "AWSCURRENT").await, value(&secrets, "AWSPREVIOUS").await),
        ("two".into(), "one".into())
    );
    secrets.update_secret().secret_id("keys").secret_string("three").send().await.unwrap();
    assert_eq!(
        (value(&secrets, "AWSCURRENT").await, value(&secrets, "AWSPREVIOUS").await),
        ("three".into(), "two".into())
    );
    let described = secrets.describe_secret().secret_id("keys").send().await.unwrap();
    let stages = described.version_ids_to_stages().unwrap();
    assert_eq!(stages.len(), 2);
    assert_eq!(stages[second.version_id().unwrap()], ["AWSPREVIOUS"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_token_does_the_same_thing_once() {
    let secrets = account().secretsmanager();
    let arn = create(&secrets, "keys", "one", TOKEN).await;
    assert_eq!(create(&secrets, "keys", "one", TOKEN).await, arn);
    assert_eq!(create(&secrets, "keys", "two", TOKEN).await, "ResourceExistsException");
    assert_eq!(create(&secrets, "keys", "one", OTHER_TOKEN).await, "ResourceExistsException");
    let put = |value: &str| {
        secrets
            .put_secret_value()
            .secret_id("keys")
            .secret_string(value)
            .client_request_token(OTHER_TOKEN)
            .send()
    };
    put("two").await.unwrap();
    put("two").await.unwrap();
    assert_eq!(value(&secrets, "AWSPREVIOUS").await, "one");
    assert_eq!(code(put("three").await), "ResourceExistsException");
}

/// Puts a value under these labels; its error's code, if it is refused.
async fn put(secrets: &Client, value: &str, token: &str, stages: &[&str]) -> Result<Vec<String>, String> {
    let stages = (!stages.is_empty()).then(|| stages.iter().map(ToString::to_string).collect());
    let put = secrets.put_secret_value().secret_id("keys").secret_string(value).client_request_token(token);
    match put.set_version_stages(stages).send().await {
        Ok(stored) => Ok(stored.version_stages().to_vec()),
        error => Err(code(error)),
    }
}

async fn labels(secrets: &Client, version: &str) -> Option<Vec<String>> {
    let described = secrets.describe_secret().secret_id("keys").send().await.unwrap();
    let mut labels = described.version_ids_to_stages().unwrap().get(version).cloned()?;
    labels.sort();
    Some(labels)
}

#[tokio::test(start_paused = true)]
async fn labels_of_ones_own_leave_the_current_version_alone() {
    let secrets = account().secretsmanager();
    secrets.create_secret().name("keys").send().await.unwrap();
    let first = put(&secrets, "one", TOKEN, &["made-of-1"]).await.unwrap();
    assert_eq!(first, ["AWSCURRENT", "made-of-1"], "the first version is the current one");
    assert_eq!(put(&secrets, "two", OTHER_TOKEN, &["made-of-2"]).await.unwrap(), ["made-of-2"]);
    assert_eq!(value(&secrets, "AWSCURRENT").await, "one");
    assert_eq!(value(&secrets, "made-of-2").await, "two");
    assert_eq!(value(&secrets, "AWSPREVIOUS").await, "ResourceNotFoundException");
    let third = format!("{TOKEN}-3");
    put(&secrets, "three", &third, &["AWSCURRENT", "made-of-2"]).await.unwrap();
    assert_eq!(labels(&secrets, TOKEN).await.unwrap(), ["AWSPREVIOUS", "made-of-1"]);
    assert_eq!(labels(&secrets, &third).await.unwrap(), ["AWSCURRENT", "made-of-2"]);
    assert_eq!(labels(&secrets, OTHER_TOKEN).await, None, "a version without a label is not shown");
}

#[tokio::test(start_paused = true)]
async fn a_version_without_a_label_is_read_by_its_id_and_not_made_again() {
    let secrets = account().secretsmanager();
    create(&secrets, "keys", "one", TOKEN).await;
    put(&secrets, "two", OTHER_TOKEN, &["pending"]).await.unwrap();
    put(&secrets, "three", &format!("{TOKEN}-3"), &["pending"]).await.unwrap();
    let outdated = || secrets.get_secret_value().secret_id("keys").version_id(OTHER_TOKEN);
    let read = outdated().send().await.unwrap();
    assert_eq!((read.secret_string(), read.version_stages()), (Some("two"), &[][..]));
    assert_eq!(code(outdated().version_stage("pending").send().await), "InvalidRequestException");
    assert_eq!(put(&secrets, "two", OTHER_TOKEN, &["pending"]).await, Ok(Vec::new()));
    assert_eq!(value(&secrets, "pending").await, "three", "the same token does nothing");
    assert_eq!(put(&secrets, "other", OTHER_TOKEN, &[]).await, Err("ResourceExistsException".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn outdated_versions_go_after_a_day_once_there_are_a_hundred() {
    let secrets = account().secretsmanager();
    create(&secrets, "keys", "first", TOKEN).await;
    for number in 0..110 {
        put(&secrets, "next", &format!("{OTHER_TOKEN}-{number}"), &[]).await.unwrap();
    }
    let exists = async || secrets.get_secret_value().secret_id("keys").version_id(TOKEN).send().await.is_ok();
    assert!(exists().await, "none of the last day goes");
    tokio::time::sleep(Duration::from_secs(25 * 60 * 60)).await;
    put(&secrets, "last", OTHER_TOKEN, &[]).await.unwrap();
    assert!(!exists().await);
    assert_eq!(value(&secrets, "AWSPREVIOUS").await, "next");
}

#[tokio::test(start_paused = true)]
async fn a_secret_has_at_most_twenty_labels() {
    let secrets = account().secretsmanager();
    create(&secrets, "keys", "one", TOKEN).await;
    let many: Vec<String> = (0..20).map(|number| format!("label-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = put(&secrets, "two", OTHER_TOKEN, &many).await;
    assert_eq!(refused, Err("LimitExceededException".to_owned()), "AWSCURRENT is one more");
    assert_eq!(labels(&secrets, TOKEN).await.unwrap(), ["AWSCURRENT"], "nothing is done");
    put(&secrets, "two", OTHER_TOKEN, &many[..19]).await.unwrap();
    assert_eq!(put(&secrets, "three", &format!("{TOKEN}-3"), &many[..19]).await.unwrap().len(), 19);
    let refused = put(&secrets, "four", &format!("{TOKEN}-4"), &[]).await;
    assert_eq!(refused, Err("LimitExceededException".to_owned()), "AWSPREVIOUS would be one more");
    let invalid = Err("ValidationException".to_owned());
    assert_eq!(put(&secrets, "five", &format!("{TOKEN}-5"), &[""]).await, invalid);
    assert_eq!(put(&secrets, "five", &format!("{TOKEN}-5"), &["label"; 21]).await, invalid);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_deletion_blocks_the_name_until_it_is_undone_or_over() {
    let secrets = account().secretsmanager();
    let arn = create(&secrets, "keys", "one", TOKEN).await;
    let delete = |days| secrets.delete_secret().secret_id("keys").recovery_window_in_days(days).send();
    assert_eq!(code(delete(3).await), "InvalidParameterException");
    assert!(delete(7).await.unwrap().deletion_date().is_some());
    assert_eq!(create(&secrets, "keys", "two", OTHER_TOKEN).await, "InvalidRequestException");
    assert_eq!(value(&secrets, "AWSCURRENT").await, "InvalidRequestException");
    assert_eq!(
        code(secrets.put_secret_value().secret_id("keys").secret_string("x").send().await),
        "InvalidRequestException"
    );
    assert!(secrets.describe_secret().secret_id("keys").send().await.unwrap().deleted_date().is_some());
    secrets.restore_secret().secret_id(&arn).send().await.unwrap();
    assert_eq!(value(&secrets, "AWSCURRENT").await, "one");

    delete(7).await.unwrap();
    tokio::time::sleep(Duration::from_secs(8 * 24 * 60 * 60)).await;
    assert_eq!(code(secrets.describe_secret().secret_id("keys").send().await), "ResourceNotFoundException");
    assert_ne!(create(&secrets, "keys", "two", TOKEN).await, arn);
}

#[tokio::test(start_paused = true)]
async fn a_forced_deletion_frees_the_name_at_once() {
    let secrets = account().secretsmanager();
    create(&secrets, "keys", "one", TOKEN).await;
    let force = || secrets.delete_secret().secret_id("keys").force_delete_without_recovery(true);
    assert_eq!(code(force().recovery_window_in_days(7).send().await), "InvalidParameterException");
    force().send().await.unwrap();
    assert_eq!(code(secrets.describe_secret().secret_id("keys").send().await), "ResourceNotFoundException");
    force().send().await.unwrap();
    assert!(create(&secrets, "keys", "two", TOKEN).await.starts_with("arn:"));
}

#[tokio::test(start_paused = true)]
async fn lists_filter_by_tag_name_and_planned_deletion() {
    let secrets = account().secretsmanager();
    for (name, owner) in [("holodeck/a", "staging"), ("holodeck/b", "production"), ("other", "staging")] {
        let tag = Tag::builder().key("environment").value(owner).build();
        secrets.create_secret().name(name).secret_string("x").tags(tag).send().await.unwrap();
    }
    secrets.delete_secret().secret_id("other").send().await.unwrap();
    let names = |key: FilterNameStringType, value: &str, planned: bool| {
        let filter = Filter::builder().key(key).values(value).build();
        let list = secrets.list_secrets().filters(filter).include_planned_deletion(planned).send();
        async move {
            let listed = list.await.unwrap();
            let mut names: Vec<_> =
                listed.secret_list().iter().filter_map(|secret| secret.name.clone()).collect();
            names.sort();
            names
        }
    };
    assert_eq!(names(FilterNameStringType::Name, "holodeck/", false).await, ["holodeck/a", "holodeck/b"]);
    assert_eq!(names(FilterNameStringType::TagValue, "staging", false).await, ["holodeck/a"]);
    assert_eq!(names(FilterNameStringType::TagValue, "staging", true).await, ["holodeck/a", "other"]);
    assert_eq!(names(FilterNameStringType::TagKey, "environment", false).await.len(), 2);
    assert!(names(FilterNameStringType::TagKey, "unknown", true).await.is_empty());
    let mut pages =
        secrets.list_secrets().include_planned_deletion(true).max_results(2).into_paginator().send();
    let mut counts = Vec::new();
    while let Some(page) = pages.next().await {
        counts.push(page.unwrap().secret_list().len());
    }
    assert_eq!(counts, [2, 1]);
    assert_eq!(code(secrets.list_secrets().next_token("nonsense").send().await), "InvalidNextTokenException");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_found_by_name_arn_and_partial_arn() {
    let secrets = account().secretsmanager();
    let arn = create(&secrets, "holodeck/keys", "one", TOKEN).await;
    let partial = arn.rsplit_once('-').unwrap().0;
    for id in ["holodeck/keys", &arn, partial] {
        let read = secrets.get_secret_value().secret_id(id).send().await.unwrap();
        assert_eq!((read.version_id(), read.secret_string()), (Some(TOKEN), Some("one")));
    }
    assert_eq!(code(secrets.get_secret_value().secret_id("keys").send().await), "ResourceNotFoundException");
}

#[tokio::test(start_paused = true)]
async fn tags_are_added_and_removed() {
    let secrets = account().secretsmanager();
    create(&secrets, "keys", "one", TOKEN).await;
    let tag = |key: &str| Tag::builder().key(key).value("v").build();
    secrets.tag_resource().secret_id("keys").tags(tag("one")).tags(tag("two")).send().await.unwrap();
    secrets.untag_resource().secret_id("keys").tag_keys("one").send().await.unwrap();
    assert_eq!(secrets.describe_secret().secret_id("keys").send().await.unwrap().tags(), [tag("two")]);
}

#[tokio::test(start_paused = true)]
async fn values_do_not_show_in_debug_output() {
    let aws = account();
    create(&aws.secretsmanager(), "keys", "very-secret", TOKEN).await;
    assert!(!aws.with(|world| format!("{:?}", world.secretsmanager)).contains("very-secret"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_another_service_is_read_by_all_and_deleted_by_its_owner() {
    let aws = account();
    let secrets = aws.secretsmanager();
    let arn = aws.with(|world| create_owned(world, "rds", "rds!db-1", "{}".to_owned(), None));
    let described = secrets.describe_secret().secret_id(&arn).send().await.unwrap();
    assert_eq!(described.owning_service(), Some("rds"));
    assert_eq!(secrets.get_secret_value().secret_id(&arn).send().await.unwrap().secret_string(), Some("{}"));
    let deleted = secrets.delete_secret().secret_id(&arn).force_delete_without_recovery(true).send().await;
    assert_eq!(code(deleted), "InvalidRequestException");
    aws.with(|world| delete_owned(world, &arn));
    assert_eq!(code(secrets.describe_secret().secret_id(&arn).send().await), "ResourceNotFoundException");
}
