//! Why an admission webhook cannot be asked: what stands between the API server and it, and the pods behind it.
//!
//! The API server's message is all that tells it; it names the webhook and the address of its Service:
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>.

use holodeck_engine::{Class, Error};

use super::services;
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::wording::plain;

/// `error`, with the reason why a webhook could not be asked, if that is what it says.
pub(super) async fn explained(client: &Kubernetes, error: Error) -> Error {
    let message = error.chain();
    let call = match error.class {
        Class::NotYet => Call::read(&message),
        _ => None,
    };
    let Some(call) = call else { return error };
    let mut what = call.told();
    let found = services::explain(client, call.namespace, call.service).await;
    if let Some(found) = &found {
        what.push_str(&format!("; {}", found.what));
    }
    let explained = Error::not_yet(error.to_string()).with_source(what);
    match found {
        Some(found) => explained.with_hint(found.hint()),
        None => explained,
    }
}

/// A call of a webhook that failed.
#[derive(Debug, PartialEq, Eq)]
struct Call<'a> {
    webhook: &'a str,
    namespace: &'a str,
    service: &'a str,
    /// What the API server met with.
    failure: &'a str,
}

impl<'a> Call<'a> {
    /// Reads `failed calling webhook "W": failed to call webhook: Post "https://S.N.svc:443/p?timeout=9s": FAILURE`.
    fn read(message: &'a str) -> Option<Self> {
        let (_, rest) = message.split_once("failed calling webhook \"")?;
        let (webhook, rest) = rest.split_once('"')?;
        let (_, rest) = rest.split_once("https://")?;
        let (address, failure) = rest.split_once("\": ")?;
        let host = address.split([':', '/', '?']).next()?;
        let (service, namespace) = host.strip_suffix(".svc")?.split_once('.')?;
        Some(Self { webhook, namespace, service, failure })
    }

    fn told(&self) -> String {
        let Self { webhook, namespace, service, failure } = self;
        let service = format!("{namespace}/{service}");
        let why = match failure {
            failure if failure.contains("no endpoints available") => {
                format!("no pod is ready behind its service {service}")
            }
            failure if failure.contains("connection refused") => {
                format!("the pods behind its service {service} refuse the connection")
            }
            failure if failure.contains("x509:") => {
                format!(
                    "its configuration does not hold the authority of service {service} yet ({})",
                    plain(failure)
                )
            }
            failure if failure.contains("deadline exceeded") || failure.contains("timeout") => {
                format!(
                    "its service {service} does not answer in time; a firewall or a network policy may be in the way"
                )
            }
            failure => format!("calling its service {service} failed ({})", plain(failure)),
        };
        format!("webhook {webhook} cannot be asked: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_webhook_and_its_service() {
        let message = |failure: &str| {
            format!(
                "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \
                 \"https://hook.a.svc:443/validate?timeout=10s\": {failure}"
            )
        };
        for (failure, told) in [
            ("no endpoints available for service \"hook\"", "no pod is ready behind its service a/hook"),
            (
                "dial tcp 10.96.0.9:443: connect: connection refused",
                "the pods behind its service a/hook refuse the connection",
            ),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                "its configuration does not hold the authority of service a/hook yet (tls: failed to verify \
                 certificate: x509: certificate signed by unknown authority)",
            ),
            (
                "context deadline exceeded",
                "its service a/hook does not answer in time; a firewall or a network policy may be in the way",
            ),
            ("EOF", "calling its service a/hook failed (EOF)"),
        ] {
            let message = message(failure);
            let call = Call::read(&message).unwrap();
            assert_eq!(call.told(), format!("webhook w.example.com cannot be asked: {told}"));
        }
    }

    #[test]
    fn other_messages_are_left_alone() {
        for message in [
            "admission webhook \"w\" denied the request: no",
            "failed calling webhook \"w\": expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview",
            "failed calling webhook \"w\": failed to call webhook: Post \"https://example.com/x\": EOF",
        ] {
            assert_eq!(Call::read(message), None, "{message}");
        }
    }
}
