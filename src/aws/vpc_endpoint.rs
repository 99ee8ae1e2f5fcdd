//! A private way from a virtual network to an AWS service, of the gateway type
//! (<https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>).
//!
//! AWS adds a route to each of its route tables and takes it away again.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{ResourceType, UnsuccessfulItem, VpcEndpoint as Description, VpcEndpointType};
use holodeck_engine::{
    Class, Durations, Error, FieldChange, Input, Observed, Order, Resource, Status, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::ec2_tags;
use crate::aws::inputs::known_if_any;
use crate::aws::owner::{self, Tags};

/// A gateway endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VpcEndpoint {
    /// The VPC that it is in.
    pub vpc: Input<String>,
    /// The service, such as `com.amazonaws.eu-west-1.s3`.
    pub service: String,
    /// The route tables whose subnets use it.
    pub route_tables: BTreeSet<Input<String>>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// An endpoint puts nothing out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {}

impl Resource for VpcEndpoint {
    const KIND: &'static str = "aws.vpc_endpoint";
    type Outputs = Outputs;
    type Client = Aws;
    const DISPOSABLE: bool = true;

    fn durations(&self) -> Durations {
        Durations::seconds(5, 2, 10, 600)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["vpc", "service"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages =
            aws.ec2.describe_vpc_endpoints().filters(ec2_tags::owned(aws)).into_paginator().items().send();
        let found: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("DescribeVpcEndpoints")?;
        found.into_iter().filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::VpcEndpoint, name, &self.tags);
        let request = aws.ec2_once.create_vpc_endpoint().vpc_endpoint_type(VpcEndpointType::Gateway);
        let request = request.vpc_id(self.vpc.get()?).service_name(&self.service).tag_specifications(tags);
        let tables = known_if_any(&self.route_tables)?;
        request.set_route_table_ids(tables).send().await.answer("CreateVpcEndpoint")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "route_tables") {
            let present = &seen.attributes.route_tables;
            let request = aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(&seen.id);
            let request = request
                .set_add_route_table_ids(known_if_any(self.route_tables.difference(present))?)
                .set_remove_route_table_ids(known_if_any(present.difference(&self.route_tables))?);
            request.send().await.answer("ModifyVpcEndpoint")?;
        }
        if touches(changes, "tags") {
            ec2_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        const GONE: &str = "InvalidVpcEndpointId.NotFound";
        let request = aws.ec2.delete_vpc_endpoints().vpc_endpoint_ids(&seen.id).send().await;
        let answer = request.answer_unless("DeleteVpcEndpoints", &[GONE])?;
        let failures = answer.and_then(|answer| answer.unsuccessful).unwrap_or_default();
        match failures.into_iter().find(|failure| code(failure) != Some(GONE)) {
            None => Ok(()),
            Some(failure) => Err(refused(&failure)),
        }
    }
}

fn code(failure: &UnsuccessfulItem) -> Option<&str> {
    failure.error()?.code()
}

/// The error of one endpoint among several, which the answer carries as data.
fn refused(failure: &UnsuccessfulItem) -> Error {
    let message = failure.error().and_then(|error| error.message()).unwrap_or("no message");
    let text = format!("{}: {message}", code(failure).unwrap_or("UnknownError"));
    Error::new(Class::Refused, "DeleteVpcEndpoints").with_source(text)
}

fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<VpcEndpoint>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    // EC2 writes the states in small letters, its SDK declares them with capitals.
    let state = found.state.map_or("pending".to_owned(), |state| state.as_str().to_ascii_lowercase());
    let status = match state.as_str() {
        "deleted" => return Ok(None),
        "available" => Status::Ready,
        "deleting" => Status::Deleting("the endpoint is deleting".to_owned()),
        "failed" | "rejected" | "expired" => {
            let reason = found.last_error.and_then(|error| error.message);
            Status::Failed(reason.unwrap_or_else(|| format!("the endpoint is {state}")))
        }
        _ => Status::InProgress(format!("the endpoint is {state}")),
    };
    let id = found.vpc_endpoint_id.given("the id of an endpoint")?;
    let attributes = VpcEndpoint {
        vpc: found.vpc_id.given("the VPC of an endpoint")?.into(),
        service: found.service_name.given("the service of an endpoint")?,
        route_tables: found.route_table_ids.unwrap_or_default().into_iter().map(Input::Known).collect(),
        tags,
    };
    Ok(Some(Observed { name, id, attributes, outputs: Outputs {}, status, uses: Vec::new() }))
}
