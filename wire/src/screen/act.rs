//! What is to be done with one event: a list of steps, made by the dialect's reader and carried out in order.

use super::flat::{Flat, Kind};
use super::{Strand, StrandKind};
use crate::json::text::is_base64;
use crate::leaf::LeafKind;
use crate::limits::BLOB_BYTES;

/// Whether a text was shown before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Again {
    No,
    Yes,
    /// Where this strand was.
    Of(Strand),
}

/// Strands to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// Those of a choice or item.
    Index(u32),
    One(Strand),
    /// Those of a choice that are none of these classes; tool calls stay open.
    But(u32, u8),
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A piece of a strand.
    Piece { at: usize, strand: Strand },
    /// Strands end here.
    End(Which),
    /// The strand is of a tool call with this id; another than before is another call.
    Call { at: usize, strand: Strand },
    /// A text that stands whole.
    Whole { at: usize, kind: LeafKind, again: Again },
    /// A JSON document that stands whole.
    Document { at: usize },
    /// What repeats the texts of a choice token by token, and what it becomes if they are changed; `whole` where it repeats all of them.
    Tokens { at: usize, index: u32, whole: bool, gone: &'static str },
}

/// Classes of strands that follow each other.
pub(super) const TEXT: u8 = 1;
pub(super) const THINKING: u8 = 2;
pub(super) const OTHER: u8 = 4;
pub(super) const TOOL: u8 = 8;

/// From here on a part of the kind `Other` is the input of a custom tool.
pub(super) const CUSTOM: u32 = 1 << 16;

/// The class of a strand.
pub(super) const fn class(strand: &Strand) -> u8 {
    match strand.kind {
        StrandKind::Text => TEXT,
        StrandKind::Thinking => THINKING,
        StrandKind::Other if strand.part >= CUSTOM => TOOL,
        StrandKind::Other => OTHER,
        StrandKind::Arguments => TOOL,
    }
}

/// A strand.
pub(super) const fn strand(index: u32, part: u32, kind: StrandKind) -> Strand {
    Strand { index, part, kind }
}

/// Shows every text in a value that no reader knows.
pub(super) fn rest(flat: &Flat<'_>, at: usize, again: &Again, acts: &mut Vec<Act>) {
    let end = flat.nodes.get(at).map_or(at, |node| node.next);
    for (place, node) in flat.nodes.iter().enumerate().take(end).skip(at) {
        let raw = flat.raw(place);
        if !matches!(node.kind, Kind::Text { .. }) || raw.len() <= 2 || is_structure(node.key) {
            continue;
        }
        if raw.len() > BLOB_BYTES && is_base64(flat.word(place)) {
            continue;
        }
        let kind = if matches!(node.key, b"arguments" | b"partial_json") { LeafKind::Arguments } else { LeafKind::Text };
        acts.push(Act::Whole { at: place, kind, again: again.clone() });
    }
}

/// Members that hold no text: names of things by which programs find their way, and what only the vendor can read.
pub(super) fn is_structure(key: &[u8]) -> bool {
    matches!(
        key,
        b"id"
            | b"object"
            | b"model"
            | b"type"
            | b"role"
            | b"status"
            | b"index"
            | b"format"
            | b"provider"
            | b"severity"
            | b"finish_reason"
            | b"native_finish_reason"
            | b"stop_reason"
            | b"finishReason"
            | b"system_fingerprint"
            | b"service_tier"
            | b"item_id"
            | b"call_id"
            | b"event_id"
            | b"tool_call_id"
            | b"tool_use_id"
            | b"request_id"
            | b"response_id"
            | b"previous_response_id"
            | b"responseId"
            | b"modelVersion"
            | b"mimeType"
            | b"mime_type"
            | b"media_type"
            | b"trafficType"
            | b"modality"
            | b"obfuscation"
            | b"signature"
            | b"thoughtSignature"
            | b"thought_signature"
            | b"encrypted_content"
            | b"encrypted_index"
            | b"b64_json"
            | b"partial_image_b64"
    )
}
