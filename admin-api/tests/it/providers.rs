//! Providers and their secrets.

use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_provider_is_made_shown_changed_tested_and_removed() {
    let world = World::new().await;
    let body = json!({
        "name": "openai", "kind": "openai", "api_keys": [{ "key": "sk-canary-first-1111", "weight": 3 }, "sk-canary-second-2222"],
        "base_url": "http://127.0.0.1:9999/v1/", "headers": { "x-team": "a" }, "timeouts": { "connect": "5s", "first_byte": 1.5, "idle_ms": 700 },
    });
    let reply = world.post("/admin/providers", body).await;
    let made = reply.expect(201);
    assert_eq!(reply.headers["location"], "/admin/providers/openai");
    assert_eq!(made["api_keys"], json!([{ "last4": "1111", "weight": 3 }, { "last4": "2222", "weight": 1 }]));
    assert_eq!(made["base_url"], "http://127.0.0.1:9999/v1");
    assert_eq!(made["timeouts"], json!({ "connect_ms": 5_000, "first_byte_ms": 1_500, "idle_ms": 700 }));
    assert_eq!(made["enabled"], true);

    let changed = world
        .patch(
            "/admin/providers/openai",
            json!({ "enabled": false, "timeouts": { "idle": null }, "headers": { "x-team": null, "x-b": "c" } }),
        )
        .await
        .expect(200);
    assert_eq!(changed["enabled"], false);
    assert_eq!(changed["timeouts"], json!({ "connect_ms": 5_000, "first_byte_ms": 1_500, "idle_ms": null }));
    assert_eq!(changed["headers"], json!({ "x-b": "c" }));
    assert_eq!(changed["api_keys"].as_array().unwrap().len(), 2, "the keys stay");
    let stored = world.store.provider("openai").await.unwrap().unwrap();
    assert_eq!(stored.secrets.api_keys[0].key.expose(), "sk-canary-first-1111");

    let changed = world.patch("/admin/providers/openai", json!({ "api_key": "sk-canary-third-3333" })).await.expect(200);
    assert_eq!(changed["api_keys"], json!([{ "last4": "3333", "weight": 1 }]));

    let report = world.send("POST", "/admin/providers/openai/test", "").await.expect(200);
    assert_eq!(report, json!({ "ok": true, "status": 200, "latency_ms": 12, "message": "openai answers", "models": 3 }));
    world.send("POST", "/admin/providers/other/test", "").await.expect(404);

    assert_eq!(world.delete("/admin/providers/openai").await.status, 204);
    world.get("/admin/providers/openai").await.expect(404);
}

#[tokio::test]
async fn no_answer_ever_holds_a_provider_key() {
    let world = World::new().await;
    let canaries = ["sk-canary-api-key-aaaa", "AKIACANARYIDBBBB", "canary-secret-access-cccc", "canary-session-token-dddd"];
    let mut said = String::new();
    let made = world
        .post(
            "/admin/providers",
            json!({
                "name": "aws", "kind": "bedrock", "region": "us-east-1", "api_key": canaries[0], "access_key_id": canaries[1],
                "secret_access_key": canaries[2], "session_token": canaries[3],
            }),
        )
        .await;
    said += &made.text;
    made.expect(201);
    said += &world.patch("/admin/providers/aws", json!({ "region": "eu-central-1", "api_key": "sk-canary-api-key-aaaa" })).await.text;
    said += &world.patch("/admin/providers/aws", json!({ "api_keys": ["sk canary with spaces"], "secret_access_key": 5 })).await.text;
    for path in ["/admin/providers", "/admin/providers/aws", "/admin/audit", "/admin/health", "/admin/openapi.json"] {
        said += &world.get(path).await.text;
    }
    said += &world.send("POST", "/admin/providers/aws/test", "").await.text;
    for canary in canaries.iter().chain(&["sk canary with spaces"]) {
        assert!(!said.contains(canary), "{canary}");
    }
    let stored = world.store.provider("aws").await.unwrap().unwrap();
    assert_eq!(stored.secrets.secret_access_key.unwrap().expose(), canaries[2]);
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let world = World::new().await;
    for (body, fields) in [
        (r#"{}"#, &["name", "kind"][..]),
        (r#"{"name":"a","kind":"nonsense","api_key":"sk-1"}"#, &["kind"]),
        (r#"{"name":"a","kind":"openai"}"#, &["api_key"]),
        (r#"{"name":"a","kind":"azure","api_key":"k"}"#, &["base_url"]),
        (r#"{"name":"a","kind":"bedrock","access_key_id":"AKIA"}"#, &["secret_access_key"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","apikey":"k"}"#, &["apikey"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","api_keys":["k"]}"#, &["api_keys"]),
        (r#"{"name":"a","kind":"openai","api_keys":[{"weight":1}]}"#, &["api_keys[0].key", "api_key"]),
        (r#"{"name":"a","kind":"openai","api_key":"line\nbreak"}"#, &["api_key", "api_key"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","base_url":"ftp://x"}"#, &["base_url"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","base_url":"http://u:p@x/"}"#, &["base_url"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","base_url":"http://169.254.169.254/latest"}"#, &["base_url"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","base_url":"http://[::ffff:169.254.169.254]/"}"#, &["base_url"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","headers":{"authorization":"x"}}"#, &["headers.authorization"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","timeouts":{"connect":"0s"}}"#, &["timeouts.connect"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","timeouts":{"read":"5s"}}"#, &["timeouts.read"]),
        (r#"{"name":"a","kind":"openai","api_key":"k","enabled":"yes"}"#, &["enabled"]),
    ] {
        assert_eq!(world.send("POST", "/admin/providers", body).await.faults(), fields, "{body}");
    }
    world.provider("p").await;
    assert_eq!(world.patch("/admin/providers/p", json!({ "name": "q" })).await.faults(), ["name"]);
    world.post("/admin/providers", json!({ "name": "p", "kind": "openai", "api_key": "k" })).await.expect(409);
}

#[tokio::test]
async fn keys_may_be_missing_where_none_is_needed() {
    let world = World::new().await;
    for body in [
        json!({ "name": "a", "kind": "ollama" }),
        json!({ "name": "b", "kind": "bedrock", "region": "us-east-1" }),
        json!({ "name": "c", "kind": "openai", "base_url": "http://127.0.0.1:8000/v1" }),
    ] {
        assert_eq!(world.post("/admin/providers", body).await.expect(201)["api_keys"], json!([]));
    }
}

#[tokio::test]
async fn lists_are_paged() {
    let world = World::new().await;
    for name in ["c", "a", "b"] {
        world.provider(name).await;
    }
    let first = world.get("/admin/providers?limit=2").await.expect(200);
    assert_eq!(first["data"][1]["name"], "b");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.get(&format!("/admin/providers?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!((&second["data"][0]["name"], &second["next_cursor"]), (&json!("c"), &json!(null)));
}
