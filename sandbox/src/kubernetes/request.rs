//! What a request asks for: its path, its query and its headers, read once.
//!
//! Paths: <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris>.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::status::Refusal;

/// A request with its parts told apart.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Verb.
    pub method: Method,
    /// What the path names.
    pub target: Target,
    /// Decoded query parameters in their order.
    pub query: Vec<(String, String)>,
    /// `Accept` header.
    pub accept: String,
    /// `Content-Type` header without parameters.
    pub content_type: String,
    /// The program named by `User-Agent`.
    pub user_agent: String,
    /// Body as sent.
    pub body: Bytes,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// `/version`
    Version,
    /// `/readyz`, `/livez`, `/healthz` and their parts.
    Health,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`
    Resources { group: String, version: String },
    /// Objects of a resource.
    Objects(Objects),
    /// None of these.
    Unknown,
}

/// A path to a resource's objects.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Objects {
    /// Group, empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Resource name.
    pub plural: String,
    /// Namespace, if the path has one.
    pub namespace: Option<String>,
    /// Name of one object, if the path has one.
    pub name: Option<String>,
    /// Subresource, if the path has one.
    pub subresource: Option<String>,
}

impl Target {
    /// Reads a path.
    pub fn parse(path: &str) -> Self {
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["version"] => Self::Version,
            ["readyz" | "livez" | "healthz", ..] => Self::Health,
            ["api"] => Self::CoreVersions,
            ["api", version] => Self::Resources { group: String::new(), version: (*version).to_owned() },
            ["api", version, rest @ ..] => Self::objects("", version, rest),
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group((*group).to_owned()),
            ["apis", group, version] => {
                Self::Resources { group: (*group).to_owned(), version: (*version).to_owned() }
            }
            ["apis", group, version, rest @ ..] => Self::objects(group, version, rest),
            _ => Self::Unknown,
        }
    }

    fn objects(group: &str, version: &str, rest: &[&str]) -> Self {
        let (namespace, rest) = match rest {
            ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            _ => (None, rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (*plural, None, None),
            [plural, name] => (*plural, Some(*name), None),
            [plural, name, subresource] => (*plural, Some(*name), Some(*subresource)),
            _ => return Self::Unknown,
        };
        Self::Objects(Objects {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
        })
    }
}

impl Request {
    /// Reads the parts of a request.
    pub fn new(method: Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let before = |text: &str, end: char| text.split(end).next().unwrap_or_default().trim().to_owned();
        Self {
            method,
            target: Target::parse(uri.path()),
            query: uri.query().map(parse_query).unwrap_or_default(),
            accept: header(header::ACCEPT).to_owned(),
            content_type: before(header(header::CONTENT_TYPE), ';'),
            user_agent: before(header(header::USER_AGENT), '/'),
            body,
        }
    }

    /// A query parameter that is not empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }

    /// Whether a boolean query parameter is set.
    pub fn flag(&self, name: &str) -> bool {
        self.query.iter().any(|(key, value)| key == name && matches!(value.as_str(), "" | "1" | "true"))
    }

    /// Whether nothing may be stored.
    pub fn is_dry_run(&self) -> bool {
        self.parameter("dryRun") == Some("All")
    }

    /// Who owns what this request writes: `fieldManager`, or the program's name.
    pub fn manager(&self) -> &str {
        self.parameter("fieldManager").unwrap_or(if self.user_agent.is_empty() {
            "unknown"
        } else {
            &self.user_agent
        })
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Refusal::bad_request(format!("error decoding the request's body: {error}")))
    }
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(group: &str, plural: &str, namespace: &str, name: &str, subresource: &str) -> Target {
        let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Target::Objects(Objects {
            group: group.to_owned(),
            version: "v1".to_owned(),
            plural: plural.to_owned(),
            namespace: optional(namespace),
            name: optional(name),
            subresource: optional(subresource),
        })
    }

    #[test]
    fn paths_name_what_they_ask_for() {
        for (path, expected) in [
            ("/api/v1/namespaces", objects("", "namespaces", "", "", "")),
            ("/api/v1/namespaces/a", objects("", "namespaces", "", "a", "")),
            ("/api/v1/namespaces/a/status", objects("", "namespaces", "", "a", "status")),
            ("/api/v1/namespaces/a/pods", objects("", "pods", "a", "", "")),
            ("/apis/apps/v1/deployments", objects("apps", "deployments", "", "", "")),
            (
                "/apis/apps/v1/namespaces/a/deployments/b/scale",
                objects("apps", "deployments", "a", "b", "scale"),
            ),
            ("/apis/rbac/v1/clusterroles/a%3Ab", objects("rbac", "clusterroles", "", "a:b", "")),
            ("/apis/apps", Target::Group("apps".to_owned())),
            ("/nonsense", Target::Unknown),
            ("/apis/a/v1/b/c/d/e", Target::Unknown),
        ] {
            assert_eq!(Target::parse(path), expected, "{path}");
        }
    }
}
