//! Clusters: what is asked for at creation, and creating, reading, listing and deleting them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eks::operation::create_cluster::{CreateClusterInput, CreateClusterOutput};
use aws_sdk_eks::operation::delete_cluster::{DeleteClusterInput, DeleteClusterOutput};
use aws_sdk_eks::operation::describe_cluster::{DescribeClusterInput, DescribeClusterOutput};
use aws_sdk_eks::operation::list_clusters::{ListClustersInput, ListClustersOutput};
use aws_sdk_eks::types;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, ApiError, Services, World, ec2, kms};
use super::access_entry::AccessEntry;
use super::addon::Addon;
use super::node_group::NodeGroup;
use super::pod_identity::Association;
use super::update::Update;
use super::{in_use, invalid_parameter, invalid_request, not_simulated, roles, tags_of, version};

/// From creation until the cluster is active.
pub(super) const CREATION: SignedDuration = SignedDuration::from_secs(9 * 60 + 30);
/// From the start of the deletion until the cluster is gone.
pub(super) const DELETION: SignedDuration = SignedDuration::from_secs(3 * 60 + 30);

/// All that a caller decides about a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) version: String,
    pub(super) role_arn: String,
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    pub(super) public_access: bool,
    pub(super) private_access: bool,
    pub(super) public_cidrs: Vec<String>,
    pub(super) service_cidr: String,
    pub(super) ip_family: String,
    /// Names of the API's LogType.
    pub(super) logs: BTreeSet<String>,
    pub(super) encryption: Option<Encryption>,
    pub(super) authentication_mode: String,
    pub(super) creator_is_admin: bool,
    pub(super) bootstrap_addons: bool,
    pub(super) support_type: String,
    pub(super) zonal_shift: bool,
    pub(super) deletion_protection: bool,
    pub(super) tags: BTreeMap<String, String>,
}

/// Envelope encryption of the cluster's secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Encryption {
    pub(super) resources: Vec<String>,
    pub(super) key_arn: String,
}

/// One cluster and all in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) created: Timestamp,
    /// Hexadecimal, part of the endpoint and of the OIDC issuer.
    pub(super) id: String,
    token: Option<String>,
    /// As given to CreateCluster, to tell a repeated request from another one.
    requested: Settings,
    pub(super) settings: Settings,
    pub(super) vpc_id: String,
    /// Set when the cluster becomes active.
    pub(super) endpoint: Option<String>,
    pub(super) security_group: Option<String>,
    /// Whether the parts in the VPC were made.
    pub(super) attached: bool,
    /// Network interfaces of the control plane.
    pub(super) interfaces: Vec<String>,
    /// When its deletion began.
    pub(super) deleted: Option<Timestamp>,
    pub(super) updates: Vec<Update<super::cluster_change::Change>>,
    pub(super) node_groups: BTreeMap<String, NodeGroup>,
    pub(super) addons: BTreeMap<String, Addon>,
    /// By principal ARN.
    pub(super) access_entries: BTreeMap<String, AccessEntry>,
    /// By association id.
    pub(super) pod_identities: BTreeMap<String, Association>,
    /// Network interfaces of the VPC CNI.
    pub(super) cni_interfaces: Vec<super::nodes::CniInterface>,
    /// Whether the VPC CNI runs without an add-on of that name: EKS installed it, or the add-on was deleted but preserved.
    pub(super) unmanaged_cni: bool,
}

impl Cluster {
    pub(super) fn is_deleting(&self) -> bool {
        self.deleted.is_some()
    }

    /// Made, and not being deleted.
    pub(super) fn is_ready(&self) -> bool {
        self.endpoint.is_some() && !self.is_deleting()
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(list);
    services.on(delete);
}

fn create(world: &mut World, input: &CreateClusterInput) -> Answer<CreateClusterOutput> {
    let name = name(input.name())?;
    let settings = settings(input)?;
    if let Some(existing) = world.eks.clusters.get(&name) {
        return repeated(world, existing, input.client_request_token(), &settings);
    }
    roles::check(world, Some(&settings.role_arn), "eks.amazonaws.com", "cluster role")?;
    let vpc_id = check_network(world, &settings.subnets, &settings.security_groups)?;
    if let Some(encryption) = &settings.encryption {
        check_key(world, &encryption.key_arn)?;
    }
    let id = world.uuid().replace('-', "").to_uppercase();
    let cluster = Cluster {
        arn: super::arn(world, &format!("cluster/{name}")),
        created: world.now,
        id,
        token: input.client_request_token().map(str::to_owned),
        requested: settings.clone(),
        unmanaged_cni: settings.bootstrap_addons,
        settings,
        vpc_id,
        endpoint: None,
        security_group: None,
        attached: false,
        interfaces: Vec::new(),
        deleted: None,
        updates: Vec::new(),
        node_groups: BTreeMap::new(),
        addons: BTreeMap::new(),
        access_entries: BTreeMap::new(),
        pod_identities: BTreeMap::new(),
        cni_interfaces: Vec::new(),
        name: name.clone(),
    };
    world.eks.clusters.insert(name.clone(), cluster);
    let cluster = super::find(world, Some(&name))?;
    Ok(CreateClusterOutput::builder().cluster(super::cluster_view::view(world, cluster)).build())
}

/// A request for a cluster that exists is the same request once more, or refused.
fn repeated(
    world: &World,
    existing: &Cluster,
    token: Option<&str>,
    settings: &Settings,
) -> Answer<CreateClusterOutput> {
    if token.is_none() || existing.token.as_deref() != token {
        return Err(in_use(format!("Cluster already exists with name: {}", existing.name)));
    }
    if existing.requested != *settings {
        return Err(token_mismatch());
    }
    Ok(CreateClusterOutput::builder().cluster(super::cluster_view::view(world, existing)).build())
}

/// The refusal of a client token that was used for another request.
pub(super) fn token_mismatch() -> ApiError {
    ApiError::new(
        "IdempotentParameterMismatch",
        "The client request token was already used with other parameters",
    )
}

/// A name as EKS allows it: letters, digits, `-` and `_`, beginning with a letter or digit, at most 100 characters.
fn name(given: Option<&str>) -> Answer<String> {
    let name = given.unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= 100 && name.chars().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(invalid_parameter(format!("The cluster name '{name}' is not valid")))
    }
}

fn settings(input: &CreateClusterInput) -> Answer<Settings> {
    refuse_what_is_not_simulated(input)?;
    let network =
        input.resources_vpc_config().ok_or_else(|| invalid_parameter("resourcesVpcConfig is required"))?;
    let version = input.version().unwrap_or(version::DEFAULT);
    version::find(version)?;
    let kubernetes = input.kubernetes_network_config();
    let access = input.access_config();
    let public_access = network.endpoint_public_access().unwrap_or(true);
    let private_access = network.endpoint_private_access().unwrap_or(false);
    check_endpoint(public_access, private_access)?;
    Ok(Settings {
        version: version.to_owned(),
        role_arn: input.role_arn().unwrap_or_default().to_owned(),
        subnets: network.subnet_ids().to_vec(),
        security_groups: network.security_group_ids().to_vec(),
        public_access,
        private_access,
        public_cidrs: public_cidrs(public_access, network.public_access_cidrs()),
        service_cidr: kubernetes
            .and_then(|network| network.service_ipv4_cidr())
            .unwrap_or("172.20.0.0/16")
            .to_owned(),
        ip_family: kubernetes
            .and_then(|network| network.ip_family())
            .map_or("ipv4", |family| family.as_str())
            .to_owned(),
        logs: input.logging().map(enabled_logs).unwrap_or_default(),
        encryption: encryption(input.encryption_config())?,
        authentication_mode: access
            .and_then(|access| access.authentication_mode())
            .map_or("CONFIG_MAP", |mode| mode.as_str())
            .to_owned(),
        creator_is_admin: access
            .and_then(|access| access.bootstrap_cluster_creator_admin_permissions())
            .unwrap_or(true),
        bootstrap_addons: input.bootstrap_self_managed_addons().unwrap_or(true),
        support_type: input
            .upgrade_policy()
            .and_then(|policy| policy.support_type())
            .map_or("EXTENDED", |kind| kind.as_str())
            .to_owned(),
        zonal_shift: input.zonal_shift_config().and_then(|config| config.enabled()).unwrap_or_default(),
        deletion_protection: input.deletion_protection().unwrap_or_default(),
        tags: tags_of(input.tags()),
    })
}

fn refuse_what_is_not_simulated(input: &CreateClusterInput) -> Answer<()> {
    let auto_mode = input.compute_config().is_some_and(|config| config.enabled().unwrap_or_default());
    let others = [
        ("an Outpost cluster", input.outpost_config().is_some()),
        ("a remote network", input.remote_network_config().is_some()),
        ("Auto Mode", auto_mode || input.storage_config().is_some()),
        ("control plane scaling", input.control_plane_scaling_config().is_some()),
        (
            "configuration of control plane components",
            input.kube_api_server_config().is_some()
                || input.kube_scheduler_config().is_some()
                || input.kube_controller_manager_config().is_some(),
        ),
    ];
    others.iter().find(|(_, given)| *given).map_or(Ok(()), |(what, _)| Err(not_simulated(what)))
}

/// The CIDR blocks that may reach the public endpoint; everyone where none is named, none where there is no endpoint.
pub(super) fn public_cidrs(public_access: bool, given: &[String]) -> Vec<String> {
    match (public_access, given.is_empty()) {
        (false, true) => Vec::new(),
        (true, true) => vec!["0.0.0.0/0".to_owned()],
        (_, false) => given.to_vec(),
    }
}

/// A cluster that nobody can reach is refused.
pub(super) fn check_endpoint(public_access: bool, private_access: bool) -> Answer<()> {
    if public_access || private_access {
        Ok(())
    } else {
        Err(invalid_parameter("Private and public endpoint access cannot be false"))
    }
}

/// Names of the log types that a logging configuration turns on.
pub(super) fn enabled_logs(logging: &types::Logging) -> BTreeSet<String> {
    let on = logging.cluster_logging().iter().filter(|setup| setup.enabled().unwrap_or_default());
    on.flat_map(|setup| setup.types()).map(|kind| kind.as_str().to_owned()).collect()
}

/// At most one encryption configuration, with a key ARN. The resources it names are kept but decide nothing any more.
#[expect(deprecated, reason = "callers still name the resources, and read them back")]
pub(super) fn encryption(given: &[types::EncryptionConfig]) -> Answer<Option<Encryption>> {
    let Some(config) = given.first() else { return Ok(None) };
    let key_arn = config.provider().and_then(|provider| provider.key_arn()).unwrap_or_default();
    if given.len() > 1 || config.resources().iter().any(|resource| resource != "secrets") {
        return Err(invalid_parameter("Encryption config may name the resource 'secrets', once"));
    }
    Ok(Some(Encryption { resources: vec!["secrets".to_owned()], key_arn: key_arn.to_owned() }))
}

/// EKS wants the ARN of a usable symmetric key, not an alias.
pub(super) fn check_key(world: &World, key_arn: &str) -> Answer<()> {
    if !key_arn.starts_with("arn:") || !key_arn.contains(":key/") {
        return Err(invalid_parameter(format!(
            "The keyArn '{key_arn}' in encryptionConfig provider is not valid"
        )));
    }
    if kms::usable(world, key_arn) {
        Ok(())
    } else {
        Err(invalid_parameter(format!("The key {key_arn} does not exist or cannot be used")))
    }
}

/// The VPC of the subnets, which must exist, share it, and lie in two zones at least; so must the security groups.
pub(super) fn check_network(world: &World, subnets: &[String], security_groups: &[String]) -> Answer<String> {
    let mut vpcs = BTreeSet::new();
    let mut zones = BTreeSet::new();
    for id in subnets {
        let missing = || invalid_parameter(format!("The subnet ID '{id}' does not exist"));
        vpcs.insert(ec2::subnet_vpc(world, id).ok_or_else(missing)?);
        zones.insert(ec2::subnet_zone(world, id).ok_or_else(missing)?);
    }
    if zones.len() < 2 {
        return Err(invalid_parameter("Subnets specified must be in at least two different AZs"));
    }
    let mut vpcs = vpcs.into_iter();
    let (Some(vpc), None) = (vpcs.next(), vpcs.next()) else {
        return Err(invalid_parameter("Subnets specified must belong to the same VPC"));
    };
    match security_groups.iter().find(|id| ec2::security_group_vpc(world, id).as_ref() != Some(&vpc)) {
        Some(id) => {
            Err(invalid_parameter(format!("The security group ID '{id}' does not exist in the VPC {vpc}")))
        }
        None => Ok(vpc),
    }
}

fn describe(world: &mut World, input: &DescribeClusterInput) -> Answer<DescribeClusterOutput> {
    let cluster = super::find(world, input.name())?;
    Ok(DescribeClusterOutput::builder().cluster(super::cluster_view::view(world, cluster)).build())
}

fn list(world: &mut World, input: &ListClustersInput) -> Answer<ListClustersOutput> {
    let names = world.eks.clusters.keys().cloned().collect();
    let (names, next) = super::page(names, input.next_token(), input.max_results())?;
    Ok(ListClustersOutput::builder().set_clusters(Some(names)).set_next_token(next).build())
}

fn delete(world: &mut World, input: &DeleteClusterInput) -> Answer<DeleteClusterOutput> {
    let now = world.now;
    let cluster = super::find_mut(world, input.name())?;
    if !cluster.node_groups.is_empty() {
        return Err(in_use("Cluster has nodegroups attached"));
    }
    if cluster.settings.deletion_protection {
        return Err(invalid_request(format!("Cluster {} has deletion protection enabled", cluster.name)));
    }
    if cluster.endpoint.is_none() {
        return Err(in_use(format!("Cluster status is CREATING: {}", cluster.name)));
    }
    if cluster.updates.iter().any(Update::in_progress) {
        return Err(in_use(format!("Cluster currently has an update in progress: {}", cluster.name)));
    }
    cluster.deleted.get_or_insert(now);
    let cluster = super::find(world, input.name())?;
    Ok(DeleteClusterOutput::builder().cluster(super::cluster_view::view(world, cluster)).build())
}
