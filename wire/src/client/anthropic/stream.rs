//! A streamed answer. Source: protocol specification §2.3 and §4.3.
//!
//! One block is open at a time. The start is held until the next event, because the vendor's own count of the prompt may come
//! right after it; the last two events are held until the end, because the final count comes last.

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::Refusal;
use fluxa_domain::usage::Usage;
use serde_json::{Map, Value};

use super::answer::{picture, signature};
use super::frames::{Block, Counts, Delta, Details, Ending, Frame, Input, Message, citation, message_id, put, stop_reason, tool_id};
use crate::client::{EventWriter, Voice};
use crate::neutral::{Event, Foreign, Origin, Signature, Stop, ids};
use crate::stream_end;

/// Writes one stream.
#[derive(Debug)]
pub(super) struct Writer {
    voice: Voice,
    /// What the vendor calls the answer and the model, until the start is written.
    begin: (Option<String>, Option<String>),
    started: bool,
    open: Open,
    /// The index of the open block, or of the next one.
    index: u32,
    calls: usize,
    refused: bool,
    stop: Stop,
    sequence: Option<String>,
    usage: Option<Usage>,
}

/// The open block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    None,
    Text,
    /// Words that have their sources: more words begin a new block.
    Cited,
    Thinking,
    Call,
}

impl Writer {
    pub(super) const fn new(voice: Voice) -> Self {
        Self {
            voice,
            begin: (None, None),
            started: false,
            open: Open::None,
            index: 0,
            calls: 0,
            refused: false,
            stop: Stop::Done,
            sequence: None,
            usage: None,
        }
    }

    fn start(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut usage = self.usage.unwrap_or(Usage { input_uncached: self.voice.input_estimate, ..Usage::default() });
        usage.output = usage.output.max(1);
        let id = message_id(self.begin.0.as_deref(), &self.voice.call);
        let model = self.begin.1.as_deref().filter(|model| !model.is_empty()).unwrap_or(&self.voice.model);
        put(out, &Frame::MessageStart { message: Message::new(&id, model, Counts::of(&usage, None)) });
        put(out, &Frame::Ping {});
    }

    fn open(&mut self, kind: Open, block: Block<'_>, out: &mut BytesMut) {
        self.close(out);
        put(out, &Frame::ContentBlockStart { index: self.index, content_block: block });
        self.open = kind;
    }

    fn delta(&self, delta: Delta<'_>, out: &mut BytesMut) {
        put(out, &Frame::ContentBlockDelta { index: self.index, delta });
    }

    /// Closes the open block; thoughts that nobody signed get a signature of nobody's.
    fn close(&mut self, out: &mut BytesMut) {
        match self.open {
            Open::None => return,
            Open::Thinking => self.delta(Delta::Signature { signature: &signature(None) }, out),
            Open::Text | Open::Cited | Open::Call => {}
        }
        self.shut(out);
    }

    fn shut(&mut self, out: &mut BytesMut) {
        put(out, &Frame::ContentBlockStop { index: self.index });
        self.open = Open::None;
        self.index += 1;
    }

    fn text(&mut self, text: &str, out: &mut BytesMut) {
        if text.is_empty() {
            return;
        }
        if self.open != Open::Text {
            self.open(Open::Text, Block::Text { text: "", citations: Vec::new() }, out);
        }
        self.delta(Delta::Text { text }, out);
    }

    fn thinking(&mut self, out: &mut BytesMut) {
        if self.open != Open::Thinking {
            self.open(Open::Thinking, Block::Thinking { thinking: "", signature: "" }, out);
        }
    }

    fn signed(&mut self, mark: &Signature, out: &mut BytesMut) {
        self.thinking(out);
        self.delta(Delta::Signature { signature: &signature(Some(mark)) }, out);
        self.shut(out);
    }

    /// A block that is whole when it starts. The input of a vendor-run tool follows as for calls: that is what clients gather.
    fn foreign(&mut self, foreign: Foreign, out: &mut BytesMut) {
        if foreign.origin != Origin::Anthropic {
            return;
        }
        let mut block = foreign.value;
        let input =
            block.get_mut("input").filter(|input| input.is_object()).map(|input| std::mem::replace(input, Value::Object(Map::new())));
        self.open(Open::Call, Block::Own(&block), out);
        if let Some(input) = input {
            self.delta(Delta::Input { partial_json: &input.to_string() }, out);
        }
        self.shut(out);
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.close(out);
        // Some clients break on a message without content.
        if self.index == 0 {
            self.open(Open::Text, Block::Text { text: "", citations: Vec::new() }, out);
            self.shut(out);
        }
        let stop = if self.refused && self.stop == Stop::Done { Stop::Filter } else { self.stop };
        let reason = stop_reason(stop);
        let delta = Ending { stop_reason: reason, stop_sequence: self.sequence.as_deref(), stop_details: Details::of(reason) };
        put(out, &Frame::MessageDelta { delta, usage: Counts::of(&self.usage.unwrap_or_default(), None) });
        put(out, &Frame::MessageStop {});
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Begin { id, model } => {
                self.begin = (id, model);
                return;
            }
            Event::Usage(usage) => {
                self.usage = Some(usage);
                return;
            }
            _ => self.start(out),
        }
        match event {
            Event::Text { choice: 0, text } => self.text(&text, out),
            Event::Refusal { choice: 0, text } => {
                self.refused = true;
                self.text(&text, out);
            }
            Event::Cited { choice: 0, citation: source } => {
                // Without words there is nothing to cite for.
                if matches!(self.open, Open::Text | Open::Cited) {
                    self.delta(Delta::Citation { citation: &citation(&source) }, out);
                    self.open = Open::Cited;
                }
            }
            Event::Thinking { choice: 0, text } => {
                self.thinking(out);
                self.delta(Delta::Thinking { thinking: &text }, out);
            }
            Event::ThinkingSigned { choice: 0, signature } => self.signed(&signature, out),
            Event::Redacted { choice: 0, signature } => {
                self.open(Open::Call, Block::RedactedThinking { data: &signature.write_in(Origin::Anthropic) }, out);
                self.shut(out);
            }
            Event::CallBegin { choice: 0, id, name, signature, .. } => {
                let id = if id.is_empty() { tool_id(&self.voice.call, self.calls) } else { id };
                self.calls += 1;
                let id = ids::join_plain(&id, signature.as_ref());
                self.open(Open::Call, Block::ToolUse { id: &id, name: &name, input: Input::Made(Map::new()) }, out);
            }
            Event::CallArguments { choice: 0, fragment, .. } if self.open == Open::Call => {
                self.delta(Delta::Input { partial_json: &fragment }, out);
            }
            Event::CallEnd { choice: 0, .. } if self.open == Open::Call => self.shut(out),
            Event::Media { choice: 0, media } => {
                self.close(out);
                self.text(&picture(&media), out);
            }
            Event::Foreign { choice: 0, part } => self.foreign(part, out),
            Event::Stop { choice: 0, reason, sequence } => {
                self.stop = reason;
                self.sequence = sequence;
            }
            Event::Ping => put(out, &Frame::Ping {}),
            Event::End => self.end(out),
            // Marks on texts and log-probabilities have no place; clients of this dialect cannot ask for a second answer.
            _ => {}
        }
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        // The start says a ping by itself.
        if self.started {
            put(out, &Frame::Ping {});
        } else {
            self.start(out);
        }
    }

    fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) {
        out.extend_from_slice(&stream_end::error_event(Dialect::Anthropic, Op::Messages, refusal, 0));
    }
}
