//! What programs read from the command.

use serde_json::Value;

use crate::support::Workplace;

#[test]
fn a_plan_is_one_document() {
    let ran = Workplace::new().succeed(&["plan", "sandbox", "--output", "json"]);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&plan["format_version"], &plan["environment"]), (&Value::from(1), &Value::from("sandbox")));
    let changes = plan["changes"].as_array().unwrap();
    assert_eq!(plan["summary"]["create"], changes.len());
    let vpc = changes.iter().find(|change| change["id"] == "aws.vpc.main").unwrap();
    assert_eq!(vpc["kind"], "aws.vpc");
    let cidr = vpc["fields"].as_array().unwrap().iter().find(|field| field["path"] == "cidr").unwrap();
    assert_eq!(
        (&cidr["before"], &cidr["after"], &cidr["known"]),
        (&Value::Null, &Value::from("10.10.0.0/16"), &Value::from(true))
    );
}

#[test]
fn up_prints_one_event_a_line() {
    let ran = Workplace::new().succeed(&["up", "sandbox", "--yes", "--output", "json"]);
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!(events[0]["event"], "begun");
    assert_eq!(events[0]["steps"], count("started"));
    assert_eq!(count("started"), count("finished"));
    assert_eq!(count("failed"), 0);
}

#[test]
fn secrets_are_printed_nowhere() {
    let place = Workplace::new();
    for arguments in [
        &["plan", "staging", "--sandbox", "-v"][..],
        &["plan", "staging", "--sandbox", "--output", "json"],
        &["render", "staging", "--sandbox"],
        &["up", "staging", "--sandbox", "--yes", "-v"],
        &["plan", "staging", "--sandbox", "-v"],
    ] {
        let ran = place.succeed(arguments);
        assert!(
            !ran.stdout.contains("stand-in for") && !ran.stderr.contains("stand-in for"),
            "{arguments:?}"
        );
        assert!(!ran.stdout.contains("c3RhbmQtaW4gZm9y"), "{arguments:?}: in base64");
    }
}

#[test]
fn the_graph_comes_in_three_forms() {
    let place = Workplace::new();
    assert!(place.succeed(&["graph", "sandbox"]).stdout.starts_with("flowchart LR"));
    assert!(place.succeed(&["graph", "sandbox", "--format", "dot"]).stdout.starts_with("digraph"));
    let graph = place.succeed(&["graph", "sandbox", "--format", "json"]).stdout;
    assert_eq!(place.succeed(&["graph", "sandbox", "--output", "json"]).stdout, graph);
    let graph: Value = serde_json::from_str(&graph).unwrap();
    assert!(graph["resources"].as_array().unwrap().iter().any(|resource| resource["id"] == "aws.vpc.main"));
}

#[test]
fn rendered_objects_are_yaml_documents() {
    let ran = Workplace::new().succeed(&["render", "sandbox", "--component", "vault"]);
    assert!(ran.stdout.contains("kind: StatefulSet"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{E000}'), "references are written for people");
}

#[test]
fn colour_is_not_printed_into_files() {
    let ran = Workplace::new().succeed(&["plan", "sandbox"]);
    assert!(!ran.stdout.contains('\u{1b}'));
    let ran = Workplace::new().succeed(&["plan", "sandbox", "--color", "always"]);
    assert!(ran.stdout.contains('\u{1b}'));
}

#[test]
fn help_of_every_command_has_an_example() {
    let place = Workplace::new();
    let help = place.succeed(&["--help"]).stdout;
    insta::assert_snapshot!("help", help);
    for command in [
        "plan",
        "up",
        "destroy",
        "status",
        "graph",
        "render",
        "kubeconfig",
        "validate",
        "schema",
        "completions",
    ] {
        let help = place.succeed(&[command, "--help"]).stdout;
        assert!(help.contains("Example"), "{command}: {help}");
    }
}

#[test]
fn records_that_others_must_make_are_shown() {
    let place = Workplace::new();
    place.turn_off("sandbox", &["ingress-nginx", "cert-manager", "vault", "argo-cd"]);
    place.edit("base.toml", "parent_zone = \"holodeck.example\"", "parent_zone = \"elsewhere.example\"");
    place.edit("sandbox.toml", "sandbox.holodeck.example", "sandbox.elsewhere.example");
    let up = place.succeed(&["up", "sandbox", "--yes"]).stdout;
    let status = place.succeed(&["status", "sandbox"]).stdout;
    for told in [up, status] {
        let records = told.lines().filter(|line| line.contains("sandbox.elsewhere.example  NS  ")).count();
        assert_eq!(records, 4, "{told}");
    }
}
