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

mod stall;

/// A client has so long to send the head of a request, the idle time before it included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Header lines of a request; more are refused with 431.
const MAX_HEADERS: usize = 100;
/// Bytes of a request's head; more are refused with 431.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Pause after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// At the stop a client that has connected but not asked yet has so long to do so.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Everything on the data-plane port that is not the data plane: the admin API and the portal.
pub trait Mount: Send + Sync {
    /// Answers a request for a path that the data plane does not own.
    fn call(&self, request: Request<Incoming>, peer: IpAddr) -> BoxFuture<'static, Response<MountBody>>;
}

/// Whether nobody listens on `address` yet. Sockets that share a port would let a second process in without a word.
pub(crate) fn is_free(address: SocketAddr) -> std::io::Result<()> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
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

/// Accepts connections until `draining` turns true, takes those that wait already, then closes the socket.
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
            None => break,
            Some(Ok((tcp, peer))) => admit(&worker, &seats, tcp, peer, &draining),
            Some(Err(error)) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // To their clients, connections in the queue of the socket stand: closing it would reset them.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((tcp, peer)) = listener.accept() {
        if tcp.set_nonblocking(true).is_ok()
            && let Ok(tcp) = tokio::net::TcpStream::from_std(tcp)
        {
            admit(&worker, &seats, tcp, peer, &draining);
        }
    }
}

fn admit(worker: &Rc<Worker>, seats: &Rc<PerAddress>, tcp: tokio::net::TcpStream, peer: SocketAddr, draining: &watch::Receiver<bool>) {
    let exempt = peer.ip().is_loopback() || worker.settings().trusted_proxies.iter().any(|cidr| cidr.contains(peer.ip()));
    let limit = if exempt { usize::MAX } else { worker.settings().max_connections_per_ip };
    let Some(seat) = seats.enter(peer.ip(), limit) else { return };
    let _ = tcp.set_nodelay(true);
    let (connected, draining) = (Rc::clone(worker), draining.clone());
    worker.tasks.spawn(async move {
        connection(connected, tcp, peer, draining).await;
        drop(seat);
    });
}

async fn connection(worker: Rc<Worker>, tcp: tokio::net::TcpStream, peer: SocketAddr, mut draining: watch::Receiver<bool>) {
    let asked = Cell::new(false);
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        asked.set(true);
        let worker = Rc::clone(&worker);
        // Boxed, so that a connection that streams for minutes does not keep room for the work that ended with the answer's head.
        let answering = Box::pin(crate::http::answer(worker, request, peer));
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(true)
        .serve_connection(TokioIo::new(stall::Bounded::new(tcp)), service);
    let mut connection = pin!(connection);
    let stop = async {
        let _ = draining.wait_for(|draining| *draining).await;
        // hyper closes a connection that has never been read from, though its client's first request may be under way.
        if !asked.get() {
            tokio::time::sleep(FIRST_REQUEST_GRACE).await;
        }
    };
    let cut = async {
        let mut stopping = worker.stopping.clone();
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let (mut stop, mut cut) = (pin!(stop), pin!(cut));
    // First: finish what is going on, take on nothing new. Then, at the end of the drain: end what still goes on.
    let mut step = Step::Open;
    // Errors here are the peer's (a reset, a timeout, a head that is no HTTP); hyper has answered what can be answered.
    let _ = std::future::poll_fn(|cx| {
        use std::future::Future;
        if step == Step::Open && stop.as_mut().poll(cx).is_ready() {
            step = Step::Draining;
            connection.as_mut().graceful_shutdown();
        }
        if step == Step::Draining && cut.as_mut().poll(cx).is_ready() {
            step = Step::Cut;
            worker.cut.set(true);
        }
        connection.as_mut().poll(cx)
    })
    .await;
}

/// How far the stop of the server has come for one connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Open,
    Draining,
    Cut,
}
