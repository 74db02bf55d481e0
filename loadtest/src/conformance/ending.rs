//! How a recorded stream ends: as its dialect says, by an error, or not at all.
//!
//! Judged by the events alone, each dialect by its own marks. Start at [`Ending::of`].

use serde_json::Value;

use super::{ask::Op, sse};

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With its dialect's last event.
    Whole,
    /// With an error, before anything was said.
    EarlyError,
    /// With an error, after something was said.
    LateError,
    /// In the middle.
    BrokenOff,
    /// There is no event to read.
    Unreadable,
}

impl Ending {
    /// How the stream of this operation ends.
    pub fn of(body: &[u8], op: Op) -> Self {
        let (mut said, mut whole, mut read) = (false, false, false);
        let mut torn = false;
        if let Ok(Value::Array(chunks)) = serde_json::from_slice(body)
            && op == Op::StreamGenerate
        {
            return Self::of_chunks(&chunks, op);
        }
        for event in sse::events(body) {
            let Some(data) = sse::data(event) else { continue };
            let Ok(json) = serde_json::from_slice::<Value>(&data) else {
                let done = data == b"[DONE]";
                // A last mark of chat is no mark of other dialects, though some vendors send it there too.
                whole |= done && !matches!(op, Op::Messages | Op::Responses);
                read |= done;
                torn |= !done;
                continue;
            };
            read = true;
            if is_error(&json) {
                return if said { Self::LateError } else { Self::EarlyError };
            }
            said |= says(&json, op);
            whole |= ends(&json, op);
        }
        match (read, whole && !torn) {
            (false, _) => Self::Unreadable,
            (true, true) => Self::Whole,
            (true, false) => Self::BrokenOff,
        }
    }

    /// The same for a stream that is one JSON array.
    fn of_chunks(chunks: &[Value], op: Op) -> Self {
        let error = chunks.iter().position(is_error);
        let said = chunks[..error.unwrap_or(chunks.len())].iter().any(|chunk| says(chunk, op));
        match error {
            Some(_) if said => Self::LateError,
            Some(_) => Self::EarlyError,
            None if chunks.is_empty() => Self::Unreadable,
            None if chunks.iter().any(|chunk| ends(chunk, op)) => Self::Whole,
            None => Self::BrokenOff,
        }
    }
}

/// Where about half a stream of Gemini's has come: something was said by then, and not how it ends. An array is cut between
/// its elements, since nothing can be said after half of one.
pub fn half(body: &[u8], op: Op) -> Option<usize> {
    let at = body.len() / 2;
    let body = &body[..at];
    if let Some((chunks, end)) = whole_chunks(body) {
        return (Ending::of_chunks(&chunks, op) == Ending::BrokenOff).then_some(end);
    }
    // What is cut within an event may have its reason to stop in it already.
    let whole: Vec<&[u8]> = sse::events(body).into_iter().filter(|event| is_whole(event)).collect();
    let said = whole.iter().any(|event| sse::json(event).is_some_and(|json| says(&json, op)));
    (said && Ending::of(&whole.concat(), op) == Ending::BrokenOff).then_some(at)
}

/// The whole elements of an array that may break off, and where the last ends; `None` for what is no array.
fn whole_chunks(body: &[u8]) -> Option<(Vec<Value>, usize)> {
    if !body.trim_ascii_start().starts_with(b"[") {
        return None;
    }
    let ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'}').map(|(at, _)| at);
    let mut read = ends.filter_map(|at| Some((serde_json::from_slice(&[&body[..=at], b"]"].concat()).ok()?, at + 1)));
    Some(read.next().unwrap_or_default())
}

/// Whether an event has its blank line.
fn is_whole(event: &[u8]) -> bool {
    event.ends_with(b"\n\n") || event.ends_with(b"\r\n\r\n") || event.ends_with(b"\r\r")
}

/// Whether `got` is the whole events of a broken recording and then one error event.
pub fn ended_by_error(recorded: &[u8], got: &[u8]) -> bool {
    if let Some((wanted, _)) = whole_chunks(recorded) {
        let Ok(mut got) = serde_json::from_slice::<Vec<Value>>(got) else { return false };
        let ended = got.pop().is_some_and(|last| is_error(&last));
        return ended && got == wanted;
    }
    let torn = sse::events(recorded).last().map_or(0, |event| if is_whole(event) { 0 } else { event.len() });
    let whole = &recorded[..recorded.len() - torn];
    let Some(rest) = got.strip_prefix(recorded).or_else(|| got.strip_prefix(whole)) else { return false };
    let rest: Vec<&[u8]> = sse::events(rest).into_iter().filter(|event| sse::data(event).is_some()).collect();
    matches!(rest.as_slice(), [event] if sse::json(event).is_some_and(|json| is_error(&json)))
}

/// An error event of any vendor.
fn is_error(json: &Value) -> bool {
    let kind = json.get("type").and_then(Value::as_str).unwrap_or_default();
    let code = json.get("code").and_then(Value::as_i64).unwrap_or(0);
    let told = json.get("error").is_some_and(|error| !error.is_null());
    told || kind == "error" || kind == "response.failed" || (json.get("sid").is_some() && code != 0)
}

/// Whether the model says something in this event.
fn says(json: &Value, op: Op) -> bool {
    let kind = json.get("type").and_then(Value::as_str).unwrap_or_default();
    match op {
        Op::Messages => kind.starts_with("content_block_"),
        Op::Responses => kind.ends_with(".delta") || kind == "response.output_item.added",
        Op::StreamGenerate => candidates(json)
            .iter()
            .any(|candidate| candidate.pointer("/content/parts").and_then(Value::as_array).is_some_and(|parts| !parts.is_empty())),
        _ => choices(json).iter().any(|choice| {
            let filled = |value: &Value| match value {
                Value::String(text) => !text.is_empty(),
                Value::Array(parts) => !parts.is_empty(),
                _ => false,
            };
            let delta = choice.get("delta").and_then(Value::as_object);
            choice.get("text").is_some_and(filled)
                || delta.is_some_and(|delta| delta.iter().any(|(name, value)| name != "role" && filled(value)))
        }),
    }
}

/// Whether this is the last event, or the one that says why it is over.
fn ends(json: &Value, op: Op) -> bool {
    let kind = json.get("type").and_then(Value::as_str).unwrap_or_default();
    match op {
        Op::Messages => kind == "message_stop",
        Op::Responses => matches!(kind, "response.completed" | "response.incomplete"),
        // Reasons may be told as numbers; 0 is none.
        Op::StreamGenerate => {
            let told = |reason: &Value| !reason.is_null() && *reason != 0;
            let blocked = json.pointer("/promptFeedback/blockReason").is_some_and(told);
            blocked || candidates(json).iter().any(|candidate| candidate.get("finishReason").is_some_and(told))
        }
        _ => {
            choices(json).iter().any(|choice| choice.get("finish_reason").and_then(Value::as_str).is_some_and(|reason| !reason.is_empty()))
        }
    }
}

fn candidates(json: &Value) -> &[Value] {
    json.get("candidates").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn choices(json: &Value) -> &[Value] {
    json.get("choices").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_own_end() {
        let chat = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
        let finish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        let error = "data: {\"error\":{\"message\":\"no\"}}\n\n";
        let check = |body: &str, op, ending| assert_eq!(Ending::of(body.as_bytes(), op), ending, "{body:?}");
        check(&format!("{chat}{finish}"), Op::Chat, Ending::Whole);
        check(&format!("{chat}data: [DONE]\n\n"), Op::Chat, Ending::Whole);
        check(chat, Op::Chat, Ending::BrokenOff);
        check(&format!("{chat}{finish}"), Op::Responses, Ending::BrokenOff);
        check(&format!("{chat}{finish}data: {{\"cho"), Op::Chat, Ending::BrokenOff);
        check(&format!("{chat}{error}"), Op::Chat, Ending::LateError);
        check(error, Op::Chat, Ending::EarlyError);
        check("data: {\ndata: {\n", Op::Chat, Ending::Unreadable);
        let text = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
        let stop = r#"{"candidates":[{"finishReason":"STOP"}]}"#;
        check(&format!("data: {text}\r\n\r\ndata: {stop}\r\n\r\n"), Op::StreamGenerate, Ending::Whole);
        check(&format!("data: {text}\r\n\r\n"), Op::StreamGenerate, Ending::BrokenOff);
        check(&format!("[{text},\n{stop}]"), Op::StreamGenerate, Ending::Whole);
        check(&format!("[{text},\n{{\"error\":{{\"code\":500}}}}]"), Op::StreamGenerate, Ending::LateError);
        check("data: {\"type\":\"message_stop\"}\n\n", Op::Messages, Ending::Whole);
        check("data: {\"type\":\"message_start\"}\n\n", Op::Messages, Ending::BrokenOff);
        check("data: {\"type\":\"response.completed\"}\n\n", Op::Responses, Ending::Whole);
    }
}
