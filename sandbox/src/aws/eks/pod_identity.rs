//! Pod identity associations: the IAM role that the pods of a service account get.
//!
//! A service account has one association at most. One that an add-on owns is changed through the add-on alone.

use std::collections::BTreeMap;

use aws_sdk_eks::operation::create_pod_identity_association::{
    CreatePodIdentityAssociationInput, CreatePodIdentityAssociationOutput,
};
use aws_sdk_eks::operation::delete_pod_identity_association::{
    DeletePodIdentityAssociationInput, DeletePodIdentityAssociationOutput,
};
use aws_sdk_eks::operation::describe_pod_identity_association::{
    DescribePodIdentityAssociationInput, DescribePodIdentityAssociationOutput,
};
use aws_sdk_eks::operation::list_pod_identity_associations::{
    ListPodIdentityAssociationsInput, ListPodIdentityAssociationsOutput,
};
use aws_sdk_eks::operation::update_pod_identity_association::{
    UpdatePodIdentityAssociationInput, UpdatePodIdentityAssociationOutput,
};
use aws_sdk_eks::types;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, date_time};
use super::cluster::token_mismatch;
use super::{hash_map, in_use, invalid_parameter, invalid_request, not_simulated, roles, tags_of};

/// One association.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Association {
    id: String,
    pub(super) arn: String,
    namespace: String,
    service_account: String,
    role_arn: String,
    target_role_arn: Option<String>,
    disable_session_tags: bool,
    /// ARN of the add-on that it belongs to.
    owner: Option<String>,
    token: Option<String>,
    created: Timestamp,
    modified: Timestamp,
    pub(super) tags: BTreeMap<String, String>,
}

/// An association to make.
#[derive(Debug, Default)]
pub(super) struct NewAssociation {
    pub(super) namespace: String,
    pub(super) service_account: String,
    pub(super) role_arn: String,
    pub(super) target_role_arn: Option<String>,
    pub(super) disable_session_tags: bool,
    pub(super) owner: Option<String>,
    pub(super) token: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(list);
    services.on(update);
    services.on(delete);
}

/// Whether the service account has an association.
pub(super) fn exists(world: &World, cluster: &str, namespace: &str, service_account: &str) -> bool {
    of_account(world, cluster, namespace, service_account).is_some()
}

fn of_account<'a>(
    world: &'a World,
    cluster: &str,
    namespace: &str,
    account: &str,
) -> Option<&'a Association> {
    let mut all = world.eks.clusters.get(cluster)?.pod_identities.values();
    all.find(|association| association.namespace == namespace && association.service_account == account)
}

/// Adds an association and gives its ARN.
pub(super) fn add(world: &mut World, cluster: &str, new: NewAssociation) -> Answer<String> {
    let now = world.now;
    let id = format!("a-{}", &world.uuid().replace('-', "")[15..]);
    let arn = super::arn(world, &format!("podidentityassociation/{cluster}/{id}"));
    let association = Association {
        arn: arn.clone(),
        namespace: new.namespace,
        service_account: new.service_account,
        role_arn: new.role_arn,
        target_role_arn: new.target_role_arn,
        disable_session_tags: new.disable_session_tags,
        owner: new.owner,
        token: new.token,
        created: now,
        modified: now,
        tags: new.tags,
        id: id.clone(),
    };
    super::find_mut(world, Some(cluster))?.pod_identities.insert(id, association);
    Ok(arn)
}

/// Removes the associations that an add-on owns.
pub(super) fn remove_owned(world: &mut World, cluster: &str, owner: &str) {
    if let Some(cluster) = world.eks.clusters.get_mut(cluster) {
        cluster.pod_identities.retain(|_, association| association.owner.as_deref() != Some(owner));
    }
}

fn find<'a>(world: &'a World, cluster: Option<&str>, id: Option<&str>) -> Answer<&'a Association> {
    let found = super::find(world, cluster)?.pod_identities.get(id.unwrap_or_default());
    found.ok_or_else(|| {
        super::not_found(format!("The association {} cannot be found", id.unwrap_or_default()))
    })
}

/// An association that can be changed by itself.
fn find_own<'a>(
    world: &'a mut World,
    cluster: Option<&str>,
    id: Option<&str>,
) -> Answer<&'a mut Association> {
    if let Some(owner) = &find(world, cluster, id)?.owner {
        return Err(invalid_request(format!("The association belongs to the add-on {owner}")));
    }
    let found = super::find_mut(world, cluster)?.pod_identities.get_mut(id.unwrap_or_default());
    found.ok_or_else(|| super::not_found("No such association"))
}

fn create(
    world: &mut World,
    input: &CreatePodIdentityAssociationInput,
) -> Answer<CreatePodIdentityAssociationOutput> {
    if input.policy().is_some() {
        return Err(not_simulated("a session policy of a pod identity association"));
    }
    let cluster = super::find_usable(world, input.cluster_name())?.name.clone();
    let namespace = input.namespace().unwrap_or_default();
    let account = input.service_account().unwrap_or_default();
    let role_arn = input.role_arn().unwrap_or_default();
    if namespace.is_empty() || account.is_empty() {
        return Err(invalid_parameter("The namespace and the service account must be named"));
    }
    if let Some(existing) = of_account(world, &cluster, namespace, account) {
        if input.client_request_token().is_none() || existing.token.as_deref() != input.client_request_token()
        {
            return Err(in_use(format!("Association already exists: {}", existing.id)));
        }
        if existing.role_arn != role_arn {
            return Err(token_mismatch());
        }
        return Ok(CreatePodIdentityAssociationOutput::builder()
            .association(view(&cluster, existing))
            .build());
    }
    roles::check(world, Some(role_arn), "pods.eks.amazonaws.com", "pod identity role")?;
    let arn = add(
        world,
        &cluster,
        NewAssociation {
            namespace: namespace.to_owned(),
            service_account: account.to_owned(),
            role_arn: role_arn.to_owned(),
            target_role_arn: input.target_role_arn().map(str::to_owned),
            disable_session_tags: input.disable_session_tags().unwrap_or_default(),
            owner: None,
            token: input.client_request_token().map(str::to_owned),
            tags: tags_of(input.tags()),
        },
    )?;
    let association = find(world, Some(&cluster), arn.rsplit('/').next())?;
    Ok(CreatePodIdentityAssociationOutput::builder().association(view(&cluster, association)).build())
}

fn describe(
    world: &mut World,
    input: &DescribePodIdentityAssociationInput,
) -> Answer<DescribePodIdentityAssociationOutput> {
    let association = find(world, input.cluster_name(), input.association_id())?;
    let view = view(input.cluster_name().unwrap_or_default(), association);
    Ok(DescribePodIdentityAssociationOutput::builder().association(view).build())
}

fn list(
    world: &mut World,
    input: &ListPodIdentityAssociationsInput,
) -> Answer<ListPodIdentityAssociationsOutput> {
    let cluster = super::find(world, input.cluster_name())?;
    let wanted = |association: &&Association| {
        input.namespace().is_none_or(|namespace| association.namespace == namespace)
            && input.service_account().is_none_or(|account| association.service_account == account)
    };
    let summary = |association: &Association| {
        types::PodIdentityAssociationSummary::builder()
            .cluster_name(&cluster.name)
            .namespace(&association.namespace)
            .service_account(&association.service_account)
            .association_arn(&association.arn)
            .association_id(&association.id)
            .set_owner_arn(association.owner.clone())
            .build()
    };
    let all = cluster.pod_identities.values().filter(wanted).map(summary).collect();
    let (associations, next) = super::page(all, input.next_token(), input.max_results())?;
    Ok(ListPodIdentityAssociationsOutput::builder()
        .set_associations(Some(associations))
        .set_next_token(next)
        .build())
}

fn update(
    world: &mut World,
    input: &UpdatePodIdentityAssociationInput,
) -> Answer<UpdatePodIdentityAssociationOutput> {
    let now = world.now;
    find_own(world, input.cluster_name(), input.association_id())?;
    if let Some(role) = input.role_arn() {
        roles::check(world, Some(role), "pods.eks.amazonaws.com", "pod identity role")?;
    }
    let association = find_own(world, input.cluster_name(), input.association_id())?;
    if let Some(role) = input.role_arn() {
        association.role_arn = role.to_owned();
    }
    if let Some(target) = input.target_role_arn() {
        association.target_role_arn = (!target.is_empty()).then(|| target.to_owned());
    }
    association.disable_session_tags =
        input.disable_session_tags().unwrap_or(association.disable_session_tags);
    association.modified = now;
    let view = view(input.cluster_name().unwrap_or_default(), association);
    Ok(UpdatePodIdentityAssociationOutput::builder().association(view).build())
}

fn delete(
    world: &mut World,
    input: &DeletePodIdentityAssociationInput,
) -> Answer<DeletePodIdentityAssociationOutput> {
    let cluster = input.cluster_name().unwrap_or_default();
    let shown = view(cluster, find_own(world, Some(cluster), input.association_id())?);
    super::find_mut(world, Some(cluster))?.pod_identities.remove(input.association_id().unwrap_or_default());
    Ok(DeletePodIdentityAssociationOutput::builder().association(shown).build())
}

fn view(cluster: &str, association: &Association) -> types::PodIdentityAssociation {
    types::PodIdentityAssociation::builder()
        .cluster_name(cluster)
        .namespace(&association.namespace)
        .service_account(&association.service_account)
        .role_arn(&association.role_arn)
        .association_arn(&association.arn)
        .association_id(&association.id)
        .set_tags(Some(hash_map(&association.tags)))
        .created_at(date_time(association.created))
        .modified_at(date_time(association.modified))
        .set_owner_arn(association.owner.clone())
        .disable_session_tags(association.disable_session_tags)
        .set_target_role_arn(association.target_role_arn.clone())
        .build()
}
