//! Subnets in which databases may lie
//! (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html>).
//!
//! RDS has no filter by tag: groups are listed by page, and the tags are asked for of those alone whose names begin with the
//! environment's.

use std::collections::BTreeSet;

use aws_sdk_rds::types::{DbSubnetGroup as Description, Tag};
use futures::future::try_join_all;
use holodeck_engine::{Error, FieldChange, Input, Observed, Order, Output, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::inputs;
use crate::aws::owner::{self, Tags};

/// Subnets of at least two zones.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DbSubnetGroup {
    /// What it is for.
    pub description: String,
    /// Ids of the subnets.
    pub subnets: BTreeSet<Input<String>>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a subnet group puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    name: String,
}

impl DbSubnetGroup {
    /// Its name.
    pub const NAME: Output<Self, String> = Output::new("name");
}

/// Tags as RDS takes them.
pub(super) fn tag_list(tags: Tags) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

impl Resource for DbSubnetGroup {
    const KIND: &'static str = "aws.db_subnet_group";
    type Outputs = Outputs;
    type Client = Aws;

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    /// A group stays in the network that it was made in: where none of its subnets stays, it is made anew.
    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        let stays = !self.subnets.is_disjoint(&actual.subnets);
        if stays && !actual.subnets.is_subset(&self.subnets) {
            let why =
                "a database may stand in the subnet that would leave its group, and RDS does not move it";
            return Verdict::Refuse(why.to_owned());
        }
        let moves: &[&str] = if self.subnets.is_disjoint(&actual.subnets) { &["subnets"] } else { &[] };
        Verdict::replace_if_changed(changes, moves, Order::DeleteFirst)
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages = aws.rds.describe_db_subnet_groups().into_paginator().items().send();
        let found = pages.collect::<Result<Vec<_>, _>>().await.answer("DescribeDBSubnetGroups")?;
        let prefix = aws.owner.prefixed("");
        let can_be_ours =
            |group: &Description| group.db_subnet_group_name().is_some_and(|name| name.starts_with(&prefix));
        let observed = found.into_iter().filter(can_be_ours).map(|group| observe(aws, group));
        Ok(try_join_all(observed).await?.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .rds
            .create_db_subnet_group()
            .db_subnet_group_name(aws.owner.prefixed(name))
            .db_subnet_group_description(&self.description)
            .set_subnet_ids(Some(inputs::known(&self.subnets)?))
            .set_tags(Some(tag_list(aws.owner.tags(name, &self.tags))));
        request.send().await.answer("CreateDBSubnetGroup")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "description") || touches(changes, "subnets") {
            let request = aws
                .rds
                .modify_db_subnet_group()
                .db_subnet_group_name(&seen.outputs.name)
                .db_subnet_group_description(&self.description)
                .set_subnet_ids(Some(inputs::known(&self.subnets)?));
            request.send().await.answer("ModifyDBSubnetGroup")?;
        }
        if touches(changes, "tags") {
            let request = aws.rds.add_tags_to_resource().resource_name(&seen.id);
            let request = request.set_tags(Some(tag_list(self.tags.clone())));
            request.send().await.answer("AddTagsToResource")?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.rds.delete_db_subnet_group().db_subnet_group_name(&seen.outputs.name);
        request.send().await.removed(
            "DeleteDBSubnetGroup",
            &["DBSubnetGroupNotFoundFault"],
            &["InvalidDBSubnetGroupStateFault"],
        )
    }
}

async fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<DbSubnetGroup>>, Error> {
    let arn = found.db_subnet_group_arn.given("the ARN of a DB subnet group")?;
    let request = aws.rds.list_tags_for_resource().resource_name(&arn).send().await;
    let gone = ["DBSubnetGroupNotFoundFault"];
    let Some(tags) = request.answer_unless("ListTagsForResource", &gone)? else { return Ok(None) };
    let Some((name, tags)) = aws.owner.recognise(tags.tag_list()) else { return Ok(None) };
    let subnets = found.subnets.unwrap_or_default().into_iter();
    let attributes = DbSubnetGroup {
        description: found.db_subnet_group_description.unwrap_or_default(),
        subnets: subnets.filter_map(|subnet| subnet.subnet_identifier).map(Input::Known).collect(),
        tags,
    };
    let outputs = Outputs { name: found.db_subnet_group_name.given("the name of a DB subnet group")? };
    Ok(Some(Observed { name, id: arn, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}
