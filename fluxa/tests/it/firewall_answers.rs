//! What comes back: masked whole and in pieces, stand-ins turned into values again, and answers that may not be passed on.

use serde_json::json;

use crate::books::eventually;
use crate::firewall::{Ask, CLIENTS, CORE, Client, KINDS, MAIL, RULE, SECRET, Yard, got};
use crate::harness::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_vendor_lets_slip_is_masked_whole_and_however_the_stream_is_cut() {
    let yard = Yard::new(Setup::default()).await;
    let (open, masked) = (yard.fluxa.key(json!({})).await, yard.key_that("mask").await);
    for cut in [0, 1, 5, 17] {
        yard.mock.set(|config| {
            config.answer = Some(format!("the key is {SECRET}, ask {MAIL} twice: {MAIL}; {}", "日本語 and so on. ".repeat(4)));
            config.cut_chars = cut;
        });
        for client in CLIENTS {
            for kind in KINDS {
                for stream in [false, true] {
                    let what = format!("{client:?} over {kind}, stream={stream}, cut={cut}");
                    let ask = client.says(&format!("m-{kind}"), "hello", stream);
                    let (plain, _) = yard.ask(&open, &ask).await;
                    assert!(client.said(&plain).contains(SECRET), "{what}: {}", plain.text());
                    let (answer, _) = yard.ask(&masked, &ask).await;
                    let expect = client.said(&plain).replace(SECRET, "[OPENAI_KEY]").replace(MAIL, "[EMAIL]");
                    assert_eq!(client.said(&answer), expect, "{what}: {}", answer.text());
                    assert!(!answer.text().contains(CORE) && !answer.text().contains(MAIL), "{what}: {}", answer.text());
                    assert!(client.ended_well(&answer), "{what}: {}", answer.text());
                    let (plain, row) = (yard.fluxa.log_row(&plain.id()).await, yard.fluxa.log_row(&answer.id()).await);
                    for field in ["usage", "usage_state", "finish", "cost_nanos", "status"] {
                        assert_eq!(row[field], plain[field], "{what}: {field}");
                    }
                    let hits = json!([{"rule": "email", "action": "mask", "count": 2}, {"rule": RULE, "action": "mask", "count": 1}]);
                    assert_eq!(row["firewall"], hits, "{what}: counted once each");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stand_ins_go_out_and_values_come_back_whole_streamed_and_in_tool_calls() {
    let yard = Yard::new(Setup::default()).await;
    let key = yard.key_that("pseudonym").await;
    for cut in [0, 1, 4] {
        for client in CLIENTS {
            for kind in KINDS {
                for stream in [false, true] {
                    let what = format!("{client:?} over {kind}, stream={stream}, cut={cut}");
                    // The mock says what it is told.
                    yard.mock.set(|config| (config.cut_chars, config.tool) = (cut, false));
                    let text = format!("write to {MAIL} and to {MAIL} about it");
                    let (answer, sent) = yard.ask(&key, &client.says(&format!("m-{kind}"), &text, stream)).await;
                    assert_eq!(client.said(&answer), text, "{what}: {}", answer.text());
                    assert!(client.ended_well(&answer), "{what}: {}", answer.text());
                    assert!(
                        sent.iter().all(|record| !got(record, MAIL) && got(record, "<EMAIL_1>") && !got(record, "<EMAIL_2>")),
                        "{what}: {sent:?}"
                    );
                    yard.mock.set(|config| {
                        config.tool = true;
                        config.tool_arguments = r#"{"note":"to <EMAIL_1>, \"soon\""}"#.to_owned();
                    });
                    let (answer, _) = yard.ask(&key, &client.says_with_a_tool(&format!("m-{kind}"), &text, stream)).await;
                    assert_eq!(client.arguments(&answer), json!({"note": format!("to {MAIL}, \"soon\"")}), "{what}: {}", answer.text());
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_of_tool_calls_are_masked_and_stay_json() {
    let yard = Yard::new(Setup::default()).await;
    let key = yard.key_that("mask").await;
    yard.mock.set(|config| {
        config.tool = true;
        config.tool_arguments = json!({"note": format!("a \"{SECRET}\" \\ {MAIL}")}).to_string();
    });
    for client in CLIENTS {
        for kind in KINDS {
            for stream in [false, true] {
                let (answer, _) = yard.ask(&key, &client.says_with_a_tool(&format!("m-{kind}"), "go", stream)).await;
                let expect = json!({"note": "a \"[OPENAI_KEY]\" \\ [EMAIL]"});
                assert_eq!(client.arguments(&answer), expect, "{client:?} over {kind}, stream={stream}: {}", answer.text());
                assert!(!answer.text().contains(CORE), "{client:?} over {kind}: {}", answer.text());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_may_not_be_passed_on_is_refused_or_broken_off_and_charged() {
    let yard = Yard::new(Setup::default()).await;
    let key = yard.key_that("block").await;
    yard.mock.set(|config| {
        config.answer = Some(format!("{}the key is {SECRET} and more {}", "word ".repeat(30), "after ".repeat(30)));
        config.cut_chars = 7;
        config.interval_ms = 1;
    });
    for client in CLIENTS {
        for kind in KINDS {
            let what = format!("{client:?} over {kind}");
            let (answer, sent) = yard.ask(&key, &client.says(&format!("m-{kind}"), "hello", false)).await;
            assert_eq!((answer.status, sent.len()), (400, 1), "{what}: {}", answer.text());
            let told = answer.text();
            assert!(told.contains(RULE) && !told.contains(CORE) && !told.contains("word word"), "{what}: {told}");
            let row = yard.fluxa.log_row(&answer.id()).await;
            assert_eq!(
                (&row["status"], &row["error"], &row["usage_state"]),
                (&json!(400), &json!("content_blocked"), &json!("reported")),
                "{what}"
            );
            assert!(row["usage"]["output"].as_u64() > Some(0), "the vendor worked: {what}: {row}");

            let (answer, _) = yard.ask(&key, &client.says(&format!("m-{kind}"), "hello", true)).await;
            let told = answer.text();
            assert_eq!(answer.status, 200, "{what}: {told}");
            assert!(told.contains(RULE) && !told.contains(CORE) && !told.contains("after after"), "{what}: {told}");
            assert!(client.said(&answer).starts_with("word word"), "{what}: {told}");
            assert!(!client.ended_well(&answer), "{what}: {told}");
            let row = yard.fluxa.log_row(&answer.id()).await;
            assert_eq!((&row["error"], &row["client_closed"]), (&json!("content_blocked"), &json!(false)), "{what}: {row}");
            assert_eq!(row["firewall"], json!([{"rule": RULE, "action": "block", "count": 1}]), "{what}");
            yard.mock.until(|bill| bill.client_gone >= 1).await.expect("the vendor is left");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_what_the_client_got_and_other_rules_ask_anew() {
    let yard = Yard::new(Setup::default()).await;
    yard.policy("cautious", json!({"actions": {RULE: "mask"}, "default": "off"})).await;
    yard.policy("private", json!({"actions": {"email": "pseudonym"}, "direction": "request", "default": "off"})).await;
    let cached = |policy: &str| json!({"cache": {"ttl_s": 600}, "firewall_policy": policy});
    let key = yard.fluxa.key(cached("cautious")).await;
    yard.mock.set(|config| config.answer = Some(format!("it is {SECRET} indeed")));
    for stream in [false, true] {
        let ask = Client::Chat.says("m-openai", "which key?", stream);
        let (first, _) = yard.ask(&key, &ask).await;
        assert_eq!((Client::Chat.said(&first).as_str(), first.header("x-fluxa-cache")), ("it is [OPENAI_KEY] indeed", Some("miss")));
        let again = eventually("the answer to be kept", async || {
            let (again, _) = yard.ask(&key, &ask).await;
            (again.header("x-fluxa-cache") == Some("hit")).then_some(again)
        })
        .await;
        assert_eq!(again.text(), first.text());
    }
    yard.policy("cautious", json!({"actions": {RULE: {"action": "mask", "style": "last4"}}, "default": "off"})).await;
    let (other, sent) = eventually("the changed policy", async || {
        let asked = yard.ask(&key, &Client::Chat.says("m-openai", "which key?", false)).await;
        (asked.0.header("x-fluxa-cache") == Some("miss")).then_some(asked)
    })
    .await;
    assert!(sent.len() == 1 && !other.text().contains(CORE), "{}", other.text());

    // Two who ask the same but for what is hidden from the vendor get their own values.
    yard.mock.set(|config| config.answer = None);
    let key = yard.fluxa.key(cached("private")).await;
    for mail in [MAIL, "other.person@harbor-lights.net", MAIL] {
        let text = format!("say {mail}");
        let (answer, _) = yard.ask(&key, &Client::Chat.says("m-openai", &text, false)).await;
        assert_eq!(Client::Chat.said(&answer), text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_is_kept_here_goes_on_with_values_and_without_secrets() {
    let yard = Yard::new(Setup::default()).await;
    yard.policy("both", json!({"actions": {RULE: "mask", "email": "pseudonym"}, "default": "off"})).await;
    let key = yard.fluxa.key(json!({"firewall_policy": "both"})).await;
    for stream in [false, true] {
        let text = format!("I am {MAIL} and my key is {SECRET}");
        let (first, _) = yard.ask(&key, &Client::Responses.says("m-anthropic", &text, stream)).await;
        assert_eq!(Client::Responses.said(&first), format!("I am {MAIL} and my key is [OPENAI_KEY]"), "{}", first.text());
        let documents = Client::Responses.documents(&first);
        let id = documents
            .iter()
            .find_map(|document| document["response"]["id"].as_str().or(document["id"].as_str()))
            .expect("an id")
            .to_owned();
        let body = json!({"model": "m-anthropic", "input": "who am I?", "previous_response_id": id});
        let (second, sent) = yard.ask(&key, &Ask::json("", "/v1/responses", &body)).await;
        assert_eq!(second.status, 200, "{}", second.text());
        let sent = sent.last().expect("it was asked");
        assert!(got(sent, "<EMAIL_1>") && got(sent, "[OPENAI_KEY]") && !got(sent, MAIL) && !got(sent, CORE), "{sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_passes_text_is_read_and_an_answer_that_cannot_be_read_is_refused() {
    let yard = Yard::new(Setup::default()).await;
    let key = yard.key_that("mask").await;
    let speech = Ask::json("", "/v1/audio/speech", &json!({"model": "m-openai", "input": "hello", "voice": "a"}));
    let (answer, _) = yard.ask(&key, &speech).await;
    assert_eq!((answer.status, answer.header("content-type"), answer.body.len()), (200, Some("audio/mpeg"), 64));
    yard.mock.set(|config| config.garbage = true);
    let (answer, _) = yard.ask(&key, &Ask::get("/v1/files/file-1/content")).await;
    assert!(answer.status >= 400 || !answer.text().contains(CORE), "{answer:?}");
    yard.mock.set(|config| {
        config.garbage = false;
        (config.status, config.error_message) = (400, Some(format!("not with {SECRET}")));
    });
    for client in CLIENTS {
        for kind in KINDS {
            let (answer, _) = yard.ask(&key, &client.says(&format!("m-{kind}"), "hello", false)).await;
            assert!(answer.status == 400 && !answer.text().contains(CORE), "a vendor's error is an answer too: {}", answer.text());
        }
    }
}
