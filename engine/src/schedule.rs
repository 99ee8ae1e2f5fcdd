//! The steps of a plan, what each of them needs first, and which of them are urgent.
//!
//! Creations and changes follow the dependencies of the graph. Removals run against them, and against the use that
//! existing resources make of each other, which also orders what is no longer desired. The priority of a step is the
//! usual duration of the longest chain that starts with it, so that the critical path goes first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use petgraph::algo::{tarjan_scc, toposort};
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
    /// Ids of others of the same name, which a look at the resource must not take for it.
    pub others: BTreeSet<String>,
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

/// How much it matters that one step waits for another. Where waits run in a circle, the weakest in it give way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// A removal waits until what used the resource has been changed to use something else.
    Considerate,
    /// The old one is removed after the new one of a create-first replacement; turned round if need be.
    CreateFirst,
    /// A removal waits for the removal of what depends on it by what is desired now, which may never have been so.
    Desired,
    /// A removal waits for the removal of what uses it, as far as that shows.
    Used,
    /// Without it, the step is not possible.
    Required,
}

/// One step's need of another, while steps are put together.
struct Edge {
    step: usize,
    need: Need,
    strength: Strength,
}

struct Builder<'a> {
    graph: &'a Graph,
    steps: Vec<Step>,
    edges: Vec<Edge>,
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
    let mut builder = Builder {
        graph,
        steps: Vec::new(),
        edges: Vec::new(),
        making: BTreeMap::new(),
        removing: Vec::new(),
    };
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
    builder.break_circles();
    let Builder { mut steps, edges, .. } = builder;
    for Edge { step, need, .. } in edges {
        steps[step].needs.insert(need);
    }
    exclude_others(&mut steps, snapshot);
    prioritise(&mut steps)?;
    Ok(steps)
}

/// Tells each step which resources of the same name it has nothing to do with.
fn exclude_others(steps: &mut [Step], snapshot: &Snapshot) {
    let leaving: BTreeSet<usize> = steps
        .iter()
        .filter(|step| step.operation == Operation::Create)
        .flat_map(|step| step.needs.iter().map(|need| need.step))
        .filter(|&needed| steps[needed].operation == Operation::Delete)
        .collect();
    // What goes before its successor comes may well have had the same id.
    let leaving: BTreeSet<(Address, String)> = leaving
        .into_iter()
        .filter_map(|index| Some((steps[index].address.clone(), steps[index].seen.as_ref()?.id.clone())))
        .collect();
    for step in steps {
        let own = step.seen.as_ref().map(|seen| &seen.id);
        let same_name = snapshot.seen.get(&step.address).into_iter().flatten();
        step.others = same_name
            .map(|seen| &seen.id)
            .filter(|id| Some(*id) != own && !leaving.contains(&(step.address.clone(), (*id).clone())))
            .cloned()
            .collect();
    }
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
        let (others, needs) = (BTreeSet::new(), BTreeSet::new());
        let step = Step { address: address.clone(), operation, seen, others, needs, durations, priority };
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

    fn need(&mut self, step: usize, needed: usize, milestone: Milestone, strength: Strength) {
        if step != needed {
            self.edges.push(Edge { step, need: Need { step: needed, milestone }, strength });
        }
    }

    /// Lets the weakest waits give way where they run in circles, which a contradiction between what exists and what is
    /// desired may cause; the service itself then tells which removal has to wait.
    fn break_circles(&mut self) {
        for weakest in [Strength::Considerate, Strength::CreateFirst, Strength::Desired, Strength::Used] {
            let mut graph = DiGraphMap::<usize, ()>::with_capacity(self.steps.len(), self.edges.len());
            for edge in &self.edges {
                graph.add_edge(edge.need.step, edge.step, ());
            }
            let mut group = vec![None; self.steps.len()];
            for (number, members) in tarjan_scc(&graph).into_iter().enumerate().filter(|(_, m)| m.len() > 1) {
                members.into_iter().for_each(|step| group[step] = Some(number));
            }
            let in_circle =
                |edge: &Edge| group[edge.step].is_some() && group[edge.step] == group[edge.need.step];
            if weakest == Strength::CreateFirst {
                for edge in self.edges.iter_mut().filter(|e| e.strength == weakest && in_circle(e)) {
                    std::mem::swap(&mut edge.step, &mut edge.need.step);
                    edge.strength = Strength::Required;
                }
            } else {
                self.edges.retain(|edge| edge.strength != weakest || !in_circle(edge));
            }
        }
    }

    fn add(&mut self, address: &Address, judged: &Judged) {
        let Judged { action, order, current, .. } = judged;
        match (action, current) {
            (Action::Create, None) => _ = self.make(address, Operation::Create, None),
            (Action::Replace, Some(seen)) if *order == Order::CreateFirst => {
                let create = self.make(address, Operation::Create, None);
                let delete = self.remove(address, seen, Removal::Final);
                self.need(delete, create, Milestone::Ready, Strength::CreateFirst);
            }
            (Action::Create | Action::Replace, Some(seen)) => {
                let delete = self.remove(address, seen, Removal::BeforeCreate);
                let create = self.make(address, Operation::Create, None);
                self.need(create, delete, Milestone::Ready, Strength::Required);
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
                    self.need(step, needed, dependency.milestone, Strength::Required);
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
        for user in self.removing.iter().map(|&(user, _)| user).collect::<Vec<_>>() {
            let Step { address, seen, .. } = &self.steps[user];
            let depended = topology.dependencies.get(address).into_iter().flatten();
            let depended = depended.filter_map(|dependency| by_address.get(&dependency.on)).flatten();
            let depended = depended.map(|&(removal, _)| (removal, Strength::Desired));
            let used = seen.iter().flat_map(used_ids);
            let used = used.filter_map(|id| by_id.get(&id)).flatten();
            let used = used.map(|&(removal, _)| (removal, Strength::Used));
            for (removal, strength) in depended.chain(used).collect::<BTreeSet<_>>() {
                self.need(removal, user, Milestone::Ready, strength);
            }
        }
        // What is made anew has its old one removed, which the removals wait for already.
        for (address, user) in self.making.clone() {
            if self.steps[user].operation == Operation::Create {
                continue;
            }
            let used = snapshot.seen.get(&address).into_iter().flatten().flat_map(used_ids);
            let used = used.filter_map(|id| by_id.get(&id)).flatten();
            let depended = topology.dependencies[&address].iter();
            let depended = depended.filter_map(|dependency| by_address.get(&dependency.on)).flatten();
            for &(removal, why) in used.chain(depended).collect::<BTreeSet<_>>() {
                if why == Removal::Final && self.steps[removal].address != address {
                    self.need(removal, user, Milestone::Ready, Strength::Considerate);
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
    let order = toposort(&edges, None).map_err(|cycle| {
        // Cannot be: what is required follows the order of the graph, and all else has given way.
        GraphError::Cycle(vec![steps[cycle.node_id()].address.clone(); 2])
    })?;
    for index in order.into_iter().rev() {
        let after = edges.neighbors(index).map(|next| steps[next].priority).max().unwrap_or_default();
        steps[index].priority = steps[index].usually() + after;
    }
    Ok(())
}
