//! Recorded answers with the oddities of their vendors.

use super::*;
use crate::conformance::pairs::said::Stop;

fn chunks(bodies: &[&str]) -> Vec<u8> {
    bodies.iter().map(|body| format!("data: {body}\n\n")).collect::<String>().into_bytes()
}

fn names(said: &Said) -> Vec<(&str, &str)> {
    said.calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect()
}

#[test]
fn calls_in_chunks_are_put_together() {
    let check = |deltas: &[&str], wanted: &[(&str, &str)]| {
        let bodies: Vec<String> =
            deltas.iter().map(|calls| format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":{calls}}}}}]}}"#)).collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let said = read(Upstream::Chat, Frame::Sse, &chunks(&bodies), 200);
        assert_eq!(names(&said), wanted);
    };
    let first = r#"[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]"#;
    check(&[first, r#"[{"index":0,"id":"","function":{"name":"","arguments":"{}"}}]"#], &[("f", "{}")]);
    check(&[first, r#"[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]"#], &[("f", ""), ("g", "{}")]);
    // No index, both in one delta.
    check(
        &[r#"[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]"#],
        &[("f", "{}"), ("f", "{}")],
    );
    check(
        &[first, r#"[{"index":1,"id":"b","function":{"name":"g","arguments":"1"}}]"#, r#"[{"index":0,"function":{"arguments":"2"}}]"#],
        &[("f", "2"), ("g", "1")],
    );
}

#[test]
fn the_end_of_a_stream_is_known() {
    let text = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let error = r#"{"error":{"message":"gone"}}"#;
    let check = |bodies: &[&str], complete: bool| {
        let said = read(Upstream::Chat, Frame::Sse, &chunks(bodies), 200);
        assert_eq!((said.complete, said.text.as_str()), (complete, "a"), "{bodies:?}");
    };
    check(&[text, end], true);
    check(&[text, "[DONE]"], true);
    check(&[text], false);
    check(&[text, end, error], false);
    let torn = [chunks(&[text, end]), b"data: {\"cho".to_vec()].concat();
    assert!(!read(Upstream::Chat, Frame::Sse, &torn, 200).complete);
}

#[test]
fn frames_of_an_event_stream_are_read() {
    // The golden frames of the protocols.
    let start = "0000007f000000529bc598af0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2270223a226162222c22726f6c65223a22617373697374616e74227d362c6c18";
    let exception = "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e79207265717565737473227de67f8005";
    let bytes = |hex: &str| -> Vec<u8> { (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect() };
    let (frames, rest) = converse::frames(&[bytes(start), bytes(exception)].concat());
    assert_eq!((frames.len(), rest, frames[0].kind.as_str()), (2, 0, "messageStart"));
    let said = read(Upstream::Converse, Frame::Binary, &[bytes(start), bytes(exception)].concat(), 200);
    assert_eq!(said.error.unwrap().message, "Too many requests");
    assert_eq!(converse::frames(&bytes(start)[..50]).1, 50);
}

#[test]
fn vendors_tools_are_not_the_clients() {
    let body = br#"{"type":"message","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"f","input":{"x":1}}],"stop_reason":"tool_use"}"#;
    let said = read(Upstream::Messages, Frame::Json, body, 200);
    assert_eq!((said.text.as_str(), names(&said), said.loose.len()), ("a", vec![("f", "{\"x\":1}")], 1));
}

#[test]
fn googles_thoughts_may_be_among_the_candidates() {
    let usage = |total: u64| serde_json::json!({"promptTokenCount": 5, "candidatesTokenCount": 7, "thoughtsTokenCount": 3, "totalTokenCount": total});
    assert_eq!(gemini::used(&usage(15)).unwrap().output, 10);
    assert_eq!(gemini::used(&usage(12)).unwrap().output, 7);
    let blocked = br#"{"promptFeedback":{"blockReason":"SAFETY"}}"#;
    assert_eq!(read(Upstream::Gemini, Frame::Json, blocked, 200).stop, Some(Stop::Filter));
}
