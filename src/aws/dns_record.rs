//! Records of Route 53
//! (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>).
//!
//! Records have no tags: a [`Mark`] beside each tells that it is ours, in our own zone as in the one that delegates to it. A
//! record that stands there already and has no mark is left alone, and reported. That all name servers know of a change is
//! not awaited: nobody has asked for these names before.

use std::collections::BTreeSet;

use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, HostedZone as ZoneDescription, ResourceRecord,
    ResourceRecordSet, RrType,
};
use futures::future::try_join_all;
use holodeck_engine::{Class, Error, FieldChange, Input, Observed, Order, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use crate::aws::answer::Answer;
use crate::aws::client::Aws;
use crate::aws::dns_leftovers::batch;
use crate::aws::dns_mark::Mark;
use crate::aws::{dns_name, hosted_zone};

/// All values of one type under one name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DnsRecord {
    /// The id of the zone that it stands in.
    pub zone_id: Input<String>,
    /// The domain of that zone.
    pub zone: String,
    /// Its domain name, in which a leading `*` label stands for any.
    pub record: String,
    /// Its type, such as `A`.
    pub kind: String,
    /// What it answers.
    pub target: Target,
}

/// What a record answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The addresses of something that AWS runs, such as a load balancer.
    Alias {
        /// Its domain name.
        dns_name: Input<String>,
        /// The id of the zone of that name, which is AWS's.
        zone_id: Input<String>,
        /// Whether an unhealthy target is not given as an answer.
        evaluate_health: bool,
    },
    /// These values.
    Values {
        /// Seconds that an answer may be cached.
        ttl_seconds: u32,
        /// The values as in a zone file.
        values: Input<BTreeSet<String>>,
    },
}

/// A record puts nothing out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {}

impl Resource for DnsRecord {
    const KIND: &'static str = "aws.dns_record";
    const DISPOSABLE: bool = true;
    type Outputs = Outputs;
    type Client = Aws;

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["zone_id", "zone", "record", "kind"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        let is_same = self.target.is_same(&actual.target, &self.kind);
        let target = if is_same { self.target.clone() } else { actual.target };
        Self { target, ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let zones = hosted_zone::all(aws).await?;
        let found = with_marks(aws, &zones).into_iter().map(|zone| in_zone(aws, zone));
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let change = |action, set| Change::builder().action(action).resource_record_set(set).build();
        let set = self.record_set()?;
        let mark = self.mark(name).record_set(aws, &self.zone)?;
        let build = || {
            let changes = [change(ChangeAction::Create, set)?, change(ChangeAction::Upsert, mark)?];
            ChangeBatch::builder().set_changes(Some(changes.into())).build()
        };
        let request = aws.route53.change_resource_record_sets().hosted_zone_id(self.zone_id.get()?);
        let answer = request.change_batch(build().map_err(incomplete)?).send().await;
        let is_refused = answer.as_ref().is_err_and(|error| error.code() == Some("InvalidChangeBatch"));
        match answer.answer("ChangeResourceRecordSets") {
            Ok(_) => Ok(None),
            Err(mut error) if is_refused => {
                error.class = Class::Conflict;
                let hint = format!(
                    "if `{}` ({}) exists already in zone `{}`, this environment does not own it: remove it",
                    self.record, self.kind, self.zone
                );
                Err(error.with_hint(hint))
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        &self,
        aws: &Aws,
        _seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let batch = batch(ChangeAction::Upsert, &[self.record_set()?])?;
        let request = aws.route53.change_resource_record_sets().hosted_zone_id(self.zone_id.get()?);
        request.change_batch(batch).send().await.answer("ChangeResourceRecordSets")?;
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let Self { zone_id, zone, record, kind, .. } = &seen.attributes;
        let zone_id = zone_id.get()?;
        let mark = seen.attributes.mark(&seen.name).domain_name(aws, zone);
        // A record is removed only by naming it as it is now.
        let present =
            try_join_all([find(aws, zone_id, record, kind), find(aws, zone_id, &mark, "TXT")]).await?;
        let present: Vec<ResourceRecordSet> = present.into_iter().flatten().collect();
        if present.is_empty() {
            return Ok(());
        }
        let request = aws.route53.change_resource_record_sets().hosted_zone_id(zone_id);
        let request = request.change_batch(batch(ChangeAction::Delete, &present)?);
        request.send().await.answer_or_wait("ChangeResourceRecordSets", &["InvalidChangeBatch"])?;
        Ok(())
    }
}

impl DnsRecord {
    fn mark(&self, name: &str) -> Mark {
        Mark { name: name.to_owned(), kind: self.kind.clone(), record: self.record.clone() }
    }

    fn record_set(&self) -> Result<ResourceRecordSet, Error> {
        let set = ResourceRecordSet::builder().name(&self.record).r#type(RrType::from(&*self.kind));
        let set = match &self.target {
            Target::Alias { dns_name, zone_id, evaluate_health } => set.alias_target(
                AliasTarget::builder()
                    .dns_name(dns_name.get()?)
                    .hosted_zone_id(zone_id.get()?)
                    .evaluate_target_health(*evaluate_health)
                    .build()
                    .map_err(incomplete)?,
            ),
            Target::Values { ttl_seconds, values } => {
                let value = |value| ResourceRecord::builder().value(value).build();
                let values = values.get()?.iter().map(value).collect::<Result<_, _>>().map_err(incomplete)?;
                set.ttl(i64::from(*ttl_seconds)).set_resource_records(Some(values))
            }
        };
        set.build().map_err(incomplete)
    }
}

impl Target {
    /// Whether both mean the same: names in any spelling.
    fn is_same(&self, other: &Self, kind: &str) -> bool {
        let is_same_name = |one: &Input<String>, other: &Input<String>| match (one.known(), other.known()) {
            (Some(one), Some(other)) => dns_name::is_same(one, other),
            _ => false,
        };
        match (self, other) {
            (
                Self::Alias { dns_name: one, zone_id, evaluate_health },
                Self::Alias { dns_name: other, zone_id: other_zone, evaluate_health: other_health },
            ) => is_same_name(one, other) && zone_id == other_zone && evaluate_health == other_health,
            (
                Self::Values { ttl_seconds, values: Input::Known(one) },
                Self::Values { ttl_seconds: other_ttl, values: Input::Known(other) },
            ) if matches!(kind, "NS" | "CNAME") => {
                let names = |values: &BTreeSet<String>| {
                    values.iter().map(|name| dns_name::readable(name).to_lowercase()).collect::<BTreeSet<_>>()
                };
                ttl_seconds == other_ttl && names(one) == names(other)
            }
            _ => self == other,
        }
    }
}

fn incomplete(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::bug("a record is incomplete").with_source(error)
}

/// The zones that can hold records of ours: our own and those above them. As long as, or since, we have no zone any public one
/// may.
fn with_marks<'a>(aws: &Aws, zones: &'a [ZoneDescription]) -> Vec<&'a ZoneDescription> {
    let ours: Vec<&str> = zones
        .iter()
        .filter(|zone| hosted_zone::own_name(aws, zone).is_some())
        .map(|zone| &*zone.name)
        .collect();
    let can_hold = |zone: &&ZoneDescription| {
        let is_private = zone.config.as_ref().is_some_and(|config| config.private_zone);
        let is_near = |own: &&str| zone.name == **own || dns_name::is_below(own, &zone.name);
        !is_private && (ours.is_empty() || ours.iter().any(is_near))
    };
    zones.iter().filter(can_hold).collect()
}

async fn in_zone(aws: &Aws, zone: &ZoneDescription) -> Result<Vec<Observed<DnsRecord>>, Error> {
    let (id, domain) = (hosted_zone::bare_id(zone), dns_name::readable(&zone.name));
    let marks = Mark::list(aws, id, &domain).await?;
    let observed = marks.into_iter().map(async |mark| {
        let found = find(aws, id, &mark.record, &mark.kind).await?;
        Ok::<_, Error>(found.map(|found| observe(id, &domain, mark, &found)))
    });
    Ok(try_join_all(observed).await?.into_iter().flatten().collect())
}

/// The record of this name and type as it is now.
async fn find(aws: &Aws, zone_id: &str, name: &str, kind: &str) -> Result<Option<ResourceRecordSet>, Error> {
    let request = aws
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(zone_id)
        .start_record_name(name)
        .start_record_type(RrType::from(kind))
        .max_items(1);
    let page = request.send().await.answer_unless("ListResourceRecordSets", &["NoSuchHostedZone"])?;
    let first = page.and_then(|page| page.resource_record_sets.into_iter().next());
    Ok(first.filter(|set| dns_name::is_same(&set.name, name) && set.r#type.as_str() == kind))
}

fn observe(zone_id: &str, zone: &str, mark: Mark, found: &ResourceRecordSet) -> Observed<DnsRecord> {
    let target = match found.alias_target() {
        Some(alias) => Target::Alias {
            dns_name: dns_name::readable(&alias.dns_name).into(),
            zone_id: alias.hosted_zone_id.clone().into(),
            evaluate_health: alias.evaluate_target_health,
        },
        None => Target::Values {
            ttl_seconds: found.ttl.and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default(),
            values: Input::Known(
                found.resource_records().iter().map(|record| record.value.clone()).collect(),
            ),
        },
    };
    let Mark { name, kind, record } = mark;
    Observed {
        name,
        id: format!("{zone_id}/{record}/{kind}"),
        attributes: DnsRecord { zone_id: zone_id.into(), zone: zone.to_owned(), record, kind, target },
        outputs: Outputs {},
        status: Status::Ready,
        uses: Vec::new(),
    }
}
