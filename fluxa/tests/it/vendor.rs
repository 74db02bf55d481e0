//! A vendor that speaks bare TCP: it reads one request and writes whatever bytes a story gave it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it does with a connection after reading a request.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Writes these bytes and closes.
    Says(Vec<u8>),
    /// Writes these bytes and then nothing, with the connection open.
    SaysAndHangs(Vec<u8>),
    /// Writes the first bytes, then the second again and again.
    Repeats(Vec<u8>, Vec<u8>),
    /// Writes the bytes that belong to the first of these texts that is in the request, else the last, and closes.
    Looks(Vec<(&'static str, Vec<u8>)>, Vec<u8>),
}

/// A running vendor; dropping it closes its port.
#[derive(Debug)]
pub(crate) struct Vendor {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    does: Does,
    accepted: AtomicUsize,
    requests: Mutex<Vec<Vec<u8>>>,
}

impl Vendor {
    pub(crate) async fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State { does, accepted: AtomicUsize::new(0), requests: Mutex::default() });
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(tcp, Arc::clone(&shared)));
            }
        });
        Self { address, state, _tasks: tasks }
    }

    /// An answer of status 200 with the given type and body, length announced.
    pub(crate) async fn answering(content_type: &str, body: &str) -> Self {
        let text = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        Self::start(Does::Says(text.into_bytes())).await
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Connections taken.
    pub(crate) fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// The requests as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.state.requests.lock().expect("no panic holds it");
        requests.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

async fn serve(mut tcp: TcpStream, state: Arc<State>) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        match tcp.read_buf(&mut request).await {
            Ok(bytes) if bytes > 0 => {}
            _ => break,
        }
    }
    let asked = String::from_utf8_lossy(&request).into_owned();
    state.requests.lock().expect("no panic holds it").push(request);
    let write = async |tcp: &mut TcpStream, bytes: &[u8]| tcp.write_all(bytes).await.is_ok();
    match &state.does {
        Does::Says(bytes) => {
            write(&mut tcp, bytes).await;
            let _ = tcp.shutdown().await;
        }
        Does::Looks(cases, otherwise) => {
            let case = cases.iter().find(|(text, _)| asked.contains(text));
            write(&mut tcp, case.map_or(otherwise, |(_, bytes)| bytes)).await;
            let _ = tcp.shutdown().await;
        }
        Does::SaysAndHangs(bytes) => {
            write(&mut tcp, bytes).await;
            let mut end = Vec::new();
            let _ = tcp.read_to_end(&mut end).await;
        }
        Does::Repeats(first, again) => {
            if write(&mut tcp, first).await {
                while write(&mut tcp, again).await {}
            }
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|length| length.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}
