//! Any text, as text and as a document: evened out and scanned, findings stand on characters and within the text.
#![no_main]

use fluxa_firewall::{Finding, Form, Ruleset};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let ruleset = Ruleset::built_in();
    for form in [Form::Plain, Form::Json] {
        let mut findings: Vec<Finding> = Vec::new();
        ruleset.find(text, form, &|_| true, &mut findings);
        for finding in findings {
            assert!(text.get(finding.start..finding.end).is_some_and(|value| !value.is_empty()), "{finding:?}");
        }
    }
});
