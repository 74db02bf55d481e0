//! Attacks on credentials: none, others', stored ones, and paths around the entrance (A-02, A-11, A-13, A-16, A-17, A-67).

use std::time::Duration;

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::harness::{MASTER, Setup, chat, dialects, lab, with};
use crate::http::raw;

#[tokio::test(flavor = "multi_thread")]
async fn a02_no_row_of_the_api_description_opens_without_the_master_key() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let (_, document) = lab.fluxa.admin("GET", "/admin/openapi.json", Value::Null).await;
    let virtual_key = format!("Bearer {}", lab.key);
    let wrong = format!("Bearer {MASTER}x");
    let basic = format!("Basic {MASTER}");
    let both = format!("Bearer {MASTER}");
    let credentials: [&[(&str, &str)]; 7] = [
        &[],
        &[("authorization", &virtual_key)],
        &[("authorization", &wrong)],
        &[("authorization", &basic)],
        &[("authorization", "Bearer ")],
        &[("x-api-key", MASTER)],
        // Which of two counts is anyone's guess, so neither does.
        &[("authorization", &both), ("authorization", &wrong)],
    ];
    let mut rows = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods
            .as_object()
            .expect("methods")
            .keys()
            .filter(|method| ["get", "post", "put", "patch", "delete"].contains(&method.as_str()))
        {
            rows += 1;
            let path = path.replace("{name}", "openai").replace("{model}", "gpt-4o").replace("{id}", "x").replace("{request_id}", "x");
            for credential in credentials {
                let mut headers = vec![("content-type", "application/json")];
                headers.extend_from_slice(credential);
                let answer = lab
                    .fluxa
                    .send(
                        &method.to_uppercase(),
                        &path,
                        &headers,
                        b"{\"name\":\"intruder\",\"kind\":\"openai\",\"api_key\":\"x\",\"provider\":\"openai\"}",
                    )
                    .await;
                assert_eq!(answer.status, 401, "{method} {path} {credential:?}: {}", answer.text());
                assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            }
        }
    }
    assert!(rows >= 28, "{rows} rows");
    let (_, audit) = lab.fluxa.admin("GET", "/admin/audit", Value::Null).await;
    assert!(!audit.to_string().contains("intruder"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_no_spelling_of_a_path_or_host_walks_around_the_admin_entrance() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let body = r#"{"name":"intruder","kind":"openai","base_url":"http://127.0.0.1:1","api_key":"x"}"#;
    let targets = [
        "/admin/providers",
        "//admin/providers",
        "/v1/../admin/providers",
        "/v1/%2e%2e/admin/providers",
        "/%61dmin/providers",
        "/ADMIN/providers",
        "/admin/providers/",
        "/admin//providers",
        "/admin/providers;x=1",
        "/admin;/providers",
        "/admin\\providers",
        "/admin/./providers",
        "/admin/%2e/providers",
        "/%252e%252e/admin/providers",
        "/admin%2fproviders",
        "/healthz/../admin/providers",
        "/admin/providers%00",
        "/admin/providers?x=/v1/models",
        "/v1/models/../../admin/providers",
        "/v1beta/../admin/providers",
        "/readyz/..;/admin/providers",
        "http://127.0.0.1/admin/providers",
        "http://localhost/admin/providers",
        "http://admin/providers",
        "*",
        "/admin/openapi.json/../providers",
    ];
    let hosts = ["fluxa", "fluxa/healthz?", "fluxa#", "fluxa/v1/models", "a b", "", "127.0.0.1:1", "fluxa\thost", "[::1"];
    for target in targets {
        for host in hosts {
            for extra in [
                "",
                "x-original-url: /healthz\r\nx-rewrite-url: /healthz\r\nx-forwarded-uri: /healthz\r\n",
                "authorization: Bearer null\r\n",
            ] {
                let request = format!(
                    "POST {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{extra}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let (back, closed) = raw(lab.fluxa.address, request.as_bytes(), Duration::from_secs(20)).await;
                let status = String::from_utf8_lossy(&back).get(9..12).unwrap_or("none").to_owned();
                assert!(closed && ["400", "401", "404", "405"].contains(&status.as_str()), "{target} {host:?}: {status}");
            }
        }
    }
    let (_, providers) = lab.fluxa.admin("GET", "/admin/providers", Value::Null).await;
    assert!(!providers.to_string().contains("intruder"), "{providers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_keys_that_share_beginnings_or_ends_are_different_keys() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let other = lab.fluxa.key(json!({})).await;
    assert_eq!(lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &chat("a")).await.status, 200);
    let middle = lab.key.len() / 2;
    let swapped: String =
        lab.key.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
    let changed = |at: usize| {
        let mut bytes = lab.key.clone().into_bytes();
        bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        String::from_utf8(bytes).unwrap()
    };
    let mut wrong = vec![
        lab.key[..20].to_owned(),
        lab.key[..middle].to_owned() + &other[middle..],
        other[..11].to_owned() + &lab.key[11..],
        lab.key.clone() + "x",
        format!("{},{}", lab.key, other),
        swapped,
        lab.key[3..].to_owned(),
    ];
    wrong.extend((3..lab.key.len()).step_by(4).map(changed));
    for key in wrong {
        assert_eq!(lab.fluxa.call("/v1/chat/completions", &key, &[], &chat("a")).await.status, 401, "{key}");
    }
    assert_eq!(lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &chat("a")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_nothing_that_is_stored_or_shown_opens_anything() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let issued = lab.fluxa.issued(json!({})).await;
    let (_, shown) = lab.fluxa.admin("GET", &format!("/admin/keys/{}", issued["id"].as_str().unwrap()), Value::Null).await;
    let mut stored: Vec<String> = Vec::new();
    collect_texts(&shown, &mut stored);
    // Whatever in the database file looks like a token: hashes (raw and in hex), sealed blobs, ids.
    let (_, _) = lab.fluxa.admin("POST", "/admin/reload", Value::Null).await;
    for path in lab.fluxa.kept() {
        let bytes = std::fs::read(path).unwrap_or_default();
        let texts = bytes.split(|b| !(b.is_ascii_alphanumeric() || b"-_+/=.".contains(b)));
        stored.extend(texts.filter(|text| (16..=512).contains(&text.len())).map(|text| String::from_utf8_lossy(text).into_owned()));
    }
    stored.sort();
    stored.dedup();
    assert!(stored.len() > 20, "{stored:?}");
    stored.truncate(400);
    for text in stored.iter().filter(|text| !text.is_empty()) {
        for candidate in [text.clone(), format!("vk-{text}")] {
            let answer = lab
                .fluxa
                .send(
                    "POST",
                    "/v1/chat/completions",
                    &[("x-api-key", &candidate), ("content-type", "application/json")],
                    chat("a").to_string().as_bytes(),
                )
                .await;
            assert_eq!(answer.status, 401, "{candidate}");
        }
        let answer = lab.fluxa.send("GET", "/admin/keys", &[("authorization", &format!("Bearer {text}"))], b"").await;
        assert!(matches!(answer.status, 401 | 429), "{text}: {answer:?}");
    }
    assert_eq!(lab.mock.bill().requests, 0);
}

fn collect_texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if text.is_ascii() && !text.contains(['\r', '\n']) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, into)),
        Value::Object(fields) => fields.values().for_each(|item| collect_texts(item, into)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_an_exhausted_key_is_refused_on_every_route_with_no_call_to_the_vendor() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let broke = lab.fluxa.key(json!({"budget_usd_total": 0.000001})).await;
    let routes = [
        ("/v1/chat/completions", chat("hello")),
        ("/v1/chat/completions", with(chat("hello"), json!({"stream": true}))),
        ("/v1/completions", json!({"model": "gpt-4o", "prompt": "hello"})),
        ("/v1/responses", json!({"model": "gpt-4o", "input": "hello"})),
        ("/v1/messages", dialects()[1].1.clone()),
        ("/v1/messages", with(dialects()[1].1.clone(), json!({"stream": true}))),
        ("/v1/some/future/path", json!({"model": "gpt-4o", "input": "hello"})),
        ("/v1/embeddings", json!({"model": "text-embedding-3-small", "input": "hello ".repeat(2_000)})),
    ];
    for (path, body) in routes {
        let answer = lab.fluxa.call(path, &broke, &[], &body).await;
        assert_eq!(answer.status, 402, "{path}: {}", answer.text());
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{path}: {answer:?}");
    }
    assert_eq!(lab.mock.bill().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a67_the_master_key_cannot_call_the_data_plane() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for (path, body) in dialects() {
        for headers in
            [[("authorization", format!("Bearer {MASTER}"))], [("x-api-key", MASTER.to_owned())], [("x-goog-api-key", MASTER.to_owned())]]
        {
            let [(name, value)] = headers;
            let answer =
                lab.fluxa.send("POST", path, &[(name, &value), ("content-type", "application/json")], body.to_string().as_bytes()).await;
            assert_eq!(answer.status, 401, "{path} {name}: {}", answer.text());
            assert!(!answer.text().contains(MASTER));
        }
    }
    assert_eq!(lab.fluxa.send("GET", "/v1/models", &[("authorization", &format!("Bearer {MASTER}"))], b"").await.status, 401);
    assert_eq!(lab.mock.bill().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_no_disguise_of_path_or_type_walks_around_a_keys_models_or_budget() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let narrow = lab.fluxa.key(json!({"models": ["gpt-4o-mini"]})).await;
    let broke = lab.fluxa.key(json!({"budget_tokens_total": 1})).await;
    let paths = [
        "/v1/chat/completions",
        "/v1/chat/completions/",
        "/v1/chat//completions",
        "/v1//chat/completions",
        "/v1/Chat/Completions",
        "/v1/chat/%63ompletions",
        "/v1/chat%2fcompletions",
        "/v1/./chat/completions",
        "/v1/x/../chat/completions",
        "/v1/chat/completions;x",
        "/v1/beta/chat/completions",
        "/v1/files",
        "/v1/images/generations",
        "/v1/audio/speech",
        "/v1/messages/",
        "/v1/messages//",
        "/v1//messages",
        "/v1/messages/batches",
    ];
    let body = chat("hello").to_string();
    let boundary = format!("--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n{body}\r\n--x--\r\n");
    let mut wrong = Vec::new();
    for path in paths {
        for (kind, body) in [
            ("application/json", body.as_str()),
            ("text/plain", &body),
            ("", &body),
            ("application/octet-stream", &body),
            ("multipart/form-data; boundary=x", &boundary),
        ] {
            for (who, key) in [("narrow", &narrow), ("broke", &broke)] {
                let bearer = format!("Bearer {key}");
                let mut headers = vec![("authorization", bearer.as_str())];
                if !kind.is_empty() {
                    headers.push(("content-type", kind));
                }
                let answer = lab.fluxa.send("POST", path, &headers, body.as_bytes()).await;
                if answer.status < 400 || lab.mock.bill().requests > 0 {
                    wrong.push(format!(
                        "{who}: {path} as {kind:?}: {} and {} calls to the vendor",
                        answer.status,
                        lab.mock.bill().requests
                    ));
                    lab.mock.clear();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
