//! Record sets: what one holds, when it is valid, and how a zone lists them.

use serde::{Deserialize, Serialize};

use aws_sdk_route53::operation::list_resource_record_sets::{
    ListResourceRecordSetsInput, ListResourceRecordSetsOutput,
};
use aws_sdk_route53::types::{
    AliasTarget, ResourceRecord, ResourceRecordSet, ResourceRecordSetFailover, ResourceRecordSetRegion,
    RrType,
};

use super::{invalid_input, name, page_size, zone};
use crate::aws::{Answer, Services, World};

/// One record set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    /// Of the API's type RRType.
    pub(super) kind: String,
    pub(super) set_identifier: Option<String>,
    weight: Option<i64>,
    region: Option<String>,
    failover: Option<String>,
    multi_value: Option<bool>,
    health_check: Option<String>,
    /// Seconds; none for an alias.
    ttl: Option<i64>,
    values: Vec<String>,
    alias: Option<Alias>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Alias {
    zone: String,
    name: String,
    evaluate_health: bool,
}

/// What the record sets of a zone are ordered and found by.
pub(super) type Key = (Vec<String>, String, Option<String>);

pub(super) fn register(services: &mut Services) {
    services.on(list);
}

impl Record {
    /// A plain record set.
    pub(super) fn plain(name: &str, kind: RrType, ttl: i64, values: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.as_str().to_owned(),
            set_identifier: None,
            weight: None,
            region: None,
            failover: None,
            multi_value: None,
            health_check: None,
            ttl: Some(ttl),
            values,
            alias: None,
        }
    }

    /// The record set of a request; otherwise what is wrong with it.
    pub(super) fn given(set: &ResourceRecordSet) -> Result<Self, String> {
        let kind = set.r#type.as_str();
        let Some(name) = name::normal(&set.name) else {
            return Err(format!(
                "[FATAL problem: DomainLabelEmpty or DomainLabelTooLong encountered with '{}']",
                set.name
            ));
        };
        let routed_by_place = set.geo_location.is_some()
            || set.geo_proximity_location.is_some()
            || set.cidr_routing_config.is_some();
        if routed_by_place {
            return Err(format!("routing by location of {name} is not simulated"));
        }
        let record = Self {
            kind: kind.to_owned(),
            set_identifier: set.set_identifier.clone(),
            weight: set.weight,
            region: set.region.as_ref().map(|region| region.as_str().to_owned()),
            failover: set.failover.as_ref().map(|failover| failover.as_str().to_owned()),
            multi_value: set.multi_value_answer,
            health_check: set.health_check_id.clone(),
            ttl: set.ttl,
            values: set.resource_records().iter().map(|record| record.value.clone()).collect(),
            alias: match &set.alias_target {
                Some(target) => Some(Alias {
                    zone: target.hosted_zone_id.clone(),
                    name: name::normal(&target.dns_name)
                        .ok_or_else(|| format!("'{}' is not a domain name", target.dns_name))?,
                    evaluate_health: target.evaluate_target_health,
                }),
                None => None,
            },
            name,
        };
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<(), String> {
        let what = format!("RRSet with DNS name {}, type {}", self.name, self.kind);
        match (&self.alias, self.ttl, self.values.is_empty()) {
            (Some(_), None, true) if self.kind != "NS" && self.kind != "SOA" => {}
            (None, Some(0..=2_147_483_647), false) => {}
            _ => {
                return Err(format!(
                    "{what} must have either a TTL and records or an alias target, and not both"
                ));
            }
        }
        let routed = self.weight.is_some()
            || self.region.is_some()
            || self.failover.is_some()
            || self.multi_value.is_some();
        if routed != self.set_identifier.is_some() {
            return Err(format!("{what} needs a SetIdentifier together with a routing policy"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for value in &self.values {
            if !seen.insert(value) {
                return Err(format!("{what} has the record '{value}' twice"));
            }
            if !value_fits(&self.kind, value) {
                return Err(format!("Invalid Resource Record: '{value}' is no value of type {}", self.kind));
            }
        }
        Ok(())
    }

    pub(super) fn key(&self) -> Key {
        (name::order(&self.name), self.kind.clone(), self.set_identifier.clone())
    }

    /// How messages of the service name a record set.
    pub(super) fn label(&self) -> String {
        match &self.set_identifier {
            None => format!("[name='{}', type='{}']", self.name, self.kind),
            Some(identifier) => {
                format!("[name='{}', type='{}', set-identifier='{identifier}']", self.name, self.kind)
            }
        }
    }

    fn shown(&self) -> Answer<ResourceRecordSet> {
        let values = self.values.iter().map(|value| Ok(ResourceRecord::builder().value(value).build()?));
        let alias = self.alias.as_ref().map(|alias| {
            AliasTarget::builder()
                .hosted_zone_id(&alias.zone)
                .dns_name(&alias.name)
                .evaluate_target_health(alias.evaluate_health)
                .build()
        });
        Ok(ResourceRecordSet::builder()
            .name(&self.name)
            .r#type(RrType::from(self.kind.as_str()))
            .set_set_identifier(self.set_identifier.clone())
            .set_weight(self.weight)
            .set_region(self.region.as_deref().map(ResourceRecordSetRegion::from))
            .set_failover(self.failover.as_deref().map(ResourceRecordSetFailover::from))
            .set_multi_value_answer(self.multi_value)
            .set_health_check_id(self.health_check.clone())
            .set_ttl(self.ttl)
            .set_resource_records(
                (!self.values.is_empty()).then(|| values.collect::<Answer<_>>()).transpose()?,
            )
            .set_alias_target(alias.transpose()?)
            .build()?)
    }
}

/// Whether a value can stand in a record of this type; checked for the types whose form is simple.
fn value_fits(kind: &str, value: &str) -> bool {
    match kind {
        "A" => value.parse::<std::net::Ipv4Addr>().is_ok(),
        "AAAA" => value.parse::<std::net::Ipv6Addr>().is_ok(),
        "TXT" | "SPF" => value.len() >= 2 && value.starts_with('"') && value.ends_with('"'),
        "CNAME" | "NS" | "PTR" => name::normal(value).is_some(),
        _ => !value.is_empty(),
    }
}

fn list(world: &mut World, input: &ListResourceRecordSetsInput) -> Answer<ListResourceRecordSetsOutput> {
    let size = page_size(input.max_items(), 300)?;
    let zone = zone(world, input.hosted_zone_id())?;
    let start = match (input.start_record_name(), input.start_record_type()) {
        (None, None) => None,
        (None, Some(_)) => return Err(invalid_input("A record type was given without a record name")),
        (Some(given), kind) => {
            let name = name::normal(given)
                .ok_or_else(|| invalid_input(format!("'{given}' is not a domain name")))?;
            let kind = kind.map(|kind| kind.as_str().to_owned()).unwrap_or_default();
            Some((name::order(&name), kind, input.start_record_identifier().map(str::to_owned)))
        }
    };
    let mut records =
        zone.records.values().filter(|record| start.as_ref().is_none_or(|start| record.key() >= *start));
    let shown = records.by_ref().take(size).map(Record::shown).collect::<Answer<Vec<_>>>()?;
    let next = records.next();
    Ok(ListResourceRecordSetsOutput::builder()
        .set_resource_record_sets(Some(shown))
        .is_truncated(next.is_some())
        .set_next_record_name(next.map(|record| record.name.clone()))
        .set_next_record_type(next.map(|record| RrType::from(record.kind.as_str())))
        .set_next_record_identifier(next.and_then(|record| record.set_identifier.clone()))
        .max_items(i32::try_from(size).unwrap_or(i32::MAX))
        .build()?)
}
