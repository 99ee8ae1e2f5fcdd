//! Target groups that the instances of a node group are registered in
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/attach-load-balancer-asg.html>).
//!
//! EKS has no setting for this, so the target groups are attached to the auto scaling group that EKS makes. It has no
//! tags of its own: what is on an auto scaling group of our cluster is ours, as far as the target groups are named like
//! ours. A node group that is made anew brings a new auto scaling group, which is attached before the old one goes; the
//! newest one of a node group's is listed first.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter};
use holodeck_engine::{Durations, Error, FieldChange, Input, Observed, Order, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::client::Aws;
use crate::aws::eks_api;
use crate::aws::inputs::known;

/// The target groups of one auto scaling group. Its name is that of the node group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetGroupAttachment {
    /// The name of the auto scaling group.
    pub auto_scaling_group: Input<String>,
    /// ARNs of the target groups, ten at most.
    pub target_groups: BTreeSet<Input<String>>,
}

/// An attachment puts nothing out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {}

/// The most target groups that one request attaches or detaches.
const MOST_A_REQUEST: usize = 10;
/// The group is changing in another way, or a target group has just been made.
const BUSY: [&str; 2] = ["ValidationError", "ResourceContention"];

impl Resource for TargetGroupAttachment {
    const KIND: &'static str = "aws.target_group_attachment";
    type Outputs = Outputs;
    type Client = Aws;
    const DISPOSABLE: bool = true;

    fn durations(&self) -> Durations {
        Durations::seconds(2, 2, 2, 600)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["auto_scaling_group"], Order::CreateFirst)
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let ours = Filter::builder().name("tag:eks:cluster-name").values(eks_api::cluster_name(aws)).build();
        let pages =
            aws.autoscaling.describe_auto_scaling_groups().filters(ours).into_paginator().items().send();
        let mut groups: Vec<AutoScalingGroup> =
            pages.collect::<Result<_, _>>().await.answer("DescribeAutoScalingGroups")?;
        groups.sort_by_key(|group| std::cmp::Reverse(group.created_time.map(|time| time.as_nanos())));
        groups.into_iter().filter_map(|group| observe(aws, group).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, _name: &str) -> Result<Option<Observed<Self>>, Error> {
        attach(aws, self.auto_scaling_group.get()?, known(&self.target_groups)?).await?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let (group, present) = (self.auto_scaling_group.get()?, &seen.attributes.target_groups);
        attach(aws, group, known(self.target_groups.difference(present))?).await?;
        detach(aws, group, known(present.difference(&self.target_groups))?).await?;
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let group = seen.attributes.auto_scaling_group.get()?;
        // A group that is gone, or has none of them any more, is refused by the same code as one that is busy.
        let request = aws.autoscaling.describe_auto_scaling_groups().auto_scaling_group_names(group);
        let answer = request.send().await.answer("DescribeAutoScalingGroups")?;
        let Some(found) = answer.auto_scaling_groups.unwrap_or_default().into_iter().next() else {
            return Ok(());
        };
        let present = found.target_group_arns.unwrap_or_default();
        let mut attached = known(&seen.attributes.target_groups)?;
        attached.retain(|target_group| present.contains(target_group));
        detach(aws, group, attached).await
    }
}

async fn attach(aws: &Aws, group: &str, target_groups: Vec<String>) -> Result<(), Error> {
    for some in target_groups.chunks(MOST_A_REQUEST) {
        let request = aws.autoscaling.attach_load_balancer_target_groups().auto_scaling_group_name(group);
        let answer = request.set_target_group_arns(Some(some.to_vec())).send().await;
        answer.answer_or_wait("AttachLoadBalancerTargetGroups", &BUSY)?;
    }
    Ok(())
}

async fn detach(aws: &Aws, group: &str, target_groups: Vec<String>) -> Result<(), Error> {
    for some in target_groups.chunks(MOST_A_REQUEST) {
        let request = aws.autoscaling.detach_load_balancer_target_groups().auto_scaling_group_name(group);
        let answer = request.set_target_group_arns(Some(some.to_vec())).send().await;
        answer.answer_or_wait("DetachLoadBalancerTargetGroups", &BUSY)?;
    }
    Ok(())
}

/// The attachment of a group that has target groups of ours; its name is the node group's without the hash at the end.
fn observe(aws: &Aws, found: AutoScalingGroup) -> Result<Option<Observed<TargetGroupAttachment>>, Error> {
    let ours = format!(":targetgroup/{}", aws.owner.prefixed(""));
    let attached = found.target_group_arns.unwrap_or_default().into_iter();
    let target_groups: BTreeSet<_> = attached.filter(|arn| arn.contains(&ours)).map(Input::Known).collect();
    let tags = found.tags.unwrap_or_default();
    let node_group = tags.iter().find(|tag| tag.key() == Some("eks:nodegroup-name"));
    let node_group = node_group.and_then(|tag| tag.value()).and_then(|name| name.rsplit_once('-'));
    let (Some((name, _)), false) = (node_group, target_groups.is_empty()) else { return Ok(None) };
    let group = found.auto_scaling_group_name.given("the name of an auto scaling group")?;
    let id = format!("{group}/target-groups");
    let attributes = TargetGroupAttachment { auto_scaling_group: group.into(), target_groups };
    let (name, uses) = (name.to_owned(), Vec::new());
    Ok(Some(Observed { name, id, attributes, outputs: Outputs {}, status: Status::Ready, uses }))
}
