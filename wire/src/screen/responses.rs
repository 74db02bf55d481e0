//! OpenAI's responses, and the streams of transcriptions, which have the same form. Source: protocol specification §8,
//! `types/responses` of the OpenAI SDK, recorded streams.
//!
//! A text comes in deltas, then whole: in its own `done`, in its part's, in its item's, and in the response at the end.

use super::act::{Act, Again, Which, is_structure, rest, strand};
use super::flat::{Flat, Kind};
use super::messages::kind;
use super::template::Template;
use super::{Strand, StrandKind};
use crate::leaf::LeafKind;

/// From here on: the parts of a reasoning item's own text, beside those of its summary.
const REASONING_TEXT: u32 = 1 << 16;

/// What is to be done with an event.
pub(super) fn read(flat: &Flat<'_>, event: &[u8], echoed: &mut bool, acts: &mut Vec<Act>) {
    let kind = kind(flat, event);
    let index = flat.index_of(0, b"output_index").unwrap_or(0);
    if let Some(base) = kind.strip_suffix(b".delta") {
        return delta(flat, base, index, acts);
    }
    match kind {
        b"response.content_part.added" | b"response.reasoning_summary_part.added" => return part(flat, index, false, acts),
        b"response.content_part.done" | b"response.reasoning_summary_part.done" => return part(flat, index, true, acts),
        b"response.output_item.added" | b"response.output_item.done" => {
            let done = kind.ends_with(b".done");
            if done {
                acts.push(Act::End(Which::Index(index)));
            }
            for (at, node) in flat.children(0) {
                match (node.key, node.kind) {
                    (b"item", Kind::Object) => item(flat, at, index, done, acts),
                    _ => rest(flat, at, &Again::No, acts),
                }
            }
            return;
        }
        b"error" | b"response.completed" | b"response.incomplete" | b"response.failed" | b"response.cancelled" => {
            acts.push(Act::End(Which::All));
        }
        _ => {}
    }
    if let Some(base) = kind.strip_suffix(b".done") {
        return done(flat, base, index, acts);
    }
    for (at, node) in flat.children(0) {
        if node.key != b"response" || node.kind != Kind::Object {
            rest(flat, at, &Again::No, acts);
            continue;
        }
        for (at, node) in flat.children(at) {
            if node.key == b"output" && node.kind == Kind::Array {
                for (position, (at, _)) in flat.children(at).enumerate() {
                    item(flat, at, u32::try_from(position).unwrap_or(u32::MAX), true, acts);
                }
            } else {
                // What was asked is told again with every stage of the response.
                rest(flat, at, if *echoed { &Again::Yes } else { &Again::No }, acts);
            }
        }
        *echoed = true;
    }
}

/// The strand of a text by the type of its events, without their last word.
fn strand_of(flat: &Flat<'_>, base: &[u8], index: u32) -> Strand {
    let has = |word: &[u8]| memchr::memmem::find(base, word).is_some();
    let content = flat.index_of(0, b"content_index").unwrap_or(0);
    if has(b"reasoning_summary") {
        return strand(index, flat.index_of(0, b"summary_index").unwrap_or(0), StrandKind::Thinking);
    }
    if has(b"reasoning") {
        return strand(index, REASONING_TEXT.saturating_add(content), StrandKind::Thinking);
    }
    let kind = if has(b"arguments") {
        StrandKind::Arguments
    } else if has(b"output_text") || has(b"transcript") {
        StrandKind::Text
    } else {
        StrandKind::Other
    };
    strand(index, content, kind)
}

/// Pieces that are sound.
fn is_sound(base: &[u8]) -> bool {
    base.ends_with(b"audio")
}

fn delta(flat: &Flat<'_>, base: &[u8], index: u32, acts: &mut Vec<Act>) {
    for (at, node) in flat.children(0) {
        match (node.key, node.kind) {
            (b"delta" | b"audio", Kind::Text { .. }) if is_sound(base) => {}
            (b"delta", Kind::Text { .. }) => acts.push(Act::Piece { at, strand: strand_of(flat, base, index) }),
            (b"logprobs", Kind::Array | Kind::Object) => acts.push(Act::Tokens { at, index, whole: false, gone: "[]" }),
            _ => rest(flat, at, &Again::No, acts),
        }
    }
}

fn done(flat: &Flat<'_>, base: &[u8], index: u32, acts: &mut Vec<Act>) {
    let strand = strand_of(flat, base, index);
    acts.push(Act::End(Which::One(strand.clone())));
    for (at, node) in flat.children(0) {
        match (node.key, node.kind) {
            (b"text" | b"arguments" | b"refusal" | b"transcript" | b"input" | b"code", Kind::Text { .. }) => {
                whole(flat, at, strand.clone(), acts);
            }
            (b"logprobs", Kind::Array | Kind::Object) => acts.push(Act::Tokens { at, index, whole: true, gone: "[]" }),
            _ => rest(flat, at, &Again::No, acts),
        }
    }
}

fn whole(flat: &Flat<'_>, at: usize, strand: Strand, acts: &mut Vec<Act>) {
    if flat.has_text(at) {
        let kind = if strand.kind == StrandKind::Arguments { LeafKind::Arguments } else { LeafKind::Text };
        acts.push(Act::Whole { at, kind, again: Again::Of(strand) });
    }
}

/// The event of a part that begins or is done.
fn part(flat: &Flat<'_>, index: u32, done: bool, acts: &mut Vec<Act>) {
    let summary = flat.index_of(0, b"summary_index");
    let place = summary.or_else(|| flat.index_of(0, b"content_index")).unwrap_or(0);
    for (at, node) in flat.children(0) {
        if node.key == b"part" && node.kind == Kind::Object {
            if done {
                acts.push(Act::End(Which::One(text_of_part(flat, at, index, place))));
                acts.push(Act::End(Which::One(strand(index, place, StrandKind::Other))));
            }
            content(flat, at, index, place, done, acts);
        } else {
            rest(flat, at, &Again::No, acts);
        }
    }
}

fn text_of_part(flat: &Flat<'_>, part: usize, index: u32, place: u32) -> Strand {
    match flat.word_of(part, b"type") {
        b"reasoning_text" => strand(index, REASONING_TEXT.saturating_add(place), StrandKind::Thinking),
        b"summary_text" => strand(index, place, StrandKind::Thinking),
        _ => strand(index, place, StrandKind::Text),
    }
}

/// A part of an item.
fn content(flat: &Flat<'_>, part: usize, index: u32, place: u32, done: bool, acts: &mut Vec<Act>) {
    for (at, node) in flat.children(part) {
        match (node.key, node.kind) {
            (b"text" | b"transcript", Kind::Text { .. }) if done => whole(flat, at, text_of_part(flat, part, index, place), acts),
            (b"refusal", Kind::Text { .. }) if done => whole(flat, at, strand(index, place, StrandKind::Other), acts),
            (b"logprobs", Kind::Array | Kind::Object) => acts.push(Act::Tokens { at, index, whole: true, gone: "[]" }),
            _ => rest(flat, at, &Again::No, acts),
        }
    }
}

/// An item of the output. Its texts were shown before only when it is done.
fn item(flat: &Flat<'_>, item: usize, index: u32, done: bool, acts: &mut Vec<Act>) {
    for (at, node) in flat.children(item) {
        match (node.key, node.kind) {
            (b"content" | b"summary", Kind::Array) => {
                for (place, (part, _)) in flat.children(at).enumerate() {
                    content(flat, part, index, u32::try_from(place).unwrap_or(u32::MAX), done, acts);
                }
            }
            (b"arguments", Kind::Text { .. }) if done => whole(flat, at, strand(index, 0, StrandKind::Arguments), acts),
            (b"input" | b"code", Kind::Text { .. }) if done => whole(flat, at, strand(index, 0, StrandKind::Other), acts),
            _ => rest(flat, at, &Again::No, acts),
        }
    }
}

/// A delta with one more piece of the strand whose delta this is.
pub(super) fn template(flat: &Flat<'_>, event: &[u8]) -> Template {
    let mut before = String::from("{");
    let mut after = "";
    for (at, node) in flat.children(0) {
        match node.key {
            b"delta" | b"sequence_number" | b"obfuscation" => {}
            b"logprobs" => after = ",\"logprobs\":[]",
            key if matches!(node.kind, Kind::Number | Kind::Word) || matches!(node.kind, Kind::Text { .. }) && is_structure(key) => {
                for part in [b"\"", key, b"\":", flat.raw(at), b","] {
                    before.push_str(&String::from_utf8_lossy(part));
                }
            }
            _ => {}
        }
    }
    before.push_str("\"delta\":");
    if flat.child(0, b"sequence_number").is_some() {
        return Template::numbered(event, before, after);
    }
    Template::new(event, before, &format!("{after}}}"))
}
