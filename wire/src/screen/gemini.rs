//! Gemini's `streamGenerateContent`. Source: protocol specification §5.2, `types.py` of the Google Gen AI SDK, recorded streams.
//!
//! Parts have no numbers: texts of one kind that follow each other are one text.

use super::act::{Act, Again, TEXT, THINKING, Which, is_structure, rest, strand};
use super::flat::{Flat, Kind};
use super::template::Template;
use super::{Strand, StrandKind};

/// What is to be done with a chunk.
pub(super) fn read(flat: &Flat<'_>, acts: &mut Vec<Act>) {
    for (at, node) in flat.children(0) {
        match (node.key, node.kind) {
            (b"candidates", Kind::Array) => {
                for (position, (candidate, _)) in flat.children(at).enumerate() {
                    let index = flat.index_of(candidate, b"index").unwrap_or(u32::try_from(position).unwrap_or(u32::MAX));
                    read_candidate(flat, candidate, index, acts);
                }
            }
            (b"error", _) => {
                acts.push(Act::End(Which::All));
                rest(flat, at, &Again::No, acts);
            }
            _ => rest(flat, at, &Again::No, acts),
        }
    }
}

fn read_candidate(flat: &Flat<'_>, candidate: usize, index: u32, acts: &mut Vec<Act>) {
    let mut finished = false;
    for (at, node) in flat.children(candidate) {
        match (node.key, node.kind) {
            (b"content", Kind::Object) => {
                for (at, node) in flat.children(at) {
                    match (node.key, node.kind) {
                        (b"parts", Kind::Array) => flat.children(at).for_each(|(part, _)| read_part(flat, part, index, acts)),
                        _ => rest(flat, at, &Again::No, acts),
                    }
                }
            }
            (b"finishReason" | b"finish_reason", Kind::Text { .. } | Kind::Number) => finished = true,
            (b"logprobsResult" | b"logprobs_result", Kind::Object) => acts.push(Act::Tokens { at, index, whole: false, gone: "{}" }),
            // They repeat the text that they are about.
            (b"groundingMetadata" | b"citationMetadata", Kind::Object) => {
                let repeated = strand(index, 0, StrandKind::Text);
                for (at, node) in flat.children(at) {
                    let again = if node.key == b"groundingSupports" { Again::Of(repeated.clone()) } else { Again::No };
                    rest(flat, at, &again, acts);
                }
            }
            _ => rest(flat, at, &Again::No, acts),
        }
    }
    if finished {
        acts.push(Act::End(Which::Index(index)));
    }
}

fn read_part(flat: &Flat<'_>, part: usize, index: u32, acts: &mut Vec<Act>) {
    let thought = flat.child(part, b"thought").is_some_and(|at| flat.raw(at) == b"true");
    let (class, kind) = if thought { (THINKING, StrandKind::Thinking) } else { (TEXT, StrandKind::Text) };
    for (at, node) in flat.children(part) {
        match (node.key, node.kind) {
            (b"text", Kind::Text { .. }) => {
                if flat.has_text(at) {
                    acts.push(Act::End(Which::But(index, class)));
                }
                acts.push(Act::Piece { at, strand: strand(index, 0, kind) });
            }
            (b"functionCall" | b"function_call", Kind::Object) => {
                acts.push(Act::End(Which::But(index, 0)));
                for (at, node) in flat.children(at) {
                    match (node.key, node.kind) {
                        (b"args", Kind::Object) => acts.push(Act::Document { at }),
                        _ => rest(flat, at, &Again::No, acts),
                    }
                }
            }
            (b"thought" | b"thoughtSignature" | b"thought_signature", _) => {}
            (b"inlineData" | b"inline_data", Kind::Object) => {
                for (at, _) in flat.children(at).filter(|(_, node)| node.key != b"data") {
                    rest(flat, at, &Again::No, acts);
                }
            }
            _ => {
                acts.push(Act::End(Which::But(index, 0)));
                rest(flat, at, &Again::No, acts);
            }
        }
    }
}

/// A chunk with one more piece of `strand`.
pub(super) fn template(flat: &Flat<'_>, strand: &Strand) -> Template {
    let index = strand.index;
    let thought = if strand.kind == StrandKind::Thinking { ",\"thought\":true" } else { "" };
    let mut after = format!("{thought}}}],\"role\":\"model\"}},\"index\":{index}}}]");
    for (at, node) in flat.children(0) {
        if matches!(node.kind, Kind::Text { .. }) && is_structure(node.key) {
            for part in [b",\"", node.key, b"\":", flat.raw(at)] {
                after.push_str(&String::from_utf8_lossy(part));
            }
        }
    }
    after.push('}');
    Template::new(b"", String::from("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":"), &after)
}
