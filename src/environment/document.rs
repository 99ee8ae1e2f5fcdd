//! A TOML document in which every value knows the file and place that it comes from.
//!
//! Invariant: merging keeps each value's origin, so that a mistake is shown where it stands even if that is
//! in an extended file (<https://toml.io/en/v1.1.0>).

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key_path::{KeyPath, Step};

/// Position of a file in the chain of files that extend each other: 0 for the environment's own.
pub(super) type FileId = usize;

/// Where a value stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Origin {
    pub file: FileId,
    /// Place of the key, in bytes.
    pub key: Range<usize>,
    /// Place of the value, in bytes; for a table under a header, the header's.
    pub value: Range<usize>,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    pub origin: Origin,
}

/// A table of nodes.
pub(super) type Table = BTreeMap<String, Node>;

/// A TOML value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Table),
}

/// A place where the text is not TOML.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub message: String,
    pub span: Range<usize>,
}

/// Reads a document as far as it can be understood, with everything that could not.
pub(super) fn parse(file: FileId, text: &str) -> (Node, Vec<SyntaxError>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut errors: Vec<SyntaxError> = errors
        .into_iter()
        .map(|error| SyntaxError {
            message: error.message().to_owned(),
            span: error.span().unwrap_or_default(),
        })
        .collect();
    let value = Value::Table(table_of(file, table.get_ref(), &mut errors));
    errors.sort_by_key(|error| error.span.start);
    (Node { value, origin: Origin { file, key: 0..0, value: 0..0 } }, errors)
}

fn table_of(file: FileId, table: &DeTable<'_>, errors: &mut Vec<SyntaxError>) -> Table {
    table
        .iter()
        .filter_map(|(key, value)| {
            let node = node_of(file, key.span(), value, errors)?;
            Some((key.get_ref().to_string(), node))
        })
        .collect()
}

fn node_of(
    file: FileId,
    key: Range<usize>,
    value: &Spanned<DeValue<'_>>,
    errors: &mut Vec<SyntaxError>,
) -> Option<Node> {
    let origin = Origin { file, key, value: value.span() };
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(datetime) => Value::Datetime(datetime.to_string()),
        DeValue::Table(table) => Value::Table(table_of(file, table, errors)),
        DeValue::Array(items) => Value::Array(
            items.iter().filter_map(|item| node_of(file, origin.key.clone(), item, errors)).collect(),
        ),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => {
                let message = "the number does not fit into 64 bits".to_owned();
                errors.push(SyntaxError { message, span: origin.value });
                return None;
            }
        },
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
    };
    Some(Node { value, origin })
}

impl Node {
    /// A document without content.
    pub fn empty_table() -> Node {
        Node { value: Value::Table(Table::new()), origin: Origin::default() }
    }

    /// Lays `over` on this: tables merge key by key, everything else is replaced. A table of another `kind` is replaced
    /// as a whole, since what it holds means something else.
    pub fn merge(self, over: Node) -> Node {
        if self.is_of_another_kind(&over) {
            return over;
        }
        match (self.value, over.value) {
            (Value::Table(mut below), Value::Table(above)) => {
                for (key, node) in above {
                    let merged = match below.remove(&key) {
                        Some(under) => under.merge(node),
                        None => node,
                    };
                    below.insert(key, merged);
                }
                Node { value: Value::Table(below), origin: over.origin }
            }
            (_, value) => Node { value, origin: over.origin },
        }
    }

    fn is_of_another_kind(&self, over: &Node) -> bool {
        let kind = |node: &Node| Some(node.table()?.get("kind")?.value.clone());
        matches!((kind(self), kind(over)), (Some(below), Some(above)) if below != above)
    }

    /// The node at `path`, or the innermost one on the way there, with whether it was reached.
    pub fn nearest(&self, path: &KeyPath) -> (&Node, bool) {
        let mut node = self;
        for step in path.steps() {
            let next = match (step, &node.value) {
                (Step::Key(key), Value::Table(table)) => table.get(key),
                (Step::Index(index), Value::Array(items)) => items.get(*index),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => return (node, false),
            }
        }
        (node, true)
    }

    /// The table in this node, if it is one.
    pub fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The places of all values in this node that hold no others.
    pub fn leaves(&self) -> Vec<&Origin> {
        match &self.value {
            Value::Table(table) => table.values().flat_map(Node::leaves).collect(),
            Value::Array(items) if !items.is_empty() => items.iter().flat_map(Node::leaves).collect(),
            _ => vec![&self.origin],
        }
    }

    /// The value without its places.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Text(text) | Value::Datetime(text) => text.as_str().into(),
            Value::Integer(integer) => (*integer).into(),
            Value::Float(float) => (*float).into(),
            Value::Boolean(boolean) => (*boolean).into(),
            Value::Array(items) => items.iter().map(Node::to_json).collect(),
            Value::Table(table) => {
                table.iter().map(|(key, node)| (key.clone(), node.to_json())).collect::<Json>()
            }
        }
    }

    /// A value that stands nowhere, for a place that holds none or a wrong one.
    pub fn standing_in(json: &Json, origin: Origin) -> Node {
        let value = match json {
            Json::Bool(boolean) => Value::Boolean(*boolean),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => {
                Value::Array(items.iter().map(|item| Node::standing_in(item, origin.clone())).collect())
            }
            Json::Object(table) => Value::Table(
                table
                    .iter()
                    .map(|(key, item)| (key.clone(), Node::standing_in(item, origin.clone())))
                    .collect(),
            ),
            Json::Null => Value::Text(String::new()),
        };
        Node { value, origin }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Documents in which a key always has the same type, as in files that follow one schema.
    fn documents() -> impl Strategy<Value = Node> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::Integer),
            "[a-z]{0,3}".prop_map(Value::Text),
            proptest::collection::vec(any::<bool>().prop_map(|item| at(0, Value::Boolean(item))), 0..3)
                .prop_map(Value::Array),
        ];
        let leaves = proptest::collection::btree_map("leaf-[a-c]", leaf.prop_map(|value| at(0, value)), 0..4);
        let table = leaves.prop_map(|table| at(0, Value::Table(table)));
        table.prop_recursive(3, 24, 4, |inner| {
            proptest::collection::btree_map("table-[a-c]", inner, 0..4)
                .prop_map(|table| at(0, Value::Table(table)))
        })
    }

    fn at(file: FileId, value: Value) -> Node {
        Node { value, origin: Origin { file, ..Origin::default() } }
    }

    proptest! {
        #[test]
        fn merging_is_associative(a in documents(), b in documents(), c in documents()) {
            let left = a.clone().merge(b.clone()).merge(c.clone());
            let right = a.merge(b.merge(c));
            prop_assert_eq!(left, right);
        }

        #[test]
        fn nothing_lays_nothing_over(a in documents()) {
            prop_assert_eq!(a.clone().merge(Node::empty_table()), a.clone());
            prop_assert_eq!(Node::empty_table().merge(a.clone()), a);
        }

        #[test]
        fn every_value_is_that_of_the_last_file_that_has_it(a in documents(), b in documents()) {
            let merged = a.clone().merge(b.clone()).to_json();
            holds(&merged, &b.to_json(), &a.to_json())?;
        }
    }

    /// `merged` has everything of `over`, everything of `under` that `over` is silent about, and no more.
    fn holds(merged: &Json, over: &Json, under: &Json) -> Result<(), TestCaseError> {
        let (Json::Object(merged), Json::Object(over), Json::Object(under)) = (merged, over, under) else {
            prop_assert_eq!(merged, over);
            return Ok(());
        };
        for (key, value) in merged {
            match (over.get(key), under.get(key)) {
                (Some(over), Some(under)) => holds(value, over, under)?,
                (one, other) => prop_assert_eq!(Some(value), one.or(other)),
            }
        }
        let all_there = over.keys().chain(under.keys()).all(|key| merged.contains_key(key));
        prop_assert!(all_there);
        Ok(())
    }

    #[test]
    fn lists_and_values_are_replaced_and_keep_their_place() {
        let (below, _) = parse(1, "list = [1, 2]\n[table]\nkept = 1\nchanged = 2\n");
        let (above, errors) = parse(0, "list = [3]\n[table]\nchanged = { deep = true }\n");
        assert!(errors.is_empty());
        let merged = below.merge(above);
        assert_eq!(
            merged.to_json(),
            serde_json::json!({ "list": [3], "table": { "kept": 1, "changed": { "deep": true } } })
        );
        let (kept, found) = merged.nearest(&KeyPath::default().keys("table.kept"));
        assert!(found);
        assert_eq!((kept.origin.file, kept.origin.value.clone()), (1, 29..30));
    }

    #[test]
    fn a_table_of_another_kind_replaces_the_whole_table() {
        let merged = |above: &str| {
            let (below, _) = parse(1, "[place]\nkind = \"a\"\nkept = 1\n");
            below.merge(parse(0, above).0).to_json()
        };
        let other = serde_json::json!({ "place": { "kind": "b", "new": 2 } });
        assert_eq!(merged("[place]\nkind = \"b\"\nnew = 2\n"), other);
        let same = serde_json::json!({ "place": { "kind": "a", "kept": 1, "new": 2 } });
        assert_eq!(merged("[place]\nkind = \"a\"\nnew = 2\n"), same);
        assert_eq!(merged("[place]\nnew = 2\n"), same);
    }
}
