//! A mechanism, a ledger beside it, and a clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fluxa_domain::budget::{Period, Unit, Window};
use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::Usage;
use fluxa_loadtest::backends::{Redis, RedisOptions};
use fluxa_store::Store;
use fluxa_store::records::ledger::Finished;
use fluxa_store::shared::redis::{Link, LinkOptions, LinkTuning, RedisCounters};
use fluxa_store::shared::{
    BudgetAsk, BudgetStanding, Counters, MemoryCounters, Over, Recorded, ReserveAsk, Reserved, ScopeAsk, ScopeStanding, Settled,
    Settlement, WarmError,
};

/// 2026-11-22T10:00:00Z.
pub(crate) const START: i64 = 1_795_341_600_000_000;
pub(crate) const ORG: &str = "acme";

/// How often what was not answered is asked again: a busy machine does not always answer in time.
const LOST: usize = 100;

pub(crate) struct World {
    pub(crate) counters: Arc<dyn Counters>,
    pub(crate) store: Store,
    time: Arc<AtomicI64>,
    /// The mechanism and its server, where it is Redis.
    pub(crate) redis: Option<(Arc<RedisCounters>, Redis)>,
}

impl World {
    pub(crate) async fn memory() -> Self {
        let counters = Arc::new(MemoryCounters::new());
        let world = Self { counters, store: Store::in_memory().await.unwrap(), time: Arc::new(AtomicI64::new(START)), redis: None };
        world.counters.recorded(&[]).await;
        world
    }

    pub(crate) async fn redis() -> Self {
        Self::redis_with(|counters| counters).await
    }

    pub(crate) async fn redis_with(change: impl FnOnce(RedisCounters) -> RedisCounters) -> Self {
        let server = Redis::start(RedisOptions::default()).unwrap();
        let time = Arc::new(AtomicI64::new(START));
        let link = link(&server).await;
        let counters = Arc::new(change(RedisCounters::new(link).with_time(Arc::clone(&time))));
        let store = Store::in_memory().await.unwrap();
        Self { counters: Arc::clone(&counters) as Arc<dyn Counters>, store, time, redis: Some((counters, server)) }
    }

    /// One on a server and a ledger that are there.
    pub(crate) async fn on(url: String, store: Store) -> Self {
        let time = Arc::new(AtomicI64::new(START));
        let counters = Arc::new(RedisCounters::new(link_to(url).await).with_time(Arc::clone(&time)));
        Self { counters, store, time, redis: None }
    }

    /// Another process with the same ledger and clock.
    pub(crate) fn beside(&self, counters: Arc<dyn Counters>) -> Self {
        Self { counters, store: self.store.clone(), time: Arc::clone(&self.time), redis: None }
    }

    pub(crate) fn time(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.time)
    }

    pub(crate) fn now(&self) -> Micros {
        Micros(self.time.load(Ordering::Acquire))
    }

    pub(crate) fn pass_millis(&self, millis: i64) {
        self.time.fetch_add(millis * 1_000, Ordering::AcqRel);
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.pass_millis(seconds * 1_000);
    }

    /// Everything in the counters is lost.
    pub(crate) fn flush(&self) {
        self.redis.as_ref().unwrap().1.cli(&["FLUSHALL"]).unwrap();
    }

    /// A call of this moment, which estimates `nanos` and a tenth of it in tokens.
    pub(crate) fn ask(&self, n: u64, nanos: i64, scopes: Vec<ScopeAsk>) -> ReserveAsk {
        let now = self.now();
        ReserveAsk {
            id: id(n),
            now,
            deadline: now.plus_seconds(120),
            organization: ORG.into(),
            scopes: scopes.into(),
            nanos,
            tokens: nanos / 10,
            rate_tokens: nanos / 10,
            counts_request: true,
            draft: None,
        }
    }

    /// Reserves as the gateway does: what is cold is warmed and asked again.
    pub(crate) async fn reserve(&self, ask: ReserveAsk) -> Reserved {
        let ask = Arc::new(ask);
        for _ in 0..1_000 {
            match self.counters.reserve(Arc::clone(&ask)).await {
                Reserved::Cold(cold) => {
                    let _gate = match self.counters.gate() {
                        Some(gate) => Some(gate.lock().await),
                        None => None,
                    };
                    match self.counters.warm(&self.store, ORG, &cold).await {
                        Ok(()) | Err(WarmError::Unavailable(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                // The answer was lost: a busy machine does not always answer in time.
                Reserved::Unavailable(why) if !why.contains(" before") => {}
                other => return other,
            }
        }
        panic!("it stays cold")
    }

    pub(crate) async fn grant(&self, ask: ReserveAsk) {
        let answer = self.reserve(ask).await;
        assert!(matches!(answer, Reserved::Granted(_)), "{answer:?}");
    }

    pub(crate) async fn refuse(&self, ask: ReserveAsk) -> Over {
        match self.reserve(ask).await {
            Reserved::Refused(over) => over,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn settle(&self, ask: &ReserveAsk, nanos: i64) -> Settled {
        let settlement = Arc::new(settlement(ask, nanos));
        let first = self.counters.settle(Arc::clone(&settlement)).await;
        let mut answer = first;
        for _ in 0..LOST {
            if answer != Settled::Unavailable {
                break;
            }
            answer = self.counters.settle(Arc::clone(&settlement)).await;
        }
        // Then the answer that was lost was the one that did it.
        if first == Settled::Unavailable && answer == Settled::AlreadyDone { Settled::Done } else { answer }
    }

    /// Asks again until it is answered.
    pub(crate) async fn release(&self, id: CallId) -> bool {
        for _ in 0..LOST {
            if self.counters.release(ORG, id).await {
                return true;
            }
        }
        false
    }

    /// A new beginning on the same server.
    pub(crate) async fn begin_again(&mut self) {
        self.flush();
        self.time.store(START, Ordering::Release);
        self.store = Store::in_memory().await.unwrap();
    }

    /// The ledger gets the row, and the counters hear of it.
    pub(crate) async fn record(&self, ask: &ReserveAsk, nanos: i64) {
        self.append(&row(ask, nanos)).await;
        self.recorded(ask.id).await;
    }

    pub(crate) async fn append(&self, entry: &Entry) {
        self.store.append(std::slice::from_ref(entry)).await.unwrap();
    }

    pub(crate) async fn recorded(&self, id: CallId) {
        self.report(Recorded { id, organization: ORG.into(), draft: false }).await;
    }

    /// The ledger has the draft of a call.
    pub(crate) async fn recorded_draft(&self, id: CallId) {
        self.report(Recorded { id, organization: ORG.into(), draft: true }).await;
    }

    async fn report(&self, call: Recorded) {
        let calls = [call];
        for _ in 0..LOST {
            if self.counters.recorded(&calls).await {
                return;
            }
        }
        panic!("never answered")
    }

    pub(crate) async fn standing(&self, scope: &str) -> ScopeStanding {
        // Nothing is also what a lost answer looks like.
        for _ in 0..3 {
            if let Some(standing) = self.counters.standing(ORG, scope, self.now()).await {
                return standing;
            }
        }
        ScopeStanding::default()
    }

    /// Spent and reserved dollars of the first window of `scope`.
    pub(crate) async fn money(&self, scope: &str) -> (i64, i64) {
        let standing = self.standing(scope).await;
        standing.budgets.iter().find(|one| one.unit == Unit::NanoUsd).map_or((-1, -1), |one: &BudgetStanding| (one.spent, one.reserved))
    }
}

pub(crate) async fn link(server: &Redis) -> Link {
    link_to(server.url()).await
}

/// A link that waits for an answer longer than a gateway would: a busy machine takes its time.
pub(crate) async fn link_to(url: String) -> Link {
    let tuning = LinkTuning { timeout: Duration::from_secs(5), ..LinkTuning::default() };
    Link::open_with(LinkOptions { url }, tuning).await.unwrap()
}

pub(crate) fn id(n: u64) -> CallId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    CallId::new(Micros(START), random)
}

pub(crate) fn budget(period: Period, unit: Unit, limit: i64) -> BudgetAsk {
    budget_at(Micros(START), period, unit, limit)
}

pub(crate) fn budget_at(at: Micros, period: Period, unit: Unit, limit: i64) -> BudgetAsk {
    BudgetAsk { window: fluxa_domain::budget::window(period, at, "UTC"), period, unit, limit }
}

pub(crate) fn scope(name: &str, budgets: Vec<BudgetAsk>) -> ScopeAsk {
    ScopeAsk { scope: name.to_owned(), rpm: None, tpm: None, concurrency: None, budgets }
}

/// The scope of the key that all rows here are of, with one dollar budget.
pub(crate) fn dollars(limit: i64) -> Vec<ScopeAsk> {
    vec![scope("key:a", vec![budget(Period::Day, Unit::NanoUsd, limit)])]
}

pub(crate) fn day() -> Window {
    budget(Period::Day, Unit::NanoUsd, 0).window
}

pub(crate) fn settlement(ask: &ReserveAsk, nanos: i64) -> Settlement {
    Settlement {
        id: ask.id,
        at: ask.now,
        organization: Arc::clone(&ask.organization),
        scopes: ask.scopes.iter().map(|scope| scope.scope.clone()).collect(),
        nanos,
        tokens: nanos / 10,
        rate_tokens: nanos / 10,
        row: Some(Finished::new(row(ask, nanos)).json().to_owned()),
    }
}

/// The row of a call: of the key and team that its scopes name.
pub(crate) fn row(ask: &ReserveAsk, nanos: i64) -> Entry {
    let named = |kind: &str| ask.scopes.iter().find_map(|scope| scope.scope.strip_prefix(kind)).unwrap_or_default().to_owned();
    Entry {
        key_id: named("key:"),
        team: named("team:"),
        organization: ask.organization.to_string(),
        cost: NanoUsd(nanos),
        usage: Usage { input_uncached: u64::try_from(nanos / 10).unwrap(), ..Usage::default() },
        ..Entry::new(ask.id, ask.now)
    }
}

/// Each story on each mechanism.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $story() {
                super::$story(&crate::world::World::memory().await).await;
            })+
        }
        mod redis {
            $(#[tokio::test]
            async fn $story() {
                super::$story(&crate::world::World::redis().await).await;
            })+
        }
    };
}
pub(crate) use on_both;
