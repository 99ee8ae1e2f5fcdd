//! What is read from AWS once, before anything is planned: whose account it is, and what the region offers.

use aws_sdk_ec2::types::AvailabilityZoneState;
use aws_sdk_route53::types::HostedZone;
use futures::future::try_join3;
use holodeck_engine::{Class, Error};

use crate::aws::answer::{Answer, Given};
use crate::aws::client::Aws;
use crate::aws::ec2_tags::filter;
use crate::aws::{dns_name, hosted_zone};

/// What a plan needs to know of the account and the region.
#[derive(Clone, Debug)]
pub struct Facts {
    /// ARN of the caller.
    pub caller: String,
    /// Names of the availability zones in use, such as `eu-west-1a`, as many as the environment asks for.
    pub zones: Vec<String>,
    /// Id of the public DNS zone that the environment's domain is delegated from, where it is in this account.
    pub parent_zone_id: Option<String>,
}

/// Zones in which EKS has no control planes
/// (<https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>).
const ZONES_WITHOUT_EKS: [&str; 3] = ["use1-az3", "usw1-az2", "cac1-az3"];

impl Facts {
    /// Reads the facts. Refuses when the account is not the one that the environment names, or the region has fewer
    /// zones than it asks for. `parent_zone` is the domain that the environment's is delegated from.
    pub async fn read(aws: &Aws, zones: usize, parent_zone: Option<&str>) -> Result<Self, Error> {
        let (caller, zones, parent_zone_id) =
            try_join3(caller(aws), available_zones(aws, zones), public_zone(aws, parent_zone)).await?;
        Ok(Self { caller, zones, parent_zone_id })
    }
}

async fn caller(aws: &Aws) -> Result<String, Error> {
    let identity = aws.sts.get_caller_identity().send().await.answer("GetCallerIdentity")?;
    let account = identity.account.given("the caller's account")?;
    if account != aws.account {
        let message = format!(
            "the credentials belong to account {account}, the environment to account {}",
            aws.account
        );
        return Err(Error::new(Class::Refused, message).with_hint(
            "use credentials of the environment's account, or correct `provider.account` in its file",
        ));
    }
    identity.arn.given("the caller's ARN")
}

async fn available_zones(aws: &Aws, wanted: usize) -> Result<Vec<String>, Error> {
    let request = aws.ec2.describe_availability_zones().filters(filter("zone-type", "availability-zone"));
    let answer = request.send().await.answer("DescribeAvailabilityZones")?;
    let mut zones: Vec<String> = answer
        .availability_zones
        .unwrap_or_default()
        .into_iter()
        .filter(|zone| zone.state == Some(AvailabilityZoneState::Available))
        .filter(|zone| !zone.zone_id().is_some_and(|id| ZONES_WITHOUT_EKS.contains(&id)))
        .filter_map(|zone| zone.zone_name)
        .collect();
    zones.sort();
    if zones.len() < wanted {
        let message = format!(
            "{} has {} zones that EKS can use, the environment asks for {wanted}",
            aws.region,
            zones.len()
        );
        return Err(Error::new(Class::Refused, message)
            .with_hint("lower `provider.network.zones`, or choose another region"));
    }
    zones.truncate(wanted);
    Ok(zones)
}

/// The id of the public DNS zone of `domain`, if it is in this account.
async fn public_zone(aws: &Aws, domain: Option<&str>) -> Result<Option<String>, Error> {
    let Some(domain) = domain else { return Ok(None) };
    let request = aws.route53.list_hosted_zones_by_name().dns_name(domain);
    let found = request.send().await.answer("ListHostedZonesByName")?.hosted_zones;
    let is_public = |zone: &HostedZone| !zone.config.as_ref().is_some_and(|config| config.private_zone);
    let zone = found.iter().find(|zone| dns_name::is_same(&zone.name, domain) && is_public(zone));
    Ok(zone.map(|zone| hosted_zone::bare_id(zone).to_owned()))
}
