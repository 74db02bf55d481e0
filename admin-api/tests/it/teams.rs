//! Teams and organisations, and what keys have beside them: limits of models, outages, kept answers.

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::usage::Usage;
use serde_json::{Value, json};

use crate::harness::World;

async fn organization(world: &World, name: &str) {
    world.post("/admin/organizations", json!({ "name": name })).await.expect(201);
}

async fn team(world: &World, body: Value) -> Value {
    world.post("/admin/teams", body).await.expect(201)
}

#[tokio::test]
async fn a_team_is_made_shown_changed_and_removed() {
    let world = World::new().await;
    organization(&world, "acme").await;
    let body = json!({
        "name": "red team", "organization": "acme", "budget_usd_daily": 12.5, "budget_usd_weekly": 50, "budget_usd_monthly": 150,
        "budget_usd_total": 1_000, "budget_tokens_daily": 1, "budget_tokens_weekly": 2, "budget_tokens_monthly": 3, "budget_tokens_total": 4,
        "rate_limit_rpm": 60, "rate_limit_tpm": 100_000, "max_concurrency": 4, "models": ["gpt-4o", "claude-*"], "time_zone": "Asia/Shanghai",
        "enabled": true, "tags": { "cost-centre": "42" }, "cache": { "ttl_s": 300, "shared": "team" },
    });
    let reply = world.post("/admin/teams", body.clone()).await;
    let made = reply.expect(201);
    assert_eq!(reply.headers["location"], "/admin/teams/red%20team");
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    assert_eq!(made["budget_usd_daily_nanos"], json!(12_500_000_000_i64));

    let path = "/admin/teams/red%20team";
    let shown = world.get(path).await.expect(200);
    let spend = shown["spend"].as_array().unwrap();
    assert_eq!((&spend[0]["period"], &spend[0]["limit_usd"], &spend[0]["used_usd"]), (&json!("daily"), &json!(12.5), &json!(0)));
    assert_eq!(spend[0]["resets_at"], "2026-11-22T16:00:00.000000Z", "midnight in Shanghai");

    world.pass(60);
    let change =
        json!({ "budget_usd_daily": null, "max_concurrency": 8, "tags": { "cost-centre": null, "env": "prod" }, "cache": { "ttl_s": 60 } });
    let changed = world.patch(path, change).await.expect(200);
    assert_eq!(
        (&changed["budget_usd_daily"], &changed["max_concurrency"], &changed["rate_limit_rpm"]),
        (&Value::Null, &json!(8), &json!(60))
    );
    assert_eq!((&changed["tags"], &changed["cache"]), (&json!({ "env": "prod" }), &json!({ "ttl_s": 60, "shared": "team" })));
    assert_ne!(changed["updated_at"], changed["created_at"]);
    let cleared = world.patch(path, json!({ "cache": null, "organization": null, "models": null, "time_zone": null })).await.expect(200);
    assert_eq!(
        (&cleared["cache"], &cleared["organization"], &cleared["models"], &cleared["time_zone"]),
        (&Value::Null, &Value::Null, &json!([]), &json!("UTC"))
    );
    assert_eq!(world.patch(path, json!({ "name": "blue" })).await.faults(), ["name"]);
    world.patch(path, json!({ "name": "red team" })).await.expect(200);
    assert!(world.post("/admin/teams", json!({ "name": "red team" })).await.expect(409)["type"].as_str().unwrap().ends_with("name_taken"));

    assert_eq!(world.delete(path).await.status, 204);
    world.get(path).await.expect(404);
    world.delete(path).await.expect(404);
    world.patch(path, json!({})).await.expect(404);
}

#[tokio::test]
async fn an_organization_is_made_shown_changed_and_removed() {
    let world = World::new().await;
    let body =
        json!({ "name": "acme", "budget_usd_monthly": 2_000, "rate_limit_rpm": 600, "models": ["gpt-*"], "time_zone": "Europe/Berlin" });
    let reply = world.post("/admin/organizations", body).await;
    let made = reply.expect(201);
    assert_eq!(reply.headers["location"], "/admin/organizations/acme");
    assert_eq!((&made["enabled"], &made["budget_usd_monthly_nanos"]), (&json!(true), &json!(2_000_000_000_000_i64)));
    let shown = world.get("/admin/organizations/acme").await.expect(200);
    assert_eq!((&shown["spend"][2]["limit_usd"], &shown["spend"][2]["resets_at"]), (&json!(2_000), &json!("2026-11-30T23:00:00.000000Z")));
    let changed = world.patch("/admin/organizations/acme", json!({ "enabled": false, "budget_usd_monthly": null })).await.expect(200);
    assert_eq!(
        (&changed["enabled"], &changed["budget_usd_monthly"], &changed["rate_limit_rpm"]),
        (&json!(false), &Value::Null, &json!(600))
    );
    world.post("/admin/organizations", json!({ "name": "acme" })).await.expect(409);
    assert_eq!(world.delete("/admin/organizations/acme").await.status, 204);
    for reply in [
        world.get("/admin/organizations/acme").await,
        world.delete("/admin/organizations/acme").await,
        world.patch("/admin/organizations/acme", json!({})).await,
    ] {
        reply.expect(404);
    }
}

#[tokio::test]
async fn what_is_in_use_stays() {
    let world = World::new().await;
    organization(&world, "acme").await;
    team(&world, json!({ "name": "red", "organization": "acme" })).await;
    let key = world.post("/admin/keys", json!({ "name": "k", "team": "red" })).await.expect(201);
    let reply = world.delete("/admin/organizations/acme").await.expect(409);
    assert!(reply["type"].as_str().unwrap().ends_with("in_use") && reply["detail"].as_str().unwrap().contains("team \"red\""), "{reply}");
    let reply = world.delete("/admin/teams/red").await.expect(409);
    assert!(reply["type"].as_str().unwrap().ends_with("in_use") && reply["detail"].as_str().unwrap().contains("key \"k\""), "{reply}");
    world.patch(&format!("/admin/keys/{}", key["id"].as_str().unwrap()), json!({ "team": "a label" })).await.expect(200);
    assert_eq!(world.delete("/admin/teams/red").await.status, 204);
    assert_eq!(world.delete("/admin/organizations/acme").await.status, 204);
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let world = World::new().await;
    for (body, fields) in [
        (r#"{}"#, &["name"][..]),
        (r#"{"name":""}"#, &["name"]),
        (r#"{"name":"a*"}"#, &["name"]),
        (r#"{"name":"a","budgett":1}"#, &["budgett"]),
        (r#"{"name":"a","budget_usd_daily":-1,"rate_limit_rpm":"6"}"#, &["budget_usd_daily", "rate_limit_rpm"]),
        (r#"{"name":"a","budget_usd_daily_nanos":5}"#, &["budget_usd_daily_nanos"]),
        (r#"{"name":"a","models":["gpt",3]}"#, &["models[1]"]),
        (r#"{"name":"a","time_zone":"Mars/Olympus"}"#, &["time_zone"]),
        (r#"{"name":"a","spend":[]}"#, &["spend"]),
    ] {
        for path in ["/admin/teams", "/admin/organizations"] {
            assert_eq!(world.send("POST", path, body).await.faults(), fields, "{path} {body}");
        }
    }
    for (body, fields) in [
        (r#"{"name":"a","organization":"nobody"}"#, &["organization"][..]),
        (r#"{"name":"a","organization":"a\nb"}"#, &["organization"]),
        (r#"{"name":"a","tags":{"x":1}}"#, &["tags.x"]),
        (r#"{"name":"a","cache":{}}"#, &["cache.ttl_s"]),
        (r#"{"name":"a","cache":{"ttl_s":0}}"#, &["cache.ttl_s"]),
        (r#"{"name":"a","cache":{"ttl_s":null}}"#, &["cache.ttl_s"]),
        (r#"{"name":"a","cache":{"ttl_s":99999999}}"#, &["cache.ttl_s"]),
        (r#"{"name":"a","cache":{"ttl_s":5,"shared":"all"}}"#, &["cache.shared"]),
        (r#"{"name":"a","cache":{"ttl_s":5,"ttl":5}}"#, &["cache.ttl"]),
        (r#"{"name":"a","cache":300}"#, &["cache"]),
    ] {
        assert_eq!(world.send("POST", "/admin/teams", body).await.faults(), fields, "{body}");
    }
    assert_eq!(world.send("POST", "/admin/organizations", r#"{"name":"a","tags":{}}"#).await.faults(), ["tags"]);
    assert_eq!(world.store.revision().await.unwrap().0, 0, "nothing was made");
    team(&world, json!({ "name": "a", "organization": "default" })).await;
    assert_eq!(world.patch("/admin/teams/a", json!({ "organization": "nobody" })).await.faults(), ["organization"]);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let world = World::new().await;
    organization(&world, "acme").await;
    for (name, organization) in [("c", json!("acme")), ("a", Value::Null), ("b", json!("acme"))] {
        team(&world, json!({ "name": name, "organization": organization })).await;
    }
    let first = world.get("/admin/teams?limit=2").await.expect(200);
    assert_eq!((&first["data"][0]["name"], &first["data"][1]["name"]), (&json!("a"), &json!("b")));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.get(&format!("/admin/teams?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!((&second["data"][0]["name"], &second["next_cursor"]), (&json!("c"), &json!(null)));
    let names = |page: &Value| page["data"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&world.get("/admin/teams?organization=acme").await.expect(200)), ["b", "c"]);
    assert_eq!(names(&world.get("/admin/teams?organization=default").await.expect(200)), ["a"]);
    organization(&world, "beta").await;
    let first = world.get("/admin/organizations?limit=1").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(names(&first), ["acme"]);
    assert_eq!(names(&world.get(&format!("/admin/organizations?limit=1&cursor={cursor}")).await.expect(200)), ["beta"]);
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_and_makes_a_revision() {
    let world = World::new().await;
    organization(&world, "acme").await;
    team(&world, json!({ "name": "red", "organization": "acme" })).await;
    world.patch("/admin/teams/red", json!({ "enabled": false })).await.expect(200);
    world.patch("/admin/organizations/acme", json!({ "rate_limit_rpm": 5 })).await.expect(200);
    world.delete("/admin/teams/red").await;
    world.delete("/admin/organizations/acme").await;
    assert_eq!(world.store.revision().await.unwrap().0, 6);
    let audit = world.get("/admin/audit").await.expect(200);
    let rows = audit["data"].as_array().unwrap();
    let actions: Vec<&str> = rows.iter().rev().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["organization.create", "team.create", "team.update", "organization.update", "team.delete", "organization.delete"]);
    assert_eq!((&rows[3]["before"]["enabled"], &rows[3]["after"]["enabled"]), (&json!(true), &json!(false)));
    assert_eq!((&rows[0]["target"], &rows[0]["after"]), (&json!("acme"), &Value::Null));
}

#[tokio::test]
async fn a_key_has_limits_of_models_a_way_through_outages_and_kept_answers() {
    let world = World::new().await;
    let body = json!({
        "name": "k", "on_store_error": "deny", "cache": { "ttl_s": 60 },
        "model_limits": { "gpt-4o": { "budget_usd_daily": 0.5, "rate_limit_rpm": 10 }, "claude-*": { "max_concurrency": 2 } },
    });
    let made = world.post("/admin/keys", body).await.expect(201);
    let path = format!("/admin/keys/{}", made["id"].as_str().unwrap());
    let limits = json!({
        "gpt-4o": { "budget_usd_daily": 0.5, "budget_usd_daily_nanos": 500_000_000, "rate_limit_rpm": 10 }, "claude-*": { "max_concurrency": 2 },
    });
    assert_eq!((&made["model_limits"], &made["on_store_error"]), (&limits, &json!("deny")));
    assert_eq!(made["cache"], json!({ "ttl_s": 60, "shared": "key" }));

    let shown = world.patch(&path, json!({ "show_spend": true })).await.expect(200);
    assert_eq!((&shown["model_limits"], &shown["cache"]), (&limits, &made["cache"]), "what is not named stays");
    let change = json!({ "model_limits": { "claude-*": null, "gpt-4o": { "rate_limit_rpm": null }, "o3": { "rate_limit_tpm": 9 } } });
    let shown = world.patch(&path, change).await.expect(200);
    assert_eq!(
        shown["model_limits"],
        json!({ "gpt-4o": { "budget_usd_daily": 0.5, "budget_usd_daily_nanos": 500_000_000 }, "o3": { "rate_limit_tpm": 9 } })
    );
    let stored = world.store.key(made["id"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.model_limits["gpt-4o"].budget_usd_daily, Some(NanoUsd(500_000_000)));
    let cleared = world.patch(&path, json!({ "model_limits": null, "on_store_error": null, "cache": null })).await.expect(200);
    assert_eq!((&cleared["model_limits"], &cleared["on_store_error"], &cleared["cache"]), (&json!({}), &Value::Null, &Value::Null));

    for (body, fields) in [
        (r#"{"model_limits":{"gpt-4o":{"budget_usd_daily":-1}}}"#, &["model_limits.gpt-4o.budget_usd_daily"][..]),
        (r#"{"model_limits":{"gpt-4o":{"budget_usd_daily":99999999}}}"#, &["model_limits.gpt-4o.budget_usd_daily"]),
        (
            r#"{"model_limits":{"gpt-4o":{"budget":1},"*":{"max_concurrency":1.5}}}"#,
            &["model_limits.gpt-4o.budget", "model_limits.*.max_concurrency"],
        ),
        (r#"{"model_limits":{"gpt-4o":5}}"#, &["model_limits.gpt-4o"]),
        (r#"{"model_limits":{"a\nb":{}}}"#, &["model_limits.a\nb"]),
        (r#"{"model_limits":{"":{}}}"#, &["model_limits."]),
        (r#"{"model_limits":[]}"#, &["model_limits"]),
        (r#"{"model_limits":{"a":{"budget_usd_daily":1,"budget_usd_daily":2}}}"#, &["model_limits.a.budget_usd_daily"]),
        (r#"{"on_store_error":"shrug"}"#, &["on_store_error"]),
        (r#"{"cache":{"shared":"team"}}"#, &["cache.ttl_s"]),
    ] {
        assert_eq!(world.send("PATCH", &path, body).await.faults(), fields, "{body}");
    }
    let many: serde_json::Map<String, Value> = (0..101).map(|n| (format!("m{n}"), json!({}))).collect();
    assert_eq!(world.patch(&path, json!({ "model_limits": many })).await.faults(), ["model_limits"]);
    let long = json!({ "model_limits": { "x".repeat(129): {} } });
    assert_eq!(world.patch(&path, long).await.faults(), [format!("model_limits.{}", "x".repeat(64))]);
    // A hundred in all, however many bodies they come in.
    let (first, second): (Vec<_>, Vec<_>) = many.into_iter().partition(|(name, _)| name < &String::from("m5"));
    let body = |part: Vec<(String, Value)>| json!({ "model_limits": part.into_iter().collect::<serde_json::Map<_, _>>() });
    world.patch(&path, body(first)).await.expect(200);
    assert_eq!(world.patch(&path, body(second)).await.faults(), ["model_limits"]);
}

/// A row of a key in a team of an organization.
fn row(world: &World, n: u8, team: &str, organization: &str, tags: &[(&str, &str)]) -> Entry {
    let mut entry = Entry::new(CallId::new(world.now(), [n; 10]), world.now());
    entry.request_id = format!("req-{n}");
    entry.key_id = String::from("AAAAAAAA");
    entry.team = team.to_owned();
    entry.organization = organization.to_owned();
    entry.tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    entry.model = String::from("gpt-4o");
    entry.op = String::from("chat");
    entry.status = 200;
    entry.usage = Usage { input_uncached: 10, output: 5, ..Usage::default() };
    entry.cost = NanoUsd(1_000_000);
    entry
}

#[tokio::test]
async fn spend_is_that_of_all_keys_together() {
    let world = World::new().await;
    organization(&world, "acme").await;
    for name in ["red", "blue"] {
        team(&world, json!({ "name": name, "organization": "acme", "budget_usd_daily": 1 })).await;
    }
    let rows = [row(&world, 1, "red", "acme", &[]), row(&world, 2, "red", "acme", &[]), row(&world, 3, "blue", "acme", &[])];
    world.store.append(&rows).await.unwrap();
    for (path, nanos) in [("/admin/teams/red", 2_000_000), ("/admin/teams/blue", 1_000_000), ("/admin/organizations/acme", 3_000_000)] {
        let spend = world.get(path).await.expect(200)["spend"].clone();
        for period in spend.as_array().unwrap() {
            assert_eq!(
                (&period["used_usd_nanos"], &period["used_tokens"]),
                (&json!(nanos), &json!(nanos / 1_000_000 * 15)),
                "{path} {period}"
            );
        }
    }
}

#[tokio::test]
async fn usage_is_summed_by_user_and_bare_tags() {
    let world = World::new().await;
    let rows = [
        row(&world, 1, "red", "", &[("user", "ann"), ("beta", "")]),
        row(&world, 2, "red", "", &[("user", "bob")]),
        row(&world, 3, "red", "", &[("user", "ann")]),
    ];
    world.store.append(&rows).await.unwrap();
    let groups = async |query: &str| {
        let reply = world.get(&format!("/admin/usage?{query}")).await.expect(200);
        let rows = reply["data"].as_array().unwrap();
        rows.iter().map(|row| (row["group"].as_str().unwrap().to_owned(), row["requests"].as_u64().unwrap())).collect::<Vec<_>>()
    };
    let expect = |groups: &[(&str, u64)]| groups.iter().map(|(group, count)| ((*group).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(groups("group_by=user").await, expect(&[("ann", 2), ("bob", 1)]));
    assert_eq!(world.get("/admin/usage?group_by=user").await.expect(200)["data"][0]["user"], "ann");
    assert_eq!(groups("group_by=tag").await, expect(&[("beta", 1), ("user=ann", 2), ("user=bob", 1)]));
    assert_eq!(groups("group_by=tag:beta").await, expect(&[("", 1)]));
    assert_eq!(groups("group_by=organization").await, expect(&[("default", 3)]));
    assert_eq!(groups("organization=nobody").await, expect(&[]));
    assert_eq!(groups("organization=default").await, expect(&[("", 3)]));
    assert_eq!(world.get("/admin/usage?group_by=user&organization=acme").await.faults(), ["group_by"]);
}

#[tokio::test]
async fn log_rows_and_the_export_name_the_organization() {
    let world = World::new().await;
    let mut cached = row(&world, 1, "red", "acme", &[("user", "ann")]);
    cached.cached = true;
    world.store.append(&[cached, row(&world, 2, "", "", &[])]).await.unwrap();
    let shown = world.get("/admin/logs/req-1").await.expect(200);
    assert_eq!((&shown["organization"], &shown["cached"], &shown["tags"]), (&json!("acme"), &json!(true), &json!({ "user": "ann" })));
    let shown = world.get("/admin/logs/req-2").await.expect(200);
    assert_eq!((&shown["organization"], &shown["cached"]), (&json!("default"), &json!(false)));
    let export = world.get("/admin/usage/export").await.text;
    let mut lines = export.lines();
    assert!(lines.next().unwrap().ends_with(",organization,cached"), "{export}");
    assert!(lines.next().unwrap().ends_with(",acme,true"), "{export}");
    assert!(lines.next().unwrap().ends_with(",default,false"), "{export}");
}
