//! The program helm, which fetches and renders charts. <https://helm.sh/docs/helm/>

use std::ffi::OsStr;
use std::io;
use std::process::Stdio;

use holodeck_engine::{Class, Error};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Longer complaints are cut: helm repeats values and templates in them.
const LONGEST: usize = 600;

/// Runs helm and gives what it prints. `input` is what it reads; values go that way, since arguments are visible to all.
/// `tried` says what for, to follow "cannot".
///
/// # Errors
/// Helm is missing, or complains.
pub(super) async fn run<A: AsRef<OsStr>>(arguments: &[A], input: &str, tried: &str) -> Result<String, Error> {
    let process = Command::new("helm")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let failed = |error: io::Error| not_run(error, tried);
    let mut process = process.map_err(failed)?;
    let mut stdin = process.stdin.take();
    let written = async {
        match stdin.take() {
            Some(mut stdin) => stdin.write_all(input.as_bytes()).await,
            None => Ok(()),
        }
    };
    // What helm did not want to read, it tells about itself.
    let (_, output) = tokio::join!(written, process.wait_with_output());
    let output = output.map_err(failed)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(complaint(&String::from_utf8_lossy(&output.stderr), tried)),
    }
}

fn not_run(error: io::Error, tried: &str) -> Error {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let why = if is_missing { "the program `helm` is missing" } else { "`helm` cannot be run" };
    let error = Error::new(Class::Refused, format!("cannot {tried}: {why}")).with_source(error);
    error.with_hint(
        "install it (https://helm.sh/docs/intro/install/), \
         or set the component's `source = \"embedded\"`, which needs no helm",
    )
}

fn complaint(answer: &str, tried: &str) -> Error {
    // Warnings, such as those about a readable kubeconfig, come before.
    let answer = answer.rsplit_once("Error: ").map_or(answer, |(_, error)| error).trim();
    let lines: Vec<&str> = answer.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut answer = lines.join("; ");
    if let Some((at, _)) = answer.char_indices().nth(LONGEST) {
        answer.truncate(at);
        answer.push('…');
    }
    Error::new(Class::Refused, format!("cannot {tried}: helm says: {answer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_one_line_without_warnings() {
        let answer = "WARNING: Kubernetes configuration file is group-readable.\nError: values don't meet\n\n- replicas: bad\n";
        let error = complaint(answer, "render chart `a`");
        assert_eq!(
            error.to_string(),
            "cannot render chart `a`: helm says: values don't meet; - replicas: bad"
        );
        let long = complaint(&format!("Error: {}", "ä".repeat(2000)), "x").to_string();
        assert!(long.ends_with("ä…") && long.chars().count() < 700);
    }
}
