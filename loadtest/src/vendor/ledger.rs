//! The mock vendor's own bill: what arrived, what was really written back, and which clients left early.
//!
//! Totals are atomics and always counted; records are kept only when the configuration says so. Nothing here speaks HTTP.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use serde::{Serialize, Serializer};
use tokio::sync::Notify;

/// Which vendor's language a request was spoken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// OpenAI and the many vendors that imitate it.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Bedrock's Converse.
    Bedrock,
}

/// One request as the vendor saw it, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Number of the request in this mock, from 0; answers carry it in their id.
    pub id: u64,
    /// The dialect, by the request's path.
    pub dialect: Dialect,
    /// HTTP method.
    pub method: String,
    /// Path and query as they came.
    pub path: String,
    /// `model` of the body, or of the path where it has its place there; empty if there was none.
    pub model: String,
    /// The credential: `authorization`, or `x-api-key`, or `api-key`, or `x-goog-api-key`.
    pub auth: Option<String>,
    /// Every header, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body, cut at `keep_body_bytes`; as text in JSON.
    #[serde(serialize_with = "as_text")]
    pub body: Bytes,
    /// The whole size of the body in bytes.
    pub body_bytes: usize,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Status answered; 0 while there is no head yet.
    pub status: u16,
    /// Prompt tokens billed, cached ones included.
    pub prompt_tokens: u64,
    /// Completion tokens billed: those written so far, or the configured number once the answer is complete.
    pub completion_tokens: u64,
    /// How many of the prompt tokens were billed as read from the cache.
    pub cached_tokens: u64,
    /// The whole answer was handed to the socket.
    pub finished: bool,
    /// The client closed the connection before that.
    pub client_gone: bool,
}

/// Sums over the records since start or `clear`, including records no longer (or never) kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Bill {
    /// Requests that reached the mock, errors included.
    pub requests: u64,
    /// Prompt tokens billed.
    pub prompt_tokens: u64,
    /// Completion tokens billed.
    pub completion_tokens: u64,
    /// Cached prompt tokens billed.
    pub cached_tokens: u64,
    /// Answers completely written, errors included.
    pub finished: u64,
    /// Requests whose client left before the answer was complete.
    pub client_gone: u64,
    /// Answers with a status from 400.
    pub errors: u64,
}

impl Record {
    /// The value of the first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The shared book of one mock.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next_id: AtomicU64,
    requests: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    cached_tokens: AtomicU64,
    finished: AtomicU64,
    client_gone: AtomicU64,
    errors: AtomicU64,
    records: Mutex<VecDeque<Record>>,
    changed: Notify,
}

/// One open line of the book. Dropped before `finish` or `abandon`, it says that the client has gone.
#[derive(Debug)]
pub(super) struct Line {
    ledger: Arc<Ledger>,
    id: u64,
    kept: bool,
    closed: bool,
    written: u64,
}

impl Ledger {
    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Relaxed)
    }

    pub(super) fn open(self: &Arc<Self>, id: u64, record: Option<Record>, keep: usize) -> Line {
        self.requests.fetch_add(1, Relaxed);
        let kept = record.is_some();
        if let Some(record) = record {
            let mut records = self.records();
            while records.len() >= keep.max(1) {
                records.pop_front();
            }
            records.push_back(record);
        }
        self.changed.notify_waiters();
        Line { ledger: Arc::clone(self), id, kept, closed: false, written: 0 }
    }

    pub(super) fn bill(&self) -> Bill {
        Bill {
            requests: self.requests.load(Relaxed),
            prompt_tokens: self.prompt_tokens.load(Relaxed),
            completion_tokens: self.completion_tokens.load(Relaxed),
            cached_tokens: self.cached_tokens.load(Relaxed),
            finished: self.finished.load(Relaxed),
            client_gone: self.client_gone.load(Relaxed),
            errors: self.errors.load(Relaxed),
        }
    }

    pub(super) fn requests(&self) -> Vec<Record> {
        self.requests_where(|_| true)
    }

    pub(super) fn requests_where(&self, wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
        self.records().iter().filter(|record| wanted(record)).cloned().collect()
    }

    pub(super) fn clear(&self) {
        self.records().clear();
        for total in [
            &self.requests,
            &self.prompt_tokens,
            &self.completion_tokens,
            &self.cached_tokens,
            &self.finished,
            &self.client_gone,
            &self.errors,
        ] {
            total.store(0, Relaxed);
        }
        self.changed.notify_waiters();
    }

    /// Returns when `ready` holds; it is asked again after every change of the book.
    pub(super) async fn until(&self, ready: impl Fn(&Bill) -> bool) -> Bill {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let bill = self.bill();
            if ready(&bill) {
                return bill;
            }
            changed.await;
        }
    }

    fn records(&self) -> MutexGuard<'_, VecDeque<Record>> {
        // A test that panicked while it looked must not hide the records from the others.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// The head was decided: its status, and what the prompt costs.
    pub(super) fn answered(&self, status: u16, prompt_tokens: u64, cached_tokens: u64) {
        self.edit(|record| {
            record.status = status;
            record.prompt_tokens = prompt_tokens;
            record.cached_tokens = cached_tokens;
        });
        self.ledger.prompt_tokens.fetch_add(prompt_tokens, Relaxed);
        self.ledger.cached_tokens.fetch_add(cached_tokens, Relaxed);
        if status >= 400 {
            self.ledger.errors.fetch_add(1, Relaxed);
        }
        self.ledger.changed.notify_waiters();
    }

    /// This many tokens went to the socket.
    pub(super) fn wrote(&mut self, tokens: u64) {
        if tokens == 0 {
            return;
        }
        self.written += tokens;
        self.edit(|record| record.completion_tokens += tokens);
        self.ledger.completion_tokens.fetch_add(tokens, Relaxed);
        self.ledger.changed.notify_waiters();
    }

    /// The answer is complete; `billed` replaces the count of tokens written.
    pub(super) fn finish(&mut self, billed: Option<u64>) {
        if self.closed {
            return;
        }
        self.closed = true;
        let tokens = billed.unwrap_or(self.written);
        self.edit(|record| {
            record.completion_tokens = tokens;
            record.finished = true;
        });
        // Wrapping addition of the difference: the configured number may be below what was written.
        self.ledger.completion_tokens.fetch_add(tokens.wrapping_sub(self.written), Relaxed);
        self.ledger.finished.fetch_add(1, Relaxed);
        self.ledger.changed.notify_waiters();
    }

    /// The mock itself broke the answer off: neither finished nor the client's doing.
    pub(super) fn abandon(&mut self) {
        self.closed = true;
        self.ledger.changed.notify_waiters();
    }

    /// Changes the record before the totals, so that who waits for a total finds the record complete.
    fn edit(&self, change: impl FnOnce(&mut Record)) {
        if self.kept {
            let mut records = self.ledger.records();
            // Newest first: an open line is nearly always one of the last.
            if let Some(record) = records.iter_mut().rev().find(|record| record.id == self.id) {
                change(record);
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        self.edit(|record| record.client_gone = true);
        self.ledger.client_gone.fetch_add(1, Relaxed);
        self.ledger.changed.notify_waiters();
    }
}

fn as_text<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(body))
}
