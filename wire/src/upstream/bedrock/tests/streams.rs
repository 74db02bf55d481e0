//! What streams mean, event by event and through the whole machine, whatever the cuts.

use bytes::{Bytes, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use proptest::prelude::*;
use serde_json::json;

use crate::client::{Asked, ClientDialect, EventWriter, Heard, Unreadable, Voice};
use crate::facts::{Facts, Verdict};
use crate::frame::event_stream::encode;
use crate::frame::sse::StreamFault;
use crate::neutral::{ChatAnswer, Event, Foreign, NameMap, Origin, Signature, Stop};
use crate::translate::{Cut, Translation};
use crate::upstream::bedrock::Bedrock;
use crate::upstream::bedrock::tools::NAMES;
use crate::upstream::{Frame, Said, UpstreamDialect};
use crate::upstream_error::ErrorKind;

/// A client's dialect that tells its events as they are, a line each.
struct Told;

#[derive(Debug)]
struct Teller;

impl ClientDialect for Told {
    fn read(&self, _: Asked<'_>) -> Result<Heard, Unreadable> {
        Ok(Heard::default())
    }

    fn write(&self, answer: &ChatAnswer, _: &Voice) -> Bytes {
        Bytes::from(format!("{answer:?}"))
    }

    fn events(&self, _: Voice) -> Box<dyn EventWriter> {
        Box::new(Teller)
    }
}

impl EventWriter for Teller {
    fn write(&mut self, event: Event, out: &mut BytesMut) {
        out.extend_from_slice(format!("{event:?}\n").as_bytes());
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"alive\n");
    }

    fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) {
        out.extend_from_slice(format!("broken {:?} {}\n", refusal.kind, refusal.message).as_bytes());
    }
}

fn frame(name: &str, payload: &str) -> Vec<u8> {
    encode(&[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")], payload.as_bytes())
}

fn exception(name: &str, payload: &str) -> Vec<u8> {
    encode(&[(":exception-type", name), (":content-type", "application/json"), (":message-type", "exception")], payload.as_bytes())
}

const SAID: &[(&str, &str)] = &[
    ("messageStart", r#"{"p":"abcd","role":"assistant"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}},"p":"a"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"sig"}},"p":"a"}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"Hä"},"p":"abc"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":""}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
    ("contentBlockStart", r#"{"contentBlockIndex":2,"start":{"toolUse":{"name":"f","toolUseId":"t1"}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":""}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":"}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"1}"}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
    ("contentBlockStart", r#"{"contentBlockIndex":3,"start":{"toolUse":{"name":"g","toolUseId":"t2"}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":3}"#),
    ("messageStop", r#"{"p":"a","stopReason":"tool_use"}"#),
    ("metadata", r#"{"metrics":{"latencyMs":1},"usage":{"inputTokens":7,"outputTokens":5,"cacheReadInputTokens":2,"totalTokens":14}}"#),
];

const TOLD: &str = r#"Begin { id: None, model: None }
Thinking { choice: 0, text: "hm" }
ThinkingSigned { choice: 0, signature: Signature { origin: Anthropic, value: "sig" } }
Text { choice: 0, text: "Hä" }
CallBegin { choice: 0, call: 0, id: "t1", name: "f", signature: None }
CallArguments { choice: 0, call: 0, fragment: "{\"a\":" }
CallArguments { choice: 0, call: 0, fragment: "1}" }
CallEnd { choice: 0, call: 0 }
CallBegin { choice: 0, call: 1, id: "t2", name: "g", signature: None }
CallArguments { choice: 0, call: 1, fragment: "{}" }
CallEnd { choice: 0, call: 1 }
Stop { choice: 0, reason: Tools, sequence: None }
"#;

fn said() -> Vec<u8> {
    SAID.iter().flat_map(|(name, payload)| frame(name, payload)).collect()
}

fn translation() -> Translation {
    let voice = Voice { input_estimate: 9, ..Voice::default() };
    Translation::new((Dialect::Bedrock, Op::Chat), Cut::EventStream, &Bedrock, &Said::default(), &Told, voice)
}

/// What a client is told of a stream that comes in these reads, whether it broke, whether it was cut, and the facts.
fn told<'r>(reads: impl IntoIterator<Item = &'r [u8]>) -> (String, Option<StreamFault>, bool, Facts, Verdict) {
    let mut translation = translation();
    let mut out = BytesMut::new();
    let mut fault = None;
    for read in reads {
        fault = translation.push(read, &mut out).err();
        if fault.is_some() {
            break;
        }
    }
    let facts = if fault.is_none() { translation.finish(&mut out) } else { translation.facts().clone() };
    let cut = translation.is_cut();
    if cut {
        translation.break_off(&Refusal::new(RefusalKind::Upstream, "cut"), &mut out);
    }
    (String::from_utf8(out.to_vec()).unwrap(), fault, cut, facts, translation.verdict())
}

/// What one reader makes of events.
fn events(said: &Said, frames: &[(&str, &str)]) -> Vec<Event> {
    let mut reader = Bedrock.events(said);
    let mut out = Vec::new();
    for (name, data) in frames {
        reader.read(Frame { name: name.as_bytes(), data: data.as_bytes() }, &mut out).unwrap();
    }
    reader.end(&mut out);
    out
}

#[test]
fn a_stream_is_told_with_its_usage_before_the_end() {
    let (told, fault, cut, facts, verdict) = told([said().as_slice()]);
    let (events, usage) = told.split_at(TOLD.len());
    assert_eq!(events, TOLD);
    assert!(usage.starts_with("Usage(Usage { input_uncached: 7, cache_read: 2,") && usage.ends_with("})\nEnd\n"), "{usage}");
    assert_eq!((fault, cut, verdict), (None, false, Verdict::Content));
    assert!(facts.ended && facts.error.is_none() && facts.upstream_model.is_none());
    assert_eq!((facts.finish.as_deref(), facts.usage.map(|u| (u.input_total(), u.output))), (Some("tool_use"), Some((9, 5))));
    // hm, Hä, f, {"a":1}, g
    assert_eq!((facts.text.ascii_bytes, facts.text.non_ascii_chars), (2 + 1 + 1 + 7 + 1, 1));
    assert_eq!((facts.events, facts.content_events), (SAID.len() as u64, 6));
}

#[test]
fn a_stream_without_its_metadata_ends_with_the_bytes() {
    let without: Vec<u8> = SAID.iter().take(SAID.len() - 1).flat_map(|(name, payload)| frame(name, payload)).collect();
    let (told, _, cut, facts, _) = told([without.as_slice()]);
    assert!(told.starts_with(TOLD) && told.ends_with("End\n") && !cut && facts.ended && facts.usage.is_none());
}

#[test]
fn every_prefix_of_a_stream_is_cut_unless_it_was_stopped() {
    let all = said();
    let last = frame(SAID[SAID.len() - 1].0, SAID[SAID.len() - 1].1).len();
    let stopped = all.len() - last;
    for upto in 0..all.len() {
        let (told, _, cut, facts, _) = told([&all[..upto]]);
        // Right after `messageStop` the answer is whole; half a frame says that more was to come.
        assert_eq!((cut, facts.ended), (upto != stopped, upto == stopped), "{upto}");
        assert_eq!(told.ends_with("broken Upstream cut\n"), cut, "{upto}");
    }
}

#[test]
fn exceptions_break_a_stream_off() {
    let check = |bytes: Vec<u8>, begun: bool, kind: ErrorKind, last: &str| {
        let start = frame("messageStart", r#"{"role":"assistant"}"#);
        let text = frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Half"}}"#);
        let mut all = if begun { [start, text].concat() } else { start };
        all.extend(bytes);
        all.extend(frame("metadata", "{}"));
        let (told, fault, cut, facts, verdict) = told([all.as_slice()]);
        assert_eq!(facts.error.as_ref().map(|error| error.kind), Some(kind));
        assert_eq!((fault, cut, facts.ended), (None, false, false));
        assert_eq!(told.lines().last(), Some(last));
        assert_eq!(matches!(verdict, Verdict::Error(_)), !begun);
    };
    let message = r#"{"message":"slow down"}"#;
    check(exception("throttlingException", message), false, ErrorKind::RateLimited, "broken RateLimited slow down");
    check(exception("throttlingException", message), true, ErrorKind::RateLimited, "broken RateLimited slow down");
    check(exception("serviceUnavailableException", message), true, ErrorKind::Overloaded, "broken Overloaded slow down");
    check(exception("validationException", message), true, ErrorKind::BadRequest, "broken InvalidRequest slow down");
    check(exception("internalServerException", message), true, ErrorKind::Server, "broken Upstream slow down");
    check(exception("modelTimeoutException", message), true, ErrorKind::Server, "broken Upstream slow down");
    let model = r#"{"message":"model","originalStatusCode":500,"originalMessage":"secret"}"#;
    check(exception("modelStreamErrorException", model), true, ErrorKind::Server, "broken Upstream model");
    check(exception("newException", "{}"), true, ErrorKind::Server, "broken Upstream the upstream answered 200 with an unreadable body");
    let error = encode(&[(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "made \"up\"")], b"");
    check(error, true, ErrorKind::Server, "broken Upstream made \"up\"");
}

#[test]
fn broken_payloads_are_not_the_protocol() {
    let (_, fault, cut, ..) = told([frame("contentBlockDelta", "{\"delta\":").as_slice()]);
    assert_eq!((fault, cut), (Some(StreamFault::NotProtocol), true));
    let (told, fault, ..) = told([frame("newEvent", "not json").as_slice(), &encode(&[], b"")]);
    assert_eq!((told.as_str(), fault), ("broken Upstream cut\n", None));
}

#[test]
fn tools_that_bedrock_runs_are_not_the_clients() {
    let stop = ("contentBlockStop", r#"{"contentBlockIndex":0}"#);
    let events = events(
        &Said::default(),
        &[
            ("contentBlockStart", r#"{"contentBlockIndex":0,"start":{"toolUse":{"name":"py","toolUseId":"t","type":"server_tool_use"}}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"x\":"}}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"1}"}}}"#),
            stop,
            ("contentBlockStart", r#"{"contentBlockIndex":0,"start":{"toolResult":{"toolUseId":"t","status":"success"}}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolResult":[{"json":{"out":"2"}}]}}"#),
            stop,
        ],
    );
    let foreign = |kind: &str, value| Event::Foreign { choice: 0, part: Foreign { origin: Origin::Bedrock, kind: kind.into(), value } };
    let call = json!({"toolUse": {"name": "py", "toolUseId": "t", "type": "server_tool_use", "input": {"x": 1}}});
    let result = json!({"toolResult": {"toolUseId": "t", "status": "success", "content": [{"json": {"out": "2"}}]}});
    assert_eq!(events, [foreign("server_tool_use", call), foreign("tool_result", result)]);
}

#[test]
fn marks_pictures_and_citations() {
    let events = events(
        &Said::default(),
        &[
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"RXRr"}}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"RQ=="}}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"citation":{"title":"t","sourceContent":[{"text":"q"}]}}}"#),
            ("contentBlockStart", r#"{"contentBlockIndex":2,"start":{"image":{"format":"png"}}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"image":{"source":{"bytes":"AAAA"}}}}"#),
            ("messageStop", r#"{"stopReason":"stop_sequence","additionalModelResponseFields":{"delta":{"stop_sequence":"END"}}}"#),
        ],
    );
    let [redacted, cited, picture, stop, end] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*redacted, Event::Redacted { choice: 0, signature: Signature::new(Origin::Anthropic, "EtkE") });
    assert!(matches!(cited, Event::Cited { citation, .. } if citation.title == "t" && citation.quote == "q"));
    assert!(matches!(picture, Event::Media { .. }));
    assert_eq!(*stop, Event::Stop { choice: 0, reason: Stop::Sequence, sequence: Some("END".into()) });
    assert_eq!(*end, Event::End);
}

#[test]
fn what_was_said_in_other_words_is_put_back() {
    let mut names = NameMap::default();
    let odd = names.fit("odd.name", NAMES);
    let said = Said { names, json_tool: Some("json".into()), free_text_tools: vec!["patch".into()], think_tags: false };
    let start =
        |index: u64, name: &str| json!({"contentBlockIndex": index, "start": {"toolUse": {"name": name, "toolUseId": "t"}}}).to_string();
    let input = |index: u64, text: &str| json!({"contentBlockIndex": index, "delta": {"toolUse": {"input": text}}}).to_string();
    let stop = |index: u64| json!({"contentBlockIndex": index}).to_string();
    let lines = [
        ("contentBlockStart", start(0, &odd)),
        ("contentBlockStop", stop(0)),
        ("contentBlockStart", start(1, "json")),
        ("contentBlockDelta", input(1, "{\"n\"")),
        ("contentBlockDelta", input(1, ":1}")),
        ("contentBlockStop", stop(1)),
        ("contentBlockStart", start(2, "patch")),
        ("contentBlockDelta", input(2, "{\"input\":\"*** ")),
        ("contentBlockDelta", input(2, "Begin\"}")),
        ("contentBlockStop", stop(2)),
    ];
    let frames: Vec<(&str, &str)> = lines.iter().map(|(name, data)| (*name, data.as_str())).collect();
    let begin = |call, name: &str| Event::CallBegin { choice: 0, call, id: "t".into(), name: name.into(), signature: None };
    let text = |text: &str| Event::Text { choice: 0, text: text.into() };
    assert_eq!(
        events(&said, &frames),
        [
            begin(0, "odd.name"),
            Event::CallEnd { choice: 0, call: 0 },
            text("{\"n\""),
            text(":1}"),
            begin(1, "patch"),
            Event::CallArguments { choice: 0, call: 1, fragment: "*** Begin".into() },
            Event::CallEnd { choice: 0, call: 1 },
        ]
    );
}

proptest! {
    #[test]
    fn any_cuts_give_the_same(cuts in prop::collection::vec(1..200_usize, 0..60)) {
        let all = said();
        let (whole, ..) = told([all.as_slice()]);
        let mut reads = Vec::new();
        let mut rest = all.as_slice();
        for cut in cuts {
            let (read, after) = rest.split_at(cut.min(rest.len()));
            reads.push(read);
            rest = after;
        }
        reads.push(rest);
        let (pieces, fault, cut, ..) = told(reads);
        prop_assert_eq!((pieces, fault, cut), (whole, None, false));
    }

    #[test]
    fn a_corrupt_byte_never_gives_a_whole_answer(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut all = said();
        let at = at.index(all.len());
        all[at] ^= 1 << bit;
        let (told, fault, cut, facts, _) = told([all.as_slice()]);
        prop_assert!(cut, "{at} {fault:?}");
        prop_assert!(told.ends_with("broken Upstream cut\n"));
        prop_assert!(fault == Some(StreamFault::NotProtocol) && !facts.ended);
    }

    #[test]
    fn nothing_that_comes_panics(name in prop_oneof![Just("contentBlockStart"), Just("contentBlockDelta"), Just("contentBlockStop"), Just("messageStop")], payload in "\\PC{0,60}", key in "(delta|start|contentBlockIndex|stopReason)", inner in "(text|toolUse|reasoningContent|image|toolResult|citation)", value in "(1|null|\\[\\]|\\{\\}|\"x\"|\\{\"input\":1\\})") {
        let mut reader = Bedrock.events(&Said::default());
        let mut out = Vec::new();
        for data in [payload, format!("{{\"{key}\":{{\"{inner}\":{value}}}}}"), format!("{{\"{key}\":{value}}}")] {
            let _ = reader.read(Frame { name: name.as_bytes(), data: data.as_bytes() }, &mut out);
            let _ = Bedrock.read(data.as_bytes(), &Said::default());
        }
        reader.end(&mut out);
        let blank = out.iter().any(|event| matches!(event, Event::Text { text, .. } if text.is_empty()));
        prop_assert!(!blank);
    }
}
