//! Vendors that pack their answers though they were asked not to: the client sees what it would have seen otherwise.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::harness::{Fluxa, Setup, chat, messages, with};
use crate::vendor::{Does, Vendor};

const WHOLE: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hello there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14}}"#;

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

fn deflate(text: &str) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// The bytes of an answer with its length.
fn answer(status: &str, content_type: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let coding = if coding.is_empty() { String::new() } else { format!("content-encoding: {coding}\r\n") };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{coding}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The events of a stream, in OpenAI's shape.
fn events() -> Vec<String> {
    let chunk = |choices: &str, usage: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o\",\"choices\":{choices}{usage}}}\n\n"
        )
    };
    vec![
        chunk(r#"[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":null}]"#, ""),
        chunk(r#"[{"index":0,"delta":{"content":" there"},"finish_reason":null}]"#, ""),
        chunk(r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#, ""),
        chunk("[]", r#","usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14}"#),
        String::from("data: [DONE]\n\n"),
    ]
}

/// A program whose model `gpt-4o` is at `vendor`.
async fn before(vendor: &Vendor) -> (Fluxa, String) {
    let fluxa = Fluxa::start(Setup::default()).await;
    fluxa.provider("openai", "openai", &vendor.base_url(), json!({})).await;
    fluxa.route("gpt-4o", json!({"provider": "openai", "retries": 0})).await;
    let key = fluxa.key(json!({})).await;
    (fluxa, key)
}

/// One client of each dialect, streaming or not. The second one's is translated.
fn clients(stream: bool) -> [(&'static str, Value); 2] {
    let more = json!({"stream": stream, "model": "gpt-4o"});
    [("/v1/chat/completions", with(chat("a"), more.clone())), ("/v1/messages", with(messages("a"), more))]
}

/// What the client got and what the row says, without what differs from call to call.
async fn seen(fluxa: &Fluxa, key: &str, path: &str, body: &Value) -> (u16, Option<String>, String, Value) {
    let answer = fluxa.call(path, key, &[], body).await;
    assert!(answer.complete, "{answer:?}");
    assert_eq!(answer.header("content-encoding"), None, "{answer:?}");
    let row = fluxa.log_row(&answer.id()).await;
    let facts = json!([row["usage"], row["cost_nanos"], row["cost_state"], row["finish"], row["error"]]);
    let text = answer.text().replace(&answer.id(), "ID").replace(&answer.id().replace('-', ""), "ID");
    (answer.status, answer.header("content-type").map(str::to_owned), text, facts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_answer_is_what_it_would_have_been_unpacked() {
    let stream = events().concat();
    let error = r#"{"error":{"message":"this is too odd","type":"invalid_request_error","param":null,"code":"odd"}}"#;
    let cases = [
        ("200 OK", "application/json", WHOLE, false, "hello there"),
        ("200 OK", "text/event-stream", stream.as_str(), true, "there"),
        ("400 Bad Request", "application/json", error, false, "this is too odd"),
        ("400 Bad Request", "application/json", error, true, "this is too odd"),
    ];
    for (status, content_type, body, streams, holds) in cases {
        let mut expected = Vec::new();
        let packed = gzip(body);
        let (one, two) = body.split_at(body.len() / 2);
        let codings = [
            ("", body.as_bytes().to_vec()),
            ("gzip", packed.clone()),
            ("X-GZIP", packed),
            ("deflate", deflate(body)),
            ("gzip", [gzip(one), gzip(two)].concat()),
        ];
        for (coding, bytes) in codings {
            let vendor = Vendor::start(Does::Says(answer(status, content_type, coding, &bytes))).await;
            let (fluxa, key) = before(&vendor).await;
            for (index, (path, body)) in clients(streams).into_iter().enumerate() {
                let got = seen(&fluxa, &key, path, &body).await;
                assert!(got.2.contains(holds), "{coding} {path}: {got:?}");
                if coding.is_empty() {
                    expected.push(without_time(got));
                } else {
                    assert_eq!(without_time(got), expected[index], "{coding} {path}");
                }
            }
            let asked = vendor.requests();
            assert!(asked.iter().all(|request| request.contains("accept-encoding: identity\r\n")), "{asked:?}");
        }
    }
}

/// A translated answer has a time of its own.
fn without_time(mut seen: (u16, Option<String>, String, Value)) -> (u16, Option<String>, String, Value) {
    while let Some((before, after)) = seen.2.split_once("\"created\":") {
        seen.2 = format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_packing_vendor_has_flushed_is_with_the_client_while_it_still_thinks() {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(events()[0].as_bytes()).unwrap();
    packer.flush().unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n";
    let vendor = Vendor::start(Does::SaysAndHangs([head.as_bytes(), packer.get_ref()].concat())).await;
    let (fluxa, key) = before(&vendor).await;
    for (path, body) in clients(true) {
        let mut stream = fluxa.stream(path, &key, &[], &body).await;
        loop {
            let event = stream.event().await.expect("the stream is open");
            if event.contains("hello") {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_answer_that_is_broken_is_no_answer() {
    let packed = gzip(WHOLE);
    let mut wrong_sum = packed.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    let cases = [
        ("cut", "gzip", packed[..packed.len() - 1].to_vec(), "upstream_error"),
        ("half", "gzip", packed[..packed.len() / 2].to_vec(), "upstream_error"),
        ("not packed at all", "gzip", WHOLE.as_bytes().to_vec(), "upstream_protocol_error"),
        ("packed otherwise", "deflate", packed.clone(), "upstream_protocol_error"),
        ("another checksum", "gzip", wrong_sum, "upstream_protocol_error"),
        ("garbage behind", "gzip", [&packed[..], b"{}"].concat(), "upstream_protocol_error"),
        ("a coding that nobody asked for", "br", packed.clone(), "upstream_protocol_error"),
        ("packed twice", "gzip, gzip", packed, "upstream_protocol_error"),
    ];
    for (what, coding, body, code) in cases {
        let vendor = Vendor::start(Does::Says(answer("200 OK", "application/json", coding, &body))).await;
        let (fluxa, key) = before(&vendor).await;
        let got = fluxa.call("/v1/chat/completions", &key, &[], &chat("a")).await;
        assert_eq!((got.status, got.code().as_str()), (502, code), "{what}: {}", got.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_stream_that_is_cut_ends_with_an_error_and_no_end_mark() {
    let packed = gzip(&events().concat());
    let mut flushed = GzEncoder::new(Vec::new(), Compression::default());
    for event in &events()[..2] {
        flushed.write_all(event.as_bytes()).unwrap();
        flushed.flush().unwrap();
    }
    for body in [&packed[..packed.len() / 3], flushed.get_ref()] {
        let vendor = Vendor::start(Does::Says(answer("200 OK", "text/event-stream", "gzip", body))).await;
        let (fluxa, key) = before(&vendor).await;
        for (path, asked) in clients(true) {
            let got = fluxa.call(path, &key, &[], &asked).await;
            let text = got.text();
            assert!(text.contains("error") && !text.contains("[DONE]") && !text.contains("message_stop"), "{path}: {text}");
            assert_ne!(fluxa.log_row(&got.id()).await["error"], "", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_answer_that_swells_costs_bounded_memory() {
    const PIECE: usize = 1024 * 1024;
    // 1 GiB of blanks in about 1 MB.
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..1024 {
        packer.write_all(&[b' '; PIECE]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    for (content_type, stream) in [("application/json", false), ("text/event-stream", true)] {
        let vendor = Vendor::start(Does::Says(answer("200 OK", content_type, "gzip", &bomb))).await;
        let (fluxa, key) = before(&vendor).await;
        let before_kb = fluxa.rss_kb();
        for (path, body) in clients(stream) {
            let got = fluxa.call(path, &key, &[], &body).await;
            assert!(got.status == 502 || got.text().contains("error"), "{path}: {} {}", got.status, got.text().len());
        }
        // A whole answer may be 64 MiB, and grows by doubling.
        let grown_kb = fluxa.rss_kb().saturating_sub(before_kb);
        let allowed_kb = if stream { 48 * 1024 } else { 256 * 1024 };
        assert!(grown_kb < allowed_kb, "{content_type}: {grown_kb} kB more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_through_unread_stays_packed() {
    let packed = gzip("sound");
    let vendor = Vendor::start(Does::Says(answer("200 OK", "audio/mpeg", "gzip", &packed))).await;
    let (fluxa, key) = before(&vendor).await;
    fluxa.route("tts-1", json!({"provider": "openai", "retries": 0})).await;
    let got = fluxa.call("/v1/audio/speech", &key, &[], &json!({"model": "tts-1", "input": "a", "voice": "v"})).await;
    assert_eq!((got.status, got.header("content-encoding"), &got.body), (200, Some("gzip"), &packed), "{got:?}");
}
