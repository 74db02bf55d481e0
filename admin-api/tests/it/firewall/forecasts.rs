//! What was found, and what would have been.

use fluxa_domain::entry::Entry;
use fluxa_domain::firewall::Hit;
use fluxa_domain::id::CallId;
use serde_json::{Value, json};

use super::policy;
use crate::harness::World;

fn row(world: &World, n: u8, hits: &[(&str, &str, u32)], body: Option<&str>) -> Entry {
    let mut entry = Entry::new(CallId::new(world.now(), [n; 10]), world.now());
    entry.request_id = format!("req-{n}");
    entry.key_id = format!("KEY{}", n % 2);
    entry.key_name = format!("key {}", n % 2);
    entry.team = String::from(if n.is_multiple_of(2) { "red" } else { "blue" });
    entry.model = String::from("m");
    entry.op = String::from("chat");
    entry.status = 200;
    entry.firewall =
        hits.iter().map(|(rule, action, count)| Hit { rule: (*rule).to_owned(), action: (*action).to_owned(), count: *count }).collect();
    entry.request_body = body.map(str::to_owned);
    entry
}

/// Four calls: one with content, two with findings only, one with nothing.
async fn history(world: &World) {
    let content = r#"{"messages":[{"content":"I am ann@example.com, who is on leave until the end of the month and answers nothing before, so ask bob@example.com"}]}"#;
    let rows = [
        row(world, 1, &[], Some(content)),
        row(world, 2, &[("email", "mask", 3), ("openai_key", "alert", 1)], None),
        row(world, 3, &[("openai_key", "would_mask", 2)], None),
        row(world, 4, &[], None),
    ];
    world.store.append(&rows).await.unwrap();
}

#[tokio::test]
async fn a_policy_is_held_against_the_log_by_content_or_by_what_was_found() {
    let world = World::new().await;
    history(&world).await;
    let ask = |policy: Value| json!({ "policy": policy, "last": 100 });
    let reply =
        world.post("/admin/firewall/what-if", ask(json!({ "actions": { "email": "block", "openai_key": "off" }, "default": "off" }))).await;
    let forecast = reply.expect(200);
    assert_eq!((&forecast["requests"], &forecast["with_content"], &forecast["complete"]), (&json!(4), &json!(1), &json!(true)));
    assert_eq!((&forecast["would_block"], &forecast["would_mask"], &forecast["would_alert"]), (&json!(2), &json!(0), &json!(0)));
    assert_eq!(forecast["by_rule"], json!([{ "rule": "email", "action": "block", "requests": 2, "findings": 5 }]));
    let by_key = forecast["by_key"].as_array().unwrap();
    assert_eq!(by_key.len(), 2);
    assert!(by_key.iter().all(|key| key["would_block"] == 1 && key["key_name"].as_str().unwrap().starts_with("key ")), "{forecast}");
    assert_eq!(forecast["by_team"].as_array().unwrap().len(), 2);
    assert_eq!(forecast["samples"].as_array().unwrap().len(), 2);
    assert!(!reply.text.contains("example.com"), "no text of a request is told: {}", reply.text);
    for id in forecast["samples"].as_array().unwrap() {
        world.get(&format!("/admin/logs/{}", id.as_str().unwrap())).await.expect(200);
    }

    policy(&world, "candidate", json!({ "email": "mask", "network": "alert", "openai_key": "alert" })).await;
    let patch = json!({ "observe_only": true });
    world.patch("/admin/firewall/policies/candidate", patch).await.expect(200);
    let named = world.post("/admin/firewall/what-if", ask(json!("candidate"))).await.expect(200);
    assert_eq!((&named["would_mask"], &named["would_block"]), (&json!(2), &json!(0)), "as if it were let: {named}");
    let only = world.post("/admin/firewall/what-if", json!({ "policy": "candidate", "team": "red" })).await.expect(200);
    assert_eq!((&only["requests"], &only["would_mask"]), (&json!(2), &json!(1)));
    let last = world.post("/admin/firewall/what-if", json!({ "policy": "candidate", "last": 1 })).await.expect(200);
    assert_eq!((&last["requests"], &last["would_mask"]), (&json!(1), &json!(0)), "the newest");
    for (body, fields) in [
        (json!({}), &["policy"][..]),
        (json!({ "policy": "nobody" }), &["policy"]),
        (json!({ "policy": "candidate", "last": 10_001 }), &["last"]),
        (json!({ "policy": "candidate", "from": "never" }), &["from"]),
        (json!({ "policy": "candidate", "from": "2026-11-22T10:00:00Z", "to": "2026-11-21T10:00:00Z" }), &["to"]),
        (json!({ "policy": { "actions": { "emial": "mask" } } }), &["policy.actions.emial"]),
    ] {
        assert_eq!(world.post("/admin/firewall/what-if", body.clone()).await.faults(), fields, "{body}");
    }
}

#[tokio::test]
async fn log_rows_and_the_export_show_findings_and_are_filtered_by_them() {
    let world = World::new().await;
    history(&world).await;
    let shown = world.get("/admin/logs/req-2").await.expect(200);
    assert_eq!(
        shown["firewall"],
        json!([{ "rule": "email", "action": "mask", "count": 3 }, { "rule": "openai_key", "action": "alert", "count": 1 }])
    );
    let found = async |query: &str| {
        let page = world.get(&format!("/admin/logs?{query}")).await.expect(200);
        page["data"].as_array().unwrap().iter().map(|row| row["request_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("firewall_rule=openai_key").await, ["req-3", "req-2"]);
    assert_eq!(found("firewall_rule=email").await, ["req-2"]);
    assert_eq!(found("firewall_action=would_mask").await, ["req-3"]);
    assert_eq!(found("firewall_rule=openai_key&firewall_action=mask").await, Vec::<String>::new(), "that was another rule");
    assert_eq!(found("firewall_rule=openai%25key").await, Vec::<String>::new(), "a name is no pattern");
    let export = world.get("/admin/usage/export?firewall_rule=email").await.text;
    assert!(export.lines().count() == 2 && export.contains(r#""[{""rule"":""email"",""action"":""mask"",""count"":3}"#), "{export}");
}

#[tokio::test]
async fn findings_are_summed() {
    let world = World::new().await;
    history(&world).await;
    let sums = async |query: &str| {
        let reply = world.get(&format!("/admin/firewall/findings?{query}")).await.expect(200);
        let row =
            |row: &Value| (row["group"].as_str().unwrap().to_owned(), row["hits"].as_u64().unwrap(), row["findings"].as_u64().unwrap());
        reply["data"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let expect =
        |rows: &[(&str, u64, u64)]| rows.iter().map(|(group, hits, findings)| ((*group).to_owned(), *hits, *findings)).collect::<Vec<_>>();
    assert_eq!(sums("").await, expect(&[("email", 1, 3), ("openai_key", 2, 3)]));
    assert_eq!(sums("group_by=action").await, expect(&[("alert", 1, 1), ("mask", 1, 3), ("would_mask", 1, 2)]));
    assert_eq!(sums("group_by=key&rule=openai_key").await, expect(&[("KEY0", 1, 1), ("KEY1", 1, 2)]));
    assert_eq!(sums("group_by=team&action=mask").await, expect(&[("red", 1, 3)]));
    assert_eq!(sums("team=blue").await, expect(&[("openai_key", 1, 2)]));
    assert_eq!(sums("to=2026-11-21").await, expect(&[]));
    let by_hour = world.get("/admin/firewall/findings?interval=hour&rule=email").await.expect(200);
    assert_eq!((&by_hour["data"][0]["at"], &by_hour["data"][0]["rule"]), (&json!("2026-11-22T10:00:00.000000Z"), &json!("email")));
    assert_eq!(world.get("/admin/firewall/findings?group_by=model").await.faults(), ["group_by"]);
}
