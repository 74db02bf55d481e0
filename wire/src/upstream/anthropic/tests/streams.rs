//! Streams are read.

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Anthropic;
use crate::client;
use crate::client::Voice;
use crate::neutral::{Citation, Event, Foreign, Origin, Signature, Stop};
use crate::translate::{Cut, Translation};
use crate::upstream::{Frame, Said, UpstreamDialect as _};

fn events(frames: &[Value], said: &Said) -> Vec<Event> {
    let mut reader = Anthropic.events(said);
    let mut out = Vec::new();
    for frame in frames {
        reader.read(Frame { name: b"", data: frame.to_string().as_bytes() }, &mut out).unwrap();
    }
    reader.end(&mut out);
    out
}

/// What the events of blocks mean.
fn check(frames: Vec<Value>, expect: Vec<Event>) {
    assert_eq!(events(&frames, &Said::default()), expect, "{frames:?}");
}

fn start(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn stop(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn words(text: &str) -> Value {
    json!({"type": "text_delta", "text": text})
}

fn input(json: &str) -> Value {
    json!({"type": "input_json_delta", "partial_json": json})
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.into() }
}

fn begin(call: u32, id: &str, name: &str) -> Event {
    Event::CallBegin { choice: 0, call, id: id.into(), name: name.into(), signature: None }
}

fn arguments(call: u32, fragment: &str) -> Event {
    Event::CallArguments { choice: 0, call, fragment: fragment.into() }
}

const fn end(call: u32) -> Event {
    Event::CallEnd { choice: 0, call }
}

#[test]
fn a_stream_is_read_whole() {
    let frames = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "content": [], "usage": {"input_tokens": 1}}}),
        json!({"type": "ping"}),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "h\nm"})),
        delta(0, json!({"type": "signature_delta", "signature": "sig"})),
        stop(0),
        start(1, json!({"type": "text", "text": ""})),
        delta(1, words("a")),
        delta(1, words("")),
        delta(1, words("b")),
        stop(1),
        start(2, json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}})),
        delta(2, input("")),
        delta(2, input("{\"a\":")),
        delta(2, input(" 1}")),
        stop(2),
        start(3, json!({"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}})),
        stop(3),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
        start(4, json!({"type": "text", "text": "after the end"})),
    ];
    let expect = vec![
        Event::Begin { id: Some("msg_1".into()), model: Some("claude-x".into()) },
        Event::Ping,
        Event::Thinking { choice: 0, text: "h\nm".into() },
        Event::ThinkingSigned { choice: 0, signature: Signature::new(Origin::Anthropic, "sig") },
        text("a"),
        text("b"),
        begin(0, "toolu_1", "f"),
        arguments(0, "{\"a\":"),
        arguments(0, " 1}"),
        end(0),
        begin(1, "toolu_2", "g"),
        end(1),
        Event::Stop { choice: 0, reason: Stop::Tools, sequence: None },
        Event::End,
    ];
    check(frames, expect);
}

#[test]
fn sources_are_told_after_their_words() {
    let raw =
        json!({"type": "web_search_result_location", "cited_text": "q", "url": "https://a.example", "title": "A", "encrypted_index": "x"});
    let citation = Citation {
        url: "https://a.example".into(),
        title: "A".into(),
        quote: "q".into(),
        start: Some(1),
        end: Some(3),
        raw: Some((Origin::Anthropic, raw.clone())),
    };
    let frames = vec![
        start(0, json!({"type": "text", "text": "ä"})),
        stop(0),
        start(1, json!({"type": "text", "text": "", "citations": []})),
        delta(1, json!({"type": "citations_delta", "citation": raw})),
        delta(1, words("so")),
        stop(1),
    ];
    check(frames, vec![text("ä"), text("so"), Event::Cited { choice: 0, citation }]);
}

#[test]
fn what_only_this_dialect_knows_comes_whole() {
    let foreign = |value: Value| Event::Foreign {
        choice: 0,
        part: Foreign { origin: Origin::Anthropic, kind: value["type"].as_str().unwrap().into(), value },
    };
    let server = |input: Value| json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": input});
    check(
        vec![start(0, server(json!({}))), delta(0, input("{\"query\":")), delta(0, input("\"q\"}")), stop(0)],
        vec![foreign(server(json!({"query": "q"})))],
    );
    let compaction = |content: Value| json!({"type": "compaction", "content": content});
    let more = |text: &str| delta(0, json!({"type": "compaction_delta", "content": text}));
    check(vec![start(0, compaction(Value::Null)), more("a"), more("b"), stop(0)], vec![foreign(compaction(json!("ab")))]);
}

#[test]
fn odd_streams_are_understood() {
    // A start with content, an input that comes at once, no stop, deltas of a block that never began, null for words.
    check(
        vec![
            start(0, json!({"type": "text", "text": "a"})),
            start(1, json!({"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}})),
            stop(1),
            start(2, json!({"type": "redacted_thinking", "data": "enc"})),
            delta(7, words("b")),
            delta(7, json!({"type": "text_delta", "text": null})),
            delta(7, json!({"type": "tomorrows_delta", "text": "c"})),
            json!({"type": "tomorrow"}),
            json!({"type": "error", "error": {"type": "overloaded_error"}}),
        ],
        vec![
            text("a"),
            begin(0, "1", "f"),
            arguments(0, "{\"a\":1}"),
            end(0),
            Event::Redacted { choice: 0, signature: Signature::new(Origin::Anthropic, "enc") },
            text("b"),
        ],
    );
    let begun = |id: &str| json!({"type": "message_start", "message": {"id": id, "model": null}});
    check(vec![begun("msg_1"), begun("msg_2")], vec![Event::Begin { id: Some("msg_1".into()), model: None }]);
    let last = |reason: Value| json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": "END"}});
    check(
        vec![last(json!("stop_sequence")), last(Value::Null), json!({"type": "message_stop"})],
        vec![Event::Stop { choice: 0, reason: Stop::Sequence, sequence: Some("END".into()) }, Event::End],
    );
    let details = json!({"type": "refusal", "explanation": "Not this."});
    check(
        vec![
            json!({"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": details}}),
            json!({"type": "message_stop"}),
        ],
        vec![
            Event::Refusal { choice: 0, text: "Not this.".into() },
            Event::Stop { choice: 0, reason: Stop::Filter, sequence: None },
            Event::End,
        ],
    );
}

#[test]
fn without_its_end_mark_a_stream_has_no_end() {
    let found = events(&[json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})], &Said::default());
    assert_eq!(found, vec![]);
    let mut reader = Anthropic.events(&Said::default());
    let mut out = Vec::new();
    assert!(reader.read(Frame { name: b"message_stop", data: b"{}" }, &mut out).is_ok());
    assert_eq!(out.last(), Some(&Event::End));
    let mut reader = Anthropic.events(&Said::default());
    assert!(reader.read(Frame { name: b"", data: b"[DONE]" }, &mut out).is_ok());
    assert!(reader.read(Frame { name: b"", data: b"{\"type\":" }, &mut out).is_err());
}

#[test]
fn what_is_held_back_has_a_bound() {
    let mut reader = Anthropic.events(&Said::default());
    let mut out = Vec::new();
    let begin = start(0, json!({"type": "mcp_tool_use", "input": {}})).to_string();
    reader.read(Frame { name: b"", data: begin.as_bytes() }, &mut out).unwrap();
    let more = delta(0, input(&"x".repeat(1024 * 1024))).to_string();
    let fed = (0..32).take_while(|_| reader.read(Frame { name: b"", data: more.as_bytes() }, &mut out).is_ok()).count();
    assert_eq!((fed, out), (15, vec![]));
}

#[test]
fn what_was_said_otherwise_is_put_back() {
    let said = Said { json_tool: Some("json".into()), free_text_tools: vec!["patch".into()], ..Said::default() };
    let frames = [
        start(0, json!({"type": "tool_use", "id": "1", "name": "json", "input": {}})),
        delta(0, input("{\"n\":")),
        delta(0, input("1}")),
        stop(0),
        start(1, json!({"type": "tool_use", "id": "2", "name": "patch", "input": {}})),
        delta(1, input("{\"input\":\"*** ")),
        delta(1, input("Begin\\n\"}")),
        stop(1),
        start(2, json!({"type": "tool_use", "id": "3", "name": "json", "input": {"n": 2}})),
        stop(2),
    ];
    let expect = vec![text("{\"n\":"), text("1}"), begin(0, "2", "patch"), arguments(0, "*** Begin\n"), end(0), text("{\"n\":2}")];
    assert_eq!(events(&frames, &said), expect);
}

/// A stream as it comes, with all that a client of the same dialect should get back.
const STREAM: &str = concat!(
    "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":12,\"cache_read_input_tokens\":3,\"output_tokens\":1}}}\r\n\r\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"sig\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n: a comment\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"caf\u{e9} \u{1F600}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":20}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

/// Through the machine, in pieces; whether the stream was cut.
fn through<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let client = client::anthropic::Anthropic;
    let voice = Voice { call: "0123456789abcdef0123456789abcdef".into(), ..Voice::default() };
    let mut machine = Translation::new((Dialect::Anthropic, Op::Messages), Cut::Sse, &Anthropic, &Said::default(), &client, voice);
    let mut out = BytesMut::new();
    for piece in pieces {
        machine.push(piece, &mut out).unwrap();
    }
    machine.finish(&mut out);
    (out.to_vec(), machine.is_cut())
}

#[test]
fn cuts_change_nothing_and_only_the_whole_has_an_end() {
    let bytes = STREAM.as_bytes();
    let whole = through(std::iter::once(bytes));
    assert!(!whole.1);
    let written = String::from_utf8_lossy(&whole.0);
    for expect in [
        "\"input_tokens\":12",
        "\"cache_read_input_tokens\":3",
        "café",
        "\"output_tokens\":20",
        "\"partial_json\":\"{}\"",
        "\"signature\":\"sig\"",
    ] {
        assert!(written.contains(expect), "{expect}");
    }
    for at in 1..bytes.len() {
        let (first, rest) = bytes.split_at(at);
        assert_eq!(through([first, rest].into_iter()), whole, "cut at {at}");
    }
    assert_eq!(through(bytes.chunks(1)), whole);
    // The last blank line may be missing, the end mark may not.
    let mark = STREAM.find("event: message_stop").unwrap();
    for at in (0..mark).step_by(7) {
        assert!(through(std::iter::once(&bytes[..at])).1, "torn at {at}");
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_breaks_the_reader(kinds in prop::collection::vec((0..8usize, 0..3u64, 0..9usize, ".{0,6}"), 0..20)) {
        let names = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "ping", "x"];
        let types = ["text", "thinking", "tool_use", "text_delta", "thinking_delta", "signature_delta", "input_json_delta", "citations_delta", "odd"];
        let mut reader = Anthropic.events(&Said::default());
        let mut out = Vec::new();
        for (kind, index, of, words) in kinds {
            let inner = json!({"type": types[of], "text": words, "thinking": words, "partial_json": words, "signature": words, "citation": words,
                "name": words, "stop_reason": words, "stop_details": {"explanation": words}});
            let frame = json!({"type": names[kind], "index": index, "content_block": inner, "delta": inner, "message": inner});
            let _ = reader.read(Frame { name: b"", data: frame.to_string().as_bytes() }, &mut out);
            let _ = reader.read(Frame { name: words.as_bytes(), data: words.as_bytes() }, &mut out);
        }
        for event in &out {
            let empty = match event {
                Event::Text { text, .. } | Event::Thinking { text, .. } | Event::Refusal { text, .. } => text.is_empty(),
                Event::CallArguments { fragment, .. } => fragment.is_empty(),
                _ => false,
            };
            prop_assert!(!empty, "{event:?}");
        }
    }
}
