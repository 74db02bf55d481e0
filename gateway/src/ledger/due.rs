//! Rows that are in the ledger and of which shared counters are told a little later.
//!
//! The invariant: a call is reported no sooner than [`RECORDED_AFTER`] after its row was committed, and never while the answer
//! to its settle is still waited for. What is lost here (a stop, the bound) only stays beside the counters until its time is over.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxa_domain::id::CallId;
use fluxa_store::shared::{RECORDED_AFTER, Recorded};
use tokio::time::Instant;

use crate::running::Gateway;

/// Calls of one question to the counters.
const BATCH_CALLS: usize = 1_000;
/// How often it is looked what has become due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Calls that wait to be reported while the counters are away: about 15 MB. What is kept for older ones ends by itself.
const MAX_WAITING: usize = 200_000;

/// Rows that are in the ledger, in the order in which they got there.
#[derive(Debug, Default)]
pub(crate) struct Due(Mutex<VecDeque<(Instant, Recorded)>>);

impl Due {
    /// These were committed just now.
    pub(crate) fn push(&self, calls: impl Iterator<Item = Recorded>) {
        let now = Instant::now();
        let mut waiting = self.lock();
        waiting.extend(calls.map(|call| (now, call)));
        let over = waiting.len().saturating_sub(MAX_WAITING);
        waiting.drain(..over);
    }

    /// What may be reported now; calls that are pending wait once more.
    fn ripe(&self, is_pending: impl Fn(CallId) -> bool) -> Vec<Recorded> {
        let now = Instant::now();
        let mut waiting = self.lock();
        let mut ripe = Vec::new();
        while ripe.len() < BATCH_CALLS
            && let Some((_, call)) = waiting.pop_front_if(|(since, _)| now.duration_since(*since) >= RECORDED_AFTER)
        {
            if is_pending(call.id) {
                waiting.push_back((now, call));
            } else {
                ripe.push(call);
            }
        }
        ripe
    }

    /// The counters could not be told: these are still the first to be.
    fn put_back(&self, calls: Vec<Recorded>) {
        let Some(long_ago) = Instant::now().checked_sub(RECORDED_AFTER) else { return };
        let mut waiting = self.lock();
        for call in calls.into_iter().rev() {
            waiting.push_front((long_ago, call));
        }
    }

    /// Calls that wait to be reported.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, Recorded)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports what has become due, as long as the process runs.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    if !gateway.shared.counters.shared() {
        return;
    }
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        gateway.rescoped.tell(gateway.shared.counters.as_ref()).await;
        loop {
            let ripe = gateway.due.ripe(|id| gateway.settling.is_pending(id));
            if ripe.is_empty() {
                break;
            }
            if !gateway.shared.counters.recorded(&ripe).await {
                gateway.due.put_back(ripe);
                break;
            }
            gateway.settling.recorded(&ripe);
        }
    }
}
