//! Where one thread of the data plane hands in its calls: noted before they are made, journaled and queued when they end.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use fluxa_domain::entry::Entry;
use fluxa_store::Finished;
use fluxa_store::journal::{Begin, JournalWriter};
use tokio::sync::Notify;

use super::queue::{Queue, Rows};

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
        let crowded = self.queue.is_crowded();
        // What will only be in the journal must be written there, begun or not.
        let spills = crowded && !self.stuck.get();
        if !begun && (!self.queue.accepts() || crowded && !spills) {
            // A refusal costs nothing: its row may be lost, the memory for it may not be had.
            self.queue.drop_one();
            return;
        }
        if begun || spills {
            self.journal.borrow_mut().end(&finished);
        }
        let mut out = self.out.borrow_mut();
        let first = out.is_empty();
        out.push(finished, !reserved);
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
        if !batch.is_empty() {
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
