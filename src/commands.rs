//! What each command does. One file a verb; each is a view on the one pipeline.

mod completions;
mod destroy;
mod execution;
mod failure;
mod graph;
mod kubeconfig;
mod plan;
mod platform;
mod render;
mod schema;
mod status;
mod up;
mod validate;

use std::process::ExitCode;

pub use failure::Failure;

use tokio::runtime::Runtime;

use crate::cli::{self, Cli, Command, Global};
use crate::{environment, simulation};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Fine,
    /// It failed, or something is not healthy.
    Failed,
    /// There are changes, and `--detailed-exitcode` was given.
    Changes,
    /// It was interrupted.
    Interrupted,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Fine => Self::SUCCESS,
            Ending::Failed => Self::from(1),
            Ending::Changes => Self::from(2),
            Ending::Interrupted => Self::from(130),
        }
    }
}

/// The runtime that the command needs: one with simulated time where the environment is simulated.
pub fn runtime(cli: &Cli) -> std::io::Result<Runtime> {
    let is_simulated = cli.command.environment().is_some_and(|name| {
        // What is wrong with the file is reported when the command loads it.
        let by_itself =
            || environment::load(&cli.global.environments, name).is_ok_and(|loaded| loaded.sandbox);
        cli.global.sandbox || by_itself()
    });
    match is_simulated {
        true => simulation::runtime(cli.global.sandbox_speed),
        false => Runtime::new(),
    }
}

/// A folder of environments that was named must exist; without one, what the program carries is known.
fn require_folder(global: &Global) -> Result<(), Failure> {
    let folder = &global.environments;
    if folder.is_dir() || folder.as_os_str() == cli::DEFAULT_ENVIRONMENTS {
        return Ok(());
    }
    let message = format!("there is no folder `{}` with environments", folder.display());
    Err(Failure::message(message, "correct `--environments`, or leave it out for `environments`"))
}

/// Carries out what the command line says, and prints what went wrong.
pub async fn run(cli: Cli) -> Ending {
    let Cli { global, command } = cli;
    if let Err(failure) = require_folder(&global) {
        failure.print();
        return Ending::Failed;
    }
    let ended = match command {
        Command::Plan { environment, destroy, detailed_exitcode, save, allow_replace, allow_loss } => {
            let allowed = plan::Allowed { replace: allow_replace, loss: allow_loss };
            let options = plan::Options { destroy, detailed_exitcode, save, allowed };
            plan::run(&global, &environment, options).await
        }
        Command::Up { environment, yes, plan: saved, allow_replace, allow_loss, parallelism } => {
            let allowed = plan::Allowed { replace: allow_replace, loss: allow_loss };
            up::run(&global, &environment, up::Options { yes, plan: saved, allowed, parallelism }).await
        }
        Command::Destroy { environment, yes, confirm, allow_loss, parallelism } => {
            let options = destroy::Options { yes, confirm, allow_loss, parallelism };
            destroy::run(&global, &environment, options).await
        }
        Command::Status { environment } => status::run(&global, &environment).await,
        Command::Graph { environment, format } => graph::run(&global, &environment, format).await,
        Command::Render { environment, component } => {
            render::run(&global, &environment, component.as_deref()).await
        }
        Command::Kubeconfig { environment } => kubeconfig::run(&global, &environment).await,
        Command::Validate { environment } => validate::run(&global, environment.as_deref()),
        Command::Schema => schema::run(),
        Command::Completions { shell } => completions::run(shell),
    };
    ended.unwrap_or_else(|failure| {
        failure.print();
        Ending::Failed
    })
}
