//! The mock as a bad vendor: errors, pages, delays, breaks, stalls, and what its bill says of them.

use std::time::{Duration, Instant};

use fluxa_loadtest::{
    client::{Failure, Target},
    vendor::MockConfig,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{ask, chat, get, messages, mock, post_with};

#[tokio::test]
async fn errors_have_the_body_of_their_dialect() {
    let mock = mock().await;
    for (status, kind, code) in [
        (401, "invalid_request_error", json!("invalid_api_key")),
        (429, "requests", json!("rate_limit_exceeded")),
        (503, "server_error", json!(null)),
    ] {
        let got = chat(&mock, &format!("status={status}"), ask("hi", json!({}))).await;
        assert_eq!((got.status, &got.json()["error"]["type"], &got.json()["error"]["code"]), (status, &json!(kind), &code));
    }
    for (status, kind) in [(401, "authentication_error"), (429, "rate_limit_error"), (529, "overloaded_error")] {
        let got = messages(&mock, &format!("status={status}"), ask("hi", json!({"max_tokens": 1}))).await;
        assert_eq!((got.status, &got.json()["type"], &got.json()["error"]["type"]), (status, &json!("error"), &json!(kind)));
    }
    let quota = chat(&mock, "status=429;error_code=insufficient_quota", ask("hi", json!({}))).await.json();
    assert_eq!(quota["error"]["type"], "insufficient_quota");
    let bill = mock.bill();
    assert_eq!((bill.requests, bill.errors, bill.finished, bill.prompt_tokens, bill.completion_tokens), (7, 7, 7, 0, 0));
    assert_eq!(get(&mock, "/v1/nothing", "").await.status, 404);
    assert_eq!(post_with(&mock, "/v1/chat/completions", &[], "{not json").await.status, 400);
    assert_eq!(post_with(&mock, "/v1/chat/completions", &[("x-mock", "colour=red")], "{}").await.status, 400);
}

#[tokio::test]
async fn only_the_first_requests_fail_until_the_next_setting() {
    let mock = mock().await;
    mock.set(|config| {
        config.fail_first = 2;
        config.status = 503;
    });
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(chat(&mock, "", ask("hi", json!({}))).await.status);
    }
    assert_eq!(statuses, [503, 503, 200]);
    mock.set(|config| config.status = 200);
    assert_eq!(chat(&mock, "", ask("hi", json!({}))).await.status, 500, "a failure without a status is a 500");
}

#[tokio::test]
async fn a_proxys_page_and_garbage_are_no_vendors_answer() {
    let mock = mock().await;
    let page = chat(&mock, "html=1;status=502", ask("hi", json!({}))).await;
    assert_eq!((page.status, page.text().contains("<h1>502 Bad Gateway</h1>")), (502, true));
    let garbage = chat(&mock, "garbage=1", ask("hi", json!({}))).await;
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err());
}

#[tokio::test]
async fn a_broken_off_answer_is_neither_finished_nor_the_clients_fault() {
    let mock = mock().await;
    for (stream, bytes) in [(false, 40), (true, 300)] {
        mock.clear();
        let options = format!("events=20;honour_max_tokens=0;abort_after_bytes={bytes}");
        let got = chat(&mock, &options, ask("hi", json!({"stream": stream}))).await;
        assert_eq!((got.ended, got.status, got.body.len()), (Err(Failure::Closed), 200, bytes));
        let bill = mock.bill();
        assert_eq!((bill.requests, bill.finished, bill.client_gone), (1, 0, 0));
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_billed_for_what_it_got() {
    let mock = mock().await;
    mock.set(|config| {
        config.events = Some(5);
        config.stall_after_events = Some(2);
    });
    let target = Target::parse(&format!("http://{}/v1/chat/completions", mock.addr())).unwrap();
    let mut stream = tokio::net::TcpStream::connect(mock.addr()).await.unwrap();
    stream.write_all(&target.post(&[], &ask("hi", json!({"stream": true})).to_string())).await.unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(" w1") {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the stream stalls open");
    }
    drop(stream);
    let bill = mock.until(|bill| bill.client_gone == 1).await.unwrap();
    assert_eq!((bill.completion_tokens, bill.finished), (2, 0));
    let record = &mock.requests()[0];
    assert_eq!((record.client_gone, record.finished, record.completion_tokens), (true, false, 2));
}

#[tokio::test]
async fn a_client_that_will_not_wait_for_the_head_is_seen_leaving() {
    let mock = mock().await;
    tokio::select! {
        _ = chat(&mock, "stall_headers=1", ask("hi", json!({}))) => panic!("it has no answer"),
        arrived = mock.until(|bill| bill.requests == 1) => assert!(arrived.is_ok()),
    }
    let bill = mock.until(|bill| bill.client_gone == 1).await.unwrap();
    assert_eq!((bill.requests, bill.finished, bill.completion_tokens), (1, 0, 0));
}

#[tokio::test]
async fn an_error_may_come_in_the_middle_of_a_stream() {
    let mock = mock().await;
    let got = chat(&mock, "events=9;error_after_events=2", ask("hi", json!({"stream": true}))).await;
    assert!(got.chunks().last().unwrap()["error"]["message"].is_string());
    assert_eq!(mock.bill().completion_tokens, 2);
    let got = messages(&mock, "events=9;error_after_events=1", ask("hi", json!({"stream": true, "max_tokens": 9}))).await;
    let last = got.events().pop().unwrap();
    assert_eq!((last.0.as_str(), last.1.contains("overloaded_error")), ("error", true));
}

#[tokio::test]
async fn pieces_bursts_and_delays_are_as_configured() {
    let mock = mock().await;
    let asked = || ask("hi", json!({"stream": true}));
    let whole = chat(&mock, "events=5", asked()).await;
    let pieces = chat(&mock, "events=5;chunk_bytes=7", asked()).await;
    let strip = |text: String| text.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(strip(pieces.text()), strip(whole.text()), "the pieces put together are the stream");
    assert!(pieces.parts >= pieces.body.len() / 7, "{} parts of {} bytes", pieces.parts, pieces.body.len());
    assert_eq!(chat(&mock, "events=5;burst=1", asked()).await.parts, 1);
    let start = Instant::now();
    chat(&mock, "events=4;interval_ms=10;delay_ms=20", asked()).await;
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(50) && took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn the_mock_is_told_and_read_over_http_too() {
    let mock = mock().await;
    assert_eq!(post_with(&mock, "/__config", &[], "answer=Bonjour;completion_tokens=40").await.status, 200);
    let got = chat(&mock, "", ask("hi", json!({}))).await.json();
    assert_eq!((&got["choices"][0]["message"]["content"], &got["usage"]["completion_tokens"]), (&json!("Bonjour"), &json!(40)));
    let bill = get(&mock, "/__bill", "").await.json();
    assert_eq!((&bill["requests"], &bill["completion_tokens"]), (&json!(1), &json!(40)));
    let log = get(&mock, "/__log", "").await.json();
    assert_eq!((&log[0]["model"], &log[0]["auth"], &log[0]["dialect"]), (&json!("gpt-4o"), &json!("Bearer sk-test"), &json!("openai")));
    assert!(log[0]["body"].as_str().unwrap().contains("\"messages\""));
    assert_eq!(post_with(&mock, "/__clear", &[], "").await.status, 200);
    assert_eq!((mock.bill().requests, mock.requests().len()), (0, 0));
    assert_eq!(post_with(&mock, "/__config", &[], "nonsense=1").await.status, 400);
}

#[tokio::test]
async fn records_are_bounded_and_can_be_switched_off() {
    let config = MockConfig { keep_records: 2, keep_body_bytes: 10, ..MockConfig::default() };
    let mock = fluxa_loadtest::vendor::Mock::start(config).await.unwrap();
    for _ in 0..3 {
        chat(&mock, "", ask("hi", json!({}))).await;
    }
    let requests = mock.requests();
    assert_eq!(requests.iter().map(|record| record.id).collect::<Vec<_>>(), [1, 2]);
    assert!(requests[0].body.len() == 10 && requests[0].body_bytes > 10);
    chat(&mock, "record=0", ask("hi", json!({}))).await;
    assert_eq!((mock.requests().len(), mock.bill().requests), (2, 4));
}
