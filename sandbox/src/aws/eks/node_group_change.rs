//! UpdateNodegroupConfig and UpdateNodegroupVersion: one update of a node group at a time.

use std::collections::BTreeMap;

use aws_sdk_eks::operation::update_nodegroup_config::{
    UpdateNodegroupConfigInput, UpdateNodegroupConfigOutput,
};
use aws_sdk_eks::operation::update_nodegroup_version::{
    UpdateNodegroupVersionInput, UpdateNodegroupVersionOutput,
};
use aws_sdk_eks::types::{UpdateParamType as Param, UpdateType};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World};
use super::cluster::token_mismatch;
use super::node_group::{self, LaunchTemplate, NodeGroup, Phase, Scaling, Taint, UpdateConfig};
use super::update::{NewUpdate, Update};
use super::{in_use, invalid_parameter, invalid_request, node_image, not_simulated, version};

/// How long a change of the configuration takes.
const CONFIGURATION: SignedDuration = SignedDuration::from_secs(30);

/// What an update of a node group sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Change {
    /// Takes effect when it ends.
    Config {
        labels: BTreeMap<String, String>,
        taints: Vec<Taint>,
        scaling: Scaling,
        update_config: UpdateConfig,
        node_repair: bool,
    },
    /// Takes effect node by node.
    Version { version: String, release: String, launch_template: Option<LaunchTemplate> },
}

impl Change {
    pub(super) fn replaces_nodes(&self) -> bool {
        matches!(self, Self::Version { .. })
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(update_config);
    services.on(update_version);
}

fn update_config(
    world: &mut World,
    input: &UpdateNodegroupConfigInput,
) -> Answer<UpdateNodegroupConfigOutput> {
    if input.warm_pool_config().is_some() {
        return Err(not_simulated("a warm pool of a node group"));
    }
    let group = node_group::find(world, input.cluster_name(), input.nodegroup_name())?;
    let change = config(group, input)?;
    let mut params = Vec::new();
    if let Some(scaling) = input.scaling_config() {
        let sizes = [
            (Param::MinSize, scaling.min_size()),
            (Param::MaxSize, scaling.max_size()),
            (Param::DesiredSize, scaling.desired_size()),
        ];
        params.extend(sizes.into_iter().filter_map(|(kind, size)| size.map(|size| (kind, size.to_string()))));
    }
    if let Some(limit) = input.update_config() {
        params.extend(limit.max_unavailable().map(|number| (Param::MaxUnavailable, number.to_string())));
        params.extend(
            limit
                .max_unavailable_percentage()
                .map(|part| (Param::MaxUnavailablePercentage, part.to_string())),
        );
    }
    if let Some(labels) = input.labels() {
        let added: BTreeMap<_, _> = labels.add_or_update_labels().into_iter().flatten().collect();
        params.push((Param::LabelsToAdd, format!("{added:?}")));
        params.push((Param::LabelsToRemove, format!("{:?}", labels.remove_labels())));
    }
    let target = (input.cluster_name(), input.nodegroup_name());
    let update = begin(
        world,
        target,
        input.client_request_token(),
        NewUpdate { kind: UpdateType::ConfigUpdate, params, takes: Some(CONFIGURATION), change, token: None },
    )?;
    Ok(UpdateNodegroupConfigOutput::builder().update(update).build())
}

fn config(group: &NodeGroup, input: &UpdateNodegroupConfigInput) -> Answer<Change> {
    let settings = &group.settings;
    let mut labels = settings.labels.clone();
    if let Some(change) = input.labels() {
        labels.extend(
            change
                .add_or_update_labels()
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        labels.retain(|key, _| !change.remove_labels().contains(key));
    }
    let mut taints = settings.taints.clone();
    if let Some(change) = input.taints() {
        for taint in change.add_or_update_taints() {
            let taint = node_group::taint(taint)?;
            taints.retain(|kept| kept.key != taint.key || kept.effect != taint.effect);
            taints.push(taint);
        }
        for taint in change.remove_taints() {
            let gone = node_group::taint(taint)?;
            taints.retain(|kept| kept.key != gone.key || kept.effect != gone.effect);
        }
    }
    let update_config = match input.update_config() {
        Some(given) => node_group::update_config(Some(given))?,
        None => settings.update_config.clone(),
    };
    Ok(Change::Config {
        labels,
        taints,
        scaling: node_group::scaling(input.scaling_config(), settings.scaling)?,
        update_config,
        node_repair: input
            .node_repair_config()
            .and_then(|config| config.enabled())
            .unwrap_or(settings.node_repair),
    })
}

fn update_version(
    world: &mut World,
    input: &UpdateNodegroupVersionInput,
) -> Answer<UpdateNodegroupVersionOutput> {
    let group = node_group::find(world, input.cluster_name(), input.nodegroup_name())?;
    let cluster = super::find(world, input.cluster_name())?;
    let wanted = match (input.version(), input.launch_template()) {
        (Some(version), _) => version.to_owned(),
        // A request that names a template alone keeps the version of the nodes.
        (None, Some(_)) => group.settings.version.clone(),
        (None, None) => cluster.settings.version.clone(),
    };
    node_group::check_version(cluster, &wanted)?;
    if version::minor(&wanted)? < version::minor(&group.settings.version)? {
        return Err(invalid_parameter(format!(
            "Node group version cannot go back from {} to {wanted}",
            group.settings.version
        )));
    }
    let launch_template = launch_template(world, group, input)?;
    let release = match input.release_version() {
        Some(given) => given.to_owned(),
        None => node_image::release(world, &group.settings.ami_type, &wanted)?,
    };
    let mut params = vec![(Param::Version, wanted.clone()), (Param::ReleaseVersion, release.clone())];
    if let Some(template) = &launch_template {
        params.push((Param::LaunchTemplateName, template.name.clone()));
        params.push((Param::LaunchTemplateVersion, template.version.clone()));
    }
    let change = Change::Version { version: wanted, release, launch_template };
    let target = (input.cluster_name(), input.nodegroup_name());
    let new = NewUpdate { kind: UpdateType::VersionUpdate, params, takes: None, change, token: None };
    let update = begin(world, target, input.client_request_token(), new)?;
    Ok(UpdateNodegroupVersionOutput::builder().update(update).build())
}

/// A group keeps its template: only the version may change, and a group without one cannot get one.
fn launch_template(
    world: &World,
    group: &NodeGroup,
    input: &UpdateNodegroupVersionInput,
) -> Answer<Option<LaunchTemplate>> {
    let current = group.settings.launch_template.clone();
    let Some(given) = input.launch_template() else { return Ok(current) };
    let wanted = node_group::launch_template(world, given)?.0;
    match current {
        Some(current) if current.id == wanted.id => Ok(Some(wanted)),
        Some(current) => {
            Err(invalid_parameter(format!("You cannot specify a launch template other than {}", current.id)))
        }
        None => Err(invalid_parameter(
            "You cannot add a launch template to a node group that was created without one",
        )),
    }
}

/// Begins an update of the node group, or gives the one that the same request began before.
fn begin(
    world: &mut World,
    (cluster, name): (Option<&str>, Option<&str>),
    token: Option<&str>,
    new: NewUpdate<Change>,
) -> Answer<aws_sdk_eks::types::Update> {
    let group = node_group::find(world, cluster, name)?;
    if let Some(update) = group.updates.iter().find(|update| update.begun_by(token)) {
        return if update.change == new.change { Ok(update.view()) } else { Err(token_mismatch()) };
    }
    if group.phase != Phase::Active {
        return Err(invalid_request(format!("Nodegroup {} is not in ACTIVE status", group.name)));
    }
    if group.updates.iter().any(Update::in_progress) {
        return Err(in_use(format!("Nodegroup {} currently has an update in progress", group.name)));
    }
    let update = Update::begin(world, NewUpdate { token: token.map(str::to_owned), ..new });
    let view = update.view();
    node_group::find_mut(world, cluster, name)?.updates.push(update);
    Ok(view)
}
