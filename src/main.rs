//! The `holodeck-bootstrap` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use holodeck_bootstrap::cli::{Cli, Color};
use holodeck_bootstrap::{commands, logging};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no error; nothing can be done if they cannot be written.
            _ = error.print();
            let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if is_help { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    };
    match cli.global.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    if let Err(error) = logging::start(&cli.global) {
        commands::Failure::Message(error.to_string(), None).print();
        return ExitCode::FAILURE;
    }
    let runtime = match commands::runtime(&cli) {
        Ok(runtime) => runtime,
        Err(error) => {
            commands::Failure::Message(format!("cannot start: {error}"), None).print();
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(commands::run(cli)).into()
}
