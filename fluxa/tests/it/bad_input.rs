//! Requests that are wrong, broken or hostile: each has its answer, in the shape it was asked in, and the program lives
//! (A-51, A-54, A-55, A-57).

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::harness::{Answer, Lab, MASTER, Setup, chat, dialects, lab, messages};
use crate::http::raw;

/// Longer than any answer to a broken request takes.
const SOON: Duration = Duration::from_secs(8);

async fn post(lab: &Lab, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", lab.key);
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend_from_slice(headers);
    lab.fluxa.send("POST", path, &all, body).await
}

/// A refusal in the shape of the path's dialect.
fn refused(path: &str, answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{path} {what}: {}", answer.text());
    let error = answer.json();
    assert!(error["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{path} {what}: {}", answer.text());
    assert_eq!(error["type"] == "error", path == "/v1/messages", "{path} {what}: {}", answer.text());
    assert!(answer.header("x-fluxa-id").is_some() && answer.header("x-request-id").is_some(), "{path} {what}: {answer:?}");
}

async fn still_serves(lab: &mut Lab) {
    for (path, body) in dialects() {
        assert_eq!(lab.fluxa.call(path, &lab.key, &[], &body).await.status, 200, "{path}");
    }
    assert!(lab.fluxa.is_alive());
}

fn nested(depth: usize) -> String {
    format!(
        "{{\"model\":\"gpt-4o\",\"messages\":[{{\"role\":\"user\",\"content\":\"a\"}}],\"x\":{}{}}}",
        "[".repeat(depth),
        "]".repeat(depth)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_body_is_400_in_both_shapes_and_reaches_no_vendor() {
    let mut lab = lab(Setup::default(), MockConfig::default()).await;
    let model = "\"model\":\"gpt-4o\"";
    let mut bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("text", b"hello".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("null", b"null".to_vec()),
        ("cut off", format!("{{{model},\"messages\":[").into_bytes()),
        ("two values", format!("{{{model}}}{{}}").into_bytes()),
        ("a comma too many", format!("{{{model},}}").into_bytes()),
        ("single quotes", b"{'model':'gpt-4o'}".to_vec()),
        ("NaN", format!("{{{model},\"temperature\":NaN}}").into_bytes()),
        ("a control character", format!("{{{model},\"user\":\"a\u{1}b\"}}").into_bytes()),
        ("a lone surrogate as model", b"{\"model\":\"\\ud800\"}".to_vec()),
        ("invalid UTF-8", [format!("{{{model},\"user\":\"").as_bytes(), &[0xff, 0xfe], b"\"}"].concat()),
        ("invalid UTF-8 in a name", [format!("{{{model},\"").as_bytes(), &[0xc0, 0xaf], b"\":1}"].concat()),
        ("overlong UTF-8 as model", [b"{\"model\":\"".as_slice(), &[0xe0, 0x80, 0xaf], b"\"}"].concat()),
        ("a mark before it", [&[0xff, 0xfe, 0x00], b"{}".as_slice()].concat()),
        ("no model", b"{\"messages\":[]}".to_vec()),
        ("an empty model", b"{\"model\":\"\",\"messages\":[]}".to_vec()),
        ("a number as model", b"{\"model\":4,\"messages\":[]}".to_vec()),
        ("null as model", b"{\"model\":null,\"messages\":[]}".to_vec()),
        ("two models", b"{\"model\":\"gpt-4o\",\"model\":\"gpt-4o-mini\",\"messages\":[]}".to_vec()),
        ("two models, one escaped", b"{\"model\":\"gpt-4o\",\"mod\\u0065l\":\"gpt-4o-mini\",\"messages\":[]}".to_vec()),
        ("A-54: deep lists", nested(65).into_bytes()),
        ("A-54: very deep lists", nested(1_000_000).into_bytes()),
        ("A-54: very deep objects", format!("{{{model},\"x\":{}", "{\"a\":".repeat(500_000)).into_bytes()),
    ];
    bodies.push(("a stream flag that is none", format!("{{{model},\"stream\":\"yes\",\"messages\":[]}}").into_bytes()));
    for (what, body) in bodies {
        for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"] {
            let answer = post(&lab, path, &[("content-type", "application/json")], &body).await;
            refused(path, &answer, 400, what);
            if path != "/v1/messages" {
                assert_eq!(answer.json()["error"]["type"], "invalid_request_error", "{path} {what}");
            }
        }
    }
    assert_eq!(lab.mock.bill().requests, 0);
    let fine = post(&lab, "/v1/chat/completions", &[("content-type", "application/json")], nested(40).as_bytes()).await;
    assert_eq!(fine.status, 200, "{fine:?}");
    still_serves(&mut lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_types_and_codings_of_a_body_are_refused_by_name() {
    let mut lab = lab(Setup::default(), MockConfig::default()).await;
    for (path, body) in dialects() {
        let body = body.to_string();
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "text/json-not", "multipart/mixed; boundary=x"] {
            let answer = post(&lab, path, &[("content-type", kind)], body.as_bytes()).await;
            assert!(matches!(answer.status, 400 | 415), "{path} {kind}: {answer:?}");
            refused(path, &answer, answer.status, kind);
        }
        for coding in ["br", "zstd", "compress", "gzip, gzip", "chunked"] {
            let answer = post(&lab, path, &[("content-type", "application/json"), ("content-encoding", coding)], body.as_bytes()).await;
            assert!(matches!(answer.status, 400 | 415), "{path} {coding}: {answer:?}");
        }
        for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert_eq!(post(&lab, path, &[("content-type", kind)], body.as_bytes()).await.status, 200, "{path} {kind}");
        }
    }
    still_serves(&mut lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_413_and_the_client_sees_the_answer() {
    let mut lab = lab(Setup::default(), MockConfig::default()).await;
    let large = chat(&"a".repeat(33 * 1024 * 1024)).to_string();
    let json = ("content-type", "application/json");
    for path in ["/v1/chat/completions", "/v1/messages"] {
        refused(path, &post(&lab, path, &[json], large.as_bytes()).await, 413, "33 MiB, announced");
    }
    // In chunks, without an announcement.
    let mut request = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n", lab.key).into_bytes();
    for piece in large.as_bytes().chunks(1024 * 1024) {
        request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        request.extend_from_slice(piece);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let answer = crate::http::exchange(lab.fluxa.address, &request).await.expect("an answer").rest().await;
    refused("/v1/chat/completions", &answer, 413, "33 MiB in chunks");
    // Only announced, never sent: nothing is set aside for it.
    let before = lab.fluxa.rss_kb();
    for length in ["34603008", "99999999999", "18446744073709551615"] {
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n",
            lab.key
        );
        let (back, _) = raw(lab.fluxa.address, request.as_bytes(), SOON).await;
        let status = String::from_utf8_lossy(&back).get(9..12).unwrap_or_default().to_owned();
        // The last does not fit into 64 bits with room to count, which is a matter of the head.
        assert!(matches!(status.as_str(), "413" | "400" | "431"), "{length}: {status}");
    }
    assert!(lab.fluxa.rss_kb() < before + 16 * 1024);
    assert_eq!(lab.mock.bill().requests, 0);
    // Just below the limit passes.
    lab.mock.set(|config| config.answer = Some(String::from("ok")));
    let answer = post(&lab, "/v1/chat/completions", &[json], chat(&"a".repeat(31 * 1024 * 1024)).to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    still_serves(&mut lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a55_a_packed_body_that_unpacks_beyond_the_limit_is_413_and_costs_no_memory() {
    let mut lab = lab(Setup::yaml("server: { max_body: 1MiB }\n"), MockConfig::default()).await;
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..256 {
        packer.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 512 * 1024, "{}", bomb.len());
    let before = lab.fluxa.rss_kb();
    let gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    for path in ["/v1/chat/completions", "/v1/messages"] {
        refused(path, &post(&lab, path, &gzip, &bomb).await, 413, "a bomb");
        refused(path, &post(&lab, path, &gzip, &bomb[..64]).await, 400, "half a bomb");
        refused(path, &post(&lab, path, &gzip, b"no gzip at all").await, 400, "no gzip");
    }
    assert!(lab.fluxa.rss_kb() < before + 24 * 1024, "{} kB before, {} after", before, lab.fluxa.rss_kb());
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(messages("packed").to_string().as_bytes()).unwrap();
    let answer = post(&lab, "/v1/messages", &gzip, &packer.finish().unwrap()).await;
    assert_eq!((answer.status, &answer.json()["content"][0]["text"]), (200, &json!("packed")), "{answer:?}");
    still_serves(&mut lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_and_too_large_headers_are_431_or_a_closed_connection() {
    let mut lab = lab(Setup::default(), MockConfig::default()).await;
    let many: String = (0..2_000).map(|n| format!("x-h{n}: 1\r\n")).collect();
    let floods = [
        many,
        format!("x-large: {}\r\n", "a".repeat(200 * 1024)),
        format!("cookie: {}\r\n", "a=b; ".repeat(40_000)),
        format!("authorization: Bearer {}\r\n", "a".repeat(1024 * 1024)),
        format!("{}: 1\r\n", "x".repeat(100 * 1024)),
    ];
    for flood in floods {
        for path in ["/v1/chat/completions", "/v1/messages", "/admin/keys", "/healthz"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{flood}\r\n");
            let (back, closed) = raw(lab.fluxa.address, request.as_bytes(), SOON).await;
            let status = String::from_utf8_lossy(&back).get(9..12).unwrap_or("none").to_owned();
            assert!(closed && matches!(status.as_str(), "431" | "none"), "{path}: {status} closed={closed}");
        }
    }
    let target = format!("/v1/models?x={}", "a".repeat(40 * 1024));
    let (back, closed) =
        raw(lab.fluxa.address, format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(), SOON).await;
    let status = String::from_utf8_lossy(&back).get(9..12).unwrap_or("none").to_owned();
    assert!(closed && matches!(status.as_str(), "414" | "431"), "{status}");
    still_serves(&mut lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_hostile_credentials_and_names_are_401_or_404_and_nothing_breaks() {
    let mut lab = lab(Setup::default(), MockConfig::default()).await;
    let texts = [
        "'",
        "' OR '1'='1",
        "\" OR \"\"=\"",
        "1; DROP TABLE keys--",
        "vk-' UNION SELECT 1--",
        "%27%20OR%201=1",
        "$1",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "vk-00000000-0000000000000000000000000000000000000000000000000",
        "\u{e9}\u{ffff}",
        "null",
        "undefined",
        "[object Object]",
        "../../etc/passwd",
        "%00",
        "\\",
        "vk-",
        "Bearer",
        "Bearer Bearer x",
    ];
    for text in texts {
        for (path, body) in dialects() {
            for name in ["authorization", "x-api-key", "x-goog-api-key"] {
                let value = if name == "authorization" { format!("Bearer {text}") } else { text.to_owned() };
                let answer = lab
                    .fluxa
                    .send("POST", path, &[(name, &value), ("content-type", "application/json")], body.to_string().as_bytes())
                    .await;
                assert_eq!(answer.status, 401, "{name}: {text}: {answer:?}");
            }
            let mut named = body.clone();
            named["model"] = json!(text);
            let answer = lab.fluxa.call(path, &lab.key, &[], &named).await;
            assert!(matches!(answer.status, 400 | 404), "model {text}: {answer:?}");
        }
        let quoted: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in ["/admin/keys/", "/admin/providers/", "/admin/routes/", "/admin/logs/"] {
            let (status, answer) = lab.fluxa.admin("GET", &format!("{path}{quoted}"), Value::Null).await;
            assert!(matches!(status, 400 | 404), "{path} {text}: {status} {answer}");
        }
        for query in ["key", "model", "provider", "team", "request_id"] {
            let (status, answer) = lab.fluxa.admin("GET", &format!("/admin/logs?{query}={quoted}"), Value::Null).await;
            assert!(matches!(status, 200 | 400 | 422), "{query} {text}: {status} {answer}");
        }
    }
    // Bytes that are no text at all.
    let request = [
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ".as_slice(),
        &[0xff, 0xc0, 0x80],
        b"\r\ncontent-length: 2\r\n\r\n{}",
    ]
    .concat();
    let (back, _) = raw(lab.fluxa.address, &request, SOON).await;
    assert!(back.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&back));
    still_serves(&mut lab).await;
    assert!(!lab.fluxa.logs_text().contains("\"ERROR\""), "{}", lab.fluxa.logs_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_fields_that_are_unknown_negative_absurd_or_malformed_are_422_by_name() {
    let mut lab = lab(Setup::default(), MockConfig::default()).await;
    let provider =
        |more: Value| ("POST", "/admin/providers", crate::harness::with(json!({"name": "p", "kind": "openai", "api_key": "k"}), more));
    let key = |more: Value| ("POST", "/admin/keys", crate::harness::with(json!({"name": "k"}), more));
    let route = |body: Value| ("PUT", "/admin/routes/some-model", body);
    let cases = [
        (key(json!({"budgets": 1})), "budgets"),
        (key(json!({"budget_usd_daily": -1})), "budget_usd_daily"),
        (key(json!({"budget_usd_daily": "5"})), "budget_usd_daily"),
        (key(json!({"budget_usd_total": 1e18})), "budget_usd_total"),
        (key(json!({"budget_usd_total": 9_223_372_036_854_775_808_u64})), "budget_usd_total"),
        (key(json!({"budget_tokens_daily": -1})), "budget_tokens_daily"),
        (key(json!({"budget_tokens_daily": 1.5})), "budget_tokens_daily"),
        (key(json!({"rate_limit_rpm": -1})), "rate_limit_rpm"),
        (key(json!({"rate_limit_rpm": 1e30})), "rate_limit_rpm"),
        (key(json!({"max_concurrency": "many"})), "max_concurrency"),
        (key(json!({"expires_at": "tomorrow"})), "expires_at"),
        (key(json!({"expires_at": "2026-13-45T00:00:00Z"})), "expires_at"),
        (key(json!({"ip_allowlist": ["10.0.0.0/99"]})), "ip_allowlist"),
        (key(json!({"ip_allowlist": "10.0.0.0/8"})), "ip_allowlist"),
        (key(json!({"models": [7]})), "models"),
        (key(json!({"enabled": "yes"})), "enabled"),
        (key(json!({"tags": {"a": 1}})), "tags"),
        (key(json!({"name": ""})), "name"),
        (key(json!({"name": "a\nb"})), "name"),
        (key(json!({"name": "a".repeat(10_000)})), "name"),
        (key(json!({"time_zone": "Mars/Olympus"})), "time_zone"),
        (provider(json!({"api_kye": "x"})), "api_kye"),
        (provider(json!({"kind": "nobody"})), "kind"),
        (provider(json!({"base_url": "not a url"})), "base_url"),
        (provider(json!({"headers": {"authorization": "x"}})), "headers"),
        (provider(json!({"headers": {"x-a": "b\r\nx-c: d"}})), "headers"),
        (provider(json!({"headers": {"metadata-flavor": "Google"}})), "headers"),
        (provider(json!({"timeouts": {"first_byte": "-1s"}})), "first_byte"),
        (provider(json!({"timeouts": {"forever": "1s"}})), "forever"),
        (provider(json!({"api_key": "with space"})), "api_key"),
        (provider(json!({"api_key": "k\r\nx-evil: 1"})), "api_key"),
        (route(json!({"provider": "openai", "retries": -1})), "retries"),
        (route(json!({"provider": "openai", "retries": 1_000_000})), "retries"),
        (route(json!({"provider": "nobody"})), "provider"),
        (route(json!({"provider": "openai", "fallbacks": []})), "fallbacks"),
        (route(json!({"targets": [{"provider": "openai", "weight": -1}]})), "weight"),
    ];
    for ((method, path, body), field) in cases {
        let answer = lab.fluxa.admin_answer(method, path, &body).await;
        assert_eq!(answer.status, 422, "{path} {body}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.json()["errors"].to_string().contains(field), "{path} {body}: {}", answer.text());
    }
    for (method, path, body) in [provider(json!({"name": "openai"})), key(json!({"name": "everything"}))] {
        let answer = lab.fluxa.admin_answer(method, path, &body).await;
        assert_eq!(answer.status, 409, "{path} {body}: {}", answer.text());
    }
    let master = format!("Bearer {MASTER}");
    for body in ["{", "[]", "{\"name\":\"a\",\"name\":\"b\"}", &nested(100_000), "\u{feff}{}", "{\"name\":\"\\ud800\"}"] {
        let answer = lab
            .fluxa
            .send("POST", "/admin/keys", &[("authorization", &master), ("content-type", "application/json")], body.as_bytes())
            .await;
        assert!(matches!(answer.status, 400 | 422), "{}: {answer:?}", body.chars().take(40).collect::<String>());
    }
    let answer = lab
        .fluxa
        .send("POST", "/admin/keys", &[("authorization", &master), ("content-type", "application/json")], &vec![b' '; 2 * 1024 * 1024])
        .await;
    assert_eq!(answer.status, 413, "{answer:?}");
    still_serves(&mut lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a45_a_strangers_body_is_not_read_and_the_answer_is_seen() {
    let mut lab = lab(Setup::default(), MockConfig::default()).await;
    let before = lab.fluxa.rss_kb();
    let large = chat(&"a".repeat(8 * 1024 * 1024)).to_string();
    for (path, _) in dialects() {
        for headers in [vec![], vec![("authorization", "Bearer vk-none")], vec![("x-api-key", MASTER)]] {
            let answer = lab.fluxa.send("POST", path, &headers, large.as_bytes()).await;
            refused(path, &answer, 401, "a stranger");
        }
    }
    assert!(lab.fluxa.rss_kb() < before + 8 * 1024);
    still_serves(&mut lab).await;
}
