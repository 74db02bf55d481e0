//! Writes a stream: the response's own events around those of its items.

use bytes::{BufMut as _, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::Refusal;
use fluxa_domain::usage::Usage;
use serde::Serialize;
use serde_json::Value;

use super::frames::Frames;
use super::object::{Head, Standing};
use super::output::Output;
use super::repeat;
use super::toolbox::Toolbox;
use crate::client::{EventWriter, Voice};
use crate::neutral::{Event, Stop};
use crate::stream_end;

/// The writer of one stream.
#[derive(Debug)]
pub(super) struct Writer {
    voice: Voice,
    /// There since the response was begun.
    head: Option<Head>,
    output: Output,
    sequence: u64,
    stop: Stop,
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Told<R> {
    response: R,
}

impl Writer {
    pub(super) fn new(voice: Voice) -> Self {
        let output = output_of(&voice);
        Self { voice, head: None, output, sequence: 0, stop: Stop::Done, usage: None }
    }

    fn begin(&mut self, id: Option<&str>, model: Option<&str>, out: &mut BytesMut) {
        if self.head.is_some() {
            return;
        }
        let head = Head::new(&mut self.voice, id, model);
        let mut frames = Frames::new(out, &mut self.sequence);
        for event in ["response.created", "response.in_progress"] {
            frames.put(event, Told { response: head.response(Standing::InProgress, &[], None) });
        }
        self.head = Some(head);
    }

    fn tell(&mut self, standing: Standing<'_>, out: &mut BytesMut) {
        let Some(head) = &self.head else { return };
        let items = self.output.items();
        let response = head.response(standing, items, self.usage);
        Frames::new(out, &mut self.sequence).put(Head::event(standing, items), Told { response });
    }
}

/// The builder of an answer's items.
pub(super) fn output_of(voice: &Voice) -> Output {
    Output::new(voice.call.clone(), Toolbox::of(voice.repeat.get("tools")), repeat::wants_logprobs(&voice.repeat))
}

impl EventWriter for Writer {
    fn write(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Begin { id, model } => self.begin(id.as_deref(), model.as_deref(), out),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Ping => {}
            Event::End => {
                self.begin(None, None, out);
                self.output.close(false, &mut Frames::new(out, &mut self.sequence));
                if let Some(head) = &mut self.head {
                    head.settle_tier(None);
                }
                self.tell(Standing::Stopped(self.stop), out);
            }
            event => {
                self.begin(None, None, out);
                if let Event::Stop { choice: 0, reason, .. } = &event {
                    self.stop = *reason;
                }
                self.output.take(event, &mut Frames::new(out, &mut self.sequence));
            }
        }
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        self.output.flush(&mut Frames::new(out, &mut self.sequence));
        out.put_slice(b": keep-alive\n\n");
    }

    /// The SDKs raise on the first event, which has an `error` in it; clients that read responses only see the second.
    fn break_off(&mut self, refusal: &Refusal, out: &mut BytesMut) {
        self.output.flush(&mut Frames::new(out, &mut self.sequence));
        out.put_slice(&stream_end::error_event(Dialect::OpenAi, Op::Responses, refusal, self.sequence));
        self.sequence += 1;
        self.tell(Standing::Failed(refusal), out);
    }
}

/// The response of a whole answer has no frames, but is made in the same steps.
pub(super) fn response(mut head: Head, items: &[Value], stop: Stop, tier: Option<&str>, usage: Option<Usage>) -> Vec<u8> {
    head.settle_tier(tier);
    serde_json::to_vec(&head.response(Standing::Stopped(stop), items, usage)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
