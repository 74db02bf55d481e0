//! Counters that cannot be reached: who is served meanwhile, and that every call is counted once they are back.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use fluxa_domain::key::{KeyLimits, OnStoreError};
use fluxa_domain::money::NanoUsd;
use fluxa_store::Finished;

use crate::harness::{Plane, until};

fn budget(dollars: i64) -> KeyLimits {
    KeyLimits { budget_usd_daily: Some(NanoUsd(dollars * NanoUsd::PER_USD)), ..KeyLimits::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_others_count_too_every_call_is_noted_with_the_row_of_its_end() {
    let (plane, counters) = Plane::switched().await;
    let free = plane.key(|_| ()).await;
    let bound = plane.key(|key| key.limits = budget(10)).await;
    for key in [&free, &bound] {
        assert_eq!(plane.chat(key, "gpt-4o").await.status, 200);
    }
    let settled = counters.settles(2).await;
    let reserved = counters.reserved.lock().unwrap().clone();
    assert_eq!(reserved.iter().map(|ask| ask.scopes.len()).collect::<Vec<_>>(), [0, 1]);
    for (ask, settlement) in reserved.iter().zip(&settled) {
        let draft = Finished::from_json(ask.draft.clone().unwrap()).unwrap().entry;
        assert!(draft.abandoned && draft.id == ask.id && draft.provider == "openai" && draft.upstream_model == "gpt-4o", "{draft:?}");
        assert_eq!(
            (draft.cost.0, i64::try_from(draft.usage.total()).unwrap()),
            (ask.nanos, ask.tokens),
            "expiry charges what its row says"
        );
        let row = Finished::from_json(settlement.row.clone().unwrap()).unwrap().entry;
        assert_eq!((row.id, row.status, row.cost.0, &*settlement.organization), (ask.id, 200, settlement.nanos, "default"));
    }
    assert!(reserved[0].nanos > 0 && reserved[0].nanos <= reserved[1].nanos, "{reserved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_served_while_the_counters_are_away_and_all_of_it_is_counted_later() {
    let (plane, counters) = Plane::switched().await;
    let key = plane
        .key(|key| key.limits = KeyLimits { budget_usd_daily: Some(NanoUsd(NanoUsd::PER_USD * 3 / 10)), ..KeyLimits::default() })
        .await;
    let free = plane.key(|_| ()).await;
    counters.away.store(true, Ordering::SeqCst);
    let mut served = BTreeSet::new();
    let refused = loop {
        let answer = plane.chat(&key, "gpt-4o").await;
        assert_eq!(answer.header("x-fluxa-degraded"), Some("counters_away"), "{answer:?}");
        if answer.status != 200 {
            break answer;
        }
        served.insert(answer.header("x-fluxa-id").unwrap().to_owned());
        assert!(served.len() < 1_000, "a share has an end");
    };
    assert!(!served.is_empty(), "a third of a cent is some calls, at first: {refused:?}");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{refused:?}");
    assert!(refused.body.contains("budget_store_unavailable") && !refused.body.contains("spent"), "{refused:?}");
    let answer = plane.chat(&free, "gpt-4o").await;
    assert_eq!((answer.status, answer.header("x-fluxa-degraded")), (200, Some("counters_away")));
    served.insert(answer.header("x-fluxa-id").unwrap().to_owned());
    // The end of an answer is seen by its client before it is seen by the call.
    until(|| plane.running.report()["settles_pending"] == served.len()).await;
    assert!(counters.settled.lock().unwrap().is_empty());

    counters.away.store(false, Ordering::SeqCst);
    let settled = counters.settles(served.len()).await;
    until(|| plane.running.report()["settles_pending"] == 0).await;
    assert_eq!(settled.iter().map(|one| one.id.to_string()).collect::<BTreeSet<_>>(), served, "each once");
    assert_eq!(settled.len(), served.len());
    assert!(settled.iter().filter(|one| !one.scopes.is_empty()).all(|one| one.scopes[0].starts_with("key:")));
    let answer = plane.chat(&key, "gpt-4o").await;
    assert_eq!((answer.status, answer.header("x-fluxa-degraded")), (200, None), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_says_what_happens_to_it_while_the_counters_are_away() {
    let (plane, counters) = Plane::switched().await;
    let limits = KeyLimits { budget_usd_daily: Some(NanoUsd(1)), ..KeyLimits::default() };
    let with = |policy| {
        let limits = limits.clone();
        plane.key(move |key| (key.limits, key.on_store_error) = (limits, Some(policy)))
    };
    let (deny, allow) = (with(OnStoreError::Deny).await, with(OnStoreError::Allow).await);
    counters.away.store(true, Ordering::SeqCst);
    let refused = plane.chat(&deny, "gpt-4o").await;
    assert_eq!(
        (refused.status, refused.header("retry-after"), refused.header("x-fluxa-degraded")),
        (503, Some("1"), Some("counters_away"))
    );
    let allowed = plane.chat(&allow, "gpt-4o").await;
    assert_eq!((allowed.status, allowed.header("x-fluxa-degraded")), (200, Some("counters_away")), "{allowed:?}");
    counters.away.store(false, Ordering::SeqCst);
    let settled = counters.settles(1).await;
    assert_eq!(settled[0].id, plane.row(&allowed).await.id);
    until(|| counters.released.lock().unwrap().len() == 1).await;
    assert_eq!(plane.chat(&allow, "gpt-4o").await.status, 402, "as soon as they are back, limits hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reserved_with_a_lost_answer_is_given_back() {
    let (plane, counters) = Plane::switched().await;
    let key = plane.key(|key| (key.limits, key.on_store_error) = (budget(1), Some(OnStoreError::Deny))).await;
    counters.deaf.store(true, Ordering::SeqCst);
    assert_eq!(plane.chat(&key, "gpt-4o").await.status, 503);
    let id = counters.reserved.lock().unwrap()[0].id;
    assert!(counters.released.lock().unwrap().is_empty());
    counters.deaf.store(false, Ordering::SeqCst);
    until(|| *counters.released.lock().unwrap() == [id]).await;
    assert!(counters.settled.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_the_counters_are_asked_holds_nothing() {
    let (plane, counters) = Plane::switched().await;
    let key = plane.key(|key| key.limits = budget(1)).await;
    counters.hangs.store(true, Ordering::SeqCst);
    let socket = plane.send(&key, "gpt-4o", "").await;
    until(|| !counters.reserved.lock().unwrap().is_empty()).await;
    drop(socket);
    let id = counters.reserved.lock().unwrap()[0].id;
    until(|| *counters.released.lock().unwrap() == [id]).await;
    assert!(plane.mock.requests().is_empty() && counters.settled.lock().unwrap().is_empty());
}
