//! Fields that the API server adds to what was sent.
//!
//! The defaults of the kinds in use, as documented in
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/>; a client that compares what it sent with
//! what is stored meets them here as on a real server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::kinds::Resource;
use super::object::{entry, items, map, number, set, set_default, text, uid};

/// The lowest port of the range for node ports.
const FIRST_NODE_PORT: i64 = 30_000;
/// How many ports that range has.
const NODE_PORTS: i64 = 2768;

/// Adds defaults to an object about to be stored.
pub(super) fn set_defaults(cluster: &Cluster, resource: &Resource, live: Option<&Value>, object: &mut Value) {
    if !resource.built_in {
        return;
    }
    match resource.kind.as_str() {
        "Namespace" => namespace(object),
        "Secret" => secret(object),
        "Service" => service(cluster, live, object),
        "Pod" => pod(entry(object, "spec")),
        "Deployment" => deployment(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => daemon_set(object),
        "Job" => {
            let owner = uid(object).to_owned();
            job(entry(object, "spec"), Some(&owner));
        }
        "CronJob" => cron_job(object),
        "PersistentVolumeClaim" => set_default(object, &["spec", "volumeMode"], "Filesystem"),
        "StorageClass" => {
            set_default(object, &["reclaimPolicy"], "Delete");
            set_default(object, &["volumeBindingMode"], "Immediate");
        }
        "NetworkPolicy" => network_policy(object),
        "MutatingWebhookConfiguration" => webhooks(object, true),
        "ValidatingWebhookConfiguration" => webhooks(object, false),
        "CustomResourceDefinition" => definition(object),
        "RoleBinding" | "ClusterRoleBinding" => binding(object),
        "PriorityClass" => set_default(object, &["preemptionPolicy"], "PreemptLowerPriority"),
        _ => {}
    }
}

fn namespace(object: &mut Value) {
    let name = super::object::name(object).to_owned();
    set(object, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
    set_default(object, &["spec", "finalizers"], json!(["kubernetes"]));
    set_default(object, &["status", "phase"], "Active");
}

fn secret(object: &mut Value) {
    set_default(object, &["type"], "Opaque");
    if let Some(Value::Object(plain)) = object.as_object_mut().and_then(|map| map.remove("stringData")) {
        for (key, value) in plain {
            let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
            set(object, &["data", &key], encoded);
        }
    }
}

fn service(cluster: &Cluster, live: Option<&Value>, object: &mut Value) {
    let spec = entry(object, "spec");
    set_default(spec, &["type"], "ClusterIP");
    set_default(spec, &["sessionAffinity"], "None");
    let kind = text(spec, "/type").to_owned();
    if kind == "ExternalName" {
        return;
    }
    set_default(spec, &["internalTrafficPolicy"], "Cluster");
    set_default(spec, &["ipFamilies"], json!(["IPv4"]));
    set_default(spec, &["ipFamilyPolicy"], "SingleStack");
    let address =
        live.map(|live| text(live, "/spec/clusterIP").to_owned()).filter(|address| !address.is_empty());
    let serial = cluster.serial();
    let address =
        address.unwrap_or_else(|| format!("172.20.{}.{}", 1 + serial / 250 % 250, 1 + serial % 250));
    set_default(spec, &["clusterIP"], address);
    let address = spec["clusterIP"].clone();
    set_default(spec, &["clusterIPs"], json!([address]));
    let node_ports = matches!(kind.as_str(), "NodePort" | "LoadBalancer");
    if node_ports {
        set_default(spec, &["externalTrafficPolicy"], "Cluster");
    }
    if kind == "LoadBalancer" {
        set_default(spec, &["allocateLoadBalancerNodePorts"], true);
    }
    let live_ports = live.map(|live| items(live, "/spec/ports")).unwrap_or_default();
    let mut next = FIRST_NODE_PORT + i64::try_from(serial).unwrap_or_default() * 7 % NODE_PORTS;
    for port in list(spec, "ports") {
        set_default(port, &["protocol"], "TCP");
        let number = port["port"].clone();
        set_default(port, &["targetPort"], number);
        if node_ports {
            let known = live_ports
                .iter()
                .find(|old| old["port"] == port["port"] && old["protocol"] == port["protocol"])
                .and_then(|old| self::number(old, "/nodePort"));
            while port.get("nodePort").is_none() && known.is_none() && is_taken(cluster, next) {
                next = FIRST_NODE_PORT + (next + 1 - FIRST_NODE_PORT) % NODE_PORTS;
            }
            set_default(port, &["nodePort"], known.unwrap_or(next));
            next += i64::from(known.is_none());
        }
    }
}

fn is_taken(cluster: &Cluster, node_port: i64) -> bool {
    cluster
        .list("", "services", None)
        .flat_map(|service| items(service, "/spec/ports"))
        .any(|port| number(port, "/nodePort") == Some(node_port))
}

fn list<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}

fn template(spec: &mut Value) {
    pod(entry(entry(spec, "template"), "spec"));
}

fn deployment(object: &mut Value) {
    let spec = entry(object, "spec");
    set_default(spec, &["replicas"], 1);
    set_default(spec, &["revisionHistoryLimit"], 10);
    set_default(spec, &["progressDeadlineSeconds"], 600);
    set_default(spec, &["strategy", "type"], "RollingUpdate");
    if spec["strategy"]["type"] == "RollingUpdate" {
        set_default(spec, &["strategy", "rollingUpdate", "maxSurge"], "25%");
        set_default(spec, &["strategy", "rollingUpdate", "maxUnavailable"], "25%");
    }
    template(spec);
}

fn stateful_set(object: &mut Value) {
    let spec = entry(object, "spec");
    set_default(spec, &["replicas"], 1);
    set_default(spec, &["revisionHistoryLimit"], 10);
    set_default(spec, &["podManagementPolicy"], "OrderedReady");
    set_default(spec, &["updateStrategy", "type"], "RollingUpdate");
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        set_default(spec, &["updateStrategy", "rollingUpdate", "partition"], 0);
    }
    set_default(spec, &["persistentVolumeClaimRetentionPolicy", "whenDeleted"], "Retain");
    set_default(spec, &["persistentVolumeClaimRetentionPolicy", "whenScaled"], "Retain");
    for claim in list(spec, "volumeClaimTemplates") {
        set_default(claim, &["apiVersion"], "v1");
        set_default(claim, &["kind"], "PersistentVolumeClaim");
        set_default(claim, &["spec", "volumeMode"], "Filesystem");
        set_default(claim, &["status", "phase"], "Pending");
    }
    template(spec);
}

fn daemon_set(object: &mut Value) {
    let spec = entry(object, "spec");
    set_default(spec, &["revisionHistoryLimit"], 10);
    set_default(spec, &["updateStrategy", "type"], "RollingUpdate");
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        set_default(spec, &["updateStrategy", "rollingUpdate", "maxSurge"], 0);
        set_default(spec, &["updateStrategy", "rollingUpdate", "maxUnavailable"], 1);
    }
    template(spec);
}

fn job(spec: &mut Value, owner: Option<&str>) {
    set_default(spec, &["completions"], 1);
    set_default(spec, &["parallelism"], 1);
    set_default(spec, &["backoffLimit"], 6);
    set_default(spec, &["completionMode"], "NonIndexed");
    set_default(spec, &["suspend"], false);
    set_default(spec, &["podReplacementPolicy"], "TerminatingOrFailed");
    if let Some(owner) = owner {
        let label = "batch.kubernetes.io/controller-uid";
        set_default(spec, &["selector", "matchLabels", label], owner);
        set_default(spec, &["template", "metadata", "labels", label], owner);
    }
    template(spec);
}

fn cron_job(object: &mut Value) {
    let spec = entry(object, "spec");
    set_default(spec, &["concurrencyPolicy"], "Allow");
    set_default(spec, &["suspend"], false);
    set_default(spec, &["successfulJobsHistoryLimit"], 3);
    set_default(spec, &["failedJobsHistoryLimit"], 1);
    template(entry(entry(spec, "jobTemplate"), "spec"));
}

fn network_policy(object: &mut Value) {
    let spec = entry(object, "spec");
    set_default(spec, &["podSelector"], json!({}));
    let mut types = vec!["Ingress"];
    if spec.get("egress").is_some() {
        types.push("Egress");
    }
    set_default(spec, &["policyTypes"], json!(types));
    for direction in ["ingress", "egress"] {
        for rule in list(spec, direction) {
            for port in list(rule, "ports") {
                set_default(port, &["protocol"], "TCP");
            }
        }
    }
}

fn webhooks(object: &mut Value, mutating: bool) {
    for webhook in list(object, "webhooks") {
        set_default(webhook, &["failurePolicy"], "Fail");
        set_default(webhook, &["matchPolicy"], "Equivalent");
        set_default(webhook, &["timeoutSeconds"], 10);
        set_default(webhook, &["namespaceSelector"], json!({}));
        set_default(webhook, &["objectSelector"], json!({}));
        if mutating {
            set_default(webhook, &["reinvocationPolicy"], "Never");
        }
        if webhook.pointer("/clientConfig/service").is_some() {
            set_default(webhook, &["clientConfig", "service", "port"], 443);
        }
        for rule in list(webhook, "rules") {
            set_default(rule, &["scope"], "*");
        }
    }
}

fn definition(object: &mut Value) {
    let spec = entry(object, "spec");
    set_default(spec, &["conversion", "strategy"], "None");
    let kind = text(spec, "/names/kind").to_owned();
    set_default(spec, &["names", "listKind"], format!("{kind}List"));
    set_default(spec, &["names", "singular"], kind.to_lowercase());
    let finalizers = entry(entry(object, "metadata"), "finalizers");
    let cleanup = json!(super::deletion::DEFINITION_CLEANUP);
    match finalizers.as_array_mut() {
        Some(list) if !list.contains(&cleanup) => list.push(cleanup),
        Some(_) => {}
        None => *finalizers = json!([cleanup]),
    }
}

fn binding(object: &mut Value) {
    set_default(object, &["roleRef", "apiGroup"], "rbac.authorization.k8s.io");
    for subject in list(object, "subjects") {
        if matches!(text(subject, "/kind"), "User" | "Group") {
            set_default(subject, &["apiGroup"], "rbac.authorization.k8s.io");
        }
    }
}

fn pod(spec: &mut Value) {
    set_default(spec, &["restartPolicy"], "Always");
    set_default(spec, &["dnsPolicy"], "ClusterFirst");
    set_default(spec, &["schedulerName"], "default-scheduler");
    set_default(spec, &["terminationGracePeriodSeconds"], 30);
    set_default(spec, &["securityContext"], json!({}));
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        set(spec, &["serviceAccount"], account);
    }
    for field in ["initContainers", "containers"] {
        for container in list(spec, field) {
            self::container(container);
        }
    }
    for volume in list(spec, "volumes") {
        self::volume(volume);
    }
}

fn container(container: &mut Value) {
    let image = text(container, "/image").to_owned();
    let tag = image.rsplit('/').next().unwrap_or_default().split_once(':').map(|(_, tag)| tag);
    let latest = !image.contains('@') && tag.is_none_or(|tag| tag == "latest");
    set_default(container, &["imagePullPolicy"], if latest { "Always" } else { "IfNotPresent" });
    set_default(container, &["terminationMessagePath"], "/dev/termination-log");
    set_default(container, &["terminationMessagePolicy"], "File");
    set_default(container, &["resources"], json!({}));
    for port in list(container, "ports") {
        set_default(port, &["protocol"], "TCP");
    }
    for variable in list(container, "env") {
        if variable.pointer("/valueFrom/fieldRef").is_some() {
            set_default(variable, &["valueFrom", "fieldRef", "apiVersion"], "v1");
        }
    }
    if let Some(limits) = map(container, "/resources/limits").cloned() {
        for (name, quantity) in limits {
            set_default(container, &["resources", "requests", &name], quantity);
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe) {
            self::probe(probe);
        }
    }
}

fn probe(probe: &mut Value) {
    for (field, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        set_default(probe, &[field], value);
    }
    if let Some(http) = probe.get_mut("httpGet") {
        set_default(http, &["scheme"], "HTTP");
        set_default(http, &["path"], "/");
    }
}

fn volume(volume: &mut Value) {
    const MODE: i64 = 0o644;
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = volume.get_mut(source) {
            set_default(source, &["defaultMode"], MODE);
            for projection in list(source, "sources") {
                if let Some(token) = projection.get_mut("serviceAccountToken") {
                    set_default(token, &["expirationSeconds"], 3600);
                }
            }
        }
    }
    if let Some(host_path) = volume.get_mut("hostPath") {
        set_default(host_path, &["type"], "");
    }
}
