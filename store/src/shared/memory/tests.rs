//! The counters against a model that keeps every call and sums them anew each time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use fluxa_domain::budget::{Period, Window};
use proptest::prelude::*;

use super::*;
use crate::shared::counters::{BudgetAsk, OverWhat, ScopeAsk};

const NOW: Micros = Micros(1_700_000_000_000_000);

fn id(n: u64) -> CallId {
    let mut random = [0; 10];
    // The last bytes: a UUIDv7 puts its version and variant into the first ones.
    random[2..].copy_from_slice(&n.to_be_bytes());
    CallId::new(NOW, random)
}

fn budget(window_id: &str, unit: Unit, limit: i64) -> BudgetAsk {
    let period = if window_id == "total" { Period::Total } else { Period::Day };
    let ends_at = (period == Period::Day).then_some(NOW.plus_seconds(86_400));
    BudgetAsk { window: Window { id: window_id.to_owned(), starts_at: Micros(0), ends_at }, period, unit, limit }
}

fn scope(name: &str, budgets: Vec<BudgetAsk>) -> ScopeAsk {
    ScopeAsk { scope: name.to_owned(), rpm: None, tpm: None, concurrency: None, budgets }
}

fn ask(n: u64, nanos: i64, scopes: Vec<ScopeAsk>) -> ReserveAsk {
    let deadline = NOW.plus_seconds(120);
    ReserveAsk {
        id: id(n),
        now: NOW,
        deadline,
        organization: "default".into(),
        scopes: scopes.into(),
        nanos,
        tokens: nanos / 10,
        rate_tokens: nanos / 10,
        counts_request: true,
        draft: None,
    }
}

fn dollar(limit: i64) -> Vec<ScopeAsk> {
    vec![scope("key:a", vec![budget("d", Unit::NanoUsd, limit)])]
}

fn spent_reserved(counters: &MemoryCounters, name: &str, window: &str) -> (i64, i64) {
    let standing = counters.standing_now(name, NOW).unwrap();
    let found = standing.budgets.iter().find(|budget| budget.window_id == window && budget.unit == Unit::NanoUsd).unwrap();
    (found.spent, found.reserved)
}

fn granted(reserved: &Reserved) -> bool {
    matches!(reserved, Reserved::Granted(_))
}

#[test]
fn a_cold_window_is_warmed_once_and_keeps_its_first_sum() {
    let counters = MemoryCounters::new();
    let Reserved::Cold(cold) = counters.reserve_now(ask(1, 10, dollar(100))) else { panic!() };
    assert_eq!((cold.len(), cold[0].window_id.as_str(), cold[0].from), (1, "d", Micros(0)));
    counters.warm_now("key:a", "d", Unit::NanoUsd, 95);
    counters.warm_now("key:a", "d", Unit::NanoUsd, 0);
    let Reserved::Refused(over) = counters.reserve_now(ask(1, 10, dollar(100))) else { panic!() };
    assert_eq!(over.what, OverWhat::Budget { period: Period::Day, unit: Unit::NanoUsd, limit: 100, spent: 95, reserved: 0 });
    assert_eq!((over.affordable, over.resets_at), (Some(5), Some(NOW.plus_seconds(86_400))));
    assert!(granted(&counters.reserve_now(ask(1, 5, dollar(100)))));
    assert!(granted(&counters.reserve_now(ask(1, 5, dollar(100)))), "the same call again reserves nothing more");
    assert_eq!(spent_reserved(&counters, "key:a", "d"), (95, 5));
}

#[test]
fn a_refusal_in_one_scope_changes_nothing_in_the_others() {
    let counters = MemoryCounters::new();
    let scopes = |limit| {
        vec![
            ScopeAsk { rpm: Some(10), tpm: Some(1_000), concurrency: Some(10), ..scope("key:a", vec![budget("d", Unit::NanoUsd, 1_000)]) },
            scope("team:t", vec![budget("d", Unit::NanoUsd, limit)]),
        ]
    };
    for name in ["key:a", "team:t"] {
        counters.warm_now(name, "d", Unit::NanoUsd, 0);
    }
    let Reserved::Refused(over) = counters.reserve_now(ask(1, 100, scopes(99))) else { panic!() };
    assert_eq!(over.scope, "team:t");
    let standing = counters.standing_now("key:a", NOW).unwrap();
    assert_eq!((standing.in_flight, standing.requests, standing.tokens, standing.budgets[0].reserved), (0, 0, 0, 0));
    let Reserved::Granted(standing) = counters.reserve_now(ask(1, 100, scopes(100))) else { panic!() };
    assert_eq!(standing.rpm.unwrap().remaining, 9);
    assert_eq!(standing.tpm.unwrap().remaining, 990);
}

#[test]
fn rates_and_concurrency_refuse_and_say_when_to_come_back() {
    let counters = MemoryCounters::new();
    let limited = |rpm, tpm, concurrency| vec![ScopeAsk { rpm, tpm, concurrency, ..scope("key:a", vec![]) }];
    let over = |reserved| match reserved {
        Reserved::Refused(over) => over,
        other => panic!("{other:?}"),
    };
    assert!(granted(&counters.reserve_now(ask(1, 100, limited(Some(1), Some(15), Some(1))))));
    assert_eq!(over(counters.reserve_now(ask(2, 100, limited(Some(1), None, None)))).what, OverWhat::Requests);
    let tokens = over(counters.reserve_now(ask(2, 100, limited(None, Some(15), None))));
    assert_eq!((tokens.what, tokens.tpm.unwrap().remaining), (OverWhat::Tokens, 5));
    assert!(tokens.retry_after_s.unwrap() >= 60);
    assert_eq!(over(counters.reserve_now(ask(2, 100, limited(None, None, Some(1))))).what, OverWhat::Concurrency);
    assert_eq!(counters.settle_now(id(1), 0, 0, 2), Settled::Done);
    assert!(granted(&counters.reserve_now(ask(3, 100, limited(None, Some(15), Some(1))))), "corrected to 2 tokens, and the place is free");
    let uncounted = ReserveAsk { counts_request: false, rate_tokens: 0, ..ask(4, 0, limited(Some(1), Some(1), None)) };
    assert!(granted(&counters.reserve_now(uncounted)));
}

#[test]
fn an_expired_call_is_charged_and_a_late_settle_corrects_it() {
    let counters = MemoryCounters::new();
    counters.warm_now("key:a", "d", Unit::NanoUsd, 0);
    assert!(granted(&counters.reserve_now(ask(1, 100, dollar(1_000)))));
    assert!(counters.expired_now(NOW.plus_seconds(119)).is_empty());
    assert!(counters.extend_now(id(1), NOW.plus_seconds(200)));
    assert!(counters.expired_now(NOW.plus_seconds(199)).is_empty());
    assert_eq!(
        counters.expired_now(NOW.plus_seconds(200)),
        vec![Expired { id: id(1), organization: "default".into(), nanos: 100, tokens: 10 }]
    );
    assert!(counters.expired_now(NOW.plus_seconds(201)).is_empty(), "once");
    assert!(!counters.extend_now(id(1), NOW.plus_seconds(300)));
    assert_eq!(spent_reserved(&counters, "key:a", "d"), (100, 0));
    counters.recorded_now([id(1)]);
    assert_eq!(counters.settle_now(id(1), 30, 3, 3), Settled::Late);
    assert_eq!(counters.settle_now(id(1), 30, 3, 3), Settled::AlreadyDone);
    assert_eq!(spent_reserved(&counters, "key:a", "d"), (30, 0));
}

#[test]
fn a_window_that_is_warmed_later_counts_calls_in_flight_and_unrecorded_ones_once() {
    let counters = MemoryCounters::new();
    counters.recorded_now([]);
    let free = || vec![scope("key:a", vec![])];
    for n in 1..=4 {
        assert!(granted(&counters.reserve_now(ask(n, 1_000, free()))));
    }
    counters.settle_now(id(1), 1, 0, 0);
    counters.recorded_now([id(1)]);
    counters.settle_now(id(2), 20, 0, 0);
    // The operator sets a budget now. Call 1 is in the ledger, 2 is settled but not there yet, 3 and 4 are in flight.
    assert!(matches!(counters.reserve_now(ask(5, 5, dollar(10_000))), Reserved::Cold(_)));
    counters.settle_now(id(3), 300, 0, 0);
    counters.warm_now("key:a", "d", Unit::NanoUsd, 1);
    counters.settle_now(id(4), 4_000, 0, 0);
    counters.recorded_now([id(2), id(3), id(4)]);
    assert_eq!(spent_reserved(&counters, "key:a", "d"), (4_321, 0));
    // Taken away and set again: what was spent meanwhile is not forgotten.
    assert!(granted(&counters.reserve_now(ask(6, 1_000, free()))));
    counters.settle_now(id(6), 50_000, 0, 0);
    assert!(matches!(counters.reserve_now(ask(7, 5, dollar(10_000))), Reserved::Refused(_)));
}

#[test]
fn a_call_that_reserved_nothing_is_charged_in_the_windows_that_are_warm_by_then() {
    let counters = MemoryCounters::new();
    // Nobody has asked for a window yet: the ledger, which has the row, will tell.
    counters.charge_now("key:a", NOW, 7, 7);
    assert_eq!(counters.standing_now("key:a", NOW), None);
    assert!(matches!(counters.reserve_now(ask(1, 10, dollar(100))), Reserved::Cold(_)));
    counters.charge_now("key:a", NOW, 7, 7);
    counters.warm_now("key:a", "d", Unit::NanoUsd, 14);
    counters.charge_now("key:a", NOW, 7, 7);
    counters.charge_now("key:a", NOW.plus_seconds(90_000), 7, 7);
    assert_eq!(spent_reserved(&counters, "key:a", "d"), (21, 0));
}

#[test]
fn forgetting_waits_for_calls_in_flight_and_unrecorded_ones() {
    let counters = MemoryCounters::new();
    counters.recorded_now([]);
    counters.warm_now("key:a", "d", Unit::NanoUsd, 0);
    assert!(granted(&counters.reserve_now(ask(1, 10, dollar(100)))));
    counters.forget_now("key:a");
    counters.settle_now(id(1), 10, 1, 1);
    counters.forget_now("key:a");
    assert!(counters.standing_now("key:a", NOW).is_some());
    counters.recorded_now([id(1)]);
    counters.forget_now("key:a");
    assert!(counters.standing_now("key:a", NOW).is_none());
    assert!(matches!(counters.reserve_now(ask(2, 10, dollar(100))), Reserved::Cold(_)));
}

#[test]
fn idle_scopes_and_old_windows_go() {
    let counters = MemoryCounters::new();
    counters.warm_now("key:a", "d", Unit::NanoUsd, 0);
    assert!(granted(&counters.reserve_now(ask(1, 10, dollar(100)))));
    counters.release_now(id(1));
    let tomorrow = NOW.plus_seconds(2 * 86_400);
    let mut next = ask(2, 10, vec![scope("key:a", vec![budget("total", Unit::NanoUsd, 100)])]);
    next.now = tomorrow;
    assert!(matches!(counters.reserve_now(next), Reserved::Cold(_)));
    assert!(counters.standing_now("key:a", tomorrow).unwrap().budgets.is_empty(), "yesterday's window is gone");
    for _ in 0..SHARDS {
        counters.expired_now(tomorrow);
    }
    assert!(counters.standing_now("key:a", tomorrow).is_none());
}

#[test]
fn closed_calls_are_forgotten_past_a_bound() {
    let counters = MemoryCounters::new();
    counters.recorded_now([]);
    let many = u64::try_from(SHARDS * REMEMBERED * 5 / 4).unwrap();
    for n in 0..many {
        assert!(granted(&counters.reserve_now(ask(n, 1, vec![scope("key:a", vec![])]))));
        assert_eq!(counters.settle_now(id(n), 1, 1, 1), Settled::Done);
    }
    let known: usize = counters.calls.iter().map(|shard| lock(shard).known.len()).sum();
    assert!(known <= SHARDS * REMEMBERED, "{known}");
    let all: Vec<CallId> = (0..many).map(id).collect();
    counters.recorded_now(all);
    for shard in &counters.calls {
        let calls = lock(shard);
        assert_eq!((calls.known.len(), calls.closed.len()), (0, 0));
    }
}

#[test]
fn sixty_four_threads_spend_exactly_one_dollar() {
    const DOLLAR: i64 = 1_000_000_000;
    const CALL: i64 = 7_000_000;
    let counters = MemoryCounters::new();
    counters.warm_now("key:a", "d", Unit::NanoUsd, 0);
    let (ids, spent, refused, most) = (AtomicU64::new(0), AtomicI64::new(0), AtomicU64::new(0), AtomicI64::new(0));
    std::thread::scope(|threads| {
        for _ in 0..64 {
            threads.spawn(|| {
                for _ in 0..100 {
                    let n = ids.fetch_add(1, Ordering::Relaxed);
                    match counters.reserve_now(ask(n, CALL, dollar(DOLLAR))) {
                        Reserved::Granted(_) => {
                            let (spent_now, reserved) = spent_reserved(&counters, "key:a", "d");
                            most.fetch_max(spent_now + reserved, Ordering::Relaxed);
                            let actual = if n.is_multiple_of(3) { CALL } else { CALL / 2 };
                            assert_eq!(counters.settle_now(id(n), actual, 1, 1), Settled::Done);
                            spent.fetch_add(actual, Ordering::Relaxed);
                        }
                        Reserved::Refused(_) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    let spent = spent.into_inner();
    assert_eq!(spent_reserved(&counters, "key:a", "d"), (spent, 0));
    assert!(most.into_inner() <= DOLLAR && spent <= DOLLAR && spent > DOLLAR - CALL, "{spent}");
    assert!(refused.into_inner() > 0);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve { call: u64, nanos: i64, keys: u8, ttl: i64 },
    Settle { call: u64, nanos: i64 },
    Release { call: u64 },
    Expire { after: i64 },
    Record { call: u64 },
    Forget { key: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let call = || 0_u64..40;
    prop_oneof![
        5 => (call(), 0_i64..400, 0_u8..4, 1_i64..20).prop_map(|(call, nanos, keys, ttl)| Step::Reserve { call, nanos, keys, ttl }),
        4 => (call(), 0_i64..400).prop_map(|(call, nanos)| Step::Settle { call, nanos }),
        1 => call().prop_map(|call| Step::Release { call }),
        1 => (0_i64..5).prop_map(|after| Step::Expire { after }),
        2 => call().prop_map(|call| Step::Record { call }),
        1 => (0_u8..2).prop_map(|key| Step::Forget { key }),
    ]
}

/// What became of a call in the model.
#[derive(Clone, Debug)]
struct Known {
    scopes: Vec<&'static str>,
    estimate: i64,
    deadline: i64,
    charge: Option<i64>,
    expired: bool,
    recorded: bool,
}

const KEYS: [&str; 2] = ["key:a", "key:b"];
const LIMITS: [i64; 2] = [1_500, 900];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any interleaving: counters equal the sums of all calls, and nothing is over its limit when every charge is within its estimate.
    #[test]
    fn counters_equal_a_ledger_of_all_calls(steps in proptest::collection::vec(step(), 1..200)) {
        let counters = MemoryCounters::new();
        counters.recorded_now([]);
        let mut calls: BTreeMap<u64, Known> = BTreeMap::new();
        let mut clock = 0;
        let sums = |calls: &BTreeMap<u64, Known>, name: &str| {
            let of = |call: &&Known| call.scopes.contains(&name);
            let spent: i64 = calls.values().filter(of).filter_map(|call| call.charge).sum();
            let reserved: i64 = calls.values().filter(of).filter(|call| call.charge.is_none()).map(|call| call.estimate).sum();
            (spent, reserved)
        };
        for step in steps {
            match step {
                Step::Reserve { call, nanos, keys, ttl } => {
                    let chosen: Vec<usize> = (0..2).filter(|at| keys & (1 << at) != 0).collect();
                    let scopes = chosen.iter().map(|at| scope(KEYS[*at], vec![budget("d", Unit::NanoUsd, LIMITS[*at])])).collect();
                    let wanted = ReserveAsk { deadline: NOW.plus_seconds(clock + ttl), ..ask(call, nanos, scopes) };
                    let mut answer = counters.reserve_now(wanted.clone());
                    if let Reserved::Cold(cold) = &answer {
                        for window in cold {
                            // What the ledger holds: calls that were recorded.
                            let ledger = calls.values().filter(|call| call.recorded && call.scopes.contains(&window.scope.as_str()));
                            let spent = ledger.filter_map(|call| call.charge).sum();
                            counters.warm_now(&window.scope, &window.window_id, window.unit, spent);
                        }
                        answer = counters.reserve_now(wanted);
                    }
                    let fits = chosen.iter().all(|at| {
                        let (spent, reserved) = sums(&calls, KEYS[*at]);
                        nanos == 0 || spent + reserved + nanos <= LIMITS[*at]
                    });
                    match calls.get(&call) {
                        Some(known) if known.charge.is_none() => prop_assert!(granted(&answer)),
                        // Closed: remembered and refused, or, once recorded, unknown; such an id would be a new call.
                        Some(_) => {
                            if granted(&answer) {
                                counters.release_now(id(call));
                            }
                        }
                        None => {
                            prop_assert_eq!(granted(&answer), fits, "{:?}", answer);
                            if fits {
                                let scopes = chosen.iter().map(|at| KEYS[*at]).collect();
                                calls.insert(call, Known { scopes, estimate: nanos, deadline: clock + ttl, charge: None, expired: false, recorded: false });
                            }
                        }
                    }
                }
                Step::Settle { call, nanos } => {
                    let charge = calls.get(&call).map_or(0, |known| nanos.min(known.estimate));
                    let settled = counters.settle_now(id(call), charge, 0, 0);
                    match calls.get_mut(&call) {
                        Some(known) if known.charge.is_none() => {
                            prop_assert_eq!(settled, Settled::Done);
                            known.charge = Some(charge);
                        }
                        Some(known) if known.expired => {
                            prop_assert_eq!(settled, Settled::Late);
                            (known.charge, known.expired) = (Some(charge), false);
                        }
                        _ => prop_assert_eq!(settled, Settled::AlreadyDone),
                    }
                }
                Step::Release { call } => {
                    if calls.get(&call).is_some_and(|known| known.charge.is_none()) {
                        counters.release_now(id(call));
                        calls.remove(&call);
                    }
                }
                Step::Expire { after } => {
                    clock += after;
                    let expired = counters.expired_now(NOW.plus_seconds(clock));
                    for (n, known) in calls.iter_mut().filter(|(_, known)| known.charge.is_none() && known.deadline <= clock) {
                        let row = Expired { id: id(*n), organization: "default".into(), nanos: known.estimate, tokens: known.estimate / 10 };
                        prop_assert!(expired.contains(&row), "{row:?}");
                        // The ledger gets the abandoned row in the same step (as the gateway's ledger task does).
                        (known.charge, known.expired, known.recorded) = (Some(known.estimate), true, true);
                    }
                }
                Step::Record { call } => {
                    if let Some(known) = calls.get_mut(&call).filter(|known| known.charge.is_some()) {
                        known.recorded = true;
                        counters.recorded_now([id(call)]);
                    }
                }
                Step::Forget { key } => counters.forget_now(KEYS[usize::from(key)]),
            }
            for (name, limit) in KEYS.iter().zip(LIMITS) {
                let (spent, reserved) = sums(&calls, name);
                prop_assert!(spent + reserved <= limit);
                for known in counters.standing_now(name, NOW).into_iter().flat_map(|standing| standing.budgets) {
                    prop_assert_eq!((known.spent, known.reserved), (spent, reserved), "{}", name);
                }
            }
        }
    }
}
