//! Looks for credentials before anything is changed, so that a run does not stop halfway for want of one.

use holodeck_engine::{Action, Graph, Plan};

use super::KubernetesObject;
use super::field::entries;
use crate::secret::{self, SecretError, SecretReference, SecretSource};

/// A credential that an object needs and that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("`{object}` needs a credential")]
pub struct MissingCredential {
    /// The object's address.
    pub object: String,
    /// Why it cannot be had.
    #[source]
    pub source: SecretError,
}

/// The credentials that a plan's creations and changes need and that are not at hand. Those that are kept in services
/// are not looked for: the run itself may make them.
pub async fn missing_credentials(
    graph: &Graph,
    plan: &Plan,
    source: &dyn SecretSource,
) -> Vec<MissingCredential> {
    let mut missing = Vec::new();
    let made = plan.changes.iter().filter(|change| {
        matches!(change.action, Action::Create | Action::Update | Action::Replace)
            && change.address.kind == <KubernetesObject as holodeck_engine::Resource>::KIND
    });
    for change in made {
        let Some(manifest) = graph.desired(&change.address) else { continue };
        let texts = entries(manifest, "/stringData").filter_map(|(_, value)| value.as_str());
        let references = texts.flat_map(secret::references);
        for reference in references.filter(is_local) {
            if let Err(source) = source.resolve(&reference).await {
                missing.push(MissingCredential { object: change.address.to_string(), source });
            }
        }
    }
    missing
}

fn is_local(reference: &SecretReference) -> bool {
    matches!(reference, SecretReference::Env(_) | SecretReference::File(_))
}
