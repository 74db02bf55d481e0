//! Rules of the operator's own: read, bounded, made ready, tried on their samples.

use std::collections::BTreeSet;

use fluxa_domain::firewall::{Confidence, Find, RuleRecord};
use regex_automata::util::syntax;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

use crate::limits::{KEYWORD_BYTES, KEYWORDS, MATCH_BYTES, PATTERN_BYTES};
use crate::plan::fold;
use crate::ruleset::{Finding, RuleFault, RuleInfo, Ruleset};
use crate::scan::{Check, Engine, List, Place, Ready, Source};
use crate::view::{Form, View};

/// The group of a pattern that narrows what is found.
const VALUE: &str = "value";
/// Beginnings of a pattern that are looked for instead of trying it all over: so many at most, and at least so long.
const PREFIXES: usize = 64;
const PREFIX_BYTES: usize = 3;
/// How deep a pattern may nest.
const DEPTH: u32 = 64;

/// A fault of a record's field.
pub(crate) fn fault(record: &RuleRecord, field: &str, what: impl Into<String>) -> RuleFault {
    RuleFault { rule: record.name.clone(), field: field.to_owned(), what: what.into() }
}

/// What is to be known of it.
pub(crate) fn info(record: &RuleRecord) -> RuleInfo {
    let mut packs = vec!["custom".to_owned()];
    packs.extend(record.packs.iter().filter(|pack| *pack != "custom").cloned());
    RuleInfo {
        id: record.name.clone(),
        title: record.note.clone(),
        label: record.name.to_ascii_uppercase(),
        packs,
        confidence: Confidence::High,
        action: record.action,
        mode: record.mode,
        built_in: false,
    }
}

/// Goes on with a hash of all that decides about findings and is no pattern and no word.
pub(crate) fn fold_record(record: &RuleRecord, hash: u64) -> u64 {
    let flags = match &record.find {
        Find::Pattern(_) => [0, 0],
        Find::Keywords(list) => [1 + u8::from(list.case_sensitive), 1 + u8::from(list.whole_word)],
    };
    let allowed = record.allow.iter().flat_map(|value| value.bytes().chain([0xFF]));
    flags.into_iter().chain(record.min_entropy_centibits.to_le_bytes()).chain(allowed).fold(hash, fold)
}

/// Makes it ready.
pub(crate) fn ready(record: &RuleRecord) -> Result<Ready, RuleFault> {
    let allow: BTreeSet<String> = record.allow.iter().cloned().collect();
    let check = Check::Custom { allow, least_bits: f64::from(record.min_entropy_centibits) / 100.0 };
    match &record.find {
        Find::Pattern(pattern) => {
            let hir = read(pattern).map_err(|what| fault(record, "pattern", what))?;
            let engine = Engine::new(&hir, VALUE).map_err(|what| fault(record, "pattern", what))?;
            let anchor = prefixes(&hir).unwrap_or_else(|| {
                let mut begins = Box::new([false; 256]);
                for (byte, slot) in (0..=u8::MAX).zip(begins.iter_mut()) {
                    *slot = engine.begins(byte);
                }
                Place::Anywhere(begins)
            });
            Ok(Ready::custom(Source::Custom(hir), anchor, check))
        }
        Find::Keywords(list) => {
            let wrong = |what: String| fault(record, "keywords", what);
            if list.words.is_empty() || list.words.len() > KEYWORDS {
                return Err(wrong(format!("must be 1 to {KEYWORDS} words")));
            }
            if let Some(at) = list.words.iter().position(|word| word.trim().is_empty() || word.len() > KEYWORD_BYTES) {
                return Err(wrong(format!("word {at} must have 1 to {KEYWORD_BYTES} bytes")));
            }
            // Texts are also looked at evened out: a word in full-width letters is meant, however it is written.
            let even = list
                .words
                .iter()
                .filter_map(|word| View::of(word, Form::Plain, true))
                .filter(|view| view.changed && !view.text.trim().is_empty());
            let even: Vec<String> = even.map(|view| view.text).collect();
            let words: Vec<String> = list.words.iter().cloned().chain(even).collect();
            let list = List::new(&words, list.case_sensitive, list.whole_word).map_err(wrong)?;
            Ok(Ready::custom(Source::List(list), Place::List, check))
        }
    }
}

/// Tries a rule on its samples.
pub(crate) fn try_samples(ruleset: &Ruleset, record: &RuleRecord) -> Result<(), RuleFault> {
    let finds = |text: &str| {
        let mut findings: Vec<Finding> = Vec::new();
        ruleset.find_one(&record.name, text, Form::Plain, &mut findings);
        !findings.is_empty()
    };
    if let Some(at) = record.yes.iter().position(|text| !finds(text)) {
        return Err(fault(record, &format!("yes[{at}]"), "nothing is found in it"));
    }
    if let Some(at) = record.no.iter().position(|text| finds(text)) {
        return Err(fault(record, &format!("no[{at}]"), "something is found in it"));
    }
    Ok(())
}

/// Reads a pattern: `\d`, `\w`, `\s` and `\b` are those of ASCII; where that cannot be, because it has classes of other scripts, only
/// `\b` is. What a class has beyond ASCII are characters, never parts of them.
fn read(pattern: &str) -> Result<Hir, String> {
    if pattern.len() > PATTERN_BYTES {
        return Err(format!("is longer than {PATTERN_BYTES} bytes"));
    }
    let config = syntax::Config::new().utf8(false).nest_limit(DEPTH);
    let hir = match syntax::parse_with(pattern, &config.unicode(false)) {
        Ok(hir) => hir,
        Err(_) => syntax::parse_with(pattern, &config).map_err(|error| format!("cannot be read: {}", reason(&error)))?,
    };
    if hir.properties().look_set().contains(Look::StartCRLF) || hir.properties().look_set().contains(Look::EndCRLF) {
        return Err("cannot have the flag R: lines end with \\n".to_owned());
    }
    match hir.properties().minimum_len() {
        None => return Err("can match no text at all".to_owned()),
        Some(0) => return Err("may match the empty text, which stands everywhere".to_owned()),
        Some(least) if least > MATCH_BYTES => return Err(format!("matches only what is longer than {MATCH_BYTES} bytes")),
        Some(_) => {}
    }
    if has_empty_value(&hir) {
        return Err(format!("has a group `{VALUE}` that may be empty"));
    }
    let hir = bounded(hir);
    let size = regex_automata::nfa::thompson::Config::new().utf8(false).nfa_size_limit(Some(PATTERN_BYTES));
    let made = regex_automata::nfa::thompson::Compiler::new().configure(size).build_from_hir(&hir);
    made.map_err(|_| format!("is too large: made ready it takes more than {PATTERN_BYTES} bytes"))?;
    Ok(hir)
}

/// What is wrong, in a line: the errors themselves draw the pattern.
fn reason(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => format!("{}, at byte {}", error.kind(), error.span().start.offset),
        regex_syntax::Error::Translate(error) => format!("{}, at byte {}", error.kind(), error.span().start.offset),
        _ => "it is no regular expression".to_owned(),
    }
}

fn has_empty_value(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(group) => {
            group.name.as_deref() == Some(VALUE) && group.sub.properties().minimum_len() == Some(0) || has_empty_value(&group.sub)
        }
        HirKind::Repetition(repetition) => has_empty_value(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_empty_value),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// The same pattern with no repetition beyond what a match may have, over whole characters, with the word boundaries of ASCII.
fn bounded(hir: Hir) -> Hir {
    let most = u32::try_from(MATCH_BYTES).unwrap_or(u32::MAX);
    match hir.into_kind() {
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            Hir::repetition(Repetition { min, max: Some(max.unwrap_or(most).min(most.max(min))), greedy, sub: Box::new(bounded(*sub)) })
        }
        HirKind::Capture(Capture { index, name, sub }) => Hir::capture(Capture { index, name, sub: Box::new(bounded(*sub)) }),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(bounded).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(bounded).collect()),
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(of_characters(class)),
        HirKind::Look(look) => Hir::look(of_ascii(look)),
    }
}

/// A class that has every byte beyond ASCII (`.`, `[^,]`, `\D`) means every character there.
fn of_characters(class: Class) -> Class {
    let Class::Bytes(bytes) = &class else { return class };
    let Some(last) = bytes.ranges().last().filter(|last| last.start() <= 0x80 && last.end() == u8::MAX) else { return class };
    let ascii = bytes.ranges().iter().filter(|range| range.end() < 0x80).map(|range| (range.start(), range.end()));
    let split = (last.start() < 0x80).then_some((last.start(), 0x7F));
    let ascii = ascii.chain(split).map(|(first, last)| ClassUnicodeRange::new(char::from(first), char::from(last)));
    Class::Unicode(ClassUnicode::new(ascii.chain([ClassUnicodeRange::new('\u{80}', char::MAX)])))
}

/// Ideographs beside a value are no part of its word.
const fn of_ascii(look: Look) -> Look {
    match look {
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        other => other,
    }
}

/// What every match begins with, where that is a few words.
fn prefixes(hir: &Hir) -> Option<Place> {
    let found = Extractor::new().limit_total(PREFIXES).extract(hir);
    let literals = found.literals()?;
    let words: Option<BTreeSet<String>> = literals
        .iter()
        .map(|literal| std::str::from_utf8(literal.as_bytes()).ok().filter(|word| word.len() >= PREFIX_BYTES).map(str::to_ascii_lowercase))
        .collect();
    let words = words.filter(|words| !words.is_empty())?;
    Some(Place::Words(words.into_iter().map(Into::into).collect()))
}

#[cfg(test)]
mod tests;
