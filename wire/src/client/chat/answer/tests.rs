use fluxa_domain::usage::Usage;
use serde_json::json;

use super::*;
use crate::neutral::media::{Media, MediaKind, Source};
use crate::neutral::signature::Signature;
use crate::neutral::{Citation, Text, Thinking};

fn voice() -> Voice {
    Voice { call: "0123456789abcdef0123456789abcdef".to_owned(), created_s: 7, model: "m".to_owned(), ..Voice::default() }
}

fn said(parts: Vec<Part>, stop: Stop) -> Value {
    let answer = ChatAnswer { choices: vec![Choice { parts, stop, ..Choice::default() }], ..ChatAnswer::default() };
    let mut value: Value = serde_json::from_slice(&write(&answer, &voice())).unwrap();
    value["choices"][0].take()
}

#[test]
fn an_answer_has_all_that_clients_look_for() {
    let usage = Usage { input_uncached: 3, cache_read: 2, cache_write_5m: 1, output: 5, reasoning: 4, ..Usage::default() };
    let answer = ChatAnswer {
        id: Some("msg_1".to_owned()),
        model: Some("big".to_owned()),
        choices: vec![Choice {
            parts: vec![Part::text("a"), Part::text("b")],
            logprobs: Some(json!({"content": []})),
            ..Choice::default()
        }],
        usage: Some(usage),
        service_tier: Some("flex".to_owned()),
        fingerprint: Some("fp".to_owned()),
    };
    let expect = json!({
        "id": "msg_1", "object": "chat.completion", "created": 7, "model": "big",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ab", "refusal": null}, "logprobs": {"content": []}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 6, "completion_tokens": 5, "total_tokens": 11,
            "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0, "cache_write_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0}},
        "service_tier": "flex", "system_fingerprint": "fp"});
    assert_eq!(serde_json::from_slice::<Value>(&write(&answer, &voice())).unwrap(), expect);
    let bare: Value = serde_json::from_slice(&write(&ChatAnswer::default().settle(), &voice())).unwrap();
    assert_eq!((&bare["id"], &bare["model"]), (&json!("chatcmpl-0123456789abcdef0123456789abcdef"), &json!("m")));
    assert_eq!((&bare["choices"][0]["message"]["content"], &bare["choices"][0]["finish_reason"]), (&json!(""), &json!("content_filter")));
}

#[test]
fn what_is_said_besides_words() {
    let check = |parts: Vec<Part>, stop: Stop, message: Value, finish: &str| {
        let mut expect = json!({"role": "assistant", "content": null, "refusal": null});
        expect.as_object_mut().unwrap().extend(message.as_object().cloned().unwrap());
        assert_eq!(said(parts, stop), json!({"index": 0, "message": expect, "logprobs": null, "finish_reason": finish}));
    };
    let mark = Signature::new(Origin::Gemini, "Ci");
    let call = ToolCall { name: "f".to_owned(), signature: Some(mark.clone()), ..ToolCall::default() };
    check(
        vec![Part::Call(call.clone())],
        Stop::Tools,
        json!({"tool_calls": [{"id": crate::neutral::ids::join("call_0123456789abcdef01234567_0", Some(&mark)), "type": "function",
            "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": "Ci"}}}]}),
        "tool_calls",
    );
    // Cut off before its arguments.
    let bare = ToolCall { id: "a".to_owned(), signature: None, ..call };
    check(
        vec![Part::Call(bare)],
        Stop::Length,
        json!({"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
        "length",
    );
    check(vec![Part::Refusal("no".to_owned())], Stop::Filter, json!({"refusal": "no"}), "content_filter");
    let thought = |text: &str, mark: Signature| Part::Thinking(Thinking { text: text.to_owned(), signature: Some(mark) });
    check(
        vec![
            thought("a", Signature::new(Origin::Anthropic, "S")),
            Part::Redacted(Signature::new(Origin::Anthropic, "D")),
            thought("b", Signature::new(Origin::Gemini, "T")),
            Part::text("x"),
        ],
        Stop::Sequence,
        json!({"content": "x", "reasoning_content": "ab", "thinking_blocks": [
            {"type": "thinking", "thinking": "a", "signature": "S"}, {"type": "redacted_thinking", "data": "D"},
            {"type": "thinking", "thinking": "b", "signature": "fluxa.g.T"}]}),
        "stop",
    );
    let citation = Citation { url: "https://a.b".to_owned(), title: "t".to_owned(), start: Some(1), end: Some(2), ..Citation::default() };
    let nowhere = Citation { quote: "q".to_owned(), ..Citation::default() };
    check(
        vec![Part::Text(Text { citations: vec![citation, nowhere], ..Text::new("x") })],
        Stop::Done,
        json!({"content": "x", "annotations": [{"type": "url_citation", "url_citation": {"start_index": 1, "end_index": 2, "url": "https://a.b", "title": "t"}}]}),
        "stop",
    );
    let inline = |kind, mime: &str| Part::Media(Media::new(kind, Source::Inline { mime: mime.to_owned(), data: "AAAA".to_owned() }));
    check(
        vec![inline(MediaKind::Image, "image/png")],
        Stop::Done,
        json!({"content": "", "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}),
        "stop",
    );
    check(
        vec![inline(MediaKind::Audio, "audio/wav")],
        Stop::Done,
        json!({"audio": {"id": "audio_0123456789abcdef0123456789abcdef", "data": "AAAA", "expires_at": 7, "transcript": ""}}),
        "stop",
    );
}

#[test]
fn tools_of_free_text_are_called_in_their_own_form() {
    let mut voice = voice();
    voice.repeat.insert("custom_tools".to_owned(), json!(["c"]));
    let call = ToolCall { id: "a".to_owned(), name: "c".to_owned(), arguments: "raw".to_owned(), ..ToolCall::default() };
    let answer = ChatAnswer { choices: vec![Choice { parts: vec![Part::Call(call)], ..Choice::default() }], ..ChatAnswer::default() };
    let value: Value = serde_json::from_slice(&write(&answer, &voice)).unwrap();
    assert_eq!(
        value["choices"][0]["message"]["tool_calls"],
        json!([{"id": "a", "type": "custom", "custom": {"name": "c", "input": "raw"}}])
    );
}
