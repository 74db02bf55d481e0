//! Random sequences of everything that can happen, against the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluxa_domain::budget::{Period, Unit};
use fluxa_store::shared::{Extended, OverWhat, ReserveAsk, Reserved, ScopeAsk, Settled};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::{ORG, World, budget, row, scope};

const SCOPES: [&str; 2] = ["key:a", "team:t"];
const LIMITS: [i64; 2] = [3_000, 4_000];

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve {
        call: u64,
        nanos: i64,
    },
    Settle {
        call: u64,
        nanos: i64,
        twice: bool,
    },
    /// The row reaches the ledger; the counters hear of it at once, or later.
    Append {
        call: u64,
        heard: bool,
    },
    Hear {
        call: u64,
    },
    Release {
        call: u64,
    },
    Extend,
    Pass {
        seconds: i64,
    },
    Chill {
        scope: Option<usize>,
    },
    Flush,
}

fn steps(flushes: bool) -> impl Strategy<Value = Vec<Step>> {
    let call = || 0_u64..30;
    let step = prop_oneof![
        10 => (call(), 1_i64..40).prop_map(|(call, nanos)| Step::Reserve { call, nanos: nanos * 10 }),
        8 => (call(), 0_i64..40, any::<bool>()).prop_map(|(call, nanos, twice)| Step::Settle { call, nanos: nanos * 10, twice }),
        6 => (call(), any::<bool>()).prop_map(|(call, heard)| Step::Append { call, heard }),
        3 => call().prop_map(|call| Step::Hear { call }),
        2 => call().prop_map(|call| Step::Release { call }),
        2 => Just(Step::Extend),
        2 => (1_i64..60).prop_map(|seconds| Step::Pass { seconds }),
        1 => proptest::option::of(0..SCOPES.len()).prop_map(|scope| Step::Chill { scope }),
        1 => Just(if flushes { Step::Flush } else { Step::Extend }),
    ];
    proptest::collection::vec(step, 1..120)
}

/// What the owner of a call knows of it.
struct Call {
    ask: ReserveAsk,
    /// What it settled, once.
    charge: Option<i64>,
    in_ledger: bool,
    released: bool,
    open: bool,
}

fn scopes() -> Vec<ScopeAsk> {
    SCOPES.iter().zip(LIMITS).map(|(name, limit)| scope(name, vec![budget(Period::Day, Unit::NanoUsd, limit)])).collect()
}

struct Run<'a> {
    world: &'a World,
    calls: BTreeMap<u64, Call>,
    flushed: bool,
}

impl Run<'_> {
    async fn reserve(&mut self, n: u64, nanos: i64) {
        if self.calls.contains_key(&n) {
            return;
        }
        let ask = self.world.ask(n, nanos, scopes());
        let answer = self.world.reserve(ask.clone()).await;
        let again = self.world.reserve(ask.clone()).await;
        assert_eq!(std::mem::discriminant(&again), std::mem::discriminant(&answer), "{answer:?}, then {again:?}");
        match answer {
            Reserved::Granted(_) => {
                if !self.flushed {
                    for (name, limit) in SCOPES.iter().zip(LIMITS) {
                        let (spent, reserved) = self.world.money(name).await;
                        assert!(spent + reserved <= limit, "{name}: {spent} + {reserved}");
                    }
                }
                self.calls.insert(n, Call { ask, charge: None, in_ledger: false, released: false, open: true });
            }
            Reserved::Refused(over) => {
                let OverWhat::Budget { limit, spent, reserved, .. } = over.what else { panic!("{over:?}") };
                assert!(spent + reserved + nanos > limit, "{over:?}");
            }
            other => panic!("{other:?}"),
        }
    }

    async fn settle(&mut self, n: u64, nanos: i64, twice: bool) {
        let Some(call) = self.calls.get_mut(&n).filter(|call| !call.released) else { return };
        // What costs more than its estimate may pass the limit; that is not what is tested here.
        let charge = *call.charge.get_or_insert(nanos.min(call.ask.nanos));
        call.open = false;
        let first = self.world.settle(&call.ask, charge).await;
        assert_ne!(first, Settled::Unavailable);
        if twice {
            assert_eq!(self.world.settle(&call.ask, charge).await, Settled::AlreadyDone, "{first:?} before");
        }
    }

    async fn append(&mut self, n: u64, heard: bool) {
        let Some(call) = self.calls.get_mut(&n) else { return };
        let Some(charge) = call.charge else { return };
        self.world.append(&row(&call.ask, charge)).await;
        call.in_ledger = true;
        if heard {
            self.world.recorded(call.ask.id).await;
        }
    }

    async fn release(&mut self, n: u64) {
        let Some(call) = self.calls.get_mut(&n).filter(|call| call.charge.is_none()) else { return };
        assert!(self.world.release(call.ask.id).await);
        (call.released, call.open) = (true, false);
    }

    async fn extend(&mut self) {
        let held: Vec<_> = self.calls.values().filter(|call| call.open).map(|call| Arc::new(call.ask.clone())).collect();
        let answers = self.world.counters.extend(&held, self.world.now().plus_seconds(90)).await;
        assert_eq!(answers.len(), held.len());
        assert!(self.flushed || !answers.contains(&Extended::Again), "{answers:?}");
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Reserve { call, nanos } => self.reserve(call, nanos).await,
            Step::Settle { call, nanos, twice } => self.settle(call, nanos, twice).await,
            Step::Append { call, heard } => self.append(call, heard).await,
            Step::Hear { call } => {
                if let Some(call) = self.calls.get(&call).filter(|call| call.in_ledger) {
                    self.world.recorded(call.ask.id).await;
                }
            }
            Step::Release { call } => self.release(call).await,
            Step::Extend => self.extend().await,
            Step::Pass { seconds } => {
                self.world.pass(seconds);
                self.world.counters.expired(self.world.now()).await;
            }
            Step::Chill { scope } => {
                let names: Vec<String> = scope.map(|at| SCOPES[at].to_owned()).into_iter().collect();
                assert!(self.world.counters.chill(ORG, &names).await);
            }
            Step::Flush => {
                self.world.flush();
                self.flushed = true;
            }
        }
    }

    /// Every call ends, every row reaches the ledger, and after a flush all is read anew: as the processes do.
    async fn end(mut self) {
        let all: Vec<u64> = self.calls.keys().copied().collect();
        for n in all {
            self.settle(n, 10, false).await;
            self.append(n, true).await;
        }
        if self.flushed {
            while !self.world.redis.as_ref().unwrap().0.new_epoch().await {}
        }
        // Nothing is left to expire, and a call that costs nothing warms what is cold.
        self.world.pass(1_000);
        assert!(self.world.counters.expired(self.world.now()).await.is_empty());
        let probe = self.world.ask(10_000, 0, scopes());
        self.world.grant(probe.clone()).await;
        assert!(self.world.release(probe.id).await);
        let ledger: i64 = self.calls.values().filter_map(|call| call.charge).sum();
        let window = crate::world::day();
        for name in SCOPES {
            assert_eq!(self.world.store.spent(name, window.starts_at, window.ends_at).await.unwrap().nanos, ledger);
            assert_eq!((self.world.money(name).await, self.world.standing(name).await.in_flight), ((ledger, 0), 0), "{name}");
        }
        let found = self.world.counters.inspect(ORG).await.unwrap();
        assert!(found.open.is_empty(), "{found:?}");
        if self.calls.values().all(|call| !call.released) {
            assert_eq!((found.unrecorded.as_slice(), found.rows), ([].as_slice(), 0));
        }
    }
}

/// A world of its own on the server, which is emptied: its ledger is new, and so is its organisation's past.
async fn run(world: &mut World, steps: Vec<Step>) {
    world.begin_again().await;
    let mut run = Run { world, calls: BTreeMap::new(), flushed: false };
    for step in steps {
        run.step(step).await;
    }
    run.end().await;
}

fn check(flushes: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = std::cell::RefCell::new(runtime.block_on(World::redis()));
    TestRunner::new(ProptestConfig::with_cases(60))
        .run(&steps(flushes), |steps| {
            runtime.block_on(run(&mut world.borrow_mut(), steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn counters_equal_the_ledger_after_anything_but_a_flush() {
    check(false);
}

#[test]
fn counters_equal_the_ledger_even_after_flushes() {
    check(true);
}
