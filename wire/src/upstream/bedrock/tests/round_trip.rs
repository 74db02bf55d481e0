//! A conversation written in Converse and read back is the same conversation. The reader of requests exists here only.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CLAUDE, target};
use crate::neutral::media::decode_base64;
use crate::neutral::{
    Chat, Media, MediaKind, Origin, Part, Role, Signature, Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use crate::upstream::UpstreamDialect;
use crate::upstream::bedrock::Bedrock;

/// Reads a request of Converse as far as these tests write it; anything else is a failed test.
fn read(request: &Value) -> Chat {
    let text = |block: &Value| block["text"].as_str().map(str::to_owned);
    let mut chat = Chat {
        system: request["system"].as_array().into_iter().flatten().map(|block| Text::new(text(block).unwrap())).collect(),
        max_output: request["inferenceConfig"]["maxTokens"].as_u64(),
        ..Chat::default()
    };
    for tool in request["toolConfig"]["tools"].as_array().into_iter().flatten() {
        let spec = &tool["toolSpec"];
        let schema = Some(spec["inputSchema"]["json"].clone());
        chat.tools.push(Tool { name: spec["name"].as_str().unwrap().into(), schema, ..Tool::default() });
    }
    chat.tool_choice = request["toolConfig"]["toolChoice"].as_object().map(|choice| match choice.iter().next().unwrap() {
        (kind, _) if kind == "auto" => ToolChoice::Auto,
        (kind, _) if kind == "any" => ToolChoice::Required,
        (_, tool) => ToolChoice::Named(tool["name"].as_str().unwrap().into()),
    });
    for message in request["messages"].as_array().unwrap() {
        let role = if message["role"] == "user" { Role::User } else { Role::Assistant };
        chat.turns.push(Turn::new(role, message["content"].as_array().unwrap().iter().map(block_of).collect()));
    }
    chat.name_results();
    chat
}

fn block_of(block: &Value) -> Part {
    let (kind, value) = block.as_object().unwrap().iter().next().unwrap();
    let word = |key: &str| value[key].as_str().unwrap().to_owned();
    match kind.as_str() {
        "text" => Part::text(value.as_str().unwrap()),
        "image" => {
            let source = Source::Inline {
                mime: format!("image/{}", value["format"].as_str().unwrap()),
                data: value["source"]["bytes"].as_str().unwrap().into(),
            };
            Part::Media(Media::new(MediaKind::Image, source))
        }
        "toolUse" => {
            let (id, name) = (word("toolUseId"), word("name"));
            Part::Call(ToolCall { id, name, arguments: value["input"].to_string(), ..ToolCall::default() })
        }
        "toolResult" => Part::Result(ToolResult {
            id: word("toolUseId"),
            content: value["content"].as_array().unwrap().iter().map(block_of).collect(),
            is_error: value["status"] == "error",
            ..ToolResult::default()
        }),
        "reasoningContent" if value["redactedContent"].is_string() => {
            let data = decode_base64(value["redactedContent"].as_str().unwrap()).unwrap();
            Part::Redacted(Signature::new(Origin::Anthropic, String::from_utf8(data).unwrap()))
        }
        "reasoningContent" => {
            let text = &value["reasoningText"];
            let signature = Signature::new(Origin::Anthropic, text["signature"].as_str().unwrap());
            Part::Thinking(Thinking { text: text["text"].as_str().unwrap().into(), signature: Some(signature) })
        }
        other => panic!("unknown block {other}"),
    }
}

fn words() -> impl Strategy<Value = String> {
    "[a-zäß漢\"\\\\\n ]{0,12}[a-z]"
}

fn image() -> impl Strategy<Value = Part> {
    ("[A-Za-z0-9+/]{8}", prop_oneof![Just("png"), Just("webp"), Just("jpeg")]).prop_filter_map("no other format", |(data, format)| {
        let known = ["iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR"].iter().any(|start| data.starts_with(start));
        let source = Source::Inline { mime: format!("image/{format}"), data };
        (!known).then(|| Part::Media(Media::new(MediaKind::Image, source)))
    })
}

fn spoken() -> impl Strategy<Value = Part> {
    prop_oneof![3 => words().prop_map(Part::text), 1 => image()]
}

fn thought() -> impl Strategy<Value = Part> {
    prop_oneof![
        (words(), "[A-Za-z0-9+/]{1,20}")
            .prop_map(|(text, mark)| { Part::Thinking(Thinking { text, signature: Some(Signature::new(Origin::Anthropic, mark)) }) }),
        "[A-Za-z0-9+/=]{1,20}".prop_map(|data| Part::Redacted(Signature::new(Origin::Anthropic, data))),
    ]
}

/// One round: what the user says, what the assistant thinks, says and calls, and what comes of each call.
type Round = (Vec<Part>, Vec<Part>, Vec<String>, Vec<(String, i64, Vec<Part>, bool)>);

fn round() -> impl Strategy<Value = Round> {
    let answer = (words(), any::<i64>(), prop::collection::vec(spoken(), 1..3), any::<bool>());
    (
        prop::collection::vec(spoken(), 1..4),
        prop::collection::vec(thought(), 0..2),
        prop::collection::vec(words(), 1..3),
        prop::collection::vec(answer, 0..4),
    )
}

fn chats() -> impl Strategy<Value = Chat> {
    let choice = prop_oneof![Just(ToolChoice::Auto), Just(ToolChoice::Required), Just(ToolChoice::Named("second-tool".into()))];
    (prop::collection::vec(words(), 0..3), prop::collection::vec(round(), 1..4), prop::option::of(choice), prop::option::of(1..9000_u64))
        .prop_map(|(system, rounds, tool_choice, max_output)| {
            let schema = Some(json!({"type": "object", "properties": {"x": {"type": "string"}}}));
            let tools = ["first_tool", "second-tool"].map(|name| Tool { name: name.into(), schema: schema.clone(), ..Tool::default() });
            let mut turns: Vec<Turn> = Vec::new();
            let mut results: Vec<Part> = Vec::new();
            for (at, (said, thoughts, answered, calls)) in rounds.into_iter().enumerate() {
                let mut user = std::mem::take(&mut results);
                user.extend(said);
                turns.push(Turn::new(Role::User, user));
                let mut parts = thoughts;
                parts.extend(answered.into_iter().map(Part::text));
                for (number, (value, count, content, is_error)) in calls.into_iter().enumerate() {
                    let id = format!("toolu_{at}.{number}:x-");
                    let name = String::from(if number % 2 == 0 { "first_tool" } else { "second-tool" });
                    let arguments = json!({"x": value, "n": count}).to_string();
                    parts.push(Part::Call(ToolCall { id: id.clone(), name: name.clone(), arguments, ..ToolCall::default() }));
                    results.push(Part::Result(ToolResult { id, name: Some(name), content, is_error, cache: None }));
                }
                turns.push(Turn::new(Role::Assistant, parts));
            }
            let last = if results.is_empty() { vec![Part::text("go on")] } else { results };
            turns.push(Turn::new(Role::User, last));
            let system = system.into_iter().map(Text::new).collect();
            Chat { system, turns, tools: tools.into(), tool_choice, max_output, ..Chat::default() }
        })
}

/// Any turns at all, as clients that do not know the rules send them.
fn wild_turns() -> impl Strategy<Value = Vec<Turn>> {
    let id = prop_oneof![Just(String::new()), "[a-c]", Just(String::from("a b"))];
    let part = prop_oneof![
        "[a ]{0,3}".prop_map(Part::text),
        (id.clone(), "[fg]").prop_map(|(id, name)| Part::Call(ToolCall { id, name, arguments: "{}".into(), ..ToolCall::default() })),
        (id, "[a ]{0,2}")
            .prop_map(|(id, text)| { Part::Result(ToolResult { id, content: vec![Part::text(text)], ..ToolResult::default() }) }),
        thought(),
        image(),
        "[a ]{0,2}".prop_map(Part::Refusal),
    ];
    let role = prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::System)];
    prop::collection::vec((role, prop::collection::vec(part, 0..4)).prop_map(|(role, parts)| Turn::new(role, parts)), 0..8)
}

fn members<'v>(message: &'v Value, kind: &str, key: &str) -> Vec<&'v str> {
    let blocks = message["content"].as_array().unwrap().iter();
    blocks.filter_map(|block| block.get(kind)?.get(key)?.as_str()).collect()
}

proptest! {
    #[test]
    fn a_conversation_comes_back_as_it_went(chat in chats()) {
        let written = Bedrock.write(&chat, &target(CLAUDE)).unwrap();
        let request: Value = serde_json::from_slice(&written.body).unwrap();
        prop_assert_eq!(&written.dropped, &[]);
        let back = read(&request);
        prop_assert_eq!(&back.turns, &chat.turns);
        prop_assert_eq!(back, chat);
    }

    #[test]
    fn any_turns_come_to_a_request_that_keeps_the_rules(turns in wild_turns(), model in prop_oneof![Just(CLAUDE), Just("mistral.mistral-large-3-675b-instruct")]) {
        let written = Bedrock.write(&Chat { turns, ..Chat::default() }, &target(model)).unwrap();
        let request: Value = serde_json::from_slice(&written.body).unwrap();
        let messages = request["messages"].as_array().unwrap();
        let mut asked: Vec<&str> = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            prop_assert_eq!(&message["role"], if at % 2 == 0 { "user" } else { "assistant" });
            let content = message["content"].as_array().unwrap();
            prop_assert!(!content.is_empty());
            prop_assert!(content.iter().all(|block| block["text"].as_str().is_none_or(|text| !text.trim().is_empty())));
            let mut answered = members(message, "toolResult", "toolUseId");
            prop_assert!(content.iter().take(answered.len()).all(|block| block.get("toolResult").is_some()));
            answered.sort_unstable();
            asked.sort_unstable();
            prop_assert_eq!(answered, asked);
            asked = members(message, "toolUse", "toolUseId");
            prop_assert!(asked.is_empty() || request.get("toolConfig").is_some());
        }
        prop_assert!(!messages.is_empty());
    }
}
