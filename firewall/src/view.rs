//! A text as rules see it: evened out, with the way back to the bytes that were sent.
//!
//! Full-width letters and digits and digits of other scripts become ASCII, what has no width is left out, escapes are read. It is
//! read from left to right, and what a place becomes depends on a bounded stretch before it.

mod digits;
mod escape;

/// What a text is, for the places where a change must keep it readable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Text for people.
    #[default]
    Plain,
    /// A JSON document in a string, as the arguments of tool calls are: it must stay one.
    Json,
}

/// What has no width and is left out, in a row; more of them are no decoration but a text of their own.
const DROPPED_IN_A_ROW: usize = 4;

/// Bytes that are passed over at once where all of them stay as they are.
const STRIDE: usize = 32;

/// A text evened out.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) text: String,
    parts: Vec<Part>,
    /// Where an escape begins that the end of the text cuts off; else the end.
    pub(crate) cut: usize,
    /// It is another text than the original.
    pub(crate) changed: bool,
}

/// A stretch of the view and the stretch of the original that it comes from.
#[derive(Clone, Copy, Debug)]
struct Part {
    at: usize,
    bytes: usize,
    raw: usize,
    raw_bytes: usize,
    /// It is one element, which is never divided.
    whole: bool,
    /// A window of the text may begin at it: reading on from there makes the same view.
    fresh: bool,
}

/// What an element of the text becomes.
pub(super) enum Even {
    As(char),
    Same,
    Dropped,
}

impl View {
    /// The evened out form of `text`, if it is another. `last`: nothing follows.
    pub(crate) fn of(text: &str, form: Form, last: bool) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut at = next_special(bytes, 0)?;
        let mut view = Self { cut: text.len(), ..Self::default() };
        let (mut same_from, mut dropped) = (0, 0);
        while at < bytes.len() {
            let Some((raw_bytes, even)) = element(text, at, form, last) else {
                view.cut = at;
                break;
            };
            match even {
                Even::Dropped if dropped < DROPPED_IN_A_ROW => {
                    view.keep(text, same_from, at);
                    dropped += 1;
                    view.changed = true;
                    same_from = at + raw_bytes;
                }
                Even::As(c) => {
                    view.keep(text, same_from, at);
                    let from = view.text.len();
                    view.text.push(c);
                    view.parts.push(Part { at: from, bytes: view.text.len() - from, raw: at, raw_bytes, whole: true, fresh: true });
                    view.changed = true;
                    dropped = 0;
                    same_from = at + raw_bytes;
                }
                Even::Dropped => {
                    view.keep(text, same_from, at);
                    view.keep(text, at, at + raw_bytes);
                    view.undivided(false);
                    dropped = 0;
                    same_from = at + raw_bytes;
                }
                Even::Same if bytes.get(at) == Some(&b'\\') => {
                    view.keep(text, same_from, at);
                    view.keep(text, at, at + raw_bytes);
                    view.undivided(true);
                    dropped = 0;
                    same_from = at + raw_bytes;
                }
                Even::Same => dropped = 0,
            }
            at += raw_bytes;
            let next = next_special(bytes, at).unwrap_or(bytes.len());
            if next > at {
                dropped = 0;
            }
            at = next;
        }
        view.keep(text, same_from, view.cut);
        (!view.parts.is_empty() || view.changed || view.cut < text.len()).then_some(view)
    }

    fn undivided(&mut self, fresh: bool) {
        if let Some(part) = self.parts.last_mut() {
            (part.whole, part.fresh) = (true, fresh);
        }
    }

    /// A place of the original at most this many bytes of the view, or little more, before `raw`, at which a window may begin.
    pub(crate) fn beginning(&self, raw: usize, bytes: usize) -> usize {
        let at = self.forth(raw).saturating_sub(bytes);
        let behind = self.parts.partition_point(|part| part.at <= at);
        for part in self.parts.iter().take(behind).rev() {
            if !part.whole {
                return part.raw + (at.saturating_sub(part.at)).min(part.raw_bytes.saturating_sub(1));
            }
            if part.fresh {
                return part.raw;
            }
        }
        0
    }

    fn keep(&mut self, text: &str, from: usize, to: usize) {
        if from < to {
            let at = self.text.len();
            self.text.push_str(text.get(from..to).unwrap_or_default());
            self.parts.push(Part { at, bytes: to - from, raw: from, raw_bytes: to - from, whole: false, fresh: true });
        }
    }

    /// Where in the original a stretch of the view lies.
    pub(crate) fn back(&self, start: usize, end: usize) -> (usize, usize) {
        let first = self.place(start);
        let to = match end.checked_sub(1).and_then(|byte| self.part(byte).map(|part| (byte, part))) {
            Some((byte, part)) if !part.whole => part.raw + (byte - part.at) + 1,
            Some((_, part)) => part.raw + part.raw_bytes,
            None => first,
        };
        (first, to.max(first))
    }

    /// Where in the original a byte of the view comes from.
    pub(crate) fn place(&self, at: usize) -> usize {
        match self.part(at) {
            Some(part) if at >= part.at + part.bytes => self.cut.max(part.raw + part.raw_bytes),
            Some(part) if !part.whole => part.raw + (at - part.at),
            Some(part) => part.raw,
            None => self.cut,
        }
    }

    /// The first byte of the view that comes from this place of the original or from behind it.
    pub(crate) fn forth(&self, raw: usize) -> usize {
        let after = self.parts.partition_point(|part| part.raw + part.raw_bytes <= raw);
        match self.parts.get(after) {
            Some(part) if raw <= part.raw => part.at,
            Some(part) if !part.whole => part.at + (raw - part.raw),
            Some(part) => part.at + part.bytes,
            None => self.text.len(),
        }
    }

    /// The beginning of the element of the original that this place is in.
    pub(crate) fn boundary(&self, raw: usize) -> usize {
        let raw = raw.min(self.cut);
        let after = self.parts.partition_point(|part| part.raw + part.raw_bytes <= raw);
        match self.parts.get(after) {
            Some(part) if part.raw < raw && part.whole => part.raw,
            _ => raw,
        }
    }

    fn part(&self, at: usize) -> Option<&Part> {
        let after = self.parts.partition_point(|part| part.at <= at);
        after.checked_sub(1).and_then(|index| self.parts.get(index))
    }
}

/// The next byte that may begin an element that becomes another.
fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let plain = |chunk: &&[u8]| !chunk.iter().fold(false, |any, &byte| any | (byte == b'\\') | (byte == 0x1B) | (byte >= 0xC2));
    let from = from + rest.chunks_exact(STRIDE).take_while(plain).count() * STRIDE;
    let rest = bytes.get(from..)?;
    rest.iter().position(|&byte| matches!(byte, b'\\' | 0x1B) || byte >= 0xC2 && digits::may_change(byte)).map(|at| from + at)
}

/// How long the element at `at` is and what it becomes; nothing where the end cuts it off.
fn element(text: &str, at: usize, form: Form, last: bool) -> Option<(usize, Even)> {
    if text.as_bytes().get(at) == Some(&b'\\') {
        return escape::read(text.as_bytes().get(at..).unwrap_or_default(), form, last);
    }
    if text.as_bytes().get(at) == Some(&0x1B) {
        return escape::color(text.as_bytes().get(at..).unwrap_or_default(), 1, last);
    }
    let c = text.get(at..).and_then(|rest| rest.chars().next())?;
    Some((c.len_utf8(), digits::even(c)))
}
