//! From a vendor's answer in one dialect to a client's in another: framer, facts, reader, order, writer. No socket, no clock.
//!
//! Facts (usage, errors, finish) are read by the same tap as where bytes pass through, so that a row in the ledger does not
//! depend on who asked. Start at [`Translation::push`].

use bytes::{Bytes, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::estimate::{self, likely_tokens};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::usage::Usage;

use crate::answer::NotProtocol;
use crate::client::{ClientDialect, EventWriter, Voice};
use crate::facts::{Facts, Finished, Verdict};
use crate::frame::event_stream::{EventStream, Message};
use crate::frame::sse::{Framer, Piece, StreamFault};
use crate::limits::TRANSLATED_STREAM_BYTES;
use crate::neutral::untangle::Untangle;
use crate::neutral::{ChatAnswer, Choice, Event, Part, Stop};
use crate::tap::Tap;
use crate::upstream::{EventReader, Frame, Said, UpstreamDialect};
use crate::upstream_error::{ErrorKind, UpstreamError};

/// How a vendor's stream is cut into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Server-sent events.
    Sse,
    /// Binary frames (`application/vnd.amazon.eventstream`).
    EventStream,
}

/// A stream on its way from one dialect to another.
#[derive(Debug)]
pub struct Translation {
    cutter: Cutter,
    rest: Rest,
    /// Bytes that may still come.
    left: usize,
}

#[derive(Debug)]
enum Cutter {
    Sse(Framer),
    EventStream(EventStream),
}

/// All but the framer, so that the framer can lend its buffer.
#[derive(Debug)]
struct Rest {
    tap: Tap,
    reader: Box<dyn EventReader>,
    untangle: Untangle,
    writer: Box<dyn EventWriter>,
    input_estimate: u64,
    /// [`Event::Begin`] has gone to the writer.
    begun: bool,
    /// Something that a client can use has gone to the writer.
    useful: bool,
    /// The vendor threw the answer away, and the client's dialect has no word for it.
    malformed: bool,
    tells_malformed: bool,
    /// The stream is over for the client: at its end mark, or by an error.
    over: Option<Over>,
    read: Vec<Event>,
    ordered: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Ended,
    Broken,
}

impl Translation {
    /// At the start of an answer of `op` in the vendor's `dialect`.
    #[must_use]
    pub fn new(
        (dialect, op): (Dialect, Op),
        cut: Cut,
        upstream: &dyn UpstreamDialect,
        said: &Said,
        client: &dyn ClientDialect,
        voice: Voice,
    ) -> Self {
        Self {
            cutter: match cut {
                Cut::Sse => Cutter::Sse(Framer::splitting()),
                Cut::EventStream => Cutter::EventStream(EventStream::new()),
            },
            rest: Rest {
                tap: Tap::translated(dialect, op, client.tells_malformed()),
                reader: upstream.events(said),
                untangle: Untangle::new(client.overlaps()),
                input_estimate: voice.input_estimate,
                writer: client.events(voice),
                begun: false,
                useful: false,
                malformed: false,
                tells_malformed: client.tells_malformed(),
                over: None,
                read: Vec::new(),
                ordered: Vec::new(),
            },
            left: TRANSLATED_STREAM_BYTES,
        }
    }

    /// Takes what one read gave and appends what goes to the client.
    ///
    /// # Errors
    ///
    /// When the stream breaks a bound. What is in `out` may still be sent; then call [`Translation::break_off`].
    pub fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), StreamFault> {
        self.left = self.left.checked_sub(input.len()).ok_or(StreamFault::StreamTooLong)?;
        let Self { cutter, rest, .. } = self;
        let mut broken = None;
        match cutter {
            // What comes after a broken event is not told: the client would not see the gap.
            Cutter::Sse(framer) => framer.push(input, |piece, _| match piece {
                Piece::Block { event, data: Some(data) } if broken.is_none() => {
                    broken = rest.event(Frame { name: event, data }, out).err();
                }
                _ => {}
            })?,
            Cutter::EventStream(frames) => {
                let cut = frames.push(input, |message| {
                    if broken.is_none() {
                        broken = rest.message(message, out).err();
                    }
                });
                cut.map_err(|_| StreamFault::NotProtocol)?;
            }
        }
        broken.map_or(Ok(()), |_| Err(StreamFault::NotProtocol))
    }

    /// The vendor has closed.
    pub fn finish(&mut self, out: &mut BytesMut) -> Finished {
        let Self { cutter, rest, .. } = self;
        match cutter {
            // A last event beyond the bounds is not translated; the stream then counts as cut.
            Cutter::Sse(framer) => {
                let _ = framer.finish(|piece| {
                    if let Piece::Block { event, data: Some(data) } = piece {
                        let _ = rest.event(Frame { name: event, data }, out);
                    }
                });
            }
            // Half a frame: more was to come.
            Cutter::EventStream(frames) if !frames.at_boundary() => return rest.tap.facts.clone(),
            Cutter::EventStream(_) => {}
        }
        rest.tap.end();
        if rest.over.is_none() {
            let mut read = std::mem::take(&mut rest.read);
            rest.reader.end(&mut read);
            rest.pass(&mut read, out);
        }
        rest.tap.facts.clone()
    }

    /// Whether the answer can still be given up.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.rest.tap.verdict.clone()
    }

    /// What is known so far.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.rest.tap.facts
    }

    /// After the end of the bytes: the answer did not come to its proper end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.rest.over.is_none()
    }

    /// Ends a stream that broke, in the client's dialect.
    pub fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) {
        if self.rest.over.is_none() {
            self.rest.break_off(refusal, out);
        }
    }

    /// A sign of life, after some seconds of silence.
    pub fn keep_alive(&mut self, out: &mut BytesMut) {
        if self.rest.over.is_none() {
            self.rest.writer.keep_alive(out);
        }
    }
}

impl Rest {
    /// Takes one binary frame: an event, or what came in place of one.
    fn message(&mut self, message: Message<'_>, out: &mut BytesMut) -> Result<(), NotProtocol> {
        match message.message_type() {
            Some("exception") => self.exception(message.exception_type().unwrap_or_default(), message.payload, out),
            Some("error") => {
                let words = serde_json::json!({"message": message.error_message().unwrap_or_default()});
                self.exception(message.error_code().unwrap_or_default(), words.to_string().as_bytes(), out);
            }
            // A frame without a type keeps the connection alive.
            _ => {
                if let Some(name) = message.event_type() {
                    return self.event(Frame { name: name.as_bytes(), data: message.payload }, out);
                }
            }
        }
        Ok(())
    }

    fn exception(&mut self, name: &str, payload: &[u8], out: &mut BytesMut) {
        if self.over.is_none() {
            self.tap.exception(name, payload);
            self.break_off_by_fault(out);
        }
    }

    fn event(&mut self, frame: Frame<'_>, out: &mut BytesMut) -> Result<(), NotProtocol> {
        if self.over.is_some() {
            return Ok(());
        }
        self.tap.event(frame.name, frame.data);
        if self.break_off_by_fault(out) {
            return Ok(());
        }
        let mut read = std::mem::take(&mut self.read);
        let sound = self.reader.read(frame, &mut read);
        self.pass(&mut read, out);
        self.read = read;
        sound
    }

    /// Brings events into order and to the writer.
    fn pass(&mut self, read: &mut Vec<Event>, out: &mut BytesMut) {
        let mut ordered = std::mem::take(&mut self.ordered);
        for event in read.drain(..) {
            if !self.begun {
                self.begun = true;
                let first = matches!(event, Event::Begin { .. });
                if !first {
                    ordered.push(Event::Begin { id: None, model: None });
                    self.tell_input(&mut ordered);
                }
                self.untangle.push(event, &mut ordered);
                if first {
                    self.tell_input(&mut ordered);
                }
                continue;
            }
            // Some vendors begin twice.
            if matches!(event, Event::Begin { .. }) {
                continue;
            }
            self.untangle.push(event, &mut ordered);
        }
        for event in ordered.drain(..) {
            if self.over.is_some() {
                break;
            }
            self.malformed |= !self.tells_malformed && matches!(event, Event::Stop { reason: Stop::Malformed, .. });
            self.useful |= is_useful(&event);
            if event == Event::End && self.malformed && !self.useful {
                self.break_off(&Refusal::new(RefusalKind::Upstream, MALFORMED), out);
                break;
            }
            if event == Event::End {
                let usage = usage_of(&self.tap.facts, self.input_estimate);
                self.writer.write(Event::Usage(usage), out);
                self.over = Some(Over::Ended);
            }
            self.writer.write(event, out);
        }
        self.ordered = ordered;
    }

    fn tell_input(&self, ordered: &mut Vec<Event>) {
        if let Some(usage) = self.tap.facts.usage {
            ordered.push(Event::Usage(usage));
        }
    }

    /// Ends the stream if the vendor's is an error by now.
    fn break_off_by_fault(&mut self, out: &mut BytesMut) -> bool {
        let Some(refusal) = self.tap.facts.error.as_ref().map(refusal_of) else { return false };
        self.break_off(&refusal, out);
        true
    }

    fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) {
        self.over = Some(Over::Broken);
        self.writer.break_off(refusal, out);
    }
}

/// A whole answer in the client's dialect.
///
/// # Errors
///
/// When it is not an answer of the vendor's dialect.
pub fn whole(
    upstream: &dyn UpstreamDialect,
    said: &Said,
    body: &[u8],
    facts: &Facts,
    client: &dyn ClientDialect,
    voice: &Voice,
) -> Result<Bytes, NotProtocol> {
    let answer = usable(upstream.read(body, said)?.settle(), client)?;
    let usage = Some(usage_of(facts, voice.input_estimate));
    Ok(client.write(&ChatAnswer { usage, ..answer }, voice))
}

/// A whole answer as the stream that the client asked for.
///
/// # Errors
///
/// When it is not an answer of the vendor's dialect.
pub fn whole_as_stream(
    upstream: &dyn UpstreamDialect,
    said: &Said,
    body: &[u8],
    facts: &Facts,
    client: &dyn ClientDialect,
    voice: Voice,
) -> Result<Bytes, NotProtocol> {
    let answer = usable(upstream.read(body, said)?.settle(), client)?;
    let usage = usage_of(facts, voice.input_estimate);
    let mut untangle = Untangle::new(client.overlaps());
    let mut writer = client.events(voice);
    let (mut ordered, mut out) = (Vec::new(), BytesMut::new());
    for event in answer.into_events() {
        untangle.push(event, &mut ordered);
    }
    ordered.push(Event::Usage(usage));
    ordered.push(Event::End);
    for event in ordered {
        writer.write(event, &mut out);
    }
    Ok(out.freeze())
}

/// What is said of an answer that the vendor threw away. As an empty answer it would look like the model's last word.
const MALFORMED: &str = "the model's output was malformed";

/// A part of an answer, other than thoughts and remarks.
const fn is_useful(event: &Event) -> bool {
    matches!(event, Event::Text { .. } | Event::Refusal { .. } | Event::CallBegin { .. } | Event::Media { .. } | Event::Foreign { .. })
}

/// Refuses an answer of which nothing but a complaint of the vendor is left.
fn usable(answer: ChatAnswer, client: &dyn ClientDialect) -> Result<ChatAnswer, NotProtocol> {
    let is_lost = |choice: &Choice| {
        let thoughts = choice.parts.iter().all(|part| match part {
            Part::Text(text) => text.text.is_empty(),
            Part::Thinking(_) | Part::Redacted(_) => true,
            _ => false,
        });
        choice.stop == Stop::Malformed && thoughts
    };
    if !client.tells_malformed() && answer.choices.iter().all(is_lost) { Err(NotProtocol { what: MALFORMED }) } else { Ok(answer) }
}

/// The usage to tell a client: the vendor's, else what was counted here.
#[must_use]
pub fn usage_of(facts: &Facts, input_estimate: u64) -> Usage {
    let counted = || {
        let text = estimate::TextCount { ascii_bytes: facts.text.ascii_bytes, non_ascii_chars: facts.text.non_ascii_chars };
        Usage { input_uncached: input_estimate, output: likely_tokens(text).max(facts.content_events), ..Usage::default() }
    };
    facts.usage.filter(|_| !facts.absurd).unwrap_or_else(counted)
}

/// What a client is told of an error inside a stream. The message must still be redacted: it may quote a key.
fn refusal_of(error: &UpstreamError) -> Refusal {
    let (kind, status) = match error.kind {
        ErrorKind::RateLimited | ErrorKind::Quota => (RefusalKind::RateLimited, 429),
        ErrorKind::Overloaded => (RefusalKind::Overloaded, 503),
        ErrorKind::BadRequest => (RefusalKind::InvalidRequest, 400),
        ErrorKind::TooLarge => (RefusalKind::TooLarge, 413),
        ErrorKind::Auth | ErrorKind::Forbidden => {
            return Refusal::new(RefusalKind::UpstreamAuth, "the provider refuses the credentials it is configured with");
        }
        ErrorKind::NotFound | ErrorKind::Server | ErrorKind::Other => (RefusalKind::Upstream, 502),
    };
    let refusal = Refusal::new(kind, error.message.clone());
    if kind == RefusalKind::Overloaded { refusal } else { refusal.with_status(status) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::chat::OpenAiChat;
    use crate::upstream::anthropic::Anthropic;

    #[test]
    fn a_stream_without_end_is_given_up() {
        let voice = Voice { call: String::from("1"), model: String::from("m"), ..Voice::default() };
        let route = (Dialect::Anthropic, Op::Messages);
        let mut machine = Translation::new(route, Cut::Sse, &Anthropic, &Said::default(), &OpenAiChat, voice);
        let piece = [&b":"[..], &b"x".repeat(64 * 1024 - 2), b"\n"].concat();
        let mut out = BytesMut::new();
        for _ in 0..TRANSLATED_STREAM_BYTES / piece.len() {
            machine.push(&piece, &mut out).unwrap();
        }
        assert_eq!(machine.push(b":\n", &mut out), Err(StreamFault::StreamTooLong));
    }
}
