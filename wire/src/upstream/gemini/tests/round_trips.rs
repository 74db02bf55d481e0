//! What is written here is read by the other side of the dialect, and the other way round.

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::usage::Usage;
use fluxa_domain::vendors::MaxTokensField;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::gemini::Gemini as Client;
use crate::client::{Asked, ClientDialect as _, Voice};
use crate::frame::sse::{Framer, Piece};
use crate::neutral::chat::{Extra, Format, Sampling, Tool, ToolChoice};
use crate::neutral::{
    Chat, Effort, Event, Media, MediaKind, Origin, Part, Reasoning, Role, Signature, Source, Stop, Text, Thinking, ToolCall, ToolResult,
    Turn,
};
use crate::translate::{Cut, Translation};
use crate::upstream::gemini::Gemini;
use crate::upstream::{Frame, Said, Target, UpstreamDialect as _};

fn words() -> impl Strategy<Value = String> {
    "[a-zA-Zé漢\"\\\\\n ]{0,12}[a-z]"
}

fn mark() -> impl Strategy<Value = Signature> {
    "[a-zA-Z0-9+/]{8}".prop_map(|value| Signature::new(Origin::Gemini, value))
}

fn media() -> impl Strategy<Value = Media> {
    let detail = prop_oneof![Just(None), Just(Some("low".to_owned())), Just(Some("high".to_owned()))];
    let source = prop_oneof![
        "[a-zA-Z0-9+/]{8}".prop_map(|data| Source::Inline { mime: "image/png".into(), data }),
        "[a-z]{1,8}".prop_map(|name| Source::Url { mime: Some("image/png".into()), url: format!("gs://bucket/{name}") }),
    ];
    (source, detail).prop_map(|(source, detail)| Media { detail, ..Media::new(MediaKind::Image, source) })
}

fn object() -> impl Strategy<Value = String> {
    (words(), any::<i32>()).prop_map(|(text, n)| json!({"text": text, "n": n}).to_string())
}

/// A question of the user, and an answer: thoughts, words, and perhaps calls whose results stand in the next question.
type Round =
    (Vec<Part>, Option<(String, Signature)>, Option<(String, Option<Signature>)>, Vec<(String, bool, bool, Option<Media>)>, Signature);

fn round() -> impl Strategy<Value = Round> {
    let said = prop_oneof![words().prop_map(Part::text), media().prop_map(Part::Media)];
    let called = (object(), any::<bool>(), any::<bool>(), proptest::option::of(media()));
    (
        proptest::collection::vec(said, 1..3),
        proptest::option::of((words(), mark())),
        proptest::option::of((words(), proptest::option::of(mark()))),
        proptest::collection::vec(called, 0..4),
        mark(),
    )
}

fn conversation(rounds: Vec<Round>) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut results: Vec<Part> = Vec::new();
    for (at, (said, thoughts, answered, calls, signed)) in rounds.into_iter().enumerate() {
        let mut user = std::mem::take(&mut results);
        user.extend(said);
        turns.push(Turn::new(Role::User, user));
        let mut model = Vec::new();
        if let Some((text, mark)) = thoughts {
            model.push(Part::Thinking(Thinking { text, signature: Some(mark) }));
        }
        if let Some((text, signature)) = answered {
            model.push(Part::Text(Text { text, signature, ..Text::default() }));
        }
        for (n, (arguments, plain, is_error, media)) in calls.into_iter().enumerate() {
            let (id, name) = (format!("id-{at}-{n}"), if plain { "f" } else { "g.h" });
            let mut content = vec![Part::text(if plain && !is_error { arguments.clone() } else { format!("text {n}") })];
            content.extend(media.map(Part::Media));
            results.push(Part::Result(ToolResult { id: id.clone(), name: Some(name.into()), content, is_error, cache: None }));
            let signature = (n == 0).then(|| signed.clone());
            model.push(Part::Call(ToolCall { id, name: name.into(), arguments, signature, cache: None }));
        }
        if model.is_empty() {
            model.push(Part::text("nothing"));
        }
        turns.push(Turn::new(Role::Assistant, model));
    }
    if !results.is_empty() {
        turns.push(Turn::new(Role::User, results));
    }
    turns
}

fn chat() -> impl Strategy<Value = Chat> {
    let choice = prop_oneof![
        Just(None),
        Just(Some(ToolChoice::Auto)),
        Just(Some(ToolChoice::None)),
        Just(Some(ToolChoice::Required)),
        Just(Some(ToolChoice::Named("f".into()))),
        any::<bool>().prop_map(|required| Some(ToolChoice::Allowed { names: vec!["f".into(), "g.h".into()], required })),
    ];
    let format = prop_oneof![
        Just(None),
        Just(Some(Format::Json)),
        Just(Some(Format::Schema { name: None, description: None, schema: json!({"type": "object", "$defs": {}}), strict: None })),
    ];
    let effort = proptest::option::of(prop_oneof![Just(Effort::Low), Just(Effort::High)]);
    let head = (
        proptest::collection::vec(words(), 0..3),
        choice,
        format,
        effort,
        proptest::option::of(1u64..1000),
        proptest::option::of((0u8..16).prop_map(|n| f64::from(n) / 8.0)),
    );
    (proptest::collection::vec(round(), 1..4), head).prop_map(|(rounds, (system, tool_choice, format, effort, bound, temperature))| {
        let schema = json!({"type": "object", "properties": {"text": {"type": ["string", "null"]}}, "required": ["text"]});
        let extra = Extra { origin: Origin::Gemini, field: "generationConfig.speechConfig".into(), value: json!({"languageCode": "de"}) };
        Chat {
            system: system.into_iter().map(Text::new).collect(),
            turns: conversation(rounds),
            tools: vec![
                Tool { name: "f".into(), description: Some("F".into()), schema: Some(schema), ..Tool::default() },
                Tool { name: "g.h".into(), ..Tool::default() },
            ],
            tool_choice,
            format,
            reasoning: effort.map(|effort| Reasoning { effort: Some(effort), show: Some(true), ..Reasoning::default() }),
            max_output: bound,
            sampling: Sampling { temperature, seed: Some(3), top_k: Some(40), ..Sampling::default() },
            stop: vec!["END".into()],
            service_tier: Some("priority".into()),
            extras: vec![extra],
            ..Chat::default()
        }
    })
}

fn target() -> Target<'static> {
    Target {
        model: "gemini-3-flash-preview",
        quirks: &[],
        max_tokens_field: MaxTokensField::GenerationConfig,
        max_output: None,
        ask_usage: true,
    }
}

fn voice(array: bool) -> Voice {
    Voice { call: "0123456789abcdef0123456789abcdef".into(), model: "m".into(), array, ..Voice::default() }
}

/// Steps of an answer, told in chunks.
fn part() -> impl Strategy<Value = Value> {
    prop_oneof![
        words().prop_map(|text| json!({"text": text})),
        (words(), "[a-zA-Z0-9+/]{8}").prop_map(|(text, mark)| json!({"text": text, "thoughtSignature": mark})),
        words().prop_map(|text| json!({"text": text, "thought": true})),
        (words(), "[a-zA-Z0-9+/]{8}").prop_map(|(text, mark)| json!({"text": text, "thought": true, "thoughtSignature": mark})),
        (words(), "[a-zA-Z0-9+/]{8}").prop_map(|(text, mark)| json!({
            "functionCall": {"id": "x", "name": "f", "args": {"text": text}}, "thoughtSignature": mark
        })),
        "[a-zA-Z0-9+/]{8}".prop_map(|data| json!({"inlineData": {"mimeType": "image/png", "data": data}})),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let chunks = proptest::collection::vec(proptest::collection::vec(part(), 0..3), 0..6);
    (chunks, prop_oneof![Just("STOP"), Just("MAX_TOKENS"), Just("SAFETY"), Just("MALFORMED_FUNCTION_CALL")]).prop_map(|(chunks, reason)| {
        // Something malformed and nothing else is a failure, which is told as one.
        let reason = if chunks.iter().flatten().next().is_none() && reason.starts_with("MALFORMED") { "STOP" } else { reason };
        let mut out = Vec::new();
        let head = json!({"modelVersion": "m-1", "responseId": "r"});
        for parts in chunks {
            let mut chunk = head.clone();
            chunk["candidates"] = json!([{"content": {"role": "model", "parts": parts}, "index": 0}]);
            out.extend_from_slice(format!("data: {chunk}\r\n\r\n").as_bytes());
        }
        let mut chunk = head;
        chunk["candidates"] = json!([{"finishReason": reason, "index": 0}]);
        chunk["usageMetadata"] = json!({"promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 12});
        out.extend_from_slice(format!("data: {chunk}\r\n\r\n").as_bytes());
        out
    })
}

fn translated(stream: &[u8], size: usize, array: bool) -> Vec<u8> {
    let mut translation =
        Translation::new((Dialect::Gemini, Op::GenerateContent), Cut::Sse, &Gemini, &Said::default(), &Client, voice(array));
    let mut out = BytesMut::new();
    for piece in stream.chunks(size) {
        translation.push(piece, &mut out).unwrap();
    }
    let facts = translation.finish(&mut out);
    assert!(!translation.is_cut());
    assert_eq!(facts.usage, Some(Usage { input_uncached: 7, output: 5, reasoning: 2, ..Usage::default() }));
    out.to_vec()
}

fn events(stream: &[u8]) -> Vec<Event> {
    let mut reader = Gemini.events(&Said::default());
    let mut out = Vec::new();
    let mut framer = Framer::new();
    framer
        .push(stream, |piece, _| {
            if let Piece::Block { event, data: Some(data) } = piece {
                reader.read(Frame { name: event, data }, &mut out).unwrap();
            }
        })
        .unwrap();
    reader.end(&mut out);
    out
}

proptest! {
    #[test]
    fn a_request_comes_back_as_it_was(chat in chat()) {
        let written = Gemini.write(&chat, &target()).unwrap();
        prop_assert!(written.dropped.is_empty(), "{:?}", written.dropped);
        let heard = Client.read(Asked { body: &written.body, model: "m", stream: false }).unwrap();
        prop_assert_eq!(heard.chat, chat);
        prop_assert!(heard.dropped.is_empty());
    }

    #[test]
    fn a_stream_says_the_same_after_translation(stream in stream(), size in 1usize..40) {
        let before = events(&stream);
        let after = translated(&stream, size, false);
        // A call is a stop like any other in this dialect; all else stays.
        prop_assert_eq!(events(&after), before);
        prop_assert_eq!(translated(&stream, stream.len(), false), after.clone());
        let array: Vec<Value> = serde_json::from_slice(&translated(&stream, size, true)).unwrap();
        let framed: String = array.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect();
        prop_assert_eq!(events(framed.as_bytes()), events(&after));
    }
}

#[test]
fn a_stream_without_a_reason_is_cut() {
    let mut translation =
        Translation::new((Dialect::Gemini, Op::GenerateContent), Cut::Sse, &Gemini, &Said::default(), &Client, voice(false));
    let mut out = BytesMut::new();
    translation.push(b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\n", &mut out).unwrap();
    translation.finish(&mut out);
    assert!(translation.is_cut());
    assert!(!events(&out).contains(&Event::Stop { choice: 0, reason: Stop::Done, sequence: None }));
}
