//! Who owns which field: server-side apply, and what other writes do to ownership.
//!
//! Rules: <https://kubernetes.io/docs/reference/using-api/server-side-apply/>. An apply that would change a field of
//! another manager is refused unless forced; a field that its manager no longer sends disappears unless somebody else
//! owns it too; every other write takes the fields that it changes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::field_set::FieldSet;
use super::object::{items, rfc3339, text};
use super::status::{Cause, Refusal};
use super::topology::{Place, Topology};

/// Who writes, and how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Writer<'a> {
    /// `fieldManager` of the request.
    pub manager: &'a str,
    /// `apiVersion` of the object as it was sent.
    pub api_version: &'a str,
    /// `status`, or empty.
    pub subresource: &'a str,
    /// When.
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    manager: String,
    operation: String,
    api_version: String,
    subresource: String,
    time: String,
    fields: FieldSet,
}

impl Entry {
    fn new(writer: &Writer<'_>, operation: &str, fields: FieldSet) -> Self {
        Self {
            manager: writer.manager.to_owned(),
            operation: operation.to_owned(),
            api_version: writer.api_version.to_owned(),
            subresource: writer.subresource.to_owned(),
            time: rfc3339(writer.at),
            fields,
        }
    }

    fn is_of(&self, writer: &Writer<'_>, operation: &str) -> bool {
        self.manager == writer.manager
            && self.operation == operation
            && self.subresource == writer.subresource
    }

    fn from_json(entry: &Value) -> Self {
        Self {
            manager: text(entry, "/manager").to_owned(),
            operation: text(entry, "/operation").to_owned(),
            api_version: text(entry, "/apiVersion").to_owned(),
            subresource: text(entry, "/subresource").to_owned(),
            time: text(entry, "/time").to_owned(),
            fields: FieldSet::from_fields_v1(&entry["fieldsV1"]),
        }
    }

    fn to_json(&self) -> Value {
        let mut entry = json!({
            "manager": self.manager, "operation": self.operation, "apiVersion": self.api_version,
            "time": self.time, "fieldsType": "FieldsV1", "fieldsV1": self.fields.to_fields_v1(),
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }

    fn description(&self) -> String {
        let mut description = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            description.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        description.push_str(&format!(" using {}", self.api_version));
        if self.operation == "Update" {
            description.push_str(&format!(" at {}", self.time));
        }
        description
    }
}

fn entries_of(object: &Value) -> Vec<Entry> {
    items(object, "/metadata/managedFields").iter().map(Entry::from_json).collect()
}

fn store_entries(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| {
        (&a.operation, &a.time, &a.manager, &a.subresource).cmp(&(
            &b.operation,
            &b.time,
            &b.manager,
            &b.subresource,
        ))
    });
    if entries.is_empty() {
        super::object::remove(object, "/metadata", "managedFields");
    } else {
        super::object::set(
            object,
            &["metadata", "managedFields"],
            entries.iter().map(Entry::to_json).collect::<Vec<_>>(),
        );
    }
}

/// Lays an applied object over the live one, refusing conflicts unless `force`.
///
/// The result carries the new `managedFields`; the writer's entry keeps its time when nothing changes.
pub(super) fn apply(
    topology: Topology<'_>,
    live: &Value,
    applied: &Value,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, Refusal> {
    let sent = FieldSet::of(topology, applied);
    let mut entries = entries_of(live);
    let mine =
        entries.iter().position(|entry| entry.is_of(writer, "Apply")).map(|index| entries.remove(index));
    let before = mine.as_ref().map(|entry| entry.fields.clone()).unwrap_or_default();

    let mut merged = topology.merge(Place::ROOT, live, applied);
    let kept = entries.iter().fold(sent.clone(), |kept, entry| kept.union(&entry.fields));
    before.difference(&sent).remove_from(topology, &mut merged, &kept);

    let (changed, _) = FieldSet::changes(topology, live, &merged);
    let conflicts: Vec<(usize, FieldSet)> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| (index, entry.fields.intersection(&changed)))
        .filter(|(_, common)| !common.is_empty())
        .collect();
    if !conflicts.is_empty() && !force {
        return Err(refuse(&entries, &conflicts));
    }
    for (index, common) in conflicts {
        entries[index].fields = entries[index].fields.difference(&common);
    }
    let unchanged_since =
        mine.filter(|entry| entry.fields == sent && entry.api_version == writer.api_version);
    let mut own = Entry::new(writer, "Apply", sent);
    if let Some(entry) = unchanged_since {
        own.time = entry.time;
    }
    entries.push(own);
    store_entries(&mut merged, entries);
    Ok(merged)
}

fn refuse(entries: &[Entry], conflicts: &[(usize, FieldSet)]) -> Refusal {
    let mut causes = Vec::new();
    let mut by_manager = Vec::new();
    for (index, common) in conflicts {
        let description = entries[*index].description();
        let paths = common.paths();
        let listed = match paths.as_slice() {
            [only] => format!("conflict with {description}: {only}"),
            several => format!("conflicts with {description}:\n- {}", several.join("\n- ")),
        };
        by_manager.push(listed);
        causes.extend(paths.into_iter().map(|field| Cause {
            reason: "FieldManagerConflict",
            message: format!("conflict with {description}"),
            field,
        }));
    }
    let count = causes.len();
    let noun = if count == 1 { "conflict" } else { "conflicts" };
    let message = format!("Apply failed with {count} {noun}: {}", by_manager.join("\n"));
    Refusal::apply_conflict(message, &causes)
}

/// Marks the writer's apply as made just now, after it turned out to change the object.
pub(super) fn touch(object: &mut Value, writer: &Writer<'_>, operation: &str) {
    let mut entries = entries_of(object);
    for entry in entries.iter_mut().filter(|entry| entry.is_of(writer, operation)) {
        entry.time = rfc3339(writer.at);
    }
    store_entries(object, entries);
}

/// Gives the writer what a create, an update or a patch of another kind changed, and takes it from everybody else.
pub(super) fn take(topology: Topology<'_>, live: &Value, updated: &mut Value, writer: &Writer<'_>) {
    let (changed, removed) = FieldSet::changes(topology, live, updated);
    let mut entries = entries_of(live);
    for entry in &mut entries {
        entry.fields = entry.fields.difference(&removed);
        if !entry.is_of(writer, "Update") {
            entry.fields = entry.fields.difference(&changed);
        }
    }
    if !changed.is_empty() {
        match entries.iter_mut().find(|entry| entry.is_of(writer, "Update")) {
            Some(entry) => {
                entry.fields = entry.fields.union(&changed);
                entry.time = rfc3339(writer.at);
                entry.api_version = writer.api_version.to_owned();
            }
            None => entries.push(Entry::new(writer, "Update", changed)),
        }
    }
    store_entries(updated, entries);
}
