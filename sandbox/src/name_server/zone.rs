//! The zones of the world, as they are kept: record sets by name and type.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};

use super::WireName;
use super::data::Data;

/// All zones, by their name.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Zones {
    zones: BTreeMap<String, Zone>,
}

impl Zones {
    /// The zone of this name, empty at the beginning.
    pub fn zone(&mut self, name: &WireName) -> &mut Zone {
        self.zones.entry(spelled(name)).or_default()
    }
}

/// What a zone holds beside its own SOA record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Zone {
    /// Counts its changes.
    pub serial: u32,
    /// Its record sets, by name and type: `www.holodeck.example A`.
    sets: BTreeMap<String, Set>,
}

/// All records of one type under one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Set {
    /// Seconds that an answer may be cached.
    pub ttl: u32,
    /// What the records say.
    pub records: BTreeSet<Data>,
}

impl Zone {
    /// The records of type `kind` under `name`.
    pub fn set(&self, name: &WireName, kind: Rtype) -> Option<&Set> {
        self.sets.get(&key(name, kind))
    }

    /// Whether a record stands under `name`.
    pub fn has(&self, name: &WireName) -> bool {
        self.names().any(|known| known == spelled(name))
    }

    /// Whether a record stands under `name`, or below it.
    pub fn reaches(&self, name: &WireName) -> bool {
        let below = format!(".{}", spelled(name));
        self.has(name) || self.names().any(|known| known.ends_with(&below))
    }

    /// Adds a record; nothing happens where an alias and something else would stand side by side (RFC 2136, section
    /// 3.4.2.2).
    pub fn add(&mut self, name: &WireName, ttl: u32, data: Data) {
        let is_alias = matches!(data, Data::Alias(_));
        let alias = self.set(name, Rtype::CNAME).is_some();
        if is_alias != alias && self.has(name) {
            return;
        }
        let set = self.sets.entry(key(name, data.kind())).or_default();
        if is_alias {
            set.records.clear();
        }
        set.ttl = ttl;
        set.records.insert(data);
    }

    /// Removes one record.
    pub fn remove(&mut self, name: &WireName, data: &Data) {
        let key = key(name, data.kind());
        if let Some(set) = self.sets.get_mut(&key) {
            set.records.remove(data);
            if set.records.is_empty() {
                self.sets.remove(&key);
            }
        }
    }

    /// Removes the records of type `kind` under `name`, or all of them.
    pub fn remove_set(&mut self, name: &WireName, kind: Rtype) {
        let (name, one) = (spelled(name), key(name, kind));
        self.sets.retain(|key, _| match kind {
            Rtype::ANY => name_in(key) != name,
            _ => *key != one,
        });
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(|key| name_in(key))
    }
}

fn key(name: &WireName, kind: Rtype) -> String {
    format!("{} {kind}", spelled(name))
}

fn name_in(key: &str) -> &str {
    key.split(' ').next().unwrap_or_default()
}

/// Names are the same in capitals.
fn spelled(name: &WireName) -> String {
    name.to_string().to_ascii_lowercase()
}
