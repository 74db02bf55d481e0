//! The texts of one stream, those that are open, and what one event becomes when its pieces have passed the censor.
//!
//! The invariant: what an ending text still has goes into its last piece of the same event, or into an event of its own before it.
//! Never done here: framing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::act::{Act, Again, TOOL, Which, class};
use super::flat::{Flat, Kind, plain_keys};
use super::template::Template;
use super::{Censor, ScreenFault, Stopped, Strand, chat, gemini, messages, responses};
use crate::frame::sse::StreamFault;
use crate::leaf::{self, Edited, Fate, LeafKind};
use crate::limits::SCREENED_STRANDS;
use crate::tap::look::Flavor;

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

/// An event that tells what a text had left.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) event: Vec<u8>,
    pub(super) data: String,
}

/// A text that is open.
#[derive(Debug)]
struct Open {
    strand: Strand,
    template: Template,
    /// What went in and did not come out yet, as long as it comes out as it went in.
    behind: String,
    /// It came out otherwise.
    changed: bool,
}

impl Open {
    fn is_even(&self) -> bool {
        !self.changed && self.behind.is_empty()
    }

    /// Notes what came out for what went in.
    fn note(&mut self, piece: &str, out: &str) {
        if self.behind.is_empty() && piece == out || self.changed {
            return;
        }
        self.behind.push_str(piece);
        if self.behind.starts_with(out) {
            self.behind.drain(..out.len());
        } else {
            self.changed = true;
            self.behind = String::new();
        }
    }
}

/// A piece of this event that was shown.
struct Shown<'a> {
    strand: Strand,
    at: usize,
    piece: Cow<'a, str>,
    out: String,
}

/// The texts of a stream.
#[derive(Debug)]
pub(super) struct Strands {
    flavor: Flavor,
    open: Vec<Open>,
    /// Every text of which a piece was shown.
    seen: BTreeSet<Strand>,
    /// Choices and items with a text that came out otherwise than it went in.
    changed: BTreeSet<u32>,
    /// The ids of tool calls as written.
    calls: Vec<(Strand, Vec<u8>)>,
    /// What was asked has been told again.
    echoed: bool,
    /// The number of the event before.
    number: Option<u64>,
    /// By how much the numbers of events have moved.
    moved: i64,
    acts: Vec<Act>,
}

impl Strands {
    pub(super) const fn new(flavor: Flavor) -> Self {
        Self {
            flavor,
            open: Vec::new(),
            seen: BTreeSet::new(),
            changed: BTreeSet::new(),
            calls: Vec::new(),
            echoed: false,
            number: None,
            moved: 0,
            acts: Vec::new(),
        }
    }

    /// The number that the next event should have, where events are numbered.
    pub(super) fn next_number(&self) -> Option<u64> {
        self.number.map(|number| number.saturating_add(1).saturating_add_signed(self.moved))
    }

    /// Shows the texts of an event. `late` gets events that go out before it, also where it fails. `keep` where it may not be left out.
    pub(super) fn take(
        &mut self,
        event: &[u8],
        data: &[u8],
        keep: bool,
        censor: &mut dyn Censor,
        late: &mut Vec<Late>,
    ) -> Result<Becomes, ScreenFault> {
        if data.trim_ascii() == b"[DONE]" {
            self.end_all(censor, late)?;
            return Ok(Becomes::Same);
        }
        let Some(flat) = Flat::read(data) else { return unread(data, censor) };
        if flat.odd_keys {
            let plain = plain_keys(&flat);
            // Keys were all that changed.
            let Some(flat) = Flat::read(&plain) else { return unread(data, censor) };
            return self.event(event, &flat, keep, censor, late);
        }
        self.event(event, &flat, keep, censor, late)
    }

    /// Ends every text that is open.
    pub(super) fn end_all(&mut self, censor: &mut dyn Censor, late: &mut Vec<Late>) -> Result<(), ScreenFault> {
        self.end(&Which::All, None, &mut Vec::new(), &mut Vec::new(), censor, late)
    }

    fn event(
        &mut self,
        event: &[u8],
        flat: &Flat<'_>,
        keep: bool,
        censor: &mut dyn Censor,
        late: &mut Vec<Late>,
    ) -> Result<Becomes, ScreenFault> {
        let mut acts = std::mem::take(&mut self.acts);
        acts.clear();
        let flavor = match self.flavor {
            Flavor::Other | Flavor::Converse if flat.child(0, b"choices").is_some() => Flavor::Chat,
            Flavor::Other | Flavor::Converse => Flavor::Responses,
            flavor => flavor,
        };
        match flavor {
            Flavor::Chat => chat::read(flat, &mut acts),
            Flavor::Messages => messages::read(flat, event, &mut acts),
            Flavor::Gemini => gemini::read(flat, &mut acts),
            Flavor::Responses | Flavor::Other | Flavor::Converse => responses::read(flat, event, &mut self.echoed, &mut acts),
        }
        let template = |at: usize, strand: &Strand| match flavor {
            Flavor::Chat => chat::template(flat, at, strand),
            Flavor::Messages => messages::template(flat, at, event, strand),
            Flavor::Gemini => gemini::template(flat, strand),
            Flavor::Responses | Flavor::Other | Flavor::Converse => responses::template(flat, event),
        };
        let number = match flavor {
            Flavor::Responses => flat.child(0, b"sequence_number").and_then(|at| Some((at, flat.number(at)?))),
            _ => None,
        };
        let mut shown = Vec::new();
        let mut touched = Vec::new();
        let mut edits: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
        for act in &acts {
            self.act(act, flat, &template, number, (&mut shown, &mut touched, &mut edits), censor, late)?;
        }
        let whole = !edits.is_empty();
        for act in &acts {
            self.tokens(act, flat, &touched, &mut edits, censor)?;
        }
        self.acts = acts;
        let altered = shown.iter().any(|shown| shown.piece != shown.out);
        if let Some((_, number)) = number {
            self.number = Some(number);
        }
        if altered && !whole && !keep && shown.iter().all(|shown| shown.out.is_empty()) && is_bare(flavor, event, flat, &shown) {
            if number.is_some() {
                self.moved -= 1;
            }
            return Ok(Becomes::Gone);
        }
        for shown in shown.iter().filter(|shown| shown.piece != shown.out) {
            edits.push((span(flat, shown.at), crate::json::quote(&shown.out).into_bytes()));
        }
        if let Some((at, number)) = number.filter(|_| self.moved != 0) {
            edits.push((span(flat, at), number.saturating_add_signed(self.moved).to_string().into_bytes()));
        }
        Ok(apply(flat.data, edits))
    }

    #[expect(clippy::too_many_arguments, reason = "one step sees all of an event")]
    fn act<'a>(
        &mut self,
        act: &Act,
        flat: &Flat<'a>,
        template: &dyn Fn(usize, &Strand) -> Template,
        number: Option<(usize, u64)>,
        (shown, touched, edits): (&mut Vec<Shown<'a>>, &mut Vec<u32>, &mut Vec<(Range<usize>, Vec<u8>)>),
        censor: &mut dyn Censor,
        late: &mut Vec<Late>,
    ) -> Result<(), ScreenFault> {
        match act {
            Act::Piece { at, strand } => self.piece(*at, strand, flat, template, shown, touched, censor),
            Act::End(which) => self.end(which, number, shown, touched, censor, late),
            Act::Call { at, strand } => {
                let id = flat.raw(*at);
                let known = self.calls.len();
                match self.calls.iter_mut().find(|(known, _)| known == strand) {
                    Some((_, known)) if known == id => {}
                    Some((_, known)) => {
                        *known = id.to_vec();
                        self.end(&Which::One(strand.clone()), number, shown, touched, censor, late)?;
                    }
                    None if known >= 2 * SCREENED_STRANDS => return Err(ScreenFault::Stream(StreamFault::NotProtocol)),
                    None => self.calls.push((strand.clone(), id.to_vec())),
                }
                Ok(())
            }
            Act::Whole { at, kind, again } => {
                let (again, of) = match again {
                    Again::No => (false, None),
                    Again::Yes => (true, None),
                    Again::Of(strand) => (self.saw(strand)?, Some(strand.index)),
                };
                let text = flat.text(*at);
                if let Some(new) = censor.whole(&text, *kind, again)?.filter(|new| *new != text) {
                    edits.push((span(flat, *at), crate::json::quote(&new).into_bytes()));
                    if let Some(index) = of {
                        self.changed.insert(index);
                    }
                }
                Ok(())
            }
            Act::Document { at } => {
                if let Some(new) = document(flat.raw(*at), censor)? {
                    edits.push((span(flat, *at), new));
                }
                Ok(())
            }
            // They come last.
            Act::Tokens { .. } => Ok(()),
        }
    }

    /// Whether a strand was seen before; it is from now on.
    fn saw(&mut self, strand: &Strand) -> Result<bool, ScreenFault> {
        if self.seen.contains(strand) {
            return Ok(true);
        }
        if self.seen.len() >= SCREENED_STRANDS {
            return Err(ScreenFault::Stream(StreamFault::NotProtocol));
        }
        self.seen.insert(strand.clone());
        Ok(false)
    }

    #[expect(clippy::too_many_arguments, reason = "one step sees all of an event")]
    fn piece<'a>(
        &mut self,
        at: usize,
        strand: &Strand,
        flat: &Flat<'a>,
        template: &dyn Fn(usize, &Strand) -> Template,
        shown: &mut Vec<Shown<'a>>,
        touched: &mut Vec<u32>,
        censor: &mut dyn Censor,
    ) -> Result<(), ScreenFault> {
        let piece = flat.text(at);
        let mut out = String::new();
        if !piece.is_empty() {
            if !self.open.iter().any(|open| open.strand == *strand) {
                self.saw(strand)?;
                if self.open.len() >= SCREENED_STRANDS {
                    return Err(ScreenFault::Stream(StreamFault::NotProtocol));
                }
                let template = template(at, strand);
                self.open.push(Open { strand: strand.clone(), template, behind: String::new(), changed: false });
            }
            censor.piece(strand, &piece, &mut out)?;
            if let Some(open) = self.open.iter_mut().find(|open| open.strand == *strand) {
                let before = open.is_even();
                open.note(&piece, &out);
                if !before || !open.is_even() {
                    touched.push(strand.index);
                }
                if open.changed {
                    self.changed.insert(strand.index);
                }
            }
        }
        shown.push(Shown { strand: strand.clone(), at, piece, out });
        Ok(())
    }

    fn end(
        &mut self,
        which: &Which,
        number: Option<(usize, u64)>,
        shown: &mut Vec<Shown<'_>>,
        touched: &mut Vec<u32>,
        censor: &mut dyn Censor,
        late: &mut Vec<Late>,
    ) -> Result<(), ScreenFault> {
        let mut at = 0;
        while let Some(open) = self.open.get(at) {
            if !ends(which, &open.strand) {
                at += 1;
                continue;
            }
            let mut open = self.open.remove(at);
            let mut tail = String::new();
            censor.end(&open.strand, &mut tail)?;
            if !open.is_even() || !tail.is_empty() {
                touched.push(open.strand.index);
            }
            open.note("", &tail);
            if !open.is_even() {
                self.changed.insert(open.strand.index);
            }
            if tail.is_empty() {
                continue;
            }
            if let Some(last) = shown.iter_mut().rev().find(|shown| shown.strand == open.strand) {
                last.out.push_str(&tail);
                continue;
            }
            let base = number.map_or_else(|| self.number.map_or(0, |number| number.saturating_add(1)), |(_, number)| number);
            let data = open.template.data(&tail, base.saturating_add_signed(self.moved));
            if open.template.is_numbered() {
                self.moved += 1;
            }
            late.push(Late { event: open.template.event().to_vec(), data });
        }
        Ok(())
    }

    /// Takes out what repeats the tokens of a text, where the text is not what it was.
    fn tokens(
        &self,
        act: &Act,
        flat: &Flat<'_>,
        touched: &[u32],
        edits: &mut Vec<(Range<usize>, Vec<u8>)>,
        censor: &mut dyn Censor,
    ) -> Result<(), ScreenFault> {
        let Act::Tokens { at, index, whole, gone } = act else { return Ok(()) };
        if flat.raw(*at).len() <= 2 {
            return Ok(());
        }
        let behind = || self.open.iter().any(|open| open.strand.index == *index && !open.is_even());
        // What waited has come out by the time that a text is told whole.
        let mut differ = self.changed.contains(index) || !whole && (touched.contains(index) || behind());
        let inner = flat.nodes.get(*at).map_or(*at, |node| node.next);
        for (place, node) in flat.nodes.iter().enumerate().take(inner).skip(*at) {
            if !differ && matches!(node.kind, Kind::Text { .. }) {
                let text = flat.text(place);
                differ = censor.whole(&text, LeafKind::Text, true)?.is_some_and(|new| new != text);
            }
        }
        if differ {
            edits.push((span(flat, *at), gone.as_bytes().to_vec()));
        }
        Ok(())
    }
}

impl From<Stopped> for ScreenFault {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

fn ends(which: &Which, strand: &Strand) -> bool {
    match which {
        Which::All => true,
        Which::Index(index) => strand.index == *index,
        Which::One(one) => strand == one,
        Which::But(index, classes) => strand.index == *index && class(strand) != TOOL && class(strand) & classes == 0,
    }
}

fn span(flat: &Flat<'_>, at: usize) -> Range<usize> {
    flat.nodes.get(at).map_or(0..0, |node| node.span.clone())
}

/// Data that no reader understands: all of it is one text.
fn unread(data: &[u8], censor: &mut dyn Censor) -> Result<Becomes, ScreenFault> {
    let text = String::from_utf8_lossy(data);
    if text.trim().is_empty() {
        return Ok(Becomes::Same);
    }
    let new = censor.whole(&text, LeafKind::Text, false)?;
    Ok(new.filter(|new| *new != text).map_or(Becomes::Same, |new| Becomes::Data(new.replace('\r', "\n").into_bytes())))
}

/// A document within an event: what a tool is given.
fn document(raw: &[u8], censor: &mut dyn Censor) -> Result<Option<Vec<u8>>, ScreenFault> {
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
fn is_bare(flavor: Flavor, event: &[u8], flat: &Flat<'_>, shown: &[Shown<'_>]) -> bool {
    let kind = || messages::kind(flat, event);
    let of_deltas = match flavor {
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
                (b"role", _) => flavor == Flavor::Gemini,
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
fn apply(data: &[u8], mut edits: Vec<(Range<usize>, Vec<u8>)>) -> Becomes {
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
