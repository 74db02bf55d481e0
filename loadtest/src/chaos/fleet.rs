//! The clients: many at once, each asking one gateway after the other, and writing down what they were told.
//!
//! They run on a thread of their own, so that a fault that is being made does not hold them up. A refused connection is tried on the
//! next gateway, as a load balancer would; anything else is told as it is, never tried again under the same name.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::task::{JoinSet, LocalSet};

use crate::client::{Buffer, Connection, Failure, Target};

/// An answer may take so long.
const PATIENCE: Duration = Duration::from_secs(40);

/// What the clients do.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) gateways: Vec<SocketAddr>,
    /// Names and secrets of the keys, taken in turn.
    pub(super) keys: Vec<(String, String)>,
    pub(super) clients: usize,
    /// Of 1000 calls, so many are streams.
    pub(super) streams_per_mille: u64,
    /// Of 1000 calls, so many are left in the middle.
    pub(super) leave_per_mille: u64,
    /// Each client waits so long between two calls.
    pub(super) pause: Duration,
    pub(super) seed: u64,
}

/// What one client was told about one call.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The name of the call: in its prompt and in its `x-request-id`.
    pub name: String,
    /// The key's name.
    pub key: String,
    /// It was asked for as a stream.
    pub stream: bool,
    /// The client left on purpose.
    pub left: bool,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// The whole answer came, with its end mark.
    pub complete: bool,
    /// What broke, if anything.
    pub failure: Option<String>,
    /// Tokens in and out, as the answer said.
    pub usage: Option<(u64, u64)>,
    /// Milliseconds from the start of the fleet.
    pub at_ms: u64,
    /// Milliseconds it took.
    pub took_ms: u64,
}

/// Running clients.
#[derive(Debug)]
pub(super) struct Fleet {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    thread: JoinHandle<Result<Vec<Told>>>,
}

impl Fleet {
    pub(super) fn start(plan: Plan) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stop_there, done_there) = (Arc::clone(&stop), Arc::clone(&done));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(LocalSet::new().block_on(&runtime, run(plan, stop_there, done_there)))
        });
        Self { stop, done, thread }
    }

    /// Calls that ended so far.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// Lets the calls in flight end and gives all.
    pub(super) async fn stop(self) -> Result<Vec<Told>> {
        self.stop.store(true, Relaxed);
        let thread = self.thread;
        let joined = tokio::task::spawn_blocking(move || thread.join()).await?;
        joined.ok().context("the clients broke")?
    }
}

async fn run(plan: Plan, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) -> Vec<Told> {
    let (plan, buffer, start) = (Arc::new(plan), Buffer::default(), Instant::now());
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let (plan, stop, done, buffer) = (Arc::clone(&plan), Arc::clone(&stop), Arc::clone(&done), buffer.clone());
        clients.spawn_local(async move {
            let mut told = Vec::new();
            let mut turn = number;
            while !stop.load(Relaxed) {
                told.push(one(&plan, number, &mut turn, told.len(), &buffer, start).await);
                done.fetch_add(1, Relaxed);
                tokio::time::sleep(plan.pause).await;
            }
            told
        });
    }
    let mut all = Vec::new();
    while let Some(told) = clients.join_next().await {
        all.extend(told.unwrap_or_default());
    }
    all
}

async fn one(plan: &Plan, client: usize, turn: &mut usize, call: usize, buffer: &Buffer, start: Instant) -> Told {
    let name = format!("chaos-{}-{client}-{call}-end", plan.seed);
    let choice = mixed(plan.seed ^ ((client as u64) << 32) ^ call as u64);
    let (key, secret) = plan.keys.get((client + call) % plan.keys.len().max(1)).cloned().unwrap_or_default();
    let stream = choice % 1000 < plan.streams_per_mille;
    let leave = (choice >> 16) % 1000 < plan.leave_per_mille;
    let at = Instant::now();
    let mut told = Told { name, key, stream, left: leave, at_ms: start.elapsed().as_millis() as u64, ..Told::default() };
    for _ in 0..plan.gateways.len() {
        *turn += 1;
        let Some(addr) = plan.gateways.get(*turn % plan.gateways.len()) else { break };
        let ended = ask(*addr, &secret, &mut told, buffer).await;
        told.failure = ended.err().map(|failure| failure.name().to_owned());
        if ended != Err(Failure::Connect) {
            break;
        }
    }
    told.took_ms = at.elapsed().as_millis() as u64;
    told
}

async fn ask(addr: SocketAddr, secret: &str, told: &mut Told, buffer: &Buffer) -> Result<u16, Failure> {
    let target = Target { addr, host: addr.to_string(), path: "/v1/chat/completions".to_owned() };
    let mut body = json!({"model": "gpt-4o", "max_tokens": 64, "messages": [{"role": "user", "content": told.name}]});
    if told.stream
        && let Some(body) = body.as_object_mut()
    {
        body.insert("stream".to_owned(), json!(true));
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    let headers = [("authorization".to_owned(), format!("Bearer {secret}")), ("x-request-id".to_owned(), told.name.clone())];
    let (mut text, mut status) = (Vec::new(), None);
    let mut connection = Connection::new(addr, buffer.clone());
    let patience = if told.left { Duration::from_millis(30) } else { PATIENCE };
    let request = target.post(&headers, &body.to_string());
    let exchange = connection.exchange(&request, |seen, part| {
        status = Some(seen);
        text.extend_from_slice(part);
    });
    let ended = tokio::time::timeout(patience, exchange).await.unwrap_or(Err(Failure::Timeout));
    told.status = ended.ok().or(status);
    let text = String::from_utf8_lossy(&text);
    told.complete = ended.is_ok() && (!told.stream || text.contains("data: [DONE]"));
    told.usage = usage(&text, told.stream);
    ended
}

/// Tokens in and out of an answer, or of the last event of a stream that has them.
fn usage(text: &str, stream: bool) -> Option<(u64, u64)> {
    let of = |text: &str| -> Option<(u64, u64)> {
        let value: Value = serde_json::from_str(text).ok()?;
        let usage = value.get("usage")?;
        Some((usage.get("prompt_tokens")?.as_u64()?, usage.get("completion_tokens")?.as_u64()?))
    };
    if !stream {
        return of(text);
    }
    text.lines().rev().filter_map(|line| line.strip_prefix("data: ")).find_map(of)
}

/// splitmix64 of one number.
pub(super) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
