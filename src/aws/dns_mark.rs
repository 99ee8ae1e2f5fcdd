//! The marks by which records in Route 53, which have no tags, are known as ours.
//!
//! Beside each record that we make stands, made and removed in the same batch, a TXT record
//! `NAME._holodeck-ENVIRONMENT.ZONE` that holds the record's type and name. All marks of an environment in a zone are
//! neighbours in the order of the zone, so one request finds them. What has no mark is not ours, in our own zone neither.

use aws_sdk_route53::types::{ResourceRecord, ResourceRecordSet, RrType};
use holodeck_engine::Error;

use crate::aws::answer::Answer;
use crate::aws::client::Aws;
use crate::aws::dns_name;

/// Seconds that a mark may be cached.
const TTL: i64 = 300;

/// What a mark tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The name that the record has in addresses.
    pub name: String,
    /// The record's type.
    pub kind: String,
    /// The record's domain name.
    pub record: String,
}

/// Below which name the marks of our environment stand in `zone`.
pub fn place(aws: &Aws, zone: &str) -> String {
    format!("_holodeck-{}.{zone}", aws.owner.environment)
}

impl Mark {
    /// The domain name of the mark in `zone`.
    pub fn domain_name(&self, aws: &Aws, zone: &str) -> String {
        format!("{}.{}", self.name, place(aws, zone))
    }

    /// The record that is the mark.
    pub fn record_set(&self, aws: &Aws, zone: &str) -> Result<ResourceRecordSet, Error> {
        let value = format!("\"{}\" \"{}\"", self.kind, self.record);
        let build = || {
            ResourceRecordSet::builder()
                .name(self.domain_name(aws, zone))
                .r#type(RrType::Txt)
                .ttl(TTL)
                .resource_records(ResourceRecord::builder().value(value).build()?)
                .build()
        };
        build().map_err(|error| Error::bug("a mark of a record is incomplete").with_source(error))
    }

    /// What a record tells, if it is a mark of ours in `zone`.
    pub fn read(aws: &Aws, zone: &str, set: &ResourceRecordSet) -> Option<Self> {
        let domain_name = dns_name::readable(&set.name);
        let name = domain_name.strip_suffix(&place(aws, zone))?.strip_suffix('.')?;
        let value = &set.resource_records().first()?.value;
        let (kind, record) = value.strip_prefix('"')?.strip_suffix('"')?.split_once("\" \"")?;
        (set.r#type == RrType::Txt && !name.is_empty()).then(|| Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            record: dns_name::readable(record),
        })
    }

    /// The marks of our environment in a zone; none in a zone that is gone.
    pub async fn list(aws: &Aws, zone_id: &str, zone: &str) -> Result<Vec<Self>, Error> {
        let mut marks = Vec::new();
        let mut start = Some((place(aws, zone), RrType::Txt));
        while let Some((name, kind)) = start.take() {
            let request = aws.route53.list_resource_record_sets().hosted_zone_id(zone_id);
            let request = request.start_record_name(name).start_record_type(kind).send().await;
            let page = request.answer_unless("ListResourceRecordSets", &["NoSuchHostedZone"])?;
            let Some(page) = page else { break };
            let found: Vec<Self> =
                page.resource_record_sets.iter().filter_map(|set| Self::read(aws, zone, set)).collect();
            // Where the page goes beyond the marks there are no more.
            if found.len() == page.resource_record_sets.len() {
                start = page.next_record_name.zip(page.next_record_type);
            }
            marks.extend(found);
        }
        Ok(marks)
    }
}
