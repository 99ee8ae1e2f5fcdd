//! The client and its record sets against the simulated name server, in the process and behind a socket.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use domain::base::iana::Rtype;
use domain::rdata::{A, Cname};
use domain::tsig::{Algorithm, Key};
use holodeck_engine::{Class, Error, Observed, Resource};
use holodeck_sandbox::fault::Faults;
use holodeck_sandbox::name_server::GivenNameServer;
use holodeck_sandbox::{Options, Sandbox, SimulatedNameServer};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::mark::{self, Mark};
use super::record_set::RecordSet;
use super::update::Update;
use super::{Access, DomainName, Exchange, NameServer, Tcp};

const ZONE: &str = "holodeck.example";
const DOMAIN: &str = "onprem.holodeck.example";

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn key(name: &str, secret: &str) -> Key {
    Key::new(Algorithm::Sha256, secret.as_bytes(), name.parse().unwrap(), None, None).unwrap()
}

/// A name server, and what environments see of it.
struct World {
    sandbox: Sandbox,
    wire: SimulatedNameServer,
}

impl World {
    fn new() -> Self {
        Self::with_faults(&[])
    }

    fn with_faults(rules: &[&str]) -> Self {
        let options = Options {
            account: String::new(),
            region: String::new(),
            start: "2026-11-02T08:00:00Z".parse().unwrap(),
            speed: 1000.0,
            faults: Faults::new(rules.iter().map(|rule| rule.parse().unwrap()).collect()),
            on_stop: Arc::new(|| ()),
        };
        let sandbox = Sandbox::in_memory(options).unwrap();
        let wire = sandbox.name_server(GivenNameServer { zone: name(ZONE), key: key("onprem", "ours") });
        Self { sandbox, wire }
    }

    fn access(&self) -> Access {
        let clock = self.sandbox.clock();
        Access {
            address: "ns1.holodeck.example".parse().unwrap(),
            zone: name(ZONE),
            key: key("onprem", "ours"),
            exchange: Arc::new(self.wire.clone()),
            now: Arc::new(move || clock.now()),
        }
    }

    fn server(&self) -> NameServer {
        NameServer::new("onprem", self.access())
    }
}

fn apex() -> RecordSet {
    RecordSet {
        record: DOMAIN.into(),
        ttl_seconds: 300,
        addresses: BTreeSet::from([Ipv4Addr::new(192, 0, 2, 10)]),
    }
}

/// What somebody else writes.
async fn write(server: &NameServer, update: Update) {
    server.update(&update, "writing by hand").await.unwrap();
}

async fn addresses(server: &NameServer, record: &str) -> Vec<String> {
    let found = server.records(&name(record), Rtype::A).await.unwrap();
    found.iter().map(|(_, data)| data.to_string()).collect()
}

async fn ours(server: &NameServer) -> Vec<Observed<RecordSet>> {
    RecordSet::list(server).await.unwrap()
}

fn told(error: &Error) -> (Class, String, String) {
    (error.class, error.chain(), error.hint().unwrap_or_default().to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_zone_of_the_domain_is_checked() {
    let world = World::new();
    let server = world.server();
    server.check(&name(DOMAIN)).await.unwrap();
    server.check(&name(ZONE)).await.unwrap();
    let (class, chain, _) = told(&server.check(&name("other.example")).await.unwrap_err());
    assert_eq!(class, Class::Denied, "{chain}");
    let access = Access { zone: name(DOMAIN), ..world.access() };
    let error = NameServer::new("onprem", access).check(&name(DOMAIN)).await.unwrap_err();
    assert_eq!(
        told(&error),
        (
            Class::Refused,
            "name server `ns1.holodeck.example:53` keeps `onprem.holodeck.example` in zone `holodeck.example`, not in \
             `onprem.holodeck.example`"
                .to_owned(),
            "set `provider.dns.zone = \"holodeck.example\"`".to_owned()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_name_the_code_and_what_helps() {
    for (fault, class, why, hint) in [
        ("UPDATE:fail=REFUSED", Class::Denied, "does not allow it to this key (REFUSED)", "update policy"),
        ("UPDATE:fail=NOTAUTH", Class::Refused, "no right to change it (NOTAUTH)", "provider.dns.zone"),
        ("UPDATE:fail=NOTZONE", Class::Refused, "not in the zone (NOTZONE)", "provider.dns.zone"),
        ("UPDATE:fail=NOTIMP", Class::Refused, "does not take dynamic updates (NOTIMP)", "manual"),
        ("UPDATE:fail=SERVFAIL", Class::Ambiguous, "the server failed (SERVFAIL)", "its log"),
        ("UPDATE:lose-answer", Class::Ambiguous, "no answer came: connection reset", ""),
    ] {
        let server = World::with_faults(&[fault]).server();
        let (is, chain, advice) = told(&apex().create(&server, "apex").await.unwrap_err());
        let tried = "adding `onprem.holodeck.example` (A) in zone `holodeck.example` on name server \
                     `ns1.holodeck.example:53`: ";
        assert!(chain.starts_with(tried) && chain.contains(why), "{fault}: {chain}");
        assert_eq!(is, class, "{fault}");
        assert!(advice.contains(hint), "{fault}: {advice}");
    }
    let server = World::with_faults(&["QUERY:fail=SERVFAIL"]).server();
    let (class, chain, _) = told(&RecordSet::list(&server).await.unwrap_err());
    assert_eq!(class, Class::NotYet);
    assert!(chain.starts_with("asking for `_holodeck-onprem.holodeck.example` (TXT) in zone"), "{chain}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_and_a_wrong_clock_are_told_apart() {
    let world = World::new();
    let now: Timestamp = world.sandbox.clock().now();
    let late = now + SignedDuration::from_hours(1);
    let unknown = Access { key: key("unknown", "ours"), ..world.access() };
    let other_secret = Access { key: key("onprem", "theirs"), ..world.access() };
    let wrong_clock = Access { now: Arc::new(move || late), ..world.access() };
    for (access, why, hint) in [
        (unknown, "does not know the key `unknown` with this algorithm (BADKEY)", "provider.dns.key"),
        (other_secret, "secret of the key `onprem` is another one (BADSIG)", "provider.dns.key.secret"),
        (wrong_clock, "it is 2026-11-02T09:00:00Z here and 2026-11-02T08:0", "NTP"),
    ] {
        let server = NameServer::new("onprem", access);
        for error in
            [RecordSet::list(&server).await.unwrap_err(), apex().create(&server, "apex").await.unwrap_err()]
        {
            let (class, chain, advice) = told(&error);
            assert_eq!(class, Class::Denied, "{chain}");
            assert!(chain.contains(why), "{chain}");
            assert!(advice.contains(hint), "{advice}");
            assert!(!format!("{error:?}{advice}").contains("theirs"));
        }
    }
    assert!(ours(&world.server()).await.is_empty());
}

/// Spoils the signatures of a server's answers.
struct Spoilt(SimulatedNameServer);

#[async_trait::async_trait]
impl Exchange for Spoilt {
    async fn exchange(&self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut answer = self.0.exchange(message).await?;
        // After the signature come the id, the error, the length of the time and the time (RFC 8945, section 4.2).
        let last = answer.len() - 13;
        answer[last] ^= 1;
        Ok(answer)
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_told_also_by_a_server_that_signs_that_answer_wrongly() {
    let world = World::new();
    let early = world.sandbox.clock().now() - SignedDuration::from_hours(1);
    let access = world.access();
    let access =
        Access { now: Arc::new(move || early), exchange: Arc::new(Spoilt(world.wire.clone())), ..access };
    let error = RecordSet::list(&NameServer::new("onprem", access)).await.unwrap_err();
    assert_eq!(error.class, Class::Denied);
    assert!(error.chain().contains("the clocks differ: it is 2026-11-02T07:00:00Z here"), "{error:?}");
}

/// Answers everything as the server would that does not sign.
struct Unsigned;

#[async_trait::async_trait]
impl Exchange for Unsigned {
    async fn exchange(&self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut answer = message[..12].to_vec();
        answer[2] |= 0x84;
        // No question, no record.
        answer[4..].fill(0);
        Ok(answer)
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_signed_is_not_believed() {
    let access = Access { exchange: Arc::new(Unsigned), ..World::new().access() };
    let server = NameServer::new("onprem", access);
    let (class, chain, _) = told(&RecordSet::list(&server).await.unwrap_err());
    assert_eq!(class, Class::Denied);
    assert!(chain.contains("not signed by the key `onprem`, so it is not believed"), "{chain}");
    assert_eq!(apex().create(&server, "apex").await.unwrap_err().class, Class::Ambiguous);
}

#[tokio::test(start_paused = true)]
async fn records_of_others_are_left_alone() {
    let server = World::new().server();
    let theirs = A::new(Ipv4Addr::new(192, 0, 2, 99));
    write(&server, Update::of(&name(ZONE)).add(&name(DOMAIN), 60, theirs.into())).await;
    let alias = Cname::new(name("elsewhere.example"));
    write(&server, Update::of(&name(ZONE)).add(&name("*.onprem.holodeck.example"), 60, alias.into())).await;
    assert!(ours(&server).await.is_empty());
    let wildcard = RecordSet { record: format!("*.{DOMAIN}"), ..apex() };
    for (set, name) in [(apex(), "apex"), (wildcard, "wildcard")] {
        let error = set.create(&server, name).await.unwrap_err();
        assert_eq!(error.class, Class::Conflict, "{error:?}");
    }
    assert_eq!(addresses(&server, DOMAIN).await, ["192.0.2.99"]);
    assert!(ours(&server).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_has_lost_its_mark_is_neither_changed_nor_removed() {
    let server = World::new().server();
    apex().create(&server, "apex").await.unwrap();
    let seen = ours(&server).await.remove(0);
    let lost = Update::of(&name(ZONE)).remove_set(&mark::place(&server).unwrap(), Rtype::TXT);
    write(&server, lost).await;
    let changed = RecordSet { addresses: BTreeSet::from([Ipv4Addr::new(192, 0, 2, 11)]), ..apex() };
    let error = changed.update(&server, &seen, &[]).await.unwrap_err();
    assert_eq!(error.class, Class::Conflict);
    assert!(error.chain().contains("has no mark of this environment any more"), "{error:?}");
    RecordSet::delete(&server, &seen).await.unwrap();
    assert_eq!(addresses(&server, DOMAIN).await, ["192.0.2.10"]);
}

#[tokio::test(start_paused = true)]
async fn marks_that_change_in_between_stop_a_change() {
    let server = World::new().server();
    apex().create(&server, "apex").await.unwrap();
    let marks = mark::Marks::read(&server).await.unwrap();
    let other = Mark { name: "other".into(), record: name("other.holodeck.example") };
    write(&server, Update::of(&name(ZONE)).mark(&server, &other).unwrap()).await;
    let update = marks.as_long_as_they_stand(&server).remove_set(&name(DOMAIN), Rtype::A);
    let error = server.update(&update, "removing").await.unwrap_err();
    assert_eq!(error.class, Class::NotYet, "{error:?}");
    assert_eq!(addresses(&server, DOMAIN).await, ["192.0.2.10"]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_removed_is_ours_without_addresses_and_is_made_again() {
    let server = World::new().server();
    apex().create(&server, "apex").await.unwrap();
    write(&server, Update::of(&name(ZONE)).remove_set(&name(DOMAIN), Rtype::A)).await;
    // A wildcard of somebody else does not stand for it.
    let theirs = A::new(Ipv4Addr::new(192, 0, 2, 99));
    write(&server, Update::of(&name(ZONE)).add(&name("*.holodeck.example"), 60, theirs.into())).await;
    let seen = ours(&server).await.remove(0);
    assert_eq!(seen.name, "apex");
    apex().update(&server, &seen, &[]).await.unwrap();
    assert_eq!(addresses(&server, DOMAIN).await, ["192.0.2.10"]);
    RecordSet::delete(&server, &seen).await.unwrap();
    assert!(ours(&server).await.is_empty());
    assert_eq!(addresses(&server, "*.holodeck.example").await, ["192.0.2.99"]);
}

#[tokio::test(start_paused = true)]
async fn other_texts_at_the_mark_stay() {
    let server = World::new().server();
    let place = mark::place(&server).unwrap();
    let text = domain::rdata::Txt::<Vec<u8>>::build_from_slice(b"a note of somebody").unwrap();
    write(&server, Update::of(&name(ZONE)).add(&place, 60, text.into())).await;
    apex().create(&server, "apex").await.unwrap();
    let seen = ours(&server).await;
    assert_eq!(seen.len(), 1);
    RecordSet::delete(&server, &seen[0]).await.unwrap();
    let left = server.records(&place, Rtype::TXT).await.unwrap();
    let left: Vec<String> = left.iter().map(|(_, data)| data.to_string()).collect();
    assert_eq!(left, ["\"a note of somebody\""]);
}

/// The simulated server behind a socket, for as many connections as come.
async fn listen(wire: SimulatedNameServer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let length = stream.read_u16().await.unwrap();
            let mut message = vec![0; usize::from(length)];
            stream.read_exact(&mut message).await.unwrap();
            let answer = wire.exchange(&message).await.unwrap();
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn everything_goes_over_tcp_also_what_is_longer_than_a_datagram() {
    let world = World::new();
    let address = listen(world.wire.clone()).await.parse().unwrap();
    let server = NameServer::new("onprem", Access { exchange: Arc::new(Tcp(address)), ..world.access() });
    server.check(&name(DOMAIN)).await.unwrap();
    let many = (0..=255).map(|last| Ipv4Addr::new(192, 0, 2, last)).collect();
    let set = RecordSet { addresses: many, ..apex() };
    set.create(&server, "apex").await.unwrap();
    let seen = ours(&server).await.remove(0);
    assert_eq!((seen.name.as_str(), &seen.attributes.addresses), ("apex", &set.addresses));
    RecordSet::delete(&server, &seen).await.unwrap();
    assert!(ours(&server).await.is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    drop(listener);
    let server =
        NameServer::new("onprem", Access { exchange: Arc::new(Tcp(address)), ..World::new().access() });
    let (class, chain, _) = told(&RecordSet::list(&server).await.unwrap_err());
    assert_eq!(class, Class::NotYet);
    assert!(chain.contains("`ns1.holodeck.example:53`: no answer came: "), "{chain}");
}
