//! cert-manager's webhook, which makes an authority of its own, and its injector, which writes authorities into webhook
//! configurations. <https://cert-manager.io/docs/concepts/ca-injector/>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::controllers::Agenda;
use super::object::{items, namespace, text};
use super::platform::available;

const FROM_CERTIFICATE: &str = "/metadata/annotations/cert-manager.io~1inject-ca-from";
const FROM_SECRET: &str = "/metadata/annotations/cert-manager.io~1inject-ca-from-secret";
/// The arguments by which the webhook is told where its authority is kept.
const SECRET: &str = "--dynamic-serving-ca-secret-name=";
/// Making a key, or noticing a change and writing it down.
const EFFORT: SignedDuration = SignedDuration::from_secs(1);

/// Lets both react.
pub(super) fn run(cluster: &mut Cluster, agenda: &mut Agenda) {
    if let Some((webhook, since)) = available(cluster, "cert-manager-webhook")
        && agenda.is_due(since + EFFORT)
    {
        let webhook = webhook.clone();
        make_authority(cluster, &webhook, agenda.now);
    }
    if let Some((_, since)) = available(cluster, "cert-manager-cainjector")
        && agenda.is_due(since + EFFORT)
    {
        for plural in ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
            for key in cluster.keys("admissionregistration.k8s.io", plural) {
                inject(cluster, &key);
            }
        }
    }
}

fn make_authority(cluster: &mut Cluster, webhook: &Value, now: Timestamp) {
    let arguments = items(webhook, "/spec/template/spec/containers/0/args").iter();
    let mut names = arguments.filter_map(|argument| argument.as_str()?.strip_prefix(SECRET));
    let Some(secret) = names.next() else { return };
    if cluster.get("", "secrets", namespace(webhook), secret).is_some() {
        return;
    }
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": secret, "namespace": namespace(webhook),
            "annotations": {"cert-manager.io/allow-direct-injection": "true"},
        },
        "data": {"ca.crt": STANDARD.encode("authority of the simulated webhook\n")},
    });
    cluster.insert("", "secrets", secret, now);
}

fn inject(cluster: &mut Cluster, key: &str) {
    let Some(authority) = cluster.at(key).and_then(|object| authority(cluster, object)) else { return };
    cluster.update(key, |object| {
        let webhooks = object.pointer_mut("/webhooks").and_then(Value::as_array_mut);
        for webhook in webhooks.into_iter().flatten() {
            webhook["clientConfig"]["caBundle"] = authority.clone();
        }
    });
}

/// The authority that a configuration asks for, once there is one.
fn authority(cluster: &Cluster, configuration: &Value) -> Option<Value> {
    let (place, secret) = match text(configuration, FROM_CERTIFICATE).split_once('/') {
        Some((place, certificate)) => {
            let certificate = cluster.get("cert-manager.io", "certificates", place, certificate)?;
            (place, text(certificate, "/spec/secretName"))
        }
        None => text(configuration, FROM_SECRET).split_once('/')?,
    };
    cluster.get("", "secrets", place, secret)?.pointer("/data/ca.crt").cloned()
}
