//! What a node may spend by itself while the counters cannot be reached.
//!
//! The invariant: over a whole outage a node spends no more of a budget than its share of it, whatever the windows do. Never done
//! here: deciding whether a call may go on like that; see `admission.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fluxa_domain::budget::Unit;
use fluxa_domain::money::NanoUsd;
use fluxa_store::shared::{BudgetAsk, MemoryCounters, ScopeAsk};

/// A node's share of a budget is the limit divided by this: a hundred nodes together cannot spend more than the limit once more.
const PARTS: i64 = 100;
/// And never more than this.
const MOST: NanoUsd = NanoUsd(NanoUsd::PER_USD);
/// Shares are kept for so long after the counters came back, so that counters that come and go are one outage.
const KEPT: Duration = Duration::from_secs(60);

/// The shares of one process.
#[derive(Debug, Default)]
pub(crate) struct Away {
    /// There are shares: what every call looks at.
    on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shares: Option<Arc<MemoryCounters>>,
    /// Since when the counters answer again.
    well_since: Option<Instant>,
}

impl Away {
    /// The counters cannot be reached: what is counted instead, until they can be.
    pub(crate) fn shares(&self, now: Instant) -> Arc<MemoryCounters> {
        let mut state = self.lock();
        if over(&state, now) {
            state.shares = None;
        }
        state.well_since = None;
        self.on.store(true, Ordering::Relaxed);
        Arc::clone(state.shares.get_or_insert_default())
    }

    /// The counters have answered.
    pub(crate) fn well(&self, now: Instant) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.lock();
        if over(&state, now) {
            *state = State::default();
            self.on.store(false, Ordering::Relaxed);
        } else if state.well_since.is_none() {
            state.well_since = Some(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over(state: &State, now: Instant) -> bool {
    state.well_since.is_some_and(|since| now.duration_since(since) >= KEPT)
}

/// The limits of one node of `nodes`.
pub(crate) fn share(scopes: &[ScopeAsk], nodes: u64) -> Arc<[ScopeAsk]> {
    let nodes = nodes.max(1);
    let part = |limit: Option<u64>| limit.map(|limit| if limit == 0 { 0 } else { (limit / nodes).max(1) });
    scopes
        .iter()
        .map(|ask| ScopeAsk {
            scope: ask.scope.clone(),
            rpm: part(ask.rpm),
            tpm: part(ask.tpm),
            concurrency: part(ask.concurrency),
            budgets: ask.budgets.iter().map(|budget| BudgetAsk { limit: lease(budget), ..budget.clone() }).collect(),
        })
        .collect()
}

fn lease(budget: &BudgetAsk) -> i64 {
    let part = budget.limit / PARTS;
    match budget.unit {
        Unit::NanoUsd => part.min(MOST.0),
        Unit::Tokens => part,
    }
}

#[cfg(test)]
mod tests {
    use fluxa_domain::budget::{Period, window};
    use fluxa_domain::time::Micros;

    use super::*;

    #[test]
    fn a_share_is_a_hundredth_of_a_budget_and_a_nodes_part_of_a_rate() {
        let budget = |unit, limit| BudgetAsk { window: window(Period::Day, Micros(0), "UTC"), period: Period::Day, unit, limit };
        let ask = ScopeAsk {
            scope: String::from("key:k"),
            rpm: Some(10),
            tpm: Some(2),
            concurrency: Some(0),
            budgets: vec![
                budget(Unit::NanoUsd, 50 * NanoUsd::PER_USD),
                budget(Unit::NanoUsd, 1_000 * NanoUsd::PER_USD),
                budget(Unit::Tokens, 5_000_000),
                budget(Unit::Tokens, 99),
            ],
        };
        let own = share(&[ask], 3);
        let [own] = &own[..] else { panic!("{own:?}") };
        assert_eq!((own.rpm, own.tpm, own.concurrency), (Some(3), Some(1), Some(0)));
        let limits: Vec<i64> = own.budgets.iter().map(|budget| budget.limit).collect();
        assert_eq!(limits, [NanoUsd::PER_USD / 2, NanoUsd::PER_USD, 50_000, 0]);
    }

    #[test]
    fn counters_that_come_and_go_give_no_second_share() {
        let (away, start) = (Away::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        away.well(at(0));
        let first = away.shares(at(1));
        away.well(at(10));
        assert!(Arc::ptr_eq(&first, &away.shares(at(60))));
        away.well(at(61));
        away.well(at(100));
        assert!(Arc::ptr_eq(&first, &away.shares(at(120))));
        away.well(at(121));
        assert!(!Arc::ptr_eq(&first, &away.shares(at(181))), "an outage is over a minute after the counters came back");
        away.well(at(200));
        away.well(at(260));
        assert!(!away.on.load(Ordering::Relaxed));
    }
}
