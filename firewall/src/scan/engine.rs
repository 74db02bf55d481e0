//! One pattern made ready: from a given place on, does it match, how far, and could it still go on?
//!
//! Made when a rule is first tried: most texts try few rules, and a start must not pay for all of them.

use super::sieve::First;
use crate::limits::MATCH_BYTES;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::hybrid::dfa as lazy;
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson;
use regex_automata::util::pool::Pool;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// What a pattern's table may take; what needs more is worked out as it goes.
const TABLE_BYTES: usize = 512 * 1024;
/// What making it may take.
const MAKING_BYTES: usize = 2 * 1024 * 1024;
/// What a table that is worked out as it goes may take.
const LAZY_BYTES: usize = 1024 * 1024;

pub(crate) type LazyPool = Pool<lazy::Cache, Box<dyn Fn() -> lazy::Cache + Send + Sync>>;

/// A pattern made ready.
#[derive(Debug)]
pub(crate) struct Engine {
    table: Table,
    /// What the table leaves to be followed.
    run: Option<Trailing>,
    /// A byte that every match holds, behind a long run of others: without it nothing need be tried.
    must: Option<u8>,
    /// Its first bytes.
    first: First,
    /// For the value's group, where it has one.
    groups: Option<(Regex, usize)>,
}

/// A repeated class that ends a pattern: its table goes on to the least of it, the rest is a run of bytes.
#[derive(Debug)]
struct Trailing {
    class: Box<[bool; 256]>,
    /// How many of it the table takes.
    least: usize,
    /// How many more may follow.
    more: usize,
    /// It is the value's group.
    value: bool,
}

#[derive(Debug)]
enum Table {
    Whole(Box<dense::DFA<Vec<u32>>>),
    Lazy(Box<lazy::DFA>, Box<LazyPool>),
}

/// How a pattern fares from one place on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// It does not match.
    No,
    /// It matches up to here.
    To(usize),
    /// It depends on what follows the text.
    Open,
}

/// Reads a row's pattern.
pub(crate) fn read(pattern: &str) -> Result<Hir, String> {
    syntax::parse_with(pattern, &syntax::Config::new().unicode(false).utf8(false)).map_err(|error| error.to_string())
}

impl Engine {
    /// `value` is the name of the group that narrows a match.
    pub(crate) fn new(pattern: &Hir, value: &str) -> Result<Self, String> {
        let (cut, run) = match trailing(pattern, value) {
            Some((cut, run)) => (cut, Some(run)),
            None => (pattern.clone(), None),
        };
        let whole = thompson::Compiler::new()
            .configure(thompson::Config::new().utf8(false))
            .build_from_hir(&cut)
            .map_err(|error| error.to_string())?;
        let dense = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .match_kind(MatchKind::LeftmostFirst)
                    .accelerate(false)
                    .dfa_size_limit(Some(TABLE_BYTES))
                    .determinize_size_limit(Some(MAKING_BYTES)),
            )
            .build_from_nfa(&whole);
        let table = match dense {
            Ok(dfa) => Table::Whole(Box::new(dfa)),
            Err(_) => {
                let (dfa, pool) = lazy_table(&[&cut], MatchKind::LeftmostFirst)?;
                Table::Lazy(Box::new(dfa), Box::new(pool))
            }
        };
        let group = whole.group_info().to_index(regex_automata::PatternID::ZERO, value);
        let groups = match group.filter(|_| !run.as_ref().is_some_and(|run| run.value)) {
            Some(group) => {
                let config = Regex::config().utf8_empty(false);
                Some((Regex::builder().configure(config).build_from_hir(pattern).map_err(|error| error.to_string())?, group))
            }
            None => None,
        };
        Ok(Self { table, run, must: must(pattern), first: First::of(pattern), groups })
    }

    /// From `start` on, up to `limit` at most, and where the value begins if that is known by now. `last`: nothing follows the text.
    pub(crate) fn run(&self, text: &[u8], start: usize, limit: usize, last: bool) -> (Run, Option<usize>) {
        if !self.first.may(text.get(..limit).unwrap_or_default(), start) {
            return (Run::No, None);
        }
        if let Some(must) = self.must
            && (last || limit < text.len())
            && memchr::memchr(must, text.get(start..limit).unwrap_or_default()).is_none()
        {
            return (Run::No, None);
        }
        let found = self.run_table(text, start, limit, last);
        let (Some(run), Run::To(end)) = (&self.run, found) else { return (found, None) };
        let most = limit.min(end + run.more);
        let rest = text.get(end..most).unwrap_or_default();
        let to = end + rest.iter().take_while(|byte| run.class.get(usize::from(**byte)) == Some(&true)).count();
        if to == text.len() && !last {
            return (Run::Open, None);
        }
        (Run::To(to), run.value.then_some(end - run.least))
    }

    fn run_table(&self, text: &[u8], start: usize, limit: usize, last: bool) -> Run {
        match &self.table {
            Table::Whole(dfa) => run_whole(dfa, text, start, limit, last),
            Table::Lazy(dfa, pool) => run_lazy(dfa, &mut pool.get(), text, start, limit, last),
        }
    }

    /// The value within a match.
    pub(crate) fn value(&self, text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
        let Some((regex, group)) = &self.groups else { return Some((start, end)) };
        let mut groups = regex.create_captures();
        regex.search_captures(&Input::new(text).span(start..end).anchored(Anchored::Yes), &mut groups);
        let value = groups.get_group(*group)?;
        Some((value.start, value.end))
    }

    /// Whether a match can begin with this byte, wherever it stands.
    pub(crate) fn begins(&self, byte: u8) -> bool {
        [&[byte][..], &[b'a', byte], &[b' ', byte], &[b'\n', byte]]
            .iter()
            .any(|text| self.run(text, text.len() - 1, text.len(), false).0 != Run::No)
    }
}

/// A pattern that ends in a repeated class, with the least of it, and the rest. What the pattern prefers stays the same: a match of
/// the cut pattern is the beginning of the match of the whole one, and ends where the class has been taken so often.
fn trailing(pattern: &Hir, value: &str) -> Option<(Hir, Trailing)> {
    let HirKind::Concat(parts) = pattern.kind() else { return None };
    let (end, before) = parts.split_last()?;
    let (of, group) = match end.kind() {
        HirKind::Capture(group) => (group.sub.kind(), group.name.as_deref() == Some(value)),
        kind => (kind, false),
    };
    let HirKind::Repetition(repetition) = of else { return None };
    if !repetition.greedy || matches!(end.kind(), HirKind::Capture(_)) && !group {
        return None;
    }
    let class = one_byte(&repetition.sub)?;
    let least = usize::try_from(repetition.min).ok()?;
    let more = match repetition.max {
        Some(max) => usize::try_from(max.checked_sub(repetition.min)?).ok()?,
        None => usize::MAX / 2,
    };
    let rest = Hir::repetition(Repetition { max: Some(repetition.min), ..repetition.clone() });
    let cut = Hir::concat(before.iter().cloned().chain([rest]).collect());
    Some((cut, Trailing { class, least, more, value: group }))
}

/// A run of fewer bytes is as fast as looking ahead.
const LONG_RUN: u32 = 64;

/// The byte of a pattern that stands behind a long run.
fn must(pattern: &Hir) -> Option<u8> {
    let HirKind::Concat(parts) = pattern.kind() else { return None };
    let mut long = false;
    let mut known: &[u8] = &[];
    for part in parts {
        match part.kind() {
            HirKind::Repetition(repetition) => long |= repetition.max.is_none_or(|max| max >= LONG_RUN),
            HirKind::Literal(literal) if long => match literal.0.iter().find(|byte| !known.contains(byte)) {
                Some(byte) => return Some(*byte),
                None => continue,
            },
            HirKind::Literal(literal) => known = &literal.0,
            _ => {}
        }
    }
    None
}

/// A pattern whose matches hold a byte once, at which they are found, but for those behind a `\\`: what may stand before it, and
/// all from it on.
#[derive(Debug)]
pub(crate) struct Around {
    byte: u8,
    before: Box<[bool; 256]>,
    from: Engine,
}

impl Around {
    pub(crate) fn of(pattern: &Hir, byte: u8) -> Option<Self> {
        let parts = flat(pattern);
        let at = parts.iter().position(|part| matches!(part.kind(), HirKind::Literal(literal) if literal.0.first() == Some(&byte)))?;
        let (left, right) = parts.split_at_checked(at)?;
        let mut before = Box::new([false; 256]);
        left.iter().for_each(|part| bytes_of(part, &mut before));
        let mut behind = Box::new([false; 256]);
        right.iter().skip(1).for_each(|part| bytes_of(part, &mut behind));
        let once = !*behind.get(usize::from(byte))?;
        let from = Engine::new(&Hir::concat(right.iter().map(|part| (*part).clone()).collect()), "").ok()?;
        once.then_some(Self { byte, before, from })
    }

    /// The first place, not before `first`, from which a match may go over the byte at `at`.
    pub(crate) fn first(&self, text: &[u8], first: usize, at: usize, last: bool) -> Option<usize> {
        let limit = (at + MATCH_BYTES).min(text.len());
        if self.from.run(text, at, limit, last).0 == Run::No {
            return None;
        }
        let fits = |place: &usize| {
            let byte = text.get(*place).copied().unwrap_or(0);
            let escaped = || place.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'\\');
            self.before.get(usize::from(byte)) == Some(&true) && (byte != self.byte || escaped())
        };
        Some(at - (first..at).rev().take_while(fits).count())
    }
}

/// What follows one another in a pattern, groups of one time taken apart.
fn flat(pattern: &Hir) -> Vec<&Hir> {
    match pattern.kind() {
        HirKind::Concat(parts) => parts.iter().flat_map(flat).collect(),
        HirKind::Capture(group) => flat(&group.sub),
        _ => vec![pattern],
    }
}

/// Adds the bytes that a pattern may take anywhere.
fn bytes_of(pattern: &Hir, all: &mut [bool; 256]) {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => literal.0.iter().for_each(|byte| all[usize::from(*byte)] = true),
        HirKind::Class(Class::Bytes(bytes)) => {
            bytes.iter().flat_map(|range| range.start()..=range.end()).for_each(|byte| all[usize::from(byte)] = true);
        }
        HirKind::Class(Class::Unicode(_)) => all.fill(true),
        HirKind::Repetition(repetition) => bytes_of(&repetition.sub, all),
        HirKind::Capture(group) => bytes_of(&group.sub, all),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|part| bytes_of(part, all)),
    }
}

/// The bytes that a pattern of one byte takes.
fn one_byte(pattern: &Hir) -> Option<Box<[bool; 256]>> {
    let mut class = Box::new([false; 256]);
    let mut add = |from: u8, to: u8| (from..=to).for_each(|byte| class[usize::from(byte)] = true);
    match pattern.kind() {
        HirKind::Class(Class::Bytes(bytes)) => bytes.iter().for_each(|range| add(range.start(), range.end())),
        HirKind::Literal(literal) => match *literal.0 {
            [byte] => add(byte, byte),
            _ => return None,
        },
        _ => return None,
    }
    Some(class)
}

fn run_whole(dfa: &dense::DFA<Vec<u32>>, text: &[u8], start: usize, limit: usize, last: bool) -> Run {
    let Ok(mut state) = dfa.start_state_forward(&Input::new(text).span(start..limit).anchored(Anchored::Yes)) else { return Run::No };
    let mut end = Run::No;
    let stretch = text.get(start..limit).unwrap_or_default();
    for (at, &byte) in stretch.iter().enumerate() {
        state = dfa.next_state(state, byte);
        if dfa.is_special_state(state) {
            if dfa.is_match_state(state) {
                end = Run::To(start + at);
            } else if dfa.is_dead_state(state) || dfa.is_quit_state(state) {
                return end;
            }
        }
    }
    state = match text.get(limit) {
        Some(&byte) => dfa.next_state(state, byte),
        None if last => dfa.next_eoi_state(state),
        None => return Run::Open,
    };
    if dfa.is_match_state(state) { Run::To(limit) } else { end }
}

fn run_lazy(dfa: &lazy::DFA, cache: &mut lazy::Cache, text: &[u8], start: usize, limit: usize, last: bool) -> Run {
    let Ok(mut state) = dfa.start_state_forward(cache, &Input::new(text).span(start..limit).anchored(Anchored::Yes)) else {
        return Run::No;
    };
    let mut end = Run::No;
    let stretch = text.get(start..limit).unwrap_or_default();
    for (at, &byte) in stretch.iter().enumerate() {
        let Ok(next) = dfa.next_state(cache, state, byte) else { return end };
        state = next;
        if state.is_tagged() {
            if state.is_match() {
                end = Run::To(start + at);
            } else if state.is_dead() || state.is_quit() {
                return end;
            }
        }
    }
    let next = match text.get(limit) {
        Some(&byte) => dfa.next_state(cache, state, byte),
        None if last => dfa.next_eoi_state(cache, state),
        None => return Run::Open,
    };
    if next.is_ok_and(|state| state.is_match()) { Run::To(limit) } else { end }
}

/// A table of several patterns that is worked out as it goes, and the places to work it out in.
pub(crate) fn lazy_table(patterns: &[&Hir], kind: MatchKind) -> Result<(lazy::DFA, LazyPool), String> {
    let whole = thompson::Compiler::new()
        .configure(thompson::Config::new().utf8(false))
        .build_many_from_hir(patterns)
        .map_err(|error| error.to_string())?;
    let dfa = lazy::Builder::new()
        .configure(lazy::Config::new().match_kind(kind).cache_capacity(LAZY_BYTES).skip_cache_capacity_check(true))
        .build_from_nfa(whole)
        .map_err(|error| error.to_string())?;
    let for_caches = dfa.clone();
    let pool: LazyPool = Pool::new(Box::new(move || for_caches.create_cache()));
    Ok((dfa, pool))
}
