//! A whole answer of a model.

use fluxa_domain::usage::Usage;
use serde_json::Value;

use super::event::Event;
use super::part::{Part, Text, Thinking};
use super::stop::Stop;

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatAnswer {
    /// The vendor's id for it.
    pub id: Option<String>,
    /// The model, in the vendor's word.
    pub model: Option<String>,
    /// One or more answers; never none (see [`ChatAnswer::settle`]).
    pub choices: Vec<Choice>,
    /// What it cost in tokens. Readers leave it empty: whoever reads the facts of the answer fills it in.
    pub usage: Option<Usage>,
    /// The service tier that was used, in the vendor's word.
    pub service_tier: Option<String>,
    /// OpenAI's `system_fingerprint`.
    pub fingerprint: Option<String>,
}

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// What was said, in order.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub stop: Stop,
    /// The stop sequence that was met.
    pub sequence: Option<String>,
    /// Log-probabilities in OpenAI's form (`choices[].logprobs`).
    pub logprobs: Option<Value>,
}

impl Choice {
    /// The place of the call that the end cut off, if it did: the last one, whose arguments are not whole. No client must run it.
    #[must_use]
    pub fn cut_call(&self) -> Option<usize> {
        let (at, call) = self.parts.iter().enumerate().rev().find_map(|(at, part)| match part {
            Part::Call(call) => Some((at, call)),
            _ => None,
        })?;
        (self.stop.cuts() && !call.is_whole()).then_some(at)
    }
}

impl ChatAnswer {
    /// Makes it sound: at least one choice, and the reason "tools" where tools are called.
    #[must_use]
    pub fn settle(mut self) -> Self {
        if self.choices.is_empty() {
            self.choices.push(Choice { stop: Stop::Filter, ..Choice::default() });
        }
        for choice in &mut self.choices {
            if choice.parts.iter().any(|part| matches!(part, Part::Call(_))) {
                choice.stop = choice.stop.with_calls();
            } else if choice.stop == Stop::Tools {
                choice.stop = Stop::Done;
            }
        }
        self
    }

    /// The answer as the events of a stream, without [`Event::Usage`] and [`Event::End`].
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        let mut events = vec![Event::Begin { id: self.id, model: self.model }];
        for (index, of) in self.choices.into_iter().enumerate() {
            let choice = u32::try_from(index).unwrap_or(u32::MAX);
            let mut call = 0;
            for part in of.parts {
                part_events(choice, part, &mut call, &mut events);
            }
            if let Some(value) = of.logprobs {
                events.push(Event::Logprobs { choice, value });
            }
            events.push(Event::Stop { choice, reason: of.stop, sequence: of.sequence });
        }
        events
    }
}

fn part_events(choice: u32, part: Part, next_call: &mut u32, events: &mut Vec<Event>) {
    match part {
        Part::Text(Text { text, citations, signature, .. }) => {
            if !text.is_empty() {
                events.push(Event::Text { choice, text });
            }
            events.extend(citations.into_iter().map(|citation| Event::Cited { choice, citation }));
            events.extend(signature.map(|signature| Event::TextSigned { choice, signature }));
        }
        Part::Thinking(Thinking { text, signature }) => {
            if !text.is_empty() {
                events.push(Event::Thinking { choice, text });
            }
            events.extend(signature.map(|signature| Event::ThinkingSigned { choice, signature }));
        }
        Part::Redacted(signature) => events.push(Event::Redacted { choice, signature }),
        Part::Refusal(text) if !text.is_empty() => events.push(Event::Refusal { choice, text }),
        Part::Refusal(_) | Part::Result(_) => {}
        Part::Media(media) => events.push(Event::Media { choice, media }),
        Part::Foreign(part) => events.push(Event::Foreign { choice, part }),
        Part::Call(tool) => {
            let call = *next_call;
            *next_call += 1;
            events.push(Event::CallBegin { choice, call, id: tool.id, name: tool.name, signature: tool.signature });
            if !tool.arguments.is_empty() {
                events.push(Event::CallArguments { choice, call, fragment: tool.arguments });
            }
            events.push(Event::CallEnd { choice, call });
        }
    }
}
