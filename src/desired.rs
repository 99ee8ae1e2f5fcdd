//! The whole platform on one page: from an environment to the graph of all its resources.

use holodeck_engine::{Error, Graph};

use crate::charts::Charts;
use crate::components;
use crate::environment::Environment;
use crate::provider::{Foundation, Provider};
use crate::vault;

/// Everything that an environment consists of.
pub struct Desired {
    /// The resources.
    pub graph: Graph,
    /// What the provider gives the components.
    pub foundation: Foundation,
}

/// The graph of `environment` on `provider`: first what the provider brings, then the components on it.
pub async fn desired(
    environment: &Environment,
    provider: &dyn Provider,
    charts: Charts<'_>,
) -> Result<Desired, Error> {
    let mut graph = Graph::new();
    let foundation = provider.declare(environment, &mut graph)?;
    let charts = charts.manifests(environment, &foundation).await?;
    components::declare(environment, &foundation, &charts, &mut graph)?;
    vault::declare(environment, &foundation, &mut graph);
    Ok(Desired { graph, foundation })
}
