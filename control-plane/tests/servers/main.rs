//! Control planes as tests use them, with the real servers.

mod cluster;
mod gate;
mod lifecycle;
mod pod_client;
mod port_forward;
mod stand_in;
mod vault;

use std::process::Output;

use holodeck_control_plane::{ControlPlane, Options};
use tokio::sync::OnceCell;

/// One control plane for all tests that do not mind others: each keeps to a namespace of its own.
async fn control_plane() -> &'static ControlPlane {
    static CONTROL_PLANE: OnceCell<ControlPlane> = OnceCell::const_new();
    CONTROL_PLANE.get_or_init(async || ControlPlane::start(Options::default()).await.expect("a start")).await
}

/// Runs kubectl, which must succeed, and gives what it prints.
fn kubectl(control_plane: &ControlPlane, arguments: &[&str]) -> String {
    let output = control_plane.kubectl(arguments).expect("kubectl");
    assert!(output.status.success(), "{arguments:?}: {}", said(&output.stderr));
    said(&output.stdout)
}

/// Runs kubectl, which must fail, and gives its complaint.
fn refused(control_plane: &ControlPlane, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = control_plane.kubectl(arguments).expect("kubectl");
    assert!(!status.success(), "{arguments:?}: {}", said(&stdout));
    said(&stderr)
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The path of a file of these tests.
fn file(name: &str) -> String {
    format!("{}/tests/servers/{name}", env!("CARGO_MANIFEST_DIR"))
}
