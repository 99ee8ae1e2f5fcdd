//! The name of an object in addresses, such as `argocd.deployment.argocd-server` or `clusterrole.vault`.
//!
//! Invariant: a manifest and the object made from it have the same name.

use std::fmt;

use serde_json::Value;

use super::field::text;
use super::kinds::{Kind, Scope};

/// What identifies an object within its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its namespace, unless it belongs to the cluster as a whole.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Why a manifest has no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The kind is not in the table.
    #[error("kind `{kind}` of `{api_version}` is not among the kinds that are managed")]
    UnknownKind {
        /// `apiVersion` of the manifest.
        api_version: String,
        /// `kind` of the manifest.
        kind: String,
    },
    /// `metadata.name` is missing or empty.
    #[error("a {0} has no `metadata.name`")]
    NoName(&'static str),
    /// `metadata.namespace` is missing or empty.
    #[error("{kind} `{name}` has no `metadata.namespace`")]
    NoNamespace {
        /// The object's kind.
        kind: &'static str,
        /// The object's name.
        name: String,
    },
    /// `metadata.namespace` where there is none.
    #[error("{kind} `{name}` has a `metadata.namespace`, but belongs to the whole cluster")]
    NeedlessNamespace {
        /// The object's kind.
        kind: &'static str,
        /// The object's name.
        name: String,
    },
}

impl ObjectName {
    /// The name of a manifest or a live object.
    pub fn of(object: &Value) -> Result<Self, NameError> {
        let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        let kind = Kind::find(api_version, kind).ok_or_else(|| NameError::UnknownKind {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        })?;
        let name = text(object, "/metadata/name").to_owned();
        if name.is_empty() {
            return Err(NameError::NoName(kind.kind));
        }
        let namespace = text(object, "/metadata/namespace");
        let namespace = match (kind.scope, namespace.is_empty()) {
            (Scope::Cluster, true) => None,
            (Scope::Namespaced, false) => Some(namespace.to_owned()),
            (Scope::Namespaced, true) => return Err(NameError::NoNamespace { kind: kind.kind, name }),
            (Scope::Cluster, false) => {
                return Err(NameError::NeedlessNamespace { kind: kind.kind, name });
            }
        };
        Ok(Self { kind, namespace, name })
    }

    /// The name that an address was written from.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once('.')?;
        if let Some(kind) = Kind::find_lower(first).filter(|kind| kind.scope == Scope::Cluster) {
            return Some(Self { kind, namespace: None, name: rest.to_owned() });
        }
        let (kind, name) = rest.split_once('.')?;
        let kind = Kind::find_lower(kind).filter(|kind| kind.scope == Scope::Namespaced)?;
        Some(Self { kind, namespace: Some(first.to_owned()), name: name.to_owned() })
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}.")?;
        }
        write!(f, "{}.{}", self.kind.kind.to_lowercase(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_written_and_read_back() {
        let server = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "argocd", "name": "argocd-server"},
        });
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "issuers.cert-manager.io"},
        });
        for (object, expected) in [
            (server, "argocd.deployment.argocd-server"),
            (definition, "customresourcedefinition.issuers.cert-manager.io"),
        ] {
            let name = ObjectName::of(&object).unwrap();
            assert_eq!(name.to_string(), expected);
            assert_eq!(ObjectName::parse(expected), Some(name));
        }
        assert_eq!(ObjectName::parse("argocd.pod.x"), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let named = |api_version: &str, kind: &str, metadata: Value| {
            let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
            ObjectName::of(&object).unwrap_err().to_string()
        };
        assert_eq!(
            named("v2", "ConfigMap", json!({"name": "a"})),
            "kind `ConfigMap` of `v2` is not among the kinds that are managed"
        );
        assert_eq!(named("v1", "ConfigMap", json!({})), "a ConfigMap has no `metadata.name`");
        assert_eq!(
            named("v1", "ConfigMap", json!({"name": "a"})),
            "ConfigMap `a` has no `metadata.namespace`"
        );
        assert_eq!(
            named("v1", "Namespace", json!({"name": "a", "namespace": "b"})),
            "Namespace `a` has a `metadata.namespace`, but belongs to the whole cluster"
        );
    }
}
