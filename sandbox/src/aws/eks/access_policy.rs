//! Access policies: what a principal with an access entry may do, in the cluster or in some namespaces.

use aws_sdk_eks::operation::associate_access_policy::{
    AssociateAccessPolicyInput, AssociateAccessPolicyOutput,
};
use aws_sdk_eks::operation::disassociate_access_policy::{
    DisassociateAccessPolicyInput, DisassociateAccessPolicyOutput,
};
use aws_sdk_eks::operation::list_access_policies::{ListAccessPoliciesInput, ListAccessPoliciesOutput};
use aws_sdk_eks::operation::list_associated_access_policies::{
    ListAssociatedAccessPoliciesInput, ListAssociatedAccessPoliciesOutput,
};
use aws_sdk_eks::types;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, date_time};
use super::{access_entry, invalid_parameter, invalid_request};

/// The policies there are ("Review access policy permissions", EKS User Guide), sorted by name.
const NAMES: [&str; 12] = [
    "AmazonAIOpsAssistantPolicy",
    "AmazonARCRegionSwitchScalingPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSHybridPolicy",
    "AmazonEKSViewPolicy",
    "AmazonSagemakerHyperpodClusterPolicy",
    "AmazonSagemakerHyperpodControllerPolicy",
    "AmazonSagemakerHyperpodSpaceTemplatePolicy",
];
const PREFIX: &str = "arn:aws:eks::aws:cluster-access-policy/";

/// A policy associated with an access entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AssociatedPolicy {
    pub(super) arn: String,
    /// Empty: the whole cluster.
    namespaces: Vec<String>,
    associated: Timestamp,
    modified: Timestamp,
}

/// Full rights in the whole cluster.
pub(super) fn cluster_admin(when: Timestamp) -> AssociatedPolicy {
    AssociatedPolicy {
        arn: format!("{PREFIX}AmazonEKSClusterAdminPolicy"),
        namespaces: Vec::new(),
        associated: when,
        modified: when,
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(associate);
    services.on(disassociate);
    services.on(list_associated);
    services.on(list);
}

fn associate(world: &mut World, input: &AssociateAccessPolicyInput) -> Answer<AssociateAccessPolicyOutput> {
    let now = world.now;
    let arn = input.policy_arn().unwrap_or_default();
    if !arn.strip_prefix(PREFIX).is_some_and(|name| NAMES.contains(&name)) {
        return Err(invalid_parameter(format!("The specified policyArn is invalid: {arn}")));
    }
    let namespaces = namespaces(input.access_scope())?;
    let entry = access_entry::find_mut(world, input.cluster_name(), input.principal_arn())?;
    if entry.is_for_nodes() {
        return Err(invalid_request(
            "Access policies cannot be associated with access entries of node types",
        ));
    }
    let associated =
        entry.policies.iter().find(|policy| policy.arn == arn).map_or(now, |policy| policy.associated);
    entry.policies.retain(|policy| policy.arn != arn);
    let policy = AssociatedPolicy { arn: arn.to_owned(), namespaces, associated, modified: now };
    let shown = view(&policy);
    entry.policies.push(policy);
    Ok(AssociateAccessPolicyOutput::builder()
        .set_cluster_name(input.cluster_name.clone())
        .set_principal_arn(input.principal_arn.clone())
        .associated_access_policy(shown)
        .build())
}

/// A scope is the cluster, or one or more namespaces.
fn namespaces(scope: Option<&types::AccessScope>) -> Answer<Vec<String>> {
    let given = scope.map(|scope| scope.namespaces().to_vec()).unwrap_or_default();
    match scope.and_then(|scope| scope.r#type()) {
        Some(types::AccessScopeType::Cluster) if given.is_empty() => Ok(given),
        Some(types::AccessScopeType::Namespace) if !given.is_empty() => Ok(given),
        _ => Err(invalid_parameter(
            "The access scope must be of the type cluster, or namespace with namespaces",
        )),
    }
}

fn disassociate(
    world: &mut World,
    input: &DisassociateAccessPolicyInput,
) -> Answer<DisassociateAccessPolicyOutput> {
    let arn = input.policy_arn().unwrap_or_default();
    let entry = access_entry::find_mut(world, input.cluster_name(), input.principal_arn())?;
    if !entry.policies.iter().any(|policy| policy.arn == arn) {
        return Err(super::not_found(format!("The specified policyArn is not associated: {arn}")));
    }
    entry.policies.retain(|policy| policy.arn != arn);
    Ok(DisassociateAccessPolicyOutput::builder().build())
}

fn list_associated(
    world: &mut World,
    input: &ListAssociatedAccessPoliciesInput,
) -> Answer<ListAssociatedAccessPoliciesOutput> {
    let entry = access_entry::find(world, input.cluster_name(), input.principal_arn())?;
    let all = entry.policies.iter().map(view).collect();
    let (policies, next) = super::page(all, input.next_token(), input.max_results())?;
    Ok(ListAssociatedAccessPoliciesOutput::builder()
        .set_cluster_name(input.cluster_name.clone())
        .set_principal_arn(input.principal_arn.clone())
        .set_associated_access_policies(Some(policies))
        .set_next_token(next)
        .build())
}

fn list(_: &mut World, input: &ListAccessPoliciesInput) -> Answer<ListAccessPoliciesOutput> {
    let view =
        |name: &&str| types::AccessPolicy::builder().name(*name).arn(format!("{PREFIX}{name}")).build();
    let (policies, next) =
        super::page(NAMES.iter().map(view).collect(), input.next_token(), input.max_results())?;
    Ok(ListAccessPoliciesOutput::builder().set_access_policies(Some(policies)).set_next_token(next).build())
}

fn view(policy: &AssociatedPolicy) -> types::AssociatedAccessPolicy {
    let kind = if policy.namespaces.is_empty() {
        types::AccessScopeType::Cluster
    } else {
        types::AccessScopeType::Namespace
    };
    let scope =
        types::AccessScope::builder().r#type(kind).set_namespaces(Some(policy.namespaces.clone())).build();
    types::AssociatedAccessPolicy::builder()
        .policy_arn(&policy.arn)
        .access_scope(scope)
        .associated_at(date_time(policy.associated))
        .modified_at(date_time(policy.modified))
        .build()
}
