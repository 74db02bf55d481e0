use bytes::BytesMut;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::usage::Usage;
use fluxa_domain::vendors::MaxTokensField;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::neutral::answer::Choice;
use crate::neutral::chat::{Extra, Format, HostedTool, ToolChoice};
use crate::neutral::{
    Citation, Effort, Event, Media, MediaKind, Origin, Part, Reasoning, Role, Signature, Source, Stop, Text, Thinking, ToolCall,
    ToolResult, Turn,
};
use crate::upstream::{Target, UpstreamDialect as _};

fn read(body: Value) -> Heard {
    try_read(&body.to_string()).unwrap()
}

fn try_read(body: &str) -> Result<Heard, Unreadable> {
    Gemini.read(Asked { body: body.as_bytes(), model: "m", stream: false })
}

fn turns(contents: Value) -> Vec<Turn> {
    read(json!({"contents": contents})).chat.turns
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), ..ToolCall::default() })
}

fn result(id: &str, name: &str, text: &str) -> Part {
    Part::Result(ToolResult { id: id.into(), name: Some(name.into()), content: vec![Part::text(text)], ..ToolResult::default() })
}

#[test]
fn contents_come_in_every_form() {
    let hi = vec![Turn::new(Role::User, vec![Part::text("hi")])];
    for contents in [
        json!("hi"),
        json!(["hi"]),
        json!({"text": "hi"}),
        json!({"parts": {"text": "hi"}}),
        json!({"role": "user", "parts": "hi"}),
        json!([{"role": "user", "parts": [{"text": "hi"}]}]),
        json!([{"parts": [{"text": "hi"}, {"text": ""}, {}]}]),
    ] {
        assert_eq!(turns(contents.clone()), hi, "{contents}");
    }
    assert_eq!(turns(json!([{"role": "model", "parts": [{"text": "a"}]}]))[0].role, Role::Assistant);
}

#[test]
fn pictures_are_read_in_both_spellings() {
    let png = Media::new(MediaKind::Image, Source::Inline { mime: "image/png".into(), data: "+/8=".into() });
    for part in [
        json!({"inlineData": {"mimeType": "image/png", "data": "+/8="}}),
        json!({"inline_data": {"mime_type": "image/png", "data": "-_8"}}),
        json!({"inlineData": {"mime_type": "image/png", "data": "-_8="}}),
    ] {
        assert_eq!(turns(json!([{"parts": [part]}]))[0].parts, [Part::Media(png.clone())]);
    }
    let file = Source::Url { mime: Some("application/pdf".into()), url: "gs://b/x.pdf".into() };
    for part in [
        json!({"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/x.pdf"}}),
        json!({"file_data": {"mime_type": "application/pdf", "file_uri": "gs://b/x.pdf"}}),
    ] {
        assert_eq!(turns(json!([{"parts": [part]}]))[0].parts, [Part::Media(Media::new(MediaKind::Document, file.clone()))]);
    }
    let heard = read(json!({"contents": [{"parts": [
        {"fileData": {"fileUri": "https://youtu.be/x"}, "videoMetadata": {"fps": 1}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
    ]}]}));
    assert_eq!(heard.dropped[0].to_string(), "contents[].parts[].videoMetadata");
    assert!(matches!(&heard.chat.turns[0].parts[0], Part::Media(media) if media.detail.as_deref() == Some("low")));
}

#[test]
fn calls_without_ids_get_some_and_results_find_them() {
    let found = turns(json!([
        {"role": "user", "parts": [{"text": "weather?"}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "CiQB"},
            {"functionCall": {"name": "g"}},
            {"function_call": {"name": "f", "args": {"a": 2}}},
        ]},
        {"role": "function", "parts": [
            {"functionResponse": {"name": "g", "response": {"output": "G"}}},
            {"functionResponse": {"name": "f", "response": {"x": 1}}},
            {"function_response": {"name": "f", "response": {"error": "no"}}},
            {"functionResponse": {"name": "h", "response": {"result": "H"}}},
        ]},
    ]));
    let signed = ToolCall {
        id: "call_1_0".into(),
        name: "f".into(),
        arguments: "{\"a\":1}".into(),
        signature: Some(Signature::new(Origin::Gemini, "CiQB")),
        cache: None,
    };
    assert_eq!(found[1].parts, [Part::Call(signed), call("call_1_1", "g", "{}"), call("call_1_2", "f", "{\"a\":2}")]);
    let failed = ToolResult { id: "call_1_2".into(), name: Some("f".into()), content: vec![Part::text("no")], is_error: true, cache: None };
    let expect = [result("call_1_1", "g", "G"), result("call_1_0", "f", "{\"x\":1}"), Part::Result(failed), result("call_2_r0", "h", "H")];
    assert_eq!((found[2].role, found[2].parts.as_slice()), (Role::User, expect.as_slice()));

    // Ids that are given count, whatever the order; one that nobody called stands for the next call of its name.
    let found = turns(json!([
        {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "f"}}, {"functionCall": {"id": "b", "name": "f"}}]},
        {"parts": [
            {"functionResponse": {"id": "b", "name": "f", "response": {"output": "2"}}},
            {"functionResponse": {"id": "z", "name": "f", "response": {"output": "1"}}},
        ]},
    ]));
    assert_eq!(found[1].parts, [result("b", "f", "2"), result("a", "f", "1")]);
}

#[test]
fn chunks_of_a_stream_that_were_kept_as_contents_are_one_turn() {
    let mark = mark::write(&Signature::new(Origin::Anthropic, "Er+/")).unwrap();
    let hidden = mark::write_redacted(&Signature::new(Origin::Anthropic, "xx"));
    let found = turns(json!([
        {"role": "user", "parts": [{"text": "q"}]},
        {"role": "model", "parts": [{"text": "th", "thought": true}]},
        {"role": "model", "parts": [{"text": "ink", "thought": true}]},
        {"role": "model", "parts": [{"text": "", "thought": true, "thoughtSignature": mark}]},
        {"role": "model", "parts": [{"text": "", "thought": true, "thought_signature": hidden}]},
        {"role": "model", "parts": [{"text": "He"}]},
        {"role": "model", "parts": [{"text": "llo"}]},
        {"role": "model", "parts": [{"text": "", "thoughtSignature": "Q2k-"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"text": ""}]},
    ]));
    let thoughts = Thinking { text: "think".into(), signature: Some(Signature::new(Origin::Anthropic, "Er+/")) };
    let words = Text { signature: Some(Signature::new(Origin::Gemini, "Q2k+")), ..Text::new("Hello") };
    let expect =
        [Part::Thinking(thoughts), Part::Redacted(Signature::new(Origin::Anthropic, "xx")), Part::Text(words), call("call_1_0", "f", "{}")];
    assert_eq!(found[1].parts, expect);
    assert_eq!(found.len(), 2);
}

#[test]
fn all_members_are_read() {
    let heard = read(json!({
        "model": "models/m",
        "contents": [{"role": "system", "parts": [{"text": "B"}]}, {"parts": [{"text": "q"}]}],
        "system_instruction": {"parts": [{"text": "A"}, {"inlineData": {"mimeType": "image/png", "data": ""}}]},
        "tools": [
            {"functionDeclarations": [
                {"name": "f", "description": "F", "parameters": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}}, "response": {"type": "STRING"}},
                {"name": "g", "parametersJsonSchema": {"type": "object"}, "behavior": "BLOCKING"},
            ]},
            {"google_search": {}},
            {"codeExecution": {}},
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "any", "allowedFunctionNames": ["f"]}, "retrievalConfig": {"languageCode": "de"}},
        "generationConfig": {
            "maxOutputTokens": 100, "temperature": 0.5, "topP": 0.9, "top_k": 40.0, "stop_sequences": ["x"], "candidateCount": 2, "seed": -3,
            "presencePenalty": 0.1, "frequencyPenalty": 0.2, "responseLogprobs": true, "logprobs": 4, "responseMimeType": "application/json",
            "responseSchema": {"type": "ARRAY", "items": {"type": "INTEGER"}}, "thinkingConfig": {"includeThoughts": true, "thinkingLevel": "LOW"},
            "responseModalities": ["TEXT"], "speechConfig": {"languageCode": "de"}, "mediaResolution": null,
        },
        "safetySettings": [{"category": "c"}],
        "cachedContent": "cachedContents/x",
        "labels": {"team": "a"},
        "serviceTier": "STANDARD",
    }));
    let chat = heard.chat;
    assert_eq!(heard.dropped.iter().map(ToString::to_string).collect::<Vec<_>>(), ["systemInstruction.parts"]);
    assert_eq!(chat.system, [Text::new("A"), Text::new("B")]);
    assert_eq!(chat.turns, [Turn::new(Role::User, vec![Part::text("q")])]);
    assert_eq!(chat.tools[0].schema, Some(json!({"type": "object", "properties": {"x": {"type": "string"}}})));
    assert_eq!((chat.tools[1].schema.clone(), chat.tools[1].extras.len()), (Some(json!({"type": "object"})), 1));
    let other = HostedTool::Other { origin: Origin::Gemini, kind: "codeExecution".into(), value: json!({"codeExecution": {}}) };
    assert_eq!(chat.hosted_tools, [HostedTool::WebSearch { max_uses: None }, other]);
    assert_eq!(chat.tool_choice, Some(ToolChoice::Named("f".into())));
    assert_eq!((chat.max_output, chat.stop, chat.answers, chat.logprobs), (Some(100), vec!["x".to_owned()], Some(2), Some(4)));
    let s = chat.sampling;
    assert_eq!((s.temperature, s.top_p, s.top_k, s.seed), (Some(0.5), Some(0.9), Some(40), Some(-3)));
    assert_eq!((s.presence_penalty, s.frequency_penalty), (Some(0.1), Some(0.2)));
    let schema = json!({"type": "array", "items": {"type": "integer"}});
    assert_eq!(chat.format, Some(Format::Schema { name: None, description: None, schema, strict: None }));
    assert_eq!(chat.reasoning, Some(Reasoning { effort: Some(Effort::Low), show: Some(true), ..Reasoning::default() }));
    assert_eq!((chat.service_tier.as_deref(), &chat.metadata["team"]), (Some("default"), &json!("a")));
    let extra = |field: &str, value: Value| Extra { origin: Origin::Gemini, field: field.into(), value };
    let expect = [
        extra("toolConfig.retrievalConfig", json!({"languageCode": "de"})),
        extra("generationConfig.speechConfig", json!({"languageCode": "de"})),
        extra("safetySettings", json!([{"category": "c"}])),
        extra("cachedContent", json!("cachedContents/x")),
    ];
    assert_eq!(chat.extras, expect);
}

#[test]
fn choices_and_thinking_have_many_forms() {
    let choice = |config: Value| read(json!({"contents": "q", "toolConfig": {"functionCallingConfig": config}})).chat.tool_choice;
    assert_eq!(choice(json!({"mode": "AUTO"})), Some(ToolChoice::Auto));
    assert_eq!(choice(json!({"mode": "NONE"})), Some(ToolChoice::None));
    assert_eq!(choice(json!({"mode": "ANY"})), Some(ToolChoice::Required));
    let names = vec!["a".to_owned(), "b".to_owned()];
    let allowed = |required| Some(ToolChoice::Allowed { names: names.clone(), required });
    assert_eq!(choice(json!({"mode": "ANY", "allowed_function_names": names})), allowed(true));
    assert_eq!(choice(json!({"mode": "VALIDATED", "allowedFunctionNames": names})), allowed(false));
    assert_eq!(choice(json!({"mode": "VALIDATED"})), Some(ToolChoice::Auto));
    assert_eq!(choice(json!({"streamFunctionCallArguments": true})), None);

    let thinking = |config: Value| read(json!({"contents": "q", "generationConfig": {"thinking_config": config}})).chat.reasoning;
    assert_eq!(thinking(json!({})), None);
    assert_eq!(thinking(json!({"thinking_budget": 0})), Some(Reasoning { budget: Some(0), ..Reasoning::default() }));
    assert_eq!(thinking(json!({"thinkingBudget": -1})), Some(Reasoning { adaptive: true, ..Reasoning::default() }));
}

#[test]
fn what_is_no_request_is_named_without_its_content() {
    let check = |body: &str, expect: &str| assert_eq!(try_read(body).unwrap_err().to_string(), expect);
    check("secret", "body: is not JSON");
    check("[]", "body: must be an object");
    check("{}", "contents: is missing");
    check(r#"{"contents":[]}"#, "contents: is empty");
    check(r#"{"contents":[{"role":"secret","parts":[]}]}"#, "contents[0].role: must be user or model");
    check(r#"{"contents":[{"parts":[{"text":"a"},{"text":7}]}]}"#, "contents[0].parts[1].text: must be a text");
    check(r#"{"contents":[{"parts":[{"secret":1}]}]}"#, "contents[0].parts[0]: holds nothing that is known");
    check(r#"{"contents":[{"parts":[{"functionCall":{}}]}]}"#, "contents[0].parts[0].functionCall.name: is missing");
}

#[test]
fn counts_are_asked_in_two_forms() {
    for body in [
        r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#,
        r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"hi"}]}]}}"#,
    ] {
        assert_eq!(try_read(body).unwrap().chat.turns, [Turn::new(Role::User, vec![Part::text("hi")])]);
    }
}

fn voice(array: bool) -> Voice {
    Voice { call: "0123456789abcdef0123456789abcdef".into(), created_s: 1_790_000_000, model: "m".into(), array, ..Voice::default() }
}

const USAGE: Usage = Usage { input_uncached: 5, cache_read: 3, cache_write_5m: 2, output: 9, reasoning: 4, ..ZERO };
const ZERO: Usage = Usage {
    input_uncached: 0,
    cache_read: 0,
    cache_write_5m: 0,
    cache_write_1h: 0,
    output: 0,
    reasoning: 0,
    input_audio: 0,
    output_audio: 0,
    images: 0,
    searches: 0,
};

#[test]
fn whole_answers_have_the_vendors_shape() {
    let cited = Text {
        citations: vec![Citation { url: "https://a.test".into(), title: "A".into(), start: Some(1), end: Some(3), ..Citation::default() }],
        signature: Some(Signature::new(Origin::Gemini, "Q2k=")),
        ..Text::new("çàb")
    };
    let signed = ToolCall { signature: Some(Signature::new(Origin::Gemini, "Q2o=")), ..ToolCall::default() };
    let choice = Choice {
        parts: vec![
            Part::Thinking(Thinking { text: "hm".into(), signature: Some(Signature::nobodys()) }),
            Part::Text(cited),
            Part::Call(ToolCall { name: "f".into(), arguments: "{\"n\": 12345678901234567890123}".into(), ..signed }),
            call("x", "g", "not json"),
            Part::Media(Media::new(MediaKind::Image, Source::Inline { mime: "image/png".into(), data: "AAAA".into() })),
        ],
        stop: Stop::Tools,
        ..Choice::default()
    };
    let answer = ChatAnswer { id: Some("r1".into()), choices: vec![choice], usage: Some(USAGE), ..ChatAnswer::default() };
    let expect = concat!(
        r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"çàb","thoughtSignature":"Q2k="},"#,
        r#"{"functionCall":{"id":"call_0123456789abcdef01234567_0","name":"f","args":{"n": 12345678901234567890123}},"thoughtSignature":"Q2o="},"#,
        r#"{"functionCall":{"id":"x","name":"g","args":{"_raw":"not json"}}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}],"role":"model"},"#,
        r#""finishReason":"STOP","index":0,"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.test","title":"A"}}],"#,
        r#""groundingSupports":[{"segment":{"startIndex":2,"endIndex":5,"text":"àb"},"groundingChunkIndices":[0]}]}}],"#,
        r#""usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":19,"cachedContentTokenCount":3,"thoughtsTokenCount":4},"#,
        r#""modelVersion":"m","createTime":"2026-09-21T14:13:20Z","responseId":"r1"}"#,
    );
    assert_eq!(String::from_utf8_lossy(&Gemini.write(&answer, &voice(false))), expect);
}

#[test]
fn reasons_to_finish_are_the_vendors() {
    let check = |parts: Vec<Part>, stop: Stop, expect: &str| {
        let answer = ChatAnswer { choices: vec![Choice { parts, stop, ..Choice::default() }], ..ChatAnswer::default() };
        let written: Value = serde_json::from_slice(&Gemini.write(&answer, &voice(false))).unwrap();
        assert_eq!(written["candidates"][0]["finishReason"], expect, "{stop:?}");
    };
    check(vec![], Stop::Done, "STOP");
    check(vec![], Stop::Sequence, "STOP");
    check(vec![], Stop::Length, "MAX_TOKENS");
    check(vec![], Stop::Context, "MAX_TOKENS");
    check(vec![], Stop::Filter, "SAFETY");
    check(vec![], Stop::Malformed, "MALFORMED_FUNCTION_CALL");
    check(vec![Part::Refusal("no".into())], Stop::Done, "SAFETY");
}

fn stream(events: Vec<Event>, array: bool) -> String {
    let mut writer = Gemini.events(voice(array));
    let mut out = BytesMut::new();
    for event in events {
        writer.write(event, &mut out);
    }
    String::from_utf8(out.to_vec()).unwrap()
}

fn events() -> Vec<Event> {
    vec![
        Event::Begin { id: Some("r1".into()), model: Some("m-1".into()) },
        Event::Usage(USAGE),
        Event::Thinking { choice: 0, text: "hm".into() },
        Event::ThinkingSigned { choice: 0, signature: Signature::new(Origin::Anthropic, "Er") },
        Event::Text { choice: 0, text: "line\u{2028}\n".into() },
        Event::CallBegin { choice: 0, call: 0, id: String::new(), name: "f".into(), signature: None },
        Event::CallArguments { choice: 0, call: 0, fragment: "{\"a\":".into() },
        Event::CallArguments { choice: 0, call: 0, fragment: "\n1}".into() },
        Event::CallEnd { choice: 0, call: 0 },
        Event::CallBegin { choice: 0, call: 1, id: "x".into(), name: "g".into(), signature: None },
        Event::CallArguments { choice: 0, call: 1, fragment: "{}".into() },
        Event::CallEnd { choice: 0, call: 1 },
        Event::Stop { choice: 0, reason: Stop::Tools, sequence: None },
        Event::Usage(USAGE),
        Event::End,
    ]
}

#[test]
fn streams_are_whole_answers_one_after_the_other() {
    let tail = r#","modelVersion":"m-1","createTime":"2026-09-21T14:13:20Z","responseId":"r1"}"#;
    let parts = [
        r#"{"text":"hm","thought":true}"#,
        r#"{"text":"","thought":true,"thoughtSignature":"Zmx1eGEuYS5Fcg=="}"#,
        "{\"text\":\"line\u{2028}\\n\"}",
        r#"{"functionCall":{"id":"call_0123456789abcdef01234567_0","name":"f","args":{"a":1}},"thoughtSignature":"Zmx1eGEubi4="}"#,
        r#"{"functionCall":{"id":"x","name":"g","args":{}}}"#,
    ];
    let mut chunks: Vec<String> =
        parts.iter().map(|part| format!(r#"{{"candidates":[{{"content":{{"parts":[{part}],"role":"model"}},"index":0}}]{tail}"#)).collect();
    chunks.push(format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":""}}],"role":"model"}},"finishReason":"STOP","index":0}}],{}{tail}"#,
        r#""usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":19,"cachedContentTokenCount":3,"thoughtsTokenCount":4}"#,
    ));
    let sse: String = chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect();
    assert_eq!(stream(events(), false), sse);
    assert_eq!(stream(events(), true), format!("[{}\n]", chunks.join("\n,\r\n")));
}

#[test]
fn a_call_that_was_cut_off_has_no_arguments() {
    let check = |arguments: [&str; 2], stop: Stop, expect: &[&str]| {
        let parts = vec![call("a", "f", arguments[0]), call("b", "g", arguments[1])];
        let choice = Choice { parts, stop, ..Choice::default() };
        let answer = ChatAnswer { choices: vec![choice], ..ChatAnswer::default() };
        let mut streamed = answer.clone().into_events();
        streamed.push(Event::End);
        let names = |written: &Value| -> Vec<String> {
            let parts = written["candidates"][0]["content"]["parts"].as_array().unwrap();
            let told = parts.iter().filter(|part| part["functionCall"].is_object());
            told.map(|part| format!("{}{}", part["functionCall"]["name"].as_str().unwrap(), part["functionCall"]["args"])).collect()
        };
        let whole: Value = serde_json::from_slice(&Gemini.write(&answer, &voice(false))).unwrap();
        assert_eq!(names(&whole), expect, "{whole}");
        let chunks: Vec<Value> = serde_json::from_str(&stream(streamed, true)).unwrap();
        assert_eq!(chunks.iter().flat_map(names).collect::<Vec<_>>(), expect, "{chunks:?}");
    };
    for stop in [Stop::Length, Stop::Context, Stop::Filter] {
        check(["{}", "{\"path\":\"/ho"], stop, &["f{}", "g{}"]);
        check(["{}", ""], stop, &["f{}", "g{}"]);
        check(["", "{\"a\":1}"], stop, &["f{}", "g{\"a\":1}"]);
    }
    check(["{}", "{\"path\":\"/ho"], Stop::Tools, &["f{}", "g{\"_raw\":\"{\\\"path\\\":\\\"/ho\"}"]);
    check(["{}", ""], Stop::Tools, &["f{}", "g{}"]);
}

#[test]
fn broken_streams_end_in_an_error() {
    let refusal = Refusal::new(RefusalKind::Upstream, "broke").with_status(502);
    let error = r#"{"error":{"code":502,"message":"broke","status":"UNAVAILABLE"}}"#;
    for array in [false, true] {
        for count in [1, 5] {
            let mut writer = Gemini.events(voice(array));
            let mut out = BytesMut::new();
            for event in events().into_iter().take(count) {
                writer.keep_alive(&mut out);
                writer.write(event, &mut out);
            }
            writer.break_off(&refusal, &mut out);
            let text = String::from_utf8(out.to_vec()).unwrap();
            if array {
                let chunks: Vec<Value> = serde_json::from_str(&text).unwrap();
                assert_eq!(chunks.last().unwrap().to_string(), error);
            } else {
                assert!(text.ends_with(&format!("data: {error}\r\n\r\n")), "{text}");
                assert!(!text.contains(": keep"), "{text}");
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = [
        "contents",
        "parts",
        "text",
        "role",
        "inlineData",
        "functionCall",
        "function_response",
        "thought",
        "thoughtSignature",
        "tools",
        "name",
        "args",
        "functionDeclarations",
        "generationConfig",
        "responseSchema",
        "type",
        "mimeType",
        "data",
        "response",
        "systemInstruction",
        "nullable",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z_+/=-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(names.to_vec()), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_shape_of_json_brings_it_down(whole in any::<bool>(), contents in any_json(), config in any_json(), tools in any_json(), system in any_json()) {
        let contents = if whole { json!([{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": contents}]) } else { contents };
        let body = json!({"contents": contents, "generationConfig": config, "tools": tools, "systemInstruction": system});
        let _ = try_read(&contents.to_string());
        if let Ok(heard) = try_read(&body.to_string()) {
            // What is read can be asked of every generation of models, and what is asked can be read.
            for model in ["gemini-1.5-pro", "gemini-2.5-flash", "gemini-3-pro-preview", "gemma-3"] {
                let field = MaxTokensField::GenerationConfig;
                let target = Target { model, quirks: &[], max_tokens_field: field, max_output: None, ask_usage: true };
                let written = crate::upstream::gemini::Gemini.write(&heard.chat, &target).unwrap();
                prop_assert!(try_read(std::str::from_utf8(&written.body).unwrap()).is_ok());
            }
        }
        let _ = try_read(&contents.to_string());
    }
}
