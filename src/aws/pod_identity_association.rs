//! The IAM role that the pods of a service account act with
//! (<https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html>).

use aws_sdk_eks::types::PodIdentityAssociation as Description;
use holodeck_engine::{Durations, Error, FieldChange, Input, Observed, Order, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::eks_api::{self, EksAnswer, NOT_FOUND};
use crate::aws::owner::{self, Tags};

/// An association of a service account with a role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PodIdentityAssociation {
    /// The cluster's name.
    pub cluster: Input<String>,
    /// The service account's namespace.
    pub namespace: String,
    /// The service account's name; neither needs to exist yet.
    pub service_account: String,
    /// ARN of the role.
    pub role: Input<String>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What an association puts out: nothing that others need.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
}

impl Resource for PodIdentityAssociation {
    const KIND: &'static str = "aws.pod_identity_association";
    type Outputs = Outputs;
    type Client = Aws;
    const DISPOSABLE: bool = true;

    fn durations(&self) -> Durations {
        Durations::seconds(5, 5, 2, 300)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        let immutable = ["cluster", "namespace", "service_account"];
        Verdict::replace_if_changed(changes, &immutable, Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let cluster = eks_api::cluster_name(aws);
        let pages =
            aws.eks.list_pod_identity_associations().cluster_name(cluster).into_paginator().items().send();
        let listed: Option<Vec<_>> = pages
            .collect::<Result<_, _>>()
            .await
            .answer_unless("ListPodIdentityAssociations", &[NOT_FOUND])?;
        let ids = listed
            .unwrap_or_default()
            .into_iter()
            .filter_map(|listed: aws_sdk_eks::types::PodIdentityAssociationSummary| listed.association_id);
        eks_api::describe_each(ids.collect(), |id| observe(aws, id)).await
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .eks
            .create_pod_identity_association()
            .cluster_name(self.cluster.get()?)
            .namespace(&self.namespace)
            .service_account(&self.service_account)
            .role_arn(self.role.get()?)
            .set_tags(eks_api::tags(aws, name, &self.tags));
        let answer = request.send().await.answer_when_ready("CreatePodIdentityAssociation")?;
        answer.association.map(|found| observed(aws, found)).transpose().map(Option::flatten)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let changed = |field| touches(changes, field);
        if changed("role") {
            let request = aws.eks.update_pod_identity_association().cluster_name(self.cluster.get()?);
            let request = request.association_id(&seen.outputs.id).role_arn(self.role.get()?);
            request.send().await.answer_when_ready("UpdatePodIdentityAssociation")?;
        }
        if changed("tags") {
            eks_api::set_tags(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.eks.delete_pod_identity_association().cluster_name(seen.attributes.cluster.get()?);
        let request = request.association_id(&seen.outputs.id).send().await;
        request.answer_unless("DeletePodIdentityAssociation", &[NOT_FOUND]).map(|_| ())
    }
}

/// Lists of associations lack roles and tags.
async fn observe(aws: &Aws, id: String) -> Result<Option<Observed<PodIdentityAssociation>>, Error> {
    let request = aws.eks.describe_pod_identity_association().cluster_name(eks_api::cluster_name(aws));
    let request = request.association_id(id).send().await;
    let answer = request.answer_unless("DescribePodIdentityAssociation", &[NOT_FOUND])?;
    match answer.and_then(|answer| answer.association) {
        Some(found) => observed(aws, found),
        None => Ok(None),
    }
}

fn observed(aws: &Aws, found: Description) -> Result<Option<Observed<PodIdentityAssociation>>, Error> {
    let Some((name, tags)) = eks_api::recognise(aws, found.tags()) else { return Ok(None) };
    let attributes = PodIdentityAssociation {
        cluster: found.cluster_name.given("the cluster of a pod identity association")?.into(),
        namespace: found.namespace.unwrap_or_default(),
        service_account: found.service_account.unwrap_or_default(),
        role: found.role_arn.unwrap_or_default().into(),
        tags,
    };
    Ok(Some(Observed {
        name,
        id: found.association_arn.given("the ARN of a pod identity association")?,
        attributes,
        outputs: Outputs { id: found.association_id.given("the id of a pod identity association")? },
        status: Status::Ready,
        uses: vec![eks_api::cluster_arn(aws)],
    }))
}
