//! What whole answers mean.

use serde_json::{Value, json};

use crate::neutral::{ChatAnswer, Origin, Part, Signature, Stop, Text, Thinking, ToolCall};
use crate::upstream::bedrock::Bedrock;
use crate::upstream::{Said, UpstreamDialect};

fn read(content: Value, stop: &str, said: &Said) -> ChatAnswer {
    let body = json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop, "metrics": {"latencyMs": 3},
        "serviceTier": {"type": "flex"}, "additionalModelResponseFields": {"stop_sequence": "END"}});
    Bedrock.read(body.to_string().as_bytes(), said).unwrap()
}

#[test]
fn blocks_become_parts() {
    let answer = read(
        json!([
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
            {"reasoningContent": {"redactedContent": "RXRrRQ=="}},
            {"text": "The title is "},
            {"citationsContent": {"content": [{"text": "\"Ü\""}], "citations": [{"title": "t", "source": "https://a.example/x",
                "sourceContent": [{"text": "Üb"}], "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}]}},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"b": 1, "a": [1.0]}}},
            {"toolUse": {"toolUseId": "t2", "name": "py", "input": {}, "type": "server_tool_use"}},
            {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
            {"newBlock": {"x": 1}},
        ]),
        "tool_use",
        &Said::default(),
    );
    let choice = &answer.choices[0];
    assert_eq!((choice.stop, choice.sequence.as_deref(), answer.service_tier.as_deref()), (Stop::Tools, Some("END"), Some("flex")));
    let [thinking, redacted, title, cited, call, server, image, new] = choice.parts.as_slice() else { panic!("{:?}", choice.parts) };
    let signature = Some(Signature::new(Origin::Anthropic, "sig"));
    assert_eq!(*thinking, Part::Thinking(Thinking { text: "hm".into(), signature }));
    assert_eq!(*redacted, Part::Redacted(Signature::new(Origin::Anthropic, "EtkE")));
    assert_eq!(*title, Part::text("The title is "));
    let Part::Text(Text { text, citations, .. }) = cited else { panic!("{cited:?}") };
    let citation = &citations[0];
    assert_eq!((text.as_str(), citation.url.as_str(), citation.title.as_str()), ("\"Ü\"", "https://a.example/x", "t"));
    assert_eq!((citation.quote.as_str(), citation.start, citation.end), ("Üb", Some(13), Some(16)));
    let arguments = String::from("{\"b\":1,\"a\":[1.0]}");
    let Part::Call(ToolCall { id, name, arguments: read, .. }) = call else { panic!("{call:?}") };
    assert_eq!((id.as_str(), name.as_str()), ("t1", "f"));
    assert_eq!(serde_json::from_str::<Value>(read).unwrap(), serde_json::from_str::<Value>(&arguments).unwrap());
    assert!(!read.contains(' '));
    assert!(matches!(server, Part::Foreign(foreign) if foreign.kind == "server_tool_use" && foreign.value["toolUse"]["name"] == "py"));
    assert!(matches!(image, Part::Media(_)));
    assert!(matches!(new, Part::Foreign(foreign) if foreign.kind == "newBlock"));
}

#[test]
fn reasons() {
    let check = |word: &str, stop: Stop| assert_eq!(read(json!([{"text": "a"}]), word, &Said::default()).choices[0].stop, stop, "{word}");
    check("end_turn", Stop::Done);
    check("stop_sequence", Stop::Sequence);
    check("max_tokens", Stop::Length);
    check("model_context_window_exceeded", Stop::Context);
    check("tool_use", Stop::Tools);
    check("guardrail_intervened", Stop::Filter);
    check("content_filtered", Stop::Filter);
    check("malformed_tool_use", Stop::Malformed);
    check("something_new", Stop::Done);
}

#[test]
fn an_answer_asked_for_as_a_call_is_text() {
    let said = Said { json_tool: Some("json".into()), free_text_tools: vec!["patch".into()], ..Said::default() };
    let content = json!([{"text": "Here:"}, {"toolUse": {"toolUseId": "t", "name": "json", "input": {"n": 1}}}]);
    let answer = read(content, "tool_use", &said).settle();
    assert_eq!((answer.choices[0].parts.as_slice(), answer.choices[0].stop), ([Part::text("{\"n\":1}")].as_slice(), Stop::Done));
    let content = json!([{"toolUse": {"toolUseId": "t", "name": "patch", "input": {"input": "*** Begin"}}}]);
    let answer = read(content, "tool_use", &said);
    assert!(matches!(&answer.choices[0].parts[0], Part::Call(call) if call.arguments == "*** Begin"));
}

#[test]
fn what_is_no_answer() {
    for body in ["", "[]", "{}", "{\"message\":\"x\"}", "{\"output\":", "{\"output\":3}"] {
        assert!(Bedrock.read(body.as_bytes(), &Said::default()).is_err(), "{body}");
    }
    let bare = Bedrock.read(b"{\"output\":{\"message\":{}},\"stopReason\":\"end_turn\"}", &Said::default()).unwrap();
    assert_eq!(bare.choices[0].parts, []);
}
