//! A recorded answer of Amazon's Converse, and the binary frames of its stream.

use serde_json::Value;

use super::error_of;
use crate::conformance::pairs::{
    json,
    said::{Call, Said, Stop, Told, Used},
};

/// The smallest frame: its prelude and two checksums.
const LEAST_FRAME_BYTES: usize = 16;

/// One frame of an event stream.
#[derive(Debug, Clone)]
pub struct Framed {
    /// `event`, `exception` or `error`.
    pub message: String,
    /// The event, the exception or the error's code.
    pub kind: String,
    /// Its JSON.
    pub payload: Value,
    /// The text of an `error`.
    pub told: String,
}

/// One JSON answer.
pub fn whole(answer: &Value) -> Said {
    let mut said = Said::default();
    if answer.pointer("/output/message").is_none() {
        said.error = Some(error_of(answer).unwrap_or_default());
        return said;
    }
    for block in json::list(answer, "/output/message/content") {
        said.text.push_str(json::text(block, "/text"));
        said.reasoning.push_str(json::text(block, "/reasoningContent/reasoningText/text"));
        for part in json::list(block, "/citationsContent/content") {
            said.text.push_str(json::text(part, "/text"));
        }
        if let Some(call) = block.get("toolUse").filter(|call| is_clients(&mut said, call)) {
            let [id, name] = ["/toolUseId", "/name"].map(|path| json::text(call, path).to_owned());
            said.calls.push(Call { id, name, arguments: call.get("input").map_or_else(String::new, Value::to_string) });
        }
    }
    finish(&mut said, json::text(answer, "/stopReason"));
    said.complete = true;
    said
}

/// Whether a call is for the client; what the vendor runs itself is noted.
fn is_clients(said: &mut Said, call: &Value) -> bool {
    let own = json::text(call, "/type") != "server_tool_use";
    if !own {
        said.loose.push("tools that the vendor ran itself may be shown as text");
    }
    own
}

/// A stream of frames.
pub fn stream(body: &[u8]) -> Said {
    let mut said = Said::default();
    let (frames, rest) = frames(body);
    let mut calls: Vec<(u64, usize)> = Vec::new();
    for frame in &frames {
        if frame.message != "event" {
            let payload = error_of(&frame.payload).map(|told| told.message).unwrap_or_default();
            let message = if payload.is_empty() { frame.told.clone() } else { payload };
            said.error = Some(Told { status: None, message, code: frame.kind.clone() });
            continue;
        }
        let index = json::count(&frame.payload, "/contentBlockIndex").unwrap_or(0);
        match frame.kind.as_str() {
            "contentBlockStart" => {
                calls.retain(|(have, _)| *have != index);
                if let Some(call) = frame.payload.pointer("/start/toolUse").filter(|call| is_clients(&mut said, call)) {
                    calls.push((index, said.calls.len()));
                    let [id, name] = ["/toolUseId", "/name"].map(|path| json::text(call, path).to_owned());
                    said.calls.push(Call { id, name, arguments: String::new() });
                }
            }
            "contentBlockDelta" => {
                let delta = &frame.payload["delta"];
                said.text.push_str(json::text(delta, "/text"));
                said.reasoning.push_str(json::text(delta, "/reasoningContent/text"));
                let call = calls.iter().find(|(have, _)| *have == index);
                if let Some(call) = call.and_then(|(_, at)| said.calls.get_mut(*at)) {
                    call.arguments.push_str(json::text(delta, "/toolUse/input"));
                }
            }
            "messageStop" => finish(&mut said, json::text(&frame.payload, "/stopReason")),
            _ => {}
        }
    }
    said.complete = said.stop.is_some() && rest == 0 && said.error.is_none();
    said
}

/// The whole frames of a body, and how many bytes are left behind them. Checksums are not looked at: recordings are sound.
pub fn frames(body: &[u8]) -> (Vec<Framed>, usize) {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(total) = number(rest, 0).filter(|total| (LEAST_FRAME_BYTES..=rest.len()).contains(total)) {
        let (frame, after) = rest.split_at(total);
        rest = after;
        let Some(headers_end) = number(frame, 4).map(|length| length + 12).filter(|end| end + 4 <= total) else { break };
        let headers = headers(&frame[12..headers_end]);
        let value = |name: &str| headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.clone()).unwrap_or_default();
        let message = value(":message-type");
        let kind = [value(":event-type"), value(":exception-type"), value(":error-code")].concat();
        let payload = serde_json::from_slice(&frame[headers_end..total - 4]).unwrap_or_default();
        found.push(Framed { message, kind, payload, told: value(":error-message") });
    }
    (found, rest.len())
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(four)).ok()
}

/// The string headers; those that Bedrock sends are all strings.
fn headers(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, after)) = sized(bytes, 1)
        && let Some((7, after)) = after.split_first().map(|(kind, after)| (*kind, after))
        && let Some((value, after)) = sized(after, 2)
    {
        found.push((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()));
        bytes = after;
    }
    found
}

/// A run of bytes with its length before it, in so many bytes.
fn sized(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(..width)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    Some((bytes.get(width..width + length)?, bytes.get(width + length..)?))
}

fn finish(said: &mut Said, word: &str) {
    if word.is_empty() {
        return;
    }
    word.clone_into(&mut said.finish);
    said.stop = Some(match word {
        "end_turn" => Stop::Done,
        "stop_sequence" => Stop::Sequence,
        "max_tokens" => Stop::Length,
        "model_context_window_exceeded" => Stop::Context,
        "tool_use" => Stop::Tools,
        "guardrail_intervened" | "content_filtered" => Stop::Filter,
        "malformed_model_output" | "malformed_tool_use" => Stop::Malformed,
        _ => Stop::Other,
    });
}

/// What the usage says.
pub fn used(usage: &Value) -> Option<Used> {
    let number = |names: [&str; 2]| names.iter().find_map(|name| json::count(usage, &format!("/{name}"))).unwrap_or(0);
    let input = json::count(usage, "/inputTokens")?;
    let read = number(["cacheReadInputTokens", "cacheReadInputTokenCount"]);
    let written = number(["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    Some(Used { input: input + read + written, cache_read: read, output: number(["outputTokens", "outputTokens"]), reasoning: 0 })
}
