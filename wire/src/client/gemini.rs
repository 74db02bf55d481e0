//! Gemini's `generateContent` as clients speak it. Source: protocol specification §5; `types.py` of the Google Gen AI SDK.
//!
//! Start at [`Gemini`]; `request` reads, `answer` and `stream` write.

use bytes::Bytes;
use serde_json::Value;

use crate::client::{Asked, ClientDialect, EventWriter, Heard, Unreadable, Voice};
use crate::neutral::ChatAnswer;

mod answer;
mod body;
mod config;
mod fields;
pub(crate) mod mark;
mod parts;
mod request;
mod schema;
mod stream;
mod tools;

/// The dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gemini;

impl ClientDialect for Gemini {
    fn read(&self, asked: Asked<'_>) -> Result<Heard, Unreadable> {
        let mut body = parse(asked.body)?;
        // `:countTokens` also takes a whole request inside of it.
        if let Some(inner) = body.get_mut("generateContentRequest").map(Value::take) {
            body = inner;
        }
        request::read(body, asked.stream)
    }

    fn write(&self, answer: &ChatAnswer, voice: &Voice) -> Bytes {
        answer::write(answer, voice)
    }

    fn tells_malformed(&self) -> bool {
        true
    }

    fn events(&self, voice: Voice) -> Box<dyn EventWriter> {
        Box::new(stream::Writer::new(voice))
    }
}

fn parse(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body).map_err(|_| fields::unreadable("body", "is not JSON"))
}

#[cfg(test)]
mod tests;
