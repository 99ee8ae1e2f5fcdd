//! The whole platform on one page: from an environment to the graph of all its resources.

use holodeck_engine::{Error, Graph};

use crate::components;
use crate::environment::Environment;
use crate::provider::{Foundation, Provider};

/// Everything that an environment consists of.
pub struct Desired {
    /// The resources.
    pub graph: Graph,
    /// What the provider gives the components.
    pub foundation: Foundation,
}

/// The graph of `environment` on `provider`: first what the provider brings, then the components on it.
pub fn desired(environment: &Environment, provider: &dyn Provider) -> Result<Desired, Error> {
    let mut graph = Graph::new();
    let foundation = provider.declare(environment, &mut graph)?;
    components::declare(environment, &foundation, &mut graph)?;
    Ok(Desired { graph, foundation })
}
