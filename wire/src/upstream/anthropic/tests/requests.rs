//! Requests are written: messages, media, tools.

use fluxa_domain::vendors::MaxTokensField;
use serde_json::{Value, json};

use super::super::Anthropic;
use crate::neutral::{
    CacheMark, Chat, Dropped, Extra, Foreign, Format, HostedTool, Media, MediaKind, Origin, Part, Role, Signature, Source, Text, Thinking,
    Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use crate::upstream::{Target, Unsayable, UpstreamDialect as _, Written};

pub(super) fn target(model: &str) -> Target<'_> {
    Target { model, quirks: &[], max_tokens_field: MaxTokensField::MaxTokens, max_output: None, ask_usage: false }
}

pub(super) fn try_write(chat: &Chat, model: &str) -> Result<Written, Unsayable> {
    Anthropic.write(chat, &target(model))
}

pub(super) fn write(chat: &Chat, model: &str) -> (Value, Vec<String>) {
    let written = try_write(chat, model).unwrap_or_else(|error| panic!("{error}"));
    let dropped = written.dropped.iter().map(|dropped| dropped.0.to_string()).collect();
    (serde_json::from_slice(&written.body).unwrap(), dropped)
}

/// A model that takes nearly everything.
pub(super) const MODEL: &str = "claude-opus-4-6";

pub(super) fn user(text: &str) -> Turn {
    Turn::new(Role::User, vec![Part::text(text)])
}

pub(super) fn assistant(parts: Vec<Part>) -> Turn {
    Turn::new(Role::Assistant, parts)
}

pub(super) fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), ..ToolCall::default() })
}

fn result(id: &str, text: &str) -> Part {
    Part::Result(ToolResult { id: id.into(), content: vec![Part::text(text)], ..ToolResult::default() })
}

fn chat(turns: Vec<Turn>) -> Chat {
    Chat { turns, ..Chat::default() }
}

fn messages(turns: Vec<Turn>) -> Value {
    write(&chat(turns), "claude-haiku-4-5").0["messages"].clone()
}

fn words(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn neighbours_are_merged_and_the_user_begins() {
    let check = |turns: Vec<Turn>, expect: Value| assert_eq!(messages(turns), expect);
    check(vec![user("a"), user("b")], json!([{"role": "user", "content": [words("a"), words("b")]}]));
    check(
        vec![assistant(vec![Part::text("hi")]), user("b")],
        json!([{"role": "user", "content": [words("Continue.")]}, {"role": "assistant", "content": [words("hi")]}, {"role": "user", "content": [words("b")]}]),
    );
    check(vec![], json!([{"role": "user", "content": [words("Continue.")]}]));
    // Blank texts are refused; what is left of the others stays.
    check(vec![user("a"), assistant(vec![Part::text(" \n")]), user("b")], json!([{"role": "user", "content": [words("a"), words("b")]}]));
    // A prefilled turn must not end in blanks.
    check(
        vec![user("a"), assistant(vec![Part::text("{ \n")])],
        json!([{"role": "user", "content": [words("a")]}, {"role": "assistant", "content": [words("{")]}]),
    );
    // Instructions in the middle stay where they are.
    let system = Turn::new(Role::System, vec![Part::text("s")]);
    check(vec![user("a"), system.clone()], json!([{"role": "user", "content": [words("a"), words("s")]}]));
    let (newest, _) = write(&chat(vec![user("a"), system]), "claude-opus-5");
    assert_eq!(newest["messages"], json!([{"role": "user", "content": [words("a")]}, {"role": "system", "content": [words("s")]}]));
}

#[test]
fn a_model_without_prefill_is_asked_to_go_on() {
    let turns = vec![user("a"), assistant(vec![Part::text("b")])];
    let (body, _) = write(&chat(turns), MODEL);
    assert_eq!(body["messages"][2], json!({"role": "user", "content": [words("Continue.")]}));
    let value = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}});
    let paused = Part::Foreign(Foreign { origin: Origin::Anthropic, kind: "server_tool_use".into(), value: value.clone() });
    let (body, _) = write(&chat(vec![user("a"), assistant(vec![paused])]), MODEL);
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": [value]}));
    assert_eq!(body["messages"].as_array().unwrap().len(), 2);
}

#[test]
fn every_call_is_answered_first_in_the_next_message() {
    let used = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
    let given = |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": [words(text)]});
    let missing = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": [words("(no output)")], "is_error": true});
    let calls = || assistant(vec![call("a", "f", "{}"), call("b", "f", "")]);
    let check = |turns: Vec<Turn>, expect: Value| {
        let mut all = vec![user("go"), calls()];
        all.extend(turns);
        let messages = messages(all);
        assert_eq!(messages[1], json!({"role": "assistant", "content": [used("a"), used("b")]}));
        assert_eq!(messages[2], json!({"role": "user", "content": expect}));
    };
    let results = |parts: Vec<Part>| Turn::new(Role::User, parts);
    check(vec![results(vec![result("a", "1"), result("b", "2")])], json!([given("a", "1"), given("b", "2")]));
    // In the order of the calls, before all else, from however many turns.
    check(
        vec![user("so?"), results(vec![result("b", "2")]), results(vec![result("a", "1")])],
        json!([given("a", "1"), given("b", "2"), words("so?")]),
    );
    check(vec![results(vec![result("b", "2")])], json!([missing("a"), given("b", "2")]));
    check(vec![], json!([missing("a"), missing("b")]));
    // What answers nothing is kept as words.
    check(vec![results(vec![result("a", "1"), result("b", "2"), result("c", "3")])], json!([given("a", "1"), given("b", "2"), words("3")]));
    let system = Turn::new(Role::System, vec![Part::text("s")]);
    check(vec![system, results(vec![result("a", "1"), result("b", "2")])], json!([given("a", "1"), given("b", "2"), words("s")]));
}

#[test]
fn results_stay_with_their_calls_where_instructions_stand_between() {
    let system = Turn::new(Role::System, vec![Part::text("s")]);
    let turns = vec![user("go"), assistant(vec![call("a", "f", "{}")]), system, Turn::new(Role::User, vec![result("a", "1")])];
    let (body, _) = write(&chat(turns), "claude-opus-5");
    let roles: Vec<&str> = body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "system"]);
    assert_eq!(body["messages"][2]["content"][0]["type"], "tool_result");
}

#[test]
fn ids_and_names_are_made_to_fit() {
    let turns = vec![
        user("go"),
        assistant(vec![call("functions.f:0", "my.tool", "{}")]),
        Turn::new(Role::User, vec![result("functions.f:0", "1")]),
        assistant(vec![call("functions.f:0", "my.tool", "x")]),
        Turn::new(Role::User, vec![result("functions.f:0", "2")]),
    ];
    let tool = Tool { name: "my.tool".into(), ..Tool::default() };
    let written = try_write(&Chat { tools: vec![tool], ..chat(turns) }, MODEL).unwrap();
    let body: Value = serde_json::from_slice(&written.body).unwrap();
    let name = body["tools"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("my_tool_") && written.said.names.back(name) == "my.tool");
    let ids: Vec<&str> = [1, 3].map(|at: usize| body["messages"][at]["content"][0]["id"].as_str().unwrap()).to_vec();
    // An id may be used once only.
    assert_ne!(ids[0], ids[1]);
    for (at, id) in [(2_usize, ids[0]), (4, ids[1])] {
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{id}");
        assert_eq!(body["messages"][at]["content"][0]["tool_use_id"], id);
    }
    assert_eq!(body["messages"][3]["content"][0]["input"], json!({"_raw": "x"}));
    assert_eq!(body["messages"][3]["content"][0]["name"], name);
    // Calls without ids are answered in their order.
    let nameless =
        |text: &str| Part::Result(ToolResult { name: Some("f".into()), content: vec![Part::text(text)], ..ToolResult::default() });
    let parts = |texts: [&str; 2]| texts.map(nameless).to_vec();
    let turns = vec![assistant(vec![call("", "f", ""), call("", "f", "")]), Turn::new(Role::User, parts(["1", "2"]))];
    let found = messages(turns);
    assert_eq!(found[2]["content"][1]["content"], json!([words("2")]));
    assert_ne!(found[2]["content"][0]["tool_use_id"], found[2]["content"][1]["tool_use_id"]);
}

#[test]
fn only_thoughts_of_its_own_go_back() {
    let thinking = |origin, text: &str| Part::Thinking(Thinking { text: text.into(), signature: Some(Signature::new(origin, "sig")) });
    let unsigned = Part::Thinking(Thinking { text: "u".into(), signature: None });
    let parts = vec![
        Part::text("t"),
        thinking(Origin::Gemini, "g"),
        unsigned,
        thinking(Origin::Anthropic, "a"),
        Part::Redacted(Signature::new(Origin::Anthropic, "r")),
        Part::Redacted(Signature::new(Origin::OpenAi, "o")),
    ];
    let (body, dropped) = write(&chat(vec![user("q"), assistant(parts), user("q")]), MODEL);
    let expect = json!([{"type": "thinking", "thinking": "a", "signature": "sig"}, {"type": "redacted_thinking", "data": "r"}, words("t")]);
    assert_eq!(body["messages"][1]["content"], expect);
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn media_go_as_they_are_or_not_at_all() {
    let of = |kind, source| chat(vec![Turn::new(Role::User, vec![Part::Media(Media::new(kind, source))])]);
    let inline = |mime: &str, data: &str| Source::Inline { mime: mime.into(), data: data.into() };
    let url = |url: &str| Source::Url { mime: None, url: url.into() };
    let check = |kind, source, expect: Value| {
        assert_eq!(write(&of(kind, source), MODEL).0["messages"][0]["content"][0]["source"], expect);
    };
    let (image, document) = (MediaKind::Image, MediaKind::Document);
    check(image, inline("image/jpg", "/9j/4A=="), json!({"type": "base64", "media_type": "image/jpeg", "data": "/9j/4A=="}));
    check(image, inline("", "iVBORw0KGgoAAAA="), json!({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAA="}));
    check(image, url("https://a.example/b.png"), json!({"type": "url", "url": "https://a.example/b.png"}));
    check(document, inline("application/pdf", "JVBERi0="), json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}));
    check(document, inline("text/markdown", "aGk="), json!({"type": "text", "media_type": "text/plain", "data": "hi"}));
    check(document, Source::Text("hi".into()), json!({"type": "text", "media_type": "text/plain", "data": "hi"}));
    check(image, Source::FileId("file_1".into()), json!({"type": "file", "file_id": "file_1"}));
    let written = try_write(&of(image, Source::FileId("file_1".into())), MODEL).unwrap();
    assert_eq!(written.headers, vec![("anthropic-beta", "files-api-2025-04-14".to_owned())]);
    let refused = |kind, source| assert_eq!(try_write(&of(kind, source), MODEL).unwrap_err().param, Some("messages"));
    refused(image, inline("image/bmp", "Qk0="));
    refused(image, url("gs://bucket/a.png"));
    refused(image, Source::FileId("file-abc".into()));
    refused(document, inline("application/msword", "0M8R"));
    refused(document, inline("text/plain", "/w=="));
    refused(MediaKind::Audio, inline("audio/wav", "UklGRg=="));
    refused(MediaKind::Video, url("https://a.example/b.mp4"));
}

#[test]
fn a_document_keeps_what_is_said_of_it() {
    let media = Media {
        name: Some("T".into()),
        context: Some("C".into()),
        citations: true,
        cache: Some(CacheMark { one_hour: true }),
        ..Media::new(MediaKind::Document, Source::Text("d".into()))
    };
    let (body, _) = write(&chat(vec![Turn::new(Role::User, vec![Part::Media(media)])]), MODEL);
    let expect = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}, "title": "T", "context": "C",
        "citations": {"enabled": true}, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    assert_eq!(body["messages"][0]["content"][0], expect);
}

#[test]
fn the_first_of_too_many_cache_marks_go() {
    let marked = |text: &str| Part::Text(Text { cache: Some(CacheMark::default()), ..Text::new(text) });
    let tool = Tool { name: "f".into(), cache: Some(CacheMark::default()), ..Tool::default() };
    let system = vec![Text { cache: Some(CacheMark::default()), ..Text::new("s") }];
    let turns = vec![Turn::new(Role::User, vec![marked("a"), marked("b"), marked("c")])];
    let mut chat = Chat { system, tools: vec![tool], ..chat(turns) };
    let count = |chat: &Chat| {
        let (body, _) = write(chat, MODEL);
        let blocks = body["messages"][0]["content"].as_array().unwrap().iter();
        let own = [&body["tools"][0], &body["system"][0]].into_iter().chain(blocks);
        own.map(|block| !block["cache_control"].is_null()).collect::<Vec<_>>()
    };
    assert_eq!(count(&chat), [false, true, true, true, true]);
    chat.cache = Some(CacheMark::default());
    assert_eq!(count(&chat), [false, false, true, true, true]);
    assert_eq!(write(&chat, MODEL).0["cache_control"], json!({"type": "ephemeral"}));
}

#[test]
fn tools_are_told_and_chosen() {
    let tool = |name: &str| Tool { name: name.into(), ..Tool::default() };
    let check = |choice: Option<ToolChoice>, parallel: Option<bool>, expect: Value| {
        let chat = Chat { tools: vec![tool("f"), tool("g")], tool_choice: choice, parallel_tools: parallel, ..chat(vec![user("a")]) };
        assert_eq!(write(&chat, MODEL).0["tool_choice"], expect);
    };
    check(None, None, Value::Null);
    check(None, Some(false), json!({"type": "auto", "disable_parallel_tool_use": true}));
    check(Some(ToolChoice::Auto), Some(true), json!({"type": "auto"}));
    check(Some(ToolChoice::None), Some(false), json!({"type": "none"}));
    check(Some(ToolChoice::Required), None, json!({"type": "any"}));
    check(Some(ToolChoice::Named("g".into())), None, json!({"type": "tool", "name": "g"}));
    let allowed = ToolChoice::Allowed { names: vec!["g".into()], required: true };
    let (body, _) = write(&Chat { tools: vec![tool("f"), tool("g")], tool_choice: Some(allowed), ..chat(vec![user("a")]) }, MODEL);
    assert_eq!(body["tools"], json!([{"name": "g", "input_schema": {"type": "object", "properties": {}}}]));
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    // Nothing to choose from.
    assert_eq!(write(&Chat { tool_choice: Some(ToolChoice::Auto), ..chat(vec![user("a")]) }, MODEL).0["tool_choice"], Value::Null);
}

#[test]
fn odd_tools_find_their_form() {
    let schema = json!({"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}, "required": ["b"]}]});
    let own = Extra { origin: Origin::Anthropic, field: "defer_loading".into(), value: json!(true) };
    let other = Extra { origin: Origin::OpenAi, field: "format".into(), value: json!({}) };
    let tools = vec![
        Tool { name: "f".into(), schema: Some(schema), extras: vec![own, other], strict: Some(false), ..Tool::default() },
        Tool { name: "patch".into(), free_text: true, ..Tool::default() },
    ];
    let hosted_tools = vec![
        HostedTool::WebSearch { max_uses: Some(2) },
        HostedTool::Other { origin: Origin::Anthropic, kind: "computer_20251124".into(), value: json!({"type": "computer_20251124"}) },
        HostedTool::Other { origin: Origin::OpenAi, kind: "file_search".into(), value: json!({"type": "file_search"}) },
    ];
    let turns = vec![user("a"), assistant(vec![call("1", "patch", "*** Begin")])];
    let written = try_write(&Chat { tools, hosted_tools, ..chat(turns) }, MODEL).unwrap();
    let body: Value = serde_json::from_slice(&written.body).unwrap();
    let expect = json!([
        {"name": "f", "input_schema": {"type": "object", "properties": {"a": {}, "b": {}}}, "defer_loading": true},
        {"name": "patch", "input_schema": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        {"type": "computer_20251124"},
    ]);
    assert_eq!(body["tools"], expect);
    assert_eq!(body["messages"][1]["content"][0]["input"], json!({"input": "*** Begin"}));
    assert_eq!(written.dropped, vec![Dropped::new("tools[].format"), Dropped::new("tools[].file_search")]);
    assert_eq!(written.said.free_text_tools, ["patch"]);
    assert_eq!(written.headers, vec![("anthropic-beta", "computer-use-2025-11-24".to_owned())]);
}

#[test]
fn tools_of_the_past_are_named_again() {
    let turns = vec![user("a"), assistant(vec![call("1", "f", "{}"), call("2", "g", "{}"), call("3", "f", "{}")])];
    let (body, _) = write(&chat(turns), MODEL);
    let spec = |name: &str| json!({"name": name, "input_schema": {"type": "object", "properties": {}}});
    assert_eq!(body["tools"], json!([spec("f"), spec("g")]));
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
}

#[test]
fn the_form_of_the_answer_is_asked_for_as_the_model_takes_it() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}, "pattern": {"type": "string", "pattern": "a"},
        "l": {"type": "array", "minItems": 2, "items": {"oneOf": [{"type": "object", "properties": {}}]}}}});
    let format = Format::Schema { name: Some("x".into()), description: None, schema, strict: Some(true) };
    let asked = Chat { format: Some(format), ..chat(vec![user("a")]) };
    let exact = json!({"type": "object", "properties": {"n": {"type": "integer"}, "pattern": {"type": "string"},
        "l": {"type": "array", "items": {"anyOf": [{"type": "object", "properties": {}, "additionalProperties": false}]}}}, "additionalProperties": false});
    assert_eq!(write(&asked, MODEL).0["output_config"], json!({"format": {"type": "json_schema", "schema": exact}}));
    let old = try_write(&asked, "claude-3-7-sonnet-20250219").unwrap();
    let body: Value = serde_json::from_slice(&old.body).unwrap();
    assert_eq!(old.said.json_tool.as_deref(), Some("json"));
    assert_eq!(body["tools"][0]["name"], "json");
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "json", "disable_parallel_tool_use": true}));
    assert_eq!(body["output_config"], Value::Null);
    let tools = vec![Tool { name: "json".into(), ..Tool::default() }];
    let beside = try_write(&Chat { tools, ..asked }, "claude-3-7-sonnet-20250219").unwrap();
    let body: Value = serde_json::from_slice(&beside.body).unwrap();
    assert_eq!((beside.said.json_tool.as_deref(), &body["tool_choice"]["type"]), (Some("json_"), &json!("any")));
    let any_json = Chat { format: Some(Format::Json), ..chat(vec![user("a")]) };
    assert_eq!(write(&any_json, MODEL).0["system"], json!([words("Answer with one JSON object and nothing else.")]));
}

#[test]
fn names_of_speakers_and_strict_tools_are_named_where_they_are_not_known() {
    let named = Turn { name: Some("anna".into()), ..user("q") };
    let tool = Tool { name: "f".into(), strict: Some(true), ..Tool::default() };
    let chat = Chat { tools: vec![tool], ..chat(vec![named]) };
    assert_eq!(write(&chat, "claude-3-5-haiku-20241022").1, ["tools[].strict", "messages[].name"]);
    assert_eq!(write(&chat, MODEL).1, ["messages[].name"]);
}

#[test]
fn a_file_that_was_given_to_gemini_is_refused() {
    let url = String::from("https://generativelanguage.googleapis.com/v1beta/files/abc");
    let file = Media::new(MediaKind::Document, Source::Url { mime: Some("application/pdf".into()), url });
    let asked = chat(vec![Turn::new(Role::User, vec![Part::Media(file)])]);
    assert_eq!(try_write(&asked, MODEL).unwrap_err().what, "this provider does not know files of another one");
}

#[test]
fn thoughts_stand_first_in_turns_that_become_one() {
    let thought = Part::Thinking(Thinking { text: "t".into(), signature: Some(Signature::new(Origin::Anthropic, "s")) });
    // Nothing asked for the result, and it says nothing: the turns beside it are neighbours.
    let stray = Part::Result(ToolResult { id: "a".into(), ..ToolResult::default() });
    let turns = vec![user("q"), assistant(vec![Part::text("no")]), Turn::new(Role::User, vec![stray]), assistant(vec![thought])];
    let (body, _) = write(&chat(turns), MODEL);
    let kinds: Vec<&Value> = body["messages"][1]["content"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["thinking", "text"]);
}
