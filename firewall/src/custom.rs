//! Rules of the operator's own: read, bounded, made ready, tried on their samples.

use std::collections::BTreeSet;

use fluxa_domain::firewall::{Confidence, Find, RuleRecord};
use regex_automata::util::syntax;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Capture, Hir, HirKind, Look, Repetition};

use crate::limits::{KEYWORD_BYTES, KEYWORDS, MATCH_BYTES, PATTERN_BYTES};
use crate::ruleset::{Finding, RuleFault, RuleInfo, Ruleset};
use crate::scan::{Check, Engine, List, Place, Ready, Source};
use crate::view::Form;

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

/// Makes it ready.
pub(crate) fn ready(record: &RuleRecord) -> Result<Ready, RuleFault> {
    let allow: BTreeSet<String> = record.allow.iter().cloned().collect();
    let check = Check::Custom { allow, least_bits: f64::from(record.min_entropy_centibits) / 100.0 };
    match &record.find {
        Find::Pattern(pattern) => {
            let hir = read(pattern).map_err(|what| fault(record, "pattern", what))?;
            let engine = Engine::new(&hir, "value").map_err(|what| fault(record, "pattern", what))?;
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
            let list = List::new(&list.words, list.case_sensitive, list.whole_word).map_err(wrong)?;
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

/// Reads a pattern: over bytes; where that cannot be (classes of other scripts), over characters.
fn read(pattern: &str) -> Result<Hir, String> {
    if pattern.len() > PATTERN_BYTES {
        return Err(format!("is longer than {PATTERN_BYTES} bytes"));
    }
    let config = syntax::Config::new().utf8(false).nest_limit(DEPTH);
    let hir = match syntax::parse_with(pattern, &config.unicode(false)) {
        Ok(hir) => hir,
        Err(_) => syntax::parse_with(pattern, &config).map_err(|error| format!("cannot be read: {error}"))?,
    };
    let looks = hir.properties().look_set();
    if looks.contains_word_unicode() || looks.contains(Look::StartCRLF) || looks.contains(Look::EndCRLF) {
        return Err("word boundaries must be those of ASCII: write (?-u:\\b)".to_owned());
    }
    if hir.properties().minimum_len().is_none_or(|least| least == 0) {
        return Err("matches nothing at all, everywhere".to_owned());
    }
    if hir.properties().minimum_len().is_some_and(|least| least > MATCH_BYTES) {
        return Err(format!("matches more than {MATCH_BYTES} bytes only"));
    }
    let hir = bounded(hir);
    let size = regex_automata::nfa::thompson::Config::new().utf8(false).nfa_size_limit(Some(PATTERN_BYTES));
    regex_automata::nfa::thompson::Compiler::new()
        .configure(size)
        .build_from_hir(&hir)
        .map_err(|error| format!("is too large: {error}"))?;
    Ok(hir)
}

/// The same pattern with no repetition beyond what a match may have.
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
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
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
