//! Policies, and who names them.

use serde_json::{Value, json};

use super::{names, policy};
use crate::harness::World;

const POLICIES: &str = "/admin/firewall/policies";

#[tokio::test]
async fn a_policy_is_made_shown_changed_and_removed() {
    let world = World::new().await;
    let body = json!({
        "name": "strict one", "note": "for the bank", "direction": "request", "default": "alert", "observe_only": true,
        "actions": { "email": "mask", "credentials": "block", "custom": "off", "finance": { "action": "mask", "style": "last4", "min_confidence": "high" } },
    });
    let reply = world.post(POLICIES, body.clone()).await;
    let made = reply.expect(201);
    assert_eq!(reply.headers["location"], "/admin/firewall/policies/strict%20one");
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    let path = "/admin/firewall/policies/strict%20one";
    assert_eq!(world.get(path).await.expect(200), made);
    world.pass(60);
    let changed = world.patch(path, json!({ "observe_only": false, "actions": { "email": null, "pii": "pseudonym" } })).await.expect(200);
    assert_eq!(changed["actions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["credentials", "custom", "finance", "pii"]);
    assert_eq!((&changed["observe_only"], &changed["note"]), (&json!(false), &json!("for the bank")));
    assert_ne!(changed["updated_at"], changed["created_at"]);
    let put = world.put(path, json!({ "actions": { "email": "block" } })).await.expect(200);
    assert_eq!((&put["actions"], &put["default"], &put["note"]), (&json!({ "email": "block" }), &json!("observe"), &json!("")));
    assert_eq!(put["created_at"], made["created_at"]);
    world.put("/admin/firewall/policies/other", json!({})).await.expect(201);
    assert_eq!(names(&world.get(POLICIES).await.expect(200)), ["other", "strict one"]);
    let first = world.get("/admin/firewall/policies?limit=1").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(names(&world.get(&format!("/admin/firewall/policies?limit=1&cursor={cursor}")).await.expect(200)), ["strict one"]);
    assert!(world.post(POLICIES, json!({ "name": "other" })).await.expect(409)["type"].as_str().unwrap().ends_with("name_taken"));
    assert_eq!(world.delete(path).await.status, 204);
    world.get(path).await.expect(404);
    world.delete(path).await.expect(404);
    world.patch(path, json!({})).await.expect(404);
}

#[tokio::test]
async fn every_bad_field_of_a_policy_is_named() {
    let world = World::new().await;
    for (body, fields) in [
        (json!({}), &["name"][..]),
        (json!({ "name": "a\nb" }), &["name"]),
        (json!({ "name": "a", "direction": "up" }), &["direction"]),
        (json!({ "name": "a", "default": "shrug" }), &["default"]),
        (json!({ "name": "a", "defualt": "mask" }), &["defualt"]),
        (json!({ "name": "a", "observe_only": 1 }), &["observe_only"]),
        (json!({ "name": "a", "actions": [] }), &["actions"]),
        (json!({ "name": "a", "actions": { "emial": "mask" } }), &["actions.emial"]),
        (json!({ "name": "a", "actions": { "email": "hide" } }), &["actions.email"]),
        (json!({ "name": "a", "actions": { "email": 3 } }), &["actions.email"]),
        (json!({ "name": "a", "actions": { "email": {} } }), &["actions.email.action"]),
        (
            json!({ "name": "a", "actions": { "email": { "action": "mask", "style": "x", "min_confidence": 1 } } }),
            &["actions.email.style", "actions.email.min_confidence"],
        ),
        (json!({ "name": "a", "actions": { "email": { "action": "mask", "colour": "x" } } }), &["actions.email.colour"]),
        (json!({ "name": "a", "created_at": "now" }), &["created_at"]),
    ] {
        assert_eq!(world.post(POLICIES, body.clone()).await.faults(), fields, "{body}");
    }
    let reply = world.post(POLICIES, json!({ "name": "a", "actions": { "emial": "mask" } })).await;
    assert!(reply.text.contains("did you mean \\\"email\\\"?"), "{}", reply.text);
    let reply = world.send("POST", POLICIES, r#"{"name":"a","actions":{"email":"mask","email":"block"}}"#).await;
    assert_eq!(reply.faults(), ["actions.email"]);
    assert_eq!(world.store.revision().await.unwrap().0, 0, "nothing was made");
    policy(&world, "a", json!({})).await;
    assert_eq!(world.patch("/admin/firewall/policies/a", json!({ "name": "b" })).await.faults(), ["name"]);
}

#[tokio::test]
async fn keys_teams_organizations_and_routes_name_a_policy_that_exists_and_hold_it() {
    let world = World::new().await;
    world.provider("openai").await;
    policy(&world, "strict", json!({ "email": "block" })).await;
    let key = world.post("/admin/keys", json!({ "name": "k" })).await.expect(201);
    let key = format!("/admin/keys/{}", key["id"].as_str().unwrap());
    for path in ["/admin/teams", "/admin/organizations"] {
        assert_eq!(world.post(path, json!({ "name": "x", "firewall_policy": "nobody" })).await.faults(), ["firewall_policy"], "{path}");
        world.post(path, json!({ "name": "x" })).await.expect(201);
    }
    assert_eq!(
        world.post("/admin/keys", json!({ "name": "l", "firewall_policy": "strict" })).await.expect(201)["firewall_policy"],
        "strict"
    );
    world.patch(&format!("/admin/keys/{}", key_id(&world, "l").await), json!({ "firewall_policy": null })).await.expect(200);
    let route = |policy: Value| json!({ "provider": "openai", "firewall_policy": policy });
    assert_eq!(world.put("/admin/routes/m", route(json!("nobody"))).await.faults(), ["firewall_policy"]);
    for path in [key.as_str(), "/admin/teams/x", "/admin/organizations/x"] {
        assert_eq!(world.patch(path, json!({ "firewall_policy": "nobody" })).await.faults(), ["firewall_policy"], "{path}");
        assert_eq!(world.patch(path, json!({ "firewall_policy": 5 })).await.faults(), ["firewall_policy"], "{path}");
        assert_eq!(world.patch(path, json!({ "firewall_policy": "strict" })).await.expect(200)["firewall_policy"], "strict", "{path}");
        assert_eq!(world.get(path).await.expect(200)["firewall_policy"], "strict", "{path}");
        let reply = world.delete("/admin/firewall/policies/strict").await.expect(409);
        assert!(reply["type"].as_str().unwrap().ends_with("in_use"), "{path}: {reply}");
        assert_eq!(world.patch(path, json!({ "firewall_policy": null })).await.expect(200)["firewall_policy"], Value::Null, "{path}");
    }
    world.put("/admin/routes/m", route(json!("strict"))).await.expect(201);
    assert_eq!(world.get("/admin/routes/m").await.expect(200)["firewall_policy"], "strict");
    world.delete("/admin/firewall/policies/strict").await.expect(409);
    assert_eq!(world.put("/admin/routes/m", route(Value::Null)).await.expect(200)["firewall_policy"], Value::Null);
    assert_eq!(world.delete("/admin/firewall/policies/strict").await.status, 204);
}

async fn key_id(world: &World, name: &str) -> String {
    world.get(&format!("/admin/keys?name={name}")).await.expect(200)["data"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_change_is_in_the_audit_log() {
    let world = World::new().await;
    policy(&world, "strict", json!({ "email": "mask" })).await;
    world.patch("/admin/firewall/policies/strict", json!({ "default": "block" })).await.expect(200);
    world.delete("/admin/firewall/policies/strict").await;
    let page = world.get("/admin/audit").await.expect(200);
    let rows: Vec<&str> = page["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(rows, ["firewall_policy.delete", "firewall_policy.put", "firewall_policy.put"]);
    assert_eq!((&page["data"][1]["before"]["default"], &page["data"][1]["after"]["default"]), (&json!("observe"), &json!("block")));
}

#[tokio::test]
async fn the_policy_that_the_settings_name_stays() {
    let world = World::new().await;
    let path = "/admin/firewall/policies/of_the_settings";
    world.delete(path).await.expect(404);
    policy(&world, "of_the_settings", json!({ "email": "mask" })).await;
    assert!(world.delete(path).await.expect(409)["detail"].as_str().unwrap().contains("firewall.policy"));
    world.get(path).await.expect(200);
}
