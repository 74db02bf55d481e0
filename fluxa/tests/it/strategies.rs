//! How a route's targets are chosen, and when one is left alone.

use std::time::{Duration, Instant};

use fluxa_loadtest::vendor::{Mock, MockConfig};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::books::{Key, ask, body, eventually, key, price};
use crate::harness::{Answer, Fluxa, Setup};

struct Town {
    fluxa: Fluxa,
    mocks: Vec<Mock>,
    key: Key,
}

impl Town {
    async fn of(configs: Vec<MockConfig>, provider: Value) -> Self {
        let fluxa = Fluxa::start(Setup::default()).await;
        let mut mocks = Vec::new();
        for (config, name) in configs.into_iter().zip(["a", "b", "c"]) {
            let mock = Mock::start(config).await.expect("the mock starts");
            fluxa.provider(name, "openai", &mock.base_url(), provider.clone()).await;
            mocks.push(mock);
        }
        let key = key(&fluxa, json!({})).await;
        Self { fluxa, mocks, key }
    }

    async fn route(&self, more: Value) {
        let mut route = json!({"targets": self.names().iter().map(|name| json!({"provider": name})).collect::<Vec<_>>(), "retries": 0});
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.fluxa.route("m", route).await;
    }

    fn names(&self) -> &'static [&'static str] {
        &["a", "b", "c"][..self.mocks.len()]
    }

    async fn ask(&self, more: Value) -> Answer {
        ask(&self.fluxa, &self.key, &body("m", more)).await
    }

    fn seen(&self) -> Vec<u64> {
        self.mocks.iter().map(|mock| mock.bill().requests).collect()
    }
}

fn works() -> MockConfig {
    MockConfig::default()
}

#[tokio::test]
async fn the_cheapest_and_the_fastest_are_asked_first() {
    let town = Town::of(vec![MockConfig { delay_ms: 60, ..works() }, works()], json!({})).await;
    for (provider, cost) in [("a", 1), ("b", 9)] {
        price(&town.fluxa, json!({"provider": provider, "model": "m", "input_per_mtok": cost, "output_per_mtok": cost})).await;
    }
    town.route(json!({"strategy": "lowest_cost"})).await;
    for _ in 0..6 {
        assert_eq!(town.ask(json!({})).await.header("x-fluxa-provider"), Some("a"));
    }
    town.route(json!({"strategy": "lowest_latency"})).await;
    // Each is tried until it has answered once.
    for _ in 0..4 {
        town.ask(json!({})).await;
    }
    for _ in 0..6 {
        assert_eq!(town.ask(json!({})).await.header("x-fluxa-provider"), Some("b"));
    }
}

#[tokio::test]
async fn the_least_busy_is_asked_first() {
    let town = Town::of(vec![works(), works()], json!({})).await;
    town.mocks[0].set(|config| config.stall_headers = true);
    town.route(json!({"strategy": "least_busy", "targets": [{"provider": "a"}]})).await;
    let busy = town.ask(json!({}));
    let others = async {
        // `a` is busy with a call that does not end until it is let go.
        town.mocks[0].until(|bill| bill.requests >= 1).await.expect("it was asked");
        town.route(json!({"strategy": "least_busy"})).await;
        for _ in 0..8 {
            assert_eq!(town.ask(json!({})).await.header("x-fluxa-provider"), Some("b"));
        }
    };
    tokio::select! {
        answer = busy => panic!("{answer:?}"),
        () = others => {}
    }
    assert_eq!(town.seen(), [1, 8]);
}

#[tokio::test]
async fn conversations_stay_where_their_beginning_is_known() {
    let town = Town::of(vec![works(), works(), works()], json!({})).await;
    town.route(json!({"prompt_affinity": true})).await;
    let mut homes = std::collections::BTreeSet::new();
    for conversation in 0..12 {
        let beginning = format!("{conversation}: {}", "You are a careful clerk. ".repeat(300));
        let mut first = None;
        for turn in 0..3 {
            let messages = json!([{"role": "system", "content": beginning}, {"role": "user", "content": format!("turn {turn}")}]);
            let answer = town.ask(json!({"messages": messages})).await;
            let provider = answer.header("x-fluxa-provider").unwrap().to_owned();
            assert_eq!(*first.get_or_insert_with(|| provider.clone()), provider, "conversation {conversation}, turn {turn}");
        }
        homes.extend(first);
    }
    assert!(homes.len() > 1, "all of them at {homes:?}");
}

#[tokio::test]
async fn a_provider_gets_no_more_calls_at_once_than_it_may_have() {
    let town = Town::of(vec![MockConfig { delay_ms: 300, ..works() }], json!({"max_concurrency": 2})).await;
    town.route(json!({})).await;
    let answers = join_all((0..6).map(|_| town.ask(json!({})))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    let full = answers.iter().filter(|answer| answer.status == 503 && answer.text().contains("in flight")).count();
    assert!(good >= 2 && good + full == 6 && full > 0, "{good} good, {full} refused");
    assert!(answers.iter().filter(|answer| answer.status == 503).all(|answer| answer.header("retry-after").is_some()));
    assert_eq!(town.ask(json!({})).await.status, 200, "places are given back");
}

#[tokio::test]
async fn one_bad_model_does_not_take_the_provider_away() {
    let town = Town::of(vec![works(), works()], json!({})).await;
    town.fluxa.route("bad", json!({"provider": "a", "fallback": ["b"], "retries": 0})).await;
    town.fluxa.route("good", json!({"provider": "a", "fallback": ["b"], "retries": 0})).await;
    let status = async |model: &str| {
        let answer = ask(&town.fluxa, &town.key, &body(model, json!({}))).await;
        assert_eq!(answer.status, 200);
        answer.header("x-fluxa-provider").unwrap().to_owned()
    };
    town.mocks[0].set(|config| config.status = 500);
    for _ in 0..5 {
        assert_eq!(status("bad").await, "b");
    }
    let before = town.seen()[0];
    assert_eq!(status("bad").await, "b");
    assert_eq!(town.seen()[0], before, "its circuit is open, so it is not asked");
    town.mocks[0].set(|config| config.status = 200);
    assert_eq!(status("good").await, "a", "another model of it is asked");
    let began = Instant::now();
    eventually("the circuit to close", async || (status("bad").await == "a").then_some(())).await;
    assert!(began.elapsed() <= Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_a_client_asks_wrongly_closes_nothing() {
    let town = Town::of(vec![MockConfig { status: 400, ..works() }, works()], json!({})).await;
    town.fluxa.route("m", json!({"provider": "a", "fallback": ["b"], "retries": 0})).await;
    for asked in 1..=12 {
        assert_eq!(town.ask(json!({})).await.status, 400);
        assert_eq!(town.seen()[0], asked);
    }
    town.mocks[0].set(|config| config.status = 200);
    assert_eq!(town.ask(json!({})).await.header("x-fluxa-provider"), Some("a"));
}

#[tokio::test]
async fn a_probe_finds_a_provider_that_is_back_without_a_clients_call() {
    let mut town = Town::of(vec![works(), works()], json!({"probe_every_s": 5})).await;
    let port = town.mocks[0].addr().port();
    town.fluxa.route("m", json!({"provider": "a", "fallback": ["b"], "retries": 0})).await;
    // It goes away, and is noticed by the probe alone.
    drop(town.mocks.remove(0));
    let state = async || {
        let (_, health) = town.fluxa.admin("GET", "/admin/health", Value::Null).await;
        let providers = health["providers"].as_array().or_else(|| health["gateway"]["providers"].as_array()).cloned().unwrap_or_default();
        providers
            .iter()
            .find(|row| row["provider"] == "a")
            .map_or_else(|| format!("{health}"), |row| row["last_error"].as_str().unwrap_or_default().to_owned())
    };
    eventually("the probe to fail", async || (!state().await.is_empty()).then_some(())).await;
    let back = Mock::start(MockConfig { port, ..works() }).await.expect("the same port");
    assert_eq!(ask(&town.fluxa, &town.key, &body("m", json!({}))).await.header("x-fluxa-provider"), Some("a"));
    assert!(back.bill().requests >= 1);
}
