//! The texts of one stream, those that are open, and what one event becomes when its pieces have passed the censor.
//!
//! The invariant: what an ending text still has goes into its last piece of the same event, or into an event of its own before it.
//! Never done here: framing.

use std::collections::BTreeSet;

use super::act::{Act, Again, TOOL, Which, class};
use super::event::{Becomes, Done, Shown, Source, apply, document, is_bare, span, unread};
use super::flat::{Flat, Kind, plain_keys};
use super::template::Template;
use super::{Censor, ScreenFault, Stopped, Strand, chat, gemini, messages, responses};
use crate::frame::sse::StreamFault;
use crate::leaf::LeafKind;
use crate::limits::SCREENED_STRANDS;
use crate::tap::look::Flavor;

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
        self.end(&Which::All, &mut Done::default(), censor, late)
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
        let source = Source { flavor, event, flat };
        let number = source.number();
        let mut done = Done { number: number.map(|(_, number)| number), ..Done::default() };
        for act in &acts {
            self.act(act, &source, &mut done, censor, late)?;
        }
        let whole = !done.edits.is_empty();
        for act in &acts {
            self.tokens(act, flat, &mut done, censor)?;
        }
        self.acts = acts;
        self.number = done.number.or(self.number);
        let Done { shown, mut edits, .. } = done;
        let altered = shown.iter().any(|shown| shown.piece != shown.out);
        if altered && !whole && !keep && shown.iter().all(|shown| shown.out.is_empty()) && is_bare(&source, &shown) {
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

    fn act<'a>(
        &mut self,
        act: &Act,
        source: &Source<'_, 'a>,
        done: &mut Done<'a>,
        censor: &mut dyn Censor,
        late: &mut Vec<Late>,
    ) -> Result<(), ScreenFault> {
        let flat = source.flat;
        match act {
            Act::Piece { at, strand } => return self.piece(*at, strand, source, done, censor),
            Act::End(which) => return self.end(which, done, censor, late),
            Act::Call { at, strand } => {
                let id = flat.raw(*at);
                let known = self.calls.len();
                match self.calls.iter_mut().find(|(known, _)| known == strand) {
                    Some((_, known)) if known == id => {}
                    Some((_, known)) => {
                        *known = id.to_vec();
                        self.end(&Which::One(strand.clone()), done, censor, late)?;
                    }
                    None if known >= 2 * SCREENED_STRANDS => return Err(ScreenFault::Stream(StreamFault::NotProtocol)),
                    None => self.calls.push((strand.clone(), id.to_vec())),
                }
            }
            Act::Whole { at, kind, again } => {
                let (again, of) = match again {
                    Again::No => (false, None),
                    Again::Yes => (true, None),
                    Again::Of(strand) => (self.saw(strand)?, Some(strand.index)),
                };
                let text = flat.text(*at);
                if let Some(new) = censor.whole(&text, *kind, again)?.filter(|new| *new != text) {
                    done.edits.push((span(flat, *at), crate::json::quote(&new).into_bytes()));
                    self.changed.extend(of);
                }
            }
            Act::Document { at } => {
                if let Some(new) = document(flat.raw(*at), censor)? {
                    done.edits.push((span(flat, *at), new));
                }
            }
            // They come last.
            Act::Tokens { .. } => {}
        }
        Ok(())
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

    fn piece<'a>(
        &mut self,
        at: usize,
        strand: &Strand,
        source: &Source<'_, 'a>,
        done: &mut Done<'a>,
        censor: &mut dyn Censor,
    ) -> Result<(), ScreenFault> {
        let piece = source.flat.text(at);
        let mut out = String::new();
        if !piece.is_empty() {
            if !self.open.iter().any(|open| open.strand == *strand) {
                self.saw(strand)?;
                if self.open.len() >= SCREENED_STRANDS {
                    return Err(ScreenFault::Stream(StreamFault::NotProtocol));
                }
                let template = source.template(at, strand);
                self.open.push(Open { strand: strand.clone(), template, behind: String::new(), changed: false });
            }
            censor.piece(strand, &piece, &mut out)?;
            if let Some(open) = self.open.iter_mut().find(|open| open.strand == *strand) {
                let before = open.is_even();
                open.note(&piece, &out);
                if !before || !open.is_even() {
                    done.touched.push(strand.index);
                }
                if open.changed {
                    self.changed.insert(strand.index);
                }
            }
        }
        done.shown.push(Shown { strand: strand.clone(), at, piece, out });
        Ok(())
    }

    fn end(&mut self, which: &Which, done: &mut Done<'_>, censor: &mut dyn Censor, late: &mut Vec<Late>) -> Result<(), ScreenFault> {
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
                done.touched.push(open.strand.index);
            }
            open.note("", &tail);
            if !open.is_even() {
                self.changed.insert(open.strand.index);
            }
            if tail.is_empty() {
                continue;
            }
            if let Some(last) = done.shown.iter_mut().rev().find(|shown| shown.strand == open.strand) {
                last.out.push_str(&tail);
                continue;
            }
            let base = done.number.unwrap_or_else(|| self.number.map_or(0, |number| number.saturating_add(1)));
            let data = open.template.data(&tail, base.saturating_add_signed(self.moved));
            if open.template.is_numbered() {
                self.moved += 1;
            }
            late.push(Late { event: open.template.event().to_vec(), data });
        }
        Ok(())
    }

    /// Takes out what repeats the tokens of a text, where the text is not what it was.
    fn tokens(&self, act: &Act, flat: &Flat<'_>, done: &mut Done<'_>, censor: &mut dyn Censor) -> Result<(), ScreenFault> {
        let Act::Tokens { at, index, whole, gone } = act else { return Ok(()) };
        if flat.raw(*at).len() <= 2 {
            return Ok(());
        }
        let behind = || self.open.iter().any(|open| open.strand.index == *index && !open.is_even());
        // What waited has come out by the time that a text is told whole.
        let mut differ = self.changed.contains(index) || !whole && (done.touched.contains(index) || behind());
        let inner = flat.nodes.get(*at).map_or(*at, |node| node.next);
        for (place, node) in flat.nodes.iter().enumerate().take(inner).skip(*at) {
            if !differ && matches!(node.kind, Kind::Text { .. }) {
                let text = flat.text(place);
                differ = censor.whole(&text, LeafKind::Text, true)?.is_some_and(|new| new != text);
            }
        }
        if differ {
            done.edits.push((span(flat, *at), gone.as_bytes().to_vec()));
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
