//! Anthropic's messages, as vendors speak them. Source: protocol specification §2 and §3.
//!
//! What a model takes is told by its name ([`fluxa_domain::models::claude::Claude`]). Start at `request.rs` for what is written,
//! `stream.rs` for what is read.

use crate::answer::NotProtocol;
use crate::neutral::{Chat, ChatAnswer};
use crate::upstream::{EventReader, Said, Target, Unsayable, UpstreamDialect, Written};

mod answer;
mod blocks;
mod marks;
mod media;
mod request;
mod schema;
mod stream;
mod thinking;
mod tools;
mod turns;

/// The dialect of `POST /v1/messages`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anthropic;

impl UpstreamDialect for Anthropic {
    fn write(&self, chat: &Chat, target: &Target<'_>) -> Result<Written, Unsayable> {
        request::write(chat, target)
    }

    fn read(&self, body: &[u8], said: &Said) -> Result<ChatAnswer, NotProtocol> {
        answer::read(body, said)
    }

    fn events(&self, said: &Said) -> Box<dyn EventReader> {
        Box::new(stream::Reader::new(said.clone()))
    }
}

#[cfg(test)]
mod tests;
