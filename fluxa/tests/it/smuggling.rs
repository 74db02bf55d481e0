//! Requests that two readers could cut differently: one of them is refused before anybody can disagree (A-51).

use std::time::Duration;

use fluxa_loadtest::vendor::MockConfig;

use crate::harness::{MASTER, Setup, lab};
use crate::http::raw;

/// What comes back after this has come.
const SOON: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a51_an_ambiguous_request_is_400_and_its_connection_is_closed() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"a"}]}"#;
    let inner = format!(
        "POST /admin/keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {MASTER}\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{{\"name\":\"smuggled\"}}"
    );
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let length = body.len();
    let with = |lines: &str, body: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{lines}\r\n{body}{inner}",
            lab.key
        )
    };
    let cases = [
        ("two lengths", with(&format!("content-length: {length}\r\ncontent-length: 5\r\n"), body)),
        ("two lengths, the other way", with(&format!("content-length: 5\r\ncontent-length: {length}\r\n"), body)),
        ("a list of lengths", with(&format!("content-length: {length}, 5\r\n"), body)),
        ("an unknown coding", with("transfer-encoding: xchunked\r\n", &chunked)),
        ("chunked is not last", with("transfer-encoding: chunked, identity\r\n", &chunked)),
        ("chunked twice", with("transfer-encoding: chunked, chunked\r\n", &chunked)),
        ("two codings", with("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", &chunked)),
        ("quoted", with("transfer-encoding: \"chunked\"\r\n", &chunked)),
        ("with a control character", with("transfer-encoding: \u{b}chunked\r\n", &chunked)),
        ("a blank before the colon", with("transfer-encoding : chunked\r\n", &chunked)),
        ("a blank before the colon of a length", with(&format!("content-length : {length}\r\n"), body)),
        ("a folded line", with("transfer-encoding:\r\n chunked\r\n", &chunked)),
        ("a folded length", with(&format!("content-length:\r\n {length}\r\n"), body)),
        ("a plus", with(&format!("content-length: +{length}\r\n"), body)),
        ("a minus", with("content-length: -1\r\n", body)),
        ("hexadecimal", with("content-length: 0x40\r\n", body)),
        ("a length too long", with("content-length: 99999999999999999999999\r\n", body)),
        ("a letter", with(&format!("content-length: {length}a\r\n"), body)),
        ("an empty length", with("content-length:\r\n", body)),
        ("a NUL in a name", with(&format!("x\u{0}: 1\r\ncontent-length: {length}\r\n"), body)),
        ("a NUL in a value", with(&format!("x: a\u{0}b\r\ncontent-length: {length}\r\n"), body)),
        ("a bare CR", with(&format!("x: a\rb\r\ncontent-length: {length}\r\n"), body)),
        ("no name", with(&format!(": 1\r\ncontent-length: {length}\r\n"), body)),
        ("no colon", with(&format!("x\r\ncontent-length: {length}\r\n"), body)),
        ("a bad chunk size", with("transfer-encoding: chunked\r\n", &format!("zz\r\n{body}\r\n0\r\n\r\n"))),
        ("a signed chunk size", with("transfer-encoding: chunked\r\n", &format!("+{chunked}"))),
        ("a prefixed chunk size", with("transfer-encoding: chunked\r\n", &format!("0x{chunked}"))),
        ("a chunk size too long", with("transfer-encoding: chunked\r\n", &format!("fffffffffffffffff\r\n{body}\r\n0\r\n\r\n"))),
        ("a chunk longer than said", with("transfer-encoding: chunked\r\n", &format!("5\r\n{body}\r\n0\r\n\r\n"))),
        ("a chunk size that ends in LF", with("transfer-encoding: chunked\r\n", &format!("{:x}\n{body}\r\n0\r\n\r\n", body.len()))),
        ("chunks in HTTP/1.0", with("transfer-encoding: chunked\r\n", &chunked).replacen("HTTP/1.1", "HTTP/1.0", 1)),
        ("HTTP/1.2", with(&format!("content-length: {length}\r\n"), body).replacen("HTTP/1.1", "HTTP/1.2", 1)),
        ("HTTP/2 in words", with(&format!("content-length: {length}\r\n"), body).replacen("HTTP/1.1", "HTTP/2.0", 1)),
        ("a preface", String::from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
        (
            "a blank in the target",
            with(&format!("content-length: {length}\r\n"), body).replacen("/v1/chat/completions", "/v1/chat completions", 1),
        ),
        ("no request line", format!("\u{0}\u{1}\u{2}\r\n\r\n{inner}")),
        ("a blank first line", format!(" \r\n{}", with(&format!("content-length: {length}\r\n"), body))),
    ];
    let mut wrong = Vec::new();
    for (what, request) in &cases {
        let (back, closed) = raw(lab.fluxa.address, request.as_bytes(), SOON).await;
        let text = String::from_utf8_lossy(&back).into_owned();
        let answers = text.matches("HTTP/1.1 ").count();
        let status = text.get(9..12).unwrap_or("none").to_owned();
        if !closed || answers > 1 || !matches!(status.as_str(), "400" | "none" | "505" | "501") {
            wrong.push(format!("{what}: {status}, {answers} answers, closed={closed}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let (_, keys) = lab.fluxa.admin("GET", "/admin/keys", serde_json::Value::Null).await;
    assert!(!keys.to_string().contains("smuggled"), "a smuggled request was carried out");
    assert_eq!(lab.mock.bill().requests, 0, "an ambiguous request reached the vendor");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_plain_requests_on_one_connection_are_two_calls() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"a"}]}"#;
    let one = |close: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{close}authorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            lab.key,
            body.len()
        )
    };
    let (back, closed) = raw(lab.fluxa.address, (one("") + &one("connection: close\r\n")).as_bytes(), Duration::from_secs(20)).await;
    assert_eq!((String::from_utf8_lossy(&back).matches("HTTP/1.1 200").count(), closed), (2, true));
    assert_eq!(lab.mock.bill().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_host_or_with_two_is_400() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let mut wrong = Vec::new();
    for hosts in ["", "host: a\r\nhost: b\r\n", "host: a\r\nhost: a\r\n", "host: a b\r\n", "host: a,b\r\n", "host: user@a\r\n"] {
        for path in ["/v1/models", "/admin/keys"] {
            let token = if path == "/v1/models" { lab.key.as_str() } else { MASTER };
            let request = format!("GET {path} HTTP/1.1\r\n{hosts}connection: close\r\nauthorization: Bearer {token}\r\n\r\n");
            let (back, _) = raw(lab.fluxa.address, request.as_bytes(), SOON).await;
            if !back.starts_with(b"HTTP/1.1 400") {
                wrong.push(format!("{path} {hosts:?}: {}", String::from_utf8_lossy(&back).get(9..12).unwrap_or("none")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// RFC 9112 §6.1 lets a server choose between 400 and reading by the chunks alone, but then it must close.
#[tokio::test(flavor = "multi_thread")]
async fn a51_a_length_beside_chunks_never_makes_a_second_request() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"a"}]}"#;
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let inner = format!("DELETE /admin/providers/openai HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {MASTER}\r\n\r\n");
    for lines in ["content-length: 5\r\ntransfer-encoding: chunked\r\n", "transfer-encoding: chunked\r\ncontent-length: 5\r\n"] {
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
            lab.key
        );
        let (back, closed) = raw(lab.fluxa.address, format!("{head}{lines}\r\n{chunked}{inner}").as_bytes(), SOON).await;
        let text = String::from_utf8_lossy(&back).into_owned();
        assert!(closed && text.matches("HTTP/1.1 ").count() == 1, "{lines:?}: closed={closed} {text}");
        assert!(matches!(text.get(9..12), Some("400" | "200")), "{lines:?}: {text}");
    }
    for request in lab.mock.requests() {
        assert_eq!(request.body, body.as_bytes(), "read by the chunks");
    }
}
