//! A mock vendor: an HTTP/1.1 server on loopback that answers in the dialects of OpenAI, Anthropic, Gemini and Bedrock,
//! misbehaves on demand, and keeps its own bill, so that a test can compare it with the gateway's ledger.
//!
//! Start at [`Mock::start`]; what it does with a request is in [`MockConfig`]. It never calls anyone.

mod anthropic;
mod ask;
mod bedrock;
mod config;
mod gemini;
mod ledger;
mod openai;
mod reel;
mod refusal;
mod reply;
mod script;
mod seal;
mod serve;
mod talk;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub use config::{BadOption, MockConfig};
pub use ledger::{Bill, Dialect, Record};

/// Connections that may wait to be accepted: thousands of streams are opened within a second.
const BACKLOG: i32 = 4096;

/// How long [`Mock::until`] waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running mock vendor. Dropping it closes its port and breaks off whatever it was saying.
#[derive(Debug)]
pub struct Mock {
    addr: SocketAddr,
    state: Arc<State>,
    tasks: JoinSet<()>,
}

/// What all connections share.
#[derive(Debug)]
struct State {
    config: RwLock<Arc<MockConfig>>,
    ledger: Arc<ledger::Ledger>,
    /// Requests since start, `set` or `clear`, for `fail_first`.
    turns: AtomicU64,
}

impl Mock {
    /// Listens on 127.0.0.1 and answers on the runtime this is called from.
    pub async fn start(config: MockConfig) -> io::Result<Self> {
        let listener = listen(config.port)?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State { config: RwLock::new(Arc::new(config)), ledger: Arc::default(), turns: AtomicU64::new(0) });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { addr, state, tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT/v1`, as a provider's `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Changes the behaviour from the next request on, and starts `fail_first` anew.
    pub fn set(&self, change: impl FnOnce(&mut MockConfig)) {
        let mut config = MockConfig::clone(&self.state.config());
        change(&mut config);
        self.state.replace(config);
    }

    /// The totals since start or [`clear`](Self::clear).
    pub fn bill(&self) -> Bill {
        self.state.ledger.bill()
    }

    /// The requests kept, oldest first.
    pub fn requests(&self) -> Vec<Record> {
        self.state.ledger.requests()
    }

    /// Forgets all requests and totals, and starts `fail_first` anew.
    pub fn clear(&self) {
        self.state.clear();
    }

    /// Waits until `ready` holds of the bill, for at most 10 seconds; `Err` has the bill as it was then.
    pub async fn until(&self, ready: impl Fn(&Bill) -> bool) -> Result<Bill, Bill> {
        tokio::time::timeout(PATIENCE, self.state.ledger.until(ready)).await.map_err(|_| self.bill())
    }

    /// Runs until the process is told to stop, for a mock that is a program of its own.
    pub async fn run(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl State {
    fn config(&self) -> Arc<MockConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, config: MockConfig) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        self.turns.store(0, Relaxed);
    }

    fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Relaxed)
    }

    fn clear(&self) {
        self.ledger.clear();
        self.turns.store(0, Relaxed);
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&state)));
            }
            // Out of file descriptors, most likely: some connection must end first.
            Err(_) => {
                connections.join_next().await;
            }
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    // A failure here shows as a slower answer, which is no reason to refuse it.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| serve::serve(Arc::clone(&state), request));
    let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // Clients may break off at any time, and the mock does so itself when configured to.
    let _ = served.await;
}
