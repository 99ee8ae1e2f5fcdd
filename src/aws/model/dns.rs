//! DNS: the zone of the environment's domain, its records for the load balancer, and the delegation from the parent zone.

use std::collections::BTreeSet;

use holodeck_engine::{Graph, Handle, Host, Input};
use serde_json::json;

use crate::aws::client::Aws;
use crate::aws::dns_record::{DnsRecord, Target};
use crate::aws::hosted_zone::HostedZone;
use crate::aws::model::Model;
use crate::aws::model::ingress::LoadBalancing;
use crate::provider;

/// Seconds that the delegation may be cached; name servers do not change unless the zone is made anew.
const DELEGATION_TTL_SECONDS: u32 = 300;

/// The environment's zone.
pub struct Zone {
    /// The zone itself.
    pub zone: Handle<HostedZone>,
    /// Its id.
    pub id: Input<String>,
    /// How the domain is found from outside.
    pub delegation: Delegation,
}

/// How the domain is found from outside.
pub enum Delegation {
    /// The environment asks for none.
    NotWanted,
    /// By a record in the parent zone, which is in this account.
    Made(Handle<DnsRecord>),
    /// By a record that others have to make in the parent zone, which is not in this account.
    ByOthers {
        /// The record's name; its type is NS.
        record: String,
        /// Its values.
        name_servers: Input<BTreeSet<String>>,
    },
}

impl Delegation {
    /// What others have to make.
    pub fn records(&self) -> Vec<provider::DnsRecord> {
        match self {
            Self::NotWanted | Self::Made(_) => Vec::new(),
            Self::ByOthers { record, name_servers } => {
                vec![provider::DnsRecord { name: record.clone(), kind: "NS", values: json!(name_servers) }]
            }
        }
    }
}

/// Registers the kinds of this layer.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<HostedZone>(host);
    graph.register::<DnsRecord>(host);
}

/// Adds the zone and its records.
pub fn declare(model: &Model<'_>, graph: &mut Graph, load_balancing: &LoadBalancing) -> Zone {
    graph.group("DNS");
    let domain = &model.environment.domain;
    let zone = graph.add(
        "main",
        HostedZone {
            domain: domain.clone(),
            comment: format!("Names of the environment {}", model.environment.name),
            marked: true,
            tags: model.tags(),
        },
    );
    let id = zone.output(HostedZone::ID);
    for (name, record) in [("apex", domain.clone()), ("wildcard", format!("*.{domain}"))] {
        let target = Target::Alias {
            dns_name: load_balancing.dns_name.clone(),
            zone_id: load_balancing.zone_id.clone(),
            evaluate_health: false,
        };
        let record =
            DnsRecord { zone_id: id.clone(), zone: domain.clone(), record, kind: "A".to_owned(), target };
        graph.add(name, record);
    }
    let delegation = delegate(model, graph, zone.output(HostedZone::NAME_SERVERS));
    Zone { zone, id, delegation }
}

fn delegate(model: &Model<'_>, graph: &mut Graph, name_servers: Input<BTreeSet<String>>) -> Delegation {
    let record = model.environment.domain.clone();
    let Some(parent_zone) = model.environment.dns.parent_zone.clone() else { return Delegation::NotWanted };
    let Some(parent_zone_id) = &model.facts.parent_zone_id else {
        return Delegation::ByOthers { record, name_servers };
    };
    let delegation = DnsRecord {
        zone_id: parent_zone_id.as_str().into(),
        zone: parent_zone,
        record,
        kind: "NS".to_owned(),
        target: Target::Values { ttl_seconds: DELEGATION_TTL_SECONDS, values: name_servers },
    };
    Delegation::Made(graph.add("delegation", delegation))
}
