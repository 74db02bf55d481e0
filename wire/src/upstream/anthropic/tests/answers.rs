//! Whole answers are read.

use serde_json::{Value, json};

use super::super::Anthropic;
use crate::neutral::names::NameRule;
use crate::neutral::{ChatAnswer, Citation, Foreign, Origin, Part, Signature, Stop, Text, Thinking, ToolCall};
use crate::upstream::{Said, UpstreamDialect as _};

fn read(body: &Value, said: &Said) -> ChatAnswer {
    Anthropic.read(body.to_string().as_bytes(), said).unwrap()
}

fn parts(content: Value, said: &Said) -> (Vec<Part>, Stop) {
    let body = json!({"type": "message", "content": content, "stop_reason": "tool_use"});
    let choice = read(&body, said).settle().choices.remove(0);
    (choice.parts, choice.stop)
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), ..ToolCall::default() })
}

#[test]
fn a_message_is_read_whole() {
    let raw = json!({"type": "search_result_location", "cited_text": "q", "source": "https://a.example", "title": "A"});
    let server = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}});
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [
            {"type": "thinking", "thinking": "", "signature": "sig"},
            {"type": "redacted_thinking", "data": "enc"},
            {"type": "text", "text": "äh", "citations": null},
            server,
            {"type": "text", "text": "so", "citations": [raw]},
            {"type": "text", "text": ""},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": [2]}},
            {"type": "tool_use", "id": "toolu_2", "name": "g"},
        ],
        "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": "standard"},
    });
    let citation = Citation {
        url: "https://a.example".into(),
        title: "A".into(),
        quote: "q".into(),
        start: Some(2),
        end: Some(4),
        raw: Some((Origin::Anthropic, raw)),
    };
    let answer = read(&body, &Said::default()).settle();
    let expect = vec![
        Part::Thinking(Thinking { text: String::new(), signature: Some(Signature::new(Origin::Anthropic, "sig")) }),
        Part::Redacted(Signature::new(Origin::Anthropic, "enc")),
        Part::text("äh"),
        Part::Foreign(Foreign { origin: Origin::Anthropic, kind: "server_tool_use".into(), value: server }),
        Part::Text(Text { citations: vec![citation], ..Text::new("so") }),
        call("toolu_1", "f", r#"{"b":1,"a":[2]}"#),
        call("toolu_2", "g", "{}"),
    ];
    assert_eq!(answer.choices[0].parts, expect);
    assert_eq!(answer.choices[0].stop, Stop::Tools);
    assert_eq!(
        (answer.id.as_deref(), answer.model.as_deref(), answer.service_tier.as_deref()),
        (Some("msg_1"), Some("claude-x"), Some("standard"))
    );
}

#[test]
fn vendor_run_tools_are_never_calls() {
    let (parts, stop) = parts(json!([{"type": "server_tool_use", "id": "s", "name": "f", "input": {}}]), &Said::default());
    assert!(matches!(parts.as_slice(), [Part::Foreign(_)]));
    assert_eq!(stop, Stop::Done);
}

#[test]
fn what_was_said_otherwise_is_put_back() {
    let mut said = Said { json_tool: Some("json".into()), free_text_tools: vec!["my.patch".into()], ..Said::default() };
    let sent = said.names.fit("my.patch", NameRule { chars: 128, punctuation: "_-", starts_with_letter: false });
    let content = json!([
        {"type": "tool_use", "id": "1", "name": "json", "input": {"n": 1}},
        {"type": "tool_use", "id": "2", "name": sent, "input": {"input": "*** Begin"}},
        {"type": "tool_use", "id": "3", "name": sent, "input": {"other": 1}},
    ]);
    let (found, _) = parts(content, &said);
    assert_eq!(found, vec![Part::text(r#"{"n":1}"#), call("2", "my.patch", "*** Begin"), call("3", "my.patch", r#"{"other":1}"#)]);
    let (found, stop) = parts(json!([{"type": "tool_use", "id": "1", "name": "json", "input": {}}]), &said);
    assert_eq!((found, stop), (vec![Part::text("{}")], Stop::Done));
}

#[test]
fn reasons_are_understood() {
    let check = |reason: Value, expect: Stop| {
        let body = json!({"content": [], "stop_reason": reason, "stop_sequence": "END"});
        let choice = read(&body, &Said::default()).choices.remove(0);
        assert_eq!((choice.stop, choice.sequence.as_deref()), (expect, Some("END")), "{reason}");
    };
    check(json!("end_turn"), Stop::Done);
    check(json!("stop_sequence"), Stop::Sequence);
    check(json!("max_tokens"), Stop::Length);
    check(json!("model_context_window_exceeded"), Stop::Context);
    check(json!("tool_use"), Stop::Tools);
    check(json!("refusal"), Stop::Filter);
    check(json!("pause_turn"), Stop::Pause);
    check(json!("tomorrows"), Stop::Done);
    check(Value::Null, Stop::Done);
    let details = json!({"type": "refusal", "category": "bio", "explanation": "Not this."});
    let refused = read(&json!({"content": [], "stop_reason": "refusal", "stop_details": details}), &Said::default());
    assert_eq!(refused.choices[0].parts, vec![Part::Refusal("Not this.".into())]);
}

#[test]
fn what_is_no_message_is_none() {
    for body in ["", "{", "[]", "{}", r#"{"content":"text"}"#] {
        assert!(Anthropic.read(body.as_bytes(), &Said::default()).is_err(), "{body}");
    }
    assert_eq!(read(&json!({"content": [1, null, {}]}), &Said::default()).choices[0].parts.len(), 1);
}
