//! What cert-manager and Argo CD do with their resources, once they run in the cluster.
//!
//! Issuers and certificates become ready (<https://cert-manager.io/docs/usage/certificate/>), Applications become synced
//! and healthy (<https://argo-cd.readthedocs.io/en/stable/operator-manual/health/>). The certificates are placeholders:
//! nothing is signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::controllers::Agenda;
use super::deletion;
use super::object::{
    Condition, condition, is_condition_true, is_terminating, items, name, namespace, number, rfc3339, set,
    set_condition, text, time,
};

const CERT_MANAGER: &str = "cert-manager.io";
/// Registering an account or reading a key pair.
const ISSUER_READY: SignedDuration = SignedDuration::from_secs(2);
/// Signing with a key that is at hand.
const SIGNING: SignedDuration = SignedDuration::from_secs(2);
/// An ACME order with a DNS-01 challenge, which waits for the record to be seen.
const ACME_ORDER: SignedDuration = SignedDuration::from_secs(60);
/// The finalizer by which an Application waits for its resources to be deleted.
const PRUNE: &str = "resources-finalizer.argocd.argoproj.io";
/// Deleting what an Application brought.
const PRUNING: SignedDuration = SignedDuration::from_secs(10);
/// How long a certificate is good for.
const LIFETIME: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Reading a repository and applying what is in it.
const SYNC: SignedDuration = SignedDuration::from_secs(15);

/// Starting the container that makes Redis' password.
const PASSWORD: SignedDuration = SignedDuration::from_secs(3);

/// Lets each of them react.
pub(super) fn run(cluster: &mut Cluster, agenda: &mut Agenda) {
    if let Some((deployment, since)) = available(cluster, "cert-manager") {
        let home = namespace(deployment).to_owned();
        for plural in ["issuers", "clusterissuers"] {
            for key in cluster.keys(CERT_MANAGER, plural) {
                issuer(cluster, &key, &home, since, agenda);
            }
        }
        for key in cluster.keys(CERT_MANAGER, "certificates") {
            certificate(cluster, &key, since, agenda);
        }
    }
    for key in cluster.keys("", "pods") {
        redis_password(cluster, &key, agenda);
    }
    for key in cluster.keys("argoproj.io", "applications") {
        application(cluster, &key, agenda);
    }
}

/// The Deployment of that name, once it is available, and since when it is.
pub(super) fn available<'a>(cluster: &'a Cluster, wanted: &str) -> Option<(&'a Value, Timestamp)> {
    let deployment = cluster
        .list("apps", "deployments", None)
        .find(|deployment| name(deployment) == wanted && is_available(deployment))?;
    let since = condition(deployment, "Available").and_then(|c| time(c, "/lastTransitionTime"))?;
    Some((deployment, since))
}

fn is_available(deployment: &Value) -> bool {
    is_condition_true(deployment, "Available") && number(deployment, "/status/readyReplicas").unwrap_or(0) > 0
}

fn created(object: &Value, since: Timestamp) -> Timestamp {
    time(object, "/metadata/creationTimestamp").map_or(since, |created| created.max(since))
}

fn issuer(cluster: &mut Cluster, key: &str, home: &str, since: Timestamp, agenda: &mut Agenda) {
    let Some(issuer) = cluster.at(key).cloned() else { return };
    let secret = text(&issuer, "/spec/ca/secretName");
    let place = if namespace(&issuer).is_empty() { home } else { namespace(&issuer) };
    let known = secret.is_empty() || cluster.get("", "secrets", place, secret).is_some();
    let message = format!("Error getting keypair for CA issuer: secrets \"{secret}\" not found");
    let ready = if !known {
        Condition { kind: "Ready", status: "False", reason: "ErrGetKeyPair", message: &message }
    } else if !agenda.is_due(created(&issuer, since) + ISSUER_READY) {
        return;
    } else if issuer.pointer("/spec/acme").is_some() {
        let message = "The ACME account was registered with the ACME server";
        Condition { kind: "Ready", status: "True", reason: "ACMEAccountRegistered", message }
    } else if !secret.is_empty() {
        Condition { kind: "Ready", status: "True", reason: "KeyPairVerified", message: "Signing CA verified" }
    } else {
        Condition { kind: "Ready", status: "True", reason: "IsReady", message: "" }
    };
    observe(cluster, key, &ready, agenda.now);
}

fn observe(cluster: &mut Cluster, key: &str, ready: &Condition<'_>, now: Timestamp) {
    cluster.update(key, |object| {
        set_condition(object, ready, now);
        let generation = number(object, "/metadata/generation").unwrap_or(1);
        let conditions = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            condition["observedGeneration"] = json!(generation);
        }
    });
}

fn certificate(cluster: &mut Cluster, key: &str, since: Timestamp, agenda: &mut Agenda) {
    let Some(certificate) = cluster.at(key).filter(|object| !is_terminating(object)).cloned() else { return };
    let (plural, place) = match text(&certificate, "/spec/issuerRef/kind") {
        "ClusterIssuer" => ("clusterissuers", ""),
        _ => ("issuers", namespace(&certificate)),
    };
    let issuer = cluster.get(CERT_MANAGER, plural, place, text(&certificate, "/spec/issuerRef/name"));
    let ready_since = issuer
        .and_then(|issuer| condition(issuer, "Ready"))
        .filter(|ready| ready["status"] == "True")
        .and_then(|ready| time(ready, "/lastTransitionTime"));
    let effort = match issuer.and_then(|issuer| issuer.pointer("/spec/acme")) {
        Some(_) => ACME_ORDER,
        None => SIGNING,
    };
    let start = ready_since.map(|ready| created(&certificate, since.max(ready)));
    if !start.is_some_and(|start| agenda.is_due(start + effort)) {
        let waiting = Condition {
            kind: "Ready",
            status: "False",
            reason: "DoesNotExist",
            message: "Issuing certificate as Secret does not exist",
        };
        observe(cluster, key, &waiting, agenda.now);
        return;
    }
    issue(cluster, &certificate, agenda.now);
    let ready = Condition {
        kind: "Ready",
        status: "True",
        reason: "Ready",
        message: "Certificate is up to date and has not expired",
    };
    observe(cluster, key, &ready, agenda.now);
    let now = agenda.now;
    cluster.update(key, |object| {
        super::object::set_default(object, &["status", "notBefore"], rfc3339(now));
        super::object::set_default(object, &["status", "notAfter"], rfc3339(now + LIFETIME));
        super::object::set_default(object, &["status", "revision"], 1);
    });
}

/// Stores the certificate's Secret unless it is there.
fn issue(cluster: &mut Cluster, certificate: &Value, now: Timestamp) {
    let secret_name = text(certificate, "/spec/secretName");
    if secret_name.is_empty() || cluster.get("", "secrets", namespace(certificate), secret_name).is_some() {
        return;
    }
    let placeholder =
        |what: &str| STANDARD.encode(format!("{what} of simulated certificate {}\n", name(certificate)));
    let mut secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {
            "name": secret_name, "namespace": namespace(certificate),
            "annotations": {"cert-manager.io/certificate-name": name(certificate)},
        },
        "data": {
            "ca.crt": placeholder("authority"), "tls.crt": placeholder("chain"), "tls.key": placeholder("key"),
        },
    });
    let template = &certificate["spec"]["secretTemplate"];
    for field in ["labels", "annotations"] {
        for (key, value) in super::object::map(template, &format!("/{field}")).into_iter().flatten() {
            set(&mut secret, &["metadata", field, key], value.clone());
        }
    }
    cluster.insert("", "secrets", secret, now);
}

/// A pod of Argo CD's Redis makes the password before its own container needs it: the Secret is the work of
/// `argocd admin redis-initial-password`, run by an init container.
fn redis_password(cluster: &mut Cluster, key: &str, agenda: &mut Agenda) {
    let Some(pod) = cluster.at(key).filter(|pod| !is_terminating(pod)).cloned() else { return };
    let makes_it =
        |container: &Value| container["command"] == json!(["argocd", "admin", "redis-initial-password"]);
    let exists = cluster.get("", "secrets", namespace(&pod), "argocd-redis").is_some();
    if exists || !items(&pod, "/spec/initContainers").iter().any(makes_it) {
        return;
    }
    let scheduled = condition(&pod, "PodScheduled").filter(|scheduled| scheduled["status"] == "True");
    let Some(scheduled) = scheduled.and_then(|scheduled| time(scheduled, "/lastTransitionTime")) else {
        return;
    };
    if agenda.is_due(scheduled + PASSWORD) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "argocd-redis", "namespace": namespace(&pod)},
            "data": {"auth": STANDARD.encode("simulated password")},
        });
        cluster.insert("", "secrets", secret, agenda.now);
    }
}

fn application(cluster: &mut Cluster, key: &str, agenda: &mut Agenda) {
    let Some(application) = cluster.at(key).cloned() else { return };
    let controller =
        cluster.get("apps", "statefulsets", namespace(&application), "argocd-application-controller");
    let runs = controller.is_some_and(|set| number(set, "/status/readyReplicas").unwrap_or(0) > 0);
    if !runs {
        return;
    }
    if let Some(since) = time(&application, "/metadata/deletionTimestamp") {
        if agenda.is_due(since + PRUNING) {
            deletion::release(cluster, key, PRUNE, agenda.now);
        }
        return;
    }
    if text(&application, "/status/sync/status") == "Synced" {
        return;
    }
    let seen = time(&application, "/status/reconciledAt");
    let synced = seen.is_some_and(|seen| agenda.is_due(seen + SYNC));
    let (sync, health) = if synced { ("Synced", "Healthy") } else { ("OutOfSync", "Missing") };
    let now = agenda.now;
    cluster.update(key, |object| {
        super::object::set_default(object, &["status", "reconciledAt"], rfc3339(now));
        set(object, &["status", "sync", "status"], sync);
        set(object, &["status", "health", "status"], health);
        if synced {
            set(
                object,
                &["status", "operationState"],
                json!({"phase": "Succeeded", "finishedAt": rfc3339(now)}),
            );
        }
    });
}
