//! HTTP requests to what runs in a pod, through a port-forward of the API server: one small trait, so that a simulated
//! pod can lie behind the same client.
//!
//! The API server and the node only carry bytes: TLS begins here and ends in the pod.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use holodeck_engine::{Class, Error};
use holodeck_sandbox::SimulatedPods;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::client::UpgradeConnectionError;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::{Effect, explained};
use crate::authorities;

/// How long the way to a pod may take to open.
const OPENED_WITHIN: Duration = Duration::from_secs(15);
/// How long an answer is awaited. What asks a distant service in turn takes its time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// A port of a pod that serves HTTP over TLS.
#[derive(Clone, Debug)]
pub struct PodPort {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The port.
    pub port: u16,
    /// The name that its certificate must have.
    pub server_name: String,
    /// The certificates of the authorities that it may be signed by, as PEM.
    pub authority: Vec<u8>,
}

/// Why a request has no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// It was never sent.
    NotSent(Error),
    /// It was sent, and what became of it is not known.
    Lost(Box<dyn std::error::Error + Send + Sync>),
}

/// The way to pods.
#[async_trait]
pub trait Tunnel: Send + Sync {
    /// Sends a request to a pod's port, and gives its answer, whatever its status.
    async fn send(&self, to: &PodPort, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer>;
}

/// Port-forwards, one for each request
/// (<https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>).
pub struct PortForward(pub kube::Client);

#[async_trait]
impl Tunnel for PortForward {
    async fn send(&self, to: &PodPort, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        let tried = || format!("connecting to port {} of pod `{}/{}`", to.port, to.namespace, to.pod);
        let late = |_| NoAnswer::NotSent(Error::not_yet(format!("{}: no answer", tried())));
        let pods: Api<Pod> = Api::namespaced(self.0.clone(), &to.namespace);
        let forwarded = timeout(OPENED_WITHIN, pods.portforward(&to.pod, &[to.port])).await.map_err(late)?;
        let mut forward = forwarded.map_err(|error| NoAnswer::NotSent(refused(tried(), error)))?;
        let trouble = forward.take_error(to.port);
        let stream = forward
            .take_stream(to.port)
            .ok_or_else(|| NoAnswer::NotSent(Error::bug("a port-forward without its port")))?;
        let secured = timeout(OPENED_WITHIN, secured(to, stream)).await.map_err(late)?;
        let stream = secured.map_err(|error| {
            // What keeps the node from connecting is told on a channel of its own.
            let trouble = trouble.and_then(|trouble| trouble.now_or_never().flatten());
            let failed = Error::not_yet(tried());
            NoAnswer::NotSent(match trouble {
                Some(trouble) => failed.with_source(trouble),
                None => failed.with_source(error),
            })
        })?;
        let answer = timeout(ANSWERED_WITHIN, exchange(stream, request)).await;
        forward.abort();
        answer.map_err(|late| NoAnswer::Lost(late.into()))?.map_err(|error| NoAnswer::Lost(error.into()))
    }
}

fn refused(tried: String, error: kube::Error) -> Error {
    match &error {
        kube::Error::Api(status) if status.code == 403 => Error::new(Class::Denied, tried)
            .with_source(status.message.clone())
            .with_hint("the right to `create` `pods/portforward` is needed"),
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(_)) => Error::not_yet(tried)
            .with_source(error)
            .with_hint("the right to `create` `pods/portforward` is needed, and a node that can be reached"),
        _ => explained(tried, error, Effect::None),
    }
}

/// TLS to the server of a pod, which has to prove that it is the one.
async fn secured<S>(
    to: &PodPort,
    stream: S,
) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(authorities::from_pem(&to.authority)?)
        .with_no_client_auth();
    let name = ServerName::try_from(to.server_name.clone()).map_err(io::Error::other)?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map_err(|error| match error.get_ref().and_then(|source| source.downcast_ref()) {
        Some(rustls::Error::InvalidMessage(_)) => {
            io::Error::new(error.kind(), "its server does not speak TLS")
        }
        _ => error,
    })
}

async fn exchange<S>(stream: S, request: Request<Vec<u8>>) -> hyper::Result<Response<Vec<u8>>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answered = async {
        let response = sender.send_request(request.map(|body| Full::new(Bytes::from(body)))).await?;
        let (parts, body) = response.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes().to_vec()))
    };
    // The connection carries the answer, and a server keeps it open beyond that.
    let (mut answered, mut connection) = (pin!(answered.fuse()), pin!(connection.fuse()));
    loop {
        futures::select_biased! {
            answer = answered => return answer,
            ended = connection => tracing::trace!(?ended, "disconnected"),
        }
    }
}

#[async_trait]
impl Tunnel for SimulatedPods {
    async fn send(&self, to: &PodPort, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        let answer = SimulatedPods::send(self, &to.namespace, &to.pod, to.port, request).await;
        answer.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                let tried = format!("connecting to port {} of pod `{}/{}`", to.port, to.namespace, to.pod);
                NoAnswer::NotSent(Error::not_yet(tried).with_source(error))
            }
            _ => NoAnswer::Lost(error.into()),
        })
    }
}
