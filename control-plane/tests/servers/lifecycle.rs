//! The start of a control plane, and that nothing is left of it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use holodeck_control_plane::{ControlPlane, Extent, Options, StartError};

/// Whether a process runs. One that has ended, and is only remembered by the system, does not.
fn runs(process: u32) -> bool {
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|command| !command.is_empty())
}

#[tokio::test]
async fn a_control_plane_that_is_dropped_leaves_nothing() -> Result<(), StartError> {
    let control_plane = ControlPlane::start(Options { extent: Extent::Api, ..Options::default() }).await?;
    let processes: Vec<u32> = control_plane.processes().map(|(_, process)| process).collect();
    let folder = control_plane.folder().to_owned();
    assert!(processes.len() == 2 && processes.iter().all(|&process| runs(process)));
    drop(control_plane);
    assert!(!processes.iter().any(|&process| runs(process)));
    assert!(!folder.exists());
    Ok(())
}

#[test]
fn a_process_that_is_killed_leaves_nothing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<String> = lines.take(6).collect();
    let kubeconfig = Path::new(lines[0].strip_prefix("export KUBECONFIG=").unwrap());
    let servers = lines[1..].iter().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap());
    let servers: Vec<u32> = servers.collect();
    assert!(kubeconfig.exists());
    assert!(servers.iter().all(|&server| runs(server)), "{lines:?}");

    process.kill().unwrap();
    process.wait().unwrap();
    // Whoever cleans up shares this output, so it ends when that is done.
    let mut complaints = String::new();
    process.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!(complaints, "");
    assert!(!servers.iter().any(|&server| runs(server)), "{lines:?}");
    assert!(!kubeconfig.parent().unwrap().exists());
}
