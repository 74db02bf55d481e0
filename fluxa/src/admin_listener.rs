//! The admin API on a port of its own, for a process without a data plane: accepts connections within limits, and ends them in order.
//!
//! The limits are those of the data plane's port: heads within 10 seconds, at most 64 KiB and 100 lines of them, so many
//! connections of one address. Never done here: anything about the requests themselves.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use fluxa_admin_api::PeerIp;
use fluxa_domain::net::{Cidr, client_ip};
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// A client has so long to send the head of a request, the idle time before it included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Header lines of a request; more are refused.
const MAX_HEADERS: usize = 100;
/// Bytes of a request's head; more are refused.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Connections in all: people and their tools, not clients of models.
const MAX_CONNECTIONS: usize = 1_024;
/// Pause after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who may connect, and how often.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections that one address may hold; loopback and `trusted_proxies` are exempt.
    pub per_address: usize,
    /// Whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<Cidr>,
}

/// A running listener; dropping it closes it and its connections.
#[derive(Debug)]
pub struct AdminListener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl AdminListener {
    /// Starts listening.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(listen: SocketAddr, router: Router, limits: Limits) -> std::io::Result<Self> {
        let socket = TcpListener::bind(listen).await?;
        let address = socket.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(socket, Arc::new(Entrance { router, limits, seats: Mutex::default() }), stopping));
        Ok(Self { address, stop, tasks })
    }

    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connections and waits for the answers under way.
    pub async fn shutdown(&mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Entrance {
    router: Router,
    limits: Limits,
    seats: Mutex<HashMap<IpAddr, usize>>,
}

impl Entrance {
    fn trusts(&self, ip: IpAddr) -> bool {
        self.limits.trusted_proxies.iter().any(|range| range.contains(ip))
    }

    /// A seat for one more connection of this address, where it may stay.
    fn enter(self: &Arc<Self>, ip: IpAddr) -> Option<Seat> {
        let exempt = ip.is_loopback() || self.trusts(ip);
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(ip).or_insert(0);
        let may = exempt || *taken < self.limits.per_address;
        if !may {
            return None;
        }
        *taken += 1;
        Some(Seat { entrance: Arc::clone(self), ip })
    }

    fn leave(&self, ip: IpAddr) {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&ip) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&ip);
            }
        }
    }
}

/// The place of a connection, until it is dropped.
struct Seat {
    entrance: Arc<Entrance>,
    ip: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.entrance.leave(self.ip);
    }
}

async fn accept(socket: TcpListener, entrance: Arc<Entrance>, mut stopping: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if let Some(seat) = entrance.enter(peer.ip()) {
            connections.spawn(serve(seat, stream, stopping.clone()));
        }
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}

async fn serve(seat: Seat, stream: TcpStream, mut stopping: watch::Receiver<bool>) {
    let (at, peer) = (Arc::clone(&seat.entrance), seat.ip);
    let service = service_fn(move |request: Request<Incoming>| {
        let forwarded = request.headers().get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
        let ip = if at.trusts(peer) { client_ip(peer, forwarded, &at.limits.trusted_proxies) } else { peer };
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerIp(ip));
        at.router.clone().oneshot(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // Errors here are the peer's: hyper has answered what can be answered.
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        _ = stopping.wait_for(|stop| *stop) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Extension;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn ask(address: SocketAddr, head: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_request_is_answered_with_its_clients_address_and_the_end_waits_for_nobody_idle() {
        let router = Router::new().route("/admin/x", get(async |Extension(PeerIp(ip)): Extension<PeerIp>| ip.to_string()));
        let limits = Limits { per_address: 1, trusted_proxies: vec!["127.0.0.1/32"].into_iter().map(range).collect() };
        let mut listener = AdminListener::start("127.0.0.1:0".parse().unwrap(), router, limits).await.unwrap();
        let head = "GET /admin/x HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 10.1.2.3\r\nconnection: close\r\n\r\n";
        let answer = ask(listener.address(), head).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("10.1.2.3"), "{answer}");
        let endless = format!("GET / HTTP/1.1\r\n{}", "x: y\r\n".repeat(MAX_HEADERS + 1)) + "\r\n";
        assert!(ask(listener.address(), &endless).await.starts_with("HTTP/1.1 431"));
        let idle = TcpStream::connect(listener.address()).await.unwrap();
        tokio::time::timeout(Duration::from_secs(20), listener.shutdown()).await.expect("an idle connection is no reason to stay");
        drop(idle);
        assert!(TcpStream::connect(listener.address()).await.is_err());
    }

    #[test]
    fn an_address_holds_so_many_connections_and_trusted_ones_more() {
        let limits = Limits { per_address: 2, trusted_proxies: vec![range("10.0.0.0/8")] };
        let entrance = Arc::new(Entrance { router: Router::new(), limits, seats: Mutex::default() });
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let seats: Vec<_> = (0..3).map(|_| entrance.enter(ip("192.0.2.1"))).collect();
        assert_eq!(seats.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
        assert!(entrance.enter(ip("192.0.2.2")).is_some(), "another address");
        for exempt in ["10.0.0.1", "127.0.0.1", "::1"] {
            let many: Vec<_> = (0..5).map(|_| entrance.enter(ip(exempt))).collect();
            assert!(many.iter().all(Option::is_some), "{exempt}");
        }
        drop(seats);
        assert!(entrance.enter(ip("192.0.2.1")).is_some(), "who leaves makes room");
        assert!(entrance.seats.lock().unwrap().is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn who_sends_no_head_in_time_is_let_go() {
        let limits = Limits { per_address: 1, trusted_proxies: Vec::new() };
        let listener = AdminListener::start("127.0.0.1:0".parse().unwrap(), Router::new(), limits).await.unwrap();
        let mut slow = TcpStream::connect(listener.address()).await.unwrap();
        slow.write_all(b"GET /admin/x HTTP/1.1\r\nhost:").await.unwrap();
        let mut text = Vec::new();
        let ended = tokio::time::timeout(HEADER_TIMEOUT * 3, slow.read_to_end(&mut text)).await;
        assert!(ended.is_ok(), "it is still connected");
    }

    fn range(text: &str) -> Cidr {
        serde_json::from_value(serde_json::Value::String(text.to_owned())).unwrap()
    }
}
