//! Prices: added by hand or imported, in force at once, and charged to the nano-dollar.

use fluxa_domain::time::Micros;
use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::books::{GPT_4O, Key, ask, billed, body, cost, key, price, rows, used};
use crate::harness::{Answer, Fluxa, Setup, lab};

/// A mock that reports these token counts.
fn counting(prompt: u64, cached: u64, written: u64, completion: u64) -> MockConfig {
    MockConfig {
        prompt_tokens: Some(prompt),
        cached_tokens: cached,
        cache_write_tokens: written,
        completion_tokens: Some(completion),
        events: Some(3),
        ..MockConfig::default()
    }
}

async fn import(fluxa: &Fluxa, map: Value, query: &str) -> Value {
    let (status, answer) = fluxa.admin("POST", &format!("/admin/prices/import{query}"), map).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A call's row, whole and streamed: both are charged alike.
async fn charged(fluxa: &Fluxa, key: &Key, model: &str) -> (Answer, Value) {
    let streamed = ask(fluxa, key, &body(model, json!({"stream": true, "max_tokens": 50_000}))).await;
    let whole = ask(fluxa, key, &body(model, json!({"max_tokens": 50_000}))).await;
    assert_eq!((streamed.status, whole.status), (200, 200), "{whole:?}");
    let (one, other) = (fluxa.log_row(&streamed.id()).await, fluxa.log_row(&whole.id()).await);
    for same in ["cost_nanos", "usage", "price_version", "cost_state", "usage_state"] {
        assert_eq!(one[same], other[same], "{same}");
    }
    assert_eq!((&other["cost_state"], &other["usage_state"]), (&json!("exact"), &json!("reported")), "{other}");
    (whole, other)
}

#[tokio::test]
async fn a_call_costs_exactly_its_usage_times_the_price() {
    let lab = lab(Setup::default(), counting(1_000, 300, 0, 77)).await;
    let key = key(&lab.fluxa, json!({})).await;
    let (answer, row) = charged(&lab.fluxa, &key, "gpt-4o").await;
    assert_eq!(row["cost_nanos"], json!(700 * 2_500 + 300 * 1_250 + 77 * 10_000), "{row}");
    assert_eq!(
        row["usage"],
        json!({"input_uncached": 700, "cache_read": 300, "cache_write_5m": 0, "cache_write_1h": 0, "output": 77, "reasoning": 0})
    );
    assert_eq!((answer.header("x-fluxa-cost-usd"), answer.header("x-fluxa-cost-state")), (Some("0.002895"), Some("exact")));
    assert_eq!(cost(&rows(&lab.fluxa, &key, 2).await), billed(&lab.mock.requests(), GPT_4O));

    lab.mock.set(|config| config.cache_write_tokens = 200);
    let (_, row) = charged(&lab.fluxa, &key, "claude-sonnet-4-5").await;
    assert_eq!(row["usage"]["cache_write_5m"], 200, "{row}");
    assert_eq!(row["cost_nanos"], json!(500 * 3_000 + 300 * 300 + 200 * 3_750 + 77 * 15_000), "{row}");

    // Reasoning is part of the output, not beside it.
    lab.mock.set(|config| config.reasoning_tokens = 50);
    let (_, row) = charged(&lab.fluxa, &key, "gpt-4o").await;
    assert_eq!((&row["usage"]["reasoning"], &row["cost_nanos"]), (&json!(50), &json!(700 * 2_500 + 300 * 1_250 + 77 * 10_000)), "{row}");
}

#[tokio::test]
async fn an_import_in_litellms_form_applies_at_once() {
    let lab = lab(Setup::default(), counting(1_000, 400, 100, 10)).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 100})).await;
    let before = ask(&lab.fluxa, &key, &body("openai/house-model", json!({}))).await;
    assert_eq!((before.status, before.code().as_str()), (402, "model_unpriced"));
    let map = json!({
        "house-model": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 0.000003,
            "cache_read_input_token_cost": 1e-7, "max_input_tokens": 100_000, "max_output_tokens": 4_000},
        "house-claude": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 2e-6, "output_cost_per_token": 1e-5,
            "cache_read_input_token_cost": 2e-7, "cache_creation_input_token_cost": 2.5e-6,
            "input_cost_per_token_above_10k_tokens": 4e-6, "output_cost_per_token_above_10k_tokens": 2e-5},
        "nonsense": {"input_cost_per_token": "a lot"},
    });
    let answer = import(&lab.fluxa, map, "").await;
    assert_eq!((&answer["imported"], answer["skipped"].as_array().map(Vec::len)), (&json!(2), Some(1)), "{answer}");
    let (_, row) = charged(&lab.fluxa, &key, "house-model").await;
    assert_eq!((&row["cost_nanos"], &row["price_version"]), (&json!(600 * 1_000 + 400 * 100 + 10 * 3_000), &answer["version"]), "{row}");
    let (_, row) = charged(&lab.fluxa, &key, "house-claude").await;
    assert_eq!(row["cost_nanos"], json!(500 * 2_000 + 400 * 200 + 100 * 2_500 + 10 * 10_000), "{row}");
    // Past the threshold the whole call costs the tier's price; what the tier does not name stays.
    lab.mock.set(|config| config.prompt_tokens = Some(10_001));
    let (_, row) = charged(&lab.fluxa, &key, "house-claude").await;
    assert_eq!(row["cost_nanos"], json!(9_501 * 4_000 + 400 * 200 + 100 * 2_500 + 10 * 20_000), "{row}");
    assert_eq!(used(&lab.fluxa, &key).await[..2], [cost(&rows(&lab.fluxa, &key, 7).await), 0]);
}

#[tokio::test]
async fn a_price_has_a_first_day_and_never_rewrites_what_was_charged() {
    let lab = lab(Setup::default(), counting(1_000, 0, 0, 100)).await;
    let key = key(&lab.fluxa, json!({})).await;
    let row = |input: u64, more: Value| {
        let mut row = json!({"provider": "openai", "model": "gpt-4o", "input_per_mtok": input, "output_per_mtok": 0});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let (_, builtin) = charged(&lab.fluxa, &key, "gpt-4o").await;
    assert_eq!(builtin["cost_nanos"], 1_000 * 2_500 + 100 * 10_000);
    let first = price(&lab.fluxa, row(1, json!({}))).await;
    let (_, one) = charged(&lab.fluxa, &key, "gpt-4o").await;
    assert_eq!((&one["cost_nanos"], &one["price_version"]), (&json!(1_000_000), &json!(first)));
    // One for later, and one for the past that an open price already covers: neither is in force.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let at = |seconds: i64| Micros(i64::try_from(now).unwrap()).plus_seconds(seconds).to_rfc3339();
    price(&lab.fluxa, row(7, json!({"valid_from": at(3_600)}))).await;
    price(&lab.fluxa, row(8, json!({"valid_from": at(-3_600)}))).await;
    assert_eq!(charged(&lab.fluxa, &key, "gpt-4o").await.1["cost_nanos"], 1_000_000);
    let second = price(&lab.fluxa, row(2, json!({}))).await;
    let (_, two) = charged(&lab.fluxa, &key, "gpt-4o").await;
    assert!(two["cost_nanos"] == 2_000_000 && two["price_version"] == json!(second) && second != first, "{two}");
    let rows = rows(&lab.fluxa, &key, 8).await;
    let costs: Vec<&Value> = rows.iter().map(|row| &row["cost_nanos"]).collect();
    assert_eq!(costs, [3_500_000, 3_500_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 2_000_000, 2_000_000]);
}

#[tokio::test]
async fn a_price_for_a_provider_by_name_wins_over_its_kind_and_others_are_not_touched() {
    let lab = lab(Setup::default(), counting(1_000, 0, 0, 0)).await;
    lab.fluxa.provider("cheap", "openai", &lab.mock.base_url(), json!({})).await;
    let key = key(&lab.fluxa, json!({})).await;
    price(&lab.fluxa, json!({"provider": "openai", "model": "gpt-4o", "input_per_mtok": 5, "output_per_mtok": 5})).await;
    price(&lab.fluxa, json!({"provider": "cheap", "model": "gpt-4o", "input_per_mtok": 1, "output_per_mtok": 1})).await;
    for (model, cost) in [
        ("cheap/gpt-4o", 1_000_000),
        ("openai/gpt-4o", 5_000_000),
        ("openai/gpt-4o-2029-08-06", 5_000_000),
        ("openai/gpt-4o-mini", 150_000),
    ] {
        assert_eq!(charged(&lab.fluxa, &key, model).await.1["cost_nanos"], cost, "{model}");
    }
    // By a LiteLLM key `provider/model` too.
    import(&lab.fluxa, json!({"cheap/gpt-4o": {"input_cost_per_token": 3e-6, "output_cost_per_token": 0}}), "").await;
    assert_eq!(charged(&lab.fluxa, &key, "cheap/gpt-4o").await.1["cost_nanos"], 3_000_000);
    assert_eq!(charged(&lab.fluxa, &key, "openai/gpt-4o").await.1["cost_nanos"], 5_000_000);
}

#[tokio::test]
async fn fractions_of_a_nano_dollar_are_rounded_up_once_a_call() {
    let lab = lab(Setup::default(), counting(7, 0, 0, 3)).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 1})).await;
    // 7 × 0.1 + 3 × 0.15 nano-dollars are 1.15, which is 2.
    import(
        &lab.fluxa,
        json!({"tiny": {"litellm_provider": "openai", "input_cost_per_token": 1e-10, "output_cost_per_token": 1.5e-10}}),
        "",
    )
    .await;
    let (answer, row) = charged(&lab.fluxa, &key, "tiny").await;
    assert_eq!((&row["cost_nanos"], answer.header("x-fluxa-cost-usd")), (&json!(2), Some("0.000000002")), "{row}");
    assert_eq!(used(&lab.fluxa, &key).await[0], 4);
}
