//! Which call a bit of a call belongs to, and when it may be told.
//!
//! The dialect numbers calls by `index`, but servers leave it out, give every call the same, repeat ids and names or empty them.
//! Source: protocol specification §4.3, rule 4, and recorded streams.

use std::collections::HashMap;

use crate::neutral::Event;
use crate::neutral::free_text;
use crate::neutral::json_end::JsonEnd;
use crate::neutral::signature::{Origin, Signature};
use crate::upstream::Said;

use super::delta::{CallDelta, FunctionDelta};

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// The last call of each number, and of each id.
    by_index: HashMap<u32, usize>,
    by_id: HashMap<String, usize>,
    told: u32,
    /// Deltas so far.
    delta: u64,
}

#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
    kind: Kind,
    /// Its number among those that were told; nothing while its name is not known.
    number: Option<u32>,
    signature: Option<Signature>,
    /// Arguments that came before the name, or are to be told at once.
    held: String,
    json: JsonEnd,
    /// The last delta that had something of it.
    touched: u64,
    /// All of it was told.
    over: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// JSON arguments.
    #[default]
    Plain,
    /// A tool of free text in the vendor's own form: its arguments are the text.
    Custom,
    /// A tool of free text that was given a schema: the text is in its `input`.
    Wrapped,
    /// The answer itself, as arguments of a tool that was forced.
    Answer,
}

/// A bit of a call, in one form.
struct Bit {
    index: Option<u32>,
    id: String,
    name: String,
    arguments: String,
    custom: bool,
    signature: Option<Signature>,
}

impl Calls {
    /// Takes the calls of one delta.
    pub(super) fn take(&mut self, choice: u32, calls: Vec<CallDelta<'_>>, said: &Said, out: &mut Vec<Event>) {
        let several = calls.len() > 1;
        self.delta += 1;
        for (position, call) in calls.into_iter().enumerate() {
            let mut bit = bit_of(call);
            // Without any mark of its own, its place in the list is all there is.
            if several && bit.index.is_none() && bit.id.is_empty() && bit.name.is_empty() {
                bit.index = u32::try_from(position).ok();
            }
            let at = match self.find(&bit) {
                Some(at) => at,
                None => {
                    self.calls.push(Call::default());
                    let at = self.calls.len() - 1;
                    if let Some(index) = bit.index {
                        self.by_index.insert(index, at);
                    }
                    at
                }
            };
            if let Some(call) = self.calls.get_mut(at) {
                call.touched = self.delta;
                let nameless = call.id.is_empty();
                call.take(choice, bit, said, &mut self.told, out);
                if nameless && !call.id.is_empty() {
                    let last = self.by_id.entry(call.id.clone()).or_insert(at);
                    *last = at.max(*last);
                }
            }
        }
    }

    /// Takes the one call of the old form.
    pub(super) fn take_function(&mut self, choice: u32, function: FunctionDelta<'_>, said: &Said, out: &mut Vec<Event>) {
        if function.name.text().is_some() || function.arguments.text().is_some() {
            self.take(choice, vec![CallDelta { function: Some(function), ..CallDelta::default() }], said, out);
        }
    }

    /// No more comes.
    pub(super) fn finish(&mut self, choice: u32, out: &mut Vec<Event>) {
        for call in &mut self.calls {
            call.release(choice, out);
        }
    }

    /// The call that a bit goes on with; nothing where it begins one.
    fn find(&self, bit: &Bit) -> Option<usize> {
        let at = if let Some(index) = bit.index {
            *self.by_index.get(&index)?
        } else if !bit.id.is_empty() {
            return self.by_id.get(&bit.id).copied();
        } else {
            self.calls.len().checked_sub(1)?
        };
        let call = self.calls.get(at)?;
        if bit.name.is_empty() {
            return Some(at);
        }
        // A name again: a repetition, or another call under the same number.
        let other_id = !bit.id.is_empty() && !call.id.is_empty() && bit.id != call.id;
        let known = !call.name.is_empty();
        let again = !bit.arguments.is_empty() && call.json.is_whole() && known;
        let another = if bit.index.is_some() {
            other_id && (call.json.is_whole() || !call.json.has_opened() || call.name != bit.name) || known && call.touched == self.delta
        } else {
            known && (call.touched == self.delta || again || call.name != bit.name)
        };
        (!another).then_some(at)
    }
}

impl Call {
    fn take(&mut self, choice: u32, bit: Bit, said: &Said, told: &mut u32, out: &mut Vec<Event>) {
        if self.id.is_empty() {
            self.id = bit.id;
        }
        if self.signature.is_none() {
            self.signature = bit.signature;
        }
        if self.number.is_none() && self.kind != Kind::Answer && !bit.name.is_empty() {
            self.begin(choice, bit.name, bit.custom, said, told, out);
        }
        // What comes after the end of an object repeats it.
        let repeated = self.json.is_whole() && !matches!(self.kind, Kind::Custom) && bit.arguments.trim_start().starts_with(['{', '[']);
        if bit.arguments.is_empty() || self.over || repeated {
            return;
        }
        self.json.feed(&bit.arguments);
        match (self.kind, self.number) {
            (Kind::Answer, _) => out.push(Event::Text { choice, text: bit.arguments }),
            (Kind::Plain | Kind::Custom, Some(call)) => out.push(Event::CallArguments { choice, call, fragment: bit.arguments }),
            _ => self.held.push_str(&bit.arguments),
        }
    }

    fn begin(&mut self, choice: u32, name: String, custom: bool, said: &Said, told: &mut u32, out: &mut Vec<Event>) {
        if said.json_tool.as_ref() == Some(&name) {
            self.kind = Kind::Answer;
            self.name = name;
            let text = std::mem::take(&mut self.held);
            if !text.is_empty() {
                out.push(Event::Text { choice, text });
            }
            return;
        }
        let own = said.names.back(&name).to_owned();
        self.kind = match custom {
            true => Kind::Custom,
            false if said.free_text_tools.contains(&own) => Kind::Wrapped,
            false => Kind::Plain,
        };
        self.name = name;
        let call = *told;
        *told += 1;
        self.number = Some(call);
        out.push(Event::CallBegin { choice, call, id: self.id.clone(), name: own, signature: self.signature.clone() });
        if self.kind != Kind::Wrapped && !self.held.is_empty() {
            out.push(Event::CallArguments { choice, call, fragment: std::mem::take(&mut self.held) });
        }
    }

    fn release(&mut self, choice: u32, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let Some(call) = self.number else { return };
        if self.kind == Kind::Wrapped {
            let fragment = free_text::unwrapped(std::mem::take(&mut self.held));
            if !fragment.is_empty() {
                out.push(Event::CallArguments { choice, call, fragment });
            }
        }
        // The end of free text is nowhere to be seen in it; the end of JSON is, and is told elsewhere.
        if matches!(self.kind, Kind::Wrapped | Kind::Custom) {
            out.push(Event::CallEnd { choice, call });
        }
    }
}

fn bit_of(call: CallDelta<'_>) -> Bit {
    let signature = call.extra_content.as_ref().and_then(thought_signature);
    let id = call.id.into_text().unwrap_or_default();
    let index = call.index.0;
    // A function beside it may be empty, and the other way round.
    let function = call.function.filter(|function| function.name.text().is_some() || call.custom.is_none());
    let (name, arguments, custom) = match (function, call.custom) {
        (Some(function), _) => (function.name, function.arguments, false),
        (None, Some(custom)) => (custom.name, custom.input, true),
        (None, None) => return Bit { index, id, name: String::new(), arguments: String::new(), custom: false, signature },
    };
    Bit { index, id, name: name.into_text().unwrap_or_default(), arguments: arguments.into_text().unwrap_or_default(), custom, signature }
}

/// Gemini's mark, as its own server of this dialect writes it.
pub(super) fn thought_signature(extra: &serde_json::Value) -> Option<Signature> {
    let mark = extra.get("google")?.get("thought_signature")?.as_str().filter(|mark| !mark.is_empty())?;
    Some(Signature::new(Origin::Gemini, mark))
}
