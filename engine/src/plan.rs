//! The plan: what has to change so that what exists becomes what is desired. Pure: no request is made here.
//!
//! Resources are judged in the order of their dependencies. What a creation or replacement will put out is unknown, so
//! what refers to it reads as known after apply; what lives on a host that does not exist yet is a creation.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::address::Address;
use crate::diff::{self, FieldChange};
use crate::error::Error;
use crate::graph::{Graph, GraphError, Node, Topology};
use crate::input::{self, Reference};
use crate::kind::Seen;
use crate::observe::Snapshot;
use crate::resource::{Order, Status, Verdict};
use crate::schedule::{self, Step};

mod permission;

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is removed and made anew.
    Replace,
    /// It is removed.
    Delete,
    /// It stays as it is.
    Unchanged,
}

/// What happens to one resource, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Which resource.
    pub address: Address,
    /// The group that it is shown in.
    pub group: String,
    /// What happens.
    pub action: Action,
    /// The fields that change; for a creation all that are set.
    pub fields: Vec<FieldChange>,
    /// Why, where the fields do not tell: what forces a replacement, why it is removed, what is awaited.
    pub reason: Option<String>,
    /// For a removal: the resource with which it goes, without a request of its own.
    pub with: Option<Address>,
}

/// A change that is not made unless something is allowed or corrected first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// Which resource.
    pub address: Address,
    /// Why the change is not made.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

/// What a plan may contain.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Addresses of resources that may be replaced. What has to be replaced as a consequence is allowed with them.
    pub allow_replace: BTreeSet<String>,
    /// Addresses of resources that may go with the data that they hold, and with what others keep in them.
    pub allow_loss: BTreeSet<String>,
    /// Whether the environment is protected: nothing in it is replaced at all.
    pub protected: bool,
}

/// The way from what exists to what is desired.
pub struct Plan {
    /// One change a resource, in the order of the dependencies, removals last.
    pub changes: Vec<Change>,
    /// Changes that may not be made; a plan with any is not applied.
    pub blocked: Vec<Blocked>,
    pub(crate) steps: Vec<Step>,
    /// The outputs that stay as they were observed.
    pub(crate) outputs: BTreeMap<Address, Value>,
}

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The graph contradicts itself.
    #[error("the resource graph contradicts itself: {}", .0.iter().map(GraphError::to_string).collect::<Vec<_>>().join("; "))]
    Graph(Vec<GraphError>),
    /// A resource could not be judged.
    #[error("planning `{address}`")]
    Resource {
        /// Which resource.
        address: Address,
        /// What went wrong.
        #[source]
        source: Error,
    },
}

/// How many changes of each action a plan has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Creations.
    pub create: usize,
    /// Updates in place.
    pub update: usize,
    /// Replacements.
    pub replace: usize,
    /// Removals.
    pub delete: usize,
    /// What stays.
    pub unchanged: usize,
}

impl Plan {
    /// The plan that makes what is desired.
    pub fn up(graph: &Graph, snapshot: &Snapshot, policy: &Policy) -> Result<Self, PlanError> {
        let topology = graph.topology().map_err(PlanError::Graph)?;
        let mut planner = Planner::new(graph, snapshot, policy, &topology);
        for address in &topology.order {
            planner
                .judge(address)
                .map_err(|source| PlanError::Resource { address: address.clone(), source })?;
        }
        planner.delete_what_is_not_desired();
        planner.finish()
    }

    /// The plan that removes all that exists.
    pub fn destroy(graph: &Graph, snapshot: &Snapshot) -> Result<Self, PlanError> {
        let topology = graph.topology().map_err(PlanError::Graph)?;
        let policy = Policy::default();
        let mut planner = Planner::new(graph, snapshot, &policy, &topology);
        planner.outputs =
            snapshot.seen.iter().map(|(address, seen)| (address.clone(), seen[0].outputs.clone())).collect();
        planner.delete_everything();
        planner.finish()
    }

    /// Whether something changes. Waiting for a resource that is under way is no change.
    pub fn has_changes(&self) -> bool {
        self.changes.iter().any(|change| change.action != Action::Unchanged)
    }

    /// How many steps have to be carried out, waits included.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The number of changes by action.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for change in &self.changes {
            *match change.action {
                Action::Create => &mut summary.create,
                Action::Update => &mut summary.update,
                Action::Replace => &mut summary.replace,
                Action::Delete => &mut summary.delete,
                Action::Unchanged => &mut summary.unchanged,
            } += 1;
        }
        summary
    }
}

/// What one resource's judgement tells the steps.
pub(crate) struct Judged {
    pub action: Action,
    pub order: Order,
    /// The resource to change, replace or wait for.
    pub current: Option<Seen>,
    /// Others of the same name, which go.
    pub deposed: Vec<Seen>,
}

struct Planner<'a> {
    graph: &'a Graph,
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    topology: &'a Topology,
    /// What is known of the outputs that each resource will have.
    outputs: BTreeMap<Address, Value>,
    judged: BTreeMap<Address, Judged>,
    /// Replacements that are allowed, or follow from one that is.
    replaced: BTreeSet<Address>,
    /// Removals of what is not desired.
    removed: Vec<(Address, Seen)>,
    changes: Vec<Change>,
    blocked: Vec<Blocked>,
}

/// An existing resource compared with what is desired.
struct Comparison<'a> {
    seen: &'a Seen,
    fields: Vec<FieldChange>,
    verdict: Option<Verdict>,
}

impl Comparison<'_> {
    fn severity(&self) -> u8 {
        match (&self.seen.status, &self.verdict) {
            (Status::Deleting(_), _) => 5,
            (Status::Failed(_), _) => 4,
            (_, Some(Verdict::Refuse(_))) => 3,
            (_, Some(Verdict::Replace { .. })) => 2,
            (_, Some(Verdict::Update)) => 1,
            (_, None) => 0,
        }
    }
}

impl<'a> Planner<'a> {
    fn new(graph: &'a Graph, snapshot: &'a Snapshot, policy: &'a Policy, topology: &'a Topology) -> Self {
        Self {
            graph,
            snapshot,
            policy,
            topology,
            outputs: BTreeMap::new(),
            judged: BTreeMap::new(),
            replaced: BTreeSet::new(),
            removed: Vec::new(),
            changes: Vec::new(),
            blocked: Vec::new(),
        }
    }

    fn lookup(&self, reference: &Reference) -> Option<Value> {
        self.outputs.get(&reference.address)?.get(&reference.field).filter(|value| !value.is_null()).cloned()
    }

    /// Whether the host will be the one that was observed. What a creation or replacement is only foreseen to put out
    /// gives access to another one.
    fn host_stays(&self, host: usize) -> bool {
        let mut stays = self.snapshot.clients.contains_key(&host);
        input::visit_references(&self.graph.hosts[host].access, &mut |reference| {
            stays &= self.stays(&reference.address) && self.lookup(&reference).is_some();
        });
        stays
    }

    /// Whether a resource goes on to exist.
    fn stays(&self, address: &Address) -> bool {
        let action = self.judged.get(address).map(|judged| judged.action);
        matches!(action, Some(Action::Update | Action::Unchanged))
    }

    fn judge(&mut self, address: &Address) -> Result<(), Error> {
        let graph = self.graph;
        let node = &graph.nodes[address];
        let desired = input::resolve(&node.desired, &|reference| self.lookup(reference));
        let desired = node.kind.canonical(&desired)?;
        let snapshot = self.snapshot;
        let seen = match self.host_stays(node.host) {
            true => snapshot.seen.get(address).map_or(&[][..], Vec::as_slice),
            false => &[],
        };
        let mut compared =
            seen.iter().map(|seen| compare(node, &desired, seen)).collect::<Result<Vec<_>, _>>()?;
        compared.sort_by_key(Comparison::severity);
        let mut compared = compared.into_iter();
        let current = compared.next();
        let deposed = compared.map(|comparison| comparison.seen.clone()).collect();
        match current {
            None => self.create(address, node, &desired, None, None)?,
            Some(Comparison { seen, .. }) if matches!(seen.status, Status::Deleting(_)) => {
                let reason = "the old one is still being removed".to_owned();
                self.create(address, node, &desired, Some(seen.clone()), Some(reason))?;
            }
            Some(comparison) => self.keep_or_change(address, node, &desired, comparison)?,
        }
        self.judged.get_mut(address).expect("was judged just now").deposed = deposed;
        Ok(())
    }

    fn create(
        &mut self,
        address: &Address,
        node: &Node,
        desired: &Value,
        leaving: Option<Seen>,
        reason: Option<String>,
    ) -> Result<(), Error> {
        let fields = diff::creation(desired, node.kind.sensitive());
        self.foresee(address, node, desired)?;
        self.record(address, Action::Create, fields, reason, leaving, Order::DeleteFirst);
        Ok(())
    }

    fn foresee(&mut self, address: &Address, node: &Node, desired: &Value) -> Result<(), Error> {
        if let Some(client) = self.snapshot.clients.get(&node.host) {
            self.outputs.insert(address.clone(), node.kind.foresee(client, &address.name, desired)?);
        }
        Ok(())
    }

    fn keep_or_change(
        &mut self,
        address: &Address,
        node: &Node,
        desired: &Value,
        comparison: Comparison<'_>,
    ) -> Result<(), Error> {
        let Comparison { seen, fields, verdict } = comparison;
        let current = Some(seen.clone());
        let verdict = match &seen.status {
            Status::Failed(why) => Some(Verdict::Replace {
                because: vec![format!("it failed: {why}")],
                order: Order::DeleteFirst,
            }),
            _ => verdict,
        };
        match verdict {
            None => {
                self.outputs.insert(address.clone(), seen.outputs.clone());
                let reason = match &seen.status {
                    Status::Ready => None,
                    status => Some(format!("not ready: {}", status.why())),
                };
                self.record(address, Action::Unchanged, fields, reason, current, Order::DeleteFirst);
            }
            Some(Verdict::Replace { because, order }) => {
                self.foresee(address, node, desired)?;
                self.permit_replacement(address, node, seen, &because, &fields);
                let reason = Some(because.join(", "));
                self.record(address, Action::Replace, fields, reason, current, order);
            }
            Some(verdict) => {
                let mut outputs = seen.outputs.clone();
                if let Some(outputs) = outputs.as_object_mut() {
                    outputs.retain(|field, _| !node.kind.volatile().contains(&field.as_str()));
                }
                self.outputs.insert(address.clone(), outputs);
                if let Verdict::Refuse(why) = verdict {
                    let remedy = "take the change back in the environment file".to_owned();
                    self.blocked.push(Blocked { address: address.clone(), why, remedy });
                }
                self.record(address, Action::Update, fields, None, current, Order::DeleteFirst);
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        address: &Address,
        action: Action,
        fields: Vec<FieldChange>,
        reason: Option<String>,
        current: Option<Seen>,
        order: Order,
    ) {
        let group = self.graph.nodes[address].group.clone();
        self.changes.push(Change { address: address.clone(), group, action, fields, reason, with: None });
        self.judged.insert(address.clone(), Judged { action, order, current, deposed: Vec::new() });
    }

    fn delete_what_is_not_desired(&mut self) {
        let snapshot = self.snapshot;
        for (address, seen) in &snapshot.seen {
            let entry = &self.graph.kinds[&*address.kind];
            if self.judged.contains_key(address) || entry.kind.leftover() || entry.kind.inseparable() {
                continue;
            }
            let host = entry.host;
            for seen in seen {
                self.permit_removal(address, &entry.kind, seen);
            }
            let with = if self.host_stays(host) { None } else { self.host_resource(host) };
            for seen in seen {
                self.remove(address, seen, "no longer desired", with.clone());
            }
        }
        let deposed: Vec<_> = self
            .judged
            .iter_mut()
            .flat_map(|(address, judged)| {
                judged.deposed.iter().map(move |seen| (address.clone(), seen.clone()))
            })
            .collect();
        for (address, seen) in deposed {
            self.remove(&address, &seen, "left over from a replacement", None);
        }
    }

    fn delete_everything(&mut self) {
        let snapshot = self.snapshot;
        for (address, seen) in &snapshot.seen {
            let entry = &self.graph.kinds[&*address.kind];
            if entry.kind.inseparable() {
                continue;
            }
            let host = self.host_resource(entry.host);
            for seen in seen {
                self.remove(address, seen, "everything is removed", host.clone());
            }
        }
    }

    /// The existing resource that gives access to a host, if one does: with it, all on the host goes.
    fn host_resource(&self, host: usize) -> Option<Address> {
        let mut found = None;
        input::visit_references(&self.graph.hosts[host].access, &mut |reference| {
            if self.snapshot.seen.contains_key(&reference.address) {
                found = Some(reference.address);
            }
        });
        found
    }

    fn remove(&mut self, address: &Address, seen: &Seen, why: &str, with: Option<Address>) {
        let group = self.graph.group_of(address).unwrap_or("No longer desired").to_owned();
        let reason = match &with {
            Some(host) => format!("goes with {host}"),
            None => why.to_owned(),
        };
        if with.is_none() {
            self.removed.push((address.clone(), seen.clone()));
        }
        let change = Change {
            address: address.clone(),
            group,
            action: Action::Delete,
            fields: Vec::new(),
            reason: Some(reason),
            with,
        };
        self.changes.push(change);
    }

    fn finish(self) -> Result<Plan, PlanError> {
        let steps = schedule::steps(self.graph, self.snapshot, self.topology, &self.judged, &self.removed)
            .map_err(|cycle| PlanError::Graph(vec![cycle]))?;
        let mut outputs = self.outputs;
        outputs.retain(|address, _| {
            self.judged.get(address).is_none_or(|j| matches!(j.action, Action::Update | Action::Unchanged))
        });
        Ok(Plan { changes: self.changes, blocked: self.blocked, steps, outputs })
    }
}

fn compare<'a>(node: &Node, desired: &Value, seen: &'a Seen) -> Result<Comparison<'a>, Error> {
    let fields = differences(node, desired, seen)?;
    let verdict = match fields.is_empty() {
        true => None,
        false => Some(node.kind.judge(desired, &seen.attributes, &fields)?),
    };
    Ok(Comparison { seen, fields, verdict })
}

/// The fields in which an existing resource differs from what is desired of it.
pub(crate) fn differences(node: &Node, desired: &Value, seen: &Seen) -> Result<Vec<FieldChange>, Error> {
    let actual = node.kind.project(desired, &seen.attributes)?;
    Ok(diff::diff(desired, &actual, node.kind.sensitive()))
}
