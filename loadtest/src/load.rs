//! The load generator: one thread, open or closed loop, one target or two interleaved. Start at [`run`].
//!
//! In an open loop latency is timed from when a request was due, not from when it could be sent, so that a server
//! which stalls cannot hide the requests it kept waiting.

pub mod check;
pub mod pace;
pub mod tally;
pub mod watch;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::Notify,
    task::{JoinSet, LocalSet},
    time::timeout,
};

use crate::client::{Buffer, Connection, Failure, Target};
use pace::{Due, Schedule};
use tally::{Percentiles, Tally, TargetReport};
use watch::Watch;

/// The share of a run at its start that is not counted, while connections open and caches warm.
const DROPPED_SHARE: u32 = 10;

/// How the requests come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// On a schedule: this many a second to each target.
    Open {
        /// Requests a second.
        rate: f64,
    },
    /// Each connection sends the next request when it has the answer to the last.
    Closed,
}

/// One server to send to.
#[derive(Debug, Clone)]
pub struct Side {
    /// Where.
    pub target: Target,
    /// The whole request.
    pub request: Vec<u8>,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the requests come.
    pub mode: Mode,
    /// How long requests are sent.
    pub duration: Duration,
    /// Connections to each target.
    pub connections: usize,
    /// The answers are event streams.
    pub stream: bool,
    /// Text events that each stream should have, if known.
    pub events: Option<u64>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// What is measured.
    pub main: Side,
    /// The server behind it, asked directly in between.
    pub baseline: Option<Side>,
}

/// The outcome of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// What was measured.
    pub main: TargetReport,
    /// The server behind it, asked directly in between.
    pub baseline: Option<TargetReport>,
    /// The difference of their percentiles of latency.
    pub added: Option<Percentiles>,
    /// The difference of their percentiles of the first byte; streams only.
    pub added_first: Option<Percentiles>,
}

/// How far a run has come, for a progress line.
#[derive(Debug, Default)]
pub struct Progress {
    done: Cell<u64>,
    failed: Cell<u64>,
}

struct Lane {
    side: Side,
    stream: bool,
    events: Option<u64>,
    timeout: Duration,
    /// Requests due before this are sent but not counted.
    count_from: Instant,
    queue: RefCell<VecDeque<Due>>,
    wake: Notify,
    closed: Cell<bool>,
    tally: RefCell<Tally>,
    progress: Rc<Progress>,
}

impl Progress {
    /// Requests answered or failed, and of these the failed.
    pub fn now(&self) -> (u64, u64) {
        (self.done.get(), self.failed.get())
    }
}

/// Runs the plan on this thread.
pub async fn run(plan: Plan, progress: Rc<Progress>) -> Report {
    LocalSet::new().run_until(run_local(plan, progress)).await
}

async fn run_local(plan: Plan, progress: Rc<Progress>) -> Report {
    let sides: Vec<Side> = std::iter::once(plan.main.clone()).chain(plan.baseline.clone()).collect();
    let start = Instant::now();
    let end = start + plan.duration;
    let count_from = start + plan.duration / DROPPED_SHARE;
    let lanes: Vec<Rc<Lane>> = sides.into_iter().map(|side| Rc::new(Lane::new(side, &plan, count_from, Rc::clone(&progress)))).collect();
    let buffer = Buffer::default();
    let mut workers = JoinSet::new();
    for _ in 0..plan.connections {
        for lane in &lanes {
            let connection = Connection::new(lane.side.target.addr, buffer.clone());
            match plan.mode {
                Mode::Open { .. } => workers.spawn_local(serve_queue(Rc::clone(lane), connection)),
                Mode::Closed => workers.spawn_local(repeat(Rc::clone(lane), connection, end)),
            };
        }
    }
    if let Mode::Open { rate } = plan.mode {
        feed(&lanes, rate, plan.duration, start).await;
    }
    while workers.join_next().await.is_some() {}
    // Answers that came after the last due time belong to the window of the requests counted.
    let window = match plan.mode {
        Mode::Open { .. } => end - count_from,
        Mode::Closed => Instant::now() - count_from,
    };
    let mut reports = lanes.iter().map(|lane| lane.tally.borrow().report(lane.side.target.host.clone(), window));
    let main = reports.next().unwrap_or_default();
    let baseline = reports.next();
    let added = baseline.as_ref().map(|base| main.latency.above(&base.latency));
    let added_first = baseline.as_ref().filter(|_| plan.stream).map(|base| main.first.above(&base.first));
    Report { main, baseline, added, added_first }
}

/// Hands out the schedule, to each lane in turn.
async fn feed(lanes: &[Rc<Lane>], rate: f64, duration: Duration, start: Instant) {
    let rate = rate * lanes.len() as f64;
    let count = (rate * duration.as_secs_f64()) as u64;
    let mut schedule = Schedule { start, rate, count }.run();
    while let Some(due) = schedule.recv().await {
        lanes[due.index as usize % lanes.len()].push(due);
    }
    lanes.iter().for_each(|lane| lane.close());
}

async fn serve_queue(lane: Rc<Lane>, mut connection: Connection) {
    while let Some(due) = lane.pop().await {
        // A failure is in the tally; the next request is due all the same.
        let _ = lane.one(&mut connection, due.at).await;
    }
}

async fn repeat(lane: Rc<Lane>, mut connection: Connection, end: Instant) {
    /// A server that refuses connections must not be asked as fast as the loop can turn.
    const PAUSE: Duration = Duration::from_millis(10);
    loop {
        let now = Instant::now();
        if now >= end {
            return;
        }
        if lane.one(&mut connection, now).await == Err(Failure::Connect) {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Lane {
    fn new(side: Side, plan: &Plan, count_from: Instant, progress: Rc<Progress>) -> Self {
        Self {
            side,
            stream: plan.stream,
            events: plan.events,
            timeout: plan.timeout,
            count_from,
            queue: RefCell::default(),
            wake: Notify::new(),
            closed: Cell::new(false),
            tally: RefCell::default(),
            progress,
        }
    }

    fn push(&self, due: Due) {
        self.queue.borrow_mut().push_back(due);
        // The connection used last is the warmest.
        self.wake.notify_last();
    }

    fn close(&self) {
        self.closed.set(true);
        self.wake.notify_waiters();
    }

    async fn pop(&self) -> Option<Due> {
        loop {
            // Taken before the look at the queue, so that `close` cannot fall in between.
            let wake = self.wake.notified();
            let next = self.queue.borrow_mut().pop_front();
            if next.is_some() || self.closed.get() {
                return next;
            }
            wake.await;
        }
    }

    /// One request, counted if it was due late enough.
    async fn one(&self, connection: &mut Connection, due: Instant) -> Result<(), Failure> {
        let mut watch = Watch::new(due, self.stream, due >= self.count_from);
        let read = |status: u16, part: &[u8]| watch.read(&mut self.tally.borrow_mut(), status, part);
        let exchanged = timeout(self.timeout, connection.exchange(&self.side.request, read)).await;
        let ended = exchanged.unwrap_or(Err(Failure::Timeout));
        let outcome = watch.end(&mut self.tally.borrow_mut(), ended, self.events);
        self.progress.done.set(self.progress.done.get() + 1);
        self.progress.failed.set(self.progress.failed.get() + u64::from(outcome.is_err()));
        outcome
    }
}
