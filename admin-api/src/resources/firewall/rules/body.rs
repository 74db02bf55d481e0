//! Reads a rule from a body, over the current one or over none.

use fluxa_domain::firewall::{Action, Find, Keywords, RuleMode, RuleRecord};
use fluxa_domain::time::Micros;
use fluxa_domain::validate::{self, MAX_ALLOWED, MAX_ENTROPY_CENTIBITS, MAX_KEYWORDS, MAX_PACKS, MAX_SAMPLES};
use fluxa_firewall::rule::Pack;

use super::super::{CUSTOM, treatments};
use crate::json::{Fields, Given};
use crate::problem::Problem;

/// Texts beyond the bound are not read to the end: duplicates are folded before words are counted.
const MAX_SENT_WORDS: usize = 2 * MAX_KEYWORDS;

/// The rule that the body makes of `current`, or a new one.
pub(super) fn read(mut f: Fields, current: Option<RuleRecord>, now: Micros) -> Result<RuleRecord, Problem> {
    let is_new = current.is_none();
    f.read_only(&["built_in", "label", "confidence", "keyword_count", "created_at", "updated_at"]);
    let mut rule = current.unwrap_or_else(|| blank(now));
    read_name(&mut f, &mut rule, is_new);
    rule.note = f.text("note").or_default(rule.note);
    let before = (!is_new).then(|| rule.find.clone());
    let find = read_find(&mut f, before);
    let edited = find.as_ref().is_some_and(|find| *find != rule.find);
    rule.find = find.unwrap_or(rule.find);
    let packs = f.each("packs", MAX_PACKS, |item| item.text_as(Ok)).or_default(rule.packs);
    rule.packs = validate::distinct_words(packs, true).into_iter().filter(|pack| pack != CUSTOM).collect();
    rule.allow = f.each("allow", MAX_ALLOWED, |item| item.text_as(Ok)).or_default(rule.allow);
    rule.min_entropy_centibits = f.hundredths("min_entropy", MAX_ENTROPY_CENTIBITS).or_default(rule.min_entropy_centibits);
    rule.action = f.text_as("action", Action::parse).or(rule.action, Action::Mask);
    let mode = f.text_as("mode", |text| treatments::named(text, &RuleMode::NAMES));
    // What it finds now nobody has seen yet.
    if edited && rule.mode == RuleMode::Enforce && !mode.is_given() {
        rule.mode = RuleMode::Observe;
    }
    rule.mode = mode.or_default(rule.mode);
    rule.yes = f.each("yes", MAX_SAMPLES, |item| item.text_as(Ok)).or_default(rule.yes);
    rule.no = f.each("no", MAX_SAMPLES, |item| item.text_as(Ok)).or_default(rule.no);
    if !f.is_faulty() {
        f.check(validate::firewall_rule(&rule));
    }
    f.finish()?;
    Ok(rule)
}

fn read_name(f: &mut Fields, rule: &mut RuleRecord, is_new: bool) {
    if !is_new {
        if f.text("name").value().is_some_and(|name| name != rule.name) {
            f.fault("name", "cannot be changed: policies and the ledger go by it");
        }
        return;
    }
    rule.name = f.required_text("name");
    if Pack::NAMES.iter().any(|(pack, _)| *pack == rule.name) || rule.name == CUSTOM {
        f.fault("name", "is the name of a pack");
    } else if !rule.name.is_empty() {
        f.check(validate::rule_name("name", &rule.name));
    }
}

/// What the rule looks for: one kind of the two, and what was not said of it as it was.
fn read_find(f: &mut Fields, current: Option<Find>) -> Option<Find> {
    let pattern = f.text("pattern");
    let words = f.each("keywords", MAX_SENT_WORDS, |item| item.text_as(Ok));
    let (case_sensitive, whole_word) = (f.flag("case_sensitive"), f.flag("whole_word"));
    let before = match &current {
        Some(Find::Keywords(keywords)) => Some(keywords.clone()),
        _ => None,
    };
    match (pattern, words) {
        (Given::Value(_), Given::Value(_)) => {
            f.fault("keywords", "give either pattern or keywords");
            None
        }
        (Given::Value(pattern), _) => {
            refuse_flags(f, &case_sensitive, &whole_word);
            Some(Find::Pattern(pattern))
        }
        (_, Given::Value(words)) => Some(keywords(words, &before.unwrap_or_default(), case_sensitive, whole_word)),
        _ => match before {
            Some(before) => Some(keywords(before.words.clone(), &before, case_sensitive, whole_word)),
            None if current.is_some() => {
                refuse_flags(f, &case_sensitive, &whole_word);
                None
            }
            None => {
                if !f.is_faulty() {
                    f.fault("pattern", "is required (or keywords)");
                }
                None
            }
        },
    }
}

fn keywords(words: Vec<String>, before: &Keywords, case_sensitive: Given<bool>, whole_word: Given<bool>) -> Find {
    let case_sensitive = case_sensitive.or_default(before.case_sensitive);
    let words = validate::distinct_words(words, case_sensitive);
    Find::Keywords(Keywords { words, case_sensitive, whole_word: whole_word.or_default(before.whole_word) })
}

/// A pattern says such things itself.
fn refuse_flags(f: &mut Fields, case_sensitive: &Given<bool>, whole_word: &Given<bool>) {
    for (name, given) in [("case_sensitive", case_sensitive), ("whole_word", whole_word)] {
        if given.is_given() {
            f.fault(name, "is for keywords; a pattern says so itself: (?i), \\b");
        }
    }
}

fn blank(now: Micros) -> RuleRecord {
    RuleRecord {
        name: String::new(),
        note: String::new(),
        find: Find::Pattern(String::new()),
        packs: Vec::new(),
        allow: Vec::new(),
        min_entropy_centibits: 0,
        action: Action::Mask,
        mode: RuleMode::Observe,
        yes: Vec::new(),
        no: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}
