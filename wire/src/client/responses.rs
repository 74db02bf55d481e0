//! OpenAI's responses, as clients speak them. Source: protocol specification §8, `types/responses` of the OpenAI SDK.
//!
//! A response is stateful at OpenAI and stateless here: `request` reads what is asked, `output` builds the items of an answer
//! and tells each step of theirs, `events` and `object` put them into a stream or a whole response. What a gateway needs to
//! keep conversations for `previous_response_id` is in [`history`]. Start at [`OpenAiResponses`].

use bytes::Bytes;

use super::{Asked, ClientDialect, EventWriter, Heard, Unreadable, Voice};
use crate::neutral::ChatAnswer;

mod events;
mod frames;
pub mod history;
mod input;
mod object;
mod output;
mod parts;
mod repeat;
mod request;
mod toolbox;
mod tools;
mod whole;

pub use history::{items_of_answer, items_of_request, previous_response_id, with_history};

/// The dialect of `POST /v1/responses`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiResponses;

impl ClientDialect for OpenAiResponses {
    fn read(&self, asked: Asked<'_>) -> Result<Heard, Unreadable> {
        request::read(asked)
    }

    fn write(&self, answer: &ChatAnswer, voice: &Voice) -> Bytes {
        whole::write(answer, voice)
    }

    fn tells_malformed(&self) -> bool {
        true
    }

    fn events(&self, voice: Voice) -> Box<dyn EventWriter> {
        Box::new(events::Writer::new(voice))
    }
}

/// A complaint about a place; `param` is filled in where the top-level field is known.
fn wrong(at: &str, what: &str) -> Unreadable {
    Unreadable { at: at.to_owned(), what: what.to_owned(), param: None }
}

/// Puts a complaint below a place: `content[0].type` becomes `input[3].content[0].type`.
fn under(place: &str, complaint: Unreadable) -> Unreadable {
    let at = if complaint.at.is_empty() { place.to_owned() } else { format!("{place}.{}", complaint.at) };
    Unreadable { at, ..complaint }
}
