//! Dynamic updates (RFC 2136, section 3): what they presuppose is checked first, then all changes are made, or none.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::Message;
use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::name::ToName;
use domain::base::record::ParsedRecord;

use super::WireName;
use super::data::Data;
use super::zone::Zone;

/// Carries out what `request` asks of `zone`, whose name is `apex`.
pub(super) fn carry_out(zone: &mut Zone, apex: &WireName, request: &Message<Vec<u8>>) -> Result<(), Rcode> {
    let section = request.zone().next().ok_or(Rcode::FORMERR)?.map_err(|_| Rcode::FORMERR)?;
    if section.qtype() != Rtype::SOA {
        return Err(Rcode::FORMERR);
    }
    if section.qname().to_vec() != *apex {
        return Err(Rcode::NOTAUTH);
    }
    let prerequisites = request.prerequisite().map_err(|_| Rcode::FORMERR)?;
    presuppose(zone, apex, prerequisites.map(|record| record.map_err(|_| Rcode::FORMERR)))?;
    let mut changed = zone.clone();
    for record in request.update().map_err(|_| Rcode::FORMERR)? {
        change(&mut changed, apex, &record.map_err(|_| Rcode::FORMERR)?)?;
    }
    if changed != *zone {
        changed.serial += 1;
        *zone = changed;
    }
    Ok(())
}

/// Checks the prerequisites (section 3.2).
fn presuppose<'a>(
    zone: &Zone,
    apex: &WireName,
    prerequisites: impl Iterator<Item = Result<ParsedRecord<'a, Vec<u8>>, Rcode>>,
) -> Result<(), Rcode> {
    let mut exact: BTreeMap<(String, Rtype), (WireName, BTreeSet<Data>)> = BTreeMap::new();
    for record in prerequisites {
        let record = record?;
        let (name, kind) = (named(apex, &record)?, record.rtype());
        match (record.class(), kind) {
            (Class::ANY, Rtype::ANY) if !zone.has(&name) => return Err(Rcode::NXDOMAIN),
            (Class::NONE, Rtype::ANY) if zone.has(&name) => return Err(Rcode::YXDOMAIN),
            (Class::ANY | Class::NONE, Rtype::ANY) => {}
            (Class::ANY, _) if zone.set(&name, kind).is_none() => return Err(Rcode::NXRRSET),
            (Class::NONE, _) if zone.set(&name, kind).is_some() => return Err(Rcode::YXRRSET),
            (Class::ANY | Class::NONE, _) => {}
            (Class::IN, _) => {
                let set = exact.entry((name.to_string(), kind)).or_insert_with(|| (name, BTreeSet::new()));
                set.1.insert(Data::read(&record)?);
            }
            _ => return Err(Rcode::FORMERR),
        }
    }
    let holds = |((_, kind), (name, wanted)): (&(String, Rtype), &(WireName, BTreeSet<Data>))| {
        zone.set(name, *kind).is_some_and(|set| set.records == *wanted)
    };
    if exact.iter().all(holds) { Ok(()) } else { Err(Rcode::NXRRSET) }
}

/// Makes one change (section 3.4.2).
fn change(zone: &mut Zone, apex: &WireName, record: &ParsedRecord<'_, Vec<u8>>) -> Result<(), Rcode> {
    let name = named(apex, record)?;
    match record.class() {
        Class::IN => zone.add(&name, record.ttl().as_secs(), Data::read(record)?),
        Class::NONE => zone.remove(&name, &Data::read(record)?),
        Class::ANY if record.rdlen() == 0 => zone.remove_set(&name, record.rtype()),
        _ => return Err(Rcode::FORMERR),
    }
    Ok(())
}

/// The name that a record is about, which must be one of the zone's.
fn named(apex: &WireName, record: &ParsedRecord<'_, Vec<u8>>) -> Result<WireName, Rcode> {
    let name: WireName = record.owner().to_vec();
    if name.ends_with(apex) { Ok(name) } else { Err(Rcode::NOTZONE) }
}
