//! Many processes, each with a connection of its own, on one budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use fluxa_domain::budget::{Period, Unit};
use fluxa_loadtest::backends::{Redis, RedisOptions};
use fluxa_store::Store;
use fluxa_store::shared::redis::RedisCounters;
use fluxa_store::shared::{Reserved, ScopeAsk, Settled};
use futures_util::future::join_all;

use crate::world::{ORG, World, budget, link, on_both, row, scope};

const PROCESSES: usize = 8;
const TASKS: usize = 16;
const CALLS: u64 = 12;
const CALL: i64 = 1_000;
const LIMIT: i64 = 700_000;
const SCOPES: [&str; 3] = ["key:a", "team:t", "org:acme"];

on_both!(tasks_never_spend_more_than_the_limit_and_end_exact);

fn scopes() -> Vec<ScopeAsk> {
    // The key's is the tightest.
    let budgets = [LIMIT, LIMIT * 2, LIMIT * 3].map(|limit| vec![budget(Period::Day, Unit::NanoUsd, limit)]);
    SCOPES.into_iter().zip(budgets).map(|(name, budgets)| scope(name, budgets)).collect()
}

/// One task's calls: some cost all of their estimate, some less, some are released.
async fn task(world: &World, ids: &AtomicU64, spent: &AtomicI64, refused: &AtomicU64) {
    for _ in 0..CALLS {
        let n = ids.fetch_add(1, Ordering::Relaxed);
        let ask = world.ask(n, CALL, scopes());
        match world.reserve(ask.clone()).await {
            Reserved::Granted(_) if n.is_multiple_of(11) => {
                assert!(world.release(ask.id).await);
            }
            Reserved::Granted(_) => {
                let real = if n.is_multiple_of(3) { CALL / 2 } else { CALL };
                // Its answer may be lost, and it is asked again; two askers may also meet.
                let (a, b) = tokio::join!(world.settle(&ask, real), world.settle(&ask, real));
                assert!([a, b].contains(&Settled::Done), "{a:?} {b:?}");
                spent.fetch_add(real, Ordering::Relaxed);
                {
                    let _gate = match world.counters.gate() {
                        Some(gate) => Some(gate.lock().await),
                        None => None,
                    };
                    world.append(&row(&ask, real)).await;
                    if !world.counters.shared() {
                        world.recorded(ask.id).await;
                    }
                }
                if n.is_multiple_of(40) {
                    assert!(world.counters.chill(ORG, &[String::from(SCOPES[usize::try_from(n % 3).unwrap()])]).await);
                }
            }
            Reserved::Refused(_) => {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn tasks_never_spend_more_than_the_limit_and_end_exact(first: &World) {
    // On Redis, seven more processes beside the first.
    let mut worlds = Vec::new();
    if let Some((_, server)) = &first.redis {
        for _ in 1..PROCESSES {
            worlds.push(first.beside(Arc::new(RedisCounters::new(link(server).await).with_time(first.time()))));
        }
    }
    let processes: Vec<&World> = std::iter::once(first).chain(&worlds).collect();
    let (ids, spent, refused, done) = (AtomicU64::new(1), AtomicI64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let tasks = join_all(processes.iter().cycle().take(PROCESSES * TASKS).map(|world| task(world, &ids, &spent, &refused)));
    let watch = async {
        let mut most = 0;
        while !done.load(Ordering::Relaxed) {
            let (spent, reserved) = first.money(SCOPES[0]).await;
            most = most.max(spent + reserved);
            tokio::task::yield_now().await;
        }
        most
    };
    let working = async {
        tasks.await;
        done.store(true, Ordering::Relaxed);
    };
    let ((), most) = tokio::join!(working, watch);
    let spent = spent.into_inner();
    assert!(most <= LIMIT && spent <= LIMIT && spent > LIMIT - CALL && refused.into_inner() > 0, "{most} {spent}");
    for name in SCOPES {
        // What was made cold last is warmed by the next call.
        let mut last = first.ask(ids.fetch_add(1, Ordering::Relaxed), 0, scopes());
        last.scopes = last.scopes.iter().filter(|one| one.scope == name).cloned().collect();
        first.grant(last.clone()).await;
        first.release(last.id).await;
        assert_eq!((first.money(name).await, first.standing(name).await.in_flight), ((spent, 0), 0), "{name}");
        let window = crate::world::day();
        assert_eq!(first.store.spent(name, window.starts_at, window.ends_at).await.unwrap().nanos, spent, "{name}");
    }
}

#[tokio::test]
async fn warming_meets_settles_of_other_processes_and_stays_exact() {
    let server = Redis::start(RedisOptions::default()).unwrap();
    let store = Store::in_memory().await.unwrap();
    let world = World::on(&server, store).await;
    let other = world.beside(Arc::new(RedisCounters::new(link(&server).await).with_time(world.time())));
    let (ids, mut total) = (AtomicU64::new(1), 0);
    for _ in 0..30 {
        let asks: Vec<_> = (0..8).map(|_| world.ask(ids.fetch_add(1, Ordering::Relaxed), CALL, scopes())).collect();
        for ask in &asks {
            world.grant(ask.clone()).await;
        }
        // Settles and appends of one process, in either order, beside warmings of the other.
        let settling = join_all(asks.iter().enumerate().map(|(at, ask)| {
            let world = &world;
            async move {
                if at % 2 == 0 {
                    world.append(&row(ask, 10)).await;
                    assert_eq!(world.settle(ask, 10).await, Settled::Done);
                } else {
                    assert_eq!(world.settle(ask, 10).await, Settled::Done);
                    world.append(&row(ask, 10)).await;
                }
            }
        }));
        let warming = async {
            for _ in 0..4 {
                other.counters.chill(ORG, &[]).await;
                let probe = other.ask(ids.fetch_add(1, Ordering::Relaxed), 0, scopes());
                other.grant(probe.clone()).await;
                other.release(probe.id).await;
            }
        };
        tokio::join!(settling, warming);
        total += 80;
        for name in SCOPES {
            assert_eq!(world.money(name).await, (total, 0), "{name}");
        }
    }
}
