//! What every mechanism promises.

use fluxa_domain::budget::{Period, Unit};
use fluxa_store::shared::{ColdWindow, Extended, OverWhat, Reserved, ScopeAsk, Settled};
use std::sync::Arc;

use crate::world::{ORG, World, budget, budget_at, day, dollars, id, on_both, row, scope, settlement};

on_both!(
    a_cold_window_is_told_and_warmed_from_the_ledger,
    a_refusal_in_one_scope_changes_nothing_in_the_others,
    the_tightest_budget_of_the_refusing_unit_is_named,
    a_call_is_reserved_and_settled_once_however_often_it_is_asked,
    a_release_gives_all_back_but_the_request,
    a_place_is_free_again_when_a_call_ends,
    windows_of_all_periods_and_units_move_together,
    a_call_belongs_to_the_window_it_began_in,
    an_expired_call_is_charged_and_a_late_settle_corrects_it,
    what_is_settled_and_not_recorded_is_counted_once_when_warming,
    a_budget_that_comes_later_counts_calls_in_flight,
    forgetting_waits_for_calls_in_flight_and_unrecorded_ones,
    what_costs_nothing_passes_a_spent_budget,
    an_audit_tells_open_and_unrecorded_calls,
);

async fn a_cold_window_is_told_and_warmed_from_the_ledger(world: &World) {
    world.append(&row(&world.ask(90, 0, dollars(1)), 95)).await;
    let wanted = Arc::new(world.ask(1, 10, dollars(100)));
    let window = day();
    let cold = ColdWindow {
        scope: String::from("key:a"),
        window_id: window.id.clone(),
        unit: Unit::NanoUsd,
        from: window.starts_at,
        to: window.ends_at,
    };
    assert_eq!(world.counters.reserve(wanted).await, Reserved::Cold(vec![cold]));
    let over = world.refuse(world.ask(1, 10, dollars(100))).await;
    assert_eq!(over.what, OverWhat::Budget { period: Period::Day, unit: Unit::NanoUsd, limit: 100, spent: 95, reserved: 0 });
    assert_eq!((over.affordable, over.resets_at, over.retry_after_s), (Some(5), window.ends_at, None));
    world.grant(world.ask(1, 5, dollars(100))).await;
    assert_eq!(world.money("key:a").await, (95, 5));
    assert!(world.counters.chill(ORG, &[String::from("key:a")]).await);
    assert!(matches!(world.counters.reserve(Arc::new(world.ask(2, 1, dollars(200)))).await, Reserved::Cold(_)));
    world.grant(world.ask(2, 1, dollars(200))).await;
    assert_eq!(world.money("key:a").await, (95, 6));
    assert!(world.counters.chill(ORG, &[]).await);
    assert!(world.standing("key:a").await.budgets.is_empty());
}

async fn a_refusal_in_one_scope_changes_nothing_in_the_others(world: &World) {
    let scopes = |limit| {
        vec![
            ScopeAsk { rpm: Some(10), tpm: Some(1_000), concurrency: Some(10), ..dollars(1_000).remove(0) },
            scope("team:t", vec![budget(Period::Day, Unit::NanoUsd, limit)]),
            scope("org:acme", vec![budget(Period::Month, Unit::NanoUsd, 100_000)]),
        ]
    };
    let over = world.refuse(world.ask(1, 100, scopes(99))).await;
    assert_eq!(over.scope, "team:t");
    let standing = world.standing("key:a").await;
    assert_eq!((standing.in_flight, standing.requests, standing.tokens, standing.budgets[0].reserved), (0, 0, 0, 0));
    let Reserved::Granted(standing) = world.reserve(world.ask(1, 100, scopes(100))).await else { panic!() };
    assert_eq!((standing.rpm.unwrap().remaining, standing.tpm.unwrap().remaining, standing.degraded), (9, 990, false));
    for name in ["key:a", "team:t", "org:acme"] {
        assert_eq!((world.money(name).await, world.standing(name).await.in_flight), ((0, 100), 1), "{name}");
    }
}

async fn the_tightest_budget_of_the_refusing_unit_is_named(world: &World) {
    let budgets = vec![
        budget(Period::Day, Unit::NanoUsd, 50),
        budget(Period::Day, Unit::Tokens, 1),
        budget(Period::Month, Unit::NanoUsd, 30),
        budget(Period::Total, Unit::NanoUsd, 1_000),
    ];
    let over = world.refuse(world.ask(1, 100, vec![scope("key:a", budgets)])).await;
    assert_eq!(over.what, OverWhat::Budget { period: Period::Month, unit: Unit::NanoUsd, limit: 30, spent: 0, reserved: 0 });
    assert_eq!(over.affordable, Some(30));
    let total = world.refuse(world.ask(1, 100, vec![scope("key:a", vec![budget(Period::Total, Unit::Tokens, 9)])])).await;
    assert_eq!((total.resets_at, total.affordable), (None, Some(9)));
}

async fn a_call_is_reserved_and_settled_once_however_often_it_is_asked(world: &World) {
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(ask.clone()).await;
    world.grant(ask.clone()).await;
    assert_eq!((world.money("key:a").await, world.standing("key:a").await.in_flight), ((0, 100), 1));
    assert_eq!(world.settle(&ask, 70).await, Settled::Done);
    assert_eq!(world.settle(&ask, 70).await, Settled::AlreadyDone);
    assert!(matches!(world.reserve(ask.clone()).await, Reserved::Unavailable(_)));
    assert!(world.release(ask.id).await);
    assert_eq!(world.counters.extend(&[Arc::new(ask.clone())], ask.deadline).await, [Extended::Ended]);
    assert_eq!((world.money("key:a").await, world.standing("key:a").await.in_flight), ((70, 0), 0));
    world.record(&ask, 70).await;
    world.recorded(ask.id).await;
    assert_eq!(world.money("key:a").await, (70, 0));
}

async fn a_release_gives_all_back_but_the_request(world: &World) {
    let scopes = || vec![ScopeAsk { rpm: Some(2), tpm: Some(100), concurrency: Some(1), ..dollars(100).remove(0) }];
    let ask = world.ask(1, 100, scopes());
    world.grant(ask.clone()).await;
    assert!(world.release(ask.id).await);
    assert!(world.release(ask.id).await);
    let standing = world.standing("key:a").await;
    assert_eq!((standing.in_flight, standing.requests, standing.tokens), (0, 1, 0));
    assert_eq!(world.money("key:a").await, (0, 0));
    world.grant(world.ask(2, 100, scopes())).await;
}

async fn a_place_is_free_again_when_a_call_ends(world: &World) {
    let scopes = || vec![ScopeAsk { concurrency: Some(1), ..scope("key:a", vec![]) }];
    let first = world.ask(1, 0, scopes());
    world.grant(first.clone()).await;
    let over = world.refuse(world.ask(2, 0, scopes())).await;
    assert_eq!((over.what, over.retry_after_s), (OverWhat::Concurrency, Some(1)));
    assert_eq!(world.settle(&first, 0).await, Settled::Done);
    world.grant(world.ask(2, 0, scopes())).await;
}

async fn windows_of_all_periods_and_units_move_together(world: &World) {
    let limits =
        [(Period::Day, Unit::NanoUsd), (Period::Week, Unit::Tokens), (Period::Month, Unit::Tokens), (Period::Total, Unit::NanoUsd)];
    let budgets = || limits.map(|(period, unit)| budget(period, unit, 1_000_000_000_000_000)).to_vec();
    // The largest amounts that may occur stay exact.
    let estimate = 900_000_000_000_010;
    let ask = world.ask(1, estimate, vec![scope("key:a", budgets())]);
    world.grant(ask.clone()).await;
    for one in world.standing("key:a").await.budgets {
        let amount = if one.unit == Unit::Tokens { estimate / 10 } else { estimate };
        assert_eq!((one.spent, one.reserved), (0, amount));
    }
    assert_eq!(world.settle(&ask, estimate - 7).await, Settled::Done);
    let standing = world.standing("key:a").await;
    assert_eq!(standing.budgets.len(), 4);
    for one in standing.budgets {
        let amount = if one.unit == Unit::Tokens { (estimate - 7) / 10 } else { estimate - 7 };
        assert_eq!((one.spent, one.reserved), (amount, 0));
    }
}

async fn a_call_belongs_to_the_window_it_began_in(world: &World) {
    let of_today = |world: &World| vec![scope("key:a", vec![budget_at(world.now(), Period::Day, Unit::NanoUsd, 100)])];
    let late = world.ask(1, 100, of_today(world));
    world.grant(late.clone()).await;
    world.pass(86_400);
    let early = world.ask(2, 60, of_today(world));
    world.grant(early.clone()).await;
    assert_eq!(world.settle(&late, 100).await, Settled::Done);
    assert_eq!(world.settle(&early, 60).await, Settled::Done);
    let over = world.refuse(world.ask(3, 50, of_today(world))).await;
    let OverWhat::Budget { spent, .. } = over.what else { panic!() };
    assert_eq!(spent, 60);
}

async fn an_expired_call_is_charged_and_a_late_settle_corrects_it(world: &World) {
    let ask = world.ask(1, 100, dollars(1_000));
    world.grant(ask.clone()).await;
    world.pass(119);
    assert!(world.counters.expired(world.now()).await.is_empty());
    let later = world.now().plus_seconds(50);
    assert_eq!(world.counters.extend(&[Arc::new(ask.clone())], later).await, [Extended::Yes]);
    world.pass(49);
    assert!(world.counters.expired(world.now()).await.is_empty());
    world.pass(1);
    let expired = world.counters.expired(world.now()).await;
    assert_eq!(expired.iter().map(|one| (one.id, one.nanos, one.tokens)).collect::<Vec<_>>(), [(id(1), 100, 10)]);
    assert!(world.counters.expired(world.now()).await.is_empty(), "once");
    assert_eq!(world.counters.extend(&[Arc::new(ask.clone())], later).await, [Extended::Ended]);
    assert_eq!((world.money("key:a").await, world.standing("key:a").await.in_flight), ((100, 0), 0));
    assert_eq!(world.settle(&ask, 30).await, Settled::Late);
    assert_eq!(world.settle(&ask, 30).await, Settled::AlreadyDone);
    assert_eq!(world.money("key:a").await, (30, 0));
    world.record(&ask, 30).await;
    world.counters.chill(ORG, &[]).await;
    world.grant(world.ask(2, 1, dollars(1_000))).await;
    assert_eq!(world.money("key:a").await, (30, 1));
}

async fn what_is_settled_and_not_recorded_is_counted_once_when_warming(world: &World) {
    let asks: Vec<_> = (1..=4).map(|n| world.ask(n, 10_000, dollars(100_000))).collect();
    for ask in &asks {
        world.grant(ask.clone()).await;
    }
    world.settle(&asks[0], 1).await;
    world.record(&asks[0], 1).await;
    world.settle(&asks[1], 20).await;
    world.settle(&asks[2], 300).await;
    if world.counters.shared() {
        // In the ledger, but the counters have not heard of it.
        world.append(&row(&asks[2], 300)).await;
    }
    world.counters.chill(ORG, &[String::from("key:a")]).await;
    world.grant(world.ask(5, 5, dollars(100_000))).await;
    assert_eq!(world.money("key:a").await, (321, 10_005));
    world.settle(&asks[3], 4_000).await;
    assert_eq!(world.money("key:a").await, (4_321, 5));
}

async fn a_budget_that_comes_later_counts_calls_in_flight(world: &World) {
    let asks: Vec<_> = (1..=3).map(|n| world.ask(n, 1_000, vec![scope("key:a", vec![])])).collect();
    for ask in &asks {
        world.grant(ask.clone()).await;
    }
    world.settle(&asks[0], 20).await;
    assert!(matches!(world.counters.reserve(Arc::new(world.ask(5, 5, dollars(10_000)))).await, Reserved::Cold(_)));
    world.settle(&asks[1], 300).await;
    world.grant(world.ask(5, 5, dollars(10_000))).await;
    world.settle(&asks[2], 4_000).await;
    assert_eq!(world.money("key:a").await, (4_320, 5));
}

async fn forgetting_waits_for_calls_in_flight_and_unrecorded_ones(world: &World) {
    let ask = world.ask(1, 10, dollars(100));
    world.grant(ask.clone()).await;
    world.counters.forget(ORG, "key:a").await;
    assert_eq!(world.money("key:a").await, (0, 10));
    world.settle(&ask, 10).await;
    world.counters.forget(ORG, "key:a").await;
    assert_eq!(world.money("key:a").await, (10, 0));
    world.record(&ask, 10).await;
    world.counters.forget(ORG, "key:a").await;
    assert_eq!(world.counters.standing(ORG, "key:a", world.now()).await, None);
    world.grant(world.ask(2, 90, dollars(100))).await;
    assert_eq!(world.money("key:a").await, (10, 90));
}

async fn what_costs_nothing_passes_a_spent_budget(world: &World) {
    world.append(&row(&world.ask(90, 0, dollars(1)), 200)).await;
    assert_eq!(world.refuse(world.ask(1, 1, dollars(100))).await.affordable, Some(0));
    world.grant(world.ask(2, 0, dollars(100))).await;
}

async fn an_audit_tells_open_and_unrecorded_calls(world: &World) {
    let asks: Vec<_> = (1..=3).map(|n| world.ask(n, 100, dollars(1_000))).collect();
    for ask in &asks {
        world.grant(ask.clone()).await;
    }
    world.counters.settle(Arc::new(settlement(&asks[1], 50))).await;
    world.settle(&asks[2], 60).await;
    world.record(&asks[2], 60).await;
    let found = world.counters.inspect(ORG).await.unwrap();
    assert_eq!(found.open, [(id(1), vec![String::from("key:a")], 100, 10)]);
    assert_eq!(found.unrecorded, [id(2)]);
    let charges: Vec<_> = found.charges.iter().map(|charge| (charge.scope.as_str(), charge.id, charge.at, charge.nanos)).collect();
    assert_eq!(charges, [("key:a", id(2), asks[1].now, 50)]);
    assert_eq!(found.rows, u64::from(world.counters.shared()));
    let (name, standing) = &found.scopes[0];
    assert_eq!((name.as_str(), standing.budgets[0].spent, standing.budgets[0].reserved), ("key:a", 110, 100));
}
