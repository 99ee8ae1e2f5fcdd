//! The way to what runs in the pods of a cluster, as a port-forward opens it.
//! <https://kubernetes.io/docs/reference/kubectl/generated/kubectl_port-forward/>

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use super::cluster::{Cluster, NodeSpec};
use super::object::text;
use super::{ClusterStore, Verdict, vault_servers};
use crate::vault;

/// The way to the pods of one cluster. Cloning gives the same one.
#[derive(Clone)]
pub struct SimulatedPods {
    store: Arc<dyn ClusterStore>,
}

/// A port of a pod.
struct Target<'a> {
    namespace: &'a str,
    pod: &'a str,
    port: u16,
}

impl SimulatedPods {
    /// The way to the pods of the cluster in a store.
    pub fn of(store: Arc<dyn ClusterStore>) -> Self {
        Self { store }
    }

    /// Sends an HTTP request to port `port` of a pod, as through a port-forward.
    ///
    /// The connection is refused, with a word on why, unless the pod runs and something listens there.
    pub async fn send(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
        request: Request<Vec<u8>>,
    ) -> io::Result<Response<Vec<u8>>> {
        let changes = request.method() != Method::GET;
        let verdict = self.store.admit_to_pod("Vault", &vault::operation(&request), changes).await;
        match &verdict {
            Verdict::Refuse(status) => {
                let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                return Ok(vault::refuse(code, &status.message));
            }
            Verdict::Unreachable => return Err(io::ErrorKind::ConnectionRefused.into()),
            Verdict::Serve | Verdict::LoseAnswer => {}
        }
        let target = Target { namespace, pod, port };
        let mut closed = None;
        let response = self.store.with(&mut |cluster, now, nodes| {
            deliver(cluster, now, nodes, &target, &request).unwrap_or_else(|why| {
                closed = Some(why);
                Response::default()
            })
        });
        let refused = |why: String| io::Error::new(io::ErrorKind::ConnectionRefused, why);
        let response = response.ok_or_else(|| refused("there is no such cluster".to_owned()))?;
        match closed {
            Some(why) => Err(refused(why)),
            None if verdict == Verdict::LoseAnswer => Err(io::ErrorKind::ConnectionReset.into()),
            None => Ok(response.map(|body| body.to_vec())),
        }
    }
}

fn deliver(
    cluster: &mut Cluster,
    now: Timestamp,
    nodes: &[NodeSpec],
    target: &Target<'_>,
    request: &Request<Vec<u8>>,
) -> Result<Response<Bytes>, String> {
    let Target { namespace, pod: name, port } = target;
    cluster.act(now, nodes, |cluster, _| {
        let pod = cluster.get("", "pods", namespace, name).cloned();
        let pod = pod.ok_or_else(|| format!("there is no pod `{name}` in namespace `{namespace}`"))?;
        check_running(&pod).map_err(|phase| format!("pod `{name}` is not running: it is {phase}"))?;
        if *port != vault_servers::PORT || !vault_servers::is_server(&pod) {
            return Err(format!("nothing listens on port {port} of pod `{name}`"));
        }
        Ok(vault_servers::answer(cluster, &pod, request).map(Bytes::from))
    })
}

fn check_running(pod: &Value) -> Result<(), String> {
    match text(pod, "/status/phase") {
        _ if super::object::is_terminating(pod) => Err("terminating".to_owned()),
        "Running" => Ok(()),
        phase => Err(phase.to_lowercase()),
    }
}
