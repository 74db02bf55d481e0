//! OpenAI's chat and completions. Source: protocol specification §1.3 and §11, `types/chat` of the OpenAI SDK, recorded streams.
//!
//! A choice's thinking ends where its text begins and the other way round; calls of tools come interleaved and end with the choice.

use super::act::{Act, Again, CUSTOM, OTHER, TEXT, THINKING, TOOL, Which, is_structure, rest, strand};
use super::flat::{Flat, Kind};
use super::template::Template;
use super::{Strand, StrandKind};

/// The part of a spoken answer's transcript.
const TRANSCRIPT: u32 = 1;
/// Thinking comes under several names, by some vendors under two at once.
const THOUGHTS: [&[u8]; 3] = [b"reasoning_content", b"reasoning", b"thinking"];
/// Thinking among the parts of the content.
const THOUGHT_PART: u32 = 3;
/// From here on: the entries of `reasoning_details`.
const DETAILS: u32 = 16;
/// The one call of the time before `tool_calls`.
const FUNCTION_CALL: u32 = u32::MAX;

/// What is to be done with an event.
pub(super) fn read(flat: &Flat<'_>, acts: &mut Vec<Act>) {
    for (at, node) in flat.children(0) {
        match (node.key, node.kind) {
            (b"choices", Kind::Array) => {
                for (position, (choice, _)) in flat.children(at).enumerate() {
                    let index = flat.index_of(choice, b"index").unwrap_or(u32::try_from(position).unwrap_or(u32::MAX));
                    read_choice(flat, choice, index, acts);
                }
            }
            (b"error", Kind::Object | Kind::Text { .. }) => {
                acts.push(Act::End(Which::All));
                rest(flat, at, &Again::No, acts);
            }
            _ => rest(flat, at, &Again::No, acts),
        }
    }
}

fn read_choice(flat: &Flat<'_>, choice: usize, index: u32, acts: &mut Vec<Act>) {
    if flat.kind(choice) != Some(Kind::Object) {
        return rest(flat, choice, &Again::No, acts);
    }
    let before = acts.len();
    let mut reader = Choice { flat, index, acts, met: 0 };
    for (at, node) in flat.children(choice) {
        match (node.key, node.kind) {
            (b"delta", Kind::Object) => reader.delta(at),
            (b"text", Kind::Text { .. }) => reader.piece(at, TEXT, strand(index, 0, StrandKind::Text)),
            (b"message", Kind::Object) => reader.message(at),
            (b"logprobs", Kind::Object | Kind::Array) => reader.acts.push(Act::Tokens { at, index, whole: false, gone: "null" }),
            _ => rest(flat, at, &Again::No, reader.acts),
        }
    }
    let met = reader.met;
    if met != 0 {
        acts.insert(before, Act::End(Which::But(index, met)));
    }
    if !flat.word_of(choice, b"finish_reason").is_empty() {
        acts.push(Act::End(Which::Index(index)));
    }
}

struct Choice<'f, 'a> {
    flat: &'f Flat<'a>,
    index: u32,
    acts: &'f mut Vec<Act>,
    /// Classes of strands that this event adds to.
    met: u8,
}

impl Choice<'_, '_> {
    fn piece(&mut self, at: usize, class: u8, strand: Strand) {
        if self.flat.has_text(at) {
            self.met |= class;
        }
        self.acts.push(Act::Piece { at, strand });
    }

    fn rest(&mut self, at: usize) {
        rest(self.flat, at, &Again::No, self.acts);
    }

    fn delta(&mut self, delta: usize) {
        let flat = self.flat;
        let index = self.index;
        for (at, node) in flat.children(delta) {
            let text = matches!(node.kind, Kind::Text { .. });
            match node.key {
                b"content" if text => self.piece(at, TEXT, strand(index, 0, StrandKind::Text)),
                b"content" if node.kind == Kind::Array => self.parts(at),
                b"refusal" if text => self.piece(at, OTHER, strand(index, 0, StrandKind::Other)),
                b"tool_calls" if node.kind == Kind::Array => {
                    for (position, (call, _)) in flat.children(at).enumerate() {
                        self.call(call, u32::try_from(position).unwrap_or(u32::MAX));
                    }
                }
                b"function_call" if node.kind == Kind::Object => self.function(at, strand(index, FUNCTION_CALL, StrandKind::Arguments)),
                b"reasoning_details" if node.kind == Kind::Array => self.details(at),
                b"audio" if node.kind == Kind::Object => self.audio(at),
                key => match THOUGHTS.iter().position(|name| *name == key) {
                    Some(part) if text => {
                        self.piece(at, THINKING, strand(index, u32::try_from(part).unwrap_or(0), StrandKind::Thinking));
                    }
                    _ => self.rest(at),
                },
            }
        }
    }

    /// Content in parts, with thinking among them.
    fn parts(&mut self, content: usize) {
        let flat = self.flat;
        let thought = strand(self.index, THOUGHT_PART, StrandKind::Thinking);
        for (part, node) in flat.children(content) {
            match node.kind {
                Kind::Object => {}
                Kind::Text { .. } => {
                    self.piece(part, TEXT, strand(self.index, 0, StrandKind::Text));
                    continue;
                }
                _ => continue,
            }
            for (at, node) in flat.children(part) {
                match (node.key, node.kind) {
                    (b"text", Kind::Text { .. }) => self.piece(at, TEXT, strand(self.index, 0, StrandKind::Text)),
                    (b"refusal", Kind::Text { .. }) => self.piece(at, OTHER, strand(self.index, 0, StrandKind::Other)),
                    (b"thinking", Kind::Text { .. }) => self.piece(at, THINKING, thought.clone()),
                    (b"thinking", Kind::Array) => {
                        for (inner, _) in flat.children(at) {
                            for (at, node) in flat.children(inner) {
                                match (node.key, node.kind) {
                                    (b"text", Kind::Text { .. }) => self.piece(at, THINKING, thought.clone()),
                                    _ => self.rest(at),
                                }
                            }
                        }
                    }
                    _ => self.rest(at),
                }
            }
        }
    }

    fn details(&mut self, details: usize) {
        let flat = self.flat;
        for (position, (detail, _)) in flat.children(details).enumerate() {
            let index = flat.index_of(detail, b"index").unwrap_or(u32::try_from(position).unwrap_or(0));
            for (at, node) in flat.children(detail) {
                // Two texts of one entry are two strands.
                let part = match node.key {
                    b"text" => 0,
                    b"summary" => 1,
                    // What only the vendor can read.
                    b"data" => continue,
                    _ => {
                        self.rest(at);
                        continue;
                    }
                };
                let part = DETAILS.saturating_add(index.saturating_mul(2)).saturating_add(part);
                self.piece(at, THINKING, strand(self.index, part, StrandKind::Thinking));
            }
        }
    }

    fn audio(&mut self, audio: usize) {
        for (at, node) in self.flat.children(audio) {
            match (node.key, node.kind) {
                (b"transcript", Kind::Text { .. }) => self.piece(at, TEXT, strand(self.index, TRANSCRIPT, StrandKind::Text)),
                // Sound.
                (b"data", _) => {}
                _ => self.rest(at),
            }
        }
    }

    fn call(&mut self, call: usize, position: u32) {
        let flat = self.flat;
        let numbered = flat.index_of(call, b"index");
        let part = numbered.unwrap_or(position);
        self.met |= TOOL;
        let arguments = strand(self.index, part, StrandKind::Arguments);
        let custom = strand(self.index, CUSTOM.saturating_add(part), StrandKind::Other);
        if let Some(at) = flat.child(call, b"id").filter(|&at| flat.has_text(at)) {
            self.acts.push(Act::Call { at, strand: arguments.clone() });
            self.acts.push(Act::Call { at, strand: custom.clone() });
        }
        for (at, node) in flat.children(call) {
            match (node.key, node.kind) {
                (b"function", Kind::Object) => {
                    self.function(at, arguments.clone());
                    // A call without a number whose arguments are whole is complete: the next one may come under the same place.
                    let whole = |at: usize| crate::json::skip::check(flat.text(at).as_bytes()).is_ok();
                    if numbered.is_none() && flat.child(at, b"arguments").is_some_and(whole) {
                        self.acts.push(Act::End(Which::One(arguments.clone())));
                    }
                }
                (b"custom", Kind::Object) => {
                    for (at, node) in flat.children(at) {
                        match (node.key, node.kind) {
                            (b"input", Kind::Text { .. }) => self.piece(at, TOOL, custom.clone()),
                            _ => self.rest(at),
                        }
                    }
                }
                _ => self.rest(at),
            }
        }
    }

    fn function(&mut self, function: usize, arguments: Strand) {
        self.met |= TOOL;
        for (at, node) in self.flat.children(function) {
            match (node.key, node.kind) {
                (b"arguments", Kind::Text { .. }) => self.piece(at, TOOL, arguments.clone()),
                (b"arguments", Kind::Object) => self.acts.push(Act::Document { at }),
                _ => self.rest(at),
            }
        }
    }

    /// Some vendors repeat the whole message at the end.
    fn message(&mut self, message: usize) {
        let flat = self.flat;
        let index = self.index;
        for (at, node) in flat.children(message) {
            let of = match node.key {
                b"content" => strand(index, 0, StrandKind::Text),
                b"refusal" => strand(index, 0, StrandKind::Other),
                b"tool_calls" => strand(index, 0, StrandKind::Arguments),
                b"function_call" => strand(index, FUNCTION_CALL, StrandKind::Arguments),
                key => match THOUGHTS.iter().position(|name| *name == key) {
                    Some(part) => strand(index, u32::try_from(part).unwrap_or(0), StrandKind::Thinking),
                    None => {
                        self.rest(at);
                        continue;
                    }
                },
            };
            rest(flat, at, &Again::Of(of), self.acts);
        }
    }
}

/// An event with one more piece of `strand`, like the event it was first seen in.
pub(super) fn template(flat: &Flat<'_>, at: usize, strand: &Strand) -> Template {
    let mut head = String::from("{");
    for (place, node) in flat.children(0) {
        // Only what holds no text: it is not shown to anyone again.
        let plain = matches!(node.kind, Kind::Number | Kind::Word) || matches!(node.kind, Kind::Text { .. }) && is_structure(node.key);
        if plain && !matches!(node.key, b"obfuscation" | b"choices" | b"error") {
            for part in [b"\"", node.key, b"\":", flat.raw(place), b","] {
                head.push_str(&String::from_utf8_lossy(part));
            }
        }
    }
    let index = strand.index;
    let completion = flat.nodes.get(at).is_some_and(|node| node.key == b"text") && !has_delta(flat);
    if completion {
        let before = format!("{head}\"choices\":[{{\"index\":{index},\"text\":");
        return Template::new(b"", before, ",\"logprobs\":null,\"finish_reason\":null}]}");
    }
    let part = strand.part;
    let (before, after) = match strand.kind {
        StrandKind::Text if part == TRANSCRIPT => (String::from("\"audio\":{\"transcript\":"), "}"),
        StrandKind::Text => (String::from("\"content\":"), ""),
        StrandKind::Thinking if part == THOUGHT_PART => {
            (String::from("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":"), "}]}]")
        }
        StrandKind::Thinking if part >= DETAILS => {
            let (kind, field) = if part.is_multiple_of(2) { ("text", "text") } else { ("summary", "summary") };
            let place = (part - DETAILS) / 2;
            (format!("\"reasoning_details\":[{{\"type\":\"reasoning.{kind}\",\"index\":{place},\"{field}\":"), "}]")
        }
        StrandKind::Thinking => {
            let name = usize::try_from(part).ok().and_then(|part| THOUGHTS.get(part)).copied().unwrap_or(b"reasoning_content");
            (format!("\"{}\":", String::from_utf8_lossy(name)), "")
        }
        StrandKind::Other if part >= CUSTOM => (format!("\"tool_calls\":[{{\"index\":{},\"custom\":{{\"input\":", part - CUSTOM), "}}]"),
        StrandKind::Other => (String::from("\"refusal\":"), ""),
        StrandKind::Arguments if part == FUNCTION_CALL => (String::from("\"function_call\":{\"arguments\":"), "}"),
        StrandKind::Arguments => (format!("\"tool_calls\":[{{\"index\":{part},\"function\":{{\"arguments\":"), "}}]"),
    };
    Template::new(
        b"",
        format!("{head}\"choices\":[{{\"index\":{index},\"delta\":{{{before}"),
        &format!("{after}}},\"logprobs\":null,\"finish_reason\":null}}]}}"),
    )
}

fn has_delta(flat: &Flat<'_>) -> bool {
    flat.nodes.iter().any(|node| node.key == b"delta")
}
