//! Requests at the vendor: whole and valid ones are accepted, lost pictures and leftovers are told.

use serde_json::json;

use super::*;
use crate::conformance::pairs::wish::{Part, Tool, Turn};

fn wish() -> Wish {
    let call = Part::Call { id: "call_1".to_owned(), name: "f".to_owned(), arguments: json!({"x": 1}) };
    let result = Part::Result { id: "call_1".to_owned(), name: "f".to_owned(), text: "sunny".to_owned() };
    Wish {
        system: vec!["be brief".to_owned()],
        turns: vec![
            Turn { model: false, parts: vec![Part::Text("look".to_owned()), Part::Picture("image/png".to_owned(), "aGVsbG8=".to_owned())] },
            Turn { model: true, parts: vec![call] },
            Turn { model: false, parts: vec![result, Part::Text("and now?".to_owned())] },
        ],
        tools: vec![Tool {
            name: "f".to_owned(),
            description: "a tool".to_owned(),
            schema: json!({"type": "object", "properties": {"x": {"type": "number"}}}),
        }],
        ..Wish::default()
    }
}

fn failures(upstream: Upstream, path: &str, body: &Value, dropped: &str) -> Vec<String> {
    let seen = Seen { path: path.to_owned(), headers: Vec::new(), body: body.to_string().into_bytes() };
    let mut findings = Findings::default();
    judge((Client::Chat, upstream), false, &wish(), &seen, dropped, &mut findings);
    findings.failures
}

fn anthropic() -> Value {
    json!({"model": "m", "max_tokens": 9, "system": "be brief", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "f", "input": {"x": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}, {"type": "text", "text": "and now?"}]}],
        "tools": [{"name": "f", "description": "a tool", "input_schema": {"type": "object", "properties": {"x": {"type": "number"}}}}]})
}

fn gemini() -> Value {
    json!({"systemInstruction": {"parts": [{"text": "be brief"}]}, "contents": [
        {"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"x": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "sunny"}}}, {"text": "and now?"}]}],
        "tools": [{"functionDeclarations": [{"name": "f", "description": "a tool", "parametersJsonSchema": {"type": "object", "properties": {"x": {"type": "number"}}}}]}]})
}

#[test]
fn whole_requests_are_accepted() {
    assert_eq!(failures(Upstream::Messages, "/v1/messages", &anthropic(), ""), Vec::<String>::new());
    assert_eq!(failures(Upstream::Gemini, "/models/m:generateContent", &gemini(), ""), Vec::<String>::new());
}

#[test]
fn what_is_lost_or_left_over_is_told() {
    let check = |upstream: Upstream, path: &str, body: Value, words: &str| {
        let found = failures(upstream, path, &body, "");
        assert!(found.iter().any(|failure| failure.contains(words)), "{words:?} is not in {found:?}");
    };
    let changed = |mut body: Value, path: &str, value: Value| {
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let messages = |body, words| check(Upstream::Messages, "/v1/messages", body, words);
    messages(changed(anthropic(), "/messages/0/content", json!([{"type": "text", "text": "look"}])), "a picture");
    messages(changed(anthropic(), "/system", json!("")), "be brief");
    messages(changed(anthropic(), "/tools", json!([])), "no tools");
    messages(changed(anthropic(), "/messages/2/content/0/content", json!("")), "sunny");
    messages(changed(anthropic(), "/messages/2/content", json!([{"type": "text", "text": "and now? sunny"}])), "results are not those");
    let mut leftover = anthropic();
    leftover["stop"] = json!(["x"]);
    messages(leftover, "a field stop");
    let google = |body, words| check(Upstream::Gemini, "/models/m:generateContent", body, words);
    google(changed(gemini(), "/contents/2/parts", json!([{"text": "and now? sunny"}])), "functionResponses are not those");
    let mut named = gemini();
    named["model"] = json!("m");
    google(named, "a field model");
    check(Upstream::Chat, "/v1/responses", json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}), "asked at");
}

#[test]
fn what_is_declared_as_dropped_is_excused() {
    let mut body = anthropic();
    *body.pointer_mut("/messages/0/content").unwrap() = json!([{"type": "text", "text": "look"}]);
    assert_eq!(failures(Upstream::Messages, "/v1/messages", &body, "image"), Vec::<String>::new());
}
