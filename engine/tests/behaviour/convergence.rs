//! Whatever existed before and whatever goes wrong on the way: running again until nothing goes wrong makes what is
//! desired, once and nothing besides, and destroying leaves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use holodeck_engine::{Event, Graph, Input, Plan, Resource};
use proptest::prelude::*;
use tokio::time::sleep;

use crate::support::cloud::{Cloud, Fault};
use crate::support::kinds::{Attributes, Cache, Cluster, Database, Fleet, Network, Object, Subnet, Template};
use crate::support::kinds::{Item, Kind, id_of};
use crate::support::text;
use crate::support::world::{Run, allow_all, graph, look, plan_with};

/// What the part at each place is; the same in all versions.
#[derive(Clone, Copy, PartialEq)]
enum What {
    Network,
    Subnet,
    /// Uses nothing, so that a fleet can always move from one to the next.
    Template,
    TemplateInUse,
    Fleet,
    Cache,
    Database,
    Cluster,
    Object,
}

const PARTS: [(What, &str); 11] = [
    (What::Network, "a"),
    (What::Network, "b"),
    (What::Subnet, "a"),
    (What::Subnet, "b"),
    (What::Template, "free"),
    (What::TemplateInUse, "used"),
    (What::Fleet, "f"),
    (What::Cache, "c"),
    (What::Database, "d"),
    (What::Cluster, "main"),
    (What::Object, "o"),
];

impl What {
    fn kind(self) -> &'static str {
        match self {
            Self::Network => Network::KIND,
            Self::Subnet => Subnet::KIND,
            Self::Template | Self::TemplateInUse => Template::KIND,
            Self::Fleet => Fleet::KIND,
            Self::Cache => Cache::KIND,
            Self::Database => Database::KIND,
            Self::Cluster => Cluster::KIND,
            Self::Object => Object::KIND,
        }
    }

    /// Whether one can use the other, such that each change can be made at all.
    fn may_use(self, other: Self) -> bool {
        match self {
            Self::Template | Self::Object => false,
            Self::Fleet => other == Self::Template,
            _ => !matches!(other, Self::Object),
        }
    }
}

#[derive(Clone, Debug)]
struct Part {
    exists: bool,
    /// Parts of lower rank may be used.
    rank: u8,
    uses: u16,
    fancy: bool,
    size: u8,
    label: Option<bool>,
}

type Version = Vec<Part>;

fn versions() -> impl Strategy<Value = Version> {
    let part = (
        prop::bool::weighted(0.75),
        any::<u8>(),
        any::<u16>(),
        prop::bool::weighted(0.3),
        0..3u8,
        any::<Option<bool>>(),
    );
    let part = part.prop_map(|(exists, rank, uses, fancy, size, label)| {
        // Every second possible use is too many to be interesting.
        Part { exists, rank, uses: uses & (uses >> 3), fancy, size, label }
    });
    prop::collection::vec(part, PARTS.len())
}

fn attributes(version: &Version, index: usize) -> Attributes {
    let part = &version[index];
    let (what, _) = PARTS[index];
    let below = |other: usize| (version[other].rank, other) < (part.rank, index);
    let used = (0..PARTS.len()).filter(|&other| {
        version[other].exists && below(other) && part.uses >> other & 1 == 1 && what.may_use(PARTS[other].0)
    });
    let mut item = Network::plain();
    for other in used {
        let (other, name) = PARTS[other];
        item = item.uses(&format!("{}-{name}", other.kind()), id_of(other.kind(), name));
    }
    let size = if what == What::Database { 1 } else { part.size.into() };
    let mut item = item.flavour(if part.fancy { "fancy" } else { "plain" }).size(size);
    if let Some(label) = part.label {
        item = item.label(if label { "yes" } else { "no" });
    }
    item.attributes
}

fn exists(version: &Version, index: usize) -> bool {
    let has_host = PARTS[index].0 != What::Object || version[9].exists;
    version[index].exists && has_host
}

fn desired(cloud: &Arc<Cloud>, version: &Version) -> Graph {
    fn add<K: Kind>(graph: &mut Graph, name: &str, attributes: Attributes) {
        graph.add(name, Item::<K>::new(attributes));
    }
    use crate::support::kinds::{
        IsCache, IsCluster, IsDatabase, IsFleet, IsNetwork, IsObject, IsSubnet, IsTemplate,
    };
    let mut graph = graph(cloud);
    for (index, (what, name)) in PARTS.into_iter().enumerate() {
        if !exists(version, index) {
            continue;
        }
        let add = match what {
            What::Network => add::<IsNetwork>,
            What::Subnet => add::<IsSubnet>,
            What::Template | What::TemplateInUse => add::<IsTemplate>,
            What::Fleet => add::<IsFleet>,
            What::Cache => add::<IsCache>,
            What::Database => add::<IsDatabase>,
            What::Cluster => add::<IsCluster>,
            What::Object => add::<IsObject>,
        };
        add(&mut graph, name, attributes(version, index));
    }
    graph
}

/// Each step that started ended once, unless the program was killed.
fn check_events(events: &[Event], killed: bool) {
    let mut open = BTreeSet::new();
    for line in text::events(events) {
        let (verb, rest) = line.split_once(' ').unwrap();
        let step = rest.split(':').next().unwrap().to_owned();
        match verb {
            // Several removals may bear one address.
            "start" => _ = open.insert(step),
            "finish" | "fail" if !step.starts_with("delete") => {
                assert!(open.remove(&step), "{step} ended twice")
            }
            "finish" | "fail" => _ = open.remove(&step),
            _ => {}
        }
    }
    assert!(killed || open.is_empty(), "never ended: {open:?}");
}

const RUNS: usize = 25;

async fn make(cloud: &Arc<Cloud>, version: &Version) {
    let graph = desired(cloud, version);
    let mut last = None;
    for _ in 0..RUNS {
        let (outcome, events) = Run::default().up(cloud, &graph).await;
        check_events(&events, outcome.is_none());
        sleep(Duration::from_secs(20)).await;
        if outcome.as_ref().is_some_and(|outcome| outcome.is_complete()) {
            check(cloud, &graph, version).await;
            return;
        }
        last = outcome;
    }
    panic!("does not converge: {last:?}");
}

async fn check(cloud: &Arc<Cloud>, graph: &Graph, version: &Version) {
    let plan = plan_with(graph, &allow_all(graph)).await;
    assert!(!plan.has_changes() && plan.steps() == 0, "the next plan is not empty:\n{}", text::plan(&plan));
    let things = cloud.things();
    let mut ids = BTreeMap::new();
    for (id, thing) in &things {
        assert!(ids.insert(thing.address(), id.clone()).is_none(), "two of {}", thing.address());
    }
    let wanted: BTreeMap<String, Attributes> = (0..PARTS.len())
        .filter(|&index| exists(version, index))
        .map(|index| (format!("{}.{}", PARTS[index].0.kind(), PARTS[index].1), attributes(version, index)))
        .collect();
    assert!(ids.keys().eq(wanted.keys()), "exists: {:?}\ndesired: {:?}", ids.keys(), wanted.keys());
    for thing in things.values() {
        let mut wanted = wanted[&thing.address()].clone();
        for used in wanted.uses.values_mut() {
            if let Input::Output(reference) = used {
                *used = Input::Known(ids[&reference.address.to_string()].clone());
            }
        }
        if wanted.label.is_none() {
            wanted.label.clone_from(&thing.attributes.label);
        }
        assert_eq!(thing.attributes, wanted, "{}", thing.address());
    }
}

async fn unmake(cloud: &Arc<Cloud>, version: &Version) {
    let graph = desired(cloud, version);
    for _ in 0..RUNS {
        let (outcome, events) = Run::default().destroy(cloud, &graph).await;
        check_events(&events, outcome.is_none());
        sleep(Duration::from_secs(20)).await;
        if outcome.is_some_and(|outcome| outcome.is_complete()) {
            assert!(cloud.things().is_empty(), "left: {:?}", cloud.things());
            let plan = Plan::destroy(&graph, &look(&graph).await).unwrap();
            assert!(!plan.has_changes());
            return;
        }
    }
    panic!("does not come to an end; left: {:?}", cloud.things());
}

fn faults() -> impl Strategy<Value = Vec<(usize, Fault)>> {
    let fault = prop::sample::select(vec![
        Fault::Fail,
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::NotYet,
        Fault::KillBefore,
        Fault::KillAfter,
    ]);
    prop::collection::vec((0..60usize, fault), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn running_again_converges(
        before in versions(),
        after in versions(),
        faults in faults(),
        is_slow_to_show in any::<bool>(),
        half_way in prop::option::of(0..12usize),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let cloud: Arc<Cloud> = Arc::default();
            if is_slow_to_show {
                cloud.hide_new_things(Duration::from_secs(7));
            }
            match half_way {
                None => make(&cloud, &before).await,
                Some(number) => {
                    cloud.fault(number, Fault::KillAfter);
                    Run::default().up(&cloud, &desired(&cloud, &before)).await;
                    // What cannot be seen yet cannot be known to be there.
                    sleep(Duration::from_secs(20)).await;
                }
            }
            for (number, fault) in faults {
                cloud.fault(cloud.requests().len() + number, fault);
            }
            make(&cloud, &after).await;
            unmake(&cloud, &after).await;
        });
    }
}
