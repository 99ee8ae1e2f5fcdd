//! Why a Service of type LoadBalancer has no address.

use serde_json::Value;

use super::{Finding, describe, events};
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::text;

/// Why a Service has no address: what its controller last warned of or did, or that there seems to be none.
pub(super) async fn explain(client: &Kubernetes, service: &Value) -> Option<Finding> {
    let events = events::about(client, service).await?;
    let what = match (events::last_warning(&events), events.last(), text(service, "/spec/loadBalancerClass"))
    {
        (Some(event), _, _) | (None, Some(event), _) => events::told(event),
        (None, None, "") => "no load balancer controller has answered yet".to_owned(),
        (None, None, class) => format!("no load balancer controller for class {class} has answered yet"),
    };
    Some(Finding::new(what, describe(service)))
}
