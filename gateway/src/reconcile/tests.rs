use fluxa_domain::budget::Window;
use fluxa_store::Store;
use fluxa_store::journal::Journal;
use fluxa_store::shared::{BudgetAsk, Counters as _, ReserveAsk, ScopeAsk};

use super::*;
use crate::running::tests::{Noted, entry, gateway};

fn ask(n: u32) -> Arc<ReserveAsk> {
    let window = Window { id: String::from("total"), starts_at: Micros(0), ends_at: None };
    let budget = BudgetAsk { window, period: Period::Total, unit: Unit::NanoUsd, limit: 1_000_000 };
    let scope = ScopeAsk { scope: String::from("key:K"), rpm: None, tpm: None, concurrency: None, budgets: vec![budget] };
    Arc::new(ReserveAsk {
        id: entry(n).id,
        now: entry(n).at,
        deadline: Micros(i64::MAX),
        organization: DEFAULT_ORGANIZATION.into(),
        scopes: vec![scope].into(),
        nanos: 1,
        tokens: 1,
        rate_tokens: 0,
        counts_request: true,
        draft: None,
    })
}

#[tokio::test]
async fn a_counter_that_differs_from_the_ledger_is_made_cold_once_its_scope_is_quiet() {
    let counters = Arc::new(Noted::default());
    let gateway = gateway(counters.clone(), Store::in_memory().await.unwrap(), Journal::none()).await;
    gateway.store.append(&[entry(1)]).await.unwrap();
    // What the ledger says now.
    counters.inner.warm_now("key:K", "total", Unit::NanoUsd, 10);
    compare(&gateway, DEFAULT_ORGANIZATION, Duration::ZERO).await.unwrap();
    assert!(counters.chilled.lock().unwrap().is_empty());
    // The counters have missed a row.
    gateway.store.append(&[entry(2)]).await.unwrap();
    assert!(matches!(counters.reserve(ask(3)).await, fluxa_store::shared::Reserved::Granted(_)));
    compare(&gateway, DEFAULT_ORGANIZATION, Duration::ZERO).await.unwrap();
    assert!(counters.chilled.lock().unwrap().is_empty(), "a call is under way");
    counters.release(DEFAULT_ORGANIZATION, entry(3).id).await;
    compare(&gateway, DEFAULT_ORGANIZATION, Duration::ZERO).await.unwrap();
    assert_eq!(*counters.chilled.lock().unwrap(), ["key:K"]);
    assert_eq!(gateway.metrics.background.corrected.load(Ordering::Relaxed), 1);
}

#[test]
fn a_window_is_known_by_its_id_while_it_lasts() {
    let now = entry(0).at;
    for (period, zone) in
        [(Period::Day, "UTC"), (Period::Week, "Asia/Shanghai"), (Period::Month, "America/New_York"), (Period::Total, "UTC")]
    {
        let current = window(period, now, zone);
        assert_eq!(bounds(&current.id, now), Some((current.starts_at, current.ends_at)));
    }
    for gone in ["d:2020-01-01@UTC", "w:2020-W01@UTC", "m:2020-01@UTC", "x:1@UTC", "", "d:"] {
        assert_eq!(bounds(gone, now), None, "{gone}");
    }
}
