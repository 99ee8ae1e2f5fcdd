//! Reading and writing the fields that every Kubernetes object has, on plain JSON.
//!
//! Invariant: times are written in the API's format, RFC 3339 in UTC with whole seconds
//! (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/>), so everything that the
//! controllers derive from a stored time survives a round trip through the store.

use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

/// The string at a JSON pointer, empty where there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The items of the list at a JSON pointer, none where there is no list.
pub(super) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The map at a JSON pointer, if there is one.
pub(super) fn map<'a>(object: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    object.pointer(pointer).and_then(Value::as_object)
}

/// The whole number at a JSON pointer.
pub(super) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// The instant at a JSON pointer.
pub(super) fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    object.pointer(pointer).and_then(Value::as_str).and_then(|text| text.parse().ok())
}

/// `metadata.name`.
pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`, empty for objects of the cluster.
pub(super) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether the object waits for its finalizers.
pub(super) fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// An instant as the API writes it.
pub(super) fn rfc3339(at: Timestamp) -> String {
    at.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Trunc))
        .unwrap_or(at)
        .to_string()
}

/// The member `key` of a map, which becomes a map where it is none.
pub(super) fn entry<'a>(object: &'a mut Value, key: &str) -> &'a mut Value {
    if !object.is_object() {
        *object = json!({});
    }
    &mut object[key]
}

/// Sets a field below nested maps, which are made where they are absent.
pub(super) fn set(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    let mut place = object;
    for name in path {
        place = entry(place, name);
    }
    *place = value.into();
}

/// Sets a field below nested maps unless it has a value already.
pub(super) fn set_default(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    let mut place = object;
    for name in path {
        place = entry(place, name);
    }
    if place.is_null() {
        *place = value.into();
    }
}

/// Removes a member of the map at a JSON pointer.
pub(super) fn remove(object: &mut Value, pointer: &str, key: &str) -> Option<Value> {
    object.pointer_mut(pointer).and_then(Value::as_object_mut).and_then(|map| map.remove(key))
}

/// Removes members that are null, at every depth: the API treats them as absent.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, member| !member.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The condition of a type in `status.conditions`.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

/// Whether the condition of a type is `True`.
pub(super) fn is_condition_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

/// What a condition says.
pub(super) struct Condition<'a> {
    /// Its `type`.
    pub kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// One word in CamelCase.
    pub reason: &'a str,
    /// A sentence for people, may be empty.
    pub message: &'a str,
}

/// Writes a condition; its transition time moves only when its status does.
pub(super) fn set_condition(object: &mut Value, condition: &Condition<'_>, at: Timestamp) {
    let list = entry(entry(object, "status"), "conditions");
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    let position = list.iter().position(|existing| existing["type"] == condition.kind).unwrap_or_else(|| {
        list.push(json!({"type": condition.kind}));
        list.len() - 1
    });
    let existing = &mut list[position];
    if existing["status"] != condition.status {
        existing["status"] = json!(condition.status);
        existing["lastTransitionTime"] = json!(rfc3339(at));
    }
    for (field, value) in [("reason", condition.reason), ("message", condition.message)] {
        if value.is_empty() {
            existing.as_object_mut().and_then(|map| map.remove(field));
        } else {
            existing[field] = json!(value);
        }
    }
}
