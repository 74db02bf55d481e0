//! Prices and their import.

use fluxa_domain::price::Rate;
use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_price_is_added_and_listed() {
    let world = World::new().await;
    let body = json!({
        "provider": "openai", "model": "house-model", "input_per_mtok": 2.5, "output_per_mtok": 10, "cache_read_per_mtok": 0.25,
        "tiers": [{ "above_input_tokens": 128_000, "input_per_mtok": 5, "output_per_mtok": 20 }], "per_image_usd": 0.04, "context": 200_000,
    });
    let made = world.post("/admin/prices", body).await.expect(201);
    assert_eq!(made["version"], "manual-1");
    assert_eq!(made["valid_from"], "2026-11-22T10:00:00.000000Z");
    assert_eq!(
        (&made["input_per_mtok"], &made["output_per_mtok"], &made["cache_write_5m_per_mtok"]),
        (&json!(2.5), &json!(10), &json!(null))
    );
    let listed = world.get("/admin/prices?origin=added").await.expect(200);
    assert_eq!(listed["data"], json!([made]));
    let stored = world.store.prices().await.unwrap();
    assert_eq!((stored[0].rates.input, stored[0].tiers[0].rates.output), (Rate(2_500_000_000), Rate(20_000_000_000)));
}

#[tokio::test]
async fn bad_prices_are_named() {
    let world = World::new().await;
    for (body, fields) in [
        (json!({ "model": "m" }), &["input_per_mtok", "output_per_mtok"][..]),
        (json!({ "input_per_mtok": 1, "output_per_mtok": 1 }), &["model"]),
        (json!({ "model": "m", "input_per_mtok": -1, "output_per_mtok": 1 }), &["input_per_mtok"]),
        (json!({ "model": "m", "input_per_mtok": 1, "output_per_mtok": 1e9 }), &["output_per_mtok"]),
        (
            json!({ "model": "m", "input_per_mtok": 1, "output_per_mtok": 1, "tiers": [{ "input_per_mtok": 1, "output_per_mtok": 1 }] }),
            &["tiers[0].above_input_tokens"],
        ),
        (json!({ "model": "m", "input_per_mtok": 1, "output_per_mtok": 1, "valid_from": "now" }), &["valid_from"]),
        (json!({ "model": "m", "input_per_mtok": 1, "output_per_mtok": 1, "input": 1 }), &["input"]),
    ] {
        assert_eq!(world.post("/admin/prices", body.clone()).await.faults(), fields, "{body}");
    }
}

#[tokio::test]
async fn the_public_map_is_imported() {
    let world = World::new().await;
    let map = json!({
        "sample_spec": { "input_cost_per_token": 0, "litellm_provider": "one of the list" },
        "gpt-house": { "input_cost_per_token": 2.5e-6, "output_cost_per_token": 1e-5, "litellm_provider": "openai", "mode": "chat" },
    });
    let reply = world.post("/admin/prices/import", map).await.expect(200);
    assert_eq!(reply["imported"], 1);
    assert_eq!(reply["version"], "import-1");
    assert!(reply["skipped"].is_array());
    let stored = world.store.prices().await.unwrap();
    assert_eq!((stored[0].model.as_str(), stored[0].rates.input, stored[0].valid_from), ("gpt-house", Rate(2_500_000_000), world.now()));
    let listed = world.get("/admin/prices?model=gpt-house&origin=added").await.expect(200);
    assert_eq!(listed["data"][0]["input_per_mtok"], json!(2.5));
    assert_eq!(world.send("POST", "/admin/prices/import", "{").await.status, 400);
    assert_eq!(world.send("POST", "/admin/prices/import", "[1]").await.status, 422);
    let bad = world
        .post(
            "/admin/prices/import",
            json!({ "gpt-bad": { "input_cost_per_token": -1, "output_cost_per_token": 1, "litellm_provider": "openai" } }),
        )
        .await;
    assert_eq!(bad.faults(), ["gpt-bad"]);
}

#[tokio::test]
async fn an_import_may_be_large() {
    let world = World::new().await;
    let padding = "x".repeat(2 * 1024 * 1024);
    let map = json!({ "gpt-house": { "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "litellm_provider": "openai", "mode": "chat", "source": padding } });
    world.post("/admin/prices/import", map).await.expect(200);
}

#[tokio::test]
async fn the_table_is_paged() {
    let world = World::new().await;
    let mut seen = 0;
    let mut path = String::from("/admin/prices?limit=500");
    loop {
        let page = world.get(&path).await.expect(200);
        seen += page["data"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/admin/prices?limit=500&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, fluxa_domain::prices::builtin().len());
}
