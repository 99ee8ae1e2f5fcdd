//! What a wait tells that does not end, and what its error says at the time-out, with the command to look further with.
//!
//! The API server, the scheduler and the controllers are real, so what they say is; what a node would say is played by the
//! stages in `stages/pods.yaml`.

mod world;

use kube::api::DynamicObject;
use serde_json::{Value, json};

use world::{Environment, client, put, read};

/// A stateful set of one pod in a namespace, and what is told of it before the pod's own reason.
fn stateful_set(namespace: &str, fate: &str, pod: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: web, namespace: {namespace}}}
spec:
  replicas: 1
  serviceName: web
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}, annotations: {{fate: {fate}}}}}
    spec:
      {pod}
      containers:
        - name: web
          image: registry.invalid/web:1
          resources: {{limits: {{memory: 64Mi}}}}
"#
    )
}

const BEFORE: &str = "gave up after 15 minutes: 0 of 1 replicas are ready; pod web-0: ";

/// Waits for a stateful set in vain: its error must end with `reason`, and its hint must name `command`.
async fn waits_in_vain(namespace: &'static str, fate: &str, pod: &str, reason: &str, command: &str) {
    let environment = Environment::new(namespace, &stateful_set(namespace, fate, pod));
    let (error, hint) = environment.up_in_vain(reason).await;
    assert_eq!(error, format!("{BEFORE}{reason}"));
    assert_eq!(hint, next(&format!("-n {namespace} {command}")));
}

fn next(command: &str) -> String {
    format!("look further with `kubectl {command}`; run the command again to go on waiting from here")
}

#[tokio::test]
async fn a_pod_that_fits_no_node() {
    let reason =
        "unschedulable: 0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector";
    waits_in_vain("no-node", "none", "nodeSelector: {disk: fast}", reason, "describe pod web-0").await;
}

#[tokio::test]
async fn a_pod_that_asks_for_more_than_there_is() {
    let pod = "resources: {requests: {cpu: 64}}";
    let reason = "unschedulable: 0/3 nodes are available: 3 Insufficient cpu";
    waits_in_vain("too-much", "none", pod, reason, "describe pod web-0").await;
}

#[tokio::test]
async fn an_image_that_cannot_be_had() {
    let reason = "image registry.invalid/web:1 of container web cannot be had: rpc error: code = NotFound desc = \
                  registry.invalid/web:1: not found";
    waits_in_vain("image-pull", "image-pull", "", reason, "describe pod web-0").await;
}

#[tokio::test]
async fn a_failing_probe() {
    let reason = "the readiness probe of container web fails: HTTP probe failed with statuscode: 503";
    waits_in_vain("probe", "probe", "", reason, "logs web-0 -c web").await;
}

#[tokio::test]
async fn a_container_that_ends_again_and_again() {
    // Played nodes have no logs; that these cannot be read is no reason to fail.
    let reason = "container web ended with exit code 137, out of memory (OOMKilled; its limit is 64Mi), restarted 3 times";
    waits_in_vain("crash", "crash", "", reason, "logs web-0 -c web --previous").await;
}

#[tokio::test]
async fn a_volume_that_cannot_be_mounted() {
    let reason = "FailedMount: MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found";
    waits_in_vain("mount", "mount", "", reason, "describe pod web-0").await;
}

#[tokio::test]
async fn a_claim_without_a_storage_class() {
    let environment = Environment::new(
        "claim",
        r#"
apiVersion: v1
kind: Namespace
metadata: {name: claim}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web, namespace: claim}
spec:
  replicas: 1
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "registry.invalid/web:1"}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        storageClassName: fast
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: 1Gi}}
"#,
    );
    let (error, hint) = environment.up_in_vain("ProvisioningFailed").await;
    // The scheduler goes on to other words in between.
    let pod = "unschedulable: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims";
    let claim = "; claim data-web-0: ProvisioningFailed: storageclass.storage.k8s.io \"fast\" not found";
    assert!(error.starts_with(&format!("{BEFORE}{pod}")) && error.ends_with(claim), "{error}");
    assert_eq!(hint, next("-n claim describe persistentvolumeclaim data-web-0"));
}

#[tokio::test]
async fn pods_that_may_not_be_made() {
    let label = "labels: {pod-security.kubernetes.io/enforce: restricted}";
    let yaml = stateful_set("guarded", "none", "")
        .replace("{name: guarded}", &format!("{{name: guarded, {label}}}"));
    let (error, hint) = Environment::new("guarded", &yaml).up_in_vain("violates PodSecurity").await;
    let why = "Pod web-0 in StatefulSet web failed error: pods \"web-0\" is forbidden: violates PodSecurity \
               \"restricted:latest\"";
    let before = "gave up after 15 minutes: 0 of 1 replicas are ready; FailedCreate: ";
    assert!(error.starts_with(before) && error.contains(why), "{error}");
    assert_eq!(hint, next("-n guarded describe statefulset web"));
}

fn deployment(fate: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Namespace
metadata: {{name: rollout}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: rollout}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}, annotations: {{fate: {fate}}}}}
    spec:
      containers: [{{name: web, image: "registry.invalid/web:1"}}]
"#
    )
}

#[tokio::test]
async fn a_rollout_that_does_not_go_on() {
    Environment::new("rollout", &deployment("none")).up().await;
    let (error, hint) =
        Environment::new("rollout", &deployment("image-pull")).up_in_vain("cannot be had").await;
    let (why, pod) = error.split_once("; pod web-").unwrap_or_else(|| panic!("{error}"));
    assert_eq!(why, "gave up after 15 minutes: 1 old replicas are still there");
    assert!(
        pod.contains(": image registry.invalid/web:1 of container web cannot be had: rpc error"),
        "{pod}"
    );
    assert!(hint.starts_with("look further with `kubectl -n rollout describe pod web-"), "{hint}");
}

#[tokio::test]
async fn a_job_that_failed() {
    let environment = Environment::new(
        "job",
        r#"
apiVersion: v1
kind: Namespace
metadata: {name: job}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: job}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {fate: failure}}
    spec:
      restartPolicy: Never
      containers: [{name: web, image: "registry.invalid/web:1"}]
"#,
    );
    let (error, hint) = environment.fails().await;
    let (why, pod) = error.split_once("; pod migrate-").unwrap_or_else(|| panic!("{error}"));
    assert_eq!(why, "BackoffLimitExceeded: Job has reached the specified backoff limit");
    assert!(pod.ends_with(": container web ended with exit code 3"), "{pod}");
    assert!(hint.starts_with("look further with `kubectl -n job logs migrate-"), "{hint}");
}

#[tokio::test]
async fn a_webhook_that_nobody_answers() {
    let environment = Environment::new(
        "webhook",
        r#"
apiVersion: v1
kind: Namespace
metadata: {name: webhook, labels: {intercepted: "yes"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: webhook}
"#,
    );
    let client = client().await;
    put(&client, &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "hooks"}})).await;
    put(
        &client,
        &json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook", "namespace": "hooks"},
            "spec": {"selector": {"app": "hook"}, "ports": [{"port": 443}]},
        }),
    )
    .await;
    put(
        &client,
        &json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "hook"},
            "webhooks": [{
                "name": "hook.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "clientConfig": {"service": {"namespace": "hooks", "name": "hook"}},
                "namespaceSelector": {"matchLabels": {"intercepted": "yes"}},
                "rules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"],
                }],
            }],
        }),
    )
    .await;
    let (error, hint) = environment.up_in_vain("cannot be asked").await;
    assert_eq!(
        error,
        "gave up after 5 minutes: applying `webhook.configmap.settings`: webhook hook.example.com cannot be asked: no pod \
         is ready behind its service hooks/hook; there is no pod with its labels (app=hook)"
    );
    assert_eq!(hint, next("-n hooks get pods -l app=hook"));
}

#[tokio::test]
async fn a_service_that_nobody_gives_an_address() {
    let environment = Environment::new(
        "address",
        r#"
apiVersion: v1
kind: Namespace
metadata: {name: address}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: address}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
"#,
    );
    let (error, hint) = environment.up_in_vain("no load balancer controller").await;
    assert_eq!(
        error,
        "gave up after 20 minutes: its load balancer has no address yet; no load balancer controller has answered yet"
    );
    assert_eq!(hint, next("-n address describe service web"));
}

#[tokio::test]
async fn a_namespace_that_something_keeps() {
    let yaml = "{apiVersion: v1, kind: Namespace, metadata: {name: kept}}";
    Environment::new("kept", yaml).up().await;
    let guarded = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "guarded", "namespace": "kept", "finalizers": ["example.com/guard"]},
    });
    put(&client().await, &guarded).await;
    let environment = Environment::new("kept", yaml).without("namespace.kept");
    let (error, hint) = environment.up_in_vain("configmaps. has 1 resource instances; Some content").await;
    assert_eq!(
        error,
        "gave up after 15 minutes: Some resources are remaining: configmaps. has 1 resource instances; Some content in the \
         namespace has finalizers remaining: example.com/guard in 1 resource instances"
    );
    assert_eq!(hint, next("-n kept get configmaps"));
}

/// The definitions of what comes of a Certificate.
const CERTIFICATE_KINDS: [&str; 4] = [
    include_str!("../../bootstrap-manifests/cert-manager/crds/acme.cert-manager.io_challenges.yaml"),
    include_str!("../../bootstrap-manifests/cert-manager/crds/acme.cert-manager.io_orders.yaml"),
    include_str!("../../bootstrap-manifests/cert-manager/crds/cert-manager.io_certificaterequests.yaml"),
    include_str!("../../bootstrap-manifests/cert-manager/crds/cert-manager.io_certificates.yaml"),
];

/// A child of an object in the chain from a Certificate to its challenge.
fn child(api_version: &str, kind: &str, owner: &DynamicObject, spec: Value, status: Value) -> Value {
    let types = owner.types.as_ref().expect("a kind");
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {
            "name": "web", "namespace": "certificate",
            "ownerReferences": [{
                "apiVersion": types.api_version, "kind": types.kind, "name": "web", "uid": owner.metadata.uid,
            }],
        },
        "spec": spec, "status": status,
    })
}

#[tokio::test]
async fn a_certificate_whose_challenge_is_not_met() {
    Environment::new("certificate-kinds", &CERTIFICATE_KINDS.join("\n---\n")).up().await;
    let yaml = r#"
apiVersion: v1
kind: Namespace
metadata: {name: certificate}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, namespace: certificate}
spec: {secretName: web, dnsNames: [web.example.com], issuerRef: {name: acme}}
"#;
    let environment = Environment::new("certificate", yaml);
    let before = "gave up after 15 minutes: its controller has not reported `Ready` yet";
    let (error, hint) = environment.up_in_vain("has not reported").await;
    assert_eq!(error, before);
    assert_eq!(hint, next("-n certificate describe certificate web"));

    let client = client().await;
    let certificate = read(&client, "certificate.certificate.web").await;
    let issuer = json!({"name": "acme"});
    let (version, acme) = ("cert-manager.io/v1", "acme.cert-manager.io/v1");
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "Pending", "message": "waiting"});
    let approved = json!({"conditions": [condition("Approved", "True"), condition("Ready", "False")]});
    let spec = json!({"issuerRef": issuer, "request": "YQ=="});
    let request = put(&client, &child(version, "CertificateRequest", &certificate, spec, approved)).await;
    let spec = json!({"issuerRef": issuer, "request": "YQ==", "dnsNames": ["web.example.com"]});
    let order = put(&client, &child(acme, "Order", &request, spec, json!({"state": "pending"}))).await;
    let spec = json!({
        "authorizationURL": "https://acme.example.com/a", "url": "https://acme.example.com/c", "dnsName":
        "web.example.com", "issuerRef": issuer, "key": "k", "token": "t", "type": "DNS-01", "solver": {},
    });
    let reason =
        "Waiting for DNS-01 challenge propagation: DNS record for \"web.example.com\" not yet propagated";
    put(&client, &child(acme, "Challenge", &order, spec, json!({"state": "pending", "reason": reason})))
        .await;

    let (error, hint) = environment.up_in_vain("challenge web").await;
    assert_eq!(error, format!("{before}; challenge web for web.example.com is pending: {reason}"));
    assert_eq!(hint, next("-n certificate describe challenge web"));
}
