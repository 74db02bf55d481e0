//! Waiting connections of one thread. Nothing is shared between threads, so nothing is locked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::io::Io;

/// Waiting connections to one origin a thread; more are closed.
const MAX_IDLE_PER_ORIGIN: usize = 512;
/// A waiting connection older than this is closed: most vendors close theirs after 60 s or more.
const MAX_IDLE: Duration = Duration::from_secs(50);

/// The pool of one thread.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: RefCell<HashMap<Arc<str>, Vec<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    io: Io,
    since: Instant,
}

impl Pool {
    /// A connection that was used last and is still good.
    pub(crate) fn take(&self, key: &str) -> Option<Io> {
        let mut idle = self.idle.borrow_mut();
        let waiting = idle.get_mut(key)?;
        while let Some(Idle { io, since }) = waiting.pop() {
            if since.elapsed() < MAX_IDLE && !io.is_stale() {
                return Some(io);
            }
        }
        None
    }

    /// Keeps a connection for the next call.
    pub(crate) fn put(&self, key: &Arc<str>, io: Io) {
        let mut idle = self.idle.borrow_mut();
        if let Some(waiting) = idle.get_mut(key) {
            if waiting.len() < MAX_IDLE_PER_ORIGIN {
                waiting.push(Idle { io, since: Instant::now() });
            }
            return;
        }
        idle.insert(Arc::clone(key), vec![Idle { io, since: Instant::now() }]);
    }

    /// Closes connections that have waited too long.
    pub(crate) fn sweep(&self) {
        self.idle.borrow_mut().retain(|_, waiting| {
            waiting.retain(|idle| idle.since.elapsed() < MAX_IDLE);
            !waiting.is_empty()
        });
    }
}
