//! Reads what a client got, strictly: each dialect's own grammar, and what it says.
//!
//! A reader gives both what is said and every breach of the grammar. Passed-through answers are the vendor's own and are
//! read by [`super::record`]. Start at [`read`].

pub mod chat;
pub mod gemini;
pub mod messages;
pub mod responses;

use serde_json::Value;

use super::{
    dialect::Client,
    json,
    said::{Said, Told},
};
use crate::conformance::sse;

/// An answer as a client hears it.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// What it says.
    pub said: Said,
    /// Where it breaks the grammar of its dialect.
    pub faults: Vec<String>,
}

/// One event of a stream, its fields apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The `event:` line.
    pub name: Option<String>,
    /// The data.
    pub data: Data,
}

/// What an event carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// JSON.
    Json(Value),
    /// `[DONE]`.
    Done,
    /// Anything else.
    Other(String),
}

impl Heard {
    /// Notes a breach.
    pub fn fault(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.faults.contains(&what) {
            self.faults.push(what);
        }
    }

    /// Notes a breach unless it holds.
    pub fn must(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.fault(what);
        }
    }
}

/// Reads an answer with status 200. `asked_usage`: the client asked for OpenAI's usage chunk.
pub fn read(client: Client, streams: bool, asked_usage: bool, body: &[u8]) -> Heard {
    if streams {
        let (events, faults) = events(body);
        let mut heard = match client {
            Client::Chat => chat::stream(&events, asked_usage),
            Client::Responses => responses::stream(&events),
            Client::Messages => messages::stream(&events),
            Client::Gemini => gemini::stream(&events),
        };
        heard.faults.splice(0..0, faults);
        return heard;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        let shown = json::clip(&String::from_utf8_lossy(body));
        return Heard { said: Said::failed("", None), faults: vec![format!("the answer is not JSON: {shown:?}")] };
    };
    match client {
        Client::Chat => chat::whole(&answer),
        Client::Responses => responses::whole(&answer),
        Client::Messages => messages::whole(&answer),
        Client::Gemini => gemini::whole(&answer),
    }
}

/// The events of a body with data, and the breaches of the framing itself.
fn events(body: &[u8]) -> (Vec<Event>, Vec<String>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for event in sse::events(body) {
        let Some(data) = sse::data(event) else {
            if event.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"event:")) {
                faults.push("an event without data".to_owned());
            }
            continue;
        };
        if !event.ends_with(b"\n\n") && !event.ends_with(b"\r\n\r\n") {
            faults.push("the last event has no blank line behind it".to_owned());
        }
        let text = String::from_utf8_lossy(event);
        let name = text.lines().find_map(|line| line.strip_prefix("event:")).map(|name| name.trim().to_owned());
        let data = match serde_json::from_slice(&data) {
            Ok(json) => Data::Json(json),
            Err(_) if data == b"[DONE]" => Data::Done,
            Err(_) => Data::Other(String::from_utf8_lossy(&data).into_owned()),
        };
        found.push(Event { name, data });
    }
    (found, faults)
}

/// An error that a stream tells, with the shape of `{"error": {…}}`.
pub fn told(error: &Value) -> Told {
    let code = error.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
    Told { status: None, message: json::text(error, "/message").to_owned(), code }
}

#[cfg(test)]
mod tests;
