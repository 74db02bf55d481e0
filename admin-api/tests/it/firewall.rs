//! Rules and policies of the firewall: made, tried, named by keys, and what was found.

mod forecasts;
mod policies;
mod rules;
mod trials;

use serde_json::{Value, json};

use crate::harness::World;

/// A policy of this name that does `action` about `rule`.
async fn policy(world: &World, name: &str, actions: Value) -> Value {
    world.post("/admin/firewall/policies", json!({ "name": name, "actions": actions })).await.expect(201)
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}
