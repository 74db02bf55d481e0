//! A stream passing through: bytes go out as they came, event by event, while a tap watches. No socket, no clock, no task.
//!
//! The one change a relay can make is to leave out the usage account that we asked for and the client did not. An event that is not
//! whole yet waits, so that no half of one goes out if the stream breaks there.
//! Start at [`Relay::push`].

use bytes::{Bytes, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::Refusal;

use crate::facts::{Finished, Verdict};
use crate::frame::json_array::Splitter;
pub use crate::frame::sse::StreamFault;
use crate::frame::sse::{Framer, Piece};
use crate::json::skip;
use crate::limits::KEPT_BUFFER_BYTES;
use crate::refuse;
use crate::stream_end;
use crate::tap::Tap;

/// How the bytes of an answer are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// One JSON array of chunks: Gemini's streams where no events were asked for.
    JsonArray,
    /// One JSON document: pass it through here, and give it whole to [`crate::answer::answer`].
    Json,
    /// Anything else: passed through, nothing is learned.
    Opaque,
}

/// What a relay is to do.
#[derive(Clone, Copy, Debug)]
pub struct RelayPlan {
    /// The dialect spoken on both sides.
    pub dialect: Dialect,
    /// What was asked.
    pub op: Op,
    /// Leave out the usage account: we asked for it, the client did not.
    pub hide_usage: bool,
    /// How the answer is framed.
    pub framing: Framing,
}

/// One stream on its way.
#[derive(Debug)]
pub struct Relay {
    plan: RelayPlan,
    framer: Framer,
    /// In place of the framer, where the stream is an array.
    splitter: Splitter,
    tap: Tap,
    /// The start of an event that is not whole yet.
    held: BytesMut,
    /// What went out last is an event without its blank line.
    torn: bool,
}

impl Relay {
    /// A relay at the start of an answer.
    #[must_use]
    pub fn new(plan: RelayPlan) -> Self {
        let tap = Tap::new(plan.dialect, plan.op);
        // What is left out is left out by whole blocks.
        let framer = if plan.hide_usage { Framer::new() } else { Framer::splitting() };
        Self { plan, framer, splitter: Splitter::new(), tap, held: BytesMut::new(), torn: false }
    }

    /// Takes what one read gave and appends to `out` what may go to the client.
    ///
    /// # Errors
    ///
    /// When the stream breaks a bound. What is in `out` may still be sent; then call [`Relay::break_off`].
    pub fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), StreamFault> {
        if self.plan.framing != Framing::Sse {
            out.extend_from_slice(input);
            return if self.plan.framing == Framing::JsonArray { self.watch_elements(input) } else { Ok(()) };
        }
        let Self { plan, framer, tap, held, .. } = self;
        let mut from = 0;
        if plan.hide_usage {
            framer.push(input, |piece, end| {
                if watch(tap, piece) {
                    held.clear();
                } else {
                    out.extend_from_slice(held);
                    held.clear();
                    out.extend_from_slice(input.get(from..end).unwrap_or_default());
                }
                from = end;
            })?;
        } else {
            let pushed = framer.push(input, |piece, end| {
                watch(tap, piece);
                from = end;
            });
            // Whole events only: half a one would be taken for whole by a client if the stream breaks there.
            if from > 0 {
                out.extend_from_slice(held);
                held.clear();
                out.extend_from_slice(input.get(..from).unwrap_or_default());
            }
            pushed?;
        }
        let rest = input.get(from..).unwrap_or_default();
        if rest.is_empty() && held.capacity() > KEPT_BUFFER_BYTES {
            *held = BytesMut::new();
        }
        held.extend_from_slice(rest);
        Ok(())
    }

    fn watch_elements(&mut self, input: &[u8]) -> Result<(), StreamFault> {
        let Self { splitter, tap, .. } = self;
        splitter.push(input, |element| {
            tap.event(b"", element);
        })
    }

    /// The upstream has closed: an event without its blank line is still judged, and the facts are told.
    pub fn finish(&mut self, out: &mut BytesMut) -> Finished {
        let Self { plan, framer, tap, held, torn, .. } = self;
        let at_boundary = framer.at_boundary();
        let (mut hidden, mut half) = (false, false);
        // A last event beyond the bounds only goes unwatched.
        let _ = framer.finish(|piece| {
            half |= is_half(piece);
            hidden |= watch(tap, piece) && plan.hide_usage;
        });
        if !hidden && !half {
            *torn |= !at_boundary;
            out.extend_from_slice(held);
        }
        held.clear();
        tap.end();
        self.facts().clone()
    }

    /// Whether the answer can still be given up. Hold `out` while this is [`Verdict::Undecided`].
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if matches!(self.plan.framing, Framing::Sse | Framing::JsonArray) { self.tap.verdict.clone() } else { Verdict::Content }
    }

    /// What is known so far.
    #[must_use]
    pub const fn facts(&self) -> &Finished {
        &self.tap.facts
    }

    /// Ends a stream that broke, in its own dialect: closes what lies open, then one error event, no end mark. False where nothing
    /// can be said that would be read: then only the end of the connection tells.
    pub fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) -> bool {
        // What is held of an unfinished event never went out.
        self.held.clear();
        let open = self.torn;
        self.framer = Framer::new();
        match self.plan.framing {
            Framing::Sse => {}
            Framing::JsonArray => return self.break_off_array(refusal, out),
            Framing::Json | Framing::Opaque => return false,
        }
        if open {
            out.extend_from_slice(b"\n\n");
        }
        out.extend_from_slice(&self.error_event(refusal));
        true
    }

    /// A last element that is an error, and the closing bracket. After half an element, nothing can be added that could be read.
    fn break_off_array(&mut self, refusal: &Refusal, out: &mut BytesMut) -> bool {
        let splitter = std::mem::take(&mut self.splitter);
        if splitter.has_ended() || !splitter.at_boundary() {
            return false;
        }
        out.extend_from_slice(match (splitter.has_begun(), splitter.elements()) {
            (false, _) => b"[",
            (true, 0) => b"",
            (true, _) => b"\n,\r\n",
        });
        out.extend_from_slice(&refuse::body_without_id(self.plan.dialect, refusal));
        out.extend_from_slice(b"\n]");
        true
    }

    /// A sign of life that means nothing, where one may stand: between whole events.
    pub fn keep_alive(&mut self, out: &mut BytesMut) {
        match self.plan.framing {
            // Google's client takes every line that is not blank for JSON, comments too.
            Framing::Sse if self.framer.at_boundary() && self.held.is_empty() => {
                out.extend_from_slice(if self.plan.dialect == Dialect::Gemini { b"\r\n" } else { b": keep-alive\n\n" });
            }
            Framing::JsonArray if self.splitter.at_boundary() && !self.splitter.has_ended() => out.extend_from_slice(b"\n"),
            _ => {}
        }
    }

    fn error_event(&self, refusal: &Refusal) -> Bytes {
        let next = self.tap.sequence.map_or(0, |n| n + 1);
        stream_end::error_event(self.plan.dialect, self.plan.op, refusal, next)
    }
}

/// Whether a last event without its blank line was cut off: what begins like JSON and is none.
fn is_half(piece: Piece<'_>) -> bool {
    match piece {
        Piece::Block { data: Some(data), .. } => {
            let data = data.trim_ascii();
            matches!(data.first(), Some(b'{' | b'[')) && data != b"[DONE]" && skip::check(data).is_err()
        }
        Piece::Block { data: None, .. } | Piece::Comment => false,
    }
}

/// Shows a piece to the tap; true if it is an account to hide.
fn watch(tap: &mut Tap, piece: Piece<'_>) -> bool {
    match piece {
        Piece::Block { event, data: Some(data) } => tap.event(event, data),
        Piece::Block { .. } | Piece::Comment => false,
    }
}

#[cfg(test)]
mod tests;
