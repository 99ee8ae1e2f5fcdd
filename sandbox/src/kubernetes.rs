//! An in-process Kubernetes API behind `kube::Client`.
//!
//! A simulated cluster answers HTTP requests out of JSON state: server-side apply with field ownership, defaults and
//! validation, selectors and paging, custom resources, deletion with finalizers and owners, and controllers that bring
//! workloads to readiness over virtual time. What is answered follows
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/>; what is not offered (watches, strategic merge patches,
//! deletion of collections, schemas of custom resources) is refused clearly or left out.
//!
//! Invariant: nothing here reads a clock or keeps state outside [`Cluster`]; time, machines, storage and faults come
//! from the [`ClusterStore`].

mod apply;
mod cluster;
mod controllers;
mod defaults;
mod definitions;
mod deletion;
mod discovery;
mod disruption_budgets;
mod events;
mod field_set;
mod given;
mod injector;
mod jobs;
mod kinds;
mod load_balancers;
mod namespaces;
mod nodes;
mod object;
mod platform;
mod pods;
mod port_forward;
mod request;
mod rollout;
mod scheduling;
mod selector;
mod server;
mod stateful_sets;
mod status;
mod storage;
mod topology;
mod validation;
mod vault_registration;
mod vault_servers;
mod write;

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use kube::client::Body;
use kube::core::Status;
use tower::BoxError;

pub use cluster::{Cluster, NodeSpec, Taint};
pub use given::GivenCluster;
pub use port_forward::SimulatedPods;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is served.
    Serve,
    /// It is refused with this status and changes nothing.
    Refuse(Box<Status>),
    /// It is served, and the connection breaks before the answer arrives.
    LoseAnswer,
    /// The connection is refused: there is no such API server, or none any more.
    Unreachable,
}

/// What a simulated API server needs from the world that it is part of.
#[async_trait]
pub trait ClusterStore: Send + Sync + 'static {
    /// Decides what becomes of a request, before it is served; it may wait, to play a delay, and may keep a log.
    async fn admit(&self, method: &Method, path: &str) -> Verdict {
        let _ = (method, path);
        Verdict::Serve
    }

    /// Decides what becomes of a request to what runs in a pod, as [`Self::admit`] does of one to the API server.
    ///
    /// `service` is what runs there, such as `Vault`, and `operation` what is asked of it, such as `PUT sys/init`.
    async fn admit_to_pod(&self, service: &str, operation: &str, changes: bool) -> Verdict {
        let _ = (service, operation, changes);
        Verdict::Serve
    }

    /// Runs `serve` with the cluster locked, at the present instant and with the machines that have joined it.
    ///
    /// The caller persists the cluster when [`Cluster::revision`] moved. It returns `None`, without calling `serve`,
    /// when the cluster does not exist: the connection is then refused.
    fn with(&self, serve: &mut Serve<'_>) -> Option<Response<Bytes>>;
}

/// Answers one request out of a cluster, at an instant, with the machines that have joined it.
pub type Serve<'a> = dyn FnMut(&mut Cluster, Timestamp, &[NodeSpec]) -> Response<Bytes> + 'a;

/// A client of the cluster in a store.
///
/// Must be called within a tokio runtime, which runs the client's queue.
pub fn client(store: Arc<dyn ClusterStore>) -> kube::Client {
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let store = Arc::clone(&store);
        async move { answer(store.as_ref(), request).await }
    });
    kube::Client::new(service, "default")
}

async fn answer(
    store: &dyn ClusterStore,
    request: http::Request<Body>,
) -> Result<Response<Full<Bytes>>, BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let verdict = store.admit(&parts.method, parts.uri.path()).await;
    match &verdict {
        Verdict::Refuse(status) => return refused(status),
        Verdict::Unreachable => return Err(broken(io::ErrorKind::ConnectionRefused)),
        Verdict::Serve | Verdict::LoseAnswer => {}
    }
    let request = request::Request::new(parts.method, &parts.uri, &parts.headers, body);
    let response = store
        .with(&mut |cluster, now, nodes| server::serve(cluster, now, nodes, &request))
        .ok_or_else(|| broken(io::ErrorKind::ConnectionRefused))?;
    if verdict == Verdict::LoseAnswer {
        return Err(broken(io::ErrorKind::ConnectionReset));
    }
    Ok(response.map(Full::new))
}

fn broken(kind: io::ErrorKind) -> BoxError {
    Box::new(io::Error::from(kind))
}

fn refused(status: &Status) -> Result<Response<Full<Bytes>>, BoxError> {
    let body = Full::new(Bytes::from(serde_json::to_vec(status)?));
    Ok(Response::builder()
        .status(status.code)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body)?)
}
