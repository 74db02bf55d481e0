//! Requests are read.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Anthropic;
use crate::client::{Asked, ClientDialect as _, Heard, Unreadable};
use crate::neutral::{
    CacheMark, Chat, Dropped, Effort, Extra, Foreign, Format, HostedTool, Media, MediaKind, Origin, Part, Reasoning, Role, Signature,
    Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn, ids,
};

fn read(body: &Value) -> Result<Heard, Unreadable> {
    Anthropic.read(Asked { body: body.to_string().as_bytes(), model: "m", stream: false })
}

fn heard(body: &Value) -> Heard {
    read(body).unwrap_or_else(|error| panic!("{error}"))
}

/// The parts of one turn.
fn parts(role: &str, blocks: Value) -> Vec<Part> {
    let chat = heard(&json!({"messages": [{"role": role, "content": blocks}]})).chat;
    chat.turns.into_iter().flat_map(|turn| turn.parts).collect()
}

fn extra(field: &str, value: Value) -> Extra {
    Extra { origin: Origin::Anthropic, field: field.to_owned(), value }
}

#[test]
fn a_request_of_a_coding_agent_is_read_whole() {
    let body = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 32000, "stream": true, "temperature": 1, "top_k": 40.0,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1"},
            {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        "messages": [
            {"role": "user", "content": "List the files."},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "ls will do", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls", "n": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a\nb", "is_error": true},
                {"type": "text", "text": "And now?", "cache_control": {"type": "ephemeral"}},
            ]},
            {"role": "system", "content": "Mind the time."},
        ],
        "tools": [
            {"name": "Bash", "description": "Runs.", "input_schema": {"type": "object"}, "eager_input_streaming": true},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3, "allowed_domains": ["a.example"]},
            {"type": "computer_20251124", "name": "computer", "display_width_px": 800},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
        ],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}, "task_budget": {"total": 1}},
        "stop_sequences": ["END"], "metadata": {"user_id": "u-1"}, "service_tier": "standard_only",
        "context_management": {"edits": []}, "cache_control": {"type": "ephemeral"}, "container": null,
    });
    let Heard { chat, dropped, .. } = heard(&body);
    assert_eq!(dropped, vec![Dropped::new("tools[].allowed_domains")]);
    assert_eq!(chat.system, vec![Text { cache: Some(CacheMark { one_hour: true }), ..Text::new("Be brief.") }]);
    let signature = Some(Signature::new(Origin::Anthropic, "c2ln"));
    let call = ToolCall { id: "toolu_1".into(), name: "Bash".into(), arguments: r#"{"command":"ls","n":1}"#.into(), ..ToolCall::default() };
    let result =
        ToolResult { id: "toolu_1".into(), name: Some("Bash".into()), content: vec![Part::text("a\nb")], is_error: true, cache: None };
    let asked = Text { cache: Some(CacheMark::default()), ..Text::new("And now?") };
    let turns = vec![
        Turn::new(Role::User, vec![Part::text("List the files.")]),
        Turn::new(Role::Assistant, vec![Part::Thinking(Thinking { text: "ls will do".into(), signature }), Part::Call(call)]),
        Turn::new(Role::User, vec![Part::Result(result), Part::Text(asked)]),
        Turn::new(Role::System, vec![Part::text("Mind the time.")]),
    ];
    assert_eq!(chat.turns, turns);
    let bash = Tool {
        name: "Bash".into(),
        description: Some("Runs.".into()),
        schema: Some(json!({"type": "object"})),
        extras: vec![extra("eager_input_streaming", json!(true))],
        ..Tool::default()
    };
    assert_eq!(chat.tools.first(), Some(&bash));
    assert_eq!(chat.tools.get(1).map(|tool| tool.name.as_str()), Some("str_replace_based_edit_tool"));
    let kind = "computer_20251124";
    let computer = json!({"type": kind, "name": "computer", "display_width_px": 800});
    let hosted = vec![
        HostedTool::WebSearch { max_uses: Some(3) },
        HostedTool::Other { origin: Origin::Anthropic, kind: kind.into(), value: computer },
    ];
    assert_eq!(chat.hosted_tools, hosted);
    let reasoning = Reasoning { enabled: Some(true), adaptive: true, effort: Some(Effort::High), budget: None, show: Some(true) };
    let rest = Chat {
        tool_choice: Some(ToolChoice::Required),
        parallel_tools: Some(false),
        max_output: Some(32000),
        stop: vec!["END".into()],
        format: Some(Format::Schema { name: None, description: None, schema: json!({"type": "object"}), strict: None }),
        reasoning: Some(reasoning),
        stream: true,
        user: Some("u-1".into()),
        service_tier: Some("default".into()),
        cache: Some(CacheMark::default()),
        extras: vec![extra("output_config", json!({"task_budget": {"total": 1}})), extra("context_management", json!({"edits": []}))],
        sampling: crate::neutral::Sampling { temperature: Some(1.0), top_k: Some(40), ..Default::default() },
        ..Chat::default()
    };
    let read = Chat { system: Vec::new(), turns: Vec::new(), tools: Vec::new(), hosted_tools: Vec::new(), ..chat };
    assert_eq!(read, rest);
}

#[test]
fn media_are_read_from_wherever_they_are() {
    let check = |block: Value, expect: Media| assert_eq!(parts("user", json!([block])), vec![Part::Media(expect)]);
    let image = |source| Media::new(MediaKind::Image, source);
    let document = |source| Media::new(MediaKind::Document, source);
    check(
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/PNG", "data": "-_8"}}),
        image(Source::Inline { mime: "image/png".into(), data: "+/8=".into() }),
    );
    check(
        json!({"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}),
        image(Source::Url { mime: None, url: "https://a.example/b.png".into() }),
    );
    check(json!({"type": "image", "source": {"type": "file", "file_id": "file_1"}}), image(Source::FileId("file_1".into())));
    check(
        json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "T", "context": "C", "citations": {"enabled": true}}),
        Media {
            name: Some("T".into()),
            context: Some("C".into()),
            citations: true,
            ..document(Source::Inline { mime: "application/pdf".into(), data: "JVBERi0=".into() })
        },
    );
    check(
        json!({"type": "document", "source": {"type": "url", "url": "https://a.example/b"}}),
        document(Source::Url { mime: Some("application/pdf".into()), url: "https://a.example/b".into() }),
    );
    check(
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}),
        document(Source::Text("words".into())),
    );
    check(
        json!({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}),
        document(Source::Text("a\nb".into())),
    );
    check(
        json!({"type": "search_result", "source": "https://a.example", "title": "A", "content": [{"type": "text", "text": "found"}]}),
        Media { name: Some("A".into()), context: Some("https://a.example".into()), ..document(Source::Text("found".into())) },
    );
}

#[test]
fn what_only_this_dialect_knows_is_kept_as_it_was() {
    let block = json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}});
    let foreign = Foreign { origin: Origin::Anthropic, kind: "server_tool_use".into(), value: block.clone() };
    assert_eq!(parts("assistant", json!([block])), vec![Part::Foreign(foreign)]);
}

#[test]
fn marks_of_others_come_back_and_nobodys_is_taken_off() {
    let mark = Signature::new(Origin::Gemini, "CiQB");
    let id = ids::join("call_1", Some(&mark));
    let found = parts(
        "assistant",
        json!([
            {"type": "thinking", "thinking": "a", "signature": Signature::nobodys().write_in(Origin::Anthropic)},
            {"type": "thinking", "thinking": "b", "signature": mark.write_in(Origin::Anthropic)},
            {"type": "redacted_thinking", "data": "ZGF0YQ=="},
            {"type": "text", "text": ""},
            {"type": "tool_use", "id": id, "name": "f", "input": {}},
        ]),
    );
    let expect = vec![
        Part::Thinking(Thinking { text: "a".into(), signature: None }),
        Part::Thinking(Thinking { text: "b".into(), signature: Some(mark.clone()) }),
        Part::Redacted(Signature::new(Origin::Anthropic, "ZGF0YQ==")),
        Part::Call(ToolCall { id: "call_1".into(), name: "f".into(), arguments: "{}".into(), signature: Some(mark), cache: None }),
    ];
    assert_eq!(found, expect);
    let result = parts("user", json!([{"type": "tool_result", "tool_use_id": id}]));
    assert_eq!(result, vec![Part::Result(ToolResult { id: "call_1".into(), ..ToolResult::default() })]);
}

#[test]
fn tools_that_the_vendor_publishes_become_functions() {
    let check = |kind: &str, name: &str, member: &str| {
        let chat = heard(&json!({"messages": [], "tools": [{"type": kind, "name": name}]})).chat;
        let tool = chat.tools.first().unwrap_or_else(|| panic!("{kind}"));
        assert_eq!(tool.name, name);
        assert!(tool.schema.as_ref().unwrap()["properties"].get(member).is_some(), "{kind}");
    };
    check("bash_20250124", "bash", "restart");
    check("text_editor_20250124", "str_replace_editor", "view_range");
    check("text_editor_20250728", "str_replace_based_edit_tool", "insert_text");
    check("memory_20250818", "memory", "new_path");
}

#[test]
fn thinking_is_read_in_all_its_forms() {
    let check = |thinking: Value, expect: Option<Reasoning>, extras: usize| {
        let chat = heard(&json!({"messages": [], "thinking": thinking})).chat;
        assert_eq!((chat.reasoning, chat.extras.len()), (expect, extras), "{thinking}");
    };
    let on = Reasoning { enabled: Some(true), ..Reasoning::default() };
    check(json!({"type": "enabled", "budget_tokens": 4096}), Some(Reasoning { budget: Some(4096), ..on }), 0);
    check(json!({"type": "adaptive", "display": "omitted"}), Some(Reasoning { adaptive: true, show: Some(false), ..on }), 0);
    check(json!({"type": "disabled"}), Some(Reasoning { enabled: Some(false), ..Reasoning::default() }), 0);
    check(json!({"type": "between_tools"}), None, 1);
    check(Value::Null, None, 0);
}

#[test]
fn what_is_no_request_is_refused_with_its_place() {
    let check = |body: Value, at: &str, param: Option<&str>| {
        let error = read(&body).map(|_| ()).unwrap_err();
        assert_eq!((error.at.as_str(), error.param), (at, param), "{body}");
    };
    check(json!([]), "body", None);
    check(json!({}), "messages", Some("messages"));
    check(json!({"messages": "hi"}), "messages", Some("messages"));
    check(json!({"messages": [{"role": "tool", "content": ""}]}), "messages[0].role", Some("messages"));
    check(json!({"messages": [{"role": "user", "content": [{}]}]}), "messages[0].content[0].type", Some("messages"));
    check(
        json!({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "moon"}}]}]}),
        "messages[0].content[0].source.type",
        Some("messages"),
    );
    check(
        json!({"messages": [{"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]}),
        "messages[0].content",
        Some("messages"),
    );
    check(json!({"messages": [], "max_tokens": 1.5}), "max_tokens", Some("max_tokens"));
    check(json!({"messages": [], "max_tokens": -1}), "max_tokens", Some("max_tokens"));
    check(json!({"messages": [], "tools": [{"input_schema": {}}]}), "tools[0].name", Some("tools"));
    check(json!({"messages": [], "tool_choice": {"type": "tool"}}), "tool_choice.name", Some("tool_choice"));
    check(json!({"messages": [], "stop_sequences": [1]}), "stop_sequences[0]", Some("stop_sequences"));
    let broken = Anthropic.read(Asked { body: b"{", model: "", stream: false });
    assert_eq!(broken.unwrap_err().to_string(), "body: is not JSON");
}

#[test]
fn a_count_is_asked_for() {
    // What is counted has no bound on the output.
    assert_eq!(heard(&json!({"model": "m", "messages": []})).chat.max_output, None);
}

/// JSON made of the dialect's own words in any places.
fn odd() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "text",
        "image",
        "document",
        "thinking",
        "tool_use",
        "tool_result",
        "user",
        "assistant",
        "system",
        "base64",
        "url",
        "content",
        "enabled",
        "adaptive",
        "json_schema",
        "tool",
        "any",
        "custom",
        "bash_20250124",
        "ephemeral",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from)
    ];
    let keys = prop::sample::select(vec![
        "type",
        "role",
        "content",
        "text",
        "source",
        "media_type",
        "data",
        "url",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "name",
        "input",
        "id",
        "tool_use_id",
        "thinking",
        "signature",
        "output_config",
        "format",
        "schema",
        "metadata",
        "cache_control",
        "citations",
        "input_schema",
        "max_tokens",
        "stop_sequences",
    ]);
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let object = prop::collection::vec((keys.clone(), inner.clone()), 0..6)
            .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()));
        prop_oneof![2 => prop::collection::vec(inner, 0..4).prop_map(Value::Array), 5 => object]
    })
}

proptest! {
    #[test]
    fn nothing_that_comes_breaks_the_reader(body in odd(), blocks in prop::collection::vec(odd(), 0..4), tools in odd()) {
        let _ = read(&body);
        let whole = json!({"messages": [{"role": "user", "content": blocks}], "tools": tools});
        if let Err(error) = read(&whole) {
            prop_assert!(error.at.starts_with(error.param.unwrap()));
        }
        let _ = Anthropic.read(Asked { body: body.to_string().get(1..).unwrap_or_default().as_bytes(), model: "", stream: true });
    }
}
