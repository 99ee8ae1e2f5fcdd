//! Availability zones and their ids (<https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html>).
//!
//! Which id a name stands for differs between real accounts; here names and ids go in the same order.

use aws_sdk_ec2::operation::describe_availability_zones::{
    DescribeAvailabilityZonesInput, DescribeAvailabilityZonesOutput,
};
use aws_sdk_ec2::types::{AvailabilityZone, AvailabilityZoneOptInStatus, AvailabilityZoneState};

use super::request::{self, not_found};
use crate::aws::filters::{Fields, one};
use crate::aws::{Answer, Services, World};

/// Region, prefix of its zone ids, letters of its zones, numbers of their ids.
const REGIONS: &[(&str, &str, &str, &str)] = &[
    ("af-south-1", "afs1", "abc", "123"),
    ("ap-east-1", "ape1", "abc", "123"),
    ("ap-northeast-1", "apne1", "acd", "412"),
    ("ap-northeast-2", "apne2", "abcd", "1234"),
    ("ap-northeast-3", "apne3", "abc", "123"),
    ("ap-south-1", "aps1", "abc", "132"),
    ("ap-south-2", "aps2", "abc", "123"),
    ("ap-southeast-1", "apse1", "abc", "123"),
    ("ap-southeast-2", "apse2", "abc", "132"),
    ("ca-central-1", "cac1", "abd", "124"),
    ("ca-west-1", "caw1", "abc", "123"),
    ("eu-central-1", "euc1", "abc", "231"),
    ("eu-central-2", "euc2", "abc", "123"),
    ("eu-north-1", "eun1", "abc", "123"),
    ("eu-south-1", "eus1", "abc", "123"),
    ("eu-south-2", "eus2", "abc", "123"),
    ("eu-west-1", "euw1", "abc", "123"),
    ("eu-west-2", "euw2", "abc", "231"),
    ("eu-west-3", "euw3", "abc", "123"),
    ("il-central-1", "ilc1", "abc", "123"),
    ("me-central-1", "mec1", "abc", "123"),
    ("me-south-1", "mes1", "abc", "123"),
    ("sa-east-1", "sae1", "abc", "123"),
    ("us-east-1", "use1", "abcdef", "124635"),
    ("us-east-2", "use2", "abc", "123"),
    ("us-west-1", "usw1", "ac", "31"),
    ("us-west-2", "usw2", "abcd", "2134"),
];

/// Names and ids of a region's zones. A region that is not in the table has three.
pub(super) fn zones(region: &str) -> Vec<(String, String)> {
    let known = REGIONS.iter().find(|(name, ..)| *name == region);
    let (prefix, letters, numbers) = known.map_or((region, "abc", "123"), |(_, p, l, n)| (*p, *l, *n));
    let pairs = letters.chars().zip(numbers.chars());
    pairs.map(|(letter, number)| (format!("{region}{letter}"), format!("{prefix}-az{number}"))).collect()
}

/// The name and id of the zone that is given by either; a zone that the region lacks is an error.
pub(super) fn find(region: &str, name: Option<&str>, id: Option<&str>) -> Answer<(String, String)> {
    let zones = zones(region);
    let wanted =
        |zone: &&(String, String)| Some(&*zone.0) == name || (name.is_none() && Some(&*zone.1) == id);
    let Some(given) = name.or(id) else {
        return zones.into_iter().next().ok_or_else(|| request::missing("availabilityZone"));
    };
    zones.iter().find(wanted).cloned().ok_or_else(|| {
        request::invalid(format!("Value ({given}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.", zones.iter().map(|zone| &*zone.0).collect::<Vec<_>>().join(", ")))
    })
}

const FIELDS: &Fields<AvailabilityZone> = &[
    ("group-name", |zone| one(zone.group_name())),
    ("opt-in-status", |zone| one(zone.opt_in_status())),
    ("region-name", |zone| one(zone.region_name())),
    ("state", |zone| one(zone.state())),
    ("zone-id", |zone| one(zone.zone_id())),
    ("zone-name", |zone| one(zone.zone_name())),
    ("zone-type", |zone| one(zone.zone_type())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(services, describe_availability_zones: DescribeAvailabilityZonesInput);
}

fn describe_availability_zones(
    world: &mut World,
    input: &DescribeAvailabilityZonesInput,
) -> Answer<DescribeAvailabilityZonesOutput> {
    let zones = zones(&world.region);
    for name in input.zone_names() {
        if !zones.iter().any(|zone| zone.0 == *name) {
            return Err(request::invalid(format!("Invalid availability zone: [{name}]")));
        }
    }
    for id in input.zone_ids() {
        if !zones.iter().any(|zone| zone.1 == *id) {
            return Err(not_found("InvalidParameterValue", "availability zone id", id));
        }
    }
    let asked = |(name, id): &(String, String)| {
        (input.zone_names().is_empty() || input.zone_names().contains(name))
            && (input.zone_ids().is_empty() || input.zone_ids().contains(id))
    };
    let shown = zones.into_iter().filter(asked).map(|(name, id)| {
        AvailabilityZone::builder()
            .group_name(&world.region)
            .network_border_group(&world.region)
            .opt_in_status(AvailabilityZoneOptInStatus::OptInNotRequired)
            .region_name(&world.region)
            .state(AvailabilityZoneState::Available)
            .zone_id(id)
            .zone_name(name)
            .zone_type("availability-zone")
            .build()
    });
    let shown = request::filtered(shown, input.filters(), FIELDS, |_| &[])?;
    Ok(DescribeAvailabilityZonesOutput::builder().set_availability_zones(Some(shown)).build())
}
