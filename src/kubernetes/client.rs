//! The connection to one cluster: lists, reads, applies and deletes objects as JSON.
//!
//! Invariant: every write goes through server-side apply with strict validation of fields, under [`FIELD_MANAGER`] for objects
//! of ours, and under [`NOTES_MANAGER`] for notes at those of others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use holodeck_engine::{Class, Error};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, LogParams, Patch, PatchParams, Preconditions,
    PropagationPolicy, ValidationDirective,
};
use kube::discovery::{self, Discovery};
use serde_json::{Value, json};

use super::error::{Effect, explained, is_gone, is_not_found};
use super::kinds::Kind;
use super::name::ObjectName;
use super::tunnel::{PortForward, Tunnel};
use super::{FIELD_MANAGER, NOTES_MANAGER, OWNER_LABEL, field};
use crate::secret::SecretSource;

/// How many objects one page of a list holds at most.
const PAGE: u32 = 500;
/// The most that is read of a container's last lines, in bytes.
const LONGEST_LOG: i64 = 8 * 1024;

/// Access to one cluster on behalf of one environment.
pub struct Kubernetes {
    client: kube::Client,
    environment: String,
    secrets: Arc<dyn SecretSource>,
    tunnel: Arc<dyn Tunnel>,
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes").field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl Kubernetes {
    /// Access through `client`, for objects of `environment`, whose credentials come from `secrets`.
    pub fn new(client: kube::Client, environment: impl Into<String>, secrets: Arc<dyn SecretSource>) -> Self {
        let tunnel = Arc::new(PortForward(client.clone()));
        Self { client, environment: environment.into(), secrets, tunnel }
    }

    /// The same access, with `tunnel` as the way to pods.
    pub fn with_tunnel(self, tunnel: Arc<dyn Tunnel>) -> Self {
        Self { tunnel, ..self }
    }

    /// The way to pods.
    pub(crate) fn tunnel(&self) -> &dyn Tunnel {
        &*self.tunnel
    }

    /// The environment's name, the value of its owner label.
    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    /// Where credentials are read from.
    pub(super) fn secrets(&self) -> &dyn SecretSource {
        &*self.secrets
    }

    /// Whether an object belongs to the environment. An object that a controller made for another one is the
    /// controller's, also where it copied the labels.
    pub(super) fn owns(&self, object: &Value) -> bool {
        let controlled =
            field::items(object, "/metadata/ownerReferences").iter().any(|owner| owner["controller"] == true);
        field::label(object, OWNER_LABEL) == Some(&self.environment) && !controlled
    }

    /// The kinds whose objects lie in namespaces and can be listed, each in the version that the server prefers.
    pub(super) async fn namespaced_resources(&self) -> Result<Vec<ApiResource>, Error> {
        let discovery = Discovery::new(self.client.clone()).run_aggregated().await;
        let discovery = discovery.map_err(|error| {
            explained("asking which kinds the cluster has".to_owned(), error, Effect::None)
        })?;
        let resources = discovery.groups().flat_map(|group| group.recommended_resources());
        Ok(resources
            .filter(|(_, capabilities)| {
                capabilities.scope == discovery::Scope::Namespaced
                    && capabilities.supports_operation(discovery::verbs::LIST)
            })
            .map(|(resource, _)| resource)
            .collect())
    }

    fn api(&self, resource: &ApiResource, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }

    fn api_of(&self, name: &ObjectName) -> Api<DynamicObject> {
        self.api(&name.kind.api_resource(), name.namespace.as_deref())
    }

    /// All objects of a kind that belong to the environment. A kind that the cluster does not know has none.
    pub(super) async fn list_owned(&self, kind: &'static Kind) -> Result<Vec<Value>, Error> {
        let selector = ListParams::default().labels(&format!("{OWNER_LABEL}={}", self.environment));
        let mut objects = self.list(&kind.api_resource(), None, selector).await?;
        objects.retain(|object| self.owns(object));
        Ok(objects)
    }

    /// The objects of a kind that `selector` selects, whoever they belong to, in one namespace or everywhere. A kind that
    /// the cluster does not know has none.
    pub(crate) async fn list(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        selector: ListParams,
    ) -> Result<Vec<Value>, Error> {
        let api = self.api(resource, namespace);
        let mut parameters = selector.limit(PAGE);
        let mut objects = Vec::new();
        loop {
            let page = match api.list(&parameters).await {
                Ok(page) => page,
                Err(error) if is_not_found(&error) => return Ok(objects),
                Err(error) => {
                    return Err(explained(format!("listing {}", resource.plural), error, Effect::None));
                }
            };
            for object in page.items {
                objects.push(as_json(resource, object)?);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => return Ok(objects),
            }
        }
    }

    /// An object, whoever it belongs to, if it exists.
    pub(crate) async fn get(&self, name: &ObjectName) -> Result<Option<Value>, Error> {
        match self.api_of(name).get_opt(&name.name).await {
            Ok(Some(object)) => as_json(&name.kind.api_resource(), object).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(explained(format!("reading `{name}`"), error, Effect::None)),
        }
    }

    /// Applies a manifest and returns the object as stored. Without `force`, a field that another manager owns with
    /// another value is a conflict.
    pub(super) async fn apply(
        &self,
        name: &ObjectName,
        manifest: &Value,
        force: bool,
    ) -> Result<Value, Error> {
        let parameters = PatchParams { force, ..strictly(FIELD_MANAGER) };
        self.patch(format!("applying `{name}`"), name, manifest, &parameters).await
    }

    async fn patch(
        &self,
        tried: String,
        name: &ObjectName,
        manifest: &Value,
        parameters: &PatchParams,
    ) -> Result<Value, Error> {
        match self.api_of(name).patch(&name.name, parameters, &Patch::Apply(manifest)).await {
            Ok(object) => as_json(&name.kind.api_resource(), object),
            Err(error) => Err(explained(tried, error, Effect::Change)),
        }
    }

    /// Writes annotations at the very object with this UID, in this version if there is one, and removes those that were
    /// written so before. Other fields, and annotations of others, stay as they are. Gives the object as it is then.
    pub(crate) async fn annotate(
        &self,
        name: &ObjectName,
        (uid, version): (&str, Option<&str>),
        annotations: &BTreeMap<&str, &str>,
    ) -> Result<Value, Error> {
        let mut manifest = json!({
            "apiVersion": name.kind.api_version(),
            "kind": name.kind.kind,
            "metadata": {
                "name": name.name, "namespace": name.namespace, "uid": uid, "annotations": annotations,
            },
        });
        if let Some(version) = version {
            manifest["metadata"]["resourceVersion"] = json!(version);
        }
        self.patch(format!("annotating `{name}`"), name, &manifest, &strictly(NOTES_MANAGER)).await
    }

    /// Deletes the very object with `uid`; what is gone, or has made way for another one, is no error.
    pub(crate) async fn delete(
        &self,
        name: &ObjectName,
        uid: &str,
        propagation: PropagationPolicy,
    ) -> Result<(), Error> {
        let parameters = DeleteParams {
            propagation_policy: Some(propagation),
            preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
            ..DeleteParams::default()
        };
        match self.api_of(name).delete(&name.name, &parameters).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(explained(format!("deleting `{name}`"), error, Effect::Change)),
        }
    }

    /// The last `lines` that a container of a pod wrote, in its present run or in the one before.
    pub(super) async fn log(
        &self,
        (namespace, pod, container): (&str, &str, &str),
        previous: bool,
        lines: i64,
    ) -> Result<String, Error> {
        let parameters = LogParams {
            container: Some(container.to_owned()),
            previous,
            tail_lines: Some(lines),
            limit_bytes: Some(LONGEST_LOG),
            ..LogParams::default()
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let tried = || format!("reading the log of container `{container}` of pod `{namespace}/{pod}`");
        api.logs(pod, &parameters).await.map_err(|error| explained(tried(), error, Effect::None))
    }
}

/// What a server-side apply is sent with, so that it refuses fields which it does not know.
fn strictly(manager: &str) -> PatchParams {
    PatchParams {
        field_manager: Some(manager.to_owned()),
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::default()
    }
}

/// An object as JSON; in lists the server leaves its type out.
fn as_json(resource: &ApiResource, object: DynamicObject) -> Result<Value, Error> {
    let mut value = serde_json::to_value(object).map_err(|error| {
        Error::new(Class::Failed, format!("an answer about a {} does not fit", resource.kind))
            .with_source(error)
    })?;
    value["apiVersion"] = resource.api_version.as_str().into();
    value["kind"] = resource.kind.as_str().into();
    Ok(value)
}
