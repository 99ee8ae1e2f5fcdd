//! What the API server's refusals mean.
//!
//! Codes and reasons: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>.

use holodeck_engine::{Class, Error};
use kube::core::Status;

/// What a request that failed may have done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: it only read.
    None,
    /// A change, unless it was refused.
    Change,
}

/// Whether the object, or its kind, does not exist.
pub(crate) fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether the object to delete is gone: it does not exist, or another one has its name.
pub(super) fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 404 | 409))
}

/// `error` with what was tried, and classified.
pub(crate) fn explained(tried: String, error: kube::Error, effect: Effect) -> Error {
    match error {
        kube::Error::Api(status) => answered(tried, &status),
        kube::Error::Auth(error) => Error::new(Class::Denied, format!("{tried}: no valid credentials"))
            .with_hint("check the credentials of the cluster; `doctor` tells which are used")
            .with_source(error),
        error @ (kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_)) => {
            let class = match effect {
                Effect::None => Class::NotYet,
                Effect::Change => Class::Ambiguous,
            };
            Error::new(class, format!("{tried}: no answer from the API server")).with_source(error)
        }
        error => Error::new(Class::Failed, tried).with_source(error),
    }
}

fn answered(tried: String, status: &Status) -> Error {
    let message = status.message.as_str();
    let error = |class| Error::new(class, tried.clone()).with_source(message.to_owned());
    match status.code {
        401 => error(Class::Denied)
            .with_hint("the API server does not know who you are: check the credentials of the cluster"),
        403 if has_cause(status, "NamespaceTerminating") => error(Class::NotYet),
        403 if message.contains("denied the request") => error(Class::Refused),
        403 => error(Class::Denied).with_hint("ask for the missing permission, or use another identity"),
        // The namespace, or the definition of the kind, is not there yet.
        404 => error(Class::NotYet),
        409 if has_cause(status, "FieldManagerConflict") => conflict(&tried, status),
        409 => error(Class::NotYet),
        429 | 503 => error(Class::NotYet),
        504 => error(Class::Ambiguous),
        500 if message.contains("failed calling webhook") => error(Class::NotYet),
        500 if message.contains("timed out") || message.contains("Timeout") => error(Class::Ambiguous),
        422 => Error::new(Class::Refused, tried).with_source(causes(status)),
        400..500 => error(Class::Refused),
        _ => error(Class::Failed),
    }
}

fn has_cause(status: &Status, reason: &str) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == reason)
}

/// Every wrong field with what is wrong with it.
fn causes(status: &Status) -> String {
    let causes = status.details.as_ref().map_or(&[][..], |details| details.causes.as_slice());
    if causes.is_empty() {
        return status.message.clone();
    }
    let each = causes.iter().map(|cause| match cause.field.as_str() {
        "" => cause.message.clone(),
        field => format!("{field}: {}", cause.message),
    });
    each.collect::<Vec<_>>().join("; ")
}

fn conflict(tried: &str, status: &Status) -> Error {
    Error::new(Class::Conflict, format!("{tried}: other managers own fields of it"))
        .with_source(causes(status))
        .with_hint("let that manager give the fields up, or take them out of the manifest")
}

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn answer(code: u16, message: &str, causes: &[(&str, &str, &str)]) -> Error {
        let causes = causes
            .iter()
            .map(|(reason, message, field)| StatusCause {
                reason: (*reason).to_owned(),
                message: (*message).to_owned(),
                field: (*field).to_owned(),
            })
            .collect();
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes,
            retry_after_seconds: 0,
        };
        let status = Status::failure(message, "").with_code(code).with_details(details);
        explained("applying `a`".to_owned(), kube::Error::Api(status.boxed()), Effect::Change)
    }

    #[test]
    fn answers_are_classified_by_what_helps() {
        for (code, message, class) in [
            (401, "Unauthorized", Class::Denied),
            (403, "secrets is forbidden", Class::Denied),
            (403, "admission webhook \"x\" denied the request: no", Class::Refused),
            (404, "namespaces \"a\" not found", Class::NotYet),
            (429, "too many requests", Class::NotYet),
            (500, "Internal error occurred: failed calling webhook \"x\": no endpoints", Class::NotYet),
            (500, "etcdserver: request timed out", Class::Ambiguous),
            (500, "boom", Class::Failed),
            (503, "unavailable", Class::NotYet),
            (400, "unknown field \"spec.x\"", Class::Refused),
        ] {
            let error = answer(code, message, &[]);
            assert_eq!(error.class, class, "{code} {message}");
            assert_eq!(error.chain(), format!("applying `a`: {message}"));
        }
        let terminating = [("NamespaceTerminating", "namespace a is being terminated", "metadata.namespace")];
        assert_eq!(answer(403, "forbidden", &terminating).class, Class::NotYet);
    }

    #[test]
    fn a_lost_answer_is_ambiguous_only_for_changes() {
        for (effect, class) in [(Effect::Change, Class::Ambiguous), (Effect::None, Class::NotYet)] {
            let error = kube::Error::Service("connection reset".into());
            assert_eq!(explained("x".to_owned(), error, effect).class, class);
        }
    }

    #[test]
    fn conflicts_and_invalid_fields_are_named() {
        let cause =
            ("FieldManagerConflict", "conflict with \"kubectl-edit\" using apps/v1", ".spec.replicas");
        let error = answer(409, "Apply failed with 1 conflict", &[cause]);
        assert_eq!(error.class, Class::Conflict);
        assert_eq!(
            error.chain(),
            "applying `a`: other managers own fields of it: .spec.replicas: conflict with \"kubectl-edit\" using apps/v1"
        );
        let error = answer(422, "invalid", &[("FieldValueRequired", "Required value", "spec.selector")]);
        assert_eq!(
            (error.class, error.chain()),
            (Class::Refused, "applying `a`: spec.selector: Required value".to_owned())
        );
    }
}
