//! Refusals of the API server, answered as a `Status` object.
//!
//! Reasons, codes and the shape of messages follow
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::{Value, json};

use super::kinds::Resource;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Value,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired` or `FieldManagerConflict`.
    pub reason: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// Its path.
    pub field: String,
}

impl Cause {
    /// A value that the field may not have.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self { reason: "FieldValueInvalid", message: message.into(), field: field.to_owned() }
    }

    /// A value that is missing.
    pub fn required(field: &str) -> Self {
        Self { reason: "FieldValueRequired", message: "Required value".to_owned(), field: field.to_owned() }
    }

    fn to_json(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

impl Refusal {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: json!({}) }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        self.details = json!({"name": name, "group": resource.group, "kind": resource.plural});
        self
    }

    /// 404 for a path that the server does not serve.
    pub fn unknown_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    }

    /// 404 for an object.
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(resource, name)
    }

    /// 404 for the namespace that an object was to go into.
    pub fn missing_namespace(namespace: &str) -> Self {
        let message = format!("namespaces \"{namespace}\" not found");
        let mut refusal = Self::new(StatusCode::NOT_FOUND, "NotFound", message);
        refusal.details = json!({"name": namespace, "kind": "namespaces"});
        refusal
    }

    /// 409 for a name that is taken.
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(resource, name)
    }

    /// 409 for a precondition that does not hold.
    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(resource, name)
    }

    /// 409 for fields that other managers own.
    pub fn apply_conflict(message: String, causes: &[Cause]) -> Self {
        let mut refusal = Self::new(StatusCode::CONFLICT, "Conflict", message);
        refusal.details = json!({"causes": causes.iter().map(Cause::to_json).collect::<Vec<_>>()});
        refusal
    }

    /// 422 naming every wrong field.
    pub fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        let listed: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let listed = match listed.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {listed}", resource.qualified_kind());
        let mut refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        refusal.details = json!({
            "name": name, "group": resource.group, "kind": resource.kind,
            "causes": causes.iter().map(Cause::to_json).collect::<Vec<_>>(),
        });
        refusal
    }

    /// 403 with its reason.
    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", resource.qualified());
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(resource, name)
    }

    /// 400 for a request that cannot be read.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 405 for a verb that the path does not have.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    /// 410 for a continue token of another time.
    pub fn expired() -> Self {
        Self::new(StatusCode::GONE, "Expired", "the provided continue parameter is not valid")
    }

    /// 415 for a patch of a kind that is not offered.
    pub fn unsupported_media_type(given: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format ({given}); accepted media types include: \
             application/apply-patch+yaml, application/merge-patch+json"
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// 501 for what this server leaves out.
    pub fn not_implemented(what: &str) -> Self {
        let message = format!("the simulated API server does not offer {what}");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    /// The answer on the wire.
    pub fn into_response(self) -> Response<Bytes> {
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "details": self.details, "code": self.code.as_u16(),
        });
        respond(self.code, &body)
    }
}

/// A JSON answer.
pub(super) fn respond(code: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// A plain text answer.
pub(super) fn respond_text(text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response
}
