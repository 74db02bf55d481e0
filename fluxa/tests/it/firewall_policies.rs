//! Which policy holds, when it does, and who is told: rows, metrics, headers, the webhook; never the value.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::books::eventually;
use crate::firewall::{CLIENTS, CORE, Client, KINDS, MAIL, RULE, SECRET, Yard, got};
use crate::harness::Setup;

async fn treatment(yard: &Yard, key: &str, model: &str) -> &'static str {
    let (answer, sent) = yard.ask(key, &Client::Chat.says(model, SECRET, false)).await;
    match sent.as_slice() {
        [] if answer.code() == "content_blocked" => "block",
        [record] if got(record, "[OPENAI_KEY]") && !got(record, CORE) => "mask",
        [record] if got(record, SECRET) => "none",
        other => panic!("{other:?} {}", answer.text()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_team_organization_and_route_have_policies_and_the_strictest_wins() {
    let yard = Yard::new(Setup::default()).await;
    for action in ["mask", "block", "observe"] {
        yard.policy(action, json!({"actions": {RULE: action}, "default": "off"})).await;
    }
    let made = async |path: &str, body: Value| {
        let (status, answer) = yard.fluxa.admin("POST", path, body).await;
        assert_eq!(status, 201, "{answer}");
    };
    made("/admin/organizations", json!({"name": "strict", "firewall_policy": "block"})).await;
    made("/admin/teams", json!({"name": "careful", "firewall_policy": "mask"})).await;
    made("/admin/teams", json!({"name": "inside", "organization": "strict"})).await;
    let key = async |more: Value| yard.fluxa.key(more).await;
    for (key, expect) in [
        (key(json!({})).await, "none"),
        (key(json!({"firewall_policy": "observe"})).await, "none"),
        (key(json!({"firewall_policy": "mask"})).await, "mask"),
        (key(json!({"firewall_policy": "block"})).await, "block"),
        (key(json!({"team": "careful"})).await, "mask"),
        (key(json!({"team": "careful", "firewall_policy": "observe"})).await, "mask"),
        (key(json!({"team": "careful", "firewall_policy": "block"})).await, "block"),
        (key(json!({"team": "inside"})).await, "block"),
        (key(json!({"team": "inside", "firewall_policy": "mask"})).await, "block"),
    ] {
        assert_eq!(treatment(&yard, &key, "m-openai").await, expect);
    }
    yard.fluxa.route("guarded", json!({"targets": [{"provider": "openai", "model": "gpt-4o"}], "firewall_policy": "mask"})).await;
    assert_eq!(treatment(&yard, &key(json!({})).await, "guarded").await, "mask");
    assert_eq!(treatment(&yard, &key(json!({"firewall_policy": "block"})).await, "guarded").await, "block");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_and_a_new_rule_hold_within_a_second() {
    let yard = Yard::new(Setup::default()).await;
    yard.policy("p", json!({"actions": {}, "default": "off"})).await;
    let key = yard.fluxa.key(json!({"firewall_policy": "p"})).await;
    assert_eq!(treatment(&yard, &key, "m-openai").await, "none");
    for expect in ["mask", "block", "none"] {
        let action = if expect == "none" { "observe" } else { expect };
        let since = Instant::now();
        yard.policy("p", json!({"actions": {RULE: action}, "default": "off"})).await;
        eventually("the policy", async || (treatment(&yard, &key, "m-openai").await == expect).then_some(())).await;
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    }
    let rule =
        json!({"name": "project_name", "pattern": "bluebird-[0-9]{3}", "mode": "enforce", "yes": ["bluebird-123"], "no": ["bluebird"]});
    let (status, answer) = yard.fluxa.admin("POST", "/admin/firewall/rules", rule).await;
    assert_eq!(status, 201, "{answer}");
    let (status, answer) = yard.fluxa.admin("PATCH", "/admin/firewall/rules/project_name", json!({"mode": "enforce"})).await;
    assert_eq!(status, 200, "{answer}");
    yard.policy("p", json!({"actions": {"project_name": "block"}, "default": "off"})).await;
    let since = Instant::now();
    eventually("the rule", async || {
        let (answer, _) = yard.ask(&key, &Client::Chat.says("m-openai", "about bluebird-777", false)).await;
        (answer.status == 400 && answer.text().contains("project_name")).then_some(())
    })
    .await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn observing_changes_not_a_byte_and_counts_what_would_have_been() {
    let yard = Yard::new(Setup::default()).await;
    yard.policy("watch", json!({"actions": {RULE: "block", "email": "mask"}, "default": "off", "observe_only": true})).await;
    let (open, watched) = (yard.fluxa.key(json!({})).await, yard.fluxa.key(json!({"firewall_policy": "watch"})).await);
    let text = format!("{SECRET} and {MAIL}");
    for client in CLIENTS {
        for kind in KINDS {
            for stream in [false, true] {
                let ask = client.says(&format!("m-{kind}"), &text, stream);
                let (plain, before) = yard.ask(&open, &ask).await;
                let (answer, sent) = yard.ask(&watched, &ask).await;
                let what = format!("{client:?} over {kind}, stream={stream}");
                assert_eq!(client.said(&answer), client.said(&plain), "{what}");
                assert_eq!(sent[0].body, before[0].body, "{what}");
                assert_eq!(answer.status, 200);
                let row = yard.fluxa.log_row(&answer.id()).await;
                // In the question and in its echo.
                let hits =
                    json!([{"rule": "email", "action": "would_mask", "count": 2}, {"rule": RULE, "action": "would_block", "count": 2}]);
                assert_eq!(row["firewall"], hits, "{what}");
                assert!(answer.header("x-fluxa-firewall").is_some_and(|found| found.contains("would_block;openai_key=")), "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a41_what_was_found_is_counted_everywhere_and_the_value_is_nowhere() {
    let setup = Setup::yaml("logging: { store_content: true }\n").flag("--log-level=trace");
    let mut yard = Yard::new(setup).await;
    let text = format!("{SECRET} and {MAIL}");
    for action in ["mask", "block", "pseudonym"] {
        let key = yard.key_that(action).await;
        for client in CLIENTS {
            for kind in ["openai", "anthropic", "gemini"] {
                for stream in [false, true] {
                    let mut ask = client.says(&format!("m-{kind}"), &text, stream);
                    let mut body: Value = serde_json::from_slice(&ask.body).expect("JSON");
                    match client {
                        Client::Gemini => {}
                        Client::Messages => body["metadata"] = json!({"user_id": text}),
                        Client::Chat | Client::Responses => body["user"] = json!(text),
                    }
                    ask.body = body.to_string().into_bytes();
                    ask.headers.push(("x-fluxa-tags", format!("note={SECRET}")));
                    let (answer, _) = yard.ask(&key, &ask).await;
                    assert_eq!(answer.status == 400, action == "block", "{}", answer.text());
                    let row = yard.fluxa.log_row(&answer.id()).await;
                    let shown = row.to_string();
                    assert!(!shown.contains(CORE) && !shown.contains(MAIL), "{action} {client:?}: {shown}");
                    assert!(row["firewall"].as_array().is_some_and(|hits| hits.iter().all(|hit| hit["action"] == action)), "{row}");
                }
            }
        }
    }
    let metrics = yard.fluxa.metrics().await;
    for line in [
        "fluxa_firewall_findings_total{rule=\"email\",action=\"mask\",direction=\"request\"}",
        "fluxa_firewall_findings_total{rule=\"openai_key\",action=\"block\",direction=\"request\"}",
        "fluxa_firewall_findings_total{rule=\"openai_key\",action=\"pseudonym\",direction=\"request\"}",
        "fluxa_firewall_blocked_total 24",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let logs = yard.fluxa.logs_text();
    assert!(logs.contains("the firewall found something"), "{logs}");
    yard.fluxa.terminate().await;
    let mut places = vec![(String::from("the log"), logs.into_bytes()), (String::from("the metrics"), metrics.into_bytes())];
    places.extend(yard.fluxa.kept().into_iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap_or_default())));
    for (place, bytes) in places {
        for value in [CORE, MAIL] {
            assert!(!bytes.windows(value.len()).any(|window| window == value.as_bytes()), "{value} in {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_is_told_of_alerts_and_blocks_without_the_value() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/hook?token=t", listener.local_addr().expect("its address"));
    let yard = Yard::new(Setup::yaml(&format!("firewall: {{ webhook: \"{address}\" }}\n"))).await;
    yard.policy("p", json!({"actions": {RULE: "block", "email": "alert"}, "default": "off"})).await;
    let key = yard.fluxa.issued(json!({"firewall_policy": "p"})).await;
    let (answer, _) =
        yard.ask(key["key"].as_str().expect("the secret"), &Client::Chat.says("m-openai", &format!("{SECRET} {MAIL}"), false)).await;
    assert_eq!(answer.status, 400);
    let (mut tcp, _) = tokio::time::timeout(crate::harness::PATIENCE, listener.accept()).await.expect("it is told").expect("a connection");
    let mut told = Vec::new();
    let notice: Value = loop {
        assert!(tcp.read_buf(&mut told).await.expect("bytes") > 0, "{}", String::from_utf8_lossy(&told));
        let text = String::from_utf8_lossy(&told).into_owned();
        if let Some(notice) = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok()) {
            break notice;
        }
    };
    tcp.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("it is answered");
    let text = String::from_utf8_lossy(&told).into_owned();
    assert!(text.starts_with("POST /hook?token=t HTTP/1.1\r\n") && !text.contains(CORE) && !text.contains(MAIL), "{text}");
    assert_eq!((&notice["key_id"], &notice["id"]), (&key["id"], &json!(answer.id())), "{notice}");
    let expect = json!([{"rule": "email", "action": "alert", "count": 1}, {"rule": RULE, "action": "block", "count": 1}]);
    assert_eq!(notice["rules"], expect);
    eventually("the count", async || yard.fluxa.metrics().await.contains("fluxa_firewall_webhook_sent_total 1").then_some(())).await;
}
