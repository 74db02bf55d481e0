//! Gemini's `generateContent` as vendors speak it. Source: protocol specification §5.
//!
//! Start at [`Gemini`]; `request` writes, `stream` reads chunks, and a whole answer is a stream of one chunk.

use fluxa_domain::models::gemini::Gemini as Model;

use crate::answer::NotProtocol;
use crate::neutral::{Chat, ChatAnswer};
use crate::upstream::{EventReader, Frame, Said, Target, Unsayable, UpstreamDialect, Written};

mod answered;
mod body;
mod chunk;
mod config;
mod fold;
mod grounding;
mod pieces;
mod request;
mod schema;
mod stream;
mod tools;
mod turns;

/// The dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gemini;

impl UpstreamDialect for Gemini {
    fn write(&self, chat: &Chat, target: &Target<'_>) -> Result<Written, Unsayable> {
        request::write(chat, target, Model::of(target.model))
    }

    fn read(&self, body: &[u8], said: &Said) -> Result<ChatAnswer, NotProtocol> {
        let mut reader = stream::Reader::new(said);
        let mut events = Vec::new();
        reader.read(Frame { name: b"", data: body }, &mut events)?;
        if !reader.has_answer() {
            return Err(NotProtocol { what: "json without an answer" });
        }
        reader.end(&mut events);
        Ok(fold::answer(events))
    }

    fn events(&self, said: &Said) -> Box<dyn EventReader> {
        Box::new(stream::Reader::new(said))
    }
}

#[cfg(test)]
mod tests;
