//! The components of the base layer: from an environment and what lies below them to the objects that they consist of.
//!
//! Pure: nothing is read but the manifests that the program carries. Components know no provider; what they need from
//! below stands in the foundation, under the names that the templates use, possibly as outputs that are not known yet.

mod argo_cd;
mod cert_manager;
mod ingress_nginx;
pub mod template;
mod values;
mod vault;

use std::collections::BTreeSet;
use std::error::Error as _;

use holodeck_engine::{Class, Error, Graph};
use serde_json::{Map, Value, json};

use crate::charts;
use crate::environment::{ChartSource, ComponentSettings, Environment, Issuer};
use crate::kubernetes::{ComponentObjects, KubernetesObject, ManifestError, ObjectName, add_objects};
use crate::provider::Foundation;

pub use argo_cd::ARGO_CD;
pub use cert_manager::CERT_MANAGER;
pub use ingress_nginx::INGRESS_NGINX;
pub use template::TemplateError;
pub use values::ValuesError;
pub use vault::VAULT;

/// The issuer that Ingresses and Certificates of every namespace may name.
pub const CLUSTER_ISSUER: &str = "default";

/// A component of the base layer.
pub struct Component {
    /// Its name in the environment file, and that of its folder of manifests.
    pub name: &'static str,
    /// Its name as people write it.
    pub title: &'static str,
    /// The namespace that its objects lie in.
    pub namespace: &'static str,
    /// How many pods its scalable workloads have, unless `[components]` says otherwise.
    replicas: fn(&Environment) -> u32,
    /// What its templates find under `settings`: the parts of the environment that concern it alone.
    settings: fn(&Environment) -> Value,
    /// The files that also stand beside its upstream chart: what ties it to the platform, and no chart has.
    beside_chart: &'static [&'static str],
}

/// All components, in the order in which they are shown.
pub static COMPONENTS: [&Component; 4] = [&INGRESS_NGINX, &CERT_MANAGER, &VAULT, &ARGO_CD];

/// Why a component's objects could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// Its chart has an object that stands beside it already.
    #[error(
        "the chart of component `{component}` has `{object}`, which is made in any case; \
         turn it off in `components.{component}.source.values`"
    )]
    Twice {
        /// Which component.
        component: &'static str,
        /// Which object.
        object: String,
    },
    /// Its values do not fit.
    #[error("the values of component `{component}` do not fit")]
    Values {
        /// Which component.
        component: &'static str,
        /// What is wrong.
        #[source]
        source: ValuesError,
    },
    /// A template could not be rendered.
    #[error("rendering component `{component}`")]
    Template {
        /// Which component.
        component: &'static str,
        /// What is wrong, and where.
        #[source]
        source: TemplateError,
    },
    /// What was rendered is no manifest.
    #[error("the manifests of component `{component}` are wrong")]
    Manifest {
        /// Which component.
        component: &'static str,
        /// What is wrong, and where.
        #[source]
        source: ManifestError,
    },
}

/// Adds the provider's own objects on the cluster and those of all enabled components to the graph.
///
/// # Errors
/// Everything that is wrong with the components, in one.
pub fn declare(
    environment: &Environment,
    foundation: &Foundation,
    charts: &charts::Manifests,
    graph: &mut Graph,
) -> Result<(), Error> {
    graph.register::<KubernetesObject>(foundation.kubernetes);
    let mut all = foundation.objects.clone();
    all.extend(objects(environment, foundation, charts).map_err(|errors| {
        let each: Vec<String> = errors.iter().map(with_causes).collect();
        Error::new(Class::Refused, each.join("; "))
            .with_hint("correct the settings of the components in the environment file")
    })?);
    add_objects(graph, &environment.name, &all)
        .map_err(|error| Error::bug("an object of a component has no name").with_source(error))?;
    Ok(())
}

fn with_causes(error: &ComponentError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// Where the enabled components that have a web interface are found: what they are called, and their address.
pub fn urls(environment: &Environment) -> Vec<(&'static str, String)> {
    enabled(environment)
        .filter_map(|component| {
            let host = (component.settings)(environment)["host"].as_str()?.to_owned();
            Some((component.title, format!("https://{host}")))
        })
        .collect()
}

/// The enabled components that come from charts.
pub fn charted(environment: &Environment) -> impl Iterator<Item = (&'static Component, &ChartSource)> {
    COMPONENTS
        .into_iter()
        .filter_map(|component| Some((component, component.configured(environment).chart()?)))
}

fn enabled(environment: &Environment) -> impl Iterator<Item = &'static Component> {
    COMPONENTS.into_iter().filter(|component| component.configured(environment).enabled)
}

/// The objects of all enabled components, or everything that is wrong. `charts` has what the charts of those say that
/// come from charts; where it has none, the component consists of what stands beside its chart.
pub fn objects(
    environment: &Environment,
    foundation: &Foundation,
    charts: &charts::Manifests,
) -> Result<Vec<ComponentObjects>, Vec<ComponentError>> {
    let mut made = Vec::new();
    let mut errors = Vec::new();
    for component in enabled(environment) {
        match component.manifests(environment, foundation) {
            Ok(own) => {
                let chart = charts.get(component.name).map(Vec::as_slice).unwrap_or_default();
                errors.extend(component.twice(&own, chart));
                let manifests = [&own, chart].concat();
                made.push(ComponentObjects { component: component.name.to_owned(), manifests });
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(made) } else { Err(errors) }
}

impl Component {
    /// The component's table in the environment file.
    fn configured<'a>(&self, environment: &'a Environment) -> &'a ComponentSettings {
        let components = &environment.components;
        match self.name {
            "ingress-nginx" => &components.ingress_nginx,
            "cert-manager" => &components.cert_manager,
            "vault" => &components.vault,
            _ => &components.argo_cd,
        }
    }

    /// What both the program and the component's chart have.
    fn twice(&self, own: &[Value], chart: &[Value]) -> Option<ComponentError> {
        let names = |manifests: &[Value]| -> BTreeSet<String> {
            manifests.iter().filter_map(|manifest| Some(ObjectName::of(manifest).ok()?.to_string())).collect()
        };
        let twice = names(chart).intersection(&names(own)).next().cloned();
        twice.map(|object| ComponentError::Twice { component: self.name, object })
    }

    /// The manifests that the program carries.
    fn manifests(
        &self,
        environment: &Environment,
        foundation: &Foundation,
    ) -> Result<Vec<Value>, ComponentError> {
        let component = self.name;
        let context = self.context(environment, foundation)?;
        let rendered = match self.configured(environment).chart() {
            None => template::render(component, &context),
            Some(_) => template::render_only(component, self.beside_chart, &context),
        };
        rendered
            .map_err(|source| ComponentError::Template { component, source })?
            .iter()
            .map(|file| file.manifests())
            .collect::<Result<Vec<_>, _>>()
            .map(|manifests| manifests.concat())
            .map_err(|source| ComponentError::Manifest { component, source })
    }

    /// What the component's templates can use.
    fn context(&self, environment: &Environment, foundation: &Foundation) -> Result<Value, ComponentError> {
        let settings = self.configured(environment);
        let values = values::of(self.name, settings)
            .map_err(|source| ComponentError::Values { component: self.name, source })?;
        Ok(json!({
            "namespace": self.namespace,
            "environment": environment.name,
            "domain": environment.domain,
            "version": values.version,
            "images": values.images,
            "values": values.values,
            "replicas": settings.replicas.unwrap_or_else(|| (self.replicas)(environment)),
            "settings": (self.settings)(environment),
            "foundation": with_environment(environment, foundation),
        }))
    }
}

/// What the provider offers, with who signs the certificates, which the environment alone decides.
fn with_environment(environment: &Environment, foundation: &Foundation) -> Value {
    let certificates = &environment.certificates;
    let server = match certificates.issuer {
        Issuer::LetsEncrypt => Some("https://acme-v02.api.letsencrypt.org/directory"),
        Issuer::LetsEncryptStaging => Some("https://acme-staging-v02.api.letsencrypt.org/directory"),
        Issuer::InternalCa => None,
    };
    let mut context = json!(foundation);
    context["certificates"] = json!({
        "issuer": certificates.issuer,
        "cluster_issuer": CLUSTER_ISSUER,
        "server": server,
        "email": certificates.email,
    });
    context
}

/// Merges `over` into `base`, tables deeply; other values replace.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert_with(|| Value::Object(Map::new())), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
