use std::collections::BTreeMap;

use super::*;
use crate::cache::{CacheNamespace, CachePolicy};
use crate::key::KeyLimits;
use crate::money::NanoUsd;
use crate::price::{PriceRow, Rate, Rates};

fn verdict<T>(result: Result<T, FieldError>) -> String {
    result.map_or_else(|error| error.field, |_| String::new())
}

#[test]
fn names() {
    let check = |text: &str, fine: bool| assert_eq!(name("name", text).is_ok(), fine, "{text:?}");
    check("team-a", true);
    check("meta-llama/Llama-3.3@x:free", true);
    check("my key 7", true);
    check(&"x".repeat(128), true);
    for bad in ["", " a", "a ", "a\n", "a\0", "naïve", "a\"b", "<a>", "a*", "a\tb", "a{b}", "a,b"] {
        check(bad, false);
    }
    check(&"x".repeat(129), false);
}

#[test]
fn patterns_may_hold_stars() {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(verdict(model_patterns("models", &list(&["gpt-*", "*", "claude-*-5"]))), "");
    assert_eq!(verdict(model_patterns("models", &list(&["ok", "not\nok"]))), "models[1]");
    assert_eq!(verdict(model_patterns("models", &list(&[""]))), "models[0]");
    assert_eq!(verdict(model_patterns("models", &list(&["x"; 201]))), "models");
}

#[test]
fn labels_and_zones() {
    assert!(tags("tags", &BTreeMap::from([("team".into(), "Vertrieb Süd".into())])).is_ok());
    assert_eq!(verdict(tags("tags", &BTreeMap::from([("team".into(), "a\nb".into())]))), "tags.team");
    assert_eq!(verdict(tags("tags", &BTreeMap::from([(String::new(), "a".into())]))), "tags");
    let many = (0..33).map(|n| (format!("t{n}"), String::new())).collect();
    assert_eq!(verdict(tags("tags", &many)), "tags");
    assert!(note("team", &"ü".repeat(256)).is_ok());
    assert!(note("team", &"ü".repeat(257)).is_err());
    assert!(time_zone("time_zone", "Asia/Shanghai").is_ok());
    assert_eq!(verdict(time_zone("time_zone", "Mars/Olympus")), "time_zone");
}

#[test]
fn money_in_requests() {
    let check = |text: &str, expect: Option<i64>| assert_eq!(usd("f", text).ok().map(|n| n.0), expect, "{text}");
    check("0", Some(0));
    check("2.5", Some(2_500_000_000));
    check("1e6", Some(1_000_000_000_000_000));
    check("1000000.000000001", None);
    check("-0.01", None);
    check("1e300", None);
    check("0.0000000001", None);
    check("NaN", None);
    check("true", None);
}

#[test]
fn limits_are_neither_negative_nor_absurd() {
    assert!(key_limits(&KeyLimits::default()).is_ok());
    let check = |limits: KeyLimits, field: &str| assert_eq!(verdict(key_limits(&limits)), field);
    check(KeyLimits { budget_usd_weekly: Some(NanoUsd(-1)), ..KeyLimits::default() }, "budget_usd_weekly");
    check(KeyLimits { budget_usd_total: Some(NanoUsd(MAX_BUDGET.0 + 1)), ..KeyLimits::default() }, "budget_usd_total");
    check(KeyLimits { budget_usd_daily: Some(MAX_BUDGET), rate_limit_rpm: Some(0), ..KeyLimits::default() }, "");
    check(KeyLimits { budget_tokens_daily: Some(u64::MAX), ..KeyLimits::default() }, "budget_tokens_daily");
    check(KeyLimits { rate_limit_rpm: Some(u64::MAX), ..KeyLimits::default() }, "rate_limit_rpm");
    check(KeyLimits { rate_limit_tpm: Some(u64::MAX), ..KeyLimits::default() }, "rate_limit_tpm");
    check(KeyLimits { max_concurrency: Some(u64::MAX), ..KeyLimits::default() }, "max_concurrency");
}

#[test]
fn limits_of_models_are_named_with_their_model() {
    let one = |pattern: &str, limits: KeyLimits| BTreeMap::from([(pattern.to_owned(), limits)]);
    let check = |limits: BTreeMap<String, KeyLimits>, field: &str| assert_eq!(verdict(model_limits("model_limits", &limits)), field);
    check(BTreeMap::new(), "");
    check(one("gpt-4o", KeyLimits { budget_usd_daily: Some(MAX_BUDGET), ..KeyLimits::default() }), "");
    check(one("claude-*", KeyLimits { rate_limit_rpm: Some(0), ..KeyLimits::default() }), "");
    check(one("gpt-4o", KeyLimits { budget_usd_daily: Some(NanoUsd(-1)), ..KeyLimits::default() }), "model_limits.gpt-4o.budget_usd_daily");
    check(one("*", KeyLimits { max_concurrency: Some(u64::MAX), ..KeyLimits::default() }), "model_limits.*.max_concurrency");
    check(one("", KeyLimits::default()), "model_limits.");
    check(one("a\nb", KeyLimits::default()), "model_limits.a\nb");
    check(one(&"x".repeat(128), KeyLimits::default()), "");
    check(one(&"x".repeat(129), KeyLimits::default()), &format!("model_limits.{}", "x".repeat(64)));
    let many = |count: usize| (0..count).map(|n| (format!("m{n}"), KeyLimits::default())).collect();
    check(many(MAX_MODEL_LIMITS), "");
    check(many(MAX_MODEL_LIMITS + 1), "model_limits");
}

#[test]
fn answers_are_kept_for_a_second_to_a_month() {
    let check = |ttl_s: u32, field: &str| {
        assert_eq!(verdict(cache_policy("cache", CachePolicy { ttl_s, shared: CacheNamespace::Key })), field, "{ttl_s}");
    };
    check(0, "cache.ttl_s");
    check(1, "");
    check(MAX_CACHE_TTL_S, "");
    check(MAX_CACHE_TTL_S + 1, "cache.ttl_s");
}

#[test]
fn base_addresses() {
    for fine in [
        "https://api.openai.com/v1",
        "http://localhost:11434/v1",
        "HTTPS://Example.org",
        "http://127.0.0.1:9000",
        "http://[::1]:8080/v1",
        "http://[2001:db8::1]",
        "https://my_host.internal./v1/",
        "https://xn--bcher-kva.example/a%20b",
        "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1",
    ] {
        assert_eq!(base_url("base_url", fine), Ok(()), "{fine}");
    }
    for bad in [
        "",
        "api.openai.com",
        "ftp://example.org",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user:secret@example.org",
        "https://example.org@evil.example",
        "https://example.org/v1?key=x",
        "https://example.org/v1#x",
        "https://example.org:0",
        "https://example.org:99999",
        "https://example.org:",
        "https://example.org:80:80",
        "https://exa mple.org",
        "https://example.org\r\nhost: evil",
        "https://example.org\\@evil.example",
        "https://bücher.example",
        "https://example.org/../admin",
        "https://[::1",
        "https://[::1]x",
        "https://[::g]",
        "https://..",
        "https://a..b",
        "javascript:alert(1)",
        "http://{region}.example",
    ] {
        assert_eq!(verdict(base_url("base_url", bad)), "base_url", "{bad}");
    }
    assert!(base_url("base_url", &format!("https://example.org/{}", "x".repeat(3_000))).is_err());
}

#[test]
fn extra_headers() {
    let check = |name: &str, value: &str, fine: bool| assert_eq!(header("headers", name, value).is_ok(), fine, "{name}: {value:?}");
    check("HTTP-Referer", "https://example.org", true);
    check("x-title", "My App", true);
    check("appid", "app-123", true);
    check("anthropic-beta", "context-1m", true);
    check("x-empty", "", true);
    for name in [
        "Authorization",
        "x-api-key",
        "X_Api_Key",
        "api-key",
        "x-goog-api-key",
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Cookie",
        "proxy-authorization",
        "X-Forwarded-For",
        "Metadata-Flavor",
        "Metadata",
        "X-aws-ec2-metadata-token",
        "x-fluxa-id",
        "x-amz-security-token",
        "",
        "a b",
        "a:b",
        "ä",
    ] {
        check(name, "x", false);
    }
    for value in ["a\r\nb: c", "a\n", "\0", "ä", " a", "a "] {
        check("x-a", value, false);
    }
    let many = (0..33).map(|n| (format!("x-{n}"), String::new())).collect();
    assert_eq!(verdict(headers("headers", &many)), "headers");
    assert!(headers("headers", &BTreeMap::from([("x-a".into(), "b".into())])).is_ok());
}

#[test]
fn timeouts() {
    assert!(timeout_ms("t", 1).is_ok() && timeout_ms("t", 86_400_000).is_ok());
    assert!(timeout_ms("t", 0).is_err() && timeout_ms("t", u64::MAX).is_err());
}

#[test]
fn price_rows() {
    let row = PriceRow { provider: "openai".into(), model: "m".into(), ..PriceRow::default() };
    assert_eq!(price_row(&row), Ok(()));
    let check = |row: PriceRow, field: &str| assert_eq!(verdict(price_row(&row)), field);
    check(PriceRow { model: String::new(), ..row.clone() }, "model");
    check(PriceRow { provider: "a\nb".into(), ..row.clone() }, "provider");
    check(PriceRow { rates: Rates { input: Rate(-1), ..Rates::default() }, ..row.clone() }, "rates");
    check(PriceRow { rates: Rates { cache_read: Some(Rate(i64::MAX)), ..Rates::default() }, ..row.clone() }, "rates");
    check(PriceRow { per_search: NanoUsd(-1), ..row.clone() }, "per_search");
    check(
        PriceRow { off_peak: Some(crate::price::OffPeak { windows: vec![Default::default()], ..Default::default() }), ..row },
        "off_peak",
    );
}

#[test]
fn a_region_is_a_part_of_a_host_name() {
    for good in ["us-east-1", "cn-north-1", "x"] {
        assert!(region("region", good).is_ok(), "{good}");
    }
    for bad in ["", "us east", "a.b", "x/y", "eu-west-1@evil", &"a".repeat(65)] {
        assert_eq!(region("region", bad).unwrap_err().to_string(), "region: must be like us-east-1", "{bad}");
    }
}
