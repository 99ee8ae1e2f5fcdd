//! `up`: plans, asks, carries the plan out, and tells how to go on.

use std::path::{Path, PathBuf};

use holodeck_engine::{Plan, Snapshot};

use super::platform::{self, Platform};
use super::{Ending, Failure, execution, plan};
use crate::cli::{Global, Output};
use crate::kubernetes::missing_credentials;
use crate::report::style::{GOOD, HEADING, paint};
use crate::report::{plan_document, records};

/// The command's options.
pub struct Options {
    /// Do not ask.
    pub yes: bool,
    /// The saved plan to carry out.
    pub plan: Option<PathBuf>,
    /// What is allowed.
    pub allowed: plan::Allowed,
    /// The most changing requests at a time.
    pub parallelism: usize,
}

/// Runs the command.
pub async fn run(global: &Global, name: &str, options: Options) -> Result<Ending, Failure> {
    platform::require_consent(options.yes, "up")?;
    let saved = options.plan.as_deref().map(read_saved).transpose()?;
    let platform = Platform::open(global, name).await?;
    let snapshot = platform.observe().await?;
    let policy = plan::policy(&platform.environment, options.allowed);
    let planned = plan::up(&platform, &snapshot, &policy).await?;
    if let Some(saved) = saved {
        require_same(&saved, &planned, &platform)?;
    }
    if global.output == Output::Text {
        plan::print(global, &platform, &planned);
    }
    plan::require_unblocked(&planned)?;
    require_credentials(&platform, &planned).await?;
    if planned.steps() == 0 {
        summarise(global, &platform, &snapshot);
        return Ok(Ending::Fine);
    }
    if planned.has_changes() && !options.yes && !platform::ask("Carry out this plan?")? {
        anstream::println!("Nothing was changed.");
        return Ok(Ending::Fine);
    }
    let outcome = execution::carry_out(global, &platform, &snapshot, &planned, options.parallelism).await;
    let ending = execution::conclude(global, &platform, &outcome, &format!("holodeck-bootstrap up {name}"));
    if ending == Ending::Fine {
        let is_complete = platform.desired.foundation.records.is_empty();
        let now = if is_complete { snapshot } else { platform.observe().await? };
        summarise(global, &platform, &now);
    }
    Ok(ending)
}

/// Makes sure that every credential which objects need can be had, before anything is changed.
async fn require_credentials(platform: &Platform, planned: &Plan) -> Result<(), Failure> {
    let source = platform.provider.secrets();
    let missing = missing_credentials(&platform.desired.graph, planned, source.as_ref()).await;
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> =
        missing.iter().map(|missing| format!("{missing}: {}", missing.source)).collect();
    Err(Failure::message(missing.join("; "), "nothing was changed: give the credentials and run it again"))
}

fn read_saved(path: &Path) -> Result<serde_json::Value, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Message(format!("cannot read the plan in `{}`: {error}", path.display()), None)
    })?;
    serde_json::from_str(&text).map_err(|error| {
        let message = format!("`{}` is not a saved plan: {error}", path.display());
        Failure::message(message, "make one with `plan --save FILE`")
    })
}

fn require_same(saved: &serde_json::Value, planned: &Plan, platform: &Platform) -> Result<(), Failure> {
    let name = &platform.environment.name;
    if saved["environment"] != name.as_str() {
        let message = format!("the saved plan is for environment {}, not `{name}`", saved["environment"]);
        return Err(Failure::message(message, "save a plan of this environment"));
    }
    let differing = plan_document::differing(saved, &plan_document::document(name, planned));
    if differing.is_empty() {
        return Ok(());
    }
    let message = format!("things have changed since the plan was saved: {}", differing.join(", "));
    Err(Failure::message(message, "look at a new plan"))
}

/// Tells what is there now and what to do next. Values of records that others make are taken from `snapshot`.
fn summarise(global: &Global, platform: &Platform, snapshot: &Snapshot) {
    if global.output == Output::Json || global.quiet {
        return;
    }
    let name = &platform.environment.name;
    anstream::println!("{} {name} is up.\n", paint(GOOD, "✓"));
    for (label, place) in platform.places() {
        anstream::println!("  {label:12}{place}");
    }
    anstream::println!();
    records::print(&platform.desired.foundation.records, snapshot);
    let flag = if platform.simulation.is_some() && !platform.environment.sandbox { " --sandbox" } else { "" };
    anstream::println!("{}", paint(HEADING, "Next"));
    anstream::println!("  holodeck-bootstrap status {name}{flag}        what exists and how it is");
    anstream::println!("  holodeck-bootstrap kubeconfig {name}{flag}    access to the cluster");
}
