//! Headers in both directions: what passes, what is ours, and what a stranger may not decide with them (A-07, A-42, A-50).

use std::collections::BTreeSet;

use fluxa_loadtest::vendor::MockConfig;
use serde_json::json;

use crate::harness::{Fluxa, Setup, VENDOR_KEY, chat, dialects, lab, with};
use crate::vendor::{Does, Vendor};

/// What may go to a vendor: ours, the connection's, and the clients' that the contract passes on.
const TO_VENDORS: [&str; 13] = [
    "host",
    "user-agent",
    "accept-encoding",
    "content-length",
    "content-type",
    "connection",
    "authorization",
    "x-api-key",
    "accept",
    "accept-language",
    "idempotency-key",
    "openai-beta",
    "anthropic-version",
];

fn names() -> Vec<String> {
    let plain = "cookie set-cookie proxy-authorization proxy-authenticate proxy-connection keep-alive te trailer upgrade via forwarded x-real-ip \
        x-forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-forwarded-server x-forwarded-prefix x-forwarded-uri \
        x-forwarded-user x-forwarded-email x-forwarded-groups x-original-url x-original-host x-rewrite-url x-client-ip x-cluster-client-ip \
        true-client-ip cf-connecting-ip fastly-client-ip x-azure-clientip x-envoy-external-address x-host x-http-method-override \
        x-http-method x-method-override x-goog-api-key api-key x-openai-key x-provider-key x-llm-key x-vendor-api-key metadata metadata-flavor \
        x-aws-ec2-metadata-token x-aws-ec2-metadata-token-ttl-seconds x-amz-security-token x-amz-date x-amz-content-sha256 x-amz-target \
        x-ms-client-principal x-ms-token-aad-access-token ocp-apim-subscription-key x-goog-user-project x-goog-iap-jwt-assertion \
        x-fluxa-id x-fluxa-model x-fluxa-attempts x-fluxa-cost-usd x-fluxa-cost-state x-fluxa-dropped x-fluxa-degraded x-fluxa-internal \
        x-fluxa-upstream x-fluxa-tenant x-portkey-custom-host x-portkey-forward-headers x-portkey-provider x-litellm-api-key helicone-auth \
        openai-organization openai-project anthropic-dangerous-direct-browser-access origin referer sec-fetch-site sec-fetch-mode dnt \
        if-none-match if-match if-modified-since range content-range content-encoding-x expect-ct pragma cache-control authority \
        x-csrf-token x-xsrf-token x-auth-token x-access-token x-session x-user x-user-id x-role x-tenant x-org x-forwarded_for x_forwarded_for \
        x_real_ip traceparent tracestate baggage b3 x-b3-traceid x-cloud-trace-context x-request-start x-correlation-id x-mock-nothing \
        sourcemap link location refresh server alt-svc http2-settings max-forwards from date warning early-data nel report-to x-frame-options \
        access-control-request-method access-control-request-headers x-stainless-lang x-stainless-os x-stainless-retry-count priority";
    let mut names: Vec<String> = plain.split_whitespace().map(str::to_owned).collect();
    names.extend((0..240 - names.len().min(240)).map(|n| format!("x-custom-{n}")));
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_of_two_hundred_headers_a_vendor_sees_only_those_on_the_list() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let names = names();
    assert!(names.len() >= 200, "{}", names.len());
    for (path, body) in dialects() {
        for batch in names.chunks(40) {
            let values: Vec<(&str, &str)> = batch.iter().map(|name| (name.as_str(), "canary-value-11aa")).collect();
            let answer = lab.fluxa.call(path, &lab.key, &values, &body).await;
            assert_eq!(answer.status, 200, "{path} {batch:?}: {}", answer.text());
        }
        // Two ways to name a header as hop-by-hop; the credential for the vendor must survive both.
        for (named, header) in
            [("authorization, x-api-key, host, content-length", "accept"), ("close, Anthropic-Version, openai-beta", "openai-beta")]
        {
            let answer = lab.fluxa.call(path, &lab.key, &[("connection", named), (header, "text/canary")], &body).await;
            assert_eq!(answer.status, 200, "{path} {named}: {}", answer.text());
        }
    }
    for request in lab.mock.requests() {
        let strange: BTreeSet<&str> = request
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !TO_VENDORS.contains(name) && !name.starts_with("anthropic-"))
            .collect();
        assert!(strange.is_empty(), "{strange:?}");
        assert!(request.auth.as_deref().is_some_and(|auth| auth.contains(VENDOR_KEY)), "{:?}", request.auth);
        assert!(!request.headers.iter().any(|(_, value)| value.contains(&lab.key)), "A-42: the client's key went to the vendor");
        assert_eq!(request.headers.iter().filter(|(name, _)| name == "content-length" || name == "host").count(), 2);
        assert!(request.header("openai-beta").is_none(), "a header named in connection is for this hop only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a42_a_key_in_the_query_is_not_passed_on() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for (path, body) in dialects() {
        let target = format!("{path}?key={}&beta=true&api_key={}", lab.key, lab.key);
        assert_eq!(lab.fluxa.call(&target, &lab.key, &[], &body).await.status, 200);
    }
    let seen: Vec<String> = lab.mock.requests().into_iter().map(|request| request.path).collect();
    assert!(seen.iter().all(|path| path.contains("beta=true") && !path.contains(&lab.key)), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beta_headers_pass_and_credentials_never_do() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let headers =
        [("anthropic-beta", "tools-2099-01-01"), ("anthropic-version", "2023-06-01"), ("x-goog-api-key", "canary"), ("cookie", "a=b")];
    let answer = lab.fluxa.call("/v1/messages", &lab.key, &headers, &dialects()[1].1).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = &lab.mock.requests()[0];
    assert_eq!((seen.header("anthropic-beta"), seen.header("anthropic-version")), (Some("tools-2099-01-01"), Some("2023-06-01")));
    assert_eq!((seen.header("x-goog-api-key"), seen.header("cookie"), seen.header("authorization")), (None, None, None));
    lab.fluxa.call("/v1/chat/completions", &lab.key, &[("openai-beta", "assistants=v2"), ("idempotency-key", "k1")], &chat("a")).await;
    let seen = &lab.mock.requests()[1];
    assert_eq!((seen.header("openai-beta"), seen.header("idempotency-key")), (Some("assistants=v2"), Some("k1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_headers_come_back_only_from_the_list_and_cannot_pretend_to_be_ours() {
    let fluxa = Fluxa::start(Setup::default()).await;
    let key = fluxa.key(json!({})).await;
    let body = r#"{"id":"x","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: canary=1\r\nserver: canary\r\nx-fluxa-id: canary\r\nx-fluxa-cost-usd: 0\r\n\
        x-request-id: canary\r\nx-fluxa-provider: canary\r\nx-ratelimit-remaining-requests: canary\r\nwww-authenticate: canary\r\nlocation: canary\r\n\
        strict-transport-security: canary\r\nalt-svc: canary\r\naccess-control-allow-origin: canary\r\nopenai-organization: canary-org\r\nx-evil: canary\r\n\
        retry-after: 7\r\nopenai-processing-ms: 12\r\n";
    let vendor = Vendor::start(Does::Says(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())).await;
    fluxa.provider("openai", "openai", &vendor.base_url(), json!({})).await;
    let answer = fluxa.call("/v1/chat/completions", &key, &[], &chat("a")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let forged: Vec<_> = answer.headers.iter().filter(|(_, value)| value.contains("canary")).collect();
    assert!(forged.is_empty(), "{forged:?}");
    assert_eq!((answer.header("openai-processing-ms"), answer.header("x-fluxa-provider")), (Some("12"), Some("openai")));
    assert_eq!(answer.text(), body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sane_request_id_is_echoed_and_an_insane_one_replaced_by_ours() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let long = "a".repeat(128);
    let too_long = "a".repeat(129);
    for (path, body) in dialects() {
        for (sent, echoed) in [
            ("req-1.a_b:c/d=", true),
            (long.as_str(), true),
            (too_long.as_str(), false),
            ("a b", false),
            ("<script>", false),
            ("a\"b", false),
            ("\u{e9}", false),
            ("a\tb", false),
            ("", false),
        ] {
            for (key, status) in [(lab.key.as_str(), 200), ("vk-none", 401)] {
                let answer = lab.fluxa.call(path, key, &[("x-request-id", sent)], &body).await;
                assert_eq!(answer.status, status);
                let got = answer.header("x-request-id").expect("always there");
                assert_eq!(got == sent, echoed, "{sent:?} gave {got:?}");
                assert_ne!(answer.id(), sent);
                assert!(echoed || got == answer.id(), "{sent:?} gave {got:?}");
                let id = answer.id();
                assert!(id.len() == 36 && id.as_bytes()[14] == b'7', "{id} is no UUIDv7");
            }
        }
    }
    let answer = lab.fluxa.call("/v1/chat/completions", &lab.key, &[("x-request-id", "mine-42")], &chat("a")).await;
    lab.fluxa.log_row(&answer.id()).await;
    assert_eq!(lab.fluxa.log_row("mine-42").await["id"], json!(answer.id()), "a row is found by the client's id too");
}

/// Every way in which a client may claim to be `ip`.
fn claims(ip: &str) -> Vec<Vec<(&'static str, String)>> {
    let one = |name: &'static str, value: String| vec![(name, value)];
    let names = [
        "x-forwarded-for",
        "X-Forwarded-For",
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "x-cluster-client-ip",
        "x-forwarded",
        "forwarded-for",
        "x_forwarded_for",
        "x-forwarded_for",
        "x_real_ip",
        "x-originating-ip",
        "x-remote-ip",
        "x-remote-addr",
        "x-azure-clientip",
        "x-envoy-external-address",
        "x-appengine-user-ip",
        "via",
    ];
    let mut all: Vec<_> = names.into_iter().map(|name| one(name, ip.to_owned())).collect();
    all.push(one("forwarded", format!("for={ip};proto=https")));
    all.push(one("forwarded", format!("for=\"[::ffff:{ip}]\"")));
    all.push(one("x-forwarded-for", format!("{ip}, {ip}")));
    all.push(one("x-forwarded-for", format!("{ip}, 127.0.0.1")));
    all.push(one("x-forwarded-for", format!("127.0.0.1, {ip}")));
    all.push(vec![("x-forwarded-for", ip.to_owned()), ("x-forwarded-for", ip.to_owned())]);
    all.push(vec![("connection", String::from("x-forwarded-for")), ("x-forwarded-for", ip.to_owned())]);
    all.push(vec![("connection", String::from("x-real-ip, close")), ("x-real-ip", ip.to_owned())]);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a50_an_untrusted_peer_cannot_claim_an_address() {
    // Trusted are others than the peer of this test.
    for yaml in ["", "server: { trusted_proxies: [10.0.0.0/8, 192.0.2.1] }\n"] {
        let lab = lab(Setup::yaml(yaml), MockConfig::default()).await;
        let inside = lab.fluxa.key(json!({"ip_allowlist": ["203.0.113.7", "10.0.0.0/8"]})).await;
        let here = lab.fluxa.key(json!({"ip_allowlist": ["127.0.0.1"]})).await;
        for (ip, key, status) in
            [("203.0.113.7", &inside, 403), ("10.1.2.3", &inside, 403), ("203.0.113.7", &here, 200), ("10.1.2.3", &here, 200)]
        {
            let claims = claims(ip);
            assert!(claims.len() >= 30);
            for claim in claims {
                let headers: Vec<(&str, &str)> = claim.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let answer = lab.fluxa.call("/v1/chat/completions", key, &headers, &chat("a")).await;
                assert_eq!(answer.status, status, "{claim:?}: {}", answer.text());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a50_behind_a_trusted_proxy_the_right_most_untrusted_hop_counts() {
    let lab = lab(Setup::yaml("server: { trusted_proxies: [127.0.0.0/8, 10.0.0.0/8, \"::1\"] }\n"), MockConfig::default()).await;
    let key = lab.fluxa.key(json!({"ip_allowlist": ["203.0.113.7"]})).await;
    let check = async |lines: &[(&str, &str)], status: u16| {
        for (path, body) in dialects() {
            let answer = lab.fluxa.call(path, &key, lines, &with(body, json!({}))).await;
            assert_eq!(answer.status, status, "{lines:?}: {}", answer.text());
        }
    };
    check(&[], 403).await;
    check(&[("x-forwarded-for", "203.0.113.7")], 200).await;
    check(&[("x-forwarded-for", "198.51.100.1, 203.0.113.7")], 200).await;
    check(&[("x-forwarded-for", "203.0.113.7, 198.51.100.1")], 403).await;
    check(&[("x-forwarded-for", "203.0.113.7, 10.9.9.9")], 200).await;
    check(&[("x-forwarded-for", "203.0.113.7, 10.9.9.9, 127.0.0.5")], 200).await;
    check(&[("x-forwarded-for", "203.0.113.7, 198.51.100.1, 10.9.9.9")], 403).await;
    check(&[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "198.51.100.1")], 403).await;
    check(&[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.7")], 200).await;
    check(&[("x-forwarded-for", "::ffff:203.0.113.7")], 200).await;
    check(&[("x-forwarded-for", "203.0.113.7, garbage")], 403).await;
    check(&[("x-forwarded-for", "203.0.113.7, ")], 403).await;
    check(&[("x-forwarded-for", "203.0.113.7, unknown, 10.9.9.9")], 403).await;
    check(&[("x-real-ip", "203.0.113.7"), ("forwarded", "for=203.0.113.7")], 403).await;
    check(&[("x-forwarded-for", "198.51.100.1"), ("x_forwarded_for", "203.0.113.7")], 403).await;
}
