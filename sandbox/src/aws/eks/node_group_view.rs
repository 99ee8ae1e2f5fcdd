//! A node group as the API shows it.

use aws_sdk_eks::types;

use super::super::{World, date_time};
use super::hash_map;
use super::node_group::{Issue, NodeGroup, Phase, Settings, Taint};

/// The node group at the world's present.
pub(super) fn view(world: &World, group: &NodeGroup) -> types::Nodegroup {
    let settings = &group.settings;
    let scaling_groups =
        group.scaling_group.iter().map(|name| types::AutoScalingGroup::builder().name(name).build());
    types::Nodegroup::builder()
        .nodegroup_name(&group.name)
        .nodegroup_arn(&group.arn)
        .cluster_name(&group.cluster)
        .version(&settings.version)
        .release_version(&settings.release_version)
        .created_at(date_time(group.created))
        .modified_at(date_time(group.modified))
        .status(status(world, group))
        .capacity_type(types::CapacityTypes::from(settings.capacity_type.as_str()))
        .scaling_config(
            types::NodegroupScalingConfig::builder()
                .min_size(settings.scaling.min)
                .max_size(settings.scaling.max)
                .desired_size(settings.scaling.desired)
                .build(),
        )
        .set_instance_types((!settings.instance_types.is_empty()).then(|| settings.instance_types.clone()))
        .set_subnets(Some(settings.subnets.clone()))
        .ami_type(types::AmiTypes::from(settings.ami_type.as_str()))
        .node_role(&settings.node_role)
        .set_labels(Some(hash_map(&settings.labels)))
        .set_taints((!settings.taints.is_empty()).then(|| settings.taints.iter().map(taint).collect()))
        .resources(
            types::NodegroupResources::builder()
                .set_auto_scaling_groups(Some(scaling_groups.collect()))
                .build(),
        )
        .set_disk_size(settings.disk_size)
        .health(
            types::NodegroupHealth::builder()
                .set_issues(Some(group.issues.iter().map(issue).collect()))
                .build(),
        )
        .update_config(update_config(settings))
        .node_repair_config(types::NodeRepairConfig::builder().enabled(settings.node_repair).build())
        .set_launch_template(settings.launch_template.as_ref().map(|template| {
            types::LaunchTemplateSpecification::builder()
                .id(&template.id)
                .name(&template.name)
                .version(&template.version)
                .build()
        }))
        .set_tags(Some(hash_map(&settings.tags)))
        .build()
}

fn status(world: &World, group: &NodeGroup) -> types::NodegroupStatus {
    let updating = group.updates.iter().any(|update| update.visible(world.now));
    match group.phase {
        Phase::Creating => types::NodegroupStatus::Creating,
        Phase::CreateFailed => types::NodegroupStatus::CreateFailed,
        Phase::Deleting => types::NodegroupStatus::Deleting,
        Phase::Active if updating => types::NodegroupStatus::Updating,
        Phase::Active if !group.issues.is_empty() => types::NodegroupStatus::Degraded,
        Phase::Active => types::NodegroupStatus::Active,
    }
}

fn taint(taint: &Taint) -> types::Taint {
    types::Taint::builder()
        .key(&taint.key)
        .set_value(taint.value.clone())
        .effect(types::TaintEffect::from(taint.effect.as_str()))
        .build()
}

fn issue(issue: &Issue) -> types::Issue {
    types::Issue::builder()
        .code(types::NodegroupIssueCode::from(issue.code.as_str()))
        .message(&issue.message)
        .set_resource_ids(Some(issue.resources.clone()))
        .build()
}

fn update_config(settings: &Settings) -> types::NodegroupUpdateConfig {
    types::NodegroupUpdateConfig::builder()
        .set_max_unavailable(settings.update_config.max_unavailable)
        .set_max_unavailable_percentage(settings.update_config.max_unavailable_percentage)
        .update_strategy(types::NodegroupUpdateStrategies::from(settings.update_config.strategy.as_str()))
        .build()
}
