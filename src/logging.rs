//! The program's own log: to a file as JSON lines, or to standard error with `-vv`.

use std::fs::OpenOptions;
use std::io;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::cli::Global;

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the log to `{path}`: {source}")]
pub struct LogError {
    path: String,
    source: io::Error,
}

/// Starts the log as the options ask. Dependencies log too, from warnings up, since they may log requests below that.
pub fn start(global: &Global) -> Result<(), LogError> {
    let ours = |level: LevelFilter| {
        tracing_subscriber::filter::Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("holodeck_bootstrap", level)
            .with_target("holodeck_engine", level)
    };
    let to_file = global
        .log_file
        .as_ref()
        .map(|path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.map_err(|source| LogError { path: path.display().to_string(), source })?;
            Ok(fmt::layer().json().with_writer(file).with_filter(ours(LevelFilter::DEBUG)))
        })
        .transpose()?;
    let to_terminal = (global.verbose > 1)
        .then(|| fmt::layer().with_writer(io::stderr).with_filter(ours(LevelFilter::DEBUG)));
    // Only the first call in a process starts the log.
    _ = tracing_subscriber::registry().with(to_file).with(to_terminal).try_init();
    Ok(())
}
