//! Access of an IAM principal to the environment's cluster, with the access policies that it has there
//! (<https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html>).
//!
//! Policies are associated after the entry is made, and go with it. EKS makes entries of its own for the roles of nodes:
//! they carry no tags of ours and are left alone.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eks::types::{AccessEntry as Description, AccessScope, AccessScopeType, AssociatedAccessPolicy};
use holodeck_engine::{
    Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Status, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::eks_api::{self, EksAnswer, NOT_FOUND};
use crate::aws::owner::{self, Tags};

/// An access entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessEntry {
    /// The cluster's name.
    pub cluster: Input<String>,
    /// ARN of the IAM role or user.
    pub principal: Input<String>,
    /// The kind of entry: `STANDARD` for people and programs.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name that it has in Kubernetes; `None` leaves the choice to EKS.
    pub username: Option<String>,
    /// Groups that it belongs to in Kubernetes.
    pub groups: BTreeSet<String>,
    /// ARNs of its access policies, each with the namespaces that it holds for; none means the whole cluster.
    pub policies: BTreeMap<String, Scope>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What an access policy holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `cluster` or `namespace`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Namespaces, where it holds for some only.
    pub namespaces: BTreeSet<String>,
}

impl Scope {
    /// The whole cluster.
    pub fn cluster() -> Self {
        Self { kind: AccessScopeType::Cluster.to_string(), namespaces: BTreeSet::new() }
    }
}

/// What an access entry puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    principal: String,
}

impl AccessEntry {
    /// ARN of the principal that has access.
    pub const PRINCIPAL: Output<Self, String> = Output::new("principal");
}

impl Resource for AccessEntry {
    const KIND: &'static str = "aws.access_entry";
    type Outputs = Outputs;
    type Client = Aws;
    const DISPOSABLE: bool = true;

    fn durations(&self) -> Durations {
        Durations::seconds(5, 5, 2, 300)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        let immutable = ["cluster", "principal", "type"];
        Verdict::replace_if_changed(changes, &immutable, Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    fn foresee(&self, _aws: &Aws, _name: &str) -> Value {
        json!({ "principal": self.principal.known() })
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let cluster = eks_api::cluster_name(aws);
        let pages = aws.eks.list_access_entries().cluster_name(cluster).into_paginator().items().send();
        let listed =
            pages.collect::<Result<_, _>>().await.answer_unless("ListAccessEntries", &[NOT_FOUND])?;
        eks_api::describe_each(listed.unwrap_or_default(), |principal| observe(aws, principal)).await
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .eks
            .create_access_entry()
            .cluster_name(self.cluster.get()?)
            .principal_arn(self.principal.get()?)
            .r#type(&self.kind)
            .set_username(self.username.clone())
            .set_kubernetes_groups(Some(self.groups.iter().cloned().collect()))
            .set_tags(eks_api::tags(aws, name, &self.tags));
        request.send().await.answer_when_ready("CreateAccessEntry")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let changed = |field| touches(changes, field);
        let (cluster, principal) = (self.cluster.get()?, self.principal.get()?);
        if changed("groups") || changed("username") {
            let request = aws.eks.update_access_entry().cluster_name(cluster).principal_arn(principal);
            let request = request.set_username(self.username.clone());
            let request = request.set_kubernetes_groups(Some(self.groups.iter().cloned().collect()));
            request.send().await.answer_when_ready("UpdateAccessEntry")?;
        }
        if changed("policies") {
            self.change_policies(aws, &seen.attributes.policies).await?;
        }
        if changed("tags") {
            eks_api::set_tags(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.eks.delete_access_entry().cluster_name(seen.attributes.cluster.get()?);
        let request = request.principal_arn(&seen.outputs.principal);
        request.send().await.answer_unless("DeleteAccessEntry", &[NOT_FOUND]).map(|_| ())
    }
}

impl AccessEntry {
    /// Associates what is missing or has another scope, which replaces the old one, and takes the others away.
    async fn change_policies(&self, aws: &Aws, present: &BTreeMap<String, Scope>) -> Result<(), Error> {
        let (cluster, principal) = (self.cluster.get()?, self.principal.get()?);
        for (arn, scope) in self.policies.iter().filter(|(arn, scope)| present.get(*arn) != Some(scope)) {
            let scope = AccessScope::builder()
                .r#type(AccessScopeType::from(&*scope.kind))
                .set_namespaces(Some(scope.namespaces.iter().cloned().collect()))
                .build();
            let request = aws.eks.associate_access_policy().cluster_name(cluster).principal_arn(principal);
            let request = request.policy_arn(arn).access_scope(scope);
            request.send().await.answer_when_ready("AssociateAccessPolicy")?;
        }
        for arn in present.keys().filter(|arn| !self.policies.contains_key(*arn)) {
            let request = aws.eks.disassociate_access_policy().cluster_name(cluster).principal_arn(principal);
            let request = request.policy_arn(arn).send().await;
            request.answer_unless("DisassociateAccessPolicy", &[NOT_FOUND])?;
        }
        Ok(())
    }
}

async fn observe(aws: &Aws, principal: String) -> Result<Option<Observed<AccessEntry>>, Error> {
    let cluster = eks_api::cluster_name(aws);
    let request = aws.eks.describe_access_entry().cluster_name(cluster).principal_arn(&principal);
    let answer = request.send().await.answer_unless("DescribeAccessEntry", &[NOT_FOUND])?;
    let Some(found): Option<Description> = answer.and_then(|answer| answer.access_entry) else {
        return Ok(None);
    };
    let Some((name, tags)) = eks_api::recognise(aws, found.tags()) else { return Ok(None) };
    let pages = aws
        .eks
        .list_associated_access_policies()
        .cluster_name(cluster)
        .principal_arn(&principal)
        .into_paginator()
        .items()
        .send();
    let associated: Option<Vec<AssociatedAccessPolicy>> =
        pages.collect::<Result<_, _>>().await.answer_unless("ListAssociatedAccessPolicies", &[NOT_FOUND])?;
    let attributes = AccessEntry {
        cluster: cluster.into(),
        principal: principal.clone().into(),
        kind: found.r#type.unwrap_or_default(),
        username: found.username,
        groups: found.kubernetes_groups.unwrap_or_default().into_iter().collect(),
        policies: associated.unwrap_or_default().into_iter().filter_map(scope_of).collect(),
        tags,
    };
    Ok(Some(Observed {
        name,
        id: found.access_entry_arn.given("the ARN of an access entry")?,
        attributes,
        outputs: Outputs { principal },
        status: Status::Ready,
        uses: vec![eks_api::cluster_arn(aws)],
    }))
}

fn scope_of(associated: AssociatedAccessPolicy) -> Option<(String, Scope)> {
    let scope = associated.access_scope?;
    let namespaces = scope.namespaces.unwrap_or_default().into_iter().collect();
    Some((associated.policy_arn?, Scope { kind: scope.r#type?.to_string(), namespaces }))
}
