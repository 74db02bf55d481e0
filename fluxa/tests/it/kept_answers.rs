//! Answers that are given again: free, logged, and only to those who may have them.

use fluxa_loadtest::vendor::{Mock, MockConfig};
use serde_json::{Value, json};

use crate::books::{body, eventually, key, patch_key, rows, used};
use crate::harness::{Setup, lab, with};

fn seen(mock: &Mock) -> u64 {
    mock.bill().requests
}

#[tokio::test]
async fn the_same_question_costs_once() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let key = key(&lab.fluxa, json!({"cache": {"ttl_s": 600}, "budget_usd_total": 1})).await;
    for (path, model) in [("/v1/chat/completions", "gpt-4o"), ("/v1/messages", "claude-sonnet-4-5")] {
        for stream in [false, true] {
            lab.mock.clear();
            let question = body(model, json!({"stream": stream, "max_tokens": 40}));
            let first = lab.fluxa.call(path, &key.secret, &[], &question).await;
            assert_eq!((first.status, first.header("x-fluxa-cache")), (200, Some("miss")));
            // What is spent is told by the ledger, too: its row is there.
            lab.fluxa.log_row(&first.id()).await;
            let spent = used(&lab.fluxa, &key).await;
            // Kept once its last byte has gone out.
            let again = eventually("the answer to be kept", async || {
                let again = lab.fluxa.call(path, &key.secret, &[], &question).await;
                assert_eq!(again.status, 200);
                (again.header("x-fluxa-cache") == Some("hit")).then_some(again)
            })
            .await;
            assert_eq!(again.text(), first.text(), "byte for byte");
            assert_eq!(
                again.header("content-type").map(|t| t.split(';').next().unwrap().to_owned()),
                first.header("content-type").map(|t| t.split(';').next().unwrap().to_owned())
            );
            assert_eq!((again.header("x-fluxa-attempts"), again.header("x-fluxa-cost-usd")), (Some("0"), Some("0")));
            assert_eq!(seen(&lab.mock), 1, "asked once");
            let row = lab.fluxa.log_row(&again.id()).await;
            assert_eq!(used(&lab.fluxa, &key).await, spent, "a hit costs nothing");
            assert_eq!((&row["cached"], &row["cost_nanos"], &row["status"]), (&json!(true), &json!(0), &json!(200)), "{row}");
            let other = lab.fluxa.call(path, &key.secret, &[], &with(question, json!({"temperature": 0.5}))).await;
            assert_eq!(other.header("x-fluxa-cache"), Some("miss"), "another question");
            lab.fluxa.log_row(&other.id()).await;
        }
    }
}

#[tokio::test]
async fn clients_may_refuse_what_was_kept() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let key = key(&lab.fluxa, json!({"cache": {"ttl_s": 600}})).await;
    let question = body("gpt-4o", json!({}));
    let ask = async |control: &str| {
        let answer = lab.fluxa.call("/v1/chat/completions", &key.secret, &[("cache-control", control)], &question).await;
        (answer.status, answer.header("x-fluxa-cache").unwrap_or_default().to_owned())
    };
    let said = |word: &str| (200, word.to_owned());
    assert_eq!(ask("no-store").await, said("bypass"));
    assert_eq!(ask("max-age=60").await, said("miss"), "no-store kept nothing");
    assert_eq!(ask("max-age=60").await, said("hit"));
    assert_eq!(ask("no-cache").await, said("miss"), "a fresh one");
    assert_eq!(ask("no-store").await, said("bypass"));
    assert_eq!(seen(&lab.mock), 4);
}

#[tokio::test]
async fn keys_share_only_what_their_team_shares() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let (status, answer) = lab.fluxa.admin("POST", "/admin/teams", json!({"name": "red", "cache": {"ttl_s": 60, "shared": "team"}})).await;
    assert_eq!(status, 201, "{answer}");
    let question = body("gpt-4o", json!({}));
    let ask = async |secret: &str| {
        let answer = lab.fluxa.call("/v1/chat/completions", secret, &[], &question).await;
        assert_eq!(answer.status, 200);
        answer.header("x-fluxa-cache").map(str::to_owned)
    };
    let [a, b] = [key(&lab.fluxa, json!({"team": "red"})).await, key(&lab.fluxa, json!({"team": "red"})).await];
    let alone = key(&lab.fluxa, json!({"cache": {"ttl_s": 60}, "team": "red"})).await;
    assert_eq!(ask(&a.secret).await.as_deref(), Some("miss"));
    assert_eq!(ask(&b.secret).await.as_deref(), Some("hit"), "one team");
    assert_eq!(ask(&alone.secret).await.as_deref(), Some("miss"), "its own rule counts");
    assert_eq!(ask(&lab.key).await, None, "nobody asked for it");
    patch_key(&lab.fluxa, &a, json!({"models": ["other"]})).await;
    let refused = lab.fluxa.call("/v1/chat/completions", &a.secret, &[], &question).await;
    assert_eq!(refused.status, 403, "what was kept opens no door");
}

#[tokio::test]
async fn only_whole_good_answers_are_kept() {
    let lab = lab(Setup::default(), MockConfig { status: 400, ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({"cache": {"ttl_s": 600}})).await;
    let ask = async |stream: bool| {
        let question = body("gpt-4o", json!({"stream": stream}));
        let answer = lab.fluxa.call("/v1/chat/completions", &key.secret, &[], &question).await;
        answer.header("x-fluxa-cache").map(str::to_owned)
    };
    assert_ne!(ask(false).await.as_deref(), Some("hit"));
    assert_ne!(ask(false).await.as_deref(), Some("hit"), "an error is no answer");
    lab.mock.set(|config| {
        config.status = 200;
        config.abort_after_bytes = Some(700);
    });
    for _ in 0..2 {
        assert_eq!(ask(true).await.as_deref(), Some("miss"), "half a stream is none either");
    }
    lab.mock.set(|config| config.abort_after_bytes = None);
    assert_eq!(ask(true).await.as_deref(), Some("miss"));
    assert_eq!(ask(true).await.as_deref(), Some("hit"));
    let all = rows(&lab.fluxa, &key, 6).await;
    assert_eq!(all.iter().filter(|row| row["cached"] == true).count(), 1, "{all:#?}");
    assert!(all.iter().all(|row| row["request_body"] == Value::Null));
}

#[tokio::test]
async fn what_was_kept_is_a_request_and_no_tokens() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let limits =
        json!({"cache": {"ttl_s": 600}, "rate_limit_rpm": 4, "rate_limit_tpm": 100_000, "max_concurrency": 1, "budget_usd_total": 1});
    let key = key(&lab.fluxa, limits).await;
    let question = body("gpt-4o", json!({}));
    let mut left = Vec::new();
    for _ in 0..4 {
        let answer = lab.fluxa.call("/v1/chat/completions", &key.secret, &[], &question).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        left.push((
            answer.header("x-fluxa-cache").unwrap_or_default().to_owned(),
            answer.header("x-ratelimit-remaining-requests").unwrap_or_default().to_owned(),
        ));
        lab.fluxa.log_row(&answer.id()).await;
    }
    let expect = [("miss", "3"), ("hit", "2"), ("hit", "1"), ("hit", "0")].map(|(found, left)| (found.to_owned(), left.to_owned()));
    assert_eq!(left, expect);
    let refused = lab.fluxa.call("/v1/chat/completions", &key.secret, &[], &question).await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining-requests")), (429, Some("0")), "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(seen(&lab.mock), 1);
}
