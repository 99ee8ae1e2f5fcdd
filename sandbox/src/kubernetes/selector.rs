//! Label and field selectors, in the query syntax and in the `LabelSelector` type.
//!
//! Syntax: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.

use serde_json::{Map, Value};

use super::object::{items, map};

/// A condition on labels.
#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A conjunction of conditions on labels; the empty one holds for everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Reads the query syntax; the error says what could not be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        split_outside_parentheses(text)
            .into_iter()
            .map(str::trim)
            .filter(|term| !term.is_empty())
            .map(parse_term)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Reads a `LabelSelector` object with `matchLabels` and `matchExpressions`.
    pub fn from_object(selector: &Value) -> Self {
        let mut requirements = Vec::new();
        for (key, value) in map(selector, "/matchLabels").into_iter().flatten() {
            requirements.push(Requirement::In(key.clone(), strings(std::slice::from_ref(value))));
        }
        requirements.extend(items(selector, "/matchExpressions").iter().filter_map(expression));
        Self(requirements)
    }

    /// Reads the terms of a node selector, whose expressions look like those of label selectors.
    pub fn from_expressions(expressions: &[Value]) -> Self {
        Self(expressions.iter().filter_map(expression).collect())
    }

    /// Whether a set of labels satisfies every condition.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => label(key).is_some_and(|value| values.iter().any(|v| v == value)),
            Requirement::NotIn(key, values) => {
                label(key).is_none_or(|value| values.iter().all(|v| v != value))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
        })
    }
}

fn strings(values: &[Value]) -> Vec<String> {
    values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

fn expression(expression: &Value) -> Option<Requirement> {
    let key = expression["key"].as_str()?.to_owned();
    let values = strings(items(expression, "/values"));
    match expression["operator"].as_str()? {
        "In" => Some(Requirement::In(key, values)),
        "NotIn" => Some(Requirement::NotIn(key, values)),
        "Exists" => Some(Requirement::Exists(key)),
        "DoesNotExist" => Some(Requirement::Absent(key)),
        _ => None,
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (position, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.push(&text[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn parse_term(term: &str) -> Result<Requirement, String> {
    if let Some((head, values)) = term.split_once('(') {
        let values: Vec<String> = values
            .strip_suffix(')')
            .ok_or_else(|| format!("unable to parse requirement: {term}"))?
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        return match head.split_whitespace().collect::<Vec<_>>().as_slice() {
            [key, "in"] => Ok(Requirement::In((*key).to_owned(), values)),
            [key, "notin"] => Ok(Requirement::NotIn((*key).to_owned(), values)),
            _ => Err(format!("unable to parse requirement: {term}")),
        };
    }
    let pair = |key: &str, value: &str| (key.trim().to_owned(), vec![value.trim().to_owned()]);
    if let Some((key, value)) = term.split_once("!=") {
        let (key, values) = pair(key, value);
        return Ok(Requirement::NotIn(key, values));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        let (key, values) = pair(key, value);
        return Ok(Requirement::In(key, values));
    }
    if term.contains(char::is_whitespace) {
        return Err(format!("unable to parse requirement: {term}"));
    }
    Ok(match term.strip_prefix('!') {
        Some(key) => Requirement::Absent(key.to_owned()),
        None => Requirement::Exists(term.to_owned()),
    })
}

/// Equality conditions on fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct FieldSelector(Vec<(String, String, bool)>);

impl FieldSelector {
    /// Reads `a.b=c,d!=e`; the error says which term could not be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for term in text.split(',').filter(|term| !term.is_empty()) {
            let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
                (path, value, false)
            } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (path, value, true)
            } else {
                return Err(format!("invalid selector: '{term}'; can't understand '{term}'"));
            };
            terms.push((format!("/{}", path.replace('.', "/")), value.to_owned(), equal));
        }
        Ok(Self(terms))
    }

    /// Whether an object satisfies every condition; an absent field reads as empty.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(pointer, value, equal)| (super::object::text(object, pointer) == value) == *equal)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn label_selectors_read_the_query_syntax() {
        let labels = json!({"app": "vault", "tier": "base"});
        for (text, expected) in [
            ("", true),
            ("app=vault", true),
            ("app==vault,tier=base", true),
            ("app=argo", false),
            ("app!=argo", true),
            ("missing!=x", true),
            ("app in (vault, argo)", true),
            ("app in (argo),tier=base", false),
            ("app notin (argo, vault)", false),
            ("tier", true),
            ("!tier", false),
            ("!missing", true),
        ] {
            let selector = LabelSelector::parse(text).unwrap();
            assert_eq!(selector.matches(labels.as_object()), expected, "{text}");
        }
        for text in ["app in (a", "app within (a)", "a b"] {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn field_selectors_compare_nested_fields() {
        let object = json!({"metadata": {"name": "a"}, "involvedObject": {"name": "b"}});
        for (text, expected) in [
            ("metadata.name=a", true),
            ("involvedObject.name=b,metadata.name!=c", true),
            ("metadata.namespace=x", false),
        ] {
            assert_eq!(FieldSelector::parse(text).unwrap().matches(&object), expected, "{text}");
        }
        assert!(FieldSelector::parse("nonsense").is_err());
    }
}
