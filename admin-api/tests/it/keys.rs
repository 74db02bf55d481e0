//! Virtual keys.

use fluxa_domain::key::{hash, public_id};
use serde_json::{Value, json};

use crate::harness::{PEPPER, World};

async fn issue(world: &World, body: Value) -> Value {
    world.post("/admin/keys", body).await.expect(201)
}

#[tokio::test]
async fn a_key_is_issued_shown_changed_and_revoked() {
    let world = World::new().await;
    let body = json!({
        "name": "team-a", "models": ["gpt-4o", "claude-*"], "budget_usd_daily": 12.5, "budget_tokens_total": 1_000_000, "rate_limit_rpm": 60,
        "rate_limit_tpm": 100_000, "max_concurrency": 4, "expires_at": "2027-01-01T00:00:00Z", "ip_allowlist": ["10.0.0.0/8", "2001:db8::1"],
        "enabled": true, "team": "research", "tags": { "cost-centre": "42" }, "budget_mode": "balanced", "budget_clamp": true,
        "time_zone": "Asia/Shanghai", "show_spend": true,
    });
    let reply = world.post("/admin/keys", body).await;
    let made = reply.expect(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(reply.headers["location"], format!("/admin/keys/{id}"));
    let secret = made["key"].as_str().unwrap();
    assert_eq!(public_id(secret), Some(id));
    assert!(secret.ends_with(made["last4"].as_str().unwrap()));
    assert_eq!(made["budget_usd_daily"], json!(12.5));
    assert_eq!(made["budget_usd_daily_nanos"], json!(12_500_000_000_i64));
    assert_eq!(made["budget_usd_weekly"], Value::Null);
    let access = world.store.key_access(id).await.unwrap().unwrap();
    assert_eq!(access.doors.len(), 1);
    assert_eq!(access.doors[0].hash, hash(&PEPPER, secret));

    let path = format!("/admin/keys/{id}");
    let shown = world.get(&path).await;
    assert!(!shown.text.contains(secret));
    let shown = shown.expect(200);
    assert_eq!(shown["ip_allowlist"], json!(["10.0.0.0/8", "2001:db8::1"]));
    let spend = shown["spend"].as_array().unwrap();
    assert_eq!(spend.len(), 4);
    assert_eq!((&spend[0]["period"], &spend[0]["limit_usd"], &spend[0]["used_usd"]), (&json!("daily"), &json!(12.5), &json!(0)));
    assert_eq!(spend[0]["resets_at"], "2026-11-22T16:00:00.000000Z", "midnight in Shanghai");
    assert_eq!(spend[3]["resets_at"], Value::Null);

    world.pass(60);
    let changed = world
        .patch(&path, json!({ "budget_usd_daily": null, "max_concurrency": 8, "tags": { "cost-centre": null, "env": "prod" } }))
        .await
        .expect(200);
    assert_eq!(changed["budget_usd_daily"], Value::Null);
    assert_eq!(changed["max_concurrency"], 8);
    assert_eq!(changed["rate_limit_rpm"], 60, "what is not named stays");
    assert_eq!(changed["tags"], json!({ "env": "prod" }));
    assert_ne!(changed["updated_at"], changed["created_at"]);
    assert!(changed.get("key").is_none());

    assert_eq!(world.delete(&path).await.status, 204);
    world.get(&path).await.expect(404);
    world.delete(&path).await.expect(404);
    world.patch(&path, json!({})).await.expect(404);
}

#[tokio::test]
async fn money_is_read_exactly() {
    let world = World::new().await;
    for (text, nanos) in
        [("0.1", 100_000_000_i64), ("0.000000001", 1), ("123456.789012345", 123_456_789_012_345), ("1e-3", 1_000_000), ("5", 5_000_000_000)]
    {
        let body = format!("{{\"name\":\"k{nanos}\",\"budget_usd_total\":{text}}}");
        let made = world.send("POST", "/admin/keys", &body).await.expect(201);
        assert_eq!(made["budget_usd_total_nanos"], json!(nanos), "{text}");
        let stored = world.store.key(made["id"].as_str().unwrap()).await.unwrap().unwrap();
        assert_eq!(stored.limits.budget_usd_total.unwrap().0, nanos);
    }
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let world = World::new().await;
    for (body, fields) in [
        (r#"{}"#, &["name"][..]),
        (r#"{"name":""}"#, &["name"]),
        (r#"{"name":7}"#, &["name"]),
        (r#"{"name":"a\u0000b"}"#, &["name"]),
        (r#"{"name":"a","budgett":1}"#, &["budgett"]),
        (r#"{"name":"a","budget_usd_daily":-1}"#, &["budget_usd_daily"]),
        (r#"{"name":"a","budget_usd_daily":1e15}"#, &["budget_usd_daily"]),
        (r#"{"name":"a","budget_usd_daily":"5"}"#, &["budget_usd_daily"]),
        (r#"{"name":"a","budget_usd_daily":0.0000000001}"#, &["budget_usd_daily"]),
        (r#"{"name":"a","budget_usd_daily":99999999}"#, &["budget_usd_daily"]),
        (
            r#"{"name":"a","rate_limit_rpm":-5,"rate_limit_tpm":1.5,"max_concurrency":true}"#,
            &["rate_limit_rpm", "rate_limit_tpm", "max_concurrency"],
        ),
        (r#"{"name":"a","budget_tokens_daily":99999999999999999999}"#, &["budget_tokens_daily"]),
        (r#"{"name":"a","models":"gpt"}"#, &["models"]),
        (r#"{"name":"a","models":["gpt",3]}"#, &["models[1]"]),
        (r#"{"name":"a","expires_at":"tomorrow"}"#, &["expires_at"]),
        (r#"{"name":"a","ip_allowlist":["10.0.0.0/40"]}"#, &["ip_allowlist[0]"]),
        (r#"{"name":"a","time_zone":"Mars/Olympus"}"#, &["time_zone"]),
        (r#"{"name":"a","budget_mode":"loose"}"#, &["budget_mode"]),
        (r#"{"name":"a","firewall_policy":"strict"}"#, &["firewall_policy"]),
        (r#"{"name":"a","id":"aaaaaaaa"}"#, &["id"]),
        (r#"{"name":"a","key":"vk-mine"}"#, &["key"]),
        (r#"{"name":"a","tags":{"x":1}}"#, &["tags.x"]),
    ] {
        assert_eq!(world.send("POST", "/admin/keys", body).await.faults(), fields, "{body}");
    }
    assert_eq!(world.store.revision().await.unwrap().0, 0, "nothing was made");
    let reply = world.send("POST", "/admin/keys", r#"{"name":"a","firewall_policy":"strict"}"#).await;
    assert!(reply.text.contains("no firewall policy"), "{}", reply.text);
}

#[tokio::test]
async fn names_are_unique() {
    let world = World::new().await;
    issue(&world, json!({ "name": "a" })).await;
    let b = issue(&world, json!({ "name": "b" })).await;
    let reply = world.post("/admin/keys", json!({ "name": "a" })).await;
    assert!(reply.expect(409)["type"].as_str().unwrap().ends_with("name_taken"));
    world.patch(&format!("/admin/keys/{}", b["id"].as_str().unwrap()), json!({ "name": "a" })).await.expect(409);
}

#[tokio::test]
async fn rotation_keeps_the_id_and_closes_the_old_door_after_its_grace() {
    let world = World::new().await;
    let made = issue(&world, json!({ "name": "a" })).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("/admin/keys/{id}/rotate");
    let rotated = world.send("POST", &path, "").await.expect(200);
    assert_eq!(rotated["id"], made["id"]);
    assert_ne!(rotated["key"], made["key"]);
    assert_eq!(rotated["grace_until"], "2026-11-23T10:00:00.000000Z");
    assert_eq!(public_id(rotated["key"].as_str().unwrap()), Some(id));
    let doors = world.store.key_access(id).await.unwrap().unwrap().doors;
    assert_eq!(doors.len(), 2);
    let old = doors.iter().find(|door| door.hash == hash(&PEPPER, made["key"].as_str().unwrap())).unwrap();
    assert_eq!(old.until, Some(world.now().plus_seconds(86_400)));
    let shown = world.get(&format!("/admin/keys/{id}")).await.expect(200);
    assert_eq!(shown["last4"], rotated["last4"]);

    assert_eq!(world.post(&path, json!({ "grace": "1h" })).await.expect(200)["grace_until"], "2026-11-22T11:00:00.000000Z");
    assert_eq!(world.post(&path, json!({ "grace_s": 0 })).await.expect(200)["grace_until"], "2026-11-22T10:00:00.000000Z");
    assert_eq!(world.post(&path, json!({ "grace": "soon" })).await.faults(), ["grace"]);
    assert_eq!(world.post(&path, json!({ "grace": "90d" })).await.faults(), ["grace"]);
    assert_eq!(world.post(&path, json!({ "grave": 1 })).await.faults(), ["grave"]);
    world.send("POST", "/admin/keys/zzzzzzzz/rotate", "").await.expect(404);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let world = World::new().await;
    for n in 0..7 {
        issue(&world, json!({ "name": format!("key-{n}"), "team": if n % 2 == 0 { "even" } else { "odd" }, "enabled": n != 3 })).await;
    }
    let mut names = Vec::new();
    let mut path = String::from("/admin/keys?limit=3");
    loop {
        let page = world.get(&path).await.expect(200);
        names.extend(page["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/admin/keys?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(names, (0..7).map(|n| format!("key-{n}")).collect::<Vec<_>>());
    assert_eq!(world.get("/admin/keys?team=even").await.expect(200)["data"].as_array().unwrap().len(), 4);
    assert_eq!(world.get("/admin/keys?enabled=false").await.expect(200)["data"].as_array().unwrap().len(), 1);
    assert_eq!(world.get("/admin/keys?name=key-5").await.expect(200)["data"][0]["name"], "key-5");
}

#[tokio::test]
async fn a_change_is_announced_with_its_key() {
    let world = World::new().await;
    let mut notices = world.shared.bulletin.subscribe();
    let listen = async {
        let delivery = notices.next().await.unwrap();
        delivery.notice.clone()
    };
    let (made, notice) = tokio::join!(issue(&world, json!({ "name": "a" })), listen);
    assert_eq!(notice.keys, [made["id"].as_str().unwrap()]);
    assert_eq!(notice.revision, world.store.revision().await.unwrap());
}

#[tokio::test]
async fn two_patches_at_once_both_stay() {
    let world = World::new().await;
    let made = issue(&world, json!({ "name": "a" })).await;
    let path = format!("/admin/keys/{}", made["id"].as_str().unwrap());
    let (first, second) =
        tokio::join!(world.patch(&path, json!({ "rate_limit_rpm": 5 })), world.patch(&path, json!({ "max_concurrency": 6 })));
    assert!(first.status.is_success() && second.status.is_success());
    let shown = world.get(&path).await.expect(200);
    assert_eq!((&shown["rate_limit_rpm"], &shown["max_concurrency"]), (&json!(5), &json!(6)));
}
