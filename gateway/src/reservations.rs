//! Keeps the reservations of calls in the air alive. One timer a thread, none a call.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use fluxa_store::shared::{Extended, ReserveAsk};

use crate::worker::Worker;

/// A reservation is extended at least this often, and three times in its life.
const EXTEND_EVERY: Duration = Duration::from_secs(30);
/// And no more often than this.
const EXTEND_AT_MOST: Duration = Duration::from_millis(200);
/// Reservations extended in one step: more would keep the counters busy for too long.
const BATCH: usize = 1_000;

/// The reservations that calls of one thread hold.
#[derive(Debug, Default)]
pub(crate) struct Reservations(RefCell<HashMap<CallId, (Arc<ReserveAsk>, Instant)>>);

impl Reservations {
    /// A call holds a reservation from `since` on.
    pub(crate) fn hold(&self, reservation: Arc<ReserveAsk>, since: Instant) {
        self.0.borrow_mut().insert(reservation.id, (reservation, since));
    }

    /// It is settled or given back.
    pub(crate) fn let_go(&self, id: CallId) {
        self.0.borrow_mut().remove(&id);
    }

    fn older_than(&self, age: Duration) -> Vec<Arc<ReserveAsk>> {
        self.0.borrow().values().filter(|(_, since)| since.elapsed() >= age).map(|(ask, _)| Arc::clone(ask)).collect()
    }
}

/// Extends what is held, as long as the thread lives: from time to time, and all of it at once when the counters were emptied.
pub(crate) async fn run(worker: Rc<Worker>) {
    let gateway = Arc::clone(&worker.gateway);
    let ttl = worker.settings().reservation_ttl;
    let every = (ttl / 3).clamp(EXTEND_AT_MOST, EXTEND_EVERY);
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // What is younger lives until the next tick and the one after it.
    let due = every / 2;
    let mut least_age = due;
    loop {
        // Listening before asking: what is noticed meanwhile is not missed.
        let mut emptied = std::pin::pin!(gateway.re_extend.notified());
        emptied.as_mut().enable();
        let forgotten = extend(&worker, least_age, ttl).await;
        // Whoever asks for everything already has seen why.
        if forgotten && least_age > Duration::ZERO {
            gateway.re_extend.notify_waiters();
        }
        tokio::select! {
            _ = tick.tick() => least_age = due,
            () = emptied => {
                // Every thread notices the same; once is enough.
                tokio::time::sleep(EXTEND_AT_MOST).await;
                least_age = Duration::ZERO;
            }
        }
    }
}

/// Extends what has been held for so long; true when the counters had forgotten some of it.
async fn extend(worker: &Worker, least_age: Duration, ttl: Duration) -> bool {
    let held = worker.reservations.older_than(least_age);
    let ttl = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
    let mut forgotten = false;
    for batch in held.chunks(BATCH) {
        let deadline = Micros(crate::clock::now().0.saturating_add(ttl));
        let extended = worker.gateway.shared.counters.extend(batch, deadline).await;
        forgotten |= extended.contains(&Extended::Again);
    }
    forgotten
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_held_is_extended() {
        let held = Reservations::default();
        let ask = |n| {
            Arc::new(ReserveAsk {
                id: CallId::new(Micros(1), [n; 10]),
                now: Micros(1),
                deadline: Micros(2),
                organization: "default".into(),
                scopes: Vec::new().into(),
                nanos: 0,
                tokens: 0,
                rate_tokens: 0,
                counts_request: true,
                draft: None,
            })
        };
        let (first, second) = (ask(1), ask(2));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        held.hold(Arc::clone(&first), long_ago);
        held.hold(second, Instant::now());
        assert_eq!(held.older_than(Duration::from_secs(15)), [Arc::clone(&first)]);
        held.let_go(first.id);
        assert!(held.older_than(Duration::from_secs(15)).is_empty());
    }
}
