//! Starts and ends of members while Postgres or Redis, or both, are away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Answer, chat};
use crate::roles::{AT_ONCE, LOOK, Member, PATIENCE, Site, furnish, kept_with, text};

/// To ready within a second is promised; a debug build on a busy machine may take this.
const SOON: Duration = Duration::from_secs(5);

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(LOOK).await;
    }
}

async fn ask(member: &Member, key: &str) -> Answer {
    member.send("POST", "/v1/chat/completions", key, &chat("hello")).await
}

async fn issue(admin: &Member, fields: Value) -> (String, String) {
    let (status, issued) = admin.admin("POST", "/admin/keys", fields).await;
    assert_eq!(status, 201, "{issued}");
    (issued["id"].as_str().unwrap().to_owned(), issued["key"].as_str().unwrap().to_owned())
}

async fn rows(admin: &Member, id: &str) -> Vec<Value> {
    let (_, answer) = admin.admin("GET", &format!("/admin/logs?key={id}&limit=200"), Value::Null).await;
    answer["data"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_gateway_starts_with_nobody_there_and_converges_when_they_are_back() {
    let mut site = Site::new().await;
    assert!(site.run(&["migrate"]).await.status.success());
    let (gateway, admin) = (site.member("gateway").await, site.member("admin").await);
    let (id, key) = furnish(&site, &admin).await;
    let (strict_id, strict) = issue(&admin, json!({"name": "strict", "budget_usd_total": 5, "on_store_error": "deny"})).await;
    gateway.answers(&key, 200, AT_ONCE).await;
    gateway.answers(&strict, 200, AT_ONCE).await;
    kept_with(&site, &gateway, &admin, &[&key, &strict]).await;
    gateway.stop();
    admin.stop();
    site.postgres.crash().unwrap();
    site.redis.crash();

    let gateway = site.member("gateway").await;
    assert!(gateway.started < SOON, "{:?}", gateway.started);
    let answer = ask(&gateway, &key).await;
    assert_eq!((answer.status, answer.header("x-fluxa-degraded")), (200, Some("counters_away")), "{}", gateway.said());
    assert_eq!(ask(&gateway, &strict).await.status, 503, "this key waits for its counters");
    let (status, ready) = gateway.ready().await;
    assert!(status == 200 && ready.contains("counters_away"), "{ready}");

    // The others can be heard again, and the database cannot be asked: what is known stays.
    site.redis.resume().unwrap();
    until("the gateway to listen", async || {
        site.redis.cli(&["pubsub", "numsub", "fluxa:bulletin"]).is_ok_and(|said| said.trim_end().ends_with('1'))
    })
    .await;
    for _ in 0..20 {
        let answer = ask(&gateway, &key).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    site.postgres.resume().unwrap();
    let admin = site.member("admin").await;
    until("counters to count", async || {
        let answer = ask(&gateway, &key).await;
        answer.status == 200 && answer.header("x-fluxa-degraded").is_none()
    })
    .await;
    gateway.answers(&strict, 200, PATIENCE).await;
    until("the gateway to be well", async || gateway.ready().await == (200, String::from("ready\n"))).await;
    // What was answered is counted by the vendor.
    let paid = site.mock.bill().requests;
    until("all rows", async || {
        let all = [rows(&admin, &id).await, rows(&admin, &strict_id).await].concat();
        all.iter().filter(|row| row["status"] == 200).count() as u64 == paid
    })
    .await;
    assert_eq!(admin.admin("DELETE", &format!("/admin/keys/{strict_id}"), Value::Null).await.0, 204);
    gateway.answers(&strict, 401, AT_ONCE).await;
    gateway.stop();
    admin.stop();
    let well = site.run(&["audit"]).await;
    assert!(well.status.success(), "{}", text(&well));
}

#[tokio::test]
async fn a_member_without_redis_starts_and_counts_when_it_comes() {
    let mut site = Site::new().await;
    site.redis.crash();
    // Postgres is waited for, too.
    site.postgres.crash().unwrap();
    let mut beginning = site.begin("serve");
    until("it to look for Postgres", async || beginning.said().contains("trying again")).await;
    assert_eq!(beginning.ended(), None);
    site.postgres.resume().unwrap();
    let serve = beginning.listening().await;
    let (id, key) = furnish(&site, &serve).await;
    let answer = ask(&serve, &key).await;
    assert_eq!((answer.status, answer.header("x-fluxa-degraded")), (200, Some("counters_away")), "{}", serve.said());
    let (_, health) = serve.admin("GET", "/admin/health", Value::Null).await;
    assert_eq!((&health["status"], &health["degraded"]), (&json!("degraded"), &json!(["counters_away"])), "{health}");
    site.redis.resume().unwrap();
    until("counters to count", async || ask(&serve, &key).await.header("x-fluxa-degraded").is_none()).await;
    until("all rows", async || rows(&serve, &id).await.len() as u64 == site.mock.bill().requests).await;
    serve.stop();
    let well = site.run(&["audit"]).await;
    assert!(well.status.success(), "{}", text(&well));
}

#[tokio::test]
async fn a_redis_that_must_not_be_used_is_told_and_not_counted_in() {
    let mut site = Site::new().await;
    assert!(site.run(&["migrate"]).await.status.success());
    site.redis.cli(&["config", "set", "maxmemory-policy", "allkeys-lru"]).unwrap();
    for command in ["gateway", "serve", "admin"] {
        let refused = site.run(&[command, "--port", "0", "--telemetry-listen", "off"]).await;
        let said = text(&refused);
        assert!(refused.status.code() == Some(1) && said.contains("budgets need maxmemory-policy noeviction"), "{command}: {said}");
    }
    // One that was away is told when it comes.
    site.redis.crash();
    let serve = site.member("serve").await;
    let (_, key) = furnish(&site, &serve).await;
    site.redis.forget_keys();
    site.redis.resume().unwrap();
    until("it to be told", async || serve.said().contains("redis cannot be used, so nothing is counted there")).await;
    let answer = ask(&serve, &key).await;
    assert_eq!((answer.status, answer.header("x-fluxa-degraded")), (200, Some("counters_away")));
    assert_eq!(site.redis.cli(&["dbsize"]).unwrap(), "0", "nothing is written there");
    site.redis.cli(&["config", "set", "maxmemory-policy", "noeviction"]).unwrap();
    until("counters to count", async || ask(&serve, &key).await.header("x-fluxa-degraded").is_none()).await;
    serve.stop();
}

#[tokio::test]
async fn a_member_that_ends_while_postgres_is_away_says_where_its_rows_are() {
    let site = Site::new().await;
    let serve = site.member("serve").await;
    let (id, key) = furnish(&site, &serve).await;
    assert_eq!(ask(&serve, &key).await.status, 200);
    until("its row", async || rows(&serve, &id).await.len() == 1).await;
    site.postgres.crash().unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&serve, &key).await.status, 200);
    }
    let said = serve.end().await;
    assert!(said.contains("3 rows of usage are not in the database yet") && said.contains("the next start writes them"), "{said}");
    site.postgres.resume().unwrap();
    let serve = site.member("serve").await;
    until("all rows", async || rows(&serve, &id).await.len() == 4).await;
    serve.stop();
    let well = site.run(&["audit"]).await;
    assert!(well.status.success(), "{}", text(&well));
}
