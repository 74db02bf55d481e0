use fluxa_domain::refusal::RefusalKind;
use serde_json::json;

use super::*;
use crate::neutral::media::{Media, MediaKind, Source};
use crate::neutral::{Citation, ids};

fn voice(include_usage: bool) -> Voice {
    let call = "0123456789abcdef0123456789abcdef".to_owned();
    Voice { call, created_s: 7, model: "m".to_owned(), include_usage, ..Voice::default() }
}

/// The data of all frames; the end mark as a string.
fn written(voice: Voice, events: Vec<Event>) -> Vec<Value> {
    let (mut writer, mut out) = (Writer::new(voice), BytesMut::new());
    for event in events {
        writer.write(event, &mut out);
    }
    let text = String::from_utf8(out.to_vec()).unwrap();
    assert!(text.ends_with("\n\n"));
    text.split_terminator("\n\n")
        .map(|frame| frame.strip_prefix("data: ").unwrap())
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| Value::from(data)))
        .collect()
}

/// The deltas of the first choice between the role and the end.
fn deltas(events: Vec<Event>) -> Vec<Value> {
    let mut list = written(voice(false), events);
    assert_eq!(list.remove(0)["choices"][0]["delta"], json!({"role": "assistant", "content": "", "refusal": null}));
    list.into_iter().map(|mut chunk| chunk["choices"][0]["delta"].take()).collect()
}

fn begin() -> Event {
    Event::Begin { id: Some("msg_1".to_owned()), model: None }
}

#[test]
fn a_stream_keeps_the_order_of_the_dialect() {
    let chunk = |choices: Value, usage: Value| json!({"id": "msg_1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": choices, "usage": usage});
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let usage = Usage { input_uncached: 3, output: 2, ..Usage::default() };
    let events = vec![
        begin(),
        Event::Usage(Usage { input_uncached: 3, ..Usage::default() }),
        Event::Text { choice: 0, text: "a\"\n".to_owned() },
        Event::Ping,
        Event::Stop { choice: 0, reason: Stop::Length, sequence: None },
        Event::Usage(usage),
        Event::End,
    ];
    let expect = vec![
        chunk(choice(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null), Value::Null),
        chunk(choice(json!({"content": "a\"\n"}), Value::Null), Value::Null),
        chunk(choice(json!({}), json!("length")), Value::Null),
        chunk(
            json!([]),
            json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}}),
        ),
        json!("[DONE]"),
    ];
    assert_eq!(written(voice(true), events.clone()), expect);
    let unasked = written(voice(false), events);
    assert_eq!(unasked.len(), 4);
    assert!(unasked.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[test]
fn calls_are_numbered_in_a_row_and_named_once() {
    let mark = Signature::new(Origin::Gemini, "Ci");
    let call = |call: u32, id: &str, signature| Event::CallBegin { choice: 0, call, id: id.to_owned(), name: "f".to_owned(), signature };
    let more = |call: u32| Event::CallArguments { choice: 0, call, fragment: "{}".to_owned() };
    let found =
        deltas(vec![begin(), call(0, "a", None), call(5, "", Some(mark.clone())), more(5), more(0), Event::CallEnd { choice: 0, call: 0 }]);
    let expect = vec![
        json!({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
        json!({"tool_calls": [{"index": 1, "id": ids::join("call_0123456789abcdef01234567_1", Some(&mark)), "type": "function",
            "function": {"name": "f", "arguments": ""}, "extra_content": {"google": {"thought_signature": "Ci"}}}]}),
        json!({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
        json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
    ];
    assert_eq!(found, expect);
}

#[test]
fn lists_in_deltas_have_an_index() {
    let think = |text: &str| Event::Thinking { choice: 0, text: text.to_owned() };
    let found = deltas(vec![
        begin(),
        think("a"),
        think("b"),
        Event::ThinkingSigned { choice: 0, signature: Signature::new(Origin::Anthropic, "S") },
        Event::Redacted { choice: 0, signature: Signature::new(Origin::Anthropic, "D") },
        Event::ThinkingSigned { choice: 0, signature: Signature::nobodys() },
        Event::Cited { choice: 0, citation: Citation { url: "u".to_owned(), ..Citation::default() } },
        Event::Cited { choice: 0, citation: Citation::default() },
        Event::Media { choice: 0, media: Media::new(MediaKind::Image, Source::Url { mime: None, url: "i".to_owned() }) },
        Event::Refusal { choice: 0, text: "no".to_owned() },
    ]);
    let expect = vec![
        json!({"reasoning_content": "a"}),
        json!({"reasoning_content": "b"}),
        json!({"thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "ab", "signature": "S"}]}),
        json!({"thinking_blocks": [{"index": 1, "type": "redacted_thinking", "data": "D"}]}),
        json!({"annotations": [{"index": 0, "type": "url_citation", "url_citation": {"start_index": 0, "end_index": 0, "url": "u", "title": ""}}]}),
        json!({"images": [{"index": 0, "type": "image_url", "image_url": {"url": "i"}}]}),
        json!({"refusal": "no"}),
    ];
    assert_eq!(found, expect);
}

#[test]
fn every_choice_has_its_role_and_its_end() {
    let text = |choice| Event::Text { choice, text: "x".to_owned() };
    let stop = |choice, reason| Event::Stop { choice, reason, sequence: None };
    let logprobs = Event::Logprobs { choice: 1, value: json!({"content": []}) };
    let chunks = written(voice(false), vec![begin(), text(0), text(1), logprobs, stop(1, Stop::Filter), stop(0, Stop::Done), Event::End]);
    let told: Vec<String> = chunks
        .iter()
        .map(|chunk| {
            let choice = &chunk["choices"][0];
            format!("{} {} {}", choice["index"], choice["delta"]["content"], choice["finish_reason"])
        })
        .collect();
    assert_eq!(
        told,
        [
            "0 \"\" null",
            "0 \"x\" null",
            "1 \"\" null",
            "1 \"x\" null",
            "1 \"\" null",
            "0 null \"stop\"",
            "1 null \"content_filter\"",
            "null null null"
        ]
    );
    assert_eq!(chunks[4]["choices"][0]["logprobs"], json!({"content": []}));
}

#[test]
fn tools_of_free_text_stream_their_input() {
    let mut voice = voice(false);
    voice.repeat.insert("custom_tools".to_owned(), json!(["c"]));
    let chunks = written(
        voice,
        vec![
            begin(),
            Event::CallBegin { choice: 0, call: 0, id: "a".to_owned(), name: "c".to_owned(), signature: None },
            Event::CallArguments { choice: 0, call: 0, fragment: "raw".to_owned() },
        ],
    );
    assert_eq!(
        chunks[1]["choices"][0]["delta"],
        json!({"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "c", "input": ""}}]})
    );
    assert_eq!(chunks[2]["choices"][0]["delta"], json!({"tool_calls": [{"index": 0, "custom": {"input": "raw"}}]}));
}

#[test]
fn silence_and_breaks() {
    let (mut writer, mut out) = (Writer::new(voice(true)), BytesMut::new());
    writer.keep_alive(&mut out);
    writer.break_off(&Refusal::new(RefusalKind::Upstream, "it broke"), &mut out);
    let expect = ": keep-alive\n\ndata: {\"error\":{\"message\":\"it broke\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_error\"}}\n\n";
    assert_eq!(String::from_utf8(out.to_vec()).unwrap(), expect);
    // A stream that says nothing is a stream all the same.
    let chunks = written(voice(false), vec![Event::End]);
    assert_eq!(chunks.len(), 3);
    assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
}
