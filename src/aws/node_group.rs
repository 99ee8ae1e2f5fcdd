//! A managed node group of the environment's cluster
//! (<https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html>).
//!
//! Invariants: what cannot change in place goes into a short hash in its name on AWS, so that a new group can stand
//! beside the one that it replaces. The number of nodes belongs to the autoscaler: it is set at creation and kept within
//! the bounds, but never compared. A change of version or template replaces the nodes one by one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eks::types::{
    AmiTypes, CapacityTypes, LaunchTemplateSpecification, Nodegroup as Description, NodegroupScalingConfig,
    NodegroupStatus, NodegroupUpdateConfig, Taint as SdkTaint, TaintEffect, UpdateLabelsPayload,
    UpdateTaintsPayload,
};
use holodeck_engine::{Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::eks_api::{self, EksAnswer, NOT_FOUND};
use crate::aws::owner::{self, Tags};

/// Most characters in a node group's name, without a hyphen and the hash.
const NAME: usize = 63 - 1 - HASH;
/// Characters of the hash in a node group's name.
const HASH: usize = 8;

/// What cannot change in place.
const IMMUTABLE: [&str; 7] =
    ["cluster", "role", "subnets", "launch_template", "instance_types", "capacity_type", "ami_type"];

/// A node group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeGroup {
    /// The cluster's name.
    pub cluster: Input<String>,
    /// ARN of the role that nodes act with.
    pub role: Input<String>,
    /// Subnets that nodes stand in.
    pub subnets: BTreeSet<Input<String>>,
    /// Id of the launch template.
    pub launch_template: Input<String>,
    /// Version of the launch template, a number.
    pub launch_template_version: Input<String>,
    /// Instance types in order of preference; empty where the template names one.
    pub instance_types: Vec<String>,
    /// `ON_DEMAND` or `SPOT`.
    pub capacity_type: String,
    /// The image of the nodes, by its EKS name.
    pub ami_type: String,
    /// Kubernetes version of the nodes.
    pub version: String,
    /// Bounds of the number of nodes.
    pub size: Bounds,
    /// Number of nodes to begin with.
    pub initial_size: i32,
    /// Kubernetes labels of the nodes.
    pub labels: BTreeMap<String, String>,
    /// Kubernetes taints of the nodes.
    pub taints: BTreeSet<Taint>,
    /// Number of nodes that may be unavailable at once during an update.
    pub max_unavailable: i32,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// Bounds of a number of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The least.
    pub min: i32,
    /// The greatest.
    pub max: i32,
}

/// A Kubernetes taint, as EKS writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `NO_SCHEDULE`, `PREFER_NO_SCHEDULE` or `NO_EXECUTE`.
    pub effect: String,
}

/// What a node group puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    name: String,
    auto_scaling_group: Option<String>,
}

impl NodeGroup {
    /// The group's name on AWS.
    pub const NAME: Output<Self, String> = Output::new("name");
    /// The name of the auto scaling group behind it.
    pub const AUTO_SCALING_GROUP: Output<Self, String> = Output::new("auto_scaling_group");
}

impl Resource for NodeGroup {
    const KIND: &'static str = "aws.node_group";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(180, 300, 240, 3600)
    }

    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        let versions = [&self.version, &actual.version].map(|version| eks_api::kubernetes_version(version));
        // A cluster that is made anew takes the old group with it.
        let order = if touches(changes, "cluster") { Order::DeleteFirst } else { Order::CreateFirst };
        match Verdict::replace_if_changed(changes, &IMMUTABLE, order) {
            Verdict::Update if versions[0] < versions[1] => Verdict::Refuse(format!(
                "nodes of Kubernetes {0} cannot go back to {1}: set `provider.cluster.version` to {0} or later",
                actual.version, self.version
            )),
            verdict => verdict,
        }
    }

    fn project(&self, actual: Self) -> Self {
        let tags = owner::managed(&self.tags, actual.tags);
        // Where the template names the one type, that one may be told here, too.
        let from_template = self.instance_types.is_empty() && actual.instance_types.len() == 1;
        let instance_types = if from_template { Vec::new() } else { actual.instance_types };
        Self { tags, instance_types, initial_size: self.initial_size, ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let cluster = eks_api::cluster_name(aws);
        let pages = aws.eks.list_nodegroups().cluster_name(cluster).into_paginator().items().send();
        let listed = pages.collect::<Result<_, _>>().await.answer_unless("ListNodegroups", &[NOT_FOUND])?;
        eks_api::describe_each(listed.unwrap_or_default(), |group| observe(aws, group)).await
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let subnets = self.subnets.iter().map(|subnet| subnet.get().cloned()).collect::<Result<_, _>>()?;
        let instance_types = (!self.instance_types.is_empty()).then(|| self.instance_types.clone());
        let request = aws
            .eks
            .create_nodegroup()
            .cluster_name(self.cluster.get()?)
            .nodegroup_name(self.physical_name(name)?)
            .node_role(self.role.get()?)
            .set_subnets(Some(subnets))
            .launch_template(self.template()?)
            .set_instance_types(instance_types)
            .capacity_type(CapacityTypes::from(&*self.capacity_type))
            .ami_type(AmiTypes::from(&*self.ami_type))
            .version(&self.version)
            .scaling_config(self.scaling(self.initial_size))
            .set_labels(Some(self.labels.clone().into_iter().collect()))
            .set_taints(Some(self.taints.iter().map(sdk_taint).collect()))
            .update_config(self.update_config())
            .set_tags(eks_api::tags(aws, name, &self.tags));
        request.send().await.answer_when_ready("CreateNodegroup")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let changed = |field| touches(changes, field);
        if changed("tags") {
            eks_api::set_tags(aws, &seen.id, &self.tags).await?;
        }
        let (cluster, group) = (self.cluster.get()?, &seen.outputs.name);
        if changed("version") || changed("launch_template_version") {
            let request = aws.eks.update_nodegroup_version().cluster_name(cluster).nodegroup_name(group);
            let request = request.version(&self.version).launch_template(self.template()?);
            request.send().await.answer_when_ready("UpdateNodegroupVersion")?;
        } else if ["size", "labels", "taints", "max_unavailable"].into_iter().any(changed) {
            self.update_settings(aws, seen, changes).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.eks.delete_nodegroup().cluster_name(seen.attributes.cluster.get()?);
        let request = request.nodegroup_name(&seen.outputs.name).send().await;
        eks_api::answer_removal(request, "DeleteNodegroup")
    }
}

impl NodeGroup {
    async fn update_settings(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<(), Error> {
        let request = aws.eks.update_nodegroup_config().cluster_name(self.cluster.get()?);
        let mut request = request.nodegroup_name(&seen.outputs.name);
        if touches(changes, "size") {
            request = request.scaling_config(self.scaling(seen.attributes.initial_size));
        }
        if touches(changes, "labels") {
            let gone = seen.attributes.labels.keys().filter(|key| !self.labels.contains_key(*key));
            let labels = UpdateLabelsPayload::builder()
                .set_add_or_update_labels(Some(self.labels.clone().into_iter().collect()))
                .set_remove_labels(Some(gone.cloned().collect()));
            request = request.labels(labels.build());
        }
        if touches(changes, "taints") {
            let present = &seen.attributes.taints;
            // A taint is one of a key and an effect: with another value it is updated, not removed.
            let stays = |gone: &&Taint| {
                self.taints.iter().any(|taint| taint.key == gone.key && taint.effect == gone.effect)
            };
            let gone = present.iter().filter(|taint| !stays(taint));
            let taints = UpdateTaintsPayload::builder()
                .set_add_or_update_taints(Some(self.taints.difference(present).map(sdk_taint).collect()))
                .set_remove_taints(Some(gone.map(sdk_taint).collect()));
            request = request.taints(taints.build());
        }
        if touches(changes, "max_unavailable") {
            request = request.update_config(self.update_config());
        }
        request.send().await.answer_when_ready("UpdateNodegroupConfig")?;
        Ok(())
    }

    /// The group's name on AWS: its own, a hyphen, and the hash of what cannot change in place.
    fn physical_name(&self, name: &str) -> Result<String, Error> {
        let immutable = json!([
            name,
            self.cluster.get()?,
            self.role.get()?,
            self.subnets,
            self.launch_template.get()?,
            self.instance_types,
            self.capacity_type,
            self.ami_type,
        ]);
        let digest = Sha256::digest(immutable.to_string());
        let hash: String = digest.iter().take(HASH / 2).map(|byte| format!("{byte:02x}")).collect();
        let name: String = name.chars().take(NAME).collect();
        Ok(format!("{name}-{hash}"))
    }

    fn template(&self) -> Result<LaunchTemplateSpecification, Error> {
        let template = LaunchTemplateSpecification::builder().id(self.launch_template.get()?);
        Ok(template.version(self.launch_template_version.get()?).build())
    }

    /// The bounds, with `nodes` brought between them.
    fn scaling(&self, nodes: i32) -> NodegroupScalingConfig {
        let Bounds { min, max } = self.size;
        let nodes = nodes.min(max).max(min);
        NodegroupScalingConfig::builder().min_size(min).max_size(max).desired_size(nodes).build()
    }

    fn update_config(&self) -> NodegroupUpdateConfig {
        NodegroupUpdateConfig::builder().max_unavailable(self.max_unavailable).build()
    }
}

fn sdk_taint(taint: &Taint) -> SdkTaint {
    let Taint { key, value, effect } = taint;
    SdkTaint::builder().key(key).value(value).effect(TaintEffect::from(&**effect)).build()
}

async fn observe(aws: &Aws, group: String) -> Result<Option<Observed<NodeGroup>>, Error> {
    let request = aws.eks.describe_nodegroup().cluster_name(eks_api::cluster_name(aws));
    let answer =
        request.nodegroup_name(group).send().await.answer_unless("DescribeNodegroup", &[NOT_FOUND])?;
    let Some(found) = answer.and_then(|answer| answer.nodegroup) else { return Ok(None) };
    let Some((name, tags)) = eks_api::recognise(aws, found.tags()) else { return Ok(None) };
    let state = found.status.clone().unwrap_or(NodegroupStatus::Creating);
    let resources = found.resources();
    let groups = resources.map(|resources| resources.auto_scaling_groups()).unwrap_or_default();
    let outputs = Outputs {
        name: found.nodegroup_name.clone().given("the name of a node group")?,
        auto_scaling_group: groups.first().and_then(|group| group.name.clone()),
    };
    Ok(Some(Observed {
        status: eks_api::status(
            &format!("the node group `{}`", outputs.name),
            state.as_str(),
            &issues(&found),
        ),
        id: found.nodegroup_arn.clone().given("the ARN of a node group")?,
        name,
        outputs,
        attributes: attributes(found, tags)?,
        uses: vec![eks_api::cluster_arn(aws)],
    }))
}

fn attributes(found: Description, tags: Tags) -> Result<NodeGroup, Error> {
    let template = found.launch_template;
    let (template, template_version) = template.map(|found| (found.id, found.version)).unwrap_or_default();
    let scaling = found.scaling_config.given("the size of a node group")?;
    let size = |nodes: Option<i32>| nodes.unwrap_or_default();
    Ok(NodeGroup {
        cluster: found.cluster_name.given("the cluster of a node group")?.into(),
        role: found.node_role.unwrap_or_default().into(),
        subnets: found.subnets.unwrap_or_default().into_iter().map(Input::Known).collect(),
        launch_template: template.unwrap_or_default().into(),
        launch_template_version: template_version.unwrap_or_default().into(),
        instance_types: found.instance_types.unwrap_or_default(),
        capacity_type: found.capacity_type.unwrap_or(CapacityTypes::OnDemand).to_string(),
        ami_type: found.ami_type.map(|image| image.to_string()).unwrap_or_default(),
        version: found.version.unwrap_or_default(),
        size: Bounds { min: size(scaling.min_size), max: size(scaling.max_size) },
        initial_size: size(scaling.desired_size),
        labels: found.labels.unwrap_or_default().into_iter().collect(),
        taints: found.taints.unwrap_or_default().into_iter().map(taint).collect(),
        max_unavailable: found.update_config.and_then(|update| update.max_unavailable).unwrap_or(1),
        tags,
    })
}

fn taint(found: SdkTaint) -> Taint {
    Taint {
        key: found.key.unwrap_or_default(),
        value: found.value.unwrap_or_default(),
        effect: found.effect.map(|effect| effect.to_string()).unwrap_or_default(),
    }
}

fn issues(found: &Description) -> Vec<String> {
    let issues = found.health().map(|health| health.issues()).unwrap_or_default();
    issues
        .iter()
        .map(|issue| eks_api::issue(issue.code().map(|code| code.as_str()), issue.message()))
        .collect()
}
