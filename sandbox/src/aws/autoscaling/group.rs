//! Auto Scaling groups and their instances, as DescribeAutoScalingGroups shows them.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::operation::describe_auto_scaling_groups::{
    DescribeAutoScalingGroupsInput, DescribeAutoScalingGroupsOutput,
};
use aws_sdk_autoscaling::types;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{Answer, ApiError, Services, World, date_time, ec2, elasticloadbalancingv2};
use super::attachment::Attachment;
use super::tag::Tag;

/// What a group launches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Launch {
    /// Id of the launch template.
    pub(crate) template_id: String,
    /// Name of the launch template.
    pub(crate) template_name: String,
    /// A number, never `$Latest`: what runs must be known.
    pub(crate) template_version: String,
    /// Tried in turn; the first one that the zone has is launched.
    pub(crate) instance_types: Vec<String>,
    pub(crate) image_id: String,
    pub(crate) security_groups: Vec<String>,
    pub(crate) spot: bool,
    /// Tags that instances get besides those of the group.
    pub(crate) instance_tags: BTreeMap<String, String>,
    pub(crate) instance_profile: Option<String>,
}

/// A group to create.
pub(crate) struct NewGroup {
    pub(crate) name: String,
    pub(crate) min: i32,
    pub(crate) max: i32,
    pub(crate) desired: i32,
    pub(crate) subnets: Vec<String>,
    pub(crate) launch: Launch,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
}

/// An Auto Scaling group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) created: Timestamp,
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) desired: i32,
    pub(super) subnets: Vec<String>,
    pub(super) zones: Vec<String>,
    pub(super) launch: Launch,
    pub(super) members: Vec<Member>,
    pub(super) tags: BTreeMap<String, Tag>,
    pub(super) attachments: Vec<Attachment>,
    /// Since when the members may differ from what is desired.
    pub(super) unsettled: Timestamp,
    /// Set once the group is to vanish with its last member.
    pub(super) deleting: bool,
}

/// An instance of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// The instance's id.
    pub(crate) id: String,
    pub(crate) instance_type: String,
    pub(crate) zone: String,
    pub(crate) launched: Timestamp,
    /// When it was told to go.
    pub(crate) ended: Option<Timestamp>,
    pub(crate) template_version: String,
    pub(super) image_id: String,
    /// Registered in the group's target groups.
    pub(super) in_service: bool,
}

impl Group {
    /// Ids of the instances that serve.
    pub(super) fn in_service(&self) -> Vec<String> {
        self.members.iter().filter(|member| member.in_service).map(|member| member.id.clone()).collect()
    }

    /// ARNs of the target groups in which instances are registered.
    pub(super) fn serving_target_groups(&self) -> Vec<String> {
        self.attachments.iter().filter(|at| at.serves()).map(|at| at.target_group.clone()).collect()
    }

    /// The group's tags as the API shows them.
    pub(super) fn tag_descriptions(&self) -> Vec<types::TagDescription> {
        let view = |(key, tag): (&String, &Tag)| {
            types::TagDescription::builder()
                .resource_id(&self.name)
                .resource_type("auto-scaling-group")
                .key(key)
                .value(&tag.value)
                .propagate_at_launch(tag.propagate)
                .build()
        };
        self.tags.iter().map(view).collect()
    }
}

/// Makes a group; its instances follow.
pub(crate) fn create(world: &mut World, new: NewGroup) -> Answer<()> {
    if world.autoscaling.groups.contains_key(&new.name) {
        return Err(ApiError::new(
            "AlreadyExists",
            format!("AutoScalingGroup by this name already exists - {}", new.name),
        ));
    }
    let id = world.uuid();
    let arn = format!(
        "arn:aws:autoscaling:{}:{}:autoScalingGroup:{id}:autoScalingGroupName/{}",
        world.region, world.account, new.name
    );
    let zones = new.subnets.iter().filter_map(|id| ec2::subnet_zone(world, id)).collect();
    let tags = new.tags.into_iter().map(|(key, value)| (key, Tag { value, propagate: true })).collect();
    let group = Group {
        arn,
        created: new.created,
        min: new.min,
        max: new.max,
        desired: new.desired,
        subnets: new.subnets,
        zones,
        launch: new.launch,
        members: Vec::new(),
        tags,
        attachments: Vec::new(),
        unsettled: new.created,
        deleting: false,
        name: new.name.clone(),
    };
    world.autoscaling.groups.insert(new.name, group);
    Ok(())
}

/// Sets the bounds and, where given, the desired capacity; it is kept within the bounds.
pub(crate) fn resize(
    world: &mut World,
    name: &str,
    min: i32,
    max: i32,
    desired: Option<i32>,
    now: Timestamp,
) {
    if let Some(group) = world.autoscaling.groups.get_mut(name) {
        group.min = min;
        group.max = max;
        group.desired = desired.unwrap_or(group.desired).clamp(min, max);
        group.unsettled = now;
    }
}

/// Changes what the group launches from now on; what runs stays.
pub(crate) fn set_launch(world: &mut World, name: &str, launch: Launch) {
    if let Some(group) = world.autoscaling.groups.get_mut(name) {
        group.launch = launch;
    }
}

/// Ends all instances; the group goes with the last of them.
pub(crate) fn delete(world: &mut World, name: &str, now: Timestamp) {
    if let Some(group) = world.autoscaling.groups.get_mut(name) {
        group.min = 0;
        group.desired = 0;
        group.deleting = true;
        group.unsettled = now;
    }
}

/// The instances of a group; none where the group is gone.
pub(crate) fn members(world: &World, name: &str) -> Vec<Member> {
    world.autoscaling.groups.get(name).map(|group| group.members.clone()).unwrap_or_default()
}

/// Whether the group exists and is to stay.
pub(crate) fn is_kept(world: &World, name: &str) -> bool {
    world.autoscaling.groups.get(name).is_some_and(|group| !group.deleting)
}

/// Whether the group exists.
pub(crate) fn exists(world: &World, name: &str) -> bool {
    world.autoscaling.groups.contains_key(name)
}

pub(super) fn register(services: &mut Services) {
    services.on(describe);
}

fn describe(
    world: &mut World,
    input: &DescribeAutoScalingGroupsInput,
) -> Answer<DescribeAutoScalingGroupsOutput> {
    for filter in input.filters() {
        let name = filter.name().unwrap_or_default();
        if !(["tag-key", "tag-value"].contains(&name) || name.starts_with("tag:")) {
            return Err(super::validation(format!(
                "The filter '{name}' is invalid. The valid values are: [ tag-key tag-value tag:<key>]"
            )));
        }
    }
    let named = |group: &&Group| {
        input.auto_scaling_group_names().is_empty() || input.auto_scaling_group_names().contains(&group.name)
    };
    let filtered = |group: &&Group| input.filters().iter().all(|filter| matches(group, filter));
    let with_instances = input.include_instances().unwrap_or(true);
    let groups = world.autoscaling.groups.values().filter(named).filter(filtered);
    let all = groups.map(|group| view(world, group, with_instances)).collect();
    let (groups, next) = super::page(all, input.next_token(), input.max_records())?;
    Ok(DescribeAutoScalingGroupsOutput::builder()
        .set_auto_scaling_groups(Some(groups))
        .set_next_token(next)
        .build())
}

fn matches(group: &Group, filter: &types::Filter) -> bool {
    let name = filter.name().unwrap_or_default();
    let wanted = |value: &String| filter.values().contains(value);
    match name.strip_prefix("tag:") {
        Some(key) => group.tags.get(key).is_some_and(|tag| wanted(&tag.value)),
        None if name == "tag-key" => group.tags.keys().any(wanted),
        None => group.tags.values().any(|tag| wanted(&tag.value)),
    }
}

fn view(world: &World, group: &Group, with_instances: bool) -> types::AutoScalingGroup {
    let specification =
        template(&group.launch.template_id, &group.launch.template_name, &group.launch.template_version);
    let overrides = group.launch.instance_types.iter();
    let overrides =
        overrides.map(|kind| types::LaunchTemplateOverrides::builder().instance_type(kind).build()).collect();
    let policy = types::MixedInstancesPolicy::builder()
        .launch_template(
            types::LaunchTemplate::builder()
                .launch_template_specification(specification)
                .set_overrides(Some(overrides))
                .build(),
        )
        .instances_distribution(
            types::InstancesDistribution::builder()
                .on_demand_percentage_above_base_capacity(if group.launch.spot { 0 } else { 100 })
                .build(),
        )
        .build();
    let instances =
        with_instances.then(|| group.members.iter().map(|member| instance(group, member)).collect());
    let target_groups = group.serving_target_groups();
    let sources = target_groups.iter();
    let sources =
        sources.map(|arn| types::TrafficSourceIdentifier::builder().identifier(arn).r#type("elbv2").build());
    types::AutoScalingGroup::builder()
        .auto_scaling_group_name(&group.name)
        .auto_scaling_group_arn(&group.arn)
        .mixed_instances_policy(policy)
        .min_size(group.min)
        .max_size(group.max)
        .desired_capacity(group.desired)
        .default_cooldown(300)
        .set_availability_zones(Some(group.zones.clone()))
        .set_traffic_sources(Some(sources.collect()))
        .set_target_group_arns(Some(target_groups))
        .health_check_type("EC2")
        .health_check_grace_period(15)
        .set_instances(instances)
        .created_time(date_time(group.created))
        .vpc_zone_identifier(group.subnets.join(","))
        .set_status(group.deleting.then(|| "Delete in progress".to_owned()))
        .set_tags(Some(group.tag_descriptions()))
        .termination_policies("AllocationStrategy")
        .termination_policies("OldestLaunchTemplate")
        .termination_policies("OldestInstance")
        .new_instances_protected_from_scale_in(false)
        .capacity_rebalance(true)
        .service_linked_role_arn(format!(
            "arn:aws:iam::{}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
            world.account
        ))
        .build()
}

fn template(id: &str, name: &str, version: &str) -> types::LaunchTemplateSpecification {
    types::LaunchTemplateSpecification::builder()
        .launch_template_id(id)
        .launch_template_name(name)
        .version(version)
        .build()
}

fn instance(group: &Group, member: &Member) -> types::Instance {
    use types::LifecycleState;
    let state = match (member.ended, member.in_service) {
        (Some(_), _) => LifecycleState::Terminating,
        (None, true) => LifecycleState::InService,
        (None, false) => LifecycleState::Pending,
    };
    types::Instance::builder()
        .instance_id(&member.id)
        .instance_type(&member.instance_type)
        .availability_zone(&member.zone)
        .lifecycle_state(state)
        .health_status("Healthy")
        .launch_template(template(
            &group.launch.template_id,
            &group.launch.template_name,
            &member.template_version,
        ))
        .image_id(&member.image_id)
        .protected_from_scale_in(false)
        .build()
}

/// Registers a member that came into service in the group's target groups, or takes it out of them.
pub(super) fn route(world: &mut World, name: &str, instance: &str, serve: bool, now: Timestamp) {
    let Some(group) = world.autoscaling.groups.get(name) else { return };
    for target_group in group.serving_target_groups() {
        if serve {
            elasticloadbalancingv2::register_instance(world, &target_group, instance, now);
        } else {
            elasticloadbalancingv2::deregister_instance(world, &target_group, instance, now);
        }
    }
}
