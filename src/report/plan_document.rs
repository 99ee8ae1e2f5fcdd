//! A plan for programs: one JSON document, the same for `plan --output json` and for a saved plan.

use holodeck_engine::{Action, After, Change, FieldChange, Plan};
use serde_json::{Value, json};

use crate::readable;

/// The version of the document's form; a higher one may lack or change fields.
pub const FORMAT_VERSION: u32 = 1;

/// The plan as a document: `format_version`, `environment`, `changes`, `blocked`, `summary`.
pub fn document(environment: &str, plan: &Plan) -> Value {
    json!({
        "format_version": FORMAT_VERSION,
        "environment": environment,
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "blocked": plan.blocked,
        "summary": plan.summary(),
    })
}

fn change(change: &Change) -> Value {
    json!({
        "id": change.address,
        "kind": change.address.kind,
        "group": change.group,
        "action": change.action,
        "reason": change.reason,
        "with": change.with,
        "fields": if change.action == Action::Delete { Vec::new() } else { change.fields.iter().map(field).collect() },
    })
}

fn field(field: &FieldChange) -> Value {
    let known = !matches!(field.after, After::Unknown(_));
    let after = match &field.after {
        After::Known(value) | After::Unknown(value) => readable::value(value),
        After::Absent => Value::Null,
    };
    let conceal = |value: Value| if field.sensitive { Value::Null } else { value };
    json!({
        "path": field.path,
        "before": conceal(field.before.as_ref().map_or(Value::Null, readable::value)),
        "after": conceal(after),
        "known": known,
        "sensitive": field.sensitive,
    })
}

/// The ids of resources whose changes differ between two documents.
pub fn differing(saved: &Value, now: &Value) -> Vec<String> {
    let changes = |document: &Value| -> std::collections::BTreeMap<String, Value> {
        let changes = document["changes"].as_array().cloned().unwrap_or_default();
        changes
            .into_iter()
            .filter(|change| change["action"] != "unchanged")
            .map(|change| (change["id"].as_str().unwrap_or_default().to_owned(), change))
            .collect()
    };
    let (saved, now) = (changes(saved), changes(now));
    let ids: std::collections::BTreeSet<&String> = saved.keys().chain(now.keys()).collect();
    ids.into_iter().filter(|id| saved.get(*id) != now.get(*id)).cloned().collect()
}
