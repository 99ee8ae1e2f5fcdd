//! The steps of a plan, what each of them needs first, and which of them are urgent.
//!
//! Creations and changes follow the dependencies of the graph. Removals run against them, and against the use that
//! existing resources make of each other, which also orders what is no longer desired. The priority of a step is the
//! usual duration of the longest chain that starts with it, so that the critical path goes first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use petgraph::algo::toposort;
use petgraph::graphmap::DiGraphMap;
use serde_json::Value;

use crate::address::Address;
use crate::event::Operation;
use crate::graph::{Graph, GraphError, Milestone, Topology};
use crate::kind::Seen;
use crate::observe::Snapshot;
use crate::plan::{Action, Judged};
use crate::resource::{Durations, Order, Status};

/// One operation on one resource.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub address: Address,
    pub operation: Operation,
    /// What is changed, removed or awaited.
    pub seen: Option<Seen>,
    pub needs: BTreeSet<Need>,
    pub durations: Durations,
    /// The usual duration of the longest chain of steps that starts here.
    pub priority: Duration,
}

/// Another step that must have come some way before a step starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    pub step: usize,
    pub milestone: Milestone,
}

impl Step {
    /// How long the operation usually takes.
    pub fn usually(&self) -> Duration {
        match self.operation {
            Operation::Create | Operation::Await => self.durations.create,
            Operation::Update => self.durations.update,
            Operation::Delete => self.durations.delete,
        }
    }
}

/// Why a resource is removed, which decides what its removal waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Removal {
    /// It makes way for its replacement.
    BeforeCreate,
    /// It is not wanted any more, or has been replaced.
    Final,
}

struct Builder<'a> {
    graph: &'a Graph,
    steps: Vec<Step>,
    /// The step that makes, changes or awaits a resource.
    making: BTreeMap<Address, usize>,
    removing: Vec<(usize, Removal)>,
}

/// The steps of a plan. An error names resources whose removals need each other.
pub(crate) fn steps(
    graph: &Graph,
    snapshot: &Snapshot,
    topology: &Topology,
    judged: &BTreeMap<Address, Judged>,
    removed: &[(Address, Seen)],
) -> Result<Vec<Step>, GraphError> {
    let mut builder = Builder { graph, steps: Vec::new(), making: BTreeMap::new(), removing: Vec::new() };
    for address in &topology.order {
        if let Some(judged) = judged.get(address) {
            builder.add(address, judged);
        }
    }
    for (address, seen) in removed {
        builder.remove(address, seen, Removal::Final);
    }
    builder.follow_dependencies(topology);
    builder.remove_users_first(topology, snapshot);
    prioritise(&mut builder.steps)?;
    Ok(builder.steps)
}

impl Builder<'_> {
    fn push(&mut self, address: &Address, operation: Operation, seen: Option<Seen>) -> usize {
        let kind = &self.graph.kinds[&*address.kind].kind;
        let attributes = match self.graph.nodes.get(address) {
            Some(node) if operation != Operation::Delete => Some(&node.desired),
            _ => seen.as_ref().map(|seen| &seen.attributes),
        };
        let durations = attributes.and_then(|a| kind.durations(a).ok()).unwrap_or(Durations::QUICK);
        let priority = Duration::ZERO;
        let step =
            Step { address: address.clone(), operation, seen, needs: BTreeSet::new(), durations, priority };
        self.steps.push(step);
        self.steps.len() - 1
    }

    fn make(&mut self, address: &Address, operation: Operation, seen: Option<Seen>) -> usize {
        let step = self.push(address, operation, seen);
        self.making.insert(address.clone(), step);
        step
    }

    fn remove(&mut self, address: &Address, seen: &Seen, removal: Removal) -> usize {
        let step = self.push(address, Operation::Delete, Some(seen.clone()));
        self.removing.push((step, removal));
        step
    }

    fn need(&mut self, step: usize, needed: usize, milestone: Milestone) {
        if step != needed {
            self.steps[step].needs.insert(Need { step: needed, milestone });
        }
    }

    fn add(&mut self, address: &Address, judged: &Judged) {
        let Judged { action, order, current, .. } = judged;
        match (action, current) {
            (Action::Create, None) => _ = self.make(address, Operation::Create, None),
            (Action::Replace, Some(seen)) if *order == Order::CreateFirst => {
                let create = self.make(address, Operation::Create, None);
                let delete = self.remove(address, seen, Removal::Final);
                self.need(delete, create, Milestone::Ready);
            }
            (Action::Create | Action::Replace, Some(seen)) => {
                let delete = self.remove(address, seen, Removal::BeforeCreate);
                let create = self.make(address, Operation::Create, None);
                self.need(create, delete, Milestone::Ready);
            }
            (Action::Update, Some(seen)) => _ = self.make(address, Operation::Update, Some(seen.clone())),
            (Action::Unchanged, Some(seen)) if seen.status != Status::Ready => {
                _ = self.make(address, Operation::Await, Some(seen.clone()));
            }
            _ => {}
        }
    }

    fn follow_dependencies(&mut self, topology: &Topology) {
        for (address, step) in self.making.clone() {
            for dependency in &topology.dependencies[&address] {
                if let Some(&needed) = self.making.get(&dependency.on) {
                    self.need(step, needed, dependency.milestone);
                }
            }
        }
    }

    /// A removal waits until what uses the resource is removed, and a final one also until what used it has been
    /// changed to use something else.
    fn remove_users_first(&mut self, topology: &Topology, snapshot: &Snapshot) {
        let mut by_id: BTreeMap<String, Vec<(usize, Removal)>> = BTreeMap::new();
        let mut by_address: BTreeMap<Address, Vec<(usize, Removal)>> = BTreeMap::new();
        for &(step, removal) in &self.removing {
            let Step { address, seen, .. } = &self.steps[step];
            by_address.entry(address.clone()).or_default().push((step, removal));
            if let Some(seen) = seen {
                by_id.entry(seen.id.clone()).or_default().push((step, removal));
            }
        }
        for (user, _) in self.removing.clone() {
            let Step { address, seen, .. } = self.steps[user].clone();
            for dependency in topology.dependencies.get(&address).into_iter().flatten() {
                for &(removal, _) in by_address.get(&dependency.on).into_iter().flatten() {
                    self.need(removal, user, Milestone::Ready);
                }
            }
            for id in seen.iter().flat_map(used_ids) {
                for &(removal, _) in by_id.get(&id).into_iter().flatten() {
                    self.need(removal, user, Milestone::Ready);
                }
            }
        }
        for (address, user) in self.making.clone() {
            let used = snapshot.seen.get(&address).into_iter().flatten().flat_map(used_ids);
            let by_id = used.flat_map(|id| by_id.get(&id).cloned().unwrap_or_default());
            let depended = topology.dependencies[&address].iter();
            let by_address = depended.flat_map(|on| by_address.get(&on.on).cloned().unwrap_or_default());
            for (removal, why) in by_id.chain(by_address).collect::<BTreeSet<_>>() {
                if why == Removal::Final && self.steps[removal].address != address {
                    self.need(removal, user, Milestone::Ready);
                }
            }
        }
    }
}

/// The ids of other resources that an existing one may use: all strings in its attributes, and those it names.
fn used_ids(seen: &Seen) -> Vec<String> {
    fn strings(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
            _ => {}
        }
    }
    let mut found = seen.uses.clone();
    strings(&seen.attributes, &mut found);
    found.retain(|id| *id != seen.id);
    found
}

fn prioritise(steps: &mut [Step]) -> Result<(), GraphError> {
    let mut edges = DiGraphMap::<usize, ()>::new();
    for (index, step) in steps.iter().enumerate() {
        edges.add_node(index);
        for need in &step.needs {
            edges.add_edge(need.step, index, ());
        }
    }
    let order = toposort(&edges, None).map_err(|_| {
        GraphError::Cycle(
            crate::graph::shortest_cycle(&edges).iter().map(|&s| steps[s].address.clone()).collect(),
        )
    })?;
    for index in order.into_iter().rev() {
        let after = edges.neighbors(index).map(|next| steps[next].priority).max().unwrap_or_default();
        steps[index].priority = steps[index].usually() + after;
    }
    Ok(())
}
