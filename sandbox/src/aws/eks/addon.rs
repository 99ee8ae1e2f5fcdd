//! Add-ons of a cluster.
//!
//! An add-on that runs as a Deployment is degraded while the cluster has no node, and becomes active soon after the first
//! one is ready; the others are active as soon as they are installed.

use std::collections::BTreeMap;

use aws_sdk_eks::operation::create_addon::{CreateAddonInput, CreateAddonOutput};
use aws_sdk_eks::operation::delete_addon::{DeleteAddonInput, DeleteAddonOutput};
use aws_sdk_eks::operation::describe_addon::{DescribeAddonInput, DescribeAddonOutput};
use aws_sdk_eks::operation::list_addons::{ListAddonsInput, ListAddonsOutput};
use aws_sdk_eks::operation::update_addon::{UpdateAddonInput, UpdateAddonOutput};
use aws_sdk_eks::types::{self, UpdateParamType as Param};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, date_time};
use super::addon_catalog::{self, Catalogued};
use super::cluster::{Cluster, token_mismatch};
use super::pod_identity::{self, NewAssociation};
use super::update::{NewUpdate, Update};
use super::{hash_map, in_use, invalid_parameter, invalid_request, nodes, not_simulated, roles, tags_of};

/// From the request until the add-on is installed.
const INSTALLATION: SignedDuration = SignedDuration::from_secs(25);
/// From the first node's readiness until an add-on that waited for one is healthy.
const RECOVERY: SignedDuration = SignedDuration::from_secs(20);
/// How long an update takes.
const UPDATE: SignedDuration = SignedDuration::from_secs(40);
/// How long a removal takes.
const REMOVAL: SignedDuration = SignedDuration::from_secs(15);
/// Name of the add-on that gives nodes and pods their network.
const CNI: &str = "vpc-cni";

/// All that a caller decides about an add-on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) version: String,
    role_arn: Option<String>,
    configuration: Option<String>,
    /// Service account and role of each pod identity association.
    pod_identities: Vec<(String, String)>,
}

/// One add-on of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Addon {
    name: String,
    arn: String,
    pub(super) tags: BTreeMap<String, String>,
    created: Timestamp,
    modified: Timestamp,
    token: Option<String>,
    requested: Settings,
    pub(super) settings: Settings,
    /// ARNs of its pod identity associations.
    associations: Vec<String>,
    /// When its removal began.
    removed: Option<Timestamp>,
    pub(super) updates: Vec<Update<Settings>>,
}

impl Addon {
    pub(super) fn arn(&self) -> &str {
        &self.arn
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(list);
    services.on(update);
    services.on(delete);
}

/// The add-on of that name in the cluster.
pub(super) fn find<'a>(world: &'a World, cluster: Option<&str>, name: Option<&str>) -> Answer<&'a Addon> {
    let name = name.unwrap_or_default();
    let found = super::find(world, cluster)?.addons.get(name);
    found.ok_or_else(|| {
        super::not_found(format!("No addon: {name} found in cluster: {}", cluster.unwrap_or_default()))
    })
}

fn find_mut<'a>(world: &'a mut World, cluster: Option<&str>, name: Option<&str>) -> Answer<&'a mut Addon> {
    find(world, cluster, name)?;
    let addons = &mut super::find_mut(world, cluster)?.addons;
    addons.get_mut(name.unwrap_or_default()).ok_or_else(|| super::not_found("No such addon"))
}

/// The add-on of that name among those that AWS publishes.
pub(super) fn catalogued(name: &str) -> Answer<&'static Catalogued> {
    addon_catalog::find(name)
        .ok_or_else(|| invalid_parameter(format!("Addon {name} specified is not supported")))
}

/// Ends updates and removals whose time is over.
pub(super) fn settle(world: &mut World, cluster: &str) {
    let now = world.now;
    let Some(found) = world.eks.clusters.get_mut(cluster) else { return };
    found.addons.retain(|_, addon| addon.removed.is_none_or(|since| since + REMOVAL > now));
    for addon in found.addons.values_mut() {
        for update in addon.updates.iter_mut().filter(|update| update.due(now)) {
            update.succeed();
            addon.settings = update.change.clone();
            addon.modified = update.ends.unwrap_or(now);
        }
    }
}

/// Since when the VPC CNI gives the cluster's nodes their network; none where nothing runs it.
pub(super) fn cni_since(cluster: &Cluster) -> Option<Timestamp> {
    let addon = cluster.addons.get(CNI).filter(|addon| addon.removed.is_none());
    if cluster.unmanaged_cni {
        Some(cluster.created)
    } else {
        addon.map(|addon| addon.created + INSTALLATION)
    }
}

fn create(world: &mut World, input: &CreateAddonInput) -> Answer<CreateAddonOutput> {
    let cluster = super::find_usable(world, input.cluster_name())?;
    let cluster_name = cluster.name.clone();
    let name = input.addon_name().unwrap_or_default();
    if input.namespace_config().is_some() {
        return Err(not_simulated("another namespace of an add-on"));
    }
    let version = match input.addon_version() {
        Some(version) => version.to_owned(),
        None => default_version(name, &cluster.settings.version)?,
    };
    check_version(name, &version, &cluster.settings.version)?;
    let settings = Settings {
        version,
        role_arn: input.service_account_role_arn().map(str::to_owned),
        configuration: configuration(input.configuration_values())?,
        pod_identities: pairs(input.pod_identity_associations()),
    };
    if let Some(existing) = cluster.addons.get(name) {
        if input.client_request_token().is_none() || existing.token.as_deref() != input.client_request_token()
        {
            return Err(in_use("Addon already exists."));
        }
        if existing.requested != settings {
            return Err(token_mismatch());
        }
        return Ok(CreateAddonOutput::builder().addon(view(world, &cluster_name, existing)).build());
    }
    check_roles(world, &settings)?;
    let id = world.uuid();
    let arn = super::arn(world, &format!("addon/{cluster_name}/{name}/{id}"));
    let associations = associate(world, &cluster_name, name, &arn, &settings.pod_identities)?;
    let now = world.now;
    let addon = Addon {
        name: name.to_owned(),
        arn,
        tags: tags_of(input.tags()),
        created: now,
        modified: now,
        token: input.client_request_token().map(str::to_owned),
        requested: settings.clone(),
        settings,
        associations,
        removed: None,
        updates: Vec::new(),
    };
    let shown = view(world, &cluster_name, &addon);
    super::find_mut(world, input.cluster_name())?.addons.insert(name.to_owned(), addon);
    Ok(CreateAddonOutput::builder().addon(shown).build())
}

fn default_version(name: &str, kubernetes: &str) -> Answer<String> {
    let default = catalogued(name)?.default_for(kubernetes);
    let missing = || invalid_parameter(format!("Addon {name} has no version for Kubernetes {kubernetes}"));
    default.map(|release| release.version.to_owned()).ok_or_else(missing)
}

fn check_version(name: &str, version: &str, kubernetes: &str) -> Answer<()> {
    if catalogued(name)?.supports(version, kubernetes) {
        Ok(())
    } else {
        Err(invalid_parameter(format!(
            "Addon version {version} specified is not supported in {kubernetes} kubernetes version"
        )))
    }
}

/// Configuration values are JSON (YAML is taken by EKS too, but not here).
fn configuration(given: Option<&str>) -> Answer<Option<String>> {
    let Some(text) = given.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.is_object() => Ok(Some(text.to_owned())),
        _ => Err(invalid_parameter("ConfigurationValue is not in valid JSON format")),
    }
}

fn pairs(given: &[types::AddonPodIdentityAssociations]) -> Vec<(String, String)> {
    given.iter().map(|pair| (pair.service_account().to_owned(), pair.role_arn().to_owned())).collect()
}

fn check_roles(world: &World, settings: &Settings) -> Answer<()> {
    for (_, role) in &settings.pod_identities {
        roles::check(world, Some(role), "pods.eks.amazonaws.com", "pod identity role")?;
    }
    Ok(())
}

/// Makes the add-on's pod identity associations; a service account that has one already is a conflict.
fn associate(
    world: &mut World,
    cluster: &str,
    addon: &str,
    owner: &str,
    pairs: &[(String, String)],
) -> Answer<Vec<String>> {
    let namespace = catalogued(addon)?.namespace;
    for (account, _) in pairs {
        if pod_identity::exists(world, cluster, namespace, account) {
            return Err(in_use(format!(
                "Association already exists: service account {namespace}/{account} has a role already"
            )));
        }
    }
    let mut arns = Vec::new();
    for (service_account, role_arn) in pairs {
        arns.push(pod_identity::add(
            world,
            cluster,
            NewAssociation {
                namespace: namespace.to_owned(),
                service_account: service_account.clone(),
                role_arn: role_arn.clone(),
                owner: Some(owner.to_owned()),
                ..NewAssociation::default()
            },
        )?);
    }
    Ok(arns)
}

fn describe(world: &mut World, input: &DescribeAddonInput) -> Answer<DescribeAddonOutput> {
    let addon = find(world, input.cluster_name(), input.addon_name())?;
    Ok(DescribeAddonOutput::builder()
        .addon(view(world, input.cluster_name().unwrap_or_default(), addon))
        .build())
}

fn list(world: &mut World, input: &ListAddonsInput) -> Answer<ListAddonsOutput> {
    let names = super::find(world, input.cluster_name())?.addons.keys().cloned().collect();
    let (names, next) = super::page(names, input.next_token(), input.max_results())?;
    Ok(ListAddonsOutput::builder().set_addons(Some(names)).set_next_token(next).build())
}

fn update(world: &mut World, input: &UpdateAddonInput) -> Answer<UpdateAddonOutput> {
    let kubernetes = super::find_usable(world, input.cluster_name())?.settings.version.clone();
    let cluster = input.cluster_name().unwrap_or_default();
    let name = input.addon_name().unwrap_or_default();
    let addon = find(world, Some(cluster), Some(name))?;
    let mut settings = addon.settings.clone();
    if let Some(version) = input.addon_version() {
        check_version(name, version, &kubernetes)?;
        settings.version = version.to_owned();
    }
    settings.role_arn = input.service_account_role_arn().map(str::to_owned).or(settings.role_arn);
    if input.configuration_values().is_some() {
        settings.configuration = configuration(input.configuration_values())?;
    }
    if input.pod_identity_associations.is_some() {
        settings.pod_identities = pairs(input.pod_identity_associations());
    }
    let token = input.client_request_token();
    if let Some(update) = addon.updates.iter().find(|update| update.begun_by(token)) {
        if update.change != settings {
            return Err(token_mismatch());
        }
        return Ok(UpdateAddonOutput::builder().update(update.view()).build());
    }
    if addon.updates.iter().any(Update::in_progress) || addon.removed.is_some() {
        return Err(in_use(format!("Addon {name} cannot be updated while it is being changed")));
    }
    check_roles(world, &settings)?;
    replace_associations(world, cluster, name, &settings)?;
    let mut params = vec![(Param::AddonVersion, settings.version.clone())];
    params.extend(input.configuration_values().map(|values| (Param::ConfigurationValues, values.to_owned())));
    params.extend(input.resolve_conflicts().map(|how| (Param::ResolveConflicts, how.as_str().to_owned())));
    let update = Update::begin(
        world,
        NewUpdate {
            kind: types::UpdateType::AddonUpdate,
            params,
            takes: Some(UPDATE),
            change: settings,
            token: token.map(str::to_owned),
        },
    );
    let shown = update.view();
    find_mut(world, Some(cluster), Some(name))?.updates.push(update);
    Ok(UpdateAddonOutput::builder().update(shown).build())
}

fn replace_associations(world: &mut World, cluster: &str, name: &str, settings: &Settings) -> Answer<()> {
    let addon = find(world, Some(cluster), Some(name))?.clone();
    if addon.settings.pod_identities == settings.pod_identities {
        return Ok(());
    }
    pod_identity::remove_owned(world, cluster, &addon.arn);
    let arns = associate(world, cluster, name, &addon.arn, &settings.pod_identities)?;
    find_mut(world, Some(cluster), Some(name))?.associations = arns;
    Ok(())
}

fn delete(world: &mut World, input: &DeleteAddonInput) -> Answer<DeleteAddonOutput> {
    let now = world.now;
    let cluster = input.cluster_name().unwrap_or_default();
    let addon = find_mut(world, Some(cluster), input.addon_name())?;
    if addon.updates.iter().any(Update::in_progress) {
        return Err(invalid_request(format!(
            "Addon {} cannot be deleted while it is being updated",
            addon.name
        )));
    }
    addon.removed.get_or_insert(now);
    let arn = addon.arn.clone();
    if addon.name == CNI {
        super::find_mut(world, Some(cluster))?.unmanaged_cni = input.preserve().unwrap_or_default();
    }
    pod_identity::remove_owned(world, cluster, &arn);
    let addon = find(world, Some(cluster), input.addon_name())?;
    Ok(DeleteAddonOutput::builder().addon(view(world, cluster, addon)).build())
}

fn status(world: &World, cluster: &str, addon: &Addon) -> types::AddonStatus {
    let now = world.now;
    if addon.removed.is_some() {
        types::AddonStatus::Deleting
    } else if addon.created + INSTALLATION > now {
        types::AddonStatus::Creating
    } else if addon.updates.iter().any(Update::in_progress) {
        types::AddonStatus::Updating
    } else if lacks_nodes(world, cluster, addon) {
        types::AddonStatus::Degraded
    } else {
        types::AddonStatus::Active
    }
}

fn lacks_nodes(world: &World, cluster: &str, addon: &Addon) -> bool {
    let needs = addon_catalog::find(&addon.name).is_some_and(|catalogued| catalogued.needs_nodes);
    needs && nodes::first_ready(world, cluster).is_none_or(|ready| ready + RECOVERY > world.now)
}

fn view(world: &World, cluster: &str, addon: &Addon) -> types::Addon {
    let status = status(world, cluster, addon);
    let issue = types::AddonIssue::builder()
        .code(types::AddonIssueCode::InsufficientNumberOfReplicas)
        .message("The add-on is unhealthy because it doesn't have the desired number of replicas.")
        .build();
    let issues = if status == types::AddonStatus::Degraded { vec![issue] } else { Vec::new() };
    types::Addon::builder()
        .addon_name(&addon.name)
        .cluster_name(cluster)
        .status(status)
        .addon_version(&addon.settings.version)
        .health(types::AddonHealth::builder().set_issues(Some(issues)).build())
        .addon_arn(&addon.arn)
        .created_at(date_time(addon.created))
        .modified_at(date_time(addon.modified))
        .set_service_account_role_arn(addon.settings.role_arn.clone())
        .set_tags(Some(hash_map(&addon.tags)))
        .publisher("eks")
        .owner("aws")
        .set_configuration_values(addon.settings.configuration.clone())
        .set_pod_identity_associations((!addon.associations.is_empty()).then(|| addon.associations.clone()))
        .build()
}
