//! A public IPv4 address that stays the same
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html>).

use aws_sdk_ec2::types::{Address, DomainType, ResourceType};
use holodeck_engine::{Durations, Error, FieldChange, Observed, Output, Resource, Status};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::client::Aws;
use crate::aws::ec2_tags;
use crate::aws::owner::{self, Tags};

/// An elastic IP address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElasticIp {
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What an elastic IP address puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
    address: String,
}

impl ElasticIp {
    /// The id of its allocation.
    pub const ID: Output<Self, String> = Output::new("id");
    /// The address itself.
    pub const ADDRESS: Output<Self, String> = Output::new("address");
}

impl Resource for ElasticIp {
    const KIND: &'static str = "aws.elastic_ip";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        // A NAT gateway that was removed lets go of its address some time later.
        Durations::seconds(1, 1, 1, 900)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags) }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let request = aws.ec2.describe_addresses().filters(ec2_tags::owned(aws));
        let answer = request.send().await.answer("DescribeAddresses")?;
        let found = answer.addresses.unwrap_or_default().into_iter();
        found.filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::ElasticIp, name, &self.tags);
        let request = aws.ec2_once.allocate_address().domain(DomainType::Vpc).tag_specifications(tags);
        request.send().await.answer("AllocateAddress")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        ec2_tags::set(aws, &seen.id, &self.tags).await?;
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.ec2.release_address().allocation_id(&seen.id).send().await;
        // An address that a NAT gateway still holds is refused with either code.
        let in_use = ["AuthFailure", "InvalidIPAddress.InUse"];
        request.removed("ReleaseAddress", &["InvalidAllocationID.NotFound"], &in_use)
    }
}

fn observe(aws: &Aws, found: Address) -> Result<Option<Observed<ElasticIp>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let id = found.allocation_id.given("the id of an elastic IP address")?;
    let address = found.public_ip.given("the address of an elastic IP address")?;
    let outputs = Outputs { id: id.clone(), address };
    let attributes = ElasticIp { tags };
    Ok(Some(Observed { name, id, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}
