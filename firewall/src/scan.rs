//! One text, one set of rules: where they are tried, and what they find.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use crate::limits::{BEFORE_BYTES, MATCH_BYTES};
use crate::rule::{Anchor, Edge, Rule, Seen, Tail};

/// Rules made ready.
#[derive(Debug)]
pub(crate) struct Scanner {
    rules: Vec<Ready>,
    words: Option<AhoCorasick>,
    /// The rule of each word.
    word_rules: Vec<usize>,
    /// Rules that begin at digits.
    digits: Vec<usize>,
    /// Rules that begin at a byte.
    bytes: Vec<(u8, usize)>,
}

#[derive(Debug)]
struct Ready {
    row: &'static Rule,
    regex: Regex,
    /// The group of the value.
    group: usize,
}

/// What was found, in bytes of the text that was scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) rule: usize,
    pub(crate) span: Range<usize>,
}

impl Scanner {
    pub(crate) fn new(rows: impl Iterator<Item = &'static Rule>) -> Result<Self, String> {
        let (mut rules, mut literals, mut word_rules, mut digits, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, row) in rows.enumerate() {
            let syntax = syntax::Config::new().unicode(false).utf8(false);
            let regex = Regex::builder().syntax(syntax).build(row.pattern).map_err(|error| format!("{}: {error}", row.id))?;
            let group = regex.group_info().to_index(regex_automata::PatternID::ZERO, "v").unwrap_or(0);
            rules.push(Ready { row, regex, group });
            match row.anchor {
                Anchor::Words(words) => {
                    literals.extend_from_slice(words);
                    word_rules.resize(literals.len(), at);
                }
                Anchor::Digits { .. } => digits.push(at),
                Anchor::Byte(byte) => bytes.push((byte, at)),
            }
        }
        let words = AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&literals);
        Ok(Self { rules, words: Some(words.map_err(|error| error.to_string())?), word_rules, digits, bytes })
    }

    /// What the rules `wanted` find in `text`.
    pub(crate) fn scan(&self, text: &str, wanted: &dyn Fn(usize) -> bool, hits: &mut Vec<Hit>) {
        if let Some(words) = &self.words {
            for found in words.find_overlapping_iter(text) {
                if let Some(&rule) = self.word_rules.get(found.pattern().as_usize()) {
                    self.try_rule(rule, text, found.start(), wanted, hits);
                }
            }
        }
        let haystack = text.as_bytes();
        for &(byte, rule) in &self.bytes {
            for at in memchr::memchr_iter(byte, haystack) {
                self.try_rule(rule, text, at, wanted, hits);
            }
        }
        let mut at = 0;
        while let Some(&byte) = haystack.get(at) {
            if !byte.is_ascii_digit() {
                at += 1;
                continue;
            }
            let (end, count) = digit_group(haystack, at);
            for &rule in &self.digits {
                let fits = self.rules.get(rule).is_some_and(|ready| match ready.row.anchor {
                    Anchor::Digits { least, most } => (least..=most).contains(&count),
                    Anchor::Words(_) | Anchor::Byte(_) => false,
                });
                if fits {
                    self.try_rule(rule, text, at, wanted, hits);
                }
            }
            at = end;
        }
        hits.sort_by_key(|hit| (hit.span.start, hit.span.end, hit.rule));
        hits.dedup();
    }

    fn try_rule(&self, rule: usize, text: &str, at: usize, wanted: &dyn Fn(usize) -> bool, hits: &mut Vec<Hit>) {
        let Some(ready) = self.rules.get(rule).filter(|_| wanted(rule)) else { return };
        let row = ready.row;
        let span = at.saturating_sub(row.reach)..(at + MATCH_BYTES).min(text.len());
        let anchored = if row.reach == 0 { Anchored::Yes } else { Anchored::No };
        let mut groups = ready.regex.create_captures();
        ready.regex.search_captures(&Input::new(text.as_bytes()).span(span).anchored(anchored), &mut groups);
        let (Some(whole), Some(value)) = (groups.get_match(), groups.get_group(ready.group)) else { return };
        if whole.start() > at || whole.end() <= at && row.reach > 0 {
            return;
        }
        if !clear_before(row.before, text.as_bytes(), whole.start()) || row.tail == Tail::None && !clear_after(row.after, text.as_bytes(), whole.end()) {
            return;
        }
        let mut from = whole.start().saturating_sub(BEFORE_BYTES);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let (Some(value_text), Some(whole_text), Some(before)) =
            (text.get(value.range()), text.get(whole.range()), text.get(from..whole.start()))
        else {
            return;
        };
        let lower = |words: &[&str]| {
            let before = before.to_lowercase();
            words.iter().any(|word| before.contains(word))
        };
        if !row.needs.is_empty() && !lower(row.needs) || !row.unless.is_empty() && lower(row.unless) {
            return;
        }
        if row.check.is_some_and(|check| !check(&Seen { value: value_text, whole: whole_text, before })) {
            return;
        }
        let end = tail(row.tail, text, value.end);
        hits.push(Hit { rule, span: value.start..end });
    }
}

fn tail(tail: Tail, text: &str, end: usize) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let run = |fits: fn(&u8) -> bool| end + rest.bytes().take_while(|byte| fits(byte)).count();
    match tail {
        Tail::None => end,
        Tail::Word => run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
        Tail::Token => run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=' | b'.')),
        Tail::Until(mark) => rest.find(mark).map_or(text.len(), |at| end + at + mark.len()),
    }
}

fn clear_before(edge: Edge, text: &[u8], at: usize) -> bool {
    let Some(&byte) = at.checked_sub(1).and_then(|at| text.get(at)) else { return true };
    match edge {
        Edge::NoNumber => {
            let digit_before = at.checked_sub(2).and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
            !byte.is_ascii_digit() && !(matches!(byte, b'.' | b'-' | b'/' | b':') && digit_before)
        }
        edge => !glued(edge, byte),
    }
}

fn clear_after(edge: Edge, text: &[u8], at: usize) -> bool {
    let Some(&byte) = text.get(at) else { return true };
    match edge {
        Edge::NoNumber => {
            let digit_after = text.get(at + 1).is_some_and(u8::is_ascii_digit);
            !byte.is_ascii_digit() && !(matches!(byte, b'.' | b'-' | b'/' | b':') && digit_after)
        }
        edge => !glued(edge, byte),
    }
}

const fn glued(edge: Edge, byte: u8) -> bool {
    match edge {
        Edge::Any => false,
        Edge::NoDigit | Edge::NoNumber => byte.is_ascii_digit(),
        Edge::NoAlnum => byte.is_ascii_alphanumeric(),
        Edge::NoWord => byte.is_ascii_alphanumeric() || byte == b'_',
        Edge::NoToken => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'='),
    }
}

/// Where the group of digits that begins at `at` ends, and how many digits it has.
fn digit_group(text: &[u8], at: usize) -> (usize, usize) {
    let (mut end, mut count) = (at, 0);
    while let Some(byte) = text.get(end) {
        if byte.is_ascii_digit() {
            count += 1;
        } else if !matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/') || !text.get(end + 1).is_some_and(u8::is_ascii_digit) {
            break;
        }
        end += 1;
    }
    (end.max(at + 1), count)
}
