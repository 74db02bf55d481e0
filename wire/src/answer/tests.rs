use super::*;
use crate::upstream_error::ErrorKind;

#[test]
fn facts_of_whole_answers() {
    let check = |dialect, op, body: &str, usage: Option<(u64, u64)>, finish: Option<&str>, text: u64| {
        let facts = answer(dialect, op, body.as_bytes()).unwrap();
        assert_eq!(facts.usage.map(|u| (u.input_total(), u.output)), usage, "{body}");
        assert_eq!((facts.finish.as_deref(), facts.text.bytes, facts.error), (finish, text, None), "{body}");
    };
    use Dialect::{Anthropic, Gemini, OpenAi};
    check(
        OpenAi,
        Op::Chat,
        r#"{"model":"m","choices":[{"message":{"role":"assistant","content":"hallo","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#,
        Some((5, 2)),
        Some("stop"),
        8,
    );
    check(OpenAi, Op::Completions, " \n{\"choices\":[{\"text\":\"abc\",\"finish_reason\":\"length\"}]}", None, Some("length"), 3);
    check(
        OpenAi,
        Op::Responses,
        r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"error":null,"output":[{"type":"message","content":[{"type":"output_text","text":"abc"}]}],"usage":{"input_tokens":5,"output_tokens":2}}"#,
        Some((5, 2)),
        Some("max_output_tokens"),
        3,
    );
    check(
        Anthropic,
        Op::Messages,
        r#"{"type":"message","model":"a","content":[{"type":"text","text":"abc"},{"type":"tool_use","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":5,"cache_read_input_tokens":3,"output_tokens":2}}"#,
        Some((8, 2)),
        Some("tool_use"),
        11,
    );
    check(
        OpenAi,
        Op::Embeddings,
        r#"{"object":"list","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":5,"total_tokens":5}}"#,
        Some((5, 0)),
        None,
        0,
    );
    check(OpenAi, Op::Rerank, r#"{"results":[],"meta":{"billed_units":{"search_units":1}}}"#, None, None, 0);
    check(OpenAi, Op::Audio, r#"{"text":"abc","usage":{"type":"tokens","input_tokens":9,"output_tokens":2}}"#, Some((9, 2)), None, 3);
    check(OpenAi, Op::Moderations, r#"{"id":"x","results":[]}"#, None, None, 0);
    check(
        Gemini,
        Op::GenerateContent,
        r#"[{"candidates":[{"content":{"parts":[{"text":"ab"}]}}]},{"candidates":[{"content":{"parts":[{"text":"c"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}}]"#,
        Some((5, 2)),
        Some("STOP"),
        3,
    );
}

#[test]
fn a_vendors_dialect_is_read_whatever_the_client_asked() {
    let check = |dialect, body: &str, usage: (u64, u64), finish: &str, text: u64| {
        for op in [Op::Chat, Op::Responses, Op::Messages, Op::GenerateContent] {
            let facts = answer(dialect, op, body.as_bytes()).unwrap();
            assert_eq!(facts.usage.map(|u| (u.input_total(), u.output)), Some(usage), "{op:?} {body}");
            assert_eq!((facts.finish.as_deref(), facts.text.bytes, facts.error), (Some(finish), text, None), "{op:?} {body}");
        }
    };
    check(
        Dialect::Bedrock,
        r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},{"text":"abc"},{"citationsContent":{"content":[{"text":"de"}],"citations":[{"sourceContent":[{"text":"not counted"}]}]}}]}},"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":2,"cacheReadInputTokens":3}}"#,
        (8, 2),
        "end_turn",
        7,
    );
    check(
        Dialect::Gemini,
        r#"{"candidates":[{"content":{"parts":[{"text":"abc"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}}"#,
        (5, 2),
        "STOP",
        3,
    );
    check(
        Dialect::Anthropic,
        r#"{"type":"message","content":[{"type":"text","text":"abc"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":2}}"#,
        (5, 2),
        "end_turn",
        3,
    );
    for op in [Op::Chat, Op::Messages] {
        assert!(answer(Dialect::Bedrock, op, b"{\"message\":\"x\"}").is_err());
        assert!(answer(Dialect::Gemini, op, b"{\"stopReason\":\"x\"}").is_err());
    }
}

#[test]
fn images_are_counted() {
    let facts = answer(Dialect::OpenAi, Op::Images, br#"{"created":1,"data":[{"url":"a"},{"url":"b"}]}"#).unwrap();
    assert_eq!((facts.images, facts.usage.unwrap().images), (2, 2));
}

#[test]
fn errors_inside_a_good_answer_are_seen() {
    let check = |body: &str, kind: ErrorKind| {
        let facts = answer(Dialect::OpenAi, Op::Chat, body.as_bytes()).unwrap();
        assert_eq!(facts.error.map(|e| e.kind), Some(kind), "{body}");
    };
    check(r#"{"error":{"message":"m","code":429}}"#, ErrorKind::RateLimited);
    check(r#"{"error":"boom"}"#, ErrorKind::Server);
    check(r#"{"base_resp":{"status_code":2013,"status_msg":"bad"},"choices":null}"#, ErrorKind::BadRequest);
    check(r#"{"code":10013,"message":"bad","sid":"s"}"#, ErrorKind::Server);
    let sound =
        answer(Dialect::OpenAi, Op::Chat, br#"{"code":0,"sid":"s","base_resp":{"status_code":0},"error":null,"choices":[]}"#).unwrap();
    assert_eq!(sound.error, None);
}

#[test]
fn what_is_no_answer() {
    for body in ["", "  ", "<html></html>", "ok", "\"x\"", "{\"choices\":[", "{}", "{\"choices\":[]} {}", "[]"] {
        assert!(answer(Dialect::OpenAi, Op::Chat, body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn many_vectors_are_not_read_number_by_number() {
    let body = format!(r#"{{"data":[{{"embedding":[{}1]}}],"usage":{{"prompt_tokens":3,"total_tokens":3}}}}"#, "0.25,".repeat(64 * 1024));
    let facts = answer(Dialect::OpenAi, Op::Embeddings, body.as_bytes()).unwrap();
    assert_eq!(facts.usage.unwrap().input_uncached, 3);
}
