//! `[ingress]`: how requests reach the cluster, whatever balances the load in front of it.

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::Ipv4Cidr;

/// How requests come in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ingress {
    /// IPv4 networks that may reach the load balancer.
    #[schemars(with = "Vec<Ipv4Cidr>", length(min = 1), extend("uniqueItems" = true))]
    pub allowed: Vec<Ipv4Net>,

    /// Number of ingress controller pods.
    #[schemars(range(min = 1, max = 50))]
    pub replicas: u32,

    /// Ports of the nodes that the load balancer sends traffic to.
    pub node_ports: NodePorts,

    /// The load balancer tells the client's address by the PROXY protocol; without it the controller sees the
    /// load balancer's address.
    pub proxy_protocol: bool,
}

impl Default for Ingress {
    fn default() -> Self {
        let everywhere = Ipv4Net::default();
        Self {
            allowed: vec![everywhere],
            replicas: 2,
            node_ports: NodePorts::default(),
            proxy_protocol: true,
        }
    }
}

/// Ports of the nodes that the load balancer sends traffic to, in Kubernetes' node port range (30000 to
/// 32767).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NodePorts {
    /// Node port that plain HTTP arrives on.
    #[schemars(range(min = 30000, max = 32767))]
    pub http: u16,
    /// Node port that HTTPS arrives on.
    #[schemars(range(min = 30000, max = 32767))]
    pub https: u16,
}

impl Default for NodePorts {
    fn default() -> Self {
        Self { http: 32080, https: 32443 }
    }
}
