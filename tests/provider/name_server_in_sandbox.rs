//! The provider `kubeconfig` in the sandbox, with a name server that takes dynamic updates.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use domain::tsig::{Algorithm, Key};
use holodeck_bootstrap::name_server::record_set::RecordSet;
use holodeck_bootstrap::name_server::{Access, NameServer};
use holodeck_engine::Resource;
use holodeck_sandbox::Sandbox;
use holodeck_sandbox::name_server::GivenNameServer;

use crate::laws::{self, Deed, Occupant};
use crate::sandbox::{InSandbox, Simulated};
use crate::support::Workplace;

/// What takes the place of `# Without a table …` in `environments/onprem.toml`.
const DNS: &str = "[provider.dns]\n\
                   kind = \"rfc2136\"\n\
                   server = \"ns1.holodeck.example:5353\"\n\
                   key = { name = \"onprem\", secret = { env = \"HOLODECK_DNS_KEY\" } }\n";

const DOMAIN: &str = "onprem.holodeck.example";

/// `environments/onprem.toml` with a name server.
struct WithNameServer(Simulated);

impl WithNameServer {
    fn whole() -> Self {
        let place = Self(Simulated { workplace: Workplace::new(), environment: "onprem" });
        place.0.workplace.edit("onprem.toml", "[provider.seal]\n", &format!("{DNS}\n[provider.seal]\n"));
        place
    }

    /// So much that a sweep over all requests takes bearable time.
    fn small() -> Self {
        let place = Self::whole();
        place.0.workplace.turn_off("onprem", &["argo-cd", "ingress-nginx", "vault"]);
        place
    }

    /// Does something by hand to the record set `name` as `environment` has it, or would have it.
    fn by_hand(&self, environment: &str, act: impl AsyncFnOnce(NameServer)) {
        self.0.by_hand(async |world: Sandbox| act(server(&world, environment)).await);
    }

    fn deed<'a>(&'a self, act: impl AsyncFn(NameServer) + 'a, mended_by: &[&'static str]) -> Deed<'a> {
        let act = Box::new(move || self.by_hand("onprem", async |server| act(server).await));
        Deed { act, mended_by: mended_by.to_vec() }
    }
}

/// The name server as `environment` sees it, with the key that the sandbox makes up.
fn server(world: &Sandbox, environment: &str) -> NameServer {
    let name = "onprem".parse().expect("a name");
    let key = Key::new(Algorithm::Sha256, b"stand-in for env:HOLODECK_DNS_KEY", name, None, None);
    let given =
        GivenNameServer { zone: "holodeck.example".parse().expect("a name"), key: key.expect("a key") };
    let clock = world.clock();
    let access = Access {
        address: "ns1.holodeck.example:5353".parse().expect("an address"),
        zone: given.zone.clone(),
        key: given.key.clone(),
        exchange: Arc::new(world.name_server(given)),
        now: Arc::new(move || clock.now()),
    };
    NameServer::new(environment, access)
}

fn record_set(last: u8) -> RecordSet {
    let addresses = BTreeSet::from([Ipv4Addr::new(192, 0, 2, last)]);
    RecordSet { record: DOMAIN.to_owned(), ttl_seconds: 300, addresses }
}

impl InSandbox for WithNameServer {
    fn simulated(&self) -> &Simulated {
        &self.0
    }

    fn deeds(&self) -> Vec<Deed<'_>> {
        vec![
            self.deed(
                async |server| {
                    let seen = RecordSet::read(&server, "apex").await.expect("an answer").expect("a record");
                    record_set(99).update(&server, &seen, &[]).await.expect("an answer");
                },
                &["update dns.record_set.apex"],
            ),
            self.deed(
                async |server| {
                    for seen in RecordSet::list(&server).await.expect("an answer") {
                        RecordSet::delete(&server, &seen).await.expect("an answer");
                    }
                },
                &["create dns.record_set.apex", "create dns.record_set.wildcard"],
            ),
        ]
    }

    fn occupy(&self) -> Occupant {
        self.by_hand("somebody", async |server| {
            record_set(99).create(&server, "theirs").await.expect("an answer");
        });
        Occupant {
            address: "dns.record_set.apex",
            name: "name-server/holodeck.example/onprem.holodeck.example A",
        }
    }

    fn vacate(&self) {
        self.by_hand("somebody", async |server| {
            let seen = RecordSet::read(&server, "theirs").await.expect("an answer").expect("a record");
            RecordSet::delete(&server, &seen).await.expect("an answer");
        });
    }
}

#[test]
fn it_comes_up_and_goes_without_a_trace() {
    laws::comes_up_and_goes_without_a_trace(&WithNameServer::whole());
}

#[test]
fn drift_is_planned_and_mended() {
    laws::drift_is_planned_and_mended(&WithNameServer::small());
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    laws::what_is_not_ours_is_refused_and_left_alone(&WithNameServer::small());
}

#[test]
fn requests_that_go_wrong_are_survived() {
    laws::requests_that_go_wrong_are_survived(&WithNameServer::small());
}

#[test]
fn a_killed_process_is_continued() {
    laws::a_killed_process_is_continued(&WithNameServer::small());
}

#[test]
fn challenges_are_written_on_the_same_server_which_a_policy_lets_the_solver_reach() {
    let place = WithNameServer::whole();
    let rendered = place.0.workplace.run(&["render", "onprem", "--sandbox"]);
    assert_eq!(rendered.status, 0, "{}", rendered.stderr);
    for expected in [
        "nameserver: ns1.holodeck.example:5353",
        "tsigKeyName: onprem",
        "tsigAlgorithm: HMACSHA256",
        "name: dns-updates",
        "port: 5353",
    ] {
        assert!(rendered.stdout.contains(expected), "{expected}: {}", rendered.stdout);
    }
}

#[test]
fn records_are_made_and_not_asked_of_people() {
    let place = WithNameServer::small();
    let up = place.0.workplace.run(&["up", "onprem", "--sandbox", "--yes"]);
    assert_eq!(up.status, 0, "{}", up.stderr);
    assert!(!up.stdout.contains(&format!("{DOMAIN}  A")), "{}", up.stdout);
    place.by_hand("onprem", async |server| {
        let found = RecordSet::list(&server).await.expect("an answer");
        let told: Vec<(&str, &str)> =
            found.iter().map(|seen| (seen.name.as_str(), seen.attributes.record.as_str())).collect();
        assert_eq!(told, [("apex", DOMAIN), ("wildcard", "*.onprem.holodeck.example")]);
    });
    // The old names go where the domain is another one.
    place.0.workplace.edit("onprem.toml", "domain = \"onprem.", "domain = \"rack.");
    let moved = place.0.workplace.run(&["up", "onprem", "--sandbox", "--yes"]);
    assert_eq!(moved.status, 0, "{}", moved.stderr);
    place.by_hand("onprem", async |server| {
        let found = RecordSet::list(&server).await.expect("an answer");
        let records: Vec<&str> = found.iter().map(|seen| seen.attributes.record.as_str()).collect();
        assert_eq!(records, ["rack.holodeck.example", "*.rack.holodeck.example"]);
    });
}
