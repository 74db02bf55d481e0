//! Bedrock's Converse, as vendors speak it. Source: protocol specification §6.
//!
//! Requests are written for the model they go to ([`fluxa_domain::models::bedrock`]): Converse is one form, but what it holds is
//! checked model by model. Streams come in binary frames ([`crate::frame::event_stream`]); here each event is its payload.
//! Start at [`Bedrock`].

use crate::answer::NotProtocol;
use crate::neutral::{Chat, ChatAnswer};
use crate::upstream::{EventReader, Said, Target, Unsayable, UpstreamDialect, Written};

mod answer;
mod documents;
mod events;
mod options;
mod request;
mod schema;
mod shape;
mod tools;
mod turns;

/// Bedrock's Converse.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bedrock;

impl UpstreamDialect for Bedrock {
    fn write(&self, chat: &Chat, target: &Target<'_>) -> Result<Written, Unsayable> {
        request::write(chat, target)
    }

    fn read(&self, body: &[u8], said: &Said) -> Result<ChatAnswer, NotProtocol> {
        answer::read(body, said)
    }

    fn events(&self, said: &Said) -> Box<dyn EventReader> {
        Box::new(events::Reader::new(said))
    }
}

#[cfg(test)]
mod tests;
