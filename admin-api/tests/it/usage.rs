//! Log rows, the export, usage sums and a key's spend.

use fluxa_domain::entry::{AttemptRow, CostState, Entry};
use fluxa_domain::id::CallId;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::usage::{Usage, UsageState};
use serde_json::{Value, json};

use crate::harness::World;

fn entry(world: &World, n: u8) -> Entry {
    let at = world.now();
    Entry {
        firewall: Vec::new(),
        id: CallId::new(at, [n; 10]),
        request_id: format!("req-{n}"),
        at,
        key_id: String::from("AAAAAAAA"),
        key_name: String::from("team-a"),
        team: String::from("research"),
        organization: String::new(),
        tags: [(String::from("env"), String::from("prod"))].into(),
        model: String::from("gpt-4o"),
        provider: String::from("openai"),
        upstream_model: String::from("gpt-4o-2024-08-06"),
        dialect_in: String::from("openai"),
        dialect_out: String::from("openai"),
        op: String::from("chat"),
        stream: true,
        status: 200,
        usage: Usage { input_uncached: 10, cache_read: 5, output: 7, reasoning: 2, ..Usage::default() },
        usage_state: UsageState::Reported,
        cost: NanoUsd(1_500_000),
        cost_state: CostState::Exact,
        price_version: String::from("2026-11-22"),
        ttfb_ms: Some(30),
        latency_ms: 120,
        attempts: vec![AttemptRow {
            provider: String::from("openai"),
            model: String::from("gpt-4o"),
            status: 200,
            ms: 118,
            why: String::new(),
        }],
        finish: String::from("stop"),
        error: String::new(),
        client_closed: false,
        abandoned: false,
        cached: false,
        request_body: None,
        response_body: None,
    }
}

async fn written(world: &World, count: u8) -> Vec<Entry> {
    let mut entries = Vec::new();
    for n in 0..count {
        entries.push(entry(world, n));
        world.pass(1);
    }
    world.store.append(&entries).await.unwrap();
    entries
}

#[tokio::test]
async fn a_log_row_has_exactly_the_promised_shape() {
    let world = World::new().await;
    let entries = written(&world, 1).await;
    let row = world.get("/admin/logs/req-0").await.expect(200);
    let promised = json!({
        "request_id": "req-0", "at": "2026-11-22T10:00:00.000000Z", "key": "AAAAAAAA", "team": "research", "model": "gpt-4o", "provider": "openai",
        "upstream_model": "gpt-4o-2024-08-06", "dialect_in": "openai", "dialect_out": "openai", "stream": true, "status": 200,
        "usage": { "input_uncached": 10, "cache_read": 5, "cache_write_5m": 0, "cache_write_1h": 0, "output": 7, "reasoning": 2 },
        "usage_state": "reported", "cost_nanos": 1_500_000, "cost_usd": 0.0015, "cost_state": "exact", "price_version": "2026-11-22",
        "ttfb_ms": 30, "latency_ms": 120, "attempts": [{ "provider": "openai", "model": "gpt-4o", "status": 200, "ms": 118, "why": "" }],
        "firewall": [], "finish": "stop", "client_closed": false,
    });
    for (name, value) in promised.as_object().unwrap() {
        assert_eq!(&row[name], value, "{name}");
    }
    let by_id = world.get(&format!("/admin/logs/{}", entries[0].id)).await.expect(200);
    assert_eq!(by_id, row);
    assert!(row.get("request_body").is_none());
    world.get("/admin/logs/nothing").await.expect(404);
}

#[tokio::test]
async fn logs_are_paged_newest_first_and_filtered() {
    let world = World::new().await;
    written(&world, 5).await;
    let mut ids = Vec::new();
    let mut path = String::from("/admin/logs?limit=2&key=AAAAAAAA");
    loop {
        let page = world.get(&path).await.expect(200);
        ids.extend(page["data"].as_array().unwrap().iter().map(|row| row["request_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/admin/logs?limit=2&key=AAAAAAAA&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(ids, ["req-4", "req-3", "req-2", "req-1", "req-0"]);
    let count = |page: Value| page["data"].as_array().unwrap().len();
    assert_eq!(count(world.get("/admin/logs?status=error").await.expect(200)), 0);
    assert_eq!(count(world.get("/admin/logs?status=200&model=gpt-4o&provider=openai&team=research").await.expect(200)), 5);
    assert_eq!(count(world.get("/admin/logs?from=2026-11-22T10:00:03Z").await.expect(200)), 2);
    assert_eq!(count(world.get("/admin/logs?to=2026-11-21").await.expect(200)), 0);
    assert_eq!(world.get("/admin/logs?status=4xx").await.faults(), ["status"]);
    assert_eq!(world.get("/admin/logs?from=2026-11-23&to=2026-11-21").await.faults(), ["to"]);
}

#[tokio::test]
async fn the_export_is_csv_that_no_spreadsheet_runs() {
    let world = World::new().await;
    let mut odd = entry(&world, 1);
    odd.model = String::from("=HYPERLINK(\"http://x\"),a\nb");
    odd.request_id = String::from("@cmd");
    odd.ttfb_ms = None;
    world.store.append(&[odd]).await.unwrap();
    world.pass(1);
    world.store.append(&[entry(&world, 2)]).await.unwrap();
    let reply = world.get("/admin/usage/export").await;
    assert_eq!(reply.status, 200);
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(reply.text.starts_with("request_id,at,key,team,model,"));
    assert!(reply.text.contains(",usage_input_uncached,usage_cache_read,"));
    assert!(reply.text.contains("\"'=HYPERLINK(\"\"http://x\"\"),a\nb\""));
    assert!(reply.text.ends_with("\r\n"));

    let mut reader = csv::Reader::from_reader(reply.text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    let cell = |row: usize, name: &str| rows[row].get(headers.iter().position(|header| header == name).unwrap()).unwrap().to_owned();
    assert_eq!(cell(0, "request_id"), "'@cmd");
    assert_eq!(cell(0, "ttfb_ms"), "");
    assert_eq!((cell(1, "cost_nanos"), cell(1, "cost_usd"), cell(1, "usage_reasoning")), ("1500000".into(), "0.0015".into(), "2".into()));
    assert_eq!(serde_json::from_str::<Value>(&cell(1, "attempts")).unwrap()[0]["ms"], 118);

    let filtered = world.get("/admin/usage/export?model=none").await;
    assert_eq!(filtered.text.lines().count(), 1, "the header line alone");
}

#[tokio::test]
async fn a_long_export_has_every_row_once() {
    let world = World::new().await;
    let entries: Vec<Entry> = (0..2_500_u32)
        .map(|n| {
            let mut entry = entry(&world, 0);
            let bytes = n.to_be_bytes();
            entry.id = CallId::new(entry.at, [bytes[0], bytes[1], bytes[2], bytes[3], 0, 0, 0, 0, 0, 0]);
            entry.request_id = format!("r{n}");
            entry
        })
        .collect();
    world.store.append(&entries).await.unwrap();
    let text = world.get("/admin/usage/export").await.text;
    let mut ids: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2_500);
}

#[tokio::test]
async fn usage_is_summed_by_group_and_interval() {
    let world = World::new().await;
    written(&world, 3).await;
    let total = world.get("/admin/usage").await.expect(200);
    assert_eq!(total["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&total["data"][0]["requests"], &total["data"][0]["cost_nanos"], &total["data"][0]["cost_usd"]),
        (&json!(3), &json!(4_500_000), &json!(0.0045))
    );
    assert_eq!(total["data"][0]["usage"]["input_uncached"], 30);
    for (group_by, group) in
        [("key", "AAAAAAAA"), ("model", "gpt-4o"), ("provider", "openai"), ("team", "research"), ("tag", "env=prod"), ("tag:env", "prod")]
    {
        let reply = world.get(&format!("/admin/usage?group_by={group_by}&interval=day")).await.expect(200);
        let row = &reply["data"][0];
        assert_eq!(
            (&row["group"], &row["requests"], &row["at"]),
            (&json!(group), &json!(3), &json!("2026-11-22T00:00:00.000000Z")),
            "{group_by}"
        );
    }
    assert_eq!(world.get("/admin/usage?group_by=key").await.expect(200)["data"][0]["key"], "AAAAAAAA");
    assert_eq!(world.get("/admin/usage?group_by=tag:region").await.expect(200)["data"], json!([]));
    assert_eq!(world.get("/admin/usage?group_by=colour").await.faults(), ["group_by"]);
    assert_eq!(world.get("/admin/usage?interval=minute").await.faults(), ["interval"]);
}

#[tokio::test]
async fn a_keys_spend_is_what_the_ledger_says() {
    let world = World::new().await;
    let made = world.post("/admin/keys", json!({ "name": "a", "budget_usd_daily": 1 })).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let mut row = entry(&world, 9);
    row.key_id = id.to_owned();
    world.store.append(&[row]).await.unwrap();
    let spend = world.get(&format!("/admin/keys/{id}")).await.expect(200)["spend"].clone();
    for at in 0..4 {
        assert_eq!((&spend[at]["used_usd_nanos"], &spend[at]["used_tokens"]), (&json!(1_500_000), &json!(22)), "{}", spend[at]["period"]);
    }
    assert_eq!((&spend[0]["limit_usd"], &spend[0]["used_usd"], &spend[1]["limit_usd"]), (&json!(1), &json!(0.0015), &json!(null)));
    world.pass(86_400);
    let spend = world.get(&format!("/admin/keys/{id}")).await.expect(200)["spend"].clone();
    assert_eq!((&spend[0]["used_usd_nanos"], &spend[3]["used_usd_nanos"]), (&json!(0), &json!(1_500_000)), "a new day, the same life");
}
