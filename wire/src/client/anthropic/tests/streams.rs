//! Streams are written.

use bytes::BytesMut;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::usage::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Anthropic;
use crate::client::{ClientDialect as _, Voice};
use crate::neutral::untangle::Untangle;
use crate::neutral::{Citation, Event, Foreign, Media, MediaKind, Origin, Signature, Source, Stop};

fn voice() -> Voice {
    Voice { call: "0123456789abcdef0123456789abcdef".into(), model: "asked-for".into(), input_estimate: 9, ..Voice::default() }
}

fn begin() -> Event {
    Event::Begin { id: Some("msg_1".into()), model: Some("m".into()) }
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.into() }
}

fn thinking(text: &str) -> Event {
    Event::Thinking { choice: 0, text: text.into() }
}

fn arguments(call: u32, fragment: &str) -> Event {
    Event::CallArguments { choice: 0, call, fragment: fragment.into() }
}

fn call(call: u32, id: &str, name: &str) -> Event {
    Event::CallBegin { choice: 0, call, id: id.into(), name: name.into(), signature: None }
}

fn stop(reason: Stop) -> Event {
    Event::Stop { choice: 0, reason, sequence: None }
}

fn raw(events: Vec<Event>) -> String {
    let mut writer = Anthropic.events(voice());
    let mut out = BytesMut::new();
    for event in events {
        writer.write(event, &mut out);
    }
    String::from_utf8(out.to_vec()).unwrap()
}

/// The data of all events; each has its name in front.
fn frames(sse: &str) -> Vec<Value> {
    let blocks = sse.split("\n\n").filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let (name, data) = block.split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
            data
        })
        .collect()
}

/// The blocks' events, without the first two (start, ping) and the last two.
fn blocks(events: Vec<Event>) -> Vec<Value> {
    let mut all = vec![begin()];
    all.extend(events);
    all.extend([stop(Stop::Done), Event::Usage(Usage::default()), Event::End]);
    let frames = frames(&raw(all));
    frames[2..frames.len() - 2].to_vec()
}

#[test]
fn a_stream_has_the_vendors_shape() {
    let known = Usage { input_uncached: 12, cache_read: 3, ..Usage::default() };
    let last = Usage { output: 20, reasoning: 4, ..known };
    let events = vec![
        begin(),
        Event::Usage(known),
        thinking("h\"m"),
        Event::ThinkingSigned { choice: 0, signature: Signature::new(Origin::Anthropic, "sig") },
        text("Hel"),
        text("lo"),
        call(0, "toolu_1", "f"),
        arguments(0, "{\"a\":"),
        arguments(0, "1}"),
        Event::CallEnd { choice: 0, call: 0 },
        stop(Stop::Tools),
        Event::Usage(last),
        Event::End,
    ];
    let expect = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",",
        "\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,",
        "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":3,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,",
        "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":1}}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"h\\\"m\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"sig\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{",
        "\"input_tokens\":12,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":3,\"cache_creation\":{",
        "\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":20,\"output_tokens_details\":{\"thinking_tokens\":4}}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    assert_eq!(raw(events), expect);
}

#[test]
fn the_count_of_the_prompt_is_ours_until_the_vendor_tells_it() {
    let written = frames(&raw(vec![begin(), text("a")]));
    assert_eq!(written[0]["message"]["usage"]["input_tokens"], 9);
    assert_eq!(written[1], json!({"type": "ping"}));
    // Nothing goes out before something is said, but for a sign of life, which begins with the start.
    assert_eq!(raw(vec![begin(), Event::Usage(Usage::default())]), "");
    let mut writer = Anthropic.events(voice());
    let mut out = BytesMut::new();
    writer.keep_alive(&mut out);
    writer.keep_alive(&mut out);
    let kinds: Vec<Value> = frames(std::str::from_utf8(&out).unwrap()).iter().map(|frame| frame["type"].clone()).collect();
    assert_eq!(kinds, ["message_start", "ping", "ping"]);
}

#[test]
fn nothing_said_is_an_empty_block() {
    let expect = json!([
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_stop", "index": 0},
    ]);
    assert_eq!(Value::Array(blocks(vec![])), expect);
}

#[test]
fn unsigned_thoughts_get_a_signature_right_before_their_end() {
    let kinds = |events| -> Vec<String> {
        let name = |frame: &Value| match frame["delta"]["type"].as_str().or(frame["content_block"]["type"].as_str()) {
            Some(kind) => kind.to_owned(),
            None => frame["type"].as_str().unwrap().to_owned(),
        };
        blocks(events).iter().map(name).collect()
    };
    let expect = ["thinking", "thinking_delta", "signature_delta", "content_block_stop", "text", "text_delta", "content_block_stop"];
    assert_eq!(kinds(vec![thinking("a"), text("b")]), expect);
    let hidden = Event::ThinkingSigned { choice: 0, signature: Signature::new(Origin::Gemini, "x") };
    assert_eq!(kinds(vec![hidden]), ["thinking", "signature_delta", "content_block_stop"]);
    let redacted = Event::Redacted { choice: 0, signature: Signature::new(Origin::Anthropic, "x") };
    assert_eq!(kinds(vec![redacted]), ["redacted_thinking", "content_block_stop"]);
}

#[test]
fn sources_end_their_block() {
    let raw = json!({"type": "page_location", "cited_text": "q"});
    let citation = Citation { raw: Some((Origin::Anthropic, raw.clone())), ..Citation::default() };
    let cited = || Event::Cited { choice: 0, citation: citation.clone() };
    let written = blocks(vec![text("a"), cited(), cited(), text("b")]);
    assert_eq!(written[2], json!({"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": raw}}));
    assert_eq!(written[4], json!({"type": "content_block_stop", "index": 0}));
    assert_eq!(written[6]["delta"], json!({"type": "text_delta", "text": "b"}));
    assert_eq!(written[6]["index"], 1);
}

#[test]
fn odd_things_have_their_blocks() {
    let value = json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}});
    let foreign = |origin| Event::Foreign { choice: 0, part: Foreign { origin, kind: "server_tool_use".into(), value: value.clone() } };
    let written = blocks(vec![foreign(Origin::OpenAi), foreign(Origin::Anthropic)]);
    assert_eq!(written[0]["content_block"], json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}));
    assert_eq!(written[1]["delta"], json!({"type": "input_json_delta", "partial_json": "{\"query\":\"q\"}"}));
    assert_eq!(written.len(), 3);
    let media = Media::new(MediaKind::Image, Source::Url { mime: None, url: "https://a.example/b.png".into() });
    assert_eq!(blocks(vec![Event::Media { choice: 0, media }])[1]["delta"]["text"], "![image](https://a.example/b.png)");
    let made = blocks(vec![call(0, "", "f"), Event::CallEnd { choice: 0, call: 0 }]);
    assert_eq!(made[0]["content_block"]["id"], "toolu_0123456789abcdef01234567_0");
    let refused = frames(&raw(vec![begin(), Event::Refusal { choice: 0, text: "No.".into() }, stop(Stop::Done), Event::End]));
    assert_eq!(refused[refused.len() - 2]["delta"]["stop_reason"], "refusal");
}

#[test]
fn a_broken_stream_ends_with_an_error_and_closes_nothing() {
    let mut writer = Anthropic.events(voice());
    let mut out = BytesMut::new();
    for event in [begin(), text("a")] {
        writer.write(event, &mut out);
    }
    let before = out.len();
    writer.break_off(&Refusal::new(RefusalKind::Overloaded, "busy"), &mut out);
    let expect = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";
    assert_eq!(&out[before..], expect.as_bytes());
}

fn any_event() -> impl Strategy<Value = Event> {
    let words = prop::sample::select(vec!["a", "{", "}", "\"", "\u{1F600}\n"]);
    prop_oneof![
        words.clone().prop_map(text),
        words.clone().prop_map(thinking),
        (0..3u32).prop_map(|n| call(n, "id", "f")),
        (0..3u32, words).prop_map(|(n, fragment)| arguments(n, fragment)),
        (0..3u32).prop_map(|call| Event::CallEnd { choice: 0, call }),
        Just(Event::ThinkingSigned { choice: 0, signature: Signature::nobodys() }),
        Just(Event::Redacted { choice: 0, signature: Signature::new(Origin::OpenAi, "x") }),
        Just(Event::Cited { choice: 0, citation: Citation::default() }),
        Just(Event::Ping),
        Just(stop(Stop::Length)),
        Just(text("of another answer")).prop_map(|_| Event::Text { choice: 1, text: "x".into() }),
    ]
}

proptest! {
    /// Whatever a vendor sends: blocks never overlap, indexes ascend, texts and thoughts are as the grammar wants them.
    #[test]
    fn every_stream_obeys_the_grammar(events in prop::collection::vec(any_event(), 0..24)) {
        let mut untangle = Untangle::new(false);
        let mut ordered = vec![begin()];
        for event in events.into_iter().chain([stop(Stop::Done), Event::End]) {
            untangle.push(event, &mut ordered);
        }
        let frames = frames(&raw(ordered));
        let (mut open, mut next, mut signed): (Option<String>, u64, u32) = (None, 0, 0);
        prop_assert_eq!(&frames[0]["type"], "message_start");
        prop_assert_eq!(&frames[frames.len() - 2]["type"], "message_delta");
        prop_assert_eq!(&frames[frames.len() - 1]["type"], "message_stop");
        for frame in &frames[1..frames.len() - 2] {
            let kind = frame["type"].as_str().unwrap();
            if kind == "ping" {
                continue;
            }
            prop_assert_eq!(frame["index"].as_u64(), Some(next));
            match kind {
                "content_block_start" => {
                    prop_assert!(open.is_none());
                    open = frame["content_block"]["type"].as_str().map(str::to_owned);
                    signed = 0;
                }
                "content_block_delta" => {
                    let wanted = match frame["delta"]["type"].as_str().unwrap() {
                        "text_delta" | "citations_delta" => "text",
                        "thinking_delta" | "signature_delta" => "thinking",
                        "input_json_delta" => "tool_use",
                        other => panic!("{other}"),
                    };
                    prop_assert_eq!(open.as_deref(), Some(wanted));
                    prop_assert_eq!(signed, 0, "nothing follows a signature");
                    signed += u32::from(frame["delta"]["type"] == "signature_delta");
                }
                "content_block_stop" => {
                    prop_assert!(open.is_some());
                    prop_assert_eq!(signed, u32::from(open.as_deref() == Some("thinking")));
                    open = None;
                    signed = 0;
                    next += 1;
                }
                other => panic!("{other}"),
            }
        }
        prop_assert!(open.is_none() && next > 0);
    }
}
