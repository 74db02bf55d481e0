//! Many event streams open at once: are all of them whole, and how late are their events? Start at [`run`].

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    task::{JoinSet, LocalSet},
    time::timeout,
};

use crate::{
    client::{Buffer, Connection, Failure, Target},
    load::{
        pace::Schedule,
        tally::{Tally, TargetReport},
        watch::Watch,
    },
};

/// What to open.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where.
    pub target: Target,
    /// The whole request.
    pub request: Vec<u8>,
    /// How many streams.
    pub count: u64,
    /// Streams opened a second.
    pub open_rate: f64,
    /// Text events each stream should have.
    pub events: u64,
    /// How long one stream may take, from when it was due.
    pub timeout: Duration,
}

/// The outcome.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Streams asked for.
    pub streams: u64,
    /// Streams with every event once, in order, and the end mark.
    pub intact: u64,
    /// The most streams that were open at the same time.
    pub most_open: u64,
    /// Times and errors; `first` is from when a stream was due to its first byte, `delay` from the mock's write to our read.
    pub counts: TargetReport,
}

/// How far a run has come, for a progress line.
#[derive(Debug, Default)]
pub struct Progress {
    open: Cell<u64>,
    most_open: Cell<u64>,
    done: Cell<u64>,
}

impl Progress {
    /// Streams open, and streams ended.
    pub fn now(&self) -> (u64, u64) {
        (self.open.get(), self.done.get())
    }
}

/// The limit of open files after raising it as far as this process may: one descriptor is needed for each stream.
pub fn raise_file_limit() -> std::io::Result<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
}

/// Opens the streams and reads them to their ends, on this thread.
pub async fn run(plan: Plan, progress: Rc<Progress>) -> Report {
    LocalSet::new().run_until(run_local(plan, progress)).await
}

async fn run_local(plan: Plan, progress: Rc<Progress>) -> Report {
    let plan = Rc::new(plan);
    let tally = Rc::new(RefCell::new(Tally::default()));
    let buffer = Buffer::default();
    let start = Instant::now();
    let mut schedule = Schedule { start, rate: plan.open_rate, count: plan.count }.run();
    let mut streams = JoinSet::new();
    while let Some(due) = schedule.recv().await {
        let connection = Connection::new(plan.target.addr, buffer.clone());
        let (plan, tally, progress) = (Rc::clone(&plan), Rc::clone(&tally), Rc::clone(&progress));
        streams.spawn_local(async move {
            progress.open.set(progress.open.get() + 1);
            progress.most_open.set(progress.most_open.get().max(progress.open.get()));
            one(&plan, &tally, connection, due.at).await;
            progress.open.set(progress.open.get() - 1);
            progress.done.set(progress.done.get() + 1);
        });
    }
    while streams.join_next().await.is_some() {}
    let tally = tally.borrow();
    Report {
        streams: plan.count,
        intact: tally.streams_intact,
        most_open: progress.most_open.get(),
        counts: tally.report(plan.target.host.clone(), start.elapsed()),
    }
}

async fn one(plan: &Plan, tally: &RefCell<Tally>, mut connection: Connection, due: Instant) {
    let mut watch = Watch::new(due, true, true);
    let read = |status: u16, part: &[u8]| watch.read(&mut tally.borrow_mut(), status, part);
    let exchanged = timeout(plan.timeout, connection.exchange(&plan.request, read)).await;
    let ended = exchanged.unwrap_or(Err(Failure::Timeout));
    // The verdict is in the tally.
    let _ = watch.end(&mut tally.borrow_mut(), ended, Some(plan.events));
}
