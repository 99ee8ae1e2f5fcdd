//! Charts as a source of components: from what an environment names to manifests.
//!
//! A chart's archive is fetched once, checked against its digest, and kept under it. Helm renders it; what comes out is
//! applied, pruned and awaited like the manifests that the program carries. No release is made on the cluster.

mod archive;
mod helm;
mod rendering;

use std::collections::BTreeMap;
use std::path::Path;

use futures::future::try_join_all;
use holodeck_engine::Error;
use serde_json::Value;

use crate::components;
use crate::environment::{ChartSource, Environment};
use crate::provider::Foundation;

/// What the charts of an environment say, by component.
pub type Manifests = BTreeMap<&'static str, Vec<Value>>;

/// What becomes of the components that come from charts.
#[derive(Clone, Copy, Debug)]
pub enum Charts<'a> {
    /// They are rendered; archives are kept in the folder.
    Rendered(&'a Path),
    /// They are left out. What is on the cluster is found by its labels: nothing has to be fetched to remove it.
    LeftOut,
}

/// A chart as it is to be installed.
struct Release<'a> {
    /// The component's name.
    component: &'a str,
    /// Its namespace, and its name as a release: the one that upstream's own instructions use.
    namespace: &'a str,
    /// The version of the cluster's API.
    kubernetes_version: &'a str,
    chart: &'a ChartSource,
}

impl Charts<'_> {
    /// The manifests of all components of `environment` that come from charts.
    ///
    /// # Errors
    /// Helm is missing, an archive cannot be fetched or is another one, or a chart cannot be rendered.
    pub async fn manifests(
        self,
        environment: &Environment,
        foundation: &Foundation,
    ) -> Result<Manifests, Error> {
        let Self::Rendered(folder) = self else { return Ok(Manifests::new()) };
        let each = components::charted(environment).map(|(component, chart)| async move {
            let release = Release {
                component: component.name,
                namespace: component.namespace,
                kubernetes_version: &foundation.kubernetes_version,
                chart,
            };
            let archive = archive::fetched(folder, chart).await?;
            Ok((component.name, rendering::rendered(&archive, &release).await?))
        });
        Ok(try_join_all(each).await?.into_iter().collect())
    }
}
