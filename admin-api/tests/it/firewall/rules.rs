//! Rules, built-in and of the operator's own.

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use serde_json::{Value, json};

use super::{names, policy};
use crate::harness::World;

const RULES: &str = "/admin/firewall/rules";

#[tokio::test]
async fn built_in_rules_are_listed_and_shown_and_stay() {
    let world = World::new().await;
    let mut all = Vec::new();
    let mut path = String::from("/admin/firewall/rules?limit=2");
    loop {
        let page = world.get(&path).await.expect(200);
        all.extend(names(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/admin/firewall/rules?limit=2&cursor={cursor}");
    }
    let mut sorted = all.clone();
    sorted.sort();
    assert!(all == sorted && all.iter().any(|name| name == "email"), "{all:?}");
    let page = world.get("/admin/firewall/rules?pack=pii&limit=500").await.expect(200);
    let in_pack = |row: &Value| row["packs"].as_array().unwrap().contains(&json!("pii"));
    assert!(names(&page).contains(&"email") && page["data"].as_array().unwrap().iter().all(in_pack));
    assert_eq!(world.get("/admin/firewall/rules?built_in=false").await.expect(200)["data"], json!([]));
    let rule = world.get("/admin/firewall/rules/email").await.expect(200);
    assert_eq!(
        (&rule["built_in"], &rule["action"], &rule["mode"], &rule["label"]),
        (&json!(true), &json!("mask"), &json!("enforce"), &json!("EMAIL"))
    );
    for reply in
        [world.patch("/admin/firewall/rules/email", json!({ "mode": "off" })).await, world.delete("/admin/firewall/rules/email").await]
    {
        assert!(reply.expect(409)["type"].as_str().unwrap().ends_with("built_in"));
    }
    world.post(RULES, json!({ "name": "email", "pattern": "x" })).await.expect(409);
}

#[tokio::test]
async fn a_rule_is_made_shown_changed_and_removed() {
    let world = World::new().await;
    let body = json!({
        "name": "project_code", "note": "projects that are not announced", "pattern": "PRJ-[0-9]{4}", "packs": ["projects"],
        "allow": ["PRJ-0000"], "min_entropy": 0, "action": "block", "yes": ["see PRJ-1234 for more"], "no": ["PRJ-12"],
    });
    let reply = world.post(RULES, body.clone()).await;
    let made = reply.expect(201);
    assert_eq!(reply.headers["location"], "/admin/firewall/rules/project_code");
    for name in ["name", "note", "pattern", "allow", "action", "yes", "no"] {
        assert_eq!(made[name], body[name], "{name}");
    }
    assert_eq!((&made["mode"], &made["packs"], &made["built_in"]), (&json!("observe"), &json!(["custom", "projects"]), &json!(false)));
    let path = "/admin/firewall/rules/project_code";
    assert_eq!(world.get(path).await.expect(200), made);
    for query in ["?pack=custom", "?pack=projects", "?built_in=false"] {
        assert_eq!(names(&world.get(&format!("{RULES}{query}")).await.expect(200)), ["project_code"], "{query}");
    }
    let enforced = world.patch(path, json!({ "mode": "enforce" })).await.expect(200);
    assert_eq!(enforced["mode"], "enforce");
    let noted = world.patch(path, json!({ "note": "secret", "allow": null })).await.expect(200);
    assert_eq!((&noted["mode"], &noted["allow"]), (&json!("enforce"), &json!([])), "what it finds is as it was");
    let edited = world.patch(path, json!({ "pattern": "PRJ-[0-9]{4,6}" })).await.expect(200);
    assert_eq!(edited["mode"], "observe", "nobody has seen yet what it finds now");
    let edited = world.patch(path, json!({ "pattern": "PRJ-[0-9]{4,5}", "mode": "enforce" })).await.expect(200);
    assert_eq!(edited["mode"], "enforce");
    assert_eq!(world.patch(path, json!({ "name": "other" })).await.faults(), ["name"]);
    world.post(RULES, body).await.expect(409);

    policy(&world, "strict", json!({ "project_code": "block" })).await;
    assert!(world.delete(path).await.expect(409)["detail"].as_str().unwrap().contains("strict"));
    policy(&world, "by_pack", json!({ "projects": "mask" })).await;
    assert_eq!(world.delete("/admin/firewall/policies/strict").await.status, 204);
    assert_eq!(world.delete(path).await.status, 204);
    world.get(path).await.expect(404);
    world.patch(path, json!({})).await.expect(404);
    world.delete(path).await.expect(404);
    let audit = world.get("/admin/audit?target=project_code").await.expect(200);
    assert_eq!(audit["data"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn words_are_folded_counted_and_edited() {
    let world = World::new().await;
    let made = world
        .post(RULES, json!({ "name": "codenames", "keywords": ["Apollo", " apollo", "阿波罗计划", "APOLLO"], "whole_word": true, "mode": "enforce" }))
        .await
        .expect(201);
    assert_eq!((&made["keywords"], &made["keyword_count"]), (&json!(["Apollo", "阿波罗计划"]), &json!(2)));
    assert_eq!((&made["case_sensitive"], &made["whole_word"], &made["mode"]), (&json!(false), &json!(true), &json!("enforce")));
    let row = world.get("/admin/firewall/rules?built_in=false").await.expect(200)["data"][0].clone();
    assert_eq!((&row["keyword_count"], &row["keywords"]), (&json!(2), &Value::Null), "a list shows no words");
    let path = "/admin/firewall/rules/codenames";
    let same = world.patch(path, json!({ "keywords": ["apollo", "阿波罗计划"], "whole_word": true })).await.expect(200);
    assert_eq!(same["mode"], "observe", "other words");
    world.patch(path, json!({ "mode": "enforce" })).await.expect(200);
    assert_eq!(world.patch(path, json!({ "whole_word": false })).await.expect(200)["mode"], "observe");
    let pattern = world.patch(path, json!({ "pattern": "apollo[0-9]" })).await.expect(200);
    assert_eq!((&pattern["pattern"], &pattern["keyword_count"]), (&json!("apollo[0-9]"), &Value::Null));
    assert_eq!(world.patch(path, json!({ "whole_word": true })).await.faults(), ["whole_word"]);
}

#[tokio::test]
async fn a_long_list_of_words_fits_and_a_longer_one_does_not() {
    let world = World::new().await;
    let words = |count: usize| (0..count).map(|n| format!("codeword-{n:06}")).collect::<Vec<_>>();
    let made = world.post(RULES, json!({ "name": "many", "keywords": words(100_000) })).await.expect(201);
    assert_eq!(made["keyword_count"], 100_000);
    assert_eq!(world.post(RULES, json!({ "name": "more", "keywords": words(100_001) })).await.faults(), ["keywords"]);
    let large = format!(r#"{{"name":"large","keywords":["{}"]}}"#, "x".repeat(4 * 1024 * 1024));
    world.send("POST", RULES, &large).await.expect(413);
}

#[tokio::test]
async fn every_bad_field_of_a_rule_is_named() {
    let world = World::new().await;
    for (body, fields) in [
        (json!({}), &["name"][..]),
        (json!({ "name": "a" }), &["pattern"]),
        (json!({ "name": "A", "pattern": "x1" }), &["name"]),
        (json!({ "name": "pii", "pattern": "x1" }), &["name"]),
        (json!({ "name": "a", "pattern": "" }), &["pattern"]),
        (json!({ "name": "a", "pattern": "x1", "keywords": ["y"] }), &["keywords"]),
        (json!({ "name": "a", "keywords": [] }), &["keywords"]),
        (json!({ "name": "a", "keywords": ["x", " "] }), &["keywords[1]"]),
        (json!({ "name": "a", "keywords": ["x", 1] }), &["keywords[1]"]),
        (json!({ "name": "a", "pattern": "x1", "case_sensitive": true }), &["case_sensitive"]),
        (json!({ "name": "a", "pattern": "x1", "packs": ["No Pack"] }), &["packs[0]"]),
        (json!({ "name": "a", "pattern": "x1", "action": "shrug" }), &["action"]),
        (json!({ "name": "a", "pattern": "x1", "mode": "loud" }), &["mode"]),
        (json!({ "name": "a", "pattern": "x1", "min_entropy": 9 }), &["min_entropy"]),
        (json!({ "name": "a", "pattern": "x1", "min_entropy": -1 }), &["min_entropy"]),
        (json!({ "name": "a", "pattern": "x1", "yes": "x" }), &["yes"]),
        (json!({ "name": "a", "pattern": "x1", "built_in": true }), &["built_in"]),
        (json!({ "name": "a", "pattern": "x1", "regex": "x" }), &["regex"]),
    ] {
        assert_eq!(world.post(RULES, body.clone()).await.faults(), fields, "{body}");
    }
    assert_eq!(world.store.revision().await.unwrap().0, 0, "nothing was made");
}

#[tokio::test]
async fn a_pattern_that_cannot_be_used_is_refused_with_the_reason() {
    let world = World::new().await;
    for (body, field, why) in [
        (json!({ "pattern": "a(" }), "pattern", "unclosed group"),
        (json!({ "pattern": "a(?=b)" }), "pattern", "look-around"),
        (json!({ "pattern": "(a)\\1" }), "pattern", "backreferences"),
        (json!({ "pattern": "a*" }), "pattern", "empty text"),
        (json!({ "pattern": "x{300}" }), "pattern", "longer than 256 bytes"),
        (json!({ "pattern": "(?:[一-龥]{200}){200}" }), "pattern", "256 bytes"),
        (json!({ "pattern": "(?:[一-龥]{200}){200}|b" }), "pattern", "too large"),
        (json!({ "pattern": "PRJ-[0-9]{4}", "yes": ["PRJ-12"] }), "yes[0]", "nothing is found"),
        (json!({ "pattern": "PRJ-[0-9]{4}", "no": ["PRJ-12", "PRJ-1234"] }), "no[1]", "something is found"),
        (json!({ "keywords": ["apollo"], "yes": ["apollo 13", "gemini"] }), "yes[1]", "nothing is found"),
    ] {
        let mut body = body;
        body["name"] = json!("own");
        let reply = world.post(RULES, body.clone()).await;
        assert_eq!(reply.faults(), [field], "{body}");
        assert!(reply.text.contains(why), "{body}: {}", reply.text);
    }
    assert_eq!(world.store.revision().await.unwrap().0, 0, "nothing was made");
}

#[tokio::test]
async fn a_slow_pattern_is_refused_with_what_was_measured() {
    let world = World::new().await;
    let reply = world.post(RULES, json!({ "name": "slow", "pattern": "[^\\x00]{200,}zq" })).await;
    assert_eq!(reply.faults(), ["pattern"]);
    assert!(reply.text.contains("is too slow: ") && reply.text.contains("at least 50 MB/s"), "{}", reply.text);
}

#[tokio::test]
async fn a_rule_of_ones_own_is_tried_held_against_the_log_and_let_act() {
    let world = World::new().await;
    let body = json!({ "name": "project_code", "pattern": "PRJ-(?P<value>[0-9]{4})", "packs": ["projects"], "action": "block" });
    world.post(RULES, body).await.expect(201);
    let tried = |policy: Value| {
        let mut body = json!({ "texts": ["关于PRJ-1234的会议"] });
        if policy != Value::Null {
            body["policy"] = policy;
        }
        body
    };
    let result = |reply: &Value| reply["results"][0].clone();
    let start = "关于PRJ-".len();
    let finding = |action: &str| json!({ "rule": "project_code", "kind": "project_code", "start": start, "end": start + 4, "action": action, "confidence": "high" });
    // Without a policy its own wish is shown, though it only observes.
    let wish = result(&world.post("/admin/firewall/test", tried(Value::Null)).await.expect(200));
    assert_eq!(wish, json!({ "verdict": "block", "text": "关于PRJ-[PROJECT_CODE]的会议", "findings": [finding("block")] }));
    // In a policy it does nothing before it is let.
    policy(&world, "strict", json!({ "projects": "mask" })).await;
    let observed = result(&world.post("/admin/firewall/test", tried(json!("strict"))).await.expect(200));
    assert_eq!((&observed["verdict"], &observed["text"]), (&json!("pass"), &json!("关于PRJ-1234的会议")));
    assert_eq!((&observed["findings"][0]["action"], &observed["findings"][0]["would"]), (&json!("observe"), &json!("mask")));
    // What it would do in the log, it says already.
    let body = json!({ "policy": "strict" });
    world.store.append(&[logged(&world, "PRJ-1234 and PRJ-5678"), logged(&world, "nothing")]).await.unwrap();
    let forecast = world.post("/admin/firewall/what-if", body).await.expect(200);
    assert_eq!(forecast["by_rule"], json!([{ "rule": "project_code", "action": "mask", "requests": 1, "findings": 2 }]));
    world.patch("/admin/firewall/rules/project_code", json!({ "mode": "enforce" })).await.expect(200);
    let enforced = result(&world.post("/admin/firewall/test", tried(json!("strict"))).await.expect(200));
    assert_eq!(enforced, json!({ "verdict": "mask", "text": "关于PRJ-[PROJECT_CODE]的会议", "findings": [finding("mask")] }));
    let hint = world.post("/admin/firewall/test", tried(json!({ "actions": { "project_cod": "mask" } }))).await;
    assert_eq!(hint.faults(), ["policy.actions.project_cod"]);
    assert!(hint.text.contains("did you mean"), "{}", hint.text);
    world.patch("/admin/firewall/rules/project_code", json!({ "mode": "off" })).await.expect(200);
    let off = result(&world.post("/admin/firewall/test", tried(Value::Null)).await.expect(200));
    assert_eq!(off["findings"], json!([]));
}

fn logged(world: &World, content: &str) -> Entry {
    let id = CallId::new(world.now(), [u8::try_from(content.len()).unwrap(); 10]);
    let mut entry = Entry::new(id, world.now());
    entry.request_body = Some(json!({ "messages": [{ "role": "user", "content": content }] }).to_string());
    entry
}
