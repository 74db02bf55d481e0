//! The load generator against a mock whose delay is known: its times must be those.

use std::{rc::Rc, time::Duration};

use fluxa_loadtest::{
    client::Target,
    load::{self, Mode, Plan, Side},
    streams,
    vendor::Mock,
};
use serde_json::json;

use crate::harness::{ask, mock};

/// How much slower than it should be an answer may be on a busy machine, in microseconds.
const SLACK_US: u64 = 40_000;

fn side(mock: &Mock, options: &str, stream: bool) -> Side {
    let target = Target::parse(&format!("{}/chat/completions", mock.base_url())).unwrap();
    let headers = [("x-mock".to_owned(), options.to_owned())];
    let request = target.post(&headers, &ask("hello there", json!({"stream": stream})).to_string());
    Side { target, request }
}

fn plan(mode: Mode, main: Side) -> Plan {
    Plan {
        mode,
        duration: Duration::from_millis(400),
        connections: 8,
        stream: false,
        events: None,
        timeout: Duration::from_secs(5),
        main,
        baseline: None,
    }
}

#[tokio::test]
async fn the_open_loops_percentiles_are_the_servers_delay() {
    let mock = mock().await;
    let plan = plan(Mode::Open { rate: 100.0 }, side(&mock, "delay_ms=20", false));
    let report = load::run(plan, Rc::default()).await.main;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    // 40 requests, of which the first tenth is not counted.
    assert_eq!((report.ok, mock.bill().requests), (36, 40));
    let p50 = report.latency.p50_us;
    assert!((20_000..20_000 + SLACK_US).contains(&p50), "{p50}");
    assert!(report.latency.p99_us >= p50);
}

#[tokio::test]
async fn waiting_for_a_connection_counts_as_latency() {
    let mock = mock().await;
    // One connection answers 20 requests a second and 100 are due: the last waits for more than a second.
    let plan = Plan { connections: 1, ..plan(Mode::Open { rate: 100.0 }, side(&mock, "delay_ms=50", false)) };
    let report = load::run(plan, Rc::default()).await.main;
    assert_eq!(report.ok, 36);
    assert!(report.latency.max_us >= 1_500_000, "{:?}", report.latency);
    assert!(report.latency.p50_us >= 700_000, "{:?}", report.latency);
}

#[tokio::test]
async fn the_added_latency_is_the_difference_to_the_baseline() {
    let mock = mock().await;
    let mut plan = plan(Mode::Open { rate: 50.0 }, side(&mock, "delay_ms=60", false));
    plan.baseline = Some(side(&mock, "delay_ms=20", false));
    let report = load::run(plan, Rc::default()).await;
    let added = report.added.unwrap().p50_us;
    assert!((40_000 - 15_000..40_000 + SLACK_US).contains(&added), "{added}");
    assert_eq!((report.main.ok, report.baseline.unwrap().ok), (18, 18));
}

#[tokio::test]
async fn a_closed_loop_counts_what_reached_the_vendor() {
    let mock = mock().await;
    let report = load::run(plan(Mode::Closed, side(&mock, "delay_ms=10", false)), Rc::default()).await.main;
    let reached = mock.bill().requests;
    assert!(report.ok > 0 && report.ok <= reached, "{} of {reached}", report.ok);
    assert!(reached <= 8 * 41, "8 connections, 10 ms each: {reached}");
    assert!(report.latency.p50_us >= 10_000);
}

#[tokio::test]
async fn failures_are_counted_by_class() {
    let mock = mock().await;
    for (options, stream, class) in [
        ("status=429", false, "status_429"),
        ("status=500", false, "status_5xx"),
        ("abort_after_bytes=5", false, "closed"),
        ("stall_headers=1", false, "timeout"),
        ("error_after_events=1", true, "broken_stream"),
    ] {
        let mut plan = plan(Mode::Open { rate: 50.0 }, side(&mock, options, stream));
        (plan.stream, plan.duration) = (stream, Duration::from_millis(100));
        if class == "timeout" {
            plan.timeout = Duration::from_millis(100);
        }
        let report = load::run(plan, Rc::default()).await.main;
        assert_eq!((report.ok, report.errors.keys().map(String::as_str).collect::<Vec<_>>()), (0, vec![class]), "{options}");
    }
}

#[tokio::test]
async fn many_streams_are_seen_to_be_whole() {
    let mock = mock().await;
    let side = side(&mock, "events=5;interval_ms=20;stamp=1", true);
    let plan = streams::Plan {
        target: side.target,
        request: side.request,
        count: 50,
        open_rate: 2000.0,
        events: 5,
        timeout: Duration::from_secs(10),
    };
    let report = streams::run(plan, Rc::default()).await;
    assert_eq!((report.intact, report.counts.events, report.counts.events_lost), (50, 250, 0), "{:?}", report.counts.errors);
    assert_eq!(report.counts.delay.count, 250);
    assert!(report.counts.latency.p50_us >= 80_000, "four beats of 20 ms: {:?}", report.counts.latency);
    let bill = mock.bill();
    assert_eq!((bill.completion_tokens, bill.finished, bill.client_gone), (250, 50, 0));
}

#[tokio::test]
async fn a_stream_with_a_missing_event_is_not_whole() {
    let mock = mock().await;
    let side = side(&mock, "events=5;chunk_bytes=11", true);
    let plan = streams::Plan {
        target: side.target,
        request: side.request,
        count: 2,
        open_rate: 100.0,
        events: 6,
        timeout: Duration::from_secs(10),
    };
    let report = streams::run(plan, Rc::default()).await;
    assert_eq!((report.intact, report.counts.events_lost, report.counts.errors.get("broken_stream")), (0, 2, Some(&2)));
}
