//! The GitOps controller, Argo CD, with the repositories that it reads and the roots that it takes over.
//!
//! Access data of repositories are placeholders until the objects are applied.

use serde_json::{Value, json};

use super::Component;
use crate::environment::{Environment, GitSource, Repository};
use crate::secret;

/// The GitOps controller.
pub static ARGO_CD: Component = Component {
    name: "argo-cd",
    title: "Argo CD",
    namespace: "argocd",
    // One serves while the other is replaced.
    replicas: |_| 2,
    settings,
    beside_chart: &[
        "namespace.yaml",
        "certificates.yaml",
        "ingress.yaml",
        "projects.yaml",
        "repositories.yaml",
        "applications.yaml",
    ],
};

/// Git servers take any user name with an access token.
const USERNAME: &str = "holodeck-bootstrap";

fn settings(environment: &Environment) -> Value {
    let argocd = &environment.argocd;
    let repositories: Vec<Value> =
        argocd.repositories.iter().map(|(name, repository)| access(name, repository)).collect();
    let gitops = environment.gitops.as_ref();
    json!({
        "host": format!("{}.{}", argocd.host, environment.domain),
        "admins": argocd.admins,
        "repositories": repositories,
        "platform": gitops.map(|gitops| source(environment, &gitops.platform)),
        "services_root": gitops.and_then(|gitops| gitops.services_root.as_ref()).map(|root| source(environment, root)),
    })
}

/// A repository with how it is signed in to: `password`, `ssh`, or not at all.
/// <https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#repositories>
fn access(name: &str, repository: &Repository) -> Value {
    let by = match repository.url.starts_with("ssh://") {
        true => "ssh",
        false => "password",
    };
    json!({
        "name": name,
        "url": repository.url,
        "credentials": repository.credentials.as_ref().map(|_| by),
        "username": USERNAME,
        "password": repository.credentials.as_ref().map(secret::placeholder),
    })
}

fn source(environment: &Environment, source: &GitSource) -> Value {
    let repository = environment.argocd.repositories.get(&source.repository);
    json!({
        "repository_url": repository.map(|repository| &repository.url),
        "path": source.path,
        "revision": source.revision,
    })
}
