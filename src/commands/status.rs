//! `status`: what exists of an environment, and whether it is healthy.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};
use holodeck_engine::{Address, Explanation, Plan, Policy, Snapshot, Status, explanations};
use serde_json::json;

use super::platform::Platform;
use super::{Ending, Failure};
use crate::cli::{Global, Output};
use crate::components;
use crate::report::records;
use crate::report::style::{BAD, CHANGE, DIM, GOOD, paint};

/// More resources that are not well are only counted.
const MOST_UNWELL: usize = 20;

/// How one desired resource is.
struct Health<'a> {
    address: &'a Address,
    group: &'a str,
    status: Option<&'a Status>,
    explanation: Option<Explanation>,
}

impl Health<'_> {
    fn is_well(&self) -> bool {
        self.status == Some(&Status::Ready)
    }

    fn word(&self) -> &'static str {
        match self.status {
            None => "missing",
            Some(Status::Ready) => "ready",
            Some(Status::InProgress(_)) => "in progress",
            Some(Status::Failed(_)) => "failed",
            Some(Status::Deleting(_)) => "being removed",
        }
    }
}

/// Runs the command.
pub async fn run(global: &Global, name: &str) -> Result<Ending, Failure> {
    let platform = Platform::open(global, name).await?;
    let snapshot = platform.observe().await?;
    let graph = &platform.desired.graph;
    let mut explanations = explanations::find(graph, &snapshot, graph.addresses()).await;
    let health: Vec<Health<'_>> = graph
        .addresses()
        .map(|address| Health {
            address,
            group: graph.group_of(address).unwrap_or_default(),
            status: snapshot.status(address),
            explanation: explanations.remove(address),
        })
        .collect();
    let drift = Plan::up(graph, &snapshot, &Policy::default())?;
    let is_healthy = health.iter().all(Health::is_well);
    match global.output {
        Output::Json => print_json(&platform, &snapshot, &health, is_healthy),
        Output::Text => print_text(&platform, &snapshot, &health, is_healthy, drift.has_changes()),
    }
    Ok(if is_healthy { Ending::Fine } else { Ending::Failed })
}

fn print_json(platform: &Platform, snapshot: &Snapshot, health: &[Health<'_>], is_healthy: bool) {
    let resources: Vec<_> = health
        .iter()
        .map(|health| {
            let why = health.explanation.as_ref().map(|explanation| &explanation.why);
            json!({"id": health.address, "group": health.group, "status": health.word(), "why": why})
        })
        .collect();
    let urls: BTreeMap<_, _> = components::urls(&platform.environment).into_iter().collect();
    let document = json!({
        "format_version": 1,
        "environment": platform.environment.name,
        "healthy": is_healthy,
        "exists": !snapshot.is_empty(),
        "resources": resources,
        "urls": urls,
        "vault_keys": platform.place_of_vault_keys(),
        "dns_records": records::lines(&platform.desired.foundation.records, snapshot),
    });
    anstream::println!("{document:#}");
}

fn print_text(
    platform: &Platform,
    snapshot: &Snapshot,
    health: &[Health<'_>],
    is_healthy: bool,
    drifted: bool,
) {
    anstream::println!("{}\n", platform.heading());
    let mut groups: Vec<(&str, Vec<&Health<'_>>)> = Vec::new();
    for health in health {
        match groups.iter_mut().find(|(group, _)| *group == health.group) {
            Some((_, members)) => members.push(health),
            None => groups.push((health.group, vec![health])),
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (group, members) in &groups {
        let well = members.iter().filter(|health| health.is_well()).count();
        let look = if well == members.len() { GOOD } else { CHANGE };
        let ready = if look == GOOD { "ready" } else { "not ready" };
        table.add_row([(*group).to_owned(), format!("{well}/{}", members.len()), paint(look, ready)]);
    }
    anstream::println!("{table}\n");
    let unwell: Vec<_> = health.iter().filter(|health| !health.is_well()).collect();
    for health in unwell.iter().take(MOST_UNWELL) {
        let look = if matches!(health.status, Some(Status::InProgress(_))) { CHANGE } else { BAD };
        let (why, hint) = match &health.explanation {
            Some(Explanation { why, hint }) => (why.as_str(), hint.as_deref()),
            None => ("", None),
        };
        anstream::println!("  {} {}  {why}", paint(look, health.word()), health.address);
        if let Some(hint) = hint {
            anstream::println!("    {}", paint(DIM, hint));
        }
    }
    if let Some(more) = unwell.len().checked_sub(MOST_UNWELL).filter(|more| *more > 0) {
        anstream::println!("  and {more} more");
    }
    if !unwell.is_empty() {
        anstream::println!();
    }
    for (label, place) in platform.places() {
        anstream::println!("  {label:12}{place}");
    }
    anstream::println!();
    records::print(&platform.desired.foundation.records, snapshot);
    if drifted {
        anstream::println!(
            "It is not as described: `plan {}` shows the difference.\n",
            platform.environment.name
        );
    }
    let (look, word) = if is_healthy { (GOOD, "healthy") } else { (BAD, "not healthy") };
    anstream::println!("{} is {}.", platform.environment.name, paint(look, word));
}
