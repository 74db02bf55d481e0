//! The mock's dialects: the shapes and the order of events that the vendors' own documents give.

use fluxa_loadtest::vendor::Dialect;
use serde_json::{Value, json};

use crate::harness::{ask, chat, get, messages, mock, post_with};

#[tokio::test]
async fn a_chat_answer_echoes_the_user_and_counts_its_words() {
    let mock = mock().await;
    let got = chat(&mock, "", ask("hello \"big\" world", json!({}))).await.json();
    assert_eq!(got["choices"][0]["message"]["content"], "hello \"big\" world");
    assert_eq!(got["choices"][0]["finish_reason"], "stop");
    assert_eq!(got["object"], "chat.completion");
    assert_eq!(got["usage"]["completion_tokens"], 3);
    let bill = mock.bill();
    assert_eq!(got["usage"]["prompt_tokens"], bill.prompt_tokens);
    assert_eq!((bill.requests, bill.completion_tokens, bill.finished, bill.client_gone), (1, 3, 1, 0));
    let record = &mock.requests()[0];
    assert_eq!((record.dialect, record.model.as_str(), record.auth.as_deref()), (Dialect::OpenAi, "gpt-4o", Some("Bearer sk-test")));
    assert_eq!((record.path.as_str(), record.status, record.finished), ("/v1/chat/completions", 200, true));
    assert_eq!(record.header("content-type"), Some("application/json"));
    assert_eq!(record.body.len(), record.body_bytes);
}

#[tokio::test]
async fn a_chat_stream_has_role_text_finish_usage_and_done_in_this_order() {
    let mock = mock().await;
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
    let got = chat(&mock, "cached_tokens=2;prompt_tokens=9", ask("one two three", asked)).await;
    assert_eq!(got.events().last().unwrap().1, "[DONE]");
    let chunks = got.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": "", "refusal": null}));
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "one two three");
    let [before @ .., finish, usage] = chunks.as_slice() else { panic!("too few: {}", got.text()) };
    assert!(before.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    assert_eq!((&finish["choices"][0]["finish_reason"], &finish["choices"][0]["delta"]), (&json!("stop"), &json!({})));
    assert_eq!(usage["choices"], json!([]));
    assert_eq!((&usage["usage"]["prompt_tokens"], &usage["usage"]["completion_tokens"]), (&json!(9), &json!(3)));
    assert_eq!(usage["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
    for chunk in &chunks {
        assert_eq!((&chunk["id"], &chunk["created"], &chunk["model"]), (&chunks[0]["id"], &chunks[0]["created"], &json!("gpt-4o")));
        assert_eq!(chunk["object"], "chat.completion.chunk");
    }
}

#[tokio::test]
async fn a_stream_that_did_not_ask_for_usage_gets_none() {
    let mock = mock().await;
    for (options, asked, expect) in [
        ("", json!({"stream": true}), 0),
        ("usage=0", json!({"stream": true, "stream_options": {"include_usage": true}}), 0),
        ("usage_unasked=1", json!({"stream": true}), 1),
    ] {
        let chunks = chat(&mock, options, ask("one two", asked)).await.chunks();
        assert_eq!(chunks.iter().filter(|chunk| chunk["usage"].is_object()).count(), expect, "{options}");
        assert_eq!(chunks.iter().filter(|chunk| chunk["choices"] == json!([])).count(), expect, "{options}");
    }
    let whole = chat(&mock, "usage=0", ask("one", json!({}))).await.json();
    assert!(whole.get("usage").is_none());
    assert_eq!(mock.bill().completion_tokens, 2 + 2 + 2 + 1, "the bill counts what was sent, reported or not");
}

#[tokio::test]
async fn the_token_limit_cuts_the_answer_in_every_dialect() {
    let mock = mock().await;
    for field in ["max_tokens", "max_completion_tokens"] {
        let got = chat(&mock, "", ask("a b c d", json!({field: 2}))).await.json();
        assert_eq!(got["choices"][0]["message"]["content"], "a b");
        assert_eq!(got["choices"][0]["finish_reason"], "length");
    }
    let got = chat(&mock, "honour_max_tokens=0", ask("a b c d", json!({"max_tokens": 2}))).await.json();
    assert_eq!(got["choices"][0]["message"]["content"], "a b c d");
    let got = messages(&mock, "", ask("a b c d", json!({"max_tokens": 3}))).await.json();
    assert_eq!((&got["content"][0]["text"], &got["stop_reason"]), (&json!("a b c"), &json!("max_tokens")));
    let body = json!({"model": "gpt-4o", "input": "a b c d", "max_output_tokens": 1}).to_string();
    let got = post_with(&mock, "/v1/responses", &[], &body).await.json();
    assert_eq!((&got["status"], &got["output"][0]["content"][0]["text"]), (&json!("incomplete"), &json!("a")));
    assert_eq!(got["incomplete_details"]["reason"], "max_output_tokens");
}

#[tokio::test]
async fn a_messages_stream_has_anthropics_events_in_order() {
    let mock = mock().await;
    let options = "prompt_tokens=30;cached_tokens=10;cache_write_tokens=5";
    let got = messages(&mock, options, ask("hi there", json!({"max_tokens": 9, "stream": true}))).await;
    let events = got.events();
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    for (name, data) in &events {
        assert_eq!(serde_json::from_str::<Value>(data).unwrap()["type"], *name);
    }
    let chunks = got.chunks();
    let start = &chunks[0]["message"];
    assert_eq!((&start["content"], &start["stop_reason"], &start["role"]), (&json!([]), &Value::Null, &json!("assistant")));
    assert_eq!(
        start["usage"],
        json!({"input_tokens": 15, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 10, "output_tokens": 1})
    );
    assert_eq!(chunks[3]["delta"], json!({"type": "text_delta", "text": "hi"}));
    assert_eq!((&chunks[6]["delta"]["stop_reason"], &chunks[6]["usage"]["output_tokens"]), (&json!("end_turn"), &json!(2)));
    let record = &mock.requests()[0];
    assert_eq!((record.dialect, record.auth.as_deref()), (Dialect::Anthropic, Some("sk-ant-test")));
    assert_eq!((record.prompt_tokens, record.cached_tokens, record.completion_tokens), (30, 10, 2));
}

#[tokio::test]
async fn messages_needs_what_anthropic_needs() {
    let mock = mock().await;
    let got = messages(&mock, "", ask("hi", json!({}))).await;
    assert_eq!((got.status, got.json()["error"]["type"].as_str()), (400, Some("invalid_request_error")));
    let got = post_with(&mock, "/v1/messages", &[], &ask("hi", json!({"max_tokens": 1})).to_string()).await;
    assert!(got.json()["error"]["message"].as_str().unwrap().contains("anthropic-version"));
}

#[tokio::test]
async fn a_tool_is_called_in_both_dialects_whole_and_in_pieces() {
    let mock = mock().await;
    let arguments = r#"{"city":"Paris","unit":"celsius"}"#;
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": {}}}]);
    let got = chat(&mock, "tool=1", ask("hi", json!({"tools": tools}))).await.json();
    let call = &got["choices"][0]["message"]["tool_calls"][0];
    assert_eq!((&call["function"]["name"], &call["function"]["arguments"]), (&json!("weather"), &json!(arguments)));
    assert_eq!(got["choices"][0]["finish_reason"], "tool_calls");

    let chunks = chat(&mock, "tool=1", ask("hi", json!({"tools": tools, "stream": true}))).await.chunks();
    let calls: Vec<&Value> =
        chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]).filter(|call| call.is_object()).collect();
    assert_eq!((&calls[0]["function"]["name"], &calls[0]["id"]), (&json!("weather"), &json!("call_mock1")));
    assert!(calls.len() > 2 && calls[1].get("id").is_none());
    let joined: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(joined, arguments);

    let tools = json!([{"name": "weather", "input_schema": {"type": "object"}}]);
    let got = messages(&mock, "tool=1", ask("hi", json!({"tools": tools, "max_tokens": 99}))).await.json();
    assert_eq!((&got["content"][0]["input"]["city"], &got["stop_reason"]), (&json!("Paris"), &json!("tool_use")));
    let chunks = messages(&mock, "tool=1", ask("hi", json!({"tools": tools, "max_tokens": 99, "stream": true}))).await.chunks();
    assert_eq!(chunks[1]["content_block"]["name"], "weather");
    let joined: String = chunks.iter().filter_map(|chunk| chunk["delta"]["partial_json"].as_str()).collect();
    assert_eq!(joined, arguments);
    let plain = chat(&mock, "tool=1", ask("no tools here", json!({}))).await.json();
    assert_eq!(plain["choices"][0]["message"]["content"], "no tools here");
}

#[tokio::test]
async fn a_responses_stream_is_numbered_and_ends_with_the_whole_response() {
    let mock = mock().await;
    let body = json!({"model": "gpt-4o", "stream": true, "input": [{"role": "user", "content": [{"type": "input_text", "text": "a b"}]}]});
    let got = post_with(&mock, "/v1/responses", &[], &body.to_string()).await;
    let names: Vec<String> = got.events().into_iter().map(|(name, _)| name.trim_start_matches("response.").to_owned()).collect();
    assert_eq!(
        names,
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed"
        ]
    );
    let chunks = got.chunks();
    assert!(chunks.iter().enumerate().all(|(at, chunk)| chunk["sequence_number"] == at));
    let last = &chunks[9]["response"];
    assert_eq!((&last["output"][0]["content"][0]["text"], &last["usage"]["output_tokens"]), (&json!("a b"), &json!(2)));
}

#[tokio::test]
async fn the_other_endpoints_answer_in_their_shapes() {
    let mock = mock().await;
    for (path, body, pointer, expect) in [
        ("/v1/completions", json!({"model": "m", "prompt": "a b"}), "/choices/0/text", json!("a b")),
        ("/v1/embeddings", json!({"model": "m", "input": ["a", "b"], "dimensions": 2}), "/data/1/embedding", json!([0.03125, 0.046875])),
        (
            "/v1/embeddings",
            json!({"model": "m", "input": "a", "dimensions": 1, "encoding_format": "base64"}),
            "/data/0/embedding",
            json!("AACAPA=="),
        ),
        ("/v1/embeddings", json!({"model": "m", "input": [1, 2, 3]}), "/data/0/index", json!(0)),
        ("/v1/moderations", json!({"model": "m", "input": "a"}), "/results/0/flagged", json!(false)),
        ("/v2/rerank", json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1}), "/results/0/index", json!(1)),
        ("/v1/audio/transcriptions", json!({}), "/text", json!("This is what was said.")),
        ("/v1/messages/count_tokens", json!({"messages": [{"role": "user", "content": "abcdef"}]}), "/input_tokens", json!(2)),
    ] {
        let got = post_with(&mock, path, &[], &body.to_string()).await.json();
        assert_eq!(got.pointer(pointer), Some(&expect), "{path}: {got}");
    }
    let image = post_with(&mock, "/v1/images/generations", &[], r#"{"prompt":"a cat"}"#).await.json();
    assert!(image["data"][0]["b64_json"].as_str().unwrap().starts_with("iVBOR"));
    let speech = post_with(&mock, "/v1/audio/speech", &[], r#"{"model":"tts-1","input":"hi"}"#).await;
    assert_eq!((speech.status, &speech.body[..2]), (200, &[0xff, 0xfb][..]));
    let stream = post_with(&mock, "/v1/completions", &[], r#"{"model":"m","prompt":"a b","stream":true}"#).await;
    let text: String = stream.chunks().iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!((text.as_str(), stream.events().last().unwrap().1.as_str()), ("a b", "[DONE]"));
}

#[tokio::test]
async fn models_are_listed_in_the_dialect_of_the_asker() {
    let mock = mock().await;
    mock.set(|config| config.models = vec!["gpt-x".to_owned()]);
    let openai = get(&mock, "/v1/models", "").await.json();
    assert_eq!((&openai["object"], &openai["data"][0]["object"]), (&json!("list"), &json!("model")));
    let anthropic = get(&mock, "/v1/models", "anthropic-version: 2023-06-01\r\n").await.json();
    assert_eq!((&anthropic["data"][0]["type"], &anthropic["first_id"]), (&json!("model"), &json!("gpt-x")));
}
