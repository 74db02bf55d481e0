//! Labels that requests bring, as rows and reports show them.

use std::collections::BTreeMap;

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::harness::{Setup, chat, lab, messages, with};

#[tokio::test]
async fn a_row_carries_the_labels_of_its_key_of_its_request_and_its_end_user() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let key = lab.fluxa.key(json!({"team": "red", "tags": {"app": "key", "stage": "test"}})).await;
    let body = json!({"user": "anna", "metadata": {"tags": ["feature=search", "app=body"]}});
    let calls = [
        ("/v1/chat/completions", with(chat("hi"), json!({})), "", json!({"app": "key", "stage": "test"})),
        (
            "/v1/chat/completions",
            with(chat("hi"), body.clone()),
            "",
            json!({"app": "body", "stage": "test", "user": "anna", "feature": "search"}),
        ),
        (
            "/v1/chat/completions",
            with(chat("hi"), body),
            "app=header, beta",
            json!({"app": "header", "stage": "test", "user": "anna", "feature": "search", "beta": "true"}),
        ),
        (
            "/v1/messages",
            with(messages("hi"), json!({"metadata": {"user_id": "u-7"}})),
            "job = nightly run",
            json!({"app": "key", "stage": "test", "user": "u-7", "job": "nightly run"}),
        ),
    ];
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (path, body, header, expect) in &calls {
        let headers = [("x-fluxa-tags", *header)];
        let answer = lab.fluxa.call(path, &key, if header.is_empty() { &[] } else { &headers }, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let row = lab.fluxa.log_row(answer.header("x-fluxa-id").expect("an id")).await;
        assert_eq!(&row["tags"], expect, "{row}");
        for (name, value) in expect.as_object().expect("tags") {
            *sums.entry(format!("{name}={}", value.as_str().unwrap_or_default())).or_default() += 1;
        }
    }
    let (status, usage) = lab.fluxa.admin("GET", "/admin/usage?group_by=tag", Value::Null).await;
    assert_eq!(status, 200, "{usage}");
    let data = usage["data"].as_array().expect("data");
    let reported: BTreeMap<String, u64> =
        data.iter().map(|row| (row["group"].as_str().unwrap_or_default().to_owned(), row["requests"].as_u64().unwrap_or(0))).collect();
    assert_eq!(reported, sums, "{usage}");
}

#[tokio::test]
async fn a_malformed_header_is_named_and_a_vendors_own_metadata_is_the_vendors() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    for bad in ["=x", "a b!=1", &"x,".repeat(3).replace('x', &"n".repeat(65)), &(0..17).map(|n| format!("t{n},")).collect::<String>()] {
        for (path, body) in crate::harness::dialects() {
            let answer = lab.fluxa.call(path, &lab.key, &[("x-fluxa-tags", bad)], &body).await;
            assert_eq!(answer.status, 400, "{bad}: {answer:?}");
            assert!(answer.text().contains("x-fluxa-tags") && answer.text().contains("invalid_request"), "{bad}: {answer:?}");
        }
    }
    for odd in [json!({"metadata": {"tags": "text"}}), json!({"metadata": {"tags": [1, null]}}), json!({"metadata": null, "user": 7})] {
        let answer = lab.fluxa.call("/v1/chat/completions", &lab.key, &[], &with(chat("hi"), odd)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let row = lab.fluxa.log_row(answer.header("x-fluxa-id").expect("an id")).await;
        assert!(row["tags"].as_object().is_none_or(serde_json::Map::is_empty), "{row}");
    }
}
