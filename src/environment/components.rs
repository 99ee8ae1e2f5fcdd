//! `[components]`: what can be set for every component of the base layer alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings common to the components of the base layer, by component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Components {
    /// The ingress controller.
    pub ingress_nginx: ComponentSettings,
    /// The certificate controller.
    pub cert_manager: ComponentSettings,
    /// The secret store.
    pub vault: ComponentSettings,
    /// The GitOps controller.
    pub argo_cd: ComponentSettings,
}

impl Components {
    /// Every component's settings with the name that its table has in the file.
    pub fn named(&self) -> [(&'static str, &ComponentSettings); 4] {
        [
            ("ingress-nginx", &self.ingress_nginx),
            ("cert-manager", &self.cert_manager),
            ("vault", &self.vault),
            ("argo-cd", &self.argo_cd),
        ]
    }
}

/// Settings of one component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComponentSettings {
    /// Whether the component is installed. Turning it off removes it.
    pub enabled: bool,

    /// Version of the component's images, instead of the one that the manifests were written for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub version: Option<String>,

    /// Registry that mirrors the images, with an optional path, instead of their public registries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = "registry.holodeck.example/mirror")]
    pub registry: Option<String>,

    /// Number of pods of each of the component's scalable workloads, instead of the component's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub replicas: Option<u32>,

    /// Values for the component's templates, merged deeply over their defaults.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,

    /// Where the manifests come from.
    pub source: Source,
}

impl Default for ComponentSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            version: None,
            registry: None,
            replicas: None,
            values: Map::new(),
            source: Source::Embedded,
        }
    }
}

impl ComponentSettings {
    /// The chart that the component comes from, if it is installed from one.
    pub fn chart(&self) -> Option<&ChartSource> {
        match &self.source {
            Source::Chart(chart) if self.enabled => Some(chart),
            _ => None,
        }
    }
}

/// Where a component's manifests come from: `"embedded"`, or a table that names a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The manifests that this program carries.
    #[default]
    Embedded,
    /// The component's upstream Helm chart.
    #[serde(untagged)]
    Chart(ChartSource),
}

/// A Helm chart, pinned by digest and rendered with `helm template`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartSource {
    /// Name of the chart.
    #[schemars(length(min = 1), example = &"vault")]
    pub chart: String,

    /// Address of the chart repository, `https://…`, `http://…` or `oci://…`, without credentials.
    #[schemars(length(min = 1), example = "https://charts.holodeck.example")]
    pub repository: String,

    /// Version of the chart.
    #[schemars(length(min = 1), example = "1.0.0")]
    pub version: String,

    /// SHA-256 of the chart's archive, as `sha256:` and 64 hexadecimal digits.
    #[schemars(
        extend("format" = "sha256-digest"),
        example = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    )]
    pub digest: String,

    /// Values for the chart.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
}
