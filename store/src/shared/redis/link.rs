//! The way to Redis: a few multiplexed connections, short timeouts, a circuit, and one of two faults for everything else.
//!
//! The invariant: no call takes longer than the timeout, and while Redis is away none waits at all. Never done here: what a
//! command means, and trying again (but for a script that the server has forgotten). Start reading at [`Link::script`], then
//! `link/way.rs` and `link/kept.rs`; why it is so: `docs/decisions/0009-redis.md`.

mod address;
mod breaker;
mod cluster;
mod dial;
mod facts;
mod fault;
mod kept;
mod patient;
mod subscription;
mod task;
mod way;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Arg, Cmd, Value};
use tokio::sync::watch;
use tokio::time::Instant;

pub use facts::ServerFacts;
pub use fault::Fault;
pub use subscription::Subscription;
pub(in crate::shared::redis) use task::{Task, jitter};

use address::Address;
use breaker::Circuits;
use dial::Dial;
use facts::Met;
use fault::Sense;
use kept::Kept;
use patient::Patient;
use way::{Way, Wire};

/// An error that keeps coming is told once in so long.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Where Redis is.
#[derive(Clone)]
pub struct LinkOptions {
    /// `redis://[user:password@]host[:port][/db]`; `redis+sentinel://[…@]h1:p1,h2:p2/master[/db]`; `redis+cluster://[…@]h1,h2`. Over TLS:
    /// `rediss` instead of `redis`, with `?ca=FILE` (PEM; the system's authorities otherwise), `&cert=FILE&key=FILE`. For sentinels that ask for
    /// a password: `?sentinel_user=…&sentinel_password=…`. `valkey` and `valkeys` are the same.
    pub url: String,
}

impl std::fmt::Debug for LinkOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address holds a password.
        f.debug_struct("LinkOptions").finish_non_exhaustive()
    }
}

/// How Redis is used; the defaults are for a server in the same data center.
#[derive(Clone, Copy, Debug)]
pub struct LinkTuning {
    /// What takes longer than this is not waited for: commands answer in well under a millisecond.
    pub timeout: Duration,
    /// Connections for commands; all commands of one hash tag go over the same one, in order. One carries about 50,000 a second.
    pub connections: usize,
}

impl Default for LinkTuning {
    fn default() -> Self {
        Self { timeout: Duration::from_millis(50), connections: 2 }
    }
}

/// A Lua script, known to the server by its hash.
#[derive(Debug)]
pub struct Script {
    text: String,
    hash: String,
}

impl Script {
    /// A script from its text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), hash: redis::Script::new(text).get_hash().to_owned() }
    }

    fn called(&self, by: &'static str, name: &str, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
        let mut command = redis::cmd(by);
        command.arg(name).arg(keys.len()).arg(keys).arg(arguments);
        command
    }
}

/// The way to Redis. Cheap to clone; the connections end with the last one.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    dial: Arc<Dial>,
    met: Arc<Met>,
    /// For commands that must be fast.
    fast: Vec<Way>,
    /// For large values.
    bulk: Way,
    patient: Patient,
    timeout: Duration,
    commands: AtomicU64,
    told: Mutex<HashMap<String, Instant>>,
    _keepers: Vec<Task>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("server", &self.server()).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects, with the defaults. The connections live on the runtime of the caller.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the address is wrong, the password is, or the server is too old or forgets keys; [`Fault::Away`] when nobody answers there.
    pub async fn open(options: LinkOptions) -> Result<Self, Fault> {
        Self::open_with(options, LinkTuning::default()).await
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`Link::open`].
    pub async fn open_with(options: LinkOptions, tuning: LinkTuning) -> Result<Self, Fault> {
        Self::made(&options, tuning, true).await
    }

    /// Does not wait for a connection: until there is one, every command says that Redis is away (or, when a server answers that must
    /// not be used, that it refuses). A server that is found later counts as another, see [`Link::server_changes`].
    ///
    /// # Errors
    /// [`Fault::Refused`] when the address is wrong.
    pub async fn open_later(options: LinkOptions, tuning: LinkTuning) -> Result<Self, Fault> {
        Self::made(&options, tuning, false).await
    }

    async fn made(options: &LinkOptions, tuning: LinkTuning, wanted: bool) -> Result<Self, Fault> {
        let dial = Arc::new(Dial::new(Address::parse(&options.url)?));
        let count = tuning.connections.max(1);
        let (met, mut ways, keepers) = if dial.is_cluster() {
            cluster::open(&dial, tuning.timeout, count + 1, wanted).await?
        } else {
            Self::single(&dial, count + 1, wanted).await?
        };
        let bulk = ways.pop().ok_or_else(|| Fault::Refused(String::from("no connection")))?;
        let inner = Inner {
            patient: Patient::new(Arc::clone(&dial)),
            dial,
            met,
            fast: ways,
            bulk,
            timeout: tuning.timeout,
            commands: AtomicU64::new(0),
            told: Mutex::default(),
            _keepers: keepers,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Ways to one server, connected now or, when that is not `wanted`, in the background.
    async fn single(dial: &Arc<Dial>, count: usize, wanted: bool) -> Result<(Arc<Met>, Vec<Way>, Vec<Task>), Fault> {
        let mut ups = Vec::new();
        for _ in 0..count {
            ups.push(if wanted { Some(dial.server().await?) } else { None });
        }
        let facts = ups.iter().flatten().next().map(|up| up.facts.clone());
        if let Some(facts) = &facts {
            facts.warn_if_silent();
        }
        let met = Arc::new(Met::first(facts));
        let circuits = Arc::new(Circuits::single());
        let (mut ways, mut keepers) = (Vec::new(), Vec::new());
        for (number, up) in ups.into_iter().enumerate() {
            let (connection, at) = up.map(|up| (up.connection, (up.place, up.facts.run_id))).unzip();
            let kept = Arc::new(Kept::new(connection));
            let keeper = kept::keep(Arc::clone(&kept), Arc::clone(dial), Arc::clone(&met), at, number == 0);
            keepers.push(Task::start(keeper));
            // Large values are late for reasons of their own.
            let circuits = if number + 1 == count { Arc::new(Circuits::single()) } else { Arc::clone(&circuits) };
            ways.push(Way { wire: Wire::One(kept), circuits });
        }
        Ok((met, ways, keepers))
    }

    /// Runs a script, whose keys all have one hash tag: one round trip. Scripts of one hash tag arrive in the order they were sent in.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn script(&self, script: &Script, keys: &[&str], arguments: &[&[u8]]) -> Result<Value, Fault> {
        self.inner.commands.fetch_add(1, Ordering::Relaxed);
        let slot = keys.first().map_or(0, |key| breaker::slot(key.as_bytes()));
        let deadline = Instant::now() + self.inner.timeout;
        let way = self.way(slot)?;
        let answer = match way.run(slot, &script.called("EVALSHA", &script.hash, keys, arguments), deadline).await {
            // A restart, a promotion or SCRIPT FLUSH: nothing was run. The text is sent once, which also makes it known again.
            Err((Sense::NoScript, _)) => way.run(slot, &script.called("EVAL", &script.text, keys, arguments), deadline).await,
            answer => answer,
        };
        answer.map_err(|(_, fault)| self.told(fault))
    }

    /// Runs a command; its first argument, if any, is its key. Never one that blocks (`BLPOP`, `WAIT`): others wait behind it on the same connection.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn command(&self, command: &Cmd) -> Result<Value, Fault> {
        self.inner.commands.fetch_add(1, Ordering::Relaxed);
        let slot = slot_of(command);
        let deadline = Instant::now() + self.inner.timeout;
        self.way(slot)?.run(slot, command, deadline).await.map_err(|(_, fault)| self.told(fault))
    }

    /// Runs a command with a large value, on a connection of its own.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn bulk(&self, command: &Cmd) -> Result<Value, Fault> {
        self.inner.commands.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + self.inner.timeout;
        self.inner.bulk.run(slot_of(command), command, deadline).await.map_err(|(_, fault)| self.told(fault))
    }

    /// Runs a command that may take seconds (at most five), from a pool of its own.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn patient(&self, command: &Cmd) -> Result<Value, Fault> {
        self.inner.commands.fetch_add(1, Ordering::Relaxed);
        self.inner.patient.run(command).await.map_err(|(_, fault)| self.told(fault))
    }

    /// Runs a script that may take seconds (at most five), from a pool of its own.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn patient_script(&self, script: &Script, keys: &[&str], arguments: &[&[u8]]) -> Result<Value, Fault> {
        self.inner.commands.fetch_add(1, Ordering::Relaxed);
        let answer = match self.inner.patient.run(&script.called("EVALSHA", &script.hash, keys, arguments)).await {
            Err((Sense::NoScript, _)) => self.inner.patient.run(&script.called("EVAL", &script.text, keys, arguments)).await,
            answer => answer,
        };
        answer.map_err(|(_, fault)| self.told(fault))
    }

    /// Why commands are not sent at the moment; `None` when they are. Of a cluster it may concern only some keys.
    #[must_use]
    pub fn away(&self) -> Option<String> {
        self.inner.fast.iter().find_map(Way::away)
    }

    /// Commands sent since the start; a script is one.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.inner.commands.load(Ordering::Relaxed)
    }

    /// What the server that was last connected says of itself.
    #[must_use]
    pub fn server(&self) -> ServerFacts {
        self.inner.met.facts()
    }

    /// A number that grows whenever another server answers than before (a failover, a restart), or one that was away at the start: what
    /// was written last may be gone.
    #[must_use]
    pub fn server_changes(&self) -> watch::Receiver<u64> {
        self.inner.met.changes()
    }

    fn way(&self, slot: u16) -> Result<&Way, Fault> {
        let count = self.inner.fast.len().max(1);
        self.inner.fast.get(usize::from(slot) % count).ok_or_else(|| Fault::Away(String::from("no connection")))
    }

    /// Says once that something is refused: someone must look.
    fn told(&self, fault: Fault) -> Fault {
        if fault.is_refused() {
            let text = fault.to_string();
            let code = text.split(':').next().unwrap_or_default().to_owned();
            let now = Instant::now();
            let mut told = self.inner.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.get(&code).is_none_or(|at| now.duration_since(*at) >= TOLD_AGAIN) {
                told.insert(code, now);
                tracing::error!("redis refuses a command: {text}");
            }
        }
        fault
    }
}

fn slot_of(command: &Cmd) -> u16 {
    match command.args_iter().nth(1) {
        Some(Arg::Simple(key)) => breaker::slot(key),
        _ => 0,
    }
}
