//! Checks custom resources against the structural schemas that are applied with them.
//!
//! Only what the API server enforces before any webhook and without evaluating expressions: types, unknown fields,
//! required fields and enumerations.
//! <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>

use std::collections::BTreeMap;

use serde_json::Value;

use crate::objects::{Object, items, text};

/// The custom resource definitions, by the `apiVersion` and `kind` that they serve.
pub struct Definitions(BTreeMap<(String, String), Definition>);

struct Definition {
    namespaced: bool,
    schema: Value,
}

impl Definitions {
    pub fn new<'a>(objects: impl Iterator<Item = &'a Object>) -> Self {
        let mut served = BTreeMap::new();
        for object in objects.filter(|object| object.kind() == "CustomResourceDefinition") {
            let spec = &object.value["spec"];
            for version in items(&spec["versions"]) {
                let api_version = format!("{}/{}", text(&spec["group"]), text(&version["name"]));
                let definition = Definition {
                    namespaced: spec["scope"] == "Namespaced",
                    schema: version["schema"]["openAPIV3Schema"].clone(),
                };
                served.insert((api_version, text(&spec["names"]["kind"]).to_owned()), definition);
            }
        }
        Self(served)
    }

    /// Whether objects of this kind live in a namespace; `None` where no definition serves the kind.
    pub fn namespaced(&self, object: &Object) -> Option<bool> {
        self.get(object).map(|definition| definition.namespaced)
    }

    /// What the API server would refuse; `None` where no definition serves the kind.
    pub fn violations(&self, object: &Object) -> Option<Vec<String>> {
        let schema = &self.get(object)?.schema;
        let mut found = Vec::new();
        for (field, value) in object.value.as_object()? {
            if !["apiVersion", "kind", "metadata"].contains(&field.as_str()) {
                check(value, &schema["properties"][field], field, &mut found);
            }
        }
        Some(found)
    }

    fn get(&self, object: &Object) -> Option<&Definition> {
        self.0.get(&(object.api_version().to_owned(), object.kind().to_owned()))
    }
}

fn check(value: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    if schema.is_null() {
        found.push(format!("{path} is unknown to the definition"));
        return;
    }
    if schema["x-kubernetes-int-or-string"] == true {
        if !(value.is_i64() || value.is_u64() || value.is_string()) {
            found.push(format!("{path} is neither a number nor a text"));
        }
        return;
    }
    let fits = match text(&schema["type"]) {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if !fits {
        found.push(format!("{path} is {value}, not of type {}", schema["type"]));
        return;
    }
    if !items(&schema["enum"]).is_empty() && !items(&schema["enum"]).contains(value) {
        found.push(format!("{path} is {value}, not one of {}", schema["enum"]));
    }
    for (index, element) in items(value).iter().enumerate() {
        check(element, &schema["items"], &format!("{path}[{index}]"), found);
    }
    let Value::Object(fields) = value else { return };
    for required in items(&schema["required"]) {
        if !fields.contains_key(text(required)) {
            found.push(format!("{path} lacks {required}"));
        }
    }
    for (key, field) in fields {
        let path = format!("{path}.{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) if schema["x-kubernetes-preserve-unknown-fields"] == true => {}
            (Value::Null, Value::Bool(true)) => {}
            (Value::Null, additional) => check(field, additional, &path, found),
            (declared, _) => check(field, declared, &path, found),
        }
    }
}
