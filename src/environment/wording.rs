//! Words shared by the findings about an environment file, so that all speak alike.

use super::document::{Node, Value};
use super::finding::Finding;
use super::key_path::KeyPath;

/// Least similarity (1 is equal, 0 has nothing in common) at which a word is offered for another.
const SIMILAR: f64 = 0.75;

/// The word of `known` that `word` was probably meant to be.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let similarity = |candidate: &str| strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase());
    known
        .iter()
        .map(|candidate| (similarity(candidate), *candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// The words in backticks, with commas and an "or".
pub(crate) fn list<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// How a table is called in a sentence.
pub(super) fn table(path: &KeyPath) -> String {
    if path.steps().is_empty() { "the file".to_owned() } else { format!("`[{path}]`") }
}

/// How a key is called in a sentence.
pub(super) fn key(path: &KeyPath) -> String {
    format!("`{}`", path.last_key())
}

/// `key` is not among the `known` keys of the table at `path`.
pub(super) fn unknown_key(path: &KeyPath, key: &str, known: &[&str]) -> Finding {
    let help = match nearest(key, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys here are {}", list(known)),
    };
    Finding::new(path.key(key), format!("`{key}` is no key of {}", table(path)), help).at_key()
}

/// The value at `path` has none of the `expected` types, which are named as in JSON Schema.
pub(super) fn wrong_type(node: &Node, expected: &[&str], path: &KeyPath) -> Finding {
    let names: Vec<&str> = expected.iter().map(|name| type_name(name)).collect();
    let message = format!("{} is {}, not {}", key(path), actual_type(&node.value), names.join(" or "));
    Finding::new(path.clone(), message, type_remedy(&node.value, expected, path))
}

fn type_remedy(value: &Value, expected: &[&str], path: &KeyPath) -> String {
    match (value, expected[0]) {
        (Value::Integer(_) | Value::Float(_) | Value::Boolean(_), "string") => "put it in quotes".to_owned(),
        (Value::Text(text), "integer") if text.parse::<i64>().is_ok() => "remove the quotes".to_owned(),
        (Value::Text(text), "boolean") if text.parse::<bool>().is_ok() => "remove the quotes".to_owned(),
        (_, "boolean") => "write `true` or `false`, without quotes".to_owned(),
        (Value::Text(_) | Value::Integer(_), "array") => "put it in brackets: `[…]`".to_owned(),
        (_, "object") => format!("write a table: `[{path}]` on a line of its own, or `{{ key = … }}`"),
        (_, name) => format!("write {}", type_name(name)),
    }
}

fn type_name(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}

fn actual_type(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date or time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
