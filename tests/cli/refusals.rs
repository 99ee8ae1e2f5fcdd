//! What the command refuses, and what it says then.

use crate::support::Workplace;

#[test]
fn without_a_terminal_changes_need_yes() {
    let place = Workplace::new();
    for command in ["up", "destroy"] {
        let ran = place.run(&[command, "sandbox"]);
        assert_eq!(ran.status, 1);
        assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
        assert!(!place.path().join(".holodeck").exists(), "nothing may have been touched");
    }
}

#[test]
fn an_unknown_environment_lists_the_known_ones() {
    let ran = Workplace::new().run(&["plan", "stagin"]);
    assert_eq!(ran.status, 1);
    for known in ["production", "production-us", "sandbox", "staging"] {
        assert!(ran.stderr.contains(known), "{}", ran.stderr);
    }
}

#[test]
fn a_bad_file_names_every_mistake() {
    let place = Workplace::new();
    place.write(
        "bad.toml",
        "extends = \"staging.toml\"\nname = \"bad\"\ndomaine = \"x\"\n[vault]\nreplicas = 2\n",
    );
    let ran = place.run(&["validate", "bad"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("domaine") && ran.stderr.contains("domain"), "{}", ran.stderr);
    assert!(ran.stderr.contains("replicas"), "{}", ran.stderr);
    assert!(ran.stderr.contains("bad.toml:3"), "{}", ran.stderr);
}

#[test]
fn a_folder_that_does_not_exist_is_a_mistake() {
    let ran = Workplace::new().run(&["validate", "--environments", "enviroments"]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    assert!(ran.stderr.contains("enviroments"), "{}", ran.stderr);
}

#[test]
fn usage_errors_do_not_look_like_changes() {
    let ran = Workplace::new().run(&["plan", "sandbox", "--no-such-option"]);
    assert_eq!(ran.status, 1);
}

#[test]
fn a_permission_for_nothing_is_a_mistake() {
    let ran = Workplace::new().run(&["plan", "sandbox", "--allow-replace", "aws.nonsense"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("aws.nonsense"), "{}", ran.stderr);
}

#[test]
fn a_wrong_fault_is_explained() {
    let ran = Workplace::new().run(&["plan", "sandbox", "--sandbox-fault", "CreateVpc:explode"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("lose-answer"), "{}", ran.stderr);
}

#[test]
fn another_account_is_not_touched() {
    let place = Workplace::new();
    place.succeed(&["plan", "sandbox"]);
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    place.edit("sandbox.toml", "account = \"123456789012\"", "account = \"210987654321\"");
    place.edit("sandbox.toml", "arn:aws:iam::123456789012", "arn:aws:iam::210987654321");
    let ran = place.run(&["plan", "sandbox"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("123456789012") && ran.stderr.contains("provider.account"), "{}", ran.stderr);
}

/// Vault from a chart; helm is not in the empty environment that commands of tests have.
const FROM_A_CHART: &str = r#"
[components.vault.source]
chart = "vault"
repository = "https://charts.holodeck.example"
version = "0.34.1"
digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
"#;

#[test]
fn a_chart_needs_helm_unless_all_is_removed() {
    let place = Workplace::new();
    place.succeed(&["up", "sandbox", "--yes"]);
    place.append("sandbox.toml", FROM_A_CHART);
    let ran = place.run_with_path(place.path(), &["plan", "sandbox"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("the program `helm` is missing"), "{}", ran.stderr);
    assert!(ran.stderr.contains("`source = \"embedded\"`"), "{}", ran.stderr);
    place.succeed(&["kubeconfig", "sandbox"]);
    place.succeed(&["plan", "sandbox", "--destroy"]);
    place.succeed(&["destroy", "sandbox", "--yes"]);
}
