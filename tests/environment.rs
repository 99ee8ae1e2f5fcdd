//! Environment files from the outside: what loads, what is refused, and how a refusal reads.

use std::path::Path;

use holodeck_bootstrap::aws::settings::{Nat, SubnetTier};
use holodeck_bootstrap::environment::{self, Credentials, Environment, Invalid, Issuer, Provider};
use miette::{GraphicalReportHandler, GraphicalTheme};

const RULES: &str = "tests/environment/fixtures/rules";

fn load(directory: &str, name: &str) -> Result<Environment, Invalid> {
    environment::load(Path::new(directory), name)
}

fn valid(directory: &str, name: &str) -> Environment {
    load(directory, name).unwrap_or_else(|invalid| panic!("{}", rendered(&invalid)))
}

fn refused(directory: &str, name: &str) -> String {
    match load(directory, name) {
        Ok(_) => panic!("{directory}/{name}.toml is accepted"),
        Err(invalid) => rendered(&invalid),
    }
}

fn rendered(invalid: &Invalid) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    handler.render_report(&mut text, invalid).expect("writing to a string");
    text
}

macro_rules! assert_reads {
    ($name:expr, $text:expr) => {
        insta::with_settings!({ snapshot_path => "environment/snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, $text);
        })
    };
}

#[test]
fn every_shipped_environment_is_valid() {
    let all = environment::load_all(Path::new("environments"));
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["onprem", "production", "production-us", "sandbox", "staging"]);
    for (_, loaded) in &all {
        if let Err(invalid) = loaded {
            panic!("{}", rendered(invalid));
        }
    }
    let valid: Vec<&Environment> = all.iter().flat_map(|(_, loaded)| loaded).collect();
    for (position, environment) in valid.iter().enumerate() {
        for other in &valid[..position] {
            assert_ne!(environment.domain, other.domain);
            if let (Provider::Aws(aws), Provider::Aws(others)) = (&environment.provider, &other.provider) {
                assert_ne!(aws.network.cidr, others.network.cidr);
            }
        }
    }
}

#[test]
fn an_environment_says_only_what_differs() {
    let production = valid("environments", "production");
    let other = valid("environments", "production-us");
    let Provider::Aws(aws) = &other.provider else { panic!("another provider") };
    assert!(other.protected);
    assert_eq!(aws.region, "us-east-2");
    assert_eq!(aws.network.nat, Nat::PerZone);
    assert_eq!(aws.network.cidr.to_string(), "10.40.0.0/16");
    assert_eq!(other.vault, production.vault);
    assert_eq!(aws.node_groups["general"].subnets, SubnetTier::Private);
}

#[test]
fn the_sandbox_needs_no_directory_and_a_file_of_ones_own_goes_before_it() {
    let carried = valid("tests/environment/fixtures/nowhere", "sandbox");
    assert!(carried.sandbox);
    assert_eq!(carried, valid("environments", "sandbox"));
    assert_eq!(carried.certificates.issuer, Issuer::InternalCa);

    let own = valid("tests/environment/fixtures/shadow", "sandbox");
    assert_eq!(own.domain, "mine.holodeck.example");
    assert!(!own.sandbox);
    assert_eq!(own.vault.replicas, 3, "the carried base is found where the directory has none");
}

#[test]
fn a_choice_replaces_the_choice_of_the_extended_file() {
    let environment = valid(RULES, "choice");
    let platform = &environment.argocd.repositories["platform"];
    assert_eq!(platform.credentials, Some(Credentials::File("token".into())));
}

#[test]
fn a_sound_file_is_accepted_with_the_defaults() {
    let environment = valid(RULES, "sound-alone");
    let Provider::Aws(aws) = &environment.provider else { panic!("another provider") };
    assert_eq!((aws.network.zones, aws.network.nat), (3, Nat::PerZone));
    assert!(aws.cluster.endpoint.public.is_empty() && aws.cluster.endpoint.private);
    assert!(!environment.protected);
    assert_eq!(environment.argocd.host, "argocd");
}

#[test]
fn every_mistake_is_reported_at_once_where_it_stands() {
    assert_reads!("many", refused(RULES, "many"));
}

#[test]
fn places_are_told_by_file_line_and_column() {
    let Err(invalid) = load(RULES, "many") else { panic!("many.toml is accepted") };
    let place = |part: &str| {
        let problem = invalid.problems().iter().find(|problem| problem.to_string().contains(part));
        let place = problem.and_then(environment::Problem::place);
        place.map(|place| (place.file, place.line, place.column))
    };
    let at = |file: &str, line, column| Some((format!("{RULES}/{file}.toml"), line, column));
    assert_eq!(place("`protectd`"), at("many", 4, 1));
    assert_eq!(place("Kubernetes `1.29`"), at("generation", 5, 11));
    assert_eq!(place("no such problem"), None);
}

#[test]
fn each_rule_explains_itself() {
    for name in [
        "a-name-too-long-for-target-groups",
        "another-name",
        "charts",
        "components",
        "databases",
        "dynamic-updates",
        "kubeconfig",
        "network",
        "network-size",
        "no-email",
        "nodes",
        "provider",
        "services",
        "structure",
    ] {
        assert_reads!(name, refused(RULES, name));
    }
}

#[test]
fn a_secret_in_the_file_is_not_repeated() {
    let text = refused(RULES, "secrets");
    assert!(!text.contains("hunter2"), "{text}");
    assert_reads!("secrets", text);
}

#[test]
fn files_that_extend_each_other_are_refused_with_the_circle() {
    assert_reads!("circle", refused("tests/environment/fixtures/circle", "first"));
}

#[test]
fn what_is_extended_must_exist() {
    assert_reads!("missing", refused("tests/environment/fixtures/missing", "orphan"));
    assert_reads!("extends-a-list", refused("tests/environment/fixtures/missing", "listed"));
}

#[test]
fn a_file_without_a_name_is_no_environment() {
    assert_reads!("no-name", refused("tests/environment/fixtures/missing", "general"));
    let known = environment::known(Path::new("tests/environment/fixtures/missing"));
    assert_eq!(known, ["listed", "orphan", "sandbox"]);
}

#[test]
fn an_unknown_environment_lists_the_known_ones() {
    assert_reads!("unknown", refused("environments", "stagign"));
    for name in ["", "../production", "base.toml"] {
        assert!(matches!(load("environments", name), Err(Invalid::Unknown { .. })), "{name}");
    }
}

#[test]
fn every_syntax_error_of_a_file_is_shown() {
    assert_reads!("syntax", refused("tests/environment/fixtures/syntax", "broken"));
}
