//! Vendors that refuse an optional field by its name are asked once more without it, and the client is told.

use serde_json::{Value, json};

use crate::harness::{Answer, Fluxa, Setup, chat, messages, with};
use crate::vendor::{Does, Vendor};

const WHOLE: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hello there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14}}"#;

fn answer(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The refusal of a field, in OpenAI's shape.
fn refusal(field: &str, hint: &str) -> Vec<u8> {
    let message = format!("Unsupported parameter: '{field}' is not supported with this model.{hint}");
    let error = json!({"error": {"message": message, "type": "invalid_request_error", "param": field, "code": "unsupported_parameter"}});
    answer("400 Bad Request", &error.to_string())
}

/// A vendor that refuses what `cases` say, and a program that asks it.
async fn before(cases: Vec<(&'static str, Vec<u8>)>) -> (Vendor, Fluxa, String) {
    let vendor = Vendor::start(Does::Looks(cases, answer("200 OK", WHOLE))).await;
    let fluxa = Fluxa::start(Setup::default()).await;
    fluxa.provider("openai", "openai", &vendor.base_url(), json!({})).await;
    fluxa.route("gpt-4o", json!({"provider": "openai", "retries": 0})).await;
    let key = fluxa.key(json!({})).await;
    (vendor, fluxa, key)
}

/// The bodies that the vendor was sent.
fn bodies(vendor: &Vendor) -> Vec<Value> {
    vendor.requests().iter().map(|request| serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()).collect()
}

async fn ask(fluxa: &Fluxa, key: &str, body: &Value) -> Answer {
    fluxa.call("/v1/chat/completions", key, &[], body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_field_is_left_out_and_named_to_the_client() {
    let extra = r#"{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"Extra inputs are not permitted","input":true},{"type":"extra_forbidden","loc":["body","user"],"msg":"Extra inputs are not permitted","input":"u"}]}"#;
    let (vendor, fluxa, key) =
        before(vec![("\"store\"", answer("422 Unprocessable Entity", extra)), ("\"seed\"", refusal("seed", ""))]).await;
    let body = with(chat("a"), json!({"store": true, "seed": 7, "user": "u", "temperature": 0.5}));
    for _ in 0..2 {
        let got = ask(&fluxa, &key, &body).await;
        assert_eq!((got.status, got.text().as_str()), (200, WHOLE), "{got:?}");
        assert_eq!((got.header("x-fluxa-dropped"), got.header("x-fluxa-attempts")), (Some("store, user, seed"), Some("3")), "{got:?}");
        let row = fluxa.log_row(&got.id()).await;
        assert_eq!(
            (&row["usage"]["input_uncached"], &row["usage"]["output"], &row["cost_state"]),
            (&json!(11), &json!(3), &json!("exact")),
            "{row}"
        );
    }
    // Nothing is remembered: the second call began as the first one did.
    let sent = bodies(&vendor);
    assert_eq!(sent.len(), 6);
    for three in sent.chunks(3) {
        assert_eq!(three[0], body);
        assert_eq!(three[1], with(chat("a"), json!({"seed": 7, "temperature": 0.5})));
        assert_eq!(three[2], with(chat("a"), json!({"temperature": 0.5})));
    }
    // What is not refused is asked once, as it came.
    let got = ask(&fluxa, &key, &with(chat("a"), json!({"user": "u"}))).await;
    assert_eq!((got.status, got.header("x-fluxa-dropped"), got.header("x-fluxa-attempts")), (200, None, Some("1")), "{got:?}");
    assert_eq!(bodies(&vendor).len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_that_goes_by_another_name_is_kept() {
    let hint = " Use 'max_completion_tokens' instead.";
    let (vendor, fluxa, key) = before(vec![("\"max_tokens\"", refusal("max_tokens", hint))]).await;
    let got = ask(&fluxa, &key, &with(chat("a"), json!({"max_tokens": 9}))).await;
    assert_eq!((got.status, got.header("x-fluxa-dropped"), got.header("x-fluxa-attempts")), (200, None, Some("2")), "{got:?}");
    assert_eq!(bodies(&vendor)[1], with(chat("a"), json!({"max_completion_tokens": 9})));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_translated_request_is_mended_too() {
    let (vendor, fluxa, key) = before(vec![("\"temperature\"", refusal("temperature", ""))]).await;
    let body = with(messages("a"), json!({"model": "gpt-4o", "temperature": 0.5}));
    let got = fluxa.call("/v1/messages", &key, &[], &body).await;
    assert_eq!((got.status, got.json()["content"][0]["text"].as_str()), (200, Some("hello there")), "{got:?}");
    assert_eq!((got.header("x-fluxa-dropped"), got.header("x-fluxa-attempts")), (Some("temperature"), Some("2")), "{got:?}");
    let sent = bodies(&vendor);
    assert_eq!((&sent[0]["temperature"], &sent[1]["temperature"], sent.len()), (&json!(0.5), &Value::Null, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_cannot_do_without_is_refused_in_the_vendors_words() {
    let (vendor, fluxa, key) = before(vec![
        ("\"tools\"", refusal("tools", "")),
        ("\"response_format\"", refusal("response_format", "")),
        ("\"a1\"", refusal("a1", "")),
        ("\"a2\"", refusal("a2", "")),
        ("\"a3\"", refusal("a3", "")),
        ("\"a4\"", refusal("a4", "")),
    ])
    .await;
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let mut asked = 0;
    for (more, refused, attempts) in [
        (json!({"tools": tool}), "tools", 1),
        (json!({"response_format": {"type": "json_object"}}), "response_format", 1),
        (json!({"a1": 1, "a2": 1, "a3": 1, "a4": 1}), "a4", 4),
    ] {
        let got = ask(&fluxa, &key, &with(chat("a"), more)).await;
        assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some(refused)), "{got:?}");
        assert_eq!(got.header("x-fluxa-attempts"), Some(attempts.to_string().as_str()), "{got:?}");
        assert_eq!(fluxa.log_row(&got.id()).await["cost_nanos"], 0);
        asked += attempts;
        assert_eq!(vendor.requests().len(), asked);
    }
}
