use fluxa_domain::vendors::MaxTokensField;
use serde_json::json;

use super::*;
use crate::neutral::signature::Signature;
use crate::neutral::{Thinking, Tool};

fn target<'a>(quirks: &'a [Quirk]) -> Target<'a> {
    Target { model: "gpt-5", quirks, max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: false }
}

fn written(quirks: &[Quirk], chat: &Chat) -> Result<Value, Unsayable> {
    let (mut said, mut dropped) = (Said::default(), Vec::new());
    let target = target(quirks);
    let list = Messages::new(chat, &target, &mut said, &mut dropped).write(None)?;
    let mut value = serde_json::to_value(&list).unwrap();
    if !dropped.is_empty() {
        let names: Vec<String> = dropped.iter().map(ToString::to_string).collect();
        value.as_array_mut().unwrap().push(json!({"dropped": names}));
    }
    Ok(value)
}

fn turns(turns: Vec<Turn>) -> Chat {
    Chat { turns, ..Chat::default() }
}

fn user(parts: Vec<Part>) -> Turn {
    Turn::new(Role::User, parts)
}

fn assistant(parts: Vec<Part>) -> Turn {
    Turn::new(Role::Assistant, parts)
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned(), ..ToolCall::default() })
}

fn result(id: &str, content: Vec<Part>) -> Part {
    Part::Result(ToolResult { id: id.to_owned(), content, ..ToolResult::default() })
}

fn inline(kind: MediaKind, mime: &str, data: &str) -> Part {
    Part::Media(Media::new(kind, Source::Inline { mime: mime.to_owned(), data: data.to_owned() }))
}

#[test]
fn results_come_first_and_their_pictures_after_all_of_them() {
    let chat = turns(vec![
        assistant(vec![Part::text("let me see"), call("a", "f", ""), call("b", "g", "{\"x\":1}")]),
        Turn::new(Role::System, vec![Part::text("be quick")]),
        user(vec![
            Part::text("and?"),
            result("a", vec![Part::text("one"), inline(MediaKind::Image, "image/png", "AAAA")]),
            Part::Result(ToolResult { id: String::from("b"), content: vec![Part::text("broke")], is_error: true, ..ToolResult::default() }),
        ]),
    ]);
    let expect = json!([
        {"role": "assistant", "content": "let me see", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{\"x\":1}"}}]},
        {"role": "tool", "content": "one\n[image]", "tool_call_id": "a"},
        {"role": "tool", "content": "Error: broke", "tool_call_id": "b"},
        {"role": "system", "content": "be quick"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, {"type": "text", "text": "and?"}]}]);
    assert_eq!(written(&[], &chat), Ok(expect));
}

#[test]
fn ids_are_fitted_the_same_in_calls_and_results() {
    let long = "toolu_".repeat(12);
    let chat =
        turns(vec![assistant(vec![call(&long, "f", "{}"), call("", "g", "{}")]), user(vec![result(&long, vec![]), result("", vec![])])]);
    for (quirks, chars) in [(&[][..], 32), (&[Quirk::ToolIdsOfNine][..], 9)] {
        let value = written(quirks, &chat).unwrap();
        for at in 0..2 {
            let id = value[0]["tool_calls"][at]["id"].as_str().unwrap();
            assert_eq!(value[at + 1]["tool_call_id"], id);
            assert!(at == 1 || id.len() == chars, "{id}");
        }
        assert_ne!(value[1]["tool_call_id"], value[2]["tool_call_id"]);
    }
}

#[test]
fn media_are_parts_or_cannot_be_said() {
    let check = |quirks: &[Quirk], part: Part, expect: Value| {
        assert_eq!(written(quirks, &turns(vec![user(vec![part.clone()])])), Ok(json!([{"role": "user", "content": [expect]}])), "{part:?}");
    };
    check(&[], inline(MediaKind::Image, "", "AAAA"), json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}));
    check(
        &[],
        inline(MediaKind::Audio, "audio/mpeg", "AAAA"),
        json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}),
    );
    check(
        &[],
        inline(MediaKind::Document, "application/pdf", "AAAA"),
        json!({"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"}}),
    );
    check(
        &[Quirk::VideoParts],
        inline(MediaKind::Video, "video/mp4", "AAAA"),
        json!({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}),
    );
    let file = |id: &str| Part::Media(Media::new(MediaKind::Document, Source::FileId(id.to_owned())));
    check(&[], file("file-1"), json!({"type": "file", "file": {"file_id": "file-1"}}));
    let text =
        Part::Media(Media { name: Some(String::from("notes")), ..Media::new(MediaKind::Document, Source::Text(String::from("abc"))) });
    assert_eq!(written(&[], &turns(vec![user(vec![text])])), Ok(json!([{"role": "user", "content": "notes\n\nabc"}])));
    assert_eq!(
        written(&[], &turns(vec![user(vec![inline(MediaKind::Document, "text/plain", "YWJj")])])),
        Ok(json!([{"role": "user", "content": "abc"}]))
    );
    let url = |kind| Part::Media(Media::new(kind, Source::Url { mime: None, url: String::from("https://a.b/c") }));
    for part in [inline(MediaKind::Video, "video/mp4", "A"), file("file_1"), url(MediaKind::Audio), url(MediaKind::Document)] {
        assert_eq!(written(&[], &turns(vec![user(vec![part.clone()])])).unwrap_err().param, Some("messages"), "{part:?}");
    }
}

#[test]
fn instructions_are_one_message_or_marked_parts() {
    let marked = Text { cache: Some(CacheMark::default()), ..Text::new("b") };
    let system = vec![Text::new("x-anthropic-billing-header: cc_version=1"), Text::new("a"), marked];
    let chat = Chat { system, ..turns(vec![user(vec![Part::text("hi")])]) };
    assert_eq!(written(&[], &chat).unwrap()[0], json!({"role": "system", "content": "a\n\nb"}));
    let expect = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]);
    assert_eq!(written(&[Quirk::CacheMarks], &chat).unwrap()[0]["content"], expect);
}

#[test]
fn thoughts_go_back_to_those_who_want_them() {
    let thought = |text: &str, signature| Part::Thinking(Thinking { text: text.to_owned(), signature });
    let claude = Some(Signature::new(Origin::Anthropic, "S"));
    let chat = turns(vec![
        assistant(vec![thought("t", claude), Part::Redacted(Signature::nobodys()), Part::text("a")]),
        assistant(vec![call("a", "f", "{}")]),
    ]);
    let plain = written(&[], &chat).unwrap();
    assert_eq!(plain[0], json!({"role": "assistant", "content": "a"}));
    let back = written(&[Quirk::ReasoningContentBack], &chat).unwrap();
    assert_eq!((&back[0]["reasoning_content"], &back[1]["reasoning_content"]), (&json!("t"), &json!(" ")));
    let details = written(&[Quirk::ReasoningDetailsBack], &chat).unwrap();
    let expect = json!([{"type": "reasoning.text", "text": "t", "format": "anthropic-claude-v1", "index": 0, "signature": "S"}]);
    assert_eq!(details[0]["reasoning_details"], expect);
}

#[test]
fn vendors_with_an_order_of_their_own_get_it() {
    let chat = turns(vec![
        user(vec![Part::text("a")]),
        Turn::new(Role::System, vec![Part::text("b")]),
        user(vec![Part::text("c"), inline(MediaKind::Image, "image/png", "AAAA")]),
        assistant(vec![Part::text("d")]),
    ]);
    let alternating = written(&[Quirk::AlternatingRoles, Quirk::LastMessageFromUser], &chat).unwrap();
    let expect = json!([
        {"role": "user", "content": [{"type": "text", "text": "a\n\nb"}, {"type": "text", "text": "c"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"role": "assistant", "content": "d"}, {"role": "user", "content": "Please continue."}]);
    assert_eq!(alternating, expect);
    let prefixed = written(&[Quirk::LastMessageFromUser, Quirk::AssistantPrefix], &chat).unwrap();
    assert_eq!(prefixed[3], json!({"role": "assistant", "content": "d", "prefix": true}));
    let strings = turns(vec![user(vec![Part::text("a"), Part::text("b")])]);
    assert_eq!(written(&[Quirk::StringContentOnly], &strings), Ok(json!([{"role": "user", "content": "a\n\nb"}])));
    let named = turns(vec![Turn { name: Some(String::from("ann")), ..user(vec![Part::text("a")]) }]);
    assert_eq!(written(&[Quirk::NoMessageName], &named), Ok(json!([{"role": "user", "content": "a"}, {"dropped": ["messages[].name"]}])));
    let tools = turns(vec![assistant(vec![call("a", "f", "{}")]), user(vec![result("a", vec![Part::text("1")])])]);
    let expect = json!([{"role": "assistant", "content": "[tool call] f {}"}, {"role": "user", "content": "[tool result] 1"}]);
    assert_eq!(written(&[Quirk::NoTools], &tools), Ok(expect));
}

#[test]
fn calls_of_free_text_are_wrapped_where_they_must_be() {
    let tool = Tool { name: String::from("c"), free_text: true, ..Tool::default() };
    let chat = Chat { tools: vec![tool], ..turns(vec![assistant(vec![call("a", "c", "raw"), call("b", "c", "{\"input\":\"x\"}")])]) };
    let value = written(&[], &chat).unwrap();
    assert_eq!(value[0]["tool_calls"][0]["function"]["arguments"], "{\"input\":\"raw\"}");
    assert_eq!(value[0]["tool_calls"][1]["function"]["arguments"], "{\"input\":\"x\"}");
    let value = written(&[Quirk::WholeDialect], &chat).unwrap();
    assert_eq!(value[0]["tool_calls"][0], json!({"id": "a", "type": "custom", "custom": {"name": "c", "input": "raw"}}));
}

#[test]
fn every_call_has_one_result_right_after_it() {
    let check = |list: Vec<Turn>, expect: Value| assert_eq!(written(&[], &turns(list)), Ok(expect));
    let calls = |ids: &[&str]| {
        let list: Vec<Value> =
            ids.iter().map(|id| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}})).collect();
        json!({"role": "assistant", "content": null, "tool_calls": list})
    };
    let tool = |id: &str, text: &str| json!({"role": "tool", "content": text, "tool_call_id": id});
    let said = |text: &str| json!({"role": "user", "content": text});
    let one = |id: &str| call(id, "f", "{}");
    let gave = |id: &str, text: &str| user(vec![result(id, vec![Part::text(text)])]);
    // What is said in between waits.
    check(
        vec![assistant(vec![one("a"), one("b")]), gave("b", "2"), user(vec![Part::text("hurry")]), gave("a", "1")],
        json!([calls(&["a", "b"]), tool("b", "2"), tool("a", "1"), said("hurry")]),
    );
    // Nobody answered.
    check(
        vec![assistant(vec![one("a")]), user(vec![Part::text("never mind")]), assistant(vec![Part::text("ok")])],
        json!([calls(&["a"]), tool("a", "(no output)"), said("never mind"), {"role": "assistant", "content": "ok"}]),
    );
    check(vec![assistant(vec![one("a")])], json!([calls(&["a"]), tool("a", "(no output)")]));
    // Nobody asked: a history that was cut, and a second result.
    check(vec![gave("a", "1"), user(vec![Part::text("and?")])], json!([said("1"), said("and?")]));
    check(vec![assistant(vec![one("a")]), gave("a", "1"), gave("a", "2")], json!([calls(&["a"]), tool("a", "1"), said("2")]));
    // Nobody said anything.
    check(vec![user(vec![])], json!([said(" ")]));
    // Turns that follow one another.
    check(
        vec![assistant(vec![one("a")]), assistant(vec![one("b")]), user(vec![result("a", vec![]), result("b", vec![])])],
        json!([calls(&["a", "b"]), tool("a", ""), tool("b", "")]),
    );
}
