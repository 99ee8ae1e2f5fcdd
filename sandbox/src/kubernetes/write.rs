//! Create, update and patch: from a request's body to the object that is stored.
//!
//! Invariant: everything is computed on a copy and checked before it is stored, so a dry run differs from a real one by
//! the storing alone; a write that changes nothing stores nothing.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::apply::{self, Writer};
use super::cluster::{Cluster, key};
use super::defaults;
use super::deletion;
use super::kinds::Resource;
use super::object::{drop_nulls, entry, is_terminating, items, map, name, remove, rfc3339, set, text};
use super::request::{Objects, Request};
use super::status::Refusal;
use super::topology::Topology;
use super::validation;

/// One write of one object.
pub(super) struct Write<'a> {
    /// The resource that the path names.
    pub resource: &'a Resource,
    /// The path.
    pub path: &'a Objects,
    /// The request.
    pub request: &'a Request,
    /// When it happens.
    pub now: Timestamp,
}

type Answer = Result<(StatusCode, Value), Refusal>;

impl Write<'_> {
    fn namespace(&self) -> &str {
        self.path.namespace.as_deref().unwrap_or_default()
    }

    fn topology(&self) -> Topology<'_> {
        Topology::new(&self.resource.kind, self.resource.built_in)
    }

    fn subresource(&self) -> &str {
        self.path.subresource.as_deref().unwrap_or_default()
    }

    fn live<'c>(&self, cluster: &'c Cluster, name: &str) -> Option<&'c Value> {
        cluster.get(&self.resource.group, &self.resource.plural, self.namespace(), name)
    }

    fn writer<'w>(&'w self, api_version: &'w str) -> Writer<'w> {
        Writer { manager: self.request.manager(), api_version, subresource: self.subresource(), at: self.now }
    }

    /// POST: stores a new object.
    pub fn create(&self, cluster: &mut Cluster) -> Answer {
        let mut object = self.body()?;
        if name(&object).is_empty() && !text(&object, "/metadata/generateName").is_empty() {
            let generated = format!("{}{}", text(&object, "/metadata/generateName"), cluster.next_suffix());
            set(&mut object, &["metadata", "name"], generated);
        }
        let name = name(&object).to_owned();
        if self.live(cluster, &name).is_some() {
            return Err(Refusal::already_exists(self.resource, &name));
        }
        let api_version = self.resource.api_version();
        let mut object = self.finish(cluster, None, object)?;
        apply::take(self.topology(), &json!({}), &mut object, &self.writer(&api_version));
        Ok((StatusCode::CREATED, self.insert(cluster, object)))
    }

    /// PUT: replaces an object.
    pub fn update(&self, cluster: &mut Cluster, name: &str) -> Answer {
        let object = self.body()?;
        self.check_name(&object, name)?;
        let live = self.live(cluster, name).ok_or_else(|| Refusal::not_found(self.resource, name))?.clone();
        self.replace(cluster, &live, object)
    }

    /// PATCH: server-side apply or a JSON merge patch, by content type.
    pub fn patch(&self, cluster: &mut Cluster, name: &str) -> Answer {
        match self.request.content_type.as_str() {
            "application/apply-patch+yaml" => self.apply(cluster, name),
            "application/merge-patch+json" => {
                let live =
                    self.live(cluster, name).ok_or_else(|| Refusal::not_found(self.resource, name))?.clone();
                let mut object = live.clone();
                merge_patch(&mut object, &self.request.json()?);
                self.check_name(&object, name)?;
                self.replace(cluster, &live, object)
            }
            other => Err(Refusal::unsupported_media_type(other)),
        }
    }

    fn replace(&self, cluster: &mut Cluster, live: &Value, object: Value) -> Answer {
        self.check_version(&object, live)?;
        let api_version = self.resource.api_version();
        let mut updated = self.finish(cluster, Some(live), object)?;
        apply::take(self.topology(), live, &mut updated, &self.writer(&api_version));
        Ok((StatusCode::OK, self.store(cluster, live, updated)))
    }

    fn apply(&self, cluster: &mut Cluster, name: &str) -> Answer {
        if self.request.parameter("fieldManager").is_none() {
            return Err(Refusal::bad_request(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
        let mut applied = self.body()?;
        self.check_name(&applied, name)?;
        if !items(&applied, "/metadata/managedFields").is_empty() {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        let api_version = self.resource.api_version();
        let writer = self.writer(&api_version);
        let force = self.request.flag("force");
        let Some(live) = self.live(cluster, name).cloned() else {
            if !self.subresource().is_empty() {
                return Err(Refusal::not_found(self.resource, name));
            }
            let object = apply::apply(self.topology(), &json!({}), &applied, &writer, force)?;
            let object = self.finish(cluster, None, object)?;
            return Ok((StatusCode::CREATED, self.insert(cluster, object)));
        };
        self.check_version(&applied, &live)?;
        self.keep_to_subresource(&mut applied);
        let merged = apply::apply(self.topology(), &live, &applied, &writer, force)?;
        let mut updated = self.finish(cluster, Some(&live), merged)?;
        if updated != live {
            apply::touch(&mut updated, &writer, "Apply");
        }
        Ok((StatusCode::OK, self.store(cluster, &live, updated)))
    }

    /// What a writer sends beside the subresource it writes, or within one it does not, is not its own.
    fn keep_to_subresource(&self, applied: &mut Value) {
        let Some(map) = applied.as_object_mut() else { return };
        if self.subresource() == "status" {
            map.retain(|field, _| matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        } else if self.resource.status {
            map.remove("status");
        }
    }

    fn body(&self) -> Result<Value, Refusal> {
        let mut object = self.request.json()?;
        drop_nulls(&mut object);
        let resource = self.resource;
        if !object.is_object() {
            return Err(Refusal::bad_request("the request's body is not an object"));
        }
        for (field, expected) in [("apiVersion", resource.api_version()), ("kind", resource.kind.clone())] {
            let given = text(&object, &format!("/{field}"));
            if given != expected {
                let message = format!(
                    "the {field} in the data ({given}) does not match the expected {field} ({expected})"
                );
                return Err(Refusal::bad_request(message));
            }
        }
        let given = text(&object, "/metadata/namespace");
        if !given.is_empty() && given != self.namespace() {
            let message =
                "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(message));
        }
        Ok(object)
    }

    fn check_name(&self, object: &Value, expected: &str) -> Result<(), Refusal> {
        let given = name(object);
        if given == expected {
            return Ok(());
        }
        let message =
            format!("the name of the object ({given}) does not match the name on the URL ({expected})");
        Err(Refusal::bad_request(message))
    }

    fn check_version(&self, object: &Value, live: &Value) -> Result<(), Refusal> {
        let given = text(object, "/metadata/resourceVersion");
        if given.is_empty() || given == text(live, "/metadata/resourceVersion") {
            return Ok(());
        }
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Err(Refusal::conflict(self.resource, name(live), why))
    }

    /// Completes an object with what the server decides, and checks it.
    fn finish(&self, cluster: &Cluster, live: Option<&Value>, mut object: Value) -> Result<Value, Refusal> {
        if self.subresource() == "status" {
            let written = object.get("status").cloned();
            let managed = object.pointer("/metadata/managedFields").cloned();
            object = live.cloned().unwrap_or_default();
            put_or_remove(&mut object, "status", written);
            put_or_remove(entry(&mut object, "metadata"), "managedFields", managed);
            return Ok(object);
        }
        self.set_metadata(cluster, live, &mut object);
        if self.resource.status {
            put_or_remove(&mut object, "status", live.and_then(|live| live.get("status").cloned()));
        }
        validation::check_place(cluster, self.resource, self.namespace(), live, &object)?;
        validation::check_required(self.resource, &object)?;
        defaults::set_defaults(cluster, self.resource, live, &mut object);
        validation::check_defaulted(self.resource, live, &object)?;
        if self.resource.generation {
            let before = live.and_then(|live| live.pointer("/metadata/generation")).and_then(Value::as_i64);
            let changed = live.is_none_or(|live| desired(live) != desired(&object));
            set(&mut object, &["metadata", "generation"], before.unwrap_or(0) + i64::from(changed));
        }
        Ok(object)
    }

    fn set_metadata(&self, cluster: &Cluster, live: Option<&Value>, object: &mut Value) {
        let metadata = entry(object, "metadata");
        for field in
            ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"]
        {
            put_or_remove(metadata, field, live.and_then(|live| live["metadata"].get(field).cloned()));
        }
        put_or_remove(
            metadata,
            "resourceVersion",
            live.map(|live| live["metadata"]["resourceVersion"].clone()),
        );
        if live.is_none() {
            metadata["uid"] = json!(cluster.next_uid());
            metadata["creationTimestamp"] = json!(rfc3339(self.now));
        }
        if self.resource.namespaced {
            metadata["namespace"] = json!(self.namespace());
        } else {
            remove(object, "/metadata", "namespace");
        }
        for field in ["labels", "annotations"] {
            if map(object, &format!("/metadata/{field}")).is_some_and(serde_json::Map::is_empty) {
                remove(object, "/metadata", field);
            }
        }
    }

    fn insert(&self, cluster: &mut Cluster, object: Value) -> Value {
        if self.request.is_dry_run() {
            return object;
        }
        let key = cluster.insert(&self.resource.group, &self.resource.plural, object, self.now);
        cluster.at(&key).cloned().unwrap_or_default()
    }

    fn store(&self, cluster: &mut Cluster, live: &Value, updated: Value) -> Value {
        if self.request.is_dry_run() || updated == *live {
            return updated;
        }
        let key = key(&self.resource.group, &self.resource.plural, self.namespace(), name(live));
        if is_terminating(&updated) && deletion::may_go(&updated) {
            cluster.remove(&key);
            return updated;
        }
        cluster.store(&key, updated);
        cluster.at(&key).cloned().unwrap_or_default()
    }
}

fn put_or_remove(object: &mut Value, field: &str, value: Option<Value>) {
    match value {
        Some(value) => *entry(object, field) = value,
        None => {
            object.as_object_mut().and_then(|map| map.remove(field));
        }
    }
}

/// What an object asks for: all of it but metadata and status.
fn desired(object: &Value) -> Value {
    let mut desired = object.clone();
    if let Some(map) = desired.as_object_mut() {
        map.retain(|field, _| field != "metadata" && field != "status");
    }
    desired
}

/// RFC 7386.
fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    for (field, value) in patch {
        if value.is_null() {
            target.as_object_mut().and_then(|map| map.remove(field));
        } else {
            merge_patch(entry(target, field), value);
        }
    }
}
