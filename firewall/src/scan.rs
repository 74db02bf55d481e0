//! One text, one set of rules: where they are tried, what they find, and from where on it is not decided yet.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex_syntax::hir::Hir;

mod edge;
mod engine;
mod heads;
mod list;
mod sieve;

pub(crate) use edge::{Marks, tail};
pub(crate) use engine::{Around, Engine};
pub(crate) use heads::Heads;
pub(crate) use list::List;

use crate::checks;
use crate::limits::{BEFORE_BYTES, DIGIT_GROUP_BYTES, MATCH_BYTES};
use crate::plan::fold;
use crate::rule::{Anchor, Edge, Rule, Seen, Tail};
use edge::{EDGE_BYTES, begins_group, clear_after, clear_before, digit_group};
use engine::Run;
use sieve::Sieve;

/// Words up to which a table of all steps is made; more would take more memory than they are worth.
const TABLE_WORDS: usize = 4000;

/// Rules made ready.
#[derive(Debug)]
pub(crate) struct Scanner {
    rules: Vec<Ready>,
    words: Option<AhoCorasick>,
    /// The rule of each word.
    word_rules: Vec<usize>,
    /// Rules that begin at groups of so many digits.
    digits: Vec<Vec<usize>>,
    /// Which of them can match.
    sieves: Vec<Sieve>,
    /// Rules that begin at a byte.
    bytes: Vec<(u8, Vec<usize>)>,
    /// Rules that are tried all over, and lists of words.
    others: Vec<usize>,
}

/// A rule as it is tried.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) pattern: Source,
    /// The group of the value.
    pub(crate) value: &'static str,
    pub(crate) anchor: Place,
    pub(crate) reach: usize,
    pub(crate) before: Edge,
    pub(crate) after: Edge,
    pub(crate) tail: Tail,
    pub(crate) check: Check,
    pub(crate) needs: Context,
    pub(crate) unless: Context,
    engine: OnceLock<Option<Engine>>,
    around: OnceLock<Option<Around>>,
}

/// What a rule looks for.
#[derive(Debug)]
pub(crate) enum Source {
    Row(&'static str),
    Custom(Hir),
    /// Words, which have an automaton of their own.
    List(List),
}

impl Source {
    /// Goes on with a hash.
    pub(crate) fn fold(&self, hash: u64) -> u64 {
        match self {
            Self::Row(pattern) => pattern.bytes().fold(hash, fold),
            Self::Custom(hir) => hir.to_string().bytes().fold(hash, fold),
            Self::List(list) => list.words().flat_map(str::bytes).fold(hash, fold),
        }
    }

    pub(crate) fn hir(&self) -> Option<Hir> {
        match self {
            Self::Row(pattern) => engine::read(pattern).ok(),
            Self::Custom(hir) => Some(hir.clone()),
            Self::List(_) => None,
        }
    }
}

/// Where a rule is tried.
#[derive(Debug)]
pub(crate) enum Place {
    /// Wherever one of these bytes stands.
    Anywhere(Box<[bool; 256]>),
    /// Where its words stand.
    List,
    Words(Vec<Cow<'static, str>>),
    Digits(usize, usize),
    Byte(u8),
}

/// What decides about a match.
#[derive(Debug)]
pub(crate) enum Check {
    None,
    Row(fn(&Seen<'_>) -> bool),
    /// The operator's: values that are let through, and the entropy that the others must have.
    Custom {
        allow: BTreeSet<String>,
        least_bits: f64,
    },
}

/// Words that are looked for before a match.
#[derive(Debug, Default)]
pub(crate) struct Context {
    words: &'static [&'static str],
    ready: OnceLock<Option<AhoCorasick>>,
}

impl Context {
    fn of(words: &'static [&'static str]) -> Self {
        Self { words, ready: OnceLock::new() }
    }

    fn stands_in(&self, before: &str) -> bool {
        let ready = self.ready.get_or_init(|| AhoCorasick::builder().ascii_case_insensitive(true).build(self.words).ok());
        ready.as_ref().is_some_and(|words| words.is_match(before))
    }
}

/// What a rule's findings mean to whoever scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stance {
    /// It is not looked for.
    Off,
    /// It is counted; the text does not wait for it.
    Count,
    /// The text waits for it.
    Hold,
}

/// A text, or the part of one that is at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    pub(crate) text: &'a str,
    /// Findings that begin before this place are known.
    pub(crate) from: usize,
    /// Nothing follows.
    pub(crate) last: bool,
}

/// From where on what is found may still change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frontier {
    pub(crate) hold: usize,
    pub(crate) count: usize,
}

impl Frontier {
    pub(crate) fn open(&mut self, stance: Stance, at: usize) {
        match stance {
            Stance::Hold => self.hold = self.hold.min(at),
            Stance::Count => self.count = self.count.min(at),
            Stance::Off => {}
        }
    }
}

/// What was found, in bytes of the text that was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Where the match begins, which is where it is tried.
    pub(crate) key: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) rule: usize,
    /// Its tail may go on behind the text.
    pub(crate) open: bool,
    /// Where the tail began.
    pub(crate) head_end: usize,
}

impl Ready {
    fn of(row: &'static Rule) -> Self {
        Self {
            pattern: Source::Row(row.pattern),
            value: "v",
            anchor: match row.anchor {
                Anchor::Words(words) => Place::Words(words.iter().map(|word| Cow::Borrowed(*word)).collect()),
                Anchor::Digits { least, most } => Place::Digits(least, most),
                Anchor::Byte(byte) => Place::Byte(byte),
            },
            reach: row.reach,
            before: row.before,
            after: row.after,
            tail: row.tail,
            check: row.check.map_or(Check::None, Check::Row),
            needs: Context::of(row.needs),
            unless: Context::of(row.unless),
            engine: OnceLock::new(),
            around: OnceLock::new(),
        }
    }

    fn engine(&self) -> Option<&Engine> {
        self.engine.get_or_init(|| self.pattern.hir().and_then(|hir| Engine::new(&hir, self.value).ok())).as_ref()
    }

    /// For rules that begin before a byte.
    fn around(&self) -> Option<&Around> {
        let Place::Byte(byte) = self.anchor else { return None };
        self.around.get_or_init(|| self.pattern.hir().and_then(|hir| Around::of(&hir, byte))).as_ref()
    }

    /// A rule of the operator's own.
    pub(crate) fn custom(pattern: Source, anchor: Place, check: Check) -> Self {
        Self {
            pattern,
            value: "value",
            anchor,
            reach: 0,
            before: Edge::Any,
            after: Edge::Any,
            tail: Tail::None,
            check,
            needs: Context::default(),
            unless: Context::default(),
            engine: OnceLock::new(),
            around: OnceLock::new(),
        }
    }
}

struct Trial<'a, 'h> {
    window: Window<'a>,
    stance: &'h dyn Fn(usize) -> Stance,
    hits: &'h mut Vec<Hit>,
    frontier: Frontier,
    marks: Marks,
}

impl Scanner {
    pub(crate) fn new(rows: impl Iterator<Item = &'static Rule>) -> Result<Self, String> {
        Self::of(rows.map(Ready::of).collect())
    }

    pub(crate) fn of(rules: Vec<Ready>) -> Result<Self, String> {
        let (mut literals, mut word_rules, mut bytes) = (Vec::new(), Vec::new(), Vec::<(u8, Vec<usize>)>::new());
        let mut digits = vec![Vec::new(); DIGIT_GROUP_BYTES + 1];
        let mut others = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            match &rule.anchor {
                Place::Words(words) => {
                    literals.extend(words.iter().map(|word| word.as_bytes().to_vec()));
                    word_rules.resize(literals.len(), at);
                }
                Place::Digits(least, most) => {
                    digits.iter_mut().enumerate().filter(|(count, _)| (least..=most).contains(&count)).for_each(|(_, all)| all.push(at));
                }
                Place::Anywhere(_) | Place::List => others.push(at),
                Place::Byte(byte) => match bytes.iter_mut().find(|(one, _)| one == byte) {
                    Some((_, all)) => all.push(at),
                    None => bytes.push((*byte, vec![at])),
                },
            }
        }
        let words = if literals.is_empty() {
            None
        } else {
            let kind = (literals.len() <= TABLE_WORDS).then_some(AhoCorasickKind::DFA);
            let words = AhoCorasick::builder().kind(kind).ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&literals);
            Some(words.map_err(|error| error.to_string())?)
        };
        let sieves = Sieve::of(&rules, &digits);
        Ok(Self { rules, words, word_rules, digits, sieves, bytes, others })
    }

    pub(crate) fn rules(&self) -> &[Ready] {
        &self.rules
    }

    /// What the rules find in a text that begin at or behind `from` and are decided; returned is from where on they are not.
    pub(crate) fn scan(
        &self,
        window: Window<'_>,
        heads: Option<&Heads>,
        stance: &dyn Fn(usize) -> Stance,
        hits: &mut Vec<Hit>,
    ) -> Frontier {
        let end = window.text.len();
        let frontier = Frontier { hold: end, count: end };
        let mut trial = Trial { window, stance, hits, frontier, marks: Marks::default() };
        let haystack = window.text.as_bytes();
        let fresh = haystack.get(window.from..).unwrap_or_default();
        if let Some(words) = &self.words {
            for found in words.find_overlapping_iter(fresh) {
                if let Some(&rule) = self.word_rules.get(found.pattern().as_usize()) {
                    self.try_rule(rule, window.from + found.start(), &mut trial);
                }
            }
        }
        for (byte, rules) in &self.bytes {
            for at in memchr::memchr_iter(*byte, fresh) {
                for &rule in rules {
                    self.try_rule(rule, window.from + at, &mut trial);
                }
            }
        }
        self.scan_digits(haystack, &mut trial);
        for &rule in &self.others {
            self.scan_other(rule, &mut trial);
        }
        let mut frontier = trial.frontier;
        if !window.last
            && let Some(heads) = heads
        {
            heads.open(haystack, window.from, &mut frontier);
        }
        frontier
    }

    fn scan_other(&self, number: usize, trial: &mut Trial<'_, '_>) {
        let Some(rule) = self.rules.get(number) else { return };
        let stance = (trial.stance)(number);
        if stance == Stance::Off {
            return;
        }
        let window = trial.window;
        match (&rule.anchor, &rule.pattern) {
            (Place::Anywhere(begins), _) => {
                for (at, byte) in window.text.bytes().enumerate().skip(window.from) {
                    if begins.get(usize::from(byte)) == Some(&true) {
                        self.try_rule(number, at, trial);
                    }
                }
            }
            (_, Source::List(list)) => {
                let mut stretches = Vec::new();
                if let Some(open) = list.scan(window, &mut stretches) {
                    trial.frontier.open(stance, open);
                }
                for (start, end) in stretches {
                    if let Some(hit) = self.judge(number, (start, end), Some(start), trial) {
                        trial.hits.push(hit);
                    }
                }
            }
            _ => {}
        }
    }

    fn scan_digits(&self, haystack: &[u8], trial: &mut Trial<'_, '_>) {
        let mut at = trial.window.from;
        while let Some(next) = next_digit(haystack, at) {
            at = next;
            if !begins_group(haystack, at) {
                while haystack.get(at).is_some_and(u8::is_ascii_digit) {
                    at += 1;
                }
                continue;
            }
            let group = digit_group(haystack, at, trial.window.last);
            if group.open {
                for &rule in self.digits.get(group.count..).unwrap_or_default().iter().flatten() {
                    let stance = (trial.stance)(rule);
                    if stance != Stance::Off {
                        trial.frontier.open(stance, self.may_begin(rule, at, haystack));
                    }
                }
            } else {
                for rule in self.sieves.iter().flat_map(|sieve| sieve.rules(haystack, at, group.count)) {
                    self.try_rule(rule, at, trial);
                }
            }
            at = group.end.max(at + 1);
        }
    }

    /// The first place from which a rule may match whose group of digits, at `at`, is not complete: the match may be, and end before
    /// the group does.
    fn may_begin(&self, number: usize, at: usize, text: &[u8]) -> usize {
        let Some(rule) = self.rules.get(number).filter(|rule| rule.reach > 0) else { return at };
        let Some(engine) = rule.engine() else { return at };
        let limit = (at + MATCH_BYTES).min(text.len());
        let matches = |start: &usize| clear_before(rule.before, text, *start) && engine.run(text, *start, limit, false).0 != Run::No;
        (at.saturating_sub(rule.reach)..at).find(matches).unwrap_or(at)
    }

    fn try_rule(&self, number: usize, at: usize, trial: &mut Trial<'_, '_>) {
        let Some(rule) = self.rules.get(number) else { return };
        let text = trial.window.text.as_bytes();
        if rule.reach == 0 && !clear_before(rule.before, text, at) {
            return;
        }
        let stance = (trial.stance)(number);
        if stance == Stance::Off {
            return;
        }
        let Some(engine) = rule.engine() else { return };
        let limit = (at + MATCH_BYTES).min(text.len());
        let last = trial.window.last;
        // From places that are known too: what matches there keeps later places from being tried, now as then.
        let mut first = at.saturating_sub(rule.reach);
        if rule.reach > 0
            && let Some(around) = rule.around()
        {
            let Some(from) = around.first(text, first, at, last) else { return };
            first = from;
        }
        for start in first..=at {
            if rule.reach > 0 && !clear_before(rule.before, text, start) {
                continue;
            }
            let (run, value) = engine.run(text, start, limit, last);
            match run {
                Run::No => {}
                Run::Open => return trial.frontier.open(stance, start),
                Run::To(end) if end <= at && rule.reach > 0 => {}
                Run::To(end) => {
                    if rule.tail == Tail::None && rule.after != Edge::Any {
                        if !last && end + EDGE_BYTES > text.len() {
                            return trial.frontier.open(stance, start);
                        }
                        if !clear_after(rule.after, text, end) {
                            continue;
                        }
                    }
                    if let Some(hit) = self.judge(number, (start, end), value, trial) {
                        trial.hits.push(hit);
                    }
                    return;
                }
            }
        }
    }

    /// Whether a stretch that fits the pattern is a finding.
    /// `value` is where its value begins, if that is known; it then goes on to the end.
    fn judge(&self, number: usize, (start, end): (usize, usize), value: Option<usize>, trial: &mut Trial<'_, '_>) -> Option<Hit> {
        let rule = self.rules.get(number)?;
        let text = trial.window.text;
        let mut from = start.saturating_sub(BEFORE_BYTES);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let before = text.get(from..start)?;
        if !rule.needs.words.is_empty() && !rule.needs.stands_in(before) || !rule.unless.words.is_empty() && rule.unless.stands_in(before) {
            return None;
        }
        let (value_start, value_end) = match value {
            Some(value) => (value, end),
            None => rule.engine()?.value(text.as_bytes(), start, end)?,
        };
        let seen = Seen { value: text.get(value_start..value_end)?, whole: text.get(start..end)?, before };
        let fine = match &rule.check {
            Check::None => true,
            Check::Row(check) => check(&seen),
            Check::Custom { allow, least_bits } => {
                !allow.contains(seen.value) && (*least_bits <= 0.0 || checks::entropy(seen.value) >= *least_bits)
            }
        };
        if !fine {
            return None;
        }
        let (tail_end, open) = tail(rule.tail, text, value_end, trial.window.last, &mut trial.marks);
        Some(Hit { key: start, start: value_start, end: tail_end, rule: number, open, head_end: value_end })
    }
}

/// Bytes that are passed over at once where none of them is a digit.
const STRIDE: usize = 32;

/// The first digit at or behind `at`.
fn next_digit(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let blank = rest.chunks_exact(STRIDE).take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | byte.is_ascii_digit())).count();
    let from = blank * STRIDE;
    rest.get(from..)?.iter().position(u8::is_ascii_digit).map(|digit| at + from + digit)
}
