//! Changes of the configuration while calls run: in force for the next call, unnoticed by those under way.

use fluxa_loadtest::vendor::{Mock, MockConfig};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::books::{ask, body, eventually, key, open, read_texts};
use crate::harness::{Fluxa, Setup, lab};

async fn patch_provider(fluxa: &Fluxa, name: &str, change: Value) {
    let (status, answer) = fluxa.admin("PATCH", &format!("/admin/providers/{name}"), change).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn a_changed_provider_gets_the_next_call_and_the_running_stream_stays_where_it_was() {
    let lab = lab(Setup::default(), MockConfig { events: Some(40), interval_ms: 10, ..MockConfig::default() }).await;
    let other = Mock::start(MockConfig::default()).await.unwrap();
    let key = key(&lab.fluxa, json!({})).await;
    let call = body("gpt-4o", json!({}));
    let mut stream = open(&lab.fluxa, &key, &body("gpt-4o", json!({"stream": true}))).await;
    assert!(read_texts(&mut stream, 2).await);

    patch_provider(&lab.fluxa, "openai", json!({"base_url": other.base_url(), "api_key": "sk-the-other"})).await;
    assert_eq!(ask(&lab.fluxa, &key, &call).await.status, 200);
    assert_eq!((lab.mock.bill().requests, other.bill().requests), (1, 1));
    assert_eq!(other.requests()[0].auth.as_deref(), Some("Bearer sk-the-other"));

    patch_provider(&lab.fluxa, "openai", json!({"enabled": false})).await;
    let refused = ask(&lab.fluxa, &key, &call).await;
    assert!(refused.status >= 400 && refused.text().contains("openai"), "{refused:?}");
    let (status, _) = lab.fluxa.admin("DELETE", "/admin/providers/openai", Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(ask(&lab.fluxa, &key, &call).await.status, 404);
    assert_eq!((lab.mock.bill().requests, other.bill().requests), (1, 1));

    let ended = stream.rest().await;
    assert!(ended.complete && ended.events().last().map(String::as_str) == Some("[DONE]"), "{ended:?}");
    let row = lab.fluxa.log_row(&ended.id()).await;
    assert_eq!((&row["provider"], &row["usage"]["output"], &row["cost_state"]), (&json!("openai"), &json!(40), &json!("exact")), "{row}");
}

#[tokio::test]
async fn a_changed_route_is_in_force_with_the_next_call() {
    let lab = lab(Setup::default(), MockConfig::default()).await;
    let other = Mock::start(MockConfig::default()).await.unwrap();
    lab.fluxa.provider("other", "openai", &other.base_url(), json!({})).await;
    let key = key(&lab.fluxa, json!({})).await;
    let call = body("gpt-4o", json!({}));
    for (to, expect) in [("other", (0, 1)), ("openai", (1, 1)), ("other", (1, 2))] {
        lab.fluxa.route("gpt-4o", json!(to)).await;
        let answer = ask(&lab.fluxa, &key, &call).await;
        assert_eq!((answer.status, answer.header("x-fluxa-provider")), (200, Some(to)));
        assert_eq!((lab.mock.bill().requests, other.bill().requests), expect);
    }
    let (status, problem) = lab.fluxa.admin("DELETE", "/admin/providers/other", Value::Null).await;
    assert_eq!(status, 409, "a route still names it: {problem}");
    let (status, _) = lab.fluxa.admin("DELETE", "/admin/routes/gpt-4o", Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(ask(&lab.fluxa, &key, &call).await.header("x-fluxa-provider"), Some("openai"), "by the price table again");
    let (status, _) = lab.fluxa.admin("DELETE", "/admin/providers/other", Value::Null).await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn a_hang_up_reloads_and_drops_nothing() {
    let lab = lab(Setup::default(), MockConfig { events: Some(60), interval_ms: 10, ..MockConfig::default() }).await;
    let key = key(&lab.fluxa, json!({})).await;
    let mut stream = open(&lab.fluxa, &key, &body("gpt-4o", json!({"stream": true}))).await;
    assert!(read_texts(&mut stream, 2).await);
    let count = |text: &str| text.matches("configuration read again").count();
    for times in 1..=3 {
        lab.fluxa.signal("HUP");
        eventually("the reload", async || (count(&lab.fluxa.logs_text()) == times).then_some(())).await;
        assert_eq!(lab.fluxa.get("/readyz").await.status, 200);
    }
    let (status, answer) = lab.fluxa.admin("POST", "/admin/reload", json!({})).await;
    assert_eq!((status, &answer["reloaded"]), (200, &json!(true)), "{answer}");
    assert_eq!(ask(&lab.fluxa, &key, &body("gpt-4o", json!({}))).await.status, 200);
    assert!(stream.rest().await.complete);
}

#[tokio::test]
async fn calls_under_a_storm_of_changes_all_succeed() {
    let lab = lab(Setup::default(), MockConfig { events: Some(3), ..MockConfig::default() }).await;
    let other = Mock::start(MockConfig { events: Some(3), ..MockConfig::default() }).await.unwrap();
    lab.fluxa.provider("other", "openai", &other.base_url(), json!({})).await;
    lab.fluxa.route("gpt-4o", json!("openai")).await;
    let key = key(&lab.fluxa, json!({"budget_usd_total": 100})).await;
    let fluxa = &lab.fluxa;
    let storm = async {
        for n in 0..40 {
            fluxa.route("gpt-4o", json!({"provider": if n % 2 == 0 { "other" } else { "openai" }, "retries": 0})).await;
            patch_provider(fluxa, "other", json!({"headers": {"x-turn": n.to_string()}})).await;
            crate::books::patch_key(fluxa, &key, json!({"tags": {"turn": n.to_string()}})).await;
        }
    };
    let calls = join_all((0..8).map(|client| {
        let key = &key;
        async move {
            for n in 0..20 {
                let answer = ask(fluxa, key, &body("gpt-4o", json!({"stream": (n + client) % 2 == 0}))).await;
                assert!(answer.status == 200 && answer.complete, "{answer:?}");
            }
        }
    }));
    futures_util::future::join(storm, calls).await;
    let rows = crate::books::rows(fluxa, &key, 160).await;
    assert_eq!(lab.mock.bill().requests + other.bill().requests, 160);
    assert_eq!(crate::books::used(fluxa, &key).await[..2], [crate::books::cost(&rows), 0]);
}
