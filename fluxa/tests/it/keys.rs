//! The life of a virtual key: what its owner changes is in force with the next call, and never breaks one that runs.

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::books::{Key, ask, body, cost, key, open, patch_key, read_texts, rows, text, used};
use crate::harness::{Answer, Fluxa, Lab, Setup, lab};

async fn rotate(fluxa: &Fluxa, key: &Key, how: Value) -> Key {
    let (status, answer) = fluxa.admin("POST", &format!("/admin/keys/{}/rotate", key.id), how).await;
    assert_eq!(status, 200, "{answer}");
    Key { id: text(&answer["id"]), secret: text(&answer["key"]) }
}

async fn hello(fluxa: &Fluxa, key: &Key) -> Answer {
    ask(fluxa, key, &body("gpt-4o", json!({}))).await
}

fn slow() -> MockConfig {
    MockConfig { events: Some(30), interval_ms: 10, ..MockConfig::default() }
}

/// A stream that has begun.
async fn begun(lab: &Lab, key: &Key) -> crate::harness::Stream {
    let mut stream = open(&lab.fluxa, key, &body("gpt-4o", json!({"stream": true}))).await;
    assert!(read_texts(&mut stream, 2).await);
    stream
}

#[tokio::test]
async fn a_revoked_key_fails_at_the_next_call_and_its_running_stream_ends_well() {
    let lab = lab(Setup::default(), slow()).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 5})).await;
    let stream = begun(&lab, &key).await;
    let (status, _) = lab.fluxa.admin("DELETE", &format!("/admin/keys/{}", key.id), Value::Null).await;
    assert_eq!(status, 204);
    let refused = hello(&lab.fluxa, &key).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"));
    let ended = stream.rest().await;
    assert!(ended.complete && ended.events().last().map(String::as_str) == Some("[DONE]"), "{ended:?}");
    let row = lab.fluxa.log_row(&ended.id()).await;
    assert_eq!((&row["usage"]["output"], &row["cost_state"], &row["client_closed"]), (&json!(30), &json!("exact"), &json!(false)), "{row}");
}

#[tokio::test]
async fn a_disabled_key_fails_at_the_next_call_and_works_again_when_enabled() {
    let lab = lab(Setup::default(), slow()).await;
    let key = key(&lab.fluxa, json!({})).await;
    let stream = begun(&lab, &key).await;
    patch_key(&lab.fluxa, &key, json!({"enabled": false})).await;
    let refused = hello(&lab.fluxa, &key).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"));
    assert!(stream.rest().await.complete);
    patch_key(&lab.fluxa, &key, json!({"enabled": true})).await;
    assert_eq!(hello(&lab.fluxa, &key).await.status, 200);
    patch_key(&lab.fluxa, &key, json!({"expires_at": "2020-01-01T00:00:00Z"})).await;
    let refused = ask(&lab.fluxa, &key, &body("claude-sonnet-4-5", json!({"max_tokens": 5}))).await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (401, &json!("authentication_error")));
    assert_eq!(lab.mock.bill().requests, 2, "the stream and the call after it was enabled");
}

#[tokio::test]
async fn a_rotated_key_opens_by_both_secrets_until_the_grace_is_over() {
    let lab = lab(Setup::default(), slow()).await;
    let old = key(&lab.fluxa, json!({"budget_usd_total": 5})).await;
    assert_eq!(hello(&lab.fluxa, &old).await.status, 200);
    let stream = begun(&lab, &old).await;
    let new = rotate(&lab.fluxa, &old, json!({"grace": "1h"})).await;
    assert!(new.id == old.id && new.secret != old.secret);
    assert_eq!([hello(&lab.fluxa, &old).await.status, hello(&lab.fluxa, &new).await.status], [200, 200]);
    let newest = rotate(&lab.fluxa, &new, json!({"grace": "0s"})).await;
    assert_eq!([hello(&lab.fluxa, &new).await.status, hello(&lab.fluxa, &newest).await.status], [401, 200]);
    assert!(stream.rest().await.complete);
    // It is one key: all of it was spent from one budget.
    let rows = rows(&lab.fluxa, &newest, 5).await;
    assert_eq!(used(&lab.fluxa, &newest).await[..2], [cost(&rows), 0]);
}

#[tokio::test]
async fn a_new_key_works_at_once_even_where_its_id_was_asked_for_before() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for _ in 0..20 {
        let key = key(&lab.fluxa, json!({})).await;
        assert_eq!(hello(&lab.fluxa, &key).await.status, 200);
        lab.fluxa.admin("DELETE", &format!("/admin/keys/{}", key.id), Value::Null).await;
        assert_eq!(hello(&lab.fluxa, &key).await.status, 401);
    }
}

#[tokio::test]
async fn models_of_a_key_are_its_models_by_name_or_pattern() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    lab.fluxa.route("house/any", json!("openai")).await;
    let key = key(&lab.fluxa, json!({"models": ["gpt-4o", "house/*"]})).await;
    for (model, status) in [("gpt-4o", 200), ("house/any", 200), ("gpt-4o-mini", 403), ("house", 403)] {
        let answer = ask(&lab.fluxa, &key, &body(model, json!({}))).await;
        assert_eq!(answer.status, status, "{model}: {answer:?}");
        assert!(status == 200 || answer.code() == "model_not_allowed", "{answer:?}");
    }
    let anthropic = ask(&lab.fluxa, &key, &body("claude-sonnet-4-5", json!({"max_tokens": 5}))).await;
    assert_eq!((anthropic.status, &anthropic.json()["error"]["type"]), (403, &json!("permission_error")));
    patch_key(&lab.fluxa, &key, json!({"models": ["claude-*"]})).await;
    assert_eq!(ask(&lab.fluxa, &key, &body("claude-sonnet-4-5", json!({"max_tokens": 5}))).await.status, 200);
    assert_eq!(hello(&lab.fluxa, &key).await.status, 403);
}
