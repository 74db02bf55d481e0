//! Attacks on routing, credentials and addresses. The numbers are those of the threat list: A-01 …

use std::time::Duration;

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::harness::{Fluxa, MASTER, Setup, VENDOR_KEY, chat, dialects, lab, with};
use crate::http::raw;
use crate::vendor::Vendor;

#[tokio::test(flavor = "multi_thread")]
async fn a01_no_field_of_a_body_decides_where_a_call_goes() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let evil = Vendor::answering("application/json", "{}").await;
    let url = evil.base_url();
    let names = [
        "api_base", "base_url", "api_key", "custom_host", "endpoint", "url", "proxy", "proxies", "headers", "extra_headers", "organization",
        "deployment", "deployment_id", "provider", "custom_llm_provider", "azure_endpoint", "aws_bedrock_runtime_endpoint", "host", "target",
        "route", "fallbacks", "model_list", "litellm_params", "user_config", "api_version", "callback_url", "webhook", "x-fluxa-provider",
    ];
    let mut sent = 0;
    for (path, body) in dialects() {
        for name in names {
            let field = |value: Value| Value::Object([(name.to_owned(), value)].into_iter().collect());
            let inside = json!({"authorization": "Bearer evil", "host": url, "url": url});
            for more in [
                field(json!(url)),
                field(inside.clone()),
                json!({"metadata": field(json!(url))}),
                json!({"extra_body": field(json!(url))}),
                json!({"tools": [{"type": "function", "name": "f", "function": {"name": "f", "parameters": field(json!(url))}, "input_schema": field(json!(url))}]}),
            ] {
                let answer = lab.fluxa.call(path, &lab.key, &[], &with(body.clone(), more.clone())).await;
                assert_eq!(answer.status, 200, "{path} {more}: {}", answer.text());
                sent += 1;
            }
        }
        let target = format!("{path}?api_base={url}&base_url={url}&url={url}");
        let headers = [("x-forwarded-host", evil.address.to_string()), ("x-target-url", url.clone()), ("x-portkey-custom-host", url.clone())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(lab.fluxa.call(&target, &lab.key, &headers, &body).await.status, 200);
        sent += 1;
    }
    assert_eq!(evil.accepted(), 0);
    let requests = lab.mock.requests();
    assert_eq!(requests.len(), sent);
    for request in requests {
        let holders: Vec<&str> =
            request.headers.iter().filter(|(_, value)| value.contains(VENDOR_KEY)).map(|(name, _)| name.as_str()).collect();
        assert!(holders == ["authorization"] || holders == ["x-api-key"], "{holders:?}");
        assert!(!request.path.contains(VENDOR_KEY) && !String::from_utf8_lossy(&request.body).contains(VENDOR_KEY));
        assert_eq!(request.header("host"), Some(lab.mock.addr().to_string().as_str()));
    }
}

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
        for method in methods.as_object().expect("methods").keys().filter(|method| ["get", "post", "put", "patch", "delete"].contains(&method.as_str())) {
            rows += 1;
            let path = path.replace("{name}", "openai").replace("{model}", "gpt-4o").replace("{id}", "x").replace("{request_id}", "x");
            for credential in credentials {
                let mut headers = vec![("content-type", "application/json")];
                headers.extend_from_slice(credential);
                let answer = lab.fluxa.send(&method.to_uppercase(), &path, &headers, b"{\"name\":\"intruder\",\"kind\":\"openai\",\"api_key\":\"x\",\"provider\":\"openai\"}").await;
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
        "/admin/providers", "//admin/providers", "/v1/../admin/providers", "/v1/%2e%2e/admin/providers", "/%61dmin/providers", "/ADMIN/providers",
        "/admin/providers/", "/admin//providers", "/admin/providers;x=1", "/admin;/providers", "/admin\\providers", "/admin/./providers",
        "/admin/%2e/providers", "/%252e%252e/admin/providers", "/admin%2fproviders", "/healthz/../admin/providers", "/admin/providers%00",
        "/admin/providers?x=/v1/models", "/v1/models/../../admin/providers", "/v1beta/../admin/providers", "/readyz/..;/admin/providers",
        "http://127.0.0.1/admin/providers", "http://localhost/admin/providers", "http://admin/providers", "*", "/admin/openapi.json/../providers",
    ];
    let hosts = ["fluxa", "fluxa/healthz?", "fluxa#", "fluxa/v1/models", "a b", "", "127.0.0.1:1", "fluxa\thost", "[::1"];
    for target in targets {
        for host in hosts {
            for extra in ["", "x-original-url: /healthz\r\nx-rewrite-url: /healthz\r\nx-forwarded-uri: /healthz\r\n", "authorization: Bearer null\r\n"] {
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
async fn a03_a_provider_at_a_metadata_or_special_address_is_refused_however_it_is_spelt() {
    let fluxa = Fluxa::start(Setup::default()).await;
    let key = fluxa.key(json!({})).await;
    let hosts = [
        "169.254.169.254", "169.254.169.254.", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe", "169.254.43518",
        "169.16689662", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::169.254.169.254]", "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[fd00:ec2::254]", "169.254.170.2", "100.100.100.200", "168.63.129.16",
        "169.254.0.23", "[fe80::1]", "0.0.0.0", "0", "[::]", "[::ffff:0.0.0.0]", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
        "192.0.0.192", "[ff02::1]", "[fec0::1]",
    ];
    for (index, host) in hosts.iter().enumerate() {
        let name = format!("p{index}");
        let body = json!({"name": name, "kind": "openai", "base_url": format!("http://{host}/v1"), "api_key": VENDOR_KEY});
        let (status, answer) = fluxa.admin("POST", "/admin/providers", body).await;
        if status == 422 {
            assert!(answer["errors"].to_string().contains("base_url"), "{host}: {answer}");
            continue;
        }
        // Spellings that only a URL parser understands are judged when connecting.
        assert_eq!(status, 201, "{host}: {answer}");
        let (_, probe) = fluxa.admin("POST", &format!("/admin/providers/{name}/test"), Value::Null).await;
        assert_eq!(probe["ok"], json!(false), "{host}: {probe}");
        fluxa.route("guarded", json!(name)).await;
        let answer = fluxa.call("/v1/chat/completions", &key, &[], &with(chat("a"), json!({"model": "guarded"}))).await;
        assert_eq!((answer.status, answer.text().contains("not allowed")), (502, true), "{host}: {}", answer.text());
        assert!(!answer.text().contains("169.254"), "{host}: {}", answer.text());
    }
    for odd in ["http://user:pw@127.0.0.1/v1", "ftp://127.0.0.1", "http://127.0.0.1/v1?x=1", "file:///etc/passwd", "http://127.0.0.1/#", "//127.0.0.1", "http://exa\u{3002}mple/"] {
        let (status, answer) = fluxa.admin("POST", "/admin/providers", json!({"name": "odd", "kind": "openai", "base_url": odd, "api_key": "x"})).await;
        assert_eq!(status, 422, "{odd}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a04_a_name_is_judged_by_the_address_it_leads_to_and_redirects_are_not_followed() {
    // `localhost` is loopback, which `serve` allows: the name passes, the redirect to elsewhere does not.
    let fluxa = Fluxa::start(Setup::default()).await;
    let key = fluxa.key(json!({})).await;
    let evil = Vendor::answering("application/json", "{}").await;
    for (status, location) in [(301, evil.base_url()), (302, evil.base_url()), (303, evil.base_url()), (307, evil.base_url()), (308, String::from("http://169.254.169.254/latest"))] {
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n");
        let vendor = Vendor::start(crate::vendor::Does::Says(answer.into_bytes())).await;
        let name = format!("r{status}");
        fluxa.provider(&name, "openai", &format!("http://localhost:{}/v1", vendor.address.port()), json!({})).await;
        fluxa.route("moved", json!(name)).await;
        let answer = fluxa.call("/v1/chat/completions", &key, &[], &with(chat("a"), json!({"model": "moved"}))).await;
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_protocol_error"), "{status}: {answer:?}");
        assert!(answer.header("location").is_none() && answer.header("set-cookie").is_none(), "{answer:?}");
        assert!(!answer.text().contains("169.254") && !answer.text().contains(&evil.address.port().to_string()), "{}", answer.text());
        assert_eq!(vendor.accepted(), 1, "asked once, not again elsewhere");
    }
    assert_eq!(evil.accepted(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_a_name_that_leads_to_a_forbidden_address_is_refused_when_connecting() {
    let fluxa = Fluxa::start(Setup::default()).await;
    let key = fluxa.key(json!({})).await;
    // Names that a machine's own host table often has; where it has none of them, there is nothing to try.
    for name in ["ip6-allnodes", "ip6-allrouters", "ip6-mcastprefix", "ip6-localnet", "metadata", "metadata.google.internal", "instance-data"] {
        let Ok(found) = tokio::net::lookup_host((name, 80)).await else { continue };
        let special = |ip: std::net::IpAddr| ip.is_multicast() || matches!(ip, std::net::IpAddr::V6(v6) if v6.segments()[0] == 0xfe00) || ip.to_string().starts_with("169.254.");
        if !found.map(|address| address.ip()).all(special) {
            continue;
        }
        for spelling in [name.to_owned(), format!("{name}."), name.to_uppercase()] {
            let provider = format!("at-{spelling}");
            fluxa.provider(&provider, "openai", &format!("http://{spelling}/v1"), json!({})).await;
            fluxa.route("named", json!(provider)).await;
            let answer = fluxa.call("/v1/chat/completions", &key, &[], &with(chat("a"), json!({"model": "named"}))).await;
            assert_eq!(answer.status, 502, "{spelling}: {}", answer.text());
            assert!(answer.text().contains("not allowed") || answer.text().contains("cannot be resolved"), "{spelling}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_keys_that_share_beginnings_or_ends_are_different_keys() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let other = lab.fluxa.key(json!({})).await;
    assert_eq!(lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &chat("a")).await.status, 200);
    let middle = lab.key.len() / 2;
    let swapped: String = lab.key.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
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
    for name in ["fluxa.db", "fluxa.db-wal", "fluxa.db.key"] {
        let bytes = std::fs::read(lab.fluxa.file(name)).unwrap_or_default();
        let texts = bytes.split(|b| !(b.is_ascii_alphanumeric() || b"-_+/=.".contains(b)));
        stored.extend(texts.filter(|text| (16..=512).contains(&text.len())).map(|text| String::from_utf8_lossy(text).into_owned()));
    }
    stored.sort();
    stored.dedup();
    assert!(stored.len() > 20, "{stored:?}");
    stored.truncate(400);
    for text in stored.iter().filter(|text| !text.is_empty()) {
        for candidate in [text.clone(), format!("vk-{text}")] {
            let answer = lab.fluxa.send("POST", "/v1/chat/completions", &[("x-api-key", &candidate), ("content-type", "application/json")], chat("a").to_string().as_bytes()).await;
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
        for headers in [[("authorization", format!("Bearer {MASTER}"))], [("x-api-key", MASTER.to_owned())], [("x-goog-api-key", MASTER.to_owned())]] {
            let [(name, value)] = headers;
            let answer = lab.fluxa.send("POST", path, &[(name, &value), ("content-type", "application/json")], body.to_string().as_bytes()).await;
            assert_eq!(answer.status, 401, "{path} {name}: {}", answer.text());
            assert!(!answer.text().contains(MASTER));
        }
    }
    assert_eq!(lab.fluxa.send("GET", "/v1/models", &[("authorization", &format!("Bearer {MASTER}"))], b"").await.status, 401);
    assert_eq!(lab.mock.bill().requests, 0);
}
