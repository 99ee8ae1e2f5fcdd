//! Argo CD's objects as a test sees them: which Applications there are, and how they are.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::ArgoCd;
use super::platform::NAMESPACE;

/// The objects of one of Argo CD's kinds.
pub fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", kind));
    Api::namespaced_with(client.clone(), NAMESPACE, &resource)
}

/// The names of all Applications.
pub async fn names(client: &Client) -> Vec<String> {
    let listed = api(client, "Application").list(&ListParams::default()).await.expect("a list");
    listed.iter().map(ResourceExt::name_any).collect()
}

/// Nothing, if an Application is synced and healthy. Otherwise what is in the way.
pub fn is_well(application: &DynamicObject) -> Result<(), String> {
    let text = |at: &str| application.data.pointer(at).and_then(Value::as_str).unwrap_or("unknown");
    let (sync, health) = (text("/status/sync/status"), text("/status/health/status"));
    if (sync, health) == ("Synced", "Healthy") {
        return Ok(());
    }
    let conditions = application.data.pointer("/status/conditions").cloned().unwrap_or_default();
    Err(format!("{sync}, {health}, {}, {conditions}", text("/status/operationState/message")))
}

/// Waits until exactly these Applications are there, synced and healthy.
pub async fn until_all_are_well(argo_cd: &mut ArgoCd<'_>, client: &Client, names: &[&str]) {
    let applications = api(client, "Application");
    argo_cd
        .until(&format!("the health of {names:?}"), async || {
            let listed =
                applications.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
            let found: Vec<String> = listed.iter().map(ResourceExt::name_any).collect();
            if found != names {
                return Err(format!("there are {found:?}"));
            }
            for application in &listed {
                is_well(application).map_err(|why| format!("{}: {why}", application.name_any()))?;
            }
            Ok(())
        })
        .await;
}

/// Has Argo CD look for new commits at once, as a web hook does. Otherwise it would within minutes.
pub async fn refresh(client: &Client, kind: &str, name: &str) {
    let annotation = match kind {
        "ApplicationSet" => ("argocd.argoproj.io/application-set-refresh", "true"),
        _ => ("argocd.argoproj.io/refresh", "normal"),
    };
    let patch = json!({ "metadata": { "annotations": { annotation.0: annotation.1 } } });
    let patched = api(client, kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
    patched.expect("an annotation");
}
