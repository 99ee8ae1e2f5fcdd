//! Where the nodes of a group are registered.

use std::collections::BTreeSet;

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::node_group::NodeGroup;
use holodeck_bootstrap::aws::target_group::TargetGroup;
use holodeck_bootstrap::aws::target_group_attachment::TargetGroupAttachment;
use holodeck_engine::{Graph, Host, Input};

use crate::cluster::vpc_id;
use crate::laws::{Expect, Laws};
use crate::load_balancing::add_target_group;
use crate::node_group::{NAME, add_nodes};

fn target_groups(graph: &mut Graph, host: Host<Aws>, ports: &[i32]) -> BTreeSet<Input<String>> {
    let mut add = |port: &i32| add_target_group(graph, host, vpc_id(), *port).output(TargetGroup::ARN);
    ports.iter().map(&mut add).collect()
}

#[tokio::test(start_paused = true)]
async fn target_group_attachments() {
    Laws::of(NAME, |graph, host| TargetGroupAttachment {
        auto_scaling_group: add_nodes(graph, host).output(NodeGroup::AUTO_SCALING_GROUP),
        target_groups: target_groups(graph, host, &[32080, 32443]),
    })
    .edit("target_groups", |attachment| _ = attachment.target_groups.pop_last(), Expect::Update)
    .edit_in(
        "target_groups",
        |graph, host, attachment| attachment.target_groups = target_groups(graph, host, &[32081, 32444]),
        Expect::Update,
    )
    .hold()
    .await;
}
