//! Kubernetes objects as the rules see them: identities, workloads, and what refers to what.

use serde_json::{Map, Value};

/// An object, and the file it came from.
pub struct Object {
    pub component: String,
    pub file: String,
    pub value: Value,
}

impl Object {
    pub fn new(component: &str, file: &str, value: Value) -> Self {
        Self { component: component.to_owned(), file: file.to_owned(), value }
    }

    pub fn api_version(&self) -> &str {
        text(&self.value["apiVersion"])
    }

    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    pub fn kind(&self) -> &str {
        text(&self.value["kind"])
    }

    pub fn name(&self) -> &str {
        text(&self.value["metadata"]["name"])
    }

    pub fn namespace(&self) -> Option<&str> {
        self.value["metadata"]["namespace"].as_str()
    }

    pub fn labels(&self) -> Map<String, Value> {
        map(&self.value["metadata"]["labels"])
    }

    /// Where the object stands and what it is, for messages.
    pub fn place(&self) -> String {
        format!("{}: {} {}", self.file, self.kind(), self.name())
    }

    /// Whether a reference to `kind` and `name` from within `namespace` means this object.
    pub fn answers(&self, kind: &str, name: &str, namespace: Option<&str>) -> bool {
        self.kind() == kind && self.name() == name && self.namespace() == namespace
    }

    /// The pod template, for the kinds that have one.
    pub fn template(&self) -> Option<&Value> {
        let spec = &self.value["spec"];
        match self.kind() {
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => Some(&spec["template"]),
            "CronJob" => Some(&spec["jobTemplate"]["spec"]["template"]),
            _ => None,
        }
    }

    pub fn replicas(&self) -> u64 {
        self.value["spec"]["replicas"].as_u64().unwrap_or(1)
    }

    /// The containers that run side by side, then those that run before them.
    pub fn containers(&self) -> impl Iterator<Item = Container<'_>> {
        let spec = self.template().map(|template| &template["spec"]);
        ["containers", "initContainers"].into_iter().flat_map(move |list| {
            spec.map(|spec| items(&spec[list]))
                .unwrap_or_default()
                .iter()
                .map(move |value| Container { value, init: list == "initContainers" })
        })
    }

    /// Whether a Service, a budget or a policy with these labels selects the workload's pods.
    pub fn selected_by(&self, labels: &Map<String, Value>, namespace: Option<&str>) -> bool {
        self.namespace() == namespace
            && self
                .template()
                .is_some_and(|template| is_subset(labels, &map(&template["metadata"]["labels"])))
    }

    /// Whether a container of the workload listens on the port of this number or name.
    pub fn listens_on(&self, port: &Value) -> bool {
        self.containers().any(|container| {
            items(&container.value["ports"])
                .iter()
                .any(|open| &open["containerPort"] == port || &open["name"] == port)
        })
    }
}

/// One container of a workload.
pub struct Container<'a> {
    pub value: &'a Value,
    pub init: bool,
}

impl Container<'_> {
    pub fn name(&self) -> &str {
        text(&self.value["name"])
    }
}

pub fn is_subset(part: &Map<String, Value>, whole: &Map<String, Value>) -> bool {
    part.iter().all(|(key, value)| whole.get(key) == Some(value))
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Calls `visit` with every value below `value`, and with the path that leads to it.
pub fn walk(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, value);
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                walk(field, &format!("{path}.{key}"), visit);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                walk(element, &format!("{path}[{index}]"), visit);
            }
        }
        _ => {}
    }
}
