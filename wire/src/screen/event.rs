//! One event on its way past the censor: what is in it, what was shown of it, and what it becomes.
//!
//! Never known here: which texts are open.

use std::borrow::Cow;
use std::ops::Range;

use super::flat::{Flat, Kind};
use super::template::Template;
use super::{Censor, ScreenFault, Stopped, Strand, chat, gemini, messages, responses};
use crate::frame::sse::StreamFault;
use crate::leaf::{self, Edited, Fate, LeafKind};
use crate::tap::look::Flavor;

/// A place of the data and what it becomes.
pub(super) type Edit = (Range<usize>, Vec<u8>);

/// What an event becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Becomes {
    /// It goes out with the bytes it came in.
    Same,
    /// It has nothing left to say.
    Gone,
    /// Its data is this.
    Data(Vec<u8>),
}

/// An event as it came.
pub(super) struct Source<'f, 'a> {
    pub(super) flavor: Flavor,
    /// The name of the event, where it has one.
    pub(super) event: &'f [u8],
    pub(super) flat: &'f Flat<'a>,
}

impl Source<'_, '_> {
    /// An event like this one with a place for more of a strand of which it holds a piece.
    pub(super) fn template(&self, at: usize, strand: &Strand) -> Template {
        match self.flavor {
            Flavor::Chat => chat::template(self.flat, at, strand),
            Flavor::Messages => messages::template(self.flat, at, self.event, strand),
            Flavor::Gemini => gemini::template(self.flat, strand),
            Flavor::Responses | Flavor::Other | Flavor::Converse => responses::template(self.flat, self.event),
        }
    }

    /// Where the event's number stands, and what it is.
    pub(super) fn number(&self) -> Option<(usize, u64)> {
        if self.flavor != Flavor::Responses {
            return None;
        }
        let at = self.flat.child(0, b"sequence_number")?;
        Some((at, self.flat.number(at)?))
    }
}

/// What was shown of an event and came of it.
#[derive(Default)]
pub(super) struct Done<'a> {
    /// Its number.
    pub(super) number: Option<u64>,
    pub(super) shown: Vec<Shown<'a>>,
    /// Choices and items of which something waits, or is not what it was.
    pub(super) touched: Vec<u32>,
    /// Texts that stand whole, changed.
    pub(super) edits: Vec<Edit>,
}

/// A piece of this event that was shown.
pub(super) struct Shown<'a> {
    pub(super) strand: Strand,
    pub(super) at: usize,
    pub(super) piece: Cow<'a, str>,
    pub(super) out: String,
}

/// Where a value stands.
pub(super) fn span(flat: &Flat<'_>, at: usize) -> Range<usize> {
    flat.nodes.get(at).map_or(0..0, |node| node.span.clone())
}

/// Data that no reader understands: all of it is one text.
pub(super) fn unread(data: &[u8], censor: &mut dyn Censor) -> Result<Becomes, ScreenFault> {
    let text = String::from_utf8_lossy(data);
    if text.trim().is_empty() {
        return Ok(Becomes::Same);
    }
    let new = censor.whole(&text, LeafKind::Text, false)?;
    Ok(new.filter(|new| *new != text).map_or(Becomes::Same, |new| Becomes::Data(new.replace('\r', "\n").into_bytes())))
}

/// A document within an event: what a tool is given.
pub(super) fn document(raw: &[u8], censor: &mut dyn Censor) -> Result<Option<Vec<u8>>, ScreenFault> {
    if raw.len() <= 2 {
        return Ok(None);
    }
    let edited = leaf::json(raw, &mut |leaf| match censor.whole(leaf.text, leaf.kind, false) {
        Ok(Some(new)) => Fate::Replace(new),
        Ok(None) => Fate::Keep,
        Err(Stopped) => Fate::Stop,
    });
    match edited {
        Ok(Edited::Same) => Ok(None),
        Ok(Edited::Changed(new)) => Ok(Some(new.to_vec())),
        Ok(Edited::Stopped) => Err(ScreenFault::Stopped),
        // It was read once already; what is not shown may not pass.
        Err(_) => Err(ScreenFault::Stream(StreamFault::NotProtocol)),
    }
}

/// Whether an event says nothing but its pieces.
pub(super) fn is_bare(source: &Source<'_, '_>, shown: &[Shown<'_>]) -> bool {
    let flat = source.flat;
    let kind = || messages::kind(flat, source.event);
    let of_deltas = match source.flavor {
        Flavor::Messages => kind() == b"content_block_delta",
        Flavor::Responses => kind().ends_with(b".delta"),
        _ => true,
    };
    if !of_deltas {
        return false;
    }
    for (at, node) in flat.children(0) {
        if !matches!(node.kind, Kind::Object | Kind::Array) {
            if node.key == b"error" && flat.raw(at) != b"null" {
                return false;
            }
            continue;
        }
        let mut place = at;
        while let Some(inner) = flat.nodes.get(place).filter(|_| place < node.next) {
            let light = match (inner.key, inner.kind) {
                (b"logprobs", _) => {
                    place = inner.next;
                    continue;
                }
                (_, Kind::Object | Kind::Array) | (b"index" | b"type" | b"thought", _) => true,
                (b"role", _) => source.flavor == Flavor::Gemini,
                (_, Kind::Text { .. }) => flat.raw(place).len() <= 2 || shown.iter().any(|shown| shown.at == place),
                (_, Kind::Word) => flat.raw(place) != b"true",
                (_, Kind::Number) => false,
            };
            if !light {
                return false;
            }
            place += 1;
        }
    }
    true
}

/// The data with its edits. Two edits of one place cannot be told apart: then nothing of it goes on.
pub(super) fn apply(data: &[u8], mut edits: Vec<Edit>) -> Becomes {
    if edits.is_empty() {
        return Becomes::Same;
    }
    edits.sort_by_key(|(span, _)| span.start);
    let mut out = Vec::with_capacity(data.len() + 64);
    let mut from = 0;
    for (span, with) in &edits {
        let Some(kept) = data.get(from..span.start) else { return Becomes::Gone };
        out.extend_from_slice(kept);
        out.extend_from_slice(with);
        from = span.end;
    }
    out.extend_from_slice(data.get(from..).unwrap_or_default());
    Becomes::Data(out)
}
