//! From nothing to a platform and back, for every shipped environment.

use crate::support::Workplace;

fn lifecycle(name: &str, flags: &[&str]) {
    let place = Workplace::new();
    let with = |arguments: &[&'static str]| -> Vec<String> {
        arguments.iter().chain(flags).map(|&text| text.replace("NAME", name)).collect()
    };
    let run = |arguments: &[&'static str]| {
        let arguments = with(arguments);
        place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };

    let planned = run(&["plan", "NAME", "--detailed-exitcode"]);
    assert_eq!(planned.status, 2, "{}", planned.stderr);
    let up = run(&["up", "NAME", "--yes"]);
    assert_eq!(up.status, 0, "{}\n{}", up.stdout, up.stderr);
    assert!(up.stdout.contains(&format!("{name} is up")), "{}", up.stdout);

    let planned = run(&["plan", "NAME", "--detailed-exitcode"]);
    assert_eq!(planned.status, 0, "{}\n{}", planned.stdout, planned.stderr);
    assert!(planned.stdout.contains("No changes"), "{}", planned.stdout);
    let again = run(&["up", "NAME", "--yes"]);
    assert_eq!(again.status, 0, "{}\n{}", again.stdout, again.stderr);
    assert!(again.stdout.contains("No changes"), "{}", again.stdout);
    let status = run(&["status", "NAME"]);
    assert_eq!(status.status, 0, "{}\n{}", status.stdout, status.stderr);
    assert!(status.stdout.contains("is healthy"), "{}", status.stdout);

    let destroyed = run(&["destroy", "NAME", "--yes"]);
    assert_eq!(destroyed.status, 0, "{}\n{}", destroyed.stdout, destroyed.stderr);
    let nothing = run(&["plan", "NAME", "--destroy", "--detailed-exitcode"]);
    assert_eq!(nothing.status, 0, "{}\n{}", nothing.stdout, nothing.stderr);
    let planned = run(&["plan", "NAME", "--detailed-exitcode"]);
    assert_eq!(planned.status, 2, "{}\n{}", planned.stdout, planned.stderr);
}

#[test]
fn sandbox() {
    lifecycle("sandbox", &[]);
}

#[test]
fn staging() {
    lifecycle("staging", &["--sandbox"]);
}

#[test]
fn onprem() {
    lifecycle("onprem", &["--sandbox"]);
}

#[test]
fn production() {
    lifecycle("production", &["--sandbox"]);
}

#[test]
fn production_us() {
    lifecycle("production-us", &["--sandbox"]);
}
