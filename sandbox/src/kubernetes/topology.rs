//! Which parts of an object are merged piece by piece and which are replaced whole.
//!
//! The API declares it with `x-kubernetes-list-type`, `x-kubernetes-list-map-keys` and `x-kubernetes-map-type`
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy>). This is the part of those
//! declarations that matters for the built-in kinds in use; in custom resources lists are atomic and maps granular.

use serde_json::{Map, Value, json};

/// A key of an associative list and the value it takes where an item leaves it out.
type Key = (&'static str, Option<&'static str>);

/// How the items of a list are told apart.
enum ListShape {
    /// Replaced whole.
    Atomic,
    /// A set of scalars.
    Set,
    /// Items identified by these fields.
    Keyed(&'static [Key]),
}

/// A place within an object: the field's name and that of the field which holds it, list items aside.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    parent: &'a str,
    name: &'a str,
}

impl<'a> Place<'a> {
    /// The object itself.
    pub const ROOT: Place<'static> = Place { parent: "", name: "" };

    /// The place of the part that a path element names.
    pub fn child(self, element: &'a str) -> Place<'a> {
        match element.strip_prefix("f:") {
            Some(name) => Place { parent: self.name, name },
            None => self,
        }
    }
}

/// The merge declarations of one kind.
#[derive(Clone, Copy)]
pub(super) struct Topology<'a> {
    kind: &'a str,
    built_in: bool,
}

const NAME: &[Key] = &[("name", None)];

impl<'a> Topology<'a> {
    /// Declarations of a kind; those of kinds that are not built in come down to the metadata.
    pub fn new(kind: &'a str, built_in: bool) -> Self {
        Self { kind, built_in }
    }

    fn list(self, place: Place<'_>) -> ListShape {
        match (place.parent, place.name) {
            ("metadata", "finalizers") => return ListShape::Set,
            ("metadata", "ownerReferences") => return ListShape::Keyed(&[("uid", None)]),
            _ if !self.built_in => return ListShape::Atomic,
            _ => {}
        }
        match (place.parent, place.name) {
            (
                "spec",
                "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "imagePullSecrets",
            )
            | ("containers" | "initContainers", "env")
            | ("", "webhooks" | "secrets") => ListShape::Keyed(NAME),
            ("spec", "ports") if self.kind == "Service" => {
                ListShape::Keyed(&[("port", None), ("protocol", Some("TCP"))])
            }
            ("containers" | "initContainers", "ports") => {
                ListShape::Keyed(&[("containerPort", None), ("protocol", Some("TCP"))])
            }
            ("containers" | "initContainers", "volumeMounts") => ListShape::Keyed(&[("mountPath", None)]),
            ("containers" | "initContainers", "volumeDevices") => ListShape::Keyed(&[("devicePath", None)]),
            ("spec", "hostAliases") => ListShape::Keyed(&[("ip", None)]),
            ("spec", "topologySpreadConstraints") => {
                ListShape::Keyed(&[("topologyKey", None), ("whenUnsatisfiable", None)])
            }
            ("status", "conditions") => ListShape::Keyed(&[("type", None)]),
            _ => ListShape::Atomic,
        }
    }

    fn is_atomic_map(self, place: Place<'_>) -> bool {
        self.built_in
            && matches!(
                place.name,
                "selector"
                    | "labelSelector"
                    | "podSelector"
                    | "namespaceSelector"
                    | "objectSelector"
                    | "nodeSelector"
                    | "roleRef"
                    | "scaleTargetRef"
                    | "secretKeyRef"
                    | "configMapKeyRef"
                    | "fieldRef"
                    | "resourceFieldRef"
                    | "claimRef"
                    | "dataSource"
            )
    }

    /// The parts of a value by path element, or none where it is a leaf: a scalar, or replaced whole.
    pub fn parts<'v>(self, place: Place<'_>, value: &'v Value) -> Option<Vec<(String, &'v Value)>> {
        match value {
            Value::Object(map) if !self.is_atomic_map(place) => {
                Some(map.iter().map(|(name, member)| (format!("f:{name}"), member)).collect())
            }
            Value::Array(list) => match self.list(place) {
                ListShape::Atomic => None,
                ListShape::Set => Some(list.iter().map(|item| (format!("v:{item}"), item)).collect()),
                ListShape::Keyed(keys) => {
                    Some(list.iter().map(|item| (key_element(keys, item), item)).collect())
                }
            },
            _ => None,
        }
    }

    /// Lays an applied value over a live one.
    pub fn merge(self, place: Place<'_>, live: &Value, applied: &Value) -> Value {
        let (Some(old), Some(new)) = (self.parts(place, live), self.parts(place, applied)) else {
            return applied.clone();
        };
        let merged = |element: &str, value: &Value| match old.iter().find(|(existing, _)| existing == element)
        {
            Some((_, below)) => self.merge(place.child(element), below, value),
            None => value.clone(),
        };
        match (live, applied) {
            (Value::Object(live), Value::Object(applied)) => {
                let mut result = live.clone();
                for (name, value) in applied {
                    result.insert(name.clone(), merged(&format!("f:{name}"), value));
                }
                Value::Object(result)
            }
            (Value::Array(_), Value::Array(_)) => {
                let mut result: Vec<(&str, Value)> =
                    new.iter().map(|(element, value)| (element.as_str(), merged(element, value))).collect();
                let mut previous: Option<&str> = None;
                for (element, value) in &old {
                    if result.iter().all(|(existing, _)| existing != element) {
                        let after =
                            previous.and_then(|p| result.iter().position(|(existing, _)| *existing == p));
                        result.insert(after.map_or(0, |index| index + 1), (element, (*value).clone()));
                    }
                    previous = Some(element);
                }
                Value::Array(result.into_iter().map(|(_, value)| value).collect())
            }
            _ => applied.clone(),
        }
    }

    /// Keeps the members of a map or the items of a list that the closure keeps, which may change them.
    pub fn retain(self, place: Place<'_>, value: &mut Value, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        let Some(elements) = self
            .parts(place, value)
            .map(|parts| parts.into_iter().map(|(element, _)| element).collect::<Vec<_>>())
        else {
            return;
        };
        match value {
            Value::Object(map) => {
                map.retain(|name, member| keep(&format!("f:{name}"), member));
            }
            Value::Array(list) => {
                let mut elements = elements.iter();
                list.retain_mut(|item| elements.next().is_none_or(|element| keep(element, item)));
            }
            _ => {}
        }
    }
}

fn key_element(keys: &[Key], item: &Value) -> String {
    let fields: Map<String, Value> = keys
        .iter()
        .filter_map(|(name, default)| {
            let value = item.get(*name).cloned().or_else(|| default.map(|value| json!(value)))?;
            Some(((*name).to_owned(), value))
        })
        .collect();
    format!("k:{}", Value::Object(fields))
}
