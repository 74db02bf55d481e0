//! The protocol of budgets: reserve before a call, settle after it, exactly once.
//!
//! The invariant: for every budget window, `spent + reserved <= limit` at every grant, `reserved` is the sum of the open
//! reservations, and once all is settled and recorded `spent` is the sum of the ledger. Never done here: windows and amounts;
//! the caller computes them (`fluxa_domain::budget`) and fixes both when it reserves, so nothing is ever reset.
//!
//! # The life of a reservation
//! 1. [`Counters::reserve`] checks every limit of every scope, then counts all of them, or changes nothing.
//! 2. [`Counters::extend`] while a stream lives.
//! 3. One of: [`Counters::settle`] (the real charge replaces the estimate), [`Counters::release`] (nothing was sent), or its
//!    deadline passes and [`Counters::expired`] charges the estimate; a settle after that corrects the charge.
//!
//! # Warming, exactly
//! A window that is not known answers [`Reserved::Cold`]. The caller reads what the ledger says and calls [`Counters::warm`].
//! Three kinds of calls must be counted once: those in the ledger (the number given), those in flight (their settle reaches the
//! new window by itself), and those settled but not yet in the ledger. For the last kind the writer of the ledger calls
//! [`Counters::recorded`] after every append (and once, empty, at start, which switches the bookkeeping on), and reads and
//! warms between two appends, not during one.

use fluxa_domain::budget::{Period, Unit, Window};
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

use crate::shared::BoxFuture;

/// One scope of a caller (its key; later its team and organisation) and the limits that hold there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeAsk {
    /// Its name, `key:<id>`.
    pub scope: String,
    /// Requests in any 60 seconds.
    pub rpm: Option<u64>,
    /// Tokens in any 60 seconds.
    pub tpm: Option<u64>,
    /// Calls in flight at once.
    pub concurrency: Option<u64>,
    /// Budgets of the windows that hold the call's moment.
    pub budgets: Vec<BudgetAsk>,
}

/// One budget and the window it is counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetAsk {
    /// The window, which is part of the counter's name.
    pub window: Window,
    /// The window's period, for the answer.
    pub period: Period,
    /// What it counts.
    pub unit: Unit,
    /// The limit, in `unit`.
    pub limit: i64,
}

/// What a call wants to reserve, in all its scopes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReserveAsk {
    /// The call; asking twice with one id reserves once.
    pub id: CallId,
    /// The call's moment: the ledger row's `at` must be the same, or counter and ledger disagree about its window.
    pub now: Micros,
    /// When the reservation expires unless extended.
    pub deadline: Micros,
    /// Every scope that must allow it.
    pub scopes: Vec<ScopeAsk>,
    /// Nano-dollars to reserve in dollar budgets.
    pub nanos: i64,
    /// Tokens to reserve in token budgets (an upper bound in strict mode).
    pub tokens: i64,
    /// Tokens to count against the rate limit now (the likely number; corrected when settled).
    pub rate_tokens: i64,
    /// Whether it counts as a request of the rate limit (`count_tokens` does not).
    pub counts_request: bool,
}

/// The answer to a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// All scopes allow it; it is counted in all of them.
    Granted(Standing),
    /// A limit refuses it; nothing is changed.
    Refused(Over),
    /// Some windows are not known; warm them from the ledger and ask again. Nothing is changed.
    Cold(Vec<ColdWindow>),
    /// The counters cannot be reached, or the id was already settled.
    Unavailable(String),
}

/// A window whose sum must be read from the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColdWindow {
    /// The scope.
    pub scope: String,
    /// The window's id.
    pub window_id: String,
    /// What it counts.
    pub unit: Unit,
    /// Its first microsecond.
    pub from: Micros,
    /// The first microsecond after it; `None` for the total.
    pub to: Option<Micros>,
}

/// Where a caller stands against a rate limit: the `x-ratelimit-*` headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStanding {
    /// The limit in 60 seconds.
    pub limit: u64,
    /// What is left of it, this call counted.
    pub remaining: u64,
    /// Seconds until all of it is back.
    pub reset_s: u64,
}

/// Where a caller stands after a grant: the tightest of its scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests, where limited.
    pub rpm: Option<RateStanding>,
    /// Tokens, where limited.
    pub tpm: Option<RateStanding>,
    /// A declared degradation is in force (never in memory).
    pub degraded: bool,
}

/// Which limit refused, and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The scope.
    pub scope: String,
    /// The limit.
    pub what: OverWhat,
    /// Seconds until trying again makes sense (rates and concurrency only).
    pub retry_after_s: Option<u64>,
    /// When the budget's window ends; `None` for the total and for rates.
    pub resets_at: Option<Micros>,
    /// Requests, where limited, this call not counted.
    pub rpm: Option<RateStanding>,
    /// Tokens, where limited, this call not counted.
    pub tpm: Option<RateStanding>,
    /// For a budget: what its window still affords, in its unit, never negative.
    pub affordable: Option<i64>,
}

/// The limit that refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverWhat {
    /// Requests in 60 seconds.
    Requests,
    /// Tokens in 60 seconds.
    Tokens,
    /// Calls in flight.
    Concurrency,
    /// A budget; of several, the one with the least left among those in the same unit as the first that refused.
    Budget {
        /// Its period.
        period: Period,
        /// What it counts.
        unit: Unit,
        /// The limit, in `unit`.
        limit: i64,
        /// Settled, in `unit`.
        spent: i64,
        /// Reserved by calls in flight, in `unit`.
        reserved: i64,
    },
}

/// What a settle found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The reservation was open; the real charge replaced it.
    Done,
    /// Nothing open has this id: settled or released before. Nothing is changed.
    AlreadyDone,
    /// The reservation had expired and its estimate was charged; the charge is now the real one.
    Late,
}

/// A reservation whose deadline passed. Its estimate is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The call.
    pub id: CallId,
    /// The estimate that was charged, in nano-dollars.
    pub nanos: i64,
    /// The estimate that was charged, in tokens.
    pub tokens: i64,
}

/// Where a scope stands, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeStanding {
    /// Calls in flight.
    pub in_flight: u64,
    /// Requests of the last 60 seconds, where limited.
    pub requests: u64,
    /// Tokens of the last 60 seconds, where limited.
    pub tokens: u64,
    /// Known budget windows.
    pub budgets: Vec<BudgetStanding>,
}

/// Where one budget window stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetStanding {
    /// The window's id.
    pub window_id: String,
    /// What it counts.
    pub unit: Unit,
    /// Settled, in `unit`.
    pub spent: i64,
    /// Reserved by calls in flight, in `unit`.
    pub reserved: i64,
}

/// Budgets, rate limits and concurrency, over all scopes of a caller in one atomic step.
pub trait Counters: Send + Sync {
    /// Checks every limit of every scope, then counts all, or changes nothing. Idempotent by id while it is open.
    fn reserve(&self, ask: ReserveAsk) -> BoxFuture<'_, Reserved>;

    /// Replaces the reservation by the real charge: `nanos` and `tokens` in budgets, `rate_tokens` in the rate limit. Exactly once an id.
    fn settle(&self, id: CallId, now: Micros, nanos: i64, tokens: i64, rate_tokens: i64) -> BoxFuture<'_, Settled>;

    /// Gives the reservation back: nothing was sent. The request itself stays counted in the rate limit.
    fn release(&self, id: CallId, now: Micros) -> BoxFuture<'_, ()>;

    /// Moves the deadline of an open reservation; false when it is not open any more.
    fn extend(&self, id: CallId, deadline: Micros) -> BoxFuture<'_, bool>;

    /// Sets what the ledger says was spent in a cold window; a window that is known is left alone. See the head of this file.
    fn warm<'a>(&'a self, scope: &'a str, window_id: &'a str, unit: Unit, spent: i64) -> BoxFuture<'a, ()>;

    /// The ledger now holds these calls. The first call, which may be empty, switches the bookkeeping of unrecorded calls on.
    fn recorded<'a>(&'a self, ids: &'a [CallId]) -> BoxFuture<'a, ()>;

    /// Charges a call that reserved nothing, because its caller had no limits when it began: in the warm windows of its moment `at`.
    /// To be called for its row right after the append that wrote it, and like the append never while somebody warms.
    fn charge<'a>(&'a self, scope: &'a str, at: Micros, nanos: i64, tokens: i64) -> BoxFuture<'a, ()>;

    /// Charges the estimate of every reservation whose deadline has passed, and tells which. To be called every second or so.
    fn expired(&self, now: Micros) -> BoxFuture<'_, Vec<Expired>>;

    /// Drops what is known of a scope (its key is gone), unless calls of it are still in flight or unrecorded.
    fn forget<'a>(&'a self, scope: &'a str) -> BoxFuture<'a, ()>;

    /// Where a scope stands; `None` when nothing is known of it.
    fn standing<'a>(&'a self, scope: &'a str, now: Micros) -> BoxFuture<'a, Option<ScopeStanding>>;
}
