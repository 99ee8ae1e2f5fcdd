//! A live object reduced to what is managed of it, in the shape of the manifest, so that comparing the two shows just
//! the fields that an apply would change.
//!
//! Of a live object remain: the fields that the manifest sets, and those that we own by server-side apply and that the
//! manifest no longer sets. What others added, and what the server filled in, is left out. Values that the server
//! stores in another form than they were sent appear as they were sent, and items of lists in the manifest's order.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy>

mod defaults;
mod ownership;
mod quantity;

use serde_json::{Map, Value};

use super::secrets;
use ownership::{Ownership, Topology};

/// `live` as it should be compared with `desired`.
pub(super) fn project(desired: &Value, live: &Value) -> Value {
    let position = Position { ownership: Ownership::of(live), quantities: false };
    let mut projected = value(desired, live, position);
    if secrets::is_secret(desired) {
        secrets::without_fingerprints(&mut projected);
    }
    projected
}

/// Where in an object the projection is.
#[derive(Clone)]
struct Position<'a> {
    ownership: Ownership<'a>,
    /// Whether the texts here are quantities.
    quantities: bool,
}

impl<'a> Position<'a> {
    fn field(&self, name: &str) -> Self {
        let quantities = self.quantities || quantity::stands_in(name);
        Self { ownership: self.ownership.field(name), quantities }
    }

    fn of_item(&self, ownership: Ownership<'a>) -> Self {
        Self { ownership, quantities: self.quantities }
    }
}

fn value(desired: &Value, live: &Value, position: Position<'_>) -> Value {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => object(desired, live, &position),
        (Value::Array(desired), Value::Array(live)) => list(desired, live, &position),
        (desired, live) if is_equal(desired, live, position.quantities) => desired.clone(),
        (_, live) => live.clone(),
    }
}

fn object(desired: &Map<String, Value>, live: &Map<String, Value>, position: &Position<'_>) -> Value {
    let mut out = Map::new();
    for (name, wanted) in desired {
        match live.get(name).filter(|live| !live.is_null()) {
            Some(live) => _ = out.insert(name.clone(), value(wanted, live, position.field(name))),
            // The server leaves a field with the value that an absent one means out.
            None if is_zero(wanted) => _ = out.insert(name.clone(), wanted.clone()),
            None => {}
        }
    }
    for (name, present) in live.iter().filter(|(name, _)| !desired.contains_key(*name)) {
        let remains = match position.ownership.field(name) {
            field if field.is_partial() => owned_part(present, &field),
            field if field.is_whole() && !defaults::is_default(name, present) => present.clone(),
            _ => continue,
        };
        out.insert(name.clone(), remains);
    }
    Value::Object(out)
}

/// What we own of a value that is not desired.
fn owned_part(live: &Value, ownership: &Ownership<'_>) -> Value {
    match live {
        _ if ownership.is_whole() => live.clone(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name, field, ownership.field(name)))
            .filter(|(_, _, field)| field.is_ours())
            .map(|(name, present, field)| (name.clone(), owned_part(present, &field)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| (item, ownership.item(item)))
            .filter(|(_, owned)| owned.is_ours())
            .map(|(item, owned)| owned_part(item, &owned))
            .collect(),
        scalar => scalar.clone(),
    }
}

fn list(desired: &[Value], live: &[Value], position: &Position<'_>) -> Value {
    match position.ownership.topology() {
        Topology::ByKey(keys) if desired.iter().all(Value::is_object) => {
            list_by_key(desired, live, &keys, position)
        }
        Topology::Set => set(desired, live, position),
        _ => atomic(desired, live, position),
    }
}

/// A list whose items have an identity: at each position of the desired list the live item of the same key, then the
/// items that we own and no longer desire.
fn list_by_key(desired: &[Value], live: &[Value], keys: &[String], position: &Position<'_>) -> Value {
    let mut rest: Vec<&Value> = live.iter().collect();
    let mut out = Vec::new();
    for wanted in desired {
        let same =
            |item: &&Value| keys.iter().all(|key| wanted.get(key).is_none_or(|k| item.get(key) == Some(k)));
        match rest.iter().position(same) {
            Some(at) => {
                let item = rest.remove(at);
                out.push(value(wanted, item, position.of_item(position.ownership.item(item))));
            }
            None => out.push(Value::Object(Map::new())),
        }
    }
    for item in rest {
        let owned = position.ownership.item(item);
        if owned.is_ours() {
            out.push(owned_part(item, &owned));
        }
    }
    Value::Array(out)
}

/// A list whose order has no meaning and whose items others may add to.
fn set(desired: &[Value], live: &[Value], position: &Position<'_>) -> Value {
    let present = desired.iter().filter(|wanted| live.contains(wanted));
    let left = live.iter().filter(|item| !desired.contains(item) && position.ownership.item(item).is_ours());
    present.chain(left).cloned().collect()
}

/// A list that has one owner as a whole.
fn atomic(desired: &[Value], live: &[Value], position: &Position<'_>) -> Value {
    let position = position.of_item(Ownership::whole());
    let items = live.iter().enumerate().map(|(index, item)| match desired.get(index) {
        Some(wanted) => value(wanted, item, position.clone()),
        None => item.clone(),
    });
    items.collect()
}

/// Whether two values mean the same.
fn is_equal(desired: &Value, live: &Value, quantities: bool) -> bool {
    match (desired, live) {
        (desired, live) if desired == live => true,
        (Value::String(desired), Value::String(live)) if secrets::is_fingerprint_of(live, desired) => true,
        (Value::Number(desired), Value::Number(live)) => desired.as_f64() == live.as_f64(),
        (Value::String(_) | Value::Number(_), Value::String(_) | Value::Number(_)) => {
            let (desired, live) = (plain(desired), plain(live));
            // Ports and percentages may be numbers or texts.
            desired == live || (quantities && quantity::are_equal(&desired, &live))
        }
        _ => false,
    }
}

fn plain(scalar: &Value) -> String {
    scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned)
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_f64() == Some(0.0),
        Value::String(value) => value.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_zero),
    }
}

#[cfg(test)]
mod tests;
