//! A plan for people: grouped, aligned, each change with its fields, then one line that sums it up.

use std::fmt::Write as _;

use holodeck_engine::input;
use holodeck_engine::{Action, After, Change, FieldChange, Plan};
use serde_json::Value;

use crate::readable;
use crate::report::style::{self, BAD, DIM, HEADING, paint};

/// A creation with more fields than this shows their number only, unless all are asked for.
const MOST_FIELDS: usize = 10;
/// Longer values are cut, unless all are asked for.
const LONGEST_VALUE: usize = 96;

/// The plan as text. `verbose` shows every field in full.
pub fn render(plan: &Plan, verbose: bool) -> String {
    let mut out = String::new();
    let mut groups: Vec<(&str, Vec<&Change>)> = Vec::new();
    for change in plan.changes.iter().filter(|change| change.action != Action::Unchanged) {
        match groups.iter_mut().find(|(group, _)| *group == change.group) {
            Some((_, changes)) => changes.push(change),
            None => groups.push((&change.group, vec![change])),
        }
    }
    for (group, changes) in groups {
        _ = writeln!(out, "{}", paint(HEADING, group));
        for change in changes {
            render_change(&mut out, change, verbose);
        }
        out.push('\n');
    }
    out.push_str(&waiting(plan));
    out.push_str(&blocked(plan));
    _ = writeln!(out, "{}", summary(plan));
    out
}

fn render_change(out: &mut String, change: &Change, verbose: bool) {
    let (sign, look) = style::action(change.action);
    let address = paint(look, format_args!("{sign} {}", change.address));
    let note = note(change, verbose);
    let separator = if note.is_empty() { "" } else { "  " };
    _ = writeln!(out, "  {address}{separator}{}", paint(DIM, note));
    if is_folded(change, verbose) {
        return;
    }
    let width =
        change.fields.iter().map(|field| field.path.chars().count()).max().unwrap_or_default().min(48);
    for field in &change.fields {
        let value = match change.action {
            Action::Create => after(field, verbose),
            _ => format!("{} {} {}", before(field, verbose), paint(DIM, "→"), after(field, verbose)),
        };
        _ = writeln!(out, "      {:width$}  {value}", field.path);
    }
}

fn is_folded(change: &Change, verbose: bool) -> bool {
    change.action == Action::Create && change.fields.len() > MOST_FIELDS && !verbose
}

fn note(change: &Change, verbose: bool) -> String {
    let mut notes = Vec::new();
    match (change.action, &change.reason) {
        (Action::Replace, Some(reason)) => notes.push(format!("must be replaced: {reason}")),
        (_, Some(reason)) => notes.push(reason.clone()),
        (_, None) => {}
    }
    if is_folded(change, verbose) {
        notes.push(format!("{} fields", change.fields.len()));
    }
    if notes.is_empty() { String::new() } else { format!("({})", notes.join("; ")) }
}

fn before(field: &FieldChange, verbose: bool) -> String {
    match &field.before {
        _ if field.sensitive => paint(DIM, "(sensitive)"),
        Some(value) => show(value, verbose),
        None => paint(DIM, "(none)"),
    }
}

fn after(field: &FieldChange, verbose: bool) -> String {
    match &field.after {
        _ if field.sensitive => paint(DIM, "(sensitive)"),
        After::Known(value) => show(value, verbose),
        After::Unknown(Value::String(text)) if is_one_reference(text) => paint(DIM, "(known after apply)"),
        After::Unknown(value) => format!("{} {}", show(value, verbose), paint(DIM, "(known after apply)")),
        After::Absent => paint(BAD, "(removed)"),
    }
}

fn is_one_reference(text: &str) -> bool {
    let readable = input::readable(text);
    readable.starts_with('(') && readable.ends_with(')') && readable.matches('(').count() == 1
}

/// A value in one line, with references and secrets as people read them.
pub fn show(value: &Value, verbose: bool) -> String {
    let text = readable::text(&value.to_string());
    let length = text.chars().count();
    if verbose || length <= LONGEST_VALUE {
        return text;
    }
    let kept: String = text.chars().take(LONGEST_VALUE).collect();
    format!("{kept}… ({length} characters)")
}

fn waiting(plan: &Plan) -> String {
    let mut out = String::new();
    for change in plan.changes.iter().filter(|change| change.action == Action::Unchanged) {
        if let Some(reason) = &change.reason {
            _ = writeln!(
                out,
                "  {} {}  {}",
                paint(DIM, "·"),
                change.address,
                paint(DIM, format_args!("({reason})"))
            );
        }
    }
    if out.is_empty() { out } else { format!("{}\n{out}\n", paint(HEADING, "To be awaited")) }
}

fn blocked(plan: &Plan) -> String {
    let mut out = String::new();
    for blocked in &plan.blocked {
        _ = writeln!(out, "  {} {}", paint(BAD, "✗"), blocked.address);
        _ = writeln!(out, "      {}", blocked.why);
        _ = writeln!(out, "      {}", blocked.remedy);
    }
    if out.is_empty() { out } else { format!("{}\n{out}\n", paint(HEADING, "Refused")) }
}

/// One line: how many resources are created, updated, replaced, removed, and stay.
pub fn summary(plan: &Plan) -> String {
    let summary = plan.summary();
    if !plan.has_changes() {
        return match summary.unchanged {
            0 => "No changes. Nothing exists.".to_owned(),
            count => format!("No changes. All {count} resources are as described."),
        };
    }
    let parts = [
        (summary.create, "to create"),
        (summary.update, "to update"),
        (summary.replace, "to replace"),
        (summary.delete, "to remove"),
        (summary.unchanged, "unchanged"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("{} {}.", paint(HEADING, "Plan:"), parts.join(", "))
}
