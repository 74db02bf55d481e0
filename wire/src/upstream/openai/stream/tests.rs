use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::client::Voice;
use crate::client::chat::OpenAiChat;
use crate::neutral::NameMap;
use crate::translate::{Cut, Translation};
use crate::upstream::UpstreamDialect as _;
use crate::upstream::openai::OpenAi;

/// The events of some chunks, each line one's data.
fn events(said: &Said, chunks: &[&str]) -> Vec<Event> {
    let (mut reader, mut out) = (OpenAi.events(said), Vec::new());
    for chunk in chunks {
        reader.read(Frame { name: b"", data: chunk.as_bytes() }, &mut out).unwrap();
    }
    reader.end(&mut out);
    out
}

/// A chunk with this delta.
fn delta(delta: &Value) -> String {
    json!({"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta}]}).to_string()
}

/// Everything between the beginning and the end of a stream with these deltas.
fn said(about: &Said, deltas: &[Value]) -> Vec<Event> {
    let mut chunks: Vec<String> = deltas.iter().map(delta).collect();
    chunks.push(String::from("[DONE]"));
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let mut found = events(about, &chunks);
    assert_eq!(found.remove(0), begun("x"));
    assert_eq!(found.pop(), Some(Event::End));
    assert!(matches!(found.pop(), Some(Event::Stop { .. })));
    found
}

fn begun(id: &str) -> Event {
    Event::Begin { id: Some(id.to_owned()), model: Some(String::from("m")) }
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.to_owned() }
}

fn thinking(text: &str) -> Event {
    Event::Thinking { choice: 0, text: text.to_owned() }
}

fn call(call: u32, id: &str, name: &str) -> Event {
    Event::CallBegin { choice: 0, call, id: id.to_owned(), name: name.to_owned(), signature: None }
}

fn arguments(call: u32, fragment: &str) -> Event {
    Event::CallArguments { choice: 0, call, fragment: fragment.to_owned() }
}

fn stop(reason: Stop) -> Event {
    Event::Stop { choice: 0, reason, sequence: None }
}

#[test]
fn a_stream_from_its_first_chunk_to_its_end() {
    let none = Said::default();
    let chunk = |rest: &str| format!(r#"{{"id":"x","model":"m",{rest}}}"#);
    let role = chunk(r#""choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]"#);
    let word = chunk(r#""choices":[{"index":0,"delta":{"content":"a\"\u00e9"},"finish_reason":""}]"#);
    let finish = chunk(r#""choices":[{"index":0,"delta":{},"finish_reason":"length"}]"#);
    let usage = chunk(r#""choices":[],"usage":{"prompt_tokens":1}"#);
    let filter = r#"{"id":"","model":"","choices":[],"prompt_filter_results":[]}"#;
    let whole = vec![begun("x"), text("a\"é"), stop(Stop::Length), Event::End];
    assert_eq!(events(&none, &[filter, &role, &word, &finish, &usage, "[DONE]"]), whole);
    // Without an end mark the reason is enough; without a reason the end mark is.
    assert_eq!(events(&none, &[&role, &word, &finish]), whole);
    assert_eq!(events(&none, &[&word, "[DONE]"]), [begun("x"), text("a\"é"), stop(Stop::Done), Event::End]);
    // Cut off.
    assert_eq!(events(&none, &[&role, &word]), [begun("x"), text("a\"é")]);
    assert_eq!(events(&none, &[]), []);
    // The reason is repeated by some, with the usage; so is the end mark.
    assert_eq!(events(&none, &[&word, &finish, &finish, "[DONE]", "[DONE]"]), whole);
    let mut reader = OpenAi.events(&none);
    assert!(reader.read(Frame { name: b"", data: b"{\"choices\":[" }, &mut Vec::new()).is_err());
    assert!(reader.read(Frame { name: b"", data: b"[1]" }, &mut Vec::new()).is_ok());
    assert!(reader.read(Frame { name: b"", data: b"{\"choices\":[3,null,{\"delta\":7}],\"id\":{}}" }, &mut Vec::new()).is_ok());
}

#[test]
fn words_in_every_form() {
    let none = Said::default();
    let check = |deltas: &[Value], expect: &[Event]| assert_eq!(said(&none, deltas), expect, "{deltas:?}");
    check(&[json!({"content": null}), json!({"content": ""}), json!({"content": "a"})], &[text("a")]);
    check(&[json!({"reasoning_content": "t", "content": ""}), json!({"reasoning": "u", "content": null})], &[thinking("t"), thinking("u")]);
    check(&[json!({"reasoning_content": null, "reasoning": "u"})], &[thinking("u")]);
    check(&[json!({"reasoning_content": "", "reasoning": "u"})], &[thinking("u")]);
    check(
        &[json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, {"type": "text", "text": "a"}]})],
        &[thinking("t"), text("a")],
    );
    check(&[json!({"content": {"a": 1}})], &[text("{\"a\":1}")]);
    check(&[json!({"refusal": "no"})], &[Event::Refusal { choice: 0, text: String::from("no") }]);
    let signed = |origin, mark: &str| Event::ThinkingSigned { choice: 0, signature: Signature::new(origin, mark) };
    check(
        &[
            json!({"reasoning": "t", "reasoning_details": [{"type": "reasoning.text", "text": "t", "signature": "", "format": "anthropic-claude-v1"}]}),
            json!({"reasoning_details": [{"type": "reasoning.text", "signature": "S", "format": "anthropic-claude-v1"}]}),
            json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "D", "format": "google-gemini-v1"}]}),
            json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "u"}]}),
        ],
        &[
            thinking("t"),
            signed(Origin::Anthropic, "S"),
            Event::Redacted { choice: 0, signature: Signature::new(Origin::Gemini, "D") },
            thinking("u"),
        ],
    );
    let block = |text: &str, mark: &str| json!({"type": "thinking", "thinking": text, "signature": mark});
    check(
        &[json!({"reasoning_content": "t"}), json!({"thinking_blocks": [block("t", "S")]}), json!({"thinking_blocks": [block("u", "T")]})],
        &[thinking("t"), signed(Origin::Anthropic, "S"), thinking("u"), signed(Origin::Anthropic, "T")],
    );
    check(
        &[json!({"reasoning_content": "tu", "thinking_blocks": [block("t", "S"), block("u", "T")]})],
        &[thinking("t"), signed(Origin::Anthropic, "S"), thinking("u"), signed(Origin::Anthropic, "T")],
    );
    check(
        &[json!({"reasoning_content": "t"}), json!({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "S"}]})],
        &[thinking("t"), signed(Origin::Anthropic, "S")],
    );
    let citation = Citation { url: String::from("u"), title: String::from("t"), start: Some(0), end: Some(4), ..Citation::default() };
    check(
        &[
            json!({"annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 4}}, {"type": "file"}]}),
        ],
        &[Event::Cited { choice: 0, citation }],
    );
    let picture = Media::new(MediaKind::Image, Source::Inline { mime: String::from("image/png"), data: String::from("AAAA") });
    check(
        &[json!({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]})],
        &[Event::Media { choice: 0, media: picture }],
    );
    let mark = Signature::new(Origin::Gemini, "Ci");
    check(
        &[json!({"content": "a", "extra_content": {"google": {"thought_signature": "Ci"}}})],
        &[text("a"), Event::TextSigned { choice: 0, signature: mark }],
    );
}

#[test]
fn a_repeated_message_is_told_once() {
    let chunk = |inside: &str| format!(r#"{{"id":"x","model":"m","choices":[{{"index":0,{inside}}}]}}"#);
    let last = chunk(r#""finish_reason":"stop","message":{"role":"assistant","content":"ab"}"#);
    let both = chunk(r#""delta":{"content":"b"},"message":{"content":"ab"}"#);
    let expect = [begun("x"), text("a"), text("b"), stop(Stop::Done), Event::End];
    assert_eq!(events(&Said::default(), &[&delta(&json!({"content": "a"})), &both, &last]), expect);
    // With nothing before it, it is the answer.
    assert_eq!(events(&Said::default(), &[&last]), [begun("x"), text("ab"), stop(Stop::Done), Event::End]);
}

#[test]
fn sources_beside_the_choices_are_told_at_the_end() {
    let chunk = json!({"id": "x", "model": "m", "citations": ["u"], "search_results": [{"url": "u", "title": "t"}],
        "choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})
    .to_string();
    let citation = Citation { url: String::from("u"), title: String::from("t"), ..Citation::default() };
    let expect = [begun("x"), text("a"), text("a"), Event::Cited { choice: 0, citation }, stop(Stop::Done), Event::End];
    assert_eq!(events(&Said::default(), &[&chunk, &chunk]), expect);
}

#[test]
fn calls_in_every_disorder() {
    let none = Said::default();
    let check = |deltas: &[Value], expect: &[Event]| assert_eq!(said(&none, deltas), expect, "{deltas:?}");
    let list = |calls: Value| json!({"content": "", "tool_calls": calls});
    let two = [call(0, "a", "f"), arguments(0, "{\"x\":1}"), call(1, "b", "f"), arguments(1, "{\"x\":2}")];
    // As it should be.
    check(
        &[
            list(json!([{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}])),
            list(json!([{"index": 0, "function": {"arguments": "{\"x\":1}"}}])),
            list(json!([{"index": 1, "id": "b", "type": "function", "function": {"name": "f", "arguments": ""}}])),
            list(json!([{"index": 1, "function": {"arguments": "{\"x\":2}"}}])),
        ],
        &two,
    );
    // Several whole calls in one delta: numbered, not numbered, all of the same number, without ids, as an object.
    let whole = |index: Value, id: Value, x: u32| json!({"index": index, "id": id, "function": {"name": "f", "arguments": format!("{{\"x\":{x}}}")}});
    check(&[list(json!([whole(json!(0), json!("a"), 1), whole(json!(1), json!("b"), 2)]))], &two);
    check(&[list(json!([whole(json!(null), json!("a"), 1), whole(json!(null), json!("b"), 2)]))], &two);
    check(&[list(json!([whole(json!(0), json!("a"), 1), whole(json!(0), json!("b"), 2)]))], &two);
    check(&[list(json!([whole(json!(0), json!("a"), 1)])), list(json!([whole(json!(0), json!("b"), 2)]))], &two);
    check(&[list(whole(json!(0), json!("a"), 1)), list(whole(json!(1), json!("b"), 2))], &two);
    let nameless = [call(0, "", "f"), arguments(0, "{\"x\":1}"), call(1, "", "f"), arguments(1, "{\"x\":2}")];
    check(&[list(json!([whole(json!(null), json!(null), 1), whole(json!(null), json!(""), 2)]))], &nameless);
    check(&[list(json!([whole(json!(null), json!(null), 1)])), list(json!([whole(json!(null), json!(null), 2)]))], &nameless);
    // Emptied or repeated ids and names, new ids for the same call, arguments that are no text.
    let one = [call(0, "a", "f"), arguments(0, "{\"x\""), arguments(0, ":1}")];
    for (id, name) in [(json!(""), json!("")), (json!("a"), json!("f")), (json!(null), json!(null)), (json!("other"), json!(null))] {
        check(
            &[
                list(json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": null}}])),
                list(json!([{"index": 0, "id": id, "function": {"name": name, "arguments": "{\"x\""}}])),
                list(json!([{"index": 0, "id": id, "function": {"name": name, "arguments": ":1}"}}])),
                list(json!([{"index": 0, "id": id, "function": {"name": name, "arguments": ""}}])),
            ],
            &one,
        );
    }
    check(
        &[list(json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]))],
        &[call(0, "a", "f"), arguments(0, "{\"x\":1}")],
    );
    // The name comes late; a call without a name is none.
    check(
        &[
            list(json!([{"index": 0, "id": "a"}])),
            list(json!([{"index": 0, "function": {"arguments": "{"}}])),
            list(json!([{"index": 0, "function": {"name": "f", "arguments": "}"}}])),
        ],
        &[call(0, "a", "f"), arguments(0, "{"), arguments(0, "}")],
    );
    check(&[list(json!([{"index": 0, "id": "a"}, null]))], &[]);
    // The old form, and the empty one that some send beside the new.
    check(
        &[json!({"function_call": {"name": "f", "arguments": ""}}), json!({"function_call": {"arguments": "{}"}})],
        &[call(0, "", "f"), arguments(0, "{}")],
    );
    check(&[json!({"function_call": {"name": "", "arguments": ""}, "tool_calls": null})], &[]);
    // Two calls without arguments.
    check(
        &[
            list(json!([{"index": 0, "id": "a", "function": {"name": "f"}}])),
            list(json!([{"index": 0, "id": "b", "function": {"name": "f"}}])),
        ],
        &[call(0, "a", "f"), call(1, "b", "f")],
    );
}

#[test]
fn answers_come_back_in_the_words_of_the_request() {
    let mut names = NameMap::default();
    let rule = crate::neutral::names::NameRule { chars: 64, punctuation: "_-", starts_with_letter: false };
    let sent = names.fit("a.b", rule);
    let about = Said { names, json_tool: Some(String::from("json")), free_text_tools: vec![String::from("free")], think_tags: true };
    let calls = |calls: Value| json!({"tool_calls": calls});
    assert_eq!(
        said(&about, &[calls(json!([{"index": 0, "id": "a", "function": {"name": sent, "arguments": "{}"}}]))]),
        [call(0, "a", "a.b"), arguments(0, "{}")]
    );
    assert_eq!(
        said(
            &about,
            &[
                calls(json!([{"index": 0, "id": "a", "function": {"name": "json", "arguments": "{\"x\""}}])),
                calls(json!([{"index": 0, "function": {"arguments": ":1}"}}])),
            ]
        ),
        [text("{\"x\""), text(":1}")]
    );
    assert_eq!(
        said(
            &about,
            &[
                calls(json!([{"index": 0, "id": "a", "function": {"name": "free", "arguments": "{\"input\":\"ra"}}])),
                calls(json!([{"index": 0, "function": {"arguments": "w {\"}"}}])),
            ]
        ),
        [call(0, "a", "free"), arguments(0, "raw {"), Event::CallEnd { choice: 0, call: 0 }]
    );
    assert_eq!(
        said(
            &about,
            &[
                calls(json!([{"index": 0, "id": "a", "type": "custom", "custom": {"name": "c", "input": "x"}}])),
                calls(json!([{"index": 0, "custom": {"input": "{y"}}])),
            ]
        ),
        [call(0, "a", "c"), arguments(0, "x"), arguments(0, "{y"), Event::CallEnd { choice: 0, call: 0 }]
    );
    let tagged = ["<th", "ink>a", "b</thi", "nk>\n", "\nc"].map(|piece| json!({"content": piece}));
    assert_eq!(said(&about, &tagged), [thinking("a"), thinking("b"), text("c")]);
}

#[test]
fn reasons_to_stop() {
    let check = |reason: &str, expect: Stop| {
        let chunk = json!({"choices": [{"delta": {}, "finish_reason": reason}]}).to_string();
        let found = events(&Said::default(), &[&chunk]);
        assert!(found.contains(&stop(expect)), "{reason} {found:?}");
    };
    for reason in ["stop", "eos", "eos_token", "COMPLETE", "end_turn", "what"] {
        check(reason, Stop::Done);
    }
    check("length", Stop::Length);
    check("tool_calls", Stop::Tools);
    check("function_call", Stop::Tools);
    check("content_filter", Stop::Filter);
    check("sensitive", Stop::Filter);
    let chunk = json!({"choices": [{"delta": {}, "finish_reason": "stop", "stop_reason": "END"}]}).to_string();
    assert!(events(&Said::default(), &[&chunk]).contains(&Event::Stop {
        choice: 0,
        reason: Stop::Sequence,
        sequence: Some(String::from("END"))
    }));
}

/// A stream that shows most of the dialect.
const STREAM: &str = "data: {\"id\":\"\",\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n: waiting\n\n\
data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n\
data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm \u{1f914}\"}}]}\n\n\
data:{\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\u{fc}\u{df}e\"}}]}\n\n\
data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}},{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]}}]}\n\n\
data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"\",\"function\":{\"name\":\"\",\"arguments\":\"}\"}}]}}]}\n\n\
data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":3,\"total_tokens\":7}}\n\n\
data: [DONE]\n\n";

fn translated(pieces: &[&[u8]]) -> (String, bool) {
    let voice = Voice { call: "ab".repeat(16), created_s: 7, model: String::from("asked"), include_usage: true, ..Voice::default() };
    let mut translation = Translation::new((Dialect::OpenAi, Op::Chat), Cut::Sse, &OpenAi, &Said::default(), &OpenAiChat, voice);
    let mut out = BytesMut::new();
    for piece in pieces {
        translation.push(piece, &mut out).unwrap();
    }
    translation.finish(&mut out);
    (String::from_utf8(out.to_vec()).unwrap(), translation.is_cut())
}

#[test]
fn a_stream_goes_through_in_order() {
    let (told, cut) = translated(&[STREAM.as_bytes()]);
    assert!(!cut);
    let chunk = |inside: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{inside},\"logprobs\":null,\"finish_reason\":{finish}}}],\"usage\":null}}\n\n"
        )
    };
    let expect = [
        chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null"),
        chunk("{\"reasoning_content\":\"hm 🤔\"}", "null"),
        chunk(r#"{"content":"Grüße"}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}]}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}"#, "null"),
        chunk("{}", "\"tool_calls\""),
        String::from(
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":3,\"total_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}}}\n\n",
        ),
        String::from("data: [DONE]\n\n"),
    ];
    assert_eq!(told, expect.concat());
}

#[test]
fn a_torn_stream_has_no_end() {
    let to = STREAM.find("finish_reason").unwrap();
    let (told, cut) = translated(&[&STREAM.as_bytes()[..to]]);
    assert!(cut);
    assert!(!told.contains("[DONE]") && !told.contains("\"finish_reason\":\""));
}

proptest! {
    #[test]
    fn cuts_change_nothing(cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for to in cuts.into_iter().chain([STREAM.len()]) {
            pieces.push(&STREAM.as_bytes()[from..to]);
            from = to;
        }
        prop_assert_eq!(translated(&pieces), translated(&[STREAM.as_bytes()]));
    }

    #[test]
    fn no_chunk_is_too_odd(text in "[\\[\\]{}\":,0-9a-z ]{0,60}", key in "(content|tool_calls|reasoning_details|images|annotations|index|audio|function_call)",
        value in prop_oneof![Just(json!(null)), Just(json!("x")), Just(json!(1.5)), Just(json!([1, "a", null])), Just(json!([{"index": -1, "id": 3, "function": []}])), Just(json!({"a": {}}))]) {
        let (mut reader, mut out) = (OpenAi.events(&Said { think_tags: true, ..Said::default() }), Vec::new());
        let _ = reader.read(Frame { name: b"", data: text.as_bytes() }, &mut out);
        let chunk = json!({"choices": [{"index": value, "delta": {key.as_str(): value.clone()}, "message": value, "finish_reason": value}], "id": value});
        let read = reader.read(Frame { name: b"", data: chunk.to_string().as_bytes() }, &mut out);
        prop_assert_eq!(read, Ok(()));
        reader.end(&mut out);
        let _ = OpenAi.read(text.as_bytes(), &Said::default());
        let _ = OpenAi.read(chunk.to_string().as_bytes(), &Said::default());
    }
}
