//! The end of a process that was asked to end: nothing new, what runs may finish, everything is in the ledger.

use std::time::Duration;

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::books::{body, cost, eventually, key, logs, open, read_texts, rows, used};
use crate::harness::{Fluxa, Setup, lab};
use crate::http::{exchange, request};

/// Far more than a stop takes, far less than any timeout of a call.
const SOON: Duration = Duration::from_secs(15);

/// The status of the telemetry listener's `/readyz`.
async fn ready(fluxa: &Fluxa) -> u16 {
    match exchange(fluxa.telemetry, &request("GET", "/readyz", &[], b"")).await {
        Some(stream) => stream.rest().await.status,
        None => 0,
    }
}

#[tokio::test]
async fn a_stream_finishes_before_the_process_does() {
    let mut lab = lab(Setup::default(), MockConfig { events: Some(80), interval_ms: 10, ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 5})).await;
    let mut streams = Vec::new();
    for model in ["gpt-4o", "claude-sonnet-4-5"] {
        let mut stream = open(&lab.fluxa, &key, &body(model, json!({"stream": true, "max_tokens": 100}))).await;
        assert!(read_texts(&mut stream, 3).await);
        streams.push(stream);
    }
    assert_eq!(ready(&lab.fluxa).await, 200);
    lab.fluxa.signal("TERM");
    eventually("readiness to fail", async || (ready(&lab.fluxa).await == 503).then_some(())).await;
    eventually("new connections to be refused", async || TcpStream::connect(lab.fluxa.address).await.is_err().then_some(())).await;
    assert!(lab.fluxa.is_alive(), "two streams are still running");
    let mut ids = Vec::new();
    for (stream, end) in streams.into_iter().zip(["[DONE]", "message_stop"]) {
        let answer = stream.rest().await;
        assert!(answer.complete && answer.text().contains(end) && answer.text().contains("w79"), "{answer:?}");
        ids.push(answer.id());
    }
    assert_eq!(lab.fluxa.ended().await.code(), Some(0), "{}", lab.fluxa.logs_text());

    lab.fluxa.restart().await;
    assert!(!lab.fluxa.logs_text().contains("without stopping"), "nothing was left to recover:\n{}", lab.fluxa.logs_text());
    let rows = rows(&lab.fluxa, &key, 2).await;
    for row in &rows {
        assert_eq!(
            (&row["usage"]["output"], &row["usage_state"], &row["abandoned"]),
            (&json!(80), &json!("reported"), &json!(false)),
            "{row}"
        );
    }
    assert_eq!(used(&lab.fluxa, &key).await[..2], [cost(&rows), 0]);
}

#[tokio::test]
async fn whole_answers_under_way_are_finished_too() {
    let mut lab = lab(Setup::default(), MockConfig { delay_ms: 300, ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({})).await;
    let (fluxa, mock) = (&lab.fluxa, &lab.mock);
    let call = body("gpt-4o", json!({}));
    let calls = futures_util::future::join_all((0..8).map(async |_| open(fluxa, &key, &call).await.rest().await));
    let stop = async {
        mock.until(|bill| bill.requests == 8).await.expect("all of them are under way");
        fluxa.signal("TERM");
    };
    let (answers, ()) = futures_util::future::join(calls, stop).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.complete), "{answers:?}");
    assert_eq!(lab.fluxa.ended().await.code(), Some(0));
    lab.fluxa.restart().await;
    rows(&lab.fluxa, &key, 8).await;
}

/// A stream that never ends, and the signal; how the process and the stream end, and the stream's row after a restart.
async fn cut(setup: Setup, signals: usize) -> (Fluxa, crate::harness::Answer, Value) {
    let config = MockConfig { events: Some(50), stall_after_events: Some(5), ..MockConfig::default() };
    let mut lab = lab(setup, config).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 5})).await;
    let mut stream = open(&lab.fluxa, &key, &body("gpt-4o", json!({"stream": true}))).await;
    assert!(read_texts(&mut stream, 5).await);
    for _ in 0..signals {
        lab.fluxa.signal("TERM");
        // Two signals that meet count as one.
        eventually("the signal to be seen", async || lab.fluxa.logs_text().contains("stopping").then_some(())).await;
    }
    let ended = async { (stream.rest().await, lab.fluxa.ended().await.code()) };
    let (answer, code) = tokio::time::timeout(SOON, ended).await.expect("it stops before its vendor's silence ends the stream");
    assert_eq!(code, Some(0), "{}", lab.fluxa.logs_text());
    lab.fluxa.restart().await;
    let rows = logs(&lab.fluxa, "").await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(used(&lab.fluxa, &key).await[..2], [cost(&rows), 0]);
    (lab.fluxa, answer, rows[0].clone())
}

#[tokio::test]
async fn the_end_of_the_drain_time_cuts_what_still_runs_and_records_it() {
    let (fluxa, answer, row) = cut(Setup::default().env("FLUXA_DRAIN_TIMEOUT", "200ms"), 1).await;
    assert!(!answer.text().contains("[DONE]"), "{answer:?}");
    assert!(row["usage"]["output"].as_i64() >= Some(5) && row["usage_state"] == "estimated", "{row}");
    assert_eq!(row["id"], json!(answer.id()));
    assert!(!fluxa.logs_text().contains("without stopping"), "the rows are flushed before the end:\n{}", fluxa.logs_text());
}

#[tokio::test]
async fn a_stream_that_is_cut_by_the_drain_ends_with_an_error_event() {
    let (_, answer, row) = cut(Setup::default().env("FLUXA_DRAIN_TIMEOUT", "200ms"), 1).await;
    assert!(answer.events().last().is_some_and(|event| event.contains("\"error\"")), "{:?}", answer.events());
    assert_eq!(row["client_closed"], false, "the client did not leave: {row}");
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let (_, answer, row) = cut(Setup::default().env("FLUXA_DRAIN_TIMEOUT", "600s"), 2).await;
    assert!(!answer.text().contains("[DONE]") && row["usage"]["output"].as_i64() >= Some(5), "{row}");
}

#[tokio::test]
async fn with_a_delay_calls_are_taken_while_readiness_fails() {
    let mut lab = lab(Setup::yaml("server: { shutdown_delay: 600s }"), MockConfig::default()).await;
    let key = key(&lab.fluxa, json!({})).await;
    assert_eq!(ready(&lab.fluxa).await, 200);
    lab.fluxa.signal("TERM");
    eventually("readiness to fail", async || (ready(&lab.fluxa).await == 503).then_some(())).await;
    let answer = crate::books::ask(&lab.fluxa, &key, &body("gpt-4o", json!({}))).await;
    assert_eq!(answer.status, 200, "load balancers have not noticed yet: {answer:?}");
    // A second signal ends the wait.
    lab.fluxa.signal("TERM");
    assert_eq!(lab.fluxa.ended().await.code(), Some(0), "{}", lab.fluxa.logs_text());
}
