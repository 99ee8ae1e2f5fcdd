//! The simulated CloudWatch Logs as a caller of the SDK sees it.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::LogGroup;

use super::ensure_log_group;
use crate::aws::testing::{account, code};

const NAME: &str = "/aws/eks/staging/cluster";
const ARN: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/eks/staging/cluster";

async fn groups(logs: &Client) -> Vec<LogGroup> {
    let described = logs.describe_log_groups().log_group_name_prefix("/aws/eks/").send().await.unwrap();
    described.log_groups().to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_group_keeps_its_retention_and_tags() {
    let logs = account().cloudwatchlogs();
    logs.create_log_group().log_group_name(NAME).tags("owner", "holodeck").send().await.unwrap();
    let again = logs.create_log_group().log_group_name(NAME).send().await;
    assert!(again.unwrap_err().into_service_error().is_resource_already_exists_exception());
    let retain = |days| logs.put_retention_policy().log_group_name(NAME).retention_in_days(days).send();
    assert_eq!(code(retain(8).await), "InvalidParameterException");
    retain(30).await.unwrap();
    let group = groups(&logs).await.remove(0);
    assert_eq!(group.retention_in_days(), Some(30));
    assert_eq!((group.log_group_arn(), group.arn()), (Some(ARN), Some(format!("{ARN}:*").as_str())));
    logs.tag_resource().resource_arn(ARN).tags("more", "1").send().await.unwrap();
    logs.untag_resource().resource_arn(ARN).tag_keys("owner").send().await.unwrap();
    let tags = logs.list_tags_for_resource().resource_arn(ARN).send().await.unwrap();
    assert_eq!(tags.tags().unwrap(), &[("more".to_owned(), "1".to_owned())].into());
    logs.delete_retention_policy().log_group_name(NAME).send().await.unwrap();
    assert_eq!(groups(&logs).await[0].retention_in_days(), None);
}

#[tokio::test(start_paused = true)]
async fn lists_page_by_prefix() {
    let logs = account().cloudwatchlogs();
    for name in ["/aws/eks/a", "/aws/eks/b", "/aws/eks/c", "/aws/rds/x"] {
        logs.create_log_group().log_group_name(name).send().await.unwrap();
    }
    let mut pages =
        logs.describe_log_groups().log_group_name_prefix("/aws/eks/").limit(2).into_paginator().send();
    let mut counts = Vec::new();
    while let Some(page) = pages.next().await {
        counts.push(page.unwrap().log_groups().len());
    }
    assert_eq!(counts, [2, 1]);
    let nonsense = logs.describe_log_groups().next_token("nonsense").send().await;
    assert_eq!(code(nonsense), "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_group_comes_back_bare_when_its_service_writes() {
    let aws = account();
    let logs = aws.cloudwatchlogs();
    logs.create_log_group().log_group_name(NAME).tags("owner", "holodeck").send().await.unwrap();
    logs.put_retention_policy().log_group_name(NAME).retention_in_days(30).send().await.unwrap();
    logs.delete_log_group().log_group_name(NAME).send().await.unwrap();
    assert_eq!(code(logs.delete_log_group().log_group_name(NAME).send().await), "ResourceNotFoundException");
    assert_eq!(
        code(logs.list_tags_for_resource().resource_arn(ARN).send().await),
        "ResourceNotFoundException"
    );
    aws.with(|world| ensure_log_group(world, NAME, world.now));
    assert_eq!(groups(&logs).await[0].retention_in_days(), None);
    assert!(logs.list_tags_for_resource().resource_arn(ARN).send().await.unwrap().tags().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_takes_only_a_key_that_works() {
    let aws = account();
    let (logs, kms) = (aws.cloudwatchlogs(), aws.kms());
    let key = kms.create_key().send().await.unwrap().key_metadata().unwrap().arn().unwrap().to_owned();
    logs.create_log_group().log_group_name(NAME).send().await.unwrap();
    let associate = |key: &str| logs.associate_kms_key().log_group_name(NAME).kms_key_id(key).send();
    associate(&key).await.unwrap();
    assert_eq!(groups(&logs).await[0].kms_key_id(), Some(key.as_str()));
    assert_eq!(code(associate(&key.replace("key/", "key/0")).await), "InvalidParameterException");
    kms.disable_key().key_id(&key).send().await.unwrap();
    assert_eq!(code(associate(&key).await), "InvalidParameterException");
}
