//! The environment reference, `docs/environment.md`, is made from the JSON Schema and never written by hand.
//!
//! Invariant: the committed file is what the schema gives. `make docs` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use holodeck_bootstrap::environment;
use serde_json::Value;

const HEAD: &str = "\
# Environment reference

<!-- Made from the schema by `make docs`; do not edit. -->

Every key of an environment file. `holodeck-bootstrap schema` prints the same as a JSON Schema, which editors use to
complete and check; `holodeck-bootstrap validate` checks files with all rules, also those between keys. Files are
[TOML](https://toml.io/en/v1.0.0). *Required* means required of the whole environment, files that it extends included.
";

#[test]
#[expect(clippy::disallowed_methods, reason = "`make docs` asks in this way for the file to be written")]
fn the_committed_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/environment.md");
    let made = Reference::of(&environment::schema());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).expect("docs/environment.md can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let stale = committed.lines().zip(made.lines()).find(|(committed, made)| committed != made);
    assert_eq!(stale, None, "docs/environment.md is stale: run `make docs`");
    assert!(committed == made, "docs/environment.md is stale: run `make docs`");
}

/// The reference being written: one section a table of the file, those within it after it.
struct Reference<'a> {
    schema: &'a Value,
    /// The table that describes each named type, so that a second one only refers to it.
    described: BTreeMap<&'a str, String>,
    text: String,
}

impl<'a> Reference<'a> {
    fn of(schema: &'a Value) -> String {
        let mut reference = Self { schema, described: BTreeMap::new(), text: HEAD.to_owned() };
        reference.section("Top level", "", schema);
        reference.text
    }

    /// The definition that a schema refers to, or the schema itself, with the definition's name.
    fn definition(&self, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        (name, name.map_or(schema, |name| &self.schema["$defs"][name]))
    }

    /// The tables that a value may be: one with keys of its own, or several that are told apart by their `kind`.
    fn tables(&self, path: &str, schema: &'a Value) -> Vec<Table<'a>> {
        let (name, definition) = self.definition(schema);
        if definition["properties"].is_object() {
            let kind = definition["properties"]["kind"]["const"].as_str();
            return vec![Table { path: path.to_owned(), kind, name, schema: definition }];
        }
        if definition["additionalProperties"].is_object() {
            return self.tables(&format!("{path}.<name>"), &definition["additionalProperties"]);
        }
        if definition["items"].is_object() {
            return self.tables(&format!("{path}[]"), &definition["items"]);
        }
        let branches = definition["anyOf"].as_array().into_iter().flatten();
        let tables = branches.flat_map(|branch| self.tables(path, branch));
        tables.filter(|table| table.kind.is_some() || !is_single_key(table.schema)).collect()
    }

    fn section(&mut self, title: &str, path: &str, schema: &'a Value) {
        _ = writeln!(self.text, "\n## {title}\n\n{}\n", line(&schema["description"]));
        let Some(properties) = schema["properties"].as_object() else { return };
        self.text.push_str("| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
        let required: Vec<&str> = schema["x-required"]
            .as_array()
            .map_or(Vec::new(), |required| required.iter().filter_map(Value::as_str).collect());
        let mut new = Vec::new();
        for (key, property) in properties {
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let tables = self.tables(&below, property);
            let default = self.default(property, required.contains(&key.as_str()), !tables.is_empty());
            let links: Vec<String> = tables.iter().map(|table| self.link(table)).collect();
            let kind = self.kind(property, &links);
            let meaning = self.meaning(property);
            _ = writeln!(self.text, "| `{key}` | {kind} | {default} | {meaning} |");
            for table in tables {
                if table.name.is_none_or(|name| !self.described.contains_key(name)) {
                    table.name.map(|name| self.described.insert(name, table.path.clone()));
                    new.push(table);
                }
            }
        }
        for table in new {
            self.section(&table.title(), &table.path, table.schema);
        }
    }

    /// A link to where a table is described.
    fn link(&self, table: &Table<'a>) -> String {
        let path = table.name.and_then(|name| self.described.get(name)).unwrap_or(&table.path);
        match table.kind {
            None => format!("[`{}`](#{})", bracketed(path), anchor(path)),
            Some(kind) => format!("[of kind `{kind}`](#{}-of-kind-{kind})", anchor(path)),
        }
    }

    fn default(&self, property: &Value, is_required: bool, is_table: bool) -> String {
        match (&property["default"], is_required) {
            (_, true) => "*required*".to_owned(),
            (Value::Null, false) => "none".to_owned(),
            (_, false) if is_table => "see there".to_owned(),
            (default, false) => format!("`{}`", toml(default)),
        }
    }

    /// The type of a value; `links` lead to the tables that it is or contains.
    fn kind(&self, property: &'a Value, links: &[String]) -> String {
        let (_, schema) = self.definition(property);
        if let Some(branches) = schema["anyOf"].as_array() {
            let texts = branches.iter().filter_map(alternative);
            return texts.chain(links.iter().cloned()).collect::<Vec<_>>().join(" or ");
        }
        if let [link] = links {
            return if schema["items"].is_object() { format!("list of {link}") } else { link.clone() };
        }
        match schema["type"].as_str().unwrap_or("any") {
            "array" => match self.kind(&schema["items"], &[]) {
                plain if !plain.contains('`') => format!("list of {plain}s"),
                choice => format!("list of {choice}"),
            },
            "object" if schema["additionalProperties"].is_object() => "table of strings".to_owned(),
            "object" => "table".to_owned(),
            "integer" => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
                (Some(least), Some(most)) => format!("integer, {least} to {most}"),
                _ => "integer".to_owned(),
            },
            "string" if schema["const"].is_string() => format!("`{}`", schema["const"]),
            "string" => format_name(schema["format"].as_str()).to_owned(),
            other => other.to_owned(),
        }
    }

    /// What a key means; where a choice is given, what each value means.
    fn meaning(&self, property: &'a Value) -> String {
        let (_, schema) = self.definition(property);
        let items = self.definition(&schema["items"]).1;
        let mut text = line(&property["description"]);
        let branches = schema["anyOf"].as_array().or_else(|| items["anyOf"].as_array());
        for branch in branches.into_iter().flatten() {
            if let Some(value) = alternative(branch) {
                _ = write!(text, "<br>{value}: {}", line(&branch["description"]));
            }
        }
        if let Some(example) = property["examples"].get(0) {
            _ = write!(text, "<br>Example: `{}`", toml(example));
        }
        text
    }
}

/// A table of the file.
struct Table<'a> {
    /// Where it stands.
    path: String,
    /// What tells it from others that may stand there.
    kind: Option<&'a str>,
    /// The name of its type, if it has one.
    name: Option<&'a str>,
    schema: &'a Value,
}

impl Table<'_> {
    fn title(&self) -> String {
        match self.kind {
            None => format!("`{}`", bracketed(&self.path)),
            Some(kind) => format!("`{}` of kind `{kind}`", bracketed(&self.path)),
        }
    }
}

/// One of several values: a fixed string, or a table with a single key, as in `{ env = "…" }`.
fn alternative(branch: &Value) -> Option<String> {
    if let Some(value) = branch["const"].as_str() {
        return Some(format!("`\"{value}\"`"));
    }
    let key = branch["properties"].as_object().filter(|_| is_single_key(branch))?.keys().next()?;
    if key == "kind" {
        return None;
    }
    Some(format!("`{{ {key} = \"…\" }}`"))
}

fn is_single_key(table: &Value) -> bool {
    table["properties"].as_object().is_some_and(|keys| keys.len() == 1) && table["required"].is_array()
}

fn format_name(format: Option<&str>) -> &str {
    match format {
        Some("dns-label") => "DNS label",
        Some("dns-name") => "DNS name",
        Some("ipv4-cidr") => "IPv4 network",
        Some("cron") => "cron schedule",
        Some("email") => "mail address",
        Some("sha256-digest") => "SHA-256 digest",
        _ => "string",
    }
}

/// A description as one line of a Markdown table.
fn line(description: &Value) -> String {
    description
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn toml(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A table's path as TOML writes it: in double brackets where the table is one of a list.
fn bracketed(path: &str) -> String {
    match path.strip_suffix("[]") {
        Some(list) => format!("[[{list}]]"),
        None => format!("[{path}]"),
    }
}

/// The anchor that Markdown renderers give a heading: lower case, without punctuation.
fn anchor(path: &str) -> String {
    path.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect::<String>().to_lowercase()
}
