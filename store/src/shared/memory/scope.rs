//! The counters of one scope: plain arithmetic, one caller at a time.
//!
//! The invariant: a window's `reserved` is the sum of the estimates of the open calls that reserved in it, and its `spent` is
//! the sum of the charges of all calls of its time, whether or not they had a budget when they began. Never done here: locking.

use std::collections::HashMap;

use fluxa_domain::budget::Unit;
use fluxa_domain::id::CallId;
use fluxa_domain::limit::Sliding;
use fluxa_domain::time::Micros;

use crate::shared::counters::{BudgetAsk, BudgetStanding, ColdWindow, Over, OverWhat, RateStanding, ReserveAsk, ScopeAsk, ScopeStanding};

/// How long a window is kept after its end, for calls whose moment lies just before it. What is dropped too early is only cold.
const LINGER_MICROS: i64 = 600 * Micros::PER_SECOND;

/// An amount in both units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Charge {
    /// Nano-dollars.
    pub(super) nanos: i64,
    /// Tokens.
    pub(super) tokens: i64,
}

/// What is known of one scope.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Calls granted and neither settled, released nor expired.
    in_flight: u64,
    requests: Sliding,
    tokens: Sliding,
    windows: Vec<Budget>,
    /// Calls settled but not yet in the ledger: their moment and charge.
    unrecorded: HashMap<CallId, (Micros, Charge)>,
    /// The moment of the newest grant.
    pub(super) used_at: Micros,
}

/// One budget window in one unit.
#[derive(Debug)]
struct Budget {
    id: String,
    unit: Unit,
    /// First microsecond, and the first after it (`None` for the total); unknown until somebody asks for the window.
    bounds: Option<(Micros, Option<Micros>)>,
    /// `None` until warmed from the ledger.
    spent: Option<i64>,
    reserved: i64,
    /// Open calls that reserved here.
    holds: u32,
}

impl Charge {
    /// The estimate of a call.
    pub(super) const fn of(ask: &ReserveAsk) -> Self {
        Self { nanos: ask.nanos, tokens: ask.tokens }
    }

    const fn amount(self, unit: Unit) -> i64 {
        match unit {
            Unit::NanoUsd => self.nanos,
            Unit::Tokens => self.tokens,
        }
    }
}

impl Budget {
    fn is(&self, id: &str, unit: Unit) -> bool {
        self.unit == unit && self.id == id
    }

    fn covers(&self, at: Micros) -> bool {
        self.bounds.is_some_and(|(from, to)| at >= from && to.is_none_or(|to| at < to))
    }

    fn spend(&mut self, delta: i64) {
        if let Some(spent) = &mut self.spent {
            *spent = spent.saturating_add(delta);
        }
    }
}

impl Scope {
    /// Collects the windows of `wanted` that are not warm, and drops windows that ended a while ago.
    pub(super) fn find_cold(&mut self, wanted: &ScopeAsk, now: Micros, cold: &mut Vec<ColdWindow>) {
        let old = now.0.saturating_sub(LINGER_MICROS);
        self.windows.retain(|window| window.holds > 0 || window.bounds.is_none_or(|(_, to)| to.is_none_or(|to| to.0 > old)));
        for BudgetAsk { window, unit, .. } in &wanted.budgets {
            let bounds = Some((window.starts_at, window.ends_at));
            let spent = match self.windows.iter_mut().find(|known| known.is(&window.id, *unit)) {
                Some(known) => {
                    known.bounds = bounds;
                    known.spent
                }
                None => {
                    self.windows.push(Budget { id: window.id.clone(), unit: *unit, bounds, spent: None, reserved: 0, holds: 0 });
                    None
                }
            };
            if spent.is_none() {
                let (from, to) = (window.starts_at, window.ends_at);
                cold.push(ColdWindow { scope: wanted.scope.clone(), window_id: window.id.clone(), unit: *unit, from, to });
            }
        }
    }

    /// Which limit refuses `ask`, budgets first: they are the answer that a retry cannot change.
    pub(super) fn over(&mut self, wanted: &ScopeAsk, ask: &ReserveAsk) -> Option<Over> {
        let (what, retry_after_s, resets_at, affordable) = if let Some((what, resets_at, left)) = self.over_budget(wanted, ask) {
            (what, None, resets_at, Some(left.max(0)))
        } else if wanted.concurrency.is_some_and(|limit| self.in_flight >= limit) {
            (OverWhat::Concurrency, Some(1), None, None)
        } else if let Some(limit) = wanted.rpm.filter(|limit| ask.counts_request && self.requests.used(ask.now) >= *limit) {
            (OverWhat::Requests, Some(self.requests.retry_after(ask.now, limit, 1)), None, None)
        } else if let Some(limit) =
            wanted.tpm.filter(|limit| self.tokens.used(ask.now).saturating_add(count(ask.rate_tokens)) > *limit && ask.rate_tokens > 0)
        {
            (OverWhat::Tokens, Some(self.tokens.retry_after(ask.now, limit, count(ask.rate_tokens))), None, None)
        } else {
            return None;
        };
        let (rpm, tpm) = self.rates(wanted, ask.now);
        Some(Over { scope: wanted.scope.clone(), what, retry_after_s, resets_at, rpm, tpm, affordable })
    }

    fn over_budget(&self, wanted: &ScopeAsk, ask: &ReserveAsk) -> Option<(OverWhat, Option<Micros>, i64)> {
        let mut tightest: Option<(OverWhat, Option<Micros>, i64)> = None;
        let mut refusing_unit = None;
        for BudgetAsk { window, period, unit, limit } in &wanted.budgets {
            let Some(known) = self.windows.iter().find(|known| known.is(&window.id, *unit)) else { continue };
            let (spent, reserved) = (known.spent.unwrap_or(0), known.reserved);
            let left = limit.saturating_sub(spent).saturating_sub(reserved);
            let amount = Charge::of(ask).amount(*unit);
            // What costs nothing cannot overspend, so it passes even when a former overshoot left less than nothing.
            if amount <= 0 || amount <= left || refusing_unit.is_some_and(|refusing| refusing != *unit) {
                continue;
            }
            refusing_unit = Some(*unit);
            if tightest.as_ref().is_none_or(|(_, _, least)| left < *least) {
                let what = OverWhat::Budget { period: *period, unit: *unit, limit: *limit, spent, reserved };
                tightest = Some((what, window.ends_at, left));
            }
        }
        tightest
    }

    /// Counts a call that every scope allowed.
    pub(super) fn grant(&mut self, wanted: &ScopeAsk, ask: &ReserveAsk) {
        self.used_at = self.used_at.max(ask.now);
        self.in_flight = self.in_flight.saturating_add(1);
        if wanted.rpm.is_some() && ask.counts_request {
            self.requests.add(ask.now, 1);
        }
        if wanted.tpm.is_some() {
            self.tokens.add(ask.now, count(ask.rate_tokens));
        }
        for window in &mut self.windows {
            if reserves_in(wanted, window) {
                window.reserved = window.reserved.saturating_add(Charge::of(ask).amount(window.unit));
                window.holds = window.holds.saturating_add(1);
            }
        }
    }

    /// Ends an open call: gives its reservation back, and charges `charge` in every warm window of its time.
    pub(super) fn settle(&mut self, wanted: &ScopeAsk, ask: &ReserveAsk, charge: Charge) {
        self.in_flight = self.in_flight.saturating_sub(1);
        for window in &mut self.windows {
            let held = reserves_in(wanted, window);
            if held {
                window.reserved = window.reserved.saturating_sub(Charge::of(ask).amount(window.unit));
                window.holds = window.holds.saturating_sub(1);
            }
            if held || window.covers(ask.now) {
                window.spend(charge.amount(window.unit));
            }
        }
    }

    /// Replaces a charge that was made at the deadline by the real one.
    pub(super) fn correct(&mut self, at: Micros, before: Charge, after: Charge) {
        for window in self.windows.iter_mut().filter(|window| window.covers(at)) {
            window.spend(after.amount(window.unit).saturating_sub(before.amount(window.unit)));
        }
    }

    /// Replaces the likely tokens of a call by the real ones in the rate limit.
    pub(super) fn correct_rate(&mut self, wanted: &ScopeAsk, ask: &ReserveAsk, rate_tokens: i64) {
        if wanted.tpm.is_some() {
            self.tokens.correct(ask.now, rate_tokens.max(0).saturating_sub(ask.rate_tokens.max(0)));
        }
    }

    /// Sets what the ledger says of a cold window, and adds what is settled but not yet in the ledger.
    pub(super) fn warm(&mut self, id: &str, unit: Unit, spent: i64) {
        let unrecorded = &self.unrecorded;
        let fill = |window: &mut Budget| {
            if window.spent.is_none() {
                let waiting = unrecorded.values().filter(|(at, _)| window.covers(*at)).map(|(_, charge)| charge.amount(unit));
                window.spent = Some(waiting.fold(spent, i64::saturating_add));
            }
        };
        match self.windows.iter_mut().find(|known| known.is(id, unit)) {
            Some(known) => fill(known),
            None => self.windows.push(Budget { id: id.to_owned(), unit, bounds: None, spent: Some(spent), reserved: 0, holds: 0 }),
        }
    }

    /// What was spent is to be read from the ledger anew.
    pub(super) fn chill(&mut self) {
        self.windows.iter_mut().for_each(|window| window.spent = None);
    }

    /// Remembers a settled call until the ledger has it.
    pub(super) fn remember(&mut self, id: CallId, at: Micros, charge: Charge) {
        self.unrecorded.insert(id, (at, charge));
    }

    /// The ledger has this call.
    pub(super) fn forget(&mut self, id: CallId) {
        self.unrecorded.remove(&id);
    }

    /// Whether dropping this scope loses nothing that the ledger does not know.
    pub(super) fn may_go(&self) -> bool {
        self.in_flight == 0 && self.unrecorded.is_empty()
    }

    /// Requests and tokens of the last 60 seconds against the limits of `wanted`.
    pub(super) fn rates(&mut self, wanted: &ScopeAsk, now: Micros) -> (Option<RateStanding>, Option<RateStanding>) {
        (wanted.rpm.map(|limit| rate(&mut self.requests, limit, now)), wanted.tpm.map(|limit| rate(&mut self.tokens, limit, now)))
    }

    /// What was charged by calls that are not known to be in the ledger.
    pub(super) fn unrecorded(&self) -> impl Iterator<Item = (CallId, Micros, Charge)> {
        self.unrecorded.iter().map(|(id, (at, charge))| (*id, *at, *charge))
    }

    /// For people.
    pub(super) fn show(&mut self, now: Micros) -> ScopeStanding {
        let budgets = self.windows.iter().filter_map(|window| {
            let spent = window.spent?;
            Some(BudgetStanding { window_id: window.id.clone(), unit: window.unit, spent, reserved: window.reserved })
        });
        ScopeStanding {
            in_flight: self.in_flight,
            budgets: budgets.collect(),
            requests: self.requests.used(now),
            tokens: self.tokens.used(now),
        }
    }
}

/// The tighter of two standings: the one with less left.
pub(super) fn tighter(a: Option<RateStanding>, b: Option<RateStanding>) -> Option<RateStanding> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.remaining < a.remaining { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn rate(sliding: &mut Sliding, limit: u64, now: Micros) -> RateStanding {
    let used = sliding.used(now);
    RateStanding { limit, remaining: limit.saturating_sub(used), reset_s: sliding.reset_seconds(now) }
}

fn reserves_in(wanted: &ScopeAsk, window: &Budget) -> bool {
    wanted.budgets.iter().any(|budget| window.is(&budget.window.id, budget.unit))
}

fn count(tokens: i64) -> u64 {
    u64::try_from(tokens).unwrap_or(0)
}
