//! Finished calls on their way to the store: so many in memory, the rest in the journal, and when that is full, no more calls.
//!
//! The invariant: a row that was handed in and is not committed is in memory here, or spooled (ended in the journal and nowhere
//! else). Only rows of refused calls, which cost nothing, are ever dropped, and counted.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fluxa_domain::id::CallId;
use fluxa_store::Finished;
use fluxa_store::journal::Journal;
use tokio::sync::Notify;

/// Rows that are kept in memory, about 20 MB of them. What comes beyond that is read back from the journal later.
pub(super) const MAX_HELD_ROWS: u64 = 20_000;
/// Rows that may wait where there is no journal that could hold them, before calls are refused: about 100 MB.
const MAX_WAITING_ROWS: u64 = 100_000;

/// Finished calls on their way to the store.
#[derive(Debug)]
pub(crate) struct Queue {
    rows: Mutex<Rows>,
    pub(super) arrived: Notify,
    journal: Arc<Journal>,
    spool_max_bytes: u64,
    /// Rows in memory, handed in and not yet committed.
    held: AtomicU64,
    /// Rows that wait in the journal only.
    spooled: AtomicU64,
    /// Of those, the ones whose calls reserved nothing.
    spooled_loose: Mutex<HashSet<CallId>>,
    /// The journal's segments, as last measured.
    spool_bytes: AtomicU64,
    pub(super) closed: AtomicBool,
    pub(super) failing: AtomicBool,
    /// Rows of refused calls that were not kept because too many wait.
    dropped: AtomicU64,
}

/// Rows, and beside each whether its call reserved nothing: then its charge reaches the counters when the row is written.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) finished: Vec<Finished>,
    pub(super) loose: Vec<bool>,
}

impl Rows {
    pub(super) fn push(&mut self, finished: Finished, loose: bool) {
        self.finished.push(finished);
        self.loose.push(loose);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.finished.is_empty()
    }
}

impl Queue {
    /// A queue whose overflow goes to `journal`, up to about `spool_max_bytes` of it.
    pub(crate) fn new(journal: Arc<Journal>, spool_max_bytes: u64) -> Self {
        Self {
            rows: Mutex::default(),
            arrived: Notify::new(),
            journal,
            spool_max_bytes,
            held: AtomicU64::new(0),
            spooled: AtomicU64::new(0),
            spooled_loose: Mutex::default(),
            spool_bytes: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        }
    }

    /// Takes rows; what was begun is in the journal already.
    pub(super) fn push(&self, batch: Rows) {
        let mut rows = lock(&self.rows);
        for (finished, loose) in batch.finished.into_iter().zip(batch.loose) {
            let id = finished.entry.id;
            if self.is_crowded() && self.journal.spool(id) {
                self.spooled.fetch_add(1, Ordering::AcqRel);
                if loose {
                    lock(&self.spooled_loose).insert(id);
                }
                continue;
            }
            self.held.fetch_add(1, Ordering::AcqRel);
            rows.push(finished, loose);
        }
        drop(rows);
        self.arrived.notify_one();
    }

    pub(super) fn take(&self) -> Rows {
        std::mem::take(&mut *lock(&self.rows))
    }

    /// Rows that only the journal has, those of one segment at a time; none when they cannot be read now.
    pub(super) async fn unspool(&self) -> Rows {
        let journal = Arc::clone(&self.journal);
        match tokio::task::spawn_blocking(move || journal.waiting_rows()).await {
            Ok(Ok(finished)) => {
                let mut spooled_loose = lock(&self.spooled_loose);
                let loose = finished.iter().map(|row| spooled_loose.remove(&row.entry.id)).collect();
                Rows { finished, loose }
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "rows that wait in the journal cannot be read; they are tried again");
                Rows::default()
            }
            Err(_) => Rows::default(),
        }
    }

    /// These rows need not wait any more; `spooled` says where they did.
    pub(super) fn done(&self, count: usize, spooled: bool) {
        let waited = if spooled { &self.spooled } else { &self.held };
        let _ = waited.fetch_update(Ordering::AcqRel, Ordering::Acquire, |rows| Some(rows.saturating_sub(count as u64)));
    }

    /// Looks how large the journal is. To be called every second or so.
    pub(crate) fn measure(&self) {
        self.spool_bytes.store(self.journal.bytes(), Ordering::Relaxed);
    }

    /// Rows handed in and not yet committed.
    pub(crate) fn waiting(&self) -> u64 {
        self.held.load(Ordering::Acquire) + self.spooled()
    }

    /// Rows that wait in the journal only.
    pub(crate) fn spooled(&self) -> u64 {
        self.spooled.load(Ordering::Acquire)
    }

    /// Bytes of the journal.
    pub(crate) fn spool_bytes(&self) -> u64 {
        self.spool_bytes.load(Ordering::Relaxed)
    }

    /// Whether more calls may be taken on: what cannot be recorded must not be accepted.
    pub(crate) fn accepts(&self) -> bool {
        if self.journal.is_real() {
            let needed = self.failing() || self.spooled() > 0;
            !needed || self.spool_bytes() < self.spool_max_bytes
        } else {
            self.waiting() < MAX_WAITING_ROWS
        }
    }

    /// The memory for rows is used up, and there is a journal.
    pub(super) fn is_crowded(&self) -> bool {
        self.journal.is_real() && self.held.load(Ordering::Acquire) >= MAX_HELD_ROWS
    }

    /// A row of a refused call was not kept.
    pub(super) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// How many rows of refused calls were not kept since this was last asked.
    pub(super) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// The store refused the last batch.
    pub(crate) fn failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// No more rows will come: the writer ends when the last is written.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.arrived.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Makes `accepts` and the rest believe that so many rows are in memory.
    #[cfg(test)]
    pub(super) fn pretend_held(&self, rows: u64) {
        self.held.store(rows, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
