//! The accept loop and the connections of one data-plane thread, with the timers that a bare server lacks.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::reply::MountBody;
use crate::worker::Worker;

/// A client has so long to send the head of a request, the idle time before it included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Header lines of a request; more are refused with 431.
const MAX_HEADERS: usize = 100;
/// Bytes of a request's head; more are refused with 431.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Pause after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Everything on the data-plane port that is not the data plane: the admin API and the portal.
pub trait Mount: Send + Sync {
    /// Answers a request for a path that the data plane does not own.
    fn call(&self, request: Request<Incoming>, peer: IpAddr) -> BoxFuture<'static, Response<MountBody>>;
}

/// Opens the listening socket of one thread; several share a port.
pub(crate) fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        let _ = socket.set_only_v6(false);
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Counts open connections by address.
#[derive(Debug, Default)]
struct PerAddress(RefCell<HashMap<IpAddr, usize>>);

struct Seat {
    of: Rc<PerAddress>,
    ip: IpAddr,
}

impl PerAddress {
    fn enter(self: &Rc<Self>, ip: IpAddr, limit: usize) -> Option<Seat> {
        let mut counts = self.0.borrow_mut();
        let count = counts.entry(ip).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Seat { of: Rc::clone(self), ip })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.of.0.borrow_mut();
        if let Some(count) = counts.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.ip);
            }
        }
    }
}

/// Accepts connections until `draining` turns true, then closes the socket.
pub(crate) async fn accept_loop(worker: Rc<Worker>, listener: TcpListener, mut draining: watch::Receiver<bool>) {
    let seats = Rc::new(PerAddress::default());
    loop {
        let accepted = {
            let mut stop = pin!(draining.wait_for(|draining| *draining));
            let mut accept = pin!(listener.accept());
            std::future::poll_fn(|cx| {
                use std::future::Future;
                if stop.as_mut().poll(cx).is_ready() {
                    return std::task::Poll::Ready(None);
                }
                accept.as_mut().poll(cx).map(Some)
            })
            .await
        };
        match accepted {
            None => return,
            Some(Ok((tcp, peer))) => {
                let exempt = peer.ip().is_loopback() || worker.settings().trusted_proxies.iter().any(|cidr| cidr.contains(peer.ip()));
                let limit = if exempt { usize::MAX } else { worker.settings().max_connections_per_ip };
                let Some(seat) = seats.enter(peer.ip(), limit) else { continue };
                let _ = tcp.set_nodelay(true);
                let (worker, draining) = (Rc::clone(&worker), draining.clone());
                let tasks = worker.tasks.clone();
                tasks.spawn(async move {
                    connection(worker, tcp, peer, draining).await;
                    drop(seat);
                });
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(worker: Rc<Worker>, tcp: tokio::net::TcpStream, peer: SocketAddr, mut draining: watch::Receiver<bool>) {
    let calls = Rc::new(Cell::new(0_u32));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let worker = Rc::clone(&worker);
        calls.set(calls.get().saturating_add(1));
        async move { Ok::<_, Infallible>(crate::http::answer(worker, request, peer).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(true)
        .serve_connection(TokioIo::new(tcp), service);
    let mut connection = pin!(connection);
    let stop = async { draining.wait_for(|draining| *draining).await.is_ok() };
    let mut stop = pin!(stop);
    let mut stopping = false;
    // Errors here are the peer's (a reset, a timeout, a head that is no HTTP); hyper has answered what can be answered.
    let _ = std::future::poll_fn(|cx| {
        use std::future::Future;
        if !stopping && stop.as_mut().poll(cx).is_ready() {
            stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await;
}
