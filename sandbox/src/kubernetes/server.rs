//! One request, answered out of a cluster's state.
//!
//! Verbs and options: <https://kubernetes.io/docs/reference/using-api/api-concepts/>.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::{Cluster, NodeSpec, key};
use super::kinds::{self, Resource};
use super::object::{items, map, text};
use super::request::{Objects, Request, Target};
use super::selector::{FieldSelector, LabelSelector};
use super::status::{Refusal, respond, respond_text};
use super::write::Write;
use super::{deletion, discovery};

/// Plays time up to `now`, then answers.
pub(super) fn serve(
    cluster: &mut Cluster,
    now: Timestamp,
    nodes: &[NodeSpec],
    request: &Request,
) -> Response<Bytes> {
    let act = |cluster: &mut Cluster, now| answer(cluster, now, request);
    cluster.act(now, nodes, act).unwrap_or_else(Refusal::into_response)
}

fn answer(cluster: &mut Cluster, now: Timestamp, request: &Request) -> Result<Response<Bytes>, Refusal> {
    match &request.target {
        Target::Objects(path) => {
            let resource = kinds::find(cluster, &path.group, &path.version, &path.plural)
                .filter(|resource| resource.namespaced || path.namespace.is_none())
                .ok_or_else(Refusal::unknown_path)?;
            objects(cluster, now, request, path, &resource)
        }
        Target::Unknown => Err(Refusal::unknown_path()),
        Target::Health => Ok(respond_text("ok".to_owned())),
        other => discovery::answer(cluster, other, &request.accept)
            .map(|body| respond(StatusCode::OK, &body))
            .ok_or_else(Refusal::unknown_path),
    }
}

fn objects(
    cluster: &mut Cluster,
    now: Timestamp,
    request: &Request,
    path: &Objects,
    resource: &Resource,
) -> Result<Response<Bytes>, Refusal> {
    let write = Write { resource, path, request, now };
    let namespace = path.namespace.as_deref().unwrap_or_default();
    let Some(name) = path.name.as_deref() else {
        let (code, body) = match request.method {
            Method::GET if request.flag("watch") => return Err(Refusal::not_implemented("watches")),
            Method::GET => (StatusCode::OK, list(cluster, request, path, resource)?),
            Method::POST if resource.namespaced && path.namespace.is_none() => {
                return Err(Refusal::method_not_allowed());
            }
            Method::POST => write.create(cluster)?,
            _ => return Err(Refusal::method_not_allowed()),
        };
        return Ok(respond(code, &body));
    };
    let live = cluster.get(&resource.group, &resource.plural, namespace, name);
    let (code, body) = match (request.method.clone(), path.subresource.as_deref()) {
        (Method::GET, Some("log")) if resource.kind == "Pod" => {
            return log(live.ok_or_else(|| Refusal::not_found(resource, name))?, request);
        }
        (_, Some("status")) if !resource.status => return Err(Refusal::unknown_path()),
        (_, Some(other)) if other != "status" => return Err(Refusal::unknown_path()),
        (Method::GET, _) => {
            let object = live.ok_or_else(|| Refusal::not_found(resource, name))?;
            (StatusCode::OK, shown(object, resource, request))
        }
        (Method::PUT, _) => write.update(cluster, name)?,
        (Method::PATCH, _) => write.patch(cluster, name)?,
        (Method::DELETE, None) => {
            let key = key(&resource.group, &resource.plural, namespace, name);
            deletion::delete(cluster, resource, &key, request, now)?
        }
        _ => return Err(Refusal::method_not_allowed()),
    };
    Ok(respond(code, &body))
}

fn wants_metadata_only(request: &Request) -> bool {
    request.accept.contains("as=PartialObjectMetadata")
}

/// An object in the version and form that the request asks for.
fn shown(object: &Value, resource: &Resource, request: &Request) -> Value {
    if wants_metadata_only(request) {
        return json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"],
        });
    }
    let mut object = object.clone();
    object["apiVersion"] = json!(resource.api_version());
    object
}

fn list(cluster: &Cluster, request: &Request, path: &Objects, resource: &Resource) -> Result<Value, Refusal> {
    let labels = LabelSelector::parse(request.parameter("labelSelector").unwrap_or_default())
        .map_err(Refusal::bad_request)?;
    let fields = FieldSelector::parse(request.parameter("fieldSelector").unwrap_or_default())
        .map_err(Refusal::bad_request)?;
    let limit =
        request.parameter("limit").and_then(|text| text.parse::<usize>().ok()).filter(|limit| *limit > 0);
    let after = request.parameter("continue").map(read_token).transpose()?;
    let mut matching = cluster
        .entries(&resource.group, &resource.plural, path.namespace.as_deref())
        .filter(|(key, _)| after.as_deref().is_none_or(|after| *key > after))
        .filter(|(_, object)| labels.matches(map(object, "/metadata/labels")) && fields.matches(object));
    let page: Vec<(&str, &Value)> = matching.by_ref().take(limit.unwrap_or(usize::MAX)).collect();
    let remaining = matching.count();
    let mut metadata = json!({"resourceVersion": cluster.revision().to_string()});
    if let (Some((last, _)), true) = (page.last(), remaining > 0) {
        metadata["continue"] = json!(URL_SAFE_NO_PAD.encode(last));
        metadata["remainingItemCount"] = json!(remaining);
    }
    let (api_version, kind) = if wants_metadata_only(request) {
        ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned())
    } else {
        (resource.api_version(), format!("{}List", resource.kind))
    };
    let shown: Vec<Value> = page.iter().map(|(_, object)| shown(object, resource, request)).collect();
    Ok(json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "items": shown}))
}

fn read_token(token: &str) -> Result<String, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Refusal::expired())?;
    String::from_utf8(bytes).map_err(|_| Refusal::expired())
}

/// What a pod's containers wrote, or the one that is asked for. None is ever restarted, so none has an earlier run.
fn log(pod: &Value, request: &Request) -> Result<Response<Bytes>, Refusal> {
    let pod_name = super::object::name(pod);
    let asked = request.parameter("container");
    let is_asked = |container: &&Value| asked.is_none_or(|asked| asked == text(container, "/name"));
    let containers: Vec<&Value> = items(pod, "/status/containerStatuses").iter().filter(is_asked).collect();
    if let (Some(asked), []) = (asked, containers.as_slice()) {
        let message = format!("container {asked} is not valid for pod {pod_name}");
        return Err(Refusal::bad_request(message));
    }
    let mut lines = Vec::new();
    for container in containers {
        let name = text(container, "/name");
        if request.flag("previous") {
            let message = format!("previous terminated container \"{name}\" in pod \"{pod_name}\" not found");
            return Err(Refusal::bad_request(message));
        }
        let waiting = text(container, "/state/waiting/reason");
        if !waiting.is_empty() {
            let message =
                format!("container \"{name}\" in pod \"{pod_name}\" is waiting to start: {waiting}");
            return Err(Refusal::bad_request(message));
        }
        for state in ["running", "terminated"] {
            let since = text(container, &format!("/state/{state}/startedAt"));
            if !since.is_empty() {
                lines.push(format!("{since} {name} started\n"));
            }
        }
    }
    let most = request.parameter("tailLines").and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
    Ok(respond_text(lines[lines.len().saturating_sub(most)..].concat()))
}
