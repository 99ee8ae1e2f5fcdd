//! Public hosted zones of Route 53
//! (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html>).
//!
//! A zone gets its tags only after it was made, so whose it is tells its caller reference, which is given with the creation
//! and never changes: `holodeck/ENVIRONMENT/NAME/MOMENT`. The moment makes each creation distinct, since a reference may not
//! be used a second time.

use aws_sdk_route53::types::{HostedZone as Description, HostedZoneConfig, Tag, TagResourceType};
use futures::future::{try_join, try_join_all};
use holodeck_engine::{Durations, Error, FieldChange, Observed, Order, Output, Resource, Status, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::aws::answer::Answer;
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::dns_leftovers;
use crate::aws::dns_name;
use crate::aws::owner::{self, Tags};

/// A public zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostedZone {
    /// The domain that it answers for.
    pub domain: String,
    /// What it is for.
    pub comment: String,
    /// Whether it carries the tags that mark ownership, for people: the program does not need them.
    pub marked: bool,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a zone puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
    name_servers: BTreeSet<String>,
}

impl HostedZone {
    /// Its id.
    pub const ID: Output<Self, String> = Output::new("id");
    /// The name servers that answer for it.
    pub const NAME_SERVERS: Output<Self, BTreeSet<String>> = Output::new("name_servers");
}

/// All zones in the account.
pub(super) async fn all(aws: &Aws) -> Result<Vec<Description>, Error> {
    let pages = aws.route53.list_hosted_zones().into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.answer("ListHostedZones")?;
    Ok(pages.into_iter().flat_map(|page| page.hosted_zones).collect())
}

/// The name that a zone has in addresses, if it is ours.
pub(super) fn own_name<'a>(aws: &Aws, zone: &'a Description) -> Option<&'a str> {
    let (name, _moment) = zone.caller_reference.strip_prefix(&reference_prefix(aws))?.split_once('/')?;
    Some(name)
}

/// A zone's id without the `/hostedzone/` before it.
pub(super) fn bare_id(zone: &Description) -> &str {
    zone.id.strip_prefix("/hostedzone/").unwrap_or(&zone.id)
}

fn reference_prefix(aws: &Aws) -> String {
    format!("holodeck/{}/", aws.owner.environment)
}

impl Resource for HostedZone {
    const KIND: &'static str = "aws.hosted_zone";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(2, 1, 5, 600)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["domain"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let zones = all(aws).await?;
        let ours = zones.into_iter().filter_map(|zone| {
            let name = own_name(aws, &zone)?.to_owned();
            Some(observe(aws, name, zone))
        });
        Ok(try_join_all(ours).await?.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let moment = Timestamp::now().as_nanosecond();
        let request = aws
            .route53
            .create_hosted_zone()
            .name(&self.domain)
            .caller_reference(format!("{}{name}/{moment}", reference_prefix(aws)))
            .hosted_zone_config(HostedZoneConfig::builder().comment(&self.comment).build());
        request.send().await.answer("CreateHostedZone")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "comment") {
            let request = aws.route53.update_hosted_zone_comment().id(&seen.id).comment(&self.comment);
            request.send().await.answer("UpdateHostedZoneComment")?;
        }
        if touches(changes, "tags") || touches(changes, "marked") {
            let tags = aws.owner.tags(&seen.name, &self.tags);
            let tag = |(key, value)| Tag::builder().key(key).value(value).build();
            let request = aws
                .route53
                .change_tags_for_resource()
                .resource_type(TagResourceType::Hostedzone)
                .resource_id(&seen.id)
                .set_add_tags(Some(tags.into_iter().map(tag).collect()));
            request.send().await.answer("ChangeTagsForResource")?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        dns_leftovers::clear(aws, &seen.id, &seen.attributes.domain).await?;
        let request = aws.route53.delete_hosted_zone().id(&seen.id).send().await;
        request.removed("DeleteHostedZone", &["NoSuchHostedZone"], &["HostedZoneNotEmpty"])
    }
}

async fn observe(aws: &Aws, name: String, zone: Description) -> Result<Option<Observed<HostedZone>>, Error> {
    let id = bare_id(&zone).to_owned();
    let gone = ["NoSuchHostedZone"];
    let (details, tags) = try_join(
        async { aws.route53.get_hosted_zone().id(&id).send().await.answer_unless("GetHostedZone", &gone) },
        async {
            let request = aws.route53.list_tags_for_resource().resource_type(TagResourceType::Hostedzone);
            request.resource_id(&id).send().await.answer_unless("ListTagsForResource", &gone)
        },
    )
    .await?;
    let (Some(details), Some(tags)) = (details, tags) else { return Ok(None) };
    let tags = tags.resource_tag_set.and_then(|set| aws.owner.recognise(set.tags()));
    let servers = details.delegation_set.map(|set| set.name_servers).unwrap_or_default();
    let attributes = HostedZone {
        domain: dns_name::readable(&zone.name),
        comment: zone.config.and_then(|config| config.comment).unwrap_or_default(),
        marked: tags.is_some(),
        tags: tags.map(|(_, tags)| tags).unwrap_or_default(),
    };
    let outputs = Outputs { id: id.clone(), name_servers: servers.into_iter().collect() };
    Ok(Some(Observed { name, id, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}
