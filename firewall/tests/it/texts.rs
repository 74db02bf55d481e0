//! The same verdict and the same output for every cut; documents stay documents; values come back as they were.

use fluxa_domain::firewall::{Action, Hit, MaskStyle};
use fluxa_firewall::{Blocked, CallFirewall, Finding, Form, Inspected, Ruleset};
use proptest::prelude::*;

use crate::material::{call, cuts, everything, mixed, text};

fn whole(call: &mut CallFirewall, text: &str, form: Form) -> Result<String, Blocked> {
    match call.response(text, form) {
        Inspected::Same => Ok(text.to_owned()),
        Inspected::Edited(text) => Ok(text),
        Inspected::Blocked => Err(Blocked),
    }
}

fn in_pieces(call: &mut CallFirewall, pieces: &[&str], form: Form) -> (Result<(), Blocked>, String) {
    let mut channel = call.channel(form);
    let mut out = String::new();
    for piece in pieces {
        if channel.push(call, piece, &mut out).is_err() {
            return (Err(Blocked), out);
        }
    }
    (channel.finish(call, &mut out), out)
}

fn sorted(call: &CallFirewall) -> Vec<Hit> {
    let mut hits = call.hits();
    hits.sort();
    hits
}

fn same_in_pieces(text: &str, seed: u64, form: Form) -> Result<(), TestCaseError> {
    let policy = if seed.is_multiple_of(3) { mixed(seed) } else { everything(Action::Mask, MaskStyle::Label) };
    let (mut one, mut other) = (call(&policy), call(&policy));
    let Ok(expected) = whole(&mut one, text, form) else { return Err(TestCaseError::fail("nothing here blocks")) };
    let (passed, got) = in_pieces(&mut other, &cuts(text, seed), form);
    prop_assert_eq!(passed, Ok(()));
    prop_assert_eq!(got, expected);
    prop_assert_eq!(sorted(&other), sorted(&one));
    Ok(())
}

/// A document of texts.
fn document(texts: &[String], number: u64) -> String {
    let mut rows: Vec<serde_json::Value> =
        texts.iter().map(|text| serde_json::json!({ "text": text, text.as_str(): [text, number] })).collect();
    rows.push(serde_json::json!([13_812_345_678_u64, 4_111_111_111_111_111_u64, -1.5, null, true, number]));
    serde_json::Value::from(rows).to_string()
}

/// How often each property is tried.
fn tries() -> ProptestConfig {
    ProptestConfig {
        cases: std::env::var("FIREWALL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(tries())]

    #[test]
    fn a_text_becomes_the_same_however_it_is_cut(text in text(), seed in any::<u64>()) {
        same_in_pieces(&text, seed, Form::Plain)?;
    }

    #[test]
    fn a_text_that_only_looks_like_a_document_becomes_the_same_however_it_is_cut(text in text(), seed in any::<u64>()) {
        same_in_pieces(&text, seed, Form::Json)?;
    }

    #[test]
    fn a_document_becomes_the_same_however_it_is_cut(texts in proptest::collection::vec(text(), 1..3), seed in any::<u64>()) {
        same_in_pieces(&document(&texts, seed), seed, Form::Json)?;
    }

    #[test]
    fn a_masked_document_is_a_document(texts in proptest::collection::vec(text(), 1..4), seed in any::<u64>()) {
        let text = document(&texts, seed);
        for style in [MaskStyle::Label, MaskStyle::Last4, MaskStyle::Hash] {
            let masked = whole(&mut call(&everything(Action::Mask, style)), &text, Form::Json).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&masked).is_ok(), "{masked}");
        }
    }

    #[test]
    fn values_come_back_as_they_were(text in text(), seed in any::<u64>()) {
        let mut call = call(&everything(Action::Pseudonym, MaskStyle::Label));
        let Inspected::Edited(sent) = call.request(&text, Form::Plain) else { return Ok(()) };
        prop_assert_eq!(call.give_back(&sent, Form::Plain).unwrap_or_else(|| sent.clone()), text.clone());
        let inside = serde_json::to_string(&sent).unwrap();
        let back = call.give_back(&inside, Form::Json).unwrap_or(inside);
        prop_assert_eq!(serde_json::from_str::<String>(&back).unwrap(), text);
        let (_, whole) = in_pieces(&mut call, &[&sent], Form::Plain);
        let (_, pieces) = in_pieces(&mut call, &cuts(&sent, seed), Form::Plain);
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn documents_with_stand_ins_are_documents_both_ways(texts in proptest::collection::vec(text(), 1..3), seed in any::<u64>()) {
        let text = document(&texts, seed);
        let mut call = call(&everything(Action::Pseudonym, MaskStyle::Label));
        let Inspected::Edited(sent) = call.request(&text, Form::Json) else { return Ok(()) };
        prop_assert!(serde_json::from_str::<serde_json::Value>(&sent).is_ok(), "{sent}");
        let back = call.give_back(&sent, Form::Json).unwrap_or(sent);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&back).is_ok(), "{back}");
    }

    #[test]
    fn findings_stand_on_characters(text in text()) {
        let mut findings: Vec<Finding> = Vec::new();
        for form in [Form::Plain, Form::Json] {
            Ruleset::built_in().find(&text, form, &|_| true, &mut findings);
        }
        for finding in findings {
            prop_assert!(text.get(finding.start..finding.end).is_some_and(|value| !value.is_empty()), "{finding:?} in {text:?}");
        }
    }

    #[test]
    fn what_stands_far_before_and_behind_changes_nothing(text in text()) {
        let find = |text: &str| {
            let mut findings: Vec<Finding> = Vec::new();
            Ruleset::built_in().find(text, Form::Plain, &|_| true, &mut findings);
            findings
        };
        let (before, behind) = ("lorem ipsum dolor. ".repeat(12), "\n".repeat(4));
        let alone = find(&format!("\n{text}\n"));
        let mut among = find(&format!("{before}\n{text}\n{behind}"));
        for finding in &mut among {
            finding.start -= before.len();
            finding.end = (finding.end - before.len()).min(text.len() + 2);
        }
        prop_assert_eq!(among, alone);
    }

    #[test]
    fn nothing_is_let_go_of_a_blocked_value(text in text(), seed in any::<u64>()) {
        let policy = everything(Action::Block, MaskStyle::Label);
        let mut findings: Vec<Finding> = Vec::new();
        Ruleset::built_in().find(&text, Form::Plain, &|_| true, &mut findings);
        let (passed, out) = in_pieces(&mut call(&policy), &cuts(&text, seed), Form::Plain);
        let first = findings.iter().map(|finding| finding.start).min();
        prop_assert_eq!(passed.is_err(), first.is_some());
        prop_assert_eq!(out.as_str(), &text[..first.unwrap_or(text.len())]);
    }
}
