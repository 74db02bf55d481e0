//! Budgets over HTTP: what may be spent, what is said when it may not, and that the sums agree to the nano-dollar.

use fluxa_loadtest::vendor::MockConfig;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::books::{
    DEAR, Key, ask, billed, bodies, body, cost, dear_lab, key, number, open, patch_key, price, quiet, read_texts, rows, spend, tokens, used,
};
use crate::harness::{Answer, Fluxa, Lab, Setup, lab};

const DOLLAR: i64 = 1_000_000_000;
/// Clients at once.
const CLIENTS: usize = 64;
/// Calls of each.
const CALLS: usize = 5;

/// A hundred tokens at [`DEAR`] are two cents.
fn two_cents() -> MockConfig {
    MockConfig { events: Some(100), burst: true, ..MockConfig::default() }
}

/// Sixty-four clients that ask in every way: whole and streamed, with and without a bound of their own.
async fn burst(lab: &Lab, key: &Key) -> Vec<Answer> {
    let client = |client: usize| async move {
        let mut answers = Vec::new();
        for call in 0..CALLS {
            let mut more = json!({"stream": (client + call).is_multiple_of(2)});
            if (client / 2 + call).is_multiple_of(2) {
                more["max_tokens"] = json!(100);
            }
            // Not waiting for settles: the next call comes while the former is being settled.
            answers.push(open(&lab.fluxa, key, &body("dear", more)).await.rest().await);
        }
        answers
    };
    join_all((0..CLIENTS).map(client)).await.into_iter().flatten().collect()
}

/// Looks at what is used and reserved while `work` runs.
async fn watched<T>(fluxa: &Fluxa, key: &Key, work: impl Future<Output = T>, look: impl Fn([i64; 4])) -> T {
    let watch = async {
        loop {
            look(used(fluxa, key).await);
        }
    };
    tokio::select! {
        done = work => done,
        () = watch => unreachable!("watching never ends"),
    }
}

fn split(answers: Vec<Answer>) -> (Vec<Answer>, Vec<Answer>) {
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert!(refused.iter().all(|answer| answer.status == 402 && answer.code() == "budget_exceeded"), "{refused:?}");
    assert!(done.iter().all(|answer| answer.complete), "{done:?}");
    (done, refused)
}

#[tokio::test]
async fn sixty_four_calls_at_once_never_spend_more_than_a_dollar() {
    let lab = dear_lab(Setup::default(), two_cents()).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 1})).await;
    let look = |[spent, reserved, ..]: [i64; 4]| assert!(spent + reserved <= DOLLAR, "{spent} + {reserved}");
    let (done, refused) = split(watched(&lab.fluxa, &key, burst(&lab, &key), look).await);
    assert!(done.len() >= 10 && !refused.is_empty(), "{} done, {} refused", done.len(), refused.len());

    let rows = rows(&lab.fluxa, &key, CLIENTS * CALLS).await;
    let records = lab.mock.requests();
    assert_eq!(records.len(), done.len(), "what is refused reaches no vendor");
    let bill = billed(&records, DEAR);
    assert!(bill <= DOLLAR, "{bill}");
    assert_eq!((cost(&rows), used(&lab.fluxa, &key).await[..2].to_vec()), (bill, vec![bill, 0]));
    assert!(rows.iter().all(|row| row["cost_state"] == "exact"), "{rows:#?}");

    // Who names no bound is given one, or the reservation would not hold.
    for sent in bodies(&lab.mock) {
        let most = sent["max_tokens"].as_i64().unwrap_or_else(|| panic!("unbounded: {sent}"));
        assert!(most == 100 || most >= 1_024 && most * 200_000 <= DOLLAR, "{sent}");
    }
    let capped = done.iter().filter(|answer| answer.header("x-fluxa-degraded") == Some("output_capped_by_budget"));
    assert!(capped.count() > 0, "some calls named no bound");
}

#[tokio::test]
async fn token_budgets_hold_as_dollar_budgets_do() {
    let lab = dear_lab(Setup::default(), two_cents()).await;
    let key = key(&lab.fluxa, json!({"budget_tokens_total": 6_000})).await;
    let look = |[.., spent, reserved]: [i64; 4]| assert!(spent + reserved <= 6_000, "{spent} + {reserved}");
    let (done, refused) = split(watched(&lab.fluxa, &key, burst(&lab, &key), look).await);
    assert!(done.len() >= 10 && !refused.is_empty(), "{} done, {} refused", done.len(), refused.len());
    let rows = rows(&lab.fluxa, &key, CLIENTS * CALLS).await;
    let bill = lab.mock.bill();
    let billed = i64::try_from(bill.prompt_tokens + bill.completion_tokens).unwrap();
    assert!(billed <= 6_000, "{billed}");
    assert_eq!((tokens(&rows), used(&lab.fluxa, &key).await[2..].to_vec()), (billed, vec![billed, 0]));
}

#[tokio::test]
async fn the_tightest_of_several_windows_decides_and_all_of_them_count() {
    let lab = dear_lab(Setup::default(), two_cents()).await;
    let limits = json!({"budget_usd_daily": 1, "budget_usd_weekly": 0.05, "budget_usd_monthly": 10, "budget_usd_total": 20, "budget_tokens_daily": 1_000_000});
    let key = key(&lab.fluxa, limits).await;
    let call = body("dear", json!({"max_tokens": 100}));
    for _ in 0..2 {
        assert_eq!(ask(&lab.fluxa, &key, &call).await.status, 200);
    }
    let refused = ask(&lab.fluxa, &key, &call).await;
    assert_eq!((refused.status, refused.code().as_str()), (402, "budget_exceeded"));
    let week = spend(&lab.fluxa, &key, "weekly").await;
    let resets = week["resets_at"].as_str().unwrap();
    assert!(refused.text().contains("the weekly dollar budget") && refused.text().contains(resets), "{}", refused.text());

    let rows = rows(&lab.fluxa, &key, 3).await;
    assert_eq!((&rows[2]["status"], &rows[2]["error"], &rows[2]["cost_nanos"]), (&json!(402), &json!("budget_exceeded"), &json!(0)));
    for period in ["daily", "weekly", "monthly", "total"] {
        let window = spend(&lab.fluxa, &key, period).await;
        assert_eq!((number(&window["used_usd_nanos"]), number(&window["reserved_usd_nanos"])), (cost(&rows), 0), "{window}");
        assert_eq!(number(&window["used_tokens"]), tokens(&rows), "{window}");
    }
    // A higher limit is in force with the next call.
    patch_key(&lab.fluxa, &key, json!({"budget_usd_weekly": 5})).await;
    assert_eq!(ask(&lab.fluxa, &key, &call).await.status, 200);
    patch_key(&lab.fluxa, &key, json!({"budget_usd_total": 0.01})).await;
    let refused = ask(&lab.fluxa, &key, &call).await;
    assert!(
        refused.status == 402 && refused.text().contains("total dollar budget") && refused.text().contains("does not reset"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn a_refusal_has_each_dialects_shape_and_reaches_no_vendor() {
    let lab = dear_lab(Setup::default(), two_cents()).await;
    let silent = key(&lab.fluxa, json!({"name": "silent", "budget_usd_total": 0.001})).await;
    let open = key(&lab.fluxa, json!({"name": "open", "budget_usd_total": 0.001, "show_spend": true})).await;
    for (key, shows) in [(&silent, false), (&open, true)] {
        for stream in [false, true] {
            let openai = ask(&lab.fluxa, key, &body("dear", json!({"max_tokens": 100, "stream": stream}))).await;
            let error = &openai.json()["error"];
            assert_eq!((openai.status, &error["code"], &error["type"]), (402, &json!("budget_exceeded"), &json!("insufficient_quota")));
            let anthropic = ask(&lab.fluxa, key, &body("dear-claude", json!({"max_tokens": 100, "stream": stream}))).await;
            let whole = anthropic.json();
            assert_eq!((anthropic.status, &whole["type"], &whole["error"]["type"]), (402, &json!("error"), &json!("billing_error")));
            for answer in [openai, anthropic] {
                assert_eq!(answer.header("x-should-retry"), Some("false"), "{answer:?}");
                assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
                let told = answer.text();
                assert_eq!(told.contains("limit") && told.contains("0.001"), shows, "{told}");
                assert!(told.contains(if shows { "\\\"open\\\"" } else { "\\\"silent\\\"" }), "the scope is named: {told}");
            }
        }
    }
    assert_eq!(lab.mock.bill().requests, 0);
}

#[tokio::test]
async fn clamping_lowers_the_bound_instead_of_refusing() {
    let lab = dear_lab(Setup::default(), MockConfig { events: Some(500), burst: true, ..MockConfig::default() }).await;
    let strict = key(&lab.fluxa, json!({"budget_usd_total": 0.05})).await;
    let clamped = key(&lab.fluxa, json!({"budget_usd_total": 0.05, "budget_clamp": true})).await;
    for model in ["dear", "dear-claude"] {
        assert_eq!(ask(&lab.fluxa, &strict, &body(model, json!({"max_tokens": 5_000}))).await.status, 402);
    }
    let answer = ask(&lab.fluxa, &clamped, &body("dear", json!({"max_tokens": 5_000}))).await;
    assert_eq!((answer.status, answer.header("x-fluxa-degraded")), (200, Some("output_capped_by_budget")), "{answer:?}");
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "length");
    let sent = number(&bodies(&lab.mock)[0]["max_tokens"]);
    assert!((200..=250).contains(&sent), "{sent}");
    let [spent, reserved, ..] = used(&lab.fluxa, &clamped).await;
    assert!((40_000_000..=50_000_000).contains(&spent) && reserved == 0, "{spent} {reserved}");
}

#[tokio::test]
async fn clamping_lowers_every_field_that_bounds_the_output() {
    let lab = dear_lab(Setup::default(), MockConfig { events: Some(500), burst: true, ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 0.05, "budget_clamp": true})).await;
    let both = body("dear", json!({"max_tokens": 4_000, "max_completion_tokens": 5_000}));
    assert_eq!(ask(&lab.fluxa, &key, &both).await.status, 200);
    let sent = bodies(&lab.mock).pop().unwrap();
    let most = ["max_tokens", "max_completion_tokens"].map(|name| sent[name].as_i64().unwrap_or(0)).into_iter().max();
    assert!(most <= Some(250), "{sent}");
    let spent = used(&lab.fluxa, &key).await[0];
    assert!(spent <= DOLLAR / 20, "{spent}");
}

#[tokio::test]
async fn balanced_budgets_overshoot_by_no_more_than_the_calls_in_flight() {
    const ACTUAL: i64 = 1_000;
    const GUESS: i64 = 512;
    let config = MockConfig { events: Some(1_000), burst: true, delay_ms: 100, ..MockConfig::default() };
    let lab = dear_lab(Setup::default(), config).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 0.5, "budget_mode": "balanced"})).await;
    let call = |stream: bool| body("dear", json!({"max_tokens": 2_000, "stream": stream}));
    let bodies: Vec<Value> = (0..16).map(|n| call(n % 2 == 0)).collect();
    let (done, _) = split(join_all(bodies.iter().map(|body| ask(&lab.fluxa, &key, body))).await);
    quiet(&lab.fluxa).await;
    let in_flight = i64::try_from(done.len()).unwrap();
    let [spent, reserved, ..] = used(&lab.fluxa, &key).await;
    assert!(spent > DOLLAR / 2 && in_flight >= 2, "the guess was too low on purpose: {spent} by {in_flight}");
    assert!(spent <= DOLLAR / 2 + in_flight * (ACTUAL - GUESS) * 200_000, "{spent} by {in_flight}");
    assert_eq!((spent, reserved), (cost(&rows(&lab.fluxa, &key, 16).await), 0));
    assert_eq!(ask(&lab.fluxa, &key, &call(false)).await.status, 402, "and then it is over");
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_to_dollar_budgets_only() {
    let lab = lab(Setup::default(), two_cents()).await;
    let dollars = key(&lab.fluxa, json!({"budget_usd_total": 1})).await;
    let counted = key(&lab.fluxa, json!({"budget_tokens_total": 10_000})).await;
    let free = key(&lab.fluxa, json!({})).await;
    let call = body("openai/nobody-knows", json!({"max_tokens": 100}));
    let refused = ask(&lab.fluxa, &dollars, &call).await;
    assert_eq!((refused.status, refused.code().as_str(), refused.header("x-should-retry")), (402, "model_unpriced", Some("false")));
    let anthropic = lab.fluxa.call("/v1/messages", &dollars.secret, &[], &body("anthropic/nobody-knows", json!({"max_tokens": 100}))).await;
    assert_eq!((anthropic.status, &anthropic.json()["error"]["type"]), (402, &json!("billing_error")));
    assert_eq!(lab.mock.bill().requests, 0);
    for key in [&counted, &free] {
        let answer = ask(&lab.fluxa, key, &call).await;
        assert_eq!((answer.status, answer.header("x-fluxa-cost-state")), (200, Some("unpriced")), "{answer:?}");
        assert_eq!(rows(&lab.fluxa, key, 1).await[0]["cost_state"], "unpriced");
    }
    assert_eq!(used(&lab.fluxa, &counted).await[2], tokens(&rows(&lab.fluxa, &counted, 1).await));
    // A price makes it known at once.
    price(&lab.fluxa, json!({"provider": "openai", "model": "nobody-knows", "input_per_mtok": 1, "output_per_mtok": 1})).await;
    assert_eq!(ask(&lab.fluxa, &dollars, &call).await.status, 200);
}

#[tokio::test]
async fn the_operator_may_allow_unpriced_models_or_charge_a_fallback_price() {
    let fallback = "budget: { unpriced: fallback, fallback_input_usd_per_mtok: 50, fallback_output_usd_per_mtok: 200 }";
    for (yaml, state, charged) in [("budget: { unpriced: allow }", "unpriced", false), (fallback, "estimated", true)] {
        let lab = lab(Setup::yaml(yaml), two_cents()).await;
        let key = key(&lab.fluxa, json!({"budget_usd_total": 0.05})).await;
        let call = body("openai/nobody-knows", json!({"max_tokens": 100}));
        assert_eq!(ask(&lab.fluxa, &key, &call).await.header("x-fluxa-cost-state"), Some(state));
        let spent = used(&lab.fluxa, &key).await[0];
        assert_eq!(spent, if charged { billed(&lab.mock.requests(), DEAR) } else { 0 }, "{yaml}");
        assert_eq!(ask(&lab.fluxa, &key, &call).await.status, 200);
        assert_eq!(ask(&lab.fluxa, &key, &call).await.status, if charged { 402 } else { 200 }, "{yaml}");
    }
}

#[tokio::test]
async fn counting_tokens_costs_nothing() {
    let lab = dear_lab(Setup::default(), MockConfig::default()).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 0.001, "budget_tokens_total": 1, "rate_limit_tpm": 1})).await;
    let call = body("dear-claude", json!({}));
    for _ in 0..3 {
        let answer = lab.fluxa.call("/v1/messages/count_tokens", &key.secret, &[], &call).await;
        assert!(answer.status == 200 && answer.json()["input_tokens"].is_number(), "{answer:?}");
    }
    let rows = rows(&lab.fluxa, &key, 3).await;
    assert_eq!((cost(&rows), tokens(&rows)), (0, 0), "{rows:#?}");
    assert_eq!(used(&lab.fluxa, &key).await, [0, 0, 0, 0]);
    assert_eq!(ask(&lab.fluxa, &key, &body("dear-claude", json!({"max_tokens": 100}))).await.status, 402);
}

#[tokio::test]
async fn a_call_that_fails_gives_its_reservation_back() {
    let lab = dear_lab(Setup::default(), two_cents()).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 0.03, "budget_tokens_total": 200})).await;
    let call = |stream: bool| body("dear", json!({"max_tokens": 100, "stream": stream}));
    for status in [400, 401, 404, 429, 500] {
        lab.mock.set(|config| config.status = status);
        for stream in [false, true] {
            assert!(ask(&lab.fluxa, &key, &call(stream)).await.status >= 400);
            assert_eq!(used(&lab.fluxa, &key).await, [0, 0, 0, 0], "after a {status}");
        }
    }
    lab.mock.set(|config| config.status = 200);
    assert_eq!(ask(&lab.fluxa, &key, &call(true)).await.status, 200, "there is room for one, and it was kept");
    assert_eq!(ask(&lab.fluxa, &key, &call(true)).await.status, 402);
}

#[tokio::test]
async fn a_stream_that_outlives_its_reservation_is_charged_once_and_never_forgotten() {
    let config = MockConfig { events: Some(80), interval_ms: 50, ..MockConfig::default() };
    let lab = dear_lab(Setup::yaml("budget: { reservation_ttl: 1s }"), config).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 1})).await;
    let mut stream = open(&lab.fluxa, &key, &body("dear", json!({"stream": true, "max_tokens": 80}))).await;
    assert!(read_texts(&mut stream, 1).await);
    let least = 80 * 200_000;
    let look = |[spent, reserved, ..]: [i64; 4]| assert!((least..DOLLAR / 10).contains(&(spent + reserved)), "{spent} + {reserved}");
    let answer = watched(&lab.fluxa, &key, stream.rest(), look).await;
    assert!(answer.complete, "{answer:?}");
    let rows = rows(&lab.fluxa, &key, 1).await;
    assert_eq!((cost(&rows), used(&lab.fluxa, &key).await[..2].to_vec()), (billed(&lab.mock.requests(), DEAR), vec![cost(&rows), 0]));
}

#[tokio::test]
async fn windows_begin_at_midnight_of_the_keys_own_time_zone() {
    let lab = dear_lab(Setup::default(), two_cents()).await;
    for (zone, midnight) in [("UTC", "T00:00:00"), ("Asia/Kathmandu", "T18:15:00"), ("Asia/Shanghai", "T16:00:00")] {
        let key = key(&lab.fluxa, json!({"budget_usd_daily": 1, "time_zone": zone})).await;
        assert_eq!(ask(&lab.fluxa, &key, &body("dear", json!({"max_tokens": 100}))).await.status, 200);
        let day = spend(&lab.fluxa, &key, "daily").await;
        let [starts, resets] = ["starts_at", "resets_at"].map(|name| day[name].as_str().unwrap().to_owned());
        assert!(starts.contains(midnight) && resets.contains(midnight) && day["window"].as_str().unwrap().ends_with(zone), "{day}");
        assert_eq!(number(&day["used_usd_nanos"]), cost(&rows(&lab.fluxa, &key, 1).await), "{day}");
    }
}
