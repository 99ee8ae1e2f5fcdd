//! Field-level differences between what is desired and what exists, the same for every kind.

use serde::Serialize;
use serde_json::Value;

use crate::input;

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// Where it stands: field names joined by dots, list positions in brackets, as in `rules[0].port`. A name that
    /// contains a dot is written in brackets and quotes.
    pub path: String,
    /// The present value; `None` where there is none.
    pub before: Option<Value>,
    /// The value to be.
    pub after: After,
    /// Whether the values must not be shown.
    pub sensitive: bool,
}

/// The value that a field will have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum After {
    /// This one.
    Known(Value),
    /// One that contains outputs which are only known later; the markers stand in it.
    Unknown(Value),
    /// None: the field goes.
    Absent,
}

impl FieldChange {
    /// Whether the field is `field`, or lies below it.
    pub fn is_within(&self, field: &str) -> bool {
        self.path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

/// The fields in which `actual` differs from `desired`.
///
/// A desired `null` is unmanaged and equals everything. Objects are compared key by key and an actual key that is not
/// desired is a removal. An empty object or list equals an absent one.
pub fn diff(desired: &Value, actual: &Value, sensitive: &[&str]) -> Vec<FieldChange> {
    let mut differ = Differ { changes: Vec::new(), sensitive };
    differ.compare("", desired, Some(actual));
    differ.changes
}

/// The fields of a resource that is to be created.
pub fn creation(desired: &Value, sensitive: &[&str]) -> Vec<FieldChange> {
    let mut differ = Differ { changes: Vec::new(), sensitive };
    differ.compare("", desired, None);
    differ.changes
}

struct Differ<'a> {
    changes: Vec<FieldChange>,
    sensitive: &'a [&'a str],
}

impl Differ<'_> {
    fn compare(&mut self, path: &str, desired: &Value, actual: Option<&Value>) {
        let actual = actual.filter(|value| !value.is_null());
        match (desired, actual) {
            (Value::Null, _) => {}
            (desired, Some(actual)) if desired == actual => {}
            (desired, None) if is_empty(desired) => {}
            (Value::Object(fields), actual @ (None | Some(Value::Object(_)))) => {
                let empty = serde_json::Map::new();
                let present = actual.and_then(Value::as_object).unwrap_or(&empty);
                for (key, field) in fields {
                    self.compare(&child(path, key), field, present.get(key));
                }
                for (key, value) in present.iter().filter(|(key, _)| !fields.contains_key(*key)) {
                    if !value.is_null() && !is_empty(value) {
                        self.push(child(path, key), Some(value), After::Absent);
                    }
                }
            }
            (Value::Array(items), Some(Value::Array(present)))
                if items.iter().chain(present).all(Value::is_object) =>
            {
                for (index, item) in items.iter().enumerate() {
                    self.compare(&format!("{path}[{index}]"), item, present.get(index));
                }
                for (index, value) in present.iter().enumerate().skip(items.len()) {
                    self.push(format!("{path}[{index}]"), Some(value), After::Absent);
                }
            }
            (desired, actual) => {
                let after = if input::is_unresolved(desired) { After::Unknown } else { After::Known };
                self.push(path.to_owned(), actual, after(desired.clone()));
            }
        }
    }

    fn push(&mut self, path: String, before: Option<&Value>, after: After) {
        let mut change = FieldChange { path, before: before.cloned(), after, sensitive: false };
        change.sensitive =
            self.sensitive.iter().any(|field| change.is_within(field) || lies_below(field, &change));
        self.changes.push(change);
    }
}

/// Whether `field` is a part of the field that changes, so that its value stands in the change.
fn lies_below(field: &str, change: &FieldChange) -> bool {
    change.path.is_empty()
        || field.strip_prefix(&change.path).is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn child(path: &str, key: &str) -> String {
    match (path, key.contains(['.', '['])) {
        (_, true) => format!("{path}[\"{key}\"]"),
        ("", false) => key.to_owned(),
        (path, false) => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::input::Reference;
    use crate::{Address, Input};

    fn lines(desired: Value, actual: Value) -> Vec<String> {
        diff(&desired, &actual, &["password"])
            .iter()
            .map(|change| {
                let before = change.before.as_ref().map_or("-".into(), Value::to_string);
                let after = match &change.after {
                    After::Known(value) => value.to_string(),
                    After::Unknown(_) => "?".into(),
                    After::Absent => "-".into(),
                };
                format!("{}: {before} -> {after}{}", change.path, if change.sensitive { " !" } else { "" })
            })
            .collect()
    }

    #[test]
    fn only_managed_fields_that_differ_are_reported() {
        assert_eq!(
            lines(json!({"a": 1, "b": null, "c": "x"}), json!({"a": 2, "b": 5, "c": "x"})),
            ["a: 2 -> 1"]
        );
    }

    #[test]
    fn keys_that_are_not_desired_are_removals() {
        assert_eq!(
            lines(json!({"tags": {"x": "1"}}), json!({"tags": {"x": "1", "a.b/c": "2"}})),
            [r#"tags["a.b/c"]: "2" -> -"#]
        );
    }

    #[test]
    fn empty_and_absent_are_the_same() {
        assert!(lines(json!({"a": {}, "b": []}), json!({"a": null, "c": []})).is_empty());
    }

    #[test]
    fn lists_of_objects_are_compared_by_position_and_others_as_a_whole() {
        assert_eq!(
            lines(
                json!({"rules": [{"port": 1}, {"port": 2}], "zones": ["a"]}),
                json!({"rules": [{"port": 1}, {"port": 3}, {"port": 4}], "zones": ["b", "c"]})
            ),
            ["rules[1].port: 3 -> 2", r#"rules[2]: {"port":4} -> -"#, r#"zones: ["b","c"] -> ["a"]"#]
        );
    }

    #[test]
    fn an_unresolved_reference_always_differs() {
        let id: Input<String> =
            Input::Output(Reference { address: Address::new("cloud.network", "main"), field: "id".into() });
        assert_eq!(lines(json!({"network": id}), json!({"network": "n-1"})), [r#"network: "n-1" -> ?"#]);
    }

    #[test]
    fn sensitive_fields_are_marked() {
        assert_eq!(lines(json!({"password": {"v": 1}}), json!({})), ["password.v: - -> 1 !"]);
    }
}
