//! Gemini's `generateContent` as clients speak it. Source: protocol specification §5; `types.py` of the Google Gen AI SDK.
//!
//! Start at [`Gemini`]; `request` reads, `answer` and `stream` write.

use bytes::{Bytes, BytesMut};
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
        request::read(parse(asked.body)?, asked.stream)
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

/// Reads a request of `:countTokens`: the contents by themselves, or a whole request in `generateContentRequest`.
///
/// # Errors
///
/// When it is not such a request.
pub fn read_count(body: &[u8]) -> Result<Heard, Unreadable> {
    let mut body = fields::Fields::want(parse(body)?, "")?;
    let inner = match body.take("generateContentRequest") {
        Some(request) => request,
        None => Value::Object(body.rest().collect()),
    };
    request::read(inner, false)
}

/// The answer to `:countTokens`.
#[must_use]
pub fn write_count(tokens: u64) -> Bytes {
    let mut out = BytesMut::new();
    body::append(&mut out, &serde_json::json!({"totalTokens": tokens}));
    out.freeze()
}

fn parse(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body).map_err(|_| fields::unreadable("body", "is not JSON"))
}

#[cfg(test)]
mod tests;
