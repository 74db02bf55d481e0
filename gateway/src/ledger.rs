//! From a finished call to a row that is kept: journal, queue, batches, metrics, request lines.
//!
//! A call is journaled before it goes upstream and again when it ends; both are one write to a file
//! that survives the death of the process. Rows reach the store in batches, off the path of calls,
//! and only then does the journal forget them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_store::journal::{Begin, JournalWriter};
use tokio::sync::Notify;

use crate::running::Gateway;

/// After the first row of a batch the ledger waits so long for company.
const GATHER: Duration = Duration::from_millis(40);
/// Rows a transaction.
const BATCH_ROWS: usize = 1_000;
/// Pause after the store refused a batch; doubled up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// Rows that may wait for the store before calls with a budget are refused: about 100 MB of them.
const MAX_WAITING_ROWS: u64 = 100_000;

/// Finished calls on their way to the store.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    rows: Mutex<Vec<Entry>>,
    arrived: Notify,
    /// Rows handed in and not yet committed.
    waiting: AtomicU64,
    closed: AtomicBool,
    failing: AtomicBool,
}

impl Queue {
    fn push(&self, mut batch: Vec<Entry>) {
        let count = batch.len() as u64;
        self.waiting.fetch_add(count, Ordering::AcqRel);
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.is_empty() {
            *rows = batch;
        } else {
            rows.append(&mut batch);
        }
        drop(rows);
        self.arrived.notify_one();
    }

    fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Rows handed in and not yet committed.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether more calls with a budget may be taken on: what cannot be recorded must not be accepted.
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
    out: RefCell<Vec<Entry>>,
    wake: Notify,
    queue: Arc<Queue>,
}

impl Desk {
    pub(crate) fn new(journal: JournalWriter, queue: Arc<Queue>) -> Self {
        Self { journal: RefCell::new(journal), out: RefCell::new(Vec::new()), wake: Notify::new(), queue }
    }

    /// Notes that a call begins, with the row that is to be written if the process dies before its end.
    /// Returns only when the note would survive that; when it fails, the call must not be made.
    pub(crate) fn begin(&self, entry: &Entry) -> std::io::Result<()> {
        let mut journal = self.journal.borrow_mut();
        journal.begin(&Begin::of(entry));
        // One write for this call's beginning and for the ends of others that wait.
        let flushed = journal.flush();
        if flushed.is_err() {
            journal.void(entry.id);
        }
        flushed
    }

    /// Notes a better estimate for a call that is still running.
    pub(crate) fn checkpoint(&self, entry: &Entry) {
        self.journal.borrow_mut().begin(&Begin::of(entry));
        self.wake.notify_one();
    }

    /// Hands in a finished call. `begun` says whether [`Desk::begin`] was called for it.
    pub(crate) fn finish(&self, entry: Entry, begun: bool) {
        if begun {
            self.journal.borrow_mut().end(&entry);
        }
        let mut out = self.out.borrow_mut();
        let first = out.is_empty();
        out.push(entry);
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
        if let Err(error) = self.journal.borrow_mut().flush() {
            tracing::error!(%error, "cannot write the journal");
        }
        let batch = std::mem::take(&mut *self.out.borrow_mut());
        if !batch.is_empty() {
            self.queue.push(batch);
        }
    }
}

/// Writes queued rows to the store until the queue is closed and empty.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let queue = &gateway.queue;
    loop {
        let mut rows = queue.take();
        if rows.is_empty() {
            if queue.closed.load(Ordering::Acquire) {
                return;
            }
            queue.arrived.notified().await;
            if !queue.closed.load(Ordering::Acquire) {
                tokio::time::sleep(GATHER).await;
            }
            rows = queue.take();
        }
        for batch in rows.chunks(BATCH_ROWS) {
            gateway.metrics.count(batch);
            if let Some(log) = &gateway.settings.request_log {
                log.write(batch);
            }
            if commit(&gateway, batch).await {
                let ids: Vec<CallId> = batch.iter().map(|entry| entry.id).collect();
                gateway.journal().committed(&ids);
            }
            queue.waiting.fetch_sub(batch.len() as u64, Ordering::AcqRel);
        }
    }
}

/// Appends a batch, again and again until it is in. False only when the process stops with the store away.
async fn commit(gateway: &Gateway, batch: &[Entry]) -> bool {
    let queue = &gateway.queue;
    let ids: Vec<CallId> = batch.iter().map(|entry| entry.id).collect();
    let mut pause = FIRST_PAUSE;
    loop {
        let appended = {
            let _appending = gateway.append_gate.lock().await;
            let appended = gateway.store.append(batch).await;
            if appended.is_ok() {
                gateway.shared.counters.recorded(&ids).await;
            }
            appended
        };
        match appended {
            Ok(_) => {
                queue.failing.store(false, Ordering::Relaxed);
                return true;
            }
            Err(error) => {
                queue.failing.store(true, Ordering::Relaxed);
                tracing::error!(%error, rows = batch.len(), "cannot write the ledger; the rows wait and are journaled");
                if queue.closed.load(Ordering::Acquire) {
                    return false;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(MAX_PAUSE);
            }
        }
    }
}
