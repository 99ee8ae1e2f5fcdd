//! `graph`: the resource graph as Mermaid, Graphviz or JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use holodeck_engine::graph::Topology;
use holodeck_engine::plan::PlanError;
use holodeck_engine::{Address, Graph};
use serde_json::json;

use super::platform::Platform;
use super::{Ending, Failure};
use crate::cli::{Global, GraphFormat, Output};

/// Runs the command.
pub async fn run(global: &Global, name: &str, format: GraphFormat) -> Result<Ending, Failure> {
    let platform = Platform::open(global, name).await?;
    let graph = &platform.desired.graph;
    let topology = graph.topology().map_err(PlanError::Graph)?;
    let text = match (global.output, format) {
        (Output::Json, _) | (_, GraphFormat::Json) => json(graph, &topology),
        (Output::Text, GraphFormat::Mermaid) => mermaid(graph, &topology),
        (Output::Text, GraphFormat::Dot) => dot(graph, &topology),
    };
    anstream::println!("{text}");
    Ok(Ending::Fine)
}

/// The resources by group, each with its number.
fn groups<'a>(graph: &'a Graph, topology: &'a Topology) -> Vec<(&'a str, Vec<(usize, &'a Address)>)> {
    let mut groups: Vec<(&str, Vec<(usize, &Address)>)> = Vec::new();
    for (number, address) in topology.order.iter().enumerate() {
        let group = graph.group_of(address).unwrap_or_default();
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, members)) => members.push((number, address)),
            None => groups.push((group, vec![(number, address)])),
        }
    }
    groups
}

/// The edges as numbers: what comes first, what needs it, and why.
fn edges(topology: &Topology) -> Vec<(usize, usize, &str)> {
    let numbers: BTreeMap<&Address, usize> =
        topology.order.iter().enumerate().map(|(number, address)| (address, number)).collect();
    let mut edges = Vec::new();
    for (address, dependencies) in &topology.dependencies {
        for dependency in dependencies {
            if let (Some(&from), Some(&to)) = (numbers.get(&dependency.on), numbers.get(address)) {
                edges.push((from, to, dependency.because.as_str()));
            }
        }
    }
    edges.sort_unstable();
    edges.dedup_by_key(|(from, to, _)| (*from, *to));
    edges
}

fn mermaid(graph: &Graph, topology: &Topology) -> String {
    let mut out = String::from("flowchart LR\n");
    for (index, (group, members)) in groups(graph, topology).into_iter().enumerate() {
        _ = writeln!(out, "  subgraph g{index}[\"{group}\"]");
        for (number, address) in members {
            _ = writeln!(out, "    n{number}[\"{address}\"]");
        }
        out.push_str("  end\n");
    }
    for (from, to, _) in edges(topology) {
        _ = writeln!(out, "  n{from} --> n{to}");
    }
    out
}

fn dot(graph: &Graph, topology: &Topology) -> String {
    let mut out = String::from("digraph platform {\n  rankdir=LR;\n  node [shape=box];\n");
    for (index, (group, members)) in groups(graph, topology).into_iter().enumerate() {
        _ = writeln!(out, "  subgraph cluster_{index} {{\n    label={group:?};");
        for (number, address) in members {
            _ = writeln!(out, "    n{number} [label={:?}];", address.to_string());
        }
        out.push_str("  }\n");
    }
    for (from, to, because) in edges(topology) {
        _ = writeln!(out, "  n{from} -> n{to} [tooltip={because:?}];");
    }
    out.push('}');
    out
}

fn json(graph: &Graph, topology: &Topology) -> String {
    let resources: Vec<_> = topology
        .order
        .iter()
        .map(|address| {
            json!({
                "id": address,
                "group": graph.group_of(address),
                "depends_on": topology.dependencies.get(address),
            })
        })
        .collect();
    format!("{:#}", json!({ "format_version": 1, "resources": resources }))
}
