//! The passing of requests through a gate: a reverse proxy, in front of a `kube::Client` that does everything about TLS.

use std::net::TcpListener;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use tokio::io::copy_bidirectional;

use crate::Server;
use crate::ledger::{Broken, Ledger, What};

/// Serves connections until it is dropped.
pub(super) async fn serve(listener: TcpListener, mut config: kube::Config, ledger: Arc<Ledger>) {
    // What the server answers is what the client gets: without repetition, and after however long.
    config.default_retry = false;
    config.read_timeout = None;
    let client = Client::try_from(config).expect("access that the control plane was started with");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener that does not block");
    while let Ok((connection, _)) = listener.accept().await {
        let (client, ledger) = (client.clone(), Arc::clone(&ledger));
        let service = service_fn(move |request| pass(request, client.clone(), Arc::clone(&ledger)));
        let served =
            http1::Builder::new().serve_connection(TokioIo::new(connection), service).with_upgrades();
        // Where it breaks off, the client notices.
        tokio::spawn(async { drop(served.await) });
    }
}

/// Passes one request on, unless something is to go wrong with it.
async fn pass(
    mut request: http::Request<Incoming>,
    client: Client,
    ledger: Arc<Ledger>,
) -> Result<Response<Body>, Broken> {
    let to_client = hyper::upgrade::on(&mut request);
    let (mut head, body) = request.into_parts();
    let fault = ledger.note(Server::Api.name(), &head);
    let body = body.collect().await?.to_bytes();
    match fault {
        Some(What::Fail) => return Ok(unavailable()),
        Some(What::StopBefore(stop)) => {
            stop();
            return Err(Broken::Chosen);
        }
        _ => {}
    }
    for of_this_connection in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
        head.headers.remove(of_this_connection);
    }
    let mut answer = client.send(http::Request::from_parts(head, Body::from(body))).await?;
    if let Some(fault) = fault {
        // The end of the answer is the end of carrying it out.
        answer.into_body().collect_bytes().await?;
        if let What::StopAfter(stop) = fault {
            stop();
        }
        return Err(Broken::Chosen);
    }
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        let to_server = hyper::upgrade::on(&mut answer);
        tokio::spawn(async move {
            if let (Ok(client), Ok(server)) = tokio::join!(to_client, to_server) {
                let _ = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await;
            }
        });
    }
    Ok(answer)
}

/// What an API server answers that is overloaded.
fn unavailable() -> Response<Body> {
    let status =
        Status::failure("the gate was told to refuse this request", "ServiceUnavailable").with_code(503);
    let body = serde_json::to_vec(&status).expect("a status");
    let answer =
        Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).header(CONTENT_TYPE, "application/json");
    answer.body(Body::from(body)).expect("an answer")
}
