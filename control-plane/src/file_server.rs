//! A folder that is served over HTTP on loopback, as repositories of charts are.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::background::Background;

/// A folder that is served. It has a thread of its own, so a test may block while a command fetches files.
#[derive(Debug)]
pub struct FileServer {
    address: String,
    _server: Background,
}

impl FileServer {
    /// Serves the files of `folder`, as they are when they are asked for.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = format!("http://{}", listener.local_addr()?);
        let folder = folder.to_owned();
        Ok(Self { address, _server: Background::start(move || serve(listener, folder)) })
    }

    /// Where it is reached, without a slash at the end.
    pub fn address(&self) -> &str {
        &self.address
    }
}

async fn serve(listener: TcpListener, folder: PathBuf) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener that does not block");
    while let Ok((connection, _)) = listener.accept().await {
        let folder = folder.clone();
        let service = service_fn(move |request| {
            let answer = answer(&folder, &request);
            async move { answer }
        });
        let served = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
        // Where it breaks off, the client notices.
        tokio::spawn(async { drop(served.await) });
    }
}

fn answer(folder: &Path, request: &Request<Incoming>) -> Result<Response<Full<Bytes>>, http::Error> {
    let path = Path::new(request.uri().path().trim_start_matches('/'));
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
    let file = is_below.then(|| std::fs::read(folder.join(path)).ok()).flatten();
    let status = if file.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Response::builder().status(status).body(Full::from(file.unwrap_or_default()))
}
