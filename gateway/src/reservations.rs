//! Keeps the reservations of calls in the air alive. One timer a thread, none a call.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

use crate::worker::Worker;

/// A reservation is extended at least this often, and three times in its life.
const EXTEND_EVERY: Duration = Duration::from_secs(30);
/// And no more often than this.
const EXTEND_AT_MOST: Duration = Duration::from_millis(200);

/// The reservations that calls of one thread hold.
#[derive(Debug, Default)]
pub(crate) struct Reservations(RefCell<HashMap<CallId, Instant>>);

impl Reservations {
    /// A call holds a reservation from `since` on.
    pub(crate) fn hold(&self, id: CallId, since: Instant) {
        self.0.borrow_mut().insert(id, since);
    }

    /// It is settled or given back.
    pub(crate) fn let_go(&self, id: CallId) {
        self.0.borrow_mut().remove(&id);
    }

    fn older_than(&self, age: Duration) -> Vec<CallId> {
        self.0.borrow().iter().filter(|(_, since)| since.elapsed() >= age).map(|(id, _)| *id).collect()
    }
}

/// Extends what is held, as long as the thread lives.
pub(crate) async fn run(worker: Rc<Worker>) {
    let ttl = worker.settings().reservation_ttl;
    let every = (ttl / 3).clamp(EXTEND_AT_MOST, EXTEND_EVERY);
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let ttl = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
    loop {
        tick.tick().await;
        // What is younger lives until the next tick and the one after it.
        for id in worker.reservations.older_than(every / 2) {
            let deadline = Micros(crate::clock::now().0.saturating_add(ttl));
            worker.gateway.shared.counters.extend(id, deadline).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_held_is_extended() {
        let held = Reservations::default();
        let (first, second) = (CallId::new(Micros(1), [1; 10]), CallId::new(Micros(1), [2; 10]));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        held.hold(first, long_ago);
        held.hold(second, Instant::now());
        assert_eq!(held.older_than(Duration::from_secs(15)), [first]);
        held.let_go(first);
        assert!(held.older_than(Duration::from_secs(15)).is_empty());
    }
}
