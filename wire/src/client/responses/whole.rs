//! Writes a whole response: the steps of a stream, without telling them.

use bytes::Bytes;

use super::events::{output_of, response};
use super::frames::Frames;
use super::object::Head;
use super::output::Output;
use crate::client::Voice;
use crate::neutral::{ChatAnswer, Choice, Citation, Event, Part};

/// The response object. A response has one answer; there are no others to be told.
pub(super) fn write(answer: &ChatAnswer, voice: &Voice) -> Bytes {
    let mut output = output_of(voice);
    let none = Choice::default();
    let choice = answer.choices.first().unwrap_or(&none);
    let mut sequence = 0;
    let mut frames = Frames::none(&mut sequence);
    let mut teller = Teller { output: &mut output, frames: &mut frames, calls: 0 };
    let last_text = choice.parts.iter().rposition(|part| matches!(part, Part::Text(_)));
    for (index, part) in choice.parts.iter().enumerate() {
        teller.tell(part);
        if Some(index) == last_text
            && let Some(value) = &choice.logprobs
        {
            teller.take(Event::Logprobs { choice: 0, value: value.clone() });
        }
    }
    teller.take(Event::Stop { choice: 0, reason: choice.stop, sequence: None });
    let head = Head::new(&mut voice.clone(), answer.id.as_deref(), answer.model.as_deref());
    Bytes::from(response(head, output.items(), choice.stop, answer.service_tier.as_deref(), answer.usage))
}

struct Teller<'t, 'o> {
    output: &'t mut Output,
    frames: &'t mut Frames<'o>,
    calls: u32,
}

impl Teller<'_, '_> {
    fn take(&mut self, event: Event) {
        self.output.take(event, self.frames);
    }

    fn tell(&mut self, part: &Part) {
        match part {
            Part::Text(text) if text.text.is_empty() => {}
            Part::Text(text) => {
                let start = self.output.chars();
                self.take(Event::Text { choice: 0, text: text.text.clone() });
                let end = self.output.chars();
                for citation in &text.citations {
                    // What does not say which words it is about is about this block.
                    let citation = Citation { start: citation.start.or(Some(start)), end: citation.end.or(Some(end)), ..citation.clone() };
                    self.take(Event::Cited { choice: 0, citation });
                }
                if let Some(signature) = &text.signature {
                    self.take(Event::TextSigned { choice: 0, signature: signature.clone() });
                }
            }
            Part::Media(media) => self.take(Event::Media { choice: 0, media: media.clone() }),
            Part::Thinking(thinking) => {
                if !thinking.text.is_empty() {
                    self.take(Event::Thinking { choice: 0, text: thinking.text.clone() });
                }
                match &thinking.signature {
                    Some(signature) => self.take(Event::ThinkingSigned { choice: 0, signature: signature.clone() }),
                    None => self.output.close(false, self.frames),
                }
            }
            Part::Redacted(signature) => self.take(Event::Redacted { choice: 0, signature: signature.clone() }),
            Part::Call(call) => {
                let number = self.calls;
                self.calls += 1;
                let (id, name, signature) = (call.id.clone(), call.name.clone(), call.signature.clone());
                self.take(Event::CallBegin { choice: 0, call: number, id, name, signature });
                self.take(Event::CallArguments { choice: 0, call: number, fragment: call.arguments.clone() });
                self.take(Event::CallEnd { choice: 0, call: number });
            }
            Part::Refusal(text) if text.is_empty() => {}
            Part::Refusal(text) => self.take(Event::Refusal { choice: 0, text: text.clone() }),
            Part::Foreign(part) => self.take(Event::Foreign { choice: 0, part: part.clone() }),
            // Not said by models.
            Part::Result(_) => {}
        }
    }
}
