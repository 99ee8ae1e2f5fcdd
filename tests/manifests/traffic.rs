//! Services lead to open ports, webhooks and Ingresses to Services, and nothing else may talk.

use serde_json::{Value, json};

use crate::judge;
use crate::objects::{Object, items, map, text};
use crate::render::Rendering;

#[test]
fn services_lead_to_open_ports() {
    judge(|rendering, found| {
        for service in rendering.objects.iter().filter(|object| object.kind() == "Service") {
            // Labels that a workload gives its own pods while it runs.
            let mut selector = map(&service.value["spec"]["selector"]);
            selector.retain(|label, _| label.starts_with("app.kubernetes.io/"));
            let targets: Vec<&Object> = rendering
                .objects
                .iter()
                .filter(|object| object.selected_by(&selector, service.namespace()))
                .collect();
            if selector.is_empty() || targets.is_empty() {
                found.push(format!("{} selects no workload", service.place()));
            }
            for port in items(&service.value["spec"]["ports"]) {
                let target = if port["targetPort"].is_null() { &port["port"] } else { &port["targetPort"] };
                for workload in targets.iter().filter(|workload| !workload.listens_on(target)) {
                    found.push(format!(
                        "{}: {} does not listen on {target}",
                        service.place(),
                        workload.place()
                    ));
                }
            }
        }
    });
}

#[test]
fn webhooks_and_ingresses_lead_to_services() {
    judge(|rendering, found| {
        for object in &rendering.objects {
            let mut targets = Vec::new();
            for webhook in items(&object.value["webhooks"]) {
                let service = &webhook["clientConfig"]["service"];
                targets.push((text(&service["name"]), service["namespace"].as_str(), &service["port"]));
            }
            for rule in items(&object.value["spec"]["rules"]).iter().filter(|_| object.kind() == "Ingress") {
                for path in items(&rule["http"]["paths"]) {
                    let service = &path["backend"]["service"];
                    let port = &service["port"];
                    let port = if port["name"].is_null() { &port["number"] } else { &port["name"] };
                    targets.push((text(&service["name"]), object.namespace(), port));
                }
            }
            for (name, namespace, port) in targets {
                if !serves(rendering, name, namespace, port) {
                    found.push(format!("{}: no Service {name} with port {port}", object.place()));
                }
            }
        }
    });
}

fn serves(rendering: &Rendering, name: &str, namespace: Option<&str>, port: &Value) -> bool {
    rendering.objects.iter().filter(|object| object.answers("Service", name, namespace)).any(|service| {
        items(&service.value["spec"]["ports"])
            .iter()
            .any(|open| &open["port"] == port || &open["name"] == port)
    })
}

#[test]
fn nothing_talks_unless_a_policy_allows_it() {
    judge(|rendering, found| {
        let policies = || rendering.objects.iter().filter(|object| object.kind() == "NetworkPolicy");
        for namespace in rendering.objects.iter().filter(|object| object.kind() == "Namespace") {
            let denied = policies().any(|policy| {
                policy.namespace() == Some(namespace.name())
                    && policy.value["spec"]
                        == json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] })
            });
            if !denied {
                found.push(format!("{} has no policy that denies by default", namespace.place()));
            }
        }
        for workload in rendering.objects.iter().filter(|object| object.template().is_some()) {
            let allowed = policies().any(|policy| {
                let selector = map(&policy.value["spec"]["podSelector"]["matchLabels"]);
                !selector.is_empty() && workload.selected_by(&selector, policy.namespace())
            });
            if !allowed {
                found.push(format!("{} is allowed nothing", workload.place()));
            }
        }
        for policy in policies() {
            let selector = map(&policy.value["spec"]["podSelector"]["matchLabels"]);
            if !rendering.objects.iter().any(|object| object.selected_by(&selector, policy.namespace())) {
                found.push(format!("{} selects no workload", policy.place()));
            }
        }
    });
}

#[test]
fn policies_open_ports_that_are_listened_on() {
    judge(|rendering, found| {
        for policy in rendering.objects.iter().filter(|object| object.kind() == "NetworkPolicy") {
            let selector = map(&policy.value["spec"]["podSelector"]["matchLabels"]);
            for port in items(&policy.value["spec"]["ingress"]).iter().flat_map(|rule| items(&rule["ports"]))
            {
                let open = rendering
                    .objects
                    .iter()
                    .filter(|object| object.selected_by(&selector, policy.namespace()))
                    .any(|workload| workload.listens_on(&port["port"]));
                if !open {
                    found.push(format!("{}: nobody listens on {}", policy.place(), port["port"]));
                }
            }
        }
    });
}
