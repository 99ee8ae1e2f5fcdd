//! Addresses of Services of type LoadBalancer, as MetalLB gives them where it is installed: the address that an annotation
//! asks for, else the first of the first pool.
//!
//! Rules: <https://metallb.universe.tf/usage/>. Elsewhere nobody answers such a Service, as on a real cluster without a
//! load balancer of its own.

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::object::{entry, items, set, text};

const GROUP: &str = "metallb.io";

/// Gives every Service of type LoadBalancer that has none its address.
pub(super) fn run(cluster: &mut Cluster) {
    let pools: Vec<Value> = cluster.list(GROUP, "ipaddresspools", None).cloned().collect();
    let Some(first) = pools.iter().flat_map(|pool| items(pool, "/spec/addresses")).find_map(Value::as_str)
    else {
        return;
    };
    let first = first.split(['-', '/']).next().unwrap_or_default().trim().to_owned();
    for key in cluster.keys("", "services") {
        cluster.update(&key, |service| {
            let waits = text(service, "/spec/type") == "LoadBalancer"
                && items(service, "/status/loadBalancer/ingress").is_empty();
            if waits {
                let asked = entry(entry(service, "metadata"), "annotations");
                let asked = asked["metallb.io/loadBalancerIPs"].as_str().map(str::to_owned);
                let address = asked.unwrap_or_else(|| first.clone());
                set(service, &["status", "loadBalancer"], json!({"ingress": [{"ip": address}]}));
            }
        });
    }
}
