//! What a call costs Redis: microseconds of the server's only thread for each script of the money path.
//!
//! `cargo bench -p fluxa-store --bench counters` starts a throw-away server, sends rounds of calls pipelined as a busy gateway
//! does, and reads the server's own statistics, so the speed of this process hardly matters. Another program on the machine
//! does: the least of all rounds says most, and the median how quiet it was.
#![expect(clippy::print_stdout, reason = "it is what a benchmark is for")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fluxa_domain::budget::{Period, Unit, Window};
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;
use fluxa_loadtest::backends::{Redis, RedisOptions};
use fluxa_store::Store;
use fluxa_store::shared::redis::{Link, LinkOptions, LinkTuning, RedisCounters};
use fluxa_store::shared::{BudgetAsk, Counters as _, Recorded, ReserveAsk, Reserved, ScopeAsk, Settled, Settlement};
use futures_util::future::join_all;

type Failure = Box<dyn Error>;

/// Rounds of each shape.
const ROUNDS: u64 = 30;

/// Calls of a round, all sent at once.
const CALLS: u64 = 200;

const ORGANIZATION: &str = "acme";

/// A row as long as most are.
const ROW_BYTES: usize = 760;

/// What callers are limited by: name, scopes with a budget each, whether they have rates.
const SHAPES: [(&str, usize, bool); 4] =
    [("1 scope", 1, false), ("3 scopes", 3, false), ("1 scope, rpm and tpm", 1, true), ("3 scopes, rpm and tpm", 3, true)];

/// One shape of calls against one server.
struct Course {
    server: Redis,
    counters: RedisCounters,
    ledger: Store,
    scopes: Arc<[ScopeAsk]>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    println!("microseconds of the server a call: least of {ROUNDS} rounds / median");
    println!("{:<24} {:>15} {:>15} {:>15} {:>15}", "", "reserve", "settle", "recorded", "reserve+settle");
    for (name, scopes, rates) in SHAPES {
        let course = Course::start(scopes, rates).await?;
        let (mut reserves, mut settles, mut recorded, mut pairs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        // The first round warms the windows.
        course.round(0).await?;
        for round in 1..=ROUNDS {
            let [reserve, settle, record] = course.round(round).await?;
            reserves.push(reserve);
            settles.push(settle);
            recorded.push(record);
            pairs.push(reserve + settle);
        }
        let columns: Vec<String> = [reserves, settles, recorded, pairs].into_iter().map(least_and_median).collect();
        println!("{name:<24} {}", columns.join(" "));
    }
    Ok(())
}

impl Course {
    async fn start(scopes: usize, rates: bool) -> Result<Self, Failure> {
        let server = Redis::start(RedisOptions::default())?;
        let tuning = LinkTuning { timeout: Duration::from_secs(10), connections: 1 };
        let link = Link::open_with(LinkOptions { url: server.url() }, tuning).await.map_err(|fault| fault.to_string())?;
        let limit = rates.then_some(1 << 40);
        let month = Window { id: "m:2026-11@UTC".into(), starts_at: Micros(0), ends_at: Some(Micros(1 << 52)) };
        let budget = BudgetAsk { window: month, period: Period::Month, unit: Unit::NanoUsd, limit: 1 << 49 };
        let scopes = (0..scopes)
            .map(|n| ScopeAsk { scope: format!("key:k{n}"), rpm: limit, tpm: limit, concurrency: None, budgets: vec![budget.clone()] })
            .collect();
        Ok(Self { server, counters: RedisCounters::new(link), ledger: Store::in_memory().await?, scopes })
    }

    /// Reserves, settles and records a round of calls; microseconds a call of each.
    async fn round(&self, round: u64) -> Result<[f64; 3], Failure> {
        let now = Micros(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?);
        let asks: Vec<Arc<ReserveAsk>> = (0..CALLS).map(|n| Arc::new(self.ask(round * CALLS + n, now))).collect();
        if round == 0
            && let Some(ask) = asks.first()
            && let Reserved::Cold(windows) = self.counters.reserve(Arc::clone(ask)).await
        {
            self.counters.warm(&self.ledger, ORGANIZATION, &windows).await.map_err(|error| error.to_string())?;
        }
        self.server.cli(&["CONFIG", "RESETSTAT"])?;
        let granted = join_all(asks.iter().map(|ask| self.counters.reserve(Arc::clone(ask)))).await;
        let reserve = self.took()?;
        if let Some(other) = granted.iter().find(|answer| !matches!(answer, Reserved::Granted(_))) {
            return Err(format!("a reservation was answered {other:?}").into());
        }
        let settled = join_all(asks.iter().map(|ask| self.counters.settle(Arc::new(settlement(ask))))).await;
        let settle = self.took()?;
        if let Some(other) = settled.iter().find(|answer| **answer != Settled::Done) {
            return Err(format!("a settlement was answered {other:?}").into());
        }
        let calls: Vec<Recorded> =
            asks.iter().map(|ask| Recorded { id: ask.id, organization: Arc::clone(&ask.organization), draft: false }).collect();
        if !self.counters.recorded(&calls).await {
            return Err("recorded calls were not taken".into());
        }
        Ok([reserve, settle, self.took()?])
    }

    fn ask(&self, n: u64, now: Micros) -> ReserveAsk {
        ReserveAsk {
            id: CallId::new(now, std::array::from_fn(|at| n.to_be_bytes().get(at).copied().unwrap_or(7))),
            now,
            deadline: now.plus_seconds(120),
            organization: ORGANIZATION.into(),
            scopes: Arc::clone(&self.scopes),
            nanos: 1_234_567,
            tokens: 500,
            rate_tokens: 500,
            counts_request: true,
            draft: Some("x".repeat(ROW_BYTES)),
        }
    }

    /// Microseconds that scripts took since the last time, a call; forgets them.
    fn took(&self) -> Result<f64, Failure> {
        let statistics = self.server.cli(&["INFO", "commandstats"])?;
        self.server.cli(&["CONFIG", "RESETSTAT"])?;
        let spent = statistics.lines().filter(|line| line.starts_with("cmdstat_evalsha:"));
        let spent = spent.filter_map(|line| line.split(',').find_map(|part| part.strip_prefix("usec=")));
        let micros: f64 = spent.filter_map(|text| text.parse::<f64>().ok()).sum();
        Ok(micros / CALLS as f64)
    }
}

fn settlement(ask: &ReserveAsk) -> Settlement {
    Settlement {
        id: ask.id,
        at: ask.now,
        organization: Arc::clone(&ask.organization),
        scopes: ask.scopes.iter().map(|scope| scope.scope.clone()).collect(),
        nanos: 1_200_000,
        tokens: 480,
        rate_tokens: 480,
        row: Some("y".repeat(ROW_BYTES)),
    }
}

fn least_and_median(mut rounds: Vec<f64>) -> String {
    rounds.sort_by(f64::total_cmp);
    let at = |place: usize| rounds.get(place).copied().unwrap_or_default();
    format!("{:>7.1} /{:>6.1}", at(0), at(rounds.len() / 2))
}
