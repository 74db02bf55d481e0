//! Vendors that misbehave: what the caller is told, in both dialects, and that the program bears it (F-40 … F-43, A-56).

use std::time::Duration;

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::harness::{Answer, Fluxa, Setup, VENDOR_KEY, chat, dialects, lab, messages, with};
use crate::vendor::{Does, Vendor};

/// Short enough for a test, long enough for a busy machine.
const SHORT: &str = "upstream: { connect_timeout: 2s, first_byte_timeout: 600ms, idle_timeout: 600ms }\n";

/// A program whose two providers are one bare vendor.
async fn before(vendor: &Vendor, yaml: &str) -> (Fluxa, String) {
    let fluxa = Fluxa::start(Setup::yaml(yaml)).await;
    fluxa.provider("openai", "openai", &vendor.base_url(), json!({})).await;
    fluxa.provider("anthropic", "anthropic", &format!("http://{}", vendor.address), json!({})).await;
    let key = fluxa.key(json!({})).await;
    (fluxa, key)
}

/// Checks status and code in both shapes, streaming or not, and that each call left a row.
async fn refuses(fluxa: &Fluxa, key: &str, status: u16, openai: &str, anthropic: &str, what: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for ((path, body), code) in dialects().into_iter().zip([openai, anthropic]) {
        for stream in [false, true] {
            let answer = fluxa.call(path, key, &[], &with(body.clone(), json!({"stream": stream}))).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{what}: {path} stream={stream}: {}", answer.text());
            assert_eq!(answer.json()["type"] == "error", path == "/v1/messages", "{what}: {}", answer.text());
            assert!(answer.header("x-fluxa-attempts").is_some_and(|attempts| attempts != "0"), "{what}: {answer:?}");
            let row = fluxa.log_row(&answer.id()).await;
            assert_eq!(row["status"], status, "{what}: {row}");
            // A vendor that had the prompt and broke off may charge for the prompt: then the row says that it is our estimate.
            let charged = row["cost_nanos"] != 0;
            assert_eq!(charged, row["cost_state"] == "estimated", "{what}: {row}");
            assert!(!charged || row["usage"]["output"] == 0, "{what}: {row}");
            answers.push(answer);
        }
    }
    answers
}

fn http(content_type: &str, body: &str) -> Does {
    Does::Says(format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_the_vendors_protocol_is_502() {
    let says = |text: &str| Does::Says(text.as_bytes().to_vec());
    let cases = [
        ("a page", http("text/html", "<html><body>welcome</body></html>")),
        ("a page that calls itself JSON", http("application/json", "<html>")),
        ("text", http("text/plain", "hello")),
        ("nothing", http("application/json", "")),
        ("null", http("application/json", "null")),
        ("a list", http("application/json", "[]")),
        ("half an object", http("application/json", "{\"id\":\"x\",\"choices\":[")),
        ("two objects", http("application/json", "{}{}")),
        ("odd bytes", http("application/json", "\u{0}\u{1}\u{fffd}")),
        ("an empty stream", http("text/event-stream", "")),
        ("no HTTP", says("SSH-2.0-OpenSSH_9.9\r\n\r\n")),
        ("HTTP/0.9", says("hello\r\n\r\n")),
        ("no status", says("HTTP/1.1 OK\r\n\r\n")),
        ("two lengths", says("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}")),
        ("a list of lengths", says("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2, 3\r\n\r\n{}")),
        ("an odd length", says("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: +2\r\n\r\n{}")),
        ("an odd coding", says("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: xchunked\r\n\r\n{}")),
        (
            "broken chunks",
            says("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        ),
        ("a switch of protocols", says("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n")),
        ("a redirect", says("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")),
        ("not modified", says("HTTP/1.1 304 Not Modified\r\n\r\n")),
        ("no content", says("HTTP/1.1 204 No Content\r\n\r\n")),
    ];
    for (what, does) in cases {
        let vendor = Vendor::start(does).await;
        let (mut fluxa, key) = before(&vendor, "").await;
        for model in ["gpt-4o", "claude-sonnet-4-5"] {
            let provider = if model == "gpt-4o" { "openai" } else { "anthropic" };
            fluxa.route(model, json!({"provider": provider, "retries": 0})).await;
        }
        refuses(&fluxa, &key, 502, "upstream_protocol_error", "api_error", what).await;
        assert!(fluxa.is_alive(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_says_nothing_is_504_and_one_that_hangs_up_or_is_away_502() {
    let hanging = Vendor::start(Does::SaysAndHangs(Vec::new())).await;
    let (fluxa, key) = before(&hanging, SHORT).await;
    refuses(&fluxa, &key, 504, "upstream_timeout", "timeout_error", "silence").await;

    let half = Vendor::start(Does::SaysAndHangs(b"HTTP/1.1 200 OK\r\ncontent-type: appl".to_vec())).await;
    let (fluxa, key) = before(&half, SHORT).await;
    refuses(&fluxa, &key, 504, "upstream_timeout", "timeout_error", "half a head").await;

    let body =
        Vendor::start(Does::SaysAndHangs(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{".to_vec()))
            .await;
    let (fluxa, key) = before(&body, SHORT).await;
    refuses(&fluxa, &key, 504, "upstream_timeout", "timeout_error", "half a body").await;

    let rude = Vendor::start(Does::Says(Vec::new())).await;
    let (fluxa, key) = before(&rude, SHORT).await;
    refuses(&fluxa, &key, 502, "upstream_error", "api_error", "hanging up").await;

    let address = rude.address;
    drop(rude);
    let told = refuses(&fluxa, &key, 502, "upstream_error", "api_error", "nobody there").await;
    for answer in told {
        assert!(!answer.text().contains(&address.port().to_string()), "an inner address: {}", answer.text());
    }
    let nowhere = Fluxa::start(Setup::default()).await;
    let key = nowhere.key(json!({})).await;
    nowhere.provider("openai", "openai", "http://no-such-host.invalid/v1", json!({})).await;
    nowhere.provider("anthropic", "anthropic", "http://no-such-host.invalid", json!({})).await;
    refuses(&nowhere, &key, 502, "upstream_error", "api_error", "no such name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_with_timeouts_of_its_own_keeps_to_them() {
    let hanging = Vendor::start(Does::SaysAndHangs(Vec::new())).await;
    let fluxa = Fluxa::start(Setup::default()).await;
    fluxa.provider("openai", "openai", &hanging.base_url(), json!({"timeouts": {"first_byte": "400ms"}})).await;
    let key = fluxa.key(json!({})).await;
    let answer = fluxa.call("/v1/chat/completions", &key, &[], &chat("a")).await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"), "{answer:?}");
    let row = fluxa.log_row(&answer.id()).await;
    assert!(row["latency_ms"].as_u64().is_some_and(|ms| (400..20_000).contains(&ms)), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_refuses_our_credentials_is_502_without_its_words() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for status in [401, 403] {
        lab.mock.set(|config| (config.status, config.error_message) = (status, Some(format!("Incorrect API key provided: {VENDOR_KEY}"))));
        for answer in refuses(&lab.fluxa, &lab.key, 502, "upstream_auth_failed", "api_error", "401 and 403").await {
            assert!(!answer.text().contains("Incorrect") && !answer.text().contains("sk-"), "{}", answer.text());
            assert_eq!(answer.header("x-should-retry"), Some("false"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_own_refusal_is_passed_on_with_its_status() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for (status, openai) in [(400, 400), (404, 404), (413, 413), (422, 422), (429, 429), (500, 500), (503, 503)] {
        lab.mock.set(|config| {
            (config.status, config.retry_after_s, config.error_message) = (status, Some(1), Some(String::from("the vendor's words")))
        });
        lab.fluxa.route("gpt-4o", json!({"provider": "openai", "retries": 0})).await;
        let answer = lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &chat("a")).await;
        assert_eq!((answer.status, answer.text().contains("the vendor's words")), (openai, true), "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
        assert_eq!(lab.fluxa.log_row(&answer.id()).await["cost_nanos"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f42_a_stream_that_breaks_ends_with_the_dialects_error_and_no_end_mark() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for (path, body) in dialects() {
        for cut in (0..=4_096).step_by(241).chain([1, 2, 3, 5]) {
            lab.mock.set(|config| {
                config.apply("reset;events=60;completion_tokens=60").unwrap();
                config.abort_after_bytes = Some(cut);
            });
            broke(&lab.fluxa, &lab.key, path, &body, &format!("cut at {cut}")).await;
        }
    }
    // Closed in good order, but before the end mark.
    let chunk = r#"data: {"id":"x","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}"#;
    let begun = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";
    for ending in ["", "event: message_delta\n", "event: content_block_delta\ndata: {\"type\""] {
        let vendor = Vendor::start(http("text/event-stream", &format!("{begun}{ending}"))).await;
        let (fluxa, key) = before(&vendor, "").await;
        broke(&fluxa, &key, "/v1/messages", &messages("a"), ending).await;
    }
    let endings = ["", "data: {\"id\":\"x\"}}}\n\n", ": comment only\n\n", "event: x\n", "data: {\"id\""];
    for ending in endings {
        let vendor = Vendor::start(http("text/event-stream", &format!("{chunk}\n\n{chunk}\n\n{ending}"))).await;
        let (fluxa, key) = before(&vendor, "").await;
        // With the usage account asked for by us, which is taken out again, and by the client.
        broke(&fluxa, &key, "/v1/chat/completions", &with(chat("a"), json!({"stream_options": {"include_usage": true}})), ending).await;
        broke(&fluxa, &key, "/v1/chat/completions", &chat("a"), ending).await;
    }
}

/// A stream that broke: an error before it began, or as its last event; one row that says so.
async fn broke(fluxa: &Fluxa, key: &str, path: &str, body: &Value, what: &str) {
    let answer = fluxa.call(path, key, &[], &with(body.clone(), json!({"stream": true}))).await;
    let text = answer.text();
    assert!(!text.contains("[DONE]") && !text.contains("message_stop"), "{path} {what}: an end mark: {text}");
    if answer.status == 200 {
        let last: Value =
            serde_json::from_str(&answer.events().pop().unwrap_or_default()).unwrap_or_else(|_| panic!("{path} {what}: {text}"));
        assert!(last["error"]["message"].is_string(), "{path} {what}: {text}");
        assert!(answer.complete, "{path} {what}: {answer:?}");
    } else {
        assert_eq!(answer.status, 502, "{path} {what}: {text}");
    }
    let row = fluxa.log_row(&answer.id()).await;
    assert!(row["error"].as_str().is_some_and(|error| !error.is_empty()), "{path} {what}: {row}");
    assert!(row["finish"] != "stop" || row["usage_state"] == "estimated", "{path} {what}: {row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f41_a_stream_that_falls_silent_ends_with_the_dialects_error() {
    let lab = lab(Setup::yaml(SHORT), MockConfig { events: Some(60), stall_after_events: Some(5), ..MockConfig::default() }).await;
    for (path, body) in dialects() {
        broke(&lab.fluxa, &lab.key, path, &body, "silence").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a56_an_endless_line_event_or_head_is_cut_off_and_costs_bounded_memory() {
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let chunk = r#"data: {"id":"x","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}"#;
    let filler = vec![b'a'; 64 * 1024];
    let line = [b"data: ".as_slice(), &vec![b'a'; 60 * 1024], b"\n"].concat();
    let header = [b"x-filler: ".as_slice(), &vec![b'a'; 1_000], b"\r\n"].concat();
    let cases = [
        ("an endless line", format!("{stream}data: "), filler.clone()),
        ("an endless line after content", format!("{stream}{chunk}\n\ndata: "), filler.clone()),
        ("an endless event", stream.to_owned(), line.clone()),
        ("an endless event after content", format!("{stream}{chunk}\n\n"), line),
        ("an endless comment", format!("{stream}: "), filler.clone()),
        (
            "an endless body",
            String::from("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{\"id\":\""),
            filler.clone(),
        ),
        ("an endless head", String::from("HTTP/1.1 200 OK\r\n"), header),
        ("an endless header", String::from("HTTP/1.1 200 OK\r\nx-filler: "), filler.clone()),
        ("endless interim answers", String::new(), b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100)),
        (
            "an endless error",
            String::from("HTTP/1.1 500 Oh\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{\"error\":\""),
            filler,
        ),
    ];
    for (what, first, again) in cases {
        let vendor = Vendor::start(Does::Repeats(first.into_bytes(), again)).await;
        let (mut fluxa, key) = before(&vendor, "").await;
        fluxa.route("gpt-4o", json!({"provider": "openai", "retries": 0})).await;
        fluxa.route("claude-sonnet-4-5", json!({"provider": "anthropic", "retries": 0})).await;
        let before_kb = fluxa.rss_kb();
        let whole = what == "an endless body";
        for (path, body) in dialects() {
            let answer = fluxa.call(path, &key, &[], &with(body, json!({"stream": !whole}))).await;
            let said = answer.status >= 500 || answer.text().contains("error");
            assert!(said, "{what} {path}: {} {}", answer.status, answer.text().chars().take(300).collect::<String>());
            assert!(!answer.text().contains("[DONE]"), "{what}");
            fluxa.log_row(&answer.id()).await;
        }
        // An answer that is read whole may be 64 MiB, and grows by doubling; the rest is bounded by an event of 16 MiB, three times.
        // The pages of the program that a first call brings in are counted too: 2 to 3 MB of an unoptimized build.
        let grown_kb = fluxa.rss_kb().saturating_sub(before_kb);
        let allowed_kb = if whole { 256 * 1024 } else { (3 * 16 + 4) * 1024 };
        assert!(grown_kb < allowed_kb, "{what}: {grown_kb} kB more");
        assert!(fluxa.is_alive(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f43_an_absurd_usage_is_replaced_by_our_own_estimate() {
    let answer = |usage: &str| {
        format!(
            r#"{{"id":"x","object":"chat.completion","model":"gpt-4o","choices":[{{"index":0,"message":{{"role":"assistant","content":"hello"}},"finish_reason":"stop"}}],"usage":{usage}}}"#
        )
    };
    let absurd = [
        r#"{"prompt_tokens":-5,"completion_tokens":3}"#,
        r#"{"prompt_tokens":5,"completion_tokens":-3}"#,
        r#"{"prompt_tokens":1000000000000,"completion_tokens":3}"#,
        r#"{"prompt_tokens":5,"completion_tokens":99999999999999999999}"#,
        r#"{"prompt_tokens":"five","completion_tokens":3}"#,
        r#"{"prompt_tokens":5,"completion_tokens":1e400}"#,
        r#"{"prompt_tokens":2.5e11,"completion_tokens":3}"#,
        "null",
        "[]",
        "7",
    ];
    for usage in absurd {
        let vendor = Vendor::start(http("application/json", &answer(usage))).await;
        let (fluxa, key) = before(&vendor, "").await;
        let got = fluxa.call("/v1/chat/completions", &key, &[], &chat("a")).await;
        assert_eq!(got.status, 200, "{usage}: {got:?}");
        let row = fluxa.log_row(&got.id()).await;
        assert_eq!(row["usage_state"], "estimated", "{usage}: {row}");
        let cost = row["cost_nanos"].as_i64().unwrap();
        assert!((1..10_000_000).contains(&cost), "{usage}: {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_takes_over_before_the_first_byte_and_never_after() {
    let lab = lab(Setup::yaml(SHORT), MockConfig { events: Some(20), ..MockConfig::default() }).await;
    let broken = Vendor::answering("text/html", "<html>").await;
    lab.fluxa.provider("broken", "openai", &broken.base_url(), json!({})).await;
    lab.fluxa.route("gpt-4o", json!({"provider": "broken", "fallback": ["openai"], "retries": 0})).await;
    let answer = lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &chat("a")).await;
    assert_eq!(
        (answer.status, answer.header("x-fluxa-provider"), answer.header("x-fluxa-attempts")),
        (200, Some("openai"), Some("2")),
        "{answer:?}"
    );
    let chunk = r#"data: {"id":"x","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}"#;
    let cut = Vendor::start(http("text/event-stream", &format!("{chunk}\n\n"))).await;
    lab.fluxa.provider("cut", "openai", &cut.base_url(), json!({})).await;
    lab.fluxa.route("gpt-4o", json!({"provider": "cut", "fallback": ["openai"]})).await;
    let requests = lab.mock.bill().requests;
    broke(&lab.fluxa, &lab.key, "/v1/chat/completions", &chat("a"), "a cut").await;
    assert_eq!(lab.mock.bill().requests, requests);
    let answer = lab.fluxa.call("/v1/messages", &lab.key, &[], &messages("still here")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    tokio::time::timeout(Duration::from_secs(5), lab.fluxa.get("/healthz")).await.expect("alive");
}
