//! The controllers, run over virtual time.
//!
//! Each controller looks at the stored objects at one instant, does what is due, and notes when something will be due
//! next. Invariant: they are run again until none changes anything, so their order does not matter for the result.

use jiff::Timestamp;

use super::cluster::Cluster;
use super::{
    definitions, deletion, disruption_budgets, injector, jobs, load_balancers, namespaces, nodes, platform,
    pods, rollout, stateful_sets, storage, vault_registration, vault_servers,
};

/// How often the controllers may react to each other within one instant.
const ROUNDS: usize = 200;

/// What is due now, and when something will be due next.
pub(super) struct Agenda {
    /// The instant that is played.
    pub now: Timestamp,
    next: Option<Timestamp>,
}

impl Agenda {
    /// Whether an instant has come; one that has not is kept in mind.
    pub fn is_due(&mut self, at: Timestamp) -> bool {
        if at <= self.now {
            return true;
        }
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
        false
    }
}

/// Does everything that is due at an instant; returns when something will be due next.
pub(super) fn run(cluster: &mut Cluster, now: Timestamp) -> Option<Timestamp> {
    let mut next = None;
    for _ in 0..ROUNDS {
        let before = cluster.revision();
        let mut agenda = Agenda { now, next: None };
        namespaces::furnish(cluster, now);
        definitions::establish(cluster, &mut agenda);
        nodes::report(cluster, &mut agenda);
        rollout::run_deployments(cluster, &mut agenda);
        rollout::run_daemon_sets(cluster, &mut agenda);
        stateful_sets::run(cluster, &mut agenda);
        jobs::run(cluster, &mut agenda);
        pods::run(cluster, &mut agenda);
        storage::run(cluster, now);
        load_balancers::run(cluster);
        disruption_budgets::count(cluster);
        platform::run(cluster, &mut agenda);
        injector::run(cluster, &mut agenda);
        vault_servers::attend(cluster);
        vault_registration::run(cluster);
        deletion::collect(cluster, &mut agenda);
        next = agenda.next;
        if cluster.revision() == before {
            break;
        }
    }
    next
}
