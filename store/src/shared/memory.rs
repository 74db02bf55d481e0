//! Counters in this process: exact, sharded, without awaiting anything.
//!
//! Lock order, the same everywhere, so nothing can wait in a circle: one shard of reservations (by call id), then the shards
//! of the scopes it touches, in ascending order. A reservation and its counters therefore change in one step.
//! Never done here: the arithmetic of one scope; see `memory/scope.rs`.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluxa_domain::budget::Unit;
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

use crate::open::Store;
use crate::shared::BoxFuture;
use crate::shared::counters::{
    ColdWindow, Counters, CountersHealth, Expired, Extended, Inspection, Recorded, ReserveAsk, Reserved, ScopeStanding, Settled,
    Settlement, Standing, UnrecordedCharge, WaitingRow, WarmError,
};

mod cache;
mod nodes;
mod scope;
#[cfg(test)]
mod tests;

pub use cache::MemoryCache;
pub use nodes::MemoryNodes;

use scope::{Charge, Scope, tighter};

/// Shards of each map: far more than cores, so that two calls seldom meet, and a few kilobytes when idle.
const SHARDS: usize = 64;

/// Expired and unrecorded calls that one shard remembers (131,072 in all, more than may wait for the ledger); older ones are forgotten,
/// so that memory is bounded whatever the ledger does.
const REMEMBERED: usize = 2_048;

/// A scope nobody asked for this long is dropped; it is warmed again from the ledger when it comes back.
const IDLE_MICROS: i64 = 3_600 * Micros::PER_SECOND;

/// The counters of a single process. The methods without `async` are the same as the trait's.
#[derive(Debug)]
pub struct MemoryCounters {
    calls: Vec<Mutex<Calls>>,
    scopes: Vec<Mutex<HashMap<String, Scope>>>,
    hasher: RandomState,
    /// The ledger's writer reports what it wrote, so settled calls are remembered until then.
    remembers: AtomicBool,
    /// The scope shard that is swept next.
    sweep: AtomicUsize,
    /// Between two appends, never during one: else a call could be counted twice or not at all.
    gate: tokio::sync::Mutex<()>,
}

/// The reservations of one shard.
#[derive(Debug, Default)]
struct Calls {
    known: HashMap<CallId, Call>,
    /// Ids that are no longer open, oldest first.
    closed: VecDeque<CallId>,
}

/// What is known of one call.
#[derive(Debug)]
struct Call {
    ask: Arc<ReserveAsk>,
    deadline: Micros,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Expired,
    /// Settled, and not yet known to be in the ledger.
    Unrecorded,
}

type ScopeGuards<'a> = Vec<(usize, MutexGuard<'a, HashMap<String, Scope>>)>;

impl Default for MemoryCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryCounters {
    /// Counters that know nothing yet: every budget window is cold.
    #[must_use]
    pub fn new() -> Self {
        Self {
            calls: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            scopes: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            hasher: RandomState::new(),
            remembers: AtomicBool::new(false),
            sweep: AtomicUsize::new(0),
            gate: tokio::sync::Mutex::new(()),
        }
    }

    /// [`Counters::reserve`], at once.
    pub fn reserve_now(&self, ask: impl Into<Arc<ReserveAsk>>) -> Reserved {
        let ask = ask.into();
        let mut calls = self.calls_of(ask.id);
        if let Some(call) = calls.known.get(&ask.id) {
            if call.state != State::Open {
                return Reserved::Unavailable(format!("call {} was settled before", ask.id));
            }
            let scopes = &mut self.scopes_of(&call.ask);
            return Reserved::Granted(self.standing_of(scopes, &call.ask));
        }
        let mut scopes = self.scopes_of(&ask);
        let mut cold = Vec::new();
        for wanted in ask.scopes.iter() {
            if let Some(scope) = self.scope_mut(&mut scopes, &wanted.scope) {
                scope.find_cold(wanted, ask.now, &mut cold);
            }
        }
        if !cold.is_empty() {
            return Reserved::Cold(cold);
        }
        for wanted in ask.scopes.iter() {
            let refused = self.scope_mut(&mut scopes, &wanted.scope).and_then(|scope| scope.over(wanted, &ask));
            if let Some(over) = refused {
                return Reserved::Refused(over);
            }
        }
        for wanted in ask.scopes.iter() {
            if let Some(scope) = self.scope_mut(&mut scopes, &wanted.scope) {
                scope.grant(wanted, &ask);
            }
        }
        let standing = self.standing_of(&mut scopes, &ask);
        drop(scopes);
        calls.known.insert(ask.id, Call { deadline: ask.deadline, state: State::Open, ask });
        Reserved::Granted(standing)
    }

    /// [`Counters::settle`], at once. An id that is not known was settled or given back before, in this process: one after a restart
    /// reads the ledger, and what reserved nothing is charged by the ledger's writer ([`Counters::charge`]).
    pub fn settle_now(&self, id: CallId, nanos: i64, tokens: i64, rate_tokens: i64) -> Settled {
        let charge = Charge { nanos, tokens };
        let mut calls = self.calls_of(id);
        let Some(call) = calls.known.get_mut(&id) else { return Settled::AlreadyDone };
        let settled = match call.state {
            State::Unrecorded => return Settled::AlreadyDone,
            State::Open => Settled::Done,
            State::Expired => Settled::Late,
        };
        let remember = settled == Settled::Done && self.remembers.load(Ordering::Acquire);
        let estimate = Charge::of(&call.ask);
        let mut scopes = self.scopes_of(&call.ask);
        for wanted in call.ask.scopes.iter() {
            if let Some(scope) = self.scope_mut(&mut scopes, &wanted.scope) {
                scope.correct_rate(wanted, &call.ask, rate_tokens);
                match settled {
                    Settled::Late => scope.correct(call.ask.now, estimate, charge),
                    _ => scope.settle(wanted, &call.ask, charge),
                }
                if remember {
                    scope.remember(id, call.ask.now, charge);
                }
            }
        }
        drop(scopes);
        if remember {
            call.state = State::Unrecorded;
            self.close(&mut calls, id);
        } else {
            calls.known.remove(&id);
        }
        settled
    }

    /// [`Counters::release`], at once.
    pub fn release_now(&self, id: CallId) {
        let mut calls = self.calls_of(id);
        let Some(call) = calls.known.remove(&id) else { return };
        let mut scopes = self.scopes_of(&call.ask);
        for wanted in call.ask.scopes.iter() {
            let Some(scope) = self.scope_mut(&mut scopes, &wanted.scope) else { continue };
            match call.state {
                State::Open => {
                    scope.correct_rate(wanted, &call.ask, 0);
                    scope.settle(wanted, &call.ask, Charge::default());
                }
                State::Expired => {
                    scope.correct_rate(wanted, &call.ask, 0);
                    scope.correct(call.ask.now, Charge::of(&call.ask), Charge::default());
                }
                State::Unrecorded => {}
            }
        }
        drop(scopes);
        // A settled call stays settled.
        if matches!(call.state, State::Unrecorded) {
            calls.known.insert(id, call);
        }
    }

    /// [`Counters::extend`], at once.
    pub fn extend_now(&self, id: CallId, deadline: Micros) -> bool {
        match self.calls_of(id).known.get_mut(&id) {
            Some(call) if call.state == State::Open => {
                call.deadline = deadline;
                true
            }
            _ => false,
        }
    }

    /// [`Counters::warm`], at once.
    pub fn warm_now(&self, scope: &str, window_id: &str, unit: Unit, spent: i64) {
        let mut shard = lock(self.scope_shard(scope));
        shard.entry(scope.to_owned()).or_default().warm(window_id, unit, spent);
    }

    /// [`Counters::recorded`], at once.
    pub fn recorded_now(&self, ids: impl IntoIterator<Item = CallId>) {
        self.remembers.store(true, Ordering::Release);
        for id in ids {
            let mut calls = self.calls_of(id);
            // An expired call stays known: its late settle corrects the row that was just written.
            if !matches!(calls.known.get(&id), Some(Call { state: State::Unrecorded, .. })) {
                continue;
            }
            if let Some(call) = calls.known.remove(&id) {
                self.forget_unrecorded(&call.ask);
            }
            while calls.closed.front().is_some_and(|oldest| !calls.known.contains_key(oldest)) {
                calls.closed.pop_front();
            }
        }
    }

    /// [`Counters::charge`], at once.
    pub fn charge_now(&self, scope: &str, at: Micros, nanos: i64, tokens: i64) {
        if let Some(scope) = lock(self.scope_shard(scope)).get_mut(scope) {
            scope.correct(at, Charge::default(), Charge { nanos, tokens });
        }
    }

    /// [`Counters::expired`], at once.
    pub fn expired_now(&self, now: Micros) -> Vec<Expired> {
        let mut expired = Vec::new();
        for shard in &self.calls {
            let mut calls = lock(shard);
            let due: Vec<CallId> =
                calls.known.iter().filter(|(_, call)| call.state == State::Open && call.deadline <= now).map(|(id, _)| *id).collect();
            for id in due {
                let Some(call) = calls.known.get_mut(&id) else { continue };
                let estimate = Charge::of(&call.ask);
                let mut scopes = self.scopes_of(&call.ask);
                for wanted in call.ask.scopes.iter() {
                    if let Some(scope) = self.scope_mut(&mut scopes, &wanted.scope) {
                        scope.settle(wanted, &call.ask, estimate);
                    }
                }
                drop(scopes);
                call.state = State::Expired;
                expired.push(Expired {
                    id,
                    organization: Arc::clone(&call.ask.organization),
                    nanos: estimate.nanos,
                    tokens: estimate.tokens,
                });
                self.close(&mut calls, id);
            }
        }
        self.sweep_one_shard(now);
        expired
    }

    /// [`Counters::chill`], at once.
    pub fn chill_now(&self, scopes: &[String]) {
        if scopes.is_empty() {
            self.scopes.iter().for_each(|shard| lock(shard).values_mut().for_each(Scope::chill));
        }
        for name in scopes {
            if let Some(scope) = lock(self.scope_shard(name)).get_mut(name) {
                scope.chill();
            }
        }
    }

    /// [`Counters::inspect`], at once. Organisations are not told apart by who holds all of them.
    pub fn inspect_now(&self, organization: &str) -> Inspection {
        let mut found = Inspection::default();
        for shard in &self.calls {
            for (id, call) in lock(shard).known.iter().filter(|(_, call)| *call.ask.organization == *organization) {
                match call.state {
                    State::Open => {
                        let scopes = call.ask.scopes.iter().map(|scope| scope.scope.clone()).collect();
                        found.open.push((*id, scopes, call.ask.nanos, call.ask.tokens));
                    }
                    State::Expired | State::Unrecorded => found.unrecorded.push(*id),
                }
            }
        }
        for shard in &self.scopes {
            let mut shard = lock(shard);
            for (name, scope) in shard.iter_mut() {
                found.charges.extend(scope.unrecorded().map(|(id, at, charge)| UnrecordedCharge {
                    scope: name.clone(),
                    id,
                    at,
                    nanos: charge.nanos,
                    tokens: charge.tokens,
                }));
                found.scopes.push((name.clone(), scope.show(Micros(0))));
            }
        }
        found
    }

    /// [`Counters::forget`], at once.
    pub fn forget_now(&self, scope: &str) {
        let mut shard = lock(self.scope_shard(scope));
        if shard.get(scope).is_some_and(Scope::may_go) {
            shard.remove(scope);
        }
    }

    /// [`Counters::standing`], at once.
    pub fn standing_now(&self, scope: &str, now: Micros) -> Option<ScopeStanding> {
        lock(self.scope_shard(scope)).get_mut(scope).map(|scope| scope.show(now))
    }

    /// Remembers that a call is closed, and forgets the oldest closed ones past the bound.
    fn close(&self, calls: &mut Calls, id: CallId) {
        calls.closed.push_back(id);
        while calls.closed.len() > REMEMBERED {
            let Some(oldest) = calls.closed.pop_front() else { return };
            if calls.known.get(&oldest).is_some_and(|call| call.state != State::Open)
                && let Some(call) = calls.known.remove(&oldest)
            {
                self.forget_unrecorded(&call.ask);
            }
        }
    }

    fn forget_unrecorded(&self, ask: &ReserveAsk) {
        let mut scopes = self.scopes_of(ask);
        for wanted in ask.scopes.iter() {
            if let Some(scope) = self.scope_mut(&mut scopes, &wanted.scope) {
                scope.forget(ask.id);
            }
        }
    }

    fn sweep_one_shard(&self, now: Micros) {
        let at = self.sweep.fetch_add(1, Ordering::Relaxed) % SHARDS;
        if let Some(shard) = self.scopes.get(at) {
            lock(shard).retain(|_, scope| !scope.may_go() || scope.used_at.0 > now.0.saturating_sub(IDLE_MICROS));
        }
    }

    fn standing_of(&self, scopes: &mut ScopeGuards<'_>, ask: &ReserveAsk) -> Standing {
        let mut standing = Standing::default();
        for wanted in ask.scopes.iter() {
            if let Some(scope) = self.scope_mut(scopes, &wanted.scope) {
                let (rpm, tpm) = scope.rates(wanted, ask.now);
                standing.rpm = tighter(standing.rpm, rpm);
                standing.tpm = tighter(standing.tpm, tpm);
            }
        }
        standing
    }

    fn calls_of(&self, id: CallId) -> MutexGuard<'_, Calls> {
        lock(&self.calls[self.shard_of(&id)])
    }

    fn scope_shard(&self, scope: &str) -> &Mutex<HashMap<String, Scope>> {
        &self.scopes[self.shard_of(scope)]
    }

    /// Locks the shards of all scopes of `ask`, each once, in ascending order.
    fn scopes_of(&self, ask: &ReserveAsk) -> ScopeGuards<'_> {
        let mut shards: Vec<usize> = ask.scopes.iter().map(|wanted| self.shard_of(wanted.scope.as_str())).collect();
        shards.sort_unstable();
        shards.dedup();
        shards.into_iter().map(|at| (at, lock(&self.scopes[at]))).collect()
    }

    /// The state of one scope among the locked shards, made when it is new.
    fn scope_mut<'a>(&self, scopes: &'a mut ScopeGuards<'_>, name: &str) -> Option<&'a mut Scope> {
        let at = self.shard_of(name);
        let (_, shard) = scopes.iter_mut().find(|(shard, _)| *shard == at)?;
        if !shard.contains_key(name) {
            shard.insert(name.to_owned(), Scope::default());
        }
        shard.get_mut(name)
    }

    fn shard_of<T: std::hash::Hash + ?Sized>(&self, key: &T) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0)
    }
}

/// A panic elsewhere must not stop all budgets; every change here is complete before anything can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counters for MemoryCounters {
    fn reserve(&self, ask: Arc<ReserveAsk>) -> BoxFuture<'_, Reserved> {
        Box::pin(std::future::ready(self.reserve_now(ask)))
    }

    fn settle(&self, settlement: Arc<Settlement>) -> BoxFuture<'_, Settled> {
        let Settlement { id, nanos, tokens, rate_tokens, .. } = *settlement;
        Box::pin(std::future::ready(self.settle_now(id, nanos, tokens, rate_tokens)))
    }

    fn release<'a>(&'a self, _organization: &'a str, id: CallId) -> BoxFuture<'a, bool> {
        self.release_now(id);
        Box::pin(std::future::ready(true))
    }

    fn extend<'a>(&'a self, held: &'a [Arc<ReserveAsk>], deadline: Micros) -> BoxFuture<'a, Vec<Extended>> {
        let extended = held.iter().map(|ask| if self.extend_now(ask.id, deadline) { Extended::Yes } else { Extended::Ended });
        Box::pin(std::future::ready(extended.collect()))
    }

    fn warm<'a>(&'a self, ledger: &'a Store, _organization: &'a str, windows: &'a [ColdWindow]) -> BoxFuture<'a, Result<(), WarmError>> {
        Box::pin(async move {
            for cold in windows {
                let spent = ledger.spent(&cold.scope, cold.from, cold.to).await?;
                let amount = match cold.unit {
                    Unit::NanoUsd => spent.nanos,
                    Unit::Tokens => spent.tokens,
                };
                self.warm_now(&cold.scope, &cold.window_id, cold.unit, amount);
            }
            Ok(())
        })
    }

    fn recorded<'a>(&'a self, calls: &'a [Recorded]) -> BoxFuture<'a, bool> {
        self.recorded_now(calls.iter().map(|call| call.id));
        Box::pin(std::future::ready(true))
    }

    fn charge<'a>(&'a self, _organization: &'a str, scope: &'a str, at: Micros, nanos: i64, tokens: i64) -> BoxFuture<'a, ()> {
        self.charge_now(scope, at, nanos, tokens);
        Box::pin(std::future::ready(()))
    }

    fn expired(&self, now: Micros) -> BoxFuture<'_, Vec<Expired>> {
        Box::pin(std::future::ready(self.expired_now(now)))
    }

    fn waiting(&self, _age: Duration, _limit: usize) -> BoxFuture<'_, Vec<WaitingRow>> {
        // The rows of this process wait in its journal.
        Box::pin(std::future::ready(Vec::new()))
    }

    fn chill<'a>(&'a self, _organization: &'a str, scopes: &'a [String]) -> BoxFuture<'a, bool> {
        self.chill_now(scopes);
        Box::pin(std::future::ready(true))
    }

    fn forget<'a>(&'a self, _organization: &'a str, scope: &'a str) -> BoxFuture<'a, ()> {
        self.forget_now(scope);
        Box::pin(std::future::ready(()))
    }

    fn standing<'a>(&'a self, _organization: &'a str, scope: &'a str, now: Micros) -> BoxFuture<'a, Option<ScopeStanding>> {
        Box::pin(std::future::ready(self.standing_now(scope, now)))
    }

    fn inspect<'a>(&'a self, organization: &'a str) -> BoxFuture<'a, Result<Inspection, WarmError>> {
        Box::pin(std::future::ready(Ok(self.inspect_now(organization))))
    }

    fn shared(&self) -> bool {
        false
    }

    fn gate(&self) -> Option<&tokio::sync::Mutex<()>> {
        Some(&self.gate)
    }

    fn health(&self) -> CountersHealth {
        CountersHealth::default()
    }
}
