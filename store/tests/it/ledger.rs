//! The ledger: each call once, and the sums always the sums of the rows.

use fluxa_domain::entry::Entry;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_store::{GroupBy, LogFilter, Spent, Store, StoreError, UsageQuery};
use futures_util::TryStreamExt as _;
use proptest::prelude::*;

use crate::harness::{NOW, abandoned, call_id, call_id_at, entry, file, places};

async fn everything(store: &Store) -> Vec<Entry> {
    store.export(LogFilter::default()).try_collect().await.unwrap()
}

/// The sums by the two ways that do not look at rows, against the rows.
async fn assert_sums(store: &Store) {
    let rows = everything(store).await;
    let whole = store.usage(&UsageQuery::default()).await.unwrap();
    let whole = whole.first().cloned().unwrap_or_default();
    assert_eq!(whole.requests, u64::try_from(rows.len()).unwrap());
    assert_eq!(whole.cost.0, rows.iter().map(|row| row.cost.0).sum::<i64>());
    assert_eq!(whole.usage.total(), rows.iter().map(|row| row.usage.total()).sum::<u64>());
    for n in 0..3 {
        let key_id = format!("key{n}");
        let of_key: Vec<&Entry> = rows.iter().filter(|row| row.key_id == key_id).collect();
        let nanos = of_key.iter().map(|row| row.cost.0).sum();
        let tokens = of_key.iter().map(|row| i64::try_from(row.usage.total()).unwrap()).sum();
        assert_eq!(store.spent(&fluxa_domain::scope::key(&key_id), Micros(0), None).await.unwrap(), Spent { nanos, tokens });
    }
}

#[tokio::test]
async fn a_row_is_read_as_it_was_written() {
    for place in places().await {
        let row = Entry { request_body: Some(String::from("{\"a\":1}")), client_closed: true, ttfb_ms: None, ..entry(1) };
        assert_eq!(place.store.append(std::slice::from_ref(&row)).await.unwrap(), 1);
        assert_eq!(place.store.entry(&row.id.to_string()).await.unwrap(), Some(row.clone()));
        let later = Entry { id: call_id(77), at: NOW.plus_seconds(900), ..row.clone() };
        place.store.append(std::slice::from_ref(&later)).await.unwrap();
        assert_eq!(place.store.entry("req-1").await.unwrap(), Some(later), "the newest of a request id");
        assert_eq!(place.store.entry("nothing").await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_same_batch_twice_changes_nothing() {
    for place in places().await {
        let batch: Vec<Entry> = (0..250).map(entry).collect();
        assert_eq!(place.store.append(&batch).await.unwrap(), 250);
        assert_eq!(place.store.append(&batch).await.unwrap(), 0);
        assert_eq!(place.store.append(&[entry(3), entry(300), entry(300)]).await.unwrap(), 1);
        assert_eq!(place.store.append(&[]).await.unwrap(), 0);
        assert_sums(&place.store).await;
    }
}

#[tokio::test]
async fn a_real_row_takes_the_place_of_an_abandoned_one() {
    for place in places().await {
        let store = &place.store;
        let moved = Entry { model: String::from("other"), at: NOW.plus_seconds(-4_000), ..abandoned(1) };
        assert_eq!(store.append(&[moved, abandoned(2), entry(3)]).await.unwrap(), 3);
        assert_sums(store).await;
        assert_eq!(store.append(&[entry(1), abandoned(3)]).await.unwrap(), 0, "a correction is not a new row");
        assert_sums(store).await;
        assert_eq!(store.append(&[abandoned(4), entry(4), entry(2), abandoned(2), abandoned(1)]).await.unwrap(), 1);
        assert_sums(store).await;
        assert_eq!(everything(store).await, vec![entry(1), entry(2), entry(3), entry(4)]);
    }
}

#[tokio::test]
async fn lists_are_newest_first_and_exports_oldest_first() {
    for place in places().await {
        let store = &place.store;
        let batch: Vec<Entry> = (0..2_100).map(|n| Entry { at: NOW.plus_seconds(i64::try_from(n / 7).unwrap()), ..entry(n) }).collect();
        store.append(&batch).await.unwrap();
        assert_eq!(everything(store).await, batch);
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = store.entries(&LogFilter::default(), 400, cursor.as_deref()).await.unwrap();
            seen.extend(page.rows);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        seen.reverse();
        assert_eq!(seen, batch);
        assert!(matches!(store.entries(&LogFilter::default(), 10, Some("AAAA")).await, Err(StoreError::BadCursor)));
    }
}

#[tokio::test]
async fn filters_choose_rows() {
    for place in places().await {
        let store = &place.store;
        let failed = Entry {
            status: 502,
            error: String::from("upstream"),
            provider: String::from("deepseek"),
            team: String::from("blue"),
            ..entry(5)
        };
        let batch = [entry(1), entry(2), abandoned(3), failed];
        store.append(&batch).await.unwrap();
        let check = async |filter: LogFilter, expect: &[u64]| {
            let rows = store.entries(&filter, 100, None).await.unwrap().rows;
            let mut ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            ids.reverse();
            assert_eq!(ids, expect.iter().map(|n| call_id(*n)).collect::<Vec<_>>(), "{filter:?}");
        };
        let all = LogFilter::default;
        check(LogFilter { key: Some(String::from("key2")), ..all() }, &[2, 5]).await;
        check(LogFilter { status: Some(502), ..all() }, &[5]).await;
        check(LogFilter { failed: Some(true), ..all() }, &[3, 5]).await;
        check(LogFilter { failed: Some(false), ..all() }, &[1, 2]).await;
        check(LogFilter { provider: Some(String::from("deepseek")), ..all() }, &[5]).await;
        check(LogFilter { team: Some(String::from("blue")), ..all() }, &[5]).await;
        check(LogFilter { model: Some(String::from("gpt-4o")), stream: Some(true), ..all() }, &[2]).await;
        check(LogFilter { abandoned: Some(true), ..all() }, &[3]).await;
        check(LogFilter { request_id: Some(String::from("req-2")), ..all() }, &[2]).await;
        check(LogFilter { from: Some(NOW.plus_seconds(2)), to: Some(NOW.plus_seconds(5)), ..all() }, &[2, 3]).await;
        check(LogFilter { key: Some(String::from("' OR 1=1 --")), ..all() }, &[]).await;
    }
}

#[tokio::test]
async fn spend_is_exact_in_every_time_zone_and_outlives_the_rows() {
    for place in places().await {
        let store = &place.store;
        // A call each five minutes of three days; Kathmandu's midnight is at 18:15 UTC.
        let start = Micros(NOW.hour().0 - 10 * Micros::PER_HOUR);
        let batch: Vec<Entry> = (0..864)
            .map(|n| {
                let at = start.plus_seconds(300 * i64::try_from(n).unwrap());
                Entry { id: call_id_at(at, n), at, key_id: String::from("key0"), ..entry(n) }
            })
            .collect();
        store.append(&batch).await.unwrap();
        let check = async || {
            for quarter in [0, 1, 73, 74, 95, 200] {
                let from = start.plus_seconds(900 * quarter);
                let to = from.plus_seconds(86_400);
                let expect: i64 = batch.iter().filter(|row| row.at >= from && row.at < to).map(|row| row.cost.0).sum();
                assert_eq!(store.spent("key:key0", from, Some(to)).await.unwrap().nanos, expect, "{quarter}");
            }
        };
        check().await;
        let before = NOW.plus_seconds(86_400);
        let mut pruned = 0;
        loop {
            match store.prune(before).await.unwrap() {
                0 => break,
                rows => pruned += rows,
            }
        }
        assert_eq!(pruned, batch.iter().filter(|row| row.at < before).count() as u64);
        check().await;
        assert_eq!(store.usage(&UsageQuery::default()).await.unwrap()[0].requests, 864);
        assert_eq!(store.spent("key:nobody", Micros(0), None).await.unwrap(), Spent::default());
    }
}

#[tokio::test]
async fn absurd_numbers_do_not_break_the_sums() {
    for place in places().await {
        let store = &place.store;
        let usage = fluxa_domain::usage::Usage { input_uncached: u64::MAX, output: u64::MAX, ..Default::default() };
        let batch: Vec<Entry> = (0..200).map(|n| Entry { usage, cost: NanoUsd(i64::MAX), latency_ms: u64::MAX, ..entry(n) }).collect();
        store.append(&batch).await.unwrap();
        assert_sums(store).await;
    }
}

#[tokio::test]
async fn names_that_no_column_can_hold_do_not_stop_the_ledger() {
    for place in places().await {
        let named = |n: u64, model: &str| Entry {
            model: model.to_owned(),
            request_id: format!("{model}-{n}"),
            tags: std::collections::BTreeMap::from([(model.to_owned(), String::from("x"))]),
            ..entry(n)
        };
        let batch = [named(0, "a\0"), named(3, "a\u{fffd}")];
        assert_eq!(place.store.append(&batch).await.unwrap(), 2);
        assert_sums(&place.store).await;
        assert_eq!(everything(&place.store).await, batch, "rows keep what was said");
        assert_eq!(place.store.entry("a\0-0").await.unwrap().as_ref(), batch.first());
        let spent = place.store.spent(&fluxa_domain::scope::key_model("key0", "a\0"), Micros(0), None).await.unwrap();
        assert_eq!(spent.nanos, batch.iter().map(|row| row.cost.0).sum::<i64>());
    }
}

#[tokio::test]
async fn a_failed_batch_leaves_nothing_behind() {
    let place = file().await;
    place.store.close().await;
    assert!(place.store.append(&[entry(1)]).await.is_err());
    let path = place.folder.as_ref().unwrap().path().join("fluxa.db");
    let again = Store::open(fluxa_store::StoreOptions::Sqlite { path }, fluxa_store::Sealer::new([9; 32])).await.unwrap();
    assert!(everything(&again).await.is_empty());
    assert_eq!(again.append(&[entry(1)]).await.unwrap(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any order of real and abandoned rows in any batches: one row an id, real if ever given, and the sums are the rows' sums.
    #[test]
    fn any_order_of_batches_ends_in_the_same_ledger(
        batches in proptest::collection::vec(proptest::collection::vec((0_u64..12, any::<bool>()), 0..8), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Store::in_memory().await.unwrap();
            let mut expect = std::collections::BTreeMap::new();
            for batch in batches {
                let rows: Vec<Entry> = batch.iter().map(|(n, real)| if *real { entry(*n) } else { abandoned(*n) }).collect();
                for (n, real) in batch {
                    *expect.entry(n).or_insert(false) |= real;
                }
                store.append(&rows).await.unwrap();
                assert_sums(&store).await;
            }
            let expect: Vec<Entry> = expect.into_iter().map(|(n, real)| if real { entry(n) } else { abandoned(n) }).collect();
            assert_eq!(everything(&store).await, expect);
            let grouped = store.usage(&UsageQuery { group_by: GroupBy::Tag, ..UsageQuery::default() }).await.unwrap();
            assert_eq!(grouped.iter().map(|row| row.cost.0).sum::<i64>(), expect.iter().map(|row| row.cost.0).sum::<i64>());
        });
    }
}
