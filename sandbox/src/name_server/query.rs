//! Queries, answered out of the zone (RFC 1034, section 4.3.2).

use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::name::ToName;
use domain::base::{Message, Record, Serial, Ttl};
use domain::rdata::Soa;

use super::zone::{Set, Zone};
use super::{Reply, WireName, WireRecord};

/// Seconds that the absence of a record may be remembered.
const ABSENCE: Ttl = Ttl::from_secs(60);

/// What `zone`, whose name is `apex`, answers.
pub(super) fn answer(zone: &Zone, apex: &WireName, request: &Message<Vec<u8>>) -> Result<Reply, Rcode> {
    let question = request.sole_question().map_err(|_| Rcode::FORMERR)?;
    let (name, kind) = (question.qname().to_vec(), question.qtype());
    if !name.ends_with(apex) {
        return Err(Rcode::REFUSED);
    }
    let soa = soa(zone, apex);
    if kind == Rtype::SOA && name == *apex {
        return Ok(Reply { rcode: Rcode::NOERROR, answers: vec![soa], authority: Vec::new() });
    }
    let owner = match zone.reaches(&name) || name == *apex {
        true => Some(name.clone()),
        false => wildcard(zone, apex, &name),
    };
    let Some(owner) = owner else {
        return Ok(Reply { rcode: Rcode::NXDOMAIN, answers: Vec::new(), authority: vec![soa] });
    };
    match zone.set(&owner, kind).or_else(|| zone.set(&owner, Rtype::CNAME)) {
        Some(set) => {
            Ok(Reply { rcode: Rcode::NOERROR, answers: records(&name, set)?, authority: Vec::new() })
        }
        None => Ok(Reply { rcode: Rcode::NOERROR, answers: Vec::new(), authority: vec![soa] }),
    }
}

/// The wildcard that stands for `name`, which does not exist: the one below the nearest name above it that does.
fn wildcard(zone: &Zone, apex: &WireName, name: &WireName) -> Option<WireName> {
    let mut above = name.parent()?;
    while !zone.reaches(&above.to_vec()) && above != *apex {
        above = above.parent()?;
    }
    let wildcard = format!("*.{above}").parse().ok()?;
    zone.has(&wildcard).then_some(wildcard)
}

fn records(name: &WireName, set: &Set) -> Result<Vec<WireRecord>, Rcode> {
    let record = |data: &super::data::Data| {
        Ok(Record::new(name.clone(), Class::IN, Ttl::from_secs(set.ttl), data.wire()?))
    };
    set.records.iter().map(record).collect()
}

fn soa(zone: &Zone, apex: &WireName) -> WireRecord {
    let period = Ttl::from_hours(1);
    let serial = Serial(zone.serial);
    let soa = Soa::new(apex.clone(), apex.clone(), serial, period, period, period, ABSENCE);
    Record::new(apex.clone(), Class::IN, ABSENCE, soa.into())
}
