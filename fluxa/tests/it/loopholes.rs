//! Ways around a budget that were open once: each must be refused before a vendor hears of it.

use fluxa_loadtest::vendor::MockConfig;
use serde_json::{Value, json};

use crate::books::dear_lab;
use crate::harness::{Fluxa, Setup};
use crate::vendor::Vendor;

#[tokio::test]
async fn a_path_in_disguise_and_answers_said_elsewhere_cost_what_they_cost() {
    let lab = dear_lab(Setup::default(), MockConfig::default()).await;
    // Five cents: 250 tokens of an answer at most.
    let key = lab.fluxa.key(json!({"budget_usd_total": 0.05})).await;
    let chat = json!({"model": "dear", "max_tokens": 1_000, "messages": [{"role": "user", "content": "hi"}]});
    let contents = json!([{"role": "user", "parts": [{"text": "hi"}]}]);
    let gemini = |more: Value| crate::harness::with(json!({"contents": contents}), more);
    let checks = [
        ("/v1/chat/completions", chat.clone()),
        ("/v1/%63hat/completions", chat.clone()),
        ("/v1/chat/complet%69ons", chat),
        ("/v1/%72esponses", json!({"model": "dear", "max_output_tokens": 1_000, "input": "hi"})),
        ("/v1beta/models/dear:generateContent", gemini(json!({"n": 1, "generationConfig": {"maxOutputTokens": 100, "candidateCount": 8}}))),
        (
            "/v1beta/models/dear:generateContent",
            gemini(json!({"generationConfig": {"maxOutputTokens": 100, "candidateCount": 8, "candidate_count": 1}})),
        ),
        ("/v1beta/models/dear:%67enerateContent", gemini(json!({"generation_config": {"max_output_tokens": 1_000}}))),
    ];
    for (path, body) in checks {
        let answer = lab.fluxa.call(path, &key, &[], &body).await;
        assert_eq!(answer.status, 402, "{path} {body}: {}", answer.text());
    }
    assert!(lab.mock.requests().is_empty(), "{:?}", lab.mock.requests());
}

#[tokio::test]
async fn a_stream_made_of_a_whole_answer_can_be_gone_on_with() {
    let whole = json!({"id": "c", "object": "chat.completion", "model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 2},
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "blue"}}]});
    let vendor = Vendor::answering("application/json", &whole.to_string()).await;
    let fluxa = Fluxa::start(Setup::default()).await;
    // 01.AI speaks OpenAI's dialect, and has no responses.
    fluxa.provider("plain", "zero-one", &vendor.base_url(), json!({})).await;
    fluxa.route("m", json!({"provider": "plain"})).await;
    let key = fluxa.key(json!({})).await;
    for stream in [true, false] {
        let first = fluxa.call("/v1/responses", &key, &[], &json!({"model": "m", "input": "which colour?", "stream": stream})).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let response = if stream {
            let last: Value = serde_json::from_str(&first.events().pop().expect("an event")).expect("json");
            last["response"].clone()
        } else {
            first.json()
        };
        let next = json!({"model": "m", "input": "why?", "previous_response_id": response["id"]});
        let next = fluxa.call("/v1/responses", &key, &[], &next).await;
        assert_eq!(next.status, 200, "stream {stream}: {}", next.text());
        assert!(vendor.requests().pop().is_some_and(|request| request.contains("blue") && request.contains("which colour?")));
        // Another key knows nothing of it.
        let other = fluxa.key(json!({})).await;
        let stolen = json!({"model": "m", "input": "why?", "previous_response_id": response["id"]});
        let stolen = fluxa.call("/v1/responses", &other, &[], &stolen).await;
        assert_eq!((stolen.status, stolen.code().as_str()), (400, "previous_response_not_found"), "{}", stolen.text());
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_translated_is_paid_once_and_as_it_says() {
    let odd = json!({"id": "c", "object": "chat.completion", "model": "m", "usage": {"prompt_tokens": 30, "completion_tokens": 20},
        "choices": [{"index": 0, "finish_reason": "stop", "message": "no object"}]});
    let vendor = Vendor::answering("application/json", &odd.to_string()).await;
    let fluxa = Fluxa::start(Setup::default()).await;
    fluxa.provider("plain", "openai", &vendor.base_url(), json!({})).await;
    fluxa.route("m", json!({"provider": "plain", "retries": 2})).await;
    let key = fluxa.key(json!({})).await;
    let answer = fluxa.call("/v1/messages", &key, &[], &crate::harness::with(crate::harness::messages("hi"), json!({"model": "m"}))).await;
    assert_eq!((answer.status, vendor.accepted()), (502, 1), "{}", answer.text());
    let usage = &fluxa.log_row(&answer.id()).await["usage"];
    assert_eq!((usage["input_uncached"].as_u64(), usage["output"].as_u64()), (Some(30), Some(20)), "{usage}");
}

#[tokio::test]
async fn a_model_named_in_the_body_below_googles_paths_is_judged_like_any() {
    let mock = fluxa_loadtest::vendor::Mock::start(MockConfig::default()).await.expect("the mock starts");
    let fluxa = Fluxa::start(Setup::default()).await;
    fluxa.provider("gemini", "gemini", &format!("http://{}/v1beta", mock.addr()), json!({})).await;
    let key = fluxa.key(json!({"models": ["gemini-cheap"]})).await;
    for path in ["/v1beta/openai/chat/completions", "/v1beta/interactions", "/v1beta/cachedContents"] {
        let body = json!({"model": "gemini-dear", "messages": [{"role": "user", "content": "hi"}]});
        let answer = fluxa.call(path, &key, &[], &body).await;
        assert_eq!((answer.status, mock.requests().len()), (403, 0), "{path}: {}", answer.text());
    }
}
