//! `plan`: shows what `up` or `destroy` would change.

use std::collections::BTreeSet;
use std::path::PathBuf;

use holodeck_engine::{Plan, Policy, Snapshot, bystanders};

use super::platform::Platform;
use super::{Ending, Failure};
use crate::cli::{Global, Output};
use crate::environment::Environment;
use crate::report::{plan_document, plan_view};

/// The command's options.
pub struct Options {
    /// Show what `destroy` would remove.
    pub destroy: bool,
    /// End with [`Ending::Changes`] when there are changes.
    pub detailed_exitcode: bool,
    /// Where to save the plan.
    pub save: Option<PathBuf>,
    /// What is allowed.
    pub allowed: Allowed,
}

/// Addresses of resources that the command line allows something for.
pub struct Allowed {
    /// What may be replaced.
    pub replace: Vec<String>,
    /// What may go with data, or with what others keep in it.
    pub loss: Vec<String>,
}

/// Runs the command.
pub async fn run(global: &Global, name: &str, options: Options) -> Result<Ending, Failure> {
    let platform = match options.destroy {
        true => Platform::open_without_charts(global, name).await?,
        false => Platform::open(global, name).await?,
    };
    let policy = policy(&platform.environment, options.allowed);
    let plan = match options.destroy {
        true => destroy(&platform, &platform.observe_for_removal().await?, &policy).await?,
        false => up(&platform, &platform.observe().await?, &policy).await?,
    };
    print(global, &platform, &plan);
    if let Some(path) = options.save {
        let document = plan_document::document(&platform.environment.name, &plan).to_string();
        std::fs::write(&path, document).map_err(|error| {
            Failure::Message(format!("cannot write the plan to `{}`: {error}", path.display()), None)
        })?;
    }
    Ok(match plan.has_changes() && options.detailed_exitcode {
        _ if !plan.blocked.is_empty() => Ending::Failed,
        true => Ending::Changes,
        false => Ending::Fine,
    })
}

/// What a plan of this environment may contain.
pub fn policy(environment: &Environment, allowed: Allowed) -> Policy {
    Policy {
        allow_replace: allowed.replace.into_iter().collect(),
        allow_loss: allowed.loss.into_iter().collect(),
        protected: environment.protected,
    }
}

/// The plan that makes what is desired, with what others would lose by it.
pub async fn up(platform: &Platform, snapshot: &Snapshot, policy: &Policy) -> Result<Plan, Failure> {
    let mut plan = Plan::up(&platform.desired.graph, snapshot, policy)?;
    require_known("--allow-replace", &policy.allow_replace, &plan)?;
    require_known("--allow-loss", &policy.allow_loss, &plan)?;
    bystanders::find(&platform.desired.graph, snapshot, &mut plan, policy).await?;
    Ok(plan)
}

/// The plan that removes everything, with what others would lose by it.
pub async fn destroy(platform: &Platform, snapshot: &Snapshot, policy: &Policy) -> Result<Plan, Failure> {
    let mut plan = Plan::destroy(&platform.desired.graph, snapshot)?;
    require_known("--allow-loss", &policy.allow_loss, &plan)?;
    bystanders::find(&platform.desired.graph, snapshot, &mut plan, policy).await?;
    Ok(plan)
}

/// A permission for a resource that does not exist is a slip of the pen.
fn require_known(option: &str, allowed: &BTreeSet<String>, plan: &Plan) -> Result<(), Failure> {
    let known = |text: &String| plan.changes.iter().any(|change| change.address.to_string() == *text);
    match allowed.iter().find(|text| !known(text)) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("`{option} {unknown}`: there is no resource of that address");
            Err(Failure::message(message, "addresses stand in the plan, such as `aws.vpc.main`"))
        }
    }
}

/// Refuses to go on with a plan that lacks a permission, and names each.
pub fn require_unblocked(plan: &Plan) -> Result<(), Failure> {
    if plan.blocked.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> =
        plan.blocked.iter().map(|blocked| format!("`{}`: {}", blocked.address, blocked.why)).collect();
    let remedies: Vec<&str> = plan.blocked.iter().map(|blocked| blocked.remedy.as_str()).collect();
    Err(Failure::message(format!("the plan is refused: {}", reasons.join("; ")), remedies.join("; ")))
}

/// Prints the plan in the form that was asked for.
pub fn print(global: &Global, platform: &Platform, plan: &Plan) {
    match global.output {
        Output::Json => {
            anstream::println!("{:#}", plan_document::document(&platform.environment.name, plan));
        }
        Output::Text if global.quiet => anstream::println!("{}", plan_view::summary(plan)),
        Output::Text => {
            anstream::println!("{}\n", platform.heading());
            anstream::print!("{}", plan_view::render(plan, global.verbose > 0));
        }
    }
}
