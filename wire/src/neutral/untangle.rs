//! Puts a vendor's events into an order that every client dialect can tell: one call at a time, each with its end.
//!
//! Anthropic's blocks and the items of responses never overlap, but OpenAI's parallel calls may. A second call waits while the
//! first is not whole (its arguments are an open JSON text), and is passed on as it comes once the first is. Also here, because
//! it needs the same memory: `{}` for calls without arguments, "tools" as the reason where tools are called, one stop an answer.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::event::Event;
use super::json_end::JsonEnd;
use super::stop::Stop;

/// Answers at once that are looked after; OpenAI allows 128.
const CHOICES: usize = 128;

/// The order of one stream.
#[derive(Debug)]
pub struct Untangle {
    /// The client's dialect can tell calls that overlap: nothing waits.
    overlaps: bool,
    choices: Vec<(u32, State)>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    /// What comes after the open call, in order, without the arguments and ends of calls.
    waiting: VecDeque<Event>,
    /// Of the calls that wait.
    held: HashMap<u32, Held>,
    /// With `overlaps`: calls without an end so far, and whether they have arguments.
    unended: BTreeMap<u32, bool>,
    called: bool,
    stopped: bool,
}

/// What has come of a call that waits.
#[derive(Debug, Default)]
struct Held {
    fragments: Vec<String>,
    ended: bool,
}

/// The call whose fragments go out now.
#[derive(Debug)]
struct Open {
    call: u32,
    json: JsonEnd,
}

impl Untangle {
    /// At the start of a stream. `overlaps`: the client's dialect can tell calls that overlap.
    #[must_use]
    pub const fn new(overlaps: bool) -> Self {
        Self { overlaps, choices: Vec::new() }
    }

    /// Takes one event and gives those that may go out.
    pub fn push(&mut self, event: Event, out: &mut Vec<Event>) {
        let Some(choice) = choice_of(&event) else {
            if event == Event::End {
                for (choice, state) in &mut self.choices {
                    state.close_all(*choice, None, out);
                }
            }
            out.push(event);
            return;
        };
        let overlaps = self.overlaps;
        let Some(state) = self.state(choice) else { return };
        if overlaps {
            state.pass(choice, event, out);
        } else {
            state.push(choice, event, out);
        }
    }

    fn state(&mut self, choice: u32) -> Option<&mut State> {
        let at = match self.choices.iter().position(|(of, _)| *of == choice) {
            Some(at) => at,
            None if self.choices.len() < CHOICES => {
                self.choices.push((choice, State::default()));
                self.choices.len() - 1
            }
            None => return None,
        };
        self.choices.get_mut(at).map(|(_, state)| state)
    }
}

impl State {
    /// For dialects that can tell overlapping calls.
    fn pass(&mut self, choice: u32, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::CallBegin { call, .. } => {
                self.called = true;
                self.unended.insert(call, false);
                out.push(event);
            }
            Event::CallArguments { call, .. } => {
                if let Some(any) = self.unended.get_mut(&call) {
                    *any = true;
                }
                out.push(event);
            }
            Event::CallEnd { call, .. } => {
                if let Some(any) = self.unended.remove(&call) {
                    end_call(choice, call, any, true, out);
                }
            }
            Event::Stop { reason, sequence, .. } => self.stop(choice, reason, sequence, out),
            event => out.push(event),
        }
    }

    /// For dialects with one block at a time.
    fn push(&mut self, choice: u32, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::Stop { reason, sequence, .. } => self.stop(choice, reason, sequence, out),
            Event::CallArguments { call, fragment, .. } => match &mut self.open {
                Some(open) if open.call == call => {
                    open.json.feed(&fragment);
                    out.push(Event::CallArguments { choice, call, fragment });
                }
                // Of a call that is over: a repetition.
                _ => {
                    if let Some(held) = self.held.get_mut(&call).filter(|held| !held.ended) {
                        held.fragments.push(fragment);
                    }
                }
            },
            Event::CallEnd { call, .. } => match self.open.take_if(|open| open.call == call) {
                Some(open) => {
                    end_call(choice, call, open.json.has_any(), true, out);
                    self.resume(choice, out);
                }
                None => {
                    if let Some(held) = self.held.get_mut(&call) {
                        held.ended = true;
                    }
                }
            },
            event => {
                if let Event::CallBegin { call, .. } = event {
                    self.held.insert(call, Held::default());
                }
                self.waiting.push_back(event);
                self.resume(choice, out);
            }
        }
    }

    /// What waited for the open call gets its turn, as far as the next call that is not whole.
    fn resume(&mut self, choice: u32, out: &mut Vec<Event>) {
        while !self.waiting.is_empty() {
            if let Some(open) = self.open.take_if(|open| open.json.is_whole()) {
                end_call(choice, open.call, true, true, out);
            }
            if self.open.is_some() {
                return;
            }
            if let Some(event) = self.waiting.pop_front() {
                self.tell(choice, event, out);
            }
        }
    }

    /// Tells what waited; of a call all that is known.
    fn tell(&mut self, choice: u32, event: Event, out: &mut Vec<Event>) {
        let Event::CallBegin { call, .. } = event else { return out.push(event) };
        self.called = true;
        out.push(event);
        let held = self.held.remove(&call).unwrap_or_default();
        let mut json = JsonEnd::default();
        for fragment in held.fragments {
            json.feed(&fragment);
            out.push(Event::CallArguments { choice, call, fragment });
        }
        if held.ended {
            end_call(choice, call, json.has_any(), true, out);
        } else {
            self.open = Some(Open { call, json });
        }
    }

    fn stop(&mut self, choice: u32, reason: Stop, sequence: Option<String>, out: &mut Vec<Event>) {
        self.close_all(choice, Some(reason), out);
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        let reason = match reason {
            Stop::Tools if !self.called => Stop::Done,
            reason if self.called => reason.with_calls(),
            reason => reason,
        };
        out.push(Event::Stop { choice, reason, sequence });
    }

    /// No more can come for any call: each is told whole, one after the other.
    fn close_all(&mut self, choice: u32, reason: Option<Stop>, out: &mut Vec<Event>) {
        // Where the bound cut a call off before its arguments, none must be made up: a client would run it.
        let may_fill = !matches!(reason, Some(Stop::Length | Stop::Context | Stop::Filter));
        for (call, any) in std::mem::take(&mut self.unended) {
            end_call(choice, call, any, may_fill, out);
        }
        if let Some(open) = self.open.take() {
            end_call(choice, open.call, open.json.has_any(), may_fill, out);
        }
        for event in std::mem::take(&mut self.waiting) {
            match event {
                Event::CallBegin { call, .. } => {
                    self.called = true;
                    out.push(event);
                    let held = self.held.remove(&call).unwrap_or_default();
                    let any = !held.fragments.is_empty();
                    out.extend(held.fragments.into_iter().map(|fragment| Event::CallArguments { choice, call, fragment }));
                    end_call(choice, call, any, may_fill, out);
                }
                event => out.push(event),
            }
        }
        self.held.clear();
    }
}

fn end_call(choice: u32, call: u32, any: bool, may_fill: bool, out: &mut Vec<Event>) {
    if !any && may_fill {
        out.push(Event::CallArguments { choice, call, fragment: String::from("{}") });
    }
    out.push(Event::CallEnd { choice, call });
}

const fn choice_of(event: &Event) -> Option<u32> {
    match event {
        Event::Begin { .. } | Event::Usage(_) | Event::Ping | Event::End => None,
        Event::Text { choice, .. }
        | Event::TextSigned { choice, .. }
        | Event::Cited { choice, .. }
        | Event::Thinking { choice, .. }
        | Event::ThinkingSigned { choice, .. }
        | Event::Redacted { choice, .. }
        | Event::Refusal { choice, .. }
        | Event::CallBegin { choice, .. }
        | Event::CallArguments { choice, .. }
        | Event::CallEnd { choice, .. }
        | Event::Media { choice, .. }
        | Event::Foreign { choice, .. }
        | Event::Logprobs { choice, .. }
        | Event::Stop { choice, .. } => Some(*choice),
    }
}

#[cfg(test)]
mod tests;
