//! UpdateClusterConfig and UpdateClusterVersion: one kind of change at a time, and one minor version at a time.

use std::collections::BTreeSet;

use aws_sdk_eks::operation::update_cluster_config::{UpdateClusterConfigInput, UpdateClusterConfigOutput};
use aws_sdk_eks::operation::update_cluster_version::{UpdateClusterVersionInput, UpdateClusterVersionOutput};
use aws_sdk_eks::types::{self, UpdateParamType as Param, UpdateType};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, cloudwatchlogs, ec2};
use super::cluster::{self, Cluster, Encryption};
use super::update::{NewUpdate, Update};
use super::{cluster_lifecycle, in_use, invalid_parameter, invalid_request, not_simulated, version};

/// The kubelet of a node may be so many minor versions older than the API server (Kubernetes version skew policy).
const KUBELET_SKEW: u32 = 3;

/// What an update of a cluster sets when it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Change {
    Endpoint { public: bool, private: bool, cidrs: Vec<String> },
    Network { subnets: Vec<String>, security_groups: Vec<String> },
    Logging(BTreeSet<String>),
    AuthenticationMode(String),
    SupportType(String),
    ZonalShift(bool),
    DeletionProtection(bool),
    Version(String),
    Encryption(Encryption),
}

/// A change that was asked for, with how it is shown.
struct Request {
    kind: UpdateType,
    params: Vec<(Param, String)>,
    change: Change,
    takes: SignedDuration,
}

pub(super) fn register(services: &mut Services) {
    services.on(update_config);
    services.on(update_version);
}

/// Ends the updates whose time is over.
pub(super) fn settle(world: &mut World, name: &str, now: Timestamp) {
    let Some(cluster) = world.eks.clusters.get_mut(name) else { return };
    let mut logs_on = false;
    for update in cluster.updates.iter_mut().filter(|update| update.due(now)) {
        update.succeed();
        let settings = &mut cluster.settings;
        match update.change.clone() {
            Change::Endpoint { public, private, cidrs } => {
                (settings.public_access, settings.private_access, settings.public_cidrs) =
                    (public, private, cidrs);
            }
            Change::Network { subnets, security_groups } => {
                (settings.subnets, settings.security_groups) = (subnets, security_groups);
            }
            Change::Logging(types) => {
                logs_on |= !types.is_empty();
                settings.logs = types;
            }
            Change::AuthenticationMode(mode) => settings.authentication_mode = mode,
            Change::SupportType(kind) => settings.support_type = kind,
            Change::ZonalShift(on) => settings.zonal_shift = on,
            Change::DeletionProtection(on) => settings.deletion_protection = on,
            Change::Version(version) => settings.version = version,
            Change::Encryption(encryption) => settings.encryption = Some(encryption),
        }
    }
    if logs_on {
        cloudwatchlogs::ensure_log_group(world, &cluster_lifecycle::log_group(name), world.now);
    }
}

/// Begins an update of the cluster, or gives the one that the same request began before.
pub(super) fn begin(
    world: &mut World,
    name: Option<&str>,
    token: Option<&str>,
    (kind, params): (UpdateType, Vec<(Param, String)>),
    (change, takes): (Change, SignedDuration),
) -> Answer<types::Update> {
    let cluster = super::find(world, name)?;
    if let Some(update) = cluster.updates.iter().find(|update| update.begun_by(token)) {
        return if update.change == change { Ok(update.view()) } else { Err(cluster::token_mismatch()) };
    }
    refuse_while_busy(cluster)?;
    let update = Update::begin(
        world,
        NewUpdate { kind, params, takes: Some(takes), change, token: token.map(str::to_owned) },
    );
    let view = update.view();
    super::find_mut(world, name)?.updates.push(update);
    Ok(view)
}

/// A cluster takes one update at a time, and none before it is made or once it goes.
fn refuse_while_busy(cluster: &Cluster) -> Answer<()> {
    if !cluster.is_ready() {
        return Err(in_use(format!(
            "Cannot update cluster {} while it is being created or deleted",
            cluster.name
        )));
    }
    if cluster.updates.iter().any(Update::in_progress) {
        return Err(in_use(format!(
            "Cannot update cluster {} because it currently has an update in progress",
            cluster.name
        )));
    }
    Ok(())
}

fn update_config(world: &mut World, input: &UpdateClusterConfigInput) -> Answer<UpdateClusterConfigOutput> {
    let cluster = super::find(world, input.name())?;
    let token = input.client_request_token();
    let again = cluster.updates.iter().any(|update| update.begun_by(token));
    if !again {
        refuse_while_busy(cluster)?;
    }
    let mut requests = requests(world, cluster, input)?;
    let (Some(request), None) = (requests.pop(), requests.pop()) else {
        return Err(invalid_parameter("Exactly one type of update must be given"));
    };
    if !again {
        refuse_without_effect(cluster, &request.change)?;
    }
    let Request { kind, params, change, takes } = request;
    let update = begin(world, input.name(), token, (kind, params), (change, takes))?;
    Ok(UpdateClusterConfigOutput::builder().update(update).build())
}

/// The kinds of change that one request asks for.
fn requests(world: &World, cluster: &Cluster, input: &UpdateClusterConfigInput) -> Answer<Vec<Request>> {
    if input.compute_config().is_some()
        || input.storage_config().is_some()
        || input.kubernetes_network_config().is_some()
    {
        return Err(not_simulated("Auto Mode"));
    }
    if input.remote_network_config().is_some() || input.control_plane_scaling_config().is_some() {
        return Err(not_simulated("an update of remote networks or control plane scaling"));
    }
    let mut requests = Vec::new();
    if let Some(network) = input.resources_vpc_config() {
        requests.extend(endpoint(cluster, network)?);
        requests.extend(network_change(world, cluster, network)?);
    }
    requests.extend(input.logging().map(|given| logging(cluster, given)));
    if let Some(mode) = input.access_config().and_then(|access| access.authentication_mode()) {
        requests.push(authentication_mode(cluster, mode)?);
    }
    let minute = SignedDuration::from_secs(60);
    if let Some(kind) = input.upgrade_policy().and_then(|policy| policy.support_type()) {
        let kind = kind.as_str().to_owned();
        let params = vec![(Param::UpgradePolicy, kind.clone())];
        requests.push(Request {
            kind: UpdateType::UpgradePolicyUpdate,
            params,
            change: Change::SupportType(kind),
            takes: minute,
        });
    }
    if let Some(on) = input.zonal_shift_config().and_then(|config| config.enabled()) {
        let params = vec![(Param::ZonalShiftConfig, on.to_string())];
        requests.push(Request {
            kind: UpdateType::ZonalShiftConfigUpdate,
            params,
            change: Change::ZonalShift(on),
            takes: minute,
        });
    }
    if let Some(on) = input.deletion_protection() {
        let params = vec![(Param::DeletionProtection, on.to_string())];
        let change = Change::DeletionProtection(on);
        requests.push(Request {
            kind: UpdateType::DeletionProtectionUpdate,
            params,
            change,
            takes: SignedDuration::from_secs(5),
        });
    }
    Ok(requests)
}

fn endpoint(cluster: &Cluster, network: &types::VpcConfigRequest) -> Answer<Option<Request>> {
    let given = network.public_access_cidrs.is_some();
    if network.endpoint_public_access().is_none() && network.endpoint_private_access().is_none() && !given {
        return Ok(None);
    }
    let settings = &cluster.settings;
    let public = network.endpoint_public_access().unwrap_or(settings.public_access);
    let private = network.endpoint_private_access().unwrap_or(settings.private_access);
    cluster::check_endpoint(public, private)?;
    let cidrs = match (given, public) {
        (true, _) => cluster::public_cidrs(public, network.public_access_cidrs()),
        (false, true) => cluster::public_cidrs(public, &settings.public_cidrs),
        (false, false) => settings.public_cidrs.clone(),
    };
    let params = vec![
        (Param::EndpointPublicAccess, public.to_string()),
        (Param::EndpointPrivateAccess, private.to_string()),
        (Param::PublicAccessCidrs, format!("{cidrs:?}")),
    ];
    let change = Change::Endpoint { public, private, cidrs };
    Ok(Some(Request {
        kind: UpdateType::EndpointAccessUpdate,
        params,
        change,
        takes: SignedDuration::from_secs(150),
    }))
}

fn network_change(
    world: &World,
    cluster: &Cluster,
    network: &types::VpcConfigRequest,
) -> Answer<Option<Request>> {
    if network.subnet_ids.is_none() && network.security_group_ids.is_none() {
        return Ok(None);
    }
    let subnets = network.subnet_ids.clone().unwrap_or_else(|| cluster.settings.subnets.clone());
    let groups =
        network.security_group_ids.clone().unwrap_or_else(|| cluster.settings.security_groups.clone());
    if cluster::check_network(world, &subnets, &groups)? != cluster.vpc_id {
        return Err(invalid_parameter(format!(
            "The subnets must be in the VPC {} of the cluster",
            cluster.vpc_id
        )));
    }
    let zones = |subnets: &[String]| -> BTreeSet<String> {
        subnets.iter().filter_map(|id| ec2::subnet_zone(world, id)).collect()
    };
    let (present, wanted) = (zones(&cluster.settings.subnets), zones(&subnets));
    if present != wanted {
        return Err(invalid_parameter(format!(
            "The subnets are in the AZs {wanted:?}, but must be in those that the cluster was created in: {present:?}"
        )));
    }
    let params =
        vec![(Param::Subnets, format!("{subnets:?}")), (Param::SecurityGroups, format!("{groups:?}"))];
    let change = Change::Network { subnets, security_groups: groups };
    Ok(Some(Request {
        kind: UpdateType::VpcConfigUpdate,
        params,
        change,
        takes: SignedDuration::from_secs(180),
    }))
}

/// Types that a request does not name keep their state.
fn logging(cluster: &Cluster, given: &types::Logging) -> Request {
    let mut enabled = cluster.settings.logs.clone();
    for setup in given.cluster_logging() {
        for kind in setup.types() {
            if setup.enabled().unwrap_or_default() {
                enabled.insert(kind.as_str().to_owned());
            } else {
                enabled.remove(kind.as_str());
            }
        }
    }
    let params = vec![(Param::ClusterLogging, format!("{enabled:?}"))];
    let takes = SignedDuration::from_secs(60);
    Request { kind: UpdateType::LoggingUpdate, params, change: Change::Logging(enabled), takes }
}

/// The mode moves one way only: CONFIG_MAP, API_AND_CONFIG_MAP, API.
fn authentication_mode(cluster: &Cluster, mode: &types::AuthenticationMode) -> Answer<Request> {
    let order = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"];
    let rank = |name: &str| order.iter().position(|mode| *mode == name);
    let (now, then) = (rank(&cluster.settings.authentication_mode), rank(mode.as_str()));
    if then < now {
        return Err(invalid_parameter(format!(
            "Unsupported authentication mode update from {} to {}",
            cluster.settings.authentication_mode,
            mode.as_str()
        )));
    }
    let params = vec![(Param::AuthenticationMode, mode.as_str().to_owned())];
    let change = Change::AuthenticationMode(mode.as_str().to_owned());
    Ok(Request { kind: UpdateType::AccessConfigUpdate, params, change, takes: SignedDuration::from_secs(45) })
}

/// EKS refuses an update that would change nothing.
fn refuse_without_effect(cluster: &Cluster, change: &Change) -> Answer<()> {
    let settings = &cluster.settings;
    let same = match change {
        Change::Endpoint { public, private, cidrs } => {
            settings.public_access == *public
                && settings.private_access == *private
                && settings.public_cidrs == *cidrs
        }
        Change::Network { subnets, security_groups } => {
            settings.subnets == *subnets && settings.security_groups == *security_groups
        }
        Change::Logging(types) => settings.logs == *types,
        Change::AuthenticationMode(mode) => settings.authentication_mode == *mode,
        Change::SupportType(kind) => settings.support_type == *kind,
        Change::ZonalShift(on) => settings.zonal_shift == *on,
        Change::DeletionProtection(on) => settings.deletion_protection == *on,
        Change::Version(version) => settings.version == *version,
        Change::Encryption(encryption) => settings.encryption.as_ref() == Some(encryption),
    };
    if same {
        Err(invalid_parameter("Cluster is already at the desired configuration: no changes needed"))
    } else {
        Ok(())
    }
}

fn update_version(
    world: &mut World,
    input: &UpdateClusterVersionInput,
) -> Answer<UpdateClusterVersionOutput> {
    if input.rollback_config().is_some() {
        return Err(not_simulated("a version rollback"));
    }
    let cluster = super::find(world, input.name())?;
    let token = input.client_request_token();
    let wanted = input.version().unwrap_or_default();
    if !cluster.updates.iter().any(|update| update.begun_by(token)) {
        refuse_while_busy(cluster)?;
        check_version(cluster, wanted)?;
    }
    let platform = version::find(wanted)?.platform.to_owned();
    let params = vec![(Param::Version, wanted.to_owned()), (Param::PlatformVersion, platform)];
    let change = (Change::Version(wanted.to_owned()), SignedDuration::from_secs(8 * 60));
    let update = begin(world, input.name(), token, (UpdateType::VersionUpdate, params), change)?;
    Ok(UpdateClusterVersionOutput::builder().update(update).build())
}

fn check_version(cluster: &Cluster, wanted: &str) -> Answer<()> {
    let current = &cluster.settings.version;
    version::find(wanted)?;
    let (from, to) = (version::minor(current)?, version::minor(wanted)?);
    if to != from + 1 {
        return Err(invalid_parameter(format!(
            "Unsupported Kubernetes minor version update from {current} to {wanted}"
        )));
    }
    for group in cluster.node_groups.values() {
        if version::minor(&group.settings.version)? + KUBELET_SKEW < to {
            return Err(invalid_request(format!(
                "Node group {} runs Kubernetes {}, too old for a control plane of version {wanted}",
                group.name, group.settings.version
            )));
        }
    }
    Ok(())
}
