//! Teams and organisations over HTTP: whose limit refuses is named, all keys share it, and a change is in force at once.

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::books::{Key, ask, body, cost, dear_lab, eventually, key, number, quiet, rows};
use crate::harness::{Answer, Fluxa, Lab, Setup};

/// A hundred tokens of the dear model are two cents.
async fn two_cent_lab() -> Lab {
    dear_lab(Setup::default(), MockConfig { events: Some(100), burst: true, ..MockConfig::default() }).await
}

/// A call that costs two cents and a little.
fn call(model: &str) -> Value {
    body(model, json!({"max_tokens": 100}))
}

async fn made(fluxa: &Fluxa, what: &str, record: Value) {
    let (status, answer) = fluxa.admin("POST", &format!("/admin/{what}"), record).await;
    assert_eq!(status, 201, "{answer}");
}

async fn patched(fluxa: &Fluxa, path: &str, change: Value) {
    let (status, answer) = fluxa.admin("PATCH", path, change).await;
    assert_eq!(status, 200, "{answer}");
}

/// What a team or an organisation used and has reserved in its lifetime, in nano-dollars.
async fn used(fluxa: &Fluxa, path: &str) -> [i64; 2] {
    let (status, shown) = fluxa.admin("GET", path, Value::Null).await;
    assert_eq!(status, 200, "{shown}");
    let spend = shown["spend"].as_array().unwrap_or_else(|| panic!("no spend: {shown}"));
    let total = spend.iter().find(|row| row["period"] == "total").unwrap_or_else(|| panic!("no total: {shown}"));
    ["used_usd_nanos", "reserved_usd_nanos"].map(|name| number(&total[name]))
}

/// Two keys in turn, until one is refused: whose turn it was, and its answer.
async fn until_refused(fluxa: &Fluxa, keys: [&Key; 2]) -> (usize, Answer) {
    for turn in 0..20 {
        let answer = ask(fluxa, keys[turn % 2], &call("dear")).await;
        if answer.status != 200 {
            return (turn, answer);
        }
    }
    panic!("nothing was refused");
}

#[tokio::test]
async fn two_keys_share_the_budget_of_their_team() {
    let lab = two_cent_lab().await;
    made(&lab.fluxa, "teams", json!({"name": "red", "budget_usd_total": 0.05})).await;
    let (first, second) = (key(&lab.fluxa, json!({"team": "red"})).await, key(&lab.fluxa, json!({"team": "red"})).await);
    let stranger = key(&lab.fluxa, json!({})).await;
    let (turn, refused) = until_refused(&lab.fluxa, [&first, &second]).await;
    assert_eq!((turn, refused.status, refused.code().as_str()), (2, 402, "budget_exceeded"), "two calls fit, one of each key");
    assert!(refused.text().contains("team \\\"red\\\""), "{}", refused.text());
    assert_eq!(ask(&lab.fluxa, &second, &call("dear")).await.status, 402, "the other key is refused as well");
    assert_eq!(ask(&lab.fluxa, &stranger, &call("dear")).await.status, 200, "others are not");

    let spent = cost(&rows(&lab.fluxa, &first, 2).await) + cost(&rows(&lab.fluxa, &second, 2).await);
    assert_eq!(used(&lab.fluxa, "/admin/teams/red").await, [spent, 0]);
    patched(&lab.fluxa, "/admin/teams/red", json!({"budget_usd_total": 1})).await;
    eventually("the higher budget is in force", async || (ask(&lab.fluxa, &first, &call("dear")).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn teams_share_the_budget_of_their_organization() {
    let lab = two_cent_lab().await;
    made(&lab.fluxa, "organizations", json!({"name": "acme", "budget_usd_total": 0.05})).await;
    for team in ["red", "blue"] {
        made(&lab.fluxa, "teams", json!({"name": team, "organization": "acme", "budget_usd_total": 1})).await;
    }
    let (red, blue) = (key(&lab.fluxa, json!({"team": "red"})).await, key(&lab.fluxa, json!({"team": "blue"})).await);
    let (turn, refused) = until_refused(&lab.fluxa, [&red, &blue]).await;
    assert_eq!((turn, refused.status, refused.code().as_str()), (2, 402, "budget_exceeded"));
    assert!(refused.text().contains("organization \\\"acme\\\""), "{}", refused.text());

    let spent = cost(&rows(&lab.fluxa, &red, 2).await) + cost(&rows(&lab.fluxa, &blue, 1).await);
    assert_eq!(used(&lab.fluxa, "/admin/organizations/acme").await, [spent, 0]);
    let rows = rows(&lab.fluxa, &blue, 1).await;
    assert_eq!((&rows[0]["organization"], &rows[0]["team"]), (&json!("acme"), &json!("blue")));
}

#[tokio::test]
async fn a_limit_of_a_model_refuses_that_model_only() {
    let lab = two_cent_lab().await;
    let key = key(&lab.fluxa, json!({"model_limits": {"dear": {"rate_limit_rpm": 1}, "dear-c*": {"budget_usd_total": 0.000001}}})).await;
    assert_eq!(ask(&lab.fluxa, &key, &call("dear")).await.status, 200);
    let refused = ask(&lab.fluxa, &key, &call("dear")).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limit_exceeded"), "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    let refused = ask(&lab.fluxa, &key, &call("dear-claude")).await;
    assert_eq!(refused.status, 402, "{}", refused.text());
    assert!(refused.text().contains("dear-c*"), "{}", refused.text());
    assert_eq!(ask(&lab.fluxa, &key, &call("gpt-4o")).await.status, 200, "a model without limits of its own");
}

#[tokio::test]
async fn a_disabled_team_refuses_and_an_enabled_one_serves_again() {
    let lab = two_cent_lab().await;
    made(&lab.fluxa, "organizations", json!({"name": "acme"})).await;
    made(&lab.fluxa, "teams", json!({"name": "red", "organization": "acme"})).await;
    let key = key(&lab.fluxa, json!({"team": "red"})).await;
    for (path, what) in [("/admin/teams/red", "team"), ("/admin/organizations/acme", "organization")] {
        assert_eq!(ask(&lab.fluxa, &key, &call("gpt-4o")).await.status, 200);
        patched(&lab.fluxa, path, json!({"enabled": false})).await;
        let refused =
            eventually("a refusal", async || Some(ask(&lab.fluxa, &key, &call("gpt-4o")).await).filter(|a| a.status != 200)).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"));
        assert!(refused.text().contains(&format!("{what} is disabled")), "{}", refused.text());
        patched(&lab.fluxa, path, json!({"enabled": true})).await;
        eventually("service", async || (ask(&lab.fluxa, &key, &call("gpt-4o")).await.status == 200).then_some(())).await;
    }
}

#[tokio::test]
async fn usage_is_told_by_organization_and_user() {
    let lab = two_cent_lab().await;
    made(&lab.fluxa, "organizations", json!({"name": "acme"})).await;
    made(&lab.fluxa, "teams", json!({"name": "red", "organization": "acme", "tags": {"floor": "3"}})).await;
    let (red, other) = (key(&lab.fluxa, json!({"team": "red"})).await, key(&lab.fluxa, json!({"team": "a label"})).await);
    for user in ["ann", "bob", "ann"] {
        let named = body("gpt-4o", json!({"max_tokens": 100, "user": user}));
        assert_eq!(ask(&lab.fluxa, &red, &named).await.status, 200);
    }
    assert_eq!(ask(&lab.fluxa, &other, &call("gpt-4o")).await.status, 200);
    quiet(&lab.fluxa).await;
    let sums = async |group: &str| {
        let (status, answer) = lab.fluxa.admin("GET", &format!("/admin/usage?group_by={group}"), Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        let rows = answer["data"].as_array().expect("data");
        rows.iter().map(|row| (row["group"].as_str().expect("a group").to_owned(), number(&row["requests"]))).collect::<Vec<_>>()
    };
    let expect = |groups: &[(&str, i64)]| groups.iter().map(|(group, count)| ((*group).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(sums("organization").await, expect(&[("acme", 3), ("default", 1)]));
    assert_eq!(sums("user").await, expect(&[("ann", 2), ("bob", 1)]));
    assert_eq!(sums("tag:floor").await, expect(&[("3", 3)]), "tags of the team");
}
