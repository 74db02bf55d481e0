//! Rules and policies of the firewall: names and bounds. Whether a pattern can be used is the engine's to say.

use std::collections::HashSet;

use super::{FieldError, name, note};
use crate::firewall::{Find, Keywords, PolicyRecord, RuleRecord};

/// Longest name of a rule or a pack; refusals, metrics and ledger rows carry it.
pub const MAX_RULE_NAME_BYTES: usize = 64;
/// Longest pattern as written; what it compiles to is bounded by the engine.
pub const MAX_FIREWALL_PATTERN_BYTES: usize = 4 * 1024;
/// Words of one list.
pub const MAX_KEYWORDS: usize = 100_000;
/// Longest word: what a rule may match at most.
pub const MAX_KEYWORD_BYTES: usize = 256;
/// Packs of one rule.
pub const MAX_PACKS: usize = 16;
/// Values that one rule lets through.
pub const MAX_ALLOWED: usize = 10_000;
/// Samples of one kind (`yes` or `no`); all are tried whenever the rule is saved.
pub const MAX_SAMPLES: usize = 50;
/// Longest sample.
pub const MAX_SAMPLE_BYTES: usize = 4 * 1024;
/// Eight bits a byte are the most there is.
pub const MAX_ENTROPY_CENTIBITS: u32 = 800;
/// Rules and packs that one policy names.
pub const MAX_POLICY_ACTIONS: usize = 1_000;

/// Checks the name of a rule: a small letter, then small letters, digits and `_`.
///
/// # Errors
/// Empty, too long, or a character outside the set.
pub fn rule_name(field: &str, text: &str) -> Result<(), FieldError> {
    word(field, text, "_", "must be snake_case: a small letter, then small letters, digits and _")
}

/// Checks the name of a pack: as [`rule_name`], with `-` too.
///
/// # Errors
/// Empty, too long, or a character outside the set.
pub fn pack_name(field: &str, text: &str) -> Result<(), FieldError> {
    word(field, text, "_-", "must be a small letter, then small letters, digits, - and _")
}

/// Checks everything about a rule but whether its pattern and samples fit each other.
///
/// # Errors
/// The first field that is out of bounds.
pub fn firewall_rule(rule: &RuleRecord) -> Result<(), FieldError> {
    rule_name("name", &rule.name)?;
    note("note", &rule.note)?;
    match &rule.find {
        Find::Pattern(pattern) => check_pattern(pattern)?,
        Find::Keywords(keywords) => check_keywords(keywords)?,
    }
    count("packs", rule.packs.len(), MAX_PACKS)?;
    for (at, pack) in rule.packs.iter().enumerate() {
        pack_name(&format!("packs[{at}]"), pack)?;
    }
    count("allow", rule.allow.len(), MAX_ALLOWED)?;
    texts("allow", &rule.allow, MAX_KEYWORD_BYTES)?;
    if rule.min_entropy_centibits > MAX_ENTROPY_CENTIBITS {
        return Err(FieldError::new("min_entropy", "must be at most 8 bits"));
    }
    for (field, samples) in [("yes", &rule.yes), ("no", &rule.no)] {
        count(field, samples.len(), MAX_SAMPLES)?;
        texts(field, samples, MAX_SAMPLE_BYTES)?;
    }
    Ok(())
}

/// Checks a policy's own fields; whether the rules it names exist is not known here.
///
/// # Errors
/// The first field that is out of bounds.
pub fn firewall_policy(policy: &PolicyRecord) -> Result<(), FieldError> {
    name("name", &policy.name)?;
    note("note", &policy.note)?;
    count("actions", policy.actions.len(), MAX_POLICY_ACTIONS)?;
    policy.actions.keys().try_for_each(|named| {
        let shown: String = named.chars().take(MAX_RULE_NAME_BYTES).collect();
        pack_name(&format!("actions.{shown}"), named)
    })
}

/// Words without blanks around them and without those that say the same as an earlier one.
#[must_use]
pub fn distinct_words(words: Vec<String>, case_sensitive: bool) -> Vec<String> {
    let mut seen = HashSet::with_capacity(words.len());
    let trimmed = words.into_iter().map(|word| if word.trim().len() == word.len() { word } else { word.trim().to_owned() });
    trimmed.filter(|word| seen.insert(if case_sensitive { word.clone() } else { word.to_lowercase() })).collect()
}

fn check_pattern(pattern: &str) -> Result<(), FieldError> {
    match pattern.len() {
        0 => Err(FieldError::new("pattern", "must not be empty")),
        len if len > MAX_FIREWALL_PATTERN_BYTES => {
            Err(FieldError::new("pattern", format!("must be at most {MAX_FIREWALL_PATTERN_BYTES} bytes")))
        }
        _ => Ok(()),
    }
}

fn check_keywords(keywords: &Keywords) -> Result<(), FieldError> {
    if keywords.words.is_empty() {
        return Err(FieldError::new("keywords", "must not be empty"));
    }
    count("keywords", keywords.words.len(), MAX_KEYWORDS)?;
    texts("keywords", &keywords.words, MAX_KEYWORD_BYTES)
}

fn texts(field: &str, texts: &[String], most_bytes: usize) -> Result<(), FieldError> {
    texts.iter().enumerate().try_for_each(|(at, text)| {
        if text.trim().is_empty() {
            return Err(FieldError::new(format!("{field}[{at}]"), "must not be empty"));
        }
        if text.len() > most_bytes {
            return Err(FieldError::new(format!("{field}[{at}]"), format!("must be at most {most_bytes} bytes")));
        }
        Ok(())
    })
}

fn count(field: &str, count: usize, most: usize) -> Result<(), FieldError> {
    if count > most {
        return Err(FieldError::new(field, format!("must have at most {most} entries")));
    }
    Ok(())
}

fn word(field: &str, text: &str, beside: &str, message: &str) -> Result<(), FieldError> {
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let fits = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || beside.contains(c));
    if !begins || !fits {
        return Err(FieldError::new(field, message));
    }
    if text.len() > MAX_RULE_NAME_BYTES {
        return Err(FieldError::new(field, format!("must be at most {MAX_RULE_NAME_BYTES} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::{Action, RuleMode};
    use crate::time::Micros;

    fn rule() -> RuleRecord {
        RuleRecord {
            name: String::from("project_name"),
            note: String::new(),
            find: Find::Pattern(String::from("apollo")),
            packs: vec![String::from("secret-projects")],
            allow: Vec::new(),
            min_entropy_centibits: 0,
            action: Action::Mask,
            mode: RuleMode::Observe,
            yes: Vec::new(),
            no: Vec::new(),
            created_at: Micros(0),
            updated_at: Micros(0),
        }
    }

    fn words(words: &[&str]) -> Find {
        Find::Keywords(Keywords { words: words.iter().map(|word| (*word).to_owned()).collect(), ..Keywords::default() })
    }

    #[test]
    fn every_bound_of_a_rule_is_named_by_its_field() {
        assert_eq!(firewall_rule(&rule()), Ok(()));
        let check = |rule: RuleRecord, field: &str| assert_eq!(firewall_rule(&rule).unwrap_err().field, field, "{rule:?}");
        for name in ["", "Apollo", "1st", "a-b", "a b", &"a".repeat(65)] {
            check(RuleRecord { name: name.to_owned(), ..rule() }, "name");
        }
        check(RuleRecord { find: Find::Pattern(String::new()), ..rule() }, "pattern");
        check(RuleRecord { find: Find::Pattern("a".repeat(4097)), ..rule() }, "pattern");
        check(RuleRecord { find: words(&[]), ..rule() }, "keywords");
        check(RuleRecord { find: words(&["a", " "]), ..rule() }, "keywords[1]");
        check(RuleRecord { find: words(&[&"a".repeat(257)]), ..rule() }, "keywords[0]");
        check(RuleRecord { packs: vec![String::from("Pack")], ..rule() }, "packs[0]");
        check(RuleRecord { min_entropy_centibits: 801, ..rule() }, "min_entropy");
        check(RuleRecord { yes: vec![String::from("x"); 51], ..rule() }, "yes");
        check(RuleRecord { no: vec![String::new()], ..rule() }, "no[0]");
        check(RuleRecord { allow: vec![String::new()], ..rule() }, "allow[0]");
    }

    #[test]
    fn words_that_say_the_same_are_one() {
        let words = || ["Apollo", " apollo ", "阿波罗", "APOLLO", "阿波罗"].map(String::from).to_vec();
        assert_eq!(distinct_words(words(), false), ["Apollo", "阿波罗"]);
        assert_eq!(distinct_words(words(), true), ["Apollo", "apollo", "阿波罗", "APOLLO"]);
    }
}
