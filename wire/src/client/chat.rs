//! OpenAI's chat completions, as clients speak them. Source: protocol specification §1.
//!
//! `request` reads what is asked (`messages` and `tools` its larger parts), `answer` writes it whole, `stream` in chunks.
//! Never here: what a vendor does differently. Start at [`OpenAiChat`].

use bytes::Bytes;

use crate::client::{Asked, ClientDialect, EventWriter, Heard, Unreadable, Voice};
use crate::neutral::ChatAnswer;

mod account;
mod answer;
mod messages;
mod request;
mod stream;
mod tools;

/// Chat completions.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiChat;

impl ClientDialect for OpenAiChat {
    fn read(&self, asked: Asked<'_>) -> Result<Heard, Unreadable> {
        request::read(asked)
    }

    fn write(&self, answer: &ChatAnswer, voice: &Voice) -> Bytes {
        answer::write(answer, voice)
    }

    fn events(&self, voice: Voice) -> Box<dyn EventWriter> {
        Box::new(stream::Writer::new(voice))
    }

    fn overlaps(&self) -> bool {
        true
    }
}

/// The member of [`Heard::repeat`] that names the tools of free text: calls of them are written in their own form.
const CUSTOM_TOOLS: &str = "custom_tools";

/// A request that cannot be read.
fn unreadable(at: impl Into<String>, what: impl Into<String>, param: &'static str) -> Unreadable {
    Unreadable { at: at.into(), what: what.into(), param: Some(param) }
}
