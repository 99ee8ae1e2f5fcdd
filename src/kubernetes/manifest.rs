//! From YAML text to manifests in one normal form.
//!
//! In the normal form there are no nulls, Secrets keep their values as text in `stringData`, and placeholders of
//! credentials stand in Secrets only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::field::entries;
use super::name::{NameError, ObjectName};
use super::secrets::is_secret;
use crate::{readable, secret, yaml};

/// Marks a text that is to be base64 once its credentials are resolved; the rest of the value is the text itself.
pub(crate) const TO_ENCODE: char = '\u{E014}';

/// Why a text is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The text is not YAML.
    #[error("`{file}` is not valid YAML")]
    Yaml {
        /// Where the text comes from.
        file: String,
        /// Why not.
        #[source]
        source: serde_norway::Error,
    },
    /// A document is no object, or lacks its name.
    #[error("`{file}`, document {document}")]
    Name {
        /// Where the text comes from.
        file: String,
        /// Which document, the first being 1.
        document: usize,
        /// What is missing.
        #[source]
        source: NameError,
    },
    /// A credential stands outside of a Secret.
    #[error("`{name}` in `{file}` has a credential at `{path}`; credentials may stand in Secrets only")]
    Credential {
        /// Where the text comes from.
        file: String,
        /// Which object.
        name: String,
        /// Where in it.
        path: String,
    },
    /// A value of a Secret is neither base64 of a text nor a text.
    #[error("`{name}` in `{file}`: the value of `{key}` is not {what}")]
    SecretValue {
        /// Where the text comes from.
        file: String,
        /// Which Secret.
        name: String,
        /// Which of its values.
        key: String,
        /// What it should be.
        what: &'static str,
    },
}

/// The manifests in a YAML text of any number of documents; empty ones are left out. `file` names it in errors.
pub fn parse(file: &str, yaml: &str) -> Result<Vec<Value>, ManifestError> {
    parse_adapted(file, yaml, Some)
}

/// The manifests in a YAML text as [`parse`] gives them, each document as `adapt` makes it; where that is `None`, it is
/// left out.
pub fn parse_adapted(
    file: &str,
    yaml: &str,
    adapt: impl Fn(Value) -> Option<Value>,
) -> Result<Vec<Value>, ManifestError> {
    let mut manifests = Vec::new();
    for (index, document) in serde_norway::Deserializer::from_str(yaml).enumerate() {
        let manifest = Value::deserialize(document)
            .map_err(|source| ManifestError::Yaml { file: file.to_owned(), source })?;
        if manifest.is_null() {
            continue;
        }
        let Some(manifest) = adapt(manifest) else { continue };
        let name = ObjectName::of(&manifest).map_err(|source| ManifestError::Name {
            file: file.to_owned(),
            document: index + 1,
            source,
        })?;
        manifests.push(normal(file, &name.to_string(), manifest)?);
    }
    Ok(manifests)
}

fn normal(file: &str, name: &str, mut manifest: Value) -> Result<Value, ManifestError> {
    drop_nulls(&mut manifest);
    if is_secret(&manifest) {
        let values = secret_values(file, name, &manifest)?;
        if let Some(object) = manifest.as_object_mut() {
            object.remove("data");
            object.remove("stringData");
            // An empty map would claim it as a whole, and with it what others put in.
            if !values.is_empty() {
                object.insert("stringData".to_owned(), values.into());
            }
        }
    }
    let mut path = Vec::new();
    match credential_outside_of_secret(&manifest, is_secret(&manifest), &mut path) {
        true => Err(ManifestError::Credential {
            file: file.to_owned(),
            name: name.to_owned(),
            path: path.join("."),
        }),
        false => Ok(manifest),
    }
}

/// A null means that a field is not set.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The values of a Secret as texts; as on the API server, `stringData` goes before `data`.
fn secret_values(file: &str, name: &str, manifest: &Value) -> Result<Map<String, Value>, ManifestError> {
    let mistake = |key: &str, what| ManifestError::SecretValue {
        file: file.to_owned(),
        name: name.to_owned(),
        key: key.to_owned(),
        what,
    };
    let mut values = Map::new();
    for (key, value) in entries(manifest, "/data") {
        let value = value.as_str().ok_or_else(|| mistake(key, "a text"))?;
        let text = match value.strip_prefix(TO_ENCODE) {
            Some(text) => Some(text.to_owned()),
            None => STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        };
        values.insert(key.to_owned(), text.ok_or_else(|| mistake(key, "base64 of a text"))?.into());
    }
    for (key, value) in entries(manifest, "/stringData") {
        let text = value.as_str().ok_or_else(|| mistake(key, "a text"))?;
        values.insert(key.to_owned(), text.into());
    }
    Ok(values)
}

/// Whether a placeholder stands where it may not; `path` then leads there.
fn credential_outside_of_secret(value: &Value, in_secret: bool, path: &mut Vec<String>) -> bool {
    let mut found = |step: String, value: &Value| {
        path.push(step);
        let found = credential_outside_of_secret(value, false, path);
        if !found {
            path.pop();
        }
        found
    };
    match value {
        Value::String(text) => secret::has_placeholder(text) || text.starts_with(TO_ENCODE),
        Value::Array(items) => items.iter().enumerate().any(|(at, item)| found(at.to_string(), item)),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !(in_secret && *name == "stringData"))
            .any(|(name, field)| found(name.clone(), field)),
        _ => false,
    }
}

/// A manifest as YAML, for people: placeholders and references readable.
pub fn to_yaml(manifest: &Value) -> Result<String, yaml::Error> {
    yaml::to_string(&readable::value(manifest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secret::{SecretReference, placeholder};

    fn mistake(yaml: &str) -> String {
        let error = parse("a.yaml", yaml).unwrap_err();
        match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    }

    #[test]
    fn documents_are_separated_and_nulls_dropped() {
        let yaml = "# nothing\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: null}\n---\n---\n\
                    apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: b, namespace: a}\n";
        assert_eq!(
            parse("a.yaml", yaml).unwrap(),
            [
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}),
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "b", "namespace": "a"}}),
            ]
        );
    }

    #[test]
    fn a_secrets_values_become_texts() {
        let token = placeholder(&SecretReference::Env("TOKEN".into()));
        let yaml = format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: s, namespace: a}}, \
             data: {{plain: aGVsbG8=, marked: \"{TO_ENCODE}x:{token}\"}}, stringData: {{token: \"{token}\"}}}}"
        );
        let manifests = parse("a.yaml", &yaml).unwrap();
        assert_eq!(manifests[0].get("data"), None);
        assert_eq!(
            manifests[0]["stringData"],
            json!({"plain": "hello", "marked": format!("x:{token}"), "token": token})
        );
        assert!(to_yaml(&manifests[0]).unwrap().contains("token: ${secret:env:TOKEN}"));
    }

    #[test]
    fn credentials_stay_in_secrets() {
        let token = placeholder(&SecretReference::Env("TOKEN".into()));
        let yaml = format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c, namespace: a}}, data: {{x: \"{token}\"}}}}"
        );
        assert_eq!(
            mistake(&yaml),
            "`a.configmap.c` in `a.yaml` has a credential at `data.x`; credentials may stand in Secrets only"
        );
    }

    #[test]
    fn mistakes_name_the_document() {
        assert_eq!(
            mistake(
                "{apiVersion: v1, kind: Namespace, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Pod}"
            ),
            "`a.yaml`, document 2: kind `Pod` of `v1` is not among the kinds that are managed"
        );
        assert!(mistake("a: [").starts_with("`a.yaml` is not valid YAML: "));
        assert_eq!(
            mistake("{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: a}, data: {x: '%'}}"),
            "`a.secret.s` in `a.yaml`: the value of `x` is not base64 of a text"
        );
    }
}
