//! Adds objects to the engine's graph, marked as ours, with the edges that follow from what they say.

use std::collections::BTreeMap;

use holodeck_engine::{Graph, Handle};
use serde_json::{Map, Value};

use super::name::NameError;
use super::object::KubernetesObject;
use super::relations;
use super::secrets::sources_annotation;
use super::{
    COMPONENT_LABEL, FIELD_MANAGER, MANAGED_BY_LABEL, OWNER_LABEL, ObjectName, SECRET_SOURCES_ANNOTATION,
};

/// The objects of one component.
#[derive(Clone, Debug, Default)]
pub struct ComponentObjects {
    /// The component's name, the value of its label and the group in which its objects are shown.
    pub component: String,
    /// Its manifests, as [`manifest::parse`](super::manifest::parse) gives them.
    pub manifests: Vec<Value>,
}

/// Adds all objects of an environment, and gives their handles by name. They are added together, since what one
/// component's objects need may belong to another one. The kind must be registered with its host before.
pub fn add_objects(
    graph: &mut Graph,
    environment: &str,
    components: &[ComponentObjects],
) -> Result<BTreeMap<String, Handle<KubernetesObject>>, NameError> {
    let objects: Vec<(&str, Value)> = components
        .iter()
        .flat_map(|ComponentObjects { component, manifests }| {
            manifests
                .iter()
                .map(move |manifest| (component.as_str(), marked(environment, component, manifest)))
        })
        .collect();
    let manifests: Vec<Value> = objects.iter().map(|(_, manifest)| manifest.clone()).collect();
    let mut handles = BTreeMap::new();
    let mut addresses = Vec::new();
    for (component, manifest) in objects {
        graph.group(component);
        let name = ObjectName::of(&manifest)?.to_string();
        let handle = graph.add(name.clone(), KubernetesObject(manifest));
        addresses.push(handle.address().clone());
        handles.insert(name, handle);
    }
    for relation in relations::between(&manifests) {
        let (from, on) = (&addresses[relation.from], &addresses[relation.on]);
        graph.after(from, on, relation.milestone, relation.because);
    }
    Ok(handles)
}

/// The manifest with the labels that tell whose the object is.
fn marked(environment: &str, component: &str, manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    let sources = sources_annotation(&manifest);
    let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) else { return manifest };
    for (label, value) in
        [(MANAGED_BY_LABEL, FIELD_MANAGER), (OWNER_LABEL, environment), (COMPONENT_LABEL, component)]
    {
        insert(metadata, "labels", label, value);
    }
    if let Some(sources) = sources {
        insert(metadata, "annotations", SECRET_SOURCES_ANNOTATION, &sources);
    }
    manifest
}

fn insert(metadata: &mut Map<String, Value>, field: &str, key: &str, value: &str) {
    let entries = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if let Some(entries) = entries.as_object_mut() {
        entries.insert(key.to_owned(), value.into());
    }
}
