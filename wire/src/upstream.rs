//! What vendors speak: four dialects written from the neutral form, and read into it.
//!
//! Each has a writer of requests, a reader of whole answers and a reader of streams. What a vendor of the dialect does
//! differently arrives as a [`Quirk`]; what a model can do, as its name. Start at [`UpstreamDialect`].

use bytes::Bytes;
use fluxa_domain::vendors::{MaxTokensField, Quirk};

use crate::answer::NotProtocol;
use crate::neutral::{Chat, ChatAnswer, Dropped, Event, NameMap};

pub mod anthropic;
pub mod bedrock;
pub mod gemini;
pub mod openai;

/// A dialect that vendors speak.
pub trait UpstreamDialect: Sync {
    /// Writes a request.
    ///
    /// # Errors
    ///
    /// When leaving out what the dialect cannot say would give the client something else than it asked for.
    fn write(&self, chat: &Chat, target: &Target<'_>) -> Result<Written, Unsayable>;

    /// Reads a whole answer with a good status that is no error. Usage is read elsewhere.
    ///
    /// # Errors
    ///
    /// When it is not an answer of this dialect.
    fn read(&self, body: &[u8], said: &Said) -> Result<ChatAnswer, NotProtocol>;

    /// A reader for a streamed answer.
    fn events(&self, said: &Said) -> Box<dyn EventReader>;
}

/// Reads the events of one stream.
pub trait EventReader: std::fmt::Debug {
    /// Takes one event as it was framed and appends what it means, if anything. Unknown events mean nothing. Errors and usage are
    /// read elsewhere.
    ///
    /// # Errors
    ///
    /// When it cannot be an event of this dialect (broken JSON).
    fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), NotProtocol>;

    /// The bytes are over. Where a dialect has no end mark, or vendors leave it out, [`Event::End`] is given here if the answer is complete.
    fn end(&mut self, out: &mut Vec<Event>);
}

/// One framed event.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its name: the `event:` line, or the `:event-type` of a binary message; empty where there is none.
    pub name: &'a [u8],
    /// Its data: the `data:` lines, or the payload.
    pub data: &'a [u8],
}

/// Who is asked.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The model, in the vendor's word.
    pub model: &'a str,
    /// What the vendor does differently.
    pub quirks: &'a [Quirk],
    /// The field that bounds the output.
    pub max_tokens_field: MaxTokensField,
    /// The most the model can generate, where known.
    pub max_output: Option<u64>,
    /// Whether usage may be asked for in a stream, where that has to be asked.
    pub ask_usage: bool,
}

impl Target<'_> {
    /// Whether the vendor has this peculiarity.
    #[must_use]
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}

/// A request as it goes out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The body.
    pub body: Bytes,
    /// What could not be said.
    pub dropped: Vec<Dropped>,
    /// What the reader of the answer has to know.
    pub said: Said,
    /// Headers that belong to it (`anthropic-beta`), in lower case.
    pub headers: Vec<(&'static str, String)>,
}

/// What was said in other words than the client's, so that the answer can be put back into the client's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Names of tools that were changed.
    pub names: NameMap,
    /// The answer's form was asked for as a forced call of this tool: its arguments are the answer's text.
    pub json_tool: Option<String>,
    /// Tools that take free text and were given a schema instead: their `input` argument is the text.
    pub free_text_tools: Vec<String>,
    /// Reasoning may stand in the text, between `<think>` and `</think>`.
    pub think_tags: bool,
}

/// What the dialect cannot say and must not leave out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unsayable {
    /// What: `this provider takes no audio`.
    pub what: String,
    /// The client's field, for `param`.
    pub param: Option<&'static str>,
}
