//! Addresses of a name, in a zone that takes dynamic updates (RFC 2136).
//!
//! A mark tells that a record set is ours. It comes and goes in the same update as the record set, and no update is made
//! without it: a new record set presupposes that nothing is there, any other change that the mark still stands. A record
//! set that is marked and gone is seen as one without addresses, so that its mark does not outlive it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use domain::base::iana::Rtype;
use domain::rdata::A;
use futures::future::try_join_all;
use holodeck_engine::{Class, Error, FieldChange, Observed, Order, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use super::mark::{Mark, Marks};
use super::update::Update;
use super::{Data, NameServer};

/// All addresses (type A) under one name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordSet {
    /// The domain name, in which a leading `*` label stands for any.
    pub record: String,
    /// Seconds that an answer may be cached.
    pub ttl_seconds: u32,
    /// The addresses.
    pub addresses: BTreeSet<Ipv4Addr>,
}

/// A record set puts nothing out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {}

impl Resource for RecordSet {
    const KIND: &'static str = "dns.record_set";
    const DISPOSABLE: bool = true;
    type Outputs = Outputs;
    type Client = NameServer;

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["record"], Order::DeleteFirst)
    }

    async fn list(server: &NameServer) -> Result<Vec<Observed<Self>>, Error> {
        let marks = Marks::read(server).await?;
        try_join_all(marks.iter().map(|mark| observe(server, mark))).await
    }

    async fn create(&self, server: &NameServer, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let mark = self.mark(server, name)?;
        let update = Update::of(&server.zone)
            .if_absent(&mark.record, Rtype::A)
            // A server silently ignores an address that is added beside an alias.
            .if_absent(&mark.record, Rtype::CNAME)
            .mark(server, &mark)?;
        let update = self.add_to(update, &mark);
        server.update(&update, &format!("adding `{}` (A)", self.record)).await?;
        Ok(None)
    }

    async fn update(
        &self,
        server: &NameServer,
        seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let marks = Marks::read(server).await?;
        let mark = self.mark(server, &seen.name)?;
        if !marks.iter().any(|found| found == mark) {
            let message = format!("`{}` (A) has no mark of this environment any more", self.record);
            return Err(Error::new(Class::Conflict, message).with_hint(
                "somebody took it away: if the records are to be made here, remove them as well",
            ));
        }
        let update = marks
            .as_long_as_they_stand(server)
            .if_absent(&mark.record, Rtype::CNAME)
            .remove_set(&mark.record, Rtype::A);
        let update = self.add_to(update, &mark);
        server.update(&update, &format!("changing `{}` (A)", self.record)).await?;
        Ok(None)
    }

    async fn delete(server: &NameServer, seen: &Observed<Self>) -> Result<(), Error> {
        let marks = Marks::read(server).await?;
        let mark = seen.attributes.mark(server, &seen.name)?;
        if !marks.iter().any(|found| found == mark) {
            return Ok(());
        }
        let update = marks.as_long_as_they_stand(server);
        let update = update.remove_set(&mark.record, Rtype::A).unmark(server, &mark)?;
        server.update(&update, &format!("removing `{}` (A)", mark.record)).await
    }
}

impl RecordSet {
    fn mark(&self, server: &NameServer, name: &str) -> Result<Mark, Error> {
        Ok(Mark { name: name.to_owned(), record: server.name(&self.record)? })
    }

    fn add_to(&self, update: Update, mark: &Mark) -> Update {
        let add = |update: Update, address: &Ipv4Addr| {
            update.add(&mark.record, self.ttl_seconds, A::new(*address).into())
        };
        self.addresses.iter().fold(update, add)
    }
}

async fn observe(server: &NameServer, mark: Mark) -> Result<Observed<RecordSet>, Error> {
    let records = server.records(&mark.record, Rtype::A).await?;
    let address = |(_, data): &(u32, Data)| match data {
        Data::A(address) => Some(address.addr()),
        _ => None,
    };
    let record = mark.record.to_string();
    Ok(Observed {
        id: format!("{}/{record}/A", server.zone),
        attributes: RecordSet {
            record,
            ttl_seconds: records.first().map_or(0, |(ttl, _)| *ttl),
            addresses: records.iter().filter_map(address).collect(),
        },
        name: mark.name,
        outputs: Outputs {},
        status: Status::Ready,
        uses: Vec::new(),
    })
}
