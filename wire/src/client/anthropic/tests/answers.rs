//! Whole answers are written.

use fluxa_domain::usage::Usage;
use serde_json::{Value, json};

use super::super::Anthropic;
use crate::client::{ClientDialect as _, Voice};
use crate::neutral::{
    ChatAnswer, Choice, Citation, Foreign, Media, MediaKind, Origin, Part, Signature, Source, Stop, Text, Thinking, ToolCall,
};

fn voice() -> Voice {
    Voice { call: "0123456789abcdef0123456789abcdef".into(), model: "asked-for".into(), ..Voice::default() }
}

fn write(parts: Vec<Part>, stop: Stop) -> Value {
    let choice = Choice { parts, stop, ..Choice::default() };
    let answer = ChatAnswer { choices: vec![choice], ..ChatAnswer::default() };
    serde_json::from_slice(&Anthropic.write(&answer, &voice())).unwrap()
}

#[test]
fn an_answer_of_another_vendor_becomes_a_message() {
    let call = ToolCall { id: "call_1".into(), name: "f".into(), arguments: r#"{ "a" : 1.10 }"#.into(), ..ToolCall::default() };
    let parts = vec![
        Part::Thinking(Thinking { text: "hm".into(), signature: None }),
        Part::Redacted(Signature::new(Origin::OpenAi, "enc")),
        Part::text(""),
        Part::text("There."),
        Part::Call(call),
        Part::Call(ToolCall { name: "g".into(), arguments: "no json".into(), ..ToolCall::default() }),
    ];
    let answer = ChatAnswer {
        id: Some("chatcmpl-1".into()),
        model: Some("gpt-x".into()),
        choices: vec![Choice { parts, stop: Stop::Tools, ..Choice::default() }],
        usage: Some(Usage {
            input_uncached: 10,
            cache_read: 5,
            cache_write_5m: 3,
            cache_write_1h: 4,
            output: 7,
            reasoning: 2,
            searches: 1,
            ..Usage::default()
        }),
        service_tier: Some("default".into()),
        fingerprint: None,
    };
    let written = Anthropic.write(&answer, &voice());
    // Arguments are as the model wrote them.
    assert!(written.windows(14).any(|bytes| bytes == br#"{ "a" : 1.10 }"#));
    let expect = json!({
        "id": "msg_0123456789abcdef0123456789abcdef", "type": "message", "role": "assistant", "model": "gpt-x",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "fluxa.n."},
            {"type": "redacted_thinking", "data": "fluxa.o.enc"},
            {"type": "text", "text": "There."},
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1.1}},
            {"type": "tool_use", "id": "toolu_0123456789abcdef01234567_1", "name": "g", "input": {"_raw": "no json"}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 5,
            "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
            "output_tokens": 7, "output_tokens_details": {"thinking_tokens": 2},
            "server_tool_use": {"web_fetch_requests": 0, "web_search_requests": 1}, "service_tier": "standard"},
    });
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expect);
}

#[test]
fn parts_become_blocks() {
    let check = |parts: Vec<Part>, expect: Value| assert_eq!(write(parts, Stop::Done)["content"], expect);
    check(vec![], json!([{"type": "text", "text": ""}]));
    let own = json!({"type": "compaction", "content": "c"});
    let foreign = |origin| Part::Foreign(Foreign { origin, kind: "compaction".into(), value: own.clone() });
    check(vec![foreign(Origin::Anthropic), foreign(Origin::OpenAi)], json!([own]));
    let picture = Media::new(MediaKind::Image, Source::Inline { mime: "image/png".into(), data: "AAAA".into() });
    check(vec![Part::Media(picture)], json!([{"type": "text", "text": "![image](data:image/png;base64,AAAA)"}]));
    let source = Citation { url: "https://a.example".into(), title: "A".into(), quote: "q".into(), ..Citation::default() };
    let raw = json!({"type": "char_location", "cited_text": "q", "document_index": 0});
    let native = Citation { raw: Some((Origin::Anthropic, raw.clone())), ..Citation::default() };
    check(
        vec![Part::Text(Text { citations: vec![source, native], ..Text::new("t") })],
        json!([{"type": "text", "text": "t", "citations": [
            {"type": "web_search_result_location", "cited_text": "q", "url": "https://a.example", "title": "A", "encrypted_index": ""}, raw]}]),
    );
    let mark = Signature::new(Origin::Gemini, "CiQB");
    let call = ToolCall { id: "c".into(), name: "f".into(), arguments: String::new(), signature: Some(mark), cache: None };
    let written = write(vec![Part::Call(call)], Stop::Tools);
    assert!(written["content"][0]["id"].as_str().unwrap().starts_with("c__ts__"), "{written}");
    assert_eq!(written["content"][0]["input"], json!({}));
}

#[test]
fn arguments_that_were_cut_off_are_none() {
    let check = |arguments: &str, stop: Stop, expect: Value| {
        let call = ToolCall { id: "c".into(), name: "f".into(), arguments: arguments.into(), ..ToolCall::default() };
        assert_eq!(write(vec![Part::Call(call)], stop)["content"][0]["input"], expect);
    };
    check("{\"path\":\"/ho", Stop::Length, json!({}));
    check("{\"path\":\"/ho", Stop::Tools, json!({"_raw": "{\"path\":\"/ho"}));
    check("{\"path\":\"/home\"}", Stop::Length, json!({"path": "/home"}));
}

#[test]
fn reasons_are_told_in_the_dialects_words() {
    let check = |stop: Stop, expect: &str| assert_eq!(write(vec![Part::text("t")], stop)["stop_reason"], expect);
    check(Stop::Done, "end_turn");
    check(Stop::Sequence, "stop_sequence");
    check(Stop::Length, "max_tokens");
    check(Stop::Context, "model_context_window_exceeded");
    check(Stop::Tools, "tool_use");
    check(Stop::Filter, "refusal");
    check(Stop::Pause, "pause_turn");
    check(Stop::Malformed, "end_turn");
    let refused = write(vec![Part::Refusal("No.".into())], Stop::Done);
    assert_eq!(refused["stop_reason"], "refusal");
    assert_eq!(refused["stop_details"], json!({"type": "refusal", "category": null, "explanation": null}));
    assert_eq!(refused["content"], json!([{"type": "text", "text": "No."}]));
}

#[test]
fn the_vendors_own_id_is_kept() {
    let answer = ChatAnswer { id: Some("msg_01A".into()), choices: vec![Choice::default()], ..ChatAnswer::default() };
    let written: Value = serde_json::from_slice(&Anthropic.write(&answer, &voice())).unwrap();
    assert_eq!((&written["id"], &written["model"]), (&json!("msg_01A"), &json!("asked-for")));
}
