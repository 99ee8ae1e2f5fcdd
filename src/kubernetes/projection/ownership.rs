//! Which fields of a live object are ours, as the server keeps it in `metadata.managedFields`.
//!
//! Fields are written `f:name`, items of lists by key `k:{"name":"x"}`, items of sets `v:"x"`; `.` stands for the field
//! itself, and an empty object for all below it.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>

use serde_json::{Map, Value};

use crate::kubernetes::FIELD_MANAGER;
use crate::kubernetes::field::{items, text};

type Fields = Map<String, Value>;

/// Ownership at one position of an object.
#[derive(Clone)]
pub(super) struct Ownership<'a> {
    ours: Ours<'a>,
    /// The entries of all managers here, which show how the server merges a list.
    all: Vec<&'a Fields>,
}

#[derive(Clone)]
enum Ours<'a> {
    Nothing,
    Part(&'a Fields),
    Whole,
}

/// How the server merges a list.
pub(super) enum Topology {
    /// Item by item, identified by the values of these fields.
    ByKey(Vec<String>),
    /// Value by value.
    Set,
    /// Not at all: it is replaced.
    Atomic,
}

impl<'a> Ownership<'a> {
    /// The ownership of a live object, at its root.
    pub fn of(live: &'a Value) -> Self {
        let mut all = Vec::new();
        let mut ours = Ours::Nothing;
        for entry in items(live, "/metadata/managedFields") {
            let Some(fields) = entry.get("fieldsV1").and_then(Value::as_object) else { continue };
            if text(entry, "/manager") == FIELD_MANAGER
                && text(entry, "/operation") == "Apply"
                && text(entry, "/subresource").is_empty()
            {
                ours = Ours::Part(fields);
            }
            all.push(fields);
        }
        Self { ours, all }
    }

    /// All below is ours.
    pub fn whole() -> Self {
        Self { ours: Ours::Whole, all: Vec::new() }
    }

    /// Whether something here is ours.
    pub fn is_ours(&self) -> bool {
        !matches!(self.ours, Ours::Nothing)
    }

    /// Whether all here is ours.
    pub fn is_whole(&self) -> bool {
        matches!(self.ours, Ours::Whole)
    }

    /// Whether some of what lies here is ours.
    pub fn is_partial(&self) -> bool {
        matches!(self.ours, Ours::Part(_))
    }

    /// The ownership of a field of the object here.
    pub fn field(&self, name: &str) -> Self {
        self.entry(|fields| fields.get(&format!("f:{name}")))
    }

    /// The ownership of an item of the list here.
    pub fn item(&self, item: &Value) -> Self {
        self.entry(|fields| fields.iter().find(|(path, _)| identifies(path, item)).map(|(_, entry)| entry))
    }

    fn entry(&self, find: impl Fn(&'a Fields) -> Option<&'a Value>) -> Self {
        let found = |fields: &&'a Fields| find(fields).and_then(Value::as_object);
        let all: Vec<&Fields> = self.all.iter().filter_map(found).collect();
        let ours = match self.ours {
            Ours::Whole => Ours::Whole,
            Ours::Nothing => Ours::Nothing,
            Ours::Part(fields) => match found(&fields) {
                None => Ours::Nothing,
                // Where others own single entries, ours is not the whole but an empty map or list that was applied.
                Some(below) if below.is_empty() && all.iter().all(|others| others.is_empty()) => Ours::Whole,
                Some(below) => Ours::Part(below),
            },
        };
        Self { ours, all }
    }

    /// How the list here is merged.
    pub fn topology(&self) -> Topology {
        for path in self.all.iter().flat_map(|fields| fields.keys()) {
            if let Some(key) = key_of(path) {
                return Topology::ByKey(key.keys().cloned().collect());
            }
            if path.starts_with("v:") {
                return Topology::Set;
            }
        }
        Topology::Atomic
    }
}

fn key_of(path: &str) -> Option<Fields> {
    serde_json::from_str(path.strip_prefix("k:")?).ok()
}

/// Whether a path element means the item.
fn identifies(path: &str, item: &Value) -> bool {
    if let Some(key) = key_of(path) {
        return key.iter().all(|(name, value)| item.get(name) == Some(value));
    }
    let value = path.strip_prefix("v:").and_then(|value| serde_json::from_str::<Value>(value).ok());
    value.is_some_and(|value| value == *item)
}
