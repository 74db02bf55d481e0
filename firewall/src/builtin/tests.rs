//! Every row's samples, and what holds for all rows.

use std::collections::BTreeSet;

use super::rules;
use crate::{Finding, Form, Ruleset};

fn found_by(ruleset: &Ruleset, id: &str, text: &str) -> bool {
    let mut findings: Vec<Finding> = Vec::new();
    ruleset.find_one(id, text, Form::Plain, &mut findings);
    !findings.is_empty()
}

#[test]
fn every_rule_finds_its_samples_and_nothing_in_the_others() {
    let ruleset = Ruleset::built_in();
    let mut wrong = Vec::new();
    for rule in rules() {
        assert!(!rule.yes.is_empty() && !rule.no.is_empty(), "{} has no samples", rule.id);
        wrong.extend(rule.yes.iter().filter(|text| !found_by(&ruleset, rule.id, text)).map(|text| format!("{} misses {text}", rule.id)));
        wrong.extend(rule.no.iter().filter(|text| found_by(&ruleset, rule.id, text)).map(|text| format!("{} finds {text}", rule.id)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_are_unique_and_labels_can_stand_in_masks() {
    let mut ids = BTreeSet::new();
    for rule in rules() {
        assert!(ids.insert(rule.id), "{} twice", rule.id);
        assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{}", rule.id);
        assert!(
            !rule.label.is_empty() && rule.label.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
            "{}",
            rule.id
        );
        assert!(!rule.title.is_empty() && !rule.packs.is_empty(), "{}", rule.id);
    }
}
