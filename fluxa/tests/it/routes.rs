//! Where calls go: routes, fallbacks, retries and key pools, as the vendors see them.

use std::time::Instant;

use fluxa_loadtest::vendor::{Mock, MockConfig};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::books::{Key, ask, body, key, rows};
use crate::harness::{Answer, Fluxa, Setup};
use crate::vendor::{Does, Vendor};

/// A program with vendors `a`, `b`, … in both dialects (`a` and `a-claude`), and a key.
struct Town {
    fluxa: Fluxa,
    mocks: Vec<Mock>,
    key: Key,
}

impl Town {
    async fn of(configs: Vec<MockConfig>) -> Self {
        let fluxa = Fluxa::start(Setup::default()).await;
        let mut mocks = Vec::new();
        for (config, name) in configs.into_iter().zip(["a", "b", "c"]) {
            let mock = Mock::start(config).await.expect("the mock starts");
            fluxa.provider(name, "openai", &mock.base_url(), json!({})).await;
            fluxa.provider(&format!("{name}-claude"), "anthropic", &format!("http://{}", mock.addr()), json!({})).await;
            mocks.push(mock);
        }
        let key = key(&fluxa, json!({})).await;
        Self { fluxa, mocks, key }
    }

    async fn ask(&self, model: &str, more: Value) -> Answer {
        ask(&self.fluxa, &self.key, &body(model, more)).await
    }

    /// Requests that reached each vendor.
    fn seen(&self) -> Vec<u64> {
        self.mocks.iter().map(|mock| mock.bill().requests).collect()
    }

    fn clear(&self) {
        self.mocks.iter().for_each(Mock::clear);
    }
}

fn failing(status: u16) -> MockConfig {
    MockConfig { status, ..MockConfig::default() }
}

fn works() -> MockConfig {
    MockConfig::default()
}

#[tokio::test]
async fn the_closest_route_decides_then_provider_slash_model_then_the_price_table() {
    let town = Town::of(vec![works(), works(), works()]).await;
    town.fluxa.route("gpt-4o", json!("a")).await;
    town.fluxa.route("gpt-*", json!("b")).await;
    town.fluxa.route("gpt-4o-m*", json!("c")).await;
    town.fluxa.route("*-claude-like", json!("c")).await;
    for (model, provider, upstream) in [
        ("gpt-4o", "a", "gpt-4o"),
        ("gpt-4.1", "b", "gpt-4.1"),
        ("gpt-4o-mini", "c", "gpt-4o-mini"),
        ("my-claude-like", "c", "my-claude-like"),
        ("c/anything/at:all", "c", "anything/at:all"),
        // No route and no slash: the price table knows whose it is, and a provider of that kind is there.
        ("o3", "a", "o3"),
    ] {
        town.clear();
        let answer = town.fluxa.call("/v1/chat/completions", &town.key.secret, &[], &body(model, json!({}))).await;
        let said = ["x-fluxa-provider", "x-fluxa-model", "x-fluxa-attempts"].map(|name| answer.header(name).unwrap_or_default().to_owned());
        assert_eq!((answer.status, said), (200, [provider, upstream, "1"].map(str::to_owned)), "{model}");
        let at = ["a", "b", "c"].iter().position(|name| *name == provider).unwrap();
        assert_eq!(town.mocks[at].requests()[0].model, upstream);
        assert_eq!(town.seen().iter().sum::<u64>(), 1);
    }
    for (path, model, kind) in
        [("/v1/chat/completions", "nobody/knows", "model_not_found"), ("/v1/messages", "nobody-knows", "not_found_error")]
    {
        let answer = town.fluxa.call(path, &town.key.secret, &[], &body(model, json!({"max_tokens": 5}))).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, kind));
        assert!(answer.text().contains(model), "{answer:?}");
    }
}

#[tokio::test]
async fn a_target_may_call_the_model_by_another_name_and_is_priced_by_it() {
    let town = Town::of(vec![works(), failing(500)]).await;
    town.fluxa.route("house", json!({"targets": [{"provider": "b", "model": "gpt-4o"}], "fallback": [{"provider": "a", "model": "gpt-4o-mini"}], "retries": 0})).await;
    let answer = town.ask("house", json!({"temperature": 0.5})).await;
    assert_eq!((answer.status, answer.header("x-fluxa-model"), answer.header("x-fluxa-attempts")), (200, Some("gpt-4o-mini"), Some("2")));
    assert_eq!((town.mocks[1].requests()[0].model.as_str(), town.mocks[0].requests()[0].model.as_str()), ("gpt-4o", "gpt-4o-mini"));
    let row = town.fluxa.log_row(&answer.id()).await;
    let record = &town.mocks[0].requests()[0];
    let cost = record.prompt_tokens * 150 + record.completion_tokens * 600;
    assert_eq!(
        (&row["model"], &row["upstream_model"], &row["provider"], &row["cost_nanos"]),
        (&json!("house"), &json!("gpt-4o-mini"), &json!("a"), &json!(cost))
    );
    let attempts: Vec<(&str, u64)> =
        row["attempts"].as_array().unwrap().iter().map(|a| (a["provider"].as_str().unwrap(), a["status"].as_u64().unwrap())).collect();
    assert_eq!(attempts, [("b", 500), ("a", 200)]);
}

#[tokio::test]
async fn fallbacks_are_tried_in_order_in_both_dialects_whole_and_streamed() {
    let closed = MockConfig { abort_after_bytes: Some(0), ..MockConfig::default() };
    for broken in [
        failing(500),
        failing(503),
        failing(429),
        failing(404),
        closed,
        MockConfig { html: true, ..works() },
        MockConfig { garbage: true, ..works() },
    ] {
        let why = format!("{broken:?}");
        let town = Town::of(vec![broken.clone(), broken, works()]).await;
        town.fluxa.route("gpt-4o", json!({"provider": "a", "fallback": ["b", "c"], "retries": 0})).await;
        town.fluxa.route("claude-x", json!({"provider": "a-claude", "fallback": ["b-claude", "c-claude"], "retries": 0})).await;
        for (model, stream) in [("gpt-4o", false), ("gpt-4o", true), ("claude-x", false), ("claude-x", true)] {
            town.clear();
            let answer = town.ask(model, json!({"stream": stream, "max_tokens": 50})).await;
            assert_eq!(
                (answer.status, answer.header("x-fluxa-attempts"), answer.complete),
                (200, Some("3"), true),
                "{why} {model}: {answer:?}"
            );
            assert_eq!(town.seen(), [1, 1, 1], "{why}");
        }
    }
}

#[tokio::test]
async fn the_refusal_names_every_attempt_when_nothing_works() {
    let town = Town::of(vec![failing(500), failing(503)]).await;
    town.fluxa.route("gpt-4o", json!({"provider": "a", "fallback": [{"provider": "b", "model": "gpt-4o-mini"}], "retries": 0})).await;
    for stream in [false, true] {
        let answer = town.ask("gpt-4o", json!({"stream": stream})).await;
        assert_eq!((answer.status, answer.header("x-fluxa-attempts")), (503, Some("2")), "the last one's status: {answer:?}");
        let told = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(told.contains("a/gpt-4o: status 500") && told.contains("b/gpt-4o-mini: status 503"), "{told}");
        let row = town.fluxa.log_row(&answer.id()).await;
        assert_eq!(
            (row["attempts"].as_array().map(Vec::len), &row["cost_nanos"], &row["status"]),
            (Some(2), &json!(0), &json!(503)),
            "{row}"
        );
    }
}

#[tokio::test]
async fn weights_share_the_calls_and_an_ordered_route_does_not() {
    let town = Town::of(vec![works(), works()]).await;
    let targets = json!([{"provider": "a", "weight": 3}, {"provider": "b", "weight": 1}]);
    town.fluxa.route("gpt-4o", json!({"targets": targets})).await;
    for _ in 0..10 {
        join_all((0..24).map(|_| town.ask("gpt-4o", json!({})))).await;
    }
    let seen = town.seen();
    // 180 and 60 on average; five standard deviations are 34.
    assert!(seen.iter().sum::<u64>() == 240 && (146..=214).contains(&seen[0]), "{seen:?}");
    town.clear();
    town.fluxa.route("gpt-4o", json!({"targets": targets, "strategy": "ordered"})).await;
    join_all((0..20).map(|_| town.ask("gpt-4o", json!({})))).await;
    assert_eq!(town.seen(), [20, 0]);
    // The chosen one failing, the other target takes over.
    town.mocks[0].set(|config| config.status = 500);
    town.fluxa.route("gpt-4o", json!({"targets": targets, "retries": 0})).await;
    let answers = join_all((0..20).map(|_| town.ask("gpt-4o", json!({})))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}

#[tokio::test]
async fn a_retry_waits_as_long_as_the_vendor_asks_and_not_for_ever() {
    let town = Town::of(vec![MockConfig { fail_first: 1, retry_after_s: Some(1), ..failing(429) }]).await;
    let began = Instant::now();
    let answer = town.ask("a/gpt-4o", json!({})).await;
    assert_eq!((answer.status, answer.header("x-fluxa-attempts"), town.seen()), (200, Some("2"), vec![2]));
    assert!(began.elapsed().as_millis() >= 1_000, "{:?}", began.elapsed());

    town.clear();
    town.mocks[0].set(|config| config.retry_after_s = Some(45));
    let answer = town.ask("a/gpt-4o", json!({})).await;
    assert_eq!(
        (answer.status, answer.header("retry-after"), town.seen()),
        (429, Some("45"), vec![1]),
        "told, not kept waiting: {answer:?}"
    );
    // With somewhere else to go, nobody waits.
    let other = Mock::start(works()).await.unwrap();
    town.fluxa.provider("other", "openai", &other.base_url(), json!({})).await;
    town.fluxa.route("gpt-4o", json!({"provider": "a", "fallback": ["other"]})).await;
    town.mocks[0].set(|config| config.fail_first = 1);
    let answer = town.ask("gpt-4o", json!({})).await;
    assert_eq!((answer.status, answer.header("x-fluxa-provider")), (200, Some("other")));
}

#[tokio::test]
async fn the_vendors_own_word_on_retrying_wins_over_the_status() {
    let fluxa = Fluxa::start(Setup::default()).await;
    let key = key(&fluxa, json!({})).await;
    let says = |status: &str, header: &str| {
        let body = r#"{"error":{"message":"no","type":"x","param":null,"code":null}}"#;
        Does::Says(
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{header}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
    };
    for (name, status, header, asked) in [
        ("plain-500", "500 x", "", 2),
        ("final-500", "500 x", "x-should-retry: false\r\n", 1),
        ("plain-400", "400 x", "", 1),
        ("again-409", "409 x", "x-should-retry: true\r\n", 2),
        ("final-429", "429 x", "x-should-retry: false\r\n", 1),
    ] {
        let vendor = Vendor::start(says(status, header)).await;
        fluxa.provider(name, "openai", &vendor.base_url(), json!({})).await;
        let answer = ask(&fluxa, &key, &body(&format!("{name}/m"), json!({}))).await;
        assert_eq!((vendor.accepted(), answer.status.to_string().as_str()), (asked, &status[..3]), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn a_refused_key_makes_way_for_the_next_of_the_pool() {
    for status in [401, 403, 429] {
        let mock = Mock::start(MockConfig { fail_first: 1, ..failing(status) }).await.unwrap();
        let fluxa = Fluxa::start(Setup::default()).await;
        let provider = json!({"name": "pool", "kind": "openai", "base_url": mock.base_url(), "api_keys": ["sk-pool-1", "sk-pool-2"]});
        let (made, answer) = fluxa.admin("POST", "/admin/providers", provider).await;
        assert_eq!(made, 201, "{answer}");
        let key = key(&fluxa, json!({})).await;
        for _ in 0..6 {
            let answer = ask(&fluxa, &key, &body("pool/gpt-4o", json!({}))).await;
            assert_eq!(answer.status, 200, "{status}: {answer:?}");
        }
        let sent: Vec<String> = mock.requests().iter().filter_map(|record| record.auth.clone()).collect();
        assert_eq!(sent.len(), 7, "{sent:?}");
        // A 403 may be about the model, not the key: that one is passed over once and does not rest.
        let rests = sent[1..].iter().all(|auth| *auth == sent[1]);
        assert!(sent[1] != sent[0] && (rests || status == 403), "{status}: the refused one rests: {sent:?}");
        // With all of them refused the client is told, without a word of the vendor's.
        mock.set(|config| config.fail_first = 0);
        let answer = ask(&fluxa, &key, &body("pool/gpt-4o", json!({}))).await;
        let expect = if status == 429 { (429, "rate_limit_exceeded") } else { (502, "upstream_auth_failed") };
        assert_eq!((answer.status, answer.code().as_str()), expect, "{answer:?}");
        assert!(!answer.text().contains("Incorrect API key"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_healthy_pool_takes_turns_by_weight() {
    let mock = Mock::start(works()).await.unwrap();
    let fluxa = Fluxa::start(Setup::default()).await;
    let provider = json!({"name": "pool", "kind": "openai", "base_url": mock.base_url(), "api_keys": [{"key": "sk-one", "weight": 3}, {"key": "sk-two", "weight": 1}]});
    assert_eq!(fluxa.admin("POST", "/admin/providers", provider).await.0, 201);
    let key = key(&fluxa, json!({})).await;
    for _ in 0..40 {
        ask(&fluxa, &key, &body("pool/gpt-4o", json!({}))).await;
    }
    let ones = mock.requests().iter().filter(|record| record.auth.as_deref() == Some("Bearer sk-one")).count();
    assert_eq!((ones, mock.bill().requests), (30, 40));
}

#[tokio::test]
async fn a_storm_of_refusals_is_not_answered_by_a_storm_of_retries() {
    const CALLS: u64 = 500;
    let town = Town::of(vec![failing(429)]).await;
    for _ in 0..CALLS / 25 {
        let answers = join_all((0..25).map(|n| town.ask("a/gpt-4o", json!({"stream": n % 2 == 0})))).await;
        assert!(answers.iter().all(|answer| answer.status == 429), "{answers:?}");
    }
    let asked = town.seen()[0];
    assert!(asked * 10 <= CALLS * 12, "{asked} requests for {CALLS} calls");
    assert_eq!(rows(&town.fluxa, &town.key, 500).await.iter().filter(|row| row["cost_nanos"] == 0).count(), 500);
    // And it is over as soon as the vendor is well again.
    town.mocks[0].set(|config| config.status = 200);
    assert_eq!(town.ask("a/gpt-4o", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_word_goes_elsewhere() {
    for broken in [MockConfig { error_after_events: Some(0), ..works() }, MockConfig { abort_after_bytes: Some(20), ..works() }] {
        let town = Town::of(vec![broken, MockConfig { events: Some(4), ..works() }]).await;
        town.fluxa.route("gpt-4o", json!({"provider": "a", "fallback": ["b"], "retries": 0})).await;
        town.fluxa.route("claude-x", json!({"provider": "a-claude", "fallback": ["b-claude"], "retries": 0})).await;
        for model in ["gpt-4o", "claude-x"] {
            let answer = town.ask(model, json!({"stream": true, "max_tokens": 50})).await;
            assert!(answer.status == 200 && answer.complete && !answer.text().contains("error"), "{answer:?}");
            assert_eq!(answer.header("x-fluxa-attempts"), Some("2"));
            // The one that failed may charge for what it had begun, so that is counted beside the answer.
            let row = town.fluxa.log_row(&answer.id()).await;
            assert!(matches!(row["usage"]["output"].as_u64(), Some(4 | 5)), "{row}");
            assert!(row["usage"]["input_uncached"].as_u64() >= Some(4) && row["attempts"].as_array().map(Vec::len) == Some(2), "{row}");
        }
        assert_eq!(town.seen(), [2, 2]);
    }
}

#[tokio::test]
async fn a_stream_that_fails_after_its_first_word_ends_with_an_error_and_goes_nowhere_else() {
    for (broken, least) in [
        (MockConfig { events: Some(9), error_after_events: Some(3), ..works() }, 3),
        (MockConfig { events: Some(9), text_bytes: 200, abort_after_bytes: Some(1_500), ..works() }, 1),
    ] {
        let town = Town::of(vec![broken, works()]).await;
        town.fluxa.route("gpt-4o", json!({"provider": "a", "fallback": ["b"]})).await;
        town.fluxa.route("claude-x", json!({"provider": "a-claude", "fallback": ["b-claude"]})).await;
        for (model, end) in [("gpt-4o", "[DONE]"), ("claude-x", "message_stop")] {
            let answer = town.ask(model, json!({"stream": true, "max_tokens": 50})).await;
            let events = answer.events();
            assert!(answer.status == 200 && !answer.text().contains(end), "{answer:?}");
            assert!(events.last().is_some_and(|event| event.contains("\"error\"")), "{events:?}");
            assert_eq!(events.iter().filter(|event| event.contains("\"error\"")).count(), 1, "once: {events:?}");
            let row = town.fluxa.log_row(&answer.id()).await;
            assert!(row["usage"]["output"].as_u64() >= Some(least) && row["usage_state"] == "estimated", "{row}");
            assert!(row["error"] == "upstream_error" && row["client_closed"] == false, "{row}");
        }
        assert_eq!(town.seen(), [2, 0]);
    }
}
