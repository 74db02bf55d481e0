//! Attacks on where calls go: fields, names, addresses, redirects, paths. The numbers are those of the threat list: A-01 …

use fluxa_loadtest::vendor::{Mock, MockConfig};
use serde_json::{Value, json};

use crate::harness::{Fluxa, Setup, VENDOR_KEY, chat, dialects, lab, with};
use crate::vendor::Vendor;

#[tokio::test(flavor = "multi_thread")]
async fn a01_no_field_of_a_body_decides_where_a_call_goes() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let evil = Vendor::answering("application/json", "{}").await;
    let url = evil.base_url();
    let names = [
        "api_base",
        "base_url",
        "api_key",
        "custom_host",
        "endpoint",
        "url",
        "proxy",
        "proxies",
        "headers",
        "extra_headers",
        "organization",
        "deployment",
        "deployment_id",
        "provider",
        "custom_llm_provider",
        "azure_endpoint",
        "aws_bedrock_runtime_endpoint",
        "host",
        "target",
        "route",
        "fallbacks",
        "model_list",
        "litellm_params",
        "user_config",
        "api_version",
        "callback_url",
        "webhook",
        "x-fluxa-provider",
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
        let headers =
            [("x-forwarded-host", evil.address.to_string()), ("x-target-url", url.clone()), ("x-portkey-custom-host", url.clone())];
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
async fn a03_a_provider_at_a_metadata_or_special_address_is_refused_however_it_is_spelt() {
    let fluxa = Fluxa::start(Setup::default()).await;
    let key = fluxa.key(json!({})).await;
    let hosts = [
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "0xa9.0xfe.0xa9.0xfe",
        "169.254.43518",
        "169.16689662",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fd00:ec2::254]",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "169.254.0.23",
        "[fe80::1]",
        "0.0.0.0",
        "0",
        "[::]",
        "[::ffff:0.0.0.0]",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.0.192",
        "[ff02::1]",
        "[fec0::1]",
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
    for odd in [
        "http://user:pw@127.0.0.1/v1",
        "ftp://127.0.0.1",
        "http://127.0.0.1/v1?x=1",
        "file:///etc/passwd",
        "http://127.0.0.1/#",
        "//127.0.0.1",
        "http://exa\u{3002}mple/",
    ] {
        let (status, answer) =
            fluxa.admin("POST", "/admin/providers", json!({"name": "odd", "kind": "openai", "base_url": odd, "api_key": "x"})).await;
        assert_eq!(status, 422, "{odd}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a04_a_name_is_judged_by_the_address_it_leads_to_and_redirects_are_not_followed() {
    // `localhost` is loopback, which `serve` allows: the name passes, the redirect to elsewhere does not.
    let fluxa = Fluxa::start(Setup::default()).await;
    let key = fluxa.key(json!({})).await;
    let evil = Vendor::answering("application/json", "{}").await;
    for (status, location) in [
        (301, evil.base_url()),
        (302, evil.base_url()),
        (303, evil.base_url()),
        (307, evil.base_url()),
        (308, String::from("http://169.254.169.254/latest")),
    ] {
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
        let request = vendor.requests().concat();
        assert_eq!(request.matches(VENDOR_KEY).count(), 1, "the key is in one header: {request}");
    }
    assert_eq!(evil.accepted(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_a_name_that_leads_to_a_forbidden_address_is_refused_when_connecting() {
    let fluxa = Fluxa::start(Setup::default()).await;
    let key = fluxa.key(json!({})).await;
    // Names that a machine's own host table often has; where it has none of them, there is nothing to try.
    for name in
        ["ip6-allnodes", "ip6-allrouters", "ip6-mcastprefix", "ip6-localnet", "metadata", "metadata.google.internal", "instance-data"]
    {
        let Ok(found) = tokio::net::lookup_host((name, 80)).await else { continue };
        let special = |ip: std::net::IpAddr| {
            ip.is_multicast()
                || matches!(ip, std::net::IpAddr::V6(v6) if v6.segments()[0] == 0xfe00)
                || ip.to_string().starts_with("169.254.")
        };
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
async fn a_path_cannot_climb_out_of_a_providers_base_address() {
    let mock = Mock::start(MockConfig::default()).await.unwrap();
    let fluxa = Fluxa::start(Setup::default()).await;
    fluxa.provider("openai", "openai", &format!("http://{}/tenant/v1", mock.addr()), json!({})).await;
    let key = fluxa.key(json!({})).await;
    let bearer = format!("Bearer {key}");
    let climbs = [
        "/v1/../secret",
        "/v1/../../secret",
        "/v1/files/../../../secret",
        "/v1/%2e%2e/secret",
        "/v1/.%2e/%2E./secret",
        "/v1/..%2fsecret",
        "/v1/..%2f..%2fsecret",
        "/v1/%2e%2e%2fsecret",
        "/v1/..;/secret",
        "/v1/..\\secret",
        "/v1/..%5csecret",
        "/v1/.",
        "/v1/..",
        "/v1/audio/../../../x",
        "/v1/images/../../../x",
        "/v1/messages/../../../x",
    ];
    for target in climbs {
        for (method, body) in [("GET", ""), ("POST", "{}"), ("DELETE", "")] {
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            fluxa.send(method, target, &headers, body.as_bytes()).await;
        }
    }
    let plain = |path: &str| {
        let path = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").replace('\\', "/");
        path.starts_with("/tenant/v1/") && !path.split('/').any(|part| matches!(part.split(';').next(), Some("." | "..")))
    };
    let climbed: Vec<String> = mock.requests().into_iter().map(|request| request.path).filter(|path| !plain(path)).collect();
    assert!(climbed.is_empty(), "with the provider's key: {climbed:#?}");
}
