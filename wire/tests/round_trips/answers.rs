//! Answers at random, and their way through a client's dialect and back.

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::usage::Usage;
use fluxa_wire::answer;
use fluxa_wire::client::{ClientDialect, Voice};
use fluxa_wire::frame::sse::{Framer, Piece};
use fluxa_wire::neutral::untangle::Untangle;
use fluxa_wire::neutral::{ChatAnswer, Choice, Event, Origin, Part, Signature, Stop, Thinking, ToolCall, ids};
use fluxa_wire::upstream::{Frame, Said, UpstreamDialect};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A dialect that is spoken on both sides.
pub(super) struct Twin {
    pub(super) of: (Dialect, Op),
    client: &'static dyn ClientDialect,
    upstream: &'static dyn UpstreamDialect,
}

pub(super) const TWINS: &[Twin] = &[
    Twin {
        of: (Dialect::OpenAi, Op::Chat),
        client: &fluxa_wire::client::chat::OpenAiChat,
        upstream: &fluxa_wire::upstream::openai::OpenAi,
    },
    Twin {
        of: (Dialect::Anthropic, Op::Messages),
        client: &fluxa_wire::client::anthropic::Anthropic,
        upstream: &fluxa_wire::upstream::anthropic::Anthropic,
    },
    Twin {
        of: (Dialect::Gemini, Op::GenerateContent),
        client: &fluxa_wire::client::gemini::Gemini,
        upstream: &fluxa_wire::upstream::gemini::Gemini,
    },
];

/// What an answer says, however its parts are cut.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Heard {
    thoughts: String,
    mark: Option<Signature>,
    words: String,
    /// Id, name, arguments and mark.
    calls: Vec<(String, String, Value, Option<Signature>)>,
    stop: Stop,
}

impl Heard {
    pub(super) fn of(answer: &ChatAnswer) -> Self {
        let choice = answer.choices.first().unwrap();
        let mut heard = Self { stop: choice.stop, ..Self::default() };
        for part in &choice.parts {
            match part {
                Part::Thinking(thinking) => {
                    heard.thoughts.push_str(&thinking.text);
                    heard.mark = heard.mark.or_else(|| opened(thinking.signature.as_ref()));
                }
                Part::Text(text) => heard.words.push_str(&text.text),
                Part::Call(call) => {
                    let (id, in_id) = ids::split(&call.id);
                    let mark = opened(call.signature.as_ref()).or(in_id);
                    heard.calls.push((id.into_owned(), call.name.clone(), Value::Object(call.object()), mark));
                }
                _ => {}
            }
        }
        heard
    }

    fn of_events(events: Vec<Event>) -> Self {
        let (mut heard, mut ended) = (Self::default(), false);
        let mut arguments: Vec<String> = Vec::new();
        for event in events {
            match event {
                Event::Thinking { text, .. } => heard.thoughts.push_str(&text),
                Event::ThinkingSigned { signature, .. } => heard.mark = opened(Some(&signature)),
                Event::Text { text, .. } => heard.words.push_str(&text),
                Event::CallBegin { id, name, signature, .. } => {
                    let (own, in_id) = ids::split(&id);
                    heard.calls.push((own.into_owned(), name, Value::Null, opened(signature.as_ref()).or(in_id)));
                    arguments.push(String::new());
                }
                Event::CallArguments { call, fragment, .. } => arguments[call as usize].push_str(&fragment),
                Event::Stop { reason, .. } => heard.stop = reason,
                Event::End => ended = true,
                _ => {}
            }
        }
        assert!(ended, "no proper end");
        for (call, arguments) in heard.calls.iter_mut().zip(arguments) {
            call.2 = serde_json::from_str(&arguments).unwrap();
        }
        heard
    }
}

/// A mark out of its envelope; nothing of one that nobody gave.
fn opened(mark: Option<&Signature>) -> Option<Signature> {
    let mark = mark?;
    let text = fluxa_wire::neutral::media::decode_base64(&mark.value).and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.filter(|text| text.starts_with("fluxa.")).unwrap_or_else(|| mark.value.clone());
    Some(Signature::read_in(mark.origin, &text)).filter(|mark| mark.origin != Origin::Nobody)
}

fn voice() -> Voice {
    Voice {
        call: String::from("0123456789abcdef0123456789abcdef"),
        created_s: 1_700_000_000,
        model: String::from("m"),
        include_usage: true,
        ..Voice::default()
    }
}

/// Written whole and read again, with the account of tokens.
pub(super) fn through_whole(twin: &Twin, answer: &ChatAnswer) -> (Heard, Option<Usage>) {
    let body = twin.client.write(answer, &voice());
    let facts = answer::answer(twin.of.0, twin.of.1, &body).unwrap();
    let back = twin.upstream.read(&body, &Said::default()).unwrap().settle();
    (Heard::of(&back), facts.usage)
}

fn streamed(client: &dyn ClientDialect, answer: &ChatAnswer) -> Vec<u8> {
    let (mut order, mut writer) = (Untangle::new(client.overlaps()), client.events(voice()));
    let (mut events, mut out) = (Vec::new(), BytesMut::new());
    for event in answer.clone().into_events() {
        order.push(event, &mut events);
    }
    events.push(Event::Usage(answer.usage.unwrap_or_default()));
    events.push(Event::End);
    for event in events {
        writer.write(event, &mut out);
    }
    out.to_vec()
}

/// Written as a stream and read again, with the account of tokens.
pub(super) fn through_stream(twin: &Twin, answer: &ChatAnswer) -> (Heard, Option<Usage>) {
    let bytes = streamed(twin.client, answer);
    let mut reader = twin.upstream.events(&Said::default());
    let (mut framer, mut read, mut events) = (Framer::new(), Vec::new(), Vec::new());
    let mut take = |piece: Piece<'_>| {
        if let Piece::Block { event, data: Some(data) } = piece {
            reader.read(Frame { name: event, data }, &mut read).unwrap();
        }
    };
    framer.push(&bytes, |piece, _| take(piece)).unwrap();
    framer.finish(&mut take).unwrap();
    reader.end(&mut read);
    let mut order = Untangle::new(false);
    for event in read {
        order.push(event, &mut events);
    }
    let machine = fluxa_wire::translate::Translation::new;
    let mut facts = machine(twin.of, fluxa_wire::translate::Cut::Sse, twin.upstream, &Said::default(), twin.client, voice());
    let mut out = BytesMut::new();
    facts.push(&bytes, &mut out).unwrap();
    (Heard::of_events(events), facts.finish(&mut out).usage)
}

/// A whole response, and the one at the end of the streamed one; without the ids of items, which are made anew.
pub(super) fn responses(answer: &ChatAnswer) -> (Value, Value) {
    let client = &fluxa_wire::client::responses::OpenAiResponses;
    let mut whole: Value = serde_json::from_slice(&client.write(answer, &voice())).unwrap();
    let stream = String::from_utf8(streamed(client, answer)).unwrap();
    let data: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let events: Vec<Value> = data.iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert!(numbers.iter().zip(0..).all(|(number, at)| *number == at), "{numbers:?}");
    let mut last = events.last().unwrap()["response"].clone();
    // The deltas of the words are the words.
    let of = |kind: &str, key: &str| {
        events.iter().filter(|event| event["type"] == kind).map(|event| event[key].as_str().unwrap()).collect::<String>()
    };
    assert_eq!(of("response.output_text.delta", "delta"), of("response.output_text.done", "text"));
    assert_eq!(of("response.function_call_arguments.delta", "delta"), of("response.function_call_arguments.done", "arguments"));
    for value in [&mut whole, &mut last] {
        forget_ids(value);
    }
    (whole, last)
}

fn forget_ids(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("id");
            map.values_mut().for_each(forget_ids);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_ids),
        _ => {}
    }
}

pub(super) fn answers() -> impl Strategy<Value = ChatAnswer> {
    let words = || "[a-zäß漢\"\\\\\n ]{0,12}[a-z]";
    let mark = |origin: Origin| "[A-Za-z0-9+/]{8}".prop_map(move |value| Signature::new(origin, value));
    let thought = (words(), option::of(prop_oneof![mark(Origin::Anthropic), mark(Origin::Gemini)]));
    let call = (words(), any::<i64>(), option::weighted(0.3, mark(Origin::Gemini)));
    let stop = prop_oneof![3 => Just(Stop::Done), 1 => Just(Stop::Length), 1 => Just(Stop::Filter)];
    let counts = (0..5_000_u64, 0..3_000_u64, 1..4_000_u64);
    (option::of(thought), option::of(words()), vec(call, 0..4), stop, counts).prop_map(|(thought, words, calls, stop, counts)| {
        let mut parts: Vec<Part> = thought.into_iter().map(|(text, signature)| Part::Thinking(Thinking { text, signature })).collect();
        let silent = words.is_none() && calls.is_empty();
        parts.extend(words.or_else(|| silent.then(|| String::from("yes"))).map(Part::text));
        // Some vendors' ids hold what other dialects do not take.
        let begin = if counts.2 % 2 == 0 { "call_" } else { "functions.add:" };
        for (number, (value, count, signature)) in calls.into_iter().enumerate() {
            let arguments = json!({"x": value, "n": count}).to_string();
            parts.push(Part::Call(ToolCall {
                id: format!("{begin}{number}"),
                name: format!("tool_{number}"),
                arguments,
                signature,
                cache: None,
            }));
        }
        let usage = Usage { input_uncached: counts.0, cache_read: counts.1, output: counts.2, ..Usage::default() };
        let choices = vec![Choice { parts, stop, ..Choice::default() }];
        ChatAnswer { id: Some("answer-1".into()), model: Some("m-1".into()), choices, usage: Some(usage), ..ChatAnswer::default() }.settle()
    })
}
