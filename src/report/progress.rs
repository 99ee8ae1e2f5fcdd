//! What happens, as it happens: bars on a terminal, plain lines elsewhere, JSON lines for programs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use holodeck_engine::{Address, Event, Operation};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::report::duration::readable;
use crate::report::style::{self, BAD, DIM, paint};

/// A view on the events of a run.
pub trait Progress: Send {
    /// Shows one event.
    fn show(&mut self, event: &Event);
    /// Cleans up after the last one.
    fn finish(&mut self) {}
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn show(&mut self, _event: &Event) {}
}

/// One JSON object a line, on standard output.
pub struct JsonLines;

impl Progress for JsonLines {
    fn show(&mut self, event: &Event) {
        let mut out = std::io::stdout().lock();
        // A reader that has gone does not stop the work.
        if serde_json::to_writer(&mut out, event).is_ok() {
            _ = writeln!(out);
        }
    }
}

/// The line that tells of a finished, failed or skipped step.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Finished { address, operation, took } => {
            let (sign, look, _, done) = style::operation(*operation);
            format!(
                "{} {done} {}",
                paint(look, format_args!("{sign} {address}")),
                paint(DIM, format_args!("in {}", readable(*took)))
            )
        }
        Event::Failed { address, operation, error, hint } => {
            let (_, _, doing, _) = style::operation(*operation);
            let mut line = format!("{} {doing} failed: {error}", paint(BAD, format_args!("✗ {address}")));
            if let Some(hint) = hint {
                line.push_str(&format!("\n    {hint}"));
            }
            line
        }
        Event::Interrupted => {
            "Interrupted: letting running requests finish. Press Ctrl-C again to stop at once.".to_owned()
        }
        Event::Begun { .. } | Event::Started { .. } | Event::Waiting { .. } | Event::Skipped { .. } => {
            return None;
        }
    })
}

/// Plain lines on standard error: each finished step, and now and then what is awaited and why.
#[derive(Default)]
pub struct Lines {
    told: BTreeMap<Address, (String, Duration)>,
}

/// The same reason is told again after this long.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(120);
/// Waits shorter than this are not worth a line.
const WORTH_TELLING: Duration = Duration::from_secs(30);

impl Progress for Lines {
    fn show(&mut self, event: &Event) {
        if let Event::Waiting { address, operation, why, elapsed } = event {
            let told = self.told.get(address);
            let is_new = told.is_none_or(|(last, at)| last != why || *elapsed >= *at + TELL_AGAIN_AFTER);
            if *elapsed >= WORTH_TELLING && is_new {
                let (_, _, doing, _) = style::operation(*operation);
                anstream::eprintln!(
                    "{}",
                    paint(DIM, format_args!("  {address} {doing} for {}: {why}", readable(*elapsed)))
                );
                self.told.insert(address.clone(), (why.clone(), *elapsed));
            }
        }
        if let Some(line) = line(event) {
            anstream::eprintln!("{line}");
        }
    }
}

/// Bars on the terminal: one for all steps, a line for each of those under way with what it waits for.
pub struct Bars {
    bars: MultiProgress,
    whole: ProgressBar,
    running: BTreeMap<(Address, Operation), ProgressBar>,
}

/// The most lines for steps under way.
const MOST_LINES: usize = 12;

impl Bars {
    /// Bars for a run.
    pub fn new() -> Self {
        let bars = MultiProgress::new();
        let whole = bars.add(ProgressBar::new(0));
        let look = ProgressStyle::with_template("{bar:32.green/black.bright} {pos}/{len} {msg}");
        whole.set_style(look.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bars, whole, running: BTreeMap::new() }
    }

    fn start(&mut self, address: &Address, operation: Operation) {
        if self.running.len() >= MOST_LINES {
            return;
        }
        let bar = self.bars.insert_before(&self.whole, ProgressBar::new_spinner());
        let look = ProgressStyle::with_template("{spinner} {wide_msg}");
        bar.set_style(look.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        let (_, look, doing, _) = style::operation(operation);
        bar.set_message(format!("{} {doing}", paint(look, address)));
        self.running.insert((address.clone(), operation), bar);
    }

    fn end(&mut self, address: &Address, operation: Operation, event: &Event) {
        if let Some(bar) = self.running.remove(&(address.clone(), operation)) {
            bar.finish_and_clear();
        }
        self.whole.inc(1);
        if let Some(line) = line(event) {
            self.bars.suspend(|| anstream::eprintln!("{line}"));
        }
    }
}

impl Default for Bars {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Bars {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Begun { steps } => self.whole.set_length(u64::try_from(*steps).unwrap_or(u64::MAX)),
            Event::Started { address, operation, .. } => self.start(address, *operation),
            Event::Waiting { address, operation, why, elapsed } => {
                if let Some(bar) = self.running.get(&(address.clone(), *operation)) {
                    let (_, look, doing, _) = style::operation(*operation);
                    let note = paint(DIM, format_args!("{} {why}", readable(*elapsed)));
                    bar.set_message(format!("{} {doing} {note}", paint(look, address)));
                }
            }
            Event::Finished { address, operation, .. } | Event::Failed { address, operation, .. } => {
                self.end(address, *operation, event);
            }
            Event::Skipped { .. } => {}
            Event::Interrupted => {
                if let Some(line) = line(event) {
                    self.bars.suspend(|| anstream::eprintln!("{line}"));
                }
            }
        }
    }

    fn finish(&mut self) {
        for bar in self.running.values() {
            bar.finish_and_clear();
        }
        self.whole.finish_and_clear();
    }
}
