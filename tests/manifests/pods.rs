//! Pods are restricted, bounded, watched, and survive the loss of a node.

use serde_json::{Value, json};

use crate::exceptions::excepted;
use crate::judge;
use crate::objects::{Container, Object, items, map, text};
use crate::render::{MIRROR, Rendering};

fn subject(object: &Object, container: &Container<'_>) -> String {
    format!("{}/{}/{}", object.component, object.name(), container.name())
}

/// The workload's and the container's setting, the container's first.
fn setting<'a>(object: &'a Object, container: &Container<'a>, field: &str) -> &'a Value {
    match &container.value["securityContext"][field] {
        Value::Null => object.template().map_or(&Value::Null, |pod| &pod["spec"]["securityContext"][field]),
        own => own,
    }
}

fn each_container(rendering: &Rendering, mut rule: impl FnMut(&Object, &Container<'_>)) {
    for object in &rendering.objects {
        for container in object.containers() {
            rule(object, &container);
        }
    }
}

#[test]
fn containers_are_restricted() {
    judge(|rendering, found| {
        each_container(rendering, |object, container| {
            let subject = subject(object, container);
            let own = &container.value["securityContext"];
            let mut demand = |rule: &str, holds: bool| {
                if !holds && !excepted(rule, &subject) {
                    found.push(format!("{subject}: {rule}"));
                }
            };
            demand("not root", setting(object, container, "runAsNonRoot") == true);
            demand("no escalation", own["allowPrivilegeEscalation"] == false);
            demand("no capability", own["capabilities"]["drop"] == json!(["ALL"]));
            demand(
                "system calls filtered",
                setting(object, container, "seccompProfile")["type"] == "RuntimeDefault",
            );
            demand("read-only root", own["readOnlyRootFilesystem"] == true);
            for added in items(&own["capabilities"]["add"]) {
                if !excepted("added capability", &format!("{subject}/{}", text(added))) {
                    found.push(format!("{subject}: adds {added}"));
                }
            }
        });
    });
}

#[test]
fn pods_stay_out_of_the_node() {
    judge(|rendering, found| {
        for object in &rendering.objects {
            let Some(template) = object.template() else { continue };
            let spec = &template["spec"];
            for field in ["hostNetwork", "hostPID", "hostIPC"] {
                if spec[field] == true {
                    found.push(format!("{}: {field}", object.place()));
                }
            }
            if items(&spec["volumes"]).iter().any(|volume| !volume["hostPath"].is_null()) {
                found.push(format!("{}: mounts a path of the node", object.place()));
            }
        }
    });
}

#[test]
fn containers_are_bounded() {
    judge(|rendering, found| {
        each_container(rendering, |object, container| {
            let resources = &container.value["resources"];
            for (list, field) in [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")] {
                if resources[list][field].is_null() {
                    found.push(format!("{}: no {field} in {list}", subject(object, container)));
                }
            }
        });
    });
}

#[test]
fn images_come_through_the_mirror_with_a_version() {
    judge(|rendering, found| {
        each_container(rendering, |object, container| {
            let image = text(&container.value["image"]);
            let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
            if !image.starts_with(MIRROR) || tag.is_none_or(|tag| tag.is_empty() || tag == "latest") {
                found.push(format!("{}: image {image}", subject(object, container)));
            }
        });
    });
}

#[test]
fn containers_that_serve_are_watched() {
    judge(|rendering, found| {
        each_container(rendering, |object, container| {
            if container.init || !["Deployment", "StatefulSet", "DaemonSet"].contains(&object.kind()) {
                return;
            }
            for probe in ["livenessProbe", "readinessProbe"] {
                let subject = subject(object, container);
                let declared = &container.value[probe];
                if declared.is_null() && !excepted(probe, &subject) {
                    found.push(format!("{subject}: no {probe}"));
                }
                for handler in ["httpGet", "tcpSocket"] {
                    let port = &declared[handler]["port"];
                    if !port.is_null() && !object.listens_on(port) {
                        found.push(format!("{subject}: {probe} asks port {port}, which is not open"));
                    }
                }
            }
        });
    });
}

#[test]
fn workloads_select_their_own_pods() {
    judge(|rendering, found| {
        for object in &rendering.objects {
            let selector = &object.value["spec"]["selector"]["matchLabels"];
            if ["Deployment", "StatefulSet", "DaemonSet"].contains(&object.kind()) {
                if selector.is_null() || !object.selected_by(&map(selector), object.namespace()) {
                    found.push(format!("{}: selects {selector}", object.place()));
                }
                let others = rendering.objects.iter().filter(|other| other.place() != object.place());
                for other in others.filter(|other| other.selected_by(&map(selector), object.namespace())) {
                    found.push(format!("{} also selects the pods of {}", object.place(), other.place()));
                }
            }
        }
    });
}

#[test]
fn replicated_workloads_survive_a_node() {
    judge(|rendering, found| {
        for object in rendering.objects.iter().filter(|object| object.template().is_some()) {
            let budgets = rendering.objects.iter().filter(|budget| {
                budget.kind() == "PodDisruptionBudget"
                    && object.selected_by(
                        &map(&budget.value["spec"]["selector"]["matchLabels"]),
                        budget.namespace(),
                    )
            });
            let count = budgets.count();
            // A budget over a single pod would keep its node from ever being drained.
            let expected = usize::from(object.replicas() > 1);
            if count != expected {
                found.push(format!("{}: {count} disruption budgets", object.place()));
            }
            if object.replicas() > 1 {
                check_spread(object, found);
            }
        }
    });
}

fn check_spread(object: &Object, found: &mut Vec<String>) {
    let spec = &object.template().expect("a workload")["spec"];
    let constraints = items(&spec["topologySpreadConstraints"]);
    let repelled =
        items(&spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]);
    for topology in ["topology.kubernetes.io/zone", "kubernetes.io/hostname"] {
        let spread = constraints.iter().chain(repelled).any(|term| {
            term["topologyKey"] == topology
                && object.selected_by(&map(&term["labelSelector"]["matchLabels"]), object.namespace())
        });
        if !spread {
            found.push(format!("{}: not spread over {topology}", object.place()));
        }
    }
}

#[test]
fn namespaces_enforce_the_restricted_standard() {
    judge(|rendering, found| {
        for object in rendering.objects.iter().filter(|object| object.kind() == "Namespace") {
            let level = object.labels().get("pod-security.kubernetes.io/enforce").cloned();
            if level != Some(json!("restricted")) {
                found.push(format!("{}: enforces {level:?}", object.place()));
            }
        }
    });
}
