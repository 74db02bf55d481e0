//! What clients speak: four dialects read into the neutral form, and written from it.
//!
//! Each has a reader of requests, a writer of whole answers and a writer of streams. Start at [`ClientDialect`].

use bytes::{Bytes, BytesMut};
use fluxa_domain::refusal::Refusal;
use serde_json::{Map, Value};

use crate::neutral::{Chat, ChatAnswer, Dropped, Event};

pub mod anthropic;
pub mod chat;
pub mod gemini;
pub mod responses;

/// A dialect that clients speak.
pub trait ClientDialect: Sync {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// When it is not a request of this dialect; the place is named, the content never.
    fn read(&self, asked: Asked<'_>) -> Result<Heard, Unreadable>;

    /// Writes a whole answer.
    fn write(&self, answer: &ChatAnswer, voice: &Voice) -> Bytes;

    /// A writer for a streamed answer.
    fn events(&self, voice: Voice) -> Box<dyn EventWriter>;

    /// Answers of this dialect can say that the vendor threw away what the model gave. Elsewhere such an answer is an error.
    fn tells_malformed(&self) -> bool {
        false
    }

    /// Streams of this dialect can tell tool calls that overlap.
    fn overlaps(&self) -> bool {
        false
    }
}

/// Writes the events of one stream in a client's dialect. Events come as [`crate::neutral::untangle`] orders them.
pub trait EventWriter: std::fmt::Debug {
    /// Appends what an event comes to, in whole frames; often nothing, or several.
    fn write(&mut self, event: Event, out: &mut BytesMut);

    /// Appends a sign of life that means nothing (a comment, a ping). Called between events, after some seconds of silence.
    fn keep_alive(&mut self, out: &mut BytesMut);

    /// Ends a broken stream in the dialect's own way: an error event, no end mark. Nothing is written afterwards.
    fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut);
}

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its body.
    pub body: &'a [u8],
    /// The model it names (Gemini's clients name it in the path).
    pub model: &'a str,
    /// It asks for a stream (Gemini's clients in the path).
    pub stream: bool,
}

/// A request that was understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// What is asked.
    pub chat: Chat,
    /// What has no place in the neutral form.
    pub dropped: Vec<Dropped>,
    /// What the answer has to repeat of the request (responses only).
    pub repeat: Map<String, Value>,
}

/// A request that is not one of its dialect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Unreadable {
    /// Where: `messages[3].content[0].type`.
    pub at: String,
    /// What is wrong there: `unknown part type`. Never quotes content.
    pub what: String,
    /// The top-level field, for `param`.
    pub param: Option<&'static str>,
}

/// What an answer says besides what the model said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voice {
    /// The call's id as 32 hex digits: ids that the vendor does not give are made from it, so that they are unique and the
    /// same bytes give the same answer.
    pub call: String,
    /// Now, in seconds since 1970.
    pub created_s: u64,
    /// The model, where the vendor does not say which answered.
    pub model: String,
    /// The client wants usage in the stream (OpenAI's `stream_options.include_usage`); other dialects always tell it.
    pub include_usage: bool,
    /// Prompt tokens, counted by us: for dialects that tell them at the beginning.
    pub input_estimate: u64,
    /// A stream without `alt=sse`: one JSON array (Gemini only).
    pub array: bool,
    /// What the answer has to repeat of the request ([`Heard::repeat`]).
    pub repeat: Map<String, Value>,
}
