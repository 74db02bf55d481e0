//! A text on its way through a plan: what was found in it is put together, and what may go on goes on.
//!
//! Whole texts and streams take the same way, a whole text in one step. Nothing here depends on where a stream is cut: what is done
//! about a stretch is decided by places in the text alone.

use fluxa_domain::firewall::Action;

use crate::call::{Blocked, CallFirewall};
use crate::document::{self, Segment, Within};
use crate::limits::{BEFORE_BYTES, MATCH_BYTES, NAMED_BYTES};
use crate::mask;
use crate::plan::{Plan, Step};
use crate::rule::Tail;
use crate::ruleset::{Found, Part};
use crate::scan::{Frontier, Marks, tail};
use crate::view::{Form, View};

/// Bytes of released text that are collected before they are let go of.
const SLACK_BYTES: usize = 768;

/// What is kept of the text before what is not known yet: as far as a match may begin before its anchor, and what is seen before it.
const CONTEXT_BYTES: usize = MATCH_BYTES + BEFORE_BYTES + 4;

/// A text on its way.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    form: Form,
    /// Stand-ins may be made: the text is one of the request.
    reversible: bool,
    /// What is at hand: the end of what went on, and what has not.
    window: String,
    /// What went on, or was swallowed.
    done: usize,
    known: Frontier,
    /// Where in a document the window begins.
    within: Within,
    cluster: Option<Cluster>,
    /// The stretches that the cluster may be named for.
    candidates: Vec<Piece>,
    /// Stretches that were found and are not reached yet.
    waiting: Vec<Piece>,
    tails: Vec<OpenTail>,
    /// Rules whose last finding may overlap the next, and where its head ends: both are counted as one.
    counted: Vec<(usize, usize)>,
    /// Where the first finding begins for which the text is refused.
    block: Option<usize>,
}

/// A stretch that is to be masked.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: usize,
    end: usize,
    rule: usize,
    step: Step,
    /// It takes the place of a number: it becomes a string.
    quoted: bool,
}

/// Stretches that overlap.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    start: usize,
    end: usize,
    /// It has its mask.
    masked: bool,
}

/// A tail that goes on behind what is at hand.
#[derive(Clone, Copy, Debug)]
struct OpenTail {
    /// Of which rule's finding, which begins where.
    of: (usize, usize),
    tail: Tail,
    viewed: bool,
    /// Where its head ends.
    head_end: usize,
    /// How far it was followed.
    at: usize,
}

impl Flow {
    pub(crate) fn new(form: Form, reversible: bool) -> Self {
        Self { form, reversible, ..Self::default() }
    }

    /// Bytes that have come and not gone on.
    pub(crate) fn held_bytes(&self) -> usize {
        self.window.len() - self.done
    }

    /// Takes a piece, and lets go on what may.
    pub(crate) fn push(&mut self, call: &mut CallFirewall, plan: &Plan, piece: &str, last: bool, out: &mut String) -> Result<(), Blocked> {
        self.window.push_str(piece);
        let ruleset = call.ruleset();
        let part = Part { text: &self.window, form: self.form, known: self.known, last };
        let heads = if last { &[] } else { plan.heads(&ruleset) };
        let mut found = Vec::new();
        let (frontier, view) = ruleset.scan(part, heads, &|rule| plan.stance(rule), &mut found);
        let settled = self.settle(call, plan, found, (frontier, view.as_ref()), last, out);
        if !last {
            self.let_go(view.as_ref());
        }
        settled
    }

    /// A whole text in which this was found.
    pub(crate) fn whole(
        &mut self,
        call: &mut CallFirewall,
        plan: &Plan,
        text: &str,
        found: Vec<Found>,
        out: &mut String,
    ) -> Result<(), Blocked> {
        self.window.push_str(text);
        let end = text.len();
        self.settle(call, plan, found, (Frontier { hold: end, count: end }, None), true, out)
    }

    fn settle(
        &mut self,
        call: &mut CallFirewall,
        plan: &Plan,
        found: Vec<Found>,
        (mut frontier, view): (Frontier, Option<&View>),
        last: bool,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let mut segments = Vec::new();
        if self.form == Form::Json {
            let quiet = found.is_empty() && self.tails.is_empty();
            document::segments(self.window.as_bytes(), self.within, |segment| {
                if !quiet || segment.open || !segment.string {
                    segments.push(segment);
                }
            });
            if !last && let Some(open) = segments.last().filter(|segment| segment.open && !segment.string && !segment.endless()) {
                frontier.hold = frontier.hold.min(open.start);
                for one in found.iter().filter(|one| one.end > open.start) {
                    frontier.hold = frontier.hold.min(one.key);
                }
            }
            if let Some(inside) = segments
                .iter()
                .find(|segment| !segment.string && !segment.endless() && segment.start < frontier.hold && frontier.hold < segment.end)
            {
                frontier.hold = inside.start;
            }
        }
        // What is known does not become unknown again.
        frontier.hold = frontier.hold.max(self.known.hold);
        frontier.count = frontier.count.max(self.known.count);
        self.follow(&segments, view, last);
        for one in found {
            let step = plan.step(one.rule);
            let enforces = step.effect().enforces();
            let (since, until) = if enforces { (self.known.hold, frontier.hold) } else { (self.known.count, frontier.count) };
            if one.key < since || one.key >= until && !last {
                continue;
            }
            if step.effect() == Action::Block {
                self.block = Some(self.block.map_or(one.start, |at| at.min(one.start)));
            }
            if self.is_another(&one) {
                call.count(one.rule, step);
            }
            if enforces {
                self.add(call, one, step, &segments);
                if one.open && !one.viewed && view.is_none_or(|view| !view.changed && view.cut == self.window.len()) {
                    // What follows may be evened out.
                    self.add(call, Found { viewed: true, ..one }, step, &segments);
                }
            }
        }
        self.known = frontier;
        // What stands before it is let go on as far as it is known.
        let block = self.block.filter(|at| last || *at < frontier.hold);
        let until = block.unwrap_or(frontier.hold);
        self.waiting.sort_by_key(|piece| (piece.start, piece.end, piece.rule));
        let ready = self.waiting.partition_point(|piece| piece.start < until);
        let pieces: Vec<Piece> = self.waiting.drain(..ready).collect();
        for piece in pieces {
            self.join(call, piece, out);
        }
        if block.is_some() {
            if self.cluster.is_none() {
                self.release(until, out);
            }
            return Err(Blocked);
        }
        if let Some(cluster) = self.cluster {
            let named = cluster.start + NAMED_BYTES;
            let open = self.tails.iter().any(|tail| tail.of.1 < until);
            if !cluster.masked && (last || until >= named || !open && until >= cluster.end) {
                self.name(call, out);
            }
            if last || !open && until >= cluster.end {
                self.done = cluster.end;
                self.cluster = None;
            } else if self.cluster.is_some_and(|cluster| cluster.masked) {
                self.done = self.done.max(until.min(cluster.end));
            }
        }
        if self.cluster.is_none() {
            self.release(until, out);
        }
        Ok(())
    }

    /// Whether a finding overlaps none of its rule's that was counted: in the text and in its evened out form it is one.
    fn is_another(&mut self, found: &Found) -> bool {
        let end = found.head_end.max(found.start + 1);
        match self.counted.iter_mut().find(|(rule, _)| *rule == found.rule) {
            Some((_, counted)) => {
                let another = found.start >= *counted;
                *counted = end.max(*counted);
                another
            }
            None => {
                self.counted.push((found.rule, end));
                true
            }
        }
    }

    /// Goes on with the tails that were open.
    fn follow(&mut self, segments: &[Segment], view: Option<&View>, last: bool) {
        let (form, window) = (self.form, &self.window);
        let (candidates, waiting, cluster) = (&mut self.candidates, &mut self.waiting, &mut self.cluster);
        self.tails.retain_mut(|open| {
            let (end, goes_on) = match view.filter(|_| open.viewed) {
                Some(view) => {
                    let at = view.forth(open.at);
                    let (end, goes_on) = goes_on(open, &view.text, at, view.forth(open.head_end), last);
                    (if end > at { view.back(end - 1, end).1 } else { open.at }, goes_on)
                }
                None => goes_on(open, window, open.at, open.head_end, last),
            };
            let (mut end, mut goes_on) = (end.max(open.at), goes_on);
            if form == Form::Json
                && let Some(segment) = segments.iter().find(|segment| segment.end >= open.at)
            {
                end = end.min(segment.end);
                goes_on &= segment.open;
            }
            open.at = end;
            if let Some(cluster) = cluster.as_mut().filter(|cluster| (cluster.start..cluster.end).contains(&open.of.1)) {
                cluster.end = cluster.end.max(end);
            }
            for piece in candidates.iter_mut().chain(waiting.iter_mut()).filter(|piece| (piece.rule, piece.start) == open.of) {
                piece.end = piece.end.max(end);
            }
            goes_on
        });
    }

    /// Adds what was found to what waits.
    fn add(&mut self, call: &CallFirewall, found: Found, step: Step, segments: &[Segment]) {
        let kind = call.ruleset().tail(found.rule);
        let tail = found.open.then_some(OpenTail {
            of: (found.rule, found.start),
            tail: kind,
            viewed: found.viewed,
            head_end: found.head_end,
            at: found.end,
        });
        let piece = Piece { start: found.start, end: found.end, rule: found.rule, step, quoted: false };
        if self.form == Form::Plain {
            self.waiting.push(piece);
            self.tails.extend(tail);
            return;
        }
        let head_end = if kind == Tail::None { found.end } else { found.head_end.max(found.start) };
        for segment in segments.iter().filter(|segment| segment.end > found.start && segment.start < head_end) {
            if !segment.string && !segment.endless() {
                self.waiting.push(Piece { start: segment.start, end: segment.end, quoted: true, ..piece });
                continue;
            }
            let holds_tail = kind != Tail::None && segment.end >= head_end;
            let end = if holds_tail { found.end.min(segment.end) } else { head_end.min(segment.end) };
            let (start, end) = document::aligned(self.window.as_bytes(), *segment, (found.start.max(segment.start), end));
            self.tails.extend(tail.filter(|_| holds_tail && segment.open).map(|tail| OpenTail { of: (found.rule, start), ..tail }));
            self.waiting.push(Piece { start, end, ..piece });
        }
    }

    /// The next stretch: it is one with the cluster, or begins another.
    fn join(&mut self, call: &mut CallFirewall, piece: Piece, out: &mut String) {
        match &mut self.cluster {
            Some(cluster) if piece.start < cluster.end => {
                cluster.end = cluster.end.max(piece.end);
                if !cluster.masked && piece.start < cluster.start + NAMED_BYTES {
                    self.candidates.push(piece);
                }
            }
            _ => {
                if let Some(cluster) = self.cluster {
                    if !cluster.masked {
                        self.name(call, out);
                    }
                    self.done = cluster.end;
                    self.cluster = None;
                }
                self.release(piece.start, out);
                self.cluster = Some(Cluster { start: piece.start, end: piece.end, masked: false });
                self.candidates.clear();
                self.candidates.push(piece);
            }
        }
    }

    /// Writes the cluster's mask.
    fn name(&mut self, call: &mut CallFirewall, out: &mut String) {
        let Some(cluster) = &mut self.cluster else { return };
        let Some(chosen) = self.candidates.iter().max_by_key(|piece| weight(piece, cluster.start)).copied() else { return };
        cluster.masked = true;
        let long = cluster.end - cluster.start >= NAMED_BYTES && !(self.reversible && chosen.step.effect() == Action::Pseudonym);
        let mut end = if long { cluster.start + NAMED_BYTES } else { cluster.end };
        while !self.window.is_char_boundary(end) {
            end -= 1;
        }
        let value = self.window.get(cluster.start..end).unwrap_or_default();
        let Piece { rule, step, quoted, .. } = chosen;
        let json = self.form == Form::Json;
        if quoted {
            out.push('"');
        }
        if self.reversible && step.effect() == Action::Pseudonym {
            out.push_str(call.stand_in(rule, value, json && !quoted));
        } else {
            let read = if json && !quoted { document::read(value) } else { value.to_owned() };
            let mask = mask::mask(call.label(rule), &read, long, step.style, call.pepper());
            out.push_str(&if json { document::written(&mask) } else { mask });
        }
        if quoted {
            out.push('"');
        }
    }

    fn release(&mut self, until: usize, out: &mut String) {
        if self.done < until {
            out.push_str(self.window.get(self.done..until).unwrap_or_default());
            self.done = until;
        }
    }

    /// Lets go of what nothing looks at any more.
    fn let_go(&mut self, view: Option<&View>) {
        let base = self.done.min(self.known.hold).min(self.known.count);
        if base < SLACK_BYTES {
            return;
        }
        let mut cut = match view {
            Some(view) => view.beginning(base, CONTEXT_BYTES),
            None => base - CONTEXT_BYTES,
        };
        if let Some(cluster) = self.cluster.filter(|cluster| !cluster.masked) {
            cut = cut.min(cluster.start);
            cut = view.map_or(cut, |view| view.beginning(cut, 0));
        }
        while !self.window.is_char_boundary(cut) {
            cut -= 1;
        }
        if cut == 0 {
            return;
        }
        if self.form == Form::Json {
            self.within = document::segments(self.window.as_bytes().get(..cut).unwrap_or_default(), self.within, |_| {});
        }
        self.window.drain(..cut);
        let back = |place: &mut usize| *place = place.saturating_sub(cut);
        back(&mut self.done);
        back(&mut self.known.hold);
        back(&mut self.known.count);
        for piece in self.waiting.iter_mut().chain(&mut self.candidates) {
            back(&mut piece.start);
            back(&mut piece.end);
        }
        if let Some(cluster) = &mut self.cluster {
            back(&mut cluster.start);
            back(&mut cluster.end);
        }
        self.block.iter_mut().for_each(back);
        for (_, end) in &mut self.counted {
            back(end);
        }
        for open in &mut self.tails {
            back(&mut open.of.1);
            back(&mut open.head_end);
            back(&mut open.at);
        }
    }
}

/// The strictest, then the longest, then the first in the list.
fn weight(piece: &Piece, start: usize) -> (Action, usize, std::cmp::Reverse<usize>) {
    let seen = piece.end.min(start + NAMED_BYTES).saturating_sub(piece.start);
    (piece.step.effect(), seen, std::cmp::Reverse(piece.rule))
}

/// Where an open tail has got to, and whether it still goes on.
fn goes_on(open: &OpenTail, text: &str, at: usize, head_end: usize, last: bool) -> (usize, bool) {
    let from = match open.tail {
        // Its beginning may have been at hand before.
        Tail::Until(mark) => at.saturating_sub(mark.len().saturating_sub(1)).max(head_end),
        _ => at,
    };
    tail(open.tail, text, from, last, &mut Marks::default())
}
