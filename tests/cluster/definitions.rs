//! The definitions of custom resources accept what they should and refuse what they should not.
//!
//! `definitions/<Kind>.yaml` holds examples of each kind that cert-manager and Argo CD bring; `definitions/refused.toml`
//! spoils the first example of a kind, one change at a time, with what the server must say to it. A definition's schema
//! decides which sorts of mistakes have to be tried on its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::support::{self, Mode, name, text};

/// A sort of mistake that a schema can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mistake {
    /// A field that the schema does not have.
    Unknown,
    /// A value of another type.
    Type,
    /// No value where one is required.
    Missing,
    /// None of the values that are listed.
    Enumeration,
    /// Outside of a pattern, a format or a length.
    Bound,
    /// Against an expression over several fields.
    Rule,
}

/// One change that makes the first example of a kind wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spoiled {
    mistake: Mistake,
    /// Where, as a JSON pointer.
    at: String,
    /// What is put there; without, what is there is removed.
    value: Option<Value>,
    /// Part of what the server says.
    says: String,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/definitions"))
}

fn examples(kind: &str) -> Vec<Value> {
    let file = folder().join(kind).with_extension("yaml");
    let yaml = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    support::documents(&yaml)
}

fn refused() -> BTreeMap<String, Vec<Spoiled>> {
    let file = folder().join("refused.toml");
    toml::from_str(&fs::read_to_string(&file).expect("a file")).unwrap_or_else(|error| panic!("{error}"))
}

/// The definitions that the sandbox brings: the kind, and the schema of its `spec`.
fn definitions() -> BTreeMap<String, Value> {
    let objects = support::rendered("sandbox").iter();
    let definitions = objects.filter(|object| object["kind"] == "CustomResourceDefinition");
    definitions
        .map(|definition| {
            let spec = &definition["spec"];
            let schema = &spec["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
            (text(&spec["names"]["kind"]).to_owned(), schema.clone())
        })
        .collect()
}

#[tokio::test]
async fn examples_of_every_kind_are_accepted() {
    let client = support::client().await;
    let mut complaints = Vec::new();
    let kinds = definitions();
    for kind in kinds.keys() {
        for example in examples(kind) {
            assert_eq!(example["kind"], kind.as_str(), "{kind}.yaml");
            let answer = support::apply(&client, &example, Mode::Try).await;
            complaints.extend(answer.complaints().iter().map(|text| format!("{}: {text}", name(&example))));
            // Nothing was dropped on the way: what is stored is what was asked for.
            if answer.refusal().is_none() && !holds(&answer.body["spec"], &example["spec"]) {
                complaints.push(format!("{}: stored as {}", name(&example), answer.body["spec"]));
            }
        }
    }
    support::none("complaints", complaints);
}

#[tokio::test]
async fn wrong_ones_are_refused() {
    let client = support::client().await;
    let mut findings = Vec::new();
    for (kind, spoiled) in refused() {
        let example = examples(&kind).swap_remove(0);
        for Spoiled { mistake, at, value, says } in spoiled {
            let mut wrong = example.clone();
            support::put(&mut wrong, &at, value);
            let answer = support::apply(&client, &wrong, Mode::Try).await;
            let refusal = answer.refusal().unwrap_or("accepted");
            if !refusal.contains(&says) {
                findings.push(format!("{kind}, {mistake:?} at {at}: {refusal}"));
            }
        }
    }
    support::none("answers", findings);
}

#[test]
fn every_sort_of_mistake_that_a_schema_finds_is_tried() {
    let refused = refused();
    let definitions = definitions();
    assert!(!definitions.is_empty() && refused.keys().all(|kind| definitions.contains_key(kind)));
    let mut untried = Vec::new();
    for (kind, schema) in definitions {
        let mut expected = BTreeSet::from([Mistake::Unknown, Mistake::Type]);
        mistakes_found_by(&schema, &mut expected);
        let tried: BTreeSet<Mistake> =
            refused.get(&kind).into_iter().flatten().map(|spoiled| spoiled.mistake).collect();
        untried.extend(expected.difference(&tried).map(|mistake| format!("{kind}: {mistake:?}")));
    }
    support::none("sorts of mistakes are not tried", untried);
}

fn mistakes_found_by(schema: &Value, found: &mut BTreeSet<Mistake>) {
    let has = |keyword: &str| !schema[keyword].is_null();
    let binding = ["byte", "date-time"].contains(&text(&schema["format"]));
    found.extend(has("required").then_some(Mistake::Missing));
    found.extend(has("enum").then_some(Mistake::Enumeration));
    found.extend(has("x-kubernetes-validations").then_some(Mistake::Rule));
    found.extend(
        (binding || ["pattern", "maxLength", "minLength"].into_iter().any(has)).then_some(Mistake::Bound),
    );
    for below in [&schema["items"], &schema["additionalProperties"]] {
        if below.is_object() {
            mistakes_found_by(below, found);
        }
    }
    for field in schema["properties"].as_object().into_iter().flat_map(|fields| fields.values()) {
        mistakes_found_by(field, found);
    }
}

/// Whether all that was asked for stands in what came of it.
fn holds(stored: &Value, asked: &Value) -> bool {
    match (stored, asked) {
        (Value::Object(stored), Value::Object(asked)) => {
            asked.iter().all(|(key, value)| stored.get(key).is_some_and(|stored| holds(stored, value)))
        }
        (Value::Array(stored), Value::Array(asked)) => {
            stored.len() == asked.len()
                && stored.iter().zip(asked).all(|(stored, asked)| holds(stored, asked))
        }
        _ => stored == asked,
    }
}
