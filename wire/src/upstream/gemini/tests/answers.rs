//! What the vendor answers, whole and in chunks.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::neutral::{
    Citation, Event, Foreign, Media, MediaKind, NameMap, Origin, Part, Signature, Source, Stop, Text, Thinking, ToolCall,
};
use crate::upstream::gemini::Gemini;
use crate::upstream::gemini::turns::NAMES;
use crate::upstream::{Frame, Said, UpstreamDialect as _};

fn events_of(chunks: &[Value], said: &Said) -> Vec<Event> {
    let mut reader = Gemini.events(said);
    let mut out = Vec::new();
    for chunk in chunks {
        reader.read(Frame { name: b"", data: chunk.to_string().as_bytes() }, &mut out).unwrap();
    }
    reader.end(&mut out);
    out
}

fn chunk(parts: Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}}], "modelVersion": "m-1", "responseId": "r"})
}

fn last(parts: Value, reason: Value) -> Value {
    let mut chunk = chunk(parts);
    chunk["candidates"][0]["finishReason"] = reason;
    chunk
}

fn begin() -> Event {
    Event::Begin { id: Some("r".into()), model: Some("m-1".into()) }
}

fn mark(value: &str) -> Signature {
    Signature::new(Origin::Gemini, value)
}

fn stop(reason: Stop) -> [Event; 2] {
    [Event::Stop { choice: 0, reason, sequence: None }, Event::End]
}

fn call(call: u32, id: &str, name: &str, arguments: &str, signature: Option<Signature>) -> [Event; 3] {
    [
        Event::CallBegin { choice: 0, call, id: id.into(), name: name.into(), signature },
        Event::CallArguments { choice: 0, call, fragment: arguments.into() },
        Event::CallEnd { choice: 0, call },
    ]
}

fn check(chunks: &[Value], expect: &[&[Event]]) {
    let found = events_of(chunks, &Said::default());
    assert_eq!(found, std::iter::once(begin()).chain(expect.concat()).collect::<Vec<_>>());
}

#[test]
fn thoughts_words_and_calls() {
    let text = |text: &str| Event::Text { choice: 0, text: text.into() };
    let thought = |text: &str| Event::Thinking { choice: 0, text: text.into() };
    check(
        &[
            chunk(json!([{"text": "hm", "thought": true}])),
            chunk(json!([{"text": "", "thoughtSignature": "A"}])),
            chunk(json!([{"text": "Hé"}])),
            chunk(json!([{"text": "llo", "thoughtSignature": "B"}])),
            chunk(json!([
                {"functionCall": {"name": "f", "args": {"a": [1]}}, "thoughtSignature": "C"},
                {"functionCall": {"name": "g", "id": "x"}},
                {"text": "", "thoughtSignature": "D"},
            ])),
            last(json!([{"text": ""}]), json!("STOP")),
        ],
        &[
            &[thought("hm"), Event::ThinkingSigned { choice: 0, signature: mark("A") }],
            &[text("Hé"), text("llo"), Event::TextSigned { choice: 0, signature: mark("B") }],
            &call(0, "", "f", "{\"a\":[1]}", Some(mark("C"))),
            &call(1, "x", "g", "{}", None),
            &stop(Stop::Done),
        ],
    );
}

#[test]
fn calls_in_pieces_are_told_whole() {
    check(
        &[
            chunk(json!([{"functionCall": {"name": "f", "willContinue": true}, "thoughtSignature": "A"}])),
            chunk(
                json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x", "willContinue": true}], "willContinue": true}}]),
            ),
            chunk(json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "y"}], "willContinue": true}}])),
            chunk(json!([{"functionCall": {}}])),
            chunk(json!([{"functionCall": {"name": "g", "id": "2", "willContinue": true}}])),
            last(json!([]), json!("STOP")),
        ],
        &[&call(0, "", "f", "{\"a\":\"xy\"}", Some(mark("A"))), &call(1, "2", "g", "{}", None), &stop(Stop::Done)],
    );
}

#[test]
fn reasons_in_words_and_numbers() {
    let reasons = [
        (json!("STOP"), Stop::Done),
        (json!(1), Stop::Done),
        (json!("MAX_TOKENS"), Stop::Length),
        (json!(2), Stop::Length),
        (json!("SAFETY"), Stop::Filter),
        (json!(3), Stop::Filter),
        (json!("RECITATION"), Stop::Filter),
        (json!("LANGUAGE"), Stop::Filter),
        (json!("OTHER"), Stop::Filter),
        (json!("SPII"), Stop::Filter),
        (json!(8), Stop::Filter),
        (json!("MODEL_ARMOR"), Stop::Filter),
        (json!("IMAGE_SAFETY"), Stop::Filter),
        (json!("MALFORMED_FUNCTION_CALL"), Stop::Malformed),
        (json!(9), Stop::Malformed),
        (json!("MISSING_THOUGHT_SIGNATURE"), Stop::Malformed),
        (json!("CONTINUATION"), Stop::Length),
    ];
    for (reason, expect) in reasons {
        check(&[last(json!(null), reason)], &[&stop(expect)]);
    }
    let bare = json!({"candidates": [{"finishReason": "SAFETY", "index": 0}], "modelVersion": "m-1", "responseId": "r"});
    check(&[bare], &[&stop(Stop::Filter)]);
    // Words beside the reason are kept, and what comes after it too.
    let words = [Event::Text { choice: 0, text: "half".into() }, Event::Text { choice: 0, text: "more".into() }];
    check(&[last(json!([{"text": "half"}]), json!("SAFETY")), chunk(json!([{"text": "more"}]))], &[&words, &stop(Stop::Filter)]);
}

#[test]
fn a_blocked_prompt_is_a_filtered_answer() {
    let blocked = |feedback: Value| json!({"promptFeedback": feedback, "modelVersion": "m-1", "responseId": "r"});
    check(&[blocked(json!({"blockReason": "SAFETY"}))], &[&stop(Stop::Filter)]);
    check(&[blocked(json!({"blockReason": 4}))], &[&stop(Stop::Filter)]);
    let refusal = [Event::Refusal { choice: 0, text: "No.".into() }];
    check(&[blocked(json!({"blockReason": "OTHER", "blockReasonMessage": "No."}))], &[&refusal, &stop(Stop::Filter)]);
    // Ratings without a reason block nothing.
    check(&[blocked(json!({"safetyRatings": []}))], &[]);
}

#[test]
fn without_a_reason_a_stream_was_cut() {
    check(&[chunk(json!([{"text": "a"}]))], &[&[Event::Text { choice: 0, text: "a".into() }]]);
    check(&[chunk(json!([])), json!({"usageMetadata": {"promptTokenCount": 1}})], &[]);
}

#[test]
fn code_is_shown_and_drafts_are_not() {
    let png = Media::new(MediaKind::Image, Source::Inline { mime: "image/png".into(), data: "+/8=".into() });
    let text = |text: &str| Event::Text { choice: 0, text: text.into() };
    check(
        &[last(
            json!([
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thought": true},
                {"inlineData": {"mimeType": "image/png", "data": "-_8"}, "thoughtSignature": "A"},
                {"executableCode": {"language": "PYTHON", "code": "print(1)\n"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            ]),
            json!("STOP"),
        )],
        &[
            &[Event::Media { choice: 0, media: Media { signature: Some(mark("A")), ..png } }],
            &[text("```python\nprint(1)\n```\n"), text("```\n1\n```\n")],
            &stop(Stop::Done),
        ],
    );
}

#[test]
fn tools_of_the_vendor_stay_in_the_dialect() {
    let parts = json!([{"text": "a"}, {"toolCall": {"toolType": "T", "id": "1"}, "thoughtSignature": "A"}, {"toolResponse": {"id": "1"}}]);
    let foreign =
        |kind: &str, value: Value| Event::Foreign { choice: 0, part: Foreign { origin: Origin::Gemini, kind: kind.into(), value } };
    let called = json!({"toolCall": {"toolType": "T", "id": "1"}, "thoughtSignature": "A"});
    let expect = [
        Event::Text { choice: 0, text: "a".into() },
        foreign("toolCall", called.clone()),
        foreign("toolResponse", json!({"toolResponse": {"id": "1"}})),
    ];
    check(&[last(parts.clone(), json!("STOP"))], &[&expect, &stop(Stop::Done)]);
    let answer = Gemini.read(last(parts, json!("STOP")).to_string().as_bytes(), &Said::default()).unwrap();
    assert!(matches!(&answer.choices[0].parts[1], Part::Foreign(part) if part.value == called));
}

#[test]
fn sources_are_told_once_in_characters() {
    let grounding = json!({
        "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}, {"web": {"uri": "https://b.test", "title": "B"}}],
        "groundingSupports": [{"segment": {"startIndex": 2, "endIndex": 5}, "groundingChunkIndices": [0, 9]}],
    });
    let mut first = chunk(json!([{"text": "çàb"}]));
    first["candidates"][0]["groundingMetadata"] = grounding.clone();
    let mut second = last(json!([]), json!("STOP"));
    second["candidates"][0]["groundingMetadata"] = grounding;
    second["candidates"][0]["citationMetadata"] = json!({"citationSources": [{"startIndex": 0, "endIndex": 2, "uri": "https://c.test"}]});
    let cite = |url: &str, title: &str, start, end| Event::Cited {
        choice: 0,
        citation: Citation { url: url.into(), title: title.into(), start, end, ..Citation::default() },
    };
    check(
        &[first, second],
        &[
            &[Event::Text { choice: 0, text: "çàb".into() }],
            &[cite("https://a.test", "A", Some(1), Some(3)), cite("https://b.test", "B", None, None)],
            &[cite("https://c.test", "", Some(0), Some(1))],
            &stop(Stop::Done),
        ],
    );
}

#[test]
fn what_was_said_in_other_words_is_put_back() {
    let mut names = NameMap::default();
    let sent = names.fit("with space", NAMES);
    let said = Said { names, json_tool: Some("json".into()), free_text_tools: vec!["with space".into()], ..Said::default() };
    let parts = json!([{"functionCall": {"name": sent, "args": {"input": "free"}}}, {"functionCall": {"name": "json", "args": {"a": 1}}}]);
    let found = events_of(&[last(parts, json!("STOP"))], &said);
    let expect = [call(0, "", "with space", "free", None).as_slice(), &[Event::Text { choice: 0, text: "{\"a\":1}".into() }]].concat();
    assert_eq!(found[1..5], expect);
}

#[test]
fn whole_answers_and_lists_of_chunks_are_folded() {
    let body = json!({
        "candidates": [
            {"content": {"parts": [
                {"text": "hm", "thought": true}, {"text": "He"}, {"text": "llo", "thoughtSignature": "B"},
                {"functionCall": {"name": "f", "args": {}, "id": "1"}},
            ]}, "finishReason": "STOP", "index": 0,
             "logprobsResult": {"chosenCandidates": [{"token": "é", "logProbability": -0.5}], "topCandidates": [{"candidates": [{"token": "e", "logProbability": -1}]}]}},
            {"content": {"parts": [{"text": "other"}]}, "finishReason": "MAX_TOKENS", "index": 1},
        ],
        "modelVersion": "m-1", "responseId": "r",
    });
    let answer = Gemini.read(body.to_string().as_bytes(), &Said::default()).unwrap();
    let words = Text { signature: Some(mark("B")), ..Text::new("Hello") };
    let called = ToolCall { id: "1".into(), name: "f".into(), arguments: "{}".into(), ..ToolCall::default() };
    let thoughts = Part::Thinking(Thinking { text: "hm".into(), signature: None });
    assert_eq!(answer.choices[0].parts, [thoughts, Part::Text(words), Part::Call(called)]);
    assert_eq!((answer.choices[1].parts.as_slice(), answer.choices[1].stop), ([Part::text("other")].as_slice(), Stop::Length));
    let logprobs = answer.choices[0].logprobs.as_ref().unwrap();
    assert_eq!(logprobs["content"][0]["top_logprobs"][0]["token"], "e");
    assert_eq!((&logprobs["content"][0]["bytes"], &logprobs["content"][0]["logprob"]), (&json!([195, 169]), &json!(-0.5)));
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("r"), Some("m-1")));

    let list = json!([chunk(json!([{"text": "a"}])), last(json!([{"text": "b"}]), json!("STOP"))]);
    let answer = Gemini.read(list.to_string().as_bytes(), &Said::default()).unwrap();
    assert_eq!(answer.choices[0].parts, [Part::text("ab")]);

    for strange in ["{}", "[]", "[1]", "{\"candidates\":7}", "nonsense", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":1}]}}]}"] {
        assert!(Gemini.read(strange.as_bytes(), &Said::default()).is_err(), "{strange}");
    }
}

proptest! {
    #[test]
    fn no_chunk_brings_it_down(
        text in any::<String>(), path in "[$.a\\[\\]'\"0-9]{0,12}", kind in 0u8..6, index in any::<u32>(), reason in any::<i64>(), at in any::<usize>()
    ) {
        let part = match kind {
            0 => json!({"text": text, "thought": true, "thoughtSignature": path}),
            1 => json!({"functionCall": {"name": text, "partialArgs": [{"jsonPath": path, "stringValue": text}, {"jsonPath": path, "boolValue": true}]}}),
            2 => json!({"functionCall": {"args": text, "willContinue": true}}),
            3 => json!({"inlineData": {"data": text}}),
            4 => json!({"executableCode": {"code": text}, "codeExecutionResult": {}}),
            _ => json!({"text": text}),
        };
        let supports = json!([{"segment": {"startIndex": at, "endIndex": at, "partIndex": kind}, "groundingChunkIndices": [0, at]}]);
        let chunk = json!({"candidates": [{
            "content": {"parts": [part.clone(), part]}, "index": index, "finishReason": reason,
            "groundingMetadata": {"groundingChunks": [{"web": {"uri": text}}], "groundingSupports": supports},
        }]});
        let _ = events_of(&[chunk.clone(), chunk.clone()], &Said::default());
        let bytes = chunk.to_string();
        let _ = Gemini.read(bytes.as_bytes(), &Said::default());
        let mut reader = Gemini.events(&Said::default());
        let cut = bytes.as_bytes().get(..at % bytes.len()).unwrap();
        let _ = reader.read(Frame { name: b"", data: cut }, &mut Vec::new());
    }
}
