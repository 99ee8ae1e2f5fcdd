//! What ingress-nginx owes to the load balancer in front of it.

use serde_json::{Value, json};

use crate::objects::text;
use crate::{render, together};

fn object(sample: &str, kind: &str, name: &str) -> &'static Value {
    let found = together(sample).find(|object| object.answers(kind, name, Some("ingress-nginx")));
    &found.unwrap_or_else(|| panic!("no {kind} {name} in {sample}")).value
}

#[test]
fn clients_keep_their_address_with_and_without_the_proxy_protocol() {
    for (sample, told, policy) in [("complete", "true", "Cluster"), ("least", "false", "Local")] {
        let settings = &object(sample, "ConfigMap", "ingress-nginx-controller")["data"];
        assert_eq!(settings["use-proxy-protocol"], told, "{sample}");
        // Without it every client may seem to be the load balancer: a list of clients would shut all of them out.
        assert_eq!(settings["whitelist-source-range"].is_null(), told == "false", "{sample}");
        let service = &object(sample, "Service", "ingress-nginx-controller")["spec"];
        assert_eq!(service["externalTrafficPolicy"], policy, "{sample}");
    }
}

#[test]
fn the_load_balancer_finds_the_node_ports_of_the_foundation() {
    let service = &object("complete", "Service", "ingress-nginx-controller")["spec"];
    let ports: Vec<_> = service["ports"]
        .as_array()
        .expect("ports")
        .iter()
        .map(|port| (&port["name"], &port["nodePort"]))
        .collect();
    assert_eq!(ports, [(&json!("http"), &json!(30080)), (&json!("https"), &json!(30443))]);
}

#[test]
fn a_controller_can_drain_before_it_is_killed() {
    let deployment = object("complete", "Deployment", "ingress-nginx-controller");
    let grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64();
    let defaults = render::defaults("ingress-nginx");
    let seconds = |key: &str| defaults[key].as_u64().expect("a number of seconds");
    // The controller itself takes ten seconds after nginx has stopped.
    assert!(grace.is_some_and(|grace| seconds("linger_seconds") + seconds("drain_seconds") + 10 < grace));
    let settings = &object("complete", "ConfigMap", "ingress-nginx-controller")["data"];
    assert_eq!(text(&settings["worker-shutdown-timeout"]), format!("{}s", seconds("drain_seconds")));
}
