//! Managed node groups: what is asked for at creation, and creating, reading, listing and deleting them.

use std::collections::BTreeMap;

use aws_sdk_eks::operation::create_nodegroup::{CreateNodegroupInput, CreateNodegroupOutput};
use aws_sdk_eks::operation::delete_nodegroup::{DeleteNodegroupInput, DeleteNodegroupOutput};
use aws_sdk_eks::operation::describe_nodegroup::{DescribeNodegroupInput, DescribeNodegroupOutput};
use aws_sdk_eks::operation::list_nodegroups::{ListNodegroupsInput, ListNodegroupsOutput};
use aws_sdk_eks::types;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, ec2};
use super::cluster::{Cluster, token_mismatch};
use super::node_group_update::Rolling;
use super::update::Update;
use super::{access_entry, in_use, invalid_parameter, node_image, not_simulated, roles, tags_of, version};

/// All that a caller decides about a node group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) node_role: String,
    pub(super) subnets: Vec<String>,
    pub(super) instance_types: Vec<String>,
    pub(super) ami_type: String,
    pub(super) capacity_type: String,
    /// GiB; none where the launch template decides.
    pub(super) disk_size: Option<i32>,
    pub(super) scaling: Scaling,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) taints: Vec<Taint>,
    pub(super) launch_template: Option<LaunchTemplate>,
    pub(super) update_config: UpdateConfig,
    pub(super) node_repair: bool,
    pub(super) version: String,
    pub(super) release_version: String,
    pub(super) tags: BTreeMap<String, String>,
}

/// How many nodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Scaling {
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) desired: i32,
}

/// A taint that nodes register with; the effect as EKS writes it, such as `NO_SCHEDULE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Taint {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) effect: String,
}

/// The caller's launch template; the version is a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LaunchTemplate {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
}

/// How much of the group a rolling update may take away at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct UpdateConfig {
    pub(super) max_unavailable: Option<i32>,
    pub(super) max_unavailable_percentage: Option<i32>,
    pub(super) strategy: String,
}

/// What keeps a group from working, as the API's Issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Issue {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) resources: Vec<String>,
}

/// How far a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Creating,
    Active,
    CreateFailed,
    Deleting,
}

/// One managed node group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NodeGroup {
    pub(super) name: String,
    pub(super) cluster: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    token: Option<String>,
    requested: Settings,
    pub(super) settings: Settings,
    pub(super) phase: Phase,
    /// Since when it is in this phase.
    pub(super) since: Timestamp,
    /// Name of its Auto Scaling group, once that is made.
    pub(super) scaling_group: Option<String>,
    pub(super) issues: Vec<Issue>,
    pub(super) updates: Vec<Update<super::node_group_change::Change>>,
    /// The replacement of nodes that is under way.
    pub(super) rolling: Option<Rolling>,
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(list);
    services.on(delete);
}

/// The node group of that name in the cluster.
pub(super) fn find<'a>(world: &'a World, cluster: Option<&str>, name: Option<&str>) -> Answer<&'a NodeGroup> {
    let name = name.unwrap_or_default();
    let found = super::find(world, cluster)?.node_groups.get(name);
    found.ok_or_else(|| super::not_found(format!("No node group found for name: {name}.")))
}

pub(super) fn find_mut<'a>(
    world: &'a mut World,
    cluster: Option<&str>,
    name: Option<&str>,
) -> Answer<&'a mut NodeGroup> {
    let name = name.unwrap_or_default();
    let found = super::find_mut(world, cluster)?.node_groups.get_mut(name);
    found.ok_or_else(|| super::not_found(format!("No node group found for name: {name}.")))
}

fn create(world: &mut World, input: &CreateNodegroupInput) -> Answer<CreateNodegroupOutput> {
    let cluster = super::find_usable(world, input.cluster_name())?;
    let name = name(input.nodegroup_name())?;
    let settings = settings(world, cluster, input)?;
    if let Some(existing) = cluster.node_groups.get(&name) {
        if input.client_request_token().is_none() || existing.token.as_deref() != input.client_request_token()
        {
            return Err(in_use(format!(
                "NodeGroup already exists with name {name} and cluster name {}",
                cluster.name
            )));
        }
        if existing.requested != settings {
            return Err(token_mismatch());
        }
        return Ok(CreateNodegroupOutput::builder()
            .nodegroup(super::node_group_view::view(world, existing))
            .build());
    }
    roles::check(world, Some(&settings.node_role), "ec2.amazonaws.com", "node role")?;
    let cluster_name = cluster.name.clone();
    let wants_entry = cluster.settings.authentication_mode != "CONFIG_MAP";
    let id = world.uuid();
    let now = world.now;
    let group = NodeGroup {
        arn: super::arn(world, &format!("nodegroup/{cluster_name}/{name}/{id}")),
        cluster: cluster_name.clone(),
        id,
        created: now,
        modified: now,
        token: input.client_request_token().map(str::to_owned),
        requested: settings.clone(),
        phase: Phase::Creating,
        since: now,
        scaling_group: None,
        issues: Vec::new(),
        updates: Vec::new(),
        rolling: None,
        name: name.clone(),
        settings,
    };
    if wants_entry {
        access_entry::add_node_role(world, &cluster_name, &group.settings.node_role, now);
    }
    let view = super::node_group_view::view(world, &group);
    super::find_mut(world, input.cluster_name())?.node_groups.insert(name, group);
    Ok(CreateNodegroupOutput::builder().nodegroup(view).build())
}

/// Letters, digits, `-` and `_`, beginning with a letter or digit, at most 63 characters.
fn name(given: Option<&str>) -> Answer<String> {
    let name = given.unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 63 && name.chars().all(allowed)
    {
        Ok(name.to_owned())
    } else {
        Err(invalid_parameter(format!("The nodegroup name '{name}' is not valid")))
    }
}

fn settings(world: &World, cluster: &Cluster, input: &CreateNodegroupInput) -> Answer<Settings> {
    if input.remote_access().is_some() || input.warm_pool_config().is_some() {
        return Err(not_simulated("remote access or a warm pool of a node group"));
    }
    for subnet in input.subnets() {
        if ec2::subnet_vpc(world, subnet).as_ref() != Some(&cluster.vpc_id) {
            return Err(invalid_parameter(format!(
                "The subnet ID '{subnet}' does not exist in the VPC {}",
                cluster.vpc_id
            )));
        }
    }
    if input.subnets().is_empty() {
        return Err(invalid_parameter("Subnets must not be empty"));
    }
    let (template, from_template) = match input.launch_template() {
        Some(given) => {
            let found = launch_template(world, given)?;
            (Some(found.0), found.1)
        }
        None => (None, None),
    };
    let instance_types = instance_types(input.instance_types(), from_template)?;
    if template.is_some() && input.disk_size().is_some() {
        return Err(invalid_parameter("Disk size must be specified within the launch template."));
    }
    let disk_size = template.is_none().then(|| input.disk_size().unwrap_or(20));
    let wanted = input.version().unwrap_or(&cluster.settings.version);
    check_version(cluster, wanted)?;
    let ami_type = ami_type(input.ami_type(), wanted)?;
    let release_version = match input.release_version() {
        Some(given) => given.to_owned(),
        None => node_image::release(world, &ami_type, wanted)?,
    };
    Ok(Settings {
        node_role: input.node_role().unwrap_or_default().to_owned(),
        subnets: input.subnets().to_vec(),
        instance_types,
        ami_type,
        capacity_type: input.capacity_type().map_or("ON_DEMAND", |kind| kind.as_str()).to_owned(),
        disk_size,
        scaling: scaling(input.scaling_config(), Scaling { min: 1, max: 2, desired: 2 })?,
        labels: tags_of(input.labels()),
        taints: input.taints().iter().map(taint).collect::<Answer<_>>()?,
        launch_template: template,
        update_config: update_config(input.update_config())?,
        node_repair: input.node_repair_config().and_then(|config| config.enabled()).unwrap_or_default(),
        release_version,
        version: wanted.to_owned(),
        tags: tags_of(input.tags()),
    })
}

/// Nodes are never newer than the control plane.
pub(super) fn check_version(cluster: &Cluster, wanted: &str) -> Answer<()> {
    if version::minor(wanted)? > version::minor(&cluster.settings.version)? {
        return Err(invalid_parameter(format!(
            "Node group version {wanted} is newer than the version {} of the cluster",
            cluster.settings.version
        )));
    }
    version::find(wanted).map(|_| ())
}

/// Types come from the request or from the launch template, not from both. Those of the template are not the group's own:
/// the API gives none then (<https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html>).
fn instance_types(given: &[String], from_template: Option<String>) -> Answer<Vec<String>> {
    match (given.is_empty(), from_template) {
        (false, Some(_)) => Err(invalid_parameter(
            "Instance types cannot be specified in both the launch template and the CreateNodegroup request",
        )),
        (false, None) => Ok(given.to_vec()),
        (true, Some(_)) => Ok(Vec::new()),
        (true, None) => Ok(vec!["t3.medium".to_owned()]),
    }
}

/// Images of Amazon Linux 2 end with Kubernetes 1.32.
fn ami_type(given: Option<&types::AmiTypes>, version: &str) -> Answer<String> {
    let name = given.map_or("AL2023_x86_64_STANDARD", |kind| kind.as_str());
    if name.starts_with("AL2_") && version::minor(version)? > 32 {
        return Err(invalid_parameter(format!(
            "The AMI type {name} is not supported for Kubernetes versions 1.33 and later"
        )));
    }
    Ok(name.to_owned())
}

/// The template with its version as a number, and the instance type that it sets.
pub(super) fn launch_template(
    world: &World,
    given: &types::LaunchTemplateSpecification,
) -> Answer<(LaunchTemplate, Option<String>)> {
    let found = ec2::launch_template(world, given.id(), given.name(), given.version());
    let found = found.map_err(|error| invalid_parameter(error.message))?;
    let template = LaunchTemplate { id: found.id, name: found.name, version: found.version };
    Ok((template, found.instance_type))
}

/// Bounds as EKS takes them: 0 ≤ min ≤ desired ≤ max, max at least 1.
pub(super) fn scaling(given: Option<&types::NodegroupScalingConfig>, base: Scaling) -> Answer<Scaling> {
    let Some(given) = given else { return Ok(base) };
    let min = given.min_size().unwrap_or(base.min);
    let max = given.max_size().unwrap_or(base.max);
    let desired = given.desired_size().unwrap_or(base.desired);
    if max < 1 {
        Err(invalid_parameter("maxSize must be at least 1"))
    } else if min < 0 || min > desired {
        Err(invalid_parameter(format!("Minimum capacity {min} can't be greater than desired size {desired}")))
    } else if desired > max {
        Err(invalid_parameter(format!("desired capacity {desired} can't be greater than max size {max}")))
    } else {
        Ok(Scaling { min, max, desired })
    }
}

/// A taint with a key and an effect that the API knows.
pub(super) fn taint(given: &types::Taint) -> Answer<Taint> {
    let effect = given.effect().map_or("", |effect| effect.as_str());
    let key = given.key().unwrap_or_default();
    if key.is_empty() || !types::TaintEffect::values().contains(&effect) {
        return Err(invalid_parameter(format!("Taint '{key}' with effect '{effect}' is not valid")));
    }
    Ok(Taint { key: key.to_owned(), value: given.value().map(str::to_owned), effect: effect.to_owned() })
}

/// A number or a percentage, not both; one node where neither is given.
pub(super) fn update_config(given: Option<&types::NodegroupUpdateConfig>) -> Answer<UpdateConfig> {
    let number = given.and_then(|config| config.max_unavailable());
    let percentage = given.and_then(|config| config.max_unavailable_percentage());
    let strategy = given
        .and_then(|config| config.update_strategy())
        .map_or("DEFAULT", |strategy| strategy.as_str())
        .to_owned();
    let in_range = |value: Option<i32>| value.is_none_or(|value| (1..=100).contains(&value));
    if number.is_some() && percentage.is_some() || !in_range(number) || !in_range(percentage) {
        return Err(invalid_parameter(
            "maxUnavailable or maxUnavailablePercentage must be given, from 1 to 100",
        ));
    }
    let number = if percentage.is_none() { number.or(Some(1)) } else { None };
    Ok(UpdateConfig { max_unavailable: number, max_unavailable_percentage: percentage, strategy })
}

fn describe(world: &mut World, input: &DescribeNodegroupInput) -> Answer<DescribeNodegroupOutput> {
    let group = find(world, input.cluster_name(), input.nodegroup_name())?;
    Ok(DescribeNodegroupOutput::builder().nodegroup(super::node_group_view::view(world, group)).build())
}

fn list(world: &mut World, input: &ListNodegroupsInput) -> Answer<ListNodegroupsOutput> {
    let names = super::find(world, input.cluster_name())?.node_groups.keys().cloned().collect();
    let (names, next) = super::page(names, input.next_token(), input.max_results())?;
    Ok(ListNodegroupsOutput::builder().set_nodegroups(Some(names)).set_next_token(next).build())
}

fn delete(world: &mut World, input: &DeleteNodegroupInput) -> Answer<DeleteNodegroupOutput> {
    let now = world.now;
    let group = find_mut(world, input.cluster_name(), input.nodegroup_name())?;
    if group.phase == Phase::Creating || group.updates.iter().any(Update::in_progress) {
        return Err(in_use(format!("Nodegroup {} is being created or updated", group.name)));
    }
    if group.phase != Phase::Deleting {
        (group.phase, group.since) = (Phase::Deleting, now);
    }
    let group = find(world, input.cluster_name(), input.nodegroup_name())?;
    Ok(DeleteNodegroupOutput::builder().nodegroup(super::node_group_view::view(world, group)).build())
}
