//! Plans and events as a few short lines.

use holodeck_engine::{Action, After, Event, Operation, Plan};
use serde_json::Value;

/// A plan: a line a change with its reason, then its fields, then what is blocked.
pub fn plan(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for change in &plan.changes {
        let action = match change.action {
            Action::Create => "+",
            Action::Update => "~",
            Action::Replace => "±",
            Action::Delete => "-",
            Action::Unchanged => "=",
        };
        let reason = change.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        lines.push(format!("{action} {}{reason}", change.address));
        for field in &change.fields {
            let value = |value: &Value| match field.sensitive {
                true => "***".to_owned(),
                false => value.to_string(),
            };
            let before = field.before.as_ref().map(|before| format!("{} → ", value(before)));
            let after = match &field.after {
                After::Known(after) => value(after),
                After::Unknown(_) => "(known after apply)".to_owned(),
                After::Absent => "none".to_owned(),
            };
            lines.push(format!("    {}: {}{after}", field.path, before.unwrap_or_default()));
        }
    }
    for blocked in &plan.blocked {
        lines.push(format!("! {}: {}; {}", blocked.address, blocked.why, blocked.remedy));
    }
    lines.join("\n")
}

/// The events that tell of steps, waits left out.
pub fn events(events: &[Event]) -> Vec<String> {
    let verb = |operation: &Operation| format!("{operation:?}").to_lowercase();
    let tell = |event: &Event| {
        Some(match event {
            Event::Started { address, operation, .. } => format!("start {} {address}", verb(operation)),
            Event::Finished { address, operation, .. } => format!("finish {} {address}", verb(operation)),
            Event::Failed { address, operation, error, .. } => {
                format!("fail {} {address}: {error}", verb(operation))
            }
            Event::Skipped { address, operation, because } => {
                format!("skip {} {address}: {because}", verb(operation))
            }
            Event::Interrupted => "interrupted".to_owned(),
            Event::Begun { .. } | Event::Waiting { .. } => return None,
        })
    };
    events.iter().filter_map(tell).collect()
}
