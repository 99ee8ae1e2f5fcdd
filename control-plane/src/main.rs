//! A control plane to try things on by hand: it runs until the input ends, or it is interrupted.

use std::error::Error;
use std::io::{Write, stderr, stdin, stdout};
use std::process::ExitCode;

use holodeck_control_plane::{ControlPlane, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even this cannot be written, the exit code tells.
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let control_plane = ControlPlane::start(Options::default()).await?;
    let mut output = stdout().lock();
    writeln!(output, "export KUBECONFIG={}", control_plane.kubeconfig().display())?;
    for (server, process) in control_plane.processes() {
        writeln!(output, "# {server} is process {process}")?;
    }
    output.flush()?;
    std::io::copy(&mut stdin(), &mut std::io::sink())?;
    Ok(())
}
