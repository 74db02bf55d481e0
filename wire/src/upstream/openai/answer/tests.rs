use serde_json::json;

use super::*;
use crate::neutral::media::{Media, MediaKind, Source};
use crate::neutral::signature::{Origin, Signature};
use crate::neutral::{Citation, Stop};

fn answer(said: &Said, body: &Value) -> ChatAnswer {
    // Some servers send blanks first, so that the connection lives.
    read(format!("\n\n  {body}").as_bytes(), said).unwrap()
}

fn parts(said: &Said, message: &Value) -> Vec<Part> {
    answer(said, &json!({"choices": [{"message": message, "finish_reason": "stop"}]})).choices.remove(0).parts
}

#[test]
fn an_answer_with_all_about_it() {
    let found = answer(
        &Said::default(),
        &json!({"id": "x", "model": "m", "service_tier": "flex", "system_fingerprint": "fp", "usage": {"prompt_tokens": 1}, "choices": [
            {"index": 1, "message": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}, "finish_reason": "length"},
            {"index": 5, "delta": {"content": ""}, "message": {"content": "b"}, "logprobs": null, "finish_reason": ""}]}),
    );
    let expect = ChatAnswer {
        id: Some(String::from("x")),
        model: Some(String::from("m")),
        choices: vec![
            Choice {
                parts: vec![Part::text("a")],
                stop: Stop::Length,
                logprobs: Some(json!({"content": [{"token": "a"}]})),
                sequence: None,
            },
            Choice { parts: vec![Part::text("b")], ..Choice::default() },
        ],
        usage: None,
        service_tier: Some(String::from("flex")),
        fingerprint: Some(String::from("fp")),
    };
    assert_eq!(found, expect);
    let none = Said::default();
    assert_eq!(answer(&none, &json!({"choices": []})).settle().choices[0].stop, Stop::Filter);
    for body in ["", "<html>", "{}", "[]", "{\"choices\":null}", "{\"choices\":[{]}", "{\"choices\":7}"] {
        assert!(read(body.as_bytes(), &none).is_err(), "{body}");
    }
}

#[test]
fn messages_in_every_form() {
    let none = Said::default();
    let check = |message: Value, expect: Vec<Part>| assert_eq!(parts(&none, &message), expect, "{message}");
    let thought = |text: &str, signature| Part::Thinking(Thinking { text: text.to_owned(), signature });
    let call = |id: &str, name: &str, arguments: &str| {
        Part::Call(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned(), ..ToolCall::default() })
    };
    check(json!({"content": null, "refusal": "no"}), vec![Part::Refusal(String::from("no"))]);
    check(json!({"content": "a", "reasoning_content": "t"}), vec![thought("t", None), Part::text("a")]);
    check(
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, {"type": "text", "text": "a"}, {"type": "reference"}]}),
        vec![thought("t", None), Part::text("a")],
    );
    check(
        json!({"content": "a", "reasoning": "t", "reasoning_details": [
            {"type": "reasoning.text", "text": "t", "signature": "S", "format": "anthropic-claude-v1"},
            {"type": "reasoning.encrypted", "data": "D", "format": "openai-responses-v1"}]}),
        vec![
            thought("t", Some(Signature::new(Origin::Anthropic, "S"))),
            Part::Redacted(Signature::new(Origin::OpenAi, "D")),
            Part::text("a"),
        ],
    );
    check(
        json!({"content": "a", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "2", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}},
            {"id": "3", "type": "custom", "custom": {"name": "c", "input": "raw"}}]}),
        vec![Part::text("a"), call("1", "f", "{}"), call("2", "f", "{\"x\":1}"), call("3", "c", "raw")],
    );
    check(json!({"tool_calls": {"id": "1", "function": {"name": "f", "arguments": ""}}}), vec![call("1", "f", "")]);
    check(json!({"content": "", "function_call": {"name": "f", "arguments": "{}"}}), vec![call("", "f", "{}")]);
    let citation = Citation { url: String::from("u"), title: String::from("t"), ..Citation::default() };
    check(
        json!({"content": "a", "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 0}}]}),
        vec![Part::Text(Text { citations: vec![citation], ..Text::new("a") })],
    );
    let sound = Media::new(MediaKind::Audio, Source::Inline { mime: String::from("audio/wav"), data: String::from("AAAA") });
    check(json!({"content": null, "audio": {"id": "x", "data": "AAAA", "transcript": "hi"}}), vec![Part::text("hi"), Part::Media(sound)]);
    let mark = Signature::new(Origin::Gemini, "Ci");
    check(
        json!({"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": "Ci"}}}]}),
        vec![Part::Call(ToolCall {
            id: String::from("1"),
            name: String::from("f"),
            arguments: String::from("{}"),
            signature: Some(mark),
            cache: None,
        })],
    );
}

#[test]
fn what_was_said_otherwise_comes_back() {
    let said =
        Said { json_tool: Some(String::from("json")), free_text_tools: vec![String::from("free")], think_tags: true, ..Said::default() };
    let calls = json!({"content": "<think>\nt</think>\n\na", "tool_calls": [
        {"id": "1", "function": {"name": "free", "arguments": "{\"input\":\"raw\"}"}}, {"id": "2", "function": {"name": "json", "arguments": "{\"x\":1}"}}]});
    let call = ToolCall { id: String::from("1"), name: String::from("free"), arguments: String::from("raw"), ..ToolCall::default() };
    let expect = vec![
        Part::Thinking(Thinking { text: String::from("\nt"), signature: None }),
        Part::text("a"),
        Part::Call(call),
        Part::text("{\"x\":1}"),
    ];
    assert_eq!(parts(&said, &calls), expect);
}
