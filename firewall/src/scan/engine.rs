//! One pattern made ready: from a given place on, does it match, how far, and could it still go on?
//!
//! Made when a rule is first tried: most texts try few rules, and a start must not pay for all of them.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::hybrid::dfa as lazy;
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson;
use regex_automata::util::pool::Pool;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::Hir;

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
    /// For the value's group, where it has one.
    groups: Option<(Regex, usize)>,
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
        let whole = thompson::Compiler::new()
            .configure(thompson::Config::new().utf8(false))
            .build_from_hir(pattern)
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
                let (dfa, pool) = lazy_table(&[pattern], MatchKind::LeftmostFirst)?;
                Table::Lazy(Box::new(dfa), Box::new(pool))
            }
        };
        let group = whole.group_info().to_index(regex_automata::PatternID::ZERO, value);
        let groups = match group {
            Some(group) => {
                let config = Regex::config().utf8_empty(false);
                Some((Regex::builder().configure(config).build_from_hir(pattern).map_err(|error| error.to_string())?, group))
            }
            None => None,
        };
        Ok(Self { table, groups })
    }

    /// From `start` on, up to `limit` at most. `last`: nothing follows the text.
    pub(crate) fn run(&self, text: &[u8], start: usize, limit: usize, last: bool) -> Run {
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
            .any(|text| self.run(text, text.len() - 1, text.len(), false) != Run::No)
    }
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
