use hyper::header::HeaderValue;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (hyper::header::HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn key(id: &str, team: Option<&str>) -> KeyRecord {
    let mut key: KeyRecord = serde_json::from_value(serde_json::json!({
        "id": "", "name": "", "models": [], "limits": {}, "budget_mode": "strict", "budget_clamp": false, "time_zone": "UTC", "show_spend": false,
        "expires_at": null, "ip_allowlist": [], "enabled": true, "team": null, "tags": {}, "last4": "", "created_at": 0, "updated_at": 0
    }))
    .unwrap();
    id.clone_into(&mut key.id);
    key.team = team.map(str::to_owned);
    key
}

const POLICY: CachePolicy = CachePolicy { ttl_s: 60, shared: CacheNamespace::Key };

fn question<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Question<'a> {
    static CHAT: std::sync::LazyLock<Uri> = std::sync::LazyLock::new(|| Uri::from_static("/v1/chat/completions"));
    Question { dialect: Dialect::OpenAi, op: Op::Chat, uri: &CHAT, headers, body, rules: None }
}

#[test]
fn what_changes_the_answer_changes_the_name() {
    let (none, beta) = (HeaderMap::new(), headers(&[("openai-beta", "x")]));
    let (a, b) = (key("a", Some("t")), key("b", Some("t")));
    let team = CachePolicy { shared: CacheNamespace::Team, ..POLICY };
    let plain = question(&none, b"{}");
    assert_eq!(name(POLICY, &a, plain), name(POLICY, &a, plain));
    let others = [
        name(POLICY, &b, plain),
        name(team, &a, plain),
        name(POLICY, &a, question(&beta, b"{}")),
        name(POLICY, &a, question(&none, b"{ }")),
        name(POLICY, &a, Question { uri: &Uri::from_static("/v1/chat/completions?x"), ..plain }),
        name(POLICY, &a, Question { dialect: Dialect::Anthropic, ..plain }),
        name(POLICY, &a, Question { op: Op::Completions, ..plain }),
    ];
    assert!(others.iter().all(|other| *other != name(POLICY, &a, plain)));
    let with_key = Uri::from_static("/v1/chat/completions?key=vk-a");
    assert_eq!(name(POLICY, &a, Question { uri: &with_key, ..plain }), name(POLICY, &a, plain), "secrets do not count");
    assert_eq!(name(team, &a, plain), name(team, &b, plain), "one team, one name");
    assert_ne!(name(team, &key("a", None), plain), name(team, &key("b", None), plain), "who has no team shares with nobody");
}

#[test]
fn clients_say_what_they_want() {
    assert_eq!(wish(&HeaderMap::new()), Wish::Usual);
    assert_eq!(wish(&headers(&[("cache-control", "max-age=0")])), Wish::Usual);
    assert_eq!(wish(&headers(&[("cache-control", "no-cache")])), Wish::Fresh);
    assert_eq!(wish(&headers(&[("cache-control", "no-cache, No-Store")])), Wish::Nothing);
}

#[test]
fn what_is_too_long_is_not_kept() {
    let mut keep = Keep { name: [0; 32], ttl: Duration::from_secs(1), bytes: Some(BytesMut::new()) };
    keep.push(&vec![0; MAX_BYTES]);
    assert!(keep.bytes.is_some());
    keep.push(b"x");
    keep.push(b"y");
    assert!(keep.bytes.is_none());
}

#[test]
fn damaged_bytes_are_no_answer() {
    for bytes in [&b""[..], b"abc", b"\xff\xff\xff\xff{}", b"\x02\0\0\0{}", b"\x01\0\0\0{"] {
        assert!(open(Bytes::copy_from_slice(bytes)).is_none(), "{bytes:?}");
    }
}
