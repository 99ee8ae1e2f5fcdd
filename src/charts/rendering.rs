//! From a chart's archive to manifests, without a cluster. <https://helm.sh/docs/helm/helm_template/>
//!
//! Hooks that run at an installation are applied with everything else: what waits for them waits by itself, as it does for
//! any other object. Those that run only at other times (tests, removal, rollback) are left out.

use std::ffi::OsStr;
use std::path::Path;

use holodeck_engine::{Class, Error};
use serde_json::{Value, json};

use super::{Release, helm};
use crate::kubernetes::kinds::{Kind, Scope};
use crate::kubernetes::{ObjectName, manifest};

/// When a hook runs. <https://helm.sh/docs/topics/charts_hooks/>
const HOOK: &str = "/metadata/annotations/helm.sh~1hook";
const AT_INSTALLATION: [&str; 3] = ["crd-install", "pre-install", "post-install"];

/// The manifests of `release`, from its chart in `archive`.
///
/// # Errors
/// Helm refuses the values, or the manifests cannot be applied; or the chart generates something, such as a password,
/// that is another one each time, so that no plan could ever be empty.
pub(super) async fn rendered(archive: &Path, release: &Release<'_>) -> Result<Vec<Value>, Error> {
    let (once, again) = tokio::try_join!(template(archive, release), template(archive, release))?;
    match once.iter().zip(&again).find(|(one, other)| one != other) {
        Some((one, _)) => Err(unstable(one, release)),
        None => Ok(once),
    }
}

async fn template(archive: &Path, release: &Release<'_>) -> Result<Vec<Value>, Error> {
    let chart = release.chart;
    let tried = format!("render chart `{}` {} for `{}`", chart.chart, chart.version, release.component);
    let arguments: [&OsStr; 10] = [
        "template".as_ref(),
        release.namespace.as_ref(),
        archive.as_ref(),
        "--namespace".as_ref(),
        release.namespace.as_ref(),
        "--kube-version".as_ref(),
        release.kubernetes_version.as_ref(),
        "--include-crds".as_ref(),
        "--values".as_ref(),
        "-".as_ref(),
    ];
    let values = Value::Object(chart.values.clone()).to_string();
    let text = helm::run(&arguments, &values, &tried).await?;
    let place = format!("chart {} {}", chart.chart, chart.version);
    let adapted = |manifest| adapted(manifest, release.namespace);
    manifest::parse_adapted(&place, &text, adapted).map_err(|error| {
        Error::new(Class::Refused, format!("cannot apply what `{}` is made of", release.component))
            .with_source(error)
            .with_hint(format!(
                "turn it off in `components.{0}.source.values`, or set `components.{0}.source = \"embedded\"`",
                release.component
            ))
    })
}

/// The manifest as helm would install it, with the namespace that charts may leave out; `None` for what it would not.
fn adapted(mut manifest: Value, namespace: &str) -> Option<Value> {
    let hook = manifest.pointer(HOOK).and_then(Value::as_str);
    if hook.is_some_and(|hook| !hook.split(',').any(|event| AT_INSTALLATION.contains(&event.trim()))) {
        return None;
    }
    let text = |field: &str| manifest[field].as_str().unwrap_or_default();
    let kind = Kind::find(text("apiVersion"), text("kind"));
    let is_namespaced = kind.is_some_and(|kind| kind.scope == Scope::Namespaced);
    if is_namespaced && manifest["metadata"]["namespace"].is_null() {
        manifest["metadata"]["namespace"] = json!(namespace);
    }
    Some(manifest)
}

fn unstable(manifest: &Value, release: &Release<'_>) -> Error {
    let name = ObjectName::of(manifest).map(|name| name.to_string()).unwrap_or_default();
    let message = format!(
        "chart `{}` {} makes another `{name}` each time that it is rendered",
        release.chart.chart, release.chart.version
    );
    let hint = format!(
        "give what it generates (a password, a certificate) in `components.{}.source.values`",
        release.component
    );
    Error::new(Class::Refused, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, metadata: Value) -> Value {
        json!({"apiVersion": "v1", "kind": kind, "metadata": metadata})
    }

    #[test]
    fn what_belongs_into_a_namespace_gets_the_releases() {
        let adapted = |kind, metadata| adapted(object(kind, metadata), "vault").unwrap();
        assert_eq!(adapted("ConfigMap", json!({"name": "a"}))["metadata"]["namespace"], "vault");
        let other = json!({"name": "a", "namespace": "kube-system"});
        assert_eq!(adapted("ConfigMap", other)["metadata"]["namespace"], "kube-system");
        assert!(adapted("Namespace", json!({"name": "a"}))["metadata"].get("namespace").is_none());
    }

    #[test]
    fn hooks_of_an_installation_stay() {
        for (hook, stays) in [
            ("pre-install", true),
            ("pre-install,pre-upgrade", true),
            ("pre-upgrade, post-install", true),
            ("test", false),
            ("pre-upgrade", false),
            ("pre-delete,post-rollback", false),
        ] {
            let metadata = json!({"name": "a", "annotations": {"helm.sh/hook": hook}});
            assert_eq!(adapted(object("ConfigMap", metadata), "vault").is_some(), stays, "{hook}");
        }
    }
}
