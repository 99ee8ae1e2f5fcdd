//! Relations of small sets of objects.

use holodeck_engine::Milestone::{self, Applied, Ready};
use serde_json::{Value, json};

use super::between;
use crate::kubernetes::{ObjectName, manifest};

fn objects(yaml: &str) -> Vec<Value> {
    manifest::parse("test.yaml", yaml).unwrap()
}

fn related(objects: &[Value]) -> Vec<(String, String, Milestone, String)> {
    let name = |index: usize| ObjectName::of(&objects[index]).unwrap().to_string();
    between(objects).into_iter().map(|r| (name(r.from), name(r.on), r.milestone, r.because)).collect()
}

fn found(yaml: &str, from: &str) -> Vec<(String, Milestone)> {
    let related = related(&objects(yaml));
    related.into_iter().filter(|(who, ..)| who == from).map(|(_, on, milestone, _)| (on, milestone)).collect()
}

fn on(name: &str, milestone: Milestone) -> (String, Milestone) {
    (name.to_owned(), milestone)
}

#[test]
fn a_workload_needs_what_it_mentions() {
    let yaml = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: a}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: a}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: by-volume, namespace: a}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: by-env, namespace: a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: projected, namespace: a}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: unrelated, namespace: a}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: by-env, namespace: b}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web, namespace: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}
subjects: [{kind: ServiceAccount, name: web, namespace: a}]
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: web, namespace: a}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a}
spec:
  template:
    spec:
      serviceAccountName: web
      containers: [{name: web, envFrom: [{configMapRef: {name: by-env}}]}]
      volumes:
        - {name: v, configMap: {name: by-volume}}
        - {name: w, projected: {sources: [{secret: {name: projected}}]}}
"#;
    assert_eq!(
        found(yaml, "a.deployment.web"),
        [
            on("namespace.a", Applied),
            on("a.serviceaccount.web", Applied),
            on("a.configmap.by-volume", Applied),
            on("a.secret.projected", Applied),
            on("a.configmap.by-env", Applied),
            on("a.rolebinding.web", Applied),
        ]
    );
    assert_eq!(found(yaml, "a.rolebinding.web"), [on("namespace.a", Applied), on("a.role.web", Applied)]);
}

const CERTIFICATES: &str = r#"
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: issuers.cert-manager.io, labels: {holodeck.dev/component: cm}}, spec: {group: cert-manager.io, names: {kind: Issuer}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: controller, namespace: cm, labels: {holodeck.dev/component: cm}}, spec: {template: {metadata: {labels: {app: controller}}, spec: {}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: webhook, namespace: cm, labels: {holodeck.dev/component: cm}}, spec: {template: {metadata: {labels: {app: webhook}}, spec: {}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: webhook, namespace: cm}, spec: {selector: {app: webhook}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: webhook}
webhooks:
  - clientConfig: {service: {name: webhook, namespace: cm}}
    rules: [{apiGroups: [cert-manager.io], apiVersions: [v1], operations: [CREATE], resources: ["*/*"]}]
---
{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: root, namespace: a}, spec: {selfSigned: {}}}
---
{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: ca, namespace: a}, spec: {secretName: ca, issuerRef: {name: root}}}
---
{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: ca, namespace: a}, spec: {ca: {secretName: ca}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: a}, spec: {template: {spec: {volumes: [{name: tls, secret: {secretName: ca}}]}}}}
"#;

#[test]
fn a_custom_resource_needs_its_definition_its_controllers_and_their_webhook() {
    assert_eq!(
        found(CERTIFICATES, "a.issuer.root"),
        [
            on("customresourcedefinition.issuers.cert-manager.io", Ready),
            on("cm.deployment.controller", Applied),
            on("cm.deployment.webhook", Ready),
        ]
    );
}

#[test]
fn a_secret_that_a_certificate_makes_stands_for_the_certificate() {
    assert_eq!(found(CERTIFICATES, "a.statefulset.db"), [on("a.certificate.ca", Applied)]);
    let issuer = found(CERTIFICATES, "a.issuer.ca");
    assert!(issuer.contains(&on("a.certificate.ca", Applied)), "{issuer:?}");
}

#[test]
fn a_webhook_does_not_wait_for_itself() {
    let mut objects = objects(CERTIFICATES);
    // The webhook mounts a certificate that its own webhook intercepts.
    let webhook = objects.iter_mut().find(|object| object["metadata"]["name"] == "webhook").unwrap();
    webhook["spec"]["template"]["spec"] = json!({"volumes": [{"secret": {"secretName": "own"}}]});
    objects.push(json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "own", "namespace": "cm"},
        "spec": {"secretName": "own", "issuerRef": {"name": "root"}},
    }));
    let related = related(&objects);
    let has = |from: &str, on: &str| related.iter().any(|(who, what, ..)| who == from && what == on);
    assert!(has("cm.deployment.webhook", "cm.certificate.own"));
    assert!(!has("cm.certificate.own", "cm.deployment.webhook"));
    assert!(has("a.certificate.ca", "cm.deployment.webhook"));
}

#[test]
fn an_ingress_needs_its_class_and_its_admission() {
    let yaml = r#"
{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: a}, spec: {selector: {app: web}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: a}
spec: {ingressClassName: nginx, rules: [{http: {paths: [{backend: {service: {name: web}}}]}}]}
"#;
    assert_eq!(
        found(yaml, "a.ingress.web"),
        [on("ingressclass.nginx", Applied), on("a.service.web", Applied)]
    );
}
