//! Rate limits: requests and tokens a minute, calls at once, and what the headers say about them.

use fluxa_loadtest::vendor::MockConfig;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::books::{Key, ask, body, eventually, key, open, patch_key, read_texts, rows};
use crate::harness::{Answer, Fluxa, Setup, lab};

/// The number in a header.
fn told(answer: &Answer, name: &str) -> i64 {
    let value = answer.header(name).unwrap_or_else(|| panic!("no {name}: {answer:?}"));
    value.trim_end_matches('s').parse().unwrap_or_else(|_| panic!("{name}: {value}"))
}

async fn many(fluxa: &Fluxa, key: &Key, bodies: &[Value]) -> Vec<Answer> {
    join_all(bodies.iter().map(|body| ask(fluxa, key, body))).await
}

#[tokio::test]
async fn a_burst_gets_its_requests_a_minute_and_no_more() {
    const RPM: usize = 7;
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let key = key(&lab.fluxa, json!({"rate_limit_rpm": RPM})).await;
    let first = ask(&lab.fluxa, &key, &body("gpt-4o", json!({}))).await;
    let standing = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"].map(|name| told(&first, name));
    assert_eq!((first.status, standing), (200, [7, 6]));
    assert!((1..=61).contains(&told(&first, "x-ratelimit-reset-requests")), "{first:?}");
    assert!(first.header("x-ratelimit-limit-tokens").is_none(), "it has no such limit: {first:?}");

    let models = ["gpt-4o", "claude-sonnet-4-5"];
    let bodies: Vec<Value> = (0..40).map(|n| body(models[n % 2], json!({"max_tokens": 5, "stream": n % 3 == 0}))).collect();
    let answers = many(&lab.fluxa, &key, &bodies).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), RPM - 1);
    assert_eq!(lab.mock.bill().requests, RPM as u64, "counted where they arrive");
    let mut codes = Vec::new();
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((refused.status, told(refused, "x-ratelimit-remaining-requests")), (429, 0), "{refused:?}");
        assert!((1..=61).contains(&told(refused, "retry-after")), "{refused:?}");
        assert_ne!(refused.header("x-should-retry"), Some("false"), "waiting helps: {refused:?}");
        codes.push(refused.code());
    }
    codes.sort();
    codes.dedup();
    assert_eq!(codes, ["rate_limit_error", "rate_limit_exceeded"], "one of each dialect");
    let rows = rows(&lab.fluxa, &key, 41).await;
    assert_eq!(rows.iter().filter(|row| row["status"] == 429 && row["error"] == "rate_limit_exceeded").count(), 41 - RPM);
}

#[tokio::test]
async fn tokens_a_minute_are_counted_as_the_vendor_counts_them() {
    const TPM: u64 = 2_000;
    let lab = lab(Setup::default(), MockConfig { events: Some(100), burst: true, ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"rate_limit_tpm": TPM})).await;
    let first = ask(&lab.fluxa, &key, &body("gpt-4o", json!({"max_tokens": 200}))).await;
    assert_eq!((first.status, told(&first, "x-ratelimit-limit-tokens")), (200, 2_000));
    assert!((1_700..2_000).contains(&told(&first, "x-ratelimit-remaining-tokens")), "{first:?}");

    let bodies: Vec<Value> = (0..30).map(|n| body("gpt-4o", json!({"max_tokens": 200, "stream": n % 2 == 0}))).collect();
    // One after the other, each is settled before the next: the estimate is given back, so more of them fit than were guessed.
    let mut refused = None;
    for body in &bodies {
        let answer = ask(&lab.fluxa, &key, body).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("thirty of them are too many");
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limit_exceeded"), "{refused:?}");
    assert!((1..=61).contains(&told(&refused, "retry-after")) && refused.text().contains("tokens"), "{refused:?}");
    assert!(told(&refused, "x-ratelimit-remaining-tokens") < 210, "{refused:?}");
    let spent = lab.mock.bill().prompt_tokens + lab.mock.bill().completion_tokens;
    assert!((1_700..=TPM).contains(&spent), "{spent}");
    // All at once there is nothing to give back, and the bound holds all the more.
    many(&lab.fluxa, &key, &bodies).await;
    let spent = lab.mock.bill().prompt_tokens + lab.mock.bill().completion_tokens;
    assert!(spent <= TPM, "{spent}");
}

#[tokio::test]
async fn calls_at_once_are_freed_when_they_end_and_when_their_client_leaves() {
    let lab = lab(Setup::default(), MockConfig { events: Some(50), stall_after_events: Some(2), ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"max_concurrency": 2})).await;
    let streamed = body("gpt-4o", json!({"stream": true}));
    let mut first = open(&lab.fluxa, &key, &streamed).await;
    let mut second = open(&lab.fluxa, &key, &streamed).await;
    assert!(read_texts(&mut first, 2).await && read_texts(&mut second, 2).await);
    let refused = ask(&lab.fluxa, &key, &streamed).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limit_exceeded"), "{refused:?}");
    assert!(told(&refused, "retry-after") >= 1 && refused.text().contains("at once"), "{refused:?}");

    drop(first);
    lab.mock.set(|config| config.stall_after_events = None);
    eventually("the place of the client that left", async || (ask(&lab.fluxa, &key, &streamed).await.status == 200).then_some(())).await;
    // That one ended by itself, so there is room again, and whole answers give their place back too.
    for _ in 0..3 {
        assert_eq!(ask(&lab.fluxa, &key, &body("gpt-4o", json!({}))).await.status, 200);
    }
    drop(second);
    // A call that fails keeps no place either.
    lab.mock.set(|config| config.status = 400);
    for _ in 0..4 {
        assert_eq!(ask(&lab.fluxa, &key, &streamed).await.status, 400);
    }
}

#[tokio::test]
async fn never_more_calls_at_once_reach_the_vendor_than_allowed() {
    let lab = lab(Setup::default(), MockConfig { stall_headers: true, ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"max_concurrency": 3})).await;
    let call = body("gpt-4o", json!({}));
    let mut waiting = Vec::new();
    let mut refused = 0;
    // None of the first three is answered before the others were refused.
    {
        let mut calls: Vec<_> = (0..20).map(|_| Box::pin(ask(&lab.fluxa, &key, &call))).collect();
        while calls.len() > 3 {
            let (answer, _, rest) = futures_util::future::select_all(calls).await;
            assert_eq!(answer.status, 429, "{answer:?}");
            refused += 1;
            calls = rest;
        }
        waiting.append(&mut calls);
        lab.mock.until(|bill| bill.requests == 3).await.expect("three of them are under way");
    }
    assert_eq!((refused, lab.mock.bill().requests), (17, 3));
    drop(waiting);
}

#[tokio::test]
async fn a_changed_limit_is_in_force_with_the_next_call() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let key = key(&lab.fluxa, json!({"rate_limit_rpm": 1})).await;
    let call = body("gpt-4o", json!({}));
    assert_eq!([ask(&lab.fluxa, &key, &call).await.status, ask(&lab.fluxa, &key, &call).await.status], [200, 429]);
    patch_key(&lab.fluxa, &key, json!({"rate_limit_rpm": 2})).await;
    assert_eq!([ask(&lab.fluxa, &key, &call).await.status, ask(&lab.fluxa, &key, &call).await.status], [200, 429]);
    patch_key(&lab.fluxa, &key, json!({"rate_limit_rpm": null})).await;
    let free = ask(&lab.fluxa, &key, &call).await;
    assert_eq!((free.status, free.header("x-ratelimit-limit-requests")), (200, None));
}

#[tokio::test]
async fn a_stream_keeps_its_place_for_as_long_as_it_lives() {
    // Longer than a reservation lives by itself.
    let lab =
        lab(Setup::yaml("budget: { reservation_ttl: 1s }"), MockConfig { events: Some(90), interval_ms: 50, ..MockConfig::default() })
            .await;
    let key = key(&lab.fluxa, json!({"max_concurrency": 1})).await;
    let mut stream = open(&lab.fluxa, &key, &body("gpt-4o", json!({"stream": true}))).await;
    assert!(read_texts(&mut stream, 1).await);
    let others = async {
        loop {
            let answer = ask(&lab.fluxa, &key, &body("gpt-4o", json!({"max_tokens": 1}))).await;
            assert!(answer.status == 429 || lab.mock.requests()[0].finished, "two at once: {answer:?}");
        }
    };
    tokio::select! {
        answer = stream.rest() => assert!(answer.complete, "{answer:?}"),
        () = others => unreachable!("it never ends by itself"),
    }
}
