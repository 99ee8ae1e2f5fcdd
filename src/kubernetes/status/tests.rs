//! A table of live objects and what their status says.

use holodeck_engine::Status;
use serde_json::{Value, json};

use super::status;

fn told(kind: &str, spec: Value, status_: Value) -> String {
    let live = json!({"kind": kind, "metadata": {"generation": 2}, "spec": spec, "status": status_});
    match status(&live) {
        Status::Ready => "ready".to_owned(),
        Status::InProgress(why) => why,
        Status::Failed(why) => format!("failed: {why}"),
        Status::Deleting(why) => format!("deleting: {why}"),
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"conditions": [{"type": kind, "status": status, "reason": reason, "message": message}]})
}

#[test]
fn deployments() {
    let counts = |updated: i64, all: i64, ready: i64, available: i64| {
        json!({
            "observedGeneration": 2, "updatedReplicas": updated, "replicas": all,
            "readyReplicas": ready, "availableReplicas": available,
        })
    };
    for (status, expected) in [
        (json!({}), "its controller has not seen it yet"),
        (json!({"observedGeneration": 1}), "its controller has not seen the change yet"),
        (counts(1, 3, 3, 3), "1 of 3 replicas are up to date"),
        (counts(3, 4, 3, 3), "1 old replicas are still there"),
        (counts(3, 3, 2, 2), "2 of 3 replicas are ready"),
        (counts(3, 3, 3, 2), "2 of 3 replicas have been ready for long enough"),
        (counts(3, 3, 3, 3), "ready"),
    ] {
        assert_eq!(told("Deployment", json!({"replicas": 3}), status), expected);
    }
    let mut refused = counts(0, 0, 0, 0);
    refused["conditions"] =
        condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")["conditions"].clone();
    assert_eq!(
        told("Deployment", json!({"replicas": 1}), refused),
        "0 of 1 replicas are up to date; FailedCreate: exceeded quota"
    );
    assert_eq!(told("Deployment", json!({"replicas": 0}), json!({"observedGeneration": 2})), "ready");
}

#[test]
fn stateful_sets() {
    let counts = |ready: i64, updated: i64, current: &str| {
        json!({
            "observedGeneration": 2, "replicas": 3, "readyReplicas": ready, "updatedReplicas": updated,
            "currentRevision": current, "updateRevision": "new",
        })
    };
    let partition = json!({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}});
    let on_delete = json!({"replicas": 3, "updateStrategy": {"type": "OnDelete"}});
    let rolling = json!({"replicas": 3});
    for (spec, status, expected) in [
        (&rolling, counts(2, 3, "new"), "2 of 3 replicas are ready"),
        (&rolling, counts(3, 1, "old"), "1 of 3 replicas are up to date"),
        (&rolling, counts(3, 3, "old"), "the last replica is being updated"),
        (&rolling, counts(3, 3, "new"), "ready"),
        (&partition, counts(3, 0, "old"), "0 of 1 replicas are up to date"),
        (&partition, counts(3, 1, "old"), "ready"),
        (&on_delete, counts(3, 0, "old"), "ready"),
        (&on_delete, counts(2, 0, "old"), "2 of 3 replicas are ready"),
    ] {
        assert_eq!(told("StatefulSet", spec.clone(), status), expected);
    }
}

#[test]
fn daemon_sets() {
    let counts = |current: i64, updated: i64, ready: i64| {
        json!({
            "observedGeneration": 2, "desiredNumberScheduled": 2, "currentNumberScheduled": current,
            "updatedNumberScheduled": updated, "numberReady": ready, "numberAvailable": ready,
        })
    };
    assert_eq!(told("DaemonSet", json!({}), counts(1, 1, 1)), "1 of 2 pods are scheduled");
    assert_eq!(told("DaemonSet", json!({}), counts(2, 1, 2)), "1 of 2 pods are up to date");
    assert_eq!(told("DaemonSet", json!({}), counts(2, 2, 1)), "1 of 2 pods are ready");
    assert_eq!(told("DaemonSet", json!({}), counts(2, 2, 2)), "ready");
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    assert_eq!(told("DaemonSet", on_delete, counts(2, 0, 2)), "ready");
}

#[test]
fn other_kinds() {
    let address = json!({"loadBalancer": {"ingress": [{"hostname": "x"}]}});
    for (kind, spec, status, expected) in [
        ("Job", json!({}), json!({}), "0 of 1 pods have succeeded"),
        ("Job", json!({}), json!({"failed": 2}), "0 of 1 pods have succeeded, 2 have failed"),
        ("Job", json!({}), condition("Complete", "True", "", ""), "ready"),
        (
            "Job",
            json!({}),
            condition("Failed", "True", "BackoffLimitExceeded", "too often"),
            "failed: BackoffLimitExceeded: too often",
        ),
        ("PersistentVolumeClaim", json!({}), json!({"phase": "Pending"}), "it is Pending"),
        ("PersistentVolumeClaim", json!({}), json!({"phase": "Bound"}), "ready"),
        ("Namespace", json!({}), json!({"phase": "Active"}), "ready"),
        ("Service", json!({"type": "ClusterIP"}), json!({}), "ready"),
        ("Service", json!({"type": "LoadBalancer"}), json!({}), "its load balancer has no address yet"),
        ("Service", json!({"type": "LoadBalancer"}), address, "ready"),
        (
            "CustomResourceDefinition",
            json!({}),
            json!({}),
            "its controller has not reported `Established` yet",
        ),
        ("CustomResourceDefinition", json!({}), condition("Established", "True", "", ""), "ready"),
        (
            "CustomResourceDefinition",
            json!({}),
            condition("NamesAccepted", "False", "Conflict", "taken"),
            "Conflict: taken",
        ),
        (
            "APIService",
            json!({}),
            condition("Available", "False", "MissingEndpoints", "none"),
            "MissingEndpoints: none",
        ),
        (
            "Certificate",
            json!({}),
            condition("Ready", "False", "DoesNotExist", "issuing"),
            "DoesNotExist: issuing",
        ),
        ("ClusterIssuer", json!({}), json!({}), "its controller has not reported `Ready` yet"),
        ("ClusterIssuer", json!({}), condition("Ready", "True", "", ""), "ready"),
        ("Application", json!({}), json!({"health": {"status": "Degraded"}}), "ready"),
        ("Widget", json!({}), condition("Ready", "False", "", "not yet"), "not yet"),
        (
            "Widget",
            json!({}),
            condition("Reconciling", "True", "Progressing", "at it\nstill"),
            "Progressing: at it still",
        ),
        ("Widget", json!({}), condition("Stalled", "True", "Quota", ""), "Quota"),
        ("Widget", json!({}), json!({}), "ready"),
        ("ConfigMap", json!({}), json!({}), "ready"),
        ("ValidatingWebhookConfiguration", json!({}), json!({}), "ready"),
    ] {
        assert_eq!(told(kind, spec, status), expected, "{kind}");
    }
}

#[test]
fn webhooks_need_the_authority_that_is_to_be_injected() {
    let told = |annotations: Value, bundle: &str| {
        let kind = "ValidatingWebhookConfiguration";
        let webhooks = json!([{"clientConfig": {"caBundle": bundle}}]);
        status(&json!({"kind": kind, "metadata": {"annotations": annotations}, "webhooks": webhooks}))
    };
    for (source, named) in [("inject-ca-from", "certificate"), ("inject-ca-from-secret", "secret")] {
        let annotations = json!({(format!("cert-manager.io/{source}")): "web/ca"});
        let why = format!("cert-manager has not written the authority of {named} web/ca into it yet");
        assert_eq!(told(annotations.clone(), ""), Status::InProgress(why));
        assert_eq!(told(annotations, "YQ=="), Status::Ready);
    }
    assert_eq!(told(json!({}), ""), Status::Ready, "nobody is to inject anything");
}

#[test]
fn a_condition_of_an_earlier_generation_does_not_count() {
    let mut stale = condition("Ready", "True", "", "");
    stale["conditions"][0]["observedGeneration"] = 1.into();
    assert_eq!(told("Certificate", json!({}), stale), "its controller has not seen the change yet");
}

#[test]
fn removals_tell_what_they_wait_for() {
    let leaving = |finalizers: Value, status_: Value| {
        let metadata = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers});
        status(&json!({"kind": "Namespace", "metadata": metadata, "status": status_})).why().to_owned()
    };
    assert_eq!(leaving(json!([]), json!({})), "it is being removed");
    assert_eq!(leaving(json!(["a/b"]), json!({})), "waits for its finalizers: a/b");
    let condition = |kind: &str, status: &str, message: &str| json!({"type": kind, "status": status, "reason": "x", "message": message});
    let remaining = json!({"conditions": [
        condition("NamespaceDeletionDiscoveryFailure", "False", "all is known"),
        condition("NamespaceContentRemaining", "True", "pods. has 1 resource instances"),
        condition("NamespaceFinalizersRemaining", "True", "a/b in 1 resource instances"),
    ]});
    assert_eq!(leaving(json!([]), remaining), "pods. has 1 resource instances; a/b in 1 resource instances");
    let definition = json!({"conditions": [
        condition("Established", "True", "the initial names have been accepted"),
        condition("Terminating", "True", "CustomResource deletion is in progress"),
    ]});
    assert_eq!(leaving(json!(["a/b"]), definition), "CustomResource deletion is in progress");
}
