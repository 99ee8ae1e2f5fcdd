//! MetalLB's part: the pool of addresses, its announcement, and how the ingress asks for its address.
//!
//! MetalLB itself is the cluster's; only these two objects are ours.
//! <https://metallb.universe.tf/configuration/>, <https://metallb.universe.tf/usage/>

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::settings::{AddressRange, Metallb};
use crate::kubernetes::ComponentObjects;
use crate::provider::{IngressService, ServiceType};

/// The group in which the objects are shown.
const COMPONENT: &str = "load-balancer";

/// The pool of `environment`, and its announcement.
pub fn objects(metallb: &Metallb, environment: &str) -> ComponentObjects {
    let metadata = json!({ "name": environment, "namespace": metallb.namespace });
    let pool = json!({
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": metadata,
        // A Service that asks for no pool must not take the address of the ingress.
        "spec": { "addresses": metallb.addresses, "autoAssign": false },
    });
    let announcement = json!({
        "apiVersion": "metallb.io/v1beta1",
        "kind": "L2Advertisement",
        "metadata": metadata,
        "spec": { "ipAddressPools": [environment] },
    });
    let announcement: Option<Value> = metallb.layer2.then_some(announcement);
    let manifests = [pool].into_iter().chain(announcement).collect();
    ComponentObjects { component: COMPONENT.to_owned(), manifests }
}

/// The address that the ingress has: the first of the pool that a host can have.
pub fn ingress_address(metallb: &Metallb) -> Option<Ipv4Addr> {
    let range: AddressRange = metallb.addresses.first()?.parse().ok()?;
    let is_network = range.first != range.last && metallb.addresses[0].contains('/');
    Some(if is_network { Ipv4Addr::from(u32::from(range.first) + 1) } else { range.first })
}

/// The Service of the ingress, which asks for its address in the pool.
pub fn service(metallb: &Metallb, environment: &str) -> IngressService {
    let address = ingress_address(metallb)
        .map(|address| ("metallb.io/loadBalancerIPs".to_owned(), address.to_string()));
    let pool = ("metallb.io/address-pool".to_owned(), environment.to_owned());
    IngressService {
        kind: ServiceType::LoadBalancer,
        annotations: [pool].into_iter().chain(address).collect::<BTreeMap<_, _>>(),
        load_balancer_class: None,
    }
}
