//! Streams in the vendors' exact shape, with values of our own.

use fluxa_wire::frame::event_stream::encode;

use super::{ANTHROPIC, BEDROCK, GEMINI, OPENAI, Upstream};

/// One stream.
pub(super) struct Stream {
    pub(super) name: &'static str,
    pub(super) upstream: Upstream,
    pub(super) bytes: Vec<u8>,
    /// Torn before this byte it is not whole. Its length where it never comes to a good end.
    pub(super) ends_at: usize,
    /// The last byte is the one that makes it whole.
    pub(super) ends_with_bytes: bool,
    /// Even with all bytes it is not whole: it ends in the middle.
    pub(super) is_cut: bool,
}

/// `mark`: what must have come for the answer to be whole; empty where it never is.
fn sse(name: &'static str, upstream: Upstream, text: &str, mark: &str) -> Stream {
    let bytes = text.as_bytes().to_vec();
    let ends_at = if mark.is_empty() { bytes.len() } else { text.find(mark).unwrap() + mark.len() };
    Stream { name, upstream, bytes, ends_at, ends_with_bytes: !mark.is_empty(), is_cut: false }
}

/// Data lines, one event each.
fn data(events: &[&str]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

/// Named events, as Anthropic sends them.
fn named(events: &[&str]) -> String {
    let name = |event: &str| event.split('"').nth(3).unwrap().to_owned();
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", name(event))).collect()
}

pub(super) fn all() -> Vec<Stream> {
    let mut all = openai();
    all.extend(anthropic());
    all.extend(gemini());
    all.extend(bedrock());
    all
}

fn openai() -> Vec<Stream> {
    let calls = data(&[
        r#"{"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000001,"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
        r#"{"id":"chatcmpl-7","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"weather","arguments":""}}]}}]}"#,
        r#"{"id":"chatcmpl-7","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"","function":{"name":"","arguments":"{\"city\":"}}]}}]}"#,
        r#"{"id":"chatcmpl-7","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"now","arguments":""}}]}}]}"#,
        r#"{"id":"chatcmpl-7","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":null,"function":{"name":null,"arguments":"\"Köln\"}"}}]}}]}"#,
        r#"{"id":"chatcmpl-7","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        r#"{"id":"chatcmpl-7","choices":[],"usage":{"prompt_tokens":21,"completion_tokens":13,"total_tokens":34}}"#,
        "[DONE]",
    ]);
    let thoughts = data(&[
        r#"{"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"id":"chatcmpl-8","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":"Wol"}}]}"#,
        r#"{"id":"chatcmpl-8","choices":[{"index":0,"delta":{"reasoning_content":"ken ☁"}}]}"#,
        r#"{"id":"chatcmpl-8","choices":[{"index":0,"delta":{"content":"Es \"regnet\""}}]}"#,
        r#"{"id":"chatcmpl-8","choices":[{"index":0,"delta":{"content":".\n"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14,"completion_tokens_details":{"reasoning_tokens":4}}}"#,
    ]);
    let alive = format!(
        ": OPEN\n\n{}",
        data(&[
            r#"{"id":"chatcmpl-9","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hal"}}]}"#,
            r#"{"id":"chatcmpl-9","choices":[{"index":0,"delta":{"content":"lo"}}]}"#,
            r#"{"id":"chatcmpl-9","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
            "[DONE]",
        ])
        .replace("\n\ndata: {", "\n\n: PROCESSING\n\ndata: {")
    );
    let broken = data(&[
        r#"{"id":"chatcmpl-10","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hal"}}]}"#,
        r#"{"error":{"message":"the engine stalled","type":"server_error","param":null,"code":null}}"#,
        r#"{"id":"chatcmpl-10","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    let garbage = data(&[
        r#"{"id":"chatcmpl-11","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hal"}}]}"#,
        r#"{"id":"chatcmpl-11","choices":[{"index":0,"delta":{"content":"lo"}"#,
        r#"{"id":"chatcmpl-11","choices":[{"index":0,"delta":{"content":"!"},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    let unended = data(&[r#"{"id":"chatcmpl-12","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hal"}}]}"#]);
    vec![
        sse("openai: parallel calls", OPENAI, &calls, r#""finish_reason":"tool_calls"}]}"#),
        sse("openai: thoughts, no end mark", OPENAI, &thoughts, r#""reasoning_tokens":4}}}"#),
        sse("openai: comments", OPENAI, &alive, r#""finish_reason":"length"}]}"#),
        sse("openai: an error", OPENAI, &broken, ""),
        Stream { is_cut: true, ..sse("openai: garbage", OPENAI, &garbage, "") },
        Stream { is_cut: true, ..sse("openai: no end", OPENAI, &unended, "") },
        sse("openai: CRLF", OPENAI, &calls.replace('\n', "\r\n"), r#""finish_reason":"tool_calls"}]}"#),
    ]
}

fn anthropic() -> Vec<Stream> {
    let start = r#"{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"cache_read_input_tokens":30,"output_tokens":1}}}"#;
    let calls = named(&[
        start,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Zwei Städte"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"RXVr+/=="}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"weather","input":{}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"city\": \"Oslo\"}"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_02","name":"now","input":{}}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":44}}"#,
        r#"{"type":"message_stop"}"#,
    ]);
    let hidden = named(&[
        start,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"UmVk+A=="}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Re"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"gen ☂"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"END"},"usage":{"output_tokens":7}}"#,
        r#"{"type":"message_stop"}"#,
    ]);
    let broken = named(&[
        start,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Re"}}"#,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    ]);
    vec![
        sse("anthropic: thoughts and parallel calls", ANTHROPIC, &calls, r#"data: {"type":"message_stop"}"#),
        sse("anthropic: hidden thoughts and words", ANTHROPIC, &hidden, r#"data: {"type":"message_stop"}"#),
        sse("anthropic: an error", ANTHROPIC, &broken, ""),
    ]
}

fn gemini() -> Vec<Stream> {
    let calls = data(&[
        r#"{"candidates":[{"content":{"parts":[{"text":"Zwei Städte","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8},"modelVersion":"gemini-x","responseId":"r-1"}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"weather","args":{"city":"Oslo"}},"thoughtSignature":"CiQB+/=="},{"functionCall":{"name":"weather","args":{"city":"Rom"}}}],"role":"model"},"index":0}],"modelVersion":"gemini-x","responseId":"r-1"}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":20,"thoughtsTokenCount":5,"totalTokenCount":33},"modelVersion":"gemini-x","responseId":"r-1"}"#,
    ]);
    let words = data(&[
        r#"{"candidates":[{"content":{"parts":[{"text":"Re"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":4},"modelVersion":"gemini-x","responseId":"r-2"}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"gen ☂"}],"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"modelVersion":"gemini-x","responseId":"r-2"}"#,
    ]);
    let broken = data(&[
        r#"{"candidates":[{"content":{"parts":[{"text":"Re"}],"role":"model"},"index":0}],"modelVersion":"gemini-x","responseId":"r-3"}"#,
        r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
    ]);
    vec![
        sse(
            "gemini: thoughts and parallel calls",
            GEMINI,
            &calls,
            r#""totalTokenCount":33},"modelVersion":"gemini-x","responseId":"r-1"}"#,
        ),
        sse("gemini: words", GEMINI, &words, r#""totalTokenCount":5},"modelVersion":"gemini-x","responseId":"r-2"}"#),
        sse("gemini: an error", GEMINI, &broken, ""),
    ]
}

fn frame(name: &str, payload: &str) -> Vec<u8> {
    encode(&[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")], payload.as_bytes())
}

/// `end`: how many frames must have come for the answer to be whole; 0 where it never is.
fn frames(name: &'static str, list: &[Vec<u8>], end: usize) -> Stream {
    let bytes: Vec<u8> = list.concat();
    let ends_at = if end == 0 { bytes.len() } else { list.iter().take(end).map(Vec::len).sum() };
    Stream { name, upstream: BEDROCK, bytes, ends_at, ends_with_bytes: end > 0, is_cut: false }
}

fn bedrock() -> Vec<Stream> {
    let begin = || frame("messageStart", r#"{"role":"assistant","p":"abc"}"#);
    let metadata = || frame("metadata", r#"{"metrics":{"latencyMs":7},"usage":{"inputTokens":12,"outputTokens":9,"totalTokens":21}}"#);
    let calls = [
        begin(),
        frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Zwei Städte"}}}"#),
        frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"RXVr+/=="}}}"#),
        frame("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        frame("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolUse":{"name":"weather","toolUseId":"tooluse_1"}}}"#),
        frame("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"city\":\"Oslo\"}"}}}"#),
        frame("contentBlockStop", r#"{"contentBlockIndex":1}"#),
        frame("contentBlockStart", r#"{"contentBlockIndex":2,"start":{"toolUse":{"name":"now","toolUseId":"tooluse_2"}}}"#),
        frame("contentBlockStop", r#"{"contentBlockIndex":2}"#),
        frame("messageStop", r#"{"stopReason":"tool_use"}"#),
        metadata(),
    ];
    let words = [
        begin(),
        frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Regen ☂"}}"#),
        frame("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        frame("messageStop", r#"{"stopReason":"max_tokens"}"#),
        metadata(),
    ];
    let exception = [(":exception-type", "throttlingException"), (":content-type", "application/json"), (":message-type", "exception")];
    let broken = [
        begin(),
        frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Re"}}"#),
        encode(&exception, br#"{"message":"Too many tokens"}"#),
    ];
    let unended = &words[..2];
    vec![
        frames("bedrock: thoughts and parallel calls", &calls, 10),
        frames("bedrock: words", &words, 4),
        frames("bedrock: an exception", &broken, 0),
        Stream { is_cut: true, ..frames("bedrock: no end", unended, 0) },
    ]
}
