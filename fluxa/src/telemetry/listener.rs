//! The listener beside the data plane: `/metrics`, `/healthz`, `/readyz`. No key is needed, so it binds to loopback
//! unless told otherwise, and it says nothing about versions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What the listener asks of the rest of the process.
pub trait Vitals: Send + Sync + 'static {
    /// The metrics in Prometheus' text format.
    fn metrics(&self) -> String;
    /// `Ok` when the process may take traffic, with the names of what does not work as it should; else why not.
    ///
    /// # Errors
    /// One reason a line.
    fn ready(&self) -> Result<Vec<&'static str>, String>;
}

/// A scraper that sends no request within this is let go.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections beyond this wait: a scraper and a few probes need a handful.
const MAX_CONNECTIONS: usize = 64;

/// A running listener; dropping it closes it and its connections.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Listener {
    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Starts the listener.
///
/// # Errors
/// When the address cannot be bound.
pub async fn start(listen: SocketAddr, vitals: Arc<dyn Vitals>) -> std::io::Result<Listener> {
    let socket = TcpListener::bind(listen).await?;
    let address = socket.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(accept(socket, vitals));
    Ok(Listener { address, _tasks: tasks })
}

async fn accept(socket: TcpListener, vitals: Arc<dyn Vitals>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        let Ok((stream, _)) = socket.accept().await else {
            // Out of file descriptors: accepting again at once would spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let vitals = Arc::clone(&vitals);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&request, &*vitals);
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            // A broken connection concerns nobody but its scraper.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer<B>(request: &Request<B>, vitals: &dyn Vitals) -> Response<Full<Bytes>> {
    const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, PROMETHEUS, vitals.metrics()),
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, TEXT, String::from("ok\n")),
        (&Method::GET | &Method::HEAD, "/readyz") => match vitals.ready() {
            Ok(degraded) if degraded.is_empty() => (StatusCode::OK, TEXT, String::from("ready\n")),
            Ok(degraded) => (StatusCode::OK, TEXT, format!("ready; degraded: {}\n", degraded.join(", "))),
            Err(why) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {why}\n")),
        },
        (_, "/metrics" | "/healthz" | "/readyz") => (StatusCode::METHOD_NOT_ALLOWED, TEXT, String::from("method not allowed\n")),
        _ => (StatusCode::NOT_FOUND, TEXT, String::from("not found; here are /metrics, /healthz and /readyz\n")),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    struct Fake(bool);
    impl Vitals for Fake {
        fn metrics(&self) -> String {
            String::from("fluxa_up 1\n")
        }
        fn ready(&self) -> Result<Vec<&'static str>, String> {
            if self.0 { Ok(vec!["counters_away", "ledger_away"]) } else { Err(String::from("draining")) }
        }
    }

    #[tokio::test]
    async fn metrics_and_probes_answer() {
        for (path, status, body, ready) in [
            ("/metrics", "200", "fluxa_up 1", false),
            ("/healthz", "200", "ok", false),
            ("/readyz", "503", "not ready: draining", false),
            ("/readyz", "200", "ready; degraded: counters_away, ledger_away", true),
            ("/admin", "404", "not found", false),
        ] {
            let listener = start("127.0.0.1:0".parse().unwrap(), Arc::new(Fake(ready))).await.unwrap();
            let mut stream = tokio::net::TcpStream::connect(listener.address()).await.unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")) && text.contains(body), "{path}: {text}");
        }
    }
}
