//! Secrets in the form in which they are compared: texts with placeholders when desired, fingerprints when observed.
//!
//! Invariant: the content of a live Secret never leaves [`concealed`]. In its place stands the text with placeholders
//! that it was made from, where that still gives the same value, and else a fingerprint that only this process can
//! compare. Both desired and observed Secrets keep their values in `stringData`.
//! <https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data>

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holodeck_engine::{Class, Error};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::SECRET_SOURCES_ANNOTATION;
use super::field::{entries, text};
use crate::secret::{self, SecretSource};

const FINGERPRINT: char = '\u{E012}';
/// Shown in place of a live value that is not the desired one.
pub(super) const HIDDEN: &str = "(another value)";

/// Whether an object is a Secret.
pub(super) fn is_secret(object: &Value) -> bool {
    object["kind"] == "Secret" && object["apiVersion"] == "v1"
}

/// A mark that no other process can compute, so that fingerprints cannot be searched for.
static SALT: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut salt = [0; 32];
    for chunk in salt.chunks_mut(8) {
        chunk.copy_from_slice(&RandomState::new().build_hasher().finish().to_le_bytes());
    }
    salt
});

fn fingerprint(value: &[u8]) -> String {
    let digest = Sha256::new().chain_update(*SALT).chain_update(value).finalize();
    format!("{FINGERPRINT}{}", STANDARD.encode(digest))
}

/// Whether the live text is the fingerprint of `desired`.
pub(super) fn is_fingerprint_of(live: &str, desired: &str) -> bool {
    live.starts_with(FINGERPRINT) && live == fingerprint(desired.as_bytes())
}

/// A live Secret without its content; other objects stay as they are.
pub(super) async fn concealed(mut live: Value, source: &dyn SecretSource) -> Value {
    if !is_secret(&live) {
        return live;
    }
    let sources = live.pointer("/metadata/annotations").and_then(|all| all.get(SECRET_SOURCES_ANNOTATION));
    let sources: Map<String, Value> = sources
        .and_then(Value::as_str)
        .and_then(|sources| serde_json::from_str(sources).ok())
        .unwrap_or_default();
    let mut shown = Map::new();
    for (key, value) in entries(&live, "/data") {
        // The API server stores valid base64 only.
        let value = value.as_str().and_then(|value| STANDARD.decode(value).ok()).unwrap_or_default();
        let made_from = sources.get(key).and_then(Value::as_str).map(secret::from_readable);
        let text = match made_from {
            Some(text) if gives(&text, &value, source).await => text,
            _ => fingerprint(&value),
        };
        shown.insert(key.to_owned(), text.into());
    }
    if let Some(object) = live.as_object_mut() {
        object.remove("data");
        object.insert("stringData".to_owned(), shown.into());
    }
    conceal_metadata(&mut live);
    live
}

/// Whether the text with placeholders still gives `value`. Where a credential cannot be had, as in a `status` without
/// it, nothing tells that the value is another one.
async fn gives(text: &str, value: &[u8], source: &dyn SecretSource) -> bool {
    match secret::resolve(text, source).await {
        Ok(resolved) => resolved.expose_secret().as_bytes() == value,
        Err(error) => {
            tracing::debug!(%error, "a credential is not at hand, the stored one counts as current");
            true
        }
    }
}

fn conceal_metadata(live: &mut Value) {
    // `kubectl apply` keeps the whole manifest, values included, in this annotation.
    if let Some(annotations) = live.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    for entry in
        live.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut).into_iter().flatten()
    {
        if let Some(fields) = entry.get_mut("fieldsV1").and_then(Value::as_object_mut)
            && let Some(data) = fields.remove("f:data")
        {
            fields.insert("f:stringData".to_owned(), data);
        }
    }
}

/// The projection of a Secret without fingerprints.
pub(super) fn without_fingerprints(projected: &mut Value) {
    let values = projected.get_mut("stringData").and_then(Value::as_object_mut);
    for (_, value) in values.into_iter().flatten() {
        if value.as_str().is_some_and(|text| text.starts_with(FINGERPRINT)) {
            *value = HIDDEN.into();
        }
    }
}

/// The manifest to send: a Secret's placeholders resolved, its values encoded.
pub(super) async fn revealed(manifest: &Value, source: &dyn SecretSource) -> Result<Value, Error> {
    let mut manifest = manifest.clone();
    let Some(texts) = manifest.as_object_mut().and_then(|object| object.remove("stringData")) else {
        return Ok(manifest);
    };
    let mut data = Map::new();
    for (key, value) in entries(&texts, "") {
        let resolved =
            secret::resolve(value.as_str().unwrap_or_default(), source).await.map_err(|error| {
                let (namespace, name) =
                    (text(&manifest, "/metadata/namespace"), text(&manifest, "/metadata/name"));
                Error::new(Class::Denied, format!("making `{key}` of Secret `{namespace}/{name}`"))
                    .with_source(error)
            })?;
        data.insert(key.to_owned(), STANDARD.encode(resolved.expose_secret()).into());
    }
    manifest["data"] = data.into();
    Ok(manifest)
}

/// The value of [`SECRET_SOURCES_ANNOTATION`] for a Secret, if it contains placeholders.
pub(super) fn sources_annotation(manifest: &Value) -> Option<String> {
    let sources: Map<String, Value> = entries(manifest, "/stringData")
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .filter(|(_, text)| secret::has_placeholder(text))
        .map(|(key, text)| (key.to_owned(), secret::readable(text).into()))
        .collect();
    (!sources.is_empty()).then(|| json!(sources).to_string())
}
