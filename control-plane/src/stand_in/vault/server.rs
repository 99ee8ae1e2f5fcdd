//! One server of Vault, as whoever connects to it finds it: HTTP over TLS.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use holodeck_sandbox::vault::refuse;
use http::header::HOST;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Secret;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::player::Player;
use crate::ledger::{Broken, What};

/// Serves connections to a server until it is dropped.
pub(super) async fn serve(server: &'static str, listener: TcpListener, player: Arc<Player>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener that does not block");
    while let Ok((connection, _)) = listener.accept().await {
        let player = Arc::clone(&player);
        // Where it breaks off, the client notices.
        tokio::spawn(async move { drop(converse(server, connection, player).await) });
    }
}

async fn converse(server: &'static str, connection: TcpStream, player: Arc<Player>) -> io::Result<()> {
    // It is looked at anew each time, as it is renewed.
    let secret = player.certificate().await.map_err(io::Error::other)?;
    let secret = secret.ok_or_else(|| io::Error::other("a server without its certificate does not start"))?;
    let mut connection = acceptor(&secret)?.accept(connection).await?;
    let service = service_fn(|request| respond(server, request, &player));
    let mut http = http1::Builder::new();
    // A port-forward is for one request, and kwok goes on with it until both sides have ended it.
    http.keep_alive(false);
    let _ = http.serve_connection(TokioIo::new(&mut connection), service).await;
    // Nor does kwok tell the client that the server has ended it; TLS does.
    connection.shutdown().await
}

/// What accepts TLS with a Secret's certificate.
fn acceptor(secret: &Secret) -> io::Result<TlsAcceptor> {
    let part = |name: &str| {
        let part = secret.data.as_ref().and_then(|data| data.get(name));
        part.map_or(&[][..], |part| &part.0)
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(part("tls.crt")).collect();
    let key = PrivateKeyDer::from_pem_slice(part("tls.key")).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config =
        config.with_safe_default_protocol_versions().map_err(io::Error::other)?.with_no_client_auth();
    let config = config.with_single_cert(certificates.map_err(io::Error::other)?, key);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(io::Error::other)?)))
}

/// Answers one request, unless something is to go wrong with it.
async fn respond(
    server: &'static str,
    request: Request<Incoming>,
    player: &Player,
) -> Result<Response<Full<Bytes>>, Broken> {
    let (head, body) = request.into_parts();
    let fault = player.shared.ledger.note(server, &head);
    let body = body.collect().await?.to_bytes().to_vec();
    if !head.headers.contains_key(HOST) {
        // Go's server has this answer, before Vault sees the request.
        let refusal = Response::builder().status(StatusCode::BAD_REQUEST);
        return Ok(refusal.body(Full::from("400 Bad Request: missing required Host header"))?);
    }
    match fault {
        Some(What::Fail) => {
            let refusal = refuse(StatusCode::SERVICE_UNAVAILABLE, "this request was chosen to be refused");
            return Ok(refusal.map(Full::from));
        }
        Some(What::StopBefore(stop)) => {
            stop();
            return Err(Broken::Chosen);
        }
        _ => {}
    }
    let answer = player.answer(server, &Request::from_parts(head, body)).await?;
    match fault {
        Some(What::StopAfter(stop)) => {
            stop();
            Err(Broken::Chosen)
        }
        Some(_) => Err(Broken::Chosen),
        None => answer.map(|answer| answer.map(Full::from)).ok_or(Broken::Silent),
    }
}
