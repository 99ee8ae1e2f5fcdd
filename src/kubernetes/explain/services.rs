//! Why nobody answers at a Service: the pods behind it.

use kube::api::ListParams;
use serde_json::Value;

use super::{Finding, label_terms, listed, pods};
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::kinds::{Kind, POD};
use crate::kubernetes::name::ObjectName;
use crate::kubernetes::wording::kubectl;

/// Why nobody answers at a Service, unless that cannot be read.
pub(super) async fn explain(client: &Kubernetes, namespace: &str, service: &str) -> Option<Finding> {
    let kind = Kind::find("v1", "Service")?;
    let name = ObjectName { kind, namespace: Some(namespace.to_owned()), name: service.to_owned() };
    let live = match client.get(&name).await {
        Ok(Some(live)) => live,
        Ok(None) => {
            let what = format!("service {namespace}/{service} does not exist");
            return Some(Finding::new(what, kubectl(namespace, "get services")));
        }
        Err(error) => {
            tracing::debug!(error = error.chain(), "no explanation");
            return None;
        }
    };
    let labels = label_terms(&live, "/spec/selector").join(",");
    if labels.is_empty() {
        let what = format!("service {namespace}/{service} selects no pods");
        return Some(Finding::new(what, kubectl(namespace, format_args!("describe service {service}"))));
    }
    let pods = listed(client, &POD, namespace, ListParams::default().labels(&labels)).await?;
    Some(behind(client, namespace, &labels, &pods).await)
}

async fn behind(client: &Kubernetes, namespace: &str, labels: &str, found: &[Value]) -> Finding {
    if let Some(pod) = pods::most_telling(found) {
        return pods::explain(client, pod).await;
    }
    let command = kubectl(namespace, format_args!("get pods -l {labels}"));
    match found.iter().filter(|pod| !pods::is_leaving(pod)).count() {
        0 => Finding::new(format!("there is no pod with its labels ({labels})"), command),
        1 => Finding::new("the pod behind it is ready", command),
        count => Finding::new(format!("the {count} pods behind it are ready"), command),
    }
}
