//! Reads a recorded answer, tolerantly: what a careful person would say that it says.
//!
//! One reader a dialect, written from the vendors' documents and the recordings. Start at [`read`].

pub mod chat;
pub mod converse;
pub mod gemini;
pub mod messages;

use serde_json::Value;

use super::{
    dialect::Upstream,
    json,
    said::{Said, Told},
};
use crate::conformance::{corpus::Case, sse};

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// One JSON text.
    Json,
    /// Server-sent events.
    Sse,
    /// Amazon's event stream.
    Binary,
}

/// The framing of a recorded answer.
pub fn frame(case: &Case) -> Frame {
    match case.response.content_type() {
        _ if case.response.status >= 400 => Frame::Json,
        media if media.contains("vnd.amazon.eventstream") => Frame::Binary,
        media if media.contains("event-stream") && !starts_as_json(&case.response.body) => Frame::Sse,
        _ => Frame::Json,
    }
}

/// Google sends JSON as an event stream when a streaming call fails.
fn starts_as_json(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'{' | b'['))
}

/// What a body says; a body cut short says what its whole events say.
pub fn read(upstream: Upstream, frame: Frame, body: &[u8], status: u16) -> Said {
    if status >= 400 {
        return refused(body, status);
    }
    match (upstream, frame) {
        (Upstream::Chat, Frame::Json) => whole(body, chat::whole),
        (Upstream::Messages, Frame::Json) => whole(body, messages::whole),
        (Upstream::Gemini, Frame::Json) => whole(body, gemini::whole),
        (Upstream::Converse, Frame::Json) => whole(body, converse::whole),
        (Upstream::Chat, _) => chat::stream(&events(body)),
        (Upstream::Messages, _) => messages::stream(&events(body)),
        (Upstream::Gemini, _) => gemini::stream(&events(body)),
        (Upstream::Converse, _) => converse::stream(body),
    }
}

/// One event of a stream.
#[derive(Debug, Clone)]
pub enum Event {
    /// Its JSON.
    Json(Value),
    /// The line that ends chat streams.
    Done,
    /// Neither.
    Torn,
}

/// The events of a body that have data. Where one is no JSON but each of its lines is, each line is one.
pub fn events(body: &[u8]) -> Vec<Event> {
    let mut found = Vec::new();
    for event in sse::events(body) {
        let Some(data) = sse::data(event) else { continue };
        if let Ok(json) = serde_json::from_slice(&data) {
            found.push(Event::Json(json));
            continue;
        }
        // Several lines that are no JSON together: no blank lines between the events, which no standard reader takes apart.
        if data.contains(&b'\n') {
            found.push(Event::Torn);
        }
        for line in data.split(|byte| *byte == b'\n') {
            found.push(match serde_json::from_slice(line) {
                Ok(json) => Event::Json(json),
                Err(_) if line.trim_ascii() == b"[DONE]" => Event::Done,
                Err(_) if line.is_empty() => continue,
                Err(_) => Event::Torn,
            });
        }
    }
    found
}

fn whole(body: &[u8], read: fn(&Value) -> Said) -> Said {
    match serde_json::from_slice::<Value>(body) {
        Ok(json) => read(&json),
        Err(_) => Said::failed("", None),
    }
}

/// What an error answer says.
fn refused(body: &[u8], status: u16) -> Said {
    let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let json = json.get(0).unwrap_or(&json);
    let message = error_of(json).map(|told| told.message).unwrap_or_default();
    Said::failed(&message, Some(status))
}

/// An error object of any vendor in a JSON text.
pub fn error_of(json: &Value) -> Option<Told> {
    let shapes = ["/error/message", "/error", "/message", "/Message", "/detail", "/base_resp/status_msg", "/errorMessage"];
    let number = |path: &str| json.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    let told = json::has(json, "/error")
        || number("/base_resp/status_code") != 0
        || (json.get("sid").is_some() && number("/code") != 0)
        || json.get("choices").is_none() && json.get("output").is_none() && shapes.iter().any(|path| !json::text(json, path).is_empty());
    if !told {
        return None;
    }
    let message = shapes.iter().map(|path| json::text(json, path)).find(|text| !text.is_empty()).unwrap_or_default();
    let code = json.pointer("/error/code").map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned)).unwrap_or_default();
    Some(Told { status: None, message: message.to_owned(), code })
}

#[cfg(test)]
mod tests;
