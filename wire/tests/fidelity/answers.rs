//! What answers say: each vendor's dialect to each client's.

use bytes::BytesMut;
use fluxa_wire::answer::answer;
use fluxa_wire::client::Voice;
use fluxa_wire::translate;
use fluxa_wire::upstream::Said;
use serde_json::Value;

use super::dialects::{CLIENTS, Client, Upstream};
use super::judge::{Judgement, parsed, put, shows, within};

/// One row: how each vendor says it (OpenAI, Anthropic, Gemini, Bedrock), and by what it is known in each client's dialect (chat
/// completions, responses, messages, generateContent). As in [`super::judge::Feature`].
pub(super) struct Feature {
    pub(super) name: &'static str,
    pub(super) says: [&'static str; 4],
    pub(super) signs: [&'static str; 4],
}

const fn row(name: &'static str, says: [&'static str; 4], signs: [&'static str; 4]) -> Feature {
    Feature { name, says, signs }
}

/// The answer that every feature is added to.
pub(super) const BASES: [&str; 4] = [
    r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#,
    r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":5}}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15},"modelVersion":"m","responseId":"r1"}"#,
    r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15},"metrics":{"latencyMs":1}}"#,
];

pub(super) fn voice() -> Voice {
    Voice {
        call: String::from("0123456789abcdef0123456789abcdef"),
        created_s: 1_700_000_000,
        model: String::from("asked-for"),
        include_usage: true,
        input_estimate: 3,
        ..Voice::default()
    }
}

pub(super) fn judge(feature: &Feature, upstream: &Upstream, at: usize, client: &Client) -> Judgement {
    let (says, base) = (feature.says[upstream.signs], BASES[upstream.signs]);
    if says.is_empty() {
        return Judgement::Unknown;
    }
    let mut body = parsed(base);
    put(&mut body, &parsed(says));
    let bytes = body.to_string().into_bytes();
    let (dialect, op) = upstream.of;
    let facts = answer(dialect, op, &bytes).unwrap();
    let told = translate::whole(upstream.dialect, &Said::default(), &bytes, &facts, client.dialect, &voice()).unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    // What a stream tells must be as much: it is made of the same answer.
    let streamed = translate::whole_as_stream(upstream.dialect, &Said::default(), &bytes, &facts, client.dialect, voice()).unwrap();
    assert!(!BytesMut::from(&streamed[..]).is_empty());
    let sign = feature.signs[at];
    match shows(sign, &told) {
        true if within(&parsed(says), &told) => Judgement::Kept,
        true => Judgement::Translated,
        false => Judgement::Silent,
    }
}

/// All rows of one vendor's dialect.
pub(super) fn judged(upstream: &Upstream) -> Vec<(&'static str, [Judgement; 4])> {
    let cells = |feature: &Feature| std::array::from_fn(|at| judge(feature, upstream, at, &CLIENTS[at]));
    ANSWERS.iter().filter(|feature| !feature.says[upstream.signs].is_empty()).map(|feature| (feature.name, cells(feature))).collect()
}

pub(super) const ANSWERS: &[Feature] = &[
    row(
        "words",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Rain."},"finish_reason":"stop"}]}"#,
            r#"{"content":[{"type":"text","text":"Rain."}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"Rain."}],"role":"model"},"finishReason":"STOP"}]}"#,
            r#"{"output":{"message":{"role":"assistant","content":[{"text":"Rain."}]}}}"#,
        ],
        [
            r#"{"message":{"content":"Rain."}}"#,
            r#"{"type":"output_text","text":"Rain."}"#,
            r#"{"type":"text","text":"Rain."}"#,
            r#"{"text":"Rain."}"#,
        ],
    ),
    row(
        "thoughts",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Rain.","reasoning_content":"Clouds."},"finish_reason":"stop"}]}"#,
            r#"{"content":[{"type":"thinking","thinking":"Clouds.","signature":"c2ln"},{"type":"text","text":"Rain."}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"Clouds.","thought":true},{"text":"Rain."}],"role":"model"},"finishReason":"STOP"}]}"#,
            r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Clouds.","signature":"c2ln"}}},{"text":"Rain."}]}}}"#,
        ],
        [
            r#"{"reasoning_content":"Clouds."}"#,
            r#"{"type":"reasoning","summary":[{"text":"Clouds."}]}|{"type":"reasoning","content":[{"text":"Clouds."}]}"#,
            r#"{"type":"thinking","thinking":"Clouds."}"#,
            r#"{"text":"Clouds.","thought":true}"#,
        ],
    ),
    row(
        "the signature of thoughts",
        [
            "",
            r#"{"content":[{"type":"thinking","thinking":"Clouds.","signature":"c2ln"},{"type":"text","text":"Rain."}]}"#,
            "",
            r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Clouds.","signature":"c2ln"}}},{"text":"Rain."}]}}}"#,
        ],
        [
            r#"{"thinking_blocks":[{"signature":"c2ln"}]}"#,
            r#"{"encrypted_content":"fluxa.a.c2ln"}"#,
            r#"{"type":"thinking","signature":"c2ln"}"#,
            r#"{"thought":true,"thoughtSignature":"Zmx1eGEuYS5jMmxu"}"#,
        ],
    ),
    row(
        "thoughts that only the vendor reads",
        [
            "",
            r#"{"content":[{"type":"redacted_thinking","data":"UmVk"},{"type":"text","text":"Rain."}]}"#,
            "",
            r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"redactedContent":"VW1Waw=="}},{"text":"Rain."}]}}}"#,
        ],
        [
            r#"{"thinking_blocks":[{"type":"redacted_thinking","data":"UmVk"}]}"#,
            r#"{"type":"reasoning","encrypted_content":"fluxa.a.UmVk"}"#,
            r#"{"type":"redacted_thinking","data":"UmVk"}"#,
            r#"{"thought":true,"thoughtSignature":"cmVkYWN0ZWQ6Zmx1eGEuYS5VbVZr"}"#,
        ],
    ),
    row(
        "parallel calls",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}},{"id":"call_2","type":"function","function":{"name":"now","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
            r#"{"stop_reason":"tool_use","content":[{"type":"tool_use","id":"call_1","name":"weather","input":{"city":"Rome"}},{"type":"tool_use","id":"call_2","name":"now","input":{}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"id":"call_1","name":"weather","args":{"city":"Rome"}}},{"functionCall":{"id":"call_2","name":"now","args":{}}}],"role":"model"},"finishReason":"STOP"}]}"#,
            r#"{"stopReason":"tool_use","output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"call_1","name":"weather","input":{"city":"Rome"}}},{"toolUse":{"toolUseId":"call_2","name":"now","input":{}}}]}}}"#,
        ],
        [
            r#"{"finish_reason":"tool_calls","message":{"tool_calls":[{"id":"call_1","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}},{"id":"call_2","function":{"name":"now","arguments":"{}"}}]}}"#,
            r#"{"output":[{"type":"function_call","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Rome\"}"},{"call_id":"call_2","name":"now","arguments":"{}"}]}"#,
            r#"{"stop_reason":"tool_use","content":[{"type":"tool_use","id":"call_1","name":"weather","input":{"city":"Rome"}},{"id":"call_2","input":{}}]}"#,
            r#"{"parts":[{"functionCall":{"id":"call_1","name":"weather","args":{"city":"Rome"}}},{"functionCall":{"id":"call_2","name":"now","args":{}}}]}"#,
        ],
    ),
    row(
        "the signature of a call",
        [
            "",
            "",
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"id":"call_1","name":"now","args":{}},"thoughtSignature":"CiQB"}],"role":"model"},"finishReason":"STOP"}]}"#,
            "",
        ],
        [
            r#"{"tool_calls":[{"id":"~__ts__","extra_content":{"google":{"thought_signature":"CiQB"}}}]}"#,
            r#"{"type":"function_call","call_id":"~__ts__"}"#,
            r#"{"type":"tool_use","id":"~__ts__"}"#,
            r#"{"functionCall":{"name":"now"},"thoughtSignature":"CiQB"}"#,
        ],
    ),
    row(
        "the signature of words",
        [
            "",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"Rain.","thoughtSignature":"CiQB"}],"role":"model"},"finishReason":"STOP"}]}"#,
            "",
        ],
        [
            r#"{"extra_content":{"google":{"thought_signature":"CiQB"}}}"#,
            r#"{"type":"reasoning","encrypted_content":"fluxa.g.CiQB"}"#,
            "",
            r#"{"text":"Rain.","thoughtSignature":"CiQB"}"#,
        ],
    ),
    row(
        "a generated picture",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Here.","images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAAN"}}]},"finish_reason":"stop"}]}"#,
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"Here."},{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"}}],"role":"model"},"finishReason":"STOP"}]}"#,
            r#"{"output":{"message":{"role":"assistant","content":[{"text":"Here."},{"image":{"format":"png","source":{"bytes":"iVBORw0KGgoAAAAN"}}}]}}}"#,
        ],
        [
            r#"{"images":[{"image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAAN"}}]}"#,
            r#"{"type":"image_generation_call","result":"iVBORw0KGgoAAAAN"}"#,
            r#"{"type":"text","text":"~data:image/png;base64,iVBORw0KGgoAAAAN"}"#,
            r#"{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"}}"#,
        ],
    ),
    row(
        "a refusal in words",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not."},"finish_reason":"stop"}]}"#,
            "",
            "",
            "",
        ],
        [
            r#"{"message":{"refusal":"I will not."}}"#,
            r#"{"type":"refusal","refusal":"I will not."}"#,
            r#"{"stop_reason":"refusal","content":[{"text":"I will not."}]}"#,
            r#"{"finishReason":"SAFETY","content":{"parts":[{"text":"I will not."}]}}"#,
        ],
    ),
    row(
        "sources",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Rain.","annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":5,"url":"https://news.example/a","title":"News"}}]},"finish_reason":"stop"}]}"#,
            r#"{"content":[{"type":"text","text":"Rain.","citations":[{"type":"web_search_result_location","url":"https://news.example/a","title":"News","encrypted_index":"e","cited_text":"It rains."}]}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"Rain."}],"role":"model"},"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://news.example/a","title":"News"}}],"groundingSupports":[{"segment":{"startIndex":0,"endIndex":5,"text":"Rain."},"groundingChunkIndices":[0]}]}}]}"#,
            r#"{"output":{"message":{"role":"assistant","content":[{"citationsContent":{"content":[{"text":"Rain."}],"citations":[{"title":"News","location":{"web":{"url":"https://news.example/a"}}}]}}]}}}"#,
        ],
        [
            r#"{"url_citation":{"url":"https://news.example/a","title":"News"}}"#,
            r#"{"type":"url_citation","url":"https://news.example/a","title":"News"}"#,
            r#"{"citations":[{"url":"https://news.example/a","title":"News"}]}"#,
            r#"{"groundingChunks":[{"web":{"uri":"https://news.example/a","title":"News"}}]}"#,
        ],
    ),
    row(
        "log-probabilities",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"logprobs":{"content":[{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[]}]},"finish_reason":"stop"}]}"#,
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"Hi","tokenId":1,"logProbability":-0.5}],"topCandidates":[{"candidates":[]}]}}]}"#,
            "",
        ],
        [
            r#"{"logprobs":{"content":[{"token":"Hi","logprob":-0.5}]}}"#,
            r#"{"type":"output_text","logprobs":[{"token":"Hi","logprob":-0.5}]}"#,
            "",
            r#"{"chosenCandidates":[{"token":"Hi","logProbability":-0.5}]}"#,
        ],
    ),
    row(
        "a second answer",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}"#,
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP","index":0},{"content":{"parts":[{"text":"Hello"}],"role":"model"},"finishReason":"STOP","index":1}]}"#,
            "",
        ],
        [r#"{"index":1,"message":{"content":"Hello"}}"#, "", "", r#"{"index":1,"content":{"parts":[{"text":"Hello"}]}}"#],
    ),
    row(
        "stopped: done",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#,
            r#"{"stop_reason":"end_turn"}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}"#,
            r#"{"stopReason":"end_turn"}"#,
        ],
        [r#"{"finish_reason":"stop"}"#, r#"{"status":"completed"}"#, r#"{"stop_reason":"end_turn"}"#, r#"{"finishReason":"STOP"}"#],
    ),
    row(
        "stopped: the bound was reached",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"length"}]}"#,
            r#"{"stop_reason":"max_tokens"}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"MAX_TOKENS"}]}"#,
            r#"{"stopReason":"max_tokens"}"#,
        ],
        [
            r#"{"finish_reason":"length"}"#,
            r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#,
            r#"{"stop_reason":"max_tokens"}"#,
            r#"{"finishReason":"MAX_TOKENS"}"#,
        ],
    ),
    row(
        "stopped: the context was full",
        ["", r#"{"stop_reason":"model_context_window_exceeded"}"#, "", r#"{"stopReason":"model_context_window_exceeded"}"#],
        [
            r#"{"finish_reason":"length"}"#,
            r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#,
            r#"{"stop_reason":"model_context_window_exceeded"}"#,
            r#"{"finishReason":"MAX_TOKENS"}"#,
        ],
    ),
    row(
        "stopped: a stop sequence, and which",
        [
            "",
            r#"{"stop_reason":"stop_sequence","stop_sequence":"END"}"#,
            "",
            r#"{"stopReason":"stop_sequence","additionalModelResponseFields":{"stop_sequence":"END"}}"#,
        ],
        ["", "", r#"{"stop_reason":"stop_sequence","stop_sequence":"END"}"#, ""],
    ),
    row(
        "stopped: a filter",
        [
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"content_filter"}]}"#,
            r#"{"stop_reason":"refusal"}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"SAFETY"}]}"#,
            r#"{"stopReason":"guardrail_intervened"}"#,
        ],
        [
            r#"{"finish_reason":"content_filter"}"#,
            r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}"#,
            r#"{"stop_reason":"refusal"}"#,
            r#"{"finishReason":"SAFETY"}"#,
        ],
    ),
    row("stopped: paused by the vendor", ["", r#"{"stop_reason":"pause_turn"}"#, "", ""], ["", "", r#"{"stop_reason":"pause_turn"}"#, ""]),
    row(
        "stopped: a malformed call",
        [
            "",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#,
            r#"{"stopReason":"malformed_tool_use"}"#,
        ],
        ["", "", "", r#"{"finishReason":"MALFORMED_FUNCTION_CALL"}"#],
    ),
    row(
        "tokens in and out",
        [
            r#"{"usage":{"prompt_tokens":101,"completion_tokens":37,"total_tokens":138}}"#,
            r#"{"usage":{"input_tokens":101,"output_tokens":37}}"#,
            r#"{"usageMetadata":{"promptTokenCount":101,"candidatesTokenCount":37,"totalTokenCount":138}}"#,
            r#"{"usage":{"inputTokens":101,"outputTokens":37,"totalTokens":138}}"#,
        ],
        [
            r#"{"prompt_tokens":101,"completion_tokens":37}"#,
            r#"{"input_tokens":101,"output_tokens":37}"#,
            r#"{"input_tokens":101,"output_tokens":37}"#,
            r#"{"promptTokenCount":101,"candidatesTokenCount":37}"#,
        ],
    ),
    row(
        "tokens read from a cache",
        [
            r#"{"usage":{"prompt_tokens":101,"completion_tokens":37,"total_tokens":138,"prompt_tokens_details":{"cached_tokens":64}}}"#,
            r#"{"usage":{"input_tokens":37,"cache_read_input_tokens":64,"output_tokens":37}}"#,
            r#"{"usageMetadata":{"promptTokenCount":101,"cachedContentTokenCount":64,"candidatesTokenCount":37,"totalTokenCount":138}}"#,
            r#"{"usage":{"inputTokens":37,"cacheReadInputTokens":64,"outputTokens":37,"totalTokens":138}}"#,
        ],
        [
            r#"{"prompt_tokens":101,"prompt_tokens_details":{"cached_tokens":64}}"#,
            r#"{"input_tokens":101,"input_tokens_details":{"cached_tokens":64}}"#,
            r#"{"input_tokens":37,"cache_read_input_tokens":64}"#,
            r#"{"promptTokenCount":101,"cachedContentTokenCount":64}"#,
        ],
    ),
    row(
        "tokens written to a cache",
        [
            "",
            r#"{"usage":{"input_tokens":37,"cache_creation_input_tokens":64,"output_tokens":37}}"#,
            "",
            r#"{"usage":{"inputTokens":37,"cacheWriteInputTokens":64,"outputTokens":37,"totalTokens":138}}"#,
        ],
        [
            r#"{"prompt_tokens":101,"prompt_tokens_details":{"cache_write_tokens":64}}"#,
            r#"{"input_tokens":101,"input_tokens_details":{"cache_write_tokens":64}}"#,
            r#"{"input_tokens":37,"cache_creation_input_tokens":64}"#,
            "",
        ],
    ),
    row(
        "tokens of thinking",
        [
            r#"{"usage":{"prompt_tokens":10,"completion_tokens":37,"total_tokens":47,"completion_tokens_details":{"reasoning_tokens":21}}}"#,
            "",
            r#"{"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":16,"thoughtsTokenCount":21,"totalTokenCount":47}}"#,
            "",
        ],
        [
            r#"{"completion_tokens":37,"completion_tokens_details":{"reasoning_tokens":21}}"#,
            r#"{"output_tokens":37,"output_tokens_details":{"reasoning_tokens":21}}"#,
            r#"{"output_tokens":37}"#,
            r#"{"candidatesTokenCount":16,"thoughtsTokenCount":21}"#,
        ],
    ),
    row(
        "the answer's id",
        [r#"{"id":"chatcmpl-77"}"#, r#"{"id":"msg_77"}"#, r#"{"responseId":"r77"}"#, ""],
        [r#"{"id":"~77"}"#, r#"{"id":"~77"}"#, r#"{"id":"~77"}"#, r#"{"responseId":"~77"}"#],
    ),
    row(
        "the model that answered",
        [r#"{"model":"m-2024"}"#, r#"{"model":"m-2024"}"#, r#"{"modelVersion":"m-2024"}"#, ""],
        [r#"{"model":"m-2024"}"#, r#"{"model":"m-2024"}"#, r#"{"model":"m-2024"}"#, r#"{"modelVersion":"m-2024"}"#],
    ),
    row(
        "the service tier",
        [
            r#"{"service_tier":"priority"}"#,
            r#"{"usage":{"input_tokens":10,"output_tokens":5,"service_tier":"priority"}}"#,
            "",
            r#"{"serviceTier":{"type":"priority"}}"#,
        ],
        [r#"{"service_tier":"priority"}"#, r#"{"service_tier":"priority"}"#, r#"{"service_tier":"priority"}"#, ""],
    ),
    row("the fingerprint", [r#"{"system_fingerprint":"fp_1"}"#, "", "", ""], [r#"{"system_fingerprint":"fp_1"}"#, "", "", ""]),
];
