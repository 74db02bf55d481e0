//! Usage for people.

use fluxa_domain::entry::{CostState, Entry};
use fluxa_domain::time::Micros;
use fluxa_store::{GroupBy, Interval, UsageQuery, UsageRow};

use crate::harness::{NOW, abandoned, entry, places};

fn at(text: &str) -> Micros {
    Micros::from_rfc3339(text).unwrap()
}

#[tokio::test]
async fn usage_is_grouped_and_cut() {
    for place in places().await {
        let store = &place.store;
        let unpriced = Entry { cost: fluxa_domain::money::NanoUsd(0), cost_state: CostState::Unpriced, ..entry(2) };
        let last_month = Entry { at: at("2026-10-31T23:59:59Z"), ..entry(7) };
        let refused = Entry { status: 429, error: String::from("rate_limit_exceeded"), provider: String::new(), ..entry(4) };
        store.append(&[entry(1), unpriced, abandoned(3), refused, last_month]).await.unwrap();
        let check = async |query: UsageQuery, expect: &[(Option<&str>, &str, u64)]| {
            let rows = store.usage(&query).await.unwrap();
            let found: Vec<(Option<Micros>, &str, u64)> = rows.iter().map(|row| (row.bucket, row.group.as_str(), row.requests)).collect();
            let expect: Vec<_> = expect.iter().map(|(bucket, group, requests)| (bucket.map(at), *group, *requests)).collect();
            assert_eq!(found, expect, "{query:?}");
            rows
        };
        let query = |group_by, interval| UsageQuery { group_by, interval, ..UsageQuery::default() };
        let whole = check(query(GroupBy::Nothing, Interval::Whole), &[(None, "", 5)]).await;
        let UsageRow { errors, unpriced_requests, estimated_requests, .. } = whole[0];
        assert_eq!((errors, unpriced_requests, estimated_requests), (2, 1, 1));
        assert_eq!(whole[0].usage.reasoning, 3 * 4);
        let months = [(Some("2026-10-01T00:00:00Z"), "", 1), (Some("2026-11-01T00:00:00Z"), "", 4)];
        check(query(GroupBy::Nothing, Interval::Month), &months).await;
        let days = [(Some("2026-10-31T00:00:00Z"), "", 1), (Some("2026-11-22T00:00:00Z"), "", 4)];
        check(query(GroupBy::Nothing, Interval::Day), &days).await;
        let hours = [
            (Some("2026-10-31T23:00:00Z"), "openai", 1),
            (Some("2026-11-22T10:00:00Z"), "", 1),
            (Some("2026-11-22T10:00:00Z"), "openai", 3),
        ];
        check(query(GroupBy::Provider, Interval::Hour), &hours).await;
        check(query(GroupBy::Tag, Interval::Whole), &[(None, "env=dev", 3), (None, "env=prod", 2)]).await;
        check(query(GroupBy::Model, Interval::Whole), &[(None, "gpt-4o", 5)]).await;
        check(query(GroupBy::Team, Interval::Whole), &[(None, "red", 5)]).await;
        let by_key = check(query(GroupBy::Key, Interval::Whole), &[(None, "key0", 1), (None, "key1", 3), (None, "key2", 1)]).await;
        assert_eq!(by_key[1].label, "name 1");
        let recent = UsageQuery { from: Some(NOW.plus_seconds(1_800)), to: Some(NOW.plus_seconds(3_601)), ..UsageQuery::default() };
        check(recent, &[(None, "", 4)]).await;
        check(UsageQuery { key: Some(String::from("key2")), ..UsageQuery::default() }, &[(None, "", 1)]).await;
        check(UsageQuery { to: Some(Micros(0)), ..UsageQuery::default() }, &[]).await;
    }
}
