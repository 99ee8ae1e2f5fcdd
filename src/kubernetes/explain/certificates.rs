//! Why a certificate is not issued: down the chain from its request to the challenge, the last that exists tells most.
//!
//! The chain: <https://cert-manager.io/docs/troubleshooting/>.

use kube::api::ListParams;
use serde_json::Value;

use super::trouble::condition;
use super::{Finding, describe, is_owned, listed};
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::text;
use crate::kubernetes::kinds::{CERTIFICATE_REQUEST, CHALLENGE, Kind, ORDER};
use crate::kubernetes::wording::{plain, reason_and_message};

/// What comes of a Certificate, one after the other.
static CHAIN: [&Kind; 3] = [&CERTIFICATE_REQUEST, &ORDER, &CHALLENGE];

/// Why a certificate is not issued.
pub(super) async fn explain(client: &Kubernetes, certificate: &Value) -> Option<Finding> {
    let namespace = text(certificate, "/metadata/namespace");
    let mut found = last_failure(certificate);
    let mut owner = certificate.clone();
    for kind in CHAIN {
        let Some(children) = listed(client, kind, namespace, ListParams::default()).await else { break };
        let children = children.into_iter().filter(|child| is_owned(child, &owner));
        let open = children.filter(|child| text(child, "/status/state") != "valid");
        let Some(child) = open.max_by_key(|child| text(child, "/metadata/creationTimestamp").to_owned())
        else {
            break;
        };
        found = Some(Finding::new(told(&child), describe(&child)));
        owner = child;
    }
    found
}

/// What came of the last attempt, while there is no new one.
fn last_failure(certificate: &Value) -> Option<Finding> {
    let issuing = condition(certificate, "Issuing").filter(|issuing| issuing["status"] == "False")?;
    let message = plain(text(issuing, "/message"));
    (!message.is_empty()).then(|| Finding::new(message, describe(certificate)))
}

fn told(child: &Value) -> String {
    let name = text(child, "/metadata/name");
    let (state, reason) = (text(child, "/status/state"), text(child, "/status/reason"));
    let state = if state.is_empty() { "new" } else { state };
    let because = if reason.is_empty() { String::new() } else { format!(": {}", plain(reason)) };
    match text(child, "/kind") {
        "Challenge" => {
            format!("challenge {name} for {} is {state}{because}", text(child, "/spec/dnsName"))
        }
        "Order" => format!("order {name} is {state}{because}"),
        _ => format!("certificate request {name}: {}", request(child)),
    }
}

/// How far a request is: denied, not approved yet, or what its issuer says.
fn request(request: &Value) -> String {
    let is_true = |kind: &str| condition(request, kind).filter(|condition| condition["status"] == "True");
    let told =
        |condition: &Value| reason_and_message(text(condition, "/reason"), text(condition, "/message"));
    match (is_true("Denied"), is_true("Approved"), condition(request, "Ready")) {
        (Some(denied), _, _) => told(denied),
        (None, None, _) => "it has not been approved yet".to_owned(),
        (None, Some(_), Some(ready)) => told(ready),
        (None, Some(_), None) => "its issuer has not answered yet".to_owned(),
    }
}
