//! `completions`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Ending, Failure};
use crate::cli::Cli;

/// Runs the command.
pub fn run(shell: Shell) -> Result<Ending, Failure> {
    generate(shell, &mut Cli::command(), "holodeck-bootstrap", &mut std::io::stdout());
    Ok(Ending::Fine)
}
