//! Routes.

use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_route_is_put_shown_replaced_and_removed() {
    let world = World::new().await;
    world.provider("openai").await;
    world.provider("deepseek").await;
    let made = world
        .put(
            "/admin/routes/gpt-4o",
            json!({ "provider": "openai", "fallback": ["deepseek", { "provider": "openai", "model": "gpt-4o-mini" }] }),
        )
        .await
        .expect(201);
    assert_eq!(made["model"], "gpt-4o");
    assert_eq!(made["provider"], "openai");
    assert_eq!(made["fallback"], json!(["deepseek", { "provider": "openai", "model": "gpt-4o-mini" }]));
    assert_eq!(made["targets"], json!([{ "provider": "openai", "model": null, "weight": 1 }]));

    let shown = world.get("/admin/routes/gpt-4o").await.expect(200);
    assert_eq!(shown, made);
    assert_eq!(world.put("/admin/routes/gpt-4o", shown).await.expect(200), made, "an answer may be sent back");

    let full = json!({ "targets": [{ "provider": "openai", "weight": 3 }, { "provider": "deepseek", "model": "deepseek-chat" }], "strategy": "ordered", "retries": 2, "timeout": "30s" });
    let replaced = world.put("/admin/routes/gpt-4o", full).await.expect(200);
    assert_eq!((&replaced["strategy"], &replaced["retries"], &replaced["timeout_ms"]), (&json!("ordered"), &json!(2), &json!(30_000)));
    assert_eq!(replaced["fallback"], json!([]));

    assert_eq!(world.delete("/admin/routes/gpt-4o").await.status, 204);
    world.get("/admin/routes/gpt-4o").await.expect(404);
    world.delete("/admin/routes/gpt-4o").await.expect(404);
}

#[tokio::test]
async fn models_may_hold_slashes_and_stars() {
    let world = World::new().await;
    world.provider("openai").await;
    for (path, model) in [
        ("/admin/routes/meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("/admin/routes/org%2Fmodel%3Afree", "org/model:free"),
        ("/admin/routes/claude-*", "claude-*"),
        ("/admin/routes/gpt-%2A", "gpt-*"),
    ] {
        assert_eq!(world.put(path, json!({ "provider": "openai" })).await.expect(201)["model"], model);
        assert_eq!(world.get(path).await.expect(200)["model"], model);
    }
    assert_eq!(world.get("/admin/routes").await.expect(200)["data"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn what_a_route_names_must_exist() {
    let world = World::new().await;
    world.provider("openai").await;
    for (body, fields) in [
        (json!({}), &["provider"][..]),
        (json!({ "provider": "nobody" }), &["provider"]),
        (json!({ "provider": "openai", "fallback": ["nobody"] }), &["fallback[0].provider"]),
        (json!({ "targets": [{ "provider": "openai", "weight": 2 }, { "provider": "nobody" }] }), &["targets[1].provider"]),
        (json!({ "targets": [{ "weight": 2 }] }), &["targets[0].provider"]),
        (json!({ "provider": "openai", "model": "other" }), &["model"]),
        (json!({ "provider": "openai", "retries": 6 }), &["retries"]),
        (json!({ "provider": "openai", "strategy": "random" }), &["strategy"]),
        (json!({ "provider": "openai", "timeout": -3 }), &["timeout"]),
        (json!({ "provider": "openai", "firewall_policy": "x" }), &["firewall_policy"]),
    ] {
        assert_eq!(world.put("/admin/routes/m", body.clone()).await.faults(), fields, "{body}");
    }
}

#[tokio::test]
async fn a_provider_that_a_route_names_stays() {
    let world = World::new().await;
    world.provider("openai").await;
    world.put("/admin/routes/m", json!({ "provider": "openai" })).await.expect(201);
    let reply = world.delete("/admin/providers/openai").await;
    assert!(reply.expect(409)["type"].as_str().unwrap().ends_with("in_use"));
    world.delete("/admin/routes/m").await;
    assert_eq!(world.delete("/admin/providers/openai").await.status, 204);
}
