//! `plan`: shows what `up` or `destroy` would change.

use std::path::PathBuf;

use holodeck_engine::{Plan, Policy};

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
    /// What may be replaced.
    pub allow_replace: Vec<String>,
}

/// Runs the command.
pub async fn run(global: &Global, name: &str, options: Options) -> Result<Ending, Failure> {
    let platform = Platform::open(global, name).await?;
    let graph = &platform.desired.graph;
    let plan = match options.destroy {
        true => Plan::destroy(graph, &platform.observe_for_removal().await?)?,
        false => {
            let policy = policy(&platform.environment, options.allow_replace);
            let plan = Plan::up(graph, &platform.observe().await?, &policy)?;
            require_known(&policy, &plan)?;
            plan
        }
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
pub fn policy(environment: &Environment, allow_replace: Vec<String>) -> Policy {
    Policy { allow_replace: allow_replace.into_iter().collect(), protected: environment.protected }
}

/// A permission for a resource that does not exist is a slip of the pen.
pub fn require_known(policy: &Policy, plan: &Plan) -> Result<(), Failure> {
    let known = |text: &String| plan.changes.iter().any(|change| change.address.to_string() == *text);
    match policy.allow_replace.iter().find(|text| !known(text)) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("`--allow-replace {unknown}`: there is no resource of that address");
            Err(Failure::message(message, "addresses stand in the plan, such as `aws.vpc.main`"))
        }
    }
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
