//! What streams say at their end: the account of tokens, and errors.

use bytes::BytesMut;
use fluxa_wire::frame::event_stream::encode;
use fluxa_wire::translate::{Cut, Translation};
use fluxa_wire::upstream::Said;

use super::answers::voice;
use super::dialects::{CLIENTS, Client, Upstream};
use super::judge::Judgement;

/// A stream that ends well, and one that breaks: OpenAI, Anthropic, Gemini, Bedrock.
fn streams(at: usize, breaks: bool) -> (Cut, Vec<u8>) {
    let sse = |text: &str| (Cut::Sse, text.as_bytes().to_vec());
    match (at, breaks) {
        (0, false) => sse(
            "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"}}]}\n\ndata: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":101,\"completion_tokens\":37,\"total_tokens\":138}}\n\ndata: [DONE]\n\n",
        ),
        (0, true) => sse(
            "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"}}]}\n\ndata: {\"error\":{\"message\":\"the engine stalled\",\"type\":\"server_error\",\"code\":null}}\n\n",
        ),
        (1, breaks) => {
            let begin = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":101,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
            let end = if breaks {
                "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"the engine stalled\"}}\n\n"
            } else {
                "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":37}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
            };
            sse(&format!("{begin}{end}"))
        }
        (2, false) => sse(
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":101,\"candidatesTokenCount\":37,\"totalTokenCount\":138},\"modelVersion\":\"m\",\"responseId\":\"r1\"}\n\n",
        ),
        (2, true) => sse(
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}],\"role\":\"model\"},\"index\":0}],\"modelVersion\":\"m\",\"responseId\":\"r1\"}\n\ndata: {\"error\":{\"code\":500,\"message\":\"the engine stalled\",\"status\":\"INTERNAL\"}}\n\n",
        ),
        (_, breaks) => {
            let event = |name: &str, payload: &str| {
                encode(&[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")], payload.as_bytes())
            };
            let mut out = event("messageStart", r#"{"role":"assistant"}"#);
            out.extend(event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#));
            if breaks {
                let kind = [(":exception-type", "internalServerException"), (":message-type", "exception")];
                out.extend(encode(&kind, br#"{"message":"the engine stalled"}"#));
            } else {
                out.extend(event("contentBlockStop", r#"{"contentBlockIndex":0}"#));
                out.extend(event("messageStop", r#"{"stopReason":"end_turn"}"#));
                out.extend(event(
                    "metadata",
                    r#"{"usage":{"inputTokens":101,"outputTokens":37,"totalTokens":138},"metrics":{"latencyMs":5}}"#,
                ));
            }
            (Cut::EventStream, out)
        }
    }
}

fn told(upstream: &Upstream, client: &Client, breaks: bool) -> String {
    let (cut, stream) = streams(upstream.signs, breaks);
    let mut translation = Translation::new(upstream.of, cut, upstream.dialect, &Said::default(), client.dialect, voice());
    let mut out = BytesMut::new();
    translation.push(&stream, &mut out).unwrap();
    translation.finish(&mut out);
    assert!(!translation.is_cut());
    String::from_utf8(out.to_vec()).unwrap()
}

/// The rows about streams: tokens, and errors. A client gets an error in its own form, and never an end mark with it.
pub(super) fn judged(upstream: &Upstream) -> Vec<(&'static str, [Judgement; 4])> {
    const USAGE: [&str; 4] = [
        r#""prompt_tokens":101,"completion_tokens":37"#,
        r#""input_tokens":101"#,
        r#""output_tokens":37"#,
        r#""promptTokenCount":101,"candidatesTokenCount":37"#,
    ];
    const ERRORS: [&str; 4] = [r#"data: {"error":{"#, "event: error", "event: error", r#"data: {"error":{"#];
    const ENDS: [&str; 4] = ["[DONE]", "response.completed", "message_stop", "finishReason"];
    let of = |at: usize, found: bool| match found {
        true if upstream.signs == [0, 4, 1, 2][at] => Judgement::Kept,
        true => Judgement::Translated,
        false => Judgement::Silent,
    };
    let usage = std::array::from_fn(|at| of(at, told(upstream, &CLIENTS[at], false).contains(USAGE[at])));
    let error = std::array::from_fn(|at| {
        let told = told(upstream, &CLIENTS[at], true);
        of(at, told.contains(ERRORS[at]) && told.contains("the engine stalled") && !told.contains(ENDS[at]))
    });
    vec![("tokens of a stream", usage), ("an error inside a stream", error)]
}
