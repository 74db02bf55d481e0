//! A TCP proxy that spoils connections on purpose: slow, silent, broken off, corrupted, in pieces.
//!
//! The same seed and the same traffic give the same faults. [`Proxy`] is the handle in the same process; `control` takes the same
//! words from a socket. Nothing here knows what it carries, but for Redis' published messages (`proxy/pushed.rs`).

mod control;
mod faults;
mod pushed;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

pub use faults::Faults;

/// Read at most so much at once.
const PIECE: usize = 16 * 1024;
/// Waiting for the target to take a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// A running proxy; it ends with this handle.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

/// What has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Connections taken, refused ones included.
    pub connections: u64,
    /// Bytes towards the target.
    pub up_bytes: u64,
    /// Bytes from the target.
    pub down_bytes: u64,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    faults: watch::Sender<Faults>,
    /// Counts up; every connection older than the number is reset.
    cut: watch::Sender<u64>,
    seed: AtomicU64,
    connections: AtomicU64,
    up_bytes: AtomicU64,
    down_bytes: AtomicU64,
}

/// How one direction ended.
enum End {
    /// The sender has no more to say.
    Over,
    /// Broken off in order.
    Fin,
    /// Reset.
    Reset,
}

/// One direction of one connection.
struct Pump {
    shared: Arc<Shared>,
    faults: watch::Receiver<Faults>,
    down: bool,
    random: u64,
    bytes: u64,
    corrupted: u64,
    pushed: pushed::Pushed,
}

impl Proxy {
    /// Listens at `listen` (port 0: any) and passes on to `target`. The seed decides jitter and the places of corruption.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn start(listen: SocketAddr, target: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            faults: watch::Sender::new(Faults::default()),
            cut: watch::Sender::new(0),
            seed: AtomicU64::new(seed),
            connections: AtomicU64::new(0),
            up_bytes: AtomicU64::new(0),
            down_bytes: AtomicU64::new(0),
        });
        let addr = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Spoils connections in this way from now on, those that are open too.
    pub fn set(&self, faults: Faults) {
        self.shared.faults.send_replace(faults);
    }

    /// Its faults.
    #[must_use]
    pub fn faults(&self) -> Faults {
        *self.shared.faults.borrow()
    }

    /// New connections go there; open ones are reset.
    pub fn retarget(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
        self.cut();
    }

    /// Resets all open connections.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|number| *number += 1);
    }

    /// What has passed so far.
    #[must_use]
    pub fn passed(&self) -> Passed {
        Passed {
            connections: self.shared.connections.load(Relaxed),
            up_bytes: self.shared.up_bytes.load(Relaxed),
            down_bytes: self.shared.down_bytes.load(Relaxed),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((client, _)) => {
                let number = shared.connections.fetch_add(1, Relaxed);
                if shared.faults.borrow().refuse {
                    reset(&client);
                } else {
                    connections.spawn(connection(client, Arc::clone(&shared), number));
                }
            }
            // Out of files, most likely: one must end first.
            Err(_) => {
                connections.join_next().await;
            }
        }
    }
}

async fn connection(client: TcpStream, shared: Arc<Shared>, number: u64) {
    let mut cut = shared.cut.subscribe();
    let addr = *shared.target.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(Ok(target)) = tokio::time::timeout(CONNECT, TcpStream::connect(addr)).await else { return reset(&client) };
    // Small pieces must not wait for each other.
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let seed = shared.seed.load(Relaxed) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let pump = |down: bool| Pump {
        shared: Arc::clone(&shared),
        faults: shared.faults.subscribe(),
        down,
        random: seed ^ u64::from(down),
        bytes: 0,
        corrupted: 0,
        pushed: pushed::Pushed::default(),
    };
    let (up, down) = (pump(false), pump(true));
    let ((mut client_read, mut client_write), (mut target_read, mut target_write)) = (client.into_split(), target.into_split());
    let both = async {
        tokio::select! {
            end = up.run(&mut client_read, &mut target_write) => (end, true),
            end = down.run(&mut target_read, &mut client_write) => (end, false),
        }
    };
    let (end, by_client) = tokio::select! {
        ended = both => ended,
        _ = cut.changed() => (End::Reset, true),
    };
    match end {
        // Half-closed connections are rare here, and a client that has gone is what is looked at most.
        End::Over | End::Fin => {
            let _ = if by_client { target_write.shutdown().await } else { client_write.shutdown().await };
        }
        End::Reset => {
            reset(client_write.as_ref());
            reset(target_write.as_ref());
            // Otherwise dropping a half ends it in order first.
            client_write.forget();
            target_write.forget();
        }
    }
}

/// The connection ends with RST when it is dropped.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

impl Pump {
    async fn run(mut self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> End {
        let mut buffer = vec![0; PIECE];
        loop {
            let Ok(size) = from.read(&mut buffer).await else { return End::Reset };
            let Some(piece) = buffer.get_mut(..size).filter(|piece| !piece.is_empty()) else { return End::Over };
            if let Some(end) = self.pass(piece, to).await {
                return end;
            }
        }
    }

    /// Passes one piece on, spoiled as it is to be.
    async fn pass(&mut self, piece: &mut [u8], to: &mut OwnedWriteHalf) -> Option<End> {
        if self.faults.wait_for(|faults| !faults.stall).await.is_err() {
            return Some(End::Reset);
        }
        let faults = *self.faults.borrow();
        let delayed = faults.delay_per_mille == 0 || self.random() % 1_000 < faults.delay_per_mille;
        if faults.delay_ms + faults.jitter_ms > 0 && delayed {
            let jitter = self.random() % (faults.jitter_ms + 1);
            tokio::time::sleep(Duration::from_millis(faults.delay_ms + jitter)).await;
        }
        if let Some(micros) = (piece.len() as u64 * 1_000_000).checked_div(faults.throttle_bytes) {
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
        if faults.blackhole {
            return None;
        }
        if self.down && self.corrupted < faults.corrupt_bytes {
            self.corrupted += 1;
            let (at, other) = (self.random() as usize % piece.len(), self.random() as u8 | 1);
            if let Some(byte) = piece.get_mut(at) {
                *byte ^= other;
            }
        }
        let kept = (self.down && faults.swallow_messages).then(|| self.pushed.filter(piece));
        let all = kept.as_deref().unwrap_or(piece);
        let (rst, fin) = (faults.rst_after_bytes.filter(|_| self.down), faults.fin_after_bytes.filter(|_| self.down));
        let room = rst.into_iter().chain(fin).min().map_or(usize::MAX, |end| end.saturating_sub(self.bytes) as usize);
        let part = all.get(..all.len().min(room)).unwrap_or_default();
        let written = if faults.split { write_split(part, to).await } else { to.write_all(part).await };
        self.bytes += part.len() as u64;
        let total = if self.down { &self.shared.down_bytes } else { &self.shared.up_bytes };
        total.fetch_add(part.len() as u64, Relaxed);
        match written {
            Err(_) => Some(End::Reset),
            Ok(()) if rst.is_some_and(|end| self.bytes >= end) => Some(End::Reset),
            Ok(()) if fin.is_some_and(|end| self.bytes >= end) => Some(End::Fin),
            Ok(()) => None,
        }
    }

    /// splitmix64.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

async fn write_split(part: &[u8], to: &mut OwnedWriteHalf) -> io::Result<()> {
    for byte in part.chunks(1) {
        to.write_all(byte).await?;
        to.flush().await?;
    }
    Ok(())
}
