use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::client::ClientDialect as _;
use crate::client::chat::OpenAiChat;
use crate::neutral::media::{Media, MediaKind, Source};
use crate::neutral::signature::Signature;
use crate::neutral::{Part, Role, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn, ids};

fn heard(body: &Value) -> Result<Heard, Unreadable> {
    let body = serde_json::to_vec(body).unwrap();
    OpenAiChat.read(Asked { body: &body, model: "m", stream: false })
}

fn chat(body: &Value) -> Chat {
    heard(body).unwrap().chat
}

#[test]
fn every_field_has_its_place() {
    let body = json!({
        "model": "m", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "hi", "name": "ann"}],
        "max_tokens": 5, "max_completion_tokens": 7, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "presence_penalty": 1,
        "frequency_penalty": -1.5, "seed": -3, "stop": "END", "n": 2, "logprobs": true, "top_logprobs": 3, "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": true}},
        "reasoning_effort": "high", "user": "u", "safety_identifier": "s", "metadata": {"a": "b"}, "service_tier": "flex",
        "prompt_cache_key": "k", "parallel_tool_calls": false, "web_search_options": {"search_context_size": "low"},
        "logit_bias": {"1": 2}, "store": true, "seedling": null,
    });
    let heard = heard(&body).unwrap();
    let extra = |field: &str, value: Value| Extra { origin: Origin::OpenAi, field: field.to_owned(), value };
    let expect = Chat {
        turns: vec![Turn { role: Role::User, parts: vec![Part::text("hi")], name: Some(String::from("ann")) }],
        hosted_tools: vec![HostedTool::WebSearch { max_uses: None }],
        parallel_tools: Some(false),
        max_output: Some(7),
        sampling: Sampling {
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(40),
            presence_penalty: Some(1.0),
            frequency_penalty: Some(-1.5),
            seed: Some(-3),
        },
        stop: vec![String::from("END")],
        answers: Some(2),
        logprobs: Some(3),
        format: Some(Format::Schema {
            name: Some(String::from("n")),
            description: Some(String::from("d")),
            schema: json!({"type": "object"}),
            strict: Some(true),
        }),
        verbosity: Some(String::from("low")),
        reasoning: Some(Reasoning { effort: Some(Effort::High), ..Reasoning::default() }),
        user: Some(String::from("u")),
        metadata: json!({"a": "b"}).as_object().cloned().unwrap(),
        service_tier: Some(String::from("flex")),
        cache_key: Some(String::from("k")),
        extras: vec![extra("logit_bias", json!({"1": 2})), extra("store", json!(true))],
        ..Chat::default()
    };
    assert_eq!(heard.chat, expect);
    assert_eq!(heard.dropped, vec![Dropped::new("web_search_options.search_context_size")]);
}

#[test]
fn messages_become_turns() {
    let signed = ids::join("call_7", Some(&Signature::new(Origin::Gemini, "Ci")));
    let read = chat(&json!({"messages": [
        {"role": "developer", "content": "be brief"},
        {"role": "system", "content": [{"type": "text", "text": "and kind", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
            {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
            {"type": "file", "file": {"file_id": "file-1"}}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": signed, "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            {"id": "call_8", "type": "function", "function": {"name": "g", "arguments": ""}, "extra_content": {"google": {"thought_signature": "Cj"}}}]},
        {"role": "tool", "tool_call_id": signed, "content": "one"},
        {"role": "tool", "tool_call_id": "call_8", "content": [{"type": "text", "text": "two"}]},
        {"role": "system", "content": "now in French"},
        {"role": "assistant", "content": [{"type": "text", "text": "oui"}, {"type": "refusal", "refusal": "non"}]},
    ]}));
    let media = |kind, source| Media::new(kind, source);
    let inline = |mime: &str, data: &str| Source::Inline { mime: mime.to_owned(), data: data.to_owned() };
    let result = |id: &str, name: &str, text: &str| {
        Part::Result(ToolResult {
            id: id.to_owned(),
            name: Some(name.to_owned()),
            content: vec![Part::text(text)],
            ..ToolResult::default()
        })
    };
    let call = |id: &str, name: &str, arguments: &str, mark: &str| {
        let signature = Some(Signature::new(Origin::Gemini, mark));
        Part::Call(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned(), signature, cache: None })
    };
    let expect = Chat {
        system: vec![Text::new("be brief"), Text { cache: Some(CacheMark { one_hour: true }), ..Text::new("and kind") }],
        turns: vec![
            Turn::new(
                Role::User,
                vec![
                    Part::text("look"),
                    Part::Media(Media { detail: Some(String::from("low")), ..media(MediaKind::Image, inline("image/png", "AAAA")) }),
                    Part::Media(media(MediaKind::Image, Source::Url { mime: None, url: String::from("https://example.com/a.jpg") })),
                    Part::Media(media(MediaKind::Audio, inline("audio/mp3", "BBBB"))),
                    Part::Media(Media {
                        name: Some(String::from("a.pdf")),
                        ..media(MediaKind::Document, inline("application/pdf", "CCCC"))
                    }),
                    Part::Media(media(MediaKind::Document, Source::FileId(String::from("file-1")))),
                ],
            ),
            Turn::new(Role::Assistant, vec![call("call_7", "f", "{\"a\":1}", "Ci"), call("call_8", "g", "", "Cj")]),
            Turn::new(Role::User, vec![result("call_7", "f", "one"), result("call_8", "g", "two")]),
            Turn::new(Role::System, vec![Part::text("now in French")]),
            Turn::new(Role::Assistant, vec![Part::text("oui"), Part::Refusal(String::from("non"))]),
        ],
        ..Chat::default()
    };
    assert_eq!(read, expect);
}

#[test]
fn thoughts_come_back_with_their_marks() {
    let check = |fields: Value, expect: Vec<Part>| {
        let mut message = json!({"role": "assistant", "content": "x"});
        message.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap());
        let mut parts = chat(&json!({"messages": [message.clone()]})).turns.remove(0).parts;
        assert_eq!(parts.pop(), Some(Part::text("x")));
        assert_eq!(parts, expect, "{message}");
    };
    let thought = |text: &str, mark: Option<Signature>| Part::Thinking(Thinking { text: text.to_owned(), signature: mark });
    let claude = |mark: &str| Signature::new(Origin::Anthropic, mark);
    check(json!({"reasoning_content": "hm"}), vec![thought("hm", None)]);
    check(json!({"reasoning": "hm", "reasoning_content": ""}), vec![thought("hm", None)]);
    check(
        json!({"reasoning_content": "ab", "thinking_blocks": [
            {"type": "thinking", "thinking": "a", "signature": "S"},
            {"type": "redacted_thinking", "data": "D"},
            {"type": "thinking", "thinking": "b", "signature": "fluxa.g.T"}]}),
        vec![thought("a", Some(claude("S"))), Part::Redacted(claude("D")), thought("b", Some(Signature::new(Origin::Gemini, "T")))],
    );
    check(
        json!({"reasoning_content": "a", "thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "S"}]}),
        vec![thought("a", Some(claude("S")))],
    );
    check(
        json!({"reasoning": "a", "reasoning_details": [
            {"type": "reasoning.text", "text": "a", "signature": "S", "format": "anthropic-claude-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": "E", "format": "openai-responses-v1", "index": 1}]}),
        vec![thought("a", Some(claude("S"))), Part::Redacted(Signature::new(Origin::OpenAi, "E"))],
    );
}

#[test]
fn tools_and_the_choice_among_them() {
    let heard = heard(&json!({"messages": [], "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
        {"type": "web_search_preview"}, {"type": "mcp", "server_label": "x"}],
        "functions": [{"name": "old"}], "function_call": {"name": "old"}}))
    .unwrap();
    let format = Extra { origin: Origin::OpenAi, field: String::from("format"), value: json!({"type": "text"}) };
    let expect = vec![
        Tool {
            name: String::from("f"),
            description: Some(String::from("d")),
            schema: Some(json!({"type": "object"})),
            strict: Some(true),
            cache: Some(CacheMark::default()),
            ..Tool::default()
        },
        Tool { name: String::from("c"), free_text: true, extras: vec![format], ..Tool::default() },
        Tool { name: String::from("old"), ..Tool::default() },
    ];
    assert_eq!(heard.chat.tools, expect);
    assert_eq!(heard.chat.hosted_tools.len(), 2);
    assert_eq!(heard.chat.tool_choice, Some(ToolChoice::Named(String::from("old"))));
    assert_eq!(heard.repeat.get("custom_tools"), Some(&json!(["c"])));
    let check =
        |value: Value, expect: ToolChoice| assert_eq!(chat(&json!({"messages": [], "tool_choice": value})).tool_choice, Some(expect));
    check(json!("auto"), ToolChoice::Auto);
    check(json!("none"), ToolChoice::None);
    check(json!("required"), ToolChoice::Required);
    check(json!({"type": "function", "function": {"name": "f"}}), ToolChoice::Named(String::from("f")));
    check(json!({"type": "custom", "custom": {"name": "c"}}), ToolChoice::Named(String::from("c")));
    check(
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}}),
        ToolChoice::Allowed { names: vec![String::from("f")], required: true },
    );
}

#[test]
fn results_without_ids_find_their_calls() {
    let read = chat(&json!({"messages": [
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "2"},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}, {"id": "b", "function": {"name": "f"}}]},
        {"role": "tool", "content": "3"},
        {"role": "tool", "content": "4"}]}));
    let ids: Vec<&str> = read
        .turns
        .iter()
        .flat_map(|turn| &turn.parts)
        .map(|part| match part {
            Part::Call(call) => call.id.as_str(),
            Part::Result(result) => result.id.as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(ids, ["call_function_0", "call_function_0", "call_function_1", "call_function_1", "a", "b", "a", "b"]);
}

#[test]
fn thinking_is_asked_for_in_many_words() {
    let check = |fields: Value, expect: Reasoning| {
        let mut body = json!({"messages": []});
        body.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap());
        assert_eq!(chat(&body).reasoning, Some(expect), "{body}");
    };
    let none = Reasoning::default();
    check(json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}), Reasoning { enabled: Some(true), budget: Some(2_000), ..none });
    check(json!({"thinking": {"type": "disabled"}}), Reasoning { enabled: Some(false), ..none });
    check(
        json!({"thinking": {"type": "adaptive"}, "reasoning_effort": "low"}),
        Reasoning { adaptive: true, effort: Some(Effort::Low), ..none },
    );
    check(json!({"reasoning": {"effort": "xhigh", "exclude": true}}), Reasoning { effort: Some(Effort::XHigh), show: Some(false), ..none });
    check(json!({"reasoning": {"max_tokens": 9, "enabled": true}}), Reasoning { enabled: Some(true), budget: Some(9), ..none });
    check(json!({"enable_thinking": true, "thinking_budget": 8}), Reasoning { enabled: Some(true), budget: Some(8), ..none });
    assert_eq!(chat(&json!({"messages": [], "reasoning_effort": "default"})).reasoning, None);
}

#[test]
fn what_cannot_be_read_names_its_place() {
    let check = |body: Value, expect: &str| assert_eq!(heard(&body).unwrap_err().to_string(), expect);
    check(json!([]), "body: a request is a json object");
    check(json!({}), "messages: missing");
    check(json!({"messages": {}}), "messages: expected a list");
    check(json!({"messages": ["x"]}), "messages[0]: expected an object");
    check(json!({"messages": [{"role": "bard"}]}), "messages[0].role: unknown role");
    check(json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}), "messages[0].content[0]: a text part without text");
    check(
        json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]}),
        "messages[0].content[0]: an unreadable data address",
    );
    check(json!({"messages": [{"role": "tool", "content": "x"}]}), "messages[0].tool_call_id: missing");
    check(json!({"messages": [], "temperature": "hot"}), "temperature: expected a number");
    check(json!({"messages": [], "tools": [{"type": "function", "function": {}}]}), "tools[0].function.name: missing");
    check(json!({"messages": [], "response_format": {"type": "xml"}}), "response_format.type: unknown type");
    check(json!({"messages": [], "reasoning_effort": "most"}), "reasoning_effort: unknown effort");
}

/// Any JSON, now and then with words of the dialect.
fn any_json() -> impl Strategy<Value = Value> {
    let word = "(role|content|type|text|user|assistant|tool|tool_calls|function|name|id|arguments|image_url|url|file|messages|thinking|x)";
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i32>().prop_map(Value::from), word.prop_map(Value::from)];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word, inner), 0..6).prop_map(|pairs| pairs.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn no_request_is_too_odd(messages in any_json(), name in "(tools|tool_choice|response_format|thinking|reasoning|stop|functions|metadata|n)", value in any_json()) {
        let body = json!({"messages": messages, name: value});
        if let Err(error) = heard(&body) {
            prop_assert!(!error.at.is_empty() && !error.what.is_empty());
        }
    }

    #[test]
    fn no_message_is_too_odd(role in "(user|assistant|tool|system|function)", content in any_json(), calls in any_json()) {
        let _ = heard(&json!({"messages": [{"role": role, "content": content, "tool_calls": calls, "tool_call_id": "a", "thinking_blocks": content}]}));
    }
}

/// Cheap: each result finds its call at once.
#[test]
fn results_without_ids_answer_the_calls_in_turn() {
    let many = 20_000;
    let calls: Vec<Value> = (0..many).map(|n| json!({"id": format!("c{n}"), "function": {"name": "f", "arguments": "{}"}})).collect();
    let mut messages =
        vec![json!({"role": "assistant", "tool_calls": calls}), json!({"role": "tool", "tool_call_id": "c1", "content": "x"})];
    messages.extend((1..many).map(|_| json!({"role": "tool", "content": "x"})));
    let chat = chat(&json!({"messages": messages}));
    let ids: Vec<&str> =
        chat.turns[1].parts.iter().filter_map(|part| if let Part::Result(result) = part { Some(&*result.id) } else { None }).collect();
    assert_eq!((chat.turns.len(), ids.len()), (2, many));
    assert_eq!(ids[..4], ["c1", "c0", "c2", "c3"]);
    messages.push(json!({"role": "tool", "content": "x"}));
    assert_eq!(heard(&json!({"messages": messages})).unwrap_err().at, format!("messages[{}].tool_call_id", many + 1));
}
