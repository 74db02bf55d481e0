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
//! A window that is not known answers [`Reserved::Cold`], and the caller calls [`Counters::warm`], which reads what the ledger
//! says. Three kinds of calls must be counted once: those in the ledger, those in flight (their settle reaches the new window by
//! itself), and those settled but not yet in the ledger. How a mechanism tells the last kind from the first is its own business:
//! in one process by never warming during an append ([`Counters::gate`]), between processes by comparing ids. For both the
//! writer of the ledger calls [`Counters::recorded`] for rows that are in the ledger: after the append in one process, and
//! [`RECORDED_AFTER`] later where counters are shared.
//!
//! # When the counters are away
//! Whatever is asked then answers `Unavailable`, at once. A reservation or settle whose answer was lost may or may not have
//! happened: both may be asked again with the same id. [`Counters::settle`] also takes calls that were never reserved here (the
//! counters were away, or have forgotten): they are counted once, whatever the ledger has of them by then.

use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::budget::{Period, Unit, Window};
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

use crate::error::StoreError;
use crate::open::Store;
use crate::shared::BoxFuture;

/// Shared counters are told that a row is in the ledger this long after it was written: a warming that began before the write
/// then still knows the call. A warming takes less.
pub const RECORDED_AFTER: Duration = Duration::from_secs(5);

/// One scope of a caller (its key, a model of it, its team, its organisation) and the limits that hold there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeAsk {
    /// Its name ([`fluxa_domain::scope`]).
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
    /// The organisation: all scopes of it are counted in one place.
    pub organization: Arc<str>,
    /// Every scope that must allow it. May be empty where [`Counters::shared`]: then the call is only noted.
    pub scopes: Arc<[ScopeAsk]>,
    /// Nano-dollars to reserve in dollar budgets.
    pub nanos: i64,
    /// Tokens to reserve in token budgets (an upper bound in strict mode).
    pub tokens: i64,
    /// Tokens to count against the rate limit now (the likely number; corrected when settled).
    pub rate_tokens: i64,
    /// Whether it counts as a request of the rate limit (`count_tokens` does not).
    pub counts_request: bool,
    /// The JSON of the row to write if nobody ever settles the call (abandoned, with the estimate). Only kept where [`Counters::shared`].
    pub draft: Option<String>,
}

/// The real charge of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The call.
    pub id: CallId,
    /// The call's moment, as in its reservation.
    pub at: Micros,
    /// The organisation, as in its reservation.
    pub organization: Arc<str>,
    /// Names of the scopes to charge if the counters do not know the call (any more); otherwise its reservation's are charged.
    pub scopes: Vec<String>,
    /// Nano-dollars, in dollar budgets.
    pub nanos: i64,
    /// Tokens, in token budgets.
    pub tokens: i64,
    /// Tokens, in the rate limit.
    pub rate_tokens: i64,
    /// The JSON of the row, to be kept with the charge until the ledger has it; `None` where the ledger has it already.
    pub row: Option<String>,
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
    /// A declared degradation is in force.
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
    /// The call was not known: it was never reserved here, or has been forgotten. It is charged.
    Unknown,
    /// The counters cannot be reached; ask again.
    Unavailable,
}

/// What became of an open reservation that was to live longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extended {
    /// It does.
    Yes,
    /// It had been forgotten (the counters were emptied) and is reserved again, whatever the limits say now.
    Again,
    /// It is not open any more.
    Ended,
    /// The counters cannot be reached; ask again.
    Unavailable,
}

/// A row of the ledger that waits beside the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRow {
    /// The call.
    pub id: CallId,
    /// Its organisation.
    pub organization: Arc<str>,
    /// The row's JSON ([`crate::records::ledger::Finished::json`]).
    pub json: String,
}

/// A call that the ledger has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The call.
    pub id: CallId,
    /// Its organisation.
    pub organization: Arc<str>,
    /// It has no more than the draft of an expired reservation: what has been settled since, or is open again, stays as it is.
    pub draft: bool,
}

/// Why a window could not be warmed.
#[derive(Debug, thiserror::Error)]
pub enum WarmError {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read: {0}")]
    Ledger(#[from] StoreError),
    /// The counters cannot be reached.
    #[error("the counters cannot be reached: {0}")]
    Unavailable(String),
}

/// How the mechanism is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountersHealth {
    /// Why it cannot be reached; `None` when all is well.
    pub away: Option<String>,
    /// What must be added to this process's clock to get the counters', in microseconds. 0 in memory.
    pub clock_ahead_us: i64,
    /// Times the counters were found emptied, or to be others: what is open should be told to them again.
    pub emptied: u64,
    /// Commands sent since the start (a script counts as one); 0 in memory.
    pub commands: u64,
}

/// Everything that is counted in one organisation, for audits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Scopes and their warm windows.
    pub scopes: Vec<(String, ScopeStanding)>,
    /// Open calls: id, names of the scopes, reserved nano-dollars and tokens.
    pub open: Vec<(CallId, Vec<String>, i64, i64)>,
    /// Settled or expired calls that are not known to be in the ledger.
    pub unrecorded: Vec<CallId>,
    /// What those of them that were counted charged, once for each scope; read in one step with the sums of that scope.
    pub charges: Vec<UnrecordedCharge>,
    /// Rows that wait beside the counters.
    pub rows: u64,
}

/// What a settled or expired call charged in one scope, while it is not known to be in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnrecordedCharge {
    /// The scope.
    pub scope: String,
    /// The call.
    pub id: CallId,
    /// The call's moment.
    pub at: Micros,
    /// Nano-dollars.
    pub nanos: i64,
    /// Tokens.
    pub tokens: i64,
}

/// A reservation whose deadline passed. Its estimate is charged, and its draft, where it has one, waits beside the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The call.
    pub id: CallId,
    /// Its organisation.
    pub organization: Arc<str>,
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
    fn reserve(&self, ask: Arc<ReserveAsk>) -> BoxFuture<'_, Reserved>;

    /// Replaces the reservation by the real charge, exactly once an id, and keeps the row until it is [`Counters::recorded`].
    fn settle(&self, settlement: Arc<Settlement>) -> BoxFuture<'_, Settled>;

    /// Gives the reservation back: nothing was sent. The request itself stays counted in the rate limit. A reservation of this id
    /// that arrives later does nothing. False when the counters cannot be reached: ask again.
    fn release<'a>(&'a self, organization: &'a str, id: CallId) -> BoxFuture<'a, bool>;

    /// Moves the deadlines of open reservations, all in one step to the counters; answers in the order of `held`.
    fn extend<'a>(&'a self, held: &'a [Arc<ReserveAsk>], deadline: Micros) -> BoxFuture<'a, Vec<Extended>>;

    /// Sets cold windows to what the ledger says; windows that are known are left alone. See the head of this file.
    ///
    /// To be called while nobody appends where there is a [`Counters::gate`].
    fn warm<'a>(&'a self, ledger: &'a Store, organization: &'a str, windows: &'a [ColdWindow]) -> BoxFuture<'a, Result<(), WarmError>>;

    /// The ledger has these calls (for [`RECORDED_AFTER`] where [`Counters::shared`]). The first call, which may be empty, switches
    /// the bookkeeping of unrecorded calls on. Where shared, a call that is still open is given back and its windows are read anew:
    /// nobody will settle it. False when the counters cannot be reached: ask again.
    fn recorded<'a>(&'a self, calls: &'a [Recorded]) -> BoxFuture<'a, bool>;

    /// Charges a call that reserved nothing, because its caller had no limits when it began: in the warm windows of its moment `at`.
    /// To be called for its row right after the append that wrote it, under the [`Counters::gate`]; not where [`Counters::shared`].
    fn charge<'a>(&'a self, organization: &'a str, scope: &'a str, at: Micros, nanos: i64, tokens: i64) -> BoxFuture<'a, ()>;

    /// Charges the estimate of every reservation whose deadline has passed, of any process, and tells which. To be called every second or so.
    fn expired(&self, now: Micros) -> BoxFuture<'_, Vec<Expired>>;

    /// Rows that have waited beside the counters for longer than `age`: their process is gone, or its database is. At most `limit`, oldest first.
    fn waiting(&self, age: Duration, limit: usize) -> BoxFuture<'_, Vec<WaitingRow>>;

    /// Makes all windows of these scopes cold, so that they are read from the ledger anew; of the whole organisation when there are none.
    fn chill<'a>(&'a self, organization: &'a str, scopes: &'a [String]) -> BoxFuture<'a, bool>;

    /// Drops what is known of a scope (its key is gone), unless calls of it are still in flight or unrecorded.
    fn forget<'a>(&'a self, organization: &'a str, scope: &'a str) -> BoxFuture<'a, ()>;

    /// Where a scope stands; `None` when nothing is known of it.
    fn standing<'a>(&'a self, organization: &'a str, scope: &'a str, now: Micros) -> BoxFuture<'a, Option<ScopeStanding>>;

    /// Everything that is counted in an organisation; an error when the counters cannot be reached. Slow: for audits and tests.
    fn inspect<'a>(&'a self, organization: &'a str) -> BoxFuture<'a, Result<Inspection, WarmError>>;

    /// Whether other processes count here too: then every call is reserved, limited or not, so that its row outlives its process.
    fn shared(&self) -> bool;

    /// To be held while the ledger appends (until the calls are [`Counters::recorded`]) and while a window is warmed, where the mechanism needs it.
    fn gate(&self) -> Option<&tokio::sync::Mutex<()>>;

    /// How the mechanism is; known without asking it.
    fn health(&self) -> CountersHealth;
}
