//! Anthropic's messages. Source: protocol specification §2.3, `types/raw_*` of the Anthropic SDK, recorded streams.
//!
//! A block begins, gets its pieces and stops; what still waits of it goes out before its stop.

use super::act::{Act, Again, Which, rest, strand};
use super::flat::{Flat, Kind};
use super::template::Template;
use super::{Strand, StrandKind};

/// The type of an event: its own word, or else the line before it.
pub(super) fn kind<'a>(flat: &Flat<'a>, event: &'a [u8]) -> &'a [u8] {
    let word = flat.word_of(0, b"type");
    if word.is_empty() { event } else { word }
}

/// What is to be done with an event.
pub(super) fn read(flat: &Flat<'_>, event: &[u8], acts: &mut Vec<Act>) {
    let index = flat.index_of(0, b"index").unwrap_or(0);
    let kind = kind(flat, event);
    let inner: &[u8] = match kind {
        b"content_block_start" => {
            acts.push(Act::End(Which::Index(index)));
            b"content_block"
        }
        b"content_block_delta" => b"delta",
        b"content_block_stop" => {
            acts.push(Act::End(Which::Index(index)));
            b""
        }
        b"ping" | b"message_start" => b"",
        b"message_delta" | b"message_stop" | b"error" => {
            acts.push(Act::End(Which::All));
            b""
        }
        _ => b"",
    };
    for (at, node) in flat.children(0) {
        if node.kind != Kind::Object || inner.is_empty() || node.key != inner {
            rest(flat, at, &Again::No, acts);
            continue;
        }
        for (at, node) in flat.children(at) {
            let text = matches!(node.kind, Kind::Text { .. });
            match node.key {
                b"type" | b"signature" | b"data" | b"encrypted_content" | b"id" | b"tool_use_id" => {}
                b"input" if node.kind == Kind::Object => acts.push(Act::Document { at }),
                b"text" if text => acts.push(Act::Piece { at, strand: strand(index, 0, StrandKind::Text) }),
                b"thinking" if text => acts.push(Act::Piece { at, strand: strand(index, 0, StrandKind::Thinking) }),
                b"partial_json" if text => acts.push(Act::Piece { at, strand: strand(index, 0, StrandKind::Arguments) }),
                // Deltas of kinds that are not known yet come in pieces too.
                key if text && inner == b"delta" => acts.push(Act::Piece { at, strand: strand(index, name(key), StrandKind::Other) }),
                _ => rest(flat, at, &Again::No, acts),
            }
        }
    }
}

/// A number for a member's name (FNV-1a): two names of one block may hardly meet.
fn name(key: &[u8]) -> u32 {
    key.iter().fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A delta with one more piece of `strand`.
pub(super) fn template(flat: &Flat<'_>, at: usize, event: &[u8], strand: &Strand) -> Template {
    let (kind, field) = match strand.kind {
        StrandKind::Text => ("text_delta".into(), "text".into()),
        StrandKind::Thinking => ("thinking_delta".into(), "thinking".into()),
        StrandKind::Arguments => ("input_json_delta".into(), "partial_json".into()),
        StrandKind::Other => {
            let key = flat.nodes.get(at).map_or(b"".as_slice(), |node| node.key);
            let kind = flat.child(0, b"delta").map_or(b"".as_slice(), |delta| flat.word_of(delta, b"type"));
            (String::from_utf8_lossy(kind), String::from_utf8_lossy(key))
        }
    };
    let event: &[u8] = if event.is_empty() { b"" } else { b"content_block_delta" };
    let index = strand.index;
    let before = format!("{{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{{\"type\":\"{kind}\",\"{field}\":");
    Template::new(event, before, "}}")
}
