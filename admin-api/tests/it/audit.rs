//! The audit log.

use serde_json::{Value, json};

use crate::harness::{MASTER, World};

#[tokio::test]
async fn every_change_is_written_with_before_and_after() {
    let world = World::new().await;
    let made = world.post("/admin/keys", json!({ "name": "a", "rate_limit_rpm": 5 })).await.expect(201);
    let id = made["id"].as_str().unwrap();
    world.patch(&format!("/admin/keys/{id}"), json!({ "rate_limit_rpm": 50 })).await.expect(200);
    let rotated = world.send("POST", &format!("/admin/keys/{id}/rotate"), "").await.expect(200);
    world.delete(&format!("/admin/keys/{id}")).await;

    let reply = world.get("/admin/audit").await;
    for secret in [made["key"].as_str().unwrap(), rotated["key"].as_str().unwrap(), MASTER] {
        assert!(!reply.text.contains(secret));
    }
    let rows = reply.expect(200)["data"].as_array().unwrap().clone();
    let actions: Vec<_> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["key.revoke", "key.rotate", "key.update", "key.issue"]);
    for row in &rows {
        assert_eq!(
            (&row["actor"], &row["role"], &row["ip"], &row["target"]),
            (&json!("master-key"), &json!("owner"), &json!("203.0.113.9"), &json!(id))
        );
    }
    assert_eq!(rows[3]["before"], Value::Null);
    assert!(rows[3]["after"].to_string().contains("\"rate_limit_rpm\":5"));
    assert!(rows[2]["before"].to_string().contains("\"rate_limit_rpm\":5,"));
    assert!(rows[2]["after"].to_string().contains("\"rate_limit_rpm\":50"));
    assert_eq!(rows[0]["after"], Value::Null);
    assert_eq!(rows[0]["revision"], 4);
}

#[tokio::test]
async fn the_log_is_filtered_and_paged() {
    let world = World::new().await;
    world.provider("p").await;
    for n in 0..5 {
        world.put(&format!("/admin/routes/m{n}"), json!({ "provider": "p" })).await.expect(201);
    }
    let first = world.get("/admin/audit?action=route.put&limit=3").await.expect(200);
    assert_eq!(first["data"].as_array().unwrap().len(), 3);
    let second =
        world.get(&format!("/admin/audit?action=route.put&limit=3&cursor={}", first["next_cursor"].as_str().unwrap())).await.expect(200);
    assert_eq!((second["data"].as_array().unwrap().len(), &second["next_cursor"]), (2, &Value::Null));
    assert_eq!(world.get("/admin/audit?target=m3").await.expect(200)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_change_leaves_no_row() {
    let world = World::new().await;
    world.post("/admin/keys", json!({ "name": "" })).await.expect(422);
    world.delete("/admin/keys/zzzzzzzz").await.expect(404);
    assert_eq!(world.get("/admin/audit").await.expect(200)["data"], json!([]));
}
