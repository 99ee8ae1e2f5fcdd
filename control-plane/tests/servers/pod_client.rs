//! HTTPS to a played pod by a port-forward: TLS begins here, and ends in what stands in for the pod.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Client;
use kube::api::Api;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const NAMESPACE: &str = "vault";

/// What the server of Vault in a pod answers. Its certificate must be that of the Secret, for its own name.
pub async fn ask_vault(
    client: &Client,
    pod: &str,
    mut request: Request<String>,
) -> io::Result<Response<Vec<u8>>> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let secret = secrets.get("vault-server-tls").await.map_err(io::Error::other)?;
    let connector = connector(&secret.data.expect("data")["ca.crt"].0)?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let mut forward = pods.portforward(pod, &[8200]).await.map_err(io::Error::other)?;
    let stream = forward.take_stream(8200).expect("the port's stream");
    let name = format!("{pod}.vault-internal.{NAMESPACE}.svc");
    request.headers_mut().insert(HOST, HeaderValue::from_str(&name).expect("a name"));
    let stream = connector.connect(ServerName::try_from(name).expect("a name"), stream).await?;
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let answer = async {
        let answer = sender.send_request(request.map(Full::<Bytes>::from)).await?;
        let (head, body) = answer.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes().to_vec()))
    };
    let answer = answer.await.map_err(|error: hyper::Error| io::Error::other(error));
    connection.abort();
    answer
}

/// What trusts an authority and nobody else.
fn connector(authority: &[u8]) -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}
