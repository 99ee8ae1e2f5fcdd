//! An API that knows a handful of objects and logs: it lists them by label and by what events are about, and gives one.

use std::sync::Arc;

use bytes::Bytes;
use holodeck_engine::Explanation;
use http::{Response, StatusCode, Uri};
use http_body_util::Full;
use kube::client::Body;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tower::BoxError;

use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::explain::explanation;
use crate::kubernetes::field::{items, label, text};
use crate::kubernetes::kinds::{CERTIFICATE_REQUEST, CHALLENGE, EVENT, KINDS, Kind, ORDER, POD, REPLICA_SET};
use crate::kubernetes::status::status;
use crate::simulation::StandIns;

/// What exists.
#[derive(Clone, Default)]
pub struct World {
    objects: Vec<Value>,
    /// The end of the address of a log, and the log.
    logs: Vec<(String, String)>,
}

impl World {
    /// These objects.
    pub fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        Self { objects: objects.into_iter().collect(), logs: Vec::new() }
    }

    /// The same with the log of a pod's container.
    pub fn with_log(mut self, pod: &str, query: &str, log: &str) -> Self {
        self.logs.push((format!("/pods/{pod}/log?{query}"), log.to_owned()));
        self
    }

    /// Access to it.
    pub fn client(&self) -> Kubernetes {
        let world = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let answer = world.answer(request.uri());
            async move { Ok::<_, BoxError>(answer) }
        });
        Kubernetes::new(kube::Client::new(service, "default"), "test", Arc::new(StandIns))
    }

    /// Why `live` is as it is, and what to do next, in two lines.
    pub async fn told(&self, live: &Value) -> String {
        let Explanation { why, hint } = explanation(&self.client(), live, &status(live)).await;
        format!("{why}\n{}", hint.unwrap_or_default())
    }

    fn answer(&self, uri: &Uri) -> Response<Full<Bytes>> {
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        if let Some((_, log)) = self.logs.iter().find(|(end, _)| path.ends_with(end)) {
            return Response::new(Full::from(log.clone()));
        }
        let query = uri.query().unwrap_or_default();
        let of_kind: Vec<&Value> =
            self.objects.iter().filter(|object| uri.path().starts_with(&collection(object))).collect();
        let one = |object: &&&Value| {
            uri.path() == format!("{}/{}", collection(object), text(object, "/metadata/name"))
        };
        if let Some(object) = of_kind.iter().find(one) {
            return response(StatusCode::OK, object);
        }
        let listed = of_kind.iter().any(|object| uri.path() == collection(object));
        let kind = uri.path().rsplit('/').next().unwrap_or_default();
        if listed || known().any(|known| known.plural == kind) {
            let items: Vec<&&Value> = of_kind.iter().filter(|object| is_selected(object, query)).collect();
            return response(StatusCode::OK, &json!({"metadata": {}, "items": items}));
        }
        let missing = json!({"status": "Failure", "code": 404, "reason": "NotFound", "message": "not found"});
        response(StatusCode::NOT_FOUND, &missing)
    }
}

fn known() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain([&CERTIFICATE_REQUEST, &CHALLENGE, &EVENT, &ORDER, &POD, &REPLICA_SET])
}

/// The path that an object is listed at.
fn collection(object: &Value) -> String {
    let (version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
    let kind = known().find(|known| known.kind == kind && known.api_version() == version);
    let kind = kind.unwrap_or_else(|| panic!("no kind of {object}"));
    let root = if kind.group.is_empty() { "api" } else { "apis" };
    format!("/{root}/{version}/namespaces/{}/{}", text(object, "/metadata/namespace"), kind.plural)
}

fn is_selected(object: &Value, query: &str) -> bool {
    query.split('&').filter_map(|pair| pair.split_once('=')).all(|(parameter, value)| {
        let value = percent_decode_str(value).decode_utf8().unwrap();
        let mut terms = value.split(',').filter_map(|term| term.split_once('='));
        match parameter {
            "labelSelector" => terms.all(|(key, value)| label(object, key) == Some(value)),
            "fieldSelector" => {
                terms.all(|(path, value)| text(object, &format!("/{}", path.replace('.', "/"))) == value)
            }
            _ => true,
        }
    })
}

fn response(code: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = code;
    response
}

/// An object in namespace `a` whose identity follows from its kind and name.
pub fn object(api_version: &str, kind: &str, name: &str, status: Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "namespace": "a", "uid": format!("{kind}-{name}"), "labels": {"app": "web"}},
        "spec": {}, "status": status,
    })
}

/// `object` as a part of `owner`.
pub fn owned(mut object: Value, owner: &Value) -> Value {
    object["metadata"]["ownerReferences"] = json!([{"uid": owner["metadata"]["uid"], "controller": true}]);
    object
}

/// A stateful set of one replica that is not ready.
pub fn stateful_set() -> Value {
    let mut set = object("apps/v1", "StatefulSet", "web", json!({"observedGeneration": 1}));
    set["spec"] = json!({"replicas": 1, "selector": {"matchLabels": {"app": "web"}}});
    set
}

/// A pod of [`stateful_set`] with the container `web`.
pub fn pod(name: &str, status: Value) -> Value {
    let mut pod = owned(object("v1", "Pod", name, status), &stateful_set());
    pod["spec"] = json!({
        "initContainers": [{"name": "init"}, {"name": "proxy", "restartPolicy": "Always"}],
        "containers": [{"name": "web", "image": "web:1", "resources": {"limits": {"memory": "64Mi"}}}],
        "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}],
    });
    pod
}

/// The status of a pod whose container `web` is in `state`.
pub fn containers(state: Value, more: Value) -> Value {
    let mut container = json!({"name": "web", "image": "web:1", "ready": false, "state": state});
    for (field, value) in more.as_object().into_iter().flatten() {
        container[field] = value.clone();
    }
    json!({"phase": "Pending", "containerStatuses": [container]})
}

/// An event about `about` at a second of the first minute of the year.
pub fn event(about: &Value, second: u8, (kind, reason, message): (&str, &str, &str)) -> Value {
    let name = format!("{}.{second:02}.{reason}", text(about, "/metadata/name"));
    let mut event = object("v1", "Event", &name, Value::Null);
    event["involvedObject"] = json!({"uid": about["metadata"]["uid"]});
    for (field, value) in [("type", kind), ("reason", reason), ("message", message)] {
        event[field] = json!(value);
    }
    event["lastTimestamp"] = json!(format!("2026-01-01T00:00:{second:02}Z"));
    event
}

/// An event about a container.
pub fn container_event(about: &Value, container: &str, told: (&str, &str, &str)) -> Value {
    let mut event = event(about, 1, told);
    event["involvedObject"]["fieldPath"] = json!(format!("spec.containers{{{container}}}"));
    event
}

#[test]
fn a_list_is_selected() {
    let (one, other) = (pod("web-0", json!({})), pod("web-1", json!({})));
    let event = event(&one, 0, ("Warning", "A", "b"));
    for (object, query, expected) in [
        (&one, "labelSelector=app%3Dweb&limit=500", true),
        (&other, "labelSelector=app%3Dother", false),
        (&event, "fieldSelector=involvedObject.uid%3DPod-web-0", true),
        (&event, "fieldSelector=involvedObject.uid%3DPod-web-1", false),
    ] {
        assert_eq!(is_selected(object, query), expected, "{query}");
    }
    assert_eq!(items(&one, "/spec/containers").len(), 1);
}
