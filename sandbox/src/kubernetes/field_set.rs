//! Sets of fields, and their form in `metadata.managedFields`, FieldsV1.
//!
//! A set is a tree of path elements: `f:name` for a field, `k:{…}` for an item of an associative list, `v:…` for an
//! item of a set; `.` says that a part which has parts of its own is itself a member
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::topology::{Place, Topology};

/// A set of fields of one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FieldSet {
    member: bool,
    parts: BTreeMap<String, FieldSet>,
}

/// Fields that no manager owns, because the server or the request's path decides them.
const UNOWNED: &[&str] = &["f:apiVersion", "f:kind"];
const UNOWNED_METADATA: &[&str] = &[
    "f:name",
    "f:namespace",
    "f:uid",
    "f:generation",
    "f:resourceVersion",
    "f:creationTimestamp",
    "f:deletionTimestamp",
    "f:deletionGracePeriodSeconds",
    "f:selfLink",
    "f:managedFields",
];

impl FieldSet {
    fn leaf() -> Self {
        Self { member: true, parts: BTreeMap::new() }
    }

    /// The fields that an object sets, without those that nobody owns.
    pub fn of(topology: Topology<'_>, object: &Value) -> Self {
        Self::of_value(topology, Place::ROOT, object).without_unowned()
    }

    fn of_value(topology: Topology<'_>, place: Place<'_>, value: &Value) -> Self {
        let Some(parts) = topology.parts(place, value).filter(|parts| !parts.is_empty()) else {
            return Self::leaf();
        };
        let mut set = Self::default();
        for (element, below) in parts {
            let mut part = Self::of_value(topology, place.child(&element), below);
            part.member |= !element.starts_with("f:");
            set.parts.insert(element, part);
        }
        set
    }

    fn without_unowned(mut self) -> Self {
        self.parts.retain(|element, _| !UNOWNED.contains(&element.as_str()));
        if let Some(metadata) = self.parts.get_mut("f:metadata") {
            metadata.parts.retain(|element, _| !UNOWNED_METADATA.contains(&element.as_str()));
            if metadata.parts.is_empty() {
                self.parts.remove("f:metadata");
            }
        }
        self
    }

    /// Fields that differ from one object to another: those set anew or changed, and those gone.
    pub fn changes(topology: Topology<'_>, before: &Value, after: &Value) -> (Self, Self) {
        let (mut changed, mut removed) = (Self::default(), Self::default());
        compare(topology, Place::ROOT, before, after, &mut changed, &mut removed);
        (changed.without_unowned(), removed.without_unowned())
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        !self.member && self.parts.is_empty()
    }

    /// Fields in either set.
    pub fn union(&self, other: &Self) -> Self {
        let mut parts = self.parts.clone();
        for (element, part) in &other.parts {
            let united = parts.get(element).map_or_else(|| part.clone(), |existing| existing.union(part));
            parts.insert(element.clone(), united);
        }
        Self { member: self.member || other.member, parts }
    }

    /// Fields in this set and not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        let parts = self.parts.iter().map(|(element, part)| {
            let rest = other.parts.get(element).map_or_else(|| part.clone(), |taken| part.difference(taken));
            (element.clone(), rest)
        });
        Self {
            member: self.member && !other.member,
            parts: parts.filter(|(_, part)| !part.is_empty()).collect(),
        }
    }

    /// Fields in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        let parts = self.parts.iter().filter_map(|(element, part)| {
            let common = part.intersection(other.parts.get(element)?);
            (!common.is_empty()).then(|| (element.clone(), common))
        });
        Self { member: self.member && other.member, parts: parts.collect() }
    }

    /// The paths of the members, as error messages write them: `.spec.containers[name="a"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        if self.member {
            paths.push(prefix.to_owned());
        }
        for (element, part) in &self.parts {
            part.collect_paths(&format!("{prefix}{}", readable(element)), paths);
        }
    }

    /// Takes this set's fields out of a value, except what `kept` holds; maps and lists that become empty go too.
    pub fn remove_from(&self, topology: Topology<'_>, value: &mut Value, kept: &Self) {
        self.remove_at(topology, Place::ROOT, value, kept);
    }

    fn remove_at(&self, topology: Topology<'_>, place: Place<'_>, value: &mut Value, kept: &Self) {
        let nothing = Self::default();
        topology.retain(place, value, |element, below| {
            let Some(part) = self.parts.get(element) else { return true };
            let kept = kept.parts.get(element);
            if part.member && kept.is_none() {
                return false;
            }
            let was_empty = is_hollow(below);
            part.remove_at(topology, place.child(element), below, kept.unwrap_or(&nothing));
            was_empty || !is_hollow(below)
        });
    }

    /// Reads FieldsV1.
    pub fn from_fields_v1(fields: &Value) -> Self {
        let Some(map) = fields.as_object().filter(|map| !map.is_empty()) else { return Self::leaf() };
        let mut set = Self::default();
        for (element, below) in map {
            if element == "." {
                set.member = true;
            } else {
                set.parts.insert(element.clone(), Self::from_fields_v1(below));
            }
        }
        set
    }

    /// Writes FieldsV1.
    pub fn to_fields_v1(&self) -> Value {
        let mut map = Map::new();
        if self.member && !self.parts.is_empty() {
            map.insert(".".to_owned(), json!({}));
        }
        for (element, part) in &self.parts {
            map.insert(element.clone(), part.to_fields_v1());
        }
        Value::Object(map)
    }
}

fn is_hollow(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn compare(
    topology: Topology<'_>,
    place: Place<'_>,
    before: &Value,
    after: &Value,
    changed: &mut FieldSet,
    removed: &mut FieldSet,
) {
    let (Some(old), Some(new)) = (topology.parts(place, before), topology.parts(place, after)) else {
        changed.member |= before != after;
        return;
    };
    let whole = |element: &str, value: &Value| {
        let mut set = FieldSet::of_value(topology, place.child(element), value);
        set.member = true;
        set
    };
    for (element, value) in &new {
        let Some((_, previous)) = old.iter().find(|(existing, _)| existing == element) else {
            changed.parts.insert(element.clone(), whole(element, value));
            continue;
        };
        let (mut changed_below, mut removed_below) = (FieldSet::default(), FieldSet::default());
        compare(topology, place.child(element), previous, value, &mut changed_below, &mut removed_below);
        for (set, below) in [(&mut *changed, changed_below), (&mut *removed, removed_below)] {
            if !below.is_empty() {
                set.parts.insert(element.clone(), below);
            }
        }
    }
    for (element, value) in &old {
        if new.iter().all(|(existing, _)| existing != element) {
            removed.parts.insert(element.clone(), whole(element, value));
        }
    }
}

fn readable(element: &str) -> String {
    match element.split_at_checked(2) {
        Some(("f:", name)) => format!(".{name}"),
        Some(("k:", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let listed: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", listed.join(","))
        }
        Some((_, value)) => format!("[={value}]"),
        None => element.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "labels": {"x": "1"}, "finalizers": ["f"]},
            "spec": {
                "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}], "args": ["-v"]}],
                "nodeSelector": {"zone": "a"},
                "securityContext": {},
            },
        })
    }

    #[test]
    fn a_set_has_the_form_of_fields_v1() {
        let set = FieldSet::of(Topology::new("Pod", true), &pod());
        let expected = json!({
            "f:metadata": {"f:labels": {"f:x": {}}, "f:finalizers": {"v:\"f\"": {}}},
            "f:spec": {
                "f:containers": {"k:{\"name\":\"c\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                }},
                "f:nodeSelector": {},
                "f:securityContext": {},
            },
        });
        assert_eq!(set.to_fields_v1(), expected);
        assert_eq!(FieldSet::from_fields_v1(&expected), set);
    }

    #[test]
    fn paths_read_as_in_error_messages() {
        let paths = FieldSet::of(Topology::new("Pod", true), &pod()).paths();
        assert!(paths.contains(&".spec.containers[name=\"c\"].image".to_owned()), "{paths:?}");
        assert!(paths.contains(&".metadata.finalizers[=\"f\"]".to_owned()), "{paths:?}");
    }

    #[test]
    fn changes_tell_what_is_new_and_what_is_gone() {
        let before = pod();
        let mut after = pod();
        after["spec"]["containers"][0]["image"] = json!("other");
        after["spec"]["nodeSelector"]["disk"] = json!("fast");
        after["metadata"]["labels"] = json!({"y": "2"});
        let (changed, removed) = FieldSet::changes(Topology::new("Pod", true), &before, &after);
        assert_eq!(
            changed.paths(),
            [".metadata.labels.y", ".spec.containers[name=\"c\"].image", ".spec.nodeSelector"]
        );
        assert_eq!(removed.paths(), [".metadata.labels.x"]);
    }

    #[test]
    fn lists_of_custom_resources_are_leaves() {
        let object = json!({"spec": {"containers": [{"name": "c"}], "selector": {"a": "b"}}});
        let paths = FieldSet::of(Topology::new("Widget", false), &object).paths();
        assert_eq!(paths, [".spec.containers", ".spec.selector.a"]);
    }
}
