//! Reports: sums by group and time, the export, the filters of the log, and what is left when rows grow old.

use std::collections::BTreeMap;

use fluxa_domain::time::Micros;
use fluxa_loadtest::vendor::MockConfig;
use fluxa_store::{Store, StoreOptions, load_or_create_secret_key};
use serde_json::{Value, json};

use crate::backend::embedded_only;
use crate::books::{Key, ask, body, cost, key, logs, number, quiet, rows, text, tokens, used};
use crate::harness::{Fluxa, Lab, Setup, lab};

/// Calls of two teams to two providers, whole and streamed; some fail, one is refused.
async fn busy() -> (Lab, [Key; 2]) {
    let lab = lab(Setup::default(), MockConfig { cached_tokens: 1, ..MockConfig::default() }).await;
    let red = key(&lab.fluxa, json!({"name": "red-key", "team": "red", "tags": {"app": "chat", "stage": "test"}})).await;
    let blue = key(&lab.fluxa, json!({"name": "blue key", "team": "blue", "tags": {"app": "search, \"fast\""}})).await;
    for n in 0..12 {
        let key = if n % 3 == 0 { &blue } else { &red };
        let model = if n % 2 == 0 { "gpt-4o" } else { "claude-sonnet-4-5" };
        let answer = ask(&lab.fluxa, key, &body(model, json!({"stream": n % 4 < 2, "max_tokens": 3 + n}))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    lab.mock.set(|config| config.status = 400);
    assert_eq!(ask(&lab.fluxa, &red, &body("gpt-4o", json!({}))).await.status, 400);
    assert_eq!(ask(&lab.fluxa, &blue, &body("=nobody-knows()", json!({}))).await.status, 404);
    rows(&lab.fluxa, &red, 9).await;
    rows(&lab.fluxa, &blue, 5).await;
    (lab, [red, blue])
}

async fn usage(fluxa: &Fluxa, query: &str) -> Vec<Value> {
    let (status, answer) = fluxa.admin("GET", &format!("/admin/usage?{query}"), Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"].as_array().expect("data").clone()
}

/// What the rows sum up to, by the groups that `group` gives a row.
fn summed(rows: &[Value], group: impl Fn(&Value) -> Vec<String>) -> BTreeMap<String, [i64; 4]> {
    let mut sums: BTreeMap<String, [i64; 4]> = BTreeMap::new();
    for row in rows {
        let failed = number(&row["status"]) >= 400 || row["error"] != "";
        let add = [1, i64::from(failed), cost(std::slice::from_ref(row)), tokens(std::slice::from_ref(row))];
        for name in group(row) {
            let sum = sums.entry(name).or_default();
            sum.iter_mut().zip(add).for_each(|(sum, add)| *sum += add);
        }
    }
    sums
}

fn reported(data: &[Value], name: &str) -> BTreeMap<String, [i64; 4]> {
    let one =
        |row: &Value| [number(&row["requests"]), number(&row["errors"]), number(&row["cost_nanos"]), tokens(std::slice::from_ref(row))];
    data.iter().map(|row| (text(&row[name]), one(row))).collect()
}

#[tokio::test]
async fn usage_sums_the_rows_by_every_group_and_interval() {
    let (lab, _) = busy().await;
    let all = logs(&lab.fluxa, "").await;
    assert_eq!(all.len(), 14);
    for field in ["key", "model", "provider", "team"] {
        let data = usage(&lab.fluxa, &format!("group_by={field}")).await;
        assert_eq!(reported(&data, field), summed(&all, |row| vec![text(&row[field])]), "{field}: {data:#?}");
    }
    let tags = |row: &Value| row["tags"].as_object().unwrap().iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    let data = usage(&lab.fluxa, "group_by=tag").await;
    assert_eq!(reported(&data, "group"), summed(&all, tags), "{data:#?}");
    let data = usage(&lab.fluxa, "group_by=tag:app").await;
    let app = |row: &Value| vec![text(&row["tags"]["app"])];
    assert_eq!(reported(&data, "tag"), summed(&all, app), "{data:#?}");

    for (interval, digits, rest) in [("hour", 13, ":00:00"), ("day", 10, "T00:00:00"), ("month", 7, "-01T00:00:00")] {
        let data = usage(&lab.fluxa, &format!("interval={interval}")).await;
        let bucket = |row: &Value| vec![text(&row["at"])[..digits].to_owned()];
        let found: BTreeMap<String, [i64; 4]> =
            reported(&data, "at").into_iter().map(|(at, sums)| (at[..digits].to_owned(), sums)).collect();
        assert_eq!(found, summed(&all, bucket), "{interval}: {data:#?}");
        assert!(data.iter().all(|row| text(&row["at"])[digits..].starts_with(rest)), "{data:#?}");
    }
    let data = usage(&lab.fluxa, "group_by=model&interval=day&team=red").await;
    let red: Vec<Value> = all.iter().filter(|row| row["team"] == "red").cloned().collect();
    assert_eq!(reported(&data, "model").values().map(|sums| sums[0]).sum::<i64>(), 9, "{data:#?}");
    assert_eq!(reported(&data, "model").values().map(|sums| sums[2]).sum::<i64>(), cost(&red));
    assert!(usage(&lab.fluxa, "from=2020-01-01&to=2020-12-31").await.is_empty());
    assert_eq!(lab.fluxa.admin("GET", "/admin/usage?group_by=colour", Value::Null).await.0, 422);
}

/// RFC 4180, as a reader of ours would do it.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            c => cell.push(c),
        }
    }
    lines
}

#[tokio::test]
async fn the_export_has_the_same_rows_as_the_log() {
    let (lab, [red, _]) = busy().await;
    for (query, count) in [(String::new(), 14), (format!("key={}", red.id), 9), ("status=404".to_owned(), 1), ("team=nobody".to_owned(), 0)]
    {
        let rows = logs(&lab.fluxa, &query).await;
        let answer = lab.fluxa.admin_answer("GET", &format!("/admin/usage/export?{query}"), &Value::Null).await;
        assert!(answer.status == 200 && answer.complete && answer.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")));
        let table = csv(&answer.text());
        assert_eq!((rows.len(), table.len()), (count, count + 1), "{query}: the header line is always there");
        for (row, line) in rows.iter().zip(&table[1..]) {
            assert_eq!(line.len(), table[0].len());
            for (column, cell) in table[0].iter().zip(line) {
                let value = match column.strip_prefix("usage_").filter(|name| *name != "state") {
                    Some(name) => &row["usage"][name],
                    None => &row[column.as_str()],
                };
                let plain = match value {
                    Value::Null => String::new(),
                    // What a spreadsheet would calculate is quoted.
                    Value::String(text) if text.starts_with('=') => format!("'{text}"),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let same = *cell == plain || column == "cost_usd" && cell.parse::<f64>().ok() == value.as_f64();
                assert!(same, "{column}: {cell} and {value}");
            }
        }
    }
}

#[tokio::test]
async fn the_log_is_filtered_by_what_people_ask_for() {
    let (lab, [red, blue]) = busy().await;
    let named = [("x-request-id", "mine-42")];
    lab.mock.set(|config| config.status = 200);
    let answer = lab.fluxa.call("/v1/chat/completions", &blue.secret, &named, &body("gpt-4o", json!({}))).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some("mine-42")));
    rows(&lab.fluxa, &blue, 6).await;
    let all = logs(&lab.fluxa, "").await;
    let middle = text(&all[7]["at"]);
    let earlier = all.iter().filter(|row| text(&row["at"]) < middle).count();
    let expect = [
        (format!("key={}", red.id), 9),
        ("key=red-key".to_owned(), 9),
        ("model=gpt-4o".to_owned(), 8),
        ("provider=anthropic".to_owned(), 6),
        ("team=blue".to_owned(), 6),
        ("status=400".to_owned(), 1),
        ("status=error".to_owned(), 2),
        ("status=ok".to_owned(), 13),
        ("stream=true".to_owned(), 6),
        ("stream=false&team=red".to_owned(), 5),
        ("request_id=mine-42".to_owned(), 1),
        (format!("to={middle}"), earlier),
        (format!("from={middle}"), 15 - earlier),
        ("from=2020-01-01&to=2020-12-31".to_owned(), 0),
    ];
    for (query, count) in expect {
        let found = logs(&lab.fluxa, &query).await;
        assert_eq!(found.len(), count, "{query}: {found:#?}");
    }
    let (status, row) = lab.fluxa.admin("GET", "/admin/logs/mine-42", Value::Null).await;
    assert_eq!((status, text(&row["id"])), (200, answer.id()), "by the client's own id too");
    // Pages of any size have every row once, newest first.
    let mut ids = Vec::new();
    let mut path = "/admin/logs?limit=4".to_owned();
    loop {
        let (_, page) = lab.fluxa.admin("GET", &path, Value::Null).await;
        ids.extend(page["data"].as_array().unwrap().iter().map(|row| text(&row["id"])));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/admin/logs?limit=4&cursor={next}");
    }
    ids.reverse();
    assert_eq!(ids, all.iter().map(|row| text(&row["id"])).collect::<Vec<_>>());
    assert_eq!(lab.fluxa.admin("GET", "/admin/logs?colour=red", Value::Null).await.0, 422);
}

#[tokio::test]
async fn rows_that_are_pruned_stay_in_the_sums_and_in_the_budgets() {
    // Postgres prunes by the week: `store/tests/it/server.rs`.
    embedded_only!();
    let mut lab = lab(Setup::default(), MockConfig { events: Some(50), ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 0.0011, "tags": {"app": "chat"}})).await;
    let call = body("gpt-4o", json!({"max_tokens": 50}));
    let answer = ask(&lab.fluxa, &key, &call).await;
    assert_eq!(answer.status, 200);
    quiet(&lab.fluxa).await;
    let (before, sums) = (used(&lab.fluxa, &key).await, usage(&lab.fluxa, "group_by=tag").await);
    assert!(before[0] > 500_000, "{before:?}");
    assert!(lab.fluxa.terminate().await.success());

    let path = lab.fluxa.file("fluxa.db");
    let sealer = load_or_create_secret_key(&path, None).unwrap().sealer();
    let store = Store::open(StoreOptions::Sqlite { path }, sealer).await.unwrap();
    assert_eq!(store.prune(Micros(i64::MAX)).await.unwrap(), 1);
    store.close().await;

    lab.fluxa.restart().await;
    assert_eq!(lab.fluxa.admin("GET", &format!("/admin/logs/{}", answer.id()), Value::Null).await.0, 404);
    assert_eq!((used(&lab.fluxa, &key).await, usage(&lab.fluxa, "group_by=tag").await), (before, sums));
    assert_eq!(ask(&lab.fluxa, &key, &call).await.status, 402, "what was spent stays spent");
}
