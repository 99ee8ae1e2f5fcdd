//! Access entries: which IAM principals may use a cluster's API, and as whom.
//!
//! EKS makes the entry of a node role itself when a node group with that role is created, and the creator's own where the
//! cluster asks for it. Type and principal of an entry never change.

use std::collections::BTreeMap;

use aws_sdk_eks::operation::create_access_entry::{CreateAccessEntryInput, CreateAccessEntryOutput};
use aws_sdk_eks::operation::delete_access_entry::{DeleteAccessEntryInput, DeleteAccessEntryOutput};
use aws_sdk_eks::operation::describe_access_entry::{DescribeAccessEntryInput, DescribeAccessEntryOutput};
use aws_sdk_eks::operation::list_access_entries::{ListAccessEntriesInput, ListAccessEntriesOutput};
use aws_sdk_eks::operation::update_access_entry::{UpdateAccessEntryInput, UpdateAccessEntryOutput};
use aws_sdk_eks::types;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::iam::{self, RoleState};
use super::super::{Answer, Services, World, date_time, sts};
use super::access_policy::{self, AssociatedPolicy};
use super::cluster::{Cluster, token_mismatch};
use super::{hash_map, in_use, invalid_parameter, invalid_request, tags_of};

/// The types of entries for nodes, which take neither groups nor policies.
const NODE_TYPES: [&str; 3] = ["EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX"];

/// One access entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AccessEntry {
    principal: String,
    pub(super) arn: String,
    kind: String,
    groups: Vec<String>,
    username: String,
    created: Timestamp,
    modified: Timestamp,
    token: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) policies: Vec<AssociatedPolicy>,
}

impl AccessEntry {
    /// Whether it is for nodes.
    pub(super) fn is_for_nodes(&self) -> bool {
        NODE_TYPES.contains(&self.kind.as_str())
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(list);
    services.on(update);
    services.on(delete);
}

/// The entry of the principal; clusters that authenticate by config map alone have none.
pub(super) fn find<'a>(
    world: &'a World,
    cluster: Option<&str>,
    principal: Option<&str>,
) -> Answer<&'a AccessEntry> {
    let principal = principal.unwrap_or_default();
    let found = with_entries(super::find(world, cluster)?)?.access_entries.get(principal);
    found.ok_or_else(|| missing(principal))
}

pub(super) fn find_mut<'a>(
    world: &'a mut World,
    cluster: Option<&str>,
    principal: Option<&str>,
) -> Answer<&'a mut AccessEntry> {
    find(world, cluster, principal)?;
    let principal = principal.unwrap_or_default();
    super::find_mut(world, cluster)?.access_entries.get_mut(principal).ok_or_else(|| missing(principal))
}

fn missing(principal: &str) -> super::ApiError {
    super::not_found(format!(
        "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries': {principal}"
    ))
}

fn with_entries(cluster: &Cluster) -> Answer<&Cluster> {
    if cluster.settings.authentication_mode == "CONFIG_MAP" {
        return Err(invalid_request(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        ));
    }
    Ok(cluster)
}

/// Adds the entry that a node group's role gets, unless it has one.
pub(super) fn add_node_role(world: &mut World, cluster: &str, role: &str, when: Timestamp) {
    add(
        world,
        cluster,
        NewEntry {
            principal: role.to_owned(),
            kind: "EC2_LINUX".into(),
            groups: vec!["system:nodes".into()],
            username: "system:node:{{EC2PrivateDNSName}}".into(),
            policies: Vec::new(),
            when,
        },
    );
}

/// Adds the entry of who made the cluster, with full rights.
pub(super) fn add_creator(world: &mut World, cluster: &str, when: Timestamp) {
    let principal = sts::caller_role(world);
    add(
        world,
        cluster,
        NewEntry {
            username: username(&principal),
            principal,
            kind: "STANDARD".into(),
            groups: Vec::new(),
            policies: vec![access_policy::cluster_admin(when)],
            when,
        },
    );
}

/// An entry that EKS makes.
struct NewEntry {
    principal: String,
    kind: String,
    groups: Vec<String>,
    username: String,
    policies: Vec<AssociatedPolicy>,
    when: Timestamp,
}

fn add(world: &mut World, cluster: &str, new: NewEntry) {
    let arn = entry_arn(world, cluster, &new.principal);
    let Some(found) = world.eks.clusters.get_mut(cluster) else { return };
    found.access_entries.entry(new.principal.clone()).or_insert_with(|| AccessEntry {
        arn,
        kind: new.kind,
        groups: new.groups,
        username: new.username,
        created: new.when,
        modified: new.when,
        token: None,
        tags: BTreeMap::new(),
        policies: new.policies,
        principal: new.principal,
    });
}

fn entry_arn(world: &mut World, cluster: &str, principal: &str) -> String {
    let mut parts = principal.splitn(6, ':').skip(4);
    let account = parts.next().unwrap_or_default().to_owned();
    let (kind, name) = parts.next().and_then(|resource| resource.split_once('/')).unwrap_or(("user", "root"));
    let name = name.rsplit('/').next().unwrap_or(name).to_owned();
    let id = world.uuid();
    super::arn(world, &format!("access-entry/{cluster}/{kind}/{account}/{name}/{id}"))
}

/// What EKS calls a principal where the caller names nothing.
fn username(principal: &str) -> String {
    match principal.split_once(":role/") {
        Some((head, role)) => {
            let account = head.rsplit(':').next().unwrap_or_default();
            let name = role.rsplit('/').next().unwrap_or(role);
            format!("arn:aws:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}")
        }
        None => principal.to_owned(),
    }
}

fn create(world: &mut World, input: &CreateAccessEntryInput) -> Answer<CreateAccessEntryOutput> {
    let cluster = with_entries(super::find_usable(world, input.cluster_name())?)?;
    let cluster_name = cluster.name.clone();
    let principal = input.principal_arn().unwrap_or_default();
    let kind = input.r#type().unwrap_or("STANDARD");
    check(principal, kind, input)?;
    if principal.contains(":role/")
        && iam::role_ready(world, principal, world.now) == RoleState::Missing
        && is_own(world, principal)
    {
        return Err(invalid_parameter(format!(
            "The specified principalArn is invalid: invalid principal {principal}."
        )));
    }
    if let Some(existing) = cluster.access_entries.get(principal) {
        let again = input.client_request_token().is_some()
            && existing.token.as_deref() == input.client_request_token();
        if !again {
            return Err(in_use("The specified access entry resource is already in use on this cluster."));
        }
        if existing.groups != input.kubernetes_groups() || existing.kind != kind {
            return Err(token_mismatch());
        }
        return Ok(CreateAccessEntryOutput::builder().access_entry(view(&cluster_name, existing)).build());
    }
    let now = world.now;
    let for_nodes = NODE_TYPES.contains(&kind);
    let own_name =
        if for_nodes { "system:node:{{EC2PrivateDNSName}}".to_owned() } else { username(principal) };
    let entry = AccessEntry {
        principal: principal.to_owned(),
        arn: entry_arn(world, &cluster_name, principal),
        kind: kind.to_owned(),
        groups: if for_nodes { vec!["system:nodes".to_owned()] } else { input.kubernetes_groups().to_vec() },
        username: input.username().map_or(own_name, str::to_owned),
        created: now,
        modified: now,
        token: input.client_request_token().map(str::to_owned),
        tags: tags_of(input.tags()),
        policies: Vec::new(),
    };
    let shown = view(&cluster_name, &entry);
    super::find_mut(world, Some(&cluster_name))?.access_entries.insert(principal.to_owned(), entry);
    Ok(CreateAccessEntryOutput::builder().access_entry(shown).build())
}

fn is_own(world: &World, principal: &str) -> bool {
    principal.split(':').nth(4) == Some(world.account.as_str())
}

fn check(principal: &str, kind: &str, input: &CreateAccessEntryInput) -> Answer<()> {
    let role = principal.contains(":role/");
    let known = kind == "STANDARD" || NODE_TYPES.contains(&kind);
    if !principal.starts_with("arn:aws:iam::") || !(role || principal.contains(":user/")) {
        Err(invalid_parameter(format!("The specified principalArn is invalid: {principal}")))
    } else if !known {
        Err(invalid_parameter(format!("The access entry type '{kind}' is not valid")))
    } else if kind != "STANDARD"
        && (!role || !input.kubernetes_groups().is_empty() || input.username().is_some())
    {
        Err(invalid_parameter(format!(
            "An access entry of the type {kind} takes a role and neither groups nor a username"
        )))
    } else if input.kubernetes_groups().iter().any(|group| group.starts_with("system:")) {
        Err(invalid_parameter("The kubernetes group name must not begin with system:"))
    } else {
        Ok(())
    }
}

fn describe(world: &mut World, input: &DescribeAccessEntryInput) -> Answer<DescribeAccessEntryOutput> {
    let entry = find(world, input.cluster_name(), input.principal_arn())?;
    let view = view(input.cluster_name().unwrap_or_default(), entry);
    Ok(DescribeAccessEntryOutput::builder().access_entry(view).build())
}

fn list(world: &mut World, input: &ListAccessEntriesInput) -> Answer<ListAccessEntriesOutput> {
    let cluster = with_entries(super::find(world, input.cluster_name())?)?;
    let wanted = |entry: &&AccessEntry| {
        input.associated_policy_arn().is_none_or(|arn| entry.policies.iter().any(|policy| policy.arn == arn))
    };
    let principals =
        cluster.access_entries.values().filter(wanted).map(|entry| entry.principal.clone()).collect();
    let (principals, next) = super::page(principals, input.next_token(), input.max_results())?;
    Ok(ListAccessEntriesOutput::builder().set_access_entries(Some(principals)).set_next_token(next).build())
}

fn update(world: &mut World, input: &UpdateAccessEntryInput) -> Answer<UpdateAccessEntryOutput> {
    let now = world.now;
    let entry = find_mut(world, input.cluster_name(), input.principal_arn())?;
    if entry.is_for_nodes() {
        return Err(invalid_request(format!(
            "The access entry of the type {} cannot be updated",
            entry.kind
        )));
    }
    if input.kubernetes_groups.is_some() {
        entry.groups = input.kubernetes_groups().to_vec();
    }
    if let Some(username) = input.username() {
        entry.username = username.to_owned();
    }
    entry.modified = now;
    let view = view(input.cluster_name().unwrap_or_default(), entry);
    Ok(UpdateAccessEntryOutput::builder().access_entry(view).build())
}

fn delete(world: &mut World, input: &DeleteAccessEntryInput) -> Answer<DeleteAccessEntryOutput> {
    find(world, input.cluster_name(), input.principal_arn())?;
    let cluster = super::find_mut(world, input.cluster_name())?;
    cluster.access_entries.remove(input.principal_arn().unwrap_or_default());
    Ok(DeleteAccessEntryOutput::builder().build())
}

fn view(cluster: &str, entry: &AccessEntry) -> types::AccessEntry {
    types::AccessEntry::builder()
        .cluster_name(cluster)
        .principal_arn(&entry.principal)
        .set_kubernetes_groups(Some(entry.groups.clone()))
        .access_entry_arn(&entry.arn)
        .created_at(date_time(entry.created))
        .modified_at(date_time(entry.modified))
        .set_tags(Some(hash_map(&entry.tags)))
        .username(&entry.username)
        .r#type(&entry.kind)
        .build()
}
