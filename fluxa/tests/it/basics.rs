//! The ordinary day: answers in both shapes, streams, lists of models, headers, rows, and who is let in.

use fluxa_loadtest::vendor::{Mock, MockConfig};
use serde_json::{Value, json};

use crate::harness::{Fluxa, Setup, chat, dialects, lab, messages, with};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_in_the_shape_it_was_asked_in_and_leaves_a_row() {
    let lab = lab(Setup::default(), MockConfig { prompt_tokens: Some(1_000), completion_tokens: Some(100), ..MockConfig::default() }).await;
    let answer = lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &chat("hello there")).await;
    assert_eq!((answer.status, answer.complete), (200, true), "{answer:?}");
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "hello there");
    assert_eq!(answer.header("x-fluxa-provider"), Some("openai"));
    assert_eq!(answer.header("x-fluxa-model"), Some("gpt-4o"));
    assert_eq!(answer.header("x-fluxa-attempts"), Some("1"));
    // 1000 tokens at $2.50 and 100 at $10 a million.
    assert_eq!(answer.header("x-fluxa-cost-usd"), Some("0.0035"));
    assert_eq!(answer.header("x-fluxa-cost-state"), Some("exact"));
    let row = lab.fluxa.log_row(&answer.id()).await;
    assert_eq!((&row["status"], &row["cost_nanos"], &row["usage_state"]), (&json!(200), &json!(3_500_000), &json!("reported")), "{row}");
    assert_eq!((&row["dialect_in"], &row["provider"], &row["stream"]), (&json!("openai"), &json!("openai"), &json!(false)), "{row}");

    let answer = lab.fluxa.call("/v1/messages", &lab.key, &[], &messages("hello there")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["content"][0]["text"], "hello there");
    assert_eq!(answer.header("x-fluxa-provider"), Some("anthropic"));
    assert_eq!(lab.fluxa.log_row(&answer.id()).await["dialect_in"], "anthropic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_dialects_end_mark_and_is_priced_by_the_vendors_count() {
    let lab = lab(
        Setup::default(),
        MockConfig { events: Some(20), completion_tokens: Some(20), prompt_tokens: Some(7), ..MockConfig::default() },
    )
    .await;
    for (path, body) in dialects() {
        let answer = lab.fluxa.call(path, &lab.key, &[], &with(body, json!({"stream": true}))).await;
        assert_eq!((answer.status, answer.complete), (200, true), "{path}: {answer:?}");
        assert_eq!(answer.header("content-type").map(|kind| kind.starts_with("text/event-stream")), Some(true));
        let last = answer.events().pop().unwrap();
        if path == "/v1/messages" {
            assert!(last.contains("message_stop"), "{last}");
        } else {
            assert_eq!(last, "[DONE]");
            assert!(!answer.text().contains("\"usage\":{"), "usage was not asked for: {}", answer.text());
        }
        let row = lab.fluxa.log_row(&answer.id()).await;
        let (input, output) = (&row["usage"]["input_uncached"], &row["usage"]["output"]);
        assert_eq!((input, output, &row["usage_state"]), (&json!(7), &json!(20), &json!("reported")), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_reaches_the_vendor_byte_for_byte() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let body = "{ \"z\":1, \"model\" : \"gpt-4o\",\n\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9\"}],\"unknown_field\":{\"a\":[1.50,1e2]}}";
    let bearer = format!("Bearer {}", lab.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = lab.fluxa.send("POST", "/v1/chat/completions", &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(lab.mock.requests()[0].body, body.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_taken_where_each_dialects_clients_send_them() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for (path, body) in dialects() {
        for name in ["x-api-key", "x-goog-api-key"] {
            let answer =
                lab.fluxa.send("POST", path, &[(name, &lab.key), ("content-type", "application/json")], body.to_string().as_bytes()).await;
            assert_eq!(answer.status, 200, "{path} {name}: {answer:?}");
        }
        // Only Gemini's paths take a key in the query.
        let target = format!("{path}?key={}", lab.key);
        let answer = lab.fluxa.send("POST", &target, &[("content-type", "application/json")], body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_in_both_shapes_and_only_those_a_key_may_use() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let bearer = format!("Bearer {}", lab.key);
    let openai = lab.fluxa.send("GET", "/v1/models", &[("authorization", &bearer)], b"").await;
    assert_eq!((openai.status, &openai.json()["object"]), (200, &json!("list")), "{openai:?}");
    let ids: Vec<String> = openai.json()["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.contains(&String::from("gpt-4o")) && ids.contains(&String::from("claude-sonnet-4-5")), "{ids:?}");
    assert!(openai.header("x-fluxa-id").is_some() && openai.header("x-request-id").is_some(), "{openai:?}");

    let anthropic = lab.fluxa.send("GET", "/v1/models", &[("x-api-key", &lab.key), ("anthropic-version", "2023-06-01")], b"").await;
    assert_eq!((&anthropic.json()["has_more"], &anthropic.json()["data"][0]["type"]), (&json!(false), &json!("model")), "{anthropic:?}");

    let one = lab.fluxa.send("GET", "/v1/models/gpt-4o", &[("authorization", &bearer)], b"").await;
    assert_eq!((one.status, &one.json()["id"]), (200, &json!("gpt-4o")), "{one:?}");
    let none = lab.fluxa.send("GET", "/v1/models/gpt-99", &[("authorization", &bearer)], b"").await;
    assert_eq!((none.status, none.code().as_str()), (404, "model_not_found"), "{none:?}");

    let narrow = lab.fluxa.key(json!({"models": ["gpt-4o-mini"]})).await;
    let list = lab.fluxa.send("GET", "/v1/models", &[("authorization", &format!("Bearer {narrow}"))], b"").await;
    let ids: Vec<Value> = list.json()["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!(ids, [json!("gpt-4o-mini")]);
    assert_eq!(lab.fluxa.get("/v1/models").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_refused_for_the_reason_that_applies() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let disabled = lab.fluxa.key(json!({"enabled": false})).await;
    let expired = lab.fluxa.issued(json!({})).await;
    let (status, answer) = lab
        .fluxa
        .admin("PATCH", &format!("/admin/keys/{}", expired["id"].as_str().unwrap()), json!({"expires_at": "2020-01-01T00:00:00Z"}))
        .await;
    assert_eq!(status, 200, "{answer}");
    let elsewhere = lab.fluxa.key(json!({"ip_allowlist": ["10.0.0.0/8"]})).await;
    let here = lab.fluxa.key(json!({"ip_allowlist": ["127.0.0.0/8"]})).await;
    let narrow = lab.fluxa.key(json!({"models": ["gpt-4o-mini"]})).await;
    let cases = [
        (disabled.as_str(), 401, "invalid_api_key", "authentication_error"),
        (expired["key"].as_str().unwrap(), 401, "invalid_api_key", "authentication_error"),
        (elsewhere.as_str(), 403, "ip_not_allowed", "permission_error"),
        (narrow.as_str(), 403, "model_not_allowed", "permission_error"),
        (here.as_str(), 200, "", ""),
        ("vk-none", 401, "invalid_api_key", "authentication_error"),
    ];
    for (key, status, openai, anthropic) in cases {
        for ((path, body), code) in dialects().into_iter().zip([openai, anthropic]) {
            let answer = lab.fluxa.call(path, key, &[], &body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path} {key}: {}", answer.text());
            assert!(answer.header("x-fluxa-id").is_some() && answer.header("x-request-id").is_some(), "{answer:?}");
        }
    }
    assert_eq!(lab.mock.bill().requests, 2, "only the key that may was passed on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_model_is_404_in_both_shapes_and_has_a_row() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for (path, body) in dialects() {
        let answer = lab.fluxa.call(path, &lab.key, &[], &with(body, json!({"model": "gpt-99"}))).await;
        let code = if path == "/v1/messages" { "not_found_error" } else { "model_not_found" };
        assert_eq!((answer.status, answer.code().as_str()), (404, code), "{answer:?}");
        let row = lab.fluxa.log_row(&answer.id()).await;
        assert_eq!((&row["status"], &row["cost_nanos"]), (&json!(404), &json!(0)), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_force_at_the_next_call() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let key = lab.fluxa.issued(json!({})).await;
    let (id, secret) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    assert_eq!(lab.fluxa.call("/v1/chat/completions", secret, &[], &chat("a")).await.status, 200);
    lab.fluxa.admin("PATCH", &format!("/admin/keys/{id}"), json!({"enabled": false})).await;
    assert_eq!(lab.fluxa.call("/v1/chat/completions", secret, &[], &chat("a")).await.status, 401);
    lab.fluxa.admin("PATCH", &format!("/admin/keys/{id}"), json!({"enabled": true})).await;
    assert_eq!(lab.fluxa.call("/v1/chat/completions", secret, &[], &chat("a")).await.status, 200);
    assert_eq!(lab.fluxa.admin("DELETE", &format!("/admin/keys/{id}"), Value::Null).await.0, 204);
    assert_eq!(lab.fluxa.call("/v1/chat/completions", secret, &[], &chat("a")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_a_running_stream_finish_and_exits_with_zero() {
    let mut lab = lab(Setup::default(), MockConfig { events: Some(30), interval_ms: 20, ..MockConfig::default() }).await;
    let mut stream = lab.fluxa.stream("/v1/chat/completions", &lab.key, &[], &with(chat("a"), json!({"stream": true}))).await;
    stream.event().await.expect("a first event");
    lab.fluxa.signal("TERM");
    let answer = stream.rest().await;
    assert_eq!(answer.events().pop().as_deref(), Some("[DONE]"), "{}", answer.text());
    assert!(lab.fluxa.ended().await.success(), "{}", lab.fluxa.logs_text());
    lab.fluxa.restart().await;
    assert_eq!(lab.fluxa.log_row(&answer.id()).await["status"], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_environment_makes_a_provider_without_any_file() {
    let mock = Mock::start(MockConfig::default()).await.unwrap();
    let setup = Setup::default().env("OPENAI_API_KEY", "sk-from-the-environment").env("OPENAI_BASE_URL", &mock.base_url());
    let fluxa = Fluxa::start(setup).await;
    let key = fluxa.key(json!({})).await;
    for model in ["gpt-4o", "openai/gpt-4o"] {
        let answer = fluxa.call("/v1/chat/completions", &key, &[], &with(chat("a"), json!({"model": model}))).await;
        assert_eq!((answer.status, answer.header("x-fluxa-model")), (200, Some("gpt-4o")), "{answer:?}");
    }
    assert_eq!(mock.requests()[0].auth.as_deref(), Some("Bearer sk-from-the-environment"));
    assert_eq!(mock.requests()[1].model, "gpt-4o");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_seeds_an_empty_database_and_changes_nothing_in_a_used_one() {
    let (first, second) = (Mock::start(MockConfig::default()).await.unwrap(), Mock::start(MockConfig::default()).await.unwrap());
    let yaml = |mock: &Mock, name: &str| {
        format!(
            "providers: [ {{ name: {name}, kind: openai, api_key: ${{THE_KEY}}, base_url: \"{}\" }} ]\nroutes: [ {{ model: mine, provider: {name} }} ]\n",
            mock.base_url()
        )
    };
    let mut fluxa = Fluxa::start(Setup::yaml(&yaml(&first, "one")).env("THE_KEY", "sk-expanded")).await;
    let key = fluxa.key(json!({})).await;
    let ask = with(chat("a"), json!({"model": "mine"}));
    assert_eq!(fluxa.call("/v1/chat/completions", &key, &[], &ask).await.status, 200);
    assert_eq!(first.requests()[0].auth.as_deref(), Some("Bearer sk-expanded"));
    assert!(fluxa.terminate().await.success());
    fluxa.setup().yaml = yaml(&second, "two");
    fluxa.restart().await;
    assert_eq!(fluxa.call("/v1/chat/completions", &key, &[], &ask).await.header("x-fluxa-provider"), Some("one"));
    assert_eq!((first.bill().requests, second.bill().requests), (2, 0));
}
