//! Objects on a Kubernetes cluster: declared from manifests, applied on the server's side, found again by their labels.
//!
//! Invariant: an object without the environment's owner label is never changed or deleted, and no credential stands in
//! a desired or an observed object.

mod bystanders;
pub mod client;
mod credentials;
pub(crate) mod error;
mod explain;
pub(crate) mod field;
pub mod graph;
mod immutable;
pub mod kinds;
pub mod manifest;
pub mod name;
pub mod object;
mod projection;
pub mod relations;
mod secrets;
mod status;
pub(crate) mod tunnel;
mod volumes;
mod wording;

pub use client::Kubernetes;
pub use credentials::{MissingCredential, missing_credentials};
pub use graph::{ComponentObjects, add_objects};
pub use manifest::ManifestError;
pub use name::ObjectName;
pub use object::{KubernetesObject, ObjectOutputs};

/// The name under which fields are owned in server-side apply.
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers>
pub const FIELD_MANAGER: &str = "holodeck-bootstrap";
/// The name under which notes of ours are owned that stand at objects of others.
const NOTES_MANAGER: &str = "holodeck-bootstrap-notes";
/// The label whose value is the environment that an object belongs to.
pub const OWNER_LABEL: &str = "holodeck.dev/environment";
/// The label whose value is the component that an object belongs to.
pub const COMPONENT_LABEL: &str = "holodeck.dev/component";
/// The recommended label for the tool that manages an object.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The annotation of a Namespace that names what the workloads in it make by themselves, as `Kind/name` with spaces between:
/// it comes and goes with them.
pub const CONTENTS_ANNOTATION: &str = "holodeck.dev/contents";
/// The annotation of a Secret that tells, by key, where its values come from.
pub const SECRET_SOURCES_ANNOTATION: &str = "holodeck.dev/secret-sources";

#[cfg(test)]
mod tests;
