//! The name server as messages find it.

use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::message_builder::AdditionalBuilder;
use domain::base::rdata::UnknownRecordData;
use domain::base::{Message, MessageBuilder, Record, Ttl};
use domain::rdata::tsig::Time48;
use domain::rdata::{A, Cname, ZoneRecordData};
use domain::tsig::{Algorithm, ClientTransaction, Key};
use jiff::Timestamp;

use super::{GivenNameServer, WireName, WireRecord, Zones, serve};

const NOW: i64 = 1_767_225_600;

fn name(text: &str) -> WireName {
    text.parse().unwrap()
}

fn address(owner: &str, class: Class, last: u8) -> WireRecord {
    Record::new(name(owner), class, Ttl::from_secs(60), A::from_octets(192, 0, 2, last).into())
}

fn alias(owner: &str, target: &str) -> WireRecord {
    Record::new(name(owner), Class::IN, Ttl::from_secs(60), Cname::new(name(target)).into())
}

fn whole(owner: &str, class: Class, kind: Rtype) -> WireRecord {
    let nothing = UnknownRecordData::from_octets(kind, Vec::new()).unwrap();
    Record::new(name(owner), class, Ttl::ZERO, nothing.into())
}

struct Server {
    given: GivenNameServer,
    zones: Zones,
}

impl Server {
    fn new() -> Self {
        let key = Key::new(Algorithm::Sha512, b"secret", "updates".parse().unwrap(), None, None).unwrap();
        Self { given: GivenNameServer { zone: name("holodeck.example"), key }, zones: Zones::default() }
    }

    fn send(&mut self, mut message: AdditionalBuilder<Vec<u8>>) -> Message<Vec<u8>> {
        let now = Time48::from_u64(NOW.unsigned_abs());
        let transaction = ClientTransaction::request(self.given.key.clone(), &mut message, now).unwrap();
        let mut answer = self.send_unsigned(message);
        transaction.answer(&mut answer, now).unwrap();
        answer
    }

    fn send_unsigned(&mut self, message: AdditionalBuilder<Vec<u8>>) -> Message<Vec<u8>> {
        let now = Timestamp::from_second(NOW).unwrap();
        let answer = serve(&self.given, &mut self.zones, now, &message.finish(), None).unwrap();
        Message::from_octets(answer).unwrap()
    }

    fn update(&mut self, presupposed: &[WireRecord], changes: &[WireRecord]) -> Rcode {
        self.update_zone("holodeck.example", presupposed, changes)
    }

    fn update_zone(&mut self, zone: &str, presupposed: &[WireRecord], changes: &[WireRecord]) -> Rcode {
        let mut message = MessageBuilder::new_vec();
        message.header_mut().set_opcode(Opcode::UPDATE);
        let mut message = message.question();
        message.push((name(zone), Rtype::SOA)).unwrap();
        let mut message = message.answer();
        presupposed.iter().for_each(|record| message.push(record).unwrap());
        let mut message = message.authority();
        changes.iter().for_each(|record| message.push(record).unwrap());
        self.send(message.additional()).header().rcode()
    }

    /// The code and the records that are answered, as in a zone file.
    fn query(&mut self, owner: &str, kind: Rtype) -> (Rcode, Vec<String>) {
        let answer = self.send(question(owner, kind));
        let records = answer.answer().unwrap().limit_to::<ZoneRecordData<_, _>>();
        let records = records
            .map(|record| record.unwrap())
            .map(|record| format!("{} {} {}", record.owner(), record.rtype(), record.data()));
        (answer.header().rcode(), records.collect())
    }
}

fn question(owner: &str, kind: Rtype) -> AdditionalBuilder<Vec<u8>> {
    let mut message = MessageBuilder::new_vec().question();
    message.push((name(owner), kind)).unwrap();
    message.additional()
}

#[test]
fn what_is_not_signed_is_refused() {
    let mut server = Server::new();
    let answer = server.send_unsigned(question("holodeck.example", Rtype::SOA));
    assert_eq!(answer.header().rcode(), Rcode::REFUSED);
}

#[test]
fn an_update_is_made_as_a_whole_or_not_at_all() {
    let mut server = Server::new();
    let one = address("a.holodeck.example", Class::IN, 1);
    let outside = address("a.other.example", Class::IN, 1);
    assert_eq!(server.update(&[], &[one.clone(), outside]), Rcode::NOTZONE);
    assert_eq!(server.query("a.holodeck.example", Rtype::A), (Rcode::NXDOMAIN, vec![]));
    assert_eq!(server.update(&[], &[one, address("a.holodeck.example", Class::IN, 2)]), Rcode::NOERROR);
    let both = ["a.holodeck.example A 192.0.2.1", "a.holodeck.example A 192.0.2.2"].map(str::to_owned);
    assert_eq!(server.query("A.holodeck.EXAMPLE", Rtype::A).1.len(), 2);
    assert_eq!(server.query("a.holodeck.example", Rtype::A), (Rcode::NOERROR, both.into()));
    assert_eq!(server.update(&[], &[address("a.holodeck.example", Class::NONE, 1)]), Rcode::NOERROR);
    assert_eq!(server.query("a.holodeck.example", Rtype::A).1, ["a.holodeck.example A 192.0.2.2"]);
    let all = whole("a.holodeck.example", Class::ANY, Rtype::A);
    assert_eq!(server.update(&[], &[all]), Rcode::NOERROR);
    assert_eq!(server.query("a.holodeck.example", Rtype::A), (Rcode::NXDOMAIN, vec![]));
    assert_eq!(server.update_zone("other.example", &[], &[]), Rcode::NOTAUTH);
}

#[test]
fn prerequisites_are_checked_before_anything_is_done() {
    let mut server = Server::new();
    let there = "a.holodeck.example";
    assert_eq!(server.update(&[], &[address(there, Class::IN, 1)]), Rcode::NOERROR);
    let absent = "b.holodeck.example";
    for (presupposed, code) in [
        (vec![whole(there, Class::ANY, Rtype::A)], Rcode::NOERROR),
        (vec![whole(there, Class::ANY, Rtype::TXT)], Rcode::NXRRSET),
        (vec![whole(there, Class::NONE, Rtype::A)], Rcode::YXRRSET),
        (vec![whole(there, Class::NONE, Rtype::TXT)], Rcode::NOERROR),
        (vec![whole(there, Class::NONE, Rtype::ANY)], Rcode::YXDOMAIN),
        (vec![whole(absent, Class::ANY, Rtype::ANY)], Rcode::NXDOMAIN),
        (vec![address(there, Class::IN, 1)], Rcode::NOERROR),
        (vec![address(there, Class::IN, 2)], Rcode::NXRRSET),
        (vec![address(there, Class::IN, 1), address(there, Class::IN, 2)], Rcode::NXRRSET),
        (vec![address("a.other.example", Class::IN, 1)], Rcode::NOTZONE),
    ] {
        let change = address("c.holodeck.example", Class::IN, 1);
        assert_eq!(server.update(&presupposed, &[change]), code, "{presupposed:?}");
        let made = server.query("c.holodeck.example", Rtype::A).0;
        assert_eq!(made == Rcode::NOERROR, code == Rcode::NOERROR, "{presupposed:?}");
        server.update(&[], &[whole("c.holodeck.example", Class::ANY, Rtype::ANY)]);
    }
}

#[test]
fn an_alias_stands_alone() {
    let mut server = Server::new();
    assert_eq!(server.update(&[], &[alias("a.holodeck.example", "b.example")]), Rcode::NOERROR);
    assert_eq!(server.update(&[], &[address("a.holodeck.example", Class::IN, 1)]), Rcode::NOERROR);
    let (_, found) = server.query("a.holodeck.example", Rtype::A);
    assert_eq!(found, ["a.holodeck.example CNAME b.example."]);
    server.update(&[], &[alias("a.holodeck.example", "c.example")]);
    assert_eq!(server.query("a.holodeck.example", Rtype::A).1, ["a.holodeck.example CNAME c.example."]);
}

#[test]
fn a_wildcard_stands_for_names_that_do_not_exist() {
    let mut server = Server::new();
    let changes = ["*.holodeck.example", "b.a.holodeck.example"].map(|owner| address(owner, Class::IN, 1));
    assert_eq!(server.update(&[], &changes), Rcode::NOERROR);
    let (_, found) = server.query("x.y.holodeck.example", Rtype::A);
    assert_eq!(found, ["x.y.holodeck.example A 192.0.2.1"]);
    assert_eq!(server.query("x.holodeck.example", Rtype::TXT), (Rcode::NOERROR, vec![]));
    // This one exists, as the way to another.
    assert_eq!(server.query("a.holodeck.example", Rtype::A), (Rcode::NOERROR, vec![]));
    assert_eq!(server.query("x.a.holodeck.example", Rtype::A), (Rcode::NXDOMAIN, vec![]));
    assert_eq!(server.query("a.other.example", Rtype::A), (Rcode::REFUSED, vec![]));
}

#[test]
fn zones_read_back_as_they_were_written() {
    let mut server = Server::new();
    server.update(
        &[],
        &[address("a.holodeck.example", Class::IN, 1), alias("b.holodeck.example", "c.example")],
    );
    let written = serde_json::to_string(&server.zones).unwrap();
    server.zones = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&server.zones).unwrap(), written);
    assert_eq!(server.query("a.holodeck.example", Rtype::A).1, ["a.holodeck.example A 192.0.2.1"]);
}
