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
}

/// Whether `got` is the whole events of a broken recording and then one error event.
pub fn ended_by_error(recorded: &[u8], got: &[u8]) -> bool {
    let is_whole = |event: &[u8]| event.ends_with(b"\n\n") || event.ends_with(b"\r\n\r\n") || event.ends_with(b"\r\r");
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
        _ => {
            choices(json).iter().any(|choice| choice.get("finish_reason").and_then(Value::as_str).is_some_and(|reason| !reason.is_empty()))
        }
    }
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
        check("data: {\"type\":\"message_stop\"}\n\n", Op::Messages, Ending::Whole);
        check("data: {\"type\":\"message_start\"}\n\n", Op::Messages, Ending::BrokenOff);
        check("data: {\"type\":\"response.completed\"}\n\n", Op::Responses, Ending::Whole);
    }
}
