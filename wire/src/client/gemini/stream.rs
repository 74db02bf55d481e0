//! Writes a stream: each chunk a whole `GenerateContentResponse`, as an event (`alt=sse`) or as an element of one JSON array.

use bytes::BytesMut;
use fluxa_domain::dialect::Dialect;
use fluxa_domain::refusal::Refusal;
use fluxa_domain::usage::Usage;

use super::body::{Body, Candidate, Content, PartBody, UsageMetadata, append, finish_reason, grounding, logprobs_result};
use crate::civil::rfc3339;
use crate::client::{EventWriter, Voice};
use crate::neutral::{Citation, Event, Origin, Stop, ToolCall};
use crate::refuse;

/// One stream.
#[derive(Debug)]
pub(super) struct Writer {
    voice: Voice,
    created: String,
    id: String,
    model: String,
    choices: Vec<(u32, Choice)>,
    /// Calls so far, for ids that the vendor did not give.
    calls: u32,
    usage: Option<Usage>,
    /// The array has begun.
    begun: bool,
}

/// What is remembered of one answer.
#[derive(Debug, Default)]
struct Choice {
    /// Its words; citations count their spans in characters, this dialect in bytes.
    text: String,
    citations: Vec<Citation>,
    stop: Option<Stop>,
    refused: bool,
    /// The call that is being told.
    call: ToolCall,
    /// A call whose arguments are not whole: told without any if the answer was cut off in it.
    held: Option<ToolCall>,
}

impl Writer {
    pub(super) fn new(voice: Voice) -> Self {
        Self {
            created: rfc3339(i64::try_from(voice.created_s).unwrap_or(0)),
            id: voice.call.clone(),
            model: voice.model.clone(),
            voice,
            choices: Vec::new(),
            calls: 0,
            usage: None,
            begun: false,
        }
    }

    fn choice(&mut self, index: u32) -> Option<&mut Choice> {
        let at = self.choices.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            self.choices.push((index, Choice::default()));
            self.choices.len() - 1
        });
        self.choices.get_mut(at).map(|(_, choice)| choice)
    }

    fn part(&mut self, index: u32, part: PartBody<'_>, out: &mut BytesMut) {
        self.chunk(vec![Candidate { content: Some(Content::new(vec![part])), index, ..Candidate::default() }], None, out);
    }

    fn chunk(&mut self, candidates: Vec<Candidate<'_>>, usage: Option<&Usage>, out: &mut BytesMut) {
        open(self.voice.array, &mut self.begun, out);
        let body = Body {
            candidates,
            usage_metadata: usage.map(UsageMetadata::of),
            model_version: &self.model,
            create_time: &self.created,
            response_id: &self.id,
        };
        append(out, &body);
        if !self.voice.array {
            out.extend_from_slice(b"\r\n\r\n");
        }
    }

    fn call(&mut self, index: u32, call: &ToolCall, out: &mut BytesMut) {
        let part = PartBody::call(call, self.calls, &self.voice);
        self.part(index, part, out);
        self.calls += 1;
    }

    /// Tells the call that was held back, if there is one.
    fn release(&mut self, index: u32, out: &mut BytesMut) {
        if let Some(held) = self.choice(index).and_then(|choice| choice.held.take()) {
            self.call(index, &held, out);
        }
    }

    fn end(&mut self, out: &mut BytesMut) {
        let mut choices = std::mem::take(&mut self.choices);
        if choices.is_empty() {
            choices.push((0, Choice::default()));
        }
        let candidates = choices.iter().map(|(index, choice)| {
            let stop = if choice.refused { Stop::Filter } else { choice.stop.unwrap_or_default() };
            Candidate {
                content: Some(Content::new(vec![PartBody::text("", None)])),
                finish_reason: Some(finish_reason(stop)),
                index: *index,
                grounding_metadata: grounding(&choice.citations, &choice.text),
                logprobs_result: None,
            }
        });
        let usage = self.usage;
        self.chunk(candidates.collect(), usage.as_ref(), out);
        if self.voice.array {
            out.extend_from_slice(b"\n]");
        }
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Begin { id, model } => {
                self.id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.voice.call.clone());
                self.model = model.filter(|model| !model.is_empty()).unwrap_or_else(|| self.voice.model.clone());
            }
            Event::Text { choice, text } => {
                self.part(choice, PartBody::text(&text, None), out);
                if let Some(choice) = self.choice(choice) {
                    choice.text.push_str(&text);
                }
            }
            Event::TextSigned { choice, signature } => self.part(choice, PartBody::text("", Some(&signature)), out),
            Event::Thinking { choice, text } => self.part(choice, PartBody::thought(&text, None), out),
            // Nobody's mark is never written: there would be a thought of nothing.
            Event::ThinkingSigned { signature, .. } if signature.origin == Origin::Nobody => {}
            Event::ThinkingSigned { choice, signature } => self.part(choice, PartBody::thought("", Some(&signature)), out),
            Event::Redacted { choice, signature } => self.part(choice, PartBody::redacted(&signature), out),
            Event::Refusal { choice, text } => {
                self.part(choice, PartBody::text(&text, None), out);
                if let Some(choice) = self.choice(choice) {
                    choice.refused = true;
                }
            }
            Event::Cited { choice, citation } => {
                if let Some(choice) = self.choice(choice) {
                    choice.citations.push(citation);
                }
            }
            Event::CallBegin { choice, id, name, signature, .. } => {
                self.release(choice, out);
                if let Some(choice) = self.choice(choice) {
                    choice.call = ToolCall { id, name, signature, ..ToolCall::default() };
                }
            }
            Event::CallArguments { choice, fragment, .. } => {
                if let Some(choice) = self.choice(choice) {
                    choice.call.arguments.push_str(&fragment);
                }
            }
            Event::CallEnd { choice, .. } => {
                let Some(of) = self.choice(choice) else { return };
                let call = std::mem::take(&mut of.call);
                if call.is_whole() {
                    self.call(choice, &call, out);
                } else {
                    of.held = Some(call);
                }
            }
            Event::Media { choice, media } => {
                if let Some(part) = PartBody::media(&media) {
                    self.part(choice, part, out);
                }
            }
            Event::Foreign { choice, part } if part.origin == Origin::Gemini => self.part(choice, PartBody::Foreign(&part.value), out),
            Event::Logprobs { choice, value } => {
                if let Some(result) = logprobs_result(&value) {
                    self.chunk(vec![Candidate { index: choice, logprobs_result: Some(result), ..Candidate::default() }], None, out);
                }
            }
            Event::Stop { choice, reason, .. } => {
                let held = if reason.cuts() { self.choice(choice).and_then(|choice| choice.held.take()) } else { None };
                if let Some(call) = held {
                    let part = PartBody::cut_call(&call, self.calls, &self.voice);
                    self.part(choice, part, out);
                    self.calls += 1;
                }
                self.release(choice, out);
                if let Some(choice) = self.choice(choice) {
                    choice.stop = Some(reason);
                }
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::End => self.end(out),
            Event::Foreign { .. } | Event::Ping => {}
        }
    }

    /// A blank line. A comment would be the proper form, but Google's Python SDK takes every line that is not blank and does not
    /// begin with `data: ` for JSON, and raises.
    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"\r\n");
    }

    fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) {
        open(self.voice.array, &mut self.begun, out);
        out.extend_from_slice(&refuse::body_without_id(Dialect::Gemini, refusal));
        out.extend_from_slice(if self.voice.array { b"\n]" } else { b"\r\n\r\n" });
    }
}

/// Appends what stands before a chunk.
fn open(array: bool, begun: &mut bool, out: &mut BytesMut) {
    let begun = std::mem::replace(begun, true);
    out.extend_from_slice(match (array, begun) {
        (false, _) => b"data: ",
        (true, false) => b"[",
        (true, true) => b"\n,\r\n",
    });
}
