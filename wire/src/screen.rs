//! A stream in the client's dialect passing a censor: each text in it is shown piece by piece, and what the censor lets through goes on.
//!
//! The invariant: what the censor lets through at once, unchanged, goes out with the bytes it came in. Events keep their order, a text's
//! pieces too; nothing of a text comes after the event that ends it. Never known here: what is looked for.

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::Refusal;

use crate::frame::sse::StreamFault;
use crate::leaf::LeafKind;
use crate::relay::Framing;
use crate::tap::look::Flavor;

mod act;
mod array;
mod block;
mod chat;
mod event;
mod flat;
mod gemini;
mod messages;
mod responses;
mod sse;
mod strands;
mod template;

use array::Elements;
use sse::Events;
use strands::Strands;

/// Which text of an answer a piece belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strand {
    /// The choice, candidate, output item or content block.
    pub index: u32,
    /// The part within it: a tool call, a content part, a summary part.
    pub part: u32,
    /// What it is.
    pub kind: StrandKind,
}

/// What a text of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StrandKind {
    /// What is said.
    Text,
    /// What is thought.
    Thinking,
    /// Why something is refused, and other texts for people.
    Other,
    /// The arguments of a tool call: JSON in pieces.
    Arguments,
}

/// The censor said stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// Who decides what goes on.
pub trait Censor {
    /// The next piece of a text; what may go on now is appended to `out`, the rest waits with the censor.
    ///
    /// # Errors
    /// When the answer must end here.
    fn piece(&mut self, strand: &Strand, piece: &str, out: &mut String) -> Result<(), Stopped>;
    /// The text has ended: what waits is appended to `out`.
    ///
    /// # Errors
    /// When the answer must end here.
    fn end(&mut self, strand: &Strand, out: &mut String) -> Result<(), Stopped>;
    /// A text that stands whole in an event. `again` where its pieces were shown before (it then counts once); what it becomes, if anything else.
    ///
    /// # Errors
    /// When the answer must end here.
    fn whole(&mut self, text: &str, kind: LeafKind, again: bool) -> Result<Option<String>, Stopped>;
}

/// Why a screened stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenFault {
    /// The censor said stop. What is in `out` may go on.
    Stopped,
    /// The stream breaks a bound.
    Stream(StreamFault),
}

/// One stream on its way.
#[derive(Debug)]
pub struct Screen {
    strands: Strands,
    frames: Frames,
}

#[derive(Debug)]
enum Frames {
    Events(Events),
    Elements(Elements),
    /// Nothing of it is text that comes in pieces.
    None,
}

impl Screen {
    /// A screen at the start of a stream in the client's dialect. What is neither events nor an array passes as it is: a whole document
    /// is for [`crate::leaf::json`].
    #[must_use]
    pub fn new(dialect: Dialect, op: Op, framing: Framing) -> Self {
        let frames = match framing {
            Framing::Sse => Frames::Events(Events::new()),
            Framing::JsonArray => Frames::Elements(Elements::default()),
            Framing::Json | Framing::Opaque => Frames::None,
        };
        Self { strands: Strands::new(Flavor::of(dialect, op)), frames }
    }

    /// Takes the next bytes, cut anywhere, and appends to `out` what may go on: whole events.
    ///
    /// # Errors
    /// When the stream must end. What is in `out` may still be sent; nothing may be pushed after it.
    pub fn push(&mut self, input: &[u8], censor: &mut dyn Censor, out: &mut BytesMut) -> Result<(), ScreenFault> {
        match &mut self.frames {
            Frames::Events(events) => events.push(input, &mut self.strands, censor, out),
            Frames::Elements(elements) => elements.push(input, &mut self.strands, censor, out),
            Frames::None => {
                out.extend_from_slice(input);
                Ok(())
            }
        }
    }

    /// The stream has ended, in good order or not: texts that are still open end here, and what waited comes out.
    ///
    /// # Errors
    /// When the stream must end otherwise than it did. What is in `out` may still be sent.
    pub fn finish(&mut self, censor: &mut dyn Censor, out: &mut BytesMut) -> Result<(), ScreenFault> {
        match &mut self.frames {
            Frames::Events(events) => events.finish(&mut self.strands, censor, out),
            Frames::Elements(elements) => elements.finish(&mut self.strands, censor, out),
            Frames::None => Ok(()),
        }
    }

    /// Ends a stream that was stopped, after what went out of it: one event or element that is an error, no end mark. False where
    /// nothing can be said that would be read.
    pub fn break_off(&self, dialect: Dialect, op: Op, refusal: &Refusal, out: &mut BytesMut) -> bool {
        match &self.frames {
            Frames::Events(events) => {
                // Events that were added or left out have moved the numbers.
                let next = self.strands.next_number().unwrap_or(0);
                out.extend_from_slice(if events.is_torn() { b"\n\n" } else { b"" });
                out.extend_from_slice(&crate::stream_end::error_event(dialect, op, refusal, next));
                true
            }
            Frames::Elements(elements) => elements.break_off(&crate::refuse::body_without_id(dialect, refusal), out),
            Frames::None => false,
        }
    }
}

#[cfg(test)]
mod tests;
