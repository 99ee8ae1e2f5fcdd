//! Deletion: finalizers, dependents, and what namespaces and definitions take with them.
//!
//! Rules: <https://kubernetes.io/docs/concepts/architecture/garbage-collection/> and
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/>.

use std::collections::BTreeSet;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::controllers::Agenda;
use super::kinds::{Resource, defined_by};
use super::object::{
    Condition, entry, is_terminating, items, name, remove, rfc3339, set, set_condition, text, time, uid,
};
use super::request::Request;
use super::status::Refusal;

/// The finalizer by which a definition waits for its resources.
pub(super) const DEFINITION_CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
const FOREGROUND: &str = "foregroundDeletion";
/// How long an empty namespace takes to go.
const NAMESPACE_LINGERS: SignedDuration = SignedDuration::from_secs(5);

/// Whether nothing holds a terminating object any more.
pub(super) fn may_go(object: &Value) -> bool {
    items(object, "/metadata/finalizers").is_empty()
        && (object["kind"] != "Namespace" || items(object, "/spec/finalizers").is_empty())
}

/// DELETE of one object.
pub(super) fn delete(
    cluster: &mut Cluster,
    resource: &Resource,
    key: &str,
    request: &Request,
    now: Timestamp,
) -> Result<(StatusCode, Value), Refusal> {
    let object_name = key.rsplit('/').next().unwrap_or_default();
    let object = cluster.at(key).cloned().ok_or_else(|| Refusal::not_found(resource, object_name))?;
    let options = if request.body.is_empty() { json!({}) } else { request.json()? };
    check_preconditions(resource, &object, &options)?;
    let dry_run = request.is_dry_run() || items(&options, "/dryRun").iter().any(|mode| mode == "All");
    let policy = options["propagationPolicy"].as_str().or(request.parameter("propagationPolicy"));
    if !dry_run {
        if policy == Some("Orphan") {
            orphan_dependents(cluster, uid(&object));
        }
        if policy == Some("Foreground") && !is_terminating(&object) {
            cluster.update(key, |object| {
                let finalizers = entry(entry(object, "metadata"), "finalizers");
                match finalizers.as_array_mut() {
                    Some(list) => list.push(json!(FOREGROUND)),
                    None => *finalizers = json!([FOREGROUND]),
                }
            });
        }
        begin(cluster, key, now);
    }
    if let Some(remaining) = cluster.at(key) {
        return Ok((StatusCode::OK, remaining.clone()));
    }
    let details = json!({
        "name": name(&object), "group": resource.group, "kind": resource.plural, "uid": uid(&object),
    });
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Ok((StatusCode::OK, status))
}

fn check_preconditions(resource: &Resource, object: &Value, options: &Value) -> Result<(), Refusal> {
    for (field, what) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let expected = text(options, &format!("/preconditions/{field}"));
        let actual = text(object, &format!("/metadata/{field}"));
        if !expected.is_empty() && expected != actual {
            let why = format!(
                "Precondition failed: {what} in precondition: {expected}, {what} in object meta: {actual}"
            );
            return Err(Refusal::conflict(resource, name(object), &why));
        }
    }
    Ok(())
}

/// Removes an object, or marks it as terminating where finalizers hold it.
pub(super) fn begin(cluster: &mut Cluster, key: &str, now: Timestamp) {
    let Some(object) = cluster.at(key) else { return };
    if may_go(object) {
        cluster.remove(key);
    } else if !is_terminating(object) {
        let namespace = object["kind"] == "Namespace";
        cluster.update(key, |object| {
            set(object, &["metadata", "deletionTimestamp"], rfc3339(now));
            set(object, &["metadata", "deletionGracePeriodSeconds"], 0);
            if namespace {
                set(object, &["status", "phase"], "Terminating");
            }
        });
    }
}

fn orphan_dependents(cluster: &mut Cluster, owner: &str) {
    for key in dependents(cluster, owner) {
        cluster.update(&key, |object| {
            if let Some(list) = object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut)
            {
                list.retain(|reference| reference["uid"] != owner);
            }
            if items(object, "/metadata/ownerReferences").is_empty() {
                remove(object, "/metadata", "ownerReferences");
            }
        });
    }
}

fn dependents(cluster: &Cluster, owner: &str) -> Vec<String> {
    cluster
        .all()
        .filter(|(_, object)| {
            items(object, "/metadata/ownerReferences").iter().any(|reference| reference["uid"] == owner)
        })
        .map(|(key, _)| key.to_owned())
        .collect()
}

/// Lets go what nothing holds: dependents without an owner, contents of namespaces, resources of definitions.
pub(super) fn collect(cluster: &mut Cluster, agenda: &mut Agenda) {
    collect_dependents(cluster, agenda.now);
    for key in cluster.keys("", "namespaces") {
        drain_namespace(cluster, &key, agenda);
    }
    for key in cluster.keys("apiextensions.k8s.io", "customresourcedefinitions") {
        drain_definition(cluster, &key, agenda.now);
    }
}

fn collect_dependents(cluster: &mut Cluster, now: Timestamp) {
    let foreground: Vec<(String, String)> = cluster
        .all()
        .filter(|(_, object)| is_terminating(object))
        .filter(|(_, object)| items(object, "/metadata/finalizers").iter().any(|entry| entry == FOREGROUND))
        .map(|(key, object)| (key.to_owned(), uid(object).to_owned()))
        .collect();
    for (key, owner) in foreground {
        for dependent in dependents(cluster, &owner) {
            begin(cluster, &dependent, now);
        }
        if dependents(cluster, &owner).is_empty() {
            release(cluster, &key, FOREGROUND, now);
        }
    }
    let alive: BTreeSet<&str> = cluster.all().map(|(_, object)| uid(object)).collect();
    let orphans: Vec<String> = cluster
        .all()
        .filter(|(_, object)| {
            let owners = items(object, "/metadata/ownerReferences");
            !owners.is_empty() && owners.iter().all(|owner| !alive.contains(text(owner, "/uid")))
        })
        .map(|(key, _)| key.to_owned())
        .collect();
    for key in orphans {
        begin(cluster, &key, now);
    }
}

/// Removes a finalizer, and the object if nothing else holds it while it terminates.
pub(super) fn release(cluster: &mut Cluster, key: &str, finalizer: &str, now: Timestamp) {
    cluster.update(key, |object| {
        if let Some(list) = object.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
            list.retain(|entry| entry != finalizer);
        }
        if items(object, "/metadata/finalizers").is_empty() {
            remove(object, "/metadata", "finalizers");
        }
    });
    if cluster.at(key).is_some_and(is_terminating) {
        begin(cluster, key, now);
    }
}

fn drain_namespace(cluster: &mut Cluster, key: &str, agenda: &mut Agenda) {
    let Some(namespace) = cluster.at(key).filter(|namespace| is_terminating(namespace)) else { return };
    let (since, label) = (time(namespace, "/metadata/deletionTimestamp"), name(namespace).to_owned());
    let contents = |cluster: &Cluster| -> Vec<String> {
        let inside = cluster.all().filter(|(_, object)| super::object::namespace(object) == label);
        inside.map(|(key, _)| key.to_owned()).collect()
    };
    for content in contents(cluster) {
        begin(cluster, &content, agenda.now);
    }
    let remaining = contents(cluster);
    if !remaining.is_empty() {
        let message =
            format!("Some content in the namespace has finalizers remaining: {}", remaining.join(", "));
        let condition = Condition {
            kind: "NamespaceFinalizersRemaining",
            status: "True",
            reason: "SomeFinalizersRemain",
            message: &message,
        };
        cluster.update(key, |object| set_condition(object, &condition, agenda.now));
    } else if since.is_none_or(|since| agenda.is_due(since + NAMESPACE_LINGERS)) {
        cluster.update(key, |object| set(object, &["spec", "finalizers"], json!([])));
        begin(cluster, key, agenda.now);
    }
}

fn drain_definition(cluster: &mut Cluster, key: &str, now: Timestamp) {
    let Some(definition) = cluster.at(key).filter(|definition| is_terminating(definition)) else { return };
    let Some(resource) = defined_by(definition).into_iter().next() else {
        release(cluster, key, DEFINITION_CLEANUP, now);
        return;
    };
    for instance in cluster.keys(&resource.group, &resource.plural) {
        begin(cluster, &instance, now);
    }
    if cluster.keys(&resource.group, &resource.plural).is_empty() {
        release(cluster, key, DEFINITION_CLEANUP, now);
    }
}
