//! Anthropic's messages, as clients speak them. Source: protocol specification §2 and §4.
//!
//! Requests are only read here to be asked of a vendor of another dialect; where the vendor speaks this one, bytes pass. Start at
//! `request.rs` for what is read, `stream.rs` for what is written.

use bytes::Bytes;

use crate::client::{Asked, ClientDialect, EventWriter, Heard, Unreadable, Voice};
use crate::neutral::ChatAnswer;

mod answer;
mod blocks;
mod fields;
mod frames;
mod request;
mod stream;
mod tools;
mod typed_tools;

/// The dialect of `POST /v1/messages`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anthropic;

impl ClientDialect for Anthropic {
    fn read(&self, asked: Asked<'_>) -> Result<Heard, Unreadable> {
        request::read(asked)
    }

    fn write(&self, answer: &ChatAnswer, voice: &Voice) -> Bytes {
        answer::write(answer, voice)
    }

    fn events(&self, voice: Voice) -> Box<dyn EventWriter> {
        Box::new(stream::Writer::new(voice))
    }
}

#[cfg(test)]
mod tests;
