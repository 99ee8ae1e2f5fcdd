//! Log groups of the environment's cluster
//! (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>).
//!
//! EKS writes to the group `/aws/eks/CLUSTER/cluster` and makes it again, bare, where it is missing. So a group is ours by its
//! name, `/aws/eks/ENVIRONMENT/NAME`, and what EKS made is given the settings that it should have.

use std::collections::HashMap;

use aws_sdk_cloudwatchlogs::types::LogGroup as Description;
use futures::future::try_join_all;
use holodeck_engine::{Error, FieldChange, Input, Observed, Output, Resource, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::owner::{self, Tags};

/// A log group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogGroup {
    /// Days that events are kept, one of the periods that the service knows; 0 for ever.
    pub retention_days: u32,
    /// ARN of the key that events are encrypted with; without it AWS's own is used.
    pub key_arn: Option<Input<String>>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a log group puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    name: String,
    arn: String,
}

impl LogGroup {
    /// Its full name.
    pub const NAME: Output<Self, String> = Output::new("name");
    /// Its ARN, without the `:*` that stands for the streams in it.
    pub const ARN: Output<Self, String> = Output::new("arn");
}

fn prefix(aws: &Aws) -> String {
    format!("/aws/eks/{}/", aws.owner.environment)
}

impl Resource for LogGroup {
    const KIND: &'static str = "aws.log_group";
    type Outputs = Outputs;
    type Client = Aws;

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    fn foresee(&self, aws: &Aws, name: &str) -> Value {
        let name = format!("{}{name}", prefix(aws));
        json!({ "arn": aws.arn("logs", true, &format!("log-group:{name}")), "name": name })
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let request = aws.logs.describe_log_groups().log_group_name_prefix(prefix(aws));
        let pages = request.into_paginator().items().send();
        let found: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("DescribeLogGroups")?;
        let observed = found.into_iter().map(|found| observe(aws, found));
        Ok(try_join_all(observed).await?.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags: HashMap<String, String> = aws.owner.tags(name, &self.tags).into_iter().collect();
        let key = self.key_arn.as_ref().map(Input::get).transpose()?.cloned();
        let request = aws.logs.create_log_group().log_group_name(format!("{}{name}", prefix(aws)));
        request.set_kms_key_id(key).set_tags(Some(tags)).send().await.answer("CreateLogGroup")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let Outputs { name, arn } = &seen.outputs;
        if touches(changes, "retention_days") && self.retention_days == 0 {
            let request = aws.logs.delete_retention_policy().log_group_name(name);
            request.send().await.answer("DeleteRetentionPolicy")?;
        } else if touches(changes, "retention_days") {
            let days = i32::try_from(self.retention_days).unwrap_or(i32::MAX);
            let request = aws.logs.put_retention_policy().log_group_name(name).retention_in_days(days);
            request.send().await.answer("PutRetentionPolicy")?;
        }
        if let Some(key) = self.key_arn.as_ref().filter(|_| touches(changes, "key_arn")) {
            let request = aws.logs.associate_kms_key().log_group_name(name).kms_key_id(key.get()?);
            request.send().await.answer("AssociateKmsKey")?;
        }
        if touches(changes, "tags") {
            let tags: HashMap<String, String> = aws.owner.tags(&seen.name, &self.tags).into_iter().collect();
            let request = aws.logs.tag_resource().resource_arn(arn).set_tags(Some(tags));
            request.send().await.answer("TagResource")?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.logs.delete_log_group().log_group_name(&seen.outputs.name);
        request.send().await.removed(
            "DeleteLogGroup",
            &["ResourceNotFoundException"],
            &["OperationAbortedException"],
        )
    }
}

async fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<LogGroup>>, Error> {
    let group = found.log_group_name.given("the name of a log group")?;
    let Some(name) = group.strip_prefix(&prefix(aws)).map(str::to_owned) else { return Ok(None) };
    let arn = aws.arn("logs", true, &format!("log-group:{group}"));
    let request = aws.logs.list_tags_for_resource().resource_arn(&arn).send().await;
    let codes = ["ResourceNotFoundException"];
    let Some(tags) = request.answer_unless("ListTagsForResource", &codes)? else { return Ok(None) };
    let tags = tags.tags.unwrap_or_default();
    let tags = aws.owner.recognise(&tags.iter().collect::<Vec<_>>()).map(|(_, tags)| tags);
    let attributes = LogGroup {
        retention_days: found.retention_in_days.unwrap_or_default().unsigned_abs(),
        key_arn: found.kms_key_id.map(Input::Known),
        // A group that EKS made has none.
        tags: tags.unwrap_or_default(),
    };
    let outputs = Outputs { name: group, arn: arn.clone() };
    Ok(Some(Observed { name, id: arn, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}
