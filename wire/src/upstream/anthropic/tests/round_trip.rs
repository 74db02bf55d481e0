//! What is written is read again as it was, on a model that takes everything; and whatever is asked, the request obeys the rules.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::requests::{MODEL, try_write};
use crate::client::{Asked, ClientDialect as _, anthropic as client};
use crate::neutral::{
    CacheMark, Chat, Effort, Extra, Format, HostedTool, Media, MediaKind, Origin, Part, Reasoning, Role, Sampling, Signature, Source, Text,
    Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};

fn words() -> impl Strategy<Value = String> {
    "[a-z\u{e9}\"\\\\\u{4e2d}][a-z \n]{0,8}[a-z]"
}

/// Four marks at most may be in a request: they are given to the system prompt only.
fn text() -> impl Strategy<Value = Text> {
    words().prop_map(Text::new)
}

fn media() -> impl Strategy<Value = Media> {
    let image = prop_oneof![
        Just(Source::Inline { mime: "image/png".into(), data: "iVBORw0KGgo=".into() }),
        Just(Source::Url { mime: None, url: "https://a.example/b.png".into() }),
        Just(Source::FileId("file_1".into())),
    ];
    let document = prop_oneof![
        Just(Source::Inline { mime: "application/pdf".into(), data: "JVBERi0=".into() }),
        Just(Source::Url { mime: Some("application/pdf".into()), url: "https://a.example/b".into() }),
        words().prop_map(Source::Text),
    ];
    prop_oneof![
        image.prop_map(|source| Media::new(MediaKind::Image, source)),
        (document, prop::option::of(words()), any::<bool>()).prop_map(|(source, name, citations)| Media {
            context: name.clone(),
            name,
            citations,
            ..Media::new(MediaKind::Document, source)
        }),
    ]
}

/// What is asked, what is said, and the calls with what came of them.
type Round = (Vec<Part>, Vec<Part>, Vec<(String, Vec<Part>, bool)>);

/// One round: the user asks, the model thinks, speaks and calls; the results come with the next question.
fn round() -> impl Strategy<Value = Round> {
    let plain = || prop_oneof![text().prop_map(Part::Text), media().prop_map(Part::Media)];
    let thinking = prop_oneof![
        words().prop_map(|text| Part::Thinking(Thinking { text, signature: Some(Signature::new(Origin::Anthropic, "c2ln")) })),
        Just(Part::Redacted(Signature::new(Origin::Anthropic, "ZW5j"))),
    ];
    let calls = prop::collection::vec(("[a-z_]{1,12}", prop::collection::vec(plain(), 0..3), any::<bool>()), 0..4);
    (prop::collection::vec(plain(), 1..3), prop::option::of(thinking), words(), calls)
        .prop_map(|(asked, thought, said, calls)| (asked, thought.into_iter().chain([Part::text(said)]).collect(), calls))
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    (prop::collection::vec(round(), 0..4), prop::collection::vec(text().prop_map(Part::Text), 1..3)).prop_map(|(rounds, last)| {
        let mut turns = Vec::new();
        let mut results = Vec::new();
        let mut number = 0;
        for (asked, mut said, calls) in rounds {
            results.extend(asked);
            turns.push(Turn::new(Role::User, std::mem::take(&mut results)));
            for (name, content, is_error) in calls {
                number += 1;
                let id = format!("toolu_{number}");
                let arguments = json!({"n": number, "name": name}).to_string();
                said.push(Part::Call(ToolCall { id: id.clone(), name: name.clone(), arguments, ..ToolCall::default() }));
                results.push(Part::Result(ToolResult { id, name: Some(name), content, is_error, cache: None }));
            }
            turns.push(Turn::new(Role::Assistant, said));
        }
        results.extend(last);
        turns.push(Turn::new(Role::User, results));
        turns
    })
}

fn tool() -> impl Strategy<Value = Tool> {
    ("[a-z_]{1,12}", prop::option::of(words()), any::<bool>()).prop_map(|(name, description, lazy)| Tool {
        name,
        description,
        schema: Some(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
        extras: lazy.then(|| Extra { origin: Origin::Anthropic, field: "defer_loading".into(), value: json!(true) }).into_iter().collect(),
        ..Tool::default()
    })
}

fn reasoning() -> impl Strategy<Value = Option<Reasoning>> {
    let on = Reasoning { enabled: Some(true), show: Some(true), ..Reasoning::default() };
    prop_oneof![
        Just(None),
        Just(Some(Reasoning { enabled: Some(false), ..Reasoning::default() })),
        (1_024..4_000u64).prop_map(move |budget| Some(Reasoning { budget: Some(budget), ..on })),
        prop::sample::select(vec![Effort::Low, Effort::Medium, Effort::High, Effort::Max]).prop_map(move |effort| Some(Reasoning {
            adaptive: true,
            effort: Some(effort),
            ..on
        })),
    ]
}

fn any_chat() -> impl Strategy<Value = Chat> {
    let system = prop::collection::vec((words(), prop::option::of(any::<bool>())), 0..4).prop_map(|texts| {
        let mark = |one_hour: bool| CacheMark { one_hour };
        texts.into_iter().map(|(words, cache)| Text { cache: cache.map(mark), ..Text::new(words) }).collect::<Vec<_>>()
    });
    let tools = prop::collection::vec(tool(), 1..4);
    let choice = prop::option::of(prop::sample::select(vec![ToolChoice::Auto, ToolChoice::None]));
    let extras = prop::option::of(Just(Extra { origin: Origin::Anthropic, field: "container".into(), value: json!("c") }));
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let format = prop::option::of(Just(Format::Schema { name: None, description: None, schema, strict: None }));
    (
        (system, turns(), tools, choice),
        (reasoning(), format, extras, any::<bool>()),
        (4_000..9_000u64, any::<bool>(), prop::option::of("[a-z]{3}")),
    )
        .prop_map(|((system, turns, tools, tool_choice), (reasoning, format, extras, cached), (max, stream, user))| {
            let thinks = reasoning.is_some_and(|reasoning| reasoning.enabled == Some(true));
            Chat {
                system,
                turns,
                parallel_tools: (tool_choice == Some(ToolChoice::Auto)).then_some(false),
                tools,
                hosted_tools: vec![HostedTool::WebSearch { max_uses: Some(max) }],
                tool_choice,
                max_output: Some(max),
                sampling: Sampling { temperature: (!thinks).then_some(0.5), ..Sampling::default() },
                stop: user.clone().into_iter().collect(),
                format,
                reasoning,
                stream,
                user,
                service_tier: Some(String::from("auto")),
                cache: cached.then_some(CacheMark { one_hour: false }),
                extras: extras.into_iter().collect(),
                ..Chat::default()
            }
        })
}

/// The chat as it must come back: nothing is thought with a number of tokens where the last calls came without thoughts, by the
/// vendor's rule.
fn as_sent(mut chat: Chat) -> Chat {
    let last = chat.turns.iter().rev().find(|turn| turn.role == Role::Assistant);
    let calls = last.is_some_and(|turn| turn.parts.iter().any(|part| matches!(part, Part::Call(_))));
    let thoughts = last.is_some_and(|turn| matches!(turn.parts.first(), Some(Part::Thinking(_) | Part::Redacted(_))));
    if let Some(reasoning) = chat.reasoning.as_mut().filter(|reasoning| reasoning.budget.is_some() && calls && !thoughts) {
        *reasoning = Reasoning { adaptive: true, budget: None, show: reasoning.show.or(Some(true)), ..*reasoning };
    }
    chat
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again_as_it_was(chat in any_chat()) {
        let written = try_write(&chat, MODEL).unwrap();
        let heard = client::Anthropic.read(Asked { body: &written.body, model: MODEL, stream: false }).unwrap();
        prop_assert_eq!(heard.dropped, vec![]);
        prop_assert_eq!(heard.chat, as_sent(chat));
    }
}

/// Conversations that no client should send, and some do.
fn odd_turns() -> impl Strategy<Value = Vec<Turn>> {
    let id = || prop::sample::select(vec!["a", "b", "b.c", "", "functions.f:0"]).prop_map(str::to_owned);
    let part = prop_oneof![
        prop::sample::select(vec!["", " ", "x", "y "]).prop_map(Part::text),
        (id(), prop::sample::select(vec!["f", "g.h", ""]), prop::sample::select(vec!["", "{}", "{\"a\":1}", "[1]", "{\"a\":", "x"]))
            .prop_map(|(id, name, arguments)| Part::Call(ToolCall {
                id,
                name: name.into(),
                arguments: arguments.into(),
                ..ToolCall::default()
            })),
        (id(), prop::option::of(Just(Part::text("r")))).prop_map(|(id, content)| Part::Result(ToolResult {
            id,
            content: content.into_iter().collect(),
            ..ToolResult::default()
        })),
        prop::sample::select(vec![Origin::Anthropic, Origin::Gemini])
            .prop_map(|origin| Part::Thinking(Thinking { text: "t".into(), signature: Some(Signature::new(origin, "s")) })),
        Just(Part::Thinking(Thinking::default())),
        Just(Part::Refusal("no".into())),
    ];
    let role = prop::sample::select(vec![Role::User, Role::Assistant, Role::System]);
    prop::collection::vec((role, prop::collection::vec(part, 0..4)).prop_map(|(role, parts)| Turn::new(role, parts)), 0..8)
}

fn kinds<'v>(message: &'v Value, kind: &str, id: &str) -> Vec<&'v str> {
    let blocks = message["content"].as_array().unwrap().iter();
    blocks.filter(|block| block["type"] == kind).map(|block| block[id].as_str().unwrap()).collect()
}

proptest! {
    #[test]
    fn every_request_obeys_the_rules(turns in odd_turns(), model in prop::sample::select(vec![MODEL, "claude-opus-5", "claude-haiku-4-5", "other"])) {
        let chat = Chat { turns, reasoning: Some(Reasoning { effort: Some(Effort::High), ..Reasoning::default() }), ..Chat::default() };
        let written = try_write(&chat, model).unwrap();
        let body: Value = serde_json::from_slice(&written.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        prop_assert_eq!(&messages[0]["role"], "user");
        let mut seen = HashSet::new();
        for (at, message) in messages.iter().enumerate() {
            let blocks = message["content"].as_array().unwrap();
            prop_assert!(!blocks.is_empty(), "{body}");
            prop_assert!(blocks.iter().all(|block| block["type"] != "text" || !block["text"].as_str().unwrap().trim().is_empty()));
            prop_assert!(at == 0 || messages[at - 1]["role"] != message["role"], "{body}");
            let calls = kinds(message, "tool_use", "id");
            prop_assert!(calls.iter().all(|id| seen.insert((*id).to_owned())), "an id twice: {body}");
            let next = messages.get(at + 1);
            let answers = next.map(|next| kinds(next, "tool_result", "tool_use_id")).unwrap_or_default();
            prop_assert_eq!(&calls, &answers, "{}", body);
            if !calls.is_empty() {
                let first = next.unwrap()["content"].as_array().unwrap();
                prop_assert!(first.iter().take(calls.len()).all(|block| block["type"] == "tool_result"));
                prop_assert!(!body["tools"].as_array().unwrap().is_empty());
            }
            let thoughts = blocks.iter().filter(|block| block["type"] == "thinking").count();
            prop_assert!(thoughts == 0 || message["role"] == "assistant" && blocks[0]["type"] == "thinking");
        }
    }
}
