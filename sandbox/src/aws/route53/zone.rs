//! Hosted zones: each begins with four name servers, its SOA and its NS records, and must be back to these to be deleted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use aws_sdk_route53::operation::create_hosted_zone::{CreateHostedZoneInput, CreateHostedZoneOutput};
use aws_sdk_route53::operation::delete_hosted_zone::{DeleteHostedZoneInput, DeleteHostedZoneOutput};
use aws_sdk_route53::operation::get_hosted_zone::{GetHostedZoneInput, GetHostedZoneOutput};
use aws_sdk_route53::operation::list_hosted_zones::{ListHostedZonesInput, ListHostedZonesOutput};
use aws_sdk_route53::operation::list_hosted_zones_by_name::{
    ListHostedZonesByNameInput, ListHostedZonesByNameOutput,
};
use aws_sdk_route53::operation::update_hosted_zone_comment::{
    UpdateHostedZoneCommentInput, UpdateHostedZoneCommentOutput,
};
use aws_sdk_route53::types::{DelegationSet, HostedZone, HostedZoneConfig, RrType, Vpc, VpcRegion};

use super::record::{Key, Record};
use super::{bare, invalid_input, name, page_size, submit, zone, zone_mut};
use crate::aws::{Answer, ApiError, Services, Tags, World};

/// One hosted zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Zone {
    id: String,
    pub(super) name: String,
    caller_reference: String,
    comment: Option<String>,
    /// The networks that see a private zone; none for a public one.
    vpcs: Vec<(String, String)>,
    name_servers: Vec<String>,
    pub(super) tags: Tags,
    #[serde(with = "records")]
    pub(super) records: BTreeMap<Key, Record>,
}

/// The key of a record is part of the record: only the records are written.
mod records {
    use super::{BTreeMap, Key, Record};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        records: &BTreeMap<Key, Record>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(records.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Key, Record>, D::Error> {
        let records = Vec::<Record>::deserialize(from)?;
        Ok(records.into_iter().map(|record| (record.key(), record)).collect())
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(create).on(get).on(list).on(list_by_name).on(update_comment).on(delete);
}

impl Zone {
    /// A public zone with its first records; `name` in the kept form.
    pub(super) fn new(id: &str, name: &str, caller_reference: &str) -> Self {
        let name_servers = name_servers(id);
        let soa = format!("{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400", name_servers[0]);
        let ns = name_servers.iter().map(|server| format!("{server}.")).collect();
        let first =
            [Record::plain(name, RrType::Ns, 172_800, ns), Record::plain(name, RrType::Soa, 900, vec![soa])];
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            caller_reference: caller_reference.to_owned(),
            comment: None,
            vpcs: Vec::new(),
            name_servers: name_servers.to_vec(),
            tags: Tags::new(),
            records: first.into_iter().map(|record| (record.key(), record)).collect(),
        }
    }

    fn shown(&self) -> Answer<HostedZone> {
        let config = HostedZoneConfig::builder()
            .set_comment(self.comment.clone())
            .private_zone(!self.vpcs.is_empty())
            .build();
        Ok(HostedZone::builder()
            .id(format!("/hostedzone/{}", self.id))
            .name(&self.name)
            .caller_reference(&self.caller_reference)
            .config(config)
            .resource_record_set_count(i64::try_from(self.records.len()).unwrap_or(i64::MAX))
            .build()?)
    }

    /// Only public zones are delegated to.
    fn delegation(&self) -> Answer<Option<DelegationSet>> {
        if !self.vpcs.is_empty() {
            return Ok(None);
        }
        Ok(Some(DelegationSet::builder().set_name_servers(Some(self.name_servers.clone())).build()?))
    }
}

/// Four name servers, one under each of the top-level domains that AWS uses, the same for the same zone.
fn name_servers(id: &str) -> [String; 4] {
    let digest = Sha256::digest(id.as_bytes());
    let server = |position: usize, domain: &str| {
        let number = u16::from_be_bytes([digest[2 * position], digest[2 * position + 1]]) % 512;
        format!("ns-{}.awsdns-{:02}.{domain}", usize::from(number) + 512 * position, number % 64)
    };
    [server(0, "com"), server(1, "net"), server(2, "org"), server(3, "co.uk")]
}

fn vpc(id: &str, region: &str) -> Vpc {
    Vpc::builder().vpc_id(id).vpc_region(VpcRegion::from(region)).build()
}

fn create(world: &mut World, input: &CreateHostedZoneInput) -> Answer<CreateHostedZoneOutput> {
    let given = input.name().unwrap_or_default();
    let Some(name) = name::normal(given).filter(|name| !name.contains('\\')) else {
        return Err(ApiError::new("InvalidDomainName", format!("'{given}' is not a valid domain name")));
    };
    let reference = input.caller_reference().unwrap_or_default();
    if reference.is_empty() || reference.len() > 128 {
        return Err(invalid_input("The caller reference must have 1 to 128 characters"));
    }
    if world.route53.zones.values().any(|zone| zone.caller_reference == reference) {
        return Err(ApiError::new(
            "HostedZoneAlreadyExists",
            format!(
                "A hosted zone has already been created with the specified caller reference: {reference}"
            ),
        ));
    }
    let id = world.unique_id("Z");
    let mut zone = Zone::new(&id, &name, reference);
    zone.comment = input.hosted_zone_config().and_then(|config| config.comment.clone());
    if let Some(given) = input.vpc() {
        let region = given.vpc_region().map_or(world.region.as_str(), VpcRegion::as_str);
        zone.vpcs.push((given.vpc_id().unwrap_or_default().to_owned(), region.to_owned()));
    } else if input.hosted_zone_config().is_some_and(|config| config.private_zone) {
        return Err(invalid_input("A private hosted zone needs a VPC"));
    }
    let shown = zone.shown()?;
    let delegation = zone.delegation()?;
    let first_vpc = zone.vpcs.first().map(|(id, region)| vpc(id, region));
    world.route53.zones.insert(id.clone(), zone);
    Ok(CreateHostedZoneOutput::builder()
        .hosted_zone(shown)
        .change_info(submit(world, None)?)
        .set_delegation_set(delegation)
        .set_vpc(first_vpc)
        .location(format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{id}"))
        .build()?)
}

fn get(world: &mut World, input: &GetHostedZoneInput) -> Answer<GetHostedZoneOutput> {
    let zone = zone(world, input.id())?;
    let vpcs: Vec<Vpc> = zone.vpcs.iter().map(|(id, region)| vpc(id, region)).collect();
    Ok(GetHostedZoneOutput::builder()
        .hosted_zone(zone.shown()?)
        .set_delegation_set(zone.delegation()?)
        .set_vpcs((!vpcs.is_empty()).then_some(vpcs))
        .build())
}

fn list(world: &mut World, input: &ListHostedZonesInput) -> Answer<ListHostedZonesOutput> {
    let size = page_size(input.max_items(), 100)?;
    let marker = input.marker().map(bare);
    if let Some(marker) = marker
        && !world.route53.zones.contains_key(marker)
    {
        return Err(super::no_such_zone(marker));
    }
    let mut zones =
        world.route53.zones.iter().filter(|(id, _)| marker.is_none_or(|marker| id.as_str() >= marker));
    let shown = zones.by_ref().take(size).map(|(_, zone)| zone.shown()).collect::<Answer<Vec<_>>>()?;
    let next = zones.next().map(|(id, _)| id.clone());
    Ok(ListHostedZonesOutput::builder()
        .set_hosted_zones(Some(shown))
        .marker(marker.unwrap_or_default())
        .is_truncated(next.is_some())
        .set_next_marker(next)
        .max_items(i32::try_from(size).unwrap_or(i32::MAX))
        .build()?)
}

fn list_by_name(
    world: &mut World,
    input: &ListHostedZonesByNameInput,
) -> Answer<ListHostedZonesByNameOutput> {
    let size = page_size(input.max_items(), 100)?;
    let start = match input.dns_name() {
        None if input.hosted_zone_id().is_some() => {
            return Err(invalid_input("A hosted zone id was given without a DNS name"));
        }
        None => None,
        Some(given) => {
            let invalid =
                || ApiError::new("InvalidDomainName", format!("'{given}' is not a valid domain name"));
            let name = name::normal(given).ok_or_else(invalid)?;
            Some((name::order(&name), input.hosted_zone_id().map(bare).unwrap_or_default().to_owned()))
        }
    };
    let mut zones: Vec<_> =
        world.route53.zones.values().map(|zone| ((name::order(&zone.name), zone.id.clone()), zone)).collect();
    zones.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut zones = zones.into_iter().filter(|(key, _)| start.as_ref().is_none_or(|start| key >= start));
    let shown = zones.by_ref().take(size).map(|(_, zone)| zone.shown()).collect::<Answer<Vec<_>>>()?;
    let next = zones.next().map(|(_, zone)| zone);
    Ok(ListHostedZonesByNameOutput::builder()
        .set_hosted_zones(Some(shown))
        .set_dns_name(input.dns_name.clone())
        .set_hosted_zone_id(input.hosted_zone_id.clone())
        .is_truncated(next.is_some())
        .set_next_dns_name(next.map(|zone| zone.name.clone()))
        .set_next_hosted_zone_id(next.map(|zone| zone.id.clone()))
        .max_items(i32::try_from(size).unwrap_or(i32::MAX))
        .build()?)
}

fn update_comment(
    world: &mut World,
    input: &UpdateHostedZoneCommentInput,
) -> Answer<UpdateHostedZoneCommentOutput> {
    let zone = zone_mut(world, input.id())?;
    zone.comment = input.comment.clone();
    Ok(UpdateHostedZoneCommentOutput::builder().hosted_zone(zone.shown()?).build())
}

fn delete(world: &mut World, input: &DeleteHostedZoneInput) -> Answer<DeleteHostedZoneOutput> {
    let zone = zone(world, input.id())?;
    let own = |record: &Record| record.name == zone.name && (record.kind == "NS" || record.kind == "SOA");
    if !zone.records.values().all(own) {
        return Err(ApiError::new(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
        ));
    }
    let id = zone.id.clone();
    world.route53.zones.remove(&id);
    Ok(DeleteHostedZoneOutput::builder().change_info(submit(world, None)?).build())
}
