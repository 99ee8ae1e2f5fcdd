//! Compares a document with the JSON Schema of environments and finds every departure at once.
//!
//! Invariant: after [`check`] the document fits the schema. What did not was taken out or replaced by a
//! stand-in, and its path is in the list that [`check`] returns: conclusions from there would be about values
//! that nobody wrote. Only the keywords that our own schema uses are understood
//! (<https://json-schema.org/draft/2020-12>).

use serde_json::{Map, Value as Json};

use super::document::{FileId, Node, Table, Value};
use super::finding::{Finding, Findings};
use super::format;
use super::key_path::KeyPath;
use super::schema::is_single_key_choice;
use super::wording::{self, list, nearest, unknown_key, wrong_type};

type Schema = Map<String, Json>;

/// Finds what in `document` departs from `schema`, mends it, and returns the findings and the paths of what
/// was mended.
pub(super) fn check(document: &mut Node, schema: &Json) -> (Findings, Vec<KeyPath>) {
    let mut checker =
        Checker { root: schema, findings: Findings::default(), mended: Vec::new(), confidential: false };
    if let Some(schema) = schema.as_object() {
        checker.value(document, schema, &KeyPath::default());
    }
    (checker.findings, checker.mended)
}

/// Whether a value can stay as it is.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Fits,
    Misfit,
}

struct Checker<'s> {
    root: &'s Json,
    findings: Findings,
    mended: Vec<KeyPath>,
    /// Whether we are within a value that may by mistake hold a secret.
    confidential: bool,
}

impl<'s> Checker<'s> {
    fn report(&mut self, finding: Finding) -> Verdict {
        self.findings.add(if self.confidential { finding.conceal() } else { finding });
        Verdict::Misfit
    }

    /// The schema that `schema` refers to, or itself.
    fn resolve(&self, schema: &'s Schema) -> &'s Schema {
        schema
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|reference| self.root.pointer(reference.trim_start_matches('#')))
            .and_then(Json::as_object)
            .unwrap_or(schema)
    }

    fn value(&mut self, node: &mut Node, schema: &'s Schema, path: &KeyPath) -> Verdict {
        let schema = self.resolve(schema);
        let outer = self.confidential;
        self.confidential |= schema.get("writeOnly") == Some(&Json::Bool(true));
        let branches = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array);
        let verdict = match branches {
            Some(branches) => {
                let branches: Vec<&Schema> =
                    branches.iter().filter_map(Json::as_object).map(|branch| self.resolve(branch)).collect();
                self.choice(node, &branches, path)
            }
            None => self.typed(node, schema, path),
        };
        self.confidential = outer;
        verdict
    }

    /// A value for which the schema has several branches: told apart by type, by a tag, by the one key, or by
    /// value.
    fn choice(&mut self, node: &mut Node, branches: &[&'s Schema], path: &KeyPath) -> Verdict {
        let fitting: Vec<&Schema> =
            branches.iter().copied().filter(|branch| has_type(node, type_of(branch))).collect();
        if fitting.is_empty() {
            let mut types: Vec<&str> = branches.iter().map(|branch| type_of(branch)).collect();
            types.dedup();
            return self.report(wrong_type(node, &types, path));
        }
        if fitting.iter().all(|branch| branch.contains_key("const")) {
            let known: Vec<&str> = fitting.iter().filter_map(|branch| branch["const"].as_str()).collect();
            let table_fits = branches.iter().any(|branch| type_of(branch) == "object");
            return self.one_of(node, &known, table_fits, path);
        }
        if fitting.iter().all(|branch| is_single_key_choice(branch)) {
            return self.single_key(node, &fitting, path);
        }
        match tag_of(&fitting) {
            Some(tag) => self.tagged(node, &fitting, tag, path),
            None => self.typed(node, fitting[0], path),
        }
    }

    fn one_of(&mut self, node: &Node, known: &[&str], table_fits: bool, path: &KeyPath) -> Verdict {
        let Value::Text(text) = &node.value else { return Verdict::Fits };
        if known.contains(&text.as_str()) {
            return Verdict::Fits;
        }
        let message = format!("`{text}` is no value of {}", wording::key(path));
        let mut help = match (nearest(text, known), known) {
            (_, [only]) => format!("write `{only}`"),
            (Some(near), _) => format!("did you mean `{near}`? It is one of {}", list(known)),
            (None, _) => format!("it is one of {}", list(known)),
        };
        if table_fits {
            help.push_str(", or a table");
        }
        self.report(Finding::new(path.clone(), message, help))
    }

    /// A table with exactly one key out of several. Where an extended file chose another, the extending
    /// file's choice holds.
    fn single_key(&mut self, node: &mut Node, branches: &[&'s Schema], path: &KeyPath) -> Verdict {
        let schema_of =
            |key: &str| branches.iter().find_map(|branch| branch.get("properties")?.get(key)?.as_object());
        let keys: Vec<&str> = branches
            .iter()
            .filter_map(|branch| Some(branch.get("properties")?.as_object()?.keys().next()?.as_str()))
            .collect();
        let Value::Table(table) = &mut node.value else { return Verdict::Fits };
        let closest: Option<FileId> = table.values().map(|value| value.origin.file).min();
        table.retain(|_, value| Some(value.origin.file) == closest);
        let mut entries = table.iter_mut();
        match (entries.next(), entries.next()) {
            (Some((key, value)), None) => match schema_of(key) {
                Some(schema) => self.value(value, schema, &path.key(key)),
                None => self.report(unknown_key(path, key, &keys)),
            },
            _ => {
                let message = format!("{} needs exactly one key", wording::key(path));
                self.report(Finding::new(path.clone(), message, format!("write one of {}", list(&keys))))
            }
        }
    }

    fn tagged(&mut self, node: &mut Node, branches: &[&'s Schema], tag: &str, path: &KeyPath) -> Verdict {
        let known: Vec<(&str, &Schema)> = branches
            .iter()
            .filter_map(|branch| Some((branch.get("properties")?.get(tag)?.get("const")?.as_str()?, *branch)))
            .collect();
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let written = node.table().and_then(|table| table.get(tag)).map(|node| node.value.clone());
        let branch = match &written {
            Some(Value::Text(text)) => known.iter().find(|(name, _)| name == text),
            // With one branch there is no doubt which was meant.
            None if known.len() == 1 => known.first(),
            _ => None,
        };
        match (branch, written) {
            (Some((_, schema)), _) => self.typed(node, schema, path),
            (None, None) => {
                let message = format!("`{tag}` is missing from {}", wording::table(path));
                self.report(Finding::new(path.clone(), message, format!("it is one of {}", list(&names))))
            }
            (None, Some(value)) => {
                let path = path.key(tag);
                let tag = Node { value, origin: node.origin.clone() };
                match tag.value {
                    Value::Text(_) => self.one_of(&tag, &names, false, &path),
                    _ => self.report(wrong_type(&tag, &["string"], &path)),
                }
            }
        }
    }

    fn typed(&mut self, node: &mut Node, schema: &'s Schema, path: &KeyPath) -> Verdict {
        let expected = type_of(schema);
        if !has_type(node, expected) {
            return self.report(wrong_type(node, &[expected], path));
        }
        match &mut node.value {
            Value::Table(table) => self.table(table, schema, path),
            Value::Array(items) => self.array(items, schema, path),
            Value::Text(text) => self.text(text, schema, path),
            Value::Integer(number) => self.number(*number, schema, path),
            Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => Verdict::Fits,
        }
    }

    fn table(&mut self, table: &mut Table, schema: &'s Schema, path: &KeyPath) -> Verdict {
        let keys: Vec<String> = table.keys().cloned().collect();
        for key in keys {
            if self.entry(table, &key, schema, path) == Verdict::Misfit {
                table.remove(&key);
                self.mended.push(path.key(&key));
                if let (true, Some(property)) =
                    (required_of(schema).contains(&key.as_str()), property(schema, &key))
                {
                    self.stand_in(table, &key, property);
                }
            }
        }
        for key in required_of(schema) {
            if let (false, Some(property)) = (table.contains_key(key), property(schema, key)) {
                self.missing(key, property, path);
                self.mended.push(path.key(key));
                self.stand_in(table, key, property);
            }
        }
        let least = schema.get("minProperties").and_then(Json::as_u64).unwrap_or_default();
        if (table.len() as u64) < least {
            let message = format!("{} is empty", wording::table(path));
            let help = format!("write at least {least} table below it, such as `[{}.general]`", path);
            self.report(Finding::new(path.clone(), message, help));
        }
        Verdict::Fits
    }

    /// One entry of a table: a known property, a name of the user's choice, or an unknown key.
    fn entry(&mut self, table: &mut Table, key: &str, schema: &'s Schema, path: &KeyPath) -> Verdict {
        let Some(node) = table.get_mut(key) else { return Verdict::Fits };
        let below = path.key(key);
        if let Some(property) = property(schema, key) {
            return self.value(node, property, &below);
        }
        match schema.get("additionalProperties") {
            Some(Json::Bool(false)) => {
                let known: Vec<&str> = schema
                    .get("properties")
                    .and_then(Json::as_object)
                    .map(|properties| properties.keys().map(String::as_str).collect())
                    .unwrap_or_default();
                self.report(unknown_key(path, key, &known))
            }
            Some(Json::Object(others)) => {
                if let Some(form) =
                    schema.get("propertyNames").and_then(|names| names.get("format")?.as_str())
                    && let Err(malformed) = format::check(form, key)
                {
                    let message = format!("the name `{key}` is not {}", malformed.expected);
                    self.report(Finding::new(below.clone(), message, malformed.help).at_key());
                }
                self.value(node, others, &below)
            }
            _ => Verdict::Fits,
        }
    }

    fn missing(&mut self, key: &str, schema: &'s Schema, path: &KeyPath) {
        let resolved = self.resolve(schema);
        let described =
            |schema: &Schema| schema.get("description").and_then(Json::as_str).map(first_sentence);
        let purpose = described(schema).or_else(|| described(resolved)).unwrap_or_default();
        let example = resolved.get("examples").and_then(|examples| examples.get(0));
        let add = match example {
            Some(example) => format!("add `{key} = {example}`"),
            None if type_of(resolved) == "object" => format!("add the table `[{}]`", path.key(key)),
            None => format!("add `{key}`"),
        };
        let message = format!("`{key}` is missing from {}", wording::table(path));
        self.report(Finding::new(path.clone(), message, format!("{add}: {purpose}")));
    }

    /// Puts a value that fits under `key`, so that the rest can be looked at.
    fn stand_in(&self, table: &mut Table, key: &str, schema: &'s Schema) {
        table.insert(key.to_owned(), Node::standing_in(&self.fitting(schema), Default::default()));
    }

    /// A value that fits `schema`.
    fn fitting(&self, schema: &'s Schema) -> Json {
        let schema = self.resolve(schema);
        let example = schema.get("examples").and_then(|examples| examples.get(0));
        if let Some(value) = example.or_else(|| schema.get("default")).or_else(|| schema.get("const")) {
            return value.clone();
        }
        let branches = schema.get("oneOf").or_else(|| schema.get("anyOf"));
        if let Some(branch) = branches.and_then(|branches| branches.get(0)?.as_object()) {
            return self.fitting(branch);
        }
        match type_of(schema) {
            "object" => required_of(schema)
                .into_iter()
                .filter_map(|key| Some((key.to_owned(), self.fitting(property(schema, key)?))))
                .collect::<Map<_, _>>()
                .into(),
            "array" => Json::Array(Vec::new()),
            "integer" => schema.get("minimum").cloned().unwrap_or_else(|| 0.into()),
            "number" => 0.into(),
            "boolean" => false.into(),
            _ => "stand-in".into(),
        }
    }

    fn array(&mut self, items: &mut [Node], schema: &'s Schema, path: &KeyPath) -> Verdict {
        let limit = |keyword: &str| schema.get(keyword).and_then(Json::as_u64);
        let count = items.len() as u64;
        if limit("minItems").is_some_and(|least| count < least) {
            let message = format!("{} is empty", wording::key(path));
            return self.report(Finding::new(path.clone(), message, "write at least one entry"));
        }
        if let Some(most) = limit("maxItems").filter(|most| count > *most) {
            let message = format!("{} has {count} entries", wording::key(path));
            return self.report(Finding::new(path.clone(), message, format!("write at most {most}")));
        }
        if schema.get("uniqueItems") == Some(&Json::Bool(true)) {
            self.unique(items, path);
        }
        if let Some(item_schema) = schema.get("items").and_then(Json::as_object) {
            for (index, item) in items.iter_mut().enumerate() {
                let below = path.index(index);
                if self.value(item, item_schema, &below) == Verdict::Misfit {
                    *item = Node::standing_in(&self.fitting(item_schema), item.origin.clone());
                    self.mended.push(below);
                }
            }
        }
        Verdict::Fits
    }

    fn unique(&mut self, items: &[Node], path: &KeyPath) {
        for (index, item) in items.iter().enumerate() {
            if let Some(first) = items[..index].iter().position(|earlier| earlier.to_json() == item.to_json())
            {
                let message = format!("{} names {} twice", wording::key(path), item.to_json());
                let finding = Finding::new(path.index(index), message, "remove one of the two");
                self.report(finding.because(path.index(first), "the first"));
            }
        }
    }

    fn text(&mut self, text: &str, schema: &'s Schema, path: &KeyPath) -> Verdict {
        let limit = |keyword: &str| schema.get(keyword).and_then(Json::as_u64);
        let length = text.chars().count() as u64;
        let form = schema.get("format").and_then(Json::as_str).unwrap_or_default();
        let checked = format::check(form, text);
        if text.is_empty() && (checked.is_err() || limit("minLength").is_some_and(|least| least > 0)) {
            let message = format!("{} is empty", wording::key(path));
            return self.report(Finding::new(path.clone(), message, "write a value, or remove the line"));
        }
        if let Some(most) = limit("maxLength").filter(|most| length > *most) {
            let message = format!("{} has {length} characters", wording::key(path));
            return self.report(Finding::new(path.clone(), message, format!("use at most {most}")));
        }
        match checked {
            Ok(()) => Verdict::Fits,
            Err(malformed) => {
                let message = format!("`{text}` is not {}", malformed.expected);
                self.report(Finding::new(path.clone(), message, malformed.help))
            }
        }
    }

    fn number(&mut self, number: i64, schema: &'s Schema, path: &KeyPath) -> Verdict {
        let limit = |keyword: &str| schema.get(keyword).and_then(Json::as_i64);
        let (least, most) = (limit("minimum"), limit("maximum"));
        if least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most) {
            return Verdict::Fits;
        }
        let message = format!("{} is {number}, out of range", wording::key(path));
        let help = match (least, most) {
            (Some(least), Some(most)) => format!("write a number from {least} to {most}"),
            (Some(least), None) => format!("write a number of at least {least}"),
            (None, _) => "write a smaller number".to_owned(),
        };
        self.report(Finding::new(path.clone(), message, help))
    }
}

fn property<'s>(schema: &'s Schema, key: &str) -> Option<&'s Schema> {
    schema.get("properties")?.get(key)?.as_object()
}

fn required_of(schema: &Schema) -> Vec<&str> {
    let required = schema.get("required").and_then(Json::as_array);
    required.map(|keys| keys.iter().filter_map(Json::as_str).collect()).unwrap_or_default()
}

/// The type that a schema asks for, nothing if it asks for none.
fn type_of(schema: &Schema) -> &str {
    schema.get("type").and_then(Json::as_str).unwrap_or_default()
}

fn has_type(node: &Node, expected: &str) -> bool {
    match expected {
        "string" => matches!(node.value, Value::Text(_)),
        "integer" => matches!(node.value, Value::Integer(_)),
        "number" => matches!(node.value, Value::Integer(_) | Value::Float(_)),
        "boolean" => matches!(node.value, Value::Boolean(_)),
        "array" => matches!(node.value, Value::Array(_)),
        "object" => matches!(node.value, Value::Table(_)),
        _ => true,
    }
}

/// The property that tells the branches of a choice apart: in each of them a constant.
fn tag_of<'s>(branches: &[&'s Schema]) -> Option<&'s str> {
    let properties = branches.first()?.get("properties")?.as_object()?;
    let (tag, _) = properties.iter().find(|(_, property)| property.get("const").is_some())?;
    Some(tag)
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    match text.find(". ") {
        Some(end) => text[..end].to_owned(),
        None => text.trim_end_matches('.').to_owned(),
    }
}
