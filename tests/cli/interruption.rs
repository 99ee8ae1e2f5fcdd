//! Ctrl-C: what runs finishes, nothing new starts, and the next run goes on.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support::Workplace;

#[test]
fn an_interrupted_run_ends_in_order_and_is_continued() {
    let place = Workplace::new();
    let mut command = place.command();
    command.args(["up", "sandbox", "--yes"]).env("HOLODECK_SANDBOX_SPEED", "100");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("created") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the run ended before anything was created");
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("Interrupted") && rest.contains("goes on from here"), "{rest}");

    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    assert_eq!(place.changes("sandbox", &[]), Vec::<String>::new());
}
