//! Texts and requests that are only tried.

use serde_json::{Value, json};

use super::policy;
use crate::harness::World;

const TEST: &str = "/admin/firewall/test";

async fn one(world: &World, body: Value) -> Value {
    world.post(TEST, body).await.expect(200)["results"][0].clone()
}

#[tokio::test]
async fn without_a_policy_every_rule_shows_its_own_wish() {
    let world = World::new().await;
    let text = "写信给 ann@example.com 吧";
    let reply = world.post(TEST, json!({ "texts": [text, "nothing here", ""] })).await.expect(200);
    let results = reply["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!((&results[0]["verdict"], &results[0]["text"]), (&json!("mask"), &json!("写信给 [EMAIL] 吧")));
    let finding = &results[0]["findings"][0];
    let start = text.find("ann").unwrap();
    assert_eq!((&finding["rule"], &finding["kind"], &finding["action"]), (&json!("email"), &json!("email"), &json!("mask")));
    assert_eq!((&finding["start"], &finding["end"]), (&json!(start), &json!(start + "ann@example.com".len())), "in bytes");
    for (result, text) in [(&results[1], "nothing here"), (&results[2], "")] {
        assert_eq!(*result, json!({ "verdict": "pass", "text": text, "findings": [] }));
    }
    assert_eq!(one(&world, json!({ "text": text })).await, results[0]);
}

#[tokio::test]
async fn a_policy_decides_by_name_or_given_whole() {
    let world = World::new().await;
    policy(&world, "strict", json!({ "email": "block" })).await;
    let text = "to ann@example.com, who is on leave until the end of the month and answers nothing before, or to bob@example.com";
    let blocked = one(&world, json!({ "text": text, "policy": "strict" })).await;
    assert_eq!(blocked["verdict"], "block");
    assert_eq!(blocked["findings"].as_array().unwrap().len(), 2);
    assert_eq!(blocked["findings"][0]["action"], "block");
    assert!(!blocked["text"].as_str().unwrap().contains("@example.com"), "{blocked}");
    let inline = |action: &str| json!({ "text": text, "policy": { "actions": { "pii": action } } });
    let pseudonym = one(&world, inline("pseudonym")).await;
    assert_eq!((&pseudonym["verdict"], &pseudonym["findings"][0]["action"]), (&json!("mask"), &json!("pseudonym")));
    assert!(
        pseudonym["text"].as_str().unwrap().contains("EMAIL_1") && pseudonym["text"].as_str().unwrap().contains("EMAIL_2"),
        "{pseudonym}"
    );
    for (action, shown) in [("alert", "alert"), ("observe", "observe")] {
        let result = one(&world, inline(action)).await;
        assert_eq!((&result["verdict"], &result["text"], &result["findings"][0]["action"]), (&json!("pass"), &json!(text), &json!(shown)));
    }
    let off = one(&world, json!({ "text": text, "policy": { "default": "block", "actions": { "email": "off" } } })).await;
    assert!(off["findings"].as_array().unwrap().iter().all(|finding| finding["rule"] != "email"), "{off}");
    let observed = one(&world, json!({ "text": text, "policy": { "actions": { "email": "block" }, "observe_only": true } })).await;
    assert_eq!((&observed["verdict"], &observed["text"]), (&json!("pass"), &json!(text)));
    assert_eq!((&observed["findings"][0]["action"], &observed["findings"][0]["would"]), (&json!("observe"), &json!("block")));
}

#[tokio::test]
async fn a_policy_holds_for_its_direction() {
    let world = World::new().await;
    let body = |policy: &str, way: Value| {
        let mut body = json!({ "text": "ann@example.com", "policy": { "direction": policy, "actions": { "email": "mask" } } });
        if way != Value::Null {
            body["direction"] = way;
        }
        body
    };
    for (policy, way, verdict) in [
        ("both", json!("request"), "mask"),
        ("both", json!("response"), "mask"),
        ("request", json!("response"), "pass"),
        ("response", json!("request"), "pass"),
        ("response", Value::Null, "mask"),
        ("request", Value::Null, "mask"),
    ] {
        assert_eq!(one(&world, body(policy, way.clone())).await["verdict"], verdict, "{policy} {way}");
    }
}

#[tokio::test]
async fn a_request_is_tried_text_by_text_and_stays_valid() {
    let world = World::new().await;
    let request = r#"{"model":"m","temperature":1.50,"messages":[{"role":"user","content":"I am ann@example.com"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"send","arguments":"{\"to\":\"ann@example.com\",\"n\":1}"}}]}]}"#;
    let body = format!(r#"{{"request":{request},"policy":{{"actions":{{"email":"pseudonym"}}}}}}"#);
    let reply = world.send("POST", TEST, &body).await;
    let result = &reply.expect(200)["results"][0];
    assert!(reply.text.contains(r#""temperature":1.50"#), "numbers stay as they were written: {}", reply.text);
    assert_eq!(result["verdict"], "mask");
    let paths: Vec<&str> = result["findings"].as_array().unwrap().iter().map(|finding| finding["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/messages/0/content", "/messages/1/tool_calls/0/function/arguments"]);
    assert!(!result["request"].to_string().contains("ann@example.com"), "{result}");
    let arguments = result["request"]["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    let content = result["request"]["messages"][0]["content"].as_str().unwrap();
    assert!(content.ends_with(arguments["to"].as_str().unwrap()), "one value, one stand-in: {content} {arguments}");
    let same = one(&world, json!({ "request": { "messages": [{ "content": "hello" }] } })).await;
    assert_eq!(same, json!({ "verdict": "pass", "request": { "messages": [{ "content": "hello" }] }, "findings": [] }));
}

#[tokio::test]
async fn a_request_is_looked_at_where_the_gateway_looks() {
    let world = World::new().await;
    let request = json!({
        "metadata": { "ann@example.com": "a", "phone": 13_812_345_678_u64, "size": 12 },
        "seed": 13_812_345_678_u64,
        "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "data:text/plain;base64,bWFpbCBhbm5AZXhhbXBsZS5jb20=" } }] }],
    });
    let policy = json!({ "actions": { "email": "mask", "cn_mobile": "mask" }, "default": "off" });
    let result = one(&world, json!({ "request": request, "policy": policy })).await;
    let places: Vec<(&Value, &Value)> =
        result["findings"].as_array().unwrap().iter().map(|finding| (&finding["path"], &finding["in"])).collect();
    let (name, none) = (json!("name"), Value::Null);
    assert_eq!(
        places,
        [
            (&json!("/metadata/ann@example.com"), &name),
            (&json!("/metadata/phone"), &none),
            (&json!("/messages/0/content/0/image_url/url"), &none),
        ]
    );
    assert_eq!(result["request"]["metadata"], json!({ "[EMAIL]": "a", "phone": "[CN_MOBILE]", "size": 12 }));
    assert_eq!(result["request"]["seed"], request["seed"]);
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused_by_name() {
    let world = World::new().await;
    for (body, fields) in [
        (json!({}), &["texts"][..]),
        (json!({ "texts": "a" }), &["texts"]),
        (json!({ "texts": ["a", 1] }), &["texts[1]"]),
        (json!({ "texts": vec!["a"; 201] }), &["texts"]),
        (json!({ "texts": ["a"], "text": "b" }), &["texts"]),
        (json!({ "request": "a" }), &["request"]),
        (json!({ "text": "a", "policy": "nobody" }), &["policy"]),
        (json!({ "text": "a", "policy": 1 }), &["policy"]),
        (json!({ "text": "a", "policy": { "actions": { "nobody_knows": "mask" } } }), &["policy.actions.nobody_knows"]),
        (json!({ "text": "a", "policy": { "acts": {} } }), &["policy.acts"]),
        (json!({ "text": "a", "direction": "both" }), &["direction"]),
        (json!({ "text": "a", "polcy": "x" }), &["polcy"]),
    ] {
        assert_eq!(world.post(TEST, body.clone()).await.faults(), fields, "{}", body.to_string().chars().take(80).collect::<String>());
    }
    let half = "a ".repeat(140_000);
    world.post(TEST, json!({ "texts": [half, half] })).await.expect(413);
    let most = world.post(TEST, json!({ "texts": vec!["ann@example.com"; 200] })).await.expect(200);
    assert_eq!(most["results"].as_array().unwrap().len(), 200);
    assert_eq!(world.store.revision().await.unwrap().0, 0, "nothing is kept");
}
