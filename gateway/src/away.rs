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

/// While the ledger does not say what was spent, one call in so long asks it; the others do not wait for an answer that does not come.
const ASK_LEDGER_EVERY: Duration = Duration::from_secs(3);

/// The shares of one process.
#[derive(Debug, Default)]
pub(crate) struct Away {
    /// There are shares: what every call looks at.
    on: AtomicBool,
    state: Mutex<State>,
    /// The ledger did not answer when windows were to be read from it.
    no_ledger: AtomicBool,
    /// When it is asked again.
    ask_ledger: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct State {
    shares: Option<Arc<MemoryCounters>>,
    /// Since when the counters answer again.
    well_since: Option<Instant>,
}

impl Away {
    /// The counters cannot be reached: what is counted instead, until they can be.
    pub(crate) fn shares(&self, now: Instant, why: &str) -> Arc<MemoryCounters> {
        let mut state = self.lock();
        if over(&state, now) {
            state.shares = None;
        }
        let was_well = state.well_since.take().is_some();
        // Once an outage, not once a call.
        if !self.on.swap(true, Ordering::Relaxed) || was_well {
            tracing::error!(%why, "budgets cannot be checked: calls of limited keys go by their policy until they can be");
        }
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
            tracing::info!("budgets can be checked again");
        }
    }

    /// Whether this call may ask the ledger what was spent. While it does not answer, one call at a time does.
    pub(crate) fn may_ask_ledger(&self, now: Instant) -> bool {
        if !self.no_ledger.load(Ordering::Relaxed) {
            return true;
        }
        let mut at = self.ask_ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let may = at.is_none_or(|at| at <= now);
        if may {
            *at = Some(now + ASK_LEDGER_EVERY);
        }
        may
    }

    /// Whether the ledger said what was spent.
    pub(crate) fn ledger_answered(&self, it_did: bool, now: Instant) {
        if it_did && !self.no_ledger.load(Ordering::Relaxed) {
            return;
        }
        let mut at = self.ask_ledger.lock().unwrap_or_else(PoisonError::into_inner);
        *at = (!it_did).then_some(now + ASK_LEDGER_EVERY);
        self.no_ledger.store(!it_did, Ordering::Relaxed);
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
    fn one_call_at_a_time_waits_for_a_ledger_that_does_not_answer() {
        let (away, start) = (Away::default(), Instant::now());
        let may = |seconds| away.may_ask_ledger(start + Duration::from_secs(seconds));
        assert!(may(0) && may(0));
        away.ledger_answered(false, start);
        assert!(!may(0) && !may(2));
        assert!(may(3) && !may(3), "one asks");
        away.ledger_answered(false, start + Duration::from_secs(4));
        assert!(!may(6) && may(7), "and one that gave up is followed by another");
        assert!(may(10));
        away.ledger_answered(true, start + Duration::from_secs(10));
        assert!(may(10) && may(10));
    }

    #[test]
    fn counters_that_come_and_go_give_no_second_share() {
        let (away, start) = (Away::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        away.well(at(0));
        let first = away.shares(at(1), "");
        away.well(at(10));
        assert!(Arc::ptr_eq(&first, &away.shares(at(60), "")));
        away.well(at(61));
        away.well(at(100));
        assert!(Arc::ptr_eq(&first, &away.shares(at(120), "")));
        away.well(at(121));
        assert!(!Arc::ptr_eq(&first, &away.shares(at(181), "")), "an outage is over a minute after the counters came back");
        away.well(at(200));
        away.well(at(260));
        assert!(!away.on.load(Ordering::Relaxed));
    }
}
