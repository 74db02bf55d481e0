//! OpenAI's chat completions, as vendors speak them. Source: protocol specification §1 and §4.
//!
//! Some thirty vendors speak it, each a little differently: what differs arrives as a [`fluxa_domain::vendors::Quirk`] in requests
//! and is recognised by its shape in answers. Never here: a vendor's name. Start at [`OpenAi`].

use crate::answer::NotProtocol;
use crate::neutral::{Chat, ChatAnswer};
use crate::upstream::{EventReader, Said, Target, Unsayable, UpstreamDialect, Written};

mod answer;
mod calls;
mod delta;
mod messages;
mod reasoning;
mod request;
mod shape;
mod stream;
mod strict;
mod think;
mod tools;

/// Chat completions.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAi;

impl UpstreamDialect for OpenAi {
    fn write(&self, chat: &Chat, target: &Target<'_>) -> Result<Written, Unsayable> {
        request::write(chat, target)
    }

    fn read(&self, body: &[u8], said: &Said) -> Result<ChatAnswer, NotProtocol> {
        answer::read(body, said)
    }

    fn events(&self, said: &Said) -> Box<dyn EventReader> {
        Box::new(stream::Reader::new(said))
    }
}
