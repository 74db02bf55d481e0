//! Clients that are slow on purpose: they are let go in time, and nobody else notices them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fluxa_loadtest::vendor::MockConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{MASTER, Setup, chat, dialects, lab, with};

/// What the contract promises, and a little for a busy machine.
const IDLE: Duration = Duration::from_millis(15_500);
const BODY: Duration = Duration::from_millis(35_500);

/// Sends the first bytes, then one byte each half second, until the other side closes; how long that took.
async fn dribble(address: SocketAddr, first: Vec<u8>, drop_by_drop: Option<u8>, give_up: Duration) -> Duration {
    let began = Instant::now();
    let mut tcp = TcpStream::connect(address).await.expect("it takes connections");
    tcp.write_all(&first).await.expect("the first bytes go out");
    let (mut read, mut write) = tcp.split();
    let mut beat = tokio::time::interval(Duration::from_millis(500));
    let mut bytes = [0; 4096];
    let until_closed = async {
        loop {
            tokio::select! {
                got = read.read(&mut bytes) => if !matches!(got, Ok(1..)) { return },
                _ = beat.tick(), if drop_by_drop.is_some() => if write.write_all(&[drop_by_drop.unwrap_or(0)]).await.is_err() { return },
            }
        }
    };
    let _ = tokio::time::timeout(give_up, until_closed).await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a52_idle_and_dribbling_connections_are_closed_within_15_seconds_while_others_are_served() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let (address, telemetry) = (lab.fluxa.address, lab.fluxa.telemetry);
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n", lab.key).into_bytes();
    let models = format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", lab.key).into_bytes();
    let ways: [(&str, SocketAddr, Vec<u8>, Option<u8>); 9] = [
        ("says nothing", address, Vec::new(), None),
        ("one byte", address, b"G".to_vec(), None),
        ("half a head", address, head.clone(), None),
        ("a head drop by drop", address, head.clone(), Some(b'a')),
        ("a request line drop by drop", address, Vec::new(), Some(b'A')),
        ("blank lines drop by drop", address, Vec::new(), Some(b'\n')),
        ("idle after an answer", address, models.clone(), None),
        ("a next head drop by drop", address, [models, head].concat(), Some(b'a')),
        ("the telemetry listener", telemetry, Vec::new(), None),
    ];
    let mut slow = JoinSet::new();
    for (what, address, first, drops) in ways {
        let count = if what == "the telemetry listener" { 20 } else { 100 };
        for _ in 0..count {
            let first = first.clone();
            slow.spawn(async move { (what, dribble(address, first, drops, IDLE + Duration::from_secs(2)).await) });
        }
    }
    let mut calls = 0;
    let mut slowest = Duration::ZERO;
    let mut late = Vec::new();
    while !slow.is_empty() {
        while let Some(done) = slow.try_join_next() {
            let (what, took) = done.expect("no panic");
            if took > IDLE {
                late.push(what);
            }
        }
        for (path, body) in dialects() {
            let began = Instant::now();
            assert_eq!(lab.fluxa.call(path, &lab.key, &[], &with(body, json!({"stream": calls % 2 == 0}))).await.status, 200);
            slowest = slowest.max(began.elapsed());
            calls += 1;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    late.sort_unstable();
    late.dedup();
    assert!(late.is_empty(), "open after {IDLE:?}: {late:?}");
    assert!(calls > 20 && slowest < Duration::from_secs(3), "{calls} calls, the slowest took {slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a52_unfinished_bodies_are_given_up_within_35_seconds() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let address = lab.fluxa.address;
    let request = |path: &str, token: &str, framing: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{framing}\r\n\r\n")
            .into_bytes()
    };
    let mut ways = Vec::new();
    for (path, token) in [
        ("/v1/chat/completions", lab.key.as_str()),
        ("/v1/messages", &lab.key),
        ("/v1/chat/completions", "vk-none"),
        ("/v1/nothing", &lab.key),
        ("/admin/keys", MASTER),
        ("/admin/keys", "nobody"),
        ("/admin/nowhere", MASTER),
        ("/healthz", "x"),
    ] {
        for (framing, first, drops) in [
            ("content-length: 1000", "{", None),
            ("content-length: 1000", "{", Some(b' ')),
            ("content-length: 100000000", "{", Some(b' ')),
            ("transfer-encoding: chunked", "5\r\n{", None),
            ("transfer-encoding: chunked", "fffff\r\n{", Some(b' ')),
            ("transfer-encoding: chunked", "", Some(b'0')),
        ] {
            let what = format!(
                "{path} {} {framing} {first:?} {drops:?}",
                if token.starts_with("vk-none") || token == "nobody" { "stranger" } else { "known" }
            );
            ways.push((what, [request(path, token, framing), first.as_bytes().to_vec()].concat(), drops));
        }
    }
    let mut slow = JoinSet::new();
    for (what, first, drops) in ways {
        slow.spawn(async move { (what, dribble(address, first, drops, BODY + Duration::from_secs(1)).await) });
    }
    let mut late = Vec::new();
    while let Some(done) = slow.join_next().await {
        let (what, took) = done.expect("no panic");
        if took > BODY {
            late.push(what);
        }
        assert_eq!(lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &chat("a")).await.status, 200);
    }
    late.sort_unstable();
    assert!(late.is_empty(), "open after {BODY:?}: {late:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_slowly_holds_back_the_vendor_and_not_our_memory() {
    let lab = lab(
        Setup::default(),
        MockConfig { events: Some(60_000), text_bytes: 200, burst: false, honour_max_tokens: false, ..MockConfig::default() },
    )
    .await;
    let before_kb = lab.fluxa.rss_kb();
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = lab.fluxa.stream("/v1/chat/completions", &lab.key, &[], &with(chat("a"), json!({"stream": true}))).await;
        assert_eq!(stream.head().status, 200);
        stream.read_bytes(10_000).await;
        streams.push(stream);
    }
    // Others go on meanwhile.
    lab.mock.set(|config| config.apply("reset").unwrap());
    for _ in 0..20 {
        assert_eq!(lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &chat("a")).await.status, 200);
    }
    let grown_kb = lab.fluxa.rss_kb().saturating_sub(before_kb);
    assert!(grown_kb < 8 * 1024, "{grown_kb} kB for 8 slow readers");
    drop(streams);
    let bill = lab.mock.until(|bill| bill.client_gone >= 8).await.expect("the vendor's side is closed too");
    assert_eq!(bill.client_gone, 8);
}
