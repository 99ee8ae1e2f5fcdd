//! A dynamic update (RFC 2136, section 2): changes of a zone that are made as a whole, if what they presuppose holds, or not
//! at all.

use domain::base::iana::{Class, Opcode, Rtype};
use domain::base::message_builder::{AdditionalBuilder, PushError};
use domain::base::rdata::UnknownRecordData;
use domain::base::{MessageBuilder, Record, Ttl};

use super::{Data, DomainName};

/// An update of one zone.
pub(super) struct Update {
    zone: DomainName,
    prerequisites: Vec<Record<DomainName, Data>>,
    changes: Vec<Record<DomainName, Data>>,
}

impl Update {
    /// An update that changes nothing.
    pub fn of(zone: &DomainName) -> Self {
        Self { zone: zone.clone(), prerequisites: Vec::new(), changes: Vec::new() }
    }

    /// Only if no record of this type stands under `name`.
    pub fn if_absent(mut self, name: &DomainName, kind: Rtype) -> Self {
        self.prerequisites.push(whole_set(name, Class::NONE, kind));
        self
    }

    /// Only if the records of this type under `name` are exactly these.
    pub fn if_exactly(self, name: &DomainName, kind: Rtype, records: impl IntoIterator<Item = Data>) -> Self {
        let mut records = records.into_iter().peekable();
        if records.peek().is_none() {
            return self.if_absent(name, kind);
        }
        let mut update = self;
        let record = |data| Record::new(name.clone(), Class::IN, Ttl::ZERO, data);
        update.prerequisites.extend(records.map(record));
        update
    }

    /// Adds a record; one that is there already stays.
    pub fn add(mut self, name: &DomainName, ttl_seconds: u32, data: Data) -> Self {
        self.changes.push(Record::new(name.clone(), Class::IN, Ttl::from_secs(ttl_seconds), data));
        self
    }

    /// Removes one record, if it is there.
    pub fn remove(mut self, name: &DomainName, data: Data) -> Self {
        self.changes.push(Record::new(name.clone(), Class::NONE, Ttl::ZERO, data));
        self
    }

    /// Removes all records of this type under `name`.
    pub fn remove_set(mut self, name: &DomainName, kind: Rtype) -> Self {
        self.changes.push(whole_set(name, Class::ANY, kind));
        self
    }

    /// The message, not signed yet.
    pub fn message(&self) -> Result<AdditionalBuilder<Vec<u8>>, PushError> {
        let mut message = MessageBuilder::new_vec();
        message.header_mut().set_opcode(Opcode::UPDATE);
        let mut zone = message.question();
        zone.push((&self.zone, Rtype::SOA))?;
        let mut prerequisites = zone.answer();
        for record in &self.prerequisites {
            prerequisites.push(record)?;
        }
        let mut changes = prerequisites.authority();
        for record in &self.changes {
            changes.push(record)?;
        }
        Ok(changes.additional())
    }
}

/// What stands for all records of a type, told by the class.
fn whole_set(name: &DomainName, class: Class, kind: Rtype) -> Record<DomainName, Data> {
    let nothing = UnknownRecordData::from_octets(kind, Vec::new());
    let nothing = nothing.unwrap_or_else(|_| unreachable!("nothing is not too long"));
    Record::new(name.clone(), class, Ttl::ZERO, nothing.into())
}
