//! Where the time went: the chain of steps that determined how long a run took.

use std::fmt::Write as _;
use std::time::Duration;

use holodeck_engine::Outcome;
use holodeck_engine::apply::Done;

use crate::report::duration::readable;
use crate::report::style::{self, DIM, HEADING, paint};

const BAR: usize = 32;
/// Steps shorter than this part of the whole are not shown.
const LEAST_SHARE: f64 = 0.01;

/// The chain of steps, each released by the one before it, that ended last. `simulated` is told in the heading.
pub fn render(outcome: &Outcome, simulated: bool) -> String {
    let chain = critical_chain(&outcome.done);
    let Some((start, end)) = span(&outcome.done) else { return String::new() };
    let whole = end.saturating_sub(start);
    if whole < Duration::from_secs(5) {
        return String::new();
    }
    let kind = if simulated { "simulated time" } else { "time" };
    let mut out = format!(
        "{} {}\n",
        paint(HEADING, "Where the time went"),
        paint(DIM, format_args!("({kind}, longest chain)"))
    );
    for done in chain {
        let took = done.ended.saturating_sub(done.began);
        if took.as_secs_f64() < whole.as_secs_f64() * LEAST_SHARE {
            continue;
        }
        let (_, look, _, word) = style::operation(done.operation);
        let offset = position(done.began.saturating_sub(start), whole);
        let length = position(done.ended.saturating_sub(start), whole).saturating_sub(offset).max(1);
        let bar = format!("{}{}", " ".repeat(offset), "━".repeat(length));
        _ = writeln!(
            out,
            "  {}  {:>7}  {} {word}",
            paint(look, format_args!("{bar:BAR$}")),
            readable(took),
            done.address
        );
    }
    _ = writeln!(out, "  {:BAR$}  {:>7}  in all", "", readable(whole));
    out
}

fn position(at: Duration, whole: Duration) -> usize {
    // The product lies between 0 and BAR.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let position = (at.as_secs_f64() / whole.as_secs_f64() * BAR as f64) as usize;
    position.min(BAR - 1)
}

fn span(done: &[Done]) -> Option<(Duration, Duration)> {
    Some((done.iter().map(|done| done.began).min()?, done.iter().map(|done| done.ended).max()?))
}

fn critical_chain(done: &[Done]) -> Vec<&Done> {
    let mut chain = Vec::new();
    let mut at = done.iter().max_by_key(|done| done.ended);
    while let Some(step) = at {
        chain.push(step);
        at = step.released_by.and_then(|index| done.get(index));
    }
    chain.reverse();
    chain
}
