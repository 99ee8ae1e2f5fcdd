//! The JSON Schema of environment files, made from the types.
//!
//! There are two views of one schema: that of a whole environment, which the validation follows, and that of
//! one file, which may leave to an extended file what it does not say itself
//! (<https://json-schema.org/draft/2020-12>).

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Environment;

/// Keyword under which the schema of one file lists what the whole environment must have.
const REQUIRED_OF_THE_WHOLE: &str = "x-required";

/// JSON Schema of one environment file, for editors and for the reference: titles, descriptions, defaults,
/// examples. Keys that may come from an extended file are not `required`; those that the whole must have are
/// listed as `x-required`.
pub fn schema() -> Value {
    let mut schema = of_whole();
    relax(&mut schema);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("extends".to_owned(), extends());
    }
    schema
}

fn extends() -> Value {
    json!({
        "type": "string",
        "description": "File that this one extends, relative to it. Tables merge key by key, unless this one gives them \
            another `kind`; everything else that stands here replaces what stands there.",
        "examples": ["base.toml"],
    })
}

/// Schema of a whole environment, all extended files merged.
pub(super) fn of_whole() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Environment>().to_value();
    forget_null(&mut schema);
    schema["title"] = "Environment of holodeck-bootstrap".into();
    schema
}

/// TOML has no null: what may be absent is not `required`, which says enough.
fn forget_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(forget_null),
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            inline_optional(map);
            map.values_mut().for_each(forget_null);
        }
        _ => {}
    }
}

/// Turns `anyOf: [X, null]` into X.
fn inline_optional(map: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = map.get_mut("anyOf") else { return };
    branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        map.remove("anyOf");
        for (keyword, value) in only {
            map.entry(keyword).or_insert(value);
        }
    }
}

/// Takes back what only the whole environment must satisfy. The key that a choice is told by stays required.
fn relax(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(relax),
        Value::Object(map) => {
            if !is_single_key_choice(map)
                && map.get("required").is_some_and(Value::is_array)
                && let Some(required) = map.remove("required")
            {
                map.insert(REQUIRED_OF_THE_WHOLE.to_owned(), required);
            }
            map.remove("minProperties");
            if let Some(branches) = map.remove("oneOf") {
                map.insert("anyOf".to_owned(), branches);
            }
            map.values_mut().for_each(relax);
        }
        _ => {}
    }
}

/// Whether a branch is a table with exactly one key, such as `{ env = "…" }`.
pub(super) fn is_single_key_choice(branch: &Map<String, Value>) -> bool {
    let count = |keyword| branch.get(keyword).and_then(Value::as_object).map(Map::len);
    count("properties") == Some(1) && branch.get("additionalProperties") == Some(&Value::Bool(false)) && {
        branch.get("required").and_then(Value::as_array).is_some_and(|required| required.len() == 1)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{document, format, structure};
    use super::*;

    /// Calls `visit` with every object within `schema`.
    fn each(schema: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
        match schema {
            Value::Array(items) => items.iter().for_each(|item| each(item, visit)),
            Value::Object(map) => {
                visit(map);
                map.values().for_each(|value| each(value, visit));
            }
            _ => {}
        }
    }

    #[test]
    fn every_shipped_file_fits_the_schema_of_one_file() {
        let schema = schema();
        for entry in std::fs::read_dir(Path::new("environments")).expect("the environments") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("the text");
            let (mut document, errors) = document::parse(0, &text);
            assert!(errors.is_empty(), "{}", path.display());
            inherit_kind(&path, &mut document);
            let (findings, _) = structure::check(&mut document, &schema);
            let findings: Vec<_> = findings.into_iter().collect();
            assert!(findings.is_empty(), "{}: {findings:?}", path.display());
        }
    }

    /// Gives the provider's table the `kind` that it has from the files which this one extends: without it the schema of
    /// one file, which is for editors, cannot tell which kind is meant.
    fn inherit_kind(path: &Path, document: &mut document::Node) {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let Ok(environment) = super::super::load(Path::new("environments"), name) else { return };
        let document::Value::Table(table) = &mut document.value else { return };
        let Some(provider) = table.get_mut("provider") else { return };
        let origin = provider.origin.clone();
        let kind = json!(environment.provider)["kind"].clone();
        if let document::Value::Table(provider) = &mut provider.value {
            provider.entry("kind".to_owned()).or_insert_with(|| document::Node::standing_in(&kind, origin));
        }
    }

    #[test]
    fn every_property_is_described() {
        let schema = schema();
        each(&schema, &mut |map| {
            let Some(properties) = map.get("properties").and_then(Value::as_object) else { return };
            for (key, property) in properties {
                let described = property.get("description").is_some() || map.get("description").is_some();
                assert!(described, "`{key}` has no description");
            }
        });
        assert!(schema.get("properties").and_then(|properties| properties.get("extends")).is_some());
    }

    #[test]
    fn every_format_of_a_text_is_checked() {
        let mut formats = 0;
        each(&of_whole(), &mut |map| {
            let is_text = map.get("type").is_none_or(|name| name == "string");
            if let (true, Some(form)) = (is_text, map.get("format").and_then(Value::as_str)) {
                formats += 1;
                assert!(format::check(form, "\n").is_err(), "the format {form} is not checked");
            }
        });
        assert!(formats > 5);
    }

    #[test]
    fn examples_fit_what_they_are_examples_of() {
        let whole = of_whole();
        let (mut empty, _) = document::parse(0, "");
        structure::check(&mut empty, &whole);
        let (findings, mended) = structure::check(&mut empty, &whole);
        // The stand-in for the node groups is empty, which is the one thing that an example cannot mend.
        let findings: Vec<_> = findings.into_iter().map(|finding| finding.path.to_string()).collect();
        assert_eq!(findings, ["provider.node_groups"]);
        assert!(mended.is_empty());
    }

    #[test]
    fn nothing_may_be_null() {
        each(&schema(), &mut |map| {
            assert_ne!(map.get("type"), Some(&"null".into()));
            assert!(map.get("default").is_none_or(|value| !value.is_null()));
        });
    }
}
