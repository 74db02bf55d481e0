//! From a finished call to a row that is kept: journal, queue, batches, metrics, request lines.
//!
//! A call is journaled before it goes upstream and again when it ends; both are one write to a file
//! that survives the death of the process. Rows reach the store in batches, off the path of calls,
//! and only then does the journal forget them.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::scope;
use fluxa_store::journal::{Begin, JournalWriter};
use fluxa_store::shared::Recorded;
use fluxa_store::{Finished, StoreError};
use tokio::sync::Notify;

use crate::running::Gateway;

/// After the first row of a batch the ledger waits so long for company.
const GATHER: Duration = Duration::from_millis(40);
/// Rows a transaction.
const BATCH_ROWS: usize = 1_000;
/// Pause after the store refused a batch; doubled up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// Rows that may wait for the store before calls are refused: about 100 MB of them.
const MAX_WAITING_ROWS: u64 = 100_000;
/// A batch that the store refuses so many times because of what is in it is taken apart. Not the first time: an error may lie.
const BLAMED_TIMES: u32 = 5;

/// Finished calls on their way to the store.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    rows: Mutex<Rows>,
    arrived: Notify,
    /// Rows handed in and not yet committed.
    waiting: AtomicU64,
    closed: AtomicBool,
    failing: AtomicBool,
    /// Rows of refused calls that were not kept because too many wait.
    dropped: AtomicU64,
}

/// Rows, and beside each whether its call reserved nothing: then its charge reaches the counters when the row is written.
#[derive(Debug, Default)]
struct Rows {
    finished: Vec<Finished>,
    loose: Vec<bool>,
}

impl Queue {
    fn push(&self, mut batch: Rows) {
        let count = batch.finished.len() as u64;
        self.waiting.fetch_add(count, Ordering::AcqRel);
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.finished.is_empty() {
            *rows = batch;
        } else {
            rows.finished.append(&mut batch.finished);
            rows.loose.append(&mut batch.loose);
        }
        drop(rows);
        self.arrived.notify_one();
    }

    fn take(&self) -> Rows {
        std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Rows handed in and not yet committed.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether more calls may be taken on: what cannot be recorded must not be accepted.
    pub(crate) fn accepts(&self) -> bool {
        self.waiting() < MAX_WAITING_ROWS
    }

    /// The store refused the last batch.
    pub(crate) fn failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// No more rows will come: [`run`] ends when the last is written.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.arrived.notify_one();
    }
}

/// Where one data-plane thread hands in its calls.
pub(crate) struct Desk {
    journal: RefCell<JournalWriter>,
    out: RefCell<Rows>,
    wake: Notify,
    queue: Arc<Queue>,
    /// The last write to the journal failed: the disk is full.
    stuck: Cell<bool>,
    /// Counts the writes to the journal, for those who wait for the next one.
    turn: Cell<u64>,
    turned: Notify,
}

impl Desk {
    pub(crate) fn new(journal: JournalWriter, queue: Arc<Queue>) -> Self {
        Self {
            journal: RefCell::new(journal),
            out: RefCell::default(),
            wake: Notify::new(),
            queue,
            stuck: Cell::new(false),
            turn: Cell::new(0),
            turned: Notify::new(),
        }
    }

    /// Notes that a call begins, with the row that is to be written if the process dies before its end.
    /// Resolves when the note would survive that; when it fails, the call must not be made.
    ///
    /// Dropping the future half-way leaves the note standing: the call must then be finished as begun.
    pub(crate) async fn begin(&self, entry: &Entry) -> std::io::Result<()> {
        if self.stuck.get() {
            // On a full disk one at a time, so that nothing of a refused call stays in memory.
            let admitted = self.journal.borrow_mut().admit(&Begin::of(entry));
            self.note(admitted.as_ref().err());
            return admitted;
        }
        self.journal.borrow_mut().begin(&Begin::of(entry));
        self.written().await;
        if self.stuck.get() {
            self.journal.borrow_mut().void(entry.id);
            return Err(std::io::Error::other("the journal cannot be written"));
        }
        Ok(())
    }

    /// Resolves when what was noted so far is written (or could not be): one write for all calls of a turn of the thread's loop.
    pub(crate) async fn written(&self) {
        let turn = self.turn.get();
        self.wake.notify_one();
        loop {
            let turned = self.turned.notified();
            if self.turn.get() != turn {
                return;
            }
            turned.await;
        }
    }

    /// Notes a better estimate for a call that is still running.
    pub(crate) fn checkpoint(&self, entry: &Entry) {
        // On a full disk the former estimate has to do: what cannot be written must not pile up.
        if !self.stuck.get() {
            self.journal.borrow_mut().begin(&Begin::of(entry));
            self.wake.notify_one();
        }
    }

    /// Hands in a finished call. `begun` says whether [`Desk::begin`] was called for it, `reserved` whether the counters have its charge.
    pub(crate) fn finish(&self, finished: Finished, begun: bool, reserved: bool) {
        if !begun && !self.queue.accepts() {
            // A refusal costs nothing: its row may be lost, the memory for it may not be had.
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if begun {
            self.journal.borrow_mut().end(&finished);
        }
        let mut out = self.out.borrow_mut();
        let first = out.finished.is_empty();
        out.finished.push(finished);
        out.loose.push(!reserved);
        if first {
            self.wake.notify_one();
        }
    }

    /// Writes out what one turn of the thread's loop has gathered; runs as long as the thread.
    pub(crate) async fn run(&self) {
        loop {
            self.wake.notified().await;
            self.pass_on();
        }
    }

    /// Journals and queues what is waiting here.
    pub(crate) fn pass_on(&self) {
        let flushed = self.journal.borrow_mut().flush();
        self.note(flushed.as_ref().err());
        self.turn.set(self.turn.get().wrapping_add(1));
        self.turned.notify_waiters();
        let batch = std::mem::take(&mut *self.out.borrow_mut());
        if !batch.finished.is_empty() {
            self.queue.push(batch);
        }
    }

    /// Says once that the journal cannot be written, and once that it can be again.
    fn note(&self, error: Option<&std::io::Error>) {
        match (error, self.stuck.replace(error.is_some())) {
            (Some(error), false) => tracing::error!(%error, "cannot write the journal; calls are refused until it can be written"),
            (None, true) => tracing::info!("the journal can be written again"),
            (Some(_), true) | (None, false) => {}
        }
    }
}

/// Writes queued rows to the store until the queue is closed and empty.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let queue = &gateway.queue;
    loop {
        let mut rows = queue.take();
        if rows.finished.is_empty() {
            if queue.closed.load(Ordering::Acquire) {
                return;
            }
            queue.arrived.notified().await;
            if !queue.closed.load(Ordering::Acquire) {
                tokio::time::sleep(GATHER).await;
            }
            rows = queue.take();
        }
        for (batch, loose) in rows.finished.chunks(BATCH_ROWS).zip(rows.loose.chunks(BATCH_ROWS)) {
            gateway.metrics.count(batch);
            if let Some(log) = &gateway.settings.request_log {
                log.write(&mut batch.iter().map(|finished| &finished.entry));
            }
            if commit(&gateway, batch, loose).await {
                let ids: Vec<CallId> = batch.iter().map(|finished| finished.entry.id).collect();
                gateway.journal().committed(&ids);
            }
            queue.waiting.fetch_sub(batch.len() as u64, Ordering::AcqRel);
        }
    }
}

/// Appends a batch, again and again until it is in, without the rows that the store will never take.
/// False only when the process stops with the store away.
async fn commit(gateway: &Gateway, batch: &[Finished], loose: &[bool]) -> bool {
    let queue = &gateway.queue;
    let mut pause = FIRST_PAUSE;
    let mut pieces = Pieces { waiting: vec![Piece { rows: batch, loose }], blamed: 0 };
    while let Some(piece) = pieces.waiting.pop() {
        let Err(error) = append(gateway, piece).await else {
            if queue.failing.swap(false, Ordering::Relaxed) {
                let dropped = queue.dropped.swap(0, Ordering::Relaxed);
                tracing::info!(dropped, "the ledger can be written again; rows of {dropped} refused calls were not kept");
            }
            continue;
        };
        queue.failing.store(true, Ordering::Relaxed);
        match pieces.refused(piece, error.blames_rows()) {
            Next::Halves => continue,
            Next::Bury(row) if bury(gateway, row, &error).await => continue,
            Next::Bury(_) => {}
            Next::Wait => tracing::error!(%error, rows = piece.rows.len(), "cannot write the ledger; the rows wait and are journaled"),
        }
        if queue.closed.load(Ordering::Acquire) {
            return false;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
        pieces.waiting.push(piece);
    }
    true
}

/// Rows for one transaction.
#[derive(Clone, Copy, Debug)]
struct Piece<'a> {
    rows: &'a [Finished],
    loose: &'a [bool],
}

/// What of a batch is still to be written; more than one piece only while bad rows are being looked for.
#[derive(Debug)]
struct Pieces<'a> {
    waiting: Vec<Piece<'a>>,
    blamed: u32,
}

/// What becomes of a piece that the store refused.
#[derive(Debug)]
enum Next<'a> {
    /// It is tried again after a pause.
    Wait,
    /// It was cut in two, which are tried now.
    Halves,
    /// It is one row that no patience will help.
    Bury(&'a Finished),
}

impl<'a> Pieces<'a> {
    fn refused(&mut self, piece: Piece<'a>, blames_rows: bool) -> Next<'a> {
        self.blamed += u32::from(blames_rows);
        if !blames_rows || self.blamed < BLAMED_TIMES {
            return Next::Wait;
        }
        if let [row] = piece.rows {
            return Next::Bury(row);
        }
        let (rows, loose) = (piece.rows.split_at(piece.rows.len() / 2), piece.loose.split_at(piece.rows.len() / 2));
        self.waiting.push(Piece { rows: rows.1, loose: loose.1 });
        self.waiting.push(Piece { rows: rows.0, loose: loose.0 });
        Next::Halves
    }
}

async fn append(gateway: &Gateway, Piece { rows, loose }: Piece<'_>) -> Result<(), StoreError> {
    let counters = &gateway.shared.counters;
    let _appending = match counters.gate() {
        Some(gate) => Some(gate.lock().await),
        None => None,
    };
    gateway.store.append_finished(rows).await?;
    let recorded: Vec<Recorded> = rows.iter().map(|finished| of(&finished.entry)).collect();
    counters.recorded(&recorded).await;
    // A key that has been given a budget since: its windows were read from a ledger without these rows, or will be from one with them.
    for (Finished { entry, .. }, _) in rows.iter().zip(loose).filter(|(_, loose)| **loose) {
        let tokens = i64::try_from(entry.usage.total()).unwrap_or(i64::MAX);
        if entry.cost.0 != 0 || tokens != 0 {
            let organization = scope::organization_of(entry);
            for name in scope::of_entry(entry) {
                counters.charge(organization, &name, entry.at, entry.cost.0, tokens).await;
            }
        }
    }
    Ok(())
}

fn of(entry: &Entry) -> Recorded {
    Recorded { id: entry.id, organization: scope::organization_of(entry).into() }
}

/// Puts a row aside that the ledger refuses for ever, so that it does not stop the others. False when that failed too.
async fn bury(gateway: &Gateway, row: &Finished, error: &StoreError) -> bool {
    let id = row.entry.id;
    match gateway.journal().bury(row) {
        Ok(kept) => {
            tracing::error!(call.id = %id, %error, kept, "the ledger refuses the row of call {id}: it is in dead-letters.jsonl beside the journal, and its charge is in no sum");
            gateway.shared.counters.recorded(&[of(&row.entry)]).await;
            true
        }
        Err(failed) => {
            tracing::error!(call.id = %id, %error, %failed, "the ledger refuses the row of call {id}, and it cannot be put aside either");
            false
        }
    }
}

#[cfg(test)]
mod tests;
