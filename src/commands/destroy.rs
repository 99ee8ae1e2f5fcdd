//! `destroy`: removes all that we own, and nothing else.

use holodeck_engine::Plan;

use super::platform::{self, Platform};
use super::{Ending, Failure, execution, plan};
use crate::cli::{Global, Output};
use crate::report::style::{GOOD, paint};

/// Some things only show once what they belonged to is gone: it is looked again this often.
const MOST_ROUNDS: usize = 4;

/// The command's options.
pub struct Options {
    /// Do not ask.
    pub yes: bool,
    /// The name of a protected environment.
    pub confirm: Option<String>,
    /// What may go with what others keep in it.
    pub allow_loss: Vec<String>,
    /// The most changing requests at a time.
    pub parallelism: usize,
}

/// Runs the command.
pub async fn run(global: &Global, name: &str, options: Options) -> Result<Ending, Failure> {
    platform::require_consent(options.yes, "destroy")?;
    let platform = Platform::open_without_charts(global, name).await?;
    let mut snapshot = platform.observe_for_removal().await?;
    let allowed = plan::Allowed { replace: Vec::new(), loss: options.allow_loss.clone() };
    let policy = plan::policy(&platform.environment, allowed);
    let mut planned = plan::destroy(&platform, &snapshot, &policy).await?;
    if global.output == Output::Text {
        plan::print(global, &platform, &planned);
    }
    if !planned.has_changes() {
        return Ok(Ending::Fine);
    }
    plan::require_unblocked(&planned)?;
    consent(&platform, &options)?;
    let again = format!("holodeck-bootstrap destroy {name}");
    for _ in 0..MOST_ROUNDS {
        let outcome = execution::carry_out(global, &platform, &snapshot, &planned, options.parallelism).await;
        let ending = execution::conclude(global, &platform, &outcome, &again);
        if ending != Ending::Fine {
            return Ok(ending);
        }
        snapshot = platform.observe_for_removal().await?;
        planned = Plan::destroy(&platform.desired.graph, &snapshot)?;
        if !planned.has_changes() {
            if global.output == Output::Text && !global.quiet {
                anstream::println!("{} {name} is gone.", paint(GOOD, "✓"));
            }
            return Ok(Ending::Fine);
        }
    }
    Err(Failure::message(
        format!("something of `{name}` comes back again and again"),
        "look at `plan --destroy`",
    ))
}

/// A protected environment wants its name, unless it is only simulated.
fn consent(platform: &Platform, options: &Options) -> Result<(), Failure> {
    let name = &platform.environment.name;
    let refused = || Failure::Message("nothing was removed".to_owned(), None);
    if platform.environment.protected && platform.simulation.is_none() {
        return match &options.confirm {
            Some(confirm) if confirm == name => Ok(()),
            Some(_) => Err(refused()),
            None if options.yes => Err(Failure::message(
                format!("`{name}` is protected"),
                format!("give its name as well: `--confirm {name}`"),
            )),
            None if platform::ask_for_name(name)? => Ok(()),
            None => Err(refused()),
        };
    }
    if options.yes || platform::ask(&format!("Remove all of {name}? This cannot be undone"))? {
        return Ok(());
    }
    Err(refused())
}
