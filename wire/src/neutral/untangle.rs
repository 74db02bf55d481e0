//! Puts a vendor's events into an order that every client dialect can tell: one call at a time, each with its end.
//!
//! Anthropic's blocks and the items of responses never overlap, but OpenAI's parallel calls may. A second call waits while the
//! first is not whole (its arguments are an open JSON text), and is passed on as it comes once the first is. Also here, because
//! it needs the same memory: `{}` for calls without arguments, "tools" as the reason where tools are called, one stop an answer.

use std::collections::{HashMap, VecDeque};

use super::event::Event;
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
    waiting: VecDeque<Event>,
    /// With `overlaps`: calls without an end so far, and whether they have arguments.
    unended: Vec<(u32, bool)>,
    called: bool,
    stopped: bool,
}

/// The call whose fragments go out now.
#[derive(Debug)]
struct Open {
    call: u32,
    json: Json,
}

/// Follows a JSON text to its end.
#[derive(Debug, Default)]
struct Json {
    any: bool,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Json {
    fn feed(&mut self, fragment: &str) {
        for byte in fragment.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.any |= !fragment.trim().is_empty();
    }

    const fn is_whole(&self) -> bool {
        self.any && self.depth == 0 && !self.in_string
    }
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
                self.unended.push((call, false));
                out.push(event);
            }
            Event::CallArguments { call, .. } => {
                if let Some((_, any)) = self.unended.iter_mut().rev().find(|(of, _)| *of == call) {
                    *any = true;
                }
                out.push(event);
            }
            Event::CallEnd { call, .. } => {
                if let Some(at) = self.unended.iter().position(|(of, _)| *of == call) {
                    let (_, any) = self.unended.remove(at);
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
            Event::CallArguments { call, ref fragment, .. } => match &mut self.open {
                Some(open) if open.call == call => {
                    open.json.feed(fragment);
                    out.push(event);
                }
                Some(_) => self.waiting.push_back(event),
                // Of a call that is over: a repetition.
                None => {}
            },
            Event::CallEnd { call, .. } => match &self.open {
                Some(open) if open.call == call => {
                    let any = open.json.any;
                    self.open = None;
                    end_call(choice, call, any, true, out);
                    self.resume(choice, out);
                }
                Some(_) => self.waiting.push_back(event),
                None => {}
            },
            event => {
                if let Some(open) = &self.open {
                    if !open.json.is_whole() {
                        self.waiting.push_back(event);
                        return;
                    }
                    let call = open.call;
                    self.open = None;
                    end_call(choice, call, true, true, out);
                    if !self.waiting.is_empty() {
                        self.waiting.push_back(event);
                        self.resume(choice, out);
                        return;
                    }
                }
                if let Event::CallBegin { call, .. } = event {
                    self.called = true;
                    self.open = Some(Open { call, json: Json::default() });
                }
                out.push(event);
            }
        }
    }

    /// What waited for the open call gets its turn.
    fn resume(&mut self, choice: u32, out: &mut Vec<Event>) {
        for event in std::mem::take(&mut self.waiting) {
            self.push(choice, event, out);
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
        let waiting = std::mem::take(&mut self.waiting);
        let mut arguments: HashMap<u32, Vec<Event>> = HashMap::new();
        for event in &waiting {
            if let Event::CallArguments { call, .. } = event {
                arguments.entry(*call).or_default().push(event.clone());
            }
        }
        if let Some(open) = self.open.take() {
            let rest = arguments.remove(&open.call).unwrap_or_default();
            let any = open.json.any || !rest.is_empty();
            out.extend(rest);
            end_call(choice, open.call, any, may_fill, out);
        }
        for event in waiting {
            match event {
                Event::CallBegin { call, .. } => {
                    self.called = true;
                    out.push(event);
                    let fragments = arguments.remove(&call).unwrap_or_default();
                    let any = !fragments.is_empty();
                    out.extend(fragments);
                    end_call(choice, call, any, may_fill, out);
                }
                Event::CallArguments { .. } | Event::CallEnd { .. } => {}
                event => out.push(event),
            }
        }
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
