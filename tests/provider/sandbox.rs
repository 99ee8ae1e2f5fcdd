//! A place in the sandbox: how the command is run there, how requests go wrong, and what exists.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use holodeck_sandbox::fault::Faults;
use holodeck_sandbox::{Options, Sandbox};
use serde_json::Value;

use crate::laws::{Deed, Occupant, Place, Trouble};
use crate::support::{Ran, Workplace};

/// An environment in the sandbox.
pub struct Simulated {
    pub workplace: Workplace,
    pub environment: &'static str,
}

/// A place in the sandbox: what it has that others do not.
pub trait InSandbox {
    fn simulated(&self) -> &Simulated;
    fn deeds(&self) -> Vec<Deed<'_>>;
    fn occupy(&self) -> Occupant;
    fn vacate(&self);
}

impl<P: InSandbox> Place for P {
    fn environment(&self) -> &'static str {
        self.simulated().environment
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.simulated().run(arguments)
    }

    fn run_with(&self, troubles: &[(usize, Trouble)], arguments: &[&str]) {
        self.simulated().run_with(troubles, arguments);
    }

    fn dump(&self) -> BTreeMap<String, Value> {
        self.simulated().dump()
    }

    fn deeds(&self) -> Vec<Deed<'_>> {
        InSandbox::deeds(self)
    }

    fn occupy(&self) -> Occupant {
        InSandbox::occupy(self)
    }

    fn vacate(&self) {
        InSandbox::vacate(self);
    }
}

impl Simulated {
    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let (command, options) = arguments.split_first().expect("a command");
        [&[*command, self.environment, "--sandbox"], options].concat()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.workplace.run(&self.arguments(arguments))
    }

    fn run_with(&self, troubles: &[(usize, Trouble)], arguments: &[&str]) {
        let faults: Vec<String> =
            troubles.iter().map(|(nth, trouble)| format!("*:{}@{nth}", action(*trouble))).collect();
        let faults = faults.join(",");
        self.workplace.run(&[&self.arguments(arguments)[..], &["--sandbox-fault", &faults]].concat());
    }

    /// The world that the commands have left behind, opened as somebody else would.
    fn world(&self) -> Sandbox {
        let options = Options {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            start: "2026-01-01T00:00:00Z".parse().expect("a moment"),
            speed: 1.0,
            faults: Faults::default(),
            on_stop: Arc::new(|| ()),
        };
        let folder = self.workplace.path().join(".holodeck/sandbox").join(self.environment);
        Sandbox::open(&folder, options).expect("the world")
    }

    /// Does something by hand in that world, which is closed again afterwards.
    pub fn by_hand(&self, act: impl AsyncFnOnce(Sandbox)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime");
        runtime.block_on(async { act(self.world()).await });
    }

    /// Everything that exists in the account, on the clusters that are there, and on the name server.
    fn dump(&self) -> BTreeMap<String, Value> {
        // Any command makes the world.
        self.run(&["plan", "--quiet"]);
        let account = self.file("aws.json").expect("a world");
        let mut all = BTreeMap::new();
        let is_kept = |(name, _): &(&str, &Value)| !BOOKKEEPING.contains(name);
        for (service, collections) in entries(&account).filter(is_kept) {
            for (collection, resources) in entries(collections).filter(is_kept) {
                let existing = entries(resources).filter(|(_, resource)| !is_gone(resource));
                all.extend(
                    existing.map(|(id, resource)| (format!("{service}/{collection}/{id}"), resource.clone())),
                );
            }
        }
        let clusters = entries(&account["eks"]["clusters"]).filter_map(|(_, cluster)| cluster["id"].as_str());
        for id in clusters.chain(["given"]) {
            let Some(cluster) = self.file(&format!("kubernetes-{id}.json")) else { continue };
            all.extend(entries(&cluster["objects"]).map(|(name, object)| (name.to_owned(), object.clone())));
        }
        let zones = self.file("name-server.json").unwrap_or_default();
        for (zone, kept) in entries(&zones["zones"]) {
            let sets = entries(&kept["sets"]);
            all.extend(sets.map(|(name, set)| (format!("name-server/{zone}/{name}"), set.clone())));
        }
        all
    }

    fn file(&self, name: &str) -> Option<Value> {
        let folder = self.workplace.path().join(".holodeck/sandbox").join(self.environment);
        let text = fs::read_to_string(folder.join(name)).ok()?;
        Some(serde_json::from_str(&text).expect("JSON"))
    }
}

/// What AWS remembers of what was done, and tags of what is gone.
const BOOKKEEPING: [&str; 5] = ["activities", "changes", "leaving", "tags", "tokens"];

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// AWS shows for some time what has ended, and keys and secrets until their last day.
fn is_gone(resource: &Value) -> bool {
    ["deleted", "deletion", "ended"].iter().any(|end| resource.get(end).is_some_and(|end| !end.is_null()))
}

fn action(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Fail => "fail=ServiceUnavailable",
        Trouble::LoseAnswer => "lose-answer",
        Trouble::StopBefore => "stop-before",
        Trouble::StopAfter => "stop-after",
    }
}
