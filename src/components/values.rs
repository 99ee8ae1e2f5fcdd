//! The values of a component: the defaults of its `values.toml`, with what the environment sets over them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{merge, template};
use crate::environment::ComponentSettings;

/// The values that a component's templates are rendered with.
pub(super) struct Values {
    /// The component's version.
    pub version: String,
    /// Complete references of images, by the name that templates use.
    pub images: BTreeMap<String, String>,
    /// All other values, also those of `images`.
    pub values: Value,
}

/// Why the values of a component do not fit.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// The component has no defaults, or they are not well formed.
    #[error("`{file}` does not say what it must")]
    Defaults {
        /// Which file.
        file: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The environment sets a value that the component does not have.
    #[error("there is no value `{key}`{}", .nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// The key, with those of the tables that it lies in.
        key: String,
        /// The key that looks most like it.
        nearest: Option<String>,
    },
    /// The values as the environment changed them do not have the form that is needed.
    #[error("the values do not have the form of the component's defaults")]
    Form(#[source] serde_json::Error),
    /// The tag of an image could not be made.
    #[error("the tag of image `{image}`")]
    Tag {
        /// The image's name.
        image: String,
        /// Why not.
        #[source]
        source: Box<template::TemplateError>,
    },
}

/// Where an image comes from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    /// Registry and path.
    repository: String,
    /// May refer to `{{ version }}`.
    tag: String,
    /// Pins the very image; the tag is then for people only.
    digest: Option<String>,
}

/// The values of `component` as `settings` change them.
pub(super) fn of(component: &str, settings: &ComponentSettings) -> Result<Values, ValuesError> {
    let mut values = defaults(component)?;
    known(&values, &settings.values, "")?;
    merge(&mut values, &Value::Object(settings.values.clone()));
    if let Some(version) = &settings.version {
        values["version"] = version.as_str().into();
    }
    let version = String::deserialize(&values["version"]).map_err(ValuesError::Form)?;
    let images = BTreeMap::<String, Image>::deserialize(&values["images"]).map_err(ValuesError::Form)?;
    let images = images
        .into_iter()
        .map(|(name, image)| Ok((name.clone(), reference(&name, image, &version, settings)?)))
        .collect::<Result<_, ValuesError>>()?;
    Ok(Values { version, images, values })
}

fn defaults(component: &str) -> Result<Value, ValuesError> {
    let file = format!("{component}/values.toml");
    let text = template::file(&file).ok_or_else(|| ValuesError::Defaults {
        file: file.clone(),
        source: "there is no such file".into(),
    })?;
    toml::from_str(text).map_err(|source| ValuesError::Defaults { file, source: Box::new(source) })
}

/// Whether all keys that are set are known. A table that is empty by default takes any keys.
fn known(defaults: &Value, set: &Map<String, Value>, within: &str) -> Result<(), ValuesError> {
    let Some(defaults) = defaults.as_object().filter(|defaults| !defaults.is_empty()) else { return Ok(()) };
    for (key, value) in set {
        match (defaults.get(key), value) {
            (Some(below), Value::Object(value)) => known(below, value, &format!("{within}{key}."))?,
            (Some(_), _) => {}
            // Amounts of other resources than the defaults name, such as an ephemeral-storage limit.
            (None, _) if within.starts_with("resources.") || within.starts_with("images.") => {}
            (None, _) => {
                let closeness = |known: &&String| (strsim::jaro_winkler(known, key) * 1000.0) as u32;
                let nearest = defaults.keys().filter(|known| closeness(known) > 800).max_by_key(closeness);
                let nearest = nearest.map(|known| format!("{within}{known}"));
                return Err(ValuesError::Unknown { key: format!("{within}{key}"), nearest });
            }
        }
    }
    Ok(())
}

/// The reference that a node pulls an image by.
fn reference(
    name: &str,
    image: Image,
    version: &str,
    settings: &ComponentSettings,
) -> Result<String, ValuesError> {
    let repository = match &settings.registry {
        Some(mirror) => format!("{}/{}", mirror.trim_end_matches('/'), without_registry(&image.repository)),
        None => image.repository,
    };
    let tag = template::text(&image.tag, &serde_json::json!({ "version": version }))
        .map_err(|source| ValuesError::Tag { image: name.to_owned(), source: Box::new(source) })?;
    // A digest belongs to one version.
    Ok(match image.digest.filter(|_| settings.version.is_none()) {
        Some(digest) => format!("{repository}:{tag}@{digest}"),
        None => format!("{repository}:{tag}"),
    })
}

/// The path of a repository: what stands before the first slash is a registry if it looks like a host.
/// <https://pkg.go.dev/github.com/distribution/reference>
fn without_registry(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => path,
        _ => repository,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(values: Value) -> ComponentSettings {
        let values = values.as_object().cloned().unwrap_or_default();
        ComponentSettings { values, ..ComponentSettings::default() }
    }

    #[test]
    fn the_environment_sets_values_over_the_defaults() {
        let found = of(
            "vault",
            &with(json!({"log_level": "warn", "resources": {"vault": {"limits": {"memory": "2Gi"}}}})),
        )
        .unwrap();
        assert_eq!(found.values["log_level"], "warn");
        assert_eq!(found.values["resources"]["vault"]["limits"]["memory"], "2Gi");
        assert_eq!(found.values["resources"]["vault"]["requests"]["memory"], "512Mi");
    }

    #[test]
    fn a_value_that_does_not_exist_is_named_with_the_nearest() {
        for (set, expected) in [
            (json!({"log_levle": "warn"}), "there is no value `log_levle`; did you mean `log_level`?"),
            (json!({"images": {"vualt": 1}}), "the values do not have the form of the component's defaults"),
            (json!({"xyz": 1}), "there is no value `xyz`"),
        ] {
            assert_eq!(of("vault", &with(set)).err().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn images_follow_the_version_and_the_mirror() {
        let settings = ComponentSettings {
            version: Some("9.9.9".into()),
            registry: Some("registry.holodeck.example/mirror/".into()),
            ..ComponentSettings::default()
        };
        let found = of("argo-cd", &settings).unwrap();
        assert_eq!(found.version, "9.9.9");
        assert_eq!(found.images["argocd"], "registry.holodeck.example/mirror/argoproj/argocd:v9.9.9");
        assert!(found.images["redis"].starts_with("registry.holodeck.example/mirror/library/redis:"));
        assert!(!found.images["redis"].contains("9.9.9"));
    }

    #[test]
    fn a_digest_pins_the_images_own_version_only() {
        let digest = with(json!({"images": {"vault": {"digest": "sha256:00"}}}));
        assert!(of("vault", &digest).unwrap().images["vault"].ends_with("@sha256:00"));
        let other = ComponentSettings { version: Some("1".into()), ..digest };
        assert!(of("vault", &other).unwrap().images["vault"].ends_with("/vault:1"));
    }
}
