//! Carries a plan out in front of a person or a program: progress, interruption, and what came of it.

use std::io::IsTerminal;

use holodeck_engine::{Event, Outcome, Plan, Settings, Snapshot, apply};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::platform::Platform;
use crate::cli::{Global, Output};
use crate::report::progress::{Bars, JsonLines, Lines, Progress, Silent};
use crate::report::style::{DIM, HEADING, paint};
use crate::report::{self, diagnostic, timeline};

/// More steps that were not attempted are only counted.
const MOST_SKIPPED: usize = 20;

/// Carries out `plan` and shows how it goes.
pub async fn carry_out(
    global: &Global,
    platform: &Platform,
    snapshot: &Snapshot,
    plan: &Plan,
    parallelism: usize,
) -> Outcome {
    let interrupt = CancellationToken::new();
    let settings = Settings { parallelism, clock: platform.clock.clone(), interrupt: interrupt.clone() };
    let (events, receiver) = mpsc::unbounded_channel();
    let shown = tokio::spawn(show(receiver, progress(global)));
    let listening = tokio::spawn(listen(interrupt));
    let outcome = apply::apply(&platform.desired.graph, snapshot, plan, &settings, events).await;
    listening.abort();
    // The view may have failed; what was done stands in the outcome.
    _ = shown.await;
    outcome
}

/// The view that fits the terminal and the options.
fn progress(global: &Global) -> Box<dyn Progress> {
    match global.output {
        Output::Json => Box::new(JsonLines),
        Output::Text if global.quiet => Box::new(Silent),
        Output::Text if std::io::stderr().is_terminal() => Box::new(Bars::new()),
        Output::Text => Box::new(Lines::default()),
    }
}

async fn show(mut events: mpsc::UnboundedReceiver<Event>, mut progress: Box<dyn Progress>) {
    while let Some(event) = events.recv().await {
        if let Ok(event) = serde_json::to_string(&event) {
            tracing::info!(target: "holodeck_bootstrap::events", "{event}");
        }
        progress.show(&event);
    }
    progress.finish();
}

/// The first Ctrl-C asks for an orderly end, the second one ends at once. SIGTERM asks for an orderly end, too.
async fn listen(interrupt: CancellationToken) {
    wait_for_signal().await;
    interrupt.cancel();
    wait_for_signal().await;
    report::exit_at_once();
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => _ = tokio::signal::ctrl_c().await,
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    _ = tokio::signal::ctrl_c().await;
}

/// Tells where the time went, what failed and what was not attempted; gives the ending.
pub fn conclude(global: &Global, platform: &Platform, outcome: &Outcome, again: &str) -> Ending {
    if global.output == Output::Text {
        conclude_in_words(global, platform, outcome, again);
    }
    match outcome {
        outcome if outcome.interrupted => Ending::Interrupted,
        outcome if outcome.is_complete() => Ending::Fine,
        _ => Ending::Failed,
    }
}

fn conclude_in_words(global: &Global, platform: &Platform, outcome: &Outcome, again: &str) {
    if !global.quiet {
        anstream::println!("\n{}", timeline::render(outcome, platform.simulation.is_some()));
    }
    if outcome.is_complete() {
        return;
    }
    for (address, _, error) in &outcome.failed {
        diagnostic::print_failed(address, error);
    }
    if !outcome.skipped.is_empty() {
        anstream::eprintln!("{}", paint(HEADING, "Not attempted"));
        for (address, _) in outcome.skipped.iter().take(MOST_SKIPPED) {
            anstream::eprintln!("  {} {address}", paint(DIM, "·"));
        }
        if let Some(more) = outcome.skipped.len().checked_sub(MOST_SKIPPED).filter(|more| *more > 0) {
            anstream::eprintln!("  {} and {more} more", paint(DIM, "·"));
        }
    }
    anstream::eprintln!("\nNothing is lost: `{again}` goes on from here.");
}
